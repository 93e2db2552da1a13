from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtesting.statistics.boundaries import AlwaysValid
from abtesting.statistics.sequential.e_values import (
    average_e_values,
    e_to_p,
    log_e_value,
    multiply_e_values,
    running_p_values,
)

sides = st.sampled_from(["two_sided", "greater", "less"])


@given(sides, st.floats(-12, 12), st.integers(1, 10**7))
def test_the_e_value_is_what_the_p_value_of_the_boundary_rests_on(side, z, num_units):
    boundary = AlwaysValid(0.05, 10_000, side=side)
    expected = boundary.p_value(z, num_units, None)
    found = math.exp(-max(log_e_value(z, num_units, boundary), 0.0))
    assert found == pytest.approx(expected, rel=1e-9)


def test_evidence_beyond_floats_stays_in_logs():
    boundary = AlwaysValid(0.05, 10_000)
    assert log_e_value(100.0, 10_000, boundary) > 4000
    assert log_e_value(-3.0, 10_000, AlwaysValid(0.05, 100, side="greater")) == -math.inf


def test_e_values_are_one_on_average():
    rng = np.random.default_rng(1)
    boundary = AlwaysValid(0.05, 1000)
    e_values = [math.exp(log_e_value(z, 100, boundary)) for z in rng.standard_normal(40_000)]
    assert np.mean(e_values) == pytest.approx(1.0, abs=0.03)


@given(st.lists(st.floats(0.001, 1000), min_size=1, max_size=20))
def test_products_and_averages(e_values):
    assert multiply_e_values(e_values) == pytest.approx(math.prod(e_values), rel=1e-9)
    assert min(e_values) <= average_e_values(e_values) * (1 + 1e-12)
    assert average_e_values(e_values) <= max(e_values) * (1 + 1e-12)
    p_values = running_p_values(e_values)
    assert p_values == sorted(p_values, reverse=True)
    assert p_values[-1] == e_to_p(max(e_values))


def test_weights_are_fixed_shares():
    assert average_e_values([10.0, 1.0], [0.25, 0.75]) == 3.25
    assert average_e_values([math.inf, 1.0], [0.0, 1.0]) == 1.0
    with pytest.raises(ValueError, match="sum to 1"):
        average_e_values([1.0, 2.0], [0.5, 0.6])
    with pytest.raises(ValueError, match=r"weights\[0\] is -0.5"):
        average_e_values([1.0, 2.0], [-0.5, 1.5])
    with pytest.raises(ValueError, match="weights"):
        average_e_values([1.0, 2.0], [1.0])


def test_products_leave_the_float_range_upwards_only():
    assert multiply_e_values([1e200, 1e200]) == math.inf
    assert multiply_e_values([1e200, 0.0]) == 0.0


def test_e_to_p_ends():
    assert e_to_p(0.0) == 1.0
    assert e_to_p(math.inf) == 0.0
    assert running_p_values([]) == []


@pytest.mark.parametrize("e_values", [[], [-1.0], [math.nan]])
def test_bad_e_values_are_errors(e_values):
    for combine in (multiply_e_values, average_e_values):
        with pytest.raises(ValueError, match=r"e.values?"):
            combine(e_values)


def test_bad_input_is_an_error():
    boundary = AlwaysValid(0.05, 100)
    with pytest.raises(ValueError, match="z is nan"):
        log_e_value(math.nan, 10, boundary)
    with pytest.raises(ValueError, match="num_units"):
        log_e_value(1.0, 0, boundary)
    with pytest.raises(ValueError, match="e_values"):
        e_to_p(-0.1)
