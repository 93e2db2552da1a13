from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.srm import SrmResult, srm_test
from abtesting.statistics.types import NotEnoughData


@given(st.lists(st.tuples(st.integers(50, 10**6), st.floats(0.5, 2)), min_size=2, max_size=6))
def test_agrees_with_scipy(arms):
    observed, weights = zip(*arms, strict=True)
    result = srm_test(observed, weights)
    expected = stats.chisquare(observed, np.array(weights) / sum(weights) * sum(observed))
    assert result.statistic == pytest.approx(expected.statistic, rel=1e-9, abs=1e-9)
    assert result.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert result.expected == pytest.approx(np.array(weights) / sum(weights) * sum(observed))


def test_weights_of_any_sum_are_shares():
    assert srm_test([520, 480], [50, 50]) == srm_test([520, 480], [0.5, 0.5])


def test_an_arm_with_weight_0_counts_neither_as_an_arm_nor_in_the_total():
    with_it = srm_test([10_500, 9_900, 0], [0.5, 0.5, 0.0])
    without = srm_test([10_500, 9_900], [0.5, 0.5])
    assert with_it.df == without.df == 1
    assert with_it.p_value == without.p_value
    assert with_it.expected == (10_200.0, 10_200.0, 0.0)


def test_units_in_an_arm_with_weight_0_are_reported():
    result = srm_test([10_000, 7, 10_000], [1, 0, 1])
    assert result.leaked_units == 7
    assert result.p_value == 1.0


def test_one_arm_with_a_weight_gives_no_result():
    result = srm_test([100, 3], [1, 0])
    assert isinstance(result, NotEnoughData)
    assert result.code == "one_arm"


def test_few_expected_units_give_no_result():
    assert isinstance(srm_test([9, 0], [1, 1]), NotEnoughData)
    assert isinstance(srm_test([10, 0], [1, 1]), SrmResult)
    result = srm_test([90, 2], [0.96, 0.04])
    assert isinstance(result, NotEnoughData)
    assert result.code == "too_few_units"


def test_a_huge_mismatch_keeps_a_p_value_above_zero():
    result = srm_test([10_000, 8_000], [1, 1])
    assert 0 < result.p_value < 1e-40


def test_counts_of_a_million_million():
    result = srm_test([10**12, 10**12 + 4 * 10**6], [1, 1])
    assert result.statistic == pytest.approx(8.0, rel=1e-5)


@pytest.mark.parametrize(
    ("observed", "weights", "message"),
    [
        ([1, 2], [1], "observed has 2 arms and weights 1"),
        ([-1, 2], [1, 1], r"observed\[0\] is -1"),
        ([1.5, 2], [1, 1], r"observed\[0\] is 1.5"),
        ([1, 2], [1, -1], r"weights\[1\] is -1"),
        ([1, 2], [1, math.nan], r"weights\[1\] is nan"),
        ([1, 2], [1, math.inf], r"weights\[1\] is inf"),
        ([1, 2], [0, 0], "at least one must be above 0"),
    ],
)
def test_bad_input_is_refused(observed, weights, message):
    with pytest.raises(ValueError, match=message):
        srm_test(observed, weights)
