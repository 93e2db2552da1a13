"""How much the looks of a group-sequential test share, where units alone don't tell.

Looks are as correlated as what they have read. Where each unit's value is there when the unit is,
the units tell. Where orders come, or go back, days later, a look at 95 % of the units may have read
70 % of the orders, and the next one reads them all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abtesting.statistics.arguments import as_floats, require_list

LEAST_SHARED = 0.05
"""Share of its information that a look has from the one before, at least."""
MOST_SHARED = 0.999


def look_correlation(arms: Sequence[tuple[ArrayLike, ArrayLike, ArrayLike]]) -> float | None:
    """Return the correlation of a test statistic at one look with itself at a later one.

    Of the differences of means within the arms, when no arm differs from another: with values a of
    the units at the first look, b of the same units and c of all units at the later one, the sum of
    products of a and b over the root of the sums of squares of a and of c, each around its mean in
    the arm.

    Args:
        arms: Values (a, b, c) of each arm, each of shape [n]. Of a ratio, numerator minus ratio
            times denominator.

    Returns:
        The correlation, from 0 to 1; `None` where all values at a look are the same.

    Examples:
        Ten of 100 units had bought; of 200 units, 25 have now, 15 of them of the first hundred:

        >>> first, same, all_units = [1] * 10 + [0] * 90, [1] * 15 + [0] * 85, [1] * 25 + [0] * 175
        >>> round(look_correlation([(first, same, all_units)]), 3)
        0.606
    """
    require_list("arms", arms)
    shared = before = after = 0.0
    for number, arm in enumerate(arms):
        require_list(f"arms[{number}]", arm)
        if len(arm) != 3:
            raise ValueError(f"arms[{number}] has {len(arm)} values; it must have 3 arrays")
        a, b, c = (_centred(as_floats(f"arms[{number}]", values)) for values in arm)
        if len(a) != len(b) or len(c) < len(b):
            raise ValueError(
                f"arms[{number}] has {len(a)}, {len(b)} and {len(c)} units; the first two must be "
                "as many, and the last no fewer"
            )
        shared += float(a @ b)
        before += float(a @ a)
        after += float(c @ c)
    if not (before > 0 and after > 0):
        return None
    return min(max(shared / math.sqrt(before) / math.sqrt(after), 0.0), 1.0)


def information_of(correlations: Sequence[float]) -> tuple[float, ...]:
    """Return information of looks that have these correlations with the look before each.

    Only how the values compare counts: the first is 1. Looks of a Brownian motion have correlation
    sqrt(I1 / I2), so that each is as alike to its neighbours as it was measured.

    Args:
        correlations: Of the second look with the first, of the third with the second, and so on.

    Examples:
        >>> [round(x, 2) for x in information_of([0.5**0.5, 0.8])]
        [1.0, 2.0, 3.12]
    """
    values = as_floats("correlations", correlations).tolist()
    information = [1.0]
    for correlation in values:
        if not 0 <= correlation <= 1:
            raise ValueError(f"correlations has {correlation!r}; each must be from 0 to 1")
        share = min(max(correlation * correlation, LEAST_SHARED), MOST_SHARED)
        information.append(information[-1] / share)
    return tuple(information)


def _centred(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values - values.mean() if values.size else values
