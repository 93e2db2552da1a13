"""Comparisons: secondary metrics together, warnings, and what is too uneven to be read."""

from __future__ import annotations

import numpy as np
import pytest

from abtesting.results.analysis import analyse
from abtesting.statistics.families.multiplicity import adjust
from tests.builders import make_experiment, make_metric
from tests.results.test_analysis import NOW, convert, fill

pytestmark = pytest.mark.django_db


def payload_of(experiment):
    return analyse(experiment, now=NOW).as_payload()


def explained(successes, *, rule="fixed_horizon"):
    """Secondary comparisons with these conversions of 1000 in b, and 100 in the control."""
    rows = [
        (make_metric(f"m{i}", event=f"e{i}"), {"role": "secondary"}) for i in range(len(successes))
    ]
    experiment = make_experiment(
        planned_num_units=2000, decision_rule=rule, metrics=["conversion", *rows]
    )
    for variant, counts in (("control", [100] * len(successes)), ("b", successes)):
        units = [[] for _ in range(1000)]
        for i, count in enumerate(counts):
            for unit in units[:count]:
                unit.append((f"e{i}", None))
        fill(experiment, variant, units)
    payload = payload_of(experiment)
    return [m["comparisons"][0] for m in payload["metrics"] if m["role"] == "secondary"]


@pytest.mark.parametrize(
    ("successes", "shown"),
    [
        ([130], [True]),  # p = 0.035
        ([130, 100], [False, False]),
        ([160, 130], [True, True]),
        ([160, 130, 100, 101, 99, 102], [True, False, False, False, False, False]),
        ([160, 40, 150, 100], [True, True, True, False]),
    ],
)
@pytest.mark.parametrize("rule", ["fixed_horizon", "group_sequential"])
def test_secondary_metrics_are_judged_together(successes, shown, rule):
    found = explained(successes, rule=rule)
    assert [c["verdict"] in ("better", "worse") for c in found] == shown
    assert [c["adjusted_p_value"] < 0.05 for c in found] == shown
    assert [c["adjusted_p_value"] for c in found] == pytest.approx(
        list(adjust([c["p_value"] for c in found], method="bh"))
    )
    for c, is_shown in zip(found, shown, strict=True):
        for lower, upper in (c["difference_interval"], c["lift_interval"]):
            assert is_shown == (not lower <= 0 <= upper)


def test_goals_and_guardrails_are_not_adjusted_with_them():
    experiment = make_experiment(
        planned_num_units=400,
        metrics=[
            "conversion",
            (make_metric("orders", kind="mean"), {"role": "secondary"}),
            (make_metric("views", event="view"), {"role": "guardrail", "margin": 0.1}),
        ],
    )
    convert(experiment, "control", 200, 20)
    convert(experiment, "b", 200, 30)
    found = [m["comparisons"][0]["adjusted_p_value"] for m in payload_of(experiment)["metrics"]]
    assert found[0] is None
    assert found[1] is not None
    assert found[2] is None


def uneven(sizes, *, seed=5):
    """Units of which few buy, for very different amounts."""
    rng = np.random.default_rng(seed)
    buys = rng.random(sizes) < 0.03
    return [
        [("purchase", f"{amount:.2f}")] if bought else []
        for bought, amount in zip(buys, rng.lognormal(3.5, 1.3, sizes), strict=True)
    ]


def test_few_units_of_uneven_values_are_warned_of():
    revenue = make_metric("revenue", kind="mean", aggregation="sum")
    experiment = make_experiment(
        planned_num_units=1200, decision_rule="fixed_horizon", metrics=[revenue, "conversion"]
    )
    fill(experiment, "control", uneven(600, seed=1))
    fill(experiment, "b", uneven(600, seed=2))
    payload = payload_of(experiment)
    assert payload["metrics"][0]["comparisons"][0]["warnings"] == ["skewed"]
    assert payload["metrics"][1]["comparisons"][0]["warnings"] == []


def test_a_test_whose_values_are_too_uneven_to_be_read_early_goes_on():
    revenue = make_metric("revenue", kind="mean", aggregation="sum")
    experiment = make_experiment(planned_num_units=20_000, metrics=[revenue], weights=[9, 1])
    fill(experiment, "control", uneven(2700, seed=1))
    fill(experiment, "b", uneven(300, seed=2))
    payload = payload_of(experiment)
    found = payload["metrics"][0]["comparisons"][0]
    assert (found["verdict"], found["reason"]["code"]) == ("no_result", "too_skewed")
    assert payload["verdict"]["code"] == "keep_running"
