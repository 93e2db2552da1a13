from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.families.dunnett import critical_value
from abtesting.statistics.families.multiplicity import adjust
from abtesting.statistics.planning.power import Design, many_arm_shares
from abtesting.statistics.planning.power_families import plan_decision, plan_many_arms
from abtesting.statistics.planning.power_means import plan_means
from abtesting.statistics.planning.power_noninferiority import plan_noninferiority_means


def plan_of(num_variants, *, side="two_sided", **given):
    shares = (1 / (num_variants + 1),) * (num_variants + 1)
    design = Design(shares=shares, side=side)
    return plan_means(variance=1.0, test="normal", design=design, **given)


def simulated(plan, method, *, num_runs=200_000, seed=1):
    """Which variants are found in draws of their z statistics."""
    control, *variants = plan.exact_num_units
    rng = np.random.default_rng(seed)
    means_c = rng.normal(0, math.sqrt(1 / control), (num_runs, 1))
    means_t = plan.effect + rng.normal(size=(num_runs, len(variants))) / np.sqrt(variants)
    z = (means_t - means_c) / np.sqrt(1 / control + 1 / np.array(variants))
    p_values = 2 * stats.norm.sf(z)
    found = np.zeros(z.shape, dtype=bool)
    order = np.argsort(p_values, axis=1)
    number = len(variants)
    ranked = np.take_along_axis(p_values, order, axis=1)
    divisors = {"holm": np.arange(number, 0, -1), "bonferroni": number, "none": 1}[method]
    passed = ranked < plan.alpha / divisors
    if method == "holm":
        passed = np.logical_and.accumulate(passed, axis=1)
    np.put_along_axis(found, order, passed, axis=1)
    return found


@pytest.mark.parametrize("method", ["holm", "bonferroni", "none"])
@pytest.mark.parametrize("num_variants", [2, 4])
def test_simulated_chances(method, num_variants):
    plan = plan_of(num_variants, effect=0.1, num_units=2_000)
    found = simulated(plan, method)
    family = plan_many_arms(plan, method=method)
    assert family.power_each == pytest.approx(found.mean(), abs=0.003)
    assert family.power_any == pytest.approx(found.any(axis=1).mean(), abs=0.004)
    assert family.power_all == pytest.approx(found.all(axis=1).mean(), abs=0.004)


def test_simulated_power_of_dunnetts_test():
    plan = plan_of(3, effect=0.1, num_units=3_000)
    family = plan_many_arms(plan, method="dunnett")
    half = math.sqrt(0.5)
    rng = np.random.default_rng(2)
    errors = half * (rng.normal(size=(200_000, 3)) - rng.normal(size=(200_000, 1)))
    found = errors + 0.1 / math.sqrt(2 / 750) > critical_value([half] * 3, df=None, alpha=0.05)
    assert family.power_each == pytest.approx(found.mean(), abs=0.003)
    assert family.power_any == pytest.approx(found.any(axis=1).mean(), abs=0.004)
    assert family.power_all == pytest.approx(found.all(axis=1).mean(), abs=0.004)


def test_simulated_decisions_of_the_adjustment_itself():
    plan = plan_of(3, effect=0.1, num_units=4_000)
    family = plan_many_arms(plan, method="holm")
    control, *variants = plan.exact_num_units
    rng = np.random.default_rng(3)
    found = []
    for _ in range(3_000):
        means = 0.1 + rng.normal(size=3) / np.sqrt(variants) - rng.normal() / math.sqrt(control)
        z = means / np.sqrt(1 / control + 1 / np.array(variants))
        adjusted = adjust((2 * stats.norm.sf(np.abs(z))).tolist(), method="holm")
        found.append([p < 0.05 for p in adjusted])
    assert np.mean(found) == pytest.approx(family.power_each, abs=0.025)
    assert np.all(found, axis=1).mean() == pytest.approx(family.power_all, abs=0.03)


def test_one_variant_is_the_plan_itself():
    plan = plan_means(variance=1.0, effect=0.1, power=0.8)
    for method in ("holm", "bonferroni", "dunnett", "none"):
        family = plan_many_arms(plan, method=method)
        assert family.power_each == pytest.approx(0.8)
        assert family.power_any == pytest.approx(0.8)
        assert family.power_all == pytest.approx(0.8)
        assert family.num_units == plan.num_units


