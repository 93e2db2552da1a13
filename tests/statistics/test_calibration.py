"""False positives and coverage: exact where tables can be counted, else simulated with fixed seeds.

Small on purpose: the bands of simulations are three of their standard errors around the nominal
rate.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
from scipy import stats

from abtesting.statistics.boundaries import AlwaysValid, FixedHorizon
from abtesting.statistics.health.srm import srm_test
from abtesting.statistics.means import compare_means
from abtesting.statistics.moments import Counts, Moments
from abtesting.statistics.proportions import compare_proportions
from abtesting.statistics.ratios import compare_ratios

ALPHA = 0.05
FIXED = FixedHorizon(ALPHA)
NUM_RUNS = 2000
BAND = 3 * math.sqrt(ALPHA * (1 - ALPHA) / NUM_RUNS)

# Runs with few successes draw the same tables again and again, and the exact test takes 15 ms.
compare_counts = functools.cache(compare_proportions)


def conversions(rng, rate, n):
    return Counts(num_units=n, num_successes=int(rng.binomial(n, rate)))


def revenue(rng, n, lift):
    buyers = rng.binomial(n, 0.2)
    bought = Moments.from_array(rng.lognormal(3.5, 0.8, buyers) * (1 + lift))
    return bought + Moments.constant(n - buyers, [0.0])


def click_through(rng, n, lift):
    views = 1 + rng.poisson(3, n)
    rates = 0.7 * rng.beta(2, 5, n) * (1 + lift)
    return Moments.from_array(np.column_stack([rng.binomial(views, rates), views]))


def proportion_effect(rng, lift):
    control, variant = conversions(rng, 0.05, 1000), conversions(rng, 0.05 * (1 + lift), 1000)
    return compare_counts(control, variant, boundary=FIXED)


def rare_proportion_effect(rng, lift):
    control, variant = conversions(rng, 0.01, 800), conversions(rng, 0.01 * (1 + lift), 2400)
    return compare_counts(control, variant, boundary=FIXED)


def mean_effect(rng, lift):
    return compare_means(revenue(rng, 1500, 0.0), revenue(rng, 1500, lift), boundary=FIXED)


def ratio_effect(rng, lift):
    control, variant = click_through(rng, 300, 0.0), click_through(rng, 300, lift)
    return compare_ratios(control, variant, boundary=FIXED)


def size_and_upper_tail(rate, n_c, n_t):
    """The exact false-positive rate of proportions: every likely table with its probability."""
    likely_c, likely_t = (
        range(*(int(end) for end in stats.binom.ppf([1e-5, 1 - 1e-5], n, rate))) for n in (n_c, n_t)
    )
    weights = np.outer(
        stats.binom.pmf(list(likely_c), n_c, rate), stats.binom.pmf(list(likely_t), n_t, rate)
    )
    # Tables that together have less than a thousandth of the level are not worth their time.
    counted = weights > np.sort(weights, axis=None)[np.sort(weights, axis=None).cumsum() < 5e-5][-1]
    size = upper = 0.0
    for i, j in np.argwhere(counted):
        effect = compare_counts(
            Counts(num_units=n_c, num_successes=likely_c[i]),
            Counts(num_units=n_t, num_successes=likely_t[j]),
            boundary=FIXED,
        )
        if effect.is_significant:
            size += weights[i, j]
            upper += weights[i, j] * (effect.difference > 0)
    return size, upper


@pytest.mark.parametrize(
    ("rate", "n_c", "n_t"), [(0.05, 800, 800), (0.3, 60, 60), (0.01, 800, 2400), (0.5, 40, 160)]
)
def test_exact_false_positives_of_proportions_at_one_look(rate, n_c, n_t):
    size, upper = size_and_upper_tail(rate, n_c, n_t)
    assert size == pytest.approx(ALPHA, abs=0.004)
    assert upper == pytest.approx(ALPHA / 2, abs=0.006)


@pytest.mark.parametrize("simulate", [mean_effect, ratio_effect], ids=lambda f: f.__name__)
def test_false_positives_at_one_look(simulate):
    rng = np.random.default_rng(101)
    effects = [simulate(rng, 0.0) for _ in range(NUM_RUNS)]
    found = np.array([effect.is_significant for effect in effects])
    upwards = np.array([effect.difference > 0 for effect in effects])
    assert found.mean() == pytest.approx(ALPHA, abs=BAND)
    # Both tails: a test that errs on one side only is wrong twice as often there.
    tail_band = 3 * math.sqrt(ALPHA / 2 / NUM_RUNS)
    assert (found & upwards).mean() == pytest.approx(ALPHA / 2, abs=tail_band)
    assert (found & ~upwards).mean() == pytest.approx(ALPHA / 2, abs=tail_band)


@pytest.mark.parametrize(
    "simulate",
    [proportion_effect, rare_proportion_effect, mean_effect, ratio_effect],
    ids=lambda f: f.__name__,
)
def test_coverage_of_the_true_lift(simulate):
    rng = np.random.default_rng(202)
    covered = [simulate(rng, 0.3).lift_interval.contains(0.3) for _ in range(NUM_RUNS)]
    assert np.mean(covered) == pytest.approx(1 - ALPHA, abs=BAND)


@pytest.mark.parametrize(("rate", "lift"), [(0.05, 0.3), (0.002, 0.5)])
def test_coverage_of_the_true_difference_of_proportions(rate, lift):
    rng = np.random.default_rng(303)
    covered = []
    for _ in range(NUM_RUNS):
        control, variant = conversions(rng, rate, 3000), conversions(rng, rate * (1 + lift), 3000)
        effect = compare_counts(control, variant, boundary=FIXED)
        covered.append(effect.difference_interval.contains(rate * lift))
    assert np.mean(covered) == pytest.approx(1 - ALPHA, abs=BAND)


@pytest.mark.parametrize("rate", [0.01, 0.2])
def test_reading_every_day_keeps_the_error_rate_of_the_always_valid_boundary(rate):
    rng = np.random.default_rng(404)
    looks = np.unique(np.geomspace(500, 10_000, 12).astype(int))
    daily = np.diff(looks, prepend=0)
    boundary = AlwaysValid(ALPHA, 20_000)
    false_alarms = {"always_valid": 0, "fixed_horizon": 0}
    num_runs = 300
    for _ in range(num_runs):
        successes = rng.binomial(daily, rate, (2, len(looks))).cumsum(axis=1)
        arms = [
            [
                Counts(num_units=int(n), num_successes=int(x))
                for n, x in zip(looks, arm, strict=True)
            ]
            for arm in successes
        ]
        for rule in (boundary, FIXED):
            false_alarms[rule.name] += any(
                compare_counts(control, variant, boundary=rule).is_significant
                for control, variant in zip(*arms, strict=True)
            )
    assert false_alarms["always_valid"] / num_runs <= ALPHA
    assert false_alarms["fixed_horizon"] / num_runs > 2 * ALPHA


def test_reading_every_day_keeps_the_error_rate_for_skewed_means():
    rng = np.random.default_rng(505)
    boundary = AlwaysValid(ALPHA, 20_000)
    num_runs, false_alarms = 300, 0
    for _ in range(num_runs):
        control = variant = Moments.zero()
        for _day in range(20):
            control += revenue(rng, 500, 0.0)
            variant += revenue(rng, 500, 0.0)
            effect = compare_means(control, variant, boundary=boundary)
            if effect.is_significant:
                false_alarms += 1
                break
    assert false_alarms / num_runs <= ALPHA


def test_false_alarms_of_the_sample_ratio_test():
    rng = np.random.default_rng(606)
    draws = rng.multinomial(900, [0.5, 0.3, 0.2], NUM_RUNS)
    alarms = [srm_test(draw.tolist(), [5, 3, 2]).p_value < ALPHA for draw in draws]
    assert np.mean(alarms) == pytest.approx(ALPHA, abs=BAND)
