"""Lin's interacted regression from the sums of two variants: the algebra behind `regression`.

Each variant has its own regression of the outcome on the covariates. `adjusted_means` moves both
means to the covariate means of the two variants together and returns them with their variances
and covariance, from which every test and interval follows.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Reason = Literal["no_covariates", "few_units", "perfect_fit"]
"""Why there is no regression: every covariate was dropped; a variant has fewer than
`MIN_UNITS_PER_COEFFICIENT` units for each coefficient; or the covariates leave no variance to
estimate an error from."""

MIN_UNITS_PER_COEFFICIENT = 10
COLLINEAR = 1e-9
"""Share of a covariate's spread that the ones before it must leave unexplained to be of use."""
PERFECT_FIT = 1e-12
"""Share of the outcome's spread below which a residual is rounding."""
ROUNDING = 2.0**-46
"""Spread relative to the mean below which a covariate is constant."""

Rows = list[list[float]]


@dataclass(slots=True, kw_only=True)
class Arm:
    """One variant: outcome and covariates as means and sums of products of deviations."""

    num_units: int
    value: float
    means: Sequence[float]
    outcome: float
    products: Sequence[float]
    gram: Sequence[Sequence[float]]


@dataclass(slots=True, kw_only=True)
class AdjustedMeans:
    """Both adjusted means, as plain numbers: one more object would cost as much as the algebra.

    Attributes:
        control: Adjusted mean of the control.
        control_variance: Variance of that mean.
        control_df: Degrees of freedom of the variance.
        variant: Adjusted mean of the variant.
        variant_variance: Variance of that mean.
        variant_df: Degrees of freedom of the variance.
        covariance: Covariance of the two means.
        control_slopes: Slope of each covariate in the control; `None` for a dropped one.
        variant_slopes: The same in the variant.
        dropped: Covariates that are constant, or collinear with those before them, in a variant.
    """

    control: float
    control_variance: float
    control_df: float
    variant: float
    variant_variance: float
    variant_df: float
    covariance: float
    control_slopes: tuple[float | None, ...]
    variant_slopes: tuple[float | None, ...]
    dropped: tuple[int, ...]


@dataclass(slots=True, kw_only=True)
class NoRegression:
    """No adjusted means, and why."""

    reason: Reason
    dropped: tuple[int, ...] = ()


@dataclass(slots=True)
class _Fit:
    """The regression of one variant on the covariates that are kept."""

    slopes: list[float]
    residual: float
    imbalance: float
    """How far its covariate means are from those of the other variant, in its own spread."""


def adjusted_means(control: Arm, variant: Arm) -> AdjustedMeans | NoRegression:
    """Return both means as they would be with the covariate means of all units.

    The variance of each is `residual / (n - k - 1) * (1 / n + imbalance)`, which is the noise of
    its own units, plus that of `slopes . pooled covariate means`.

    References:
        Lin, W. (2013). Agnostic notes on regression adjustments to experimental data. Annals of
        Applied Statistics 7(1), section 4.
        Negi, A. & Wooldridge, J. M. (2021). Revisiting regression adjustment in experiments with
        heterogeneous treatment effects. Econometric Reviews 40(5).
    """
    if len(control.means) != 1:
        return _many_slopes(control, variant)
    if not (_varies(control, 0) and _varies(variant, 0)):
        return NoRegression(reason="no_covariates", dropped=(0,))
    return _one_slope(control, variant)


def _varies(arm: Arm, j: int) -> bool:
    """Whether a covariate has a spread; sums from SQL leave rounding where values are equal."""
    return arm.gram[j][j] > arm.num_units * (ROUNDING * arm.means[j]) ** 2


def _one_slope(control: Arm, variant: Arm) -> AdjustedMeans | NoRegression:
    """Return what `_many_slopes` returns, in closed form: one covariate is the common case."""
    n_c, n_t = control.num_units, variant.num_units
    if n_c < 2 * MIN_UNITS_PER_COEFFICIENT or n_t < 2 * MIN_UNITS_PER_COEFFICIENT:
        return NoRegression(reason="few_units")
    spread_c, spread_t = control.gram[0][0], variant.gram[0][0]
    slope_c, slope_t = control.products[0] / spread_c, variant.products[0] / spread_t
    residual_c = control.outcome - slope_c * control.products[0]
    residual_t = variant.outcome - slope_t * variant.products[0]
    if residual_c <= PERFECT_FIT * control.outcome and residual_t <= PERFECT_FIT * variant.outcome:
        return NoRegression(reason="perfect_fit")
    num_units = n_c + n_t
    gap = variant.means[0] - control.means[0]
    move_c, move_t = n_t / num_units * gap, -n_c / num_units * gap
    noise_c = max(residual_c, 0.0) / (n_c - 2) * (1 / n_c + move_c * move_c / spread_c)
    noise_t = max(residual_t, 0.0) / (n_t - 2) * (1 / n_t + move_t * move_t / spread_t)
    # Variance of the mean covariate of both variants together.
    pooled = (spread_c + spread_t + n_c * move_c * gap) / (num_units - 1) / num_units
    variance_c = noise_c + slope_c * slope_c * pooled
    variance_t = noise_t + slope_t * slope_t * pooled
    return AdjustedMeans(
        control=control.value + slope_c * move_c,
        control_variance=variance_c,
        control_df=_degrees_of_freedom(n_c - 2, noise_c, variance_c),
        variant=variant.value + slope_t * move_t,
        variant_variance=variance_t,
        variant_df=_degrees_of_freedom(n_t - 2, noise_t, variance_t),
        covariance=slope_c * slope_t * pooled,
        control_slopes=(slope_c,),
        variant_slopes=(slope_t,),
        dropped=(),
    )


