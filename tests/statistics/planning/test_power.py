from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from abtesting.statistics.boundaries import FixedHorizon
from abtesting.statistics.means import compare_means
from abtesting.statistics.moments import Moments
from abtesting.statistics.planning.design_effects import (
    cluster_design_effect,
    cuped_factor,
    measured_design_effect,
)
from abtesting.statistics.planning.mid_experiment import mid_experiment_power
from abtesting.statistics.planning.power import Design, many_arm_shares
from abtesting.statistics.planning.power_equivalence import (
    plan_equivalence_means,
    plan_equivalence_proportions,
)
from abtesting.statistics.planning.power_means import plan_means, plan_ratios
from abtesting.statistics.planning.power_noninferiority import (
    ONE_SIDED,
    plan_noninferiority_means,
    plan_noninferiority_proportions,
)
from abtesting.statistics.planning.power_proportions import plan_proportions
from abtesting.statistics.planning.power_ranks import plan_ranks
from abtesting.statistics.planning.power_srm import plan_srm
from tests.known_answers import cases, close


def relative_shares(ratio):
    """Control and variant with `ratio` times the units of the control."""
    return (1 / (1 + ratio), ratio / (1 + ratio))


@cases("power", "sample_size_means")
def test_means_agree_with_the_peers(case):
    """R counts only the tail of the effect (strict=FALSE), statsmodels both.

    R's search for the effect stops within 1.2e-4 of it: its answer has less power than asked for.
    """
    inputs, expected = case["inputs"], case["expected"]
    if "d" in inputs:
        design = Design(
            alpha=inputs["alpha"], shares=relative_shares(inputs["ratio"]), either_sign=True
        )
        common = {"variance": 1.0, "effect": inputs["d"], "design": design, "test": "pooled"}
        plan = plan_means(**common, power=inputs["power"])
        assert plan.exact_num_units[0] == pytest.approx(expected["n1"], **close(case))
        total = 1_000 * (1 + inputs["ratio"])
        power = plan_means(**common, num_units=total).power
        assert power == pytest.approx(expected["power_n1_1000"], **close(case))
    elif "delta" in inputs:
        common = {"variance": inputs["sd"] ** 2, "design": Design(alpha=inputs["alpha"])}
        plan = plan_means(**common, effect=inputs["delta"], power=inputs["power"])
        assert plan.exact_num_units[1] == pytest.approx(expected["n_per_arm"], **close(case))
        power = plan_means(**common, effect=inputs["delta"], num_units=2 * inputs["n70"]).power
        assert power == pytest.approx(expected["power_at_n70"], **close(case))
        plan = plan_means(**common, num_units=10_000, power=inputs["power"])
        assert plan.effect == pytest.approx(expected["mde_n5000"], abs=1.2e-4)
        of_r = plan_means(**common, num_units=10_000, effect=expected["mde_n5000"])
        assert 0.7997 < of_r.power < inputs["power"]
    else:
        common = {
            "variance": inputs["var"],
            "control_mean": inputs["mean"],
            "power": inputs["power"],
            "design": Design(alpha=inputs["alpha"]),
            "test": "normal",
        }
        plan = plan_means(**common, lift=inputs["rel_effect"])
        assert plan.exact_total == pytest.approx(expected["n_total"], **close(case))
        plan = plan_means(**common, num_units=20_000)
        assert plan.lift == pytest.approx(expected["mde_rel_n20000"], **close(case))


@cases("power", "sample_size_proportions")
def test_proportions_agree_with_the_peers(case):
    inputs, expected = case["inputs"], case["expected"]

    def plan(method, ratio=1.0, *, either_sign=False):
        return plan_proportions(
            control_rate=inputs["p_c"],
            effect=inputs["p_t"] - inputs["p_c"],
            power=inputs["power"],
            method=method,
            design=Design(
                alpha=inputs["alpha"], shares=relative_shares(ratio), either_sign=either_sign
            ),
        )

    if "n1_arcsine" in expected:
        exact = plan("arcsine", inputs["ratio"], either_sign=True).exact_num_units[0]
        assert exact == pytest.approx(expected["n1_arcsine"], **close(case))
        return
    pooled, arcsine = plan("pooled"), plan("arcsine")
    assert pooled.exact_num_units[0] == pytest.approx(
        expected["n_per_arm_power.prop.test"], **close(case)
    )
    assert arcsine.exact_num_units[0] == pytest.approx(expected["n_per_arm_arcsine"], **close(case))
    assert pooled.exact_total == pytest.approx(expected["n_total_rpact"], **close(case))
    unequal = plan("pooled", 3.0)
    assert unequal.exact_total == pytest.approx(expected["n_total_rpact_alloc3"], **close(case))


