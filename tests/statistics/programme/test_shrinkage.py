"""Empirical Bayes: metafor's figures, the likelihood itself, bias and coverage after selection."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from abtesting.statistics.programme.shrinkage import (
    between_variance,
    pooled_mean,
    shrink_effects,
)
from tests.known_answers import cases, close

effect_lists = st.lists(
    st.tuples(st.floats(-1, 1), st.floats(0.05, 0.5)), min_size=4, max_size=12
).map(lambda pairs: tuple(list(column) for column in zip(*pairs, strict=True)))


def inputs_of(case):
    return np.array(case["inputs"]["effect"]), np.array(case["inputs"]["se"])


def restricted_likelihood(y, v, tau2):
    w = 1 / (v + tau2)
    mean = (w @ y) / w.sum()
    return (np.log(w).sum() - np.log(w.sum()) - w @ (y - mean) ** 2) / 2


def metafor_reml(y, v):
    """Fisher scoring from Hedges' estimate that stops at a step of 1e-5, as metafor 3.8.1 does."""
    tau2, step = max(0.0, y.var(ddof=1) - v.mean()), 1.0
    while abs(step) > 1e-5:
        w = 1 / (v + tau2)
        projection = np.diag(w) - np.outer(w, w) / w.sum()
        square = projection @ projection
        step = (y @ square @ y - np.trace(projection)) / np.trace(square)
        tau2 += step
    return tau2


@cases("shrinkage", "empirical_bayes_shrinkage")
def test_figures_of_metafor(case):
    (y, se), expected, near = inputs_of(case), case["expected"], close(case)
    result = shrink_effects(list(y), list(se), method="dersimonian_laird")
    assert result.between_variance == pytest.approx(expected["tau2_DL"], **near)
    assert result.q == pytest.approx(expected["Q"], **near)
    assert 100 * result.i_squared == pytest.approx(expected["I2_DL"], **near)
    blups = [effect.estimate for effect in result.effects]
    assert blups == pytest.approx(expected["blup_DL"], **near)


@cases("shrinkage", "empirical_bayes_shrinkage")
def test_iterations_of_metafor_stop_before_the_root(case):
    # metafor stops at an absolute step of 1e-5 (REML) and a bracket of 1e-4 (Paule-Mandel), which
    # are large beside a variance of 1e-4. With its stopping rules its figures come out to the last
    # digit; without them the restricted likelihood is higher, and the equation of Paule and Mandel
    # is met.
    (y, se), expected = inputs_of(case), case["expected"]
    v = se**2
    stopped = metafor_reml(y, v)
    assert stopped == pytest.approx(expected["tau2_REML"], rel=1e-12)
    mean, variance = pooled_mean(y, v, stopped)
    assert mean == pytest.approx(expected["mu_REML"], rel=1e-12)
    assert math.sqrt(variance) == pytest.approx(expected["se_mu_REML"], rel=1e-12)
    blups = mean + stopped / (stopped + v) * (y - mean)
    assert blups == pytest.approx(np.array(expected["blup_REML"]), rel=1e-12)
    ours = between_variance(y, v, "reml")
    assert restricted_likelihood(y, v, ours) > restricted_likelihood(y, v, stopped)

    def excess(tau2):
        w = 1 / (v + tau2)
        return w @ (y - (w @ y) / w.sum()) ** 2 - (len(y) - 1)

    bracketed = optimize.brentq(excess, 0, 100, xtol=1e-4)
    assert bracketed == pytest.approx(expected["tau2_PM"], rel=1e-12)
    assert excess(between_variance(y, v, "paule_mandel")) == pytest.approx(0, abs=1e-9)


@given(effect_lists)
def test_reml_is_the_maximum_of_the_restricted_likelihood(lists):
    y, v = np.array(lists[0]), np.array(lists[1]) ** 2
    found = between_variance(y, v, "reml")
    best = restricted_likelihood(y, v, found)
    grid = np.concatenate([[0.0], np.geomspace(1e-8, 10, 300)])
    assert best >= max(restricted_likelihood(y, v, t) for t in grid) - 1e-9


@given(effect_lists)
def test_paule_mandel_solves_its_equation_or_is_zero(lists):
    y, v = np.array(lists[0]), np.array(lists[1]) ** 2
    tau2 = between_variance(y, v, "paule_mandel")
    w = 1 / (v + tau2)
    q = w @ (y - (w @ y) / w.sum()) ** 2
    assert q == pytest.approx(len(y) - 1, rel=1e-6) or (tau2 == 0 and q <= len(y) - 1)


