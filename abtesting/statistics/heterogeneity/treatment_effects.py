"""Whom a variant helps: effects that depend on features, learned from doubly robust scores.

The DR-learner regresses unbiased scores of the effect on the features. `learn_effects` keeps apart
what every number may see: a unit's score rests on models of other units, and its held-out
prediction on a model that was trained on earlier folds only. `targeting_checks` then asks whether
the learned differences are real, and `policy_value` what targeting by them is worth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abtesting.statistics.adaptive.doubly_robust import (
    FloatArray,
    IntArray,
    ScoreMean,
    arm_scores,
    as_arms,
    mean_of_scores,
)
from abtesting.statistics.adjustment.crossfit import Learner, Model
from abtesting.statistics.arguments import as_floats, require_at_least, require_generator
from abtesting.statistics.heterogeneity.learners import Polynomial
from abtesting.statistics.types import NotEnoughData, num_of

Mask = NDArray[np.bool_]

MIN_UNITS_PER_FOLD = 10
"""Units of each variant that every fold should have."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeldOutEffects:
    """Units with a prediction by a model that was trained on earlier folds, for honest checks.

    The first fold is only trained on. Conditionally on the folds before, a fold's predictions are
    fixed numbers and its scores independent of them, so that sums over the folds are a martingale.
    With ordinary cross-fitting they aren't: each fold's model has seen the others' noise, and tests
    of "no difference" reject twice as often as they say.

    Attributes:
        units: Row of each unit in the data.
        folds: Its fold, from 1.
        predictions: Predicted effect.
        scores: Score of each unit for the control and the variant, `[n, 2]`, for `policy_value`.
    """

    units: IntArray
    folds: IntArray
    predictions: FloatArray
    scores: FloatArray

    @property
    def effect_scores(self) -> FloatArray:
        """Score of the effect of each unit, `[n]`, for `targeting_checks`."""
        difference: FloatArray = self.scores[:, 1] - self.scores[:, 0]
        return difference


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LearnedEffects:
    """Effects as a function of features.

    Attributes:
        average: Average effect with interval and p-value, from cross-fitted scores.
        scores: Score of every unit's effect, from models of the other folds.
        model: Predicts the effect from features, trained on all scores.
        held_out: What the checks need.
        method: `dr_learner`.
        num_folds: Number of folds.
    """

    average: ScoreMean
    scores: FloatArray
    model: Model
    held_out: HeldOutEffects
    method: str
    num_folds: int


