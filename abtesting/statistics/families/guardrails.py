"""Guardrails and the rule of shipping: win somewhere, lose nowhere.

A guardrail passes when it is shown to be no worse than its margin. All of them must, so that each
is tested at the full alpha (an intersection-union test): a claim that needs every test is not made
easier by there being many. It is made harder to win, which is why the power of each has to be
higher than that of the decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from abtesting.statistics.arguments import (
    require_alpha,
    require_list,
    require_p_values,
    require_probability,
)
from abtesting.statistics.families.multiplicity import Adjustment, adjust
from abtesting.statistics.moments import as_count


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardrailCheck:
    """All guardrails of one variant together.

    Attributes:
        p_value: Of any guardrail being beyond its margin: the largest of the single ones.
        passed: Whether each guardrail passes, in input order.
        alpha: Level of each one, and chance of passing all if any is at or beyond its margin.
        method: `intersection_union`.
    """

    p_value: float
    passed: tuple[bool, ...]
    alpha: float
    method: str = "intersection_union"

    @property
    def all_pass(self) -> bool:
        """Whether every guardrail is shown to be within its margin."""
        return self.p_value < self.alpha


def check_guardrails(p_values: Sequence[float], *, alpha: float = 0.05) -> GuardrailCheck:
    """Test that no guardrail is worse than its margin.

    Args:
        p_values: Non-inferiority p-value of each guardrail, one-sided; at least 1, because no
            guardrails are not guardrails that pass with certainty.
        alpha: One-sided level of each one.

    Raises:
        ValueError: If there is no guardrail or a p-value is not in [0, 1].

    References:
        Berger, R. L. (1982). Multiparameter hypothesis testing and acceptance sampling.
        Technometrics 24(4). Schultzberg, M., Ankargren, S. & Frånberg, M. (2024). Risk-aware
        product decisions in A/B tests with multiple metrics. arXiv 2402.11609, section 3.

    Examples:
        >>> check_guardrails([0.001, 0.04, 0.03]).all_pass
        True
        >>> check_guardrails([0.001, 0.06, 0.03]).passed
        (True, False, True)
    """
    require_alpha(alpha)
    require_p_values("p_values", p_values)
    if len(p_values) == 0:
        raise ValueError("p_values is empty; a check needs at least 1 guardrail")
    unadjusted = tuple(map(float, p_values))
    return GuardrailCheck(
        p_value=max(unadjusted),
        passed=tuple(p < alpha for p in unadjusted),
        alpha=alpha,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipDecision:
    """Whether a variant may be shipped, and why.

    Attributes:
        ship: At least one goal is superior and all guardrails are non-inferior.
        p_value: Least alpha at which it would be: the larger one of the smallest adjusted p-value
            of the goals and the largest of the guardrails.
        goal_adjusted_p_values: In input order.
        superior: Whether each goal is superior.
        guardrails: The guardrails together; `None` if there are none.
        alpha: Chance of shipping a variant that should not be: one with no goal better, or with any
            guardrail at or beyond its margin. The two ways to be wrong don't add up.
        method: Adjustment of the goals.
    """

    ship: bool
    p_value: float
    goal_adjusted_p_values: tuple[float, ...]
    superior: tuple[bool, ...]
    guardrails: GuardrailCheck | None
    alpha: float
    method: Adjustment


def decide_to_ship(
    goal_p_values: Sequence[float],
    guardrail_p_values: Sequence[float],
    *,
    alpha: float = 0.05,
    method: Literal["bonferroni", "holm", "hochberg", "hommel"] = "holm",
) -> ShipDecision:
    """Apply the rule: ship if any goal is better and no guardrail is worse than its margin.

    Args:
        goal_p_values: One-sided superiority p-value of each goal; at least 1.
        guardrail_p_values: One-sided non-inferiority p-value of each guardrail; without any, the
            goals alone decide.
        alpha: One-sided level of the goals together and of each guardrail.
        method: How the goals share alpha.

    Raises:
        ValueError: If there is no goal or a p-value is not in [0, 1].

    References:
        Schultzberg, Ankargren & Frånberg (2024). arXiv 2402.11609, section 3.3.

    Examples:
        >>> decide_to_ship([0.004, 0.3], [0.01, 0.02]).ship
        True
        >>> decide_to_ship([0.004, 0.3], [0.01, 0.2]).ship
        False
    """
    require_list("goal_p_values", goal_p_values)
    if len(goal_p_values) == 0:
        raise ValueError("goal_p_values is empty; the rule needs at least 1 goal")
    if method not in {"bonferroni", "holm", "hochberg", "hommel"}:
        raise ValueError(
            f"method is {method!r}; it must be bonferroni, holm, hochberg or hommel, which bound "
            "the family-wise error"
        )
    require_alpha(alpha)
    require_p_values("goal_p_values", goal_p_values)
    require_p_values("guardrail_p_values", guardrail_p_values)
    guardrails = (
        check_guardrails(guardrail_p_values, alpha=alpha) if len(guardrail_p_values) else None
    )
    adjusted = adjust(goal_p_values, method=method)
    p_value = max(min(adjusted), guardrails.p_value if guardrails else 0.0)
    return ShipDecision(
        ship=p_value < alpha,
        p_value=p_value,
        goal_adjusted_p_values=adjusted,
        superior=tuple(p < alpha for p in adjusted),
        guardrails=guardrails,
        alpha=alpha,
        method=method,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRequirements:
    """What each metric needs so that the decision has the wanted power.

    Attributes:
        goal_alpha: One-sided level to plan each goal with.
        guardrail_alpha: One-sided level to plan each guardrail with.
        power: Power to plan every metric with: a goal at the effect that is worth shipping, a
            guardrail at no effect.
        alpha: One-sided level of the decision.
        decision_power: Power of the decision that follows, whatever the correlations.
    """

    goal_alpha: float
    guardrail_alpha: float
    power: float
    alpha: float
    decision_power: float


def required_per_metric(
    *, num_goals: int, num_guardrails: int, power: float = 0.8, alpha: float = 0.05
) -> MetricRequirements:
    """Return the level and the power to plan each metric with.

    The chance of missing is shared by all tests that have to be won: each guardrail, and the goal
    if there is any. Goals are planned as if each had to win by itself with Bonferroni's level.

    Args:
        num_goals: Goals, of which one has to win; 0 for guardrails alone.
        num_guardrails: Guardrails, which all have to pass.
        power: Wanted power of the decision.
        alpha: One-sided level of the decision.

    Raises:
        ValueError: If there is no metric or a number is out of its range.

    References:
        Schultzberg, Ankargren & Frånberg (2024). arXiv 2402.11609, section 3.4.

    Examples:
        >>> needed = required_per_metric(num_goals=1, num_guardrails=3)
        >>> round(needed.power, 4), needed.goal_alpha
        (0.95, 0.05)
    """
    require_alpha(alpha)
    require_probability("power", power)
    num_goals = as_count("num_goals", num_goals)
    num_guardrails = as_count("num_guardrails", num_guardrails)
    if num_goals + num_guardrails == 0:
        raise ValueError("num_goals and num_guardrails are 0; one must be above 0")
    num_to_win = num_guardrails + (num_goals > 0)
    return MetricRequirements(
        goal_alpha=alpha / max(num_goals, 1),
        guardrail_alpha=alpha,
        power=1 - (1 - power) / num_to_win,
        alpha=alpha,
        decision_power=power,
    )
