"""Power of two one-sided tests: PowerTOST's figures, scipy's integrals, simulated tests."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from abtesting.statistics.boundaries import FixedHorizon
from abtesting.statistics.margins.equivalence import compare_equivalence
from abtesting.statistics.moments import Counts, Moments
from abtesting.statistics.planning.power import Design
from abtesting.statistics.planning.power_equivalence import (
    EACH_AT_FIVE_PER_CENT,
    plan_equivalence_means,
    plan_equivalence_proportions,
)
from abtesting.statistics.planning.power_means import plan_means
from abtesting.statistics.rates.proportion_margins import compare_noninferiority_of_proportions


@pytest.mark.parametrize(
    ("variation", "num_units", "power"),
    [(0.20, 20, 0.834680), (0.25, 28, 0.807439), (0.30, 40, 0.815845)],
)
def test_figures_of_powertost(variation, num_units, power):
    """Its 2x2 crossover design with a ratio of 0.95 within 0.80 to 1.25, by Owen's Q.

    A crossover of n subjects compares logarithms with the standard error sqrt(2 / n) s and n - 2
    degrees of freedom, as two arms of n / 2 units with half the variance do.
    """
    plan = plan_equivalence_means(
        variance=math.log1p(variation**2) / 2,
        margin=math.log(1.25),
        effect=math.log(0.95),
        num_units=num_units,
    )
    assert plan.power == pytest.approx(power, abs=1e-6)


@pytest.mark.parametrize("effect", [0.0, 0.1, -0.2])
@pytest.mark.parametrize("num_units", [12, 60, 300])
def test_absolute_margin_by_the_integral_over_the_standard_error(effect, num_units):
    margin, error, df = 0.6, math.sqrt(4 / num_units), num_units - 2
    critical = stats.t.isf(0.05, df)

    def inside(s):
        high = (margin - effect) / error - critical * s
        low = -(margin + effect) / error + critical * s
        density = stats.chi.pdf(s * math.sqrt(df), df) * math.sqrt(df)
        return max(stats.norm.cdf(high) - stats.norm.cdf(low), 0.0) * density

    expected, _ = integrate.quad(inside, 0, margin / (critical * error), epsabs=1e-12, limit=200)
    plan = plan_equivalence_means(variance=1.0, margin=margin, effect=effect, num_units=num_units)
    assert plan.power == pytest.approx(expected, abs=1e-8)


def test_relative_margin_by_the_bivariate_normal_distribution():
    mean, variance, margin, total = 3.0, 4.0, 0.08, 6_000
    noise = variance / (total / 2)
    slopes = np.array([1 - margin, 1 + margin])
    errors = np.sqrt(noise + slopes**2 * noise)
    # Chance that z_1 > c and z_2 < -c, as one orthant of (-z_1, z_2).
    centre = np.array([-(mean - slopes[0] * mean), mean - slopes[1] * mean]) / errors
    covariance = -(noise + slopes.prod() * noise) / errors.prod()
    critical = stats.norm.isf(0.05)
    expected = stats.multivariate_normal(centre, [[1, covariance], [covariance, 1]]).cdf(
        [-critical, -critical]
    )
    plan = plan_equivalence_means(
        variance=variance, control_mean=mean, margin=margin, num_units=total, scale="relative"
    )
    assert plan.power == pytest.approx(expected, abs=2e-4)


def test_the_bound_by_two_powers_asks_for_more_units():
    """Of each test with half of the chance to miss: right only where both are close to certain."""
    crude = plan_means(variance=1.0, effect=0.1, power=0.9, design=EACH_AT_FIVE_PER_CENT)
    exact = plan_equivalence_means(variance=1.0, margin=0.1, power=0.8)
    assert exact.exact_total == pytest.approx(crude.exact_total, rel=1e-3)
    shifted = plan_equivalence_means(variance=1.0, margin=0.1, effect=0.02, power=0.8)
    crude = plan_means(variance=1.0, effect=0.08, power=0.9, design=EACH_AT_FIVE_PER_CENT)
    assert shifted.exact_total < 0.9 * crude.exact_total


def rejections(plan, simulate, *, num_runs):
    return np.mean([simulate(plan.num_units) for _ in range(num_runs)])


@pytest.mark.parametrize("scale", ["absolute", "relative"])
def test_simulated_power_of_means(scale):
    rng = np.random.default_rng(1)
    margin = 0.3 if scale == "absolute" else 0.1
    plan = plan_equivalence_means(
        variance=1.0, variant_variance=2.0, control_mean=3.0, margin=margin, scale=scale, power=0.8
    )

    def equivalent(units):
        return compare_equivalence(
            Moments.from_array(3 + rng.normal(size=units[0])),
            Moments.from_array(3 + math.sqrt(2) * rng.normal(size=units[1])),
            margin=margin,
            scale=scale,
            boundary=FixedHorizon(0.05),
        ).is_equivalent

    assert rejections(plan, equivalent, num_runs=2_000) == pytest.approx(0.8, abs=3 * 0.009)


@pytest.mark.parametrize("scale", ["absolute", "relative"])
def test_simulated_power_of_rates(scale):
    rng = np.random.default_rng(2)
    margin = 0.02 if scale == "absolute" else 0.2
    plan = plan_equivalence_proportions(
        control_rate=0.1, effect=0.003, margin=margin, scale=scale, power=0.8
    )

    def equivalent(units):
        control, variant = (
            Counts(num_units=n, num_successes=int(rng.binomial(n, p)))
            for n, p in zip(units, (0.1, 0.103), strict=True)
        )
        return all(
            compare_noninferiority_of_proportions(
                control,
                variant,
                margin=margin,
                scale=scale,
                harm=harm,
                boundary=FixedHorizon(0.05, side),
            ).is_noninferior
            for harm, side in (("decrease", "greater"), ("increase", "less"))
        )

    assert rejections(plan, equivalent, num_runs=2_000) == pytest.approx(0.8, abs=3 * 0.009)


PLANS = {
    "mean": lambda **given: plan_equivalence_means(variance=4.0, **given),
    "mean_relative": lambda **given: plan_equivalence_means(
        variance=4.0, control_mean=-3.0, scale="relative", **given
    ),
    "rate": lambda **given: plan_equivalence_proportions(control_rate=0.3, **given),
    "rate_relative": lambda **given: plan_equivalence_proportions(
        control_rate=0.3, scale="relative", **given
    ),
}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
@pytest.mark.parametrize("margin", [0.03, 0.1])
@pytest.mark.parametrize("power", [0.3, 0.8, 0.99])
def test_round_trip(plan, margin, power):
    sized = plan(margin=margin, power=power)
    again = plan(margin=margin, num_units=sized.exact_total)
    assert again.power == pytest.approx(power, abs=1e-9)
    assert plan(power=power, num_units=sized.exact_total).margin == pytest.approx(margin, rel=1e-6)


@pytest.mark.parametrize("scale", ["absolute", "relative"])
def test_a_negative_mean_is_the_mirror_of_a_positive_one(scale):
    up, down = (
        plan_equivalence_means(
            variance=1.0, control_mean=mean, effect=effect, margin=0.2, scale=scale, power=0.8
        )
        for mean, effect in ((2.0, 0.05), (-2.0, -0.05))
    )
    assert up.exact_total == pytest.approx(down.exact_total)
    assert (up.effect, down.effect) == (0.05, -0.05)


@given(st.floats(0.05, 0.5), st.floats(1.01, 3.0), st.floats(10, 1e5))
def test_monotone(margin, factor, units):
    power = plan_equivalence_means(variance=1.0, margin=margin, num_units=units).power
    assert 0 <= power <= 1
    wider = plan_equivalence_means(variance=1.0, margin=margin * factor, num_units=units).power
    more = plan_equivalence_means(variance=1.0, margin=margin, num_units=units * factor).power
    off = plan_equivalence_means(
        variance=1.0, margin=margin, effect=margin / 2, num_units=units
    ).power
    assert wider >= power - 1e-9
    # With few units both tests reject only by an error that is far too small, and that gets rarer.
    assert more >= power - 1e-9 or power < 0.01
    assert off <= power + 1e-9


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: plan_equivalence_means(variance=1.0, margin=0.1), "exactly two of them"),
        (lambda: plan_equivalence_means(variance=1.0, margin=-0.1, power=0.8), "margin is -0.1"),
        (
            lambda: plan_equivalence_means(variance=1.0, margin=0.1, effect=-0.2, power=0.8),
            "margin is 0.1 with an effect of -0.2",
        ),
        (
            lambda: plan_equivalence_means(variance=1.0, margin=0.1, scale="relative", power=0.8),
            "control_mean is None",
        ),
        (
            lambda: plan_equivalence_means(variance=1.0, margin=0.1, power=0.8, design=Design()),
            "side of the design is 'two_sided'",
        ),
        (
            lambda: plan_equivalence_means(variance=1.0, margin=0.1, scale="log", power=0.8),
            "scale is 'log'",
        ),
        (
            lambda: plan_equivalence_proportions(control_rate=0.1, effect=0.95, power=0.8),
            "control_rate is 0.1 and effect 0.95",
        ),
        (
            lambda: plan_equivalence_proportions(control_rate=0.01, num_units=9, power=0.8),
            "no margin",
        ),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()
