"""`abtesting_simulate`: options, what it says, and how it exits."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command

from abtesting.models import SimulationRun
from tests.builders import make_experiment, make_metric
from tests.results.past import add_traffic

pytestmark = pytest.mark.django_db


@pytest.fixture
def experiment():
    experiment = make_experiment(planned_num_units=400)
    add_traffic(experiment, 400)
    return experiment


def simulate(*arguments, runs=40, stderr=None):
    out, err = io.StringIO(), stderr or io.StringIO()
    call_command("abtesting_simulate", *arguments, f"--runs={runs}", stdout=out, stderr=err)
    return out.getvalue()


def test_it_says_what_was_found_and_where_the_page_is(experiment):
    lines = simulate("test").splitlines()
    assert lines[0].startswith("Traffic: own, 400 past units in 15 days of test, value 0.")
    assert lines[1] == "Rule: group_sequential"
    assert lines[2].startswith("A/A: false alarms ")
    assert (
        lines[2].endswith("% [9.5%, 31.4%] stopping at p < 0.05 at 8 looks") or "looks" in lines[2]
    )
    assert "Power of conversion with 400 units:" in lines
    assert any(line.startswith("  found in 80%: +") for line in lines)
    assert any(line.startswith("Bandit of conversion, lift +") for line in lines)
    assert any(line.startswith("  planned split  lost ") for line in lines)
    page = f"/admin/abtesting/experiment/{experiment.pk}/simulation/"
    assert lines[-1] == f"Simulation page: {page}"


def test_it_is_stored(experiment):
    simulate("test", "--seed=3")
    run = SimulationRun.objects.get()
    assert (run.experiment, run.metric, run.state) == (experiment, None, "done")
    assert run.options["seed"] == run.payload["seed"] == 3
    assert run.payload["num_runs"] == 40


def test_only_what_was_asked_for_is_simulated(experiment):
    lines = simulate("test", "--what", "power").splitlines()
    assert not any(line.startswith(("A/A", "Bandit")) for line in lines)
    assert SimulationRun.objects.get().payload["aa"] is None


def test_the_numbers_are_written_to_a_file(experiment, tmp_path):
    file = tmp_path / "numbers.json"
    simulate("test", "--what", "aa", "--json", str(file))
    assert json.loads(file.read_text()) == SimulationRun.objects.get().payload
    with pytest.raises(CommandError, match="cannot be written"):
        simulate("test", "--what", "aa", "--json", str(tmp_path / "no" / "file"))


def test_the_same_seed_says_the_same(experiment):
    first, second = (simulate("test").splitlines() for _ in range(2))
    assert [x for x in first if "Took" not in x] == [x for x in second if "Took" not in x]


def test_a_metric_needs_no_experiment(experiment):
    make_metric("orders", kind="mean")
    lines = simulate("--metric=orders", "--planned=300", "--rule=fixed_horizon").splitlines()
    assert "Rule: fixed_horizon" in lines
    assert "at 1 looks" in lines[2]
    assert not any(line.startswith("Simulation page") for line in lines)
    run = SimulationRun.objects.get()
    assert (run.experiment, run.metric.key) == (None, "orders")


def test_too_little_traffic_is_said_with_a_way_out(experiment):
    draft = make_experiment("draft", state="draft", planned_num_units=90_000)
    lines = simulate(draft.key, "--what", "aa").splitlines()
    assert lines[2] == (
        "Not simulated: aa: there are 400 past units; this rule needs 90000 to be replayed "
        "(--traffic synthetic draws units like those there are; with --baseline RATE it takes none)"
    )
    lines = simulate(draft.key, "--what", "aa", "--traffic=synthetic", "--baseline=0.1", runs=5)
    assert "Traffic: synthetic (conversions), 400 past units in 15 days of test" in lines
    assert "A/A: false alarms" in lines


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
