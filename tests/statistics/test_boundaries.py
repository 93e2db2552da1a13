from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.boundaries import AlwaysValid, FixedHorizon, of_side

alphas = st.floats(1e-6, 0.5)
sizes = st.integers(2, 10**9)


@given(alphas, sizes, st.floats(0, 30), st.none() | st.floats(1, 1e9))
def test_fixed_horizon_p_value_and_critical_value_agree(alpha, n, z, df):
    boundary = FixedHorizon(alpha)
    critical = boundary.critical(n, df)
    assume(abs(z - critical) > 1e-9 * critical)
    assert (boundary.p_value(z, n, df) < alpha) == (z > critical)


@given(alphas, sizes, sizes, st.floats(0, 30))
def test_always_valid_p_value_and_critical_value_agree(alpha, planned, n, z):
    boundary = AlwaysValid(alpha, planned)
    critical = boundary.critical(n, None)
    assume(abs(z - critical) > 1e-9 * critical)
    assert (boundary.p_value(z, n, None) < alpha) == (z > critical)


@given(alphas, alphas, sizes, sizes, st.floats(0, 30))
def test_one_mixture_gives_one_p_value_at_every_level(alpha, tuned, planned, n, z):
    boundary = AlwaysValid(alpha, planned, tuned_alpha=tuned)
    p_value, critical = boundary.p_value(z, n, None), boundary.critical(n, None)
    assert p_value == AlwaysValid(tuned, planned).p_value(z, n, None)
    assume(abs(z - critical) > 1e-9 * critical)
    assert (p_value < alpha) == (z > critical)


@given(alphas, sizes, sizes)
def test_a_mixture_is_tuned_to_the_level_unless_another_is_given(alpha, planned, n):
    usual = AlwaysValid(alpha, planned)
    same = AlwaysValid(alpha, planned, tuned_alpha=alpha)
    other = AlwaysValid(alpha, planned, tuned_alpha=alpha / 10)
    assert same.critical(n, None) == usual.critical(n, None)
    assert other.critical(n, None) != usual.critical(n, None)


@pytest.mark.parametrize(("alpha", "side"), [(0.0, "two_sided"), (1.0, "less"), (0.5, "greater")])
def test_a_tuned_level_outside_0_and_1_is_refused(alpha, side):
    with pytest.raises(ValueError, match="alpha is"):
        AlwaysValid(0.05, 100, side=side, tuned_alpha=alpha)


@given(alphas, sizes, sizes, st.none() | st.floats(10, 1e9))
def test_always_valid_is_wider_than_one_normal_look(alpha, planned, n, df):
    assert AlwaysValid(alpha, planned).critical(n, df) > FixedHorizon(alpha).critical(n, None)


@pytest.mark.parametrize("df", [1.0, 4.2, 30.0, 1e6])
@pytest.mark.parametrize("z", [0.0, 0.5, 1.96, 8.0, 30.0])
def test_fixed_horizon_p_value_keeps_its_digits_in_the_tail(df, z):
    p_value = FixedHorizon(0.05).p_value(-z, 100, df)
    assert math.log(p_value) == pytest.approx(math.log(2) + stats.t.logsf(z, df), rel=1e-9)


def test_normal_p_value_reaches_the_smallest_floats():
    p_value = FixedHorizon(0.05).p_value(37.0, 100, None)
    assert math.log(p_value) == pytest.approx(math.log(2) + stats.norm.logsf(37.0), rel=1e-12)
    assert 0 < p_value < 1e-298


def test_always_valid_is_tightest_at_the_plan():
    boundary = AlwaysValid(0.05, 20_000)
    sizes = np.geomspace(1_000, 400_000, 400).astype(int)
    # The width of the interval falls as 1 / sqrt(n); the boundary beside it is what is tuned.
    narrowest = min(sizes, key=lambda n: boundary.critical(int(n), None))
    assert narrowest == pytest.approx(20_000, rel=0.05)


