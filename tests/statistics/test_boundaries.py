from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.boundaries import AlwaysValid, FixedHorizon

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
