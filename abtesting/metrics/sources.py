"""Moments from this database: live experiments from events, imported ones as stored."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db.models import (
    BooleanField,
    Count,
    ExpressionWrapper,
    F,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
)
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

    def read(
        self, experiment: Experiment, *, until: dt.datetime, looked_at: dt.datetime | None = None
    ) -> ExperimentMoments:
        """The stored moments; they know no days and no looks."""
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
    """The exposed units: position by id, and variant index and period by position."""

    position: Mapping[str, int]
    variant: npt.NDArray[np.int64]
    period: npt.NDArray[np.int64]


@dataclass(slots=True)
class _Additions:
    """Additions to units' totals, in the order of their periods."""

    unit: npt.NDArray[np.int64]
    period: npt.NDArray[np.int64]
    amount: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Periods:
    """Time in UTC days, each cut in two by the time of a look: before it, and from it on.

    Period 2 d is day d before the look, 2 d + 1 the same day after it.
    """

    first_day: dt.date
    looked_at: dt.datetime | None

    def of(self, time: dt.datetime) -> int:
        is_after = self.looked_at is not None and time >= self.looked_at
        return self.number(time.date(), is_after=is_after)

    def number(self, day: dt.date, *, is_after: bool) -> int:
        return 2 * (day - self.first_day).days + is_after

    @property
    def last_before_look(self) -> int | None:
        if self.looked_at is None:
            return None
        # A look at midnight has all of the day before it.
        day = (self.looked_at - dt.timedelta(microseconds=1)).date()
        return self.number(day, is_after=False)


class EventSource:
    """Per-unit totals of the events of exposed units, at or after their exposure.

    Of a test that ends with its planned sample, the first units that make it up: later ones are not
    counted.

    Queries: one for the exposures, one per total of a metric, one for the newest event.
    """

    def read(
        self, experiment: Experiment, *, until: dt.datetime, looked_at: dt.datetime | None = None
    ) -> ExperimentMoments:
        """Moments of what happened before `until`, of each day before it, and of the look."""
        until = until.astimezone(dt.UTC)  # days are UTC days, whoever asks
        looked_at = looked_at and min(looked_at.astimezone(dt.UTC), until)
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
        if experiment.has_end:
            # Reading on after the plan, with ever more units, would judge again and again until
            # it says yes.
            rows = rows[: experiment.planned_num_units]
        keys = [variant.key for variant in variants]
        if not rows:
            nothing = _moments_at(keys, metrics, {}, _no_units(), upto=0)
            return ExperimentMoments(final=nothing, look=nothing if looked_at else None)
        periods = _Periods(first_day=rows[0][2].date(), looked_at=looked_at)
        units = _units(rows, {v.pk: index for index, v in enumerate(variants)}, periods)
        additions = {
            (metric.key, part): _additions(
                _total_rows(experiment, metric, part, until=until, looked_at=looked_at),
                units,
                periods,
            )
            for metric in metrics
            for part in _parts(metric)
        }
        days, look = _read_on(keys, metrics, units, additions, periods, until=until)
        return ExperimentMoments(
            final=days[-1][1],
            look=look,
            days=days,
            last_exposure_at=last_exposure_at,
            last_event_at=_last_event_at(metrics, until=until),
        )


def _read_on(
    keys: Sequence[str],
    metrics: Sequence[Metric],
    units: _Units,
    additions: Mapping[tuple[str, str], _Additions],
    periods: _Periods,
    *,
    until: dt.datetime,
) -> tuple[tuple[tuple[dt.date, MomentsAt], ...], MomentsAt | None]:
    """Moments at the end of each day, and at the look."""
    running = {name: np.zeros(len(units.variant)) for name in additions}
    first_day, look_period = periods.first_day, periods.last_before_look
    last_day = max((until - dt.timedelta(microseconds=1)).date(), first_day)
    days: list[tuple[dt.date, MomentsAt]] = []
    look = None
    if look_period is not None and look_period < 0:  # before anybody came
        look = _moments_at(keys, metrics, running, units, upto=look_period)
    for period in range(2 * (last_day - first_day).days + 2):
        for name, added in additions.items():
            now = slice(*np.searchsorted(added.period, (period, period + 1)))
            np.add.at(running[name], added.unit[now], added.amount[now])
        is_look, is_day = period == look_period, period % 2 == 1
        if is_look or is_day:
            at = _moments_at(keys, metrics, running, units, upto=period)
            look = at if is_look else look
            if is_day:
                days.append((first_day + dt.timedelta(days=period // 2), at))
    return tuple(days), look


def _parts(metric: Metric) -> tuple[str, ...]:
    is_ratio = metric.kind == Metric.Kind.RATIO
    return ("numerator", "denominator") if is_ratio else ("numerator",)


def _total_rows(
    experiment: Experiment,
    metric: Metric,
    part: str,
    *,
    until: dt.datetime,
    looked_at: dt.datetime | None,
) -> QuerySet[Event, tuple[str, dt.date, bool, Any]]:
    """(unit, UTC day, whether after the look, total) of one part of a metric."""
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
    is_after = Q(occurred_at__gte=looked_at) if looked_at else Q(pk__isnull=True)
    events = events.annotate(is_after=ExpressionWrapper(is_after, output_field=BooleanField()))
    return (
        events.values_list(unit, TruncDate("occurred_at", tzinfo=dt.UTC), "is_after")
        .annotate(total=total)
        .order_by()
    )


def _units(
    rows: Sequence[tuple[str, int, dt.datetime]], index: Mapping[int, int], periods: _Periods
) -> _Units:
    return _Units(
        position={unit: position for position, (unit, _, _) in enumerate(rows)},
        variant=np.array([index[variant_id] for _, variant_id, _ in rows], dtype=np.int64),
        period=np.array([periods.of(time) for _, _, time in rows], dtype=np.int64),
    )


def _no_units() -> _Units:
    empty = np.zeros(0, dtype=np.int64)
    return _Units(position={}, variant=empty, period=empty)


def _additions(
    rows: QuerySet[Event, tuple[str, dt.date, bool, Any]], units: _Units, periods: _Periods
) -> _Additions:
    found = [
        (units.position[unit], periods.number(day, is_after=bool(is_after)), float(total))
        for unit, day, is_after, total in rows
        if unit in units.position
    ]
    # By period for the cumulative sums, then by unit so that sums do not depend on row order.
    found.sort()
    found.sort(key=lambda row: row[1])
    return _Additions(
        unit=np.array([row[0] for row in found], dtype=np.int64),
        period=np.array([row[1] for row in found], dtype=np.int64),
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
        key: np.flatnonzero((units.variant == index) & (units.period <= upto))
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
