"""Tests and intervals for the data of a bandit, from batches with their logged propensities.

Two roads to a valid comparison. `compare_batches` (batched least squares) needs no model of the
propensities: within a batch the shares are fixed, so each batch is a small fair experiment, and
their z statistics add up. `compare_weighted_scores` weights unbiased scores by the square root of
the propensity, so that no batch with tiny shares dominates. The means that go with either come
from `adaptive_batches`. A plain mean or z-test is not offered: after Thompson sampling it is wrong
twice as often as it says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abtesting.statistics.adaptive.adaptive_batches import (
    AdaptiveBatch,
    BatchTable,
    contradicts_propensities,
    tabulate,
    weighted_scores,
)
from abtesting.statistics.adaptive.doubly_robust import FloatArray
from abtesting.statistics.arguments import require_type
from abtesting.statistics.boundaries import Boundary, FixedHorizon, first_look
from abtesting.statistics.means import Estimate, compare_estimates
from abtesting.statistics.roots import find_root
from abtesting.statistics.types import Effect, Interval, NotEnoughData, Side

MAX_DOUBLINGS = 60
"""Ratios beyond 2 to this power, or below its inverse, are infinite or 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptiveEffect:
    """A variant compared with the control on adaptively collected data.

    `p_value < alpha`, 0 outside `difference_interval` and 0 outside `lift_interval` are the same
    statement. The difference weights batches for a valid test; the two means weight them for no
    bias. So the difference is close to that of the means, not equal.

    Attributes:
        control_value: Unbiased mean of the control (AIPW).
        variant_value: The same of the variant.
        difference: Variant minus control.
        standard_error: Standard error of the difference.
        difference_interval: Interval of the difference.
        p_value: p-value of no difference.
        lift: Relative difference; `None` if the control is not above 0.
        lift_interval: Its interval; `None` if the control is not above 0.
        num_batches: Batches in which both variants had units.
        num_units: Units of all variants in those batches.
        method: `batched_ols` or `aw_aipw`.
        boundary: Name of the boundary.
        alpha: Level.
        side: `two_sided`, `greater` or `less`.
        warnings: `counts_contradict_propensities` where the logged propensities can't be true.
    """

    control_value: float
    variant_value: float
    difference: float
    standard_error: float
    difference_interval: Interval
    p_value: float
    lift: float | None
    lift_interval: Interval | None
    num_batches: int
    num_units: int
    method: str
    boundary: str
    alpha: float
    side: Side
    warnings: tuple[str, ...]

    @property
    def is_significant(self) -> bool:
        """Whether the difference is told from 0 at level `alpha`."""
        return self.p_value < self.alpha


def compare_batches(
    batches: Sequence[AdaptiveBatch], *, control: int = 0, variant: int = 1, boundary: Boundary
) -> AdaptiveEffect | NotEnoughData:
    """Compare two variants by batched least squares (BOLS).

    Given the past, the z statistic Z_b of a batch is standard normal whatever the shares were, so
    the sum of sqrt(N_b) Z_b over the root of the sum of the N_b is too, with N_b the units of the
    batch; with equal batches it is sum Z_b / sqrt(B). It is a random walk in the number of units,
    so any boundary that is read on the way may be used; its `num_units` are those of all variants.

    The variance of a unit is that within batches: of the two variants together for rates, whose
    variances are equal when the rates are; for amounts that of each, but at least that of the two
    together. With the variances of each alone, a variant that is given up after bad luck, and
    before its large orders, would look surer than it is: 9 % of tests of equal revenue would err at
    20,000 units with a floor of 5 %, and 19 % at 2,000. This way 5 % or fewer do. The price is
    power: with 5 % of buyers, log-normal orders of sigma 1.5 and a floor of 5 % only 1.3 to 1.7 %
    err.

    Args:
        batches: In the order of time.
        control: Position of the control among the variants.
        variant: Position of the other.
        boundary: When the result may be read, and its level.

    Returns:
        The effect, or why there is none: `too_few_units` or `zero_variance`.

    References:
        Zhang, K. W., Janson, L. & Murphy, S. A. (2020). Inference for batched bandits. NeurIPS 33,
        theorem 3.

    Examples:
        >>> from abtesting.statistics.moments import Counts
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
        ...             Counts(num_units=200, num_successes=9),
        ...             Counts(num_units=800, num_successes=46),
        ...         ),
        ...         propensities=(0.2, 0.8),
        ...     ),
        ... ]
        >>> effect = compare_batches(batches, boundary=FixedHorizon(0.05))
        >>> round(effect.difference, 4), round(effect.p_value, 4)
        (0.0167, 0.1327)
    """
    table = tabulate(batches)
    _require_arms(table, control=control, variant=variant)
    pair = [control, variant]
    units = table.units[:, pair]
    kept = (units[:, 0] > 0) & (units[:, 1] > 0)
    totals = units[kept].sum(axis=0)
    too_few = first_look(boundary, control=int(totals[0]), variant=int(totals[1]))
    if too_few is not None:
        return too_few
    n, means = units[kept], table.means[kept][:, pair]
    variances, dfs = _unit_variances(table, kept, pair)
    if variances is None:
        return _no_variance(control, variant)
    clock = table.units[kept].sum(axis=1)
    spreads = variances / n
    errors = np.sqrt(spreads.sum(axis=1))
    weights = np.sqrt(clock) / errors
    total = float(weights.sum())
    difference = float(weights @ (means[:, 1] - means[:, 0])) / total
    standard_error = math.sqrt(float(clock.sum())) / total
    df = None
    if not table.binary:
        shares = (np.square(weights) @ spreads) / float(clock.sum())
        df = 1 / float((np.square(shares) / dfs).sum())
    num_units = int(clock.sum())
    critical = boundary.critical(num_units, df)
    half_width = critical * standard_error
    values = [weighted_scores(table, arm, np.ones(len(kept)))[0] for arm in pair]
    lift = _lift(table, kept, pair, variances, critical) if values[0] > 0 else None
    return AdaptiveEffect(
        control_value=values[0],
        variant_value=values[1],
        difference=difference,
        standard_error=standard_error,
        difference_interval=Interval(difference - half_width, difference + half_width).of_side(
            boundary.side
        ),
        p_value=boundary.p_value(difference / standard_error, num_units, df),
        lift=None if lift is None else lift[0],
        lift_interval=None if lift is None else lift[1].of_side(boundary.side),
        num_batches=int(kept.sum()),
        num_units=num_units,
        method="batched_ols",
        boundary=boundary.name,
        alpha=boundary.alpha,
        side=boundary.side,
        warnings=_warnings(table),
    )


