"""Switchbacks: everybody gets one variant for a while, then maybe the other.

Where units share a stock, drivers or a budget, a variant touches those who didn't get it, and
comparing units says nothing. A switchback randomises time instead. Its two troubles are carry-over,
the effect of one period on the next, and few, correlated periods. So a period counts only after
the same variant has been on for `carryover` periods before it, and the randomisation test redraws
the schedule, which is valid for any correlation and any number of blocks. `switchback_intervals`
has the estimates with standard errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abtesting.statistics.adaptive.doubly_robust import IntArray, as_arms
from abtesting.statistics.arguments import (
    as_floats,
    is_number,
    require_alpha,
    require_at_least,
    require_generator,
    require_type,
)
from abtesting.statistics.types import NotEnoughData

Mask = NDArray[np.bool_]

MAX_ENUMERATED = 4096
"""Up to this number of possible schedules all are gone through instead of drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchbackDesign:
    """When a fair coin decides anew, and for how long a variant is felt.

    Attributes:
        num_periods: Number of periods.
        block_starts: First period of each block, from 0 on; the periods of a block share a variant.
        carryover: Number of periods for which an earlier variant is still felt.
    """

    num_periods: int
    block_starts: tuple[int, ...]
    carryover: int

    def __post_init__(self) -> None:
        starts = self.block_starts
        if not starts or starts[0] != 0:
            raise ValueError(f"block_starts are {starts!r}; the first must be 0")
        if any(after <= before for before, after in pairwise(starts)):
            raise ValueError(f"block_starts are {starts!r}; they must increase")
        if starts[-1] >= self.num_periods:
            raise ValueError(
                f"block_starts end at {starts[-1]}; they must be below num_periods, "
                f"{self.num_periods}"
            )
        if not (is_number(self.carryover) and 0 <= self.carryover < self.num_periods):
            raise ValueError(
                f"carryover is {self.carryover!r}; it must be from 0 to {self.num_periods - 1}"
            )

    @property
    def blocks(self) -> IntArray:
        """Block of each period."""
        lengths = np.diff(np.append(self.block_starts, self.num_periods))
        return np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)

    def draw(self, rng: np.random.Generator) -> tuple[int, ...]:
        """Return a schedule: 1 where the variant is on, 0 where the control is."""
        coins = rng.integers(0, 2, len(self.block_starts))
        return tuple(coins[self.blocks].tolist())


def regular_design(num_periods: int, *, block_length: int, carryover: int = 0) -> SwitchbackDesign:
    """Return blocks of equal length; the last one is shorter where it doesn't fit.

    Examples:
        >>> regular_design(10, block_length=4).block_starts
        (0, 4, 8)
    """
    require_at_least("num_periods", num_periods, 1)
    require_at_least("block_length", block_length, 1)
    return SwitchbackDesign(
        num_periods=num_periods,
        block_starts=tuple(range(0, num_periods, block_length)),
        carryover=carryover,
    )