@given(alphas, sizes, st.floats(0, 20), st.floats(0, 20))
def test_p_values_fall_as_the_estimate_moves_away_from_zero(alpha, n, z, more):
    for boundary in (FixedHorizon(alpha), AlwaysValid(alpha, 10_000)):
        assert boundary.p_value(z + more, n, None) <= boundary.p_value(z, n, None) <= 1


@pytest.mark.parametrize("alpha", [0, 1, -0.1, 5, math.nan])
def test_levels_outside_0_and_1_are_refused(alpha):
    with pytest.raises(ValueError, match="alpha is"):
        FixedHorizon(alpha)
    with pytest.raises(ValueError, match="alpha is"):
        AlwaysValid(alpha, 100)


def test_a_plan_without_units_is_refused():
    with pytest.raises(ValueError, match="planned_num_units is 0"):
        AlwaysValid(0.05, 0)


def test_a_first_look_without_a_variance_is_refused():
    with pytest.raises(ValueError, match="min_units_per_arm is 1"):
        AlwaysValid(0.05, 100, min_units_per_arm=1)


sides = st.sampled_from(["greater", "less"])
one_sided_alphas = st.floats(1e-6, 0.49)


def one_sided(alpha, side, planned):
    return (FixedHorizon(alpha, side), AlwaysValid(alpha, planned, side=side))


@given(one_sided_alphas, sides, sizes, sizes, st.floats(-30, 30))
def test_one_sided_p_value_and_critical_value_agree(alpha, side, planned, n, z):
    for boundary in one_sided(alpha, side, planned):
        critical = boundary.critical(n, None)
        assert critical > 0
        towards = z if side == "greater" else -z
        assume(abs(towards - critical) > 1e-9 * critical)
        assert (boundary.p_value(z, n, None) < alpha) == (towards > critical)


@given(one_sided_alphas, sizes, st.floats(-30, 30))
def test_the_two_sides_mirror_each_other(alpha, n, z):
    for greater, less in zip(
        one_sided(alpha, "greater", 5000), one_sided(alpha, "less", 5000), strict=True
    ):
        assert greater.critical(n, None) == less.critical(n, None)
        assert greater.p_value(z, n, None) == less.p_value(-z, n, None)


@given(st.floats(1e-6, 0.2), sizes)
def test_one_side_asks_for_less_than_two_at_the_same_error_rate(alpha, n):
    two = (FixedHorizon(alpha), AlwaysValid(alpha, n))
    for one, both in zip(one_sided(alpha, "greater", n), two, strict=True):
        assert one.critical(n, None) < both.critical(n, None)


def test_the_one_sided_e_value_is_below_that_of_the_half_normal_mixture():
    boundary = AlwaysValid(0.05, 10_000, side="greater")
    spread = 3_000 * boundary.rho_squared
    for z in (0.5, 2.0, 3.5, 8.0):
        u = z * math.sqrt(spread / (spread + 1))
        mixture = 2 / math.sqrt(1 + spread) * math.exp(u * u / 2) * stats.norm.cdf(u)
        e_value = 1 / boundary.p_value(z, 3_000, None)
        assert e_value <= max(mixture, 1.0)
        if z > 3:
            assert e_value == pytest.approx(mixture, rel=0.02)


def test_a_one_sided_p_value_reaches_far_out():
    boundary = AlwaysValid(0.05, 10_000, side="greater")
    assert 0 < boundary.p_value(37.0, 10_000, None) < 1e-250
    assert boundary.p_value(60.0, 10_000, None) == 0.0
    assert boundary.p_value(0.0, 10_000, None) == 1.0


def test_bad_sides_are_refused():
    with pytest.raises(ValueError, match="side is 'upper'; it must be one of two_sided"):
        FixedHorizon(0.05, "upper")
    with pytest.raises(ValueError, match="with one side it must be below"):
        AlwaysValid(0.6, 100, side="less")


def test_a_boundary_of_another_side_keeps_everything_else():
    boundary = AlwaysValid(0.05, 5000, min_units_per_arm=50)
    assert of_side(boundary, "less") == AlwaysValid(0.05, 5000, min_units_per_arm=50, side="less")
    assert of_side(boundary, "two_sided") is boundary
