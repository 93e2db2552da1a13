"""Group-sequential tests: a planned size, read at looks on the way, one error rate over them all.

`GroupSequentialLook` is the boundary of one look, for the comparisons of proportions, means and
ratios. The looks need not be planned: the error spent so far follows from the information so far,
so looks may be unequal, missed or added, as long as they aren't chosen by what the data say.
"""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass, field
from typing import ClassVar

from scipy import special

from abtesting.statistics.boundaries import require_level
from abtesting.statistics.sequential.crossing import check_information, spending_bounds
from abtesting.statistics.sequential.sequential_designs import GroupSequentialDesign
from abtesting.statistics.sequential.spending import ObrienFleming, Spending
from abtesting.statistics.types import Side

LATTICE_STEP = 0.125
LATTICE_TOP = 38.25
"""z of the smallest level for which a repeated p-value is worked out: 3e-320."""

FAR = 37.0
FAR_TAIL = float(special.ndtr(-FAR))
"""Where t and normal quantiles are matched by approximation: a tail of 6e-300."""


@dataclass(frozen=True, slots=True)
class GroupSequentialLook:
    """The last of the looks so far.

    The intervals it gives are repeated confidence intervals: all those of the looks together cover
    the truth with probability 1 - alpha, whether or not the experiment stops. The p-value is the
    repeated one, the smallest alpha at which this look rejects.

    All of `alpha` is spent once information reaches 1. A plan that is overrun has a last look above
    1; looks after it have nothing left to spend, and an infinite critical value.

    Attributes:
        alpha: Error rate over all looks.
        information: Share of the plan at each look so far, this one last; usually units so far
            divided by units planned.
        spending: How `alpha` is spread over the information.
        side: Which differences are looked for; a two-sided test spends half of alpha on each side.
        is_final: Whether this look spends all that is left although information is below 1. The
            end must not have been brought forward because of what the data said.
        min_units_per_arm: Units in each arm at the first look.

    References:
        Lan, K. K. G. & DeMets, D. L. (1983). Discrete sequential boundaries for clinical trials.
        Biometrika 70(3). Jennison, C. & Turnbull, B. W. (2000). Group sequential methods with
        applications to clinical trials, chapters 7 and 9.

    Examples:
        Three looks of a plan, after half of the units:

        >>> look = GroupSequentialLook(0.05, (0.2, 0.35, 0.5))
        >>> round(look.critical(10_000, None), 3)
        2.973
        >>> round(look.p_value(2.971, 10_000, None), 3)
        0.05
        >>> round(look.p_value(1.0, 10_000, None), 2)
        0.72
    """

    alpha: float
    information: tuple[float, ...]
    spending: Spending = field(default=ObrienFleming(), kw_only=True)
    side: Side = field(default="two_sided", kw_only=True)
    is_final: bool = field(default=False, kw_only=True)
    min_units_per_arm: int = field(default=100, kw_only=True)

    name: ClassVar[str] = "group_sequential"

    def __post_init__(self) -> None:
        require_level(self.alpha, self.side)
        object.__setattr__(self, "information", check_information(self.information))
        if self.min_units_per_arm < 2:
            raise ValueError(
                f"min_units_per_arm is {self.min_units_per_arm!r}; it must be at least 2"
            )

    def critical(self, num_units: int, df: float | None) -> float:
        """Return the boundary of the look; `num_units` plays no part."""
        bound = self._bounds[-1]
        return bound if df is None else _t_of_normal(bound, df)

    def p_value(self, z: float, num_units: int, df: float | None) -> float:
        """Return the repeated p-value: the smallest alpha at which this look rejects."""
        distance = {"two_sided": abs(z), "greater": z, "less": -z}[self.side]
        if df is not None:
            distance = normal_of_t(distance, df)
        two_sided = self.side == "two_sided"
        bound = self._bounds[-1]
        if bound == math.inf:
            return 1.0
        start = -float(special.ndtri(self.alpha / 2 if two_sided else self.alpha))
        level = _level_at(
            distance,
            _Looks(self.information, self.spending, two_sided, self.is_final),
            slope=start / bound,
        )
        p_value = min(2 * level if two_sided else level, 1.0)
        # The level is interpolated, good to about 8 digits; the decision is not.
        if distance > bound:
            return min(p_value, math.nextafter(self.alpha, 0))
        return max(p_value, self.alpha)

    @property
    def design(self) -> GroupSequentialDesign:
        """The looks so far with their boundaries, for final inference and charts."""
        return GroupSequentialDesign(
            method=self.spending.name,
            alpha=self.alpha,
            side=self.side,
            information=self.information,
            critical_values=self._bounds,
        )

    @property
    def _bounds(self) -> tuple[float, ...]:
        return spending_bounds(
            self.information,
            self.spending,
            math.log(self.alpha / 2 if self.side == "two_sided" else self.alpha),
            two_sided=self.side == "two_sided",
            spend_all=self.is_final,
        )


