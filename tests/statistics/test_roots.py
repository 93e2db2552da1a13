from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtesting.statistics.roots import bracket_root, find_root


@given(st.floats(-50, 50), st.floats(0.1, 10), st.sampled_from([1, 3, 5]))
def test_the_root_of_a_power_is_found(root, width, power):
    found = find_root(
        lambda x: (x - root) ** power, root - width, root + 2 * width, tolerance=1e-12
    )
    assert found == pytest.approx(root, abs=1e-3 if power > 1 else 1e-9)


@given(st.floats(-700, 700))
def test_a_steep_function_converges(log_scale):
    assert find_root(lambda x: math.expm1(min(x * 40, 700)), -3, 5) == pytest.approx(0, abs=1e-9)
    root = find_root(lambda x: math.tanh(x - log_scale), log_scale - 5, log_scale + 9)
    assert root == pytest.approx(log_scale, abs=1e-6)


def test_an_end_may_be_the_root():
    assert find_root(lambda x: x, 0, 1) == 0
    assert find_root(lambda x: x - 1, 0, 1) == 1


def test_equal_signs_are_an_error():
    with pytest.raises(ValueError, match="signs must differ"):
        find_root(lambda x: x * x + 1, -1, 1)
    with pytest.raises(ValueError, match="signs must differ"):
        find_root(lambda x: math.nan, -1, 1)


@given(st.floats(-1e6, 1e6), st.floats(-1e3, 1e3), st.floats(0.01, 10))
def test_a_bracket_holds_the_root(root, start, step):
    low, high = bracket_root(lambda x: x - root, start, step=step)
    assert low <= root <= high


def test_no_root_is_an_error():
    with pytest.raises(ValueError, match="no root"):
        bracket_root(lambda x: -1.0, 0.0, step=1.0)