def minimax_design(num_periods: int, *, carryover: int) -> SwitchbackDesign:
    """Return the design with the least worst-case variance for this carry-over.

    A coin is tossed every `carryover` periods, except that the first and the last block are twice
    as long. Periods that are left over join the last block.

    References:
        Bojinov, I., Simchi-Levi, D. & Zhao, J. (2023). Design and analysis of switchback
        experiments. Management Science 69(7), theorem 1.

    Examples:
        >>> minimax_design(20, carryover=3).block_starts
        (0, 6, 9, 12)
    """
    require_at_least("num_periods", num_periods, 1)
    require_at_least("carryover", carryover, 0)
    step = max(carryover, 1)
    if num_periods < 4 * step:
        raise ValueError(
            f"num_periods is {num_periods!r}; with a carryover of {carryover} it must be at least "
            f"{4 * step}"
        )
    starts = (
        range(num_periods)
        if carryover == 0
        else (0, *range(2 * step, (num_periods // step - 2) * step + 1, step))
    )
    return SwitchbackDesign(
        num_periods=num_periods, block_starts=tuple(starts), carryover=carryover
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomisationTest:
    """Fisher's test of "no period would have been different under any other schedule".

    It has no interval: the hypothesis is about every period. `switchback_intervals` has one.

    Attributes:
        difference: Mean of the periods that count under the variant, minus that of the control.
        p_value: Share of schedules with a difference at least as large, in either direction.
        num_schedules: Schedules that were gone through, the one that ran included.
        is_exact: Whether these are all there are.
        num_periods: Periods that count.
        method: `randomisation`.
        alpha: Level.
    """

    difference: float
    p_value: float
    num_schedules: int
    is_exact: bool
    num_periods: int
    method: str
    alpha: float

    @property
    def is_significant(self) -> bool:
        """Whether the test rejects at level `alpha`."""
        return self.p_value < self.alpha


def randomisation_test(
    design: SwitchbackDesign,
    outcomes: ArrayLike,
    schedule: ArrayLike,
    *,
    rng: np.random.Generator,
    num_draws: int = 1999,
    alpha: float = 0.05,
) -> RandomisationTest | NotEnoughData:
    """Test a switchback by redrawing its schedule.

    Args:
        design: The design the schedule was drawn from.
        outcomes: Outcome of each period.
        schedule: 1 where the variant was on, 0 where the control was.
        rng: Draws the schedules, where there are too many to go through all.
        num_draws: Schedules to draw then.
        alpha: Level.

    Returns:
        The test, or why there is none: `no_exposure` where no period of one variant counts,
        `too_few_blocks` where the smallest possible p-value is above alpha, or `zero_variance`.

    References:
        Bojinov, I., Simchi-Levi, D. & Zhao, J. (2023). Design and analysis of switchback
        experiments. Management Science 69(7), section 4.1.

    Examples:
        >>> design = regular_design(24, block_length=2)
        >>> schedule = [0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0]
        >>> rng = np.random.default_rng(8)
        >>> outcomes = rng.normal(size=24) + 2 * np.array(schedule)
        >>> result = randomisation_test(design, outcomes, schedule, rng=rng)
        >>> round(result.difference, 2), round(result.p_value, 4), result.num_schedules
        (1.52, 0.0254, 4096)
    """
    require_alpha(alpha)
    require_generator(rng)
    require_at_least("num_draws", num_draws, 1)
    y, on = check_periods(design, outcomes, schedule)
    y = y - y.mean()
    ran = on[np.newaxis]
    observed = _differences(y, ran, design.carryover)[0]
    if np.isnan(observed):
        return NotEnoughData(
            code="no_exposure",
            detail=(
                f"no period has {design.carryover} periods of the same variant before it for both "
                "variants"
            ),
        )
    if not y.any():
        return NotEnoughData(code="zero_variance", detail="all periods have the same outcome")
    num_blocks = len(design.block_starts)
    is_exact = num_blocks < 63 and 2**num_blocks <= MAX_ENUMERATED
    if is_exact:
        numbers = np.arange(2**num_blocks)
        coins = (numbers[:, np.newaxis] >> np.arange(num_blocks)) & 1
    else:
        coins = rng.integers(0, 2, (num_draws, num_blocks))
    redrawn = np.abs(_differences(y, coins[:, design.blocks] == 1, design.carryover))
    # A schedule that leaves a variant without periods counts as no difference at all.
    extreme = int((np.nan_to_num(redrawn) >= abs(observed) * (1 - 1e-9)).sum())
    num_schedules = len(coins) if is_exact else len(coins) + 1
    if 2 / num_schedules > alpha:
        return NotEnoughData(
            code="too_few_blocks",
            detail=(
                f"{num_schedules} schedules can't give a p-value below {2 / num_schedules:g}; the "
                f"level is {alpha:g}"
            ),
        )
    return RandomisationTest(
        difference=float(observed),
        p_value=(extreme if is_exact else extreme + 1) / num_schedules,
        num_schedules=num_schedules,
        is_exact=is_exact,
        num_periods=int((exposed(ran, design.carryover) | exposed(~ran, design.carryover)).sum()),
        method="randomisation",
        alpha=alpha,
    )


def check_periods(
    design: SwitchbackDesign, outcomes: ArrayLike, schedule: ArrayLike
) -> tuple[NDArray[np.float64], Mask]:
    """Return outcomes and where the variant was on, or raise if they don't fit the design."""
    require_type("design", design, SwitchbackDesign)
    y, on = as_floats("outcomes", outcomes), as_arms("schedule", schedule, num_arms=2) == 1
    if not len(y) == len(on) == design.num_periods:
        raise ValueError(
            f"there are {len(y)} outcomes and {len(on)} periods in the schedule; the design has "
            f"{design.num_periods}"
        )
    starts = np.zeros(len(on), dtype=np.bool_)
    starts[list(design.block_starts)] = True
    switched = np.flatnonzero((on[1:] != on[:-1]) & ~starts[1:]) + 1
    if len(switched):
        raise ValueError(f"schedule[{switched[0]}] switches the variant inside a block")
    return y, on


def exposed(on: Mask, carryover: int) -> Mask:
    """Return where a variant was on in a period and in all of the `carryover` before it.

    Args:
        on: Where it was on, `[schedules, periods]`.
        carryover: Number of periods before.
    """
    counts = np.cumsum(on, axis=1)
    before = np.zeros_like(counts)
    before[:, carryover + 1 :] = counts[:, : -carryover - 1]
    result: Mask = counts - before == carryover + 1
    return result


def _differences(y: NDArray[np.float64], on: Mask, carryover: int) -> NDArray[np.float64]:
    """Return the difference of means under each schedule, NaN where a variant has no period."""
    means = np.empty((2, len(on)))
    for i, mask in enumerate((exposed(on, carryover), exposed(~on, carryover))):
        counts = mask.sum(axis=1)
        means[i] = np.where(counts > 0, mask @ y, np.nan) / np.maximum(counts, 1)
    difference: NDArray[np.float64] = means[0] - means[1]
    return difference