def test_dunnetts_plan_of_one_variant_is_that_of_its_design():
    design = Design(shares=many_arm_shares(3), correction="dunnett")
    plan = plan_means(variance=1.0, test="normal", effect=0.1, power=0.8, design=design)
    family = plan_many_arms(plan, method="dunnett")
    assert family.power_each == pytest.approx(0.8, abs=1e-6)
    assert plan_many_arms(plan, method="dunnett", power=0.8).total_num_units == pytest.approx(
        plan.total_num_units, abs=4
    )


@given(
    st.integers(1, 6),
    st.floats(0.2, 0.97),
    st.sampled_from(["holm", "bonferroni", "dunnett", "none"]),
    st.sampled_from(["each", "any", "all"]),
    st.sampled_from(["two_sided", "one_sided"]),
)
def test_the_size_has_the_chance_that_was_asked_for(number, power, method, found, side):
    plan = plan_of(number, effect=0.1, power=0.8, side=side)
    family = plan_many_arms(plan, method=method, found=found, power=power)
    chances = {"each": family.power_each, "any": family.power_any, "all": family.power_all}
    assert chances[found] == pytest.approx(power, abs=1e-9)
    assert family.power_all <= family.power_each + 1e-12 <= family.power_any + 2e-12


def test_holm_finds_more_than_bonferroni_and_the_same_if_any():
    plan = plan_of(4, effect=0.1, power=0.8)
    holm, bonferroni = (plan_many_arms(plan, method=m) for m in ("holm", "bonferroni"))
    assert holm.power_any == pytest.approx(bonferroni.power_any)
    assert holm.power_each > bonferroni.power_each
    assert holm.power_all > bonferroni.power_all + 0.1


def test_a_decision_is_planned_by_what_needs_most():
    def goal(alpha, power):
        return plan_means(
            variance=1.0, effect=0.1, power=power, design=Design(alpha=alpha, side="one_sided")
        )

    def guardrail(alpha, power):
        return plan_noninferiority_means(
            variance=1.0, margin=0.1, power=power, design=Design(alpha=alpha, side="one_sided")
        )

    alone = plan_decision([goal], [], power=0.8)
    assert alone.power_per_metric == pytest.approx(0.8)
    guarded = plan_decision([goal, goal], [guardrail] * 3, power=0.8)
    assert guarded.power_per_metric == pytest.approx(0.95)
    assert guarded.goals[0].alpha == pytest.approx(0.025)
    assert guarded.guardrails[0].alpha == pytest.approx(0.05)
    assert guarded.total_num_units == guarded.goals[0].total_num_units > alone.total_num_units


def test_the_decision_comes_as_often_as_planned_whatever_the_correlation():
    z_power, z_alpha = stats.norm.isf(0.05), stats.norm.isf(0.05)
    drift = z_power + z_alpha
    rng = np.random.default_rng(4)
    for correlation in (0.0, 0.5, 0.95):
        covariance = np.full((4, 4), correlation) + (1 - correlation) * np.eye(4)
        z = rng.multivariate_normal(np.full(4, drift), covariance, 100_000)
        assert (z > z_alpha).all(axis=1).mean() >= 0.8


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: plan_many_arms(plan_of(2, effect=0.1, power=0.8), method="x"), "method is 'x'"),
        (lambda: plan_many_arms(plan_of(2, effect=0.1, power=0.8), found="x"), "found is 'x'"),
        (lambda: plan_many_arms(plan_of(2, effect=0.1, power=0.8), power=1.0), "power is 1.0"),
        (
            lambda: plan_many_arms(plan_of(2, effect=0.1, power=0.8), power=0.05),
            "power is 0.05; it must be above the level",
        ),
        (
            lambda: plan_many_arms(
                plan_of(8, effect=0.1, power=0.8), method="none", found="any", power=0.06
            ),
            "no units at all",
        ),
        (
            lambda: plan_decision([lambda alpha, power: None], [], power=0.04),
            "power is 0.04; it must be above the level",
        ),
        (lambda: plan_decision([], []), "num_goals"),
        (lambda: plan_decision([0.05], []), r"goals\[0\] is 0.05"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_every_arm_has_2_units():
    family = plan_many_arms(plan_of(2, effect=2.0, power=0.8), method="none", power=0.06)
    assert min(family.num_units) == 2
    assert family.power_each > 0.06
