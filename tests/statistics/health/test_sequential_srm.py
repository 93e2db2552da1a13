from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtesting.statistics.health.sequential_srm import (
    CONCENTRATIONS,
    SequentialSrm,
    SrmLook,
    log_bayes_factor,
    sequential_srm_test,
)
from abtesting.statistics.types import NotEnoughData
from tests.known_answers import cases, close


def look(*counts, weights=None):
    return SrmLook(counts=counts, weights=weights or (1,) * len(counts))


@cases("sequential_srm", "sequential_srm")
def test_bayes_factor_against_another_program(case):
    inputs, expected = case["inputs"], case["expected"]
    result = sequential_srm_test(
        [SrmLook(counts=inputs["counts"], weights=inputs["theta0"])], concentrations=[inputs["k"]]
    )
    assert result.log_e_value == pytest.approx(expected["log_bayes_factor"], **close(case))
    assert result.p_value == pytest.approx(expected["p_value"], **close(case))


@given(
    st.lists(st.tuples(st.integers(0, 300), st.floats(0.2, 5)), min_size=2, max_size=4),
    st.floats(0.5, 1e5),
)
def test_bayes_factor_is_the_product_of_predictions(arms, k):
    """The Dirichlet-multinomial by its urn: each unit is predicted from those before it."""
    counts, weights = zip(*arms, strict=True)
    shares = [weight / sum(weights) for weight in weights]
    expected = math.fsum(
        math.log((k * share + before) / share)
        for count, share in zip(counts, shares, strict=True)
        for before in range(count)
    ) - math.fsum(math.log(k + before) for before in range(sum(counts)))
    found = float(log_bayes_factor(counts, shares, concentration=k))
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_a_million_million_units():
    """Laplace's approximation, whose error is of the order of 1 over the units."""
    n, k, excess = 10**12, 1_000.0, 3_000_000
    counts = [n // 2 + excess, n // 2 - excess]
    found = float(log_bayes_factor(counts, [0.5, 0.5], concentration=k))
    log_prior = math.lgamma(k) - 2 * math.lgamma(k / 2) - (k - 2) * math.log(2)
    divergence = 2 * (excess / n) ** 2 * n
    expected = divergence + log_prior + 0.5 * math.log(2 * math.pi * 0.25 / n)
    assert found == pytest.approx(expected, rel=1e-6)


def test_the_mean_of_the_e_value_is_1_when_nothing_is_wrong():
    n = 40
    k = np.arange(n + 1)
    masses = np.array([math.comb(n, int(i)) * 0.3**i * 0.7 ** (n - i) for i in k])
    factors = np.exp(log_bayes_factor(np.stack([k, n - k], axis=-1), [0.3, 0.7], concentration=5))
    assert (masses * factors).sum() == pytest.approx(1.0)


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=1, max_size=6))
def test_p_values_never_rise_and_never_exceed_1(days):
    result = sequential_srm_test([look(*day) for day in days])
    if isinstance(result, NotEnoughData):
        assert sum(map(sum, days)) == 0
        return
    assert all(0 <= p <= 1 for p in result.p_values)
    assert list(result.p_values) == sorted(result.p_values, reverse=True)
    assert result.p_value == result.p_values[-1] == math.exp(-result.max_log_e_value)


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=2, max_size=6))
def test_the_largest_e_value_so_far_stands_for_the_days_before(days):
    looks = [look(day[0] + 1, day[1]) for day in days]
    whole = sequential_srm_test(looks)
    before = sequential_srm_test(looks[:-1])
    total = [sum(arm) for arm in zip(*(one.counts for one in looks), strict=True)]
    again = sequential_srm_test([look(*total)], previous_max_log_e_value=before.max_log_e_value)
    assert again.log_e_value == pytest.approx(whole.log_e_value, abs=1e-9)
    assert again.p_value == pytest.approx(whole.p_value, rel=1e-9)


@given(st.permutations([0, 1, 2]))
def test_the_order_of_the_arms_plays_no_part(order):
    counts, weights = (500, 300, 260), (2, 1, 1)
    first = sequential_srm_test([look(*counts, weights=weights)])
    second = sequential_srm_test(
        [look(*(counts[i] for i in order), weights=[weights[i] for i in order])]
    )
    assert first.log_e_value == pytest.approx(second.log_e_value)


def test_weights_of_any_sum_are_shares():
    first = sequential_srm_test([look(60, 30, weights=(2, 1))])
    assert first.log_e_value == sequential_srm_test([look(60, 30, weights=(0.5, 0.25))]).log_e_value


