"""`abtesting_simulate`: options, what it says, and how it exits."""

from __future__ import annotations

import io
import json
import re

import pytest
from django.core.management import CommandError, call_command

from abtesting.models import SimulationRun
from tests.builders import make_experiment, make_metric
from tests.results.past import add_traffic

pytestmark = pytest.mark.django_db

MOVING = re.compile(r"Took|Simulation page")


@pytest.fixture
def experiment():
    experiment = make_experiment(planned_num_units=400)
    add_traffic(experiment, 400)
    return experiment


def simulate(*arguments, runs=40, stderr=None):
    out, err = io.StringIO(), stderr or io.StringIO()
    call_command("abtesting_simulate", *arguments, f"--runs={runs}", stdout=out, stderr=err)
    return out.getvalue()


def test_it_says_what_was_simulated_and_what_was_found(experiment):
    lines = simulate("test").splitlines()
    assert lines[0] == "Simulation of experiment test"
    assert lines[1:8] == [
        "  rule      group_sequential, error rate 5.0% at most",
        "  sample    400 units planned",
        "  variants  control 50%, b 50%",
        "  goals     conversion",
        "  history   400 visitors in 15 days of test",
        "  units     the past ones themselves; conversion 0.1675 without a change",
        "  runs      40 of each part, seed 1",
    ]
    assert lines[9].startswith("False alarms (aa): 400 units, variants equal. Counted: tests that")
    assert lines[10].split("  ")[-1] == "at most 5%?"
    assert re.search(r"^  the rule, 11 looks +\d+\.\d% +\d.*% to .*%  within chance$", lines[11])
    assert lines[12].startswith("  p < 0.05, ")
    assert any(re.search(r"^  called better in 80% of tests: \+\d", line) for line in lines)
    assert any(line.startswith("Bandit: variant b changes conversion by +") for line in lines)
    assert any(line.startswith("  planned split ") for line in lines)
    short = next(line for line in lines if line.startswith("In short: "))
    assert "The rule errs in " in short
    assert "It finds a change of +" in short
    assert "A bandit would lose " in short
    run = SimulationRun.objects.get()
    page = f"/admin/abtesting/experiment/{experiment.pk}/simulation/?run={run.pk}"
    assert lines[-1] == f"Simulation page: {page}"


def test_it_is_stored(experiment):
    simulate("test", "--seed=3")
    run = SimulationRun.objects.get()
    assert (run.experiment, run.metric, run.state) == (experiment, None, "done")
    assert run.options["seed"] == run.payload["seed"] == 3
    assert run.payload["num_runs"] == 40


def test_only_what_was_asked_for_is_simulated(experiment):
    lines = simulate("test", "--what", "power").splitlines()
    assert not any(line.startswith(("False alarms", "Bandit")) for line in lines)
    assert SimulationRun.objects.get().payload["aa"] is None


def test_the_numbers_are_written_to_a_file(experiment, tmp_path):
    file = tmp_path / "numbers.json"
    assert f"All numbers: {file}" in simulate("test", "--what", "aa", "--json", str(file))
    assert json.loads(file.read_text()) == SimulationRun.objects.get().payload
    with pytest.raises(CommandError, match=r"cannot be written: .*Is a directory"):
        simulate("test", "--what", "aa", "--json", str(tmp_path))


def test_a_file_that_cannot_be_is_refused_before_anything_is_simulated(experiment, tmp_path):
    with pytest.raises(CommandError, match="there is no folder"):
        simulate("test", "--json", str(tmp_path / "no" / "file"))
    assert not SimulationRun.objects.exists()


def test_each_weight_has_a_table_of_its_own():
    several = make_experiment(
        "several", variants=("control", "b", "c"), weights=(2, 1, 2), planned_num_units=800
    )
    add_traffic(several, 800)
    lines = simulate("several", "--what", "power").splitlines()
    assert [line for line in lines if line.startswith("  variant ")] == [
        "  variant b",
        "  variant c",
    ]
    assert len([line for line in lines if line.startswith("  called better in 80%")]) == 2


