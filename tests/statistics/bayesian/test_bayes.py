"""The normal model: gbstats' figures, calibration on effects drawn from the prior, tails."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from abtesting.statistics.bayesian.bayes import (
    bayesian_difference,
    bayesian_estimate,
    expected_excess,
)
from abtesting.statistics.bayesian.priors import NormalPrior
from abtesting.statistics.boundaries import FixedHorizon
from abtesting.statistics.means import compare_means
from abtesting.statistics.moments import Counts, Moments
from abtesting.statistics.proportions import compare_proportions
from abtesting.statistics.types import Effect, Interval, NotEnoughData
from tests.known_answers import cases, close

PRIORS = {"(0,0.3^2)": NormalPrior(0.0, 0.3), "(0.01,0.02^2)": NormalPrior(0.01, 0.02)}

finite = st.floats(-50, 50)
deviations = st.floats(0.01, 10)


def effect_of(inputs):
    fixed = FixedHorizon(1 - inputs["confidence"])
    if "x_c" in inputs:
        control, variant = (
            Counts(num_units=inputs[f"n_{arm}"], num_successes=inputs[f"x_{arm}"]) for arm in "ct"
        )
        return compare_proportions(control, variant, boundary=fixed)
    control, variant = (
        Moments(
            n=inputs[f"n_{arm}"],
            means=(inputs[f"mean_{arm}"],),
            comoments=((inputs[f"var_{arm}"] * (inputs[f"n_{arm}"] - 1),),),
        )
        for arm in "ct"
    )
    return compare_means(control, variant, boundary=fixed)


def delta_lift(inputs):
    """Their lift and its delta-method standard error."""
    means, variances = [], []
    for arm in "ct":
        n = inputs[f"n_{arm}"]
        mean = inputs[f"x_{arm}"] / n if "x_c" in inputs else inputs[f"mean_{arm}"]
        means.append(mean)
        variances.append((mean * (1 - mean) if "x_c" in inputs else inputs[f"var_{arm}"]) / n)
    (c, t), (v_c, v_t) = means, variances
    return t / c - 1, math.sqrt(v_t / c**2 + v_c * t**2 / c**4)


def posterior_of(inputs, key):
    """The posterior that a figure of theirs is about: absolute or relative, flat or proper."""
    prior = next((PRIORS[name] for name in PRIORS if name in key), None)
    if key.endswith("inverse"):
        prior = PRIORS["(0,0.3^2)"]
    if key.startswith("absolute"):
        return bayesian_difference(effect_of(inputs), prior=prior)
    return bayesian_estimate(
        *delta_lift(inputs), prior=prior, higher_is_better=not key.endswith("inverse")
    )


@cases("bayes", "bayes_gaussian_effect")
def test_the_posterior_is_that_of_gbstats(case):
    assert len(case["expected"]) >= 4
    for key, expected in case["expected"].items():
        posterior = posterior_of(case["inputs"], key)
        found = {
            "chance_to_win": posterior.chance_to_win,
            "expected": posterior.estimate,
            "ci": [posterior.interval.lower, posterior.interval.upper],
            "risk_ctrl": posterior.loss_of_control,
            "risk_trt": posterior.loss_of_variant,
            "sd": posterior.standard_error,
        }
        for name, value in expected.items():
            # Their chance to win is a difference from 1; a risk of 1e-117 has all its digits.
            absolute = close(case)["abs"] if name == "chance_to_win" else 1e-300
            near = pytest.approx(value, rel=close(case)["rel"], abs=absolute)
            assert found[name] == near, key


@pytest.mark.parametrize("scaled", [-37.6, -30.0, -8.0, -1.0, -1e-9, 0.0, 1e-9, 2.0, 50.0])
def test_expected_excess_is_the_integral_it_stands_for(scaled):
    sd = 0.02
    wanted, _ = integrate.quad(
        lambda x: x * stats.norm.pdf(x, scaled, 1) * 1e200,
        0,
        max(scaled, 0) + 40,
        points=[0.01, 0.1, 1],
        epsabs=0,
        epsrel=1e-11,
        limit=400,
    )
    assert expected_excess(scaled * sd, sd) == pytest.approx(wanted * sd / 1e200, rel=1e-8)


def test_expected_excess_fades_to_zero_and_never_below():
    values = [expected_excess(-u / 10, 1.0) for u in range(600)]
    assert all(a >= b >= 0 for a, b in itertools.pairwise(values))
    assert 0 < values[380] < 1e-300
    assert values[-1] == 0


def test_effects_drawn_from_the_prior_are_calibrated():
    rng = np.random.default_rng(11)
    prior, num_runs = NormalPrior(0.01, 0.05), 10_000
    truths = rng.normal(prior.mean, prior.sd, num_runs)
    errors = rng.uniform(0.01, 0.08, num_runs)
    estimates = rng.normal(truths, errors)
    posteriors = [
        bayesian_estimate(float(y), float(s), prior=prior)
        for y, s in zip(estimates, errors, strict=True)
    ]
    covered = [p.interval.contains(t) for p, t in zip(posteriors, truths, strict=True)]
    assert 0.9435 <= np.mean(covered) <= 0.9565

    chances = np.array([p.chance_to_win for p in posteriors])
    deciles = np.minimum((chances * 10).astype(int), 9)
    for decile in range(10):
        chosen = deciles == decile
        spread = math.sqrt((chances[chosen] * (1 - chances[chosen])).sum()) / chosen.sum()
        assert abs((truths[chosen] > 0).mean() - chances[chosen].mean()) <= 3 * spread

    # Whoever chooses the side with the smaller expected loss loses on average what it says.
    reported = np.array([min(p.loss_of_variant, p.loss_of_control) for p in posteriors])
    chose_variant = np.array([p.loss_of_variant <= p.loss_of_control for p in posteriors])
    realised = np.where(chose_variant, np.maximum(-truths, 0), np.maximum(truths, 0))
    assert realised.mean() == pytest.approx(reported.mean(), rel=0.05)


@given(estimate=finite, error=deviations, mean=finite, sd=deviations)
def test_the_posterior_lies_between_prior_and_data_and_is_sharper_than_either(
    estimate, error, mean, sd
):
    posterior = bayesian_estimate(estimate, error, prior=NormalPrior(mean, sd))
    assert min(estimate, mean) - 1e-9 <= posterior.estimate <= max(estimate, mean) + 1e-9
    assert posterior.standard_error <= min(error, sd)
    precision = 1 / error**2 + 1 / sd**2
    assert posterior.standard_error == pytest.approx(precision**-0.5, rel=1e-12)
    assert posterior.estimate == pytest.approx(
        (estimate / error**2 + mean / sd**2) / precision, rel=1e-9, abs=1e-9
    )


@given(estimate=finite, error=deviations)
def test_losses_differ_by_the_estimate_and_swapping_sides_swaps_them(estimate, error):
    posterior = bayesian_estimate(estimate, error)
    assert posterior.loss_of_control - posterior.loss_of_variant == pytest.approx(
        estimate, abs=1e-9
    )
    mirrored = bayesian_estimate(-estimate, error)
    reversed_ = bayesian_estimate(estimate, error, higher_is_better=False)
    for other in (mirrored, reversed_):
        assert other.loss_of_variant == posterior.loss_of_control
        assert other.chance_to_win == pytest.approx(1 - posterior.chance_to_win, abs=1e-15)


@given(estimate=finite, error=deviations, level=st.floats(0.5, 0.999))
def test_winner_interval_and_chance_agree(estimate, error, level):
    posterior = bayesian_estimate(estimate, error, level=level)
    margin = (1 - level) / 2
    if abs(min(posterior.chance_to_win, 1 - posterior.chance_to_win) - margin) > 1e-9:
        expected = None
        if posterior.chance_to_win > 1 - margin:
            expected = "variant"
        elif posterior.chance_to_win < margin:
            expected = "control"
        assert posterior.winner == expected


@given(estimate=finite, error=deviations, factor=st.sampled_from([1e-6, 0.5, 3.0, 1e6]))
def test_another_unit_of_the_metric_changes_no_probability(estimate, error, factor):
    prior, region = NormalPrior(0.5, 2.0), Interval(-0.5, 0.5)
    plain = bayesian_estimate(estimate, error, prior=prior, rope=region)
    scaled = bayesian_estimate(
        estimate * factor,
        error * factor,
        prior=NormalPrior(prior.mean * factor, prior.sd * factor),
        rope=Interval(region.lower * factor, region.upper * factor),
    )
    assert scaled.chance_to_win == pytest.approx(plain.chance_to_win, rel=1e-9)
    assert scaled.rope.inside == pytest.approx(plain.rope.inside, rel=1e-9)
    assert scaled.loss_of_variant == pytest.approx(plain.loss_of_variant * factor, rel=1e-9)


@given(estimate=finite, error=deviations)
def test_the_three_regions_add_up_to_one(estimate, error):
    rope = bayesian_estimate(estimate, error, rope=Interval(-0.2, 0.3)).rope
    assert rope.below + rope.inside + rope.above == pytest.approx(1)


def test_a_region_far_in_the_tail_keeps_its_digits():
    for sign in (1, -1):
        rope = bayesian_estimate(sign * 20.0, 1.0, rope=Interval(-1.0, 1.0)).rope
        assert rope.inside == pytest.approx(stats.norm.sf(19) - stats.norm.sf(21), rel=1e-9)


def effect(**changes):
    values = {
        "control_value": 0.05,
        "variant_value": 0.056,
        "difference": 0.006,
        "standard_error": 0.003,
        "difference_interval": Interval(0.0001, 0.0119),
        "p_value": 0.045,
        "lift": 0.12,
        "lift_interval": Interval(0.002, 0.25),
        "method": "score",
        "boundary": "fixed_horizon",
        "alpha": 0.1,
    }
    return Effect(**(values | changes))


def test_prior_and_region_of_a_difference_are_lifts():
    posterior = bayesian_difference(
        effect(control_value=-0.05), prior=NormalPrior(0.1, 0.2), rope=Interval(-0.02, 0.02)
    )
    assert posterior.prior == NormalPrior(0.1 * 0.05, 0.2 * 0.05)
    assert posterior.rope.region == Interval(-0.02 * 0.05, 0.02 * 0.05)
    assert posterior.level == pytest.approx(0.9)
    assert posterior.relative_loss_of_variant == posterior.loss_of_variant / 0.05
    assert posterior.relative_loss_of_control == posterior.loss_of_control / 0.05


def test_a_control_of_zero_has_no_lift_but_a_flat_posterior():
    zero = effect(control_value=0.0)
    refused = bayesian_difference(zero, prior=NormalPrior(0, 0.1))
    assert isinstance(refused, NotEnoughData)
    assert refused.code == "zero_control"
    posterior = bayesian_difference(zero)
    assert posterior.chance_to_win == pytest.approx(stats.norm.cdf(2))
    assert posterior.relative_loss_of_variant is None
    assert bayesian_estimate(1.0, 1.0).relative_loss_of_control is None


def test_without_a_standard_error_there_is_no_posterior():
    assert bayesian_difference(effect(standard_error=0.0)).code == "zero_variance"


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((math.nan, 1.0), {}, "estimate is nan"),
        ((0.0, 0.0), {}, "standard_error is 0.0"),
        ((0.0, -1.0), {}, "standard_error is -1.0"),
        ((0.0, math.inf), {}, "standard_error is inf"),
        ((0.0, 1.0), {"level": 1.0}, "level is 1.0"),
        ((0.0, 1.0), {"level": math.nan}, "level is nan"),
    ],
)
def test_bad_input_says_what_is_wrong(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        bayesian_estimate(*arguments, **options)
