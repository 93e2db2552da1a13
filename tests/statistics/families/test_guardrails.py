from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.families.guardrails import (
    check_guardrails,
    decide_to_ship,
    required_per_metric,
)

P_VALUES = st.lists(st.floats(0, 1) | st.floats(0, 0.1), min_size=1, max_size=5)


@given(P_VALUES, st.floats(0.01, 0.2))
def test_all_pass_exactly_if_each_passes(p_values, alpha):
    result = check_guardrails(p_values, alpha=alpha)
    assert result.all_pass == all(result.passed) == (result.p_value < alpha)


def test_without_guardrails_the_goals_alone_decide():
    result = decide_to_ship([0.004, 0.3], [])
    assert (result.ship, result.p_value, result.guardrails) == (True, 0.008, None)
    assert not decide_to_ship([0.04, 0.3], []).ship


@given(P_VALUES, P_VALUES)
def test_shipping_takes_one_goal_and_all_guardrails(goals, guardrails):
    result = decide_to_ship(goals, guardrails)
    assert result.ship == (any(result.superior) and result.guardrails.all_pass)
    assert result.ship == (result.p_value < 0.05)


@given(P_VALUES, P_VALUES, st.floats(0, 1))
def test_another_guardrail_never_makes_shipping_easier(goals, guardrails, another):
    assert (
        decide_to_ship(goals, [*guardrails, another]).p_value
        >= decide_to_ship(goals, guardrails).p_value
    )


def test_power_is_shared_by_what_has_to_be_won():
    assert required_per_metric(num_goals=0, num_guardrails=4).power == pytest.approx(0.95)
    with_goals = required_per_metric(num_goals=2, num_guardrails=3, alpha=0.05)
    assert with_goals.power == pytest.approx(0.95)
    assert (with_goals.goal_alpha, with_goals.guardrail_alpha) == (0.025, 0.05)
    assert required_per_metric(num_goals=1, num_guardrails=0).power == pytest.approx(0.8)


def correlated(rng, num_runs, *, rho=0.5):
    """z of 10 metrics x 3 variants: correlated among metrics, and by the shared control."""
    shared = rng.standard_normal((num_runs, 4, 1))
    arms = math.sqrt(rho) * shared + math.sqrt(1 - rho) * rng.standard_normal((num_runs, 4, 10))
    return (arms[:, 1:] - arms[:, :1]) / math.sqrt(2)


def all_pass(p_values):
    return np.array([check_guardrails(row).all_pass for row in p_values.tolist()])


def test_passing_all_guardrails_at_their_margins():
    z = correlated(np.random.default_rng(41), 2_000)
    passed = all_pass(stats.norm.sf(z).reshape(-1, 10)).reshape(-1, 3)
    assert passed.any(axis=1).mean() <= 0.05
    # One guardrail at its margin and nine far from it is the worst there is: the full alpha.
    far = np.where(np.arange(10) == 0, 0.0, 6.0)
    worst = all_pass(stats.norm.sf(z[:, 0] + far)).mean()
    assert worst == pytest.approx(0.05, abs=3 * math.sqrt(0.05 * 0.95 / 2_000))


def test_the_decision_has_the_wanted_power_with_the_required_ones():
    z = correlated(np.random.default_rng(42), 2_000)[:, 0]
    needed = required_per_metric(num_goals=2, num_guardrails=8, power=0.8)
    reach = stats.norm.isf(1 - needed.power)
    shift = np.r_[
        stats.norm.isf(needed.goal_alpha) + reach, 0.0, [stats.norm.isf(0.05) + reach] * 8
    ]
    p_values = stats.norm.sf(z + shift).tolist()
    shipped = np.mean([decide_to_ship(row[:2], row[2:]).ship for row in p_values])
    assert shipped >= 0.8
    uncorrected = shift - reach + stats.norm.isf(0.2)
    uncorrected[1] = 0.0
    p_values = stats.norm.sf(z + uncorrected).tolist()
    assert np.mean([decide_to_ship(row[:2], row[2:]).ship for row in p_values]) < 0.6


@pytest.mark.parametrize("wrong", ["no_goal", "guardrail"])
def test_a_variant_that_should_not_ship_does_so_at_most_at_alpha(wrong):
    z = correlated(np.random.default_rng(43), 2_000)[:, 0]
    shift = np.full(10, 5.0)
    shift[:2] = 0.0 if wrong == "no_goal" else 5.0
    shift[9] = 0.0 if wrong == "guardrail" else 5.0
    p_values = stats.norm.sf(z + shift).tolist()
    shipped = np.mean([decide_to_ship(row[:2], row[2:]).ship for row in p_values])
    assert shipped <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 2_000)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: check_guardrails([]), "p_values is empty; a check needs at least 1 guardrail"),
        (lambda: check_guardrails([1.2]), r"p_values\[0\] is 1.2"),
        (lambda: check_guardrails([math.nan]), r"p_values\[0\] is nan"),
        (lambda: check_guardrails([0.1], alpha=0), "alpha is 0"),
        (lambda: decide_to_ship([], [0.1]), "goal_p_values is empty"),
        (lambda: decide_to_ship([0.1], [0.1], method="bh"), "method is 'bh'"),
        (lambda: required_per_metric(num_goals=0, num_guardrails=0), "one must be above 0"),
        (lambda: required_per_metric(num_goals=1, num_guardrails=1, power=1), "power is 1"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
