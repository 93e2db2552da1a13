from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtesting.statistics.moments import Counts, Moments

values = st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 3)), min_size=0, max_size=30)


def close(first, second, scale=1.0):
    assert first.n == second.n
    assert first.means == pytest.approx(second.means, rel=1e-12, abs=1e-9)
    for row, other in zip(first.comoments, second.comoments, strict=True):
        assert row == pytest.approx(other, rel=1e-9, abs=1e-9 * scale)


@given(values, values, values)
def test_merging_parts_gives_the_moments_of_the_pooled_units(a, b, c):
    pooled = Moments.from_array(np.array(a + b + c))
    merged = sum((Moments.from_array(np.array(part)) for part in (a, b, c)), Moments.zero())
    close(merged, pooled, scale=max([abs(x) for x in a + b + c], default=1.0) ** 2 + 1)


@given(st.lists(st.tuples(st.integers(-1000, 1000), st.integers(0, 50)), min_size=2, max_size=30))
def test_merging_keeps_the_covariance_of_the_pooled_units(rows):
    half = len(rows) // 2
    merged = Moments.from_array(rows[:half]) + Moments.from_array(rows[half:])
    expected = np.cov(np.array(rows, dtype=float).T)
    assert merged.covariance(0, 1) == pytest.approx(expected[0, 1], rel=1e-9, abs=1e-9)
    assert merged.covariance(1, 1) == pytest.approx(expected[1, 1], rel=1e-9, abs=1e-9)


@given(values, values)
def test_merging_gives_the_same_in_either_order(a, b):
    first, second = Moments.from_array(np.array(a)), Moments.from_array(np.array(b))
    assert first + second == second + first


@given(values)
def test_merging_no_units_changes_nothing(a):
    moments = Moments.from_array(np.array(a))
    assert moments + Moments.zero() == moments


@given(values)
def test_moments_survive_json(a):
    moments = Moments.from_array([[x, 2 * x + 1] for x in a] or np.empty((0, 2)))
    assert Moments.from_dict(json.loads(json.dumps(moments.as_dict()))) == moments


@pytest.mark.parametrize("offset", [1e6, 1e9, 1e12])
def test_variance_keeps_its_digits_far_from_zero(offset):
    rng = np.random.default_rng(7)
    small = np.round(rng.normal(0, 10, 5000) * 8) / 8  # exact in binary at every offset
    near, far = Moments.from_array(small), Moments.from_array(small + offset)
    assert far.variance == pytest.approx(near.variance, rel=1e-12)


def test_merging_a_thousand_parts_keeps_the_digits_far_from_zero():
    rng = np.random.default_rng(8)
    parts = 1e9 + np.round(rng.normal(0, 10, (1000, 7)) * 8) / 8
    merged = sum(map(Moments.from_array, rng.permutation(parts)), Moments.zero())
    assert merged.variance == pytest.approx(np.var(parts - 1e9, ddof=1), rel=1e-7)


@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3, 1e9 + 0.1])
def test_equal_values_have_exactly_no_variance(value):
    parts = [Moments.from_array([value] * n) for n in (3, 1, 7)]
    merged = parts[0] + parts[1] + parts[2]
    assert (merged.mean, merged.variance) == (value, 0.0)


def test_a_block_of_equal_units_needs_no_array():
    buyers = Moments.from_array([20.0, 35.0])
    everyone = buyers + Moments.constant(98, [0.0])
    close(everyone, Moments.from_array([20.0, 35.0] + [0.0] * 98))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, math.nan], r"values\[1\] is np.float64\(nan\)"),
        ([1.0, math.inf], r"values\[1\]"),
        ([[1.0, 2.0], [3.0, math.nan]], r"values\[1\]"),
        (3.0, "values has 0 dimensions"),
        ([1e200, -1e200], r"comoments\[0\]\[0\] is inf"),
    ],
)
def test_bad_values_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Moments.from_array(values)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"n": -1, "means": (0.0,), "comoments": ((0.0,),)}, "n is -1"),
        ({"n": 2.5, "means": (0.0,), "comoments": ((0.0,),)}, "n is 2.5"),
        ({"n": 2, "means": (), "comoments": ()}, "means is empty"),
        ({"n": 2, "means": (math.nan,), "comoments": ((0.0,),)}, r"means\[0\] is nan"),
        ({"n": 2, "means": (0.0,), "comoments": ((-1.0,),)}, r"comoments\[0\]\[0\] is -1.0"),
        ({"n": 2, "means": (0.0,), "comoments": ((0.0, 0.0),)}, "must be 1 rows of 1"),
        ({"n": 1, "means": (0.0,), "comoments": ((1.0,),)}, "with n = 1"),
        (
            {"n": 2, "means": (0.0, 0.0), "comoments": ((1.0, 0.5), (0.4, 1.0))},
            "must be equal",
        ),
    ],
)
def test_impossible_moments_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Moments(**fields)


@pytest.mark.parametrize(
    "data", [{}, {"n": 1, "means": None, "comoments": []}, {"n": 2, "means": ["x"], "comoments": 1}]
)
def test_a_dict_of_another_shape_is_refused(data):
    with pytest.raises(ValueError, match="they must have n"):
        Moments.from_dict(data)


def test_moments_of_different_columns_do_not_add():
    with pytest.raises(ValueError, match="1 and 2 columns"):
        Moments.zero(1) + Moments.zero(2)


def test_one_unit_has_no_variance():
    with pytest.raises(ValueError, match="at least 2 units"):
        _ = Moments.from_array([4.0]).variance


@pytest.mark.parametrize(
    ("num_units", "num_successes", "message"),
    [
        (10, 11, "num_successes is 11"),
        (-1, 0, "num_units is -1"),
        (10, -1, "num_successes is -1"),
        (10.0, 1, "num_units is 10.0"),
    ],
)
def test_impossible_counts_are_refused(num_units, num_successes, message):
    with pytest.raises(ValueError, match=message):
        Counts(num_units=num_units, num_successes=num_successes)


def test_counts_take_numpy_integers_and_add():
    total = Counts(num_units=np.int64(5), num_successes=np.int64(2)) + Counts(
        num_units=7, num_successes=0
    )
    assert total == Counts(num_units=12, num_successes=2)
    assert type(total.num_units) is int
