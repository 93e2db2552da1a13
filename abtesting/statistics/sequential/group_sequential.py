"""Group-sequential tests: a planned size, read at looks on the way, one error rate over them all.

`GroupSequentialLook` is the boundary of one look, for the comparisons of proportions, means and
ratios. The looks need not be planned: the error spent so far follows from the information so far,
so looks may be unequal, missed or added, as long as they aren't chosen by what the data say.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from abtesting.statistics.arguments import require_alpha
from abtesting.statistics.sequential.crossing import check_information, spending_bounds
from abtesting.statistics.sequential.repeated_levels import RepeatedLevels, repeated_levels
from abtesting.statistics.sequential.sequential_designs import GroupSequentialDesign
from abtesting.statistics.sequential.spending import ObrienFleming, Spending, SpendingByPlan
from abtesting.statistics.student import t_quantile
from abtesting.statistics.types import Side

Floats = NDArray[np.float64]

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
            divided by units planned. With `spent_at` only how they compare counts.
        spent_at: Share of the plan by which alpha is spent, where it isn't the information. Values
            that come, or go back, after a unit's arrival make looks less alike than units do; see
            `information`.
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
    spent_at: tuple[float, ...] | None = field(default=None, kw_only=True)
    min_units_per_arm: int = field(default=100, kw_only=True)

    name: ClassVar[str] = "group_sequential"

    def __post_init__(self) -> None:
        require_alpha(self.alpha, self.side)
        information = check_information(self.information)
        if self.spent_at is not None:
            spent_at = check_information(self.spent_at)
            if len(spent_at) != len(information):
                raise ValueError(
                    f"spent_at has {len(spent_at)} looks and information {len(information)}; "
                    "both must have the same looks"
                )
            # On the plan's scale, so that information 1 is its end.
            scale = min(spent_at[-1], 1.0) / information[-1]
            information = (*(x * scale for x in information[:-1]), min(spent_at[-1], 1.0))
            object.__setattr__(self, "spent_at", spent_at)
        object.__setattr__(self, "information", information)
        if self.min_units_per_arm < 2:
            raise ValueError(
                f"min_units_per_arm is {self.min_units_per_arm!r}; it must be at least 2"
            )

    def critical(self, num_units: int, df: float | None) -> float:
        """Return the boundary of the look; `num_units` plays no part."""
        bound = _last_look(self).bound
        return bound if df is None else _t_of_normal(bound, df)

    def p_value(self, z: float, num_units: int, df: float | None) -> float:
        """Return the repeated p-value: the smallest alpha at which this look rejects."""
        distance = {"two_sided": abs(z), "greater": z, "less": -z}[self.side]
        if df is not None:
            distance = normal_of_t(distance, df)
        bound, levels, slope = _last_look(self)
        if bound == math.inf:
            return 1.0
        level = levels.level(distance, slope=slope)
        p_value = min(2 * level if self.side == "two_sided" else level, 1.0)
        # The level is interpolated; the decision is not.
        if distance > bound:
            return min(p_value, math.nextafter(self.alpha, 0))
        return max(p_value, self.alpha)

    def p_values(self, distances: Floats) -> Floats:
        """Return `p_value` of many z of the direction that is looked for, without `df`."""
        bound, levels, slope = _last_look(self)
        if bound == math.inf:
            return np.ones(distances.shape)
        p_values = levels.levels(distances, slope=slope)
        p_values = np.minimum(2 * p_values if self.side == "two_sided" else p_values, 1.0)
        return np.where(
            distances > bound,
            np.minimum(p_values, math.nextafter(self.alpha, 0)),
            np.maximum(p_values, self.alpha),
        )

    @property
    def design(self) -> GroupSequentialDesign:
        """The looks so far with their boundaries, for final inference and charts."""
        return GroupSequentialDesign(
            method=self.spending.name,
            alpha=self.alpha,
            side=self.side,
            information=self.information,
            critical_values=_bounds(self),
        )


class _LastLook(NamedTuple):
    """What the look's answers are made of."""

    bound: float
    levels: RepeatedLevels
    slope: float
    """How much z of the level a unit of z of the boundary makes, roughly."""


def _spending(look: GroupSequentialLook) -> Spending:
    if look.spent_at is None:
        return look.spending
    return SpendingByPlan(look.spending, tuple(zip(look.information, look.spent_at, strict=True)))


@functools.lru_cache(maxsize=1024)
def _last_look(look: GroupSequentialLook) -> _LastLook:
    two_sided = look.side == "two_sided"
    bound = _bounds(look)[-1]
    levels = repeated_levels(
        look.information, _spending(look), two_sided=two_sided, spend_all=look.is_final
    )
    z = -float(special.ndtri(look.alpha / 2 if two_sided else look.alpha))
    return _LastLook(bound, levels, z / bound)


def _bounds(look: GroupSequentialLook) -> tuple[float, ...]:
    two_sided = look.side == "two_sided"
    return spending_bounds(
        look.information,
        _spending(look),
        math.log(look.alpha / 2 if two_sided else look.alpha),
        two_sided=two_sided,
        spend_all=look.is_final,
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
        return t_quantile(float(special.ndtr(-z)), df)
    stretched = z * (8 * df + 3) / (8 * df + 1)
    log_growth = stretched * stretched / df
    far = math.inf if log_growth > 700 else math.sqrt(df * math.expm1(log_growth))
    return max(far, t_quantile(FAR_TAIL, df))
