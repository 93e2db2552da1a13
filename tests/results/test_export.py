"""Exports: the snapshot's own numbers, unrounded, and safe to open in a spreadsheet."""

from __future__ import annotations

import copy
import csv
import datetime as dt
import io
import json

import pytest

from abtesting.results.export import to_csv, to_json
from abtesting.results.snapshots import refresh
from tests.builders import START, event, expose, make_experiment, make_metric
from tests.results import payloads

pytestmark = pytest.mark.django_db


@pytest.fixture
def payload():
    experiment = make_experiment(
        variants=["control", "b", "c"],
        planned_num_units=3,
        metrics=["conversion", make_metric("revenue", kind="mean", aggregation="sum")],
        name="Überschrift, „neu“",
    )
    for number in range(30):
        variant = ("control", "b", "c")[number % 3]
        expose(experiment, variant, f"unit-{number}")
        if number % 4 == 0 and variant != "c":
            event(visitor=f"unit-{number}", value=f"{number}.1")
    return refresh(experiment, now=START + dt.timedelta(days=1)).payload


def read(text):
    return list(csv.DictReader(io.StringIO(text)))


def number(cell):
    return float(cell) if cell else None


def test_json_is_the_payload(payload):
    assert json.loads(to_json(payload)) == payload
    assert "Überschrift, „neu“" in to_json(payload)


def test_csv_has_a_row_for_each_metric_and_variant(payload):
    rows = read(to_csv(payload))
    assert [(row["metric"], row["variant"], row["is_control"]) for row in rows] == [
        ("conversion", "control", "True"),
        ("conversion", "b", "False"),
        ("conversion", "c", "False"),
        ("revenue", "control", "True"),
        ("revenue", "b", "False"),
        ("revenue", "c", "False"),
    ]
    assert {row["experiment"] for row in rows} == {"test"}
    assert {row["computed_at"] for row in rows} == {payload["computed_at"]}


def test_csv_numbers_are_those_of_the_payload_to_the_last_digit(payload):
    rows = {(row["metric"], row["variant"]): row for row in read(to_csv(payload))}
    for metric in payload["metrics"]:
        for found in (metric["control"], *metric["comparisons"]):
            row = rows[metric["key"], found["variant"]]
            for name in ("num_units", "numerator", "denominator", "value"):
                assert number(row[name]) == found[name]
        for found in metric["comparisons"]:
            row = rows[metric["key"], found["variant"]]
            for name in ("difference", "standard_error", "p_value", "lift", "confidence_level"):
                assert number(row[name]) == found[name]
            for name in ("difference", "lift"):
                interval = found[f"{name}_interval"] or [None, None]
                assert [number(row[f"{name}_lower"]), number(row[f"{name}_upper"])] == interval
            assert row["verdict"] == found["verdict"]
            assert row["reason"] == (found["reason"] or {}).get("code", "")


def test_an_unbounded_end_and_a_missing_result_are_empty_cells(payload):
    changed = copy.deepcopy(payload)
    unbounded, missing = changed["metrics"][0]["comparisons"]
    unbounded["lift_interval"] = [None, 0.5]
    missing |= {"difference": None, "difference_interval": None, "lift_interval": None}
    missing["reason"] = {"code": "too_few_units", "detail": "…"}
    _, first, second, *_ = read(to_csv(changed))
    assert (first["lift_lower"], first["lift_upper"]) == ("", "0.5")
    assert {second[n] for n in ("difference", "difference_lower", "lift_upper")} == {""}
    assert second["reason"] == "too_few_units"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_text_never_becomes_a_formula(payload, start):
    # Forms allow no such key; a script that writes rows does.
    changed = copy.deepcopy(payload)
    changed["metrics"][0]["key"] = f"{start}HYPERLINK(1)"
    changed["metrics"][0]["comparisons"][0]["variant"] = f"{start}1+1"
    rows = read(to_csv(changed))
    assert rows[1]["metric"] == f"'{start}HYPERLINK(1)"
    assert rows[1]["variant"] == f"'{start}1+1"


def test_a_negative_number_stays_a_number(payload):
    changed = copy.deepcopy(payload)
    changed["metrics"][0]["comparisons"][0]["difference"] = -0.125
    assert read(to_csv(changed))[1]["difference"] == "-0.125"


def test_a_comma_or_quote_in_a_key_breaks_no_row(payload):
    changed = copy.deepcopy(payload)
    changed["metrics"][0]["key"] = 'a,"b"\nc'
    assert read(to_csv(changed))[0]["metric"] == 'a,"b"\nc'


def test_csv_has_the_odds_the_correction_and_the_warnings():
    payload = payloads.shown_at_a_look()
    payload["metrics"][0]["comparisons"][0]["bayesian"] = payloads.odds(0.99, 0.08, (0.01, 0.15))
    control, b, *_, _other, clicks = read(to_csv(payload))
    names = ("chance_to_win", "expected_loss", "credible_lower", "credible_upper")
    assert [float(b[name]) for name in names] == [0.99, 0.001, 0.01, 0.15]
    names = ("corrected_difference", "corrected_lower", "corrected_upper", "corrected_p_value")
    assert [float(b[name]) for name in names] == [0.0076, 0.0012, 0.0138, 0.018]
    names = ("corrected_lift", "corrected_lift_lower", "corrected_lift_upper")
    assert [float(b[name]) for name in names] == [0.0721, 0.011, 0.131]
    assert float(clicks["adjusted_p_value"]) == 4e-5
    assert control["chance_to_win"] == control["corrected_p_value"] == control["warnings"] == ""
    assert [row["warnings"] for row in read(to_csv(payload))].count("skewed") == 1


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        ("shown_at_a_look", ("group_sequential", "0.05", "12", "20", "True")),
        ("between_looks", ("group_sequential", "0.05", "12", "20", "False")),
        ("before_first_look", ("group_sequential", "0.05", "", "20", "False")),
        ("bayesian", ("bayesian", "0.05", "", "", "")),
    ],
)
def test_csv_says_by_which_rule_and_at_which_look_the_goals_were_read(build, expected):
    rows = read(to_csv(payloads.BUILDERS[build]()))
    names = ("rule", "alpha", "look_number", "num_looks", "is_final")
    assert {tuple(row[name] for name in names) for row in rows} == {expected}


def test_a_correction_of_before_has_no_interval_of_the_lift():
    payload = payloads.shown_at_a_look()
    del payload["metrics"][0]["comparisons"][0]["corrected"]["lift_interval"]
    row = read(to_csv(payload))[1]
    assert (row["corrected_lift"], row["corrected_lift_lower"]) == ("0.0721", "")


def test_a_snapshot_of_the_first_schema_can_still_be_exported():
    old, new = payloads.first_schema(payloads.ship()), payloads.ship()
    assert to_csv(old) == to_csv(new)
    assert json.loads(to_json(old))["schema_version"] == 1
