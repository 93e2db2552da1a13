"""How much of what a look has read is in what is read now, by metric, from the units' totals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from abtesting.metrics.kinds import Totals, parts, unit_values
from abtesting.models import Metric
from abtesting.statistics.sequential.information import look_correlation


def look_correlations(
    metrics: Sequence[Metric],
    variant: npt.NDArray[np.int64],
    was_there: npt.NDArray[np.bool_],
    *,
    before: Mapping[tuple[str, str], Totals],
    now: Mapping[tuple[str, str], Totals],
) -> dict[str, float]:
    """Correlation of each metric at the look with the same metric now, without any effect.

    A metric that was, or is, the same for all units is left out.

    Args:
        variant: Index of each unit's variant.
        was_there: Whether the unit was there at the look.
        before: Units' totals by metric and part as the look has read them.
        now: The same as they are now.
    """
    found = {}
    for metric in metrics:
        arms = []
        for index in np.unique(variant):
            chosen = variant == index
            old = chosen & was_there
            values = unit_values(metric.kind, [now[metric.key, x][chosen] for x in parts(metric)])
            known = unit_values(metric.kind, [before[metric.key, x][old] for x in parts(metric)])
            arms.append((known, values[was_there[chosen]], values))
        correlation = look_correlation(arms)
        if correlation is not None:
            found[metric.key] = correlation
    return found
