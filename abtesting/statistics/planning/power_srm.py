"""Planning the check of the traffic split: how many units until a fault of it is seen.

The fault is that a share of one arm's units goes missing: a redirect that fails, a filter of bots
that one variant trips. `srm` tests for it at the decision, `sequential_srm` on every day.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy import special

from abtesting.statistics.arguments import require_alpha, require_finite, require_shares, shown
from abtesting.statistics.health.sequential_srm import CONCENTRATIONS, log_bayes_factor
from abtesting.statistics.planning.power import Design, SampleSizePlan, make_plan, solve_plan
from abtesting.statistics.roots import find_root

SrmReading = Literal["once", "any_day"]


def plan_srm(
    *,
    lost: float | None = None,
    num_units: float | None = None,
    power: float | None = None,
    shares: Sequence[float] = (0.5, 0.5),
    arm: int = 1,
    reading: SrmReading = "once",
    alpha: float | None = None,
) -> SampleSizePlan:
    """Plan the check of a split: give two of the loss to see, number of units and power.

    The power of seeing a large loss in an unequal split is off by some points. With 10 % of the
    units in one arm, 30 % of which go missing, 0.931 is planned and 0.959 are seen, which is the
    safe side; where the other arm loses as much, 0.900 are seen. Of a loss of up to 4 % it is right
    to half a point.

    Args:
        lost: Share of the arm's units that go missing, below 1; below 0 for units that are counted
            twice. 0.04 of one of two equal arms is a split of 51 to 49.
        num_units: Units that arrive, in all arms together.
        power: Chance to see it.
        shares: Planned shares of the arms; they sum to 1.
        arm: Position of the arm that loses them.
        reading: `once` for the chi-square test; `any_day` for the sequential one, whose power is
            that of the last look alone. Those on the way add a few points to it.
        alpha: Level: 0.001 for `once` and 0.01 for `any_day` if not given, as the tests have.

    Returns:
        The plan; its `effect` is the loss.

    Raises:
        ValueError: If not exactly two of the three are given or one is out of range.

    References:
        Cohen, J. (1988). Statistical power analysis for the behavioral sciences, chapter 7.

    Examples:
        >>> plan_srm(lost=0.04, power=0.8).total_num_units
        40998
        >>> plan_srm(lost=0.04, power=0.8, reading="any_day").total_num_units
        49994
    """
    if reading not in ("once", "any_day"):
        raise ValueError(f"reading is {reading!r}; it must be once or any_day")
    require_shares("shares", shares)
    if len(shares) < 2 or not all(share > 0 for share in shares):
        raise ValueError(f"shares are {shares!r}; there must be at least 2, each above 0")
    if arm not in range(len(shares)):
        raise ValueError(f"arm is {shown(arm)}; it must be from 0 to {len(shares) - 1}")
    if lost is not None:
        require_finite("lost", lost)
        if lost >= 1:
            raise ValueError(f"lost is {lost!r}; it must be below 1")
    level = alpha if alpha is not None else 0.001 if reading == "once" else 0.01
    require_alpha(level)
    planned = np.array(shares, dtype=np.float64)
    df = len(shares) - 1
    once = float(special.chdtri(df, level))

    def power_of(loss: float, total: float) -> float:
        actual = planned.copy()
        actual[arm] *= 1 - loss
        actual /= actual.sum()
        per_unit = float((np.square(actual - planned) / planned).sum())
        critical = once if reading == "once" else _critical(total, tuple(shares), arm, level)
        # Counts that are off vary by their own shares, which the chi-square of the plan leaves out:
        # a small arm that loses units varies less, and is seen more often than this says; a large
        # one that does makes the small one vary more, and is seen less often.
        return 1 - float(special.chndtr(critical, df, total * per_unit))

    design = Design(alpha=level, shares=tuple(planned.tolist()), correction="none")
    loss, total, found = solve_plan(
        power_of, effect=lost, num_units=num_units, power=power, start=0.01, largest=1 - 1e-9,
        name="lost", level=level, least_units=design.least_units,
    )  # fmt: skip
    return make_plan(
        design,
        effect=loss,
        total=total,
        power=found,
        control_value=None,
        method="srm_chi_square" if reading == "once" else "srm_sequential",
    )


@functools.lru_cache(maxsize=256)
def _critical(total: float, shares: tuple[float, ...], arm: int, alpha: float) -> float:
    """Return the chi-square at which the sequential test stops with this many units.

    It depends a little on which way the counts are off; it is taken for one arm alone being so.
    """
    planned = np.array(shares)
    direction = -planned * planned[arm]
    direction[arm] += planned[arm]
    per_square = total * float((np.square(direction) / planned).sum())

    def log_e(statistic: float) -> float:
        # Up to all units of the arm, which no test of any size needs.
        moved = min(math.sqrt(statistic / per_square), 1 - 1e-12)
        counts = total * (planned - moved * direction)
        logs = [
            float(log_bayes_factor(counts, shares, concentration=k)) - math.log(len(CONCENTRATIONS))
            for k in CONCENTRATIONS
        ]
        return float(np.logaddexp.reduce(logs))

    largest = per_square * (1 - 1e-9) ** 2
    if log_e(largest) <= -math.log(alpha):
        return math.inf
    return find_root(lambda x: log_e(x) + math.log(alpha), 0.0, largest, tolerance=1e-9)
