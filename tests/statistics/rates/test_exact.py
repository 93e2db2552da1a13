from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.moments import Counts
from abtesting.statistics.rates.exact import compare_proportions_exact, is_exact_feasible
from abtesting.statistics.rates.exact_tests import fisher_test
from abtesting.statistics.rates.restricted import linear_score
from abtesting.statistics.rates.unconditional import NEGLIGIBLE, TailProbability, turning_points
from abtesting.statistics.types import NotEnoughData

few_examples = settings(max_examples=25)


def counts(x, n):
    return Counts(num_units=n, num_successes=x)


def compare(control, variant, alpha=0.05, side="two_sided"):
    return compare_proportions_exact(counts(*control), counts(*variant), alpha=alpha, side=side)


@st.composite
def small_arms(draw, largest=14):
    n = draw(st.integers(2, largest))
    return draw(st.integers(0, n)), n


@st.composite
def rare_arms(draw):
    return draw(st.integers(0, 9)), draw(st.integers(20, 100_000))


hypotheses = st.one_of(
    st.tuples(st.floats(-0.9, 0.9), st.just(1.0)),
    st.tuples(st.just(0.0), st.floats(0.1, 10.0)),
    st.just((0.0, 1.0)),
)


def all_scores(n_c, n_t, offset, slope):
    return np.array(
        [
            [linear_score(i, n_c, j, n_t, offset=offset, slope=slope) for j in range(n_t + 1)]
            for i in range(n_c + 1)
        ]
    )


@given(st.integers(2, 20), st.integers(2, 20), hypotheses, st.floats(-4, 4))
def test_turning_points_are_where_a_table_of_all_scores_crosses(n_c, n_t, hypothesis, z):
    offset, slope = hypothesis
    scores = all_scores(n_c, n_t, offset, slope)
    assume(np.abs(scores - z).min() > 1e-6)
    turns, _ = turning_points(np.arange(n_c + 1.0), n_c, n_t, offset=offset, slope=slope, z=z)
    fewest = np.clip(np.ceil(turns), 0, n_t + 1)
    assert fewest.tolist() == [float(np.count_nonzero(row < z)) for row in scores]


@few_examples
@given(small_arms(), small_arms(), hypotheses, st.booleans())
def test_tail_probability_is_the_largest_sum_over_tables(control, variant, hypothesis, above):
    (x_c, n_c), (x_t, n_t) = control, variant
    offset, slope = hypothesis
    tail = TailProbability(counts(x_c, n_c), counts(x_t, n_t))
    scores = all_scores(n_c, n_t, offset, slope)
    z = scores[x_c, x_t]
    extreme = scores >= z - 1e-9 if above else scores <= z + 1e-9
    low = max(tail.control.low, (tail.variant.low - offset) / slope)
    high = min(tail.control.high, (tail.variant.high - offset) / slope)
    total = n_c + slope * n_t
    low = max(low, ((n_c + n_t) * tail.both.low - n_t * offset) / total)
    high = min(high, ((n_c + n_t) * tail.both.high - n_t * offset) / total)
    assume(low < high)
    rates = np.linspace(low, high, 400)
    pmf_c = stats.binom.pmf(np.arange(n_c + 1), n_c, rates[:, None])
    others = np.clip(offset + slope * rates[:, None], 0, 1)
    pmf_t = stats.binom.pmf(np.arange(n_t + 1), n_t, others)
    largest = np.einsum("gi,gj,ij->g", pmf_c, pmf_t, extreme.astype(float)).max()
    found = tail(z, offset=offset, slope=slope, above=above)
    assert found == pytest.approx(min(largest + NEGLIGIBLE, 1), rel=4e-3)


@few_examples
@given(rare_arms(), rare_arms(), st.sampled_from([0.05, 0.01, 0.2]))
def test_p_value_and_both_intervals_agree(control, variant, alpha):
    for side in ("two_sided", "greater", "less"):
        effect = compare(control, variant, alpha, side)
        assume(abs(effect.p_value / alpha - 1) > 1e-6)
        significant = effect.p_value < alpha
        assert significant == (not effect.difference_interval.contains(0.0))
        assert significant == (not effect.lift_interval.contains(0.0))
        assert effect.difference_interval.contains(effect.difference)
        assert effect.standard_error > 0


