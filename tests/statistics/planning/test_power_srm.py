from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from abtesting.statistics.health.sequential_srm import SrmLook, sequential_srm_test
from abtesting.statistics.health.srm import srm_test
from abtesting.statistics.planning.power_srm import plan_srm


def shares_after(lost, shares=(0.5, 0.5), arm=1):
    actual = np.array(shares)
    actual[arm] *= 1 - lost
    return actual / actual.sum()


def test_power_is_that_of_the_noncentral_chi_square():
    actual = shares_after(0.03, (0.5, 0.3, 0.2))
    planned = np.array([0.5, 0.3, 0.2])
    w_squared = ((actual - planned) ** 2 / planned).sum()
    plan = plan_srm(lost=0.03, num_units=50_000, shares=(0.5, 0.3, 0.2))
    expected = stats.ncx2.sf(stats.chi2.isf(0.001, 2), 2, 50_000 * w_squared)
    # The arm that loses is the second by default.
    assert plan.power == pytest.approx(expected)
    assert plan.method == "srm_chi_square"


@pytest.mark.parametrize("lost", [0.02, 0.1, -0.05])
def test_simulated_power_of_one_look(lost):
    plan = plan_srm(lost=lost, power=0.8)
    counts = np.random.default_rng(1).multinomial(
        plan.total_num_units, shares_after(lost), size=2_000
    )
    found = [srm_test(row.tolist(), [1, 1]).is_mismatch for row in counts]
    assert np.mean(found) == pytest.approx(0.8, abs=3 * 0.009)


def test_simulated_power_of_the_sequential_test():
    """The plan is for the last look alone; the looks before it add a little."""
    plan = plan_srm(lost=0.04, power=0.8, reading="any_day")
    rng = np.random.default_rng(2)
    per_day = plan.total_num_units // 14
    last = any_day = 0
    for _ in range(400):
        days = rng.multinomial(per_day, shares_after(0.04), size=14)
        looks = [SrmLook(counts=row.tolist(), weights=(1, 1)) for row in days]
        result = sequential_srm_test(looks)
        last += result.log_e_value >= np.log(100)
        any_day += result.is_mismatch
    assert last / 400 == pytest.approx(0.8, abs=0.06)
    assert any_day >= last
    assert any_day / 400 <= 0.93


def test_a_split_of_51_to_49_at_5000_a_day_is_seen_within_four_weeks():
    lost = 1 - 0.49 / 0.51
    assert plan_srm(lost=lost, num_units=28 * 5_000, reading="any_day").power >= 0.98
    assert plan_srm(lost=lost, num_units=28 * 5_000).power >= 0.98


@pytest.mark.parametrize("reading", ["once", "any_day"])
@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.9, 0.1), (0.4, 0.3, 0.3)])
def test_round_trip(reading, shares):
    sized = plan_srm(lost=0.05, power=0.8, shares=shares, reading=reading)
    given = {"shares": shares, "reading": reading}
    assert plan_srm(lost=0.05, num_units=sized.exact_total, **given).power == pytest.approx(
        0.8, abs=1e-6
    )
    assert plan_srm(num_units=sized.exact_total, power=0.8, **given).effect == pytest.approx(
        0.05, rel=1e-5
    )


def test_a_smaller_loss_takes_more_units():
    sizes = [plan_srm(lost=lost, power=0.9).exact_total for lost in (0.1, 0.02, 0.005)]
    assert sizes == sorted(sizes)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"lost": 0.1}, "lost is 0.1, num_units None and power None"),
        ({"lost": 1.0, "power": 0.8}, "lost is 1.0"),
        ({"lost": 0.0, "power": 0.8}, "lost is 0.0"),
        ({"lost": 0.1, "power": 0.8, "arm": 2}, "arm is 2"),
        ({"lost": 0.1, "power": 0.8, "shares": (1.0,)}, "shares are"),
        ({"lost": 0.1, "power": 0.8, "shares": (0.5, 0.6)}, "sum to 1.1"),
        ({"lost": 0.1, "power": 0.8, "shares": (1.0, 0.0)}, "shares are"),
        ({"lost": 0.1, "power": 0.8, "reading": "daily"}, "reading is 'daily'"),
        ({"lost": 0.1, "power": 0.8, "alpha": 0.0}, "alpha is 0.0"),
    ],
)
def test_bad_input(given, message):
    with pytest.raises(ValueError, match=message):
        plan_srm(**given)


@pytest.mark.parametrize(("arm", "seen"), [(1, 0.959), (0, 0.900)])
def test_a_large_loss_in_an_unequal_split_is_planned_some_points_off(arm, seen):
    """By the exact binomial distribution, as the docstring says it."""
    shares = (0.9, 0.1)
    total = plan_srm(lost=0.3, power=0.931, shares=shares, arm=arm).total_num_units
    counts = np.arange(total + 1)
    statistics = (counts - 0.1 * total) ** 2 / (total * 0.1 * 0.9)
    chances = stats.binom.pmf(counts, total, shares_after(0.3, shares, arm)[1])
    assert chances[statistics >= stats.chi2.isf(0.001, 1)].sum() == pytest.approx(seen, abs=1e-3)
