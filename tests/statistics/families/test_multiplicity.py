from __future__ import annotations

import math
from itertools import combinations, pairwise
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.families.multiplicity import (
    Adjustment,
    adjust,
    e_bh,
    estimate_null_share,
    q_values,
)
from tests.known_answers import cases, close

METHODS = get_args(Adjustment)
OTHER_NAMES = {"fdr_bh": "bh", "fdr_by": "by", "BH": "bh", "BY": "by", "holm-sidak": "holm_sidak"}

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=8)
# With values of a small grid, ties are common.
TIED = st.lists(st.sampled_from([0.0, 1e-9, 0.01, 0.02, 0.05, 0.5, 1.0]), min_size=1, max_size=8)


@cases("multiplicity", "multiple_testing")
def test_against_other_programs(case):
    p_values = case["inputs"]["p"]
    for name, expected in case["expected"].items():
        if name == "q":
            found = q_values(p_values, null_share=1.0)
        else:
            found = adjust(p_values, method=OTHER_NAMES.get(name, name))
        assert found == pytest.approx(expected, **close(case)), name


@given(P_VALUES | TIED)
def test_closed_testing_with_bonferroni_is_holm(p_values):
    assert adjust(p_values, method="holm") == pytest.approx(
        closed(p_values, lambda p: len(p) * min(p))
    )


@given(P_VALUES | TIED)
def test_closed_testing_with_simes_is_hommel(p_values):
    def simes(p):
        return min(len(p) * value / rank for rank, value in enumerate(sorted(p), 1))

    assert adjust(p_values, method="hommel") == pytest.approx(closed(p_values, simes))


def closed(p_values, local):
    """Closed testing by its definition: the largest p-value of all intersections with i."""
    indices = range(len(p_values))
    sets = [c for size in range(1, len(p_values) + 1) for c in combinations(indices, size)]
    local_p = {c: min(1.0, local([p_values[i] for i in c])) for c in sets}
    return [max(p for c, p in local_p.items() if i in c) for i in indices]


@given(P_VALUES | TIED)
def test_benjamini_hochberg_agrees_with_scipy(p_values):
    for method in ("bh", "by"):
        expected = stats.false_discovery_control(p_values, method=method)
        assert adjust(p_values, method=method) == pytest.approx(expected.tolist())


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=30)
@given(p_values=P_VALUES | TIED, random=st.randoms(use_true_random=False))
def test_adjusted_values_are_sound(method, p_values, random):
    adjusted = adjust(p_values, method=method)
    assert all(p * (1 - 1e-12) <= q <= 1 for p, q in zip(p_values, adjusted, strict=True))
    # Monotone in the p-value, so that ties stay ties, and tied to the value, not to its place.
    pairs = sorted(zip(p_values, adjusted, strict=True))
    assert [q for _, q in pairs] == sorted(q for _, q in pairs)
    order = random.sample(range(len(p_values)), len(p_values))
    assert adjust([p_values[i] for i in order], method=method) == tuple(adjusted[i] for i in order)


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=30)
@given(p_values=P_VALUES, i=st.integers(0, 7), factor=st.floats(0, 1))
def test_a_smaller_p_value_makes_none_of_the_others_larger(method, p_values, i, factor):
    smaller = list(p_values)
    smaller[i % len(p_values)] *= factor
    before, after = adjust(p_values, method=method), adjust(smaller, method=method)
    assert all(a <= b + 1e-12 for a, b in zip(after, before, strict=True))


@given(P_VALUES)
def test_each_method_is_at_least_as_strong_as_its_simpler_form(p_values):
    found = {method: np.array(adjust(p_values, method=method)) + 1e-12 for method in METHODS}
    chain = ["hommel", "hochberg", "holm", "bonferroni"]
    for stronger, weaker in [*pairwise(chain), ("bh", "hochberg"), ("bh", "by")]:
        assert (found[stronger] <= found[weaker] + 1e-12).all()
    assert (found["holm_sidak"] <= found["holm"] + 1e-12).all()
    assert (found["sidak"] <= found["bonferroni"] + 1e-12).all()


@pytest.mark.parametrize("method", METHODS)
def test_one_test_is_not_adjusted_and_none_gives_none(method):
    assert adjust([0.03], method=method) == pytest.approx((0.03,))
    assert adjust([], method=method) == ()


