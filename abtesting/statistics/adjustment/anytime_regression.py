"""Always-valid inference for a regression coefficient, at any number of units.

The confidence sequence of `boundaries.AlwaysValid` holds in large samples. For a linear model with
normal errors this one is exact from the first residual on: the evidence is the ratio of the t
density under a normal prior on the coefficient to that under no effect, which no choice of when to
look can inflate. In an experiment the coefficient is the difference between the variants, adjusted
for covariates with one slope for both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from abtesting.statistics.arguments import (
    as_floats,
    require_at_least,
    require_finite,
    require_moments,
    require_positive,
    require_probability,
)
from abtesting.statistics.moments import Moments
from abtesting.statistics.types import Interval, NotEnoughData, num_of


@dataclass(frozen=True, slots=True, kw_only=True)
class AnytimeCoefficient:
    """A coefficient that may be read at any time.

    Attributes:
        estimate: Least-squares estimate.
        standard_error: Its standard error.
        interval: Confidence sequence at this number of units; unbounded while the units are too
            few for any answer at this level.
        p_value: Always-valid p-value, 1 over the e-value and at most 1; below `alpha` exactly when
            the interval leaves 0 out.
        log_e_value: Logarithm of the evidence against no effect.
        df: Degrees of freedom of the residual.
        phi: Precision of the prior, in units of the information of one unit.
        alpha: Error rate over all looks.
        method: `anytime_regression`.
    """

    estimate: float
    standard_error: float
    interval: Interval
    p_value: float
    log_e_value: float
    df: float
    phi: float
    alpha: float
    method: str = "anytime_regression"


def anytime_coefficient(
    *,
    estimate: float,
    standard_error: float,
    information: float,
    df: float,
    alpha: float,
    phi: float = 1.0,
) -> AnytimeCoefficient:
    """Turn a least-squares coefficient into one that may be read at any time.

    Args:
        estimate: The coefficient.
        standard_error: Its classical standard error, above 0.
        information: Residual sum of squares of its column on the other columns, which is
            `(residual standard deviation / standard_error)^2`.
        df: Degrees of freedom of the residual, at least 1.
        alpha: Error rate over all looks.
        phi: Precision of the prior: under it the coefficient has a variance of `1 / phi` times
            that of the residual. The interval is narrowest around a certain amount of information,
            see `phi_for_plan`.

    References:
        Lindon, M., Ham, D. W., Tingley, M. & Bojinov, I. (2022). Anytime-valid linear models and
        regression adjusted causal inference in randomized experiments. arXiv:2210.08589.

    Examples:
        >>> result = anytime_coefficient(
        ...     estimate=0.52, standard_error=0.14, information=50.0, df=197, alpha=0.05
        ... )
        >>> round(result.p_value, 4)
        0.0101
        >>> round(result.interval.lower, 3), round(result.interval.upper, 3)
        (0.07, 0.97)
    """
    for name, value in (
        ("standard_error", standard_error),
        ("information", information),
        ("phi", phi),
    ):
        require_positive(name, value)
    require_finite("estimate", estimate)
    require_at_least("df", df, 1)
    require_probability("alpha", alpha)
    log_shrinkage = math.log(phi) - math.log(phi + information)
    shrinkage = math.exp(log_shrinkage)
    t = estimate / standard_error
    t_squared = t * t
    gain = math.log1p(t_squared / df) - math.log1p(shrinkage * t_squared / df)
    log_e_value = log_shrinkage / 2 + (df + 1) / 2 * gain
    # Solved for t: the largest t whose e-value stays below 1 / alpha.
    limit = (log_shrinkage + 2 * math.log(alpha)) / (df + 1)
    spare = math.exp(limit) - shrinkage
    half_width = math.inf
    if spare > 0:
        half_width = standard_error * math.sqrt(df * -math.expm1(limit) / spare)
    return AnytimeCoefficient(
        estimate=estimate,
        standard_error=standard_error,
        interval=Interval(estimate - half_width, estimate + half_width),
        p_value=math.exp(-max(log_e_value, 0.0)),
        log_e_value=log_e_value,
        df=df,
        phi=phi,
        alpha=alpha,
    )


def anytime_regression(
    control: Moments, variant: Moments, *, alpha: float, phi: float = 1.0
) -> AnytimeCoefficient | NotEnoughData:
    """Compare the means of the first column at any time, adjusted for the columns after it.

    The model has a constant, the variant, and one slope per covariate for both variants. Constant
    and collinear covariates change nothing.

    Args:
        control: Moments of the control, 1 + k columns.
        variant: Moments of the variant, as many columns.
        alpha: Error rate over all looks.
        phi: Precision of the prior, see `anytime_coefficient`.

    Returns:
        The difference, or why there is none: `too_few_units` (one in each variant, and one more
        than coefficients) or `zero_variance`.

    References:
        Lindon et al. (2022), as for `anytime_coefficient`.

    Examples:
        >>> result = anytime_regression(
        ...     Moments.from_array([[5.0, 4.0], [7.0, 8.0], [6.0, 5.0], [9.0, 9.0]]),
        ...     Moments.from_array([[8.0, 5.0], [9.0, 7.0], [6.0, 3.0], [11.0, 9.0]]),
        ...     alpha=0.05,
        ... )
        >>> round(result.estimate, 3), round(result.p_value, 3)
        (2.122, 0.129)
    """
    require_moments(control, variant)
    columns = len(control.means)
    if columns != len(variant.means):
        raise ValueError(
            f"control has {columns} columns and variant {len(variant.means)}; they must be equal"
        )
    within = np.array(control.comoments) + np.array(variant.comoments)
    gaps = np.array(variant.means) - np.array(control.means)
    spread = np.sqrt(within.diagonal()[1:])
    scale = np.where(spread > 0, spread, 1.0)
    values, vectors = np.linalg.eigh(within[1:, 1:] / np.outer(scale, scale))
    used = values > 1e-9 * max(float(values.max(initial=0.0)), 1e-300)
    rank = int(used.sum())
    df = control.n + variant.n - rank - 2
    if min(control.n, variant.n) < 1 or df < 1:
        return NotEnoughData(
            code="too_few_units",
            detail=(
                f"control has {num_of(control.n, 'unit')} and variant {variant.n}; {rank + 2} "
                f"coefficients need at least {rank + 3} in all and 1 in each"
            ),
        )
    rotation = vectors[:, used] / np.sqrt(values[used])
    explained = rotation.T @ (within[1:, 0] / scale)
    imbalance = rotation.T @ (gaps[1:] / scale)
    residual = float(within[0, 0] - explained @ explained)
    if residual <= 1e-12 * within[0, 0]:
        return NotEnoughData(
            code="zero_variance",
            detail="every unit has the value that the model gives it; a test needs some that don't",
        )
    information = 1 / (1 / control.n + 1 / variant.n + float(imbalance @ imbalance))
    return anytime_coefficient(
        estimate=float(gaps[0] - explained @ imbalance),
        standard_error=math.sqrt(residual / df / information),
        information=information,
        df=df,
        alpha=alpha,
        phi=phi,
    )


def anytime_ols(
    outcome: ArrayLike, design: ArrayLike, *, column: int, alpha: float, phi: float = 1.0
) -> AnytimeCoefficient | NotEnoughData:
    """Fit a linear model by least squares and return one coefficient of it.

    Args:
        outcome: One value per unit.
        design: Columns of the model, of shape `[n, p]`, the constant among them.
        column: Column whose coefficient is wanted.
        alpha: Error rate over all looks.
        phi: Precision of the prior, see `anytime_coefficient`.

    Returns:
        The coefficient, or why there is none: `too_few_units`, `collinear_column` if the other
        columns explain the wanted one, or `zero_variance`.

    Examples:
        >>> design = [[1, 0, 4.0], [1, 1, 5], [1, 0, 8], [1, 1, 7], [1, 0, 5], [1, 1, 3]]
        >>> result = anytime_ols([5.0, 8, 7, 9, 6, 6], design, column=1, alpha=0.05)
        >>> round(result.estimate, 3), result.df
        (2.067, 3)
    """
    y, x = as_floats("outcome", outcome), as_floats("design", design, ndim=2)
    if len(x) != len(y):
        raise ValueError(
            f"outcome has shape {y.shape} and design {x.shape}; they must be [n] and [n, p]"
        )
    num_columns = x.shape[1]
    if column not in range(num_columns):
        raise ValueError(f"column is {column}; it must be from 0 to {num_columns - 1}")
    wanted, others = x[:, column], np.delete(x, column, axis=1)
    scale = np.linalg.norm(others, axis=0)
    left, singular, _ = np.linalg.svd(others / np.where(scale > 0, scale, 1.0), full_matrices=False)
    basis = left[:, singular > 1e-9 * singular.max(initial=0.0)]
    own = wanted - basis @ (basis.T @ wanted)
    information = float(own @ own)
    df = len(y) - basis.shape[1] - 1
    if df < 1:
        return NotEnoughData(
            code="too_few_units",
            detail=f"there are {len(y)} units for {num_columns} columns; there must be more",
        )
    if information <= 1e-18 * float(wanted @ wanted):
        return NotEnoughData(
            code="collinear_column",
            detail=f"the other columns explain column {column}; it has no coefficient of its own",
        )
    estimate = float(own @ y) / information
    rest = y - basis @ (basis.T @ y) - estimate * own
    residual = float(rest @ rest)
    if residual <= 1e-24 * float(y @ y):
        return NotEnoughData(
            code="zero_variance",
            detail="every unit has the value that the model gives it; a test needs some that don't",
        )
    return anytime_coefficient(
        estimate=estimate,
        standard_error=math.sqrt(residual / df / information),
        information=information,
        df=df,
        alpha=alpha,
        phi=phi,
    )


def phi_for_plan(num_control: float, num_variant: float, *, alpha: float) -> float:
    """Return the precision with which the interval is narrowest at these numbers of units.

    Args:
        num_control: Units planned for the control.
        num_variant: Units planned for the variant.
        alpha: Error rate over all looks.

    References:
        Waudby-Smith, I., Arbour, D., Sinha, R., Kennedy, E. H. & Ramdas, A. (2024). Time-uniform
        central limit theory and asymptotic confidence sequences. Annals of Statistics 52(6)
        (the same mixture in large samples).

    Examples:
        >>> round(phi_for_plan(10_000, 10_000, alpha=0.05), 1)
        630.0
    """
    require_positive("num_control", num_control)
    require_positive("num_variant", num_variant)
    require_probability("alpha", alpha)
    evidence = -2 * math.log(alpha)
    information = 1 / (1 / num_control + 1 / num_variant)
    return information / (evidence + math.log1p(evidence))
