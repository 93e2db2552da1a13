from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.boundaries import AlwaysValid, FixedHorizon
from abtesting.statistics.planning.mid_experiment import conditional_power, mid_experiment_power
from abtesting.statistics.planning.sequential_power import (
    always_valid_design,
    detectable_effect,
    plan_sequential,
    required_drift,
    sequential_power,
)
from abtesting.statistics.sequential.sequential_designs import (
    equal_looks,
    spending_design,
    wang_tsiatis_design,
    with_futility,
)
from abtesting.statistics.sequential.spending import Pocock
from tests.known_answers import cases, close

FIXED_80 = stats.norm.isf(0.025) + stats.norm.isf(0.2)


@cases("sequential_power", "group_sequential_sample_size")
def test_known_sizes(case):
    inputs, expected, within = case["inputs"], case["expected"], close(case)
    design = spending_design(equal_looks(inputs["kMax"]), alpha=inputs["alpha"])
    p_c, p_t, power = inputs["p_c"], inputs["p_t"], inputs["power"]
    # Two equal arms: pooled under no effect, separate under the effect.
    pooled = (p_c + p_t) / 2
    z_alpha, z_beta = stats.norm.isf(inputs["alpha"] / 2), stats.norm.ppf(power)
    per_arm = (
        z_alpha * math.sqrt(2 * pooled * (1 - pooled))
        + z_beta * math.sqrt(p_c * (1 - p_c) + p_t * (1 - p_t))
    ) ** 2 / (p_t - p_c) ** 2
    assert 2 * per_arm == pytest.approx(expected["n_fixed"], **within)
    plan = plan_sequential(design, power=power, fixed_num_units=2 * per_arm)
    assert plan.max_num_units == pytest.approx(expected["n_max"], **within)
    assert plan.expected_num_units == pytest.approx(expected["expected_n_H1"], **within)
    assert plan.at_effect.reject_probabilities == pytest.approx(
        expected["reject_per_stage"], **within
    )


@cases("sequential_power", "mid_experiment_power")
def test_known_mid_experiment_power(case):
    inputs, expected, within = case["inputs"], case["expected"], close(case)
    n_c, n_t = inputs["n_c"], inputs["n_t"]
    p_c, p_t = inputs["x_c"] / n_c, inputs["x_t"] / n_t
    # The library plans on the scale of the lift, with its delta-method standard error.
    variance = p_t * (1 - p_t) / n_t / p_c**2 + p_t**2 * p_c * (1 - p_c) / n_c / p_c**4
    result = mid_experiment_power(
        effect=inputs["mde"],
        standard_error=math.sqrt(variance),
        num_units=n_c + n_t,
        boundary=AlwaysValid(0.05, 5000) if inputs["sequential"] else FixedHorizon(0.05),
    )
    assert result.power == pytest.approx(expected["power_now"], rel=1e-9)
    assert result.scaling == pytest.approx(expected["scaling_factor"], **within)
    assert result.additional_num_units == pytest.approx(expected["additional_users"], **within)


def test_twenty_looks_lose_little_power():
    looks = equal_looks(20)
    slow = sequential_power(spending_design(looks, alpha=0.05), effect=FIXED_80, standard_error=1.0)
    assert slow.power >= 0.755
    assert slow.expected_information == pytest.approx(0.76, abs=0.01)
    even = sequential_power(
        spending_design(looks, alpha=0.05, spending=Pocock()), effect=FIXED_80, standard_error=1.0
    )
    assert even.power >= 0.66
    any_day = sequential_power(
        always_valid_design(looks, alpha=0.05), effect=FIXED_80, standard_error=1.0
    )
    assert any_day.power >= 0.45


@given(
    st.lists(st.floats(0.1, 1), min_size=1, max_size=6),
    st.sampled_from([0.01, 0.05]),
    st.floats(0.3, 0.99),
    st.sampled_from(["two_sided", "greater", "less"]),
)
@settings(max_examples=20, deadline=None)
def test_the_planned_size_has_the_planned_power(gaps, alpha, power, side):
    design = spending_design(np.cumsum(gaps) / sum(gaps), alpha=alpha, side=side)
    drift = required_drift(design, power=power)
    effect = -drift if side == "less" else drift
    result = sequential_power(design, effect=effect, standard_error=1.0)
    assert result.power == pytest.approx(power, abs=1e-8)
    assert math.fsum(result.stop_probabilities) == pytest.approx(1.0, abs=1e-9)
    assert 0 < result.expected_information <= 1 + 1e-12
    assert detectable_effect(design, power=power, standard_error=2.0) == pytest.approx(2 * drift)
    plan = plan_sequential(design, power=power, fixed_num_units=1000)
    assert plan.inflation >= 1 - 1e-9
    assert plan.expected_num_units <= plan.max_num_units * (1 + 1e-12)


@given(st.floats(0, 4), st.floats(0, 4))
@settings(max_examples=20, deadline=None)
def test_larger_effects_have_more_power(one, other):
    design = spending_design(equal_looks(4), alpha=0.05)
    small, large = sorted((one, other))
    assert (
        sequential_power(design, effect=small, standard_error=1.0).power
        <= sequential_power(design, effect=large, standard_error=1.0).power + 1e-12
    )
    assert sequential_power(design, effect=-large, standard_error=1.0).power == pytest.approx(
        sequential_power(design, effect=large, standard_error=1.0).power
    )


