"""Data of a bandit as batches with their logged propensities, and unbiased means from them.

A bandit sends traffic to what looked good. A variant that had bad luck early gets few units after
it and keeps its bad mean, so plain means of adaptively collected data are too low, by 5 to 17 % for
the variant with the least traffic. The means here undo that with the propensities; for tests see
`adaptive_inference`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from abtesting.statistics.adaptive.doubly_robust import (
    FloatArray,
    ScoreMean,
    normal_mean,
)
from abtesting.statistics.arguments import as_floats, require_types
from abtesting.statistics.moments import Counts, Moments
from abtesting.statistics.types import NotEnoughData, num_of

SUM_TOLERANCE = 1e-6
SUSPICIOUS = 1e-3
"""p-value below which the numbers of units contradict the logged propensities."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptiveBatch:
    """Units between two changes of the shares.

    Attributes:
        arms: Aggregate of each variant, all `Counts` (rates) or all `Moments` (first column).
        propensities: Share of each variant in this batch, fixed before it began. They sum to 1; a
            variant that was switched off has 0.
    """

    arms: tuple[Counts | Moments, ...]
    propensities: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.arms) < 2:
            raise ValueError(f"arms has {len(self.arms)} variants; it must have at least 2")
        if len(self.arms) != len(self.propensities):
            raise ValueError(
                f"arms has {len(self.arms)} variants and propensities {len(self.propensities)}; "
                "they must be equal"
            )
        if len({type(arm) for arm in self.arms}) > 1:
            raise ValueError("arms mixes Counts and Moments; they must be of one kind")
        if not all(0 <= e <= 1 for e in self.propensities):
            raise ValueError(f"propensities are {self.propensities!r}; each must be from 0 to 1")
        total = math.fsum(self.propensities)
        if abs(total - 1) > SUM_TOLERANCE:
            raise ValueError(f"propensities sum to {total!r}; they must sum to 1")
        for i, (arm, propensity) in enumerate(zip(self.arms, self.propensities, strict=True)):
            if propensity == 0 and _num_units(arm) > 0:
                raise ValueError(
                    f"arms[{i}] has {_num_units(arm)} units with a propensity of 0; a variant "
                    "that is switched off must have none"
                )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BatchTable:
    """Batches as arrays of shape `[batches, variants]`.

    Attributes:
        units: Numbers of units.
        means: Their means; 0 without units.
        squares: Sums of squared deviations from them.
        propensities: Shares.
        earlier_means: Mean of all units before the batch: what a score may use as its model. In
            the first batch with units, where nothing is earlier, the mean of that batch.
        binary: Whether outcomes are 0 or 1.
    """

    units: FloatArray
    means: FloatArray
    squares: FloatArray
    propensities: FloatArray
    earlier_means: FloatArray
    binary: bool


def tabulate(batches: Sequence[AdaptiveBatch]) -> BatchTable:
    """Return the batches that have units as arrays.

    Raises:
        ValueError: If there is none, or they differ in the number or kind of variants.
    """
    require_types("batches", batches, AdaptiveBatch)
    kept = [batch for batch in batches if any(_num_units(arm) for arm in batch.arms)]
    if not kept:
        raise ValueError(f"batches has {len(batches)} batches, none with units; it must have 1")
    shapes = {(len(batch.arms), type(batch.arms[0]).__name__) for batch in kept}
    if len(shapes) > 1:
        listed = ", ".join(f"{number} {kind}" for number, kind in sorted(shapes))
        raise ValueError(f"batches have {listed}; all must have the same variants")
    parts = np.array([[_parts(arm) for arm in batch.arms] for batch in kept])
    units, means, squares = (parts[:, :, i] for i in range(3))
    seen = np.cumsum(units, axis=0) - units
    totals = np.cumsum(units * means, axis=0) - units * means
    earlier = np.where(seen > 0, totals / np.maximum(seen, 1), means)
    return BatchTable(
        units=units,
        means=means,
        squares=squares,
        propensities=np.array([batch.propensities for batch in kept]),
        earlier_means=earlier,
        binary=isinstance(kept[0].arms[0], Counts),
    )


def contradicts_propensities(table: BatchTable) -> bool:
    """Return whether the numbers of units are not what the propensities say (chi-square)."""
    on = table.propensities > 0
    expected = table.units.sum(axis=1, keepdims=True) * table.propensities
    statistic = float((np.square(table.units - expected)[on] / expected[on]).sum())
    df = int(on.sum()) - len(on)
    return df > 0 and float(special.chdtrc(df, statistic)) < SUSPICIOUS


