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

from abtesting.metrics.correlations import look_correlations
from abtesting.metrics.kinds import parts, unit_moments
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
    """The exposed units.

    Attributes:
        position: By id; the others are by position.
        variant: Index of the variant.
        day: When they came, in days from the first one.
        was_there: Whether they were there at the look.
    """

    position: Mapping[str, int]
    variant: npt.NDArray[np.int64]
    day: npt.NDArray[np.int64]
    was_there: npt.NDArray[np.bool_]


@dataclass(slots=True)
class _Additions:
    """Additions to units' totals in the order of their days; whether the look has read them."""

    unit: npt.NDArray[np.int64]
    day: npt.NDArray[np.int64]
    was_read: npt.NDArray[np.bool_]
    amount: npt.NDArray[np.float64]

    def total(self, num_units: int, *, at_look: bool) -> npt.NDArray[np.float64]:
        chosen = self.was_read if at_look else np.ones(len(self.unit), dtype=np.bool_)
        totals = np.zeros(num_units)
        np.add.at(totals, self.unit[chosen], self.amount[chosen])
        return totals


class EventSource:
    """Per-unit totals of the events of exposed units, at or after their exposure.

    Of a test that ends with its planned sample, the first units that make it up: later ones are not
    counted.

    Queries: one for the exposures, one per total of a metric, one for the newest event.
    """

    def read(
        self, experiment: Experiment, *, until: dt.datetime, looked_at: dt.datetime | None = None
    ) -> ExperimentMoments:
        """Moments of what happened before `until` and of each day before it.

        A look has read what had happened and was received before it.
        """
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
            return ExperimentMoments(final=_moments_at(keys, metrics, {}, _no_units(), upto=0))
        first_day = rows[0][2].date()
        units = _units(rows, {v.pk: i for i, v in enumerate(variants)}, first_day, looked_at)
        additions = {
            (metric.key, part): _additions(
                _total_rows(experiment, metric, part, until=until, looked_at=looked_at),
                units,
                first_day,
            )
            for metric in metrics
            for part in parts(metric)
        }
        days = _read_on(keys, metrics, units, additions, first_day=first_day, until=until)
        return ExperimentMoments(
            final=days[-1][1],
            correlations=_correlations(metrics, units, additions) if looked_at else {},
            days=days,
            last_exposure_at=last_exposure_at,
            last_event_at=_last_event_at(metrics, until=until),
        )


def _read_on(
    keys: Sequence[str],
    metrics: Sequence[Metric],
    units: _Units,
    additions: Mapping[tuple[str, str], _Additions],
    *,
    first_day: dt.date,
    until: dt.datetime,
) -> tuple[tuple[dt.date, MomentsAt], ...]:
    """Moments at the end of each day."""
    running = {name: np.zeros(len(units.variant)) for name in additions}
    last_day = max((until - dt.timedelta(microseconds=1)).date(), first_day)
    days: list[tuple[dt.date, MomentsAt]] = []
    for day in range((last_day - first_day).days + 1):
        for name, added in additions.items():
            now = slice(*np.searchsorted(added.day, (day, day + 1)))
            np.add.at(running[name], added.unit[now], added.amount[now])
        at = _moments_at(keys, metrics, running, units, upto=day)
        days.append((first_day + dt.timedelta(days=day), at))
    return tuple(days)


def _correlations(
    metrics: Sequence[Metric], units: _Units, additions: Mapping[tuple[str, str], _Additions]
) -> dict[str, float]:
    before, now = (
        {
            name: added.total(len(units.variant), at_look=at_look)
            for name, added in additions.items()
        }
        for at_look in (True, False)
    )
    return look_correlations(metrics, units.variant, units.was_there, before=before, now=now)


def _total_rows(
    experiment: Experiment,
    metric: Metric,
    part: str,
    *,
    until: dt.datetime,
    looked_at: dt.datetime | None,
) -> QuerySet[Event, tuple[str, dt.date, bool, Any]]:
    """(unit, UTC day, whether the look has read it, total) of one part of a metric."""
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
    was_read = (
        Q(occurred_at__lt=looked_at, received_at__lte=looked_at)
        if looked_at
        else Q(pk__isnull=True)
    )
    events = events.annotate(was_read=ExpressionWrapper(was_read, output_field=BooleanField()))
    return (
        events.values_list(unit, TruncDate("occurred_at", tzinfo=dt.UTC), "was_read")
        .annotate(total=total)
        .order_by()
    )


def _units(
    rows: Sequence[tuple[str, int, dt.datetime]],
    index: Mapping[int, int],
    first_day: dt.date,
    looked_at: dt.datetime | None,
) -> _Units:
    return _Units(
        position={unit: position for position, (unit, _, _) in enumerate(rows)},
        variant=np.array([index[variant_id] for _, variant_id, _ in rows], dtype=np.int64),
        day=np.array([(time.date() - first_day).days for _, _, time in rows], dtype=np.int64),
        was_there=np.array(
            [looked_at is not None and time < looked_at for _, _, time in rows], dtype=np.bool_
        ),
    )


def _no_units() -> _Units:
    empty = np.zeros(0, dtype=np.int64)
    return _Units(position={}, variant=empty, day=empty, was_there=np.zeros(0, dtype=np.bool_))


def _additions(
    rows: QuerySet[Event, tuple[str, dt.date, bool, Any]], units: _Units, first_day: dt.date
) -> _Additions:
    found = [
        ((day - first_day).days, units.position[unit], bool(was_read), float(total))
        for unit, day, was_read, total in rows
        if unit in units.position
    ]
    # By day for the cumulative sums, then by unit so that sums do not depend on row order.
    found.sort()
    return _Additions(
        day=np.array([row[0] for row in found], dtype=np.int64),
        unit=np.array([row[1] for row in found], dtype=np.int64),
        was_read=np.array([row[2] for row in found], dtype=np.bool_),
        amount=np.array([row[3] for row in found], dtype=np.float64),
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
        columns = [totals.get((metric.key, part), none) for part in parts(metric)]
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
