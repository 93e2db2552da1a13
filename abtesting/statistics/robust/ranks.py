"""Comparisons by rank: how often a unit of the variant has the larger value.

No value counts for more than its place, so one huge order does not matter; but it is not the mean,
and so not the revenue, that is compared. `compare_ranks` decides. Its p-value and its interval come
from one statistic, whose variance needs no equal distributions. `mann_whitney` is the classical
test of equal distributions, for comparing with other programs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from abtesting.statistics.arguments import as_floats
from abtesting.statistics.boundaries import Boundary, first_look
from abtesting.statistics.roots import find_root
from abtesting.statistics.types import SIDES, Interval, NotEnoughData, Side, num_of

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankEffect:
    """How often a unit of the variant has the larger value than one of the control.

    `p_value < alpha` and 1/2 outside `interval` are the same statement.

    Attributes:
        probability: Share of pairs in which the variant's value is larger, ties counted half.
        standard_error: Standard error of the probability.
        interval: Interval of the probability.
        p_value: p-value of a probability of 1/2.
        method: `brunner_munzel`, or `mann_whitney` if no value of one arm is above any of the
            other, where the former has no variance.
        boundary: Name of the boundary.
        alpha: Level of the decision and the interval.
        side: Which probabilities are looked for; `greater` are those above 1/2.
    """

    probability: float
    standard_error: float
    interval: Interval
    p_value: float
    method: str
    boundary: str
    alpha: float
    side: Side

    @property
    def is_significant(self) -> bool:
        """Whether the probability is told from 1/2 at level `alpha`."""
        return self.p_value < self.alpha


@dataclass(frozen=True, slots=True, kw_only=True)
class MannWhitney:
    """The rank-sum test.

    Attributes:
        u: Pairs in which the variant's value is larger, ties counted half.
        probability: The same as a share of all pairs.
        statistic: Standard normal under equal distributions.
        p_value: p-value of equal distributions.
        side: Which alternatives are looked for.
        method: `mann_whitney`.
    """

    u: float
    probability: float
    statistic: float
    p_value: float
    side: Side
    method: str


def compare_ranks(
    control: ArrayLike, variant: ArrayLike, *, boundary: Boundary
) -> RankEffect | NotEnoughData:
    """Estimate and test how often the variant's value is the larger.

    Args:
        control: Values of the control, one a unit.
        variant: Values of the variant.
        boundary: When the result may be read, its level and its side.

    Returns:
        The effect; or `too_few_units`; or `zero_variance` if all values are equal.

    References:
        Brunner, E. & Munzel, U. (2000). The nonparametric Behrens-Fisher problem: asymptotic
        theory and a small-sample approximation. Biometrical Journal 42(1).
        Newcombe, R. G. (2006). Confidence intervals for an effect size measure based on the
        Mann-Whitney statistic. Part 2. Statistics in Medicine 25(4), method 5, where the values
        don't overlap.

    Examples:
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> effect = compare_ranks(
        ...     [3.1, 2.9, 3.4, 3.0, 2.7], [3.4, 3.3, 3.9, 2.9, 3.7], boundary=FixedHorizon(0.05)
        ... )
        >>> round(effect.probability, 2), round(effect.p_value, 3)
        (0.8, 0.095)
    """
    x, y = as_floats("control", control), as_floats("variant", variant)
    m, n = len(x), len(y)
    too_few = first_look(boundary, control=m, variant=n)
    if too_few is not None:
        return too_few
    pooled, ties = _midranks(np.concatenate([x, y]))
    if len(ties) == 1:
        return NotEnoughData(
            code="zero_variance",
            detail=f"all units have the value {x[0]:g}; ranks need values that differ",
        )
    # How many of the other arm's values are smaller, ties counted half.
    below_x, below_y = pooled[:m] - _midranks(x)[0], pooled[m:] - _midranks(y)[0]
    probability = float(below_y.mean()) / m
    part_x = float(below_x.var(ddof=1)) / m / n**2
    part_y = float(below_y.var(ddof=1)) / n / m**2
    variance = part_x + part_y
    if variance > 0:
        standard_error = math.sqrt(variance)
        df = 1 / ((part_x / variance) ** 2 / (m - 1) + (part_y / variance) ** 2 / (n - 1))
        half = boundary.critical(m + n, df) * standard_error
        lower, upper = max(probability - half, 0.0), min(probability + half, 1.0)
        p_value = boundary.p_value((probability - 0.5) / standard_error, m + n, df)
        method = "brunner_munzel"
    else:
        scale = _tie_factor(ties, m + n)
        standard_error = math.sqrt(_modelled_variance(0.5, m, n) * scale)
        critical = boundary.critical(m + n, None)
        # How far the other end may be: 1 - p = critical * sqrt(variance at p), mirrored for 0.
        reach = find_root(
            lambda p: (1 - p) - critical * math.sqrt(_modelled_variance(p, m, n) * scale),
            0.0,
            1.0 - 1e-12,
        )
        lower, upper = (reach, 1.0) if probability > 0.5 else (0.0, 1 - reach)
        p_value = boundary.p_value((probability - 0.5) / standard_error, m + n, None)
        method = "mann_whitney"
    return RankEffect(
        probability=probability,
        standard_error=standard_error,
        interval=Interval(
            0.0 if boundary.side == "less" else lower, 1.0 if boundary.side == "greater" else upper
        ),
        p_value=p_value,
        method=method,
        boundary=boundary.name,
        alpha=boundary.alpha,
        side=boundary.side,
    )


def mann_whitney(
    control: ArrayLike,
    variant: ArrayLike,
    *,
    side: Side = "two_sided",
    continuity: bool = True,
) -> MannWhitney | NotEnoughData:
    """Test equal distributions by the rank sum, with its normal approximation and ties.

    Args:
        control: Values of the control, one a unit.
        variant: Values of the variant.
        side: Which alternatives are looked for; `greater` is larger values in the variant.
        continuity: Whether to move U by half a pair towards its expectation.

    Returns:
        The test; or `too_few_units` if an arm has none; or `zero_variance` if all values are equal.

    References:
        Mann, H. B. & Whitney, D. R. (1947). On a test of whether one of two random variables is
        stochastically larger than the other. Annals of Mathematical Statistics 18(1).

    Examples:
        >>> test = mann_whitney([3.1, 2.9, 3.4, 3.0, 2.7], [3.4, 3.3, 3.9, 2.9, 3.7])
        >>> test.u, round(test.p_value, 3)
        (20.0, 0.141)
    """
    if side not in SIDES:
        raise ValueError(f"side is {side!r}; it must be one of {', '.join(SIDES)}")
    x, y = as_floats("control", control), as_floats("variant", variant)
    m, n = len(x), len(y)
    if min(m, n) == 0:
        return NotEnoughData(
            code="too_few_units",
            detail=f"control has {num_of(m, 'unit')} and variant {n}; each needs at least 1",
        )
    pooled, ties = _midranks(np.concatenate([x, y]))
    if len(ties) == 1:
        return NotEnoughData(
            code="zero_variance",
            detail=f"all units have the value {x[0]:g}; ranks need values that differ",
        )
    u = float(pooled[m:].sum()) - n * (n + 1) / 2
    excess = u - m * n / 2
    shift = 0.5 if continuity else 0.0
    if side == "two_sided":
        excess = math.copysign(max(abs(excess) - shift, 0.0), excess)
    else:
        excess += shift if side == "less" else -shift
    variance = m * n * (m + n + 1) / 12 * _tie_factor(ties, m + n)
    z = excess / math.sqrt(variance)
    tail = -abs(z) if side == "two_sided" else z if side == "less" else -z
    return MannWhitney(
        u=u,
        probability=u / (m * n),
        statistic=z,
        p_value=float(special.ndtr(tail)) * (2 if side == "two_sided" else 1),
        side=side,
        method="mann_whitney",
    )


def _modelled_variance(p: float, m: int, n: int) -> float:
    """Return the variance of U / (m n) at P(X < Y) = p: at 1/2 the one of equal distributions."""
    pairs = ((m + n) / 2 - 1) * ((1 - p) / (2 - p) + p / (1 + p))
    return p * (1 - p) * (1 + pairs) / (m * n)


def _tie_factor(ties: Floats, total: int) -> float:
    return 1 - float(((ties**3 - ties) / (float(total) ** 3 - total)).sum())


def _midranks(values: Floats) -> tuple[Floats, Floats]:
    """Return the rank of each value, from 1, equal ones sharing theirs; and how many are equal."""
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks: Floats = (ends - (counts - 1) / 2)[codes]
    return ranks, counts.astype(np.float64)
