"""How much the looks of a group-sequential test know of a metric, where units alone don't tell.

Looks are as correlated as what they share. Where each unit's value is there when the unit is, that
is the units; where orders come days later, a look at 95 % of the units may know 70 % of the orders.
"""

from __future__ import annotations

from collections.abc import Sequence

from abtesting.statistics.arguments import as_floats, require_list
from abtesting.statistics.moments import Counts, Moments

SMALLEST_GROWTH = 1e-3
"""Share of its information that a look adds at least."""


def accumulated_variance(arms: Sequence[Counts | Moments]) -> float:
    """Return the sum of squares within the arms: the variance of a metric's total so far.

    The difference of two looks' totals is independent of the earlier one as far as what a unit does
    later is independent of what it did before; then z of both has correlation sqrt(V1 / V2).
    Of a ratio it is the sum of squares of numerator - ratio * denominator.

    Args:
        arms: Counts of a proportion, or moments of one column for a mean, of two for a ratio.

    Examples:
        >>> arm = Counts(num_units=100, num_successes=10)
        >>> accumulated_variance([arm, arm])
        18.0
    """
    require_list("arms", arms)
    return sum(_within(arm) for arm in arms)


def _within(arm: Counts | Moments) -> float:
    if isinstance(arm, Counts):
        successes, num_units = arm.num_successes, arm.num_units
        return successes * (num_units - successes) / num_units if num_units else 0.0
    if not isinstance(arm, Moments):
        raise ValueError(f"arms has a {type(arm).__name__}; allowed: Counts, Moments")
    square = arm.comoments[0][0]
    if len(arm.means) < 2 or arm.means[1] == 0:
        return square
    ratio = arm.means[0] / arm.means[1]
    shared, own = arm.comoments[0][1], arm.comoments[1][1]
    return max(square - 2 * ratio * shared + ratio * ratio * own, 0.0)


def increasing_information(variances: Sequence[float]) -> tuple[float, ...]:
    """Return accumulated variances as information: positive, and each above the one before.

    Refunds can make a later variance the smaller one. Such a look knows next to nothing new, which
    is what it gets.

    Args:
        variances: Of the looks in order.

    Examples:
        >>> [round(x, 2) for x in increasing_information([0.0, 40.0, 39.0, 80.0])]
        [0.0, 40.0, 40.04, 80.0]
    """
    values = as_floats("variances", variances).tolist()
    least = 1e-9 * max(values, default=0.0)
    if not (least > 0 and min(values) >= 0):
        raise ValueError(f"variances are {values}; they must be 0 or above, one of them above 0")
    found: list[float] = []
    for variance in values:
        least = max(variance, least)
        found.append(least)
        least *= 1 + SMALLEST_GROWTH
    return tuple(found)
