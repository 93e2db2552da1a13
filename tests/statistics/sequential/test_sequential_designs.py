from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abtesting.statistics.planning.sequential_power import plan_sequential
from abtesting.statistics.sequential.sequential_designs import (
    GroupSequentialDesign,
    equal_looks,
    spending_design,
    wang_tsiatis_design,
    with_futility,
)
from abtesting.statistics.sequential.spending import (
    HwangShihDeCani,
    KimDeMets,
    ObrienFleming,
    Pocock,
)
from tests.known_answers import cases, close

SHAPES = {"OF": 0.0, "P": 0.5}


def spending_of(inputs):
    """The spending function of a case, in the words of its library."""
    kind = inputs.get("typeOfDesign")
    if kind == "asOF":
        return ObrienFleming()
    if kind == "asP":
        return Pocock()
    if kind == "asHSD":
        return HwangShihDeCani(inputs["gammaA"])
    return KimDeMets(inputs["phi"] if kind is None else inputs["gammaA"])


def design_of(inputs):
    looks = inputs.get("informationRates") or inputs.get("information_rates")
    looks = looks or equal_looks(inputs["kMax"])
    side = "two_sided" if inputs["sided"] == 2 else "greater"
    kind = inputs.get("typeOfDesign")
    if kind in {"OF", "P", "WT"}:
        delta = SHAPES.get(kind, inputs.get("deltaWT"))
        return wang_tsiatis_design(looks, alpha=inputs["alpha"], delta=delta, side=side)
    return spending_design(looks, alpha=inputs["alpha"], spending=spending_of(inputs), side=side)


@cases("group_sequential", "group_sequential_bounds")
def test_known_bounds(case):
    inputs, expected, within = case["inputs"], case["expected"], close(case)
    if "K" in inputs:
        for name, delta in (("pocock", 0.5), ("obrien_fleming_final", 0.0)):
            constants = [
                wang_tsiatis_design(
                    equal_looks(num_looks), alpha=inputs["alpha"], delta=delta
                ).critical_values[-1]
                for num_looks in inputs["K"]
            ]
            assert constants == pytest.approx(expected[name], **within)
        return
    design = design_of(inputs)
    assert design.critical_values == pytest.approx(expected["critical_values"], **within)
    if "alpha_spent_per_side" in expected:
        per_side = [total / 2 for total in design.alpha_spent]
        assert per_side == pytest.approx(expected["alpha_spent_per_side"], **within)
        return
    assert design.alpha_spent == pytest.approx(expected["alpha_spent"], **within)
    assert design.stage_levels == pytest.approx(expected["stage_levels"], **within)
    assert design.information == pytest.approx(expected["information_rates"], **within)
    plan = plan_sequential(design, power=1 - inputs["beta"], fixed_num_units=1.0)
    assert plan.inflation == pytest.approx(expected["inflation_factor"], **within)
    sizes = (
        plan.expected_num_units,
        plan.expected_num_units_half,
        plan.expected_num_units_null,
    )
    names = ("avg_sample_number_H1", "avg_sample_number_H01", "avg_sample_number_H0")
    assert sizes == pytest.approx([expected[name] for name in names], **within)


@given(
    st.lists(st.floats(0.05, 1), min_size=1, max_size=8),
    st.floats(0.0, 0.5),
    st.sampled_from([0.01, 0.05, 0.2]),
    st.sampled_from(["two_sided", "greater", "less"]),
)
@settings(max_examples=30, deadline=None)
def test_classical_designs_spend_all_of_alpha(gaps, delta, alpha, side):
    design = wang_tsiatis_design(np.cumsum(gaps) / sum(gaps), alpha=alpha, delta=delta, side=side)
    assert design.alpha_spent[-1] == pytest.approx(alpha, rel=1e-7)
    assert all(early >= late for early, late in itertools.pairwise(design.critical_values))


def test_futility_bounds_spend_beta_and_leave_the_error_rate_alone():
    design = spending_design(equal_looks(5), alpha=0.025, side="greater")
    bounded = with_futility(design, power=0.9)
    assert bounded.critical_values == design.critical_values
    assert bounded.alpha_spent == design.alpha_spent
    assert bounded.futility[-1] == bounded.critical_values[-1]
    plan = plan_sequential(bounded, power=0.9, fixed_num_units=1.0)
    without = plan_sequential(design, power=0.9, fixed_num_units=1.0)
    # Giving up early costs a larger plan and saves on experiments without an effect.
    assert plan.inflation > without.inflation
    assert plan.expected_num_units_null < 0.75 * without.expected_num_units_null
    chances = bounded.crossings(plan.at_effect.drift)
    assert math.fsum(chances.lower) == pytest.approx(0.1, abs=1e-8)
    spent_by_then = [
        math.exp(ObrienFleming().log_spent(math.log(0.1), time)) for time in bounded.information
    ]
    assert np.cumsum(chances.lower) == pytest.approx(spent_by_then, abs=1e-7)


def test_futility_with_one_look_is_the_critical_value():
    bounded = with_futility(spending_design((1.0,), alpha=0.025, side="less"), power=0.8)
    assert bounded.futility == bounded.critical_values


def test_pocock_futility_gives_up_earlier():
    design = spending_design(equal_looks(4), alpha=0.025, side="greater")
    slow = with_futility(design, power=0.8).futility
    fast = with_futility(design, power=0.8, spending=Pocock()).futility
    assert fast[0] > slow[0]


def test_a_two_sided_design_has_no_futility():
    with pytest.raises(ValueError, match="two_sided"):
        with_futility(spending_design(equal_looks(3), alpha=0.05), power=0.8)


@pytest.mark.parametrize("num_looks", [0, 61])
def test_equal_looks_are_1_to_60(num_looks):
    with pytest.raises(ValueError, match="num_looks"):
        equal_looks(num_looks)


def test_a_design_needs_an_error_rate():
    with pytest.raises(ValueError, match="alpha"):
        spending_design((0.5, 1.0), alpha=0.0)


@pytest.mark.parametrize("delta", [0.7, -11, math.nan])
def test_a_classical_design_needs_a_shape(delta):
    with pytest.raises(ValueError, match="delta"):
        wang_tsiatis_design((0.5, 1.0), alpha=0.05, delta=delta)


def test_designs_are_values():
    design = spending_design(equal_looks(3), alpha=0.05)
    assert design == spending_design([1 / 3, 2 / 3, 1.0], alpha=0.05)
    assert isinstance(design, GroupSequentialDesign)
