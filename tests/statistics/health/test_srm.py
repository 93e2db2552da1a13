from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.health.srm import SrmResult, srm_test
from abtesting.statistics.types import NotEnoughData
from tests.known_answers import cases, close


@cases("srm", "srm_chi_square")
def test_pearson_against_other_programs(case):
    result = srm_test(case["inputs"]["observed"], case["inputs"]["weights"])
    expected = case["expected"]
    assert result.statistic == pytest.approx(expected["chi2"], **close(case))
    assert result.p_value == pytest.approx(expected["p_value"], **close(case))
    assert result.df == expected.get("df", result.df)
    assert result.method == "chi_square"


@given(st.lists(st.tuples(st.integers(50, 10**6), st.floats(0.5, 2)), min_size=2, max_size=6))
def test_agrees_with_scipy(arms):
    observed, weights = zip(*arms, strict=True)
    result = srm_test(observed, weights)
    expected = stats.chisquare(observed, np.array(weights) / sum(weights) * sum(observed))
    assert result.statistic == pytest.approx(expected.statistic, rel=1e-9, abs=1e-9)
    assert result.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert result.expected == pytest.approx(np.array(weights) / sum(weights) * sum(observed))


@given(
    st.lists(st.tuples(st.integers(0, 40), st.floats(0.2, 5)), min_size=2, max_size=4),
    st.randoms(use_true_random=False),
)
def test_the_order_of_the_arms_plays_no_part(arms, random):
    shuffled = random.sample(arms, len(arms))
    first, second = (srm_test(*zip(*order, strict=True)) for order in (arms, shuffled))
    if isinstance(first, NotEnoughData):
        assert second.code == first.code
    else:
        assert first.method == second.method
        assert first.p_value == pytest.approx(second.p_value, rel=1e-6)


def test_weights_of_any_sum_are_shares():
    assert srm_test([520, 480], [50, 50]) == srm_test([520, 480], [0.5, 0.5])


def test_an_arm_with_weight_0_counts_neither_as_an_arm_nor_in_the_total():
    with_it = srm_test([10_500, 9_900, 0], [0.5, 0.5, 0.0])
    without = srm_test([10_500, 9_900], [0.5, 0.5])
    assert with_it.df == without.df == 1
    assert with_it.p_value == without.p_value
    assert with_it.expected == (10_200.0, 10_200.0, 0.0)
    assert with_it.arms == (*without.arms, None)


def test_units_in_an_arm_with_weight_0_are_a_mismatch_whatever_the_p_value():
    result = srm_test([10_000, 7, 10_000], [1, 0, 1])
    assert result.leaked_units == 7
    assert result.p_value == 1.0
    assert result.is_mismatch
    assert not srm_test([10_000, 0, 10_000], [1, 0, 1]).is_mismatch


def test_one_arm_with_a_weight_gives_no_result():
    result = srm_test([100, 3], [1, 0])
    assert isinstance(result, NotEnoughData)
    assert result.code == "one_arm"


def test_few_expected_units_are_tested_exactly():
    result = srm_test([9, 0], [1, 1])
    assert (result.method, result.p_value) == ("exact", pytest.approx(2 / 2**9))
    assert srm_test([10, 0], [1, 1]).method == "chi_square"
    two = srm_test([90, 2], [0.96, 0.04])
    assert two.p_value == pytest.approx(stats.binomtest(2, 92, 0.04).pvalue, rel=1e-9)
    assert srm_test([6, 2, 1], [2, 1, 1]).method == "exact"


@pytest.mark.parametrize(("observed", "weights"), [([2, 2], [1, 1]), ([0, 0], [1, 1]), ([1], [1])])
def test_units_of_which_no_split_is_unlikely_give_no_result(observed, weights):
    assert isinstance(srm_test(observed, weights), NotEnoughData)


def test_too_many_ways_to_list_give_an_upper_bound():
    observed, weights = [2_000, 1, 1, 9], [2_000, 1, 1, 1]
    result = srm_test(observed, weights)
    assert result.method == "exact_bound"
    singles = [
        stats.binomtest(k, sum(observed), w / sum(weights)).pvalue
        for k, w in zip(observed, weights, strict=True)
    ]
    assert result.p_value == pytest.approx(4 * min(singles), rel=1e-8)


def test_the_bound_is_above_the_exact_value(monkeypatch):
    observed, weights = [8, 9, 1], [1, 1, 0.4]
    exact = srm_test(observed, weights)
    monkeypatch.setattr("abtesting.statistics.health.srm_exact.MAX_OUTCOMES", 10)
    bound = srm_test(observed, weights)
    assert (exact.method, bound.method) == ("exact", "exact_bound")
    assert bound.p_value >= exact.p_value


def test_the_arm_that_is_off_is_named_first():
    result = srm_test([10_000, 10_050, 9_300, 10_020], [1, 1, 1, 1])
    assert result.off_arms[0] == 2
    assert result.arms[2].excess == pytest.approx(-542.5)
    assert srm_test([10_000, 10_050, 9_980], [1, 1, 1]).off_arms == ()


def test_with_two_arms_each_arm_says_what_the_whole_says():
    result = srm_test([10_000, 10_420], [1, 1])
    for arm in result.arms:
        assert arm.adjusted_p_value == arm.p_value == pytest.approx(result.p_value, rel=1e-9)


def test_single_arms_are_adjusted_by_holm():
    result = srm_test([1_000, 1_100, 900], [1, 1, 1])
    raw = [arm.p_value for arm in result.arms]
    assert min(arm.adjusted_p_value for arm in result.arms) == pytest.approx(3 * min(raw))


def test_a_huge_mismatch_keeps_a_p_value_above_zero():
    result = srm_test([10_000, 8_000], [1, 1])
    assert 0 < result.p_value < 1e-40
    assert 0 < srm_test([10_000, 5_500], [1, 1]).p_value < 1e-280


def test_counts_of_a_million_million():
    result = srm_test([10**12, 10**12 + 4 * 10**6], [1, 1])
    assert result.statistic == pytest.approx(8.0, rel=1e-5)


def test_false_alarms_with_few_units_stay_below_the_level():
    rng = np.random.default_rng(11)
    draws = rng.multinomial(12, [0.6, 0.25, 0.15], 500)
    alarms = [srm_test(draw.tolist(), [60, 25, 15]).p_value < 0.05 for draw in draws]
    assert np.mean(alarms) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 500)


def test_the_level_is_kept_with_the_result():
    result = srm_test([5_000, 5_200], [1, 1], alpha=0.05)
    assert (result.is_mismatch, result.alpha) == (True, 0.05)
    assert not srm_test([5_000, 5_200], [1, 1]).is_mismatch
    assert isinstance(result, SrmResult)


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
    with pytest.raises(ValueError, match="alpha is 0"):
        srm_test([1, 2], [1, 1], alpha=0)


@pytest.mark.parametrize(
    ("observed", "detail"),
    [
        ([0, 0], "0 units in all arms together can't show shares"),
        ([1, 0], "1 unit in all arms together can't show shares"),
    ],
)
def test_without_two_units_there_is_nothing_to_say_of_shares(observed, detail):
    assert srm_test(observed, [1, 1]).detail == detail
