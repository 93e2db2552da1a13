"""Priors fitted from past tests: what few tests, noisy tests and many tests give."""

from __future__ import annotations

import math

import numpy as np
import pytest

from abtesting.statistics.bayesian.bayes import bayesian_estimate
from abtesting.statistics.bayesian.priors import (
    WIDE_LIFT,
    BetaPrior,
    GammaPrior,
    NormalPrior,
    fit_beta_prior,
    fit_gamma_prior,
    fit_normal_prior,
)
from abtesting.statistics.moments import Counts, Moments


def past_lifts(num_tests, error, *, mean=0.004, sd=0.02, seed=0):
    rng = np.random.default_rng(seed)
    truths = rng.normal(mean, sd, num_tests)
    return list(rng.normal(truths, error)), [error] * num_tests


def test_without_past_tests_the_default_is_the_prior():
    fitted = fit_normal_prior([], [])
    assert fitted.prior == fitted.default == WIDE_LIFT
    assert (fitted.num_tests, fitted.data_weight) == (0, 0.0)
    assert fitted.mean_of_tests is fitted.sd_of_tests is None


def test_many_tests_find_the_spread_of_their_effects():
    fitted = fit_normal_prior(*past_lifts(400, 0.01))
    assert fitted.prior.sd == pytest.approx(0.02, rel=0.12)
    assert fitted.prior.mean == pytest.approx(0.004, abs=0.003)
    assert fitted.sd_of_tests == pytest.approx(fitted.prior.sd, rel=0.05)
    assert fitted.data_weight > 0.95


def test_the_prior_moves_from_the_default_as_tests_arrive():
    widths = [
        np.mean([fit_normal_prior(*past_lifts(k, 0.01, seed=s)).prior.sd for s in range(20)])
        for k in (1, 3, 10, 30, 100)
    ]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 0.07
    assert widths[-1] == pytest.approx(0.02, rel=0.2)


def test_noisy_tests_move_it_less_than_sharp_ones():
    sharp, noisy = fit_normal_prior(*past_lifts(10, 0.005)), fit_normal_prior(*past_lifts(10, 0.1))
    assert sharp.data_weight > noisy.data_weight
    assert sharp.prior.sd < noisy.prior.sd <= WIDE_LIFT.sd * 1.5


def test_equal_effects_never_make_a_prior_that_no_data_could_move():
    fitted = fit_normal_prior([0.0, 0.0, 0.0], [0.01, 0.01, 0.01])
    assert fitted.sd_of_tests == 0
    assert fitted.prior.sd > 0.005


def test_another_scale_takes_its_own_default():
    effects, errors = past_lifts(12, 0.01)
    lifts = fit_normal_prior(effects, errors)
    money = fit_normal_prior(
        [50 * y for y in effects], [50 * s for s in errors], default=NormalPrior(0.0, 5.0)
    )
    assert money.prior.mean == pytest.approx(50 * lifts.prior.mean, rel=1e-5)
    assert money.prior.sd == pytest.approx(50 * lifts.prior.sd, rel=1e-5)
    assert money.data_weight == pytest.approx(lifts.data_weight, rel=1e-5)


def test_next_tests_are_covered_under_a_fitted_prior():
    rng = np.random.default_rng(9)
    covered = []
    for seed in range(40):
        prior = fit_normal_prior(*past_lifts(60, 0.012, seed=seed)).prior
        for truth in rng.normal(0.004, 0.02, 60):
            posterior = bayesian_estimate(float(rng.normal(truth, 0.015)), 0.015, prior=prior)
            covered.append(posterior.interval.contains(truth))
    assert 0.935 <= np.mean(covered) <= 0.965


def rates(num_tests, units=8000, alpha=100.0, beta=1900.0, seed=0):
    rng = np.random.default_rng(seed)
    chances = rng.beta(alpha, beta, num_tests)
    return [Counts(num_units=units, num_successes=int(rng.binomial(units, p))) for p in chances]


