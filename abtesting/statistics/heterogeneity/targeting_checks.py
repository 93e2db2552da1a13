"""Whether learned differences in effects are real: three checks on units that were held out.

A learner always finds somebody who seems to gain more. These checks look only at units that it had
not seen (`treatment_effects.HeldOutEffects`) and ask whether those it ranked higher did gain more.
Most often the answer is `no_evidence`, and then one decision for all is the right one.

Examples:
    >>> from abtesting.statistics.heterogeneity.treatment_effects import learn_effects
    >>> rng = np.random.default_rng(2)
    >>> x, arms = rng.normal(size=(4000, 2)), rng.integers(0, 2, 4000)
    >>> outcomes = x[:, 0] + arms * (0.3 + 0.5 * x[:, 1]) + rng.normal(size=4000)
    >>> held_out = learn_effects(x, arms, outcomes, propensities=0.5, rng=rng).held_out
    >>> scores, predictions = held_out.effect_scores, held_out.predictions
    >>> best_linear_predictor(scores, predictions, folds=held_out.folds).outcome
    'ranking_works'
    >>> rank_weighted_effect(scores, predictions, folds=held_out.folds).outcome
    'ranking_works'
    >>> from abtesting.statistics.heterogeneity.policy_value import policy_value
    >>> policy_value(held_out.scores, predictions > 0).outcome
    'targeting_pays'
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from abtesting.statistics.adaptive.doubly_robust import FloatArray, ScoreMean, normal_mean
from abtesting.statistics.arguments import as_floats, require_alpha, require_at_least
from abtesting.statistics.types import Interval, NotEnoughData, num_of

Outcome = Literal["ranking_works", "no_evidence"]

MIN_UNITS_PER_GROUP = 20
"""Units of a fold that each group needs."""
RANKS_PER_GROUP = 5
"""The area needs as many units in a fold as this number of groups."""
SAME_EFFECT = 0.01
"""Predictions that spread less than this share of what the scores could show count as equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetingCheck:
    """Result of a check; 0 means that the ranking tells nothing about effects.

    Attributes:
        value: The estimate.
        standard_error: Its standard error.
        interval: Interval at level 1 - alpha.
        p_value: Two-sided p-value of 0.
        outcome: `ranking_works` if the interval lies above 0, else `no_evidence`.
        num_units: Held-out units.
        method: `blp`, `gates` or `autoc`.
        alpha: Two-sided level.
    """

    value: float
    standard_error: float
    interval: Interval
    p_value: float
    outcome: Outcome
    num_units: int
    method: str
    alpha: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupEffects:
    """Average effects of groups by predicted effect, from the lowest to the highest.

    Attributes:
        groups: Average effect of each group.
        top_minus_bottom: Whether the highest group gains more than the lowest.
    """

    groups: tuple[ScoreMean, ...]
    top_minus_bottom: TargetingCheck


def best_linear_predictor(
    scores: ArrayLike,
    predictions: ArrayLike,
    *,
    folds: ArrayLike | None = None,
    alpha: float = 0.05,
) -> TargetingCheck | NotEnoughData:
    """Regress effect scores on predicted effects within folds (BLP); 1 is a perfect prediction.

    Args:
        scores: Score of each held-out unit's effect, `HeldOutEffects.effect_scores`.
        predictions: Effect that was predicted for it, by a model of earlier folds.
        folds: Fold of each unit; one for all without it (a single split of the sample).
        alpha: Two-sided level.

    Returns:
        The slope, or why there is none: `too_few_units`, `constant_predictions`, `zero_variance`.

    References:
        Chernozhukov, V., Demirer, M., Duflo, E. & Fernandez-Val, I. (2018). Generic machine
        learning inference on heterogeneous treatment effects in randomized experiments. NBER
        24678, section 3.1.

    Examples:
        >>> rng = np.random.default_rng(4)
        >>> predictions = rng.normal(size=2000)
        >>> scores = 1 + 0.2 * predictions + rng.normal(size=2000)
        >>> result = best_linear_predictor(scores, predictions)
        >>> round(result.value, 2), result.outcome
        (0.18, 'ranking_works')
    """
    parts = _parts(scores, predictions, folds, alpha=alpha, num_groups=1)
    if isinstance(parts, NotEnoughData):
        return parts
    products, total, meat, num_units = 0.0, 0.0, [], 0
    centred = []
    for y, s in parts:
        deviation, scores_left = s - s.mean(), y - y.mean()
        if np.linalg.norm(deviation) < SAME_EFFECT * float(scores_left.std()):
            continue
        products += float(deviation @ scores_left)
        total += float(deviation @ deviation)
        num_units += len(y)
        centred.append((scores_left, deviation))
    if total <= 0:
        return NotEnoughData(
            code="constant_predictions",
            detail="the predicted effects differ by far less than could be seen in the scores",
        )
    slope = products / total
    for y, deviation in centred:
        leverage = 1 / len(y) + np.square(deviation) / total
        residual = (y - slope * deviation) / (1 - leverage)
        meat.append(float(np.square(deviation) @ np.square(residual)))
    error = math.sqrt(math.fsum(meat)) / total
    return _check(slope, error, num_units=num_units, alpha=alpha, method="blp")


