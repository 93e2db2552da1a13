"""Non-inferiority: whether a variant is at most a margin worse.

A test that finds no difference has not shown that there is none. This one turns the burden of proof
round: the null hypothesis is harm of at least the margin. It takes any two estimates, so means,
ratios and adjusted means alike, and any boundary: one look, planned looks, or any day.
"""

from __future__ import annotations

from dataclasses import dataclass

from abtesting.statistics.boundaries import Boundary, of_side
from abtesting.statistics.margins.contrast import (
    METHOD,
    Harm,
    Metric,
    Scale,
    check_margin,
    compare_with_margin,
    estimate_both,
    side_of_harm,
)
from abtesting.statistics.means import Estimate
from abtesting.statistics.moments import Moments
from abtesting.statistics.skewness import skewness_warnings
from abtesting.statistics.types import Interval, NotEnoughData


@dataclass(frozen=True, slots=True, kw_only=True)
class NonInferiority:
    """Whether a variant is at most a margin worse than the control.

    `p_value < alpha` and `interval` leaving out harm of the margin and more are the same statement.

    Attributes:
        estimate: The difference, or with a relative margin the lift.
        standard_error: Standard error of the contrast that is tested, in the unit of the metric.
        statistic: Standard errors between the contrast and the margin, above 0 for less harm.
        interval: The side of the interval of the estimate that bounds the harm.
        p_value: p-value of harm of at least the margin.
        margin: Harm from which on the variant is inferior, above 0.
        scale: `absolute` or `relative`.
        harm: `decrease` or `increase`.
        method: How the effect was estimated.
        boundary: Name of the boundary.
        alpha: Error rate, all of it on the side of harm.
        warnings: Codes, as of an `Effect`.
    """

    estimate: float
    standard_error: float
    statistic: float
    interval: Interval
    p_value: float
    margin: float
    scale: Scale
    harm: Harm
    method: str
    boundary: str
    alpha: float
    warnings: tuple[str, ...] = ()

    @property
    def is_noninferior(self) -> bool:
        """Whether harm of the margin is ruled out at level `alpha`."""
        return self.p_value < self.alpha


def compare_noninferiority(
    control: Moments,
    variant: Moments,
    *,
    margin: float,
    boundary: Boundary,
    scale: Scale = "absolute",
    harm: Harm = "decrease",
    metric: Metric = "mean",
) -> NonInferiority | NotEnoughData:
    """Test whether a mean or a ratio of totals is at most a margin worse.

    Args:
        control: Moments of the control.
        variant: Moments of the variant.
        margin: Harm from which on the variant is inferior, above 0.
        boundary: When the result may be read, and its error rate; its side follows from `harm`.
        scale: `absolute`, or `relative` for a share of the size of the control value.
        harm: `decrease` if less is worse.
        metric: `mean` of column 0, or `ratio` of column 0 to column 1.

    Returns:
        The result, or why there is none: the reasons of `compare_means` or `compare_ratios`, or
        `zero_baseline` for a relative margin if the control value is 0.

    Examples:
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> result = compare_noninferiority(
        ...     Moments.from_array([12.0, 9.0, 10.0, 11.0, 8.0, 10.0]),
        ...     Moments.from_array([11.0, 10.0, 12.0, 9.0, 10.0, 11.0]),
        ...     margin=0.1,
        ...     scale="relative",
        ...     boundary=FixedHorizon(0.05),
        ... )
        >>> round(result.interval.lower, 3), round(result.p_value, 4), result.is_noninferior
        (-0.075, 0.0261, True)
    """
    boundary = of_side(boundary, side_of_harm(harm))
    prepared = estimate_both(control, variant, boundary=boundary, metric=metric)
    if isinstance(prepared, NotEnoughData):
        return prepared
    return noninferiority_of_estimates(
        *prepared,
        margin=margin,
        boundary=boundary,
        scale=scale,
        harm=harm,
        method=METHOD[metric],
        warnings=skewness_warnings(control, variant),
    )


def noninferiority_of_estimates(
    control: Estimate,
    variant: Estimate,
    *,
    margin: float,
    boundary: Boundary,
    method: str,
    scale: Scale = "absolute",
    harm: Harm = "decrease",
    covariance: float = 0.0,
    warnings: tuple[str, ...] = (),
) -> NonInferiority | NotEnoughData:
    """Test whether any estimate, such as an adjusted mean, is at most a margin worse.

    A relative margin d is tested by the contrast `variant - (1 - d) * control`, which is normal
    whatever the noise of the control, and not by an estimate of the lift. The limit of the lift
    that goes with it is Fieller's.

    Args:
        control: Estimate of the control.
        variant: Estimate of the variant.
        margin: Harm from which on the variant is inferior, above 0.
        boundary: Its first look was asked before; its side follows from `harm`.
        method: Name of the method, for the result.
        scale: `absolute`, or `relative` for a share of the size of the control value.
        harm: `decrease` if less is worse.
        covariance: Covariance of the two estimates, if they share data.
        warnings: Codes of what the result should warn of.

    References:
        Hauschke, D., Kieser, M., Diletti, E. & Burke, M. (1999). Sample size determination for
        proving equivalence based on the ratio of two means. Statistics in Medicine 18(1).

    Examples:
        A conversion rate with a large sample, as an estimate:

        >>> import math
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> control, variant = (
        ...     Estimate(value=p, variance=p * (1 - p) / 20_000, num_units=20_000, df=math.inf)
        ...     for p in (0.1, 0.101)
        ... )
        >>> result = noninferiority_of_estimates(
        ...     control, variant, margin=0.005, boundary=FixedHorizon(0.025), method="wald"
        ... )
        >>> round(result.statistic, 3), round(result.p_value, 4)
        (1.996, 0.023)
    """
    check_margin(margin, scale)
    boundary = of_side(boundary, side_of_harm(harm))
    tested = -margin if harm == "decrease" else margin
    result = compare_with_margin(
        control, variant, tested, scale=scale, boundary=boundary, covariance=covariance
    )
    if isinstance(result, NotEnoughData):
        return result
    return NonInferiority(
        estimate=result.estimate,
        standard_error=result.standard_error,
        statistic=result.z if harm == "decrease" else -result.z,
        interval=result.interval,
        p_value=result.p_value,
        margin=margin,
        scale=scale,
        harm=harm,
        method=method,
        boundary=boundary.name,
        alpha=boundary.alpha,
        warnings=warnings,
    )
