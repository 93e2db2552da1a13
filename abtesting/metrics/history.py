"""Units of the past: what each did in all, in the order in which they came.

For simulations on a shop's own traffic. Which variant a unit saw is not read: nobody learns here
how a running test stands.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, Sum

from abtesting.metrics.kinds import Totals
from abtesting.models import Event, Experiment, Exposure, Metric


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PastUnits:
    """Units in the order of their first exposure.

    Attributes:
        experiments: Keys of the experiments whose units they are.
        days: Day of each unit's exposure (UTC), as ordinals, shape [n].
        totals: By metric key what each unit did, shape [n], or [n, 2] for numerator and denominator
            of a ratio; 1 or 0 for a proportion.
    """

    experiments: tuple[str, ...]
    days: npt.NDArray[np.int64]
    totals: Mapping[str, Totals]

    @property
    def num_units(self) -> int:
        """Number of units."""
        return len(self.days)

    @property
    def num_days(self) -> int:
        """Days from the first to the last unit, both counted; 0 without units."""
        return int(self.days[-1] - self.days[0]) + 1 if len(self.days) else 0

    @property
    def units_by_day(self) -> tuple[int, ...]:
        """Units that had come by the end of each day that had some."""
        ends = np.flatnonzero(np.diff(self.days, append=self.days[-1:] + 1)) + 1
        return tuple(ends.tolist())


def past_units(
    experiments: Sequence[Experiment],
    metrics: Sequence[Metric],
    *,
    until: dt.datetime,
    limit: int | None = None,
) -> PastUnits:
    """Read the units of live experiments that randomise the same unit, each unit once.

    A unit's events are counted as in the analysis of the first of these experiments that it saw: at
    or after the exposure, within the metric's window, before the experiment's end.

    Queries: one for the exposures, one per total of a metric.

    Args:
        experiments: At least one.
        metrics: What to count.
        until: Nothing after this is read.
        limit: The first so many units are read.

    Raises:
        ValueError: There is no experiment, or they randomise different units.
    """
    kinds = sorted({experiment.unit for experiment in experiments})
    if len(kinds) != 1:
        raise ValueError(
            f"the experiments randomise {', '.join(kinds) or 'nothing'}; "
            "there must be at least one, and all must randomise the same"
        )
    rows = Exposure.objects.filter(experiment__in=experiments, exposed_at__lt=until)
    first: dict[str, dt.datetime] = {}
    for unit, exposed_at in rows.order_by("exposed_at", "pk").values_list("unit", "exposed_at"):
        if unit not in first:
            if limit is not None and len(first) == limit:
                break
            first[unit] = exposed_at
    position = {unit: index for index, unit in enumerate(first)}
    return PastUnits(
        experiments=tuple(experiment.key for experiment in experiments),
        days=np.array(
            [time.astimezone(dt.UTC).toordinal() for time in first.values()], dtype=np.int64
        ),
        totals={
            metric.key: _totals(experiments, kinds[0], metric, position, until=until)
            for metric in metrics
        },
    )


def _totals(
    experiments: Sequence[Experiment],
    unit: str,
    metric: Metric,
    position: Mapping[str, int],
    *,
    until: dt.datetime,
) -> Totals:
    parts = [(metric.event, metric.aggregation)]
    if metric.kind == Metric.Kind.RATIO:
        parts.append((metric.denominator_event, metric.denominator_aggregation))
    columns = []
    for name, aggregation in parts:
        events = _counted(experiments, unit, metric, name, until=until)
        by_sum = aggregation == Metric.Aggregation.SUM and metric.kind != Metric.Kind.PROPORTION
        total = Sum("value", default=0) if by_sum else Count("pk")
        column = np.zeros(len(position))
        for key, amount in events.values_list(unit).annotate(total=total).order_by():
            if key in position:
                column[position[key]] = float(amount)
        columns.append(column)
    if metric.kind == Metric.Kind.PROPORTION:
        return (columns[0] > 0).astype(np.float64)
    return columns[0] if len(columns) == 1 else np.column_stack(columns)


def _counted(
    experiments: Sequence[Experiment], unit: str, metric: Metric, name: str, *, until: dt.datetime
) -> QuerySet[Event]:
    exposures = Exposure.objects.filter(experiment__in=experiments, unit=OuterRef(unit))
    first = exposures.order_by("exposed_at", "pk")
    events = Event.objects.filter(name=name, occurred_at__lt=until).alias(
        exposed_at=Subquery(first.values("exposed_at")[:1]),
        ended_at=Subquery(first.values("experiment__ended_at")[:1]),
    )
    events = events.filter(
        Q(ended_at__isnull=True) | Q(occurred_at__lt=F("ended_at")),
        occurred_at__gte=F("exposed_at"),
    )
    if metric.window_hours:
        window = dt.timedelta(hours=metric.window_hours)
        events = events.filter(occurred_at__lt=F("exposed_at") + window)
    return events
