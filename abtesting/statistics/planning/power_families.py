"""What several variants, or several metrics, need together.

A plan of one comparison says how likely one variant is to be found. `plan_many_arms` says how
likely any of several is, or all of them, and how large the experiment has to be for that.
`plan_decision` is for the rule "a goal wins and no guardrail loses", whose chance to miss is shared
by the metrics that have to be won.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import special

from abtesting.statistics.arguments import require_list, require_probability, require_type, shown
from abtesting.statistics.families.dunnett import critical_value
from abtesting.statistics.families.guardrails import required_per_metric
from abtesting.statistics.planning.power import LARGEST, MIN_UNITS, SampleSizePlan, require_power
from abtesting.statistics.roots import find_root

FamilyMethod = Literal["bonferroni", "holm", "dunnett", "none"]
"""Dunnett's knows that the variants have one control. Holm's finds at least what Bonferroni's does,
and all variants much more often."""

Found = Literal["each", "any", "all"]

NODES, NODE_WEIGHTS = np.polynomial.legendre.leggauss(128)
REACH = 9.0
"""Standard deviations to either side that the control's error is integrated over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyArmPlan:
    """The size of an experiment with several variants, all of which have the effect.

    Attributes:
        exact_num_units: Units of each arm, the control first, before rounding up.
        effect: Difference of each variant from the control.
        power_each: Chance that a variant is found.
        power_any: Chance that at least one is.
        power_all: Chance that all are.
        alpha: Error rate of all variants together.
        side: `two_sided` or `one_sided`.
        method: How the level is shared.
    """

    exact_num_units: tuple[float, ...]
    effect: float
    power_each: float
    power_any: float
    power_all: float
    alpha: float
    side: Literal["two_sided", "one_sided"]
    method: FamilyMethod

    @property
    def num_units(self) -> tuple[int, ...]:
        """Units of each arm, the control first."""
        return tuple(math.ceil(number * (1 - 1e-12)) for number in self.exact_num_units)

    @property
    def total_num_units(self) -> int:
        """Units of all arms."""
        return sum(self.num_units)