def normal_of_t(t: float, df: float) -> float:
    """Return the normal quantile with the same tail as `t`.

    Examples:
        >>> round(normal_of_t(2.2281, 10), 3)
        1.96
    """
    tail = float(special.stdtr(df, -abs(t)))
    if tail > FAR_TAIL:
        return math.copysign(float(special.ndtri(tail)), t)
    # Wallace's approximation, which is good where tails leave the float range.
    shrink = (8 * df + 1) / (8 * df + 3)
    z = shrink * math.sqrt(df * 2 * math.log(math.hypot(1, t / math.sqrt(df))))
    return math.copysign(max(z, FAR), t)


def _t_of_normal(z: float, df: float) -> float:
    """The inverse, for z above 0."""
    if z <= FAR:
        # Infinite, of either sign, where a few degrees of freedom leave the float range.
        return abs(float(special.stdtrit(df, float(special.ndtr(-z)))))
    stretched = z * (8 * df + 3) / (8 * df + 1)
    log_growth = stretched * stretched / df
    far = math.inf if log_growth > 700 else math.sqrt(df * math.expm1(log_growth))
    return max(far, abs(float(special.stdtrit(df, FAR_TAIL))))


@dataclass(frozen=True, slots=True)
class _Looks:
    """What the boundary of the last look depends on, other than the level."""

    information: tuple[float, ...]
    spending: Spending
    two_sided: bool
    is_final: bool


def _level_at(distance: float, looks: _Looks, *, slope: float) -> float:
    """Return the level per side whose boundary at the last look is `distance`.

    Boundaries are worked out on a lattice of levels, which all metrics of a look share, and the
    level is interpolated between them. `slope` is how much z of the level a unit of z of the
    boundary makes, to start near.
    """
    lowest = 0 if looks.two_sided else round(-2 / LATTICE_STEP)
    highest = round(LATTICE_TOP / LATTICE_STEP)
    if distance == math.inf:
        return 0.0
    index = min(max(math.floor(distance * slope / LATTICE_STEP), lowest), highest - 1)
    nearer = index + math.floor((distance - _lattice_bound(looks, index)) * slope / LATTICE_STEP)
    index = min(max(nearer, lowest), highest - 1)
    while index > lowest and _lattice_bound(looks, index) > distance:
        index -= 1
    while index < highest - 1 and _lattice_bound(looks, index + 1) <= distance:
        index += 1
    if _lattice_bound(looks, index) > distance:
        return 1.0
    if _lattice_bound(looks, index + 1) <= distance:
        return 0.0
    # Six points around, fewer at the ends.
    near = range(max(index - 2, lowest), min(index + 3, highest) + 1)
    bounds = [_lattice_bound(looks, each) for each in near]
    if any(low >= high for low, high in itertools.pairwise(bounds)):
        # Levels above 1/2 of a look right after another one: the boundary may turn there.
        near = range(index, index + 2)
        bounds = [_lattice_bound(looks, each) for each in near]
    levels = [_lattice_z(each) for each in near]
    for width in range(1, len(levels)):
        for i in range(len(levels) - width):
            ahead, behind = distance - bounds[i], distance - bounds[i + width]
            levels[i] = (ahead * levels[i + 1] - behind * levels[i]) / (ahead - behind)
    nearest = min(max(levels[0], _lattice_z(index)), _lattice_z(index + 1))
    return float(special.ndtr(-nearest))


@functools.lru_cache(maxsize=8192)
def _lattice_bound(looks: _Looks, index: int) -> float:
    return spending_bounds(
        looks.information,
        looks.spending,
        float(special.log_ndtr(-_lattice_z(index))),
        two_sided=looks.two_sided,
        spend_all=looks.is_final,
    )[-1]


def _lattice_z(index: int) -> float:
    # Off zero: with both sides at 1/2 there is nothing between the boundaries.
    return LATTICE_STEP * (index + 0.1)
