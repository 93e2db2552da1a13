from __future__ import annotations

import math
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.health.srm_exact import binomial_p_value, multinomial_p_value
from tests.known_answers import cases, close


@cases("srm", "srm_exact")
def test_k_of_n_against_another_program(case):
    inputs = case["inputs"]
    found = binomial_p_value(inputs["k"], inputs["n"], share=inputs["weight"])
    assert found == pytest.approx(case["expected"]["p_value"], **close(case))


@given(st.integers(0, 3000), st.floats(0.001, 0.999), st.data())
def test_binomial_agrees_with_scipy(n, share, data):
    k = data.draw(st.integers(0, n))
    found = binomial_p_value(k, n, share=share)
    if n:
        # Below 1e-280 SciPy's tail loses digits; the exact sum below shows that ours does not.
        assert found == pytest.approx(stats.binomtest(k, n, share).pvalue, rel=1e-6, abs=1e-280)


def test_binomial_keeps_its_digits_in_the_far_tail():
    share = Fraction(5, 8)
    masses = (math.comb(752, i) * share**i * (1 - share) ** (752 - i) for i in range(12))
    assert binomial_p_value(11, 752, share=0.625) == pytest.approx(
        float(sum(masses)), rel=1e-12, abs=0
    )


@given(st.integers(0, 3000), st.floats(0.001, 0.999), st.data())
def test_binomial_p_values_are_probabilities(n, share, data):
    found = binomial_p_value(data.draw(st.integers(0, n)), n, share=share)
    assert 0 <= found <= 1


@given(st.integers(1, 10**6), st.floats(0.01, 0.99), st.data())
def test_the_other_arm_has_the_same_p_value(n, share, data):
    k = data.draw(st.integers(0, n))
    mirrored = binomial_p_value(n - k, n, share=1 - share)
    # 1 - share is rounded, and with it the probabilities of far tails.
    assert binomial_p_value(k, n, share=share) == pytest.approx(mirrored, rel=1e-6, abs=1e-250)


def test_p_values_fall_away_from_the_plan():
    found = [binomial_p_value(k, 50, share=0.5) for k in range(25, 51)]
    assert found[0] == 1.0
    assert found == sorted(found, reverse=True)


def test_far_tails_and_many_units():
    assert binomial_p_value(0, 900, share=0.5) == pytest.approx(2**-899, rel=1e-9)
    million_million = binomial_p_value(5 * 10**11 + 3 * 10**6, 10**12, share=0.5)
    assert million_million == pytest.approx(2 * stats.norm.sf(6), rel=1e-4)


@pytest.mark.parametrize(
    ("counts", "shares"),
    [
        ((8, 1, 1), (0.5, 0.3, 0.2)),
        ((3, 3, 3), (1 / 3, 1 / 3, 1 / 3)),
        ((0, 0, 6, 1), (0.25, 0.25, 0.25, 0.25)),
        ((2, 5), (0.9, 0.1)),
    ],
)
def test_multinomial_is_the_sum_over_all_splits(counts, shares):
    n = sum(counts)
    splits = [c for c in product(range(n + 1), repeat=len(counts)) if sum(c) == n]
    masses = [stats.multinomial.pmf(split, n, shares) for split in splits]
    observed = stats.multinomial.pmf(counts, n, shares)
    expected = sum(mass for mass in masses if mass <= observed * (1 + 1e-9))
    assert multinomial_p_value(counts, shares) == pytest.approx(expected, rel=1e-9)


def test_two_arms_are_the_binomial():
    found = multinomial_p_value([30, 12], [0.6, 0.4])
    assert found == pytest.approx(binomial_p_value(30, 42, share=0.6), rel=1e-9)


def test_too_many_splits_are_not_listed():
    assert multinomial_p_value([500, 500, 500], [0.4, 0.3, 0.3]) is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: binomial_p_value(5, 4, share=0.5), "count is 5"),
        (lambda: binomial_p_value(1, 4, share=1.0), "share is 1.0"),
        (lambda: binomial_p_value(-1, 4, share=0.5), "count is -1"),
        (lambda: multinomial_p_value([1, 2], [1.0]), "2 counts and 1 shares"),
        (lambda: multinomial_p_value([1], [1.0]), "at least 2"),
        (lambda: multinomial_p_value([1, 2], [0.5, 0.6]), "sum to 1.1; they must sum to 1"),
        (lambda: multinomial_p_value([1, 2], [0.0, 1.0]), "above 0"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
