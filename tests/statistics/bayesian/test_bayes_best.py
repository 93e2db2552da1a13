"""Chances to be the best and expected losses, against integrals and random draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abtesting.statistics.adaptive.bandit_posteriors import BetaPosterior
from abtesting.statistics.adaptive.bandits import probability_best
from abtesting.statistics.bayesian.bayes_best import best_count, best_mean, best_rate
from abtesting.statistics.bayesian.bayes_conjugate import beta_binomial
from abtesting.statistics.bayesian.priors import BetaPrior, GammaPrior, NormalPrior
from abtesting.statistics.means import Estimate
from abtesting.statistics.moments import Counts, Moments


def arms(*successes, units=1000):
    return [Counts(num_units=units, num_successes=x) for x in successes]


def estimates(values, error=0.1):
    return [Estimate(value=v, variance=error**2, num_units=100) for v in values]


def draws_agree(best, draws, *, higher_is_better=True):
    sign = 1 if higher_is_better else -1
    leaders = np.bincount((sign * draws).argmax(axis=1), minlength=draws.shape[1]) / len(draws)
    losses = ((sign * draws).max(axis=1, keepdims=True) - sign * draws).mean(axis=0)
    assert best.chances_to_be_best == pytest.approx(leaders, abs=0.003)
    assert best.expected_losses == pytest.approx(losses, rel=0.02)
    assert best.means == pytest.approx(draws.mean(axis=0), rel=0.01)
    assert best.sds == pytest.approx(draws.std(axis=0), rel=0.01)


def test_two_rates_are_the_two_sides_of_the_comparison():
    best = best_rate(arms(120, 150), prior=BetaPrior(2, 8))
    effect = beta_binomial(*arms(120, 150), prior=BetaPrior(2, 8))
    assert best.chances_to_be_best[1] == pytest.approx(effect.chance_to_win, rel=1e-12)
    losses = (effect.loss_of_control, effect.loss_of_variant)
    assert best.expected_losses == pytest.approx(losses, rel=1e-9)
    assert best.choice == 1


def test_four_rates_against_draws():
    rng = np.random.default_rng(1)
    draws = rng.beta([1.0, 5.0, 9.0, 7.0], [101.0, 97.0, 93.0, 95.0], (400_000, 4))
    best = best_rate(arms(0, 4, 8, 6, units=100))
    draws_agree(best, draws)
    assert sum(best.chances_to_be_best) == pytest.approx(1)


def test_counts_where_less_is_better():
    rng = np.random.default_rng(2)
    variants = [
        Moments(n=n, means=(m,), comoments=((m * (n - 1),),)) for n, m in ((90, 0.3), (200, 0.22))
    ]
    best = best_count(variants, prior=GammaPrior(2.0, 4.0), higher_is_better=False)
    draws = rng.gamma([29.0, 46.0], [1 / 94, 1 / 204], (400_000, 2))
    draws_agree(best, draws, higher_is_better=False)
    assert best.choice == 1


def test_estimates_of_very_different_sharpness():
    rng = np.random.default_rng(3)
    variants = [
        Estimate(value=1.0, variance=1e-8, num_units=10**6),
        Estimate(value=0.9, variance=0.04, num_units=50),
        Estimate(value=0.7, variance=0.09, num_units=50),
    ]
    draws = rng.normal([1.0, 0.9, 0.7], [1e-4, 0.2, 0.3], (400_000, 3))
    draws_agree(best_mean(variants), draws)


def test_a_prior_pulls_noisy_estimates_back():
    flat = best_mean(estimates([0.0, 0.3]))
    shrunk = best_mean(estimates([0.0, 0.3]), prior=NormalPrior(0.0, 0.05))
    assert shrunk.means[1] == pytest.approx(0.06)
    assert flat.chances_to_be_best[1] > shrunk.chances_to_be_best[1] > 0.5


def test_the_shares_of_the_bandits_are_the_same_numbers():
    best = best_rate(arms(50, 62, 60))
    posteriors = [BetaPosterior(successes=1.0 + x, failures=1001.0 - x) for x in (50, 62, 60)]
    assert best.chances_to_be_best == pytest.approx(probability_best(posteriors), rel=1e-8)


def test_the_loss_of_a_sure_choice_keeps_its_digits():
    best = best_mean(estimates([0.0, 4.0, 0.0]))
    pair = best_mean(estimates([0.0, 4.0]))
    assert 0 < best.expected_losses[1] < 1e-150
    assert best.expected_losses[1] == pytest.approx(2 * pair.expected_losses[1], rel=1e-6)
    assert best.expected_losses[0] == pytest.approx(4.0)


@settings(max_examples=25, deadline=None)
@given(values=st.lists(st.floats(-1, 1), min_size=2, max_size=6), shift=st.floats(-10, 10))
def test_order_and_origin_do_not_matter(values, shift):
    best = best_mean(estimates(values))
    moved = best_mean(estimates([v + shift for v in reversed(values)]))
    assert moved.chances_to_be_best == pytest.approx(
        tuple(reversed(best.chances_to_be_best)), abs=1e-9
    )
    assert moved.expected_losses == pytest.approx(tuple(reversed(best.expected_losses)), abs=1e-9)


def test_bad_input_says_what_is_wrong():
    with pytest.raises(ValueError, match="variants has 1"):
        best_rate(arms(3))
    with pytest.raises(ValueError, match=r"variance of variants\[1\] is 0"):
        best_mean([*estimates([1.0]), Estimate(value=1.0, variance=0, num_units=5)])
