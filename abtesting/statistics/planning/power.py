"""How many units an experiment with one look needs, and what it can find with those it gets.

A `Design` holds what does not depend on the metric: level, shares of the arms, how several variants
are corrected for. A `plan_*` function adds the metric; it takes two of effect, number of units and
power, and returns a `SampleSizePlan` with the third. They are in `power_means` (ratios too),
`power_proportions`, `power_ranks`, `power_past` (quantiles, trimmed means and whatever else past
units can be compared by), `power_noninferiority`, `power_equivalence` and `power_srm`.

What variance reduction and clusters are worth is in `design_effects`; what several variants or
metrics need together in `power_families`; looks on the way in `sequential_power`,
`mid_experiment` and `power_betting`; priors in `assurance`; picking the best of several in
`power_best`; and how many days any of it takes in `duration`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from scipy import special

from abtesting.statistics.arguments import (
    ROUNDING,
    require_alpha,
    require_at_least,
    require_finite,
    require_positive,
    require_probability,
    require_shares,
)
from abtesting.statistics.families.dunnett import critical_value
from abtesting.statistics.roots import find_root

Correction = Literal["bonferroni", "dunnett", "none"]
"""How the level is shared by several variants. Dunnett's knows that they have one control."""

LARGEST = 1e18
"""Units and multiples of a standard deviation beyond which nothing is planned."""