@cases("power", "sample_size_noninferiority")
def test_noninferiority_agrees_with_rpact(case):
    inputs = case["inputs"]
    plan = plan_noninferiority_proportions(
        control_rate=inputs["p"],
        margin=-inputs["margin"],
        power=inputs["power"],
        design=Design(alpha=inputs["alpha"], side="one_sided"),
    )
    assert plan.exact_total == pytest.approx(case["expected"]["n_total"], **close(case))


@cases("power", "mid_experiment_power")
def test_power_so_far_agrees_with_gbstats(case):
    """gbstats plans on the scale of its delta-method lift, so that error is what goes in."""
    inputs, expected = case["inputs"], case["expected"]
    n_c, n_t = inputs["n_c"], inputs["n_t"]
    p_c, p_t = inputs["x_c"] / n_c, inputs["x_t"] / n_t
    error = math.sqrt(p_t * (1 - p_t) / n_t / p_c**2 + p_c * (1 - p_c) / n_c * p_t**2 / p_c**4)
    result = mid_experiment_power(
        effect=inputs["mde"],
        standard_error=error,
        num_units=n_c + n_t,
        boundary=FixedHorizon(0.05),
    )
    assert result.power == pytest.approx(expected["power_now"], **close(case))
    assert result.scaling == pytest.approx(expected["scaling_factor"], **close(case))
    assert result.additional_num_units == pytest.approx(expected["additional_users"], **close(case))


DESIGNS = [
    Design(),
    Design(alpha=0.01, shares=(0.9, 0.1)),
    Design(side="one_sided", shares=(0.2, 0.8), variance_factor=0.51),
    Design(shares=(0.4, 0.2, 0.2, 0.2), correction="dunnett"),
    Design(shares=(0.5, 0.3, 0.2), either_sign=True),
]
PLANS = {
    "welch": lambda **given: plan_means(variance=4.0, variant_variance=6.0, **given),
    "pooled": lambda **given: plan_means(variance=4.0, test="pooled", **given),
    "normal": lambda **given: plan_means(variance=4.0, test="normal", **given),
    "proportion": lambda **given: plan_proportions(control_rate=0.3, **given),
    "unpooled": lambda **given: plan_proportions(control_rate=0.3, method="unpooled", **given),
    "arcsine": lambda **given: plan_proportions(control_rate=0.3, method="arcsine", **given),
}


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
@pytest.mark.parametrize("power", [0.3, 0.8, 0.99])
def test_round_trip(plan, design, power):
    for effect in (0.05, 0.2):
        sized = plan(effect=effect, power=power, design=design)
        again = plan(effect=effect, num_units=sized.exact_total, design=design)
        assert again.power == pytest.approx(power, rel=1e-9)
        found = plan(power=power, num_units=sized.exact_total, design=design)
        assert found.effect == pytest.approx(effect, rel=1e-9)


NONINFERIORITY = {
    "mean": lambda **given: plan_noninferiority_means(variance=4.0, **given),
    "mean_relative": lambda **given: plan_noninferiority_means(
        variance=4.0, control_mean=3.0, scale="relative", **given
    ),
    "mean_increase": lambda **given: plan_noninferiority_means(
        variance=4.0, control_mean=-3.0, scale="relative", harm="increase", effect=-0.1, **given
    ),
    "rate": lambda **given: plan_noninferiority_proportions(control_rate=0.3, **given),
    "rate_relative": lambda **given: plan_noninferiority_proportions(
        control_rate=0.3, scale="relative", **given
    ),
    "rate_increase": lambda **given: plan_noninferiority_proportions(
        control_rate=0.3, harm="increase", effect=-0.01, **given
    ),
}


