"""Simulated bandits: shares and tests are those of the single ones, runs behave as they should."""

from __future__ import annotations

import numpy as np
import pytest

from abtesting.statistics.adaptive.adaptive_batches import AdaptiveBatch
from abtesting.statistics.adaptive.adaptive_inference import compare_batches
from abtesting.statistics.adaptive.bandit_posteriors import BetaPosterior, NormalPosterior
from abtesting.statistics.adaptive.bandits import probability_best, thompson_shares, with_floor
from abtesting.statistics.boundaries import FixedHorizon
from abtesting.statistics.moments import Counts, Moments
from abtesting.statistics.simulation.bandit_simulation import (
    chances_best,
    equal_batches,
    is_found,
    shares_with_floor,
    simulate_bandit,
    z_of_batches,
)
from abtesting.statistics.simulation.generators import Conversions, Resampled

RATE = Conversions(0.1)
AMOUNTS = Resampled(np.array([0.0, 0.0, 0.0, 4.0, 9.0, 30.0]))


def run(generator=RATE, lifts=(0.0, 0.0), *, batches=(200,) * 6, num_runs=40, seed=1, **options):
    return simulate_bandit(
        generator,
        lifts,
        batches=batches,
        num_runs=num_runs,
        rng=np.random.default_rng(seed),
        **options,
    )


@pytest.mark.parametrize("goal", ["largest", "smallest"])
@pytest.mark.parametrize("num_arms", [2, 3, 5])
def test_chances_are_those_of_the_bandit(num_arms, goal):
    rng = np.random.default_rng(num_arms)
    means, deviations = rng.normal(0, 1, (20, num_arms)), rng.uniform(0.3, 2, (20, num_arms))
    found = chances_best(means, deviations, goal=goal)
    for row in range(20):
        posteriors = [
            NormalPosterior(mean=m, standard_deviation=s)
            for m, s in zip(means[row], deviations[row], strict=True)
        ]
        assert found[row] == pytest.approx(probability_best(posteriors, goal=goal), abs=1e-6)


@pytest.mark.parametrize("floor", [0.0, 0.05, 0.2, 0.25])
def test_floors_are_those_of_the_bandit(floor):
    weights = np.random.default_rng(3).dirichlet([0.2] * 4, 200)
    found = shares_with_floor(weights, floor)
    for row, shares in zip(weights, found, strict=True):
        assert shares == pytest.approx(with_floor(row.tolist(), floor), abs=1e-12)


def test_shares_of_rates_are_close_to_those_of_beta_posteriors():
    runs = run(lifts=(0.0, 0.2, -0.1), floor=0.02, binary=True)
    known = runs.totals[:, :3].sum(axis=1)
    for row in range(10):
        posteriors = [
            BetaPosterior(successes=1 + x, failures=1 + n - x) for n, x in known[row, :, :2]
        ]
        expected = thompson_shares(posteriors, floor=0.02).shares
        assert runs.shares[row, 3] == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(("generator", "binary"), [(RATE, True), (AMOUNTS, False)])
def test_the_test_afterwards_is_that_of_the_batches(generator, binary):
    runs = run(generator, (0.0, 0.3, 0.0), binary=binary, floor=0.05)
    z, df = z_of_batches(runs, variant=1)
    for row in range(10):
        batches = []
        for batch in range(6):
            arms = []
            for n, total, square in runs.totals[row, batch, :, :3]:
                if binary:
                    arms.append(Counts(num_units=int(n), num_successes=int(total)))
                else:
                    inside = square - total * total / n
                    arms.append(Moments(n=int(n), means=(total / n,), comoments=((inside,),)))
            shares = tuple(runs.shares[row, batch].tolist())
            batches.append(AdaptiveBatch(arms=tuple(arms), propensities=shares))
        effect = compare_batches(batches, boundary=FixedHorizon(0.05))
        assert z[row] == pytest.approx(effect.difference / effect.standard_error)
        one = None if df is None else df[row : row + 1]
        assert is_found(z[row : row + 1], one, alpha=0.05)[0] == effect.is_significant


def test_a_bandit_loses_less_than_an_even_split_and_finds_the_best_arm():
    lifts, values = (0.0, 0.5), (0.1, 0.15)
    bandit = run(lifts=lifts, batches=(500,) * 12, num_runs=300, binary=True)
    even = run(lifts=lifts, batches=(500,) * 12, num_runs=300, binary=True, fixed_shares=(1, 1))
    assert even.regret(values)[:, -1].mean() == pytest.approx(6000 * 0.05 / 2, rel=0.02)
    assert bandit.regret(values)[:, -1].mean() < even.regret(values)[:, -1].mean() / 2
    assert (np.diff(bandit.regret(values), axis=1) >= 0).all()
    assert (bandit.picked == 1).mean() > 0.98


def test_where_less_is_better_the_traffic_goes_the_other_way():
    runs = run(lifts=(0.0, 0.6), goal="smallest", binary=True, num_runs=200)
    assert runs.units[:, -1, 0].mean() > 150
    assert (runs.picked == 0).mean() > 0.8
    assert runs.regret((0.1, 0.16))[:, -1].mean() > 0


def test_without_a_difference_the_test_errs_as_often_as_it_says():
    z, df = z_of_batches(run(num_runs=3000, binary=True, floor=0.05))
    assert 0.035 < is_found(z, df, alpha=0.05).mean() < 0.065


def test_units_without_variance_show_nothing():
    runs = run(Resampled(np.ones(3)), (0.0, 0.0))
    z, df = z_of_batches(runs)
    assert (z == 0).all()
    assert not is_found(z, df, alpha=0.05).any()


def test_batches_have_all_units():
    assert equal_batches(100, 7) == (14, 14, 14, 15, 14, 14, 15)
    assert equal_batches(3, 10) == (1, 1, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lifts": (0.0,)}, "lifts has 1 arms"),
        ({"batches": (10, 0)}, r"batches\[1\] is 0"),
        ({"floor": 0.6}, "floor is 0.6"),
        ({"fixed_shares": (1, 0)}, "fixed_shares are"),
    ],
)
def test_bad_input_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        run(**options)
