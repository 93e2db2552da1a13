"""Errors of a chance to win that is read at every look, against simulated paths."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from abtesting.statistics.bayesian.bayes import bayesian_estimate
from abtesting.statistics.bayesian.bayes_peeking import any_peek_error, peek_outcome
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


def lift_posteriors(rng, *, rate, num_runs, num_looks=20, per_look=1_000):
    """Normal posteriors of the lift of conversions at each look, by the delta method."""
    n = per_look * np.arange(1, num_looks + 1)
    p = rng.binomial(per_look, rate, (2, num_runs, num_looks)).cumsum(axis=2) / n
    variances = p * (1 - p) / (n - 1)
    lifts = p[1] / p[0] - 1
    errors = np.sqrt(variances[1] / p[0] ** 2 + variances[0] * p[1] ** 2 / p[0] ** 4)
    return lifts, errors


RULES = {
    "chance": {"threshold": 0.95},
    "chance, prior": {"threshold": 0.95, "prior": NormalPrior(0.0, 0.3)},
    "chance and loss, prior": {
        "threshold": 0.95,
        "max_loss": 0.0025,
        "prior": NormalPrior(0.0, 0.3),
    },
    "loss": {"threshold": None, "max_loss": 0.0025},
}
"""The four rules whose any-look errors gbstats was measured by: 20 looks of 1,000 units an arm."""


def final_error(squared_variation):
    """Standard error of the lift at 20,000 units an arm."""
    return math.sqrt(2 * squared_variation / 20_000)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_simulated_conversions_read_by_chance_and_loss(rule):
    rng = np.random.default_rng(11)
    lifts, errors = lift_posteriors(rng, rate=0.05, num_runs=20_000)
    prior = rule.get("prior")
    weight = 1.0 if prior is None else prior.sd**2 / (prior.sd**2 + errors**2)
    u = np.sqrt(weight) * lifts / errors
    sds = np.sqrt(weight) * errors
    chance = stats.norm.cdf(np.abs(u))
    loss = sds * (stats.norm.pdf(u) - np.abs(u) * stats.norm.sf(np.abs(u)))
    decided = (chance > (rule["threshold"] or 0.0)) & (loss < rule.get("max_loss", math.inf))
    error = any_peek_error(num_looks=20, final_standard_error=final_error(0.95 / 0.05), **rule)
    # Three standard errors, and what small counts at the first looks still differ by.
    assert error.any_look == pytest.approx(decided.any(axis=1).mean(), abs=0.0105 + 0.005)
    assert error.one_look == pytest.approx(decided[:, -1].mean(), abs=0.009)


@pytest.mark.parametrize(
    ("rule", "conversions", "revenue"),
    [
        ("chance", 0.4000, 0.4405),
        ("chance, prior", 0.3440, 0.3305),
        ("chance and loss, prior", 0.3380, 0.3200),
        ("loss", 0.5375, 0.4335),
    ],
)
def test_measured_errors_of_gbstats(rule, conversions, revenue):
    """2,000 runs each, so a standard error of 1.1 points.

    Conversions of 5 %; and revenue of 5 % buyers with log-normal amounts of sigma 1, whose means
    are not normal yet at the first looks.
    """
    for measured, squared_variation in (
        (conversions, 0.95 / 0.05),
        (revenue, math.e / 0.05 - 1),
    ):
        error = any_peek_error(
            num_looks=20, final_standard_error=final_error(squared_variation), **RULES[rule]
        )
        assert error.any_look == pytest.approx(measured, abs=0.035)


def test_a_rule_of_both_decides_less_often_than_either():
    given = {"final_standard_error": 0.02}
    both = any_peek_error(0.95, 10, max_loss=0.001, **given).any_look
    assert both < any_peek_error(0.95, 10).any_look
    assert both < any_peek_error(None, 10, max_loss=0.001, **given).any_look
    assert any_peek_error(0.95, 10, max_loss=1e9, **given).any_look == pytest.approx(
        any_peek_error(0.95, 10).any_look
    )


def test_a_loss_that_any_result_is_below_decides_at_the_first_look():
    error = any_peek_error(None, 5, max_loss=1.0, final_standard_error=0.01)
    assert (error.any_look, error.one_look) == (1.0, 1.0)
    assert error.variant_wins == pytest.approx(0.5)
    outcome = peek_outcome(None, 5, max_loss=1.0, effect=0.0, final_standard_error=0.01)
    assert outcome.expected_information == pytest.approx(0.2)
    assert outcome.undecided == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_outcomes_under_an_effect_against_simulated_paths(rule):
    effect, num_looks, last = 0.1, 6, 0.05
    rng = np.random.default_rng(12)
    looks = np.arange(1, num_looks + 1)
    steps = rng.normal(size=(NUM_RUNS, num_looks)) * last * math.sqrt(num_looks)
    estimates = effect + steps.cumsum(axis=1) / looks
    errors = last * np.sqrt(num_looks / looks)
    prior = rule.get("prior")
    weight = 1.0 if prior is None else prior.sd**2 / (prior.sd**2 + errors**2)
    u = np.sqrt(weight) * estimates / errors
    loss = np.sqrt(weight) * errors * (stats.norm.pdf(u) - np.abs(u) * stats.norm.sf(np.abs(u)))
    decided = (stats.norm.cdf(np.abs(u)) > (rule["threshold"] or 0.0)) & (
        loss < rule.get("max_loss", math.inf)
    )
    first = np.argmax(decided, axis=1)
    ended = decided.any(axis=1)
    won = ended & (u[np.arange(NUM_RUNS), first] > 0)
    used = np.where(ended, first + 1, num_looks) / num_looks
    outcome = peek_outcome(num_looks=num_looks, effect=effect, final_standard_error=last, **rule)
    assert outcome.variant_wins == pytest.approx(won.mean(), abs=0.008)
    assert outcome.control_wins == pytest.approx((ended & ~won).mean(), abs=0.006)
    assert outcome.undecided == pytest.approx(1 - ended.mean(), abs=0.008)
    assert outcome.expected_information == pytest.approx(used.mean(), abs=0.006)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"threshold": None}, "threshold and max_loss are both None"),
        ({"threshold": 0.95, "max_loss": -1.0}, "max_loss is -1.0"),
        ({"threshold": None, "max_loss": 0.1}, "final_standard_error is None"),
        ({"threshold": 0.95, "prior": 0.3, "final_standard_error": 1.0}, "prior is 0.3"),
    ],
)
def test_bad_rules(given, message):
    with pytest.raises(ValueError, match=message):
        any_peek_error(num_looks=5, **given)
