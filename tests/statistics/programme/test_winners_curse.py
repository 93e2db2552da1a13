"""Effects that were selected: coverage, median bias and totals among the selected."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

from abtesting.statistics.boundaries import AlwaysValid, FixedHorizon
from abtesting.statistics.moments import Counts
from abtesting.statistics.programme.winners_curse import (
    conditional_effect,
    effect_of_winner,
    programme_total,
)
from abtesting.statistics.proportions import compare_proportions
from abtesting.statistics.types import Interval

CRITICAL = 1.959963984540054


def chance_below(z, truth, side):
    """P(Z < z | selected), from its definition."""
    normal = stats.norm(truth)
    chosen = normal.sf(CRITICAL)
    below = normal.sf(CRITICAL) - normal.sf(z)
    if side == "two_sided":
        chosen += normal.cdf(-CRITICAL)
        below += normal.cdf(-CRITICAL)
    return below / chosen


@pytest.mark.parametrize("side", ["two_sided", "greater"])
@pytest.mark.parametrize("z", [2.1, 2.5, 3.5, 6.0])
def test_ends_and_median_solve_their_equations(z, side):
    effect = conditional_effect(z, 1.0, critical=CRITICAL, side=side)
    for value, probability in (
        (effect.interval.lower, 0.975),
        (effect.estimate, 0.5),
        (effect.interval.upper, 0.025),
    ):
        if value > -5:
            assert chance_below(z, value, side) == pytest.approx(probability, abs=1e-9)


@pytest.mark.parametrize("side", ["two_sided", "greater"])
def test_the_most_likely_effect_maximises_the_conditional_likelihood(side):
    z = 2.6

    def loss(m):
        chosen = stats.norm.sf(CRITICAL, m)
        if side == "two_sided":
            chosen += stats.norm.cdf(-CRITICAL, m)
        return math.log(chosen) - stats.norm.logpdf(z, m)

    wanted = optimize.minimize_scalar(loss, bounds=(-3, 4), method="bounded").x
    effect = conditional_effect(z, 1.0, critical=CRITICAL, side=side)
    assert effect.maximum_likelihood == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("side", ["two_sided", "greater"])
@pytest.mark.parametrize("truth", [0.0, 1.0, 2.0, 3.5])
def test_coverage_among_the_selected(truth, side):
    # Selected z by inversion of their distribution, at equally likely places: no draws needed.
    runs = 400
    places = (np.arange(runs) + 0.5) / runs
    above = stats.norm.sf(CRITICAL, truth)
    under = stats.norm.cdf(-CRITICAL, truth) if side == "two_sided" else 0.0
    tails = (1 - places) * (above + under)
    zs = np.where(
        tails < above,
        stats.norm.isf(np.minimum(tails, above), truth),
        stats.norm.ppf(np.clip(above + under - tails, 1e-300, 1), truth),
    )
    effects = [conditional_effect(float(z), 1.0, critical=CRITICAL, side=side) for z in zs]
    covered = np.mean([e.interval.contains(truth) for e in effects])
    too_high = np.mean([e.estimate > truth for e in effects])
    naive = np.mean([abs(z - truth) < 1.96 for z in zs])
    assert 0.94 <= covered <= 0.96
    assert 0.49 <= too_high <= 0.51
    if truth <= 1:
        assert naive < 0.9


@given(z=st.floats(1.97, 30), error=st.floats(1e-6, 1e6))
def test_scale_and_sign_move_the_answer_along(z, error):
    one = conditional_effect(z, 1.0, critical=CRITICAL)
    scaled = conditional_effect(-z * error, error, critical=CRITICAL)
    assert scaled.estimate == pytest.approx(-one.estimate * error, rel=1e-6, abs=1e-7 * error)
    assert scaled.interval.lower == pytest.approx(-one.interval.upper * error, rel=1e-6)
    assert 0 <= one.maximum_likelihood <= z
    # The median of the selected lies above the truth, so the estimate lies below z.
    assert one.estimate <= z
    assert one.interval.contains(one.estimate)


def test_far_beyond_the_threshold_selection_no_longer_matters():
    effect = conditional_effect(12.0, 1.0, critical=CRITICAL)
    assert effect.estimate == pytest.approx(12.0, abs=1e-6)
    assert effect.interval.lower == pytest.approx(12 - CRITICAL, abs=1e-6)
    assert effect.interval.upper == pytest.approx(12 + CRITICAL, abs=1e-6)


def test_only_just_selected_on_one_side_is_unbounded():
    effect = conditional_effect(1.9600, 1.0, critical=CRITICAL, side="greater")
    assert effect.interval.lower == -math.inf
    assert effect.interval.upper < 4


def test_at_the_threshold_itself_nothing_can_be_said():
    at = conditional_effect(CRITICAL + 1e-7, 1.0, critical=CRITICAL, side="greater")
    assert at.code == "at_threshold"
    two_sided = conditional_effect(CRITICAL + 1e-7, 1.0, critical=CRITICAL)
    assert math.isfinite(two_sided.interval.lower)


def test_lower_side_mirrors_the_greater_one():
    up = conditional_effect(2.5, 1.0, critical=1.645, side="greater")
    down = conditional_effect(-2.5, 1.0, critical=1.645, side="less")
    assert down.estimate == -up.estimate
    assert down.interval == Interval(-up.interval.upper, -up.interval.lower)


def test_what_was_not_selected_has_no_conditional_effect():
    assert conditional_effect(0.5, 1.0, critical=CRITICAL).code == "not_selected"
    assert conditional_effect(-3.0, 1.0, critical=1.6, side="greater").code == "not_selected"


def winner(boundary):
    arms = (Counts(num_units=5000, num_successes=x) for x in (250, 330))
    return compare_proportions(*arms, boundary=boundary)


def test_a_significant_effect_carries_its_own_selection():
    effect = winner(FixedHorizon(0.05))
    conditional = effect_of_winner(effect)
    assert conditional.critical == pytest.approx(CRITICAL)
    assert conditional.level == 0.95
    assert 0 < conditional.estimate < effect.difference


def test_effects_of_several_looks_are_sent_elsewhere():
    with pytest.raises(ValueError, match="boundary of the effect is 'always_valid'"):
        effect_of_winner(winner(AlwaysValid(0.05, 10_000)))


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((math.nan, 1.0), {"critical": 2.0}, "estimate is nan"),
        ((1.0, 0.0), {"critical": 2.0}, "standard_error is 0.0"),
        ((3.0, 1.0), {"critical": -1.0}, "critical is -1.0"),
        ((3.0, 1.0), {"critical": 2.0, "level": 2}, "level is 2"),
        ((3.0, 1.0), {"critical": 2.0, "side": "up"}, "side is 'up'"),
    ],
)
def test_bad_input_of_an_effect_says_what_is_wrong(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        conditional_effect(*arguments, **options)


def test_bias_of_lee_and_shen_is_their_sum_over_all_tests():
    effects, errors, thresholds = [0.05, -0.01, 0.02, 0.06], [0.02, 0.01, 0.015, 0.03], [0.03] * 4
    total = programme_total(effects, errors, thresholds)
    wanted = sum(
        s * stats.norm.pdf((b - y) / s) for y, s, b in zip(effects, errors, thresholds, strict=True)
    )
    assert total.bias == pytest.approx(wanted)
    assert total.naive_total == pytest.approx(0.11)
    assert (total.num_tests, total.num_winners) == (4, 2)
    assert total.estimate == pytest.approx(total.naive_total - total.bias - total.residual_bias)


@pytest.mark.parametrize("distance", [-3.0, -0.5, 0.0, 1.0, 2.5])
def test_error_of_lee_and_shen_is_integrated_exactly(distance):
    from abtesting.statistics.programme.winners_curse import _error_of_lee_shen

    def error(z):
        return z * (z > distance) - stats.norm.pdf(distance - z)

    moments = [
        integrate.quad(lambda z, p=p: error(z) ** p * stats.norm.pdf(z), -9, 9, points=[distance])[
            0
        ]
        for p in (1, 2)
    ]
    mean, variance = _error_of_lee_shen(np.array([distance]))
    assert mean[0] == pytest.approx(moments[0], abs=1e-8)
    assert variance[0] == pytest.approx(moments[1] - moments[0] ** 2, abs=1e-8)


@pytest.mark.parametrize("spread", [0.5, 1.5])
def test_totals_of_programmes_are_unbiased_and_covered(spread):
    rng = np.random.default_rng(23)
    naive, corrected, truth, covered = 0.0, 0.0, 0.0, []
    for _ in range(400):
        truths = rng.normal(0.3, spread, 40)
        effects = rng.normal(truths, 1.0)
        total = programme_total(list(effects), [1.0] * 40, [1.96] * 40)
        real = truths[effects > 1.96].sum()
        naive += total.naive_total
        corrected += total.estimate
        truth += real
        covered.append(total.interval.contains(real))
    assert naive > 1.15 * truth
    assert abs(corrected - truth) < 0.15 * (naive - truth)
    assert 0.925 <= np.mean(covered) <= 0.985


def test_programmes_with_few_tests_or_bad_thresholds():
    assert programme_total([1.0], [1.0], [0.5]).code == "too_few_tests"
    with pytest.raises(ValueError, match="4 effects and 1 thresholds"):
        programme_total([1.0] * 4, [1.0] * 4, [0.5])
    with pytest.raises(ValueError, match=r"thresholds\[0\] is inf"):
        programme_total([1.0] * 4, [1.0] * 4, [math.inf] * 4)