def learn_effects(
    features: ArrayLike,
    arms: ArrayLike,
    outcomes: ArrayLike,
    *,
    propensities: ArrayLike,
    rng: np.random.Generator,
    learner: Learner | None = None,
    num_folds: int = 5,
    alpha: float = 0.05,
) -> LearnedEffects | NotEnoughData:
    """Learn the effect of a variant as a function of features (DR-learner).

    Args:
        features: What was known of each unit before it met the experiment, `[n, p]`.
        arms: 0 for the control, 1 for the variant.
        outcomes: Outcome of each unit.
        propensities: Probability of the variant, one for all or one per unit.
        rng: Draws the folds.
        learner: Learns both outcomes and effects; a polynomial of degree 2 without it.
        num_folds: Number of folds, at least 3.
        alpha: Two-sided level of the average effect.

    Returns:
        The effects, or why there are none: `too_few_units`, or `zero_variance`.

    References:
        Kennedy, E. H. (2023). Towards optimal doubly robust estimation of heterogeneous causal
        effects. Electronic Journal of Statistics 17(2), algorithm 1.
        Wager, S. (2024). Sequential validation of treatment heterogeneity. arXiv 2405.05534.

    Examples:
        >>> rng = np.random.default_rng(2)
        >>> x = rng.normal(size=(4000, 2))
        >>> arms = rng.integers(0, 2, 4000)
        >>> outcomes = x[:, 0] + arms * (0.3 + 0.5 * x[:, 1]) + rng.normal(size=4000)
        >>> learned = learn_effects(x, arms, outcomes, propensities=0.5, rng=rng)
        >>> round(learned.average.value, 2)
        0.27
        >>> learned.model.predict(np.array([[0.0, -1.0], [0.0, 1.0]])).round(1).tolist()
        [-0.3, 0.8]
    """
    y = as_floats("outcomes", outcomes)
    x = as_floats("features", features, ndim=2)
    t = as_arms("arms", arms, num_arms=2)
    if not len(x) == len(t) == len(y):
        raise ValueError(
            f"there are {len(x)} rows of features, {len(t)} arms and {len(y)} outcomes; they must "
            "be equally many"
        )
    if x.shape[1] == 0:
        raise ValueError("features has no column; it must have at least 1")
    shares = as_floats("propensities", propensities, ndim=(0, 1))
    if shares.ndim == 1 and len(shares) != len(y):
        raise ValueError(
            f"there are {len(y)} units and {len(shares)} propensities; they must be equally many"
        )
    shares = np.broadcast_to(shares, len(y))
    if ((shares <= 0) | (shares >= 1)).any():
        raise ValueError("propensities must be between 0 and 1, both excluded")
    require_at_least("num_folds", num_folds, 3)
    require_generator(rng)
    smallest = min(int((t == 0).sum()), int((t == 1).sum()))
    if smallest < MIN_UNITS_PER_FOLD * num_folds:
        return NotEnoughData(
            code="too_few_units",
            detail=(
                f"the smaller variant has {num_of(smallest, 'unit')}; {num_folds} folds need "
                f"{MIN_UNITS_PER_FOLD * num_folds}"
            ),
        )
    data = _Data(
        x=x,
        arms=t,
        y=y,
        shares=np.column_stack([1 - shares, shares]),
        folds=_balanced_folds(t, num_folds, rng),
        learner=Polynomial() if learner is None else learner,
    )
    scores = np.empty((len(y), 2))
    for fold in range(num_folds):
        inside = data.folds == fold
        scores[inside] = data.scores(train=~inside, score=inside)
    effects = scores[:, 1] - scores[:, 0]
    average = mean_of_scores(effects, alpha=alpha, method="aipw")
    if isinstance(average, NotEnoughData):
        return average
    return LearnedEffects(
        average=average,
        scores=effects,
        model=data.learner.fit(x, effects),
        held_out=_hold_out(data, num_folds),
        method="dr_learner",
        num_folds=num_folds,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Data:
    x: FloatArray
    arms: IntArray
    y: FloatArray
    shares: FloatArray
    folds: IntArray
    learner: Learner

    def scores(self, *, train: Mask, score: Mask) -> FloatArray:
        """Return the scores of some units, with models of the outcomes of others."""
        predictions = np.column_stack(
            [self._outcome_model(train, arm).predict(self.x[score]) for arm in (0, 1)]
        )
        return arm_scores(
            self.y[score], self.arms[score], self.shares[score], predictions=predictions
        )

    def effect_model(self, train: Mask) -> Model:
        """Return a model of the effect that has seen these units only."""
        rows = np.flatnonzero(train)
        # Halves within each variant, so that each has units of both.
        half = np.empty(len(self.y), dtype=np.int64)
        for arm in (0, 1):
            of_arm = rows[self.arms[rows] == arm]
            half[of_arm] = np.arange(len(of_arm)) % 2
        scores = np.empty(len(self.y))
        for part in (0, 1):
            inside, other = train & (half == part), train & (half != part)
            pair = self.scores(train=other, score=inside)
            scores[inside] = pair[:, 1] - pair[:, 0]
        return self.learner.fit(self.x[train], scores[train])

    def _outcome_model(self, train: Mask, arm: int) -> Model:
        chosen = train & (self.arms == arm)
        return self.learner.fit(self.x[chosen], self.y[chosen])


def _hold_out(data: _Data, num_folds: int) -> HeldOutEffects:
    predictions, scores = np.empty(len(data.y)), np.empty((len(data.y), 2))
    for fold in range(1, num_folds):
        earlier, inside = data.folds < fold, data.folds == fold
        predictions[inside] = data.effect_model(earlier).predict(data.x[inside])
        scores[inside] = data.scores(train=earlier, score=inside)
    units = np.flatnonzero(data.folds > 0).astype(np.int64)
    return HeldOutEffects(
        units=units, folds=data.folds[units], predictions=predictions[units], scores=scores[units]
    )


def _balanced_folds(arms: IntArray, num_folds: int, rng: np.random.Generator) -> IntArray:
    """Return folds with equal shares of each variant."""
    folds = np.empty(len(arms), dtype=np.int64)
    for arm in (0, 1):
        rows = np.flatnonzero(arms == arm)
        folds[rows] = rng.permutation(np.arange(len(rows)) % num_folds)
    return folds