def test_the_same_seed_says_the_same(experiment):
    first, second = (simulate("test").splitlines() for _ in range(2))
    assert [x for x in first if not MOVING.match(x)] == [x for x in second if not MOVING.match(x)]


def test_a_metric_needs_no_experiment(experiment):
    make_metric("orders", kind="mean")
    lines = simulate("--metric=orders", "--planned=300", "--rule=fixed_horizon").splitlines()
    assert lines[0] == "Simulation of metric orders"
    assert lines[1] == "  rule      fixed_horizon, error rate 5.0% at most"
    assert any(line.startswith("  the rule, 1 look ") for line in lines)
    assert not any(line.startswith("Simulation page") for line in lines)
    run = SimulationRun.objects.get()
    assert (run.experiment, run.metric.key) == (None, "orders")


def test_too_little_traffic_is_said_with_a_way_out(experiment):
    draft = make_experiment("draft", state="draft", planned_num_units=90_000)
    lines = simulate(draft.key, "--what", "aa").splitlines()
    assert lines[9] == (
        "Not simulated: aa: there are 400 past units; this rule needs 90000 to be replayed "
        "(--traffic synthetic draws units like those there are; with --baseline RATE it takes none)"
    )
    assert lines[-3] == "In short: nothing could be simulated."
    lines = simulate(draft.key, "--what", "aa", "--traffic=synthetic", "--baseline=0.1", runs=5)
    assert "  units     synthetic, conversions with an assumed rate;" in lines
    assert "False alarms (aa): 90,000 units" in lines


def test_progress_is_lines_unless_there_is_a_terminal(experiment):
    err = io.StringIO()
    simulate("test", stderr=err)
    assert err.getvalue().splitlines()[-1] == "Simulating: 100%"
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    simulate("test", stderr=terminal)
    assert terminal.getvalue().endswith(f"Simulating [{'#' * 30}] 100%\n")
    assert "\r" in terminal.getvalue()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nine"], "No experiment nine; there are: test"),
        (["--metric=nine"], "No metric nine; there are: conversion"),
        ([], "Name an experiment, or a metric with --metric. Experiments: test; metrics: conv"),
        (["test", "--planned=10"], "--planned is for a metric; test has its own"),
        (["test", "--metric=nine"], "'nine' is no goal of experiment 'test'; allowed: conversion"),
        (["--metric=conversion", "--planned=1"], "--planned is 1; allowed: 2 and above"),
        (
            ["--metric=conversion", "--planned=10", "--rule=group_sequential"],
            "planned sample is 10; allowed: 266 and above, so that each variant has 100 units",
        ),
        (["--metric=conversion", "--rule=fixed_horizon"], "needs a planned sample"),
        (["test", "--baseline=0.1"], "for synthetic traffic"),
        (["test", "--traffic=other"], "invalid choice: 'other'"),
        (["test", "--what", "all"], "invalid choice: 'all'"),
    ],
)
def test_what_is_wrong_is_said_with_what_is_allowed(experiment, arguments, message):
    with pytest.raises(CommandError, match=message) as error:
        simulate(*arguments)
    assert error.value.returncode == 1
    assert not SimulationRun.objects.exists()


def test_bad_numbers_of_runs_are_said(experiment):
    with pytest.raises(CommandError, match="runs are 0; allowed: 1 to 100000"):
        simulate("test", runs=0)


def test_a_bandit_whose_test_errs_too_often_has_a_warning(experiment):
    arguments = ("--metric=conversion", "--rule=always_valid", "--what=bandit")
    arguments += ("--traffic=synthetic", "--baseline=0.4")
    small = simulate(*arguments, "--planned=10", runs=2000).splitlines()
    assert any(re.match(r"  bandit .* no, too many$", line) for line in small)
    assert (
        "  Warning: bandit: more false alarms than the 5% allowed, so do not rely on “shown "
        "different”."
    ) in small
    assert "Warning" not in simulate(*arguments, "--planned=1000", runs=1000)
