from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from abtesting.statistics.adaptive.bandit_posteriors import (
    BetaPosterior,
    GammaPosterior,
    NormalPosterior,
    normal_posterior,
)
from abtesting.statistics.adaptive.bandits import (
    probability_best,
    thompson_shares,
    top_two_shares,
    with_floor,
)
from abtesting.statistics.moments import Counts, Moments
from abtesting.statistics.types import NotEnoughData
from tests.known_answers import cases, close

SCALES = st.floats(-3, 3).map(lambda x: 10.0**x)
NORMALS = st.lists(
    st.builds(
        lambda mean, sd: NormalPosterior(mean=mean, standard_deviation=sd),
        st.floats(-50, 50),
        SCALES,
    ),
    min_size=2,
    max_size=5,
)


def normal(mean, sd=1.0):
    return NormalPosterior(mean=mean, standard_deviation=sd)


def beta(successes, failures):
    return BetaPosterior(successes=successes, failures=failures)


def beta_above(a, b, c, d):
    """P(Beta(a, b) > Beta(c, d)) for a whole number a, as the closed sum."""
    i = np.arange(a)
    terms = special.betaln(c + i, b + d) - special.betaln(1 + i, b) - special.betaln(c, d)
    return float(np.exp(terms - np.log(b + i)).sum())


@cases("bandits", "thompson_weights")
def test_thompson_shares_of_normal_posteriors(case):
    """Their floor is added to every share; their probabilities are from 10,000 draws."""
    posteriors = [
        normal_posterior(
            Moments.constant(arm["successes"], [1.0])
            + Moments.constant(arm["n"] - arm["successes"], [0.0]),
            prior_mean=0.0,
            prior_variance=1e4,
        )
        for arm in case["inputs"]["arms"]
    ]
    allocation = thompson_shares(posteriors, floor=case["inputs"]["floor"], floor_rule="mix")
    expected = case["expected"]
    assert allocation.probability_best == pytest.approx(expected["p_best"], **close(case))
    assert allocation.shares == pytest.approx(expected["weights"], **close(case))
    assert allocation.posterior_means == pytest.approx(expected["posterior_mean"], rel=1e-12)


@given(st.floats(-30, 30), SCALES, SCALES)
def test_two_normal_posteriors_have_a_closed_form(gap, sd_a, sd_b):
    found = probability_best([normal(0.0, sd_a), normal(gap, sd_b)])
    z = gap / math.hypot(sd_a, sd_b)
    assert found[1] == pytest.approx(special.ndtr(z), rel=1e-8, abs=1e-300)
    assert found[0] == pytest.approx(special.ndtr(-z), rel=1e-8, abs=1e-300)


@pytest.mark.parametrize(
    "shapes", [(3, 7, 5, 9), (1, 1, 1, 1), (2, 50, 1, 3), (300, 5000, 330, 5000), (100, 900, 9, 1)]
)
def test_two_beta_posteriors_have_a_closed_form(shapes):
    a, b, c, d = shapes
    found = probability_best([beta(a, b), beta(c, d)])
    assert found[0] == pytest.approx(beta_above(a, b, c, d), rel=1e-9)
    assert found[1] == pytest.approx(beta_above(c, d, a, b), rel=1e-9)


@pytest.mark.parametrize("few", [0.05, 0.3, 1.0])
def test_posteriors_of_almost_no_data(few):
    assert probability_best([beta(few, few)] * 3) == pytest.approx([1 / 3] * 3, rel=1e-8)
    alike = [GammaPosterior(events=few, units=7.0)] * 3
    assert probability_best(alike) == pytest.approx([1 / 3] * 3, rel=1e-8)


