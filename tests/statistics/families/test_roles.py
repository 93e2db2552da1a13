from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtesting.statistics.families.guardrails import decide_to_ship
from abtesting.statistics.families.multiplicity import adjust
from abtesting.statistics.families.roles import FamilyMember, judge_family


def member(metric, p_value, *, role="goal", variant="b", is_better=True):
    return FamilyMember(
        metric=metric, variant=variant, role=role, p_value=p_value, is_better=is_better
    )


def test_each_role_is_adjusted_by_itself_and_in_its_own_way():
    goals, secondary, guardrails = [0.02, 0.03], [0.01, 0.03, 0.04], [0.04, 0.06]
    members = [
        *(member(f"g{i}", p) for i, p in enumerate(goals)),
        *(member(f"s{i}", p, role="secondary") for i, p in enumerate(secondary)),
        *(member(f"r{i}", p, role="guardrail") for i, p in enumerate(guardrails)),
    ]
    result = judge_family(members)
    found = [d.adjusted_p_value for d in result.decisions]
    assert found == [
        *adjust(goals, method="holm"),
        *adjust(secondary, method="bh"),
        *guardrails,
    ]
    assert [d.method for d in result.decisions] == ["holm"] * 2 + ["bh"] * 3 + [
        "intersection_union"
    ] * 2
    assert [d.member for d in result.decisions] == members


def test_intervals_that_agree_with_the_decisions():
    members = [member("a", 0.001), member("b", 0.3), member("c", 0.4)]
    levels = [d.interval_alpha for d in judge_family(members).decisions]
    assert levels == [None, 0.025, 0.025]
    both = judge_family([member("a", 0.001), member("b", 0.04)])
    assert [d.interval_alpha for d in both.decisions] == [0.025, 0.025]
    secondary = judge_family(
        [member(str(i), p, role="secondary") for i, p in enumerate([0.01, 0.9])]
    )
    assert [d.interval_alpha for d in secondary.decisions] == [0.025, None]
    assert judge_family([member("r", 0.2, role="guardrail")]).decisions[0].interval_alpha == 0.05


@given(st.lists(st.floats(0, 0.2), min_size=1, max_size=4), st.lists(st.floats(0, 0.1), max_size=3))
def test_one_variant_ships_by_the_rule_of_guardrails(goals, guardrails):
    members = [member(f"g{i}", p) for i, p in enumerate(goals)]
    members += [member(f"r{i}", p, role="guardrail") for i, p in enumerate(guardrails)]
    result = judge_family(members)
    assert (result.ship == ("b",)) == decide_to_ship(goals, guardrails).ship


def test_variants_ship_one_by_one():
    result = judge_family(
        [
            member("orders", 0.001, variant="b"),
            member("refunds", 0.2, variant="b", role="guardrail"),
            member("orders", 0.002, variant="c"),
            member("refunds", 0.01, variant="c", role="guardrail"),
            member("orders", 0.003, variant="d", is_better=False),
            member("orders", 0.5, variant="e"),
        ]
    )
    assert result.ship == ("c",)


def test_nothing_gives_nothing():
    assert judge_family([]).decisions == ()


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([member("a", math.nan)], r"members\[0\].p_value is nan"),
        ([member("a", 0.1, role="primary")], r"members\[0\].role is 'primary'"),
        ([member("a", 0.1), member("a", 0.2)], "again"),
    ],
)
def test_bad_input_is_refused(members, message):
    with pytest.raises(ValueError, match=message):
        judge_family(members)