def compare_weighted_scores(
    batches: Sequence[AdaptiveBatch],
    *,
    control: int = 0,
    variant: int = 1,
    boundary: FixedHorizon,
) -> AdaptiveEffect | NotEnoughData:
    """Compare two variants by adaptively weighted doubly robust scores (AW-AIPW).

    Each variant's value is sum h G / sum h over the units, with G the unbiased score of
    `adaptive_batches.weighted_scores` and h the root of the propensity; these weights are what
    makes it normal when shares go to their floor. It is for one look, at the end.

    The variance is not the sum h^2 (G - value)^2 / (sum h)^2 of the paper, which is too small by
    chance whenever a variant with few units had bad luck. That of a unit is taken from both
    variants together, as in `compare_batches`. The price is power: with 5 % of buyers, log-normal
    orders of sigma 1.5 and a floor of 5 % only 0.5 to 0.9 % of tests of equal revenue err at a
    level of 5 %.

    Args:
        batches: In the order of time.
        control: Position of the control among the variants.
        variant: Position of the other.
        boundary: The level and side.

    Returns:
        The effect, or why there is none: `too_few_units` or `zero_variance`.

    Raises:
        ValueError: If the boundary is not a `FixedHorizon`: on the way the weighted mean is no
            martingale, and no boundary for several looks holds.

    References:
        Hadad, V., Hirshberg, D. A., Zhan, R., Wager, S. & Athey, S. (2021). Confidence intervals
        for policy evaluation in adaptive experiments. PNAS 118(15), equations 5, 8 and 18.

    Examples:
        >>> from abtesting.statistics.moments import Moments
        >>> batches = [
        ...     AdaptiveBatch(
        ...         arms=(
        ...             Moments.from_array([3.0, 5.0, 1.0, 4.0]),
        ...             Moments.from_array([6.0, 2.0, 7.0, 5.0]),
        ...         ),
        ...         propensities=(0.5, 0.5),
        ...     ),
        ...     AdaptiveBatch(
        ...         arms=(
        ...             Moments.from_array([2.0, 4.0]),
        ...             Moments.from_array([6.0, 3.0, 4.0, 7.0, 8.0, 5.0]),
        ...         ),
        ...         propensities=(0.25, 0.75),
        ...     ),
        ... ]
        >>> effect = compare_weighted_scores(batches, boundary=FixedHorizon(0.05))
        >>> round(effect.difference, 3), round(effect.p_value, 3)
        (2.129, 0.057)
    """
    require_type("boundary", boundary, FixedHorizon, allowed="a FixedHorizon, for one look")
    table = tabulate(batches)
    _require_arms(table, control=control, variant=variant)
    pair = [control, variant]
    counts = table.units[:, pair].sum(axis=0)
    too_few = first_look(boundary, control=int(counts[0]), variant=int(counts[1]))
    if too_few is not None:
        return too_few
    kept = (table.units[:, control] > 0) & (table.units[:, variant] > 0)
    variances, _ = _unit_variances(table, np.ones(len(kept), dtype=np.bool_), pair)
    if variances is None:
        return _no_variance(control, variant)
    estimates = []
    for position, arm in enumerate(pair):
        weights = np.sqrt(table.propensities[:, arm])
        value = weighted_scores(table, arm, weights)[0]
        variance = _score_variance(table, arm, weights, unit_variance=variances[position])
        estimates.append(Estimate(value=value, variance=variance, num_units=int(counts[position])))
    effect = compare_estimates(*estimates, boundary=boundary, method="aw_aipw")
    if not isinstance(effect, Effect):
        return effect
    ones = np.ones(len(kept))
    return AdaptiveEffect(
        control_value=weighted_scores(table, control, ones)[0],
        variant_value=weighted_scores(table, variant, ones)[0],
        difference=effect.difference,
        standard_error=effect.standard_error,
        difference_interval=effect.difference_interval,
        p_value=effect.p_value,
        lift=effect.lift if effect.control_value > 0 else None,
        lift_interval=effect.lift_interval if effect.control_value > 0 else None,
        num_batches=int(kept.sum()),
        num_units=int(table.units.sum()),
        method="aw_aipw",
        boundary=boundary.name,
        alpha=boundary.alpha,
        side=boundary.side,
        warnings=_warnings(table),
    )


