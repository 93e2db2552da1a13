from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.sequential.group_sequential import GroupSequentialLook
from abtesting.statistics.sequential.sequential_designs import (
    equal_looks,
    spending_design,
    wang_tsiatis_design,
    with_futility,
)
from abtesting.statistics.sequential.spending import KimDeMets, ObrienFleming, Pocock
from abtesting.statistics.sequential.stagewise import (
    StagewiseInference,
    stagewise_inference,
    tail_probability,
)
from abtesting.statistics.types import NotEnoughData

SIDES = ["two_sided", "greater", "less"]


@st.composite
def stopped(draw, *, side=None):
    """A design up to its stop, and an estimate in standard errors of any size."""
    gaps = draw(st.lists(st.floats(0.1, 1), min_size=1, max_size=5))
    design = spending_design(
        (np.cumsum(gaps) / sum(gaps)).tolist(),
        alpha=draw(st.sampled_from([0.01, 0.05, 0.1])),
        spending=draw(st.sampled_from([ObrienFleming(), Pocock(), KimDeMets(2)])),
        side=side or draw(st.sampled_from(SIDES)),
    )
    return design, draw(st.floats(-5, 5))


@given(stopped(), st.none() | st.floats(20, 1e6))
@settings(max_examples=30, deadline=None)
def test_p_value_interval_and_decision_agree(case, df):
    design, t = case
    result = stagewise_inference(0.01 * t, 0.01, design=design, df=df)
    z = stats.norm.isf(stats.t.sf(t, df)) if df else t
    distance = {"two_sided": abs(z), "greater": z, "less": -z}[design.side]
    crossed = distance > design.critical_values[-1]
    assume(abs(distance - design.critical_values[-1]) > 1e-6)
    assert (result.p_value < design.alpha) == crossed
    assert result.interval.contains(0.0) != crossed
    assert result.interval.lower < result.estimate < result.interval.upper


@given(stopped(side="two_sided"))
@settings(max_examples=15, deadline=None)
def test_swapping_arms_turns_the_result_round(case):
    design, z = case
    result = stagewise_inference(z, 1.0, design=design)
    swapped = stagewise_inference(-z, 1.0, design=design)
    assert swapped.p_value == pytest.approx(result.p_value, abs=1e-10)
    assert swapped.estimate == pytest.approx(-result.estimate, abs=1e-7)
    assert swapped.interval.lower == pytest.approx(-result.interval.upper, abs=1e-7)


@given(stopped(side="greater"))
@settings(max_examples=10, deadline=None)
def test_less_is_greater_turned_round(case):
    design, z = case
    less = spending_design(
        design.information,
        alpha=design.alpha,
        side="less",
        spending={"obrien_fleming": ObrienFleming(), "pocock": Pocock()}.get(
            design.method, KimDeMets(2)
        ),
    )
    up, down = (
        stagewise_inference(sign * z, 1.0, design=each) for sign, each in ((1, design), (-1, less))
    )
    assert down.p_value == pytest.approx(up.p_value, abs=1e-12)
    assert down.estimate == pytest.approx(-up.estimate, abs=1e-7)
    assert down.interval.upper == pytest.approx(-up.interval.lower, abs=1e-7)
    assert down.interval.lower == -math.inf


@given(stopped(), st.floats(1e-6, 1e6))
@settings(max_examples=10, deadline=None)
def test_units_of_measurement_play_no_part(case, unit):
    design, z = case
    result = stagewise_inference(z, 1.0, design=design)
    scaled = stagewise_inference(z * unit, unit, design=design)
    assert scaled.p_value == pytest.approx(result.p_value, rel=1e-9, abs=1e-300)
    assert scaled.estimate == pytest.approx(unit * result.estimate, rel=1e-6, abs=1e-7 * unit)


def test_a_single_look_is_a_fixed_test():
    result = stagewise_inference(2.5, 1.0, design=spending_design((1.0,), alpha=0.05))
    assert result.p_value == pytest.approx(2 * stats.norm.sf(2.5), rel=1e-12)
    assert result.estimate == pytest.approx(2.5, abs=1e-7)
    assert result.interval.lower == pytest.approx(2.5 - 1.959964, abs=1e-6)
    assert result.interval.upper == pytest.approx(2.5 + 1.959964, abs=1e-6)


def test_a_design_of_textbook_boundaries_agrees_with_a_direct_sum():
    # Chance of an earlier crossing, plus that of the last look, by a bivariate normal.
    design = wang_tsiatis_design((0.5, 1.0), alpha=0.05, delta=0.5)
    critical, z = design.critical_values[0], 2.4
    rho = math.sqrt(0.5)
    joint = stats.multivariate_normal([0, 0], [[1, rho], [rho, 1]])
    inside_then_above = (
        stats.norm.cdf(critical)
        - stats.norm.cdf(-critical)
        - (joint.cdf([critical, z]) - joint.cdf([-critical, z]))
    )
    expected = stats.norm.sf(critical) + inside_then_above
    assert tail_probability(z, design, drift=0.0, above=True) == pytest.approx(expected, abs=1e-6)


