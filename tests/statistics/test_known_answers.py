"""The engine against figures that other programs and certified data sets give.

Where another program leaves out the factor N / (N - 1) or takes other degrees of freedom, the test
asks the engine for the level at which the two definitions meet.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from scipy import special

from abtesting.statistics.boundaries import AlwaysValid, FixedHorizon
from abtesting.statistics.fieller import lift_interval
from abtesting.statistics.health.srm import srm_test
from abtesting.statistics.means import compare_means
from abtesting.statistics.moments import Counts, Moments
from abtesting.statistics.proportions import (
    compare_proportions,
    compare_proportions_by_score,
)
from abtesting.statistics.ratios import compare_ratios, estimate_ratio

VECTORS = Path(__file__).parents[1] / "vectors" / "statistics_known_answers.json"
CASES = json.loads(VECTORS.read_text())["cases"]
FIXED = FixedHorizon(0.05)


def cases(kind):
    chosen = [case for case in CASES if case["kind"] == kind]
    return pytest.mark.parametrize("case", chosen, ids=[case["id"] for case in chosen])


def near(value, case):
    return pytest.approx(value, rel=case["tolerance"])


def counts(inputs):
    return (
        Counts(num_units=inputs["n_c"], num_successes=inputs["x_c"]),
        Counts(num_units=inputs["n_t"], num_successes=inputs["x_t"]),
    )


def moments(inputs, arm):
    n = inputs[f"n_{arm}"]
    comoment = inputs[f"var_{arm}"] * (n - 1)
    return Moments(n=n, means=(float(inputs[f"mean_{arm}"]),), comoments=((comoment,),))


def uncorrected(control, variant, z=None):
    """The level at which the corrected test has the critical value of the uncorrected one."""
    total = control.num_units + variant.num_units
    z = -special.ndtri(0.025) if z is None else z
    return FixedHorizon(2 * float(special.ndtr(-z * math.sqrt((total - 1) / total))))


def ends(interval):
    return [interval.lower, interval.upper]


def test_every_case_is_read_by_a_test():
    source = Path(__file__).read_text()
    assert all(f'@cases("{case["kind"]}")' in source for case in CASES)


@cases("pooled_z")
def test_score_p_value_is_that_of_the_pooled_z_test(case):
    control, variant = counts(case["inputs"])
    effect = compare_proportions(control, variant, boundary=FIXED)
    total = control.num_units + variant.num_units
    size = -special.ndtri(effect.p_value / 2) * math.sqrt(total / (total - 1))
    assert math.copysign(size, effect.difference) == near(case["expected"]["z"], case)
    if "difference" in case["expected"]:
        assert effect.difference == near(case["expected"]["difference"], case)


@cases("ratio_score_uncorrected")
def test_lift_interval_is_the_score_interval_of_the_ratio(case):
    control, variant = counts(case["inputs"])
    effect = compare_proportions(control, variant, boundary=uncorrected(control, variant))
    expected = [end - 1 for end in case["expected"]["ratio_interval"]]
    assert ends(effect.lift_interval) == pytest.approx(expected, rel=case["tolerance"], abs=1e-6)


@cases("restricted_score_uncorrected")
def test_difference_interval_ends_where_the_restricted_score_test_rejects(case):
    control, variant = counts(case["inputs"])
    boundary = uncorrected(control, variant, case["expected"]["z"])
    effect = compare_proportions(control, variant, boundary=boundary)
    assert effect.difference_interval.lower == near(case["inputs"]["theta0"], case)


@cases("no_successes_uncorrected")
def test_interval_without_any_success_is_wilson_in_each_arm(case):
    arm = Counts(num_units=case["inputs"]["n"], num_successes=0)
    effect = compare_proportions_by_score(arm, arm, boundary=uncorrected(arm, arm))
    upper = case["expected"]["upper"]
    assert ends(effect.difference_interval) == near([-upper, upper], case)


@cases("published_interval")
def test_proportions_repeat_a_published_analysis(case):
    effect = compare_proportions(*counts(case["inputs"]), boundary=FIXED)
    expected = case["expected"]
    assert effect.difference == pytest.approx(expected["difference"], abs=case["tolerance"])
    assert ends(effect.difference_interval) == pytest.approx(
        expected["difference_interval"], abs=case["tolerance"]
    )


@cases("welch")
def test_means(case):
    inputs, expected = case["inputs"], case["expected"]
    if "control" in inputs:
        arms = [Moments.from_array(inputs[arm]) for arm in ("control", "treatment")]
    else:
        arms = [moments(inputs, arm) for arm in "ct"]
    effect = compare_means(*arms, boundary=FIXED)
    assert effect.difference / effect.standard_error == near(expected["t"], case)
    assert effect.p_value == near(expected["p_value"], case)
    if "difference_interval" in expected:
        assert ends(effect.difference_interval) == near(expected["difference_interval"], case)


@cases("fieller")
def test_lift_interval_of_means(case):
    inputs = case["inputs"]
    control, variant = moments(inputs, "c"), moments(inputs, "t")
    effect = compare_means(control, variant, boundary=FIXED)
    assert effect.p_value == near(case["expected"]["p_value"], case)
    # The reference takes its degrees of freedom at the estimated ratio.
    noise_t = variant.variance / variant.n
    noise_c = control.variance / control.n
    scaled_c = (variant.mean / control.mean) ** 2 * noise_c
    df = (noise_t + scaled_c) ** 2 / (noise_t**2 / (variant.n - 1) + scaled_c**2 / (control.n - 1))
    interval = lift_interval(
        control=control.mean,
        difference=effect.difference,
        standard_error=effect.standard_error,
        control_share=noise_c / (noise_c + noise_t),
        critical=FIXED.critical(control.n + variant.n, df),
    )
    expected = [end - 1 for end in case["expected"]["ratio_interval"]]
    assert ends(interval) == pytest.approx(expected, rel=case["tolerance"], abs=1e-10)


@cases("ratio_one_arm")
def test_ratio_of_one_arm(case):
    inputs, expected = case["inputs"], case["expected"]
    columns = list(zip(inputs["num"], inputs["den"], strict=True))
    estimate = estimate_ratio(Moments.from_array(columns))
    assert estimate.value == near(expected["ratio"], case)
    assert math.sqrt(estimate.variance) == near(expected["standard_error"], case)


@cases("ratio")
def test_ratios(case):
    arms = [
        Moments.from_array(
            list(zip(case["inputs"][arm]["num"], case["inputs"][arm]["den"], strict=True))
        )
        for arm in ("control", "treatment")
    ]
    effect = compare_ratios(*arms, boundary=FIXED)
    expected = case["expected"]
    assert effect.difference == near(expected["difference"], case)
    assert effect.standard_error == near(expected["standard_error"], case)
    assert effect.p_value == near(expected["p_value"], case)
    assert ends(effect.difference_interval) == near(expected["difference_interval"], case)


@cases("srm")
def test_sample_ratio_mismatch(case):
    result = srm_test(case["inputs"]["observed"], case["inputs"]["weights"])
    assert result.statistic == near(case["expected"]["statistic"], case)
    assert result.p_value == near(case["expected"]["p_value"], case)


@cases("always_valid_means")
def test_always_valid_means(case):
    inputs = case["inputs"]
    boundary = AlwaysValid(inputs["alpha"], inputs["tuning"])
    effect = compare_means(moments(inputs, "c"), moments(inputs, "t"), boundary=boundary)
    assert ends(effect.difference_interval) == near(case["expected"]["difference_interval"], case)
    assert effect.p_value == near(case["expected"]["p_value"], case)


@cases("always_valid_boundary")
def test_always_valid_boundary(case):
    inputs, expected = case["inputs"], case["expected"]
    boundary = AlwaysValid(inputs["alpha"], inputs["tuning"])
    estimate, standard_error = inputs["estimate"], inputs["standard_error"]
    half_width = boundary.critical(inputs["num_units"], None) * standard_error
    assert [estimate - half_width, estimate + half_width] == near(expected["interval"], case)
    p_value = boundary.p_value(estimate / standard_error, inputs["num_units"], None)
    assert p_value == near(expected["p_value"], case)
    assert math.sqrt(boundary.rho_squared) == near(expected["rho"], case)


@cases("numacc")
def test_certified_mean_and_deviation(case):
    inputs = case["inputs"]
    result = Moments.from_array([inputs["first"], *inputs["pair"] * inputs["repeats"]])
    assert result.mean == near(case["expected"]["mean"], case)
    assert math.sqrt(result.variance) == near(case["expected"]["sd"], case)


@cases("merge")
def test_merged_variance_far_from_zero(case):
    first, second = (Moments.from_array(case["inputs"][key]) for key in ("chunk1", "chunk2"))
    assert (first + second).variance == near(case["expected"]["variance"], case)
