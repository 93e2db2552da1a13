from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.boundaries import AlwaysValid, FixedHorizon
from abtesting.statistics.margins.equivalence import compare_equivalence, equivalence_of_estimates
from abtesting.statistics.margins.noninferiority import (
    compare_noninferiority,
    noninferiority_of_estimates,
)
from abtesting.statistics.means import Estimate, compare_means
from abtesting.statistics.moments import Moments
from abtesting.statistics.sequential.group_sequential import GroupSequentialLook
from abtesting.statistics.types import NotEnoughData
from tests.known_answers import cases, close

FIXED = FixedHorizon(0.05)
BOUNDARIES = [
    FIXED,
    AlwaysValid(0.05, 2000, min_units_per_arm=2),
    GroupSequentialLook(0.05, (0.4, 0.7), min_units_per_arm=2),
]
estimates = st.builds(
    Estimate,
    value=st.floats(-5, 5).filter(lambda x: abs(x) > 1e-3),
    variance=st.floats(1e-4, 4),
    num_units=st.integers(5, 2000),
)
settings = {
    "margin": st.floats(0.01, 0.9),
    "scale": st.sampled_from(["absolute", "relative"]),
    "harm": st.sampled_from(["decrease", "increase"]),
}


@given(estimates, estimates, st.sampled_from(BOUNDARIES), st.fixed_dictionaries(settings))
def test_the_decision_the_p_value_and_the_limit_of_harm_agree(control, variant, boundary, setting):
    result = noninferiority_of_estimates(control, variant, boundary=boundary, method="x", **setting)
    assume(abs(result.p_value / result.alpha - 1) > 1e-6)
    margin = setting["margin"]
    if setting["harm"] == "decrease":
        assert result.interval.upper == math.inf
        assert result.is_noninferior == (result.interval.lower > -margin)
    else:
        assert result.interval.lower == -math.inf
        assert result.is_noninferior == (result.interval.upper < margin)


@given(estimates, estimates, st.sampled_from(BOUNDARIES), st.fixed_dictionaries(settings))
def test_losses_mirror_gains(control, variant, boundary, setting):
    """Less of a loss is what more of a gain is."""

    def mirrored(estimate):
        return Estimate(
            value=-estimate.value, variance=estimate.variance, num_units=estimate.num_units
        )

    other = {"decrease": "increase", "increase": "decrease"}[setting["harm"]]
    result = noninferiority_of_estimates(control, variant, boundary=boundary, method="x", **setting)
    mirror = noninferiority_of_estimates(
        mirrored(control),
        mirrored(variant),
        boundary=boundary,
        method="x",
        **(setting | {"harm": other}),
    )
    assert mirror.p_value == pytest.approx(result.p_value, rel=1e-12)
    assert mirror.statistic == pytest.approx(result.statistic, rel=1e-12)
    assert mirror.estimate == -result.estimate


@given(estimates, estimates, st.floats(0.01, 0.4), st.floats(0.01, 0.4))
def test_a_wider_margin_is_easier_to_hold(control, variant, margin, more):
    for scale in ("absolute", "relative"):
        narrow, wide = (
            noninferiority_of_estimates(
                control, variant, margin=m, scale=scale, boundary=FIXED, method="x"
            )
            for m in (margin, margin + more)
        )
        if scale == "absolute":
            assert wide.p_value <= narrow.p_value
        # With a control that may be 0 a relative margin says little, whatever its width.
        elif abs(control.value) > 3 * math.sqrt(control.variance):
            assert wide.is_noninferior >= narrow.is_noninferior


@given(st.lists(st.integers(0, 500), min_size=3, max_size=20), st.floats(0.01, 0.9))
def test_the_limit_is_the_one_that_a_one_sided_comparison_shows(values, margin):
    control = Moments.from_array([float(x) for x in values])
    variant = Moments.from_array([float(x) * 1.1 + 5 for x in values])
    assume(control.variance > 0)
    effect = compare_means(control, variant, boundary=FixedHorizon(0.05, "greater"))
    absolute = compare_noninferiority(control, variant, margin=margin, boundary=FIXED)
    assert absolute.interval == effect.difference_interval
    relative = compare_noninferiority(
        control, variant, margin=margin, boundary=FIXED, scale="relative"
    )
    assume(relative.interval.lower > -math.inf and effect.lift_interval.lower > -math.inf)
    assert relative.interval.lower == pytest.approx(effect.lift_interval.lower, rel=1e-9)
    assert relative.estimate == effect.lift


