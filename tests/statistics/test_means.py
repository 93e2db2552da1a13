from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.boundaries import AlwaysValid, FixedHorizon
from abtesting.statistics.fieller import lift_interval
from abtesting.statistics.means import (
    Estimate,
    compare_estimates,
    compare_means,
    compare_means_pooled,
    satterthwaite,
)
from abtesting.statistics.moments import Moments
from abtesting.statistics.types import Effect, NotEnoughData
from tests.known_answers import cases, close

FIXED = FixedHorizon(0.05)
samples = st.lists(st.integers(0, 500).map(float), min_size=2, max_size=40)


def compare(control, variant, boundary=FIXED):
    result = compare_means(
        Moments.from_array(control), Moments.from_array(variant), boundary=boundary
    )
    if isinstance(result, NotEnoughData):
        assume(result.code != "zero_variance")
    return result


def compared(*args):
    """The effect of drawn samples; a lone large value in unequal arms has to wait for more."""
    effect = compare(*args)
    assume(isinstance(effect, Effect))
    return effect


@given(samples, samples)
def test_means_agree_with_scipy(control, variant):
    assume(len(set(control)) > 1 and len(set(variant)) > 1)  # scipy warns of equal values
    effect = compared(control, variant)
    expected = stats.ttest_ind(variant, control, equal_var=False)
    interval = expected.confidence_interval(0.95)
    assert effect.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert effect.difference_interval.lower == pytest.approx(interval.low, rel=1e-9, abs=1e-9)
    assert effect.difference_interval.upper == pytest.approx(interval.high, rel=1e-9, abs=1e-9)


@given(samples, samples)
def test_swapping_the_arms_mirrors_the_difference(control, variant):
    effect, swapped = compared(control, variant), compared(variant, control)
    assert swapped.difference == -effect.difference
    assert swapped.p_value == pytest.approx(effect.p_value, rel=1e-12)
    assert swapped.difference_interval.lower == pytest.approx(-effect.difference_interval.upper)


@given(samples, samples)
def test_another_currency_changes_no_p_value_and_no_lift(control, variant):
    assume(sum(control) > 0)
    effect = compared(control, variant)
    cents = compared([x * 128 for x in control], [x * 128 for x in variant])
    assert cents.p_value == pytest.approx(effect.p_value, rel=1e-9)
    assert cents.difference == pytest.approx(128 * effect.difference)
    assert cents.lift == pytest.approx(effect.lift)
    assert cents.lift_interval.lower == pytest.approx(effect.lift_interval.lower, rel=1e-6)
    assert cents.lift_interval.upper == pytest.approx(effect.lift_interval.upper, rel=1e-6)


@given(samples, samples)
def test_a_common_offset_changes_neither_p_value_nor_difference(control, variant):
    effect = compared(control, variant)
    far = compared([x + 1e9 for x in control], [x + 1e9 for x in variant])
    assert far.p_value == pytest.approx(effect.p_value, rel=1e-6)
    assert far.difference_interval.lower == pytest.approx(
        effect.difference_interval.lower, rel=1e-6, abs=1e-6
    )


@given(samples, samples)
def test_losses_mirror_gains(control, variant):
    assume(sum(control) > 0)
    gains = compared(control, variant)
    losses = compared([-x for x in control], [-x for x in variant])
    assert losses.lift == -gains.lift
    assert losses.lift_interval.lower == pytest.approx(-gains.lift_interval.upper)
    assert losses.lift_interval.upper == pytest.approx(-gains.lift_interval.lower)


@given(samples, samples, st.floats(1, 100))
def test_a_larger_variant_moves_everything_up(control, variant, gain):
    before, after = compared(control, variant), compared(control, [x + gain for x in variant])
    assert after.difference_interval.lower > before.difference_interval.lower
    assert after.difference_interval.upper > before.difference_interval.upper


@given(samples, samples)
def test_the_lift_interval_holds_the_lift(control, variant):
    assume(sum(control) > 0)
    effect = compared(control, variant)
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


def ends(interval):
    return [interval.lower, interval.upper]


@given(samples, samples, st.sampled_from(["greater", "less"]))
def test_one_sided_means_agree_with_scipy(control, variant, side):
    assume(len(set(control)) > 1 and len(set(variant)) > 1)
    effect = compared(control, variant, FixedHorizon(0.05, side))
    expected = stats.ttest_ind(variant, control, equal_var=False, alternative=side)
    interval = expected.confidence_interval(0.95)
    assert effect.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert ends(effect.difference_interval) == pytest.approx(
        [interval.low, interval.high], rel=1e-9, abs=1e-9
    )
    assert effect.side == side


