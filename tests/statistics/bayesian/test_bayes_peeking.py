"""Errors of a chance to win that is read at every look, against simulated paths."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from abtesting.statistics.bayesian.bayes import bayesian_estimate
from abtesting.statistics.bayesian.bayes_peeking import any_peek_error
from abtesting.statistics.bayesian.priors import NormalPrior

NUM_RUNS = 40_000


def test_ninety_five_per_cent_at_twenty_looks_errs_in_four_of_ten_tests():
    error = any_peek_error(0.95, 20)
    assert 0.40 <= error.any_look <= 0.44
    assert error.one_look == pytest.approx(0.1)
    assert error.variant_wins == pytest.approx(error.any_look / 2)


def test_one_look_is_the_threshold_itself():
    assert any_peek_error(0.975, 1).any_look == pytest.approx(0.05)
    assert any_peek_error(0.975, 1, stops="variant").any_look == pytest.approx(0.025)


@pytest.mark.parametrize("stops", ["either", "variant"])
@pytest.mark.parametrize("prior", [None, NormalPrior(0.0, 0.03), NormalPrior(0.01, 0.02)])
def test_simulated_paths_that_are_read_with_the_normal_posterior(prior, stops):
    num_looks, final_error, threshold = 8, 0.012, 0.93
    rng = np.random.default_rng(5)
    looks = np.arange(1, num_looks + 1)
    steps = rng.normal(size=(NUM_RUNS, num_looks)) * final_error * math.sqrt(num_looks)
    estimates = steps.cumsum(axis=1) / looks
    errors = final_error * np.sqrt(num_looks / looks)
    means, sds = estimates, np.broadcast_to(errors, estimates.shape)
    if prior is not None:
        weight = prior.sd**2 / (prior.sd**2 + errors**2)
        means = prior.mean + weight * (estimates - prior.mean)
        sds = np.sqrt(weight) * errors
        one = bayesian_estimate(float(estimates[0, 2]), float(errors[2]), prior=prior)
        assert one.chance_to_win == pytest.approx(stats.norm.cdf(means[0, 2] / sds[2]))
    chances = stats.norm.cdf(means / sds)
    up, down = chances > threshold, chances < 1 - threshold
    if stops == "variant":
        down = np.zeros_like(down)
    first = np.argmax(up | down, axis=1)
    stopped = (up | down).any(axis=1)
    variant = (up[np.arange(NUM_RUNS), first] & stopped).mean()
    error = any_peek_error(
        threshold, num_looks, prior=prior, final_standard_error=final_error, stops=stops
    )
    assert error.any_look == pytest.approx(stopped.mean(), abs=0.008)
    assert error.variant_wins == pytest.approx(variant, abs=0.008)
    assert error.one_look == pytest.approx((up | down)[:, -1].mean(), abs=0.006)


def test_more_looks_err_more_and_higher_thresholds_less():
    by_looks = [any_peek_error(0.95, looks).any_look for looks in (1, 2, 5, 10, 20, 40)]
    assert by_looks == sorted(by_looks)
    by_threshold = [any_peek_error(t, 10).any_look for t in (0.9, 0.95, 0.99, 0.999)]
    assert by_threshold == sorted(by_threshold, reverse=True)


def test_a_prior_that_says_nothing_changes_nothing():
    wide = any_peek_error(0.95, 10, prior=NormalPrior(0, 1e6), final_standard_error=0.01)
    assert wide.any_look == pytest.approx(any_peek_error(0.95, 10).any_look, abs=1e-6)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((0.5, 5), {}, "threshold is 0.5"),
        ((1.0, 5), {}, "threshold is 1.0"),
        ((0.95, 0), {}, "num_looks is 0"),
        ((0.95, 5), {"prior": NormalPrior(0, 1)}, "final_standard_error is None"),
        (
            (0.95, 5),
            {"prior": NormalPrior(0, 1), "final_standard_error": 0.0},
            "final_standard_error is 0.0",
        ),
        ((0.95, 5), {"stops": "control"}, "stops is 'control'"),
    ],
)
def test_bad_input_says_what_is_wrong(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        any_peek_error(*arguments, **options)