MIN_UNITS = 2
"""Units of an arm below which it has no variance, and there is nothing to plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """What all plans have in common.

    Attributes:
        alpha: Error rate, of all variants together.
        side: `one_sided` for a test that looks in one direction only, at the whole `alpha`.
        shares: Share of the units that each arm gets, the control first; they sum to 1.
        correction: How `alpha` is shared by several variants.
        variance_factor: What variance reduction and clusters make of the variance: a product of
            the factors in `design_effects`.
        either_sign: Whether finding a significant effect of the wrong sign counts as power. It
            makes a difference only where there is little power.

    Examples:
        >>> Design(shares=(0.5, 0.25, 0.25)).comparison_alpha()
        0.025
    """

    alpha: float = 0.05
    side: Literal["two_sided", "one_sided"] = "two_sided"
    shares: tuple[float, ...] = (0.5, 0.5)
    correction: Correction = "bonferroni"
    variance_factor: float = 1.0
    either_sign: bool = False

    def __post_init__(self) -> None:
        if self.side not in ("two_sided", "one_sided"):
            raise ValueError(f"side is {self.side!r}; it must be two_sided or one_sided")
        # Half of all tests of one side reject at a half: there is nothing to plan beyond it.
        require_alpha(self.alpha, "two_sided" if self.side == "two_sided" else "greater")
        require_shares("shares", self.shares)
        if len(self.shares) < 2 or not all(share > 0 for share in self.shares):
            raise ValueError(
                f"shares are {self.shares!r}; there must be at least 2, the control's first, each "
                "above 0"
            )
        if self.correction not in ("bonferroni", "dunnett", "none"):
            raise ValueError(
                f"correction is {self.correction!r}; it must be bonferroni, dunnett or none"
            )
        require_positive("variance_factor", self.variance_factor)

    @property
    def smallest_pair(self) -> tuple[float, float]:
        """Shares of the control and of the smallest variant, which has the least power."""
        return self.shares[0], min(self.shares[1:])

    @property
    def least_units(self) -> float:
        """Fewest units of all arms: 2 in the smallest."""
        return MIN_UNITS / min(self.shares)

    def comparison_alpha(self) -> float:
        """Return the level of each comparison of a variant with the control."""
        num_variants = len(self.shares) - 1
        if num_variants == 1 or self.correction == "none":
            return self.alpha
        if self.correction == "bonferroni":
            return self.alpha / num_variants
        control = self.shares[0]
        critical = critical_value(
            [math.sqrt(share / (share + control)) for share in self.shares[1:]],
            df=None,
            alpha=self.alpha,
            side="two_sided" if self.side == "two_sided" else "greater",
        )
        return float(special.ndtr(-critical)) * (2 if self.side == "two_sided" else 1)

    def tail(self) -> float:
        """Return the level of each comparison in one tail."""
        return self.comparison_alpha() / (2 if self.side == "two_sided" else 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSizePlan:
    """Sizes, effect and power that belong together.

    Attributes:
        exact_num_units: Units of each arm, the control first, before rounding up.
        effect: Difference of a variant from the control that is found with this power: the minimum
            detectable effect. For non-inferiority the difference that was assumed.
        lift: The same relative to the size of the control value, where that is known.
        margin: Margin of non-inferiority, `None` for other tests.
        power: Chance that one variant with this effect is found; the smallest one if they differ.
        alpha: Error rate of all variants together.
        comparison_alpha: Level of each comparison.
        side: `two_sided` or `one_sided`.
        method: How the metric was planned for.
    """

    exact_num_units: tuple[float, ...]
    effect: float
    lift: float | None
    margin: float | None = None
    power: float
    alpha: float
    comparison_alpha: float
    side: Literal["two_sided", "one_sided"]
    method: str

    @property
    def num_units(self) -> tuple[int, ...]:
        """Units of each arm, the control first."""
        # A size that was given comes back as itself, not as one more after rounding.
        return tuple(math.ceil(number * (1 - 1e-12)) for number in self.exact_num_units)

    @property
    def total_num_units(self) -> int:
        """Units of all arms."""
        return sum(self.num_units)

    @property
    def exact_total(self) -> float:
        """Units of all arms before rounding up."""
        return math.fsum(self.exact_num_units)


def many_arm_shares(num_variants: int) -> tuple[float, ...]:
    """Return the shares with which variants are compared best with their one control.

    The control gets the square root of the number of variants as many units as each variant.

    References:
        Dunnett, C. W. (1955). A multiple comparison procedure for comparing several treatments
        with a control. JASA 50(272).

    Examples:
        >>> [round(share, 3) for share in many_arm_shares(4)]
        [0.333, 0.167, 0.167, 0.167, 0.167]
    """
    require_at_least("num_variants", num_variants, 1)
    root = math.sqrt(num_variants)
    return (root / (root + num_variants), *[1 / (root + num_variants)] * int(num_variants))


def rejection_power(z: float, *, tail: float, df: float | None, either_sign: bool) -> float:
    """Return the chance to reject when the true value is `z` standard errors from zero.

    Args:
        z: Distance, at least 0.
        tail: Level of one tail.
        df: Degrees of freedom of the standard error; `None` if it is known.
        either_sign: Whether a rejection on the other side counts too.
    """
    if df is None:
        critical = -float(special.ndtri(tail))
        wrong = float(special.ndtr(-critical - z)) if either_sign else 0.0
        return float(special.ndtr(z - critical)) + wrong
    critical = -float(special.stdtrit(df, tail))
    found = float(special.nctdtr(df, -z, -critical))
    if either_sign:
        wrong = float(special.nctdtr(df, z, -critical))
        # The function has no value where it is below 1e-13.
        found += 0.0 if math.isnan(wrong) else wrong
    return found


def effect_of_lift(
    effect: float | None, lift: float | None, *, control_value: float | None
) -> float | None:
    """Return the difference that was given directly or as a lift, or `None`."""
    if lift is None:
        return effect
    if effect is not None:
        raise ValueError(f"effect is {effect!r} and lift {lift!r}; only one of them may be given")
    if control_value is None or control_value == 0:
        raise ValueError(
            f"lift is {lift!r} with a control value of {control_value!r}; it needs one other than 0"
        )
    require_finite("lift", lift)
    return lift * abs(control_value)


def solve_plan(
    power_of: Callable[[float, float], float],
    *,
    effect: float | None,
    num_units: float | None,
    power: float | None,
    start: float,
    largest: float = LARGEST,
    name: str = "effect",
    level: float,
    least_units: float,
) -> tuple[float, float, float]:
    """Return effect, units of all arms and power, of which one was missing.

    Where the fewest units already have more than the power, the plan has those and their power.

    Args:
        power_of: Power from effect and units, rising with the size of both.
        effect: Effect, not 0.
        num_units: Units of all arms, above 0.
        power: Power, above 0 and below 1.
        start: An effect to begin the search with, with the sign that is wanted.
        largest: Largest size of an effect.
        name: What the caller calls the effect, such as `margin`.
        level: Chance to find something where there is nothing; the power must be above it.
        least_units: Fewest units of all arms.
    """
    if [effect, num_units, power].count(None) != 1:
        raise ValueError(
            f"{name} is {effect!r}, num_units {num_units!r} and power {power!r}; exactly two of "
            "them must be given"
        )
    if effect is not None:
        require_finite(name, effect)
        if effect == 0:
            raise ValueError(f"{name} is {effect!r}; it must not be 0")
    if num_units is not None:
        require_units(num_units, least_units=least_units)
    if power is not None:
        require_power(power, level=level)
    if power is None:
        assert effect is not None
        assert num_units is not None
        return effect, num_units, power_of(effect, num_units)
    if effect is not None:
        total = _solve(lambda size: power_of(effect, size), power, start=100.0, largest=LARGEST)
        if total is None:
            raise ValueError(
                f"power is {power!r} with {name} {effect!r}; no number of units gives it"
            )
        if total < least_units:
            return effect, least_units, power_of(effect, least_units)
        return effect, total, power
    assert num_units is not None
    size = _solve(
        lambda size: power_of(math.copysign(size, start), num_units),
        power,
        start=min(abs(start), largest),
        largest=largest,
    )
    if size is None:
        raise ValueError(
            f"power is {power!r} with {num_units!r} units; no {name}, up to {largest:g}, gives it"
        )
    return math.copysign(size, start), num_units, power


def require_power(power: float, *, level: float, name: str = "power") -> None:
    """Raise `ValueError` unless a power is above the level, which takes no units at all."""
    require_probability(name, power)
    if power <= level:
        raise ValueError(f"{name} is {power!r}; it must be above the level, which is {level:.4g}")


def require_units(num_units: float, *, least_units: float) -> None:
    """Raise `ValueError` unless every arm has the units that a variance needs."""
    require_positive("num_units", num_units)
    if num_units < least_units * (1 - ROUNDING):
        raise ValueError(
            f"num_units is {num_units!r}; it must be at least {least_units:.4g}, {MIN_UNITS} in "
            "the smallest arm"
        )


def make_plan(
    design: Design,
    *,
    effect: float,
    total: float,
    power: float,
    control_value: float | None,
    method: str,
    margin: float | None = None,
) -> SampleSizePlan:
    """Return the plan of a design that was solved."""
    return SampleSizePlan(
        exact_num_units=tuple(share * total for share in design.shares),
        effect=effect,
        lift=effect / abs(control_value) if control_value else None,
        margin=margin,
        power=power,
        alpha=design.alpha,
        comparison_alpha=design.comparison_alpha(),
        side=design.side,
        method=method,
    )


def _solve(
    power_of: Callable[[float], float], power: float, *, start: float, largest: float
) -> float | None:
    """Return the size with this power; the search is on the scale of its logarithm."""

    def excess(log_size: float) -> float:
        return power_of(math.exp(log_size)) - power

    high = math.log(start)
    last = math.log(largest)
    while excess(high) < 0:
        if high >= last:
            return None
        high = min(high + 2, last)
    low = high - 2
    while excess(low) >= 0:
        if low < -math.log(LARGEST):
            return None
        low, high = low - 2, low
    return math.exp(find_root(excess, low, high, tolerance=1e-14))