def _many_slopes(control: Arm, variant: Arm) -> AdjustedMeans | NoRegression:
    kept, control_rows, variant_rows = _decompose(control, variant)
    dropped = tuple(j for j in range(len(control.means)) if j not in kept)
    if not kept:
        return NoRegression(reason="no_covariates", dropped=dropped)
    rank = len(kept)
    n_c, n_t = control.num_units, variant.num_units
    if min(n_c, n_t) < MIN_UNITS_PER_COEFFICIENT * (rank + 1):
        return NoRegression(reason="few_units", dropped=dropped)
    gaps = [variant.means[j] - control.means[j] for j in kept]
    fit_c = _fit(control, control_rows, kept=kept, gaps=gaps)
    fit_t = _fit(variant, variant_rows, kept=kept, gaps=gaps)
    if (
        fit_c.residual <= PERFECT_FIT * control.outcome
        and fit_t.residual <= PERFECT_FIT * variant.outcome
    ):
        return NoRegression(reason="perfect_fit", dropped=dropped)
    num_units = n_c + n_t
    share_c, share_t = n_c / num_units, n_t / num_units
    noise_c = fit_c.residual / (n_c - rank - 1) * (1 / n_c + share_t**2 * fit_c.imbalance)
    noise_t = fit_t.residual / (n_t - rank - 1) * (1 / n_t + share_c**2 * fit_t.imbalance)
    shift_c, shift_t = _dot(fit_c.slopes, gaps), _dot(fit_t.slopes, gaps)
    # Covariance of the covariate means of both variants together, times the control's and the
    # variant's slopes.
    pooled_c, pooled_t = [], []
    for i, gap in zip(kept, gaps, strict=True):
        row = [control.gram[i][j] + variant.gram[i][j] for j in kept]
        between = n_c * share_t * gap
        pooled_c.append((_dot(row, fit_c.slopes) + between * shift_c) / (num_units - 1) / num_units)
        pooled_t.append((_dot(row, fit_t.slopes) + between * shift_t) / (num_units - 1) / num_units)
    of_c, of_t = (dict(zip(kept, fit.slopes, strict=True)) for fit in (fit_c, fit_t))
    columns = range(len(control.means))
    variance_c = noise_c + _dot(fit_c.slopes, pooled_c)
    variance_t = noise_t + _dot(fit_t.slopes, pooled_t)
    return AdjustedMeans(
        control=control.value + share_t * shift_c,
        control_variance=variance_c,
        control_df=_degrees_of_freedom(n_c - rank - 1, noise_c, variance_c),
        variant=variant.value - share_c * shift_t,
        variant_variance=variance_t,
        variant_df=_degrees_of_freedom(n_t - rank - 1, noise_t, variance_t),
        covariance=_dot(fit_c.slopes, pooled_t),
        control_slopes=tuple(of_c.get(j) for j in columns),
        variant_slopes=tuple(of_t.get(j) for j in columns),
        dropped=dropped,
    )


def _degrees_of_freedom(residual_df: int, noise: float, variance: float) -> float:
    """Return the degrees of freedom of a variance of which only the noise has few.

    What the two variants share cancels in the variance of their difference. Its degrees of freedom
    are then those of the two noises, as they should be (Satterthwaite).
    """
    return residual_df * (variance / noise) ** 2 if noise else math.inf


def _decompose(control: Arm, variant: Arm) -> tuple[list[int], Rows, Rows]:
    """Return the covariates that add something, and the Cholesky rows of both variants' grams.

    A covariate goes if those before it explain it in either variant: its slope there could be
    anything.
    """
    kept: list[int] = []
    all_rows: tuple[Rows, Rows] = ([], [])
    for j in range(len(control.means)):
        new_rows = []
        for arm, rows in zip((control, variant), all_rows, strict=True):
            row = _forward(rows, [arm.gram[j][i] for i in kept])
            pivot = arm.gram[j][j] - _dot(row, row)
            if pivot <= COLLINEAR * arm.gram[j][j] or not _varies(arm, j):
                break
            new_rows.append([*row, math.sqrt(pivot)])
        else:
            kept.append(j)
            for rows, new in zip(all_rows, new_rows, strict=True):
                rows.append(new)
    return kept, all_rows[0], all_rows[1]


def _fit(arm: Arm, rows: Rows, *, kept: Sequence[int], gaps: Sequence[float]) -> _Fit:
    explained = _forward(rows, [arm.products[j] for j in kept])
    slopes = [0.0] * len(rows)
    for i in reversed(range(len(rows))):
        later = sum(rows[j][i] * slopes[j] for j in range(i + 1, len(rows)))
        slopes[i] = (explained[i] - later) / rows[i][i]
    standardised = _forward(rows, gaps)
    return _Fit(
        slopes=slopes,
        residual=max(arm.outcome - _dot(explained, explained), 0.0),
        imbalance=_dot(standardised, standardised),
    )


def _forward(rows: Rows, values: Sequence[float]) -> list[float]:
    """Solve the lower triangular system."""
    solution: list[float] = []
    for row, value in zip(rows, values, strict=True):
        solution.append((value - _dot(row, solution)) / row[len(solution)])
    return solution


def _dot(first: Sequence[float], second: Sequence[float]) -> float:
    return math.fsum(map(operator.mul, first, second))