def plan_many_arms(
    plan: SampleSizePlan,
    *,
    method: FamilyMethod = "holm",
    found: Found = "each",
    power: float | None = None,
) -> ManyArmPlan:
    """Return how often several variants are found together, or how many units that takes.

    The variants are taken to be as large as the smallest one, and their statistics as normal with
    the correlation that one control gives them. A variant found on the wrong side is no power.

    Args:
        plan: A plan of the metric with the shares of all arms; what its comparisons were corrected
            by plays no part.
        method: How the level is shared.
        found: What `power` is the chance of: `each` variant by itself, `any`, or `all` of them.
        power: Chance to reach; without it the size stays that of the plan.

    Raises:
        ValueError: If the plan has no variant, or a number is out of its range.

    References:
        Senn, S. & Bretz, F. (2007). Power and sample size when multiple endpoints are considered.
        Pharmaceutical Statistics 6(3) (disjunctive and conjunctive power). Dunnett, C. W. (1955).
        A multiple comparison procedure for comparing several treatments with a control. JASA
        50(272).

    Examples:
        >>> from abtesting.statistics.planning.power import Design
        >>> from abtesting.statistics.planning.power_proportions import plan_proportions
        >>> four = Design(shares=(0.25, 0.25, 0.25, 0.25))
        >>> single = plan_proportions(control_rate=0.1, lift=0.1, power=0.8, design=four)
        >>> family = plan_many_arms(single)
        >>> [round(chance, 3) for chance in (family.power_any, family.power_each, family.power_all)]
        [0.95, 0.864, 0.767]
        >>> plan_many_arms(single, found="all", power=0.8).total_num_units
        83648
    """
    require_type("plan", plan, SampleSizePlan)
    if method not in get_args(FamilyMethod):
        raise ValueError(
            f"method is {method!r}; it must be one of {', '.join(get_args(FamilyMethod))}"
        )
    if found not in get_args(Found):
        raise ValueError(f"found is {found!r}; it must be one of {', '.join(get_args(Found))}")
    control, *variants = plan.exact_num_units
    smallest = min(variants)
    loading = math.sqrt(smallest / (smallest + control))
    criticals = _criticals(method, len(variants), alpha=plan.alpha, side=plan.side, loading=loading)
    tails = 2 if plan.side == "two_sided" else 1
    require_probability("power of plan", plan.power)
    drift = float(special.ndtri(plan.power)) - float(special.ndtri(plan.comparison_alpha / tails))
    if drift <= 0:
        raise ValueError(
            f"power of plan is {plan.power!r}; it must be above the level of its comparisons"
        )
    scale = 1.0
    if power is not None:
        require_power(power, level=plan.alpha)

        def excess(log_scale: float) -> float:
            each, any_one, all_of_them = _chances(
                drift * math.exp(log_scale / 2), loading, criticals
            )
            return {"each": each, "any": any_one, "all": all_of_them}[found] - power

        low = high = 0.0
        while excess(low) > 0:
            low -= 2
            if low < -math.log(LARGEST):
                raise ValueError(f"power is {power!r}; no units at all have as much")
        while excess(high) < 0:
            high += 2
        scale = math.exp(find_root(excess, low, high, tolerance=1e-12))
        scale = max(scale, MIN_UNITS / min(plan.exact_num_units))
    each, any_one, all_of_them = _chances(drift * math.sqrt(scale), loading, criticals)
    return ManyArmPlan(
        exact_num_units=tuple(scale * number for number in plan.exact_num_units),
        effect=plan.effect,
        power_each=each,
        power_any=any_one,
        power_all=all_of_them,
        alpha=plan.alpha,
        side=plan.side,
        method=method,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionPlan:
    """What the rule "a goal wins and no guardrail loses" needs.

    Attributes:
        goals: Plan of each goal, with the level and power it needs for the decision.
        guardrails: Plan of each guardrail.
        power: Chance that the decision comes, at least, whatever the correlations.
        power_per_metric: Power that each metric was planned with.
        alpha: One-sided level of the decision.
    """

    goals: tuple[SampleSizePlan, ...]
    guardrails: tuple[SampleSizePlan, ...]
    power: float
    power_per_metric: float
    alpha: float

    @property
    def total_num_units(self) -> int:
        """Units of all arms: those of the metric that needs most."""
        return max(plan.total_num_units for plan in self.goals + self.guardrails)


def plan_decision(
    goals: Sequence[Callable[[float, float], SampleSizePlan]],
    guardrails: Sequence[Callable[[float, float], SampleSizePlan]],
    *,
    power: float = 0.8,
    alpha: float = 0.05,
) -> DecisionPlan:
    """Plan goals and guardrails so that all that has to be won is won together.

    Passing every guardrail costs no level but power: with three of them and a goal, each metric is
    planned for a quarter of the chance to miss. Metrics that move together need less.

    Args:
        goals: For each goal a function of one-sided level and power that returns its plan, at the
            effect that is worth shipping.
        guardrails: The same for each guardrail, at no effect and with its margin.
        power: Wanted chance that the decision to ship comes.
        alpha: One-sided level of the decision.

    References:
        Schultzberg, M., Ankargren, S. & Frånberg, M. (2024). Risk-aware product decisions in A/B
        tests with multiple metrics. arXiv 2402.11609, section 3.4.

    Examples:
        >>> from abtesting.statistics.planning.power import Design
        >>> from abtesting.statistics.planning.power_means import plan_means
        >>> from abtesting.statistics.planning.power_noninferiority import (
        ...     plan_noninferiority_proportions,
        ... )
        >>> def revenue(alpha, power):
        ...     design = Design(alpha=alpha, side="one_sided")
        ...     return plan_means(variance=81.0, effect=0.25, power=power, design=design)
        >>> def returns(alpha, power):
        ...     design = Design(alpha=alpha, side="one_sided")
        ...     return plan_noninferiority_proportions(
        ...         control_rate=0.1, margin=0.01, harm="increase", power=power, design=design
        ...     )
        >>> decision = plan_decision([revenue], [returns], power=0.8)
        >>> round(decision.power_per_metric, 2), decision.total_num_units
        (0.9, 44398)
    """
    for name, plans in (("goals", goals), ("guardrails", guardrails)):
        require_list(name, plans)
        for i, plan_of in enumerate(plans):
            if not callable(plan_of):
                raise ValueError(
                    f"{name}[{i}] is {shown(plan_of)}; it must be a function of level and power"
                )
    require_power(power, level=alpha)
    needed = required_per_metric(
        num_goals=len(goals), num_guardrails=len(guardrails), power=power, alpha=alpha
    )
    return DecisionPlan(
        goals=tuple(plan_of(needed.goal_alpha, needed.power) for plan_of in goals),
        guardrails=tuple(plan_of(needed.guardrail_alpha, needed.power) for plan_of in guardrails),
        power=power,
        power_per_metric=needed.power,
        alpha=alpha,
    )


def _criticals(
    method: FamilyMethod,
    num_variants: int,
    *,
    alpha: float,
    side: Literal["two_sided", "one_sided"],
    loading: float,
) -> list[float]:
    """Return what the largest statistic has to exceed, the second largest, and so on."""
    tails = 2 if side == "two_sided" else 1
    if method == "dunnett":
        common = critical_value(
            [loading] * num_variants,
            df=None,
            alpha=alpha,
            side="two_sided" if side == "two_sided" else "greater",
        )
        return [common] * num_variants
    shared = {
        "none": [1] * num_variants,
        "bonferroni": [num_variants] * num_variants,
        "holm": list(range(num_variants, 0, -1)),
    }[method]
    return [-float(special.ndtri(alpha / tails / number)) for number in shared]


def _chances(
    drift: float, loading: float, criticals: Sequence[float]
) -> tuple[float, float, float]:
    """Return the chances that each, any and all variants are found.

    Given the control's error the statistics are independent and alike. At least k are found if, for
    every j up to k, j of them exceed the j-th critical value: as these fall, the number of
    statistics above them is a chain whose steps are binomial.
    """
    num_variants = len(criticals)
    z = REACH * NODES
    density = REACH * NODE_WEIGHTS * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    own = math.sqrt(1 - loading * loading)
    # above[j]: chance that j are above the critical values so far, and enough were at each.
    above: NDArray[np.float64] = np.zeros((num_variants + 1, z.size))
    above[0] = 1.0
    before = np.zeros_like(z)
    at_least = []
    for step, critical in enumerate(criticals, start=1):
        chance = special.ndtr((drift - loading * z - critical) / own)
        below_before = 1 - before
        more = np.divide(
            chance - before, below_before, out=np.zeros_like(z), where=below_before > 0
        )
        following = np.zeros_like(above)
        for number in range(num_variants + 1):
            for added in range(num_variants - number + 1):
                ways = math.comb(num_variants - number, added)
                following[number + added] += (
                    above[number]
                    * ways
                    * more**added
                    * (1 - more) ** (num_variants - number - added)
                )
        following[:step] = 0.0
        above, before = following, chance
        at_least.append(float(density @ above.sum(axis=0)))
    return math.fsum(at_least) / num_variants, at_least[0], at_least[-1]