def _require_arms(table: BatchTable, *, control: int, variant: int) -> None:
    num_arms = table.units.shape[1]
    for name, arm in (("control", control), ("variant", variant)):
        if not 0 <= arm < num_arms:
            raise ValueError(f"{name} is {arm!r}; it must be from 0 to {num_arms - 1}")
    if control == variant:
        raise ValueError(f"control and variant are both {control}; they must differ")


def _no_variance(control: int, variant: int) -> NotEnoughData:
    return NotEnoughData(
        code="zero_variance",
        detail=f"all units of the variants {control} and {variant} have one value within a batch",
    )


def _warnings(table: BatchTable) -> tuple[str, ...]:
    return ("counts_contradict_propensities",) if contradicts_propensities(table) else ()


def _unit_variances(
    table: BatchTable, kept: NDArray[np.bool_], pair: list[int]
) -> tuple[FloatArray | None, FloatArray]:
    """Return the variance of a unit of each variant, within batches, and degrees of freedom.

    A variant that had bad luck gets few units, and the large orders that it did not see are missing
    in its variance too, so that variances of their own make the worst luck look like the surest
    result. For rates, whose variances are equal when the rates are, it is that of the two variants
    together; for amounts at least that.
    """
    squares = table.squares[kept][:, pair].sum(axis=0)
    dfs = np.maximum(table.units[kept][:, pair] - 1, 0).sum(axis=0)
    if squares.sum() <= 0 or (dfs.sum() if table.binary else dfs.min()) <= 0:
        return None, dfs
    together = squares.sum() / dfs.sum()
    if table.binary:
        return np.full(2, together), dfs
    return np.maximum(squares / dfs, together), dfs


def _score_variance(
    table: BatchTable, arm: int, weights: FloatArray, *, unit_variance: float
) -> float:
    """Return the variance of a weighted mean of scores, given the variance of a unit.

    A score varies by the outcomes, divided by the propensity, and by the error of its model.
    """
    value = weighted_scores(table, arm, np.ones(len(weights)))[0]
    on = table.propensities[:, arm] > 0
    e, total, w = table.propensities[on, arm], table.units[on].sum(axis=1), weights[on]
    model = np.square(table.earlier_means[on, arm] - value) * (1 - e) / e
    return float(np.square(w) @ (total * (unit_variance / e + model))) / float(w @ total) ** 2


def _lift(
    table: BatchTable,
    kept: NDArray[np.bool_],
    pair: list[int],
    variances: FloatArray,
    critical: float,
) -> tuple[float, Interval] | None:
    """Return the lift that fits the batches best, and those that they don't reject.

    The statistic of a ratio r adds up the z statistics of variant = r * control in each batch, so
    that at r = 1 it is that of the difference. It falls with r where the means are above 0.
    """
    n, means = table.units[kept][:, pair], table.means[kept][:, pair]
    roots = np.sqrt(table.units[kept].sum(axis=1))
    spread_c, spread_t = variances[0] / n[:, 0], variances[1] / n[:, 1]
    norm = float(np.linalg.norm(roots))

    def statistic(ratio: float) -> float:
        errors = np.sqrt(spread_t + ratio * ratio * spread_c)
        return float(roots @ ((means[:, 1] - ratio * means[:, 0]) / errors)) / norm

    def ratio_at(target: float) -> float:
        at_one = statistic(1.0) - target
        far = 1.0
        for _ in range(MAX_DOUBLINGS):
            near, far = far, far * (2.0 if at_one > 0 else 0.5)
            if (statistic(far) - target > 0) != (at_one > 0):
                return find_root(lambda ratio: statistic(ratio) - target, near, far)
        return math.inf if at_one > 0 else 0.0

    lowest = ratio_at(critical)
    lower = lowest - 1 if lowest > 0 or table.binary else -math.inf
    best, highest = ratio_at(0.0), ratio_at(-critical)
    if not lower <= best - 1 <= highest - 1 or math.isinf(best):
        # Means around 0 whose signs change: no ratio describes them.
        return None
    return best - 1, Interval(lower, highest - 1)
