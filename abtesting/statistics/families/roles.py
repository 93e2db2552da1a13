"""One decision for each comparison of an experiment, by the role of its metric.

Roles ask for different promises. Goals are few and decide, so that not even one false claim is let
through (Holm). Secondary metrics are many and explain, so that few of the claims are false
(Benjamini-Hochberg). Guardrails must all pass, so that each is tested at the full alpha. With one
goal and many variants the test of `dunnett` is sharper, with an order among metrics that of
`gatekeeping`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from abtesting.statistics.arguments import require_alpha, require_types
from abtesting.statistics.families.multiplicity import adjust

FamilyRole = Literal["goal", "secondary", "guardrail"]
FamilyMethod = Literal["holm", "bh", "intersection_union"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyMember:
    """One metric of one variant against the control.

    Attributes:
        metric: Key of the metric.
        variant: Key of the variant.
        role: Of the metric.
        p_value: Of no effect; of a guardrail, of being at or beyond its margin (one-sided).
        is_better: Whether the estimate is on the good side: only such a goal makes a variant ship.
    """

    metric: str
    variant: str
    role: FamilyRole
    p_value: float
    is_better: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyDecision:
    """What is claimed of one member.

    Attributes:
        member: As given.
        adjusted_p_value: Within the members of its role; of a guardrail its own p-value.
        is_claimed: Whether the effect (or that a guardrail is within its margin) is claimed.
        interval_alpha: Level at which the interval of this comparison, cut at 0 if it is claimed,
            agrees with all decisions; `None` if no interval does: of a claimed goal, as long as
            other goals are not, only the side of 0 is known, and of a secondary metric that is not
            claimed nothing is said.
        method: `holm`, `bh` or `intersection_union`.
        alpha: Error rate of the members of this role together.
    """

    member: FamilyMember
    adjusted_p_value: float
    is_claimed: bool
    interval_alpha: float | None
    method: FamilyMethod
    alpha: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyResult:
    """Decisions of an experiment.

    Attributes:
        decisions: In input order.
        ship: Variants with at least one better goal whose guardrails all pass. For a variant that
            should not ship, the chance of being here is at most alpha.
        alpha: Error rate of each role.
    """

    decisions: tuple[FamilyDecision, ...]
    ship: tuple[str, ...]
    alpha: float


def judge_family(members: Sequence[FamilyMember], *, alpha: float = 0.05) -> FamilyResult:
    """Decide on all metrics of all variants.

    Args:
        members: Every comparison that is looked at, once.
        alpha: Error rate of the goals together, of the secondary metrics together, and of each
            guardrail.

    Raises:
        ValueError: If a member comes twice, or a role or p-value is not allowed.

    References:
        Schultzberg, Ankargren & Frånberg (2024). Risk-aware product decisions in A/B tests with
        multiple metrics. arXiv 2402.11609. Benjamini & Yekutieli (2005). JASA 100(469).

    Examples:
        >>> result = judge_family([
        ...     FamilyMember(metric="orders", variant="b", role="goal", p_value=0.01),
        ...     FamilyMember(metric="revenue", variant="b", role="goal", p_value=0.3),
        ...     FamilyMember(metric="clicks", variant="b", role="secondary", p_value=0.02),
        ...     FamilyMember(metric="refunds", variant="b", role="guardrail", p_value=0.03),
        ... ])
        >>> [d.is_claimed for d in result.decisions], result.ship
        ([True, False, True, True], ('b',))
    """
    require_alpha(alpha)
    require_types("members", members, FamilyMember)
    seen = set()
    for i, member in enumerate(members):
        if member.role not in get_args(FamilyRole):
            raise ValueError(
                f"members[{i}].role is {member.role!r}; it must be one of "
                f"{', '.join(get_args(FamilyRole))}"
            )
        if not 0 <= member.p_value <= 1:
            raise ValueError(f"members[{i}].p_value is {member.p_value!r}; it must be in [0, 1]")
        if (member.metric, member.variant) in seen:
            raise ValueError(
                f"members[{i}] is {member.metric!r} of {member.variant!r} again; each may be there "
                "once"
            )
        seen.add((member.metric, member.variant))
    decisions: list[FamilyDecision | None] = [None] * len(members)
    for role in get_args(FamilyRole):
        positions = [i for i, member in enumerate(members) if member.role == role]
        judged = _judge_role(role, [members[i] for i in positions], alpha)
        for i, decision in zip(positions, judged, strict=True):
            decisions[i] = decision
    done = tuple(decision for decision in decisions if decision is not None)
    variants = dict.fromkeys(member.variant for member in members)
    return FamilyResult(
        decisions=done,
        ship=tuple(variant for variant in variants if _ships(variant, done)),
        alpha=alpha,
    )


def _judge_role(
    role: FamilyRole, members: list[FamilyMember], alpha: float
) -> list[FamilyDecision]:
    p_values = [member.p_value for member in members]
    method: FamilyMethod = "intersection_union"
    adjusted = tuple(p_values)
    if role != "guardrail":
        adjustment: Literal["holm", "bh"] = "holm" if role == "goal" else "bh"
        method, adjusted = adjustment, adjust(p_values, method=adjustment)
    claimed = [p < alpha for p in adjusted]
    num_claimed = sum(claimed)
    num_open = len(members) - num_claimed
    decisions = []
    for member, p, is_claimed in zip(members, adjusted, claimed, strict=True):
        level: float | None = alpha
        if role == "goal":
            level = None if is_claimed and num_open else alpha / (num_open or len(members))
        elif role == "secondary":
            level = alpha * num_claimed / len(members) if is_claimed else None
        decisions.append(
            FamilyDecision(
                member=member,
                adjusted_p_value=p,
                is_claimed=is_claimed,
                interval_alpha=level,
                method=method,
                alpha=alpha,
            )
        )
    return decisions


def _ships(variant: str, decisions: Sequence[FamilyDecision]) -> bool:
    own = [decision for decision in decisions if decision.member.variant == variant]
    return any(d.is_claimed and d.member.is_better for d in own if d.member.role == "goal") and all(
        d.is_claimed for d in own if d.member.role == "guardrail"
    )
