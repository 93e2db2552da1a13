"""Value of a policy that was not the one running, from logged decisions and their propensities.

Five estimators of one quantity: the mean reward had `target` decided. They trade bias for noise;
the diagnostics of the weights say whether any of them can be believed. A plain mean of the rewards
is not among them: it is the value of the policy that ran.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from abtesting.statistics.adaptive.doubly_robust import (
    FloatArray,
    IntArray,
    as_arms,
    as_distribution,
    as_propensities,
    mean_of_scores,
)
from abtesting.statistics.arguments import as_floats, is_number, require_type, shown
from abtesting.statistics.types import Interval, NotEnoughData

SUSPICIOUS = 1e-3
"""p-value below which the weights contradict the logged propensities."""
FEW_EFFECTIVE = 0.01
"""Effective share of the units below which a handful of them decides the estimate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightDiagnostics:
    """What the importance weights, target probability over propensity, look like.

    Attributes:
        max_weight: The largest; one unit counts as that many.
        mean_weight: Their mean, 1 up to chance if the propensities are right.
        mean_p_value: Two-sided p-value of a mean of 1.
        effective_sample_size: Units of the target policy that the weighted ones are worth (Kish).
        warnings: `mean_weight_not_1`, `few_effective_units`.
    """

    max_weight: float
    mean_weight: float
    mean_p_value: float
    effective_sample_size: float
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OffPolicyValue:
    """Estimated mean reward of the target policy.

    Attributes:
        value: The estimate.
        standard_error: Its standard error.
        interval: Normal interval at level 1 - alpha.
        num_units: Logged decisions.
        weights: Diagnostics of the importance weights.
        method: `ips`, `snips`, `direct`, `doubly_robust` or `switch`.
        alpha: Two-sided level.
        warnings: `model_error_not_included` where the interval holds only if the reward model is
            right, and those of the weights.
    """

    value: float
    standard_error: float
    interval: Interval
    num_units: int
    weights: WeightDiagnostics
    method: str
    alpha: float
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoggedDecisions:
    """What was decided and what came of it, with the policy to judge. `log_decisions` makes one.

    Attributes:
        actions: Index of the action of each unit.
        rewards: Reward of each unit.
        propensities: Probability that the action of each unit had of being taken.
        target: Probability of each action under the policy to judge, `[n, k]`.
    """

    actions: IntArray
    rewards: FloatArray
    propensities: FloatArray
    target: FloatArray

    @property
    def importance_weights(self) -> FloatArray:
        """Target probability of the action that was taken over its propensity."""
        taken: FloatArray = self.target[np.arange(len(self.actions)), self.actions]
        return taken / self.propensities


def log_decisions(
    actions: ArrayLike, rewards: ArrayLike, *, propensities: ArrayLike, target: ArrayLike
) -> LoggedDecisions:
    """Check logged decisions.

    Args:
        actions: Index of the action of each unit, from 0.
        rewards: Reward of each unit.
        propensities: Probability of the action that was taken, `[n]`, or of every action, `[n, k]`;
            then each row must sum to 1.
        target: Probability of each action under the policy to judge, `[n, k]`, or `[k]` for one
            that treats all units alike.

    Raises:
        ValueError: If lengths differ, a value is not finite, a propensity is not above 0, or
            probabilities don't sum to 1.

    Examples:
        >>> log = log_decisions([0, 1], [0.0, 1.0], propensities=[0.8, 0.2], target=[0.0, 1.0])
        >>> log.importance_weights
        array([0., 5.])
    """
    y = as_floats("rewards", rewards, ndim=1)
    policy = as_distribution("target", target, num_units=len(y))
    taken = as_arms("actions", actions, num_arms=policy.shape[1])
    shares = as_floats("propensities", propensities, ndim=(1, 2))
    if shares.ndim == 2:
        if len(taken) != len(shares):
            raise ValueError(
                f"actions has {len(taken)} units and propensities {len(shares)}; they must be equal"
            )
        matrix = as_propensities("propensities", shares, num_units=len(y))
        if matrix.shape != policy.shape:
            raise ValueError(
                f"propensities has shape {matrix.shape} and target {policy.shape}; they must have "
                "the same actions"
            )
        shares = matrix[np.arange(len(taken)), taken]
    if not len(y) == len(taken) == len(shares):
        raise ValueError(
            f"there are {len(taken)} actions, {len(y)} rewards and {len(shares)} propensities; "
            "they must be equally many"
        )
    outside = np.flatnonzero((shares <= 0) | (shares > 1))
    if len(outside):
        raise ValueError(
            f"propensities[{outside[0]}] is {float(shares[outside[0]])!r}; it must be above 0 and "
            "at most 1"
        )
    return LoggedDecisions(actions=taken, rewards=y, propensities=shares, target=policy)


