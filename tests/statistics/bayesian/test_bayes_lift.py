"""The lognormal posterior of a lift, against integrals of its density."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.bayesian.bayes_lift import bayesian_lift
from abtesting.statistics.bayesian.priors import NormalPrior
from abtesting.statistics.means import Estimate
from abtesting.statistics.types import Interval


def estimate(value, error):
    return Estimate(value=value, variance=error**2, num_units=1000)


def test_all_numbers_are_those_of_the_lognormal():
    posterior = bayesian_lift(
        estimate(2.0, 0.2), estimate(2.3, 0.3), level=0.9, rope=Interval(-0.05, 0.1)
    )
    mean, sd = math.log(1.15), math.hypot(0.1, 0.3 / 2.3)
    ratio = stats.lognorm(sd, scale=math.exp(mean))
    assert posterior.estimate == pytest.approx(ratio.mean() - 1)
    assert posterior.standard_error == pytest.approx(ratio.std())
    assert posterior.interval.lower == pytest.approx(ratio.ppf(0.05) - 1)
    assert posterior.interval.upper == pytest.approx(ratio.ppf(0.95) - 1)
    assert posterior.chance_to_win == pytest.approx(ratio.sf(1))
    assert posterior.loss_of_control == pytest.approx(ratio.expect(lambda x: x - 1, lb=1), rel=1e-7)
    assert posterior.loss_of_variant == pytest.approx(ratio.expect(lambda x: 1 - x, ub=1), rel=1e-7)
    assert posterior.rope.below == pytest.approx(ratio.cdf(0.95))
    assert posterior.rope.above == pytest.approx(ratio.sf(1.1))
    assert posterior.relative_loss_of_variant == posterior.loss_of_variant
    lower, upper = posterior.hdi.lower + 1, posterior.hdi.upper + 1
    assert ratio.cdf(upper) - ratio.cdf(lower) == pytest.approx(0.9)
    assert ratio.pdf(lower) == pytest.approx(ratio.pdf(upper), rel=1e-6)
    assert upper - lower < posterior.interval.upper - posterior.interval.lower


def test_losses_keep_their_digits_in_the_tails():
    mean, sd = math.log(3.0), math.hypot(0.02, 0.04)
    posterior = bayesian_lift(estimate(1.0, 0.02), estimate(3.0, 0.12))
    # E[(1 - exp(X))+] by quadrature close to 0, where all of it is.
    x = np.linspace(-20 * sd**2, 0, 200_001)
    wanted = np.trapezoid(-np.expm1(x) * stats.norm.pdf(x, mean, sd), x)
    assert posterior.loss_of_variant == pytest.approx(wanted, rel=1e-5)
    assert 0 < posterior.loss_of_variant < 1e-100
    mirrored = bayesian_lift(estimate(3.0, 0.12), estimate(1.0, 0.02))
    assert 0 < mirrored.loss_of_control < 1e-100


def test_direction_swaps_the_sides():
    up = bayesian_lift(estimate(2.0, 0.1), estimate(2.2, 0.1))
    down = bayesian_lift(estimate(2.0, 0.1), estimate(2.2, 0.1), higher_is_better=False)
    assert down.chance_to_win == pytest.approx(1 - up.chance_to_win)
    assert down.loss_of_variant == up.loss_of_control
    assert down.interval == up.interval


def test_a_prior_of_the_lift_pulls_the_logarithm():
    flat = bayesian_lift(estimate(2.0, 0.1), estimate(2.4, 0.1))
    careful = bayesian_lift(estimate(2.0, 0.1), estimate(2.4, 0.1), prior=NormalPrior(0.0, 0.02))
    assert 0 < careful.estimate < flat.estimate
    assert careful.prior == NormalPrior(0.0, 0.02)
    shifted = bayesian_lift(estimate(2.0, 0.1), estimate(2.4, 0.1), prior=NormalPrior(0.25, 0.05))
    assert shifted.prior.mean == pytest.approx(math.log(1.25))
    assert shifted.prior.sd == pytest.approx(0.04)


@given(
    control=st.floats(0.5, 5),
    variant=st.floats(0.5, 5),
    factor=st.sampled_from([1e-6, 0.1, 7.0, 1e6]),
)
def test_a_lift_has_no_unit(control, variant, factor):
    plain = bayesian_lift(estimate(control, 0.1), estimate(variant, 0.1))
    scaled = bayesian_lift(
        estimate(control * factor, 0.1 * factor), estimate(variant * factor, 0.1 * factor)
    )
    assert scaled.estimate == pytest.approx(plain.estimate, abs=1e-9)
    assert scaled.chance_to_win == pytest.approx(plain.chance_to_win, rel=1e-6)


def test_coverage_of_the_lift_with_unequal_arms():
    # 1,000 against 9,000 units at a rate of 2 % and a lift of 100 %.
    rng = np.random.default_rng(4)
    x_c, x_t = rng.binomial(1000, 0.05, 4000), rng.binomial(9000, 0.1, 4000)
    covered = []
    for a, b in zip(x_c, x_t, strict=True):
        arms = [
            Estimate(value=x / n, variance=x / n * (1 - x / n) / n, num_units=n)
            for x, n in ((int(a), 1000), (int(b), 9000))
        ]
        covered.append(bayesian_lift(*arms).interval.contains(1.0))
    assert 0.94 <= np.mean(covered) <= 0.96


def test_reasons_and_errors():
    assert bayesian_lift(estimate(0.0, 0.1), estimate(1.0, 0.1)).code == "not_positive"
    assert bayesian_lift(estimate(1.0, 0.0), estimate(1.0, 0.0)).code == "zero_variance"
    with pytest.raises(ValueError, match="it must be above -1"):
        bayesian_lift(estimate(1.0, 0.1), estimate(1.0, 0.1), prior=NormalPrior(-1.0, 0.1))
    with pytest.raises(ValueError, match="level is 0"):
        bayesian_lift(estimate(1.0, 0.1), estimate(1.0, 0.1), level=0)
    region = Interval(-2.0, 0.0)
    assert bayesian_lift(estimate(1.0, 0.1), estimate(1.0, 0.1), rope=region).rope.below == 0
