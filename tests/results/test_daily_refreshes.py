"""Tests that are refreshed every day, long after their plan: no rule errs more often than it says.

`benchmarks/decision_rules.py` replays them with the data in memory. Here that is compared with the
database, where rows arrive day by day, and its error rates are held to a band.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pytest
from scipy import stats

from abtesting.models import Event, Experiment, Exposure
from abtesting.results import snapshots
from abtesting.results.report import Report
from benchmarks.decision_rules import (
    ANY_DAY,
    NUM_DAYS,
    PLANNED_DAYS,
    RULES,
    SHOPS,
    START,
    Replay,
    Shop,
    Traffic,
    errors,
    experiment_of,
    in_memory,
)
from tests.builders import make_experiment, make_metric

SMALL = Shop(name="small", planned_num_units=1100, goals=("conversion", "revenue"), buyer_rate=0.2)


def drawn(shop: Shop = SMALL, seed: int = 1) -> Traffic:
    return Traffic.draw(shop, np.random.default_rng(seed))


def reports(rule: str, traffic: Traffic, shop: Shop = SMALL) -> list[Report]:
    """What each day's refresh says, with the data in memory."""
    experiment = experiment_of(shop, rule)
    data = Replay.of(shop, traffic)
    days = data.planned if experiment.has_end else data.everything
    with in_memory(days, data.variant) as refresh:
        return [refresh(experiment, day) for day in range(NUM_DAYS)]


def stored_experiment(rule: str) -> Experiment:
    return make_experiment(
        rule.replace("_", "-"),
        variants=("control", "v1"),
        planned_num_units=SMALL.planned_num_units,
        decision_rule=rule,
        started_at=START,
        metrics=[
            make_metric("conversion"),
            make_metric("revenue", kind="mean", aggregation="sum"),
            (make_metric("baskets", event="basket_add"), {"role": "guardrail", "margin": 0.0}),
        ],
    )


def add_day(day: int, traffic: Traffic, experiments: list[Experiment]) -> None:
    """What came in on a day: units, and events of that day and of days before."""
    variants = {x.pk: list(x.variants.order_by("position")) for x in experiments}
    Exposure.objects.bulk_create(
        Exposure(
            experiment=experiment,
            variant=variants[experiment.pk][traffic.variant[unit]],
            unit=f"u{unit}",
            propensity=0.5,
            exposed_at=START + dt.timedelta(days=float(traffic.came[unit])),
        )
        for unit in np.flatnonzero(traffic.came.astype(int) == day)
        for experiment in experiments
    )
    for name, events in (("purchase", traffic.orders), ("basket_add", traffic.baskets)):
        Event.objects.bulk_create(
            Event(
                name=name,
                visitor=f"u{events.unit[i]}",
                value=Decimal(str(events.amount[i])),
                idempotency_key=f"{name}-{i}",
                occurred_at=START + dt.timedelta(days=float(events.occurred[i])),
                received_at=START + dt.timedelta(days=day + 1),
            )
            for i in np.flatnonzero(events.received_day == day)
        )


def as_read(payload: dict) -> list[tuple[object, ...]]:
    """The verdict and each comparison, without the noise of sums in another order."""
    rows: list[tuple[object, ...]] = [("verdict", payload["verdict"]["code"])]
    for metric in payload["metrics"]:
        for found in metric["comparisons"]:
            p_value = found["p_value"]
            text = "None" if p_value is None else f"{p_value:.6g}"
            rows.append((metric["key"], found["verdict"], found["num_units"], text))
    return rows


@pytest.mark.slow
@pytest.mark.django_db
def test_replays_in_memory_read_what_the_database_reads():
    traffic = drawn()
    experiments = [stored_experiment(rule) for rule in RULES]
    expected = {rule: reports(rule, traffic) for rule in RULES}
    num_results = 0
    for day in range(NUM_DAYS):
        add_day(day, traffic, experiments)
        for rule, experiment in zip(RULES, experiments, strict=True):
            payload = snapshots.refresh(experiment, now=START + dt.timedelta(days=day + 1)).payload
            found = as_read(payload)
            for ours, theirs in zip(as_read(expected[rule][day].as_payload()), found, strict=True):
                assert (rule, day, ours) == (rule, day, theirs)
            num_results += sum(row[-1] != "None" for row in found[1:])
    assert num_results > 100


@pytest.mark.parametrize("rule", ["fixed_horizon", "group_sequential"])
def test_what_a_planned_test_has_read_last_does_not_change_with_what_comes_later(rule):
    after = reports(rule, drawn(seed=2))[PLANNED_DAYS + 1 :]
    read = [[metric.comparisons for metric in report.metrics] for report in after]
    assert len(read) == NUM_DAYS - PLANNED_DAYS - 1
    assert all(each.p_value is not None for comparisons in read[0] for each in comparisons)
    assert all(comparisons == read[0] for comparisons in read)


@pytest.mark.slow
def test_no_rule_errs_more_often_than_it_says_and_looking_every_day_does():
    num_runs = 60
    found = errors(SHOPS[0], num_runs=num_runs, seed=7)
    allowed = stats.binom.isf(1e-3, num_runs, 0.05)
    for rule in RULES:
        assert found[rule].goal <= allowed
        assert found[rule].harm <= allowed
        assert found[rule].verdict <= found[rule].goal + found[rule].harm
    assert found[ANY_DAY].goal > allowed
