"""Variance reduction: effects adjusted for what was known of each unit before the experiment.

`compare_adjusted_means` and `compare_adjusted_ratios` fit one regression per variant on the same
covariates (pre-period values, segment dummies, cross-fitted predictions), which is Lin's
interacted regression and never less precise than no adjustment in a large sample. They need only
the moments of each variant: the outcome in the first column (numerator and denominator in the
first two), the covariates after it. The unadjusted effect is returned beside the adjusted one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from abtesting.statistics.adjustment.lin_regression import Arm, NoRegression, Reason, adjusted_means
from abtesting.statistics.arguments import require_moments
from abtesting.statistics.boundaries import Boundary
from abtesting.statistics.means import compare_means, compare_numbers
from abtesting.statistics.moments import Moments
from abtesting.statistics.ratios import compare_ratios
from abtesting.statistics.types import Effect, NotEnoughData

Fallback = Reason | Literal["no_gain"]
"""Why the unadjusted effect counts: there is no regression (see `Reason`), or the adjusted standard
error is not the smaller one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustedEffect:
    """An effect with and without adjustment.

    Attributes:
        unadjusted: The effect without covariates.
        adjusted: The effect with them; `None` if the regression could not be fitted.
        fallback: Why `effect` is the unadjusted one, or `None` if it is the adjusted one.
        control_coefficients: Slope of each covariate in the control; `None` for a dropped one.
        variant_coefficients: The same in the variant.
        dropped: Positions, among the covariates, of those that are constant or collinear with the
            ones before them in either variant.
    """

    unadjusted: Effect
    adjusted: Effect | None
    fallback: Fallback | None
    control_coefficients: tuple[float | None, ...]
    variant_coefficients: tuple[float | None, ...]
    dropped: tuple[int, ...]

    @property
    def effect(self) -> Effect:
        """The effect to decide on."""
        if self.adjusted is None or self.fallback is not None:
            return self.unadjusted
        return self.adjusted

    @property
    def variance_reduction(self) -> float:
        """Share of the variance that the adjustment takes away: 0.3 is as good as 43 % more units.

        It is 0 where the unadjusted effect counts.
        """
        return 1 - (self.effect.standard_error / self.unadjusted.standard_error) ** 2


def compare_adjusted_means(
    control: Moments, variant: Moments, *, boundary: Boundary
) -> AdjustedEffect | NotEnoughData:
    """Compare the means of the first column, adjusted for the columns after it.

    Each variant gets its own slopes b, and its mean is moved to the covariate means of both
    variants together, `y - b (x - x_pooled)`. The variance of a variant's mean is that of its
    residuals, including the price of the chance imbalance it corrects, plus the spread of the
    pooled covariate means, which the two variants share and which therefore enters their
    difference only as far as their slopes differ. This is the effect on the population that the
    units were drawn from, not only on these units.

    The unadjusted effect counts instead (see `Fallback`) when the covariates promise nothing: the
    rule reads numbers of units and standard errors, never the difference. Where standard errors
    with and without adjustment are close the two estimates are too, so choosing the smaller error
    does not move the rate of false positives.

    Args:
        control: Moments of the control, 1 + k columns.
        variant: Moments of the variant, as many columns.
        boundary: When the result may be read, and its level.

    Returns:
        Both effects, or why there is none, as `compare_means` gives it.

    Raises:
        ValueError: If the numbers of columns differ or there is no covariate.

    References:
        Lin, W. (2013). Agnostic notes on regression adjustments to experimental data. Annals of
        Applied Statistics 7(1), section 4.
        Negi, A. & Wooldridge, J. M. (2021). Revisiting regression adjustment in experiments with
        heterogeneous treatment effects. Econometric Reviews 40(5).
        Deng, A., Xu, Y., Kohavi, R. & Walker, T. (2013). Improving the sensitivity of online
        controlled experiments by utilizing pre-experiment data. WSDM '13.

    Examples:
        >>> import numpy as np
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> rng = np.random.default_rng(1)
        >>> before = rng.normal(50, 10, size=(2, 400))
        >>> after = before + rng.normal(0, 5, size=(2, 400)) + [[0], [1]]
        >>> result = compare_adjusted_means(
        ...     Moments.from_array(np.column_stack([after[0], before[0]])),
        ...     Moments.from_array(np.column_stack([after[1], before[1]])),
        ...     boundary=FixedHorizon(0.05),
        ... )
        >>> round(result.unadjusted.p_value, 4), round(result.effect.p_value, 4)
        (0.0558, 0.001)
        >>> round(result.variance_reduction, 2)
        0.78
    """
    _require_columns(control, variant, outcomes=1)
    unadjusted = compare_means(control, variant, boundary=boundary)
    if isinstance(unadjusted, NotEnoughData):
        return unadjusted
    return _adjust(
        Arm(
            num_units=control.n,
            value=control.means[0],
            means=control.means[1:],
            outcome=control.comoments[0][0],
            products=control.comoments[0][1:],
            gram=[row[1:] for row in control.comoments[1:]],
        ),
        Arm(
            num_units=variant.n,
            value=variant.means[0],
            means=variant.means[1:],
            outcome=variant.comoments[0][0],
            products=variant.comoments[0][1:],
            gram=[row[1:] for row in variant.comoments[1:]],
        ),
        unadjusted=unadjusted,
        boundary=boundary,
        method="regression",
    )


