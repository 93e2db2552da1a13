"""Amounts and counts per unit, such as revenue or orders: Welch's test.

`compare_means` turns the moments of two variants into an effect. `compare_estimates` is the step
it shares with the ratios: any two independent estimates with their variances.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from abtesting.statistics.boundaries import Boundary, first_look
from abtesting.statistics.fieller import lift_interval
from abtesting.statistics.moments import Moments
from abtesting.statistics.types import Effect, Interval, NotEnoughData

RESOLUTION = 2.0**-52
ZERO_BASELINE = 1e-100
"""Control values below this many standard errors are 0: a lift would leave the float range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """An estimate of one variant.

    Attributes:
        value: The estimate.
        variance: Variance of the estimate itself, not of the units.
        num_units: Units it rests on, at least 2.
    """

    value: float
    variance: float
    num_units: int


def compare_means(
    control: Moments, variant: Moments, *, boundary: Boundary
) -> Effect | NotEnoughData:
    """Compare the means of the first column.

    Args:
        control: Moments of the control.
        variant: Moments of the variant.
        boundary: When the result may be read, and its level.

    Returns:
        The effect, or why there is none: `too_few_units`, or `zero_variance` when all units of
        each variant have the same value.

    References:
        Welch, B. L. (1947). The generalization of "Student's" problem when several different
        population variances are involved. Biometrika 34(1-2).

    Examples:
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> effect = compare_means(
        ...     Moments.from_array([12.0, 0.0, 33.0, 5.0, 18.0]),
        ...     Moments.from_array([22.0, 14.0, 51.0, 30.0, 17.0]),
        ...     boundary=FixedHorizon(0.05),
        ... )
        >>> round(effect.difference, 2), round(effect.p_value, 4)
        (13.2, 0.1712)
    """
    too_few = first_look(boundary, control=control.n, variant=variant.n)
    if too_few is not None:
        return too_few
    return compare_estimates(
        Estimate(value=control.mean, variance=control.variance / control.n, num_units=control.n),
        Estimate(value=variant.mean, variance=variant.variance / variant.n, num_units=variant.n),
        boundary=boundary,
        method="welch",
    )


def compare_estimates(
    control: Estimate, variant: Estimate, *, boundary: Boundary, method: str
) -> Effect | NotEnoughData:
    """Compare two independent estimates whose variances were estimated from their own units."""
    total_variance = control.variance + variant.variance
    # A spread below what floats can tell apart at this size is rounding, not data.
    largest = max(abs(control.value), abs(variant.value))
    if total_variance <= 0 or math.sqrt(total_variance) < RESOLUTION * largest:
        return NotEnoughData(
            code="zero_variance",
            detail=(
                f"every unit of the control has {control.value:g} and every unit of the variant "
                f"{variant.value:g}; a test needs units that differ"
            ),
        )
    difference = variant.value - control.value
    standard_error = math.sqrt(total_variance)
    control_share = control.variance / total_variance
    # Shares instead of variances: squares of very small or large variances leave the float range.
    df = 1 / (
        control_share**2 / (control.num_units - 1)
        + (1 - control_share) ** 2 / (variant.num_units - 1)
    )
    num_units = control.num_units + variant.num_units
    critical = boundary.critical(num_units, df)
    lift = relative = None
    if abs(control.value) > ZERO_BASELINE * standard_error:
        lift = difference / abs(control.value)
        relative = lift_interval(
            control=control.value,
            difference=difference,
            standard_error=standard_error,
            control_share=control_share,
            critical=critical,
        )
    half_width = critical * standard_error
    return Effect(
        control_value=control.value,
        variant_value=variant.value,
        difference=difference,
        standard_error=standard_error,
        difference_interval=Interval(difference - half_width, difference + half_width),
        p_value=boundary.p_value(difference / standard_error, num_units, df),
        lift=lift,
        lift_interval=relative,
        method=method,
        boundary=boundary.name,
        alpha=boundary.alpha,
    )
