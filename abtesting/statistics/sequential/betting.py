"""Confidence sequences by betting: means of bounded values, at any sample size, read at any time.

For each candidate mean a gambler bets that the values will fall on the other side of it. Bets may
rest on the past only, so where the candidate is true the capital is not expected to grow, and a
candidate whose capital ever reaches 1/alpha is ruled out. Unlike `AlwaysValid` this needs no
central limit theorem; what it needs is a bound on the values, fixed before the data.

Values must come in the order in which the units arrived, and the expectation of each, given those
before it, must be the same. Where no mean fits all of the time there is no result.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abtesting.statistics.arguments import as_floats, require_alpha, require_type
from abtesting.statistics.types import Interval, NotEnoughData

Array = npt.NDArray[np.float64]

LARGEST_BET = 0.5
"""Share of the capital that may be lost on one value."""

GRID = 33
"""Candidates tried at a time; each round narrows an end to one of the gaps between them."""

ROUNDS = 4
BLOCK = 32
"""Values whose gains are multiplied before a log is taken; more might leave the float range."""

CHUNK = 128 * BLOCK
"""Values that are held in memory for all candidates at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BettingSequence:
    """A mean, or a difference between two means, of bounded values.

    `p_value < alpha` and `null` outside `interval` are the same statement.

    Attributes:
        estimate: Mean of the values (of the pairs' differences).
        standard_error: Its standard error, which the interval doesn't rest on; `None` with fewer
            than two values.
        interval: Interval that holds at all times together, intersected over them.
        e_value: Evidence against `null` now.
        p_value: Always-valid p-value of `null`: 1 over the largest evidence so far.
        null: Mean or difference tested.
        num_values: Values, or pairs, that were bet on.
        method: `betting`.
        alpha: Error rate over all times.
        bounds: Bounds of the values.
    """

    estimate: float
    standard_error: float | None
    interval: Interval
    e_value: float
    p_value: float
    null: float
    num_values: int
    method: str
    alpha: float
    bounds: Interval


def betting_mean(
    values: Sequence[float] | Array, *, bounds: Interval, alpha: float, null: float | None = None
) -> BettingSequence | NotEnoughData:
    """Return a confidence sequence of the mean of bounded values.

    Args:
        values: One per unit, in the order of arrival.
        bounds: Bounds of the values, fixed before the data.
        alpha: Chance that the mean is ever outside.
        null: Mean to test; the middle of the bounds if left out.

    Returns:
        The sequence, or why there is none: `too_few_units`, or `no_common_mean` when every mean has
        been ruled out at some time, because the mean has moved or, in less than alpha of all cases,
        by chance.

    References:
        Waudby-Smith, I. & Ramdas, A. (2024). Estimating means of bounded random variables by
        betting. JRSS B 86(1): the hedged capital process of theorem 3 with the predictable plug-in
        bets of equation 26.

    Examples:
        >>> rng = np.random.default_rng(1)
        >>> shares = rng.beta(2, 6, 500)
        >>> result = betting_mean(shares, bounds=Interval(0, 1), alpha=0.05)
        >>> round(result.interval.lower, 3), round(result.interval.upper, 3)
        (0.223, 0.258)
    """
    require_alpha(alpha)
    require_type("bounds", bounds, Interval)
    low, high = bounds.lower, bounds.upper
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"bounds are [{low!r}, {high!r}]; they must be finite and differ")
    data = as_floats("values", values)
    if not ((data >= low) & (data <= high)).all():
        raise ValueError(f"values must all lie within [{low!r}, {high!r}]; cap them beforehand")
    null = (low + high) / 2 if null is None else null
    if not low < null < high:
        raise ValueError(f"null is {null!r}; it must lie within [{low!r}, {high!r}], ends excluded")
    if data.size == 0:
        return NotEnoughData(code="too_few_units", detail="there are no values; a mean needs one")
    unit = (data - low) / (high - low)
    bets = _bets(unit, alpha)
    log_threshold = -math.log(alpha)
    lower = _end(unit, bets, log_threshold)
    upper = 1 - _end(1 - unit, bets, log_threshold)
    at_null = np.array([(null - low) / (high - low)])
    highest, current = _log_capital(unit, bets, at_null, hedged=True)
    if lower > upper:
        return NotEnoughData(
            code="no_common_mean",
            detail=(
                f"each mean has been ruled out at some time among {data.size} values; the mean has "
                f"moved, or chance misleads, as it does in less than {alpha:g} of all cases"
            ),
        )
    interval = Interval(low + lower * (high - low), low + upper * (high - low))
    p_value = math.exp(-max(float(highest[0]), 0.0))
    # The ends were found to a millionth of the bounds, outwards; what is decided is the capital.
    if p_value >= alpha:
        interval = Interval(min(interval.lower, null), max(interval.upper, null))
    elif interval.contains(null):
        p_value = alpha
    return BettingSequence(
        estimate=float(data.mean()),
        standard_error=float(data.std(ddof=1)) / math.sqrt(data.size) if data.size > 1 else None,
        interval=interval,
        e_value=math.exp(min(float(current[0]), 709.0)),
        p_value=p_value,
        null=null,
        num_values=int(data.size),
        method="betting",
        alpha=alpha,
        bounds=bounds,
    )