@pytest.mark.parametrize("plan", NONINFERIORITY.values(), ids=NONINFERIORITY)
@pytest.mark.parametrize("margin", [0.03, 0.1])
def test_round_trip_of_noninferiority(plan, margin):
    sized = plan(margin=margin, power=0.8)
    assert plan(margin=margin, num_units=sized.exact_total).power == pytest.approx(0.8, rel=1e-9)
    found = plan(power=0.8, num_units=sized.exact_total)
    assert found.margin == pytest.approx(margin, rel=1e-6)


@given(
    size=st.floats(0.01, 1.0),
    factor=st.floats(1.01, 3.0),
    units=st.floats(100, 1e6),
    power=st.floats(0.06, 0.99),
)
def test_monotone(size, factor, units, power):
    smaller = plan_means(variance=1.0, effect=size, num_units=units).power
    assert plan_means(variance=1.0, effect=size * factor, num_units=units).power >= smaller
    assert plan_means(variance=1.0, effect=size, num_units=units * factor).power >= smaller
    assert plan_means(variance=factor, effect=size, num_units=units).power <= smaller
    mde = plan_means(variance=1.0, num_units=units, power=power).effect
    assert plan_means(variance=1.0, num_units=units * factor, power=power).effect < mde


def test_sign_and_units_of_measurement_do_not_matter():
    plan = plan_means(variance=4.0, effect=0.3, power=0.8)
    assert plan_means(variance=4.0, effect=-0.3, power=0.8).exact_total == plan.exact_total
    scaled = plan_means(variance=4e12, effect=0.3e6, power=0.8)
    assert scaled.exact_total == pytest.approx(plan.exact_total)
    lift = plan_means(variance=4.0, control_mean=-3.0, lift=0.1, power=0.8)
    assert lift.effect == pytest.approx(0.3)
    assert lift.exact_total == pytest.approx(plan.exact_total)


def test_simulated_power_of_the_welch_test():
    plan = plan_means(variance=1.0, variant_variance=4.0, effect=1.0, power=0.8)
    rng = np.random.default_rng(1)
    n_c, n_t = plan.num_units
    rejections = sum(
        compare_means(
            Moments.from_array(rng.normal(size=n_c)),
            Moments.from_array(1 + 2 * rng.normal(size=n_t)),
            boundary=FixedHorizon(0.05),
        ).is_significant
        for _ in range(2_000)
    )
    assert rejections / 2_000 == pytest.approx(0.8, abs=3 * 0.009)


def test_units_are_rounded_up_and_given_sizes_kept():
    plan = plan_proportions(control_rate=0.1, lift=0.1, power=0.8)
    assert plan.num_units == (14_751, 14_751)
    assert plan.total_num_units == 29_502
    again = plan_proportions(control_rate=0.1, lift=0.1, num_units=29_502)
    assert again.num_units == (14_751, 14_751)
    three = plan_means(variance=1.0, effect=0.1, num_units=999, design=Design(shares=(1 / 3,) * 3))
    assert three.num_units == (333, 333, 333)


def test_several_variants_cost_less_with_dunnett():
    shares = (0.25,) * 4
    sizes = [
        plan_means(
            variance=1.0, effect=0.1, power=0.8, design=Design(shares=shares, correction=correction)
        ).exact_total
        for correction in ("none", "dunnett", "bonferroni")
    ]
    assert sizes == sorted(sizes)
    dunnett = Design(shares=shares, correction="dunnett").comparison_alpha()
    assert -special.ndtri(dunnett / 2) == pytest.approx(2.3490, abs=1e-4)


def test_the_larger_control_needs_fewer_units_in_all():
    equal, better = (
        plan_means(variance=1.0, effect=0.1, power=0.8, design=Design(shares=shares)).exact_total
        for shares in ((0.2,) * 5, many_arm_shares(4))
    )
    assert better < equal
    assert sum(many_arm_shares(4)) == pytest.approx(1)


