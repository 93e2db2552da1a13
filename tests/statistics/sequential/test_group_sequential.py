from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.boundaries import FixedHorizon
from abtesting.statistics.means import compare_means
from abtesting.statistics.moments import Moments
from abtesting.statistics.sequential.crossing import spending_bounds
from abtesting.statistics.sequential.group_sequential import GroupSequentialLook
from abtesting.statistics.sequential.spending import (
    HwangShihDeCani,
    KimDeMets,
    ObrienFleming,
    Pocock,
)
from abtesting.statistics.types import NotEnoughData

FUNCTIONS = [ObrienFleming(), Pocock(), KimDeMets(2), HwangShihDeCani(-4), HwangShihDeCani(1)]


@st.composite
def looks(draw, *, side=None):
    """A look of some plan: unequal information, the last one at or before the plan."""
    gaps = draw(st.lists(st.floats(0.1, 1), min_size=1, max_size=5))
    reached = draw(st.sampled_from([0.1, 0.4, 0.85, 1.0]))
    information = tuple((np.cumsum(gaps) / sum(gaps) * reached).tolist())
    return GroupSequentialLook(
        draw(st.sampled_from([0.001, 0.01, 0.05, 0.1, 0.3])),
        information,
        spending=draw(st.sampled_from(FUNCTIONS)),
        side=side or draw(st.sampled_from(["two_sided", "greater", "less"])),
    )


def distance(look, z):
    return {"two_sided": abs(z), "greater": z, "less": -z}[look.side]


@given(looks(), st.floats(-6, 6), st.none() | st.floats(2, 1e6))
@settings(max_examples=30, deadline=None)
def test_p_value_and_critical_value_agree(look, z, df):
    critical = look.critical(1000, df)
    assume(abs(distance(look, z) - critical) > 1e-9 * critical)
    assert (look.p_value(z, 1000, df) < look.alpha) == (distance(look, z) > critical)


@given(looks(), st.floats(-2, 2))
@settings(max_examples=30, deadline=None)
def test_the_decision_at_the_very_boundary_is_that_of_the_critical_value(look, exponent):
    sign = -1.0 if look.side == "less" else 1.0
    critical = look.critical(1000, None)
    above, below = math.nextafter(critical, math.inf), math.nextafter(critical, 0)
    assert look.p_value(sign * above, 1000, None) < look.alpha
    assert look.p_value(sign * below, 1000, None) >= look.alpha


@given(looks(), st.floats(-5, 8), st.floats(-5, 8))
@settings(max_examples=30, deadline=None)
def test_stronger_results_have_smaller_p_values(look, one, other):
    sign = -1.0 if look.side == "less" else 1.0
    weak, strong = sorted((one, other), key=lambda z: distance(look, sign * z))
    assume(distance(look, sign * strong) - distance(look, sign * weak) > 1e-4)
    assert look.p_value(sign * strong, 10, None) <= look.p_value(sign * weak, 10, None)


@given(looks(side="two_sided"), st.floats(0, 8))
@settings(max_examples=20, deadline=None)
def test_swapping_arms_changes_no_p_value(look, z):
    assert look.p_value(z, 10, None) == look.p_value(-z, 10, None)


@given(looks(side="greater"), st.floats(-8, 8))
@settings(max_examples=20, deadline=None)
def test_less_is_greater_turned_round(look, z):
    turned = GroupSequentialLook(look.alpha, look.information, spending=look.spending, side="less")
    assert turned.p_value(-z, 10, None) == look.p_value(z, 10, None)
    assert turned.critical(10, None) == look.critical(10, None)


@given(looks(), st.floats(0.5, 12))
@settings(max_examples=25, deadline=None)
def test_the_p_value_is_the_alpha_at_which_the_look_just_rejects(look, z):
    p_value = look.p_value(-z if look.side == "less" else z, 10, None)
    assume(p_value < 0.3)
    # Away from the clamp at alpha itself.
    assume(abs(p_value / look.alpha - 1) > 1e-6)
    two_sided = look.side == "two_sided"
    bound = spending_bounds(
        look.information,
        look.spending,
        math.log(p_value / 2 if two_sided else p_value),
        two_sided=two_sided,
    )[-1]
    assert bound == pytest.approx(z, abs=1e-5)


@given(st.sampled_from([0.01, 0.05]), st.floats(-8, 8), st.none() | st.floats(3, 1e5))
@example(0.05, 30.0, None)
@settings(deadline=None)
def test_one_look_at_the_plan_is_a_fixed_horizon(alpha, z, df):
    look, fixed = GroupSequentialLook(alpha, (1.0,)), FixedHorizon(alpha)
    assert look.critical(10, df) == pytest.approx(fixed.critical(10, df), rel=1e-9)
    expected = fixed.p_value(z, 10, df)
    assume(expected < 0.95)
    assert look.p_value(z, 10, df) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("z", [10.0, 20.0, 30.0, 36.0])
def test_p_values_keep_their_digits_far_out(z):
    information = tuple(look / 20 for look in range(1, 21))
    p_value = GroupSequentialLook(0.05, information).p_value(z, 10, None)
    # So far out only the spending of this look matters.
    assert p_value == pytest.approx(2 * stats.norm.sf(z), rel=1e-6)
    early = GroupSequentialLook(0.05, information[:10]).p_value(z, 10, None)
    # Half way: 2 (1 - Phi(z_a / sqrt(1/2))) = 1 - Phi(z), each side.
    level = 2 * stats.norm.sf(stats.norm.isf(stats.norm.sf(z) / 2) * math.sqrt(0.5))
    assert early == pytest.approx(2 * level, rel=1e-3)


