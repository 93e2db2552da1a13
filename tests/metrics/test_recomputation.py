"""Whatever stream of exposures and events: moments equal a recomputation from the raw rows."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abtesting.metrics.sources import EventSource
from abtesting.models import Event, Exposure
from abtesting.statistics.moments import Counts
from tests.builders import START, make_experiment, make_metric

pytestmark = pytest.mark.django_db

HOUR = dt.timedelta(hours=1)
UNITS = [f"unit-{number}" for number in range(6)]
NAMES = ["purchase", "refund", "click", "product_view", "page_view"]
METRICS = {
    "conversion": {"kind": "proportion"},
    "conversion-by-value": {"kind": "proportion", "aggregation": "sum"},
    "orders": {"kind": "mean"},
    "revenue": {"kind": "mean", "aggregation": "sum"},
    "revenue-first-day": {"kind": "mean", "aggregation": "sum", "window_hours": 24},
    "order-value": {"kind": "ratio", "aggregation": "sum", "denominator_event": "purchase"},
    "click-through": {"kind": "ratio", "event": "click", "window_hours": 30},
    "views-by-value": {
        "kind": "ratio",
        "event": "click",
        "denominator_aggregation": "sum",
    },
}
# Whole and half hours, so that equal times, window ends and midnights come up often.
hours = st.integers(0, 2 * 24 * 4).map(lambda halves: halves / 2)
values = st.none() | st.decimals(-50, 50, places=2)
exposures = st.dictionaries(
    st.sampled_from(UNITS), st.tuples(st.sampled_from(["control", "b"]), hours), max_size=6
)
events = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(NAMES),
            "unit": st.sampled_from([*UNITS, "stranger"]),
            "hours": hours,
            "value": values,
            "key": st.integers(0, 60),  # the same key now and then: a duplicate
        }
    ),
    max_size=40,
)


def store(experiment, exposed, stream):
    """The rows, and those that are left of the stream: the first of each key."""
    variants = {variant.key: variant for variant in experiment.variants.all()}
    Exposure.objects.bulk_create(
        Exposure(
            experiment=experiment,
            variant=variants[variant],
            unit=unit,
            propensity=0.5,
            exposed_at=START + at * HOUR,
        )
        for unit, (variant, at) in exposed.items()
    )
    kept = {}
    for row in stream:
        kept.setdefault(row["key"], row)
    for row in stream:
        own = {experiment.unit: row["unit"]}
        other = {"user": "someone"} if experiment.unit == "visitor" else {"visitor": "browser"}
        Event.objects.bulk_create(
            [
                Event(
                    name=row["name"],
                    value=row["value"],
                    idempotency_key=f"k{row['key']}",
                    occurred_at=START + row["hours"] * HOUR,
                    received_at=START + 100 * HOUR,
                    **own,
                    **other,
                )
            ],
            ignore_conflicts=True,
        )
    return list(kept.values())


def part_total(rows, unit, exposed_at, name, aggregation, window, until):
    """The plain definition of a unit's total."""
    total = Fraction(0)
    for row in rows:
        after = row["hours"] - exposed_at
        if row["unit"] != unit or row["name"] != name or row["hours"] >= until or after < 0:
            continue
        if window and after >= window:
            continue
        total += Fraction(row["value"] or Decimal(0)) if aggregation == "sum" else 1
    return total


def unit_totals(metric, rows, exposed, variant, until):
    """Numerator and denominator of every unit of a variant that was exposed before `until`."""
    definition = [(metric.event, metric.aggregation)]
    if metric.kind == "ratio":
        definition.append((metric.denominator_event, metric.denominator_aggregation))
    if metric.kind == "proportion":
        definition = [(metric.event, "count")]
    return [
        [
            part_total(rows, unit, at, name, aggregation, metric.window_hours, until)
            for name, aggregation in definition
        ]
        for unit, (of, at) in exposed.items()
        if of == variant and at < until
    ]


def check(moments, kind, totals):
    if kind == "proportion":
        successes = sum(numerator > 0 for [numerator] in totals)
        assert moments == Counts(num_units=len(totals), num_successes=successes)
        return
    n = len(totals)
    assert moments.n == n
    columns = range(2 if kind == "ratio" else 1)
    means = [sum((row[i] for row in totals), Fraction(0)) / max(n, 1) for i in columns]
    assert list(moments.means) == pytest.approx([float(mean) for mean in means], abs=1e-9)
    for i in columns:
        for j in columns:
            exact = sum(((r[i] - means[i]) * (r[j] - means[j]) for r in totals), Fraction(0))
            assert moments.comoments[i][j] == pytest.approx(float(exact), abs=1e-7)


@pytest.mark.parametrize("unit", ["visitor", "user"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(exposed=exposures, stream=events, until=hours)
def test_moments_equal_a_recomputation_from_the_raw_rows(unit, exposed, stream, until):
    with transaction.atomic():
        metrics = [make_metric(key, **fields) for key, fields in METRICS.items()]
        experiment = make_experiment(unit=unit, metrics=metrics)
        rows = store(experiment, exposed, stream)
        found = EventSource().read(experiment, until=START + until * HOUR)
        looks = [(until, found.final)]
        midnight = (24 - START.hour) % 24  # the first one, in hours after the start
        for date, at in found.days:
            end = midnight + 24 * (date - START.date()).days
            looks.append((min(end, until), at))
        for end, at in looks:
            for variant in ("control", "b"):
                for metric in metrics:
                    totals = unit_totals(metric, rows, exposed, variant, end)
                    check(at.metrics[metric.key][variant], metric.kind, totals)
                    assert at.num_units[variant] == len(totals)
        if found.days:
            assert found.days[-1][1] == found.final
            first = min(at for _, at in exposed.values())
            assert found.days[0][0] == (START + first * HOUR).date()
        transaction.set_rollback(True)
