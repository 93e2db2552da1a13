"""Meta-analysis: definitions, coverage with few tests, what one test does to the rest."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.programme.meta_analysis import combine_tests
from abtesting.statistics.programme.shrinkage import shrink_effects
from tests.known_answers import cases, close

EFFECTS = [0.031, 0.012, 0.044, 0.026, -0.005]
ERRORS = [0.011, 0.012, 0.015, 0.010, 0.02]

effect_lists = st.lists(
    st.tuples(st.floats(-1, 1), st.floats(0.05, 0.5)), min_size=3, max_size=10
).map(lambda pairs: tuple(list(column) for column in zip(*pairs, strict=True)))


@cases("shrinkage", "empirical_bayes_shrinkage")
def test_heterogeneity_is_that_of_metafor(case):
    inputs, expected = case["inputs"], case["expected"]
    result = combine_tests(inputs["effect"], inputs["se"], method="dersimonian_laird")
    assert result.q == pytest.approx(expected["Q"], **close(case))
    assert 100 * result.i_squared == pytest.approx(expected["I2_DL"], **close(case))
    assert result.between_variance == pytest.approx(expected["tau2_DL"], **close(case))


def test_fixed_effect_is_the_precision_weighted_mean():
    result = combine_tests(EFFECTS, ERRORS)
    weights = [1 / s**2 for s in ERRORS]
    mean = np.average(EFFECTS, weights=weights)
    error = 1 / math.sqrt(sum(weights))
    assert result.fixed.estimate == pytest.approx(mean)
    assert result.fixed.standard_error == pytest.approx(error)
    assert result.fixed.interval.upper == pytest.approx(mean + 1.959964 * error)
    assert result.fixed.p_value == pytest.approx(2 * stats.norm.sf(mean / error))


def test_random_effects_and_prediction_interval_by_their_definitions():
    effects, errors = [0.0, 0.1, 0.25, 0.4], [0.05, 0.04, 0.06, 0.05]
    result = combine_tests(effects, errors)
    tau2 = result.between_variance
    weights = np.array([1 / (s**2 + tau2) for s in errors])
    mean = np.average(effects, weights=weights)
    assert result.random.estimate == pytest.approx(mean)
    assert result.weights == pytest.approx(tuple(weights / weights.sum()))
    factor = (weights @ (np.array(effects) - mean) ** 2) / 3
    assert result.hartung_knapp.standard_error == pytest.approx(
        math.sqrt(max(1, factor) / weights.sum())
    )
    half = stats.t.ppf(0.975, 2) * math.sqrt(tau2 + 1 / weights.sum())
    assert result.prediction_interval.upper == pytest.approx(mean + half)
    assert result.hartung_knapp.df == 3
    assert result.hartung_knapp.p_value == pytest.approx(
        2 * stats.t.sf(abs(mean) / result.hartung_knapp.standard_error, 3)
    )


def test_it_pools_what_shrinkage_pools():
    result, shrunk = combine_tests(EFFECTS, ERRORS), shrink_effects(EFFECTS, ERRORS)
    assert result.random.estimate == shrunk.mean
    assert result.random.standard_error == shrunk.standard_error
    assert result.between_variance == shrunk.between_variance


def test_leaving_one_out_is_the_analysis_of_the_rest():
    result = combine_tests(EFFECTS, ERRORS)
    assert len(result.leave_one_out) == 5
    for i, without in enumerate(result.leave_one_out):
        rest = combine_tests(EFFECTS[:i] + EFFECTS[i + 1 :], ERRORS[:i] + ERRORS[i + 1 :])
        assert without == rest.hartung_knapp


@given(effect_lists)
def test_p_values_and_intervals_agree(lists):
    result = combine_tests(*lists)
    for pooled in (result.fixed, result.random, result.hartung_knapp):
        if abs(pooled.p_value - 0.05) > 1e-9:
            assert (pooled.p_value < 0.05) == (not pooled.interval.contains(0.0))
        assert pooled.interval.contains(pooled.estimate)
    # The honest interval is never the shorter one.
    assert result.hartung_knapp.standard_error >= result.random.standard_error * (1 - 1e-12)
    assert sum(result.weights) == pytest.approx(1)


def test_with_five_tests_the_mean_and_the_next_test_are_covered():
    rng, runs = np.random.default_rng(12), 200
    mean_covered, normal_covered, next_covered = 0, 0, 0
    for _ in range(runs):
        errors = rng.uniform(0.5, 1.5, 5)
        effects = rng.normal(rng.normal(1.0, 1.5, 5), errors)
        result = combine_tests(list(effects), list(errors))
        mean_covered += result.hartung_knapp.interval.contains(1.0)
        normal_covered += result.random.interval.contains(1.0)
        next_covered += result.prediction_interval.contains(rng.normal(1.0, 1.5))
    spread = 3 * math.sqrt(0.05 * 0.95 / runs)
    assert 0.95 - spread <= mean_covered / runs <= 0.98
    assert normal_covered < mean_covered
    # With five tests the prediction is known to cover some nine in ten.
    assert next_covered / runs >= 0.88


def test_p_values_far_out_are_tails():
    result = combine_tests([0.2, 0.21, 0.19], [0.01, 0.01, 0.01])
    z = result.fixed.estimate / result.fixed.standard_error
    assert result.fixed.p_value == pytest.approx(2 * stats.norm.sf(z), rel=1e-9, abs=0)
    assert 0 < result.fixed.p_value < 1e-250


def test_two_tests_have_no_prediction():
    result = combine_tests([0.1, 0.2], [0.1, 0.1])
    assert result.prediction_interval is None
    assert result.leave_one_out == ()


def test_one_test_is_no_meta_analysis():
    assert combine_tests([0.1], [0.1]).code == "too_few_tests"
    with pytest.raises(ValueError, match="level is 0"):
        combine_tests(EFFECTS, ERRORS, level=0)
    with pytest.raises(ValueError, match="method is 'best'"):
        combine_tests(EFFECTS, ERRORS, method="best")