@pytest.mark.parametrize("information", [(0.5, 0.502), (0.995, 1.0), (0.9, 0.905), (0.01, 0.02)])
@pytest.mark.parametrize("side", ["two_sided", "greater"])
def test_looks_right_after_one_another_have_orderly_p_values(information, side):
    look = GroupSequentialLook(0.05, information, spending=Pocock(), side=side)
    p_values = [look.p_value(z, 10, None) for z in np.linspace(0 if side == "two_sided" else -3, 6)]
    assert p_values == sorted(p_values, reverse=True)
    assert 0 < p_values[-1] < 1e-6
    assert p_values[0] > 0.9


def test_p_values_beyond_floats_are_zero():
    look = GroupSequentialLook(0.05, (0.5, 1.0))
    assert look.p_value(60.0, 10, None) == 0.0
    assert look.p_value(1e300, 10, 100.0) >= 0.0
    assert look.p_value(math.inf, 10, None) == 0.0


def test_degrees_of_freedom_widen_the_boundary_by_the_same_tail():
    look = GroupSequentialLook(0.05, (0.5, 1.0))
    assert stats.t.sf(look.critical(10, 12.0), 12.0) == pytest.approx(
        stats.norm.sf(look.critical(10, None)), rel=1e-9
    )


def test_the_boundary_of_a_look_does_not_depend_on_later_looks():
    information = (0.2, 0.45, 0.7, 1.0)
    whole = GroupSequentialLook(0.05, information).design.critical_values
    for look in range(1, 5):
        so_far = GroupSequentialLook(0.05, information[:look])
        assert so_far.critical(10, None) == pytest.approx(whole[look - 1], abs=1e-9)


def test_a_final_look_spends_all_that_is_left():
    early_end = GroupSequentialLook(0.05, (0.3, 0.6, 0.9), is_final=True)
    assert early_end.design.alpha_spent[-1] == pytest.approx(0.05, abs=1e-10)
    going_on = GroupSequentialLook(0.05, (0.3, 0.6, 0.9))
    assert early_end.critical(10, None) < going_on.critical(10, None)


def test_an_overrun_plan_spends_all_at_its_last_look():
    look = GroupSequentialLook(0.05, (0.4, 0.8, 1.07))
    assert look.design.alpha_spent[-1] == pytest.approx(0.05, abs=1e-10)
    after = GroupSequentialLook(0.05, (0.4, 0.8, 1.07, 1.2))
    assert after.critical(10, None) == math.inf
    assert after.critical(10, 50.0) == math.inf
    assert after.p_value(9.0, 10, None) == 1.0


def test_missed_and_added_looks_keep_the_error_rate():
    rng = np.random.default_rng(7)
    planned = np.arange(1, 15) / 14
    missed = np.delete(planned, [2, 3, 9])
    added = np.sort(np.append(planned, [0.333, 0.8]))
    for times in (missed, added):
        bounds = GroupSequentialLook(0.05, tuple(times)).design.critical_values
        steps = np.diff(times, prepend=0.0)
        z = np.cumsum(rng.standard_normal((40_000, times.size)) * np.sqrt(steps), axis=1)
        assert 0.0435 <= (np.abs(z / np.sqrt(times)) > bounds).any(axis=1).mean() <= 0.0565


def test_repeated_intervals_cover_at_all_looks_together():
    rng = np.random.default_rng(8)
    times = np.arange(1, 11) / 10
    drift = 2.0
    steps = np.diff(times, prepend=0.0)
    paths = np.cumsum(rng.standard_normal((40_000, 10)) * np.sqrt(steps) + drift * steps, axis=1)
    bounds = np.array(GroupSequentialLook(0.05, tuple(times)).design.critical_values)
    errors = np.abs(paths - drift * times) / np.sqrt(times) > bounds
    assert errors.any(axis=1).mean() == pytest.approx(0.05, abs=0.0065)


def test_it_plugs_into_the_comparisons():
    rng = np.random.default_rng(3)
    control = Moments.from_array(rng.normal(10, 3, 400))
    variant = Moments.from_array(rng.normal(10.9, 3, 400))
    look = GroupSequentialLook(0.05, (0.25, 0.5))
    effect = compare_means(control, variant, boundary=look)
    assert effect.boundary == "group_sequential"
    assert effect.is_significant
    assert not effect.difference_interval.contains(0.0)
    strict = GroupSequentialLook(0.05, (0.25, 0.5), min_units_per_arm=401)
    assert isinstance(compare_means(control, variant, boundary=strict), NotEnoughData)


def test_twenty_looks_take_milliseconds():
    information = tuple(look / 20.3 for look in range(1, 21))
    spending_bounds(information[:3], Pocock(), math.log(0.02), two_sided=True)  # warm up
    start = time.perf_counter()
    spending_bounds(information, ObrienFleming(), math.log(0.02), two_sided=True)
    assert time.perf_counter() - start < 0.25  # about 0.005 on an idle machine


@pytest.mark.parametrize(
    ("alpha", "information", "options"),
    [
        (0.0, (1.0,), {}),
        (1.0, (1.0,), {}),
        (0.6, (1.0,), {"side": "greater"}),
        (0.05, (), {}),
        (0.05, (0.5, 0.4), {}),
        (0.05, tuple(range(1, 62)), {}),
        (0.05, (1.0,), {"side": "both"}),
        (0.05, (1.0,), {"min_units_per_arm": 1}),
    ],
)
def test_bad_input_is_an_error(alpha, information, options):
    with pytest.raises(ValueError, match=r"alpha|information|look|side|min_units"):
        GroupSequentialLook(alpha, information, **options)
