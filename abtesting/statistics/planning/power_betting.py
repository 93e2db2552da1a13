"""Planning a betting confidence sequence, by playing it.

How soon the capital of the bets reaches 1 / alpha has no formula: the bets learn the variance on
the way. So past values, and what they would be with the effect, are drawn again and again, and the
times at which a difference is found are counted. Expect three to four times the units of a test
with one look: what needs no normal distribution and no plan has its price.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abtesting.statistics.arguments import (
    as_floats,
    require_alpha,
    require_at_least,
    require_generator,
    require_positive,
    require_type,
)
from abtesting.statistics.planning.power import (
    MIN_UNITS,
    Design,
    SampleSizePlan,
    make_plan,
    require_power,
)
from abtesting.statistics.sequential.betting import LARGEST_BET
from abtesting.statistics.types import Interval, NotEnoughData

Floats = NDArray[np.float64]

CHUNK = 500
"""Pairs drawn at a time."""

MAX_UNITS = 2_000_000
"""Units of both arms beyond which nothing is played."""


def plan_betting(
    control: ArrayLike,
    variant: ArrayLike,
    *,
    bounds: Interval,
    rng: np.random.Generator,
    num_units: int | None = None,
    power: float | None = None,
    alpha: float = 0.05,
    num_runs: int = 400,
) -> SampleSizePlan | NotEnoughData:
    """Plan `betting_difference` for two equal arms: give number of units or power.

    The power is the chance to have found the difference at any time until then. With 400 runs it
    is known to 2 points, and the number of units to some 5 %.

    Args:
        control: Values to draw the control's from, such as those of past units.
        variant: The same as they would be with the effect: for a rate of 5 % and one of 6 %,
            `[0] * 95 + [1] * 5` and `[0] * 94 + [1] * 6`.
        bounds: Bounds of the values, as the sequence will be given.
        rng: Source of the draws.
        num_units: Units of both arms together.
        power: Chance to find the difference.
        alpha: Error rate over all times.
        num_runs: Experiments to play.

    Returns:
        The plan, or `out_of_reach` if 2 million units don't give the power.

    Raises:
        ValueError: If not exactly one of the two is given, a number is out of its range, values
            leave the bounds, or the two means are equal.

    References:
        Waudby-Smith, I. & Ramdas, A. (2024). Estimating means of bounded random variables by
        betting. JRSS B 86(1), equation 26.

    Examples:
        >>> plan = plan_betting(
        ...     [0] * 95 + [1] * 5,
        ...     [0] * 92 + [1] * 8,
        ...     bounds=Interval(0, 1),
        ...     num_units=8_000,
        ...     rng=np.random.default_rng(1),
        ... )
        >>> round(plan.power, 1)
        0.9
    """
    require_type("bounds", bounds, Interval)
    require_generator(rng)
    require_alpha(alpha)
    require_at_least("num_runs", num_runs, 10)
    arms = []
    for name, values in (("control", control), ("variant", variant)):
        array = as_floats(name, values)
        if array.size == 0:
            raise ValueError(f"{name} has no values; it must have at least 1")
        if not ((array >= bounds.lower) & (array <= bounds.upper)).all():
            raise ValueError(f"{name} has values beyond {bounds}; they must lie within")
        arms.append(array)
    effect = float(arms[1].mean() - arms[0].mean())
    if effect == 0:
        raise ValueError(
            f"control and variant both have the mean {arms[0].mean():g}; they must differ"
        )
    if (num_units is None) == (power is None):
        raise ValueError(
            f"num_units is {num_units!r} and power {power!r}; exactly one of them must be given"
        )
    largest = MAX_UNITS // 2
    if num_units is not None:
        require_positive("num_units", num_units)
        least = 2 * MIN_UNITS
        if not least <= num_units <= MAX_UNITS:
            raise ValueError(f"num_units is {num_units!r}; it must be from {least} to {MAX_UNITS}")
        largest = math.floor(num_units / 2)
    if power is not None:
        require_power(power, level=alpha)
    sign = math.copysign(1.0, effect) / (2 * (bounds.upper - bounds.lower))
    wanted = num_runs if power is None else math.ceil(power * num_runs)
    times = _times_to_find(
        lambda shape: sign * (rng.choice(arms[1], shape) - rng.choice(arms[0], shape)),
        num_runs=int(num_runs),
        wanted=wanted,
        largest=largest,
        alpha=alpha,
    )
    if power is not None and len(times) < wanted:
        return NotEnoughData(
            code="out_of_reach",
            detail=f"{MAX_UNITS} units find the difference in {len(times)} of {num_runs} runs",
        )
    total = 2 * max(sorted(times)[wanted - 1], MIN_UNITS) if num_units is None else num_units
    return make_plan(
        Design(alpha=alpha),
        effect=effect,
        total=total,
        power=len(times) / num_runs if power is None else power,
        control_value=float(arms[0].mean()),
        method="betting",
    )


def _times_to_find(
    draw: Callable[[tuple[int, int]], Floats],
    *,
    num_runs: int,
    wanted: int,
    largest: int,
    alpha: float,
) -> list[int]:
    """Return after how many pairs each run finds the difference, of those that do in time.

    Args:
        draw: Returns differences within pairs from -1/2 to 1/2, that of the effect above 0.
        num_runs: Runs to play.
        wanted: Runs after which to stop.
        largest: Pairs after which to stop.
        alpha: Error rate.
    """
    threshold = math.log(2 / alpha)
    totals, squares, variances = np.zeros(num_runs), np.zeros(num_runs), np.full(num_runs, 0.25)
    capital = np.zeros(num_runs)
    times: list[int] = []
    start = 0
    while start < largest and len(times) < wanted:
        size = min(CHUNK, largest - start)
        # On the scale of 0 to 1 the differences are from 0 on, with 1/2 for none.
        values = 0.5 + draw((len(totals), size))
        numbers = np.arange(start + 1, start + size + 1)
        means = (0.5 + totals[:, None] + np.cumsum(values, axis=1)) / (numbers + 1)
        deviations = squares[:, None] + np.cumsum((values - means) ** 2, axis=1)
        after = (0.25 + deviations) / (numbers + 1)
        before = np.column_stack([variances, after[:, :-1]])
        bets = np.sqrt(2 * threshold / (before * numbers * np.log1p(numbers)))
        gains = np.log1p(np.minimum(bets, LARGEST_BET / 0.5) * (values - 0.5))
        path = capital[:, None] + np.cumsum(gains, axis=1)
        found = path >= threshold
        ends = found.any(axis=1)
        times += (start + 1 + found[ends].argmax(axis=1)).tolist()
        on = ~ends
        totals = totals[on] + values[on].sum(axis=1)
        squares, variances, capital = deviations[on, -1], after[on, -1], path[on, -1]
        start += size
    return times