@given(st.floats(0.3, 1e4), st.floats(0.3, 1e4), st.floats(0.2, 5))
def test_two_gamma_posteriors_have_a_closed_form(events_a, events_b, ratio):
    units_b = ratio * events_b / events_a * 100
    found = probability_best(
        [
            GammaPosterior(events=events_a, units=100.0),
            GammaPosterior(events=events_b, units=units_b),
        ]
    )
    # X / 100 > Y / units_b, and X / (X + Y) is a beta variable.
    expected = special.betainc(events_b, events_a, units_b / (100 + units_b))
    assert found[0] == pytest.approx(expected, rel=1e-7, abs=1e-12)


@pytest.mark.parametrize("family", ["normal", "beta", "gamma"])
@pytest.mark.parametrize("goal", ["largest", "smallest"])
def test_four_posteriors_agree_with_drawing(family, goal):
    rng = np.random.default_rng(3)
    counts = [(40, 900), (50, 1000), (48, 800), (5, 150)]
    posteriors, draws = [], []
    for x, n in counts:
        if family == "normal":
            posteriors.append(normal(x / n, math.sqrt(x) / n))
            draws.append(rng.normal(x / n, math.sqrt(x) / n, 400_000))
        elif family == "beta":
            posteriors.append(beta(x, n - x))
            draws.append(rng.beta(x, n - x, 400_000))
        else:
            posteriors.append(GammaPosterior(events=x, units=n))
            draws.append(rng.gamma(x, 1 / n, 400_000))
    winners = np.argmax(draws, axis=0) if goal == "largest" else np.argmin(draws, axis=0)
    expected = np.bincount(winners, minlength=4) / 400_000
    assert probability_best(posteriors, goal=goal) == pytest.approx(expected, abs=0.004)


def test_a_narrow_posterior_inside_a_wide_one_is_not_missed():
    found = probability_best([normal(0.0, 1e-7), normal(0.3, 1.0)])
    assert found[0] == pytest.approx(special.ndtr(-0.3), rel=1e-10)


def test_counts_in_millions_of_millions():
    found = probability_best([beta(5e10, 95e10), beta(5e10 + 3e5, 95e10 - 3e5)])
    sd = math.sqrt(2 * 0.05 * 0.95 / 1e12)
    assert found[1] == pytest.approx(special.ndtr(3e5 / 1e12 / sd), abs=1e-5)


@given(NORMALS)
def test_probabilities_sum_to_1_and_turn_round_with_the_goal(posteriors):
    largest = probability_best(posteriors)
    assert sum(largest) == pytest.approx(1.0)
    mirrored = [normal(-p.mean, p.standard_deviation) for p in posteriors]
    assert probability_best(mirrored, goal="smallest") == pytest.approx(largest, abs=1e-9)


@given(NORMALS, st.floats(0, 0.2))
def test_shares_follow_the_order_of_the_variants(posteriors, floor):
    for shares_of in (thompson_shares, top_two_shares):
        forth = shares_of(posteriors, floor=floor).shares
        back = shares_of(posteriors[::-1], floor=floor).shares
        assert back[::-1] == pytest.approx(forth, abs=1e-9)
        assert min(forth) >= floor - 1e-12
        assert sum(forth) == pytest.approx(1.0)


def test_top_two_is_what_drawing_a_leader_and_a_rival_gives():
    rng = np.random.default_rng(4)
    means, sds = np.array([0.0, 0.5, 1.0, -1.0]), np.array([1.0, 0.6, 0.8, 1.5])
    posteriors = [normal(m, s) for m, s in zip(means, sds, strict=True)]
    chosen = np.zeros(4)
    for _ in range(8_000):
        pick = leader = int(np.argmax(rng.normal(means, sds)))
        if rng.random() < 0.5:
            while pick == leader:
                pick = int(np.argmax(rng.normal(means, sds)))
        chosen[pick] += 1
    assert top_two_shares(posteriors).shares == pytest.approx(chosen / 8_000, abs=0.02)


