"""Series: cumulative lifts and new units day by day, for the charts of the results page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping

from abtesting.metrics.moments import ExperimentMoments, MomentsAt
from abtesting.models import ExperimentMetric
from abtesting.results.comparisons import compare
from abtesting.results.plan import Plan
from abtesting.results.report import DayUnits, Point, Series, ends
from abtesting.statistics.types import NotEnoughData

Day = tuple[dt.date, MomentsAt]


def lift_series(
    plan: Plan, moments: ExperimentMoments, *, look: MomentsAt | None
) -> tuple[Series, ...]:
    """The lift of each metric in each variant, all days so far together.

    Goals and secondary metrics of a group-sequential test end with its last look, like the table.

    Args:
        look: What that look has read.
    """
    return tuple(
        Series(
            metric=row.metric.key,
            variant=variant.key,
            points=tuple(_point(plan, row, variant.key, day) for day in days),
        )
        for row in plan.rows
        if (days := tuple(_days(plan, row, moments, look)))
        for variant in plan.treatments
    )


def _days(
    plan: Plan, row: ExperimentMetric, moments: ExperimentMoments, look: MomentsAt | None
) -> Iterator[Day]:
    if plan.experiment.rule != "group_sequential" or row.role == ExperimentMetric.Role.GUARDRAIL:
        yield from moments.days
    elif plan.looks:
        looked_at = plan.looks[-1].taken_at.astimezone(dt.UTC)
        last_day = (looked_at - dt.timedelta(microseconds=1)).date()
        for date, at in moments.days:
            if date < last_day:
                yield date, at
        yield last_day, look or moments.final


def _point(plan: Plan, row: ExperimentMetric, variant: str, day: Day) -> Point:
    date, at = day
    num_units = at.num_units[plan.control.key] + at.num_units[variant]
    total = sum(at.num_units.values())
    nothing = Point(date=date, num_units=num_units, lift=None, lift_interval=None)
    if not total:
        return nothing
    effect = compare(plan, row, variant, at, plan.boundary_at(row, total))
    if isinstance(effect, NotEnoughData) or effect.lift_interval is None:
        return nothing
    interval = effect.lift_interval
    return Point(
        date=date,
        num_units=num_units,
        lift=effect.lift,
        lift_interval=ends(interval.lower, interval.upper),
    )


def units_by_day(moments: ExperimentMoments) -> tuple[DayUnits, ...]:
    """New units of each day by variant."""
    before: Mapping[str, int] = {}
    rows = []
    for date, at in moments.days:
        new = {key: count - before.get(key, 0) for key, count in at.num_units.items()}
        rows.append(DayUnits(date=date, num_units=new))
        before = at.num_units
    return tuple(rows)