def group_effects(
    scores: ArrayLike,
    predictions: ArrayLike,
    *,
    folds: ArrayLike | None = None,
    num_groups: int = 5,
    alpha: float = 0.05,
) -> GroupEffects | NotEnoughData:
    """Return the average effects of groups of predicted effect (GATES), formed within folds.

    Args:
        scores: Score of each held-out unit's effect, `HeldOutEffects.effect_scores`.
        predictions: Effect that was predicted for it.
        folds: Fold of each unit; one for all without it.
        num_groups: Number of groups of equal size, at least 2.
        alpha: Two-sided level.

    Returns:
        The groups, or why there are none, as `best_linear_predictor`.

    References:
        Chernozhukov, V., Demirer, M., Duflo, E. & Fernandez-Val, I. (2018). Generic machine
        learning inference on heterogeneous treatment effects in randomized experiments. NBER
        24678, section 3.2.

    Examples:
        >>> rng = np.random.default_rng(4)
        >>> predictions = rng.normal(size=2000)
        >>> scores = 1 + 0.2 * predictions + rng.normal(size=2000)
        >>> result = group_effects(scores, predictions, num_groups=3)
        >>> [round(group.value, 2) for group in result.groups]
        [0.85, 0.97, 1.19]
        >>> result.top_minus_bottom.outcome
        'ranking_works'
    """
    require_at_least("num_groups", num_groups, 2)
    parts = _parts(scores, predictions, folds, alpha=alpha, num_groups=num_groups)
    if isinstance(parts, NotEnoughData):
        return parts
    sums, variances, counts = (np.zeros(num_groups) for _ in range(3))
    for y, s in parts:
        order = np.argsort(s, kind="stable")
        for group, rows in enumerate(np.array_split(order, num_groups)):
            sums[group] += y[rows].sum()
            variances[group] += len(rows) * y[rows].var(ddof=1)
            counts[group] += len(rows)
    means, errors = sums / counts, np.sqrt(variances) / counts
    groups = [
        normal_mean(float(mean), float(error), num_units=int(count), alpha=alpha, method="gates")
        for mean, error, count in zip(means, errors, counts, strict=True)
    ]
    found = tuple(group for group in groups if isinstance(group, ScoreMean))
    if len(found) < num_groups:
        return NotEnoughData(code="zero_variance", detail="all scores of a group are equal")
    difference = _check(
        found[-1].value - found[0].value,
        math.hypot(found[-1].standard_error, found[0].standard_error),
        num_units=int(counts.sum()),
        alpha=alpha,
        method="gates",
    )
    if isinstance(difference, NotEnoughData):
        return difference
    return GroupEffects(groups=found, top_minus_bottom=difference)