@few_examples
@given(
    st.one_of(rare_arms(), small_arms()),
    st.one_of(rare_arms(), small_arms(), st.none()),
    st.sampled_from([("two_sided", "two_sided"), ("greater", "less")]),
)
def test_swapping_the_arms_mirrors_the_effect(control, variant, sides):
    variant = variant or control
    effect = compare(control, variant, side=sides[0])
    swapped = compare(variant, control, side=sides[1])
    assert swapped.p_value == effect.p_value
    assert swapped.difference_interval.lower == -effect.difference_interval.upper
    assert swapped.difference_interval.upper == -effect.difference_interval.lower
    if 0 < effect.lift_interval.upper + 1 < math.inf:
        assert 1 / (swapped.lift_interval.lower + 1) == pytest.approx(
            effect.lift_interval.upper + 1, rel=1e-12
        )


@pytest.mark.parametrize(("control", "variant"), [((3, 500), (9, 505)), ((1, 80), (4, 20))])
def test_interval_ends_are_where_one_tail_is_half_the_level(control, variant):
    interval = compare(control, variant).difference_interval
    tail = TailProbability(counts(*control), counts(*variant))
    width = interval.upper - interval.lower
    for end, above in ((interval.lower, True), (interval.upper, False)):
        outwards = -width if above else width
        for inside in (0, 1):
            d = end + (1e-6 if inside else 2e-3) * outwards * (-1 if inside else 1)
            z = linear_score(*control, *variant, offset=d)
            p = tail(z, offset=d, slope=1.0, above=above)
            assert (p >= 0.025) == bool(inside)


def test_an_arm_without_any_success_against_twenty():
    effect = compare((0, 1000), (20, 1000))
    fisher = fisher_test(counts(0, 1000), counts(20, 1000)).p_value
    assert fisher / 3 < effect.p_value < fisher * 3
    assert 0.01 < effect.difference_interval.lower < effect.difference_interval.upper < 0.035
    assert effect.lift is None
    assert 3 < effect.lift_interval.lower < effect.lift_interval.upper == math.inf


@pytest.mark.parametrize("x", [0, 1], ids=["no success", "no failure"])
def test_equal_certain_rates_are_no_evidence_but_an_interval(x):
    effect = compare((x * 400, 400), (x * 600, 600))
    assert effect.p_value == 1
    assert -0.02 < effect.difference_interval.lower < -0.001
    assert 0.001 < effect.difference_interval.upper < 0.02


def test_opposite_certain_rates_reach_the_end_of_the_scale():
    effect = compare((0, 40), (40, 40))
    assert effect.difference_interval.upper == 1
    assert effect.difference_interval.lower > 0.8
    assert effect.p_value < 1e-6


def test_levels_below_the_floor_of_the_p_value_rule_out_nothing():
    effect = compare((0, 40), (40, 40), alpha=1e-8)
    assert not effect.is_significant
    assert (effect.difference_interval.lower, effect.difference_interval.upper) == (-1, 1)
    assert (effect.lift_interval.lower, effect.lift_interval.upper) == (-1, math.inf)


@pytest.mark.parametrize(("n_c", "n_t", "rate"), [(40, 40, 0.05), (15, 60, 0.1), (30, 30, 0.5)])
def test_error_rate_and_coverage_never_exceed_the_level(n_c, n_t, rate):
    rejected = 0.0
    likely = [
        range(int(stats.binom.ppf(1e-4, n, rate)), int(stats.binom.isf(1e-4, n, rate)) + 1)
        for n in (n_c, n_t)
    ]
    for x_c, x_t in itertools.product(*likely):
        tail = TailProbability(counts(x_c, n_c), counts(x_t, n_t))
        z = linear_score(x_c, n_c, x_t, n_t)
        tails = [tail(z, offset=0.0, slope=1.0, above=above) for above in (True, False)]
        if 2 * min(tails) < 0.05:
            rejected += stats.binom.pmf(x_c, n_c, rate) * stats.binom.pmf(x_t, n_t, rate)
    assert rejected <= 0.05
    assert rejected > 0.005


def test_too_few_units_give_no_result():
    assert isinstance(compare((0, 1), (1, 1)), NotEnoughData)


def test_feasible_with_few_successes_or_few_units_in_one_arm():
    half = counts(500_000, 1_000_000)
    assert is_exact_feasible(counts(3, 10**9), half, alpha=0.05)
    assert is_exact_feasible(counts(50, 100), half, alpha=0.05)
    assert is_exact_feasible(counts(10**6 - 2, 10**6), half, alpha=0.05)
    assert not is_exact_feasible(half, half, alpha=0.05)
    assert not is_exact_feasible(counts(3, 10**9), half, alpha=1e-6)
    assert not is_exact_feasible(counts(3, 10**12), half, alpha=0.05)


@pytest.mark.parametrize("alpha", [0.0, 1.0, math.nan])
def test_bad_levels_are_refused(alpha):
    with pytest.raises(ValueError, match="alpha is"):
        compare((1, 10), (2, 10), alpha=alpha)
