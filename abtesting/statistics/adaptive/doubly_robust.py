"""Doubly robust scores: one number per unit and variant whose mean is that variant's value.

Off-policy estimates, learned effects and targeting rules all average such scores. A score is what
a model predicts for the unit, corrected by what was seen where the unit got the variant, divided by
the probability that it did (the logged propensity). Whatever the model, the mean is unbiased; the
better the model, the less noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abtesting.statistics.arguments import as_floats, require_list
from abtesting.statistics.boundaries import FixedHorizon
from abtesting.statistics.types import Interval, NotEnoughData, num_of

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SUM_TOLERANCE = 1e-6
"""How far the propensities of a unit may be from a sum of 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreMean:
    """Mean of scores with its normal interval; 0 outside it and `p_value < alpha` are the same.

    Attributes:
        value: The mean.
        standard_error: Its standard error.
        interval: Interval at level 1 - alpha.
        p_value: Two-sided p-value of a mean of 0.
        num_units: Units that were averaged.
        method: Where the scores are from.
        alpha: Two-sided level.
    """

    value: float
    standard_error: float
    interval: Interval
    p_value: float
    num_units: int
    method: str
    alpha: float


def as_arms(name: str, values: ArrayLike, *, num_arms: int) -> IntArray:
    """Return the index of the variant of each unit, or raise `ValueError`."""
    require_list(name, values)
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name} has {array.ndim} dimensions; it must have 1")
    if array.dtype == np.bool_:
        array = array.astype(np.int64)
    if not np.issubdtype(array.dtype, np.integer) and not np.issubdtype(array.dtype, np.floating):
        raise ValueError(f"{name} is of type {array.dtype}; it must hold integers")
    # A column with 0.0 and 1.0, as tables with missing values have them, means the same.
    wrong = np.flatnonzero(~((array >= 0) & (array < num_arms) & (array == np.floor(array))))
    if len(wrong):
        raise ValueError(
            f"{name}[{wrong[0]}] is {array[wrong[0]]}; it must be an integer from 0 to "
            f"{num_arms - 1}"
        )
    return array.astype(np.int64)


def as_distribution(name: str, values: ArrayLike, *, num_units: int) -> FloatArray:
    """Return probabilities of shape `[num_units, k]`, at least 0, that sum to 1 in each row.

    One row stands for all units.
    """
    array = np.atleast_2d(as_floats(name, values, ndim=(1, 2)))
    if len(array) not in (1, num_units):
        raise ValueError(f"{name} has {len(array)} rows; it must have 1 or {num_units}")
    wrong = np.flatnonzero(
        (array < 0).any(axis=1) | (np.abs(array.sum(axis=1) - 1) > SUM_TOLERANCE)
    )
    if len(wrong):
        raise ValueError(
            f"{name}[{wrong[0]}] is {array[wrong[0]].tolist()!r}; probabilities must be at least 0 "
            "and sum to 1"
        )
    return np.broadcast_to(array, (num_units, array.shape[1]))


def as_propensities(name: str, values: ArrayLike, *, num_units: int) -> FloatArray:
    """Return `as_distribution` with every probability above 0.

    A variant that a unit could not get says nothing about what it would have done there.
    """
    array = as_distribution(name, values, num_units=num_units)
    zero = np.flatnonzero((array <= 0).any(axis=1))
    if len(zero):
        raise ValueError(f"{name}[{zero[0]}] is {array[zero[0]].tolist()!r}; each must be above 0")
    return array


def arm_scores(
    outcomes: ArrayLike,
    arms: ArrayLike,
    propensities: ArrayLike,
    *,
    predictions: ArrayLike | None = None,
) -> FloatArray:
    """Return the doubly robust score of each unit for each variant, of shape `[n, k]`.

    Args:
        outcomes: What each unit did, of shape `[n]`.
        arms: Index of the variant each unit got, from 0.
        propensities: Probability of each variant for each unit, of shape `[n, k]` or `[k]`.
        predictions: Outcome that a model predicts for each unit under each variant, `[n, k]`. The
            model must not have seen the unit's own outcome. Without it the scores are those of
            inverse propensity weighting.

    References:
        Robins, J. M., Rotnitzky, A. & Zhao, L. P. (1994). Estimation of regression coefficients
        when some regressors are not always observed. JASA 89(427).

    Examples:
        >>> arm_scores([3.0, 5.0], [0, 1], [0.5, 0.5], predictions=[[2.0, 4.0], [2.0, 4.0]])
        array([[4., 4.],
               [2., 6.]])
    """
    y = as_floats("outcomes", outcomes, ndim=1)
    shares = as_propensities("propensities", propensities, num_units=len(y))
    taken = as_arms("arms", arms, num_arms=shares.shape[1])
    if len(taken) != len(y):
        raise ValueError(f"outcomes has {len(y)} units and arms {len(taken)}; they must be equal")
    if predictions is None:
        scores = np.zeros(shares.shape)
    else:
        scores = as_floats("predictions", predictions, ndim=2).copy()
        if scores.shape != shares.shape:
            raise ValueError(
                f"predictions has shape {scores.shape}; it must be {shares.shape}, as the units "
                "and variants are"
            )
    units = np.arange(len(y))
    scores[units, taken] += (y - scores[units, taken]) / shares[units, taken]
    return scores


def mean_of_scores(
    scores: ArrayLike, *, alpha: float = 0.05, method: str = "score_mean"
) -> ScoreMean | NotEnoughData:
    """Average the scores of independent units, with a normal interval.

    Returns:
        The mean, or why there is none: `too_few_units` below 2, or `zero_variance`.

    Examples:
        >>> result = mean_of_scores([0.5, 2.5, 1.0, 2.0])
        >>> round(result.value, 2), round(result.standard_error, 4), round(result.p_value, 4)
        (1.5, 0.4564, 0.001)
    """
    values = as_floats("scores", scores, ndim=1)
    if len(values) < 2:
        return NotEnoughData(
            code="too_few_units",
            detail=f"{num_of(len(values), 'unit')}; a standard error needs at least 2",
        )
    mean = float(values.mean())
    error = float(values.std(ddof=1)) / math.sqrt(len(values))
    return normal_mean(mean, error, num_units=len(values), alpha=alpha, method=method)


def normal_mean(
    value: float,
    standard_error: float,
    *,
    num_units: int,
    alpha: float,
    method: str,
    df: float | None = None,
) -> ScoreMean | NotEnoughData:
    """Return an estimate with interval and p-value, or `zero_variance`.

    They are normal, or those of the t distribution where a few units weigh so much that the
    standard error has only `df` degrees of freedom.
    """
    # A spread below what floats can tell apart at this size is rounding, not data.
    if standard_error <= np.finfo(np.float64).eps * abs(value):
        return NotEnoughData(
            code="zero_variance",
            detail=f"all {num_units} units have {value:g}; a test needs units that differ",
        )
    boundary = FixedHorizon(alpha)
    half_width = boundary.critical(num_units, df) * standard_error
    return ScoreMean(
        value=value,
        standard_error=standard_error,
        interval=Interval(value - half_width, value + half_width),
        p_value=boundary.p_value(value / standard_error, num_units, df),
        num_units=num_units,
        method=method,
        alpha=alpha,
    )
