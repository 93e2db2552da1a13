from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from abtesting.statistics.bayesian.bayes import bayesian_estimate
from abtesting.statistics.bayesian.priors import NormalPrior
from abtesting.statistics.planning.assurance import plan_assurance
from abtesting.statistics.planning.power import Design
from abtesting.statistics.planning.power_means import plan_means

EFFECTS = NormalPrior(0.01, 0.03)


def test_assurance_is_the_power_averaged_over_the_prior():
    plan = plan_assurance(EFFECTS, variance=1.0, num_units=20_000)
    error = math.sqrt(4 / 20_000)

    def weighted(effect):
        power = stats.norm.sf(stats.norm.isf(0.025) - effect / error)
        return power * stats.norm.pdf(effect, EFFECTS.mean, EFFECTS.sd)

    expected, _ = integrate.quad(weighted, -0.2, 0.3, epsabs=1e-12)
    right, _ = integrate.quad(weighted, 0.0, 0.3, epsabs=1e-12)
    assert plan.assurance == pytest.approx(expected, abs=1e-9)
    assert plan.right == pytest.approx(right, abs=1e-9)
    assert plan.limit == pytest.approx(stats.norm.cdf(1 / 3))


def test_the_formula_of_ohagan():
    """Equation 3 of O'Hagan, Stevens & Campbell (2005): Phi((m - z s) / sqrt(t^2 + s^2))."""
    plan = plan_assurance(
        NormalPrior(2.5, 1.6), variance=16.0, num_units=100, design=Design(alpha=0.05)
    )
    error = math.sqrt(16 * 4 / 100)
    expected = stats.norm.cdf((2.5 - 1.959964 * error) / math.hypot(1.6, error))
    assert plan.assurance == pytest.approx(expected, abs=1e-6)


def test_a_certain_prior_gives_the_power():
    plan = plan_assurance(NormalPrior(0.1, 1e-9), variance=1.0, num_units=3_000)
    power = plan_means(variance=1.0, effect=0.1, num_units=3_000, test="normal").power
    assert plan.assurance == pytest.approx(power)
    assert plan.power == pytest.approx(power)


RULES = [
    {"threshold": 0.95},
    {"max_loss": 0.001},
    {"threshold": 0.9, "max_loss": 0.0005},
    {"threshold": 0.95, "analysis_prior": NormalPrior(0.0, 0.02)},
    {"threshold": 0.9, "max_loss": 0.002, "analysis_prior": NormalPrior(-0.01, 0.02)},
]


@pytest.mark.parametrize("rule", RULES)
def test_simulated_decisions_of_a_bayesian_rule(rule):
    rng = np.random.default_rng(1)
    plan = plan_assurance(EFFECTS, variance=1.0, num_units=10_000, **rule)
    error = math.sqrt(4 / 10_000)
    effects = rng.normal(EFFECTS.mean, EFFECTS.sd, 4_000)
    shipped = []
    for estimate in (effects + rng.normal(0, error, 4_000)).tolist():
        posterior = bayesian_estimate(estimate, error, prior=rule.get("analysis_prior"))
        shipped.append(
            posterior.chance_to_win > rule.get("threshold", 0.0)
            and posterior.loss_of_variant < rule.get("max_loss", math.inf)
        )
    shipped = np.array(shipped)
    assert shipped.mean() == pytest.approx(plan.assurance, abs=3 * 0.008)
    assert (shipped & (effects > 0)).mean() == pytest.approx(plan.right, abs=3 * 0.008)


@given(st.floats(-0.02, 0.05), st.floats(0.01, 0.1), st.floats(0.05, 0.95))
def test_units_give_the_assurance_that_was_asked_for(mean, sd, part):
    prior = NormalPrior(mean, sd)
    limit = stats.norm.cdf(mean / sd)
    asked = 0.05 + part * (limit - 0.05)
    if not 0.05 < asked < limit * 0.999:
        return
    plan = plan_assurance(prior, variance=1.0, assurance=asked, threshold=0.95)
    assert plan.assurance == pytest.approx(asked, rel=1e-6)
    assert plan.right <= plan.assurance + 1e-12
    more = plan_assurance(prior, variance=1.0, num_units=2 * plan.exact_num_units[0] * 2)
    assert more.assurance <= more.limit


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "exactly one of them"),
        ({"num_units": 10, "assurance": 0.5}, "exactly one of them"),
        ({"assurance": 0.7}, "assurance is 0.7; it must be below 0.6306"),
        ({"assurance": 0.01}, "the rule has as much without any unit"),
        ({"num_units": 0}, "num_units is 0"),
        ({"num_units": 10, "threshold": 0.4}, "threshold is 0.4"),
        ({"num_units": 10, "max_loss": 0.0}, "max_loss is 0.0"),
        ({"num_units": 10, "analysis_prior": EFFECTS}, "significance has no prior"),
    ],
)
def test_bad_input(given, message):
    with pytest.raises(ValueError, match=message):
        plan_assurance(EFFECTS, variance=1.0, **given)


def test_a_limited_loss_alone_also_ships_what_is_worse_by_less():
    """With endless units the rule ships every effect above -max_loss."""
    prior = NormalPrior(0.0, 0.004)
    endless = plan_assurance(prior, variance=0.0475, num_units=1e12, max_loss=0.002)
    assert endless.limit == pytest.approx(stats.norm.cdf(0.5))
    assert endless.assurance == pytest.approx(endless.limit, abs=1e-4)
    plan = plan_assurance(prior, variance=0.0475, assurance=0.6, max_loss=0.002)
    assert plan.assurance == pytest.approx(0.6)
    with pytest.raises(ValueError, match=r"0.6915, the chance that the variant is worse by less"):
        plan_assurance(prior, variance=0.0475, assurance=0.7, max_loss=0.002)
    both = plan_assurance(prior, variance=0.0475, num_units=1e12, max_loss=0.002, threshold=0.9)
    assert both.limit == 0.5
    assert both.assurance == pytest.approx(0.5, abs=1e-3)


def test_every_arm_has_2_units():
    plan = plan_assurance(NormalPrior(100.0, 1.0), variance=1.0, assurance=0.9)
    assert plan.num_units == (2, 2)
    assert plan.assurance > 0.9
    with pytest.raises(ValueError, match="num_units is 3; it must be at least 4"):
        plan_assurance(EFFECTS, variance=1.0, num_units=3)