def test_many_tests_find_the_prior_of_a_rate():
    fitted = fit_beta_prior(rates(400))
    weight = fitted.prior.alpha + fitted.prior.beta
    assert fitted.prior.alpha / weight == pytest.approx(0.05, rel=0.03)
    assert weight == pytest.approx(2000, rel=0.25)
    assert fitted.sd_of_tests == pytest.approx(math.sqrt(0.05 * 0.95 / 2001), rel=0.12)


def test_few_tests_give_a_rate_a_weaker_prior():
    weights = []
    for num_tests in (2, 5, 20, 100):
        fitted = fit_beta_prior([Counts(num_units=1000, num_successes=50)] * num_tests)
        weights.append(fitted.prior.alpha + fitted.prior.beta)
    assert weights == sorted(weights)
    assert 10 < weights[0] < 200
    # Tests that don't differ at all count for one of them, not for all.
    assert weights[-1] <= 1000


def test_rates_that_differ_wildly_keep_half_a_success():
    fitted = fit_beta_prior(
        [Counts(num_units=1000, num_successes=x) for x in (1, 600, 3, 900, 20, 2)]
    )
    assert min(fitted.prior.alpha, fitted.prior.beta) >= 0.5 - 1e-9


@pytest.mark.parametrize(
    "past",
    [
        [],
        rates(1),
        [Counts(num_units=50, num_successes=0)] * 3,
        [Counts(num_units=0, num_successes=0)] * 3,
    ],
)
def test_nothing_to_fit_leaves_the_default_rate(past):
    fitted = fit_beta_prior(past, default=BetaPrior(2.0, 30.0))
    assert fitted.prior == BetaPrior(2.0, 30.0)
    assert (fitted.method, fitted.data_weight) == ("default", 0.0)


def count_moments(mean, units, dispersion=1.0):
    return Moments(n=units, means=(mean,), comoments=((mean * dispersion * (units - 1),),))


def test_many_tests_find_the_prior_of_a_count():
    rng = np.random.default_rng(6)
    means = rng.gamma(60.0, 1 / 200.0, 400)
    past = [count_moments(rng.poisson(5000 * m) / 5000, 5000) for m in means]
    fitted = fit_gamma_prior(past)
    assert fitted.prior.shape / fitted.prior.rate == pytest.approx(0.3, rel=0.03)
    assert fitted.prior.rate == pytest.approx(200, rel=0.25)


def test_overdispersed_counts_do_not_pass_for_different_tests():
    rng = np.random.default_rng(7)
    past = [count_moments(rng.normal(0.3, math.sqrt(0.3 * 4 / 2000)), 2000, 4.0) for _ in range(60)]
    blind = [count_moments(m.mean, m.n) for m in past]
    assert fit_gamma_prior(past).prior.rate > 2 * fit_gamma_prior(blind).prior.rate


@pytest.mark.parametrize("past", [[], [count_moments(0.2, 50)], [count_moments(0.0, 50)] * 3])
def test_nothing_to_fit_leaves_the_default_count(past):
    assert fit_gamma_prior(past, default=GammaPrior(0.5, 2.0)).prior == GammaPrior(0.5, 2.0)


@pytest.mark.parametrize(
    ("prior", "values", "message"),
    [
        (NormalPrior, (math.inf, 1.0), "mean of the prior is inf"),
        (NormalPrior, (0.0, 0.0), "sd of the prior is 0.0"),
        (BetaPrior, (0.0, 1.0), "alpha of the prior is 0.0"),
        (BetaPrior, (1.0, math.nan), "beta of the prior is nan"),
        (GammaPrior, (-1.0, 1.0), "shape of the prior is -1.0"),
        (GammaPrior, (1.0, 0.0), "rate of the prior is 0.0"),
    ],
)
def test_only_proper_priors(prior, values, message):
    with pytest.raises(ValueError, match=message):
        prior(*values)


def test_negative_counts_are_refused():
    negative = Moments(n=3, means=(-0.5,), comoments=((1.0,),))
    with pytest.raises(ValueError, match=r"is -0\.5; counts must be at least 0"):
        fit_gamma_prior([negative, count_moments(0.2, 5)])