@given(effect_lists, st.sampled_from(["reml", "dersimonian_laird", "paule_mandel"]))
def test_shrunk_effects_lie_between_the_effect_and_the_mean(lists, method):
    result = shrink_effects(*lists, method=method)
    for raw, shrunk in zip(lists[0], result.effects, strict=True):
        low, high = sorted((raw, result.mean))
        assert low - 1e-12 <= shrunk.estimate <= high + 1e-12
        assert 0 <= shrunk.shrinkage <= 1
        assert shrunk.standard_error > 0
        assert shrunk.interval.contains(shrunk.estimate)


@given(effect_lists, st.floats(-5, 5), st.sampled_from([1e-4, 0.1, 1e5]))
def test_another_unit_or_origin_moves_the_answer_along(lists, shift, factor):
    effects, errors = lists
    plain = shrink_effects(effects, errors)
    moved = shrink_effects([factor * (y + shift) for y in effects], [factor * s for s in errors])
    # The likelihood can be flat around its maximum, so only what it is flat in may move.
    assert moved.between_variance == pytest.approx(
        factor**2 * plain.between_variance, rel=1e-4, abs=1e-9 * factor**2
    )
    assert moved.mean / factor == pytest.approx(plain.mean + shift, rel=1e-4, abs=1e-5)
    assert moved.q_p_value == pytest.approx(plain.q_p_value, rel=1e-6, abs=1e-12)


def test_equal_effects_have_no_spread_and_still_an_interval():
    result = shrink_effects([0.02] * 6, [0.01] * 6)
    assert result.between_variance == 0
    assert result.i_squared == 0
    assert result.q_p_value == pytest.approx(1)
    assert all(effect.shrinkage == 1 for effect in result.effects)
    assert all(effect.interval.upper > effect.interval.lower for effect in result.effects)


def test_q_p_value_is_a_tail():
    result = shrink_effects([0.0, 1.0, 2.0, 3.0], [0.02] * 4)
    assert result.q_p_value == pytest.approx(stats.chi2.sf(result.q, 3), rel=1e-9)
    assert 0 < result.q_p_value < 1e-200 or result.q > 1400


def programmes(rng, num_programmes, num_tests, spread):
    for _ in range(num_programmes):
        errors = rng.uniform(0.005, 0.03, num_tests)
        truths = rng.normal(0.005, spread, num_tests)
        yield truths, rng.normal(truths, errors), errors


def test_selected_tests_are_right_on_average_and_covered():
    rng = np.random.default_rng(17)
    raw, shrunk, truth, covered, covered_selected = [], [], [], [], []
    for truths, effects, errors in programmes(rng, 250, 40, spread=0.02):
        result = shrink_effects(list(effects), list(errors))
        for i, one in enumerate(result.effects):
            hit = one.interval.contains(truths[i])
            covered.append(hit)
            if effects[i] > 1.96 * errors[i]:
                raw.append(effects[i])
                shrunk.append(one.estimate)
                truth.append(truths[i])
                covered_selected.append(hit)
    assert len(truth) > 1500
    assert np.mean(shrunk) == pytest.approx(np.mean(truth), rel=0.05)
    assert np.mean(raw) > 1.2 * np.mean(truth)
    assert 0.94 <= np.mean(covered) <= 0.965
    assert 0.935 <= np.mean(covered_selected) <= 0.97


def test_few_tests_give_a_reason():
    refused = shrink_effects([0.1, 0.2, 0.3], [0.1, 0.1, 0.1])
    assert refused.code == "too_few_tests"
    assert "3 tests" in refused.detail


@pytest.mark.parametrize(
    ("effects", "errors", "options", "message"),
    [
        ([1.0, 2.0], [1.0], {}, "2 effects and 1 standard errors"),
        ([1.0, math.nan, 1, 1], [1.0] * 4, {}, r"effects\[1\] is nan"),
        ([1.0] * 4, [1.0, 1.0, 0.0, 1.0], {}, r"standard_errors\[2\] is 0.0"),
        ([1.0] * 4, [1.0] * 4, {"method": "ml"}, "method is 'ml'"),
        ([1.0] * 4, [1.0] * 4, {"level": 0.0}, "level is 0.0"),
    ],
)
def test_bad_input_says_what_is_wrong(effects, errors, options, message):
    with pytest.raises(ValueError, match=message):
        shrink_effects(effects, errors, **options)
