from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.boundaries import FixedHorizon
from abtesting.statistics.moments import Counts
from abtesting.statistics.proportions import compare_proportions_by_score
from abtesting.statistics.rates.proportion_intervals import (
    rate_difference_interval,
    rate_interval,
    rate_ratio_interval,
)
from abtesting.statistics.types import NotEnoughData
from tests.known_answers import cases, close

ONE_RATE = ("wilson", "clopper_pearson", "agresti_coull", "jeffreys")
DIFFERENCE = ("miettinen_nurminen", "newcombe", "agresti_caffo", "wald", "wald_continuity")


def arms(inputs):
    return (
        Counts(num_units=inputs["n_c"], num_successes=inputs["x_c"]),
        Counts(num_units=inputs["n_t"], num_successes=inputs["x_t"]),
    )


def ends(result):
    return [result.interval.lower, result.interval.upper]


@st.composite
def counts(draw, largest=10**6):
    n = draw(st.integers(1, largest))
    return Counts(num_units=n, num_successes=draw(st.integers(0, n)))


def near(case, name, expected):
    """The tolerance of an output; `<name>_rel` is one of its own, the ends being compared alone."""
    rel = case["tolerance"].get(f"{name}_rel", case["tolerance"]["rel"])
    return pytest.approx(expected, rel=rel, abs=case["tolerance"].get("abs", 0.0))


@cases("proportions", "single_proportion_ci")
def test_one_rate(case):
    inputs = case["inputs"]
    data = Counts(num_units=inputs["n"], num_successes=inputs["x"])
    for method, expected in case["expected"].items():
        result = rate_interval(data, alpha=1 - inputs["confidence"], method=method)
        assert ends(result) == near(case, method, expected)
        assert result.estimate == inputs["x"] / inputs["n"]


@cases("proportions", "zero_event_robustness")
def test_differences_without_events(case):
    for name, method in (("newcomb", "newcombe"), ("agresti_caffo", "agresti_caffo")):
        result = rate_difference_interval(*arms(case["inputs"]), alpha=0.05, method=method)
        assert ends(result) == near(case, name, case["expected"][name])


@cases("proportions", "two_proportions")
def test_differences_and_ratios_of_two_rates(case):
    methods = {
        "ci": ("wald", rate_difference_interval),
        "ci_cc": ("wald_continuity", rate_difference_interval),
        "ci_diff_wald": ("wald", rate_difference_interval),
        "ci_diff_agresti-caffo": ("agresti_caffo", rate_difference_interval),
        "ci_diff_newcomb": ("newcombe", rate_difference_interval),
        "ci_ratio_log": ("log", rate_ratio_interval),
        "ci_ratio_score": ("koopman", rate_ratio_interval),
    }
    checked = 0
    for name, (method, function) in methods.items():
        if name in case["expected"]:
            alpha = 1 - case["inputs"]["confidence"]
            result = function(*arms(case["inputs"]), alpha=alpha, method=method)
            assert ends(result) == near(case, name, case["expected"][name])
            checked += 1
    assert checked >= 2
    if "diff" in case["expected"]:
        result = rate_difference_interval(*arms(case["inputs"]), alpha=0.05)
        assert result.estimate == pytest.approx(case["expected"]["diff"], **close(case))


@cases("proportions", "two_proportions_teatasting")
def test_relative_interval_on_the_scale_of_logarithms(case):
    result = rate_ratio_interval(*arms(case["inputs"]), alpha=0.05, method="log")
    assert result.estimate - 1 == pytest.approx(case["expected"]["rel"], **close(case))
    found = [end - 1 for end in ends(result)]
    assert found == pytest.approx(case["expected"]["rel_ci_log"], **close(case))
    wald = rate_difference_interval(*arms(case["inputs"]), alpha=0.05, method="wald")
    assert ends(wald) == pytest.approx(case["expected"]["ci"], **close(case))


@cases("proportions", "two_proportions_spotify")
def test_absolute_interval_from_sums(case):
    result = rate_difference_interval(*arms(case["inputs"]), alpha=0.05, method="wald")
    assert result.estimate == pytest.approx(case["expected"]["diff"], **close(case))
    assert ends(result) == pytest.approx(case["expected"]["ci"], **close(case))