@given(samples, samples)
def test_pooled_means_agree_with_scipy(control, variant):
    assume(len(set(control)) > 1 and len(set(variant)) > 1)
    # Without their third moments: scipy knows no values that are too skewed to be read.
    effect = compare_means_pooled(
        *(replace(Moments.from_array(x), thirds=None) for x in (control, variant)), boundary=FIXED
    )
    expected = stats.ttest_ind(variant, control)
    interval = expected.confidence_interval(0.95)
    assert effect.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert ends(effect.difference_interval) == pytest.approx(
        [interval.low, interval.high], rel=1e-9, abs=1e-9
    )


def test_paired_estimates_use_their_covariance():
    rng = np.random.default_rng(4)
    before = rng.normal(10, 3, 400)
    after = before + rng.normal(0.2, 1, 400)
    variances = np.cov(before, after) / 400
    effect = compare_estimates(
        Estimate(value=before.mean(), variance=variances[0, 0], num_units=400, df=math.inf),
        Estimate(value=after.mean(), variance=variances[1, 1], num_units=400, df=math.inf),
        boundary=FIXED,
        method="paired",
        covariance=variances[0, 1],
    )
    expected = stats.ttest_rel(after, before)
    assert effect.difference / effect.standard_error == pytest.approx(expected.statistic)
    assert effect.p_value == pytest.approx(2 * stats.norm.sf(abs(expected.statistic)))


def test_degrees_of_freedom_given_with_an_estimate_are_used():
    few = Estimate(value=1.0, variance=0.02, num_units=5000, df=4.0)
    exact = Estimate(value=0.5, variance=0.0, num_units=5000)
    effect = compare_estimates(exact, few, boundary=FIXED, method="clusters")
    assert effect.p_value == pytest.approx(2 * stats.t.sf(0.5 / math.sqrt(0.02), 4))


@cases("means", "welch_mean")
def test_welch_and_student_repeat_published_figures(case):
    inputs, expected = case["inputs"], case["expected"]
    control, variant = arms(inputs)
    two_sided = compare_means(control, variant, boundary=FIXED)
    greater = compare_means(control, variant, boundary=FixedHorizon(0.05, "greater"))
    pooled = compare_means_pooled(control, variant, boundary=FIXED)
    found = {
        "t": two_sided.difference / two_sided.standard_error,
        "p_value": two_sided.p_value,
        "ci": ends(two_sided.difference_interval),
        "p_value_pooled": pooled.p_value,
        "ci_pooled": ends(pooled.difference_interval),
        "p_value_greater": greater.p_value,
        "p_greater": greater.p_value,
        "lower_one_sided95": greater.difference_interval.lower,
    }
    for name in expected.keys() - {"df"}:
        assert found[name] == pytest.approx(expected[name], **close(case)), name
    if "df" in expected:
        t_quantile = two_sided.difference_interval.upper - two_sided.difference
        assert t_quantile / two_sided.standard_error == pytest.approx(
            stats.t.isf(0.025, expected["df"]), **close(case)
        )


def arms(inputs):
    if "control" in inputs:
        return [Moments.from_array(inputs[arm]) for arm in ("control", "treatment")]
    return [
        Moments(
            n=inputs[f"n_{arm}"],
            means=(float(inputs[f"mean_{arm}"]),),
            comoments=((inputs[f"var_{arm}"] * (inputs[f"n_{arm}"] - 1),),),
        )
        for arm in "ct"
    ]


@cases("means", "mean_gbstats")
def test_absolute_differences_are_those_of_gbstats(case):
    expected = case["expected"]["absolute"]
    one_sided = case["expected"]["absolute_greater"]
    alpha = 1 - case["inputs"]["confidence"]
    effect = compare_means(*arms(case["inputs"]), boundary=FixedHorizon(alpha))
    greater = compare_means(*arms(case["inputs"]), boundary=FixedHorizon(alpha, "greater"))
    rel = case["tolerance"]["rel"]
    p_abs = case["tolerance"]["p_abs"]
    assert effect.difference == pytest.approx(expected["estimate"], rel=rel)
    assert effect.standard_error == pytest.approx(expected["se"], rel=rel)
    assert ends(effect.difference_interval) == pytest.approx(expected["ci"], rel=rel)
    assert effect.p_value == pytest.approx(expected["p_value"], rel=rel, abs=p_abs)
    assert greater.p_value == pytest.approx(one_sided["p_value"], rel=rel, abs=p_abs)
    assert greater.difference_interval.lower == pytest.approx(one_sided["lower"], rel=rel)


