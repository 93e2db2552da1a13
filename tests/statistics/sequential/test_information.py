"""Information of the looks where units alone don't tell how much is known."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtesting.statistics.moments import Counts, Moments
from abtesting.statistics.sequential.group_sequential import GroupSequentialLook
from abtesting.statistics.sequential.information import (
    accumulated_variance,
    increasing_information,
)
from abtesting.statistics.sequential.sequential_designs import spending_design
from abtesting.statistics.sequential.spending import Pocock

SHARES = (0.3, 0.6, 1.0)


def test_it_is_the_sum_of_squares_within_the_arms():
    arms = [np.array([0.0, 3.0, 9.0]), np.array([1.0, 1.0, 4.0, 6.0])]
    expected = sum(((x - x.mean()) ** 2).sum() for x in arms)
    assert accumulated_variance([Moments.from_array(x) for x in arms]) == pytest.approx(expected)


def test_counts_are_means_of_ones_and_zeros():
    values = np.array([1.0] * 3 + [0.0] * 9)
    counts = Counts(num_units=12, num_successes=3)
    expected = accumulated_variance([Moments.from_array(values)])
    assert accumulated_variance([counts]) == pytest.approx(expected)
    assert accumulated_variance([Counts(num_units=0, num_successes=0)]) == 0.0


def test_a_ratio_varies_around_its_line():
    rows = np.array([[1.0, 2.0], [4.0, 3.0], [0.0, 1.0], [7.0, 4.0]])
    ratio = rows[:, 0].sum() / rows[:, 1].sum()
    expected = ((rows[:, 0] - ratio * rows[:, 1]) ** 2).sum()
    assert accumulated_variance([Moments.from_array(rows)]) == pytest.approx(expected)


def test_what_is_no_arm_is_refused():
    with pytest.raises(ValueError, match="arms has a float; allowed: Counts, Moments"):
        accumulated_variance([1.0])


@given(st.lists(st.just(0.0) | st.floats(1e-6, 1e12), min_size=1, max_size=60).filter(any))
def test_information_increases_and_follows_what_does(variances):
    found = increasing_information(variances)
    assert all(low < high for low, high in itertools.pairwise(found))
    assert found[0] > 0
    assert all(x >= y for x, y in zip(found, variances, strict=True))
    if all(high > 1.01 * low > 0 for low, high in itertools.pairwise(variances)):
        assert found == tuple(variances) or variances[0] < 1e-9 * max(variances)


def test_nothing_known_at_any_look_is_no_information():
    with pytest.raises(ValueError, match="one of them above 0"):
        increasing_information([0.0, 0.0])


# A clock of its own for the error rate


def test_information_that_follows_the_plan_changes_nothing():
    plain = GroupSequentialLook(0.05, SHARES)
    scaled = GroupSequentialLook(0.05, tuple(731 * x for x in SHARES), spent_at=SHARES)
    assert scaled.critical(100, None) == pytest.approx(plain.critical(100, None), rel=1e-9)
    assert scaled.p_value(2.1, 100, None) == pytest.approx(plain.p_value(2.1, 100, None), rel=1e-6)
    assert scaled.information == pytest.approx(plain.information)


@pytest.mark.parametrize("information", [(3.0, 5.0, 100.0), (90.0, 95.0, 100.0), (1, 2, 4)])
def test_each_look_spends_its_share_of_the_plan(information):
    look = GroupSequentialLook(0.05, information, spent_at=SHARES, spending=Pocock())
    expected = spending_design(SHARES, alpha=0.05, spending=Pocock()).alpha_spent
    assert look.design.alpha_spent == pytest.approx(expected, rel=1e-6)


def test_later_looks_leave_the_boundaries_of_earlier_ones_as_they_were():
    first = GroupSequentialLook(0.05, (20.0, 50.0), spent_at=(0.4, 0.7))
    later = GroupSequentialLook(0.05, (20.0, 50.0, 120.0), spent_at=(0.4, 0.7, 1.0))
    assert later.design.critical_values[:2] == pytest.approx(first.design.critical_values)


def test_after_the_plan_nothing_is_left():
    over = GroupSequentialLook(0.05, (5.0, 9.0, 12.0), spent_at=(0.5, 1.05, 1.2))
    assert over.design.critical_values[-1] == math.inf
    assert over.p_value(9.0, 100, None) == 1.0


def test_both_clocks_have_the_same_looks():
    with pytest.raises(ValueError, match="spent_at has 2 looks and information 3"):
        GroupSequentialLook(0.05, SHARES, spent_at=(0.5, 1.0))


@pytest.mark.slow
def test_values_that_come_late_need_it():
    """Conversions 0 to 10 days after the unit: by units alone the looks seem too much alike."""
    rng = np.random.default_rng(5)
    days, per_day, looks, runs = 14, 400, 14, 4_000
    crossed = {"units": 0, "variance": 0}
    shares = tuple((day + 1) / days for day in range(looks))
    cohort_day = np.repeat(np.arange(days), per_day)
    by_units = [GroupSequentialLook(0.05, shares[: k + 1]).critical(1, None) for k in range(looks)]
    expected = [0.0] * looks
    delay_cdf = lambda d: min(max(d, 0) / 10, 1.0)  # noqa: E731
    for k in range(looks):
        expected[k] = sum(per_day * delay_cdf(k + 1 - day) for day in range(k + 1))
    by_variance = [
        GroupSequentialLook(0.05, tuple(expected[: k + 1]), spent_at=shares[: k + 1]).critical(
            1, None
        )
        for k in range(looks)
    ]
    for _ in range(runs):
        bought = rng.random((2, days * per_day)) < 0.05
        at = cohort_day + rng.uniform(0, 10, (2, days * per_day))
        z = []
        for k in range(looks):
            n = per_day * (k + 1)
            c, t = (int((bought[i, :n] & (at[i, :n] < k + 1)).sum()) for i in (0, 1))
            pooled = (c + t) / (2 * n)
            spread = math.sqrt(pooled * (1 - pooled) * 2 / n)
            z.append(abs(t - c) / n / spread if spread else 0.0)
        crossed["units"] += any(a > b for a, b in zip(z, by_units, strict=True))
        crossed["variance"] += any(a > b for a, b in zip(z, by_variance, strict=True))
    limit = 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)
    assert crossed["variance"] / runs < limit
    assert crossed["variance"] < crossed["units"]