@pytest.mark.parametrize("method", ["wilson", "clopper_pearson"])
@given(counts(), st.floats(1e-6, 0.5))
def test_one_rate_is_that_of_scipy(method, data, alpha):
    test = stats.binomtest(data.num_successes, data.num_units)
    expected = test.proportion_ci(1 - alpha, {"clopper_pearson": "exact"}.get(method, method))
    found = rate_interval(data, alpha=alpha, method=method)
    assert ends(found) == pytest.approx([expected.low, expected.high], rel=1e-7, abs=1e-12)


@pytest.mark.parametrize("method", ONE_RATE)
@given(counts(), st.floats(1e-6, 0.5))
def test_one_rate_mirrors_and_stays_in_range(method, data, alpha):
    found = rate_interval(data, alpha=alpha, method=method)
    failures = Counts(num_units=data.num_units, num_successes=data.num_units - data.num_successes)
    mirrored = rate_interval(failures, alpha=alpha, method=method)
    assert 0 <= found.interval.lower < found.interval.upper <= 1
    assert found.interval.lower == pytest.approx(1 - mirrored.interval.upper, abs=1e-9)
    if 0 < data.num_successes < data.num_units:
        assert found.interval.contains(found.estimate)


@pytest.mark.parametrize("method", DIFFERENCE)
@given(counts(), counts(), st.floats(1e-6, 0.5))
def test_differences_mirror_and_stay_in_range(method, control, variant, alpha):
    found = rate_difference_interval(control, variant, alpha=alpha, method=method)
    swapped = rate_difference_interval(variant, control, alpha=alpha, method=method)
    if isinstance(found, NotEnoughData):
        assert method.startswith("wald")
        assert found.code == swapped.code == "zero_variance"
        return
    assert -1 <= found.interval.lower < found.interval.upper <= 1
    assert found.interval.lower == pytest.approx(-swapped.interval.upper, abs=1e-9)


@pytest.mark.parametrize("method", ["miettinen_nurminen", "koopman", "log"])
@given(counts(), counts(), st.floats(1e-4, 0.5))
def test_ratios_invert(method, control, variant, alpha):
    found = rate_ratio_interval(control, variant, alpha=alpha, method=method)
    swapped = rate_ratio_interval(variant, control, alpha=alpha, method=method)
    if isinstance(found, NotEnoughData):
        assert (method, found.code) == ("log", "zero_successes")
        return
    inverse = 1 / swapped.interval.upper if swapped.interval.upper else math.inf
    assert found.interval.lower == pytest.approx(inverse, rel=1e-7)


@given(counts(5000), counts(5000))
def test_score_intervals_are_those_of_the_comparison(control, variant):
    effect = compare_proportions_by_score(control, variant, boundary=FixedHorizon(0.05))
    if isinstance(effect, NotEnoughData):
        return
    found = rate_difference_interval(control, variant, alpha=0.05, method="miettinen_nurminen")
    assert ends(found) == pytest.approx(
        [effect.difference_interval.lower, effect.difference_interval.upper], abs=1e-12
    )
    ratio = rate_ratio_interval(control, variant, alpha=0.05)
    assert ratio.interval.lower - 1 == pytest.approx(effect.lift_interval.lower, abs=1e-9)


def test_arms_without_units_have_no_interval():
    none, some = Counts(num_units=0, num_successes=0), Counts(num_units=5, num_successes=2)
    for result in (
        rate_interval(none, alpha=0.05),
        rate_difference_interval(none, some, alpha=0.05),
        rate_ratio_interval(some, none, alpha=0.05),
    ):
        assert isinstance(result, NotEnoughData)
        assert result.code == "too_few_units"


def test_unknown_methods_and_bad_levels_are_refused():
    some = Counts(num_units=5, num_successes=2)
    with pytest.raises(ValueError, match="method is 'exact'"):
        rate_interval(some, alpha=0.05, method="exact")
    with pytest.raises(ValueError, match="method is 'exact'"):
        rate_difference_interval(some, some, alpha=0.05, method="exact")
    with pytest.raises(ValueError, match="method is 'exact'"):
        rate_ratio_interval(some, some, alpha=0.05, method="exact")
    with pytest.raises(ValueError, match="alpha is"):
        rate_interval(some, alpha=1.5)
