from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from abtesting.statistics.boundaries import AlwaysValid, FixedHorizon
from abtesting.statistics.means import compare_means
from abtesting.statistics.moments import Moments
from abtesting.statistics.ratios import compare_ratios, estimate_ratio
from abtesting.statistics.types import Effect, NotEnoughData
from tests.known_answers import cases, close

FIXED = FixedHorizon(0.05)
rows = st.lists(
    st.tuples(st.integers(0, 300).map(float), st.integers(1, 9).map(float)), min_size=3, max_size=30
)


def compare(control, variant, boundary=FIXED):
    return compare_ratios(
        Moments.from_array(control), Moments.from_array(variant), boundary=boundary
    )


def orders(rng, n, lift=1.0):
    views = 1 + rng.poisson(3, n)
    return np.column_stack([rng.poisson(2 * lift * views), views]).astype(float)


@given(rows, rows)
def test_denominators_of_one_make_a_ratio_a_mean(control, variant):
    flat = [[(y, 1.0) for y, _ in arm] for arm in (control, variant)]
    means = [[y for y, _ in arm] for arm in (control, variant)]
    ratio = compare(*flat)
    mean = compare_means(*map(Moments.from_array, means), boundary=FIXED)
    assume(isinstance(mean, Effect))
    assert ratio.p_value == pytest.approx(mean.p_value, rel=1e-9)
    assert ratio.difference_interval.upper == pytest.approx(mean.difference_interval.upper)
    assert (ratio.lift_interval is None) == (mean.lift_interval is None)


@given(rows, rows)
def test_swapping_the_arms_mirrors_the_difference(control, variant):
    effect, swapped = compare(control, variant), compare(variant, control)
    assume(isinstance(effect, Effect))
    assert swapped.difference == -effect.difference
    assert swapped.p_value == pytest.approx(effect.p_value, rel=1e-12)


@given(rows, rows)
def test_other_units_change_no_p_value_and_no_lift(control, variant):
    effect = compare(control, variant)
    assume(isinstance(effect, Effect) and effect.lift is not None)
    scaled = compare(*[[(64 * y, d / 8) for y, d in arm] for arm in (control, variant)])
    assert scaled.p_value == pytest.approx(effect.p_value, rel=1e-9)
    assert scaled.lift == pytest.approx(effect.lift, abs=1e-12)


def test_the_standard_error_is_that_of_a_bootstrap():
    rng = np.random.default_rng(11)
    control, variant = orders(rng, 400), orders(rng, 500, 1.2)
    effect = compare(control, variant)
    draws = []
    for _ in range(2000):
        c = control[rng.integers(0, 400, 400)].sum(axis=0)
        t = variant[rng.integers(0, 500, 500)].sum(axis=0)
        draws.append(t[0] / t[1] - c[0] / c[1])
    assert effect.standard_error == pytest.approx(np.std(draws), rel=0.06)


def test_one_ratio_for_all_units_is_no_variance_but_rounding():
    def same(n, ratio):
        denominators = np.random.default_rng(n).integers(1, 9, n) / 7
        return np.column_stack([denominators * ratio, denominators])

    result = compare(same(50, 0.3), same(60, 0.1))
    assert isinstance(result, NotEnoughData)
    assert result.code == "zero_variance"


def test_a_denominator_of_zero_gives_no_result():
    result = compare([[0.0, 0.0]] * 5, [[1.0, 1.0], [3.0, 2.0]])
    assert isinstance(result, NotEnoughData)
    assert result.code == "zero_denominator"
    assert "0 in the control" in result.detail


def test_always_valid_results_start_at_the_first_look():
    rng = np.random.default_rng(3)
    control, variant = orders(rng, 500), orders(rng, 499)
    boundary = AlwaysValid(0.05, 2000)
    assert isinstance(compare(control, variant, boundary), NotEnoughData)
    assert isinstance(compare(control, control, boundary), Effect)


def test_one_column_is_refused():
    with pytest.raises(ValueError, match="control has 2 columns and variant 1;"):
        compare([[1.0, 2.0], [2.0, 3.0]], [1.0, 2.0])


@cases("ratios", "ratio_metric_delta")
def test_ratios_repeat_published_figures(case):
    inputs, expected = case["inputs"], case["expected"]
    if "control_num" in inputs:
        for arm, key in (("control", "c"), ("treatment", "t")):
            columns = np.column_stack([inputs[f"{arm}_num"], inputs[f"{arm}_den"]])
            estimate = estimate_ratio(Moments.from_array(columns))
            assert estimate.value == pytest.approx(expected[f"ratio_{key}"], **close(case))
            assert estimate.variance**0.5 == pytest.approx(expected[f"se_{key}"], **close(case))
        return
    arms = [np.column_stack([inputs[a]["num"], inputs[a]["den"]]) for a in ("control", "treatment")]
    effect = compare(*arms, FixedHorizon(1 - inputs["confidence"]))
    found = {
        "estimate": effect.difference,
        "diff": effect.difference,
        "se": effect.standard_error,
        "ci": [effect.difference_interval.lower, effect.difference_interval.upper],
        "p_value": effect.p_value,
        "control": effect.control_value,
        "treatment": effect.variant_value,
        "rel": effect.lift,
    }
    for figures in expected.values():
        for name, value in figures.items():
            assert found[name] == pytest.approx(value, **close(case)), name


@given(rows, rows, st.sampled_from(["greater", "less"]))
def test_one_sided_ratios_take_half_the_p_value_on_their_side(control, variant, side):
    both = compare(control, variant)
    assume(isinstance(both, Effect))
    one = compare(control, variant, FixedHorizon(0.025, side))
    assume(isinstance(one, Effect))  # one side bears less skewness than two
    on_this_side = (both.difference > 0) == (side == "greater")
    half = both.p_value / 2
    assert one.p_value == pytest.approx(half if on_this_side else 1 - half, rel=1e-9, abs=1e-12)
    end = "lower" if side == "greater" else "upper"
    assert getattr(one.difference_interval, end) == pytest.approx(
        getattr(both.difference_interval, end)
    )
    if both.lift_interval is not None:
        assert getattr(one.lift_interval, end) == getattr(both.lift_interval, end)


def test_ratios_of_skewed_numerators_wait_in_unequal_arms():
    rng = np.random.default_rng(9)
    spent = np.where(rng.random(9000) < 0.03, rng.lognormal(3, 1.2, 9000), 0.0)
    views = 1.0 + rng.poisson(2, 9000)
    arm = np.column_stack([spent, views])
    result = compare(arm, arm[:800], AlwaysValid(0.05, 20_000))
    assert isinstance(result, NotEnoughData)
    assert result.code == "too_skewed"
    assert compare(arm, arm[:3000]).warnings == ("skewed",)