def test_top_two_gives_half_to_the_leader_and_half_to_its_rival_when_less_is_better():
    posteriors = [normal(m, 0.1) for m in (5.0, 1.0, 3.0, 2.0)]
    shares = top_two_shares(posteriors, goal="smallest").shares
    assert shares == pytest.approx([0.0, 0.5, 0.0, 0.5], abs=1e-6)
    two = top_two_shares(posteriors[:2], goal="smallest").shares
    assert two == pytest.approx([0.5, 0.5])


def test_a_leader_beyond_the_float_range_still_leaves_a_rival():
    shares = top_two_shares([normal(0.0, 1e-9), normal(1.0, 1e-9), normal(2.0, 1e-9)]).shares
    assert shares == pytest.approx([0.25, 0.25, 0.5])


def test_top_two_with_the_leader_only_is_thompson():
    posteriors = [normal(0.0), normal(0.4), normal(-0.3)]
    chances = probability_best(posteriors)
    assert top_two_shares(posteriors, leader_share=1.0).shares == pytest.approx(chances)


@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=6).filter(lambda w: sum(w) > 1e-6),
    st.floats(0, 1),
)
def test_a_raised_floor_keeps_the_proportions_above_it(weights, part):
    floor = part / len(weights)
    shares = with_floor(weights, floor)
    assert sum(shares) == pytest.approx(1.0)
    assert min(shares) >= floor * (1 - 1e-12)
    above = [(s, w) for s, w in zip(shares, weights, strict=True) if s > floor * (1 + 1e-9)]
    for share, weight in above:
        assert share / above[0][0] == pytest.approx(weight / above[0][1], rel=1e-6)


def test_one_raised_variant_can_push_the_next_below_the_floor():
    assert with_floor([0.0, 0.21, 0.79], 0.2) == pytest.approx([0.2, 0.2, 0.6])
    assert with_floor([0.0, 0.0, 1.0], 1 / 3) == pytest.approx([1 / 3] * 3)


def test_posterior_from_counts():
    posterior = BetaPosterior.from_counts(Counts(num_units=10, num_successes=3))
    assert (posterior.successes, posterior.failures) == (4.0, 8.0)


def test_normal_posterior_of_no_units_is_the_prior():
    prior = normal_posterior(Moments.zero(), prior_mean=2.0, prior_variance=9.0)
    assert prior == normal(2.0, 3.0)


def test_equal_units_have_no_posterior():
    result = normal_posterior(Moments.constant(50, [0.0]), prior_mean=0.0, prior_variance=1.0)
    assert isinstance(result, NotEnoughData)
    assert result.code == "zero_variance"


def test_tails_agree_with_scipy():
    points = np.linspace(-4, 4, 9)
    posterior = beta(3.0, 5.0)
    below = stats.beta.cdf(special.expit(points), 3.0, 5.0)
    assert posterior.tail(points, "largest") == pytest.approx(below)
    assert posterior.tail(points, "smallest") == pytest.approx(1 - below)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: probability_best([normal(0.0)]), "posteriors has 1 variants"),
        (lambda: probability_best([normal(0.0), beta(1, 1)]), "BetaPosterior, NormalPosterior"),
        (lambda: probability_best([normal(0.0)] * 2, goal="best"), "goal is 'best'"),
        (lambda: normal(0.0, 0.0), "standard_deviation is 0.0"),
        (lambda: normal(math.nan), "mean is nan"),
        (lambda: beta(-1, 2), "successes is -1"),
        (lambda: GammaPosterior(events=1, units=math.inf), "units is inf"),
        (lambda: with_floor([0.5, 0.5], 0.6), "floor is 0.6"),
        (lambda: with_floor([0.5, -0.5], 0.1), "weights"),
        (lambda: with_floor([0.5, 0.5], 0.1, rule="add"), "rule is 'add'"),
        (lambda: top_two_shares([normal(0.0)] * 2, leader_share=0), "leader_share is 0"),
        (
            lambda: normal_posterior(Moments.zero(), prior_mean=0.0, prior_variance=0.0),
            "prior_variance is 0.0",
        ),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
