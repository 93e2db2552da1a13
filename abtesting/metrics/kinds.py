"""The kinds of metrics: how per-unit totals become moments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from abtesting.metrics.moments import UnitMoments
from abtesting.models import Metric
from abtesting.statistics.moments import Counts, Moments

Totals = npt.NDArray[np.float64]


def parts(metric: Metric) -> tuple[str, ...]:
    """The totals that a metric has of each unit."""
    is_ratio = metric.kind == Metric.Kind.RATIO
    return ("numerator", "denominator") if is_ratio else ("numerator",)


def unit_values(kind: str, columns: Sequence[Totals]) -> Totals:
    """What each unit of one variant adds to the metric: of a ratio, its distance from the line.

    Args:
        kind: A `Metric.Kind`.
        columns: As in `unit_moments`.
    """
    if kind == Metric.Kind.PROPORTION:
        return (columns[0] > 0).astype(np.float64)
    if kind == Metric.Kind.RATIO:
        numerator, denominator = columns
        total = denominator.sum()
        return numerator - (numerator.sum() / total if total else 0.0) * denominator
    return columns[0]


def unit_moments(kind: str, columns: Sequence[Totals]) -> UnitMoments:
    """Moments of the units of one variant.

    Args:
        kind: A `Metric.Kind`.
        columns: The units' totals, each of shape [n], 0 for a unit without events: the numerator,
            and for a ratio the denominator.

    Raises:
        ValueError: An unknown kind, or another number of columns than it has.
    """
    if kind == Metric.Kind.PROPORTION and len(columns) == 1:
        num_successes = int(np.count_nonzero(columns[0] > 0))
        return Counts(num_units=len(columns[0]), num_successes=num_successes)
    if (kind == Metric.Kind.MEAN and len(columns) == 1) or (
        kind == Metric.Kind.RATIO and len(columns) == 2
    ):
        empty = len(columns[0]) == 0
        return Moments.zero(len(columns)) if empty else Moments.from_array(np.column_stack(columns))
    raise ValueError(
        f"kind is {kind!r} with {len(columns)} total(s) per unit; "
        "allowed: proportion or mean with 1, ratio with 2"
    )
