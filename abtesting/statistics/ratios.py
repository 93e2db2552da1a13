"""One total divided by another, such as revenue per order or clicks per view: the delta method.

The units are what was randomised, and a unit with many orders moves both totals. So the variance
comes from the per-unit numerators and denominators together, never from the single events.
"""

from __future__ import annotations

import sys

from abtesting.statistics.arguments import require_moments
from abtesting.statistics.boundaries import Boundary, first_look
from abtesting.statistics.means import Estimate, compare_numbers
from abtesting.statistics.moments import Moments
from abtesting.statistics.skewness import RATIO_INFLATION, skewness_warnings, too_skewed
from abtesting.statistics.types import Effect, NotEnoughData

CANCELLED = 8 * sys.float_info.epsilon
"""Share of its terms below which a sum of squares is rounding."""


def compare_ratios(
    control: Moments, variant: Moments, *, boundary: Boundary
) -> Effect | NotEnoughData:
    """Compare ratios of totals; column 0 is the numerator and column 1 the denominator.

    Args:
        control: Moments of the control, two columns.
        variant: Moments of the variant, two columns.
        boundary: When the result may be read, and its level.

    Returns:
        The effect, or why there is none: `too_few_units`, `zero_denominator`, `zero_variance` when
        all units of each variant have the same ratio, or `too_skewed`. The skewness of the
        numerator, if known, stands in for that of the ratio.

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
    reason = ratio_not_ready(control, variant, boundary=boundary)
    if reason is not None:
        return reason
    control_value, control_variance = _ratio_and_variance(control)
    variant_value, variant_variance = _ratio_and_variance(variant)
    return compare_numbers(
        control=control_value,
        control_variance=control_variance,
        control_df=control.n - 1,
        variant=variant_value,
        variant_variance=variant_variance,
        variant_df=variant.n - 1,
        num_units=control.n + variant.n,
        boundary=boundary,
        method="delta",
        warnings=skewness_warnings(control, variant),
    )


def ratio_not_ready(
    control: Moments, variant: Moments, *, boundary: Boundary
) -> NotEnoughData | None:
    """Return why the boundary has no answer yet on the ratios of these moments, or `None`."""
    require_moments(control, variant)
    if len(control.means) != 2 or len(variant.means) != 2:
        raise ValueError(
            f"control has {len(control.means)} columns and variant {len(variant.means)}; a ratio "
            "needs 2, the numerator and the denominator"
        )
    too_few = first_look(boundary, control=control.n, variant=variant.n)
    if too_few is not None:
        return too_few
    if control.means[1] <= 0 or variant.means[1] <= 0:
        return NotEnoughData(
            code="zero_denominator",
            detail=(
                f"the denominators have a mean of {control.means[1]:g} in the control and "
                f"{variant.means[1]:g} in the variant; a ratio needs both above 0"
            ),
        )
    return too_skewed(control, variant, boundary=boundary, inflation=RATIO_INFLATION)


def estimate_ratio(moments: Moments) -> Estimate:
    """Return the ratio of totals of at least 2 units and its delta-method variance."""
    value, variance = _ratio_and_variance(moments)
    return Estimate(value=value, variance=variance, num_units=moments.n)


def _ratio_and_variance(moments: Moments) -> tuple[float, float]:
    numerator, denominator = moments.means
    ratio = numerator / denominator
    (numerators, products), (_, denominators) = moments.comoments
    # Sum of squares of numerator - ratio * denominator. Where all units have one ratio the terms
    # cancel, and what is left of them is rounding, not variance.
    own, shared = numerators + ratio * ratio * denominators, 2 * ratio * products
    squares = own - shared
    if squares <= CANCELLED * (own + abs(shared)):
        return ratio, 0.0
    return ratio, squares / (moments.n - 1) / moments.n / (denominator * denominator)
