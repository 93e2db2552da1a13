"""Exact posteriors of rates and counts, against cprior, scipy's integrals and random draws."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from abtesting.statistics.bayesian.bayes_conjugate import beta_binomial, gamma_poisson
from abtesting.statistics.bayesian.priors import BetaPrior, GammaPrior
from abtesting.statistics.moments import Counts, Moments
from abtesting.statistics.types import Interval
from tests.known_answers import cases, close


def counts(successes, units):
    return Counts(num_units=units, num_successes=successes)


def poisson_moments(mean, units, dispersion=1.0):
    return Moments(n=units, means=(mean,), comoments=((mean * dispersion * (units - 1),),))


@cases("bayes_conjugate", "bayes_beta_binomial")
def test_rates_are_those_of_cprior(case):
    inputs, expected, near = case["inputs"], case["expected"], close(case)
    effect = beta_binomial(
        counts(inputs["x_c"], inputs["n_c"]),
        counts(inputs["x_t"], inputs["n_t"]),
        prior=BetaPrior(inputs["alpha"], inputs["beta"]),
    )
    assert effect.chance_to_win == pytest.approx(expected["prob_t_beats_c"], **near)
    assert effect.chance_to_win == pytest.approx(expected["check_quadrature_prob"], **near)
    assert effect.loss_of_variant == pytest.approx(expected["expected_loss_choose_t"], **near)
    assert effect.loss_of_control == pytest.approx(expected["expected_loss_choose_c"], **near)
    for arm, name in ((effect.control, "posterior_ci_c"), (effect.variant, "posterior_ci_t")):
        assert [arm.interval.lower, arm.interval.upper] == pytest.approx(expected[name], **near)


RATES = [
    (0, 5, 0, 5),
    (0, 1, 1, 1),
    (10, 1000, 400, 1000),
    (0, 100, 5000, 100_000),
    (5, 100, 50_000, 1_000_000),
    (100, 100, 990, 1000),
]


@pytest.mark.parametrize("table", RATES)
def test_intervals_of_difference_and_lift_have_their_probability(table):
    x_c, n_c, x_t, n_t = table
    control, variant = stats.beta(1 + x_c, 1 + n_c - x_c), stats.beta(1 + x_t, 1 + n_t - x_t)
    effect = beta_binomial(counts(x_c, n_c), counts(x_t, n_t))

    def expectation(arm, function, kinks):
        ends = [arm.ppf(p) for p in (1e-14, 1e-6, 0.01, 0.5, 0.99, 1 - 1e-6)] + [arm.isf(1e-14)]
        ends = np.unique([*ends, *(k for k in kinks if ends[0] < k < ends[-1])])
        return sum(
            integrate.quad(lambda x: arm.pdf(x) * function(x), a, b, epsabs=1e-13)[0]
            for a, b in itertools.pairwise(ends)
        )

    for end, probability in (
        (effect.difference_interval.lower, 0.025),
        (effect.difference_interval.upper, 0.975),
    ):
        if variant.std() > control.std():
            below = expectation(control, lambda x, d=end: variant.cdf(x + d), [-end, 1 - end])
        else:
            below = expectation(variant, lambda x, d=end: control.sf(x - d), [end, 1 + end])
        assert below == pytest.approx(probability, abs=1e-7)
    for end, probability in (
        (effect.lift_interval.lower, 0.025),
        (effect.lift, 0.5),
        (effect.lift_interval.upper, 0.975),
    ):
        if variant.std() / variant.mean() > control.std() / control.mean():
            below = expectation(control, lambda x, r=end: variant.cdf(x * (1 + r)), [1 / (1 + end)])
        else:
            below = expectation(variant, lambda x, r=end: control.sf(x / (1 + r)), [1 + end])
        assert below == pytest.approx(probability, abs=1e-7)


def test_counts_against_random_draws():
    rng = np.random.default_rng(8)
    control, variant = poisson_moments(0.004, 500), poisson_moments(0.012, 700)
    effect = gamma_poisson(
        control, variant, prior=GammaPrior(0.5, 10.0), level=0.9, rope=Interval(-0.1, 0.1)
    )
    c = rng.gamma(0.5 + 2, 1 / 510, 1_000_000)
    t = rng.gamma(0.5 + 8.4, 1 / 710, 1_000_000)
    assert effect.difference == pytest.approx(8.9 / 710 - 2.5 / 510)
    assert effect.standard_error == pytest.approx((t - c).std(), rel=0.005)
    assert effect.chance_to_win == pytest.approx((t > c).mean(), abs=0.002)
    assert effect.loss_of_variant == pytest.approx(np.maximum(c - t, 0).mean(), rel=0.02)
    assert effect.loss_of_control == pytest.approx(np.maximum(t - c, 0).mean(), rel=0.01)
    wanted = np.quantile(t - c, [0.05, 0.95])
    found = [effect.difference_interval.lower, effect.difference_interval.upper]
    assert found == pytest.approx(wanted, abs=3e-5)
    lifts = (effect.lift_interval.lower, effect.lift, effect.lift_interval.upper)
    wanted = np.quantile(t / c, [0.05, 0.5, 0.95])
    assert [1 + lift for lift in lifts] == pytest.approx(wanted, rel=0.02)
    assert effect.rope.inside == pytest.approx(np.mean(np.abs(t / c - 1) < 0.1), abs=0.002)
    assert effect.rope.above == pytest.approx(np.mean(t / c - 1 > 0.1), abs=0.002)


@pytest.mark.parametrize("successes", [0, 1, 7, 50, 99, 100])
def test_hdi_of_one_rate_is_the_shortest_interval(successes):
    effect = beta_binomial(counts(successes, 100), counts(50, 100))
    posterior = stats.beta(1 + successes, 101 - successes)
    hdi = effect.control.hdi
    assert posterior.cdf(hdi.upper) - posterior.cdf(hdi.lower) == pytest.approx(0.95)
    below = np.linspace(0, 0.05, 2001)
    shortest = (posterior.ppf(below + 0.95) - posterior.ppf(below)).min()
    assert hdi.upper - hdi.lower <= shortest * (1 + 1e-9)


def test_hdi_of_one_count_starts_at_zero_without_events():
    effect = gamma_poisson(poisson_moments(0.0, 50), poisson_moments(0.2, 50))
    assert effect.control.hdi.lower == 0
    assert effect.control.hdi.upper == pytest.approx(stats.gamma(1, scale=1 / 51).ppf(0.95))
    hdi, posterior = effect.variant.hdi, stats.gamma(11, scale=1 / 51)
    assert posterior.pdf(hdi.lower) == pytest.approx(posterior.pdf(hdi.upper))


def test_hdi_of_a_difference_is_the_shortest_interval():
    effect = beta_binomial(counts(2, 60), counts(9, 40))
    draws = np.sort(
        np.random.default_rng(3).beta(10, 32, 2_000_000)
        - np.random.default_rng(5).beta(3, 59, 2_000_000)
    )
    kept = int(0.95 * len(draws))
    lengths = draws[kept:] - draws[:-kept]
    hdi = effect.difference_hdi
    assert hdi.upper - hdi.lower == pytest.approx(lengths.min(), rel=0.003)
    assert ((draws > hdi.lower) & (draws < hdi.upper)).mean() == pytest.approx(0.95, abs=0.001)
    equal_tailed = effect.difference_interval
    assert hdi.upper - hdi.lower < equal_tailed.upper - equal_tailed.lower


@pytest.mark.parametrize(("x_c", "x_t"), [(500, 10), (120, 100), (30, 29)])
def test_chances_agree_with_millers_sum_of_positive_terms(x_c, x_t):
    effect = beta_binomial(counts(x_c, 1000), counts(x_t, 1000))
    a_c, b_c, a_t, b_t = 1 + x_c, 1001 - x_c, 1 + x_t, 1001 - x_t
    # P(T > C), with terms that are all positive: no digits are lost however small it is.
    log_terms = [
        special.betaln(a_c + i, b_c + b_t)
        - math.log(b_t + i)
        - special.betaln(1 + i, b_t)
        - special.betaln(a_c, b_c)
        for i in range(a_t)
    ]
    wanted = math.fsum(math.exp(term) for term in log_terms)
    assert effect.chance_to_win == pytest.approx(wanted, rel=1e-8, abs=0)


def test_hopeless_variants_keep_their_digits():
    effect = beta_binomial(counts(500, 1000), counts(10, 1000))
    assert 0 < effect.chance_to_win < 1e-100
    assert 0 < effect.loss_of_control < 1e-100
    assert effect.loss_of_variant == pytest.approx(-effect.difference)


tables = st.tuples(
    st.integers(1, 3000), st.integers(1, 3000), st.floats(0, 1), st.floats(0, 1)
).map(lambda t: (round(t[0] * t[2]), t[0], round(t[1] * t[3]), t[1]))


@settings(max_examples=5, deadline=None)
@given(table=tables)
def test_swapping_the_arms_mirrors_the_answer(table):
    x_c, n_c, x_t, n_t = table
    one = beta_binomial(counts(x_c, n_c), counts(x_t, n_t))
    other = beta_binomial(counts(x_t, n_t), counts(x_c, n_c))
    assert other.chance_to_win == pytest.approx(1 - one.chance_to_win, abs=1e-10)
    assert other.loss_of_variant == pytest.approx(one.loss_of_control, rel=1e-9)
    scale = one.standard_error
    mirrored = (-one.difference_interval.upper, -one.difference_interval.lower)
    assert other.difference_interval.lower == pytest.approx(mirrored[0], abs=1e-5 * scale)
    assert other.difference_interval.upper == pytest.approx(mirrored[1], abs=1e-5 * scale)
    assert 1 + other.lift == pytest.approx(1 / (1 + one.lift), rel=1e-6)


@settings(max_examples=5, deadline=None)
@given(table=tables, level=st.floats(0.6, 0.99))
def test_losses_intervals_and_chance_are_one_distribution(table, level):
    x_c, n_c, x_t, n_t = table
    effect = beta_binomial(counts(x_c, n_c), counts(x_t, n_t), level=level)
    assert effect.loss_of_control - effect.loss_of_variant == pytest.approx(
        effect.difference, abs=1e-11
    )
    margin = (1 - level) / 2
    chance = effect.chance_to_win
    if min(abs(chance - margin), abs(chance - 1 + margin)) > 1e-4:
        decided = not margin < chance < 1 - margin
        assert decided == (not effect.difference_interval.contains(0.0))
        assert decided == (not effect.lift_interval.contains(0.0))


def test_more_successes_of_the_variant_are_better_news():
    chances = [beta_binomial(counts(20, 400), counts(x, 400)).chance_to_win for x in (10, 20, 30)]
    assert chances[0] < chances[1] < chances[2]
    assert chances[1] == pytest.approx(0.5)


def test_direction_swaps_the_sides():
    up = beta_binomial(counts(20, 400), counts(30, 400))
    down = beta_binomial(counts(20, 400), counts(30, 400), higher_is_better=False)
    assert down.chance_to_win == pytest.approx(1 - up.chance_to_win)
    assert down.loss_of_variant == up.loss_of_control
    assert down.difference_interval == up.difference_interval


def test_large_counts_meet_the_normal_posterior():
    effect = beta_binomial(counts(10**9, 10**10), counts(10**9 + 50_000, 10**10))
    z = 50_000 / math.sqrt(2 * 0.09 * 10**10)
    assert effect.chance_to_win == pytest.approx(stats.norm.cdf(z), abs=1e-4)
    assert effect.difference_interval.lower == pytest.approx(
        effect.difference - 1.959964 * effect.standard_error, abs=1e-4 * effect.standard_error
    )


@pytest.mark.slow
def test_exact_intervals_are_calibrated_where_conversions_are_rare():
    # Rates from the prior, 150 units an arm: some three successes each.
    rng = np.random.default_rng(21)
    prior, hits, runs = BetaPrior(2.0, 98.0), 0, 60
    for _ in range(runs):
        p_c, p_t = rng.beta(2, 98, 2)
        effect = beta_binomial(
            counts(int(rng.binomial(150, p_c)), 150),
            counts(int(rng.binomial(150, p_t)), 150),
            prior=prior,
            level=0.8,
        )
        hits += effect.difference_interval.contains(p_t - p_c)
    assert abs(hits / runs - 0.8) <= 3 * math.sqrt(0.16 / runs)


def test_overdispersed_counts_are_flagged():
    calm = gamma_poisson(poisson_moments(0.3, 1000), poisson_moments(0.3, 1000, 1.1))
    wild = gamma_poisson(poisson_moments(0.3, 1000), poisson_moments(0.3, 1000, 1.6))
    assert calm.warnings == ()
    assert wild.warnings == ("overdispersed",)


def test_an_arm_without_units_has_no_answer():
    assert beta_binomial(counts(0, 0), counts(1, 2)).code == "too_few_units"
    assert gamma_poisson(Moments.zero(), poisson_moments(1.0, 5)).code == "too_few_units"


def test_bad_input_says_what_is_wrong():
    negative = Moments(n=3, means=(-0.5,), comoments=((1.0,),))
    with pytest.raises(ValueError, match=r"mean of the events per unit is -0\.5"):
        gamma_poisson(negative, poisson_moments(1.0, 5))
    with pytest.raises(ValueError, match="level is 1"):
        beta_binomial(counts(1, 2), counts(1, 2), level=1)