@cases("means", "mean_teatasting")
def test_differences_and_lifts_are_those_of_tea_tasting(case):
    expected = case["expected"]
    alpha = 1 - case["inputs"]["confidence"]
    effect = compare_means(*arms(case["inputs"]), boundary=FixedHorizon(alpha))
    found = {
        "p_value": effect.p_value,
        "t": effect.difference / effect.standard_error,
        "diff": effect.difference,
        "ci": ends(effect.difference_interval),
        "rel": effect.lift,
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, **close(case)), name


@cases("means", "relative_lift_fieller")
def test_lift_intervals_are_those_of_mratios(case):
    """The reference takes its degrees of freedom where the ratio was estimated."""
    expected = case["expected"]
    control, variant = arms(case["inputs"])
    alpha = 1 - case["inputs"]["confidence"]
    effect = compare_means(control, variant, boundary=FixedHorizon(alpha))
    t = effect.difference / effect.standard_error
    assert t == pytest.approx(expected["t_rho1"], **close(case))
    assert effect.p_value == pytest.approx(expected["p_value"], **close(case))
    noise_c, noise_t = control.variance / control.n, variant.variance / variant.n
    df = satterthwaite(
        noise_c / (noise_c + noise_t), control.n - 1, noise_t / (noise_c + noise_t), variant.n - 1
    )
    assert df == pytest.approx(expected["df_rho1"], **close(case))
    scaled = expected["ratio"] ** 2 * noise_c
    there = satterthwaite(
        scaled / (scaled + noise_t), control.n - 1, noise_t / (scaled + noise_t), variant.n - 1
    )
    interval = lift_interval(
        control=control.mean,
        difference=effect.difference,
        standard_error=effect.standard_error,
        control_share=noise_c / (noise_c + noise_t),
        critical=FixedHorizon(alpha).critical(0, there),
    )
    wanted = [math.inf if end is None else end - 1 for end in expected["ratio_ci"]]
    assert ends(interval) == pytest.approx(wanted, abs=1e-9, **close(case))


@cases("means", "sequential_asympcs")
def test_confidence_sequences_are_those_of_gbstats(case):
    inputs, expected = case["inputs"], case["expected"]
    estimate, standard_error, num_units = gbstats_estimate(inputs)
    boundary = AlwaysValid(inputs["alpha"], inputs["tuning"])
    assert estimate == pytest.approx(expected["estimate"], **close(case))
    assert math.sqrt(boundary.rho_squared) == pytest.approx(expected["rho"], **close(case))
    half_width = boundary.critical(num_units, None) * standard_error
    assert [estimate - half_width, estimate + half_width] == pytest.approx(
        expected["ci"], **close(case)
    )
    p_value = boundary.p_value(estimate / standard_error, num_units, None)
    assert p_value == pytest.approx(expected["p_value"], **close(case))
    if "one_sided_lower" not in expected:
        return
    one_sided = AlwaysValid(inputs["alpha"], inputs["tuning"], side="greater")
    assert math.sqrt(one_sided.rho_squared) == pytest.approx(
        expected["one_sided_rho"], **close(case)
    )
    lower = estimate - one_sided.critical(num_units, None) * standard_error
    assert lower == pytest.approx(expected["one_sided_lower"], **close(case))
    # The reference keeps its p-value between 1e-5 and 0.4999.
    p_value = one_sided.p_value(estimate / standard_error, num_units, None)
    assert min(max(p_value, 1e-5), 0.4999) == pytest.approx(expected["one_sided_p"], abs=1e-5)


def gbstats_estimate(inputs):
    """The difference, or the lift with its symmetric delta-method error, as gbstats has them."""
    means, noises = [], []
    for arm in "ct":
        n = inputs[f"n_{arm}"]
        if f"x_{arm}" in inputs:
            mean = inputs[f"x_{arm}"] / n
            variance = mean * (1 - mean)
        else:
            mean, variance = inputs[f"mean_{arm}"], inputs[f"var_{arm}"]
        means.append(mean)
        noises.append(variance / n)
    (mean_c, mean_t), (noise_c, noise_t) = means, noises
    num_units = inputs["n_c"] + inputs["n_t"]
    if inputs["difference"] == "absolute":
        return mean_t - mean_c, math.sqrt(noise_c + noise_t), num_units
    noise = noise_t / mean_c**2 + noise_c * mean_t**2 / mean_c**4
    return (mean_t - mean_c) / mean_c, math.sqrt(noise), num_units
