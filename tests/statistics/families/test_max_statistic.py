from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from abtesting.statistics.families.max_statistic import max_tail

LOADINGS = st.lists(st.floats(0, 1), min_size=1, max_size=5)


@pytest.mark.parametrize("df", [1, 2, 5, 30, 1e4, 1e7, 1e10, None])
@pytest.mark.parametrize("critical", [0.3, 2, 5, 12, 35, 1000])
@pytest.mark.parametrize("loading", [0.0, 0.6, 0.999, 1.0])
def test_one_statistic_has_the_tail_of_t(critical, df, loading):
    one = float(special.ndtr(-critical) if df is None else special.stdtr(df, -critical))
    if one > 1e-300:
        for two_sided in (True, False):
            found = max_tail(critical, [loading], df=df, two_sided=two_sided)
            assert found == pytest.approx(one * (1 + two_sided), rel=1e-8)
    below = max_tail(-critical, [loading], df=df, two_sided=False)
    assert below == pytest.approx(1 - one, rel=1e-8)


@pytest.mark.parametrize("critical", [0.5, 2.5, 8.0, 30.0])
def test_independent_statistics_multiply(critical):
    found = max_tail(critical, [0.0] * 4, df=None, two_sided=True)
    assert found == pytest.approx(
        -math.expm1(4 * math.log1p(-2 * special.ndtr(-critical))), rel=1e-9
    )


@pytest.mark.parametrize("df", [None, 4.0])
def test_statistics_that_are_all_control_are_one(df):
    assert max_tail(2.5, [1.0, 1.0, 1.0], df=df, two_sided=True) == pytest.approx(
        max_tail(2.5, [0.3], df=df, two_sided=True), rel=1e-5
    )


@pytest.mark.parametrize(
    ("critical", "loadings", "two_sided"),
    [(2.3, [0.7, 0.7, 0.7], True), (6, [0.3, 0.9, 0.97], True), (3, [0.1, 0.9, 0.999], False)],
)
def test_agrees_with_a_sum_over_a_fine_grid(critical, loadings, two_sided):
    lam = np.array(loadings)
    z = np.linspace(-16, 16, 200_001)[:, None]
    tails = special.ndtr((lam * z - critical) / np.sqrt(1 - lam**2))
    if two_sided:
        tails = tails + special.ndtr((-lam * z - critical) / np.sqrt(1 - lam**2))
    some = -np.expm1(np.log1p(-np.minimum(tails, 1 - 1e-15)).sum(axis=1))
    expected = (some * stats.norm.pdf(z[:, 0])).sum() * 32 / 200_000
    found = max_tail(critical, loadings, df=None, two_sided=two_sided)
    assert found == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("df", [None, 6])
def test_two_statistics_agree_with_the_bivariate_distribution(df):
    correlation = 0.8 * 0.5
    shape = [[1, correlation], [correlation, 1]]
    joint = (
        stats.multivariate_normal(cov=shape)
        if df is None
        else stats.multivariate_t(shape=shape, df=df, seed=1)
    )
    inside = joint.cdf([2.0, 2.0], lower_limit=[-2.0, -2.0])
    assert max_tail(2.0, [0.8, 0.5], df=df, two_sided=True) == pytest.approx(1 - inside, abs=2e-4)


@settings(max_examples=50, deadline=None)
@given(LOADINGS, st.floats(0.1, 30), st.booleans(), st.sampled_from([None, 3, 50]))
def test_lies_between_one_tail_and_their_sum(loadings, critical, two_sided, df):
    one = max_tail(critical, loadings[:1], df=df, two_sided=two_sided)
    found = max_tail(critical, loadings, df=df, two_sided=two_sided)
    assert one * (1 - 1e-7) <= found <= min(1.0, len(loadings) * one) * (1 + 1e-7)
    assert max_tail(critical * 1.01, loadings, df=df, two_sided=two_sided) < found


def test_two_sides_at_no_distance_are_certain():
    assert max_tail(0.0, [0.5], df=None, two_sided=True) == 1.0
    assert max_tail(-1.0, [0.5], df=3, two_sided=True) == 1.0


@pytest.mark.parametrize(
    ("critical", "loadings", "df", "message"),
    [
        (1.0, [], None, "loadings are"),
        (1.0, [1.1], None, "loadings are"),
        (1.0, [math.nan], None, "loadings are"),
        (math.inf, [0.5], None, "critical is inf"),
        (1.0, [0.5], 0, "df is 0"),
    ],
)
def test_bad_input_is_refused(critical, loadings, df, message):
    with pytest.raises(ValueError, match=message):
        max_tail(critical, loadings, df=df, two_sided=True)
