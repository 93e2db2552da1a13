"""Moments from this database: live experiments from events, imported ones as stored."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db.models import Count, F, Max, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import TruncDate

from abtesting.metrics.kinds import unit_moments
from abtesting.metrics.moments import ExperimentMoments, MomentsAt, MomentSource, UnitMoments
from abtesting.models import Event, Experiment, Exposure, ImportedMoments, Metric
from abtesting.statistics.moments import Counts, Moments


def source_for(experiment: Experiment) -> MomentSource:
    """The source of this experiment's moments."""
    if experiment.source == Experiment.Source.IMPORTED:
        return ImportedSource()
    return EventSource()


class ImportedSource:
    """Moments stored when a finished test was imported."""

    def read(self, experiment: Experiment, *, until: dt.datetime) -> ExperimentMoments:
        """The stored moments; they know no days."""
        metrics: dict[str, dict[str, UnitMoments]] = {}
        num_units: dict[str, int] = {v.key: 0 for v in experiment.variants.all()}
        rows = ImportedMoments.objects.filter(variant__experiment=experiment).select_related(
            "variant", "metric"
        )
        for row in rows:
            moments: UnitMoments
            if row.metric.kind == Metric.Kind.PROPORTION:
                moments = Counts(**row.moments)
                num_units[row.variant.key] = moments.num_units
            else:
                moments = Moments.from_dict(row.moments)
                num_units[row.variant.key] = moments.n
            metrics.setdefault(row.metric.key, {})[row.variant.key] = moments
        return ExperimentMoments(final=MomentsAt(num_units=num_units, metrics=metrics))


@dataclass(frozen=True, slots=True)
class _Units:
    """The exposed units: position by id, and variant index and day number by position."""

    position: Mapping[str, int]
    variant: npt.NDArray[np.int64]
    day: npt.NDArray[np.int64]


@dataclass(slots=True)
class _DailyTotals:
    """Additions to units' totals, in day order."""

    unit: npt.NDArray[np.int64]
    day: npt.NDArray[np.int64]
    amount: npt.NDArray[np.float64]


class EventSource:
    """Per-unit totals of the events of exposed units, at or after their exposure.

    Of a test with a planned sample, the first units that make it up: later ones are not counted.

    Queries: one for the exposures, one per total of a metric, one for the newest event.
    """

    def read(self, experiment: Experiment, *, until: dt.datetime) -> ExperimentMoments:
        """Moments of what happened before `until`, and of each day before it."""
        until = until.astimezone(dt.UTC)  # days are UTC days, whoever asks
        variants = list(experiment.variants.all())
        metrics = [row.metric for row in experiment.experiment_metrics.select_related("metric")]
        exposures = Exposure.objects.filter(experiment=experiment, exposed_at__lt=until)
        rows = [
            (unit, variant, time.astimezone(dt.UTC))
            for unit, variant, time in exposures.order_by("exposed_at", "pk").values_list(
                "unit", "variant_id", "exposed_at"
            )
        ]
        last_exposure_at = rows[-1][2] if rows else None
        # A test with a plan is judged once. Reading on, with ever more units, would judge it again
        # and again until it says yes.
        rows = rows[: experiment.planned_num_units]
        keys = [variant.key for variant in variants]
        if not rows:
            nothing = _moments_at(keys, metrics, {}, _no_units(), upto=0)
            return ExperimentMoments(final=nothing)
        first_day = rows[0][2].date()
        units = _units(rows, {variant.pk: index for index, variant in enumerate(variants)})
        additions = {
            (metric.key, part): _daily_totals(
                _total_rows(experiment, metric, part, until=until), units, first_day
            )
            for metric in metrics
            for part in _parts(metric)
        }
        running = {name: np.zeros(len(units.variant)) for name in additions}
        days = []
        last_day = max((until - dt.timedelta(microseconds=1)).date(), first_day)
        for number in range((last_day - first_day).days + 1):
            for name, added in additions.items():
                today = slice(*np.searchsorted(added.day, (number, number + 1)))
                np.add.at(running[name], added.unit[today], added.amount[today])
            at = _moments_at(keys, metrics, running, units, upto=number)
            days.append((first_day + dt.timedelta(days=number), at))
        return ExperimentMoments(
            final=days[-1][1],
            days=tuple(days),
            last_exposure_at=last_exposure_at,
            last_event_at=_last_event_at(metrics, until=until),
        )