def test_factors_multiply_the_size():
    plain = plan_means(variance=1.0, effect=0.05, power=0.8).exact_total
    factor = cuped_factor(0.7) * cluster_design_effect(3.0, correlation=0.1)
    assert factor == pytest.approx(0.51 * 1.2)
    design = Design(variance_factor=factor)
    reduced = plan_means(variance=1.0, effect=0.05, power=0.8, design=design).exact_total
    assert reduced == pytest.approx(factor * plain, rel=1e-3)
    rates = {"control_rate": 0.2, "effect": 0.02, "power": 0.8}
    assert plan_proportions(**rates, design=design).exact_total == pytest.approx(
        factor * plan_proportions(**rates).exact_total
    )


def test_measured_design_effect_finds_the_correlation():
    rng = np.random.default_rng(2)
    sizes = np.full(20_000, 5)
    totals = 5 * rng.normal(0, math.sqrt(0.2), size=20_000) + rng.normal(
        0, math.sqrt(5 * 0.8), size=20_000
    )
    measured = measured_design_effect(
        Moments.from_array(np.column_stack([totals, sizes])), unit_variance=1.0
    )
    expected = cluster_design_effect(5.0, correlation=0.2)
    assert measured == pytest.approx(expected, rel=0.05)
    assert cluster_design_effect(5.0, correlation=0.2, size_variation=0.5) > expected


def test_ratio_with_a_constant_denominator_is_a_mean():
    values = np.random.default_rng(3).normal(5, 2, size=500)
    moments = Moments.from_array(np.column_stack([values, np.ones(500)]))
    variance = Moments.from_array(values).variance
    one = plan_ratios(moments, effect=0.2, power=0.8)
    assert one.exact_total == pytest.approx(
        plan_means(variance=variance, effect=0.2, power=0.8).exact_total
    )
    assert one.lift == pytest.approx(0.2 / values.mean())


def test_smallest_decrease_of_a_rate_differs_from_the_increase():
    up, down = (
        plan_proportions(control_rate=0.02, num_units=5_000, power=0.8, direction=direction)
        for direction in ("increase", "decrease")
    )
    assert up.effect > 0 > down.effect
    assert abs(down.effect) < up.effect


def test_a_truly_better_variant_needs_fewer_units():
    sizes = [
        plan_noninferiority_means(variance=1.0, margin=0.1, effect=effect, power=0.8).exact_total
        for effect in (-0.05, 0.0, 0.05)
    ]
    assert sizes == sorted(sizes, reverse=True)
    mirrored = plan_noninferiority_means(
        variance=1.0, margin=0.1, effect=-0.05, power=0.8, harm="increase"
    )
    assert mirrored.exact_total == pytest.approx(sizes[2])
    rate = plan_noninferiority_proportions(control_rate=0.1, margin=0.01, power=0.8)
    failures = plan_noninferiority_proportions(
        control_rate=0.9, margin=0.01, power=0.8, harm="increase"
    )
    assert failures.exact_total == pytest.approx(rate.exact_total, rel=1e-9)