def test_e_values_of_phases_with_different_weights_multiply():
    first, second = look(130, 900, weights=(1, 9)), look(480, 520, weights=(1, 1))
    together = sequential_srm_test([first, second], concentrations=[100])
    alone = [
        sequential_srm_test([one], concentrations=[100]).log_e_value for one in (first, second)
    ]
    assert together.log_e_value == pytest.approx(sum(alone))
    assert together.expected == pytest.approx((103 + 500, 927 + 500))


def test_a_ramp_up_is_no_mismatch():
    ramp = [look(100, 900, weights=(1, 9))] * 3 + [look(500, 500)] * 3
    assert not sequential_srm_test(ramp).is_mismatch
    wrong = [look(100, 900)] * 3 + [look(500, 500)] * 3
    assert sequential_srm_test(wrong).is_mismatch


def test_an_arm_with_weight_0_counts_only_as_a_leak():
    with_it = sequential_srm_test([look(500, 0, 520, weights=(1, 0, 1))])
    assert with_it.log_e_value == sequential_srm_test([look(500, 520)]).log_e_value
    assert not with_it.is_mismatch
    leaked = sequential_srm_test([look(500, 2, 520, weights=(1, 0, 1))])
    assert (leaked.leaked_units, leaked.is_mismatch) == (2, True)
    assert leaked.log_e_value == with_it.log_e_value


def test_an_arm_may_be_switched_on_later():
    result = sequential_srm_test(
        [look(500, 500, 0, weights=(1, 1, 0)), look(300, 310, 290, weights=(1, 1, 1))]
    )
    assert (result.leaked_units, result.is_mismatch) == (0, False)


def test_no_units_or_one_arm_give_no_result():
    assert sequential_srm_test([look(0, 0)]).code == "too_few_units"
    assert sequential_srm_test([look(50, 3, weights=(1, 0))]).code == "one_arm"
    # A first day without any traffic is a day like any other.
    assert isinstance(sequential_srm_test([look(0, 0), look(5, 4)]), SequentialSrm)


def test_a_gross_fault_is_found_at_once():
    result = sequential_srm_test([look(5_000, 4_000)] * 3)
    assert result.first_mismatch == 0
    assert 0 < result.p_value < 1e-20
    assert sequential_srm_test([look(5_000, 5_000)] * 3).first_mismatch is None


@pytest.mark.parametrize(
    ("looks", "kwargs", "message"),
    [
        ([], {}, "looks is empty"),
        ([look(1, 2), look(1, 2, 3)], {}, r"looks\[1\] has 3 arms"),
        ([look(-1, 2)], {}, r"observed\[0\] is -1"),
        ([look(1, 2, weights=(1, -1))], {}, r"weights\[1\] is -1"),
        ([look(1, 2)], {"alpha": 1.5}, "alpha is 1.5"),
        ([look(1, 2)], {"concentrations": ()}, "concentrations is empty"),
        ([look(1, 2)], {"concentrations": (0,)}, r"concentrations\[0\] is 0"),
        ([look(1, 2)], {"previous_max_log_e_value": -1}, "previous_max_log_e_value is -1"),
        ([look(1, 2)], {"previous_max_log_e_value": math.nan}, "previous_max_log_e_value is nan"),
    ],
)
def test_bad_input_is_refused(looks, kwargs, message):
    with pytest.raises(ValueError, match=message):
        sequential_srm_test(looks, **kwargs)


def any_day(share, *, num_runs=4_000, seed):
    """Log e-values of 28 daily looks at 5,000 units a day: [run, day]."""
    rng = np.random.default_rng(seed)
    first = rng.binomial(5_000, share, size=(num_runs, 28)).cumsum(axis=1)
    counts = np.stack([first, 5_000 * np.arange(1, 29) - first], axis=-1)
    by_k = [log_bayes_factor(counts, [0.5, 0.5], concentration=k) for k in CONCENTRATIONS]
    return np.log(np.mean(np.exp(np.minimum(by_k, 600.0)), axis=0)).max(axis=1)


@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_false_alarms_over_28_daily_looks(alpha):
    assert (any_day(0.5, seed=21) > -math.log(alpha)).mean() <= alpha


@pytest.mark.parametrize(("share", "least"), [(0.51, 0.98), (0.505, 0.53)])
def test_detection_within_28_days(share, least):
    assert (any_day(share, seed=22) > -math.log(0.01)).mean() >= least