def _parts(metric: Metric) -> tuple[str, ...]:
    is_ratio = metric.kind == Metric.Kind.RATIO
    return ("numerator", "denominator") if is_ratio else ("numerator",)


def _total_rows(
    experiment: Experiment, metric: Metric, part: str, *, until: dt.datetime
) -> QuerySet[Event, tuple[str, dt.date, Any]]:
    """(unit, UTC day, total) of one part of a metric."""
    if part == "numerator":
        name, aggregation = metric.event, metric.aggregation
    else:
        name, aggregation = metric.denominator_event, metric.denominator_aggregation
    unit = experiment.unit  # the event's column of that name
    exposed_at = Exposure.objects.filter(experiment=experiment, unit=OuterRef(unit)).values(
        "exposed_at"
    )
    events = Event.objects.filter(name=name, occurred_at__lt=until).alias(
        exposed_at=Subquery(exposed_at)
    )
    events = events.filter(occurred_at__gte=F("exposed_at"))
    if metric.window_hours:
        window = dt.timedelta(hours=metric.window_hours)
        events = events.filter(occurred_at__lt=F("exposed_at") + window)
    by_sum = aggregation == Metric.Aggregation.SUM and metric.kind != Metric.Kind.PROPORTION
    total = Sum("value", default=0) if by_sum else Count("pk")
    return (
        events.values_list(unit, TruncDate("occurred_at", tzinfo=dt.UTC))
        .annotate(total=total)
        .order_by()
    )


def _units(rows: Sequence[tuple[str, int, dt.datetime]], index: Mapping[int, int]) -> _Units:
    first_day = rows[0][2].date()
    return _Units(
        position={unit: position for position, (unit, _, _) in enumerate(rows)},
        variant=np.array([index[variant_id] for _, variant_id, _ in rows], dtype=np.int64),
        day=np.array([(time.date() - first_day).days for _, _, time in rows], dtype=np.int64),
    )


def _no_units() -> _Units:
    empty = np.zeros(0, dtype=np.int64)
    return _Units(position={}, variant=empty, day=empty)


def _daily_totals(
    rows: QuerySet[Event, tuple[str, dt.date, Any]], units: _Units, first_day: dt.date
) -> _DailyTotals:
    found = [
        (units.position[unit], (day - first_day).days, float(total))
        for unit, day, total in rows
        if unit in units.position
    ]
    # By day for the cumulative sums, then by unit so that sums do not depend on row order.
    found.sort()
    found.sort(key=lambda row: row[1])
    return _DailyTotals(
        unit=np.array([row[0] for row in found], dtype=np.int64),
        day=np.array([row[1] for row in found], dtype=np.int64),
        amount=np.array([row[2] for row in found], dtype=np.float64),
    )


def _moments_at(
    keys: Sequence[str],
    metrics: Sequence[Metric],
    totals: Mapping[tuple[str, str], npt.NDArray[np.float64]],
    units: _Units,
    *,
    upto: int,
) -> MomentsAt:
    members = {
        key: np.flatnonzero((units.variant == index) & (units.day <= upto))
        for index, key in enumerate(keys)
    }
    none = np.zeros(0)
    moments: dict[str, dict[str, UnitMoments]] = {}
    for metric in metrics:
        columns = [totals.get((metric.key, part), none) for part in _parts(metric)]
        moments[metric.key] = {
            key: unit_moments(metric.kind, [column[chosen] for column in columns])
            for key, chosen in members.items()
        }
    return MomentsAt(
        num_units={key: len(chosen) for key, chosen in members.items()}, metrics=moments
    )


def _last_event_at(metrics: Sequence[Metric], *, until: dt.datetime) -> dt.datetime | None:
    names = {name for metric in metrics for name in (metric.event, metric.denominator_event)}
    found = Event.objects.filter(name__in=names - {""}, occurred_at__lt=until)
    newest: dt.datetime | None = found.aggregate(newest=Max("occurred_at"))["newest"]
    return newest
