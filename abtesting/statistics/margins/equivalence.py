"""Equivalence: whether a variant is within a margin of the control, on either side.

It takes any two estimates, and any boundary, like non-inferiority, of which it is both directions.
"""

from __future__ import annotations

from dataclasses import dataclass

from abtesting.statistics.boundaries import Boundary, of_side
from abtesting.statistics.margins.contrast import (
    METHOD,
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
class Equivalence:
    """Whether a variant is within a margin of the control, on either side.

    `p_value < alpha` and `interval` lying inside the margins are the same statement.

    Attributes:
        estimate: The difference, or with a relative margin the lift.
        interval: Both one-sided intervals together; with one look its level is 1 - 2 alpha.
        p_value: The larger of the two one-sided p-values.
        margin: Largest difference in either direction that counts as none.
        scale: `absolute` or `relative`.
        method: How the effect was estimated.
        boundary: Name of the boundary.
        alpha: Error rate of each of the two tests, and so of both together.
        warnings: Codes, as of an `Effect`.
    """

    estimate: float
    interval: Interval
    p_value: float
    margin: float
    scale: Scale
    method: str
    boundary: str
    alpha: float
    warnings: tuple[str, ...] = ()

    @property
    def is_equivalent(self) -> bool:
        """Whether differences of the margin and more are ruled out at level `alpha`."""
        return self.p_value < self.alpha


def compare_equivalence(
    control: Moments,
    variant: Moments,
    *,
    margin: float,
    boundary: Boundary,
    scale: Scale = "absolute",
    metric: Metric = "mean",
) -> Equivalence | NotEnoughData:
    """Test whether a mean or a ratio of totals is within a margin of the control's.

    Args:
        control: Moments of the control.
        variant: Moments of the variant.
        margin: Difference from which on the two are not equivalent, above 0.
        boundary: When the result may be read, and the error rate of each of the two tests.
        scale: `absolute`, or `relative` for a share of the size of the control value.
        metric: `mean` of column 0, or `ratio` of column 0 to column 1.

    Returns:
        The result, or why there is none, as from `compare_noninferiority`.

    Examples:
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> result = compare_equivalence(
        ...     Moments.from_array([12.0, 9.0, 10.0, 11.0, 8.0, 10.0]),
        ...     Moments.from_array([11.0, 10.0, 12.0, 9.0, 10.0, 11.0]),
        ...     margin=2.0,
        ...     boundary=FixedHorizon(0.05),
        ... )
        >>> round(result.interval.lower, 3), round(result.interval.upper, 3)
        (-0.814, 1.814)
        >>> round(result.p_value, 4), result.is_equivalent
        (0.0329, True)
    """
    # One of the two directions is the one in which skewness does harm.
    estimates = estimate_both(
        control, variant, boundary=of_side(boundary, "greater"), metric=metric
    )
    if not isinstance(estimates, NotEnoughData):
        estimates = estimate_both(
            control, variant, boundary=of_side(boundary, "less"), metric=metric
        )
    if isinstance(estimates, NotEnoughData):
        return estimates
    return equivalence_of_estimates(
        *estimates,
        margin=margin,
        boundary=boundary,
        scale=scale,
        method=METHOD[metric],
        warnings=skewness_warnings(control, variant),
    )


def equivalence_of_estimates(
    control: Estimate,
    variant: Estimate,
    *,
    margin: float,
    boundary: Boundary,
    method: str,
    scale: Scale = "absolute",
    covariance: float = 0.0,
    warnings: tuple[str, ...] = (),
) -> Equivalence | NotEnoughData:
    """Test whether any two estimates are within a margin, by two one-sided tests.

    Args:
        control: Estimate of the control.
        variant: Estimate of the variant.
        margin: Difference from which on the two are not equivalent, above 0.
        boundary: Its first look was asked before.
        method: Name of the method, for the result.
        scale: `absolute`, or `relative` for a share of the size of the control value.
        covariance: Covariance of the two estimates, if they share data.
        warnings: Codes of what the result should warn of.

    References:
        Schuirmann, D. J. (1987). A comparison of the two one-sided tests procedure and the power
        approach for assessing the equivalence of average bioavailability. Journal of
        Pharmacokinetics and Biopharmaceutics 15(6).
    """
    check_margin(margin, scale)
    above, below = (
        compare_with_margin(
            control,
            variant,
            tested,
            scale=scale,
            boundary=of_side(boundary, side),
            covariance=covariance,
        )
        for tested, side in (
            (-margin, side_of_harm("decrease")),
            (margin, side_of_harm("increase")),
        )
    )
    if isinstance(above, NotEnoughData):
        return above
    if isinstance(below, NotEnoughData):
        return below
    return Equivalence(
        estimate=above.estimate,
        interval=Interval(above.interval.lower, below.interval.upper),
        p_value=max(above.p_value, below.p_value),
        margin=margin,
        scale=scale,
        method=method,
        boundary=boundary.name,
        alpha=boundary.alpha,
        warnings=warnings,
    )