def rank_weighted_effect(
    scores: ArrayLike,
    predictions: ArrayLike,
    *,
    folds: ArrayLike | None = None,
    alpha: float = 0.05,
) -> TargetingCheck | NotEnoughData:
    """Return how much more the units ranked first gain (RATE with AUTOC weights).

    The targeting operator characteristic at u is the average effect of the share u with the
    highest predictions, minus that of all. AUTOC is its area: it weights the very first units most.
    Units with equal predictions share their ranks. The standard error is that of the influence
    function, the sampling of the ranks included.

    Args:
        scores: Score of each held-out unit's effect, `HeldOutEffects.effect_scores`.
        predictions: Effect that was predicted for it, or any other priority.
        folds: Fold of each unit; one for all without it.
        alpha: Two-sided level.

    Returns:
        The area, or why there is none, as `best_linear_predictor`.

    References:
        Yadlowsky, S., Fleming, S., Shah, N., Brunskill, E. & Wager, S. (2025). Evaluating treatment
        prioritization rules via rank-weighted average treatment effects. JASA 120(549),
        definition 2 and theorem 1 (arXiv 2111.07966).

    Examples:
        >>> rng = np.random.default_rng(4)
        >>> predictions = rng.normal(size=2000)
        >>> scores = 1 + 0.2 * predictions + rng.normal(size=2000)
        >>> result = rank_weighted_effect(scores, predictions)
        >>> round(result.value, 2), result.outcome
        (0.17, 'ranking_works')
    """
    parts = _parts(scores, predictions, folds, alpha=alpha, num_groups=RANKS_PER_GROUP)
    if isinstance(parts, NotEnoughData):
        return parts
    total = squares = 0.0
    num_units, weights = 0, []
    for y, s in parts:
        area, influence, weight = _autoc(y, s)
        weights.append(weight)
        total += len(y) * area
        # As in HC3: a unit with a large weight pulls its own fold's estimate towards itself.
        leverage = np.square(weight) / float(weight @ weight) + 1 / len(y)
        squares += float(np.square(influence / (1 - leverage)).sum())
        num_units += len(y)
    # The first ranks weigh so much that fewer units than there are make up the error.
    even = np.square(np.concatenate(weights))
    return _check(
        total / num_units,
        math.sqrt(squares) / num_units,
        num_units=num_units,
        alpha=alpha,
        method="autoc",
        df=float(even.sum()) ** 2 / float(even @ even),
    )


def _autoc(scores: FloatArray, predictions: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """Return the area of one fold, each unit's influence on it, and its weight."""
    num_units = len(scores)
    order = np.argsort(-predictions, kind="stable")
    y, s = scores[order] - scores.mean(), predictions[order]
    reciprocal = 1 / np.arange(1, num_units + 1)
    # Weight of rank i: the sum of 1 / j over j >= i, less 1, so that weights add up to 0.
    weights = np.cumsum(reciprocal[::-1])[::-1] - 1
    tied = np.cumsum(np.append(True, s[1:] != s[:-1])) - 1
    sizes = np.bincount(tied)
    weights = (np.bincount(tied, weights=weights) / sizes)[tied]
    even = (np.bincount(tied, weights=y) / sizes)[tied]
    area = float(weights @ y) / num_units
    # Without unit i every unit behind it moves up a rank.
    moved = np.cumsum((even * reciprocal)[::-1])[::-1]
    return area, weights * y - area - (moved - moved.mean()), weights


def _parts(
    scores: ArrayLike,
    predictions: ArrayLike,
    folds: ArrayLike | None,
    *,
    alpha: float,
    num_groups: int,
) -> list[tuple[FloatArray, FloatArray]] | NotEnoughData:
    """Return scores and predictions of each fold whose predictions differ."""
    require_alpha(alpha)
    y = as_floats("scores", scores, ndim=(1, 2))
    if y.ndim == 2:
        raise ValueError(
            f"scores has shape {y.shape}; it must be [n], the score of each unit's effect, such as "
            "held_out.effect_scores of learn_effects"
        )
    s = as_floats("predictions", predictions)
    fold = np.zeros(len(y)) if folds is None else np.asarray(folds)
    if not len(y) == len(s) == len(fold):
        raise ValueError(
            f"there are {len(y)} scores, {len(s)} predictions and {len(fold)} folds; they must be "
            "equally many"
        )
    needed = MIN_UNITS_PER_GROUP * num_groups
    parts = [(y[fold == value], s[fold == value]) for value in np.unique(fold)]
    smallest = min((len(part) for part, _ in parts), default=0)
    if smallest < needed:
        return NotEnoughData(
            code="too_few_units",
            detail=(
                f"the smallest fold has {num_of(smallest, 'unit')}; {num_groups} groups need "
                f"{needed}"
            ),
        )
    varied = [(part, ranks) for part, ranks in parts if ranks.min() < ranks.max()]
    if not varied:
        return NotEnoughData(
            code="constant_predictions", detail="all predictions are equal: there is no ranking"
        )
    return varied


def _check(
    value: float,
    standard_error: float,
    *,
    num_units: int,
    alpha: float,
    method: str,
    df: float | None = None,
) -> TargetingCheck | NotEnoughData:
    mean = normal_mean(
        value, standard_error, num_units=num_units, alpha=alpha, method=method, df=df
    )
    if isinstance(mean, NotEnoughData):
        return mean
    return TargetingCheck(
        value=mean.value,
        standard_error=mean.standard_error,
        interval=mean.interval,
        p_value=mean.p_value,
        outcome="ranking_works" if mean.interval.lower > 0 else "no_evidence",
        num_units=num_units,
        method=method,
        alpha=alpha,
    )