def inverse_propensity(
    log: LoggedDecisions, *, alpha: float = 0.05
) -> OffPolicyValue | NotEnoughData:
    """Estimate by weighting each reward (IPS): unbiased, and the noisiest.

    References:
        Horvitz, D. G. & Thompson, D. J. (1952). A generalization of sampling without replacement
        from a finite universe. JASA 47(260).

    Examples:
        >>> log = log_decisions(
        ...     [0, 1, 0, 1], [1.0, 3.0, 2.0, 4.0], propensities=[0.5] * 4, target=[0.0, 1.0]
        ... )
        >>> inverse_propensity(log).value
        3.5
    """
    require_type("log", log, LoggedDecisions)
    return _value(log, log.importance_weights * log.rewards, method="ips", alpha=alpha)


def self_normalised(log: LoggedDecisions, *, alpha: float = 0.05) -> OffPolicyValue | NotEnoughData:
    """Estimate by the weighted mean of the rewards (SNIPS).

    A small bias, of the order of 1 over the effective sample size, buys an estimate that stays
    inside the range of the rewards and does not move when a constant is added to them. The
    standard error is that of a ratio.

    References:
        Swaminathan, A. & Joachims, T. (2015). The self-normalized estimator for counterfactual
        learning. NeurIPS 28.
    """
    require_type("log", log, LoggedDecisions)
    weights = log.importance_weights
    total = float(weights.sum())
    if total <= 0:
        return _no_overlap(log)
    value = float(weights @ log.rewards) / total
    # Linearised: the mean of these terms is the value, and their spread its delta-method variance.
    terms = value + weights * (log.rewards - value) * (len(weights) / total)
    return _value(log, terms, method="snips", alpha=alpha)


def direct_method(
    log: LoggedDecisions, predictions: ArrayLike, *, alpha: float = 0.05
) -> OffPolicyValue | NotEnoughData:
    """Estimate by what a model predicts for the actions of the target policy (DM).

    Its interval knows of the sampling of the units only: a wrong model is wrong with confidence.

    Args:
        log: Logged decisions.
        predictions: Predicted reward of each unit for each action, `[n, k]`.
        alpha: Two-sided level.
    """
    rewards = _predictions(log, predictions)
    terms = (log.target * rewards).sum(axis=1)
    return _value(log, terms, method="direct", alpha=alpha, warnings=("model_error_not_included",))


def doubly_robust(
    log: LoggedDecisions, predictions: ArrayLike, *, alpha: float = 0.05
) -> OffPolicyValue | NotEnoughData:
    """Estimate by the model, corrected by the weighted errors it made (DR).

    Unbiased whatever the model, and less noisy than IPS with a good one. The model must not have
    been fitted to the unit it predicts (fit it elsewhere, or with cross-fitting).

    References:
        Dudik, M., Langford, J. & Li, L. (2011). Doubly robust policy evaluation and learning.
        ICML 28.

    Examples:
        >>> log = log_decisions(
        ...     [0, 1, 0, 1], [1.0, 3.0, 2.0, 4.0], propensities=[0.5] * 4, target=[0.0, 1.0]
        ... )
        >>> result = doubly_robust(log, [[1.5, 3.4]] * 4)
        >>> round(result.value, 2), round(result.standard_error, 3)
        (3.5, 0.412)
    """
    return _value(log, _corrected(log, predictions, math.inf), method="doubly_robust", alpha=alpha)


