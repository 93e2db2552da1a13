from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from abtesting.statistics.planning.power import Design
from abtesting.statistics.planning.power_ranks import plan_ranks, tie_factor
from abtesting.statistics.robust.ranks import compare_ranks, mann_whitney


def test_noethers_formula():
    """Equation 12 of Noether (1987), by hand: (z_a + z_b)^2 / (12 c (1 - c) (p - 1/2)^2)."""
    z = stats.norm.isf(0.025) + stats.norm.isf(0.1)
    for share in (0.5, 0.2):
        plan = plan_ranks(probability=0.6, power=0.9, design=Design(shares=(1 - share, share)))
        assert plan.exact_total == pytest.approx(z**2 / (12 * share * (1 - share) * 0.1**2))


def test_simulated_power_of_scipys_test():
    shift = 0.2
    probability = stats.norm.cdf(shift / np.sqrt(2))
    plan = plan_ranks(probability=probability, power=0.8)
    rng = np.random.default_rng(1)
    n_c, n_t = plan.num_units
    found = stats.mannwhitneyu(
        rng.normal(size=(2_000, n_c)), rng.normal(shift, size=(2_000, n_t)), axis=1
    ).pvalue
    assert (found < 0.05).mean() == pytest.approx(0.8, abs=3 * 0.009)


def test_simulated_power_with_many_ties():
    """Revenue of which most is 0: a tenth of the buyers more."""
    rng = np.random.default_rng(2)
    past = np.where(rng.random(20_000) < 0.2, rng.lognormal(3, 1, 20_000), 0.0)
    raised = np.where(rng.random(20_000) < 0.24, rng.lognormal(3, 1, 20_000), 0.0)
    probability = mann_whitney(past, raised).probability
    plan = plan_ranks(probability=probability, power=0.8, tie_factor=tie_factor(past))
    n_c, n_t = plan.num_units
    found = 0
    for _ in range(500):
        x, y = rng.choice(past, n_c), rng.choice(raised, n_t)
        found += stats.mannwhitneyu(x, y, method="asymptotic").pvalue < 0.05
    assert found / 500 == pytest.approx(0.8, abs=3 * 0.018 + 0.02)


def test_factor_of_ties_is_scipys():
    values = [0.0] * 40 + [1.0] * 7 + list(range(2, 30))
    ranks = stats.rankdata(values)
    assert tie_factor(values) == pytest.approx(stats.tiecorrect(ranks))
    assert tie_factor([1.0, 2.0, 3.0]) == pytest.approx(1.0)


def test_power_of_the_decision_is_that_of_the_plan():
    rng = np.random.default_rng(3)
    plan = plan_ranks(probability=0.56, power=0.8)
    shift = stats.norm.ppf(0.56) * np.sqrt(2)
    from abtesting.statistics.boundaries import FixedHorizon

    found = [
        compare_ranks(
            rng.normal(size=plan.num_units[0]),
            rng.normal(shift, size=plan.num_units[1]),
            boundary=FixedHorizon(0.05),
        ).is_significant
        for _ in range(600)
    ]
    assert np.mean(found) == pytest.approx(0.8, abs=3 * 0.0165)


def test_round_trip_and_symmetry():
    sized = plan_ranks(probability=0.47, power=0.8)
    assert plan_ranks(probability=0.53, power=0.8).exact_total == pytest.approx(sized.exact_total)
    assert plan_ranks(probability=0.47, num_units=sized.exact_total).power == pytest.approx(0.8)
    assert plan_ranks(num_units=sized.exact_total, power=0.8).effect == pytest.approx(0.03)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: plan_ranks(probability=0.5, power=0.8), "probability is 0.5"),
        (lambda: plan_ranks(probability=1.5, power=0.8), "probability is 1.5"),
        (lambda: plan_ranks(probability=0.6), "exactly two of them"),
        (lambda: plan_ranks(probability=0.6, power=0.8, tie_factor=0.0), "tie_factor is 0.0"),
        (lambda: plan_ranks(probability=0.6, power=0.8, tie_factor=1.1), "tie_factor is 1.1"),
        (lambda: tie_factor([3.0, 3.0]), "values are all 3.0"),
        (lambda: tie_factor([3.0]), "values has 1 units"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()
