"""Looks that share more or less than their units: how alike they are, and what follows."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtesting.statistics.sequential.group_sequential import GroupSequentialLook
from abtesting.statistics.sequential.information import information_of, look_correlation
from abtesting.statistics.sequential.sequential_designs import spending_design
from abtesting.statistics.sequential.spending import Pocock

SHARES = (0.3, 0.6, 1.0)
correlations = st.lists(st.floats(0, 1), max_size=59)


def test_values_that_are_there_with_their_units_are_as_alike_as_the_units():
    values = np.random.default_rng(2).lognormal(3, 1, 1000)
    arms = [(values[:400], values[:400], values)]
    expected = math.sqrt(values[:400].var() * 400 / (values.var() * 1000))
    assert look_correlation(arms) == pytest.approx(expected)


def test_conversions_are_as_alike_as_their_odds():
    """Of units that were all there at the first look, 20 % had converted, and 50 % have now."""
    before, now = ([1.0] * count + [0.0] * (1000 - count) for count in (200, 500))
    found = look_correlation([(before, now, now)])
    assert found == pytest.approx(math.sqrt((0.2 / 0.8) / (0.5 / 0.5)))


def test_it_is_the_correlation_of_the_totals():
    rng = np.random.default_rng(1)
    base = rng.exponential(1.0, (500, 300))
    before = base * (rng.random((500, 300)) < 0.4)
    now = base * (rng.random((500, 300)) < 0.9)
    expected = np.corrcoef(before.mean(axis=1), now.mean(axis=1))[0, 1]
    found = [look_correlation([(a, b, b)]) for a, b in zip(before, now, strict=True)]
    assert np.mean(found) == pytest.approx(expected, abs=4 * (1 - expected**2) / math.sqrt(500))


def test_arms_add_up_each_around_its_own_mean():
    one = (np.array([0.0, 2.0]), np.array([0.0, 2.0]), np.array([0.0, 2.0, 4.0]))
    other = tuple(values + 100 for values in one)
    assert look_correlation([one, other]) == pytest.approx(look_correlation([one]))


def test_values_that_do_not_vary_have_no_correlation():
    assert look_correlation([([0.0, 0.0], [0.0, 1.0], [0.0, 1.0])]) is None
    assert look_correlation([([], [], [1.0, 2.0])]) is None


@pytest.mark.parametrize(
    ("arm", "message"),
    [
        (([1.0], [1.0]), "has 2 values; it must have 3 arrays"),
        (([1.0], [1.0, 2.0], [1.0, 2.0]), "has 1, 2 and 2 units"),
        (([1.0, 2.0], [1.0, 2.0], [1.0]), "has 2, 2 and 1 units"),
    ],
)
def test_arms_that_do_not_fit_are_refused(arm, message):
    with pytest.raises(ValueError, match=message):
        look_correlation([arm])


def test_a_correlation_is_between_0_and_1():
    with pytest.raises(ValueError, match=r"correlations has 1\.5; each must be from 0 to 1"):
        information_of([0.5, 1.5])


@given(correlations)
def test_information_increases(found):
    information = information_of(found)
    assert len(information) == len(found) + 1
    assert all(low < high < math.inf for low, high in itertools.pairwise(information))


@given(correlations.filter(bool), st.floats(-6, 6))
def test_every_sequence_of_looks_has_an_answer(found, z):
    shares = tuple((k + 1) / (len(found) + 1) for k in range(len(found) + 1))
    look = GroupSequentialLook(0.05, information_of(found), spent_at=shares)
    p_value = look.p_value(z, 100, None)
    assert 0 <= p_value <= 1
    assert (p_value < 0.05) is (abs(z) > look.critical(100, None))


def test_looks_with_next_to_nothing_between_them_have_a_p_value():
    """Chances below the smallest float used to end in a division by zero."""
    information = (0.044, 0.1456, 0.2591, 0.3847, 0.517, 0.6408, 0.7415, 0.8281, 0.9023, 0.9476)
    information += (0.9980029960049943, 0.9990009990009991, 1.0)
    shares = (0.178, 0.3255, 0.43975, 0.54625, 0.626, 0.69275, 0.74925, 0.79575, 0.8435, 0.8735)
    look = GroupSequentialLook(0.05, information, spent_at=(*shares, 0.918, 0.958, 1.0))
    for z in (0.0135, 0.75, 3.0):
        assert 0 < look.p_value(z, 100, None) <= 1


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
@pytest.mark.parametrize("returned", [0.0, 0.4])
def test_values_that_come_late_and_go_back_keep_the_error_rate(returned):
    """Most units come early, order up to five days later, and return some of it days after that."""
    rng = np.random.default_rng(6)
    num_days, runs = 14, 2_000
    arrivals = np.round(1200 * 0.8 ** np.arange(num_days) / 5).astype(int)
    came = np.repeat(np.arange(num_days), arrivals)
    there = np.cumsum(arrivals)
    shares = tuple((there / there[-1]).tolist())
    errors = {"units": 0, "alike": 0}
    by_units = GroupSequentialLook(0.05, shares).design.critical_values
    boundaries = None
    for run in range(runs):
        amount = rng.lognormal(3.5, 0.8, (2, len(came))) * (rng.random((2, len(came))) < 0.2)
        ordered = came + rng.uniform(0, 5, amount.shape)
        back = ordered + rng.uniform(3, 10, amount.shape)
        back[rng.random(amount.shape) >= returned] = np.inf
        known = [amount * ((ordered < day) & (back >= day)) for day in range(1, num_days + 1)]
        if run == 0:  # the correlations of a large test; those of each test scatter around them
            found = [
                look_correlation(
                    [
                        (old[: there[k - 1]], new[: there[k - 1]], new[: there[k]])
                        for old, new in zip(known[k - 1], known[k], strict=True)
                    ]
                )
                for k in range(1, num_days)
            ]
            look = GroupSequentialLook(0.05, information_of(found), spent_at=shares)
            boundaries = look.design.critical_values
        z = []
        for k, values in enumerate(known):
            control, variant = values[0][: there[k]], values[1][: there[k]]
            error = math.sqrt((control.var() + variant.var()) / there[k])
            z.append(abs(variant.mean() - control.mean()) / error)
        errors["units"] += any(a > b for a, b in zip(z, by_units, strict=True))
        errors["alike"] += any(a > b for a, b in zip(z, boundaries, strict=True))
    assert errors["alike"] / runs < 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)
    assert errors["alike"] < errors["units"]