def switch_estimator(
    log: LoggedDecisions, predictions: ArrayLike, *, max_weight: float, alpha: float = 0.05
) -> OffPolicyValue | NotEnoughData:
    """Estimate doubly robustly where the weight is at most `max_weight`, by the model elsewhere.

    With a `max_weight` above every weight it is the doubly robust estimate, with 0 the direct one.
    Between, the units beyond it are left to the model, whose error the interval doesn't include.

    References:
        Wang, Y.-X., Agarwal, A. & Dudik, M. (2017). Optimal and adaptive off-policy evaluation in
        contextual bandits. ICML 34, section 4.
    """
    require_type("log", log, LoggedDecisions)
    if not (is_number(max_weight) and max_weight >= 0):
        raise ValueError(f"max_weight is {shown(max_weight)}; it must be at least 0")
    beyond = bool((log.importance_weights > max_weight).any())
    return _value(
        log,
        _corrected(log, predictions, max_weight),
        method="switch",
        alpha=alpha,
        warnings=("model_error_not_included",) if beyond else (),
    )


def diagnose_weights(weights: ArrayLike) -> WeightDiagnostics:
    """Describe importance weights.

    With the target "always action a" the weights are 1 / propensity where a was taken and 0
    elsewhere, so that their mean tests whether the propensities that were logged are the true ones.

    References:
        Kish, L. (1965). Survey sampling. Wiley, section 11.7.

    Examples:
        >>> result = diagnose_weights([0.5, 0.5, 1.0, 2.0])
        >>> result.mean_weight, round(result.effective_sample_size, 2)
        (1.0, 2.91)
    """
    w = as_floats("weights", weights, ndim=1)
    if len(w) == 0 or (w < 0).any():
        raise ValueError("weights must hold at least 1 number, all of them at least 0")
    mean, squares = float(w.mean()), float(w @ w)
    error = float(w.std(ddof=1)) / math.sqrt(len(w)) if len(w) > 1 else 0.0
    # Equal weights have no spread: then only rounding may part them from 1.
    p_value = (
        2 * float(special.ndtr(-abs(mean - 1) / error))
        if error > 0
        else float(abs(mean - 1) < 1e-9)
    )
    effective = float(w.sum()) ** 2 / squares if squares > 0 else 0.0
    warnings = []
    if p_value < SUSPICIOUS:
        warnings.append("mean_weight_not_1")
    if effective < FEW_EFFECTIVE * len(w):
        warnings.append("few_effective_units")
    return WeightDiagnostics(
        max_weight=float(w.max()),
        mean_weight=mean,
        mean_p_value=p_value,
        effective_sample_size=effective,
        warnings=tuple(warnings),
    )


def _corrected(log: LoggedDecisions, predictions: ArrayLike, max_weight: float) -> FloatArray:
    rewards = _predictions(log, predictions)
    weights = log.importance_weights
    errors = log.rewards - rewards[np.arange(len(weights)), log.actions]
    model: FloatArray = (log.target * rewards).sum(axis=1)
    return model + np.where(weights <= max_weight, weights * errors, 0.0)


def _predictions(log: LoggedDecisions, predictions: ArrayLike) -> FloatArray:
    require_type("log", log, LoggedDecisions)
    rewards = as_floats("predictions", predictions, ndim=2)
    if rewards.shape != log.target.shape:
        raise ValueError(
            f"predictions has shape {rewards.shape}; it must be {log.target.shape}, as the units "
            "and actions are"
        )
    return rewards


def _value(
    log: LoggedDecisions,
    terms: FloatArray,
    *,
    method: str,
    alpha: float,
    warnings: tuple[str, ...] = (),
) -> OffPolicyValue | NotEnoughData:
    if method != "direct" and not (log.importance_weights > 0).any():
        return _no_overlap(log)
    mean = mean_of_scores(terms, alpha=alpha, method=method)
    if isinstance(mean, NotEnoughData):
        return mean
    diagnostics = diagnose_weights(log.importance_weights)
    return OffPolicyValue(
        value=mean.value,
        standard_error=mean.standard_error,
        interval=mean.interval,
        num_units=mean.num_units,
        weights=diagnostics,
        method=method,
        alpha=alpha,
        warnings=warnings + diagnostics.warnings,
    )


def _no_overlap(log: LoggedDecisions) -> NotEnoughData:
    return NotEnoughData(
        code="no_overlap",
        detail=f"none of the {len(log.actions)} units got an action the target policy would take",
    )