def test_one_look_is_the_fixed_design():
    plan = plan_sequential(spending_design((1.0,), alpha=0.05), power=0.8, fixed_num_units=500)
    assert plan.max_num_units == pytest.approx(500)
    assert plan.expected_num_units == pytest.approx(500)


def test_futility_saves_units_when_there_is_no_effect():
    design = spending_design(equal_looks(5), alpha=0.025, side="greater")
    bounded = with_futility(design, power=0.8)
    plan = plan_sequential(bounded, power=0.8, fixed_num_units=1000)
    assert plan.at_effect.power == pytest.approx(0.8, abs=1e-7)
    assert plan.expected_num_units_null < 700


def test_finer_looks_find_a_little_more_and_a_later_tuning_less_early():
    powers = [
        sequential_power(
            always_valid_design([k / n for k in range(1, n + 1)], alpha=0.05),
            effect=FIXED_80,
            standard_error=1.0,
        ).power
        for n in (5, 20, 100)
    ]
    assert powers == sorted(powers)
    assert powers[-1] < 0.6
    tuned = plan_sequential(
        always_valid_design(equal_looks(20), alpha=0.05), power=0.8, fixed_num_units=1000
    )
    assert 1500 < tuned.max_num_units < 2000


def test_the_error_of_an_always_valid_plan_stays_below_alpha():
    design = always_valid_design([k / 200 for k in range(1, 201)], alpha=0.05)
    assert 0.005 < design.alpha_spent[-1] < 0.05


def test_conditional_power_agrees_with_simulated_paths():
    design = wang_tsiatis_design(equal_looks(5), alpha=0.05, delta=0.25)
    now, z, drift = 2, 1.3, 2.4
    rng = np.random.default_rng(5)
    times = np.array(design.information)
    steps = np.diff(times[now - 1 :])
    paths = z * math.sqrt(times[now - 1]) + np.cumsum(
        rng.standard_normal((200_000, 3)) * np.sqrt(steps) + drift * steps, axis=1
    )
    later = paths / np.sqrt(times[now:])
    critical = np.array(design.critical_values[now:])
    stopped = np.abs(later) > critical
    first = stopped.argmax(axis=1)
    won = stopped.any(axis=1) & (later[np.arange(len(later)), first] > 0)
    assert conditional_power(design, num_looks=now, z=z, drift=drift) == pytest.approx(
        won.mean(), abs=0.004
    )


def test_conditional_power_of_a_falling_effect_is_that_of_its_mirror():
    design = spending_design(equal_looks(4), alpha=0.05)
    assert conditional_power(design, num_looks=2, z=-1.0, drift=-2.8) == pytest.approx(
        conditional_power(design, num_looks=2, z=1.0, drift=2.8), rel=1e-9
    )


def test_enough_units_need_no_more():
    result = mid_experiment_power(
        effect=0.1, standard_error=0.01, num_units=1000, boundary=FixedHorizon(0.05)
    )
    assert (result.scaling, result.additional_num_units) == (0.0, 0.0)


@pytest.mark.parametrize("side", ["greater", "less"])
def test_one_sided_mid_experiment_power(side):
    effect = 0.02 if side == "greater" else -0.02
    result = mid_experiment_power(
        effect=effect, standard_error=0.01, num_units=1000, boundary=FixedHorizon(0.05, side)
    )
    assert result.power == pytest.approx(stats.norm.sf(1.644854 - 2), abs=1e-6)
    wrong = mid_experiment_power(
        effect=-effect, standard_error=0.01, num_units=1000, boundary=FixedHorizon(0.05, side)
    )
    assert wrong.scaling is None
    assert wrong.additional_num_units is None


def test_bad_input_is_an_error():
    design = spending_design(equal_looks(3), alpha=0.05)
    with pytest.raises(ValueError, match="power"):
        required_drift(design, power=0.04)
    with pytest.raises(ValueError, match="power"):
        required_drift(design, power=1.0)
    with pytest.raises(ValueError, match="fixed_num_units"):
        plan_sequential(design, power=0.8, fixed_num_units=0)
    with pytest.raises(ValueError, match="standard_error"):
        sequential_power(design, effect=1.0, standard_error=0.0)
    with pytest.raises(ValueError, match="effect"):
        sequential_power(design, effect=math.nan, standard_error=1.0)
    with pytest.raises(ValueError, match="standard_error"):
        detectable_effect(design, power=0.8, standard_error=math.inf)
    with pytest.raises(ValueError, match="num_looks"):
        conditional_power(design, num_looks=3, z=1.0, drift=1.0)
    with pytest.raises(ValueError, match="planned"):
        always_valid_design((1.0,), alpha=0.05, planned=0)
    with pytest.raises(ValueError, match="effect"):
        mid_experiment_power(
            effect=0.0, standard_error=1.0, num_units=10, boundary=FixedHorizon(0.05)
        )
    with pytest.raises(ValueError, match="num_units"):
        mid_experiment_power(
            effect=1.0, standard_error=1.0, num_units=1, boundary=FixedHorizon(0.05)
        )