def test_earlier_stops_are_stronger_evidence():
    information = equal_looks(4)
    p_values = [
        stagewise_inference(4.5, 1.0, design=spending_design(information[:k], alpha=0.05)).p_value
        for k in (2, 3, 4)
    ]
    assert p_values == sorted(p_values)


def test_final_results_after_a_plan_have_the_promised_properties():
    """Coverage, and as many estimates above the truth as below, over all ways to stop."""
    rng = np.random.default_rng(11)
    information = np.array(equal_looks(5))
    designs = [spending_design(information[: k + 1].tolist(), alpha=0.05) for k in range(5)]
    critical = np.array(designs[-1].critical_values)
    steps = np.diff(information, prepend=0.0)
    num_paths = 20_000
    for drift in (0.0, 2.8):
        paths = np.cumsum(
            rng.standard_normal((num_paths, 5)) * np.sqrt(steps) + drift * steps, axis=1
        )
        z = paths / np.sqrt(information)
        crossed = np.abs(z) > critical
        stop = np.where(crossed.any(axis=1), crossed.argmax(axis=1), 4)
        at_stop = z[np.arange(num_paths), stop]
        # How each outcome ranks under the truth: the estimate is above the truth if an outcome as
        # high has a chance below 1/2, and the interval covers if neither tail is below 0.025.
        above = np.empty(num_paths)
        for k in range(5):
            chosen = stop == k
            if not chosen.any():
                continue
            grid = np.linspace(at_stop[chosen].min(), at_stop[chosen].max(), 150)
            chances = [tail_probability(each, designs[k], drift=drift, above=True) for each in grid]
            above[chosen] = np.interp(at_stop[chosen], grid, chances)
        assert 0.485 <= (above < 0.5).mean() <= 0.515
        assert 0.943 <= ((above > 0.025) & (above < 0.975)).mean() <= 0.957
        # The observed effect of those that stop early overstates the truth.
        if drift:
            won = crossed.any(axis=1)
            observed = (at_stop / np.sqrt(information[stop]))[won]
            assert observed.mean() > 1.1 * drift


def test_the_estimate_is_where_an_outcome_as_high_is_a_coin_toss():
    design = spending_design((0.2, 0.5, 0.7), alpha=0.05)
    result = stagewise_inference(0.031, 0.01, design=design)
    assert isinstance(result, StagewiseInference)
    drift = result.estimate / 0.01 / math.sqrt(0.7)
    assert tail_probability(3.1, design, drift=drift, above=True) == pytest.approx(0.5, abs=1e-7)
    assert result.estimate < result.naive_estimate == 0.031
    assert result.num_looks == 3


def test_an_experiment_that_goes_on_has_no_final_results():
    design = spending_design((0.2, 0.5), alpha=0.05)
    result = stagewise_inference(0.01, 0.01, design=design)
    assert isinstance(result, NotEnoughData)
    assert result.code == "not_stopped"
    ended = GroupSequentialLook(0.05, (0.2, 0.5), is_final=True).design
    assert isinstance(stagewise_inference(0.01, 0.01, design=ended), StagewiseInference)


def test_p_values_keep_their_digits():
    design = spending_design((0.5, 1.0), alpha=0.05)
    result = stagewise_inference(20.0, 1.0, design=spending_design((0.5,), alpha=0.05))
    assert result.p_value == pytest.approx(2 * stats.norm.sf(20.0), rel=1e-9)
    late = stagewise_inference(25.0, 1.0, design=design)
    # No later result is stronger than an earlier crossing.
    assert late.p_value == pytest.approx(design.alpha_spent[0], rel=1e-6)


@pytest.mark.parametrize(
    ("estimate", "standard_error"),
    [(math.nan, 1.0), (math.inf, 1.0), (1.0, 0.0), (1.0, -1.0), (1.0, math.nan)],
)
def test_bad_input_is_an_error(estimate, standard_error):
    with pytest.raises(ValueError, match=r"estimate|standard_error"):
        stagewise_inference(estimate, standard_error, design=spending_design((1.0,), alpha=0.05))


def test_futility_bounds_are_left_out_of_final_inference():
    design = with_futility(spending_design((0.5, 1.0), alpha=0.05, side="greater"), power=0.8)
    with pytest.raises(ValueError, match="futility"):
        stagewise_inference(1.0, 1.0, design=design)
