from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.boundaries import AlwaysValid, FixedHorizon
from abtesting.statistics.means import compare_means
from abtesting.statistics.moments import Moments
from abtesting.statistics.types import Effect, NotEnoughData

FIXED = FixedHorizon(0.05)
samples = st.lists(st.integers(0, 500).map(float), min_size=2, max_size=40)


def compare(control, variant, boundary=FIXED):
    result = compare_means(
        Moments.from_array(control), Moments.from_array(variant), boundary=boundary
    )
    if isinstance(result, NotEnoughData):
        assume(result.code != "zero_variance")
    return result


@given(samples, samples)
def test_means_agree_with_scipy(control, variant):
    assume(len(set(control)) > 1 and len(set(variant)) > 1)  # scipy warns of equal values
    effect = compare(control, variant)
    expected = stats.ttest_ind(variant, control, equal_var=False)
    interval = expected.confidence_interval(0.95)
    assert effect.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert effect.difference_interval.lower == pytest.approx(interval.low, rel=1e-9, abs=1e-9)
    assert effect.difference_interval.upper == pytest.approx(interval.high, rel=1e-9, abs=1e-9)


@given(samples, samples)
def test_swapping_the_arms_mirrors_the_difference(control, variant):
    effect, swapped = compare(control, variant), compare(variant, control)
    assert swapped.difference == -effect.difference
    assert swapped.p_value == pytest.approx(effect.p_value, rel=1e-12)
    assert swapped.difference_interval.lower == pytest.approx(-effect.difference_interval.upper)


@given(samples, samples)
def test_another_currency_changes_no_p_value_and_no_lift(control, variant):
    assume(sum(control) > 0)
    effect = compare(control, variant)
    cents = compare([x * 128 for x in control], [x * 128 for x in variant])
    assert cents.p_value == pytest.approx(effect.p_value, rel=1e-9)
    assert cents.difference == pytest.approx(128 * effect.difference)
    assert cents.lift == pytest.approx(effect.lift)
    assert cents.lift_interval.lower == pytest.approx(effect.lift_interval.lower, rel=1e-6)
    assert cents.lift_interval.upper == pytest.approx(effect.lift_interval.upper, rel=1e-6)


@given(samples, samples)
def test_a_common_offset_changes_neither_p_value_nor_difference(control, variant):
    effect = compare(control, variant)
    far = compare([x + 1e9 for x in control], [x + 1e9 for x in variant])
    assert far.p_value == pytest.approx(effect.p_value, rel=1e-6)
    assert far.difference_interval.lower == pytest.approx(
        effect.difference_interval.lower, rel=1e-6, abs=1e-6
    )


@given(samples, samples)
def test_losses_mirror_gains(control, variant):
    assume(sum(control) > 0)
    gains = compare(control, variant)
    losses = compare([-x for x in control], [-x for x in variant])
    assert losses.lift == -gains.lift
    assert losses.lift_interval.lower == pytest.approx(-gains.lift_interval.upper)
    assert losses.lift_interval.upper == pytest.approx(-gains.lift_interval.lower)


@given(samples, samples, st.floats(1, 100))
def test_a_larger_variant_moves_everything_up(control, variant, gain):
    before, after = compare(control, variant), compare(control, [x + gain for x in variant])
    assert after.difference_interval.lower > before.difference_interval.lower
    assert after.difference_interval.upper > before.difference_interval.upper


@given(samples, samples)
def test_the_lift_interval_holds_the_lift(control, variant):
    assume(sum(control) > 0)
    effect = compare(control, variant)
    assert effect.lift_interval.lower <= effect.lift + 1e-9
    assert effect.lift <= effect.lift_interval.upper + 1e-9


@pytest.mark.parametrize("value", [0.0, 2e-311])
def test_a_control_value_of_zero_has_no_lift(value):
    effect = compare([value] * 50, [0.0] * 40 + [12.0] * 10)
    assert effect.lift is None
    assert effect.lift_interval is None
    assert effect.p_value < 0.05
    assert effect.difference_interval.lower > 0


def test_one_arm_of_equal_units_still_gives_a_result():
    effect = compare([3.0] * 20, [2.0, 3.0, 4.0, 5.0, 6.0] * 4)
    expected = stats.ttest_1samp([2.0, 3.0, 4.0, 5.0, 6.0] * 4, 3.0)
    assert effect.p_value == pytest.approx(expected.pvalue)


@pytest.mark.parametrize("variant", [7.0, 8.0])
def test_equal_units_in_both_arms_give_no_result(variant):
    result = compare_means(
        Moments.constant(100, [7.0]), Moments.constant(100, [variant]), boundary=FIXED
    )
    assert isinstance(result, NotEnoughData)
    assert result.code == "zero_variance"


@pytest.mark.parametrize(("n_c", "n_t"), [(0, 10), (10, 1), (0, 0)])
def test_fewer_than_two_units_give_no_result(n_c, n_t):
    rng = np.random.default_rng(1)
    result = compare_means(
        Moments.from_array(rng.normal(size=n_c)),
        Moments.from_array(rng.normal(size=n_t)),
        boundary=FIXED,
    )
    assert isinstance(result, NotEnoughData)
    assert result.code == "too_few_units"


def test_always_valid_results_start_at_the_first_look():
    boundary = AlwaysValid(0.05, 5000)
    sample = np.random.default_rng(2).normal(10, 2, 500)
    early = compare_means(
        Moments.from_array(sample[1:]), Moments.from_array(sample), boundary=boundary
    )
    assert isinstance(early, NotEnoughData)
    assert "499" in early.detail
    assert "500" in early.detail
    assert isinstance(compare(sample, sample, boundary), Effect)


@pytest.mark.parametrize("scale", [1e-140, 1e140])
def test_extreme_units_stay_finite(scale):
    sample = np.array([1.0, 2.0, 3.0, 4.0, 7.0])
    effect = compare(sample * scale, sample[::-1] * scale * 1.5)
    plain = compare(sample, sample[::-1] * 1.5)
    assert effect.p_value == pytest.approx(plain.p_value, rel=1e-6)
    assert math.isfinite(effect.difference_interval.lower)
    assert effect.lift_interval.lower == pytest.approx(plain.lift_interval.lower, rel=1e-6)
