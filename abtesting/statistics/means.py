"""Amounts and counts per unit, such as revenue or orders: Welch's test.

`compare_means` turns the moments of two variants into an effect. `compare_estimates` is the step
that it shares with every other method whose estimates are close to normal: any two estimates with
their variances, and their covariance where they have one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from abtesting.statistics.arguments import require_boundary, require_moments, require_type
from abtesting.statistics.boundaries import Boundary, first_look
from abtesting.statistics.fieller import lift_interval
from abtesting.statistics.moments import Moments
from abtesting.statistics.skewness import skewness_warnings, too_skewed
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
        df: Degrees of freedom of the variance; `None` is `num_units - 1`.
    """

    value: float
    variance: float
    num_units: int
    df: float | None = None


def compare_means(
    control: Moments, variant: Moments, *, boundary: Boundary
) -> Effect | NotEnoughData:
    """Compare the means of the first column.

    Args:
        control: Moments of the control.
        variant: Moments of the variant.
        boundary: When the result may be read, and its level.

    Returns:
        The effect, or why there is none: `too_few_units`; `too_skewed` for a boundary that is read
        early; or `zero_variance` when all units of each variant have the same value. The effect
        warns of `skewed` values. Both need third moments.

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
    reason = mean_not_ready(control, variant, boundary=boundary)
    if reason is not None:
        return reason
    return compare_numbers(
        control=control.means[0],
        control_variance=control.comoments[0][0] / (control.n - 1) / control.n,
        control_df=control.n - 1,
        variant=variant.means[0],
        variant_variance=variant.comoments[0][0] / (variant.n - 1) / variant.n,
        variant_df=variant.n - 1,
        num_units=control.n + variant.n,
        boundary=boundary,
        method="welch",
        warnings=skewness_warnings(control, variant),
    )


def compare_means_pooled(
    control: Moments, variant: Moments, *, boundary: Boundary
) -> Effect | NotEnoughData:
    """Compare the means of the first column by Student's test, to check published results.

    It takes both variances for equal. Where they are not, and the arms are not of one size either,
    it errs, and nothing tells when; `compare_means` costs next to nothing in power.

    Args:
        control: Moments of the control.
        variant: Moments of the variant.
        boundary: When the result may be read, and its level.

    Returns:
        The effect, or why there is none, as from `compare_means`.

    References:
        Student (1908). The probable error of a mean. Biometrika 6(1).

    Examples:
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> effect = compare_means_pooled(
        ...     Moments.from_array([12.0, 0.0, 33.0, 5.0, 18.0]),
        ...     Moments.from_array([22.0, 14.0, 51.0, 30.0, 17.0, 21.0]),
        ...     boundary=FixedHorizon(0.05),
        ... )
        >>> round(effect.p_value, 4)
        0.1598
    """
    reason = mean_not_ready(control, variant, boundary=boundary)
    if reason is not None:
        return reason
    df = control.n + variant.n - 2
    pooled = (control.comoments[0][0] + variant.comoments[0][0]) / df
    # Degrees of freedom that add up to all of them when the variances are weighted.
    return compare_numbers(
        control=control.means[0],
        control_variance=pooled / control.n,
        control_df=df * variant.n / (control.n + variant.n),
        variant=variant.means[0],
        variant_variance=pooled / variant.n,
        variant_df=df * control.n / (control.n + variant.n),
        num_units=control.n + variant.n,
        boundary=boundary,
        method="student",
        warnings=skewness_warnings(control, variant),
    )


def mean_not_ready(
    control: Moments, variant: Moments, *, boundary: Boundary
) -> NotEnoughData | None:
    """Return why the boundary has no answer yet on the means of these moments, or `None`."""
    require_moments(control, variant)
    return first_look(boundary, control=control.n, variant=variant.n) or too_skewed(
        control, variant, boundary=boundary
    )


def estimate_mean(moments: Moments) -> Estimate:
    """Return the mean of the first column of at least 2 units and its variance."""
    return Estimate(value=moments.mean, variance=moments.variance / moments.n, num_units=moments.n)


def compare_estimates(
    control: Estimate,
    variant: Estimate,
    *,
    boundary: Boundary,
    method: str,
    covariance: float = 0.0,
    warnings: tuple[str, ...] = (),
) -> Effect | NotEnoughData:
    """Compare two estimates whose variances were estimated.

    Args:
        control: Estimate of the control.
        variant: Estimate of the variant.
        boundary: Asked for the critical value and the p-value; its first look was asked before.
        method: Name of the method, for the effect.
        covariance: Covariance of the two estimates, if they share data.
        warnings: Codes of what the effect should warn of.

    Returns:
        The effect, or `zero_variance`.

    References:
        Satterthwaite, F. E. (1946). An approximate distribution of estimates of variance
        components. Biometrics Bulletin 2(6).

    Examples:
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> effect = compare_estimates(
        ...     Estimate(value=2.0, variance=0.01, num_units=800),
        ...     Estimate(value=2.4, variance=0.02, num_units=400),
        ...     boundary=FixedHorizon(0.05),
        ...     method="regression",
        ...     covariance=0.003,
        ... )
        >>> round(effect.standard_error, 4), round(effect.p_value, 4)
        (0.1549, 0.0101)
    """
    require_type("control", control, Estimate)
    require_type("variant", variant, Estimate)
    require_boundary(boundary)
    return compare_numbers(
        control=control.value,
        control_variance=control.variance,
        control_df=degrees_of_freedom(control),
        variant=variant.value,
        variant_variance=variant.variance,
        variant_df=degrees_of_freedom(variant),
        num_units=control.num_units + variant.num_units,
        boundary=boundary,
        method=method,
        covariance=covariance,
        warnings=warnings,
    )


def compare_numbers(
    *,
    control: float,
    control_variance: float,
    control_df: float,
    variant: float,
    variant_variance: float,
    variant_df: float,
    num_units: int,
    boundary: Boundary,
    method: str,
    covariance: float = 0.0,
    warnings: tuple[str, ...] = (),
) -> Effect | NotEnoughData:
    """Do what `compare_estimates` does, without the two objects that take a fifth of its time."""
    total_variance = control_variance + variant_variance - 2 * covariance
    # A spread below what floats can tell apart at this size is rounding, not data.
    standard_error = math.sqrt(total_variance) if total_variance > 0 else 0.0
    smallest = standard_error / RESOLUTION
    if smallest == 0 or not (-smallest <= control <= smallest and -smallest <= variant <= smallest):
        return NotEnoughData(
            code="zero_variance",
            detail=(
                f"every unit of the control has {control:g} and every unit of the variant "
                f"{variant:g}; a test needs units that differ"
            ),
        )
    difference = variant - control
    # Shares instead of variances: squares of very small or large variances leave the float range.
    control_share = control_variance / total_variance
    variant_share = variant_variance / total_variance
    df = satterthwaite(control_share, control_df, variant_share, variant_df)
    critical = boundary.critical(num_units, df)
    side = boundary.side
    lift = relative = None
    if abs(control) > ZERO_BASELINE * standard_error:
        lift = difference / abs(control)
        relative = lift_interval(
            control=control,
            difference=difference,
            standard_error=standard_error,
            control_share=control_share,
            critical=critical,
            covariance_share=covariance / total_variance,
            side=side,
        )
    half_width = critical * standard_error
    return Effect(
        control_value=control,
        variant_value=variant,
        difference=difference,
        standard_error=standard_error,
        difference_interval=Interval(
            -math.inf if side == "less" else difference - half_width,
            math.inf if side == "greater" else difference + half_width,
        ),
        p_value=boundary.p_value(difference / standard_error, num_units, df),
        lift=lift,
        lift_interval=relative,
        method=method,
        boundary=boundary.name,
        alpha=boundary.alpha,
        side=side,
        warnings=warnings,
    )


def degrees_of_freedom(estimate: Estimate) -> float:
    """Return the degrees of freedom of an estimate's variance."""
    return estimate.num_units - 1 if estimate.df is None else estimate.df


def satterthwaite(
    first_share: float, first_df: float, second_share: float, second_df: float
) -> float | None:
    """Return the degrees of freedom of a sum of two variances, `None` if both are infinite.

    Args:
        first_share: First variance divided by that of the difference.
        first_df: Its degrees of freedom.
        second_share: Second variance divided by that of the difference.
        second_df: Its degrees of freedom.
    """
    inverse = first_share * first_share / first_df + second_share * second_share / second_df
    return 1 / inverse if inverse > 0 else None
