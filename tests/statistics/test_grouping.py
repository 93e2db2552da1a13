from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtesting.statistics.grouping import moments_by_group
from abtesting.statistics.moments import Moments


def same(found, expected, thirds=True):
    assert found.n == expected.n
    assert found.means == pytest.approx(expected.means, rel=1e-13, abs=1e-12)
    scale = max((expected.comoments[i][i] for i in range(len(expected.means))), default=0.0)
    for row, other in zip(found.comoments, expected.comoments, strict=True):
        assert row == pytest.approx(other, rel=1e-10, abs=1e-11 * scale)
    if thirds:
        assert found.thirds == pytest.approx(expected.thirds, rel=1e-7, abs=1e-9 * scale**1.5)


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.floats(-1e3, 1e3), st.floats(0, 50)),
        min_size=0,
        max_size=60,
    )
)
def test_groups_are_those_of_masks(rows):
    groups = np.array([row[0] for row in rows], dtype=np.int64)
    values = np.array([row[1:] for row in rows], dtype=float).reshape(len(rows), 2)
    found = moments_by_group(values, groups, num_groups=4, thirds=True)
    assert len(found) == 4
    for group, moments in enumerate(found):
        same(moments, Moments.from_array(values[groups == group]))


@pytest.mark.parametrize("offset", [0.0, 1e9])
def test_many_blocks_keep_their_digits(offset):
    rng = np.random.default_rng(3)
    values = np.round(rng.gamma(0.3, 30.0, (200_000, 3)) * 16) / 16
    groups = rng.choice(3, 200_000, p=[0.899, 0.1, 0.001])
    found = moments_by_group(values + offset, groups, thirds=True)
    for group, moments in enumerate(found):
        expected = Moments.from_array(values[groups == group])
        assert moments.n == expected.n
        assert np.array(moments.comoments) == pytest.approx(
            np.array(expected.comoments), rel=1e-7 if offset else 1e-12
        )
        assert moments.thirds == pytest.approx(expected.thirds, rel=1e-5 if offset else 1e-10)


def test_a_first_value_far_from_all_others_costs_no_digits():
    rng = np.random.default_rng(4)
    values = rng.normal(0, 1, 100_000)
    values[0] = 1e9  # alone in its group's first block
    groups = np.zeros(100_000, dtype=int)
    groups[1:70_000] = 1
    found = moments_by_group(values, groups)[0]
    expected = Moments.from_array(values[groups == 0])
    assert found.variance == pytest.approx(expected.variance, rel=1e-12)
    rest = moments_by_group(values[1:], groups[1:])[0]
    assert rest.variance == pytest.approx(np.var(values[70_000:], ddof=1), rel=1e-12)


def test_equal_values_in_a_group_have_exactly_no_variance():
    values = np.where(np.arange(100_000) % 2, 0.1, np.arange(100_000) / 7)
    found = moments_by_group(values, np.arange(100_000) % 2)
    assert found[1].mean == 0.1
    assert found[1].variance == 0.0
    assert found[0].variance > 0


def test_truth_values_and_small_integers_are_groups_too():
    values = np.array([[1, 10], [2, 20], [3, 30], [5, 50]])
    by_flag = moments_by_group(values, np.array([True, False, True, False]))
    by_code = moments_by_group(values, np.array([1, 0, 1, 0], dtype=np.uint8))
    assert by_flag == by_code
    assert by_flag[1].means == (2.0, 20.0)


@pytest.mark.parametrize(
    ("values", "groups", "num_groups", "message"),
    [
        ([1.0, 2.0], [0], None, r"groups has shape \(1,\); it must be \(2,\)"),
        ([1.0, 2.0], [0, -1], None, "groups has -1; it must be at least 0"),
        ([1.0, 2.0], [0, 2], 2, "groups has 2; it must be below num_groups, 2"),
        ([1.0, 2.0], [0.0, 1.0], None, "groups has values of type float64"),
        ([1.0, math.nan], [0, 1], None, r"values\[:, 0\] has NaN or infinity"),
        ([[1.0, 2.0], [3.0, math.inf]], [0, 0], None, r"values\[:, 1\]"),
        (3.0, [], None, "values has 0 dimensions"),
    ],
)
def test_bad_tables_are_refused(values, groups, num_groups, message):
    with pytest.raises(ValueError, match=message):
        moments_by_group(values, groups, num_groups=num_groups)
