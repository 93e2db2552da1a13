"""What targeting is worth: the value of a policy against treating everybody or nobody.

All values are means of doubly robust scores of the same units, so differences are paired and much
sharper than two separate values. The policy must have been fixed without the outcomes of the units
it is judged on: declared before, or learned on others (`treatment_effects.HeldOutEffects`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from numpy.typing import ArrayLike
from scipy import special

from abtesting.statistics.adaptive.doubly_robust import (
    FloatArray,
    ScoreMean,
    as_distribution,
    mean_of_scores,
)
from abtesting.statistics.arguments import as_floats
from abtesting.statistics.types import NotEnoughData

Outcome = Literal["targeting_pays", "no_evidence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyValue:
    """A targeting policy beside the two that need no targeting.

    Attributes:
        value: Mean outcome under the policy.
        treat_all: Mean outcome if every unit gets the variant.
        treat_none: Mean outcome if every unit gets the control.
        over_all: Policy minus treat-all, paired by unit; `None` where the policy treats all.
        over_none: Policy minus treat-none, paired; `None` where it treats nobody.
        treated_share: Share of units that the policy treats.
        p_value: One-sided p-value of "no better than the better of the two": the larger of both,
            which needs no correction for having tested twice.
        outcome: `targeting_pays` if that is below alpha, else `no_evidence`.
        method: `doubly_robust_scores`.
        alpha: Level of the outcome and two-sided level of the intervals.
    """

    value: ScoreMean
    treat_all: ScoreMean
    treat_none: ScoreMean
    over_all: ScoreMean | None
    over_none: ScoreMean | None
    treated_share: float
    p_value: float
    outcome: Outcome
    method: str
    alpha: float


def policy_value(
    scores: ArrayLike, treat: ArrayLike, *, alpha: float = 0.05
) -> PolicyValue | NotEnoughData:
    """Compare a targeting policy with treating everybody and nobody.

    Args:
        scores: Score of each unit for the control and the variant, `[n, 2]`, from
            `doubly_robust.arm_scores`. Subtract the cost of the treatment from the second column
            if it has one.
        treat: Whether the policy gives each unit the variant, or the probability that it does.
        alpha: Level of the outcome and two-sided level of the intervals.

    Returns:
        The values, or why there are none: `too_few_units` or `zero_variance`.

    References:
        Athey, S. & Wager, S. (2021). Policy learning with observational data. Econometrica 89(1).
        Berger, R. L. (1982). Multiparameter hypothesis testing and acceptance sampling.
        Technometrics 24(4).

    Examples:
        >>> import numpy as np
        >>> rng = np.random.default_rng(3)
        >>> x = rng.normal(size=2000)
        >>> scores = np.column_stack([rng.normal(size=2000), x + rng.normal(size=2000)])
        >>> result = policy_value(scores, x > 0)
        >>> round(result.over_all.value, 2), round(result.over_none.value, 2), result.outcome
        (0.39, 0.4, 'targeting_pays')
    """
    pair = as_floats("scores", scores, ndim=2)
    if pair.shape[1] != 2:
        raise ValueError(f"scores has {pair.shape[1]} columns; it must have 2")
    chosen = as_floats("treat", treat)
    if len(chosen) != len(pair):
        raise ValueError(
            f"there are {len(pair)} scores and {len(chosen)} units to treat; they must be equal"
        )
    if ((chosen < 0) | (chosen > 1)).any():
        raise ValueError("treat must hold True and False, or probabilities from 0 to 1")
    policy = pair[:, 0] + chosen * (pair[:, 1] - pair[:, 0])
    values = [
        mean_of_scores(column, alpha=alpha, method="doubly_robust_scores")
        for column in (policy, pair[:, 1], pair[:, 0])
    ]
    found = [value for value in values if isinstance(value, ScoreMean)]
    if len(found) < len(values):
        return next(value for value in values if isinstance(value, NotEnoughData))
    over_all = _over(policy, pair[:, 1], alpha=alpha, same=bool((chosen == 1).all()))
    if isinstance(over_all, NotEnoughData):
        return over_all
    over_none = _over(policy, pair[:, 0], alpha=alpha, same=bool((chosen == 0).all()))
    if isinstance(over_none, NotEnoughData):
        return over_none
    p_value = max(_p_better(over_all), _p_better(over_none))
    return PolicyValue(
        value=found[0],
        treat_all=found[1],
        treat_none=found[2],
        over_all=over_all,
        over_none=over_none,
        treated_share=float(chosen.mean()),
        p_value=p_value,
        outcome="targeting_pays" if p_value < alpha else "no_evidence",
        method="doubly_robust_scores",
        alpha=alpha,
    )


def compare_policies(
    scores: ArrayLike, candidate: ArrayLike, reference: ArrayLike, *, alpha: float = 0.05
) -> ScoreMean | NotEnoughData:
    """Return the value of one policy minus that of another on the same units.

    Args:
        scores: Score of each unit for each variant, `[n, k]`.
        candidate: Probability of each variant under the first policy, `[n, k]` or `[k]`.
        reference: The same of the other.
        alpha: Two-sided level.

    Returns:
        The paired difference, or `too_few_units`, or `zero_variance` where the policies agree.

    Examples:
        >>> scores = [[1.0, 2.0, 0.5], [0.0, 3.0, 1.0], [2.0, 2.5, 0.0], [1.0, 1.5, 1.0]]
        >>> round(compare_policies(scores, [0, 1, 0], [0.5, 0.5, 0]).value, 3)
        0.625
    """
    table = as_floats("scores", scores, ndim=2)
    first, second = (
        _policy(name, policy, table)
        for name, policy in (("candidate", candidate), ("reference", reference))
    )
    return mean_of_scores(
        ((first - second) * table).sum(axis=1), alpha=alpha, method="paired_scores"
    )


def _policy(name: str, policy: ArrayLike, table: FloatArray) -> FloatArray:
    shares = as_distribution(name, policy, num_units=len(table))
    if shares.shape != table.shape:
        raise ValueError(f"{name} has {shares.shape[1]} variants; scores has {table.shape[1]}")
    return shares


def _over(
    policy: FloatArray, other: FloatArray, *, alpha: float, same: bool
) -> ScoreMean | NotEnoughData | None:
    if same:
        return None
    return mean_of_scores(policy - other, alpha=alpha, method="paired_scores")


def _p_better(difference: ScoreMean | None) -> float:
    """Return the one-sided p-value of a difference above 0; a policy is not better than itself."""
    if difference is None:
        return 1.0
    return float(special.ndtr(-difference.value / difference.standard_error))