def compare_adjusted_ratios(
    control: Moments, variant: Moments, *, boundary: Boundary
) -> AdjustedEffect | NotEnoughData:
    """Compare ratios of totals, adjusted for the columns after numerator and denominator.

    The ratio is made linear, as in the delta method: every unit gets the score
    `ratio + (numerator - ratio * denominator) / mean denominator` of its variant, and the scores
    are adjusted as the values of a mean are. A pre-period ratio as covariate can be made linear in
    the same way by `covariates.linearised_covariate`; its numerator and denominator as two
    covariates do at least as well in a large sample.

    Args:
        control: Moments of the control, 2 + k columns.
        variant: Moments of the variant, as many columns.
        boundary: When the result may be read, and its level.

    Returns:
        Both effects, or why there is none, as `compare_ratios` gives it.

    Raises:
        ValueError: If the numbers of columns differ or there is no covariate.

    References:
        Deng, A., Knoblich, U. & Lu, J. (2018). Applying the delta method in metric analytics.
        KDD '18, section 3. Lin (2013) as for `compare_adjusted_means`.

    Examples:
        >>> import numpy as np
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> rng = np.random.default_rng(2)
        >>> views, before = 1 + rng.poisson(6, size=(2, 500)), rng.normal(size=(2, 500))
        >>> clicks = views * (0.3 + 0.05 * before) + rng.normal(0, 0.2, size=(2, 500))
        >>> control, variant = (
        ...     Moments.from_array(np.column_stack(columns))
        ...     for columns in zip(clicks, views, before, strict=True)
        ... )
        >>> result = compare_adjusted_ratios(control, variant, boundary=FixedHorizon(0.05))
        >>> round(result.variance_reduction, 2)
        0.68
    """
    _require_columns(control, variant, outcomes=2)
    unadjusted = compare_ratios(_first_two(control), _first_two(variant), boundary=boundary)
    if isinstance(unadjusted, NotEnoughData):
        return unadjusted
    return _adjust(
        _linearised(control),
        _linearised(variant),
        unadjusted=unadjusted,
        boundary=boundary,
        method="regression_delta",
    )


def _require_columns(control: Moments, variant: Moments, *, outcomes: int) -> None:
    require_moments(control, variant)
    columns = len(control.means)
    if columns != len(variant.means):
        raise ValueError(
            f"control has {columns} columns and variant {len(variant.means)}; they must be equal"
        )
    if columns <= outcomes:
        raise ValueError(
            f"moments have {columns} columns; the adjustment needs {outcomes} for the outcome "
            "and at least 1 covariate after it"
        )


def _first_two(moments: Moments) -> Moments:
    return Moments(
        n=moments.n,
        means=moments.means[:2],
        comoments=tuple(row[:2] for row in moments.comoments[:2]),
        thirds=None if moments.thirds is None else moments.thirds[:2],
    )


def _linearised(moments: Moments) -> Arm:
    denominator = moments.means[1]
    ratio = moments.means[0] / denominator
    numerators, denominators = moments.comoments[0], moments.comoments[1]
    squares = numerators[0] - 2 * ratio * numerators[1] + ratio * ratio * denominators[1]
    return Arm(
        num_units=moments.n,
        value=ratio,
        means=moments.means[2:],
        outcome=max(squares, 0.0) / (denominator * denominator),
        products=[
            (y - ratio * d) / denominator
            for y, d in zip(numerators[2:], denominators[2:], strict=True)
        ],
        gram=[row[2:] for row in moments.comoments[2:]],
    )


def _adjust(
    control: Arm, variant: Arm, *, unadjusted: Effect, boundary: Boundary, method: str
) -> AdjustedEffect:
    means = adjusted_means(control, variant)
    if isinstance(means, NoRegression):
        unknown = (None,) * len(control.means)
        return AdjustedEffect(
            unadjusted=unadjusted,
            adjusted=None,
            fallback=means.reason,
            control_coefficients=unknown,
            variant_coefficients=unknown,
            dropped=means.dropped,
        )
    effect = compare_numbers(
        control=means.control,
        control_variance=means.control_variance,
        control_df=means.control_df,
        variant=means.variant,
        variant_variance=means.variant_variance,
        variant_df=means.variant_df,
        num_units=control.num_units + variant.num_units,
        boundary=boundary,
        method=method,
        covariance=means.covariance,
        warnings=unadjusted.warnings,
    )
    adjusted: Effect | None = None
    fallback: Fallback | None = "perfect_fit"
    if isinstance(effect, Effect):
        adjusted = effect
        fallback = None if effect.standard_error < unadjusted.standard_error else "no_gain"
    return AdjustedEffect(
        unadjusted=unadjusted,
        adjusted=adjusted,
        fallback=fallback,
        control_coefficients=means.control_slopes,
        variant_coefficients=means.variant_slopes,
        dropped=means.dropped,
    )
