"""CUPED as it was published: one slope for both variants, taken from the sums of both together.

Peers report this form, so it is here to compare with them. Decisions use `regression`, which gives
each variant its own slope: the same where the variants are of equal size and the effect is the
same for everyone, and more precise where they are not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from abtesting.statistics.adjustment.covariates import transformed
from abtesting.statistics.arguments import require_moments
from abtesting.statistics.boundaries import Boundary, first_look
from abtesting.statistics.means import Estimate, compare_estimates
from abtesting.statistics.moments import Moments
from abtesting.statistics.types import Effect, NotEnoughData

ThetaSource = Literal["pooled", "variants"]
"""`pooled`: from the units of both variants together. `variants`: from the sum of the covariances
within each variant over the sum of the variances, whatever the numbers of units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CupedEffect:
    """The effect, and the slope it was adjusted with."""

    effect: Effect
    theta: float


def compare_cuped_means(
    control: Moments, variant: Moments, *, boundary: Boundary, theta: ThetaSource = "pooled"
) -> CupedEffect | NotEnoughData:
    """Compare the means of the first column, adjusted for the second with one slope.

    Args:
        control: Moments of the control: outcome, covariate.
        variant: Moments of the variant.
        boundary: When the result may be read, and its level.
        theta: Which covariance the slope comes from.

    Returns:
        The effect, or why there is none: `too_few_units`, `zero_variance`, or
        `constant_covariate`.

    References:
        Deng, A., Xu, Y., Kohavi, R. & Walker, T. (2013). Improving the sensitivity of online
        controlled experiments by utilizing pre-experiment data. WSDM '13, section 3.

    Examples:
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> result = compare_cuped_means(
        ...     Moments.from_array([[5.0, 4.0], [7.0, 8.0], [6.0, 5.0], [9.0, 9.0]]),
        ...     Moments.from_array([[8.0, 5.0], [9.0, 7.0], [6.0, 3.0], [11.0, 9.0]]),
        ...     boundary=FixedHorizon(0.05),
        ... )
        >>> round(result.theta, 3), round(result.effect.difference, 3)
        (0.687, 2.093)
    """
    require_moments(control, variant)
    for name, moments in (("control", control), ("variant", variant)):
        if len(moments.means) != 2:
            raise ValueError(
                f"{name} has {len(moments.means)} columns; CUPED of a mean needs 2, the outcome "
                "and the covariate"
            )
    too_few = first_look(boundary, control=control.n, variant=variant.n)
    if too_few is not None:
        return too_few
    return _compare(control, variant, control + variant, boundary=boundary, source=theta)


def compare_cuped_ratios(
    control: Moments, variant: Moments, *, boundary: Boundary, theta: ThetaSource = "pooled"
) -> CupedEffect | NotEnoughData:
    """Compare ratios of totals, adjusted for the same ratio of the pre-period with one slope.

    Args:
        control: Moments of the control: numerator, denominator, and both of the pre-period.
        variant: Moments of the variant.
        boundary: When the result may be read, and its level.
        theta: Which covariance the slope comes from.

    Returns:
        The effect, or why there is none: `too_few_units`, `zero_denominator`, `zero_variance`, or
        `constant_covariate`.

    References:
        Deng et al. (2013), as for `compare_cuped_means`. Deng, A., Knoblich, U. & Lu, J. (2018).
        Applying the delta method in metric analytics. KDD '18, section 3.

    Examples:
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> result = compare_cuped_ratios(
        ...     Moments.from_array([[5.0, 2, 4, 2], [7, 2, 9, 3], [6, 3, 4, 2], [9, 3, 9, 3]]),
        ...     Moments.from_array([[8.0, 2, 5, 2], [9, 3, 7, 2], [6, 2, 3, 1], [11, 3, 9, 3]]),
        ...     boundary=FixedHorizon(0.05),
        ... )
        >>> round(result.effect.difference, 2)
        0.41
    """
    require_moments(control, variant)
    parts = []
    for name, moments in (("control", control), ("variant", variant)):
        if len(moments.means) != 4:
            raise ValueError(
                f"{name} has {len(moments.means)} columns; CUPED of a ratio needs 4, numerator and "
                "denominator, and those of the pre-period"
            )
    too_few = first_look(boundary, control=control.n, variant=variant.n)
    if too_few is not None:
        return too_few
    for name, moments in (
        ("control", control),
        ("variant", variant),
        ("both", control + variant),
    ):
        for column in (1, 3):
            if moments.means[column] <= 0:
                return NotEnoughData(
                    code="zero_denominator",
                    detail=(
                        f"the denominators of column {column} in {name} have a mean of "
                        f"{moments.means[column]:g}; a ratio needs a mean above 0"
                    ),
                )
        parts.append(_linearised(moments))
    return _compare(parts[0], parts[1], parts[2], boundary=boundary, source=theta)


def _compare(
    control: Moments, variant: Moments, both: Moments, *, boundary: Boundary, source: ThetaSource
) -> CupedEffect | NotEnoughData:
    """Compare moments of an outcome and a covariate."""
    if source == "pooled":
        covariance, spread = both.comoments[0][1], both.comoments[1][1]
    elif source == "variants":
        covariance, spread = (control.covariance(i, 1) + variant.covariance(i, 1) for i in (0, 1))
    else:
        raise ValueError(f"theta is {source!r}; it must be 'pooled' or 'variants'")
    if spread <= 0:
        return NotEnoughData(
            code="constant_covariate",
            detail=(
                f"every unit has a covariate of {both.means[1]:g}; a slope needs units that differ"
            ),
        )
    slope = covariance / spread
    estimates = []
    for arm in (control, variant):
        variance = (
            arm.covariance(0, 0)
            - 2 * slope * arm.covariance(0, 1)
            + slope**2 * arm.covariance(1, 1)
        )
        estimates.append(
            Estimate(
                value=arm.means[0] - slope * (arm.means[1] - both.means[1]),
                variance=max(variance, 0.0) / arm.n,
                num_units=arm.n,
            )
        )
    effect = compare_estimates(*estimates, boundary=boundary, method="cuped")
    if isinstance(effect, NotEnoughData):
        return effect
    return CupedEffect(effect=effect, theta=slope)


def _linearised(moments: Moments) -> Moments:
    """Return the moments of a unit's share in both ratios, whose means are the ratios."""
    numerator, denominator, earlier, earlier_denominator = moments.means
    ratio, earlier_ratio = numerator / denominator, earlier / earlier_denominator
    deviations = transformed(
        moments,
        np.array(
            [
                [1 / denominator, -ratio / denominator, 0.0, 0.0],
                [0.0, 0.0, 1 / earlier_denominator, -earlier_ratio / earlier_denominator],
            ]
        ),
    )
    return replace(deviations, means=(ratio, earlier_ratio))
