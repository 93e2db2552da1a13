"""The two inversions of the score against the score itself, which finds its rates another way."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtesting.statistics.rates.restricted import linear_score, restricted_rate
from abtesting.statistics.rates.score import difference_limits, ratio_limits, score_statistic


@st.composite
def tables(draw):
    sizes = st.one_of(st.integers(2, 60), st.integers(2, 10**7))
    n_c, n_t = draw(sizes), draw(sizes)
    return (
        draw(st.one_of(st.integers(0, min(n_c, 5)), st.integers(0, n_c))),
        n_c,
        draw(st.one_of(st.integers(0, min(n_t, 5)), st.integers(0, n_t))),
        n_t,
    )


thresholds = st.floats(0.01, 60)


@given(tables(), thresholds)
def test_score_of_a_difference_at_its_limits_is_the_threshold(table, threshold):
    lower, upper = difference_limits(*table, threshold=threshold)
    for end, sign in ((lower, 1), (upper, -1)):
        if abs(end) < 1 - 1e-6:
            z = linear_score(*table, offset=end)
            assert z == pytest.approx(sign * math.sqrt(threshold), rel=1e-5)


@given(tables(), thresholds)
def test_score_of_a_ratio_at_its_limits_is_the_threshold(table, threshold):
    lower, upper = ratio_limits(*table, threshold=threshold)
    for end, sign in ((lower, 1), (upper, -1)):
        if 1e-12 < end < 1e12:
            z = linear_score(*table, slope=end)
            assert z == pytest.approx(sign * math.sqrt(threshold), rel=1e-5)


@given(tables())
def test_score_of_no_difference_is_that_of_a_ratio_of_one(table):
    total = table[1] + table[3]
    z = linear_score(*table) * math.sqrt((total - 1) / total)
    assert score_statistic(*table) == pytest.approx(z, rel=1e-9, abs=1e-12)


@given(tables(), st.floats(-0.9, 0.9))
def test_restricted_rates_are_no_less_likely_than_their_neighbours(table, offset):
    x_c, n_c, x_t, n_t = table

    def log_likelihood(rate):
        pairs = ((x_c, n_c, rate), (x_t, n_t, rate + offset))
        total = 0.0
        for x, n, p in pairs:
            if not -1e-12 <= p <= 1 + 1e-12:
                return -math.inf
            for count, share in ((x, p), (n - x, 1 - p)):
                if count:
                    total += count * math.log(share) if share > 0 else -math.inf
        return total

    rate = restricted_rate(*table, offset=offset, slope=1.0)
    best = log_likelihood(rate)
    slack = 1e-9 * max(1.0, abs(best)) if math.isfinite(best) else 0
    for step in (1e-3, 1e-5):
        for near in (rate - step, rate + step):
            assert log_likelihood(near) <= best + slack


def test_certain_rates_under_a_hypothesis_have_no_score():
    assert linear_score(0, 5, 0, 8) == 0
    assert linear_score(5, 5, 8, 8, slope=1.0) == 0
