"""Which declared features the effect of a variant depends on: its best linear description.

Where `treatment_effects` learns effects of any shape, this reports a few slopes with intervals, and
one test of all of them together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from abtesting.statistics.adaptive.doubly_robust import ScoreMean, normal_mean
from abtesting.statistics.arguments import as_floats, require_alpha
from abtesting.statistics.types import NotEnoughData, num_of

Outcome = Literal["effects_differ", "no_evidence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectSlopes:
    """Best linear description of how the effect depends on features.

    Attributes:
        constant: Effect where every feature is 0.
        slopes: Change of the effect per unit of each feature, others held.
        statistic: Wald chi-square of all slopes together.
        df: Number of features.
        p_value: Probability of slopes this large together if the effect depends on none.
        outcome: `effects_differ` if that is below alpha, else `no_evidence`.
        method: `linear_projection`.
        alpha: Level.
    """

    constant: ScoreMean
    slopes: tuple[ScoreMean, ...]
    statistic: float
    df: int
    p_value: float
    outcome: Outcome
    method: str
    alpha: float


def project_effects(
    scores: ArrayLike, features: ArrayLike, *, alpha: float = 0.05
) -> EffectSlopes | NotEnoughData:
    """Regress scores of the effect on features that were declared before, with HC3 errors.

    The result is the best linear approximation of the true effects, whatever their shape. The
    joint test is the honest answer to "do these features matter at all?".

    Args:
        scores: Score of each unit's effect, such as `LearnedEffects.scores`.
        features: Features of each unit, `[n, p]`, without a constant column.
        alpha: Level of the joint test and two-sided level of the intervals.

    Returns:
        The slopes, or `too_few_units`, or `collinear` when features determine each other.

    References:
        Semenova, V. & Chernozhukov, V. (2021). Debiased machine learning of conditional average
        treatment effects and other causal functions. Econometrics Journal 24(2), section 3.

    Examples:
        >>> rng = np.random.default_rng(2)
        >>> x = rng.normal(size=(1000, 2))
        >>> result = project_effects(0.3 + 0.5 * x[:, 1] + rng.normal(size=1000), x)
        >>> [round(slope.value, 2) for slope in result.slopes], result.outcome
        ([0.01, 0.52], 'effects_differ')
    """
    require_alpha(alpha)
    y, x = as_floats("scores", scores), as_floats("features", features, ndim=2)
    num_units, num_features = x.shape
    if len(y) != num_units:
        raise ValueError(f"there are {len(y)} scores and {num_units} rows; they must be equal")
    if num_units < 10 * (num_features + 1):
        return NotEnoughData(
            code="too_few_units",
            detail=(
                f"{num_of(num_units, 'unit')}; {num_features} slopes need {10 * (num_features + 1)}"
            ),
        )
    centre, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    design = np.column_stack([np.ones(num_units), (x - centre) / scale])
    left, sizes, right = np.linalg.svd(design, full_matrices=False)
    if sizes[-1] < 1e-9 * sizes[0]:
        return NotEnoughData(
            code="collinear", detail="a feature is constant or follows from the others"
        )
    inverse = (right.T / sizes) @ left.T
    coefficients = inverse @ y
    leverage = np.square(left).sum(axis=1)
    residuals = (y - design @ coefficients) / (1 - leverage)
    covariance = (inverse * np.square(residuals)) @ inverse.T
    # Back to the features as they came.
    back = np.eye(num_features + 1) / np.append(1.0, scale)
    back[0, 1:] = -centre / scale
    coefficients, covariance = back @ coefficients, back @ covariance @ back.T
    means = [
        normal_mean(
            float(value),
            float(error),
            num_units=num_units,
            alpha=alpha,
            method="linear_projection",
        )
        for value, error in zip(coefficients, np.sqrt(covariance.diagonal()), strict=True)
    ]
    found = [mean for mean in means if isinstance(mean, ScoreMean)]
    if len(found) < len(means):
        return NotEnoughData(code="zero_variance", detail="the features explain the scores exactly")
    slopes = coefficients[1:]
    statistic = float(slopes @ np.linalg.solve(covariance[1:, 1:], slopes))
    p_value = float(special.chdtrc(num_features, statistic))
    return EffectSlopes(
        constant=found[0],
        slopes=tuple(found[1:]),
        statistic=statistic,
        df=num_features,
        p_value=p_value,
        outcome="effects_differ" if p_value < alpha else "no_evidence",
        method="linear_projection",
        alpha=alpha,
    )