def weighted_scores(table: BatchTable, arm: int, weights: FloatArray) -> tuple[float, float]:
    """Return the mean of a variant's scores G with a weight per batch, and its variance.

    A unit's score is m + 1{it got the variant} (outcome - m) / propensity, with m the earlier mean.
    All sums over units come from the aggregates. The mean is sum w G / sum w, its variance
    sum w^2 (G - mean)^2 / (sum w)^2.
    """
    total = table.units.sum(axis=1)
    n, e = table.units[:, arm], table.propensities[:, arm]
    on = e > 0
    total, n, e, w = total[on], n[on], e[on], weights[on]
    m = table.earlier_means[on, arm]
    error = n * (table.means[on, arm] - m) / e
    weight = float(w @ total)
    mean = float(w @ (total * m + error)) / weight
    off = m - mean
    # Sum of (off + 1{arm} (y - m) / e)^2 over the units of a batch.
    squares = (table.squares[on, arm] + n * np.square(table.means[on, arm] - m)) / np.square(e)
    variance = float(np.square(w) @ (total * np.square(off) + 2 * off * error + squares))
    return mean, variance / (weight * weight)


def adaptive_means(
    batches: Sequence[AdaptiveBatch], *, alpha: float = 0.05
) -> tuple[ScoreMean | NotEnoughData, ...]:
    """Return the unbiased mean of each variant (augmented inverse propensity weighting, AIPW).

    Every batch counts by its units, so that nothing a variant did has a say in how much it counts.
    That keeps the mean unbiased, and makes it noisy for a variant with little traffic. The interval
    is the normal one; decide by `adaptive_inference`, not by whether intervals overlap.

    Args:
        batches: In the order of time.
        alpha: Two-sided level of the intervals.

    References:
        Hadad, V., Hirshberg, D. A., Zhan, R., Wager, S. & Athey, S. (2021). Confidence intervals
        for policy evaluation in adaptive experiments. PNAS 118(15), equation 5.

    Examples:
        >>> batches = [
        ...     AdaptiveBatch(
        ...         arms=(
        ...             Counts(num_units=500, num_successes=20),
        ...             Counts(num_units=500, num_successes=30),
        ...         ),
        ...         propensities=(0.5, 0.5),
        ...     ),
        ...     AdaptiveBatch(
        ...         arms=(
        ...             Counts(num_units=100, num_successes=6),
        ...             Counts(num_units=900, num_successes=45),
        ...         ),
        ...         propensities=(0.1, 0.9),
        ...     ),
        ... ]
        >>> [round(mean.value, 4) for mean in adaptive_means(batches)]
        [0.05, 0.055]
    """
    table = tabulate(batches)
    results: list[ScoreMean | NotEnoughData] = []
    for arm in range(table.units.shape[1]):
        num_units = int(table.units[:, arm].sum())
        if num_units < 2:
            results.append(
                NotEnoughData(
                    code="too_few_units",
                    detail=(
                        f"variant {arm} has {num_of(num_units, 'unit')}; a mean needs at least 2"
                    ),
                )
            )
            continue
        mean, variance = weighted_scores(table, arm, np.ones(len(table.units)))
        results.append(
            normal_mean(mean, math.sqrt(variance), num_units=num_units, alpha=alpha, method="aipw")
        )
    return tuple(results)


def adaptively_weighted_mean(
    scores: ArrayLike, propensities: ArrayLike, *, alpha: float = 0.05
) -> ScoreMean | NotEnoughData:
    """Return the adaptively weighted mean of one variant's scores, unit by unit.

    For contextual bandits, whose propensities differ between the units of a batch.

    Args:
        scores: Doubly robust scores of the variant, a column of `doubly_robust.arm_scores` with a
            model of earlier units only.
        propensities: Probability of the variant for each unit when it was decided.
        alpha: Two-sided level.

    References:
        Hadad, V., Hirshberg, D. A., Zhan, R., Wager, S. & Athey, S. (2021). Confidence intervals
        for policy evaluation in adaptive experiments. PNAS 118(15), equations 8 and 18.

    Examples:
        >>> result = adaptively_weighted_mean([2.0, 6.0, 4.0, 3.0], [0.5, 0.5, 0.25, 0.25])
        >>> round(result.value, 3), round(result.standard_error, 3)
        (3.793, 0.85)
    """
    values = as_floats("scores", scores, ndim=1)
    shares = as_floats("propensities", propensities, ndim=1)
    if len(values) != len(shares):
        raise ValueError(
            f"there are {len(values)} scores and {len(shares)} propensities; they must be equally "
            "many"
        )
    if ((shares <= 0) | (shares > 1)).any():
        raise ValueError("propensities must be above 0 and at most 1")
    if len(values) < 2:
        return NotEnoughData(
            code="too_few_units",
            detail=f"{num_of(len(values), 'unit')}; a standard error needs at least 2",
        )
    weights = np.sqrt(shares)
    total = float(weights.sum())
    mean = float(weights @ values) / total
    error = float(np.linalg.norm(weights * (values - mean))) / total
    return normal_mean(mean, error, num_units=len(values), alpha=alpha, method="aw_aipw")


def _num_units(arm: Counts | Moments) -> int:
    return arm.num_units if isinstance(arm, Counts) else arm.n


def _parts(arm: Counts | Moments) -> tuple[float, float, float]:
    """Return units, mean and sum of squared deviations."""
    if isinstance(arm, Moments):
        return arm.n, arm.mean, arm.comoments[0][0]
    if arm.num_units == 0:
        return 0.0, 0.0, 0.0
    rate = arm.num_successes / arm.num_units
    return arm.num_units, rate, rate * (arm.num_units - arm.num_successes)
