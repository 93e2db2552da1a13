"""One total divided by another, such as revenue per order or clicks per view: the delta method.

The units are what was randomised, and a unit with many orders moves both totals. So the variance
comes from the per-unit numerators and denominators together, never from the single events.
"""

from __future__ import annotations

import sys

from abtesting.statistics.boundaries import Boundary, first_look
from abtesting.statistics.means import Estimate, compare_estimates
from abtesting.statistics.moments import Moments
from abtesting.statistics.types import Effect, NotEnoughData


def compare_ratios(
    control: Moments, variant: Moments, *, boundary: Boundary
) -> Effect | NotEnoughData:
    """Compare ratios of totals; column 0 is the numerator and column 1 the denominator.

    Args:
        control: Moments of the control, two columns.
        variant: Moments of the variant, two columns.
        boundary: When the result may be read, and its level.

    Returns:
        The effect, or why there is none: `too_few_units`, `zero_denominator`, or `zero_variance`
        when all units of each variant have the same ratio.

    References:
        Deng, A., Knoblich, U. & Lu, J. (2018). Applying the delta method in metric analytics.
        KDD '18, section 3.

    Examples:
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> effect = compare_ratios(
        ...     Moments.from_array([[10.0, 1.0], [35.0, 2.0], [0.0, 0.0], [24.0, 2.0]]),
        ...     Moments.from_array([[28.0, 2.0], [0.0, 0.0], [21.0, 1.0], [45.0, 2.0]]),
        ...     boundary=FixedHorizon(0.05),
        ... )
        >>> round(effect.control_value, 2), round(effect.variant_value, 2)
        (13.8, 18.8)
    """
    for name, moments in (("control", control), ("variant", variant)):
        if len(moments.means) != 2:
            raise ValueError(
                f"{name} has {len(moments.means)} columns; a ratio needs 2, the numerator and the "
                "denominator"
            )
    too_few = first_look(boundary, control=control.n, variant=variant.n)
    if too_few is not None:
        return too_few
    for name, moments in (("control", control), ("variant", variant)):
        if moments.means[1] <= 0:
            return NotEnoughData(
                code="zero_denominator",
                detail=(
                    f"the denominators of the {name} have a mean of {moments.means[1]:g}; a ratio "
                    "needs a mean above 0"
                ),
            )
    return compare_estimates(
        estimate_ratio(control), estimate_ratio(variant), boundary=boundary, method="delta"
    )


def estimate_ratio(moments: Moments) -> Estimate:
    """Return the ratio of totals of at least 2 units and its delta-method variance."""
    numerator, denominator = moments.means
    ratio = numerator / denominator
    (numerators, products), (_, denominators) = moments.comoments
    terms = (numerators, -2 * ratio * products, ratio * ratio * denominators)
    # Sum of squares of numerator - ratio * denominator. Where all units have one ratio the terms
    # cancel, and what is left of them is rounding, not variance.
    squares = sum(terms)
    if squares <= 8 * sys.float_info.epsilon * sum(abs(term) for term in terms):
        squares = 0.0
    variance = squares / (moments.n - 1) / moments.n / (denominator * denominator)
    return Estimate(value=ratio, variance=variance, num_units=moments.n)
