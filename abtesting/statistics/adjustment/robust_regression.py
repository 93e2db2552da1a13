"""Regression adjustment from one row per unit, with heteroskedasticity-robust errors.

`regression` needs only moments and is what results use. This is the same estimate computed from
the rows, for reporting and for checks: robust errors (HC0 to HC3) need each unit's residual and
leverage, which moments don't hold. They condition on the covariates that the units happen to have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abtesting.statistics.arguments import as_floats, require_boundary
from abtesting.statistics.boundaries import Boundary
from abtesting.statistics.types import Interval, NotEnoughData, Side, num_of

Robust = Literal["HC0", "HC1", "HC2", "HC3"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegressionEffect:
    """The coefficient of the variant.

    Attributes:
        estimate: Adjusted difference, variant minus control.
        standard_error: Robust standard error.
        df: Units minus coefficients.
        interval: Interval of the difference.
        p_value: p-value of no difference.
        coefficients: All coefficients: constant, variant, covariates (centred), and with an
            interaction the covariates once more for the variant.
        method: `lin` or `ancova`.
        robust: Form of the standard error.
        boundary: Name of the boundary.
        alpha: Level of the p-value's decision and of the interval.
        side: `two_sided`, or the direction of a one-sided test.
    """

    estimate: float
    standard_error: float
    df: int
    interval: Interval
    p_value: float
    coefficients: tuple[float, ...]
    method: Literal["lin", "ancova"]
    robust: Robust
    boundary: str
    alpha: float
    side: Side


def lin_effect(
    outcome: ArrayLike,
    treated: ArrayLike,
    covariates: ArrayLike,
    *,
    boundary: Boundary,
    robust: Robust = "HC2",
) -> RegressionEffect | NotEnoughData:
    """Estimate the effect with covariates that are centred and have a slope in each variant.

    Args:
        outcome: One value per unit.
        treated: 1 for a unit of the variant, 0 for one of the control.
        covariates: Array of shape `[n]` or `[n, k]`.
        boundary: When the result may be read, and its level.
        robust: Form of the standard error.

    Returns:
        The effect, or why there is none: `too_few_units`, `collinear_covariates`, or
        `zero_variance` if the regression leaves no residual.

    References:
        Lin, W. (2013). Agnostic notes on regression adjustments to experimental data. Annals of
        Applied Statistics 7(1). MacKinnon, J. G. & White, H. (1985). Some heteroskedasticity-
        consistent covariance matrix estimators. Journal of Econometrics 29(3).

    Examples:
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> effect = lin_effect(
        ...     [5.0, 7.0, 6.0, 9.0, 8.0, 9.0, 6.0, 11.0],
        ...     [0, 0, 0, 0, 1, 1, 1, 1],
        ...     [4.0, 8.0, 5.0, 9.0, 5.0, 7.0, 3.0, 9.0],
        ...     boundary=FixedHorizon(0.05),
        ... )
        >>> round(effect.estimate, 3), effect.df
        (2.119, 4)
    """
    return _estimate(outcome, treated, covariates, boundary=boundary, robust=robust, method="lin")


def ancova_effect(
    outcome: ArrayLike,
    treated: ArrayLike,
    covariates: ArrayLike,
    *,
    boundary: Boundary,
    robust: Robust = "HC2",
) -> RegressionEffect | NotEnoughData:
    """Estimate the effect with one slope per covariate that both variants share.

    It can be less precise than no adjustment when the arms are of unequal size and the slopes
    differ (Freedman 2008), so `lin_effect` is the one to report. Arguments and result as there.

    Examples:
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> effect = ancova_effect(
        ...     [5.0, 7.0, 6.0, 9.0, 8.0, 9.0, 6.0, 11.0],
        ...     [0, 0, 0, 0, 1, 1, 1, 1],
        ...     [4.0, 8.0, 5.0, 9.0, 5.0, 7.0, 3.0, 9.0],
        ...     boundary=FixedHorizon(0.05),
        ... )
        >>> round(effect.estimate, 3), effect.df
        (2.122, 5)
    """
    return _estimate(
        outcome, treated, covariates, boundary=boundary, robust=robust, method="ancova"
    )


def as_columns(name: str, values: ArrayLike, *, num_units: int) -> NDArray[np.float64]:
    """Return finite values of shape `[num_units, k]`, or raise `ValueError`."""
    array = as_floats(name, values, ndim=(1, 2))
    if len(array) != num_units:
        raise ValueError(f"{name} has shape {array.shape}; it must be [{num_units}] or [n, k]")
    return array[:, np.newaxis] if array.ndim == 1 else array


def _estimate(
    outcome: ArrayLike,
    treated: ArrayLike,
    covariates: ArrayLike,
    *,
    boundary: Boundary,
    robust: Robust,
    method: Literal["lin", "ancova"],
) -> RegressionEffect | NotEnoughData:
    require_boundary(boundary)
    y = as_floats("outcome", outcome)
    num_units = len(y)
    arm = as_columns("treated", treated, num_units=num_units)
    x = as_columns("covariates", covariates, num_units=num_units)
    if not np.isin(arm, (0.0, 1.0)).all():
        raise ValueError(
            f"treated holds {np.unique(arm).tolist()!r}; it must be 0 for the control and 1 for "
            "the variant"
        )
    if robust not in ("HC0", "HC1", "HC2", "HC3"):
        raise ValueError(f"robust is {robust!r}; it must be HC0, HC1, HC2 or HC3")
    centred = x - x.mean(axis=0)
    parts = [np.ones((num_units, 1)), arm, centred]
    design = np.hstack([*parts, arm * centred] if method == "lin" else parts)
    num_variant = int(arm.sum())
    num_columns = design.shape[1]
    df = num_units - num_columns
    smallest = min(num_variant, num_units - num_variant)
    if smallest < max(2, boundary.min_units_per_arm) or df < 1:
        return NotEnoughData(
            code="too_few_units",
            detail=(
                f"control has {num_of(num_units - num_variant, 'unit')} and variant "
                f"{num_variant} for "
                f"{num_columns} coefficients; {boundary.name} results start at "
                f"{boundary.min_units_per_arm} in each"
            ),
        )
    # Columns of unit length, so that the rank does not depend on the units of the covariates.
    scale = np.linalg.norm(design, axis=0)
    scale[scale == 0] = 1.0
    left, singular, right = np.linalg.svd(design / scale, full_matrices=False)
    rank = int((singular > 1e-9 * singular[0]).sum())
    if rank < num_columns:
        return NotEnoughData(
            code="collinear_covariates",
            detail=f"the {num_columns} columns of the regression have a rank of {rank}",
        )
    coefficients = right.T @ (left.T @ y / singular) / scale
    residuals = y - design @ coefficients
    leverage = np.einsum("ij,ij->i", left, left)
    spare = np.maximum(1 - leverage, np.finfo(float).eps)
    weights = {
        "HC0": np.ones(num_units),
        "HC1": np.full(num_units, num_units / df),
        "HC2": 1 / spare,
        "HC3": 1 / spare**2,
    }[robust]
    # Row of (X'X)^-1 X' that makes the coefficient of the variant out of the outcomes.
    influence = left @ (right[:, 1] / singular) / scale[1]
    variance = float(np.sum(weights * (influence * residuals) ** 2))
    if variance <= (1e-14 * float(np.abs(y).max(initial=0.0))) ** 2 / num_units:
        return NotEnoughData(
            code="zero_variance",
            detail="the covariates explain every value exactly; a test needs units that differ",
        )
    standard_error = variance**0.5
    estimate = float(coefficients[1])
    half_width = boundary.critical(num_units, df) * standard_error
    return RegressionEffect(
        estimate=estimate,
        standard_error=standard_error,
        df=df,
        interval=Interval(estimate - half_width, estimate + half_width).of_side(boundary.side),
        p_value=boundary.p_value(estimate / standard_error, num_units, df),
        coefficients=tuple(coefficients.tolist()),
        method=method,
        robust=robust,
        boundary=boundary.name,
        alpha=boundary.alpha,
        side=boundary.side,
    )
