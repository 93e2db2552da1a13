from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.boundaries import FixedHorizon
from abtesting.statistics.means import compare_means
from abtesting.statistics.moments import Moments
from abtesting.statistics.robust.outliers import (
    cap_sensitivity,
    compare_capped,
    compare_trimmed,
    compare_winsorised,
    pooled_cap,
    winsorise_top,
)
from abtesting.statistics.types import NotEnoughData
from tests.known_answers import cases, close

FIXED = FixedHorizon(0.05)
samples = st.integers(0, 10_000).map(
    lambda seed: np.random.default_rng(seed).lognormal(3, 1.2, 20 + seed % 60)
)


def statistic(effect):
    return effect.difference / effect.standard_error


@cases("outliers", "winsorised_mean")
def test_three_ways_with_outliers(case):
    arms = case["inputs"]["control"], case["inputs"]["treatment"]
    expected, near = case["expected"], close(case)
    trimmed = compare_trimmed(*arms, share=0.1, boundary=FIXED)
    assert statistic(trimmed) == pytest.approx(expected["yuen_t"], **near)
    assert trimmed.p_value == pytest.approx(expected["yuen_p"], **near)
    half = (trimmed.difference_interval.upper - trimmed.difference) / trimmed.standard_error
    quantile = stats.t.isf(0.025, expected["yuen_df"])
    assert half == pytest.approx(quantile, rel=1e-9)
    winsorised = compare_winsorised(*arms, share=0.05, boundary=FIXED)
    means = [winsorised.control_value, winsorised.variant_value]
    assert means == pytest.approx(expected["winsor_means"], **near)
    assert statistic(winsorised) == pytest.approx(expected["winsor_t"], **near)
    assert winsorised.p_value == pytest.approx(expected["winsor_p"], **near)
    capped = compare_capped(*arms, quantile=0.95, boundary=FIXED)
    assert capped.cap == pytest.approx(expected["pooled_cap"], **near)
    means = [capped.effect.control_value, capped.effect.variant_value]
    assert means == pytest.approx(expected["pooled_means"], **near)
    assert statistic(capped.effect) == pytest.approx(expected["pooled_t"], **near)
    assert capped.effect.p_value == pytest.approx(expected["pooled_p"], **near)


@given(samples, samples, st.floats(0, 0.45))
def test_trimmed_is_yuens_test(control, variant, share):
    found = compare_trimmed(control, variant, share=share, boundary=FIXED)
    expected = stats.ttest_ind(variant, control, equal_var=False, trim=share)
    assert statistic(found) == pytest.approx(expected.statistic, rel=1e-8)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-7)
    assert found.control_value == pytest.approx(stats.trim_mean(control, share))


@given(samples, st.floats(0, 0.9))
def test_winsorising_is_that_of_scipy(values, share):
    expected = stats.mstats.winsorize(values, limits=(0, share))
    assert winsorise_top(values, share=share).tolist() == np.asarray(expected).tolist()


@given(samples, samples, st.floats(0.5, 0.999))
def test_cap_does_not_know_the_arms(control, variant, quantile):
    result = compare_capped(control, variant, quantile=quantile, boundary=FIXED)
    swapped = compare_capped(variant, control, quantile=quantile, boundary=FIXED)
    assert swapped.cap == result.cap == pooled_cap([variant, control], quantile=quantile)
    assert swapped.effect.p_value == pytest.approx(result.effect.p_value)
    assert swapped.effect.difference == pytest.approx(-result.effect.difference)
    assert (result.num_capped_control, result.num_capped_variant) == (
        np.count_nonzero(control > result.cap),
        np.count_nonzero(variant > result.cap),
    )


def test_without_a_share_nothing_changes():
    rng = np.random.default_rng(3)
    arms = rng.lognormal(size=40), rng.lognormal(size=50)
    plain = compare_means(*(Moments.from_array(arm) for arm in arms), boundary=FIXED)
    assert compare_winsorised(*arms, share=0.0, boundary=FIXED) == plain
    trimmed = compare_trimmed(*arms, share=0.0, boundary=FIXED)
    assert trimmed.p_value == pytest.approx(plain.p_value)


def test_sensitivity_shows_the_uncapped_beside_each_cap():
    rng = np.random.default_rng(5)
    control = rng.lognormal(3, 1, 800)
    variant = np.append(rng.lognormal(3, 1, 799), 50_000.0)
    result = cap_sensitivity(control, variant, quantiles=[0.9, 0.99, 0.999], boundary=FIXED)
    assert [capped.quantile for capped in result.capped] == [0.9, 0.99, 0.999]
    caps = [capped.cap for capped in result.capped]
    assert caps == sorted(caps)
    assert result.uncapped.difference > 10 * abs(result.capped[1].effect.difference)
    alone = compare_capped(control, variant, quantile=0.99, boundary=FIXED)
    assert result.capped[1] == alone


def test_a_cap_of_sparse_values_is_one_of_the_values():
    control = np.array([0.0] * 990 + [20.0] * 9 + [500.0])
    variant = np.array([0.0] * 988 + [25.0] * 12)
    everybody = compare_capped(control, variant, quantile=0.95, boundary=FIXED)
    assert everybody.cap == 0
    assert isinstance(everybody.effect, NotEnoughData)
    buyers = compare_capped(control, variant, quantile=0.95, boundary=FIXED, nonzero=True)
    assert 20 < buyers.cap < 500
    assert buyers.num_capped_control == 1


def test_trimming_down_to_nothing_gives_no_result():
    result = compare_trimmed([1.0, 2.0, 3.0, 9.0], [1.0, 5.0], share=0.45, boundary=FIXED)
    assert not isinstance(result, NotEnoughData)
    result = compare_trimmed([1.0, 2.0, 3.0], [1.0, 5.0, 7.0], share=0.4, boundary=FIXED)
    assert result.code == "too_few_units"


@pytest.mark.parametrize("quantile", [0.0, 1.0, math.nan])
def test_bad_quantiles_are_refused(quantile):
    with pytest.raises(ValueError, match="quantile is"):
        compare_capped([1.0, 2.0], [3.0, 4.0], quantile=quantile, boundary=FIXED)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"share is 0\.5"):
        compare_trimmed([1.0, 2.0], [3.0, 4.0], share=0.5, boundary=FIXED)
    with pytest.raises(ValueError, match=r"share is 1\.0"):
        winsorise_top([1.0, 2.0], share=1.0)
    with pytest.raises(ValueError, match=r"control\[0\] is inf"):
        compare_winsorised([math.inf, 2.0], [3.0, 4.0], share=0.1, boundary=FIXED)
    with pytest.raises(ValueError, match="there are no values"):
        pooled_cap([[], []], quantile=0.5)
    with pytest.raises(ValueError, match="no values other than 0"):
        pooled_cap([[0.0], [0.0]], quantile=0.5, nonzero=True)
    assert winsorise_top([], share=0.1).shape == (0,)