@pytest.mark.parametrize("method", METHODS)
def test_the_far_tail_keeps_its_digits(method):
    adjusted = adjust([1e-300, 0.5, 0.7], method=method)
    assert 1e-300 <= adjusted[0] <= 1e-299


def test_q_values_shrink_with_the_share_of_true_null_hypotheses():
    p_values = [0.001, 0.01, 0.02, 0.04, 0.05, 0.06, 0.3, 0.9]
    share = estimate_null_share(p_values)
    assert share == pytest.approx(2 / 4)
    expected = [share * q for q in adjust(p_values, method="bh")]
    assert q_values(p_values, null_share=share) == pytest.approx(expected)
    assert estimate_null_share([0.9, 0.8]) == 1.0


def test_e_bh_by_hand():
    # The k-th largest needs 4 / (0.1 k): 40, 20, 13.3, 10.
    result = e_bh([math.log(e) for e in (19, 60, 14, 1)], alpha=0.1)
    assert result.rejected == (True, True, True, False)
    assert result.adjusted_p_values == pytest.approx((4 / 3 / 14, 4 / 60, 4 / 3 / 14, 1.0))


def test_e_bh_takes_e_values_of_any_size():
    result = e_bh([1e6, -math.inf, 0.0], alpha=0.05)
    assert result.rejected == (True, False, False)
    assert e_bh([], alpha=0.05).rejected == ()
    assert e_bh([math.log(20.0)], alpha=0.05).rejected == (True,)


@given(st.lists(st.floats(-5, 50), min_size=1, max_size=8), st.floats(0.01, 0.2))
def test_e_bh_is_benjamini_hochberg_on_inverse_e_values(log_e_values, alpha):
    p_values = [math.exp(-max(e, 0.0)) for e in log_e_values]
    result = e_bh(log_e_values, alpha=alpha)
    assert result.adjusted_p_values == pytest.approx(adjust(p_values, method="bh"))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: adjust([0.1, math.nan]), r"p_values\[1\] is nan"),
        (lambda: adjust([1.1]), r"p_values\[0\] is 1.1"),
        (lambda: adjust([0.1], method="fdr"), "method is 'fdr'; it must be one of bonferroni"),
        (lambda: q_values([0.1], null_share=0), "null_share is 0"),
        (lambda: estimate_null_share([]), "p_values is empty"),
        (lambda: estimate_null_share([0.1], threshold=1), "threshold is 1"),
        (lambda: e_bh([math.nan], alpha=0.05), "log_e_values"),
        (lambda: e_bh([1.0], alpha=1), "alpha is 1"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


NUM_RUNS = 1_000
BAND = 3 * math.sqrt(0.05 * 0.95 / NUM_RUNS)


@pytest.fixture(scope="module")
def metrics_and_arms():
    """z of 10 metrics x 3 variants: correlated .5 among metrics, and by the shared control."""
    rng = np.random.default_rng(1010)
    shared = rng.standard_normal((NUM_RUNS, 4, 1))
    arms = math.sqrt(0.5) * (shared + rng.standard_normal((NUM_RUNS, 4, 10)))
    return ((arms[:, 1:] - arms[:, :1]) / math.sqrt(2)).reshape(NUM_RUNS, 30)


@pytest.mark.parametrize("method", ["holm", "hochberg", "hommel"])
def test_family_wise_error_with_all_and_with_some_null_hypotheses_true(metrics_and_arms, method):
    for shift in (np.zeros(30), np.where(np.arange(30) < 10, 3.5, 0.0)):
        p_values = 2 * stats.norm.sf(np.abs(metrics_and_arms + shift))
        claimed = np.array([adjust(row.tolist(), method=method) for row in p_values]) < 0.05
        assert claimed[:, shift == 0].any(axis=1).mean() <= 0.05 + BAND


@pytest.mark.parametrize(("method", "bound"), [("bh", 0.05), ("by", 0.05)])
def test_false_discovery_rate(metrics_and_arms, method, bound):
    for shift in (np.zeros(30), np.where(np.arange(30) < 10, 3.5, 0.0)):
        p_values = 2 * stats.norm.sf(np.abs(metrics_and_arms + shift))
        claimed = np.array([adjust(row.tolist(), method=method) for row in p_values]) < 0.05
        false = claimed[:, shift == 0].sum(axis=1) / np.maximum(claimed.sum(axis=1), 1)
        assert false.mean() <= bound + BAND
