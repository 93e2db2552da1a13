"""Pre-period balance: whether the variants were alike before anybody saw them.

Covariates and metrics from before the exposure cannot be effects of the variant, so a difference
says that units were not split at random, or that one variant lost some of its units. It is an A/A
test on the very units of the experiment, and a health check like the sample ratio.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from abtesting.statistics.arguments import require_boundary, require_list, require_moments
from abtesting.statistics.boundaries import AlwaysValid, Boundary, FixedHorizon
from abtesting.statistics.families.multiplicity import adjust
from abtesting.statistics.means import compare_means
from abtesting.statistics.moments import Moments
from abtesting.statistics.types import Effect, NotEnoughData

COLLINEAR = 1e-10
"""Least variance of a combination of covariates, on the scale of correlations, that is one."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class CovariateBalance:
    """One covariate.

    Attributes:
        name: Of the covariate.
        effect: Difference between the variants, or why there is none.
        standardised_difference: Difference in standard deviations of a unit; above 0.1 it is large
            whatever the p-value. `None` without an effect.
        adjusted_p_value: By Holm's method over the covariates; `None` without an effect.
    """

    name: str
    effect: Effect | NotEnoughData
    standardised_difference: float | None
    adjusted_p_value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceCheck:
    """Outcome of the check.

    Attributes:
        covariates: Each one, in the order of the columns.
        statistic: Hotelling's T squared of all together (a chi-square in large samples).
        df: Number of covariates that are not combinations of others.
        p_value: Of no difference in any of them.
        method: `hotelling` at a fixed horizon; `mixture` for an always-valid boundary; for others
            `bonferroni`, the smallest p-value of the covariates times their number.
        boundary: Name of the boundary.
        alpha: Level of `is_balanced`.
    """

    covariates: tuple[CovariateBalance, ...]
    statistic: float
    df: int
    p_value: float
    method: str
    boundary: str
    alpha: float

    @property
    def is_balanced(self) -> bool:
        """Whether no difference was found."""
        return self.p_value >= self.alpha


def check_balance(
    control: Moments, variant: Moments, *, names: Sequence[str], boundary: Boundary
) -> BalanceCheck | NotEnoughData:
    """Compare the covariates of two variants, one by one and together.

    Args:
        control: Moments of the control, one column for each covariate.
        variant: Moments of the variant, the same columns.
        names: Name of each column.
        boundary: When the result may be read. `FixedHorizon(0.001)` for one look; with an
            `AlwaysValid` one the check can be read every day. Of two sides.

    Returns:
        The result, or the reason why the first covariate has none if no covariate has any.

    Raises:
        ValueError: If the numbers of columns or names differ, a name is there twice, or the
            boundary has one side.

    References:
        Krishnamoorthy, K. & Yu, J. (2004). Modified Nel and Van der Merwe test for the multivariate
        Behrens-Fisher problem. Statistics & Probability Letters 66(2), for Hotelling's test with
        unequal covariances. Hansen, B. B. & Bowers, J. (2008). Covariate balance in simple,
        stratified and clustered comparative studies. Statistical Science 23(2).

    Examples:
        >>> before = Moments.from_array([[3.0, 0.0], [1.0, 1.0], [4.0, 0.0], [2.0, 1.0]])
        >>> after = Moments.from_array([[2.0, 1.0], [3.0, 0.0], [5.0, 0.0], [3.5, 1.0]])
        >>> result = check_balance(
        ...     before, after, names=["orders", "is_member"], boundary=FixedHorizon(0.001)
        ... )
        >>> result.df, result.is_balanced
        (2, True)
    """
    require_moments(control, variant)
    require_boundary(boundary)
    require_list("names", names)
    if not len(control.means) == len(variant.means) == len(names):
        raise ValueError(
            f"control has {len(control.means)} columns, variant {len(variant.means)} and names "
            f"{len(names)}; they must be equal"
        )
    if len(set(names)) != len(names):
        raise ValueError(f"names are {list(names)!r}; each must be there once")
    if boundary.side != "two_sided":
        raise ValueError(f"boundary.side is {boundary.side!r}; it must be 'two_sided'")
    effects = [
        compare_means(_column(control, j), _column(variant, j), boundary=boundary)
        for j in range(len(names))
    ]
    found = [j for j, effect in enumerate(effects) if isinstance(effect, Effect)]
    if not found:
        first = effects[0]
        assert isinstance(first, NotEnoughData)
        return first
    p_values = [effect.p_value for effect in effects if isinstance(effect, Effect)]
    adjusted = dict(zip(found, adjust(p_values, method="holm"), strict=True))
    statistic, df, denominator_df = _hotelling(control, variant, found)
    num_units = control.n + variant.n
    if isinstance(boundary, AlwaysValid):
        method = "mixture"
        spread = num_units * boundary.rho_squared
        log_e = spread / (1 + spread) * statistic / 2 - df * math.log1p(spread) / 2
        p_value = math.exp(-max(log_e, 0.0))
    elif isinstance(boundary, FixedHorizon):
        method = "hotelling"
        scaled = statistic * (denominator_df - df + 1) / (denominator_df * df)
        p_value = float(special.fdtrc(df, denominator_df - df + 1, scaled))
    else:
        method, p_value = "bonferroni", min(1.0, len(p_values) * min(p_values))
    return BalanceCheck(
        covariates=tuple(
            CovariateBalance(
                name=name,
                effect=effect,
                standardised_difference=_standardised(control, variant, j)
                if j in adjusted
                else None,
                adjusted_p_value=adjusted.get(j),
            )
            for j, (name, effect) in enumerate(zip(names, effects, strict=True))
        ),
        statistic=statistic,
        df=df,
        p_value=p_value,
        method=method,
        boundary=boundary.name,
        alpha=boundary.alpha,
    )


def _column(moments: Moments, j: int) -> Moments:
    return Moments(
        n=moments.n,
        means=(moments.means[j],),
        comoments=((moments.comoments[j][j],),),
        thirds=None if moments.thirds is None else (moments.thirds[j],),
    )


def _standardised(control: Moments, variant: Moments, j: int) -> float:
    variances = [arm.comoments[j][j] / (arm.n - 1) for arm in (control, variant)]
    return (variant.means[j] - control.means[j]) / math.sqrt(sum(variances) / 2)


def _hotelling(control: Moments, variant: Moments, columns: list[int]) -> tuple[float, int, float]:
    """T squared, its number of independent covariates, and the df of its covariance."""
    difference = np.array([variant.means[j] - control.means[j] for j in columns])
    parts = [
        np.array(arm.comoments)[np.ix_(columns, columns)] / (arm.n - 1) / arm.n
        for arm in (control, variant)
    ]
    total = parts[0] + parts[1]
    # On the scale of correlations, so that units of measurement play no part; combinations without
    # any variance of their own are left out.
    scale = np.sqrt(np.diag(total))
    values, vectors = np.linalg.eigh(total / np.outer(scale, scale))
    kept = values > COLLINEAR
    whiten = vectors[:, kept] / np.sqrt(values[kept]) / scale[:, None]
    k = int(kept.sum())
    statistic = float(((difference @ whiten) ** 2).sum())
    spread = 0.0
    for arm, part in zip((control, variant), parts, strict=True):
        white = whiten.T @ part @ whiten
        spread += (float((white * white).sum()) + float(np.trace(white)) ** 2) / (arm.n - 1)
    return statistic, k, (k + k * k) / spread
