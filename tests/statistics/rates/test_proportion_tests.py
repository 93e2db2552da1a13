from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.boundaries import FixedHorizon
from abtesting.statistics.means import Estimate, compare_estimates
from abtesting.statistics.moments import Counts
from abtesting.statistics.proportions import compare_proportions_by_score
from abtesting.statistics.rates.proportion_tests import pooled_z_test, score_test, wald_z_test
from abtesting.statistics.types import NotEnoughData
from tests.known_answers import cases, close


def arms(inputs):
    return (
        Counts(num_units=inputs["n_c"], num_successes=inputs["x_c"]),
        Counts(num_units=inputs["n_t"], num_successes=inputs["x_t"]),
    )


@st.composite
def counts(draw, largest=10**5):
    n = draw(st.integers(2, largest))
    return Counts(num_units=n, num_successes=draw(st.integers(0, n)))


@cases("proportions", "two_proportions")
def test_pooled_z_is_the_chi_square(case):
    control, variant = arms(case["inputs"])
    expected = case["expected"]
    test = pooled_z_test(control, variant)
    if "chi2" in expected:
        assert test.statistic**2 == pytest.approx(expected["chi2"], **close(case))
        assert test.p_value == pytest.approx(expected["p_value"], **close(case))
        corrected = pooled_z_test(control, variant, continuity=True)
        assert corrected.p_value == pytest.approx(expected["p_value_yates"], **close(case))
    else:
        assert test.statistic == pytest.approx(expected["z_pooled"], **close(case))
        assert test.p_value == pytest.approx(expected["p_two_sided"], **close(case))
        larger = pooled_z_test(control, variant, side="greater")
        assert larger.p_value == pytest.approx(expected["p_larger"], **close(case))


@cases("proportions", "two_proportions_gbstats")
def test_welch_on_the_variances_of_proportions(case):
    """Only the absolute part: a relative test with its own p-value is what this engine avoids."""
    estimates = []
    for arm in arms(case["inputs"]):
        rate, n = arm.num_successes / arm.num_units, arm.num_units
        estimates.append(Estimate(value=rate, variance=rate * (1 - rate) / n, num_units=n))
    effect = compare_estimates(*estimates, boundary=FixedHorizon(0.05), method="welch")
    expected, rel = case["expected"]["absolute"], case["tolerance"]["rel"]
    assert effect.difference == pytest.approx(expected["estimate"], rel=rel)
    assert effect.standard_error == pytest.approx(expected["se"], rel=rel)
    interval = effect.difference_interval
    assert [interval.lower, interval.upper] == pytest.approx(expected["ci"], rel=rel)
    assert effect.p_value == pytest.approx(expected["p_value"], abs=case["tolerance"]["p_abs"])
    assert effect.lift == pytest.approx(case["expected"]["relative"]["estimate"], rel=rel)


@cases("proportions", "two_proportions_teatasting")
def test_wald_z(case):
    test = wald_z_test(*arms(case["inputs"]))
    assert test.p_value == pytest.approx(case["expected"]["p_value"], **close(case))
    assert test.difference == pytest.approx(case["expected"]["diff"], **close(case))


@cases("proportions", "two_proportions_spotify")
def test_wald_z_from_sums(case):
    test = wald_z_test(*arms(case["inputs"]))
    assert test.p_value == pytest.approx(case["expected"]["p_value"], **close(case))


@given(counts(), counts(), st.booleans())
def test_pooled_z_is_that_of_scipy(control, variant, continuity):
    found = pooled_z_test(control, variant, continuity=continuity)
    if isinstance(found, NotEnoughData):
        assert found.code == "zero_variance"
        return
    table = [[arm.num_successes, arm.num_units - arm.num_successes] for arm in (control, variant)]
    expected = stats.chi2_contingency(table, correction=continuity)
    assert found.statistic**2 == pytest.approx(expected.statistic, rel=1e-8, abs=1e-10)


@given(counts(), counts())
def test_corrected_score_of_no_difference_is_that_of_the_comparison(control, variant):
    found = score_test(control, variant)
    effect = compare_proportions_by_score(control, variant, boundary=FixedHorizon(0.05))
    if isinstance(found, NotEnoughData):
        assert effect.p_value == 1
        return
    assert found.p_value == pytest.approx(effect.p_value, rel=1e-9)


@given(counts(3000), counts(3000), st.sampled_from(["difference", "ratio"]))
def test_score_rejects_what_is_outside_the_interval(control, variant, scale):
    effect = compare_proportions_by_score(control, variant, boundary=FixedHorizon(0.05))
    interval = effect.difference_interval if scale == "difference" else effect.lift_interval
    shift = 0 if scale == "difference" else 1
    for end, outwards in ((interval.lower, -1), (interval.upper, 1)):
        for inside in (True, False):
            tested = end + shift + (-1 if inside else 1) * outwards * 1e-6 * max(abs(end), 1)
            in_range = abs(tested) < 0.999 if scale == "difference" else 1e-3 < tested < 1e3
            if in_range and abs(end) > 1e-3:
                p_value = score_test(control, variant, **{scale: tested}).p_value
                assert (p_value >= 0.05 - 1e-4) if inside else (p_value <= 0.05 + 1e-4)


@given(counts(), counts(), st.floats(-0.5, 0.5))
def test_sides_add_up(control, variant, difference):
    greater = score_test(control, variant, difference=difference, side="greater")
    if isinstance(greater, NotEnoughData):
        return
    less = score_test(control, variant, difference=difference, side="less")
    both = score_test(control, variant, difference=difference)
    assert greater.p_value + less.p_value == pytest.approx(1)
    assert both.p_value == pytest.approx(2 * min(greater.p_value, less.p_value))


def test_correction_is_the_factor_of_the_variance():
    arms_ = (Counts(num_units=80, num_successes=48), Counts(num_units=70, num_successes=56))
    plain = score_test(*arms_, difference=0.1, corrected=False)
    corrected = score_test(*arms_, difference=0.1)
    assert plain.statistic / corrected.statistic == pytest.approx(math.sqrt(150 / 149))
    assert (plain.method, corrected.method) == ("farrington_manning", "miettinen_nurminen")


def test_what_gives_no_result():
    none, some = Counts(num_units=0, num_successes=0), Counts(num_units=5, num_successes=2)
    certain = Counts(num_units=5, num_successes=5)
    for test in (pooled_z_test, wald_z_test, score_test):
        assert test(none, some).code == "too_few_units"
        assert test(certain, certain).code == "zero_variance"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"difference": 1.0}, "difference is 1.0"),
        ({"ratio": 0.0}, "ratio is 0.0"),
        ({"ratio": math.inf}, "ratio is inf"),
        ({"difference": 0.1, "ratio": 1.1}, "only one of them"),
        ({"side": "both"}, "side is 'both'"),
    ],
)
def test_bad_hypotheses_are_refused(arguments, message):
    some = Counts(num_units=5, num_successes=2)
    with pytest.raises(ValueError, match=message):
        score_test(some, some, **arguments)