@given(estimates, estimates, st.floats(0.01, 0.9), st.sampled_from(["absolute", "relative"]))
def test_equivalence_is_noninferiority_in_both_directions(control, variant, margin, scale):
    for boundary in BOUNDARIES:
        both = equivalence_of_estimates(
            control, variant, margin=margin, scale=scale, boundary=boundary, method="x"
        )
        single = [
            noninferiority_of_estimates(
                control,
                variant,
                margin=margin,
                scale=scale,
                harm=harm,
                boundary=boundary,
                method="x",
            )
            for harm in ("decrease", "increase")
        ]
        assert both.is_equivalent == all(each.is_noninferior for each in single)
        assert both.p_value == max(each.p_value for each in single)
        assert both.interval.lower == single[0].interval.lower
        assert both.interval.upper == single[1].interval.upper
        assume(abs(both.p_value / both.alpha - 1) > 1e-6)
        assert both.is_equivalent == (-margin < both.interval.lower <= both.interval.upper < margin)


@cases("means", "noninferiority_mean")
def test_figures_printed_by_r(case):
    inputs, expected = case["inputs"], case["expected"]
    control, variant = (Moments.from_array(inputs[arm]) for arm in ("control", "treatment"))
    margin = inputs["margin"]
    result = compare_noninferiority(control, variant, margin=margin, boundary=FIXED)
    assert result.statistic == pytest.approx(expected["t_noninferiority"], **close(case))
    assert result.p_value == pytest.approx(expected["p_noninferiority"], **close(case))
    assert result.interval.lower == pytest.approx(expected["lower_one_sided95"], **close(case))
    tail = stats.t.sf(result.statistic, expected["df"])
    assert result.p_value == pytest.approx(tail, **close(case))
    both = compare_equivalence(control, variant, margin=margin, boundary=FIXED)
    assert both.p_value == pytest.approx(expected["p_tost"], **close(case))


def test_a_relative_margin_holds_its_level_at_the_margin():
    rng = np.random.default_rng(21)
    passed = 0
    num_runs = 1500
    for _ in range(num_runs):
        control, variant = rng.normal(10, 4, 60), rng.normal(9, 4, 90)
        passed += compare_noninferiority(
            Moments.from_array(control),
            Moments.from_array(variant),
            margin=0.1,
            scale="relative",
            boundary=FIXED,
        ).is_noninferior
    assert passed / num_runs == pytest.approx(0.05, abs=3 * math.sqrt(0.05 * 0.95 / num_runs))


def test_ratios_may_be_held_to_a_margin():
    rng = np.random.default_rng(22)
    control, variant = (
        Moments.from_array(np.column_stack([rng.poisson(2 * views), views]))
        for views in (1.0 + rng.poisson(3, 2000), 1.0 + rng.poisson(3, 2000))
    )
    result = compare_noninferiority(
        control, variant, margin=0.05, scale="relative", boundary=FIXED, metric="ratio"
    )
    assert result.is_noninferior
    assert result.method == "delta"
    both = compare_equivalence(
        control, variant, margin=0.05, scale="relative", boundary=FIXED, metric="ratio"
    )
    assert both.is_equivalent


@pytest.mark.parametrize(
    ("margin", "scale", "message"),
    [
        (0.0, "absolute", "margin is 0.0; it must be above 0"),
        (-0.1, "absolute", "margin is -0.1"),
        (math.nan, "absolute", "margin is nan"),
        (5.0, "relative", r"margin is 5.0; a relative one must be below 1 \(0.02 is 2 %\)"),
    ],
)
def test_margins_that_are_none_are_refused(margin, scale, message):
    sample = Moments.from_array([1.0, 2.0, 4.0])
    with pytest.raises(ValueError, match=message):
        compare_noninferiority(sample, sample, margin=margin, scale=scale, boundary=FIXED)
    with pytest.raises(ValueError, match=message):
        compare_equivalence(sample, sample, margin=margin, scale=scale, boundary=FIXED)


@pytest.mark.parametrize(
    ("control", "variant", "scale", "code"),
    [
        ([1.0], [2.0, 3.0], "absolute", "too_few_units"),
        ([1.0, 1.0], [2.0, 2.0], "absolute", "zero_variance"),
        ([-1.0, 1.0], [2.0, 3.0], "relative", "zero_baseline"),
    ],
)
def test_without_enough_data_there_is_a_reason(control, variant, scale, code):
    for function in (compare_noninferiority, compare_equivalence):
        result = function(
            Moments.from_array(control),
            Moments.from_array(variant),
            margin=0.1,
            scale=scale,
            boundary=FIXED,
        )
        assert isinstance(result, NotEnoughData)
        assert result.code == code


def test_skewed_values_wait_in_the_direction_in_which_skewness_does_harm():
    rng = np.random.default_rng(23)
    spent = np.where(rng.random(9000) < 0.03, rng.lognormal(3, 1.2, 9000), 0.0)
    large, small = Moments.from_array(spent), Moments.from_array(spent[:900])
    boundary = AlwaysValid(0.05, 20_000)
    arguments = {"margin": 0.5, "boundary": boundary}
    less = compare_noninferiority(large, small, harm="increase", **arguments)
    assert less.code == "too_skewed"
    assert compare_noninferiority(large, small, harm="decrease", **arguments).warnings == (
        "skewed",
    )
    assert compare_equivalence(large, small, **arguments).code == "too_skewed"