def test_noninferiority_is_the_one_sided_test_of_the_margin():
    one_sided = plan_means(variance=1.0, effect=0.1, power=0.8, design=ONE_SIDED)
    shifted = plan_noninferiority_means(variance=1.0, margin=0.1, power=0.8)
    assert shifted.exact_total == pytest.approx(one_sided.exact_total)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: plan_means(variance=1.0, effect=0.1),
            "num_units None and power None; exactly two",
        ),
        (
            lambda: plan_means(variance=1.0, effect=0.1, power=0.8, num_units=9),
            "exactly two of them",
        ),
        (lambda: plan_means(variance=0.0, effect=0.1, power=0.8), "variance is 0.0"),
        (lambda: plan_means(variance=1.0, effect=0.0, power=0.8), "effect is 0.0"),
        (lambda: plan_means(variance=1.0, effect=0.1, power=1.0), "power is 1.0"),
        (lambda: plan_means(variance=1.0, effect=0.1, num_units=math.nan), "num_units is nan"),
        (lambda: plan_means(variance=1.0, lift=0.1, power=0.8), "control value of None"),
        (
            lambda: plan_means(variance=1.0, control_mean=1.0, lift=0.1, effect=0.1, power=0.8),
            "only one of them",
        ),
        (lambda: plan_means(variance=1.0, effect=0.1, power=0.8, test="z"), "test is 'z'"),
        (lambda: plan_means(variance=1.0, num_units=2, power=0.8), "it must be at least 4, 2 in"),
        (
            lambda: plan_means(
                variance=1.0, effect=1.0, num_units=15, design=Design(shares=(0.9, 0.1))
            ),
            "num_units is 15; it must be at least 20",
        ),
        (lambda: plan_proportions(control_rate=1.2, effect=0.1, power=0.8), "control_rate is 1.2"),
        (lambda: plan_proportions(control_rate=0.9, effect=0.2, power=0.8), "from 0 to 1"),
        (lambda: plan_proportions(control_rate=0.9, num_units=4, power=0.8), "no effect"),
        (
            lambda: plan_proportions(control_rate=0.5, effect=0.1, power=0.8, method="x"),
            "method is 'x'",
        ),
        (lambda: plan_ratios(Moments.zero(2), effect=0.1, power=0.8), "moments have 2 columns"),
        (lambda: Design(alpha=0.0), "alpha is 0.0"),
        (lambda: Design(shares=(1.0,)), "shares are"),
        (lambda: Design(shares=(0.5, 0.6)), "sum to 1"),
        (lambda: Design(side="greater"), "side is 'greater'"),
        (lambda: Design(correction="holm"), "correction is 'holm'"),
        (lambda: Design(variance_factor=0.0), "variance_factor is 0.0"),
        (lambda: many_arm_shares(0), "num_variants is 0"),
        (lambda: cuped_factor(1.0), "correlation is 1.0"),
        (lambda: cluster_design_effect(0.5, correlation=0.1), "mean_size is 0.5"),
        (lambda: cluster_design_effect(5.0, correlation=2.0), "correlation is 2.0"),
        (lambda: measured_design_effect(Moments.zero(1), unit_variance=1.0), "clusters have 1"),
        (
            lambda: plan_noninferiority_means(variance=1.0, margin=-0.1, power=0.8),
            "margin is -0.1",
        ),
        (
            lambda: plan_noninferiority_means(variance=1.0, margin=0.1, effect=-0.1, power=0.8),
            "such a variant is inferior",
        ),
        (
            lambda: plan_noninferiority_means(variance=1.0, margin=0.1, power=0.8, design=Design()),
            "side of the design is 'two_sided'",
        ),
        (
            lambda: plan_noninferiority_means(
                variance=1.0, margin=0.1, power=0.8, scale="relative"
            ),
            "control_mean is None",
        ),
        (
            lambda: plan_noninferiority_proportions(control_rate=0.1, effect=-0.1, power=0.8),
            "control_rate is 0.1 and effect -0.1",
        ),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()


FIVE_PER_CENT = Design(alpha=0.05, side="one_sided")
PLANS = [
    partial(plan_means, variance=1.0, effect=0.1),
    partial(plan_proportions, control_rate=0.1, effect=0.05),
    partial(plan_ranks, probability=0.6),
    partial(plan_srm, lost=0.1, alpha=0.05),
    partial(plan_ratios, Moments.from_array([[2, 9], [1, 4], [0, 3]]), lift=0.1),
    partial(plan_noninferiority_means, variance=1.0, margin=0.1, design=FIVE_PER_CENT),
    partial(plan_noninferiority_proportions, control_rate=0.1, margin=0.02, design=FIVE_PER_CENT),
    partial(plan_equivalence_means, variance=1.0, margin=0.1),
    partial(plan_equivalence_proportions, control_rate=0.1, margin=0.02),
]
plans = pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.func.__name__)


@plans
def test_a_power_of_no_more_than_the_level_is_refused(plan):
    for power in (0.01, 0.05):
        with pytest.raises(ValueError, match=f"power is {power}; it must be above the level"):
            plan(power=power)
    assert plan(power=0.06).power >= 0.06


@plans
def test_fewer_than_2_units_in_an_arm_are_refused(plan):
    with pytest.raises(ValueError, match="num_units is 2; it must be at least 4"):
        plan(num_units=2)
    assert plan(num_units=4).num_units == (2, 2)


def test_an_effect_that_2_units_find_is_planned_with_2_and_their_power():
    plan = plan_means(variance=1.0, effect=1e4, power=0.5)
    assert plan.num_units == (2, 2)
    assert plan.power == pytest.approx(1.0)
    assert plan_ranks(probability=1.0, power=0.06).num_units == (2, 2)
