"""The kinds of metrics: how per-unit totals become moments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from abtesting.metrics.moments import UnitMoments
from abtesting.models import Metric
from abtesting.statistics.moments import Counts, Moments

Totals = npt.NDArray[np.float64]


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