def betting_difference(
    control: Sequence[float] | Array,
    variant: Sequence[float] | Array,
    *,
    bounds: Interval,
    alpha: float,
    control_per_pair: int = 1,
    variant_per_pair: int = 1,
) -> BettingSequence | NotEnoughData:
    """Return a confidence sequence of the difference between two means of bounded values.

    The i-th unit of the control and the i-th unit of the variant, each in the order of arrival,
    make a pair, and the bets are on the difference within a pair. Units without a partner wait. The
    difference between the two means must be the same for all pairs; the means themselves may drift
    together. With unequal shares each pair takes several units of the larger arm, as many as its
    planned share calls for.

    Args:
        control: Values of the control, in the order of arrival.
        variant: Values of the variant, in the order of arrival.
        bounds: Bounds of the values, fixed before the data.
        alpha: Chance that the difference is ever outside.
        control_per_pair: Units of the control in a pair.
        variant_per_pair: Units of the variant in a pair.

    References:
        Waudby-Smith, I. & Ramdas, A. (2024). Estimating means of bounded random variables by
        betting. JRSS B 86(1), applied to differences within pairs.

    Examples:
        >>> rng = np.random.default_rng(1)
        >>> before, after = rng.beta(2, 6, 3000), rng.beta(2.4, 6, 3000)
        >>> result = betting_difference(before, after, bounds=Interval(0, 1), alpha=0.05)
        >>> result.interval.lower > 0, result.p_value < 0.05
        (True, True)
    """
    require_type("bounds", bounds, Interval)
    sizes = (control_per_pair, variant_per_pair)
    if min(sizes) < 1:
        raise ValueError(f"a pair has {sizes!r} units of control and variant; at least 1 of each")
    require_type("bounds", bounds, Interval)
    arms = []
    for name, values, size in zip(("control", "variant"), (control, variant), sizes, strict=True):
        data = as_floats(name, values)
        if not ((data >= bounds.lower) & (data <= bounds.upper)).all():
            raise ValueError(
                f"{name} values must all lie within [{bounds.lower!r}, {bounds.upper!r}]; cap them "
                "beforehand"
            )
        arms.append(data[: data.size // size * size].reshape(-1, size).mean(axis=1))
    pairs = min(arm.size for arm in arms)
    reach = bounds.upper - bounds.lower
    # Rounding must not push the difference of two extreme values past the bounds.
    differences = np.clip(arms[1][:pairs] - arms[0][:pairs], -reach, reach)
    return betting_mean(differences, bounds=Interval(-reach, reach), alpha=alpha, null=0.0)


def _bets(unit: Array, alpha: float) -> Array:
    """Bet on each value, from the values before it only."""
    times = np.arange(1, unit.size + 1)
    means = (0.5 + np.cumsum(unit)) / (times + 1)
    variances = (0.25 + np.cumsum((unit - means) ** 2)) / (times + 1)
    before = np.concatenate(([0.25], variances[:-1]))
    return np.sqrt(2 * math.log(2 / alpha) / (before * times * np.log1p(times)))


def _end(unit: Array, bets: Array, log_threshold: float) -> float:
    """Lower end: the capital of bets on larger values falls as the candidate rises."""
    low, high = 0.0, 1.0
    for _ in range(ROUNDS):
        candidates = np.linspace(low, high, GRID)[1:-1]
        highest, _ = _log_capital(unit, bets, candidates, hedged=False)
        out = int(np.count_nonzero(highest > log_threshold))
        gap = (high - low) / (GRID - 1)
        low, high = low + out * gap, low + (out + 1) * gap
        if low == 0 and high < 1e-9:
            break
    return low


def _log_capital(
    unit: Array, bets: Array, candidates: Array, *, hedged: bool
) -> tuple[Array, Array]:
    """Largest log capital so far and the one now, of half the stake on either side."""
    sides = [(1.0, LARGEST_BET / candidates)]
    if hedged:
        sides.append((-1.0, LARGEST_BET / (1 - candidates)))
    both = [np.full(candidates.shape, -math.log(2)) for _ in sides]
    highest = np.full(candidates.shape, -math.inf)
    for start in range(0, unit.size, CHUNK):
        distance = unit[start : start + CHUNK, None] - candidates
        bet = bets[start : start + CHUNK, None]
        for side, (sign, cap) in enumerate(sides):
            factors = 1 + sign * np.minimum(bet, cap) * distance
            padding = -len(factors) % BLOCK
            if padding:
                factors = np.vstack((factors, np.ones((padding, candidates.size))))
            gains = np.cumprod(factors.reshape(-1, BLOCK, candidates.size), axis=1)
            ends = both[side] + np.cumsum(np.log(gains[:, -1]), axis=0)
            starts = np.vstack((both[side], ends[:-1]))
            highest = np.maximum(highest, (starts + np.log(gains.max(axis=1))).max(axis=0))
            both[side] = ends[-1]
    return highest, np.max(both, axis=0)
