from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from abtesting.statistics.batch_proportions import compare_proportions_batch
from abtesting.statistics.boundaries import AlwaysValid, FixedHorizon
from abtesting.statistics.moments import Counts
from abtesting.statistics.proportions import (
    compare_proportions,
    compare_proportions_by_score,
    has_uneven_tails,
)
from abtesting.statistics.types import Effect, NotEnoughData

FIXED = FixedHorizon(0.05)


def compare(control, variant, boundary=FIXED, function=compare_proportions_by_score):
    (x_c, n_c), (x_t, n_t) = control, variant
    return function(
        Counts(num_units=n_c, num_successes=x_c),
        Counts(num_units=n_t, num_successes=x_t),
        boundary=boundary,
    )


@st.composite
def arms(draw, max_units=3000):
    n = draw(st.integers(2, max_units))
    return draw(st.integers(0, n)), n


def log_likelihood(x, n, p):
    return stats.binom.logpmf(x, n, p)


def score_of_difference(control, variant, d):
    """The corrected score of variant - control = d, its restricted rates found by brute force."""
    (x_c, n_c), (x_t, n_t) = control, variant
    low, high = max(0.0, -d), min(1.0, 1.0 - d)
    best = optimize.minimize_scalar(
        lambda p: -log_likelihood(x_c, n_c, p) - log_likelihood(x_t, n_t, p + d),
        bounds=(low, high),
        method="bounded",
        options={"xatol": 1e-12},
    )
    p = best.x
    variance = p * (1 - p) / n_c + (p + d) * (1 - p - d) / n_t
    total = n_c + n_t
    return (x_t / n_t - x_c / n_c - d) / math.sqrt(variance * total / (total - 1))


def score_of_ratio(control, variant, r):
    (x_c, n_c), (x_t, n_t) = control, variant
    best = optimize.minimize_scalar(
        lambda p: -log_likelihood(x_c, n_c, p) - log_likelihood(x_t, n_t, p * r),
        bounds=(0.0, min(1.0, 1.0 / r)),
        method="bounded",
        options={"xatol": 1e-12},
    )
    p = best.x
    variance = r * r * p * (1 - p) / n_c + p * r * (1 - p * r) / n_t
    total = n_c + n_t
    return (x_t / n_t - r * x_c / n_c) / math.sqrt(variance * total / (total - 1))


TABLES = [
    ((15, 60), (27, 65)),
    ((3, 500), (11, 505)),
    ((0, 50), (4, 40)),
    ((7, 30), (0, 80)),
    ((48, 50), (40, 40)),
    ((30, 30), (20, 35)),
    ((400, 1000), (45, 90)),
]


@pytest.mark.parametrize(("control", "variant"), TABLES)
def test_difference_interval_ends_where_a_brute_force_score_is_critical(control, variant):
    interval = compare(control, variant).difference_interval
    assert score_of_difference(control, variant, interval.lower) == pytest.approx(1.96, abs=2e-4)
    assert score_of_difference(control, variant, interval.upper) == pytest.approx(-1.96, abs=2e-4)


@pytest.mark.parametrize(("control", "variant"), TABLES)
def test_lift_interval_ends_where_a_brute_force_score_is_critical(control, variant):
    interval = compare(control, variant).lift_interval
    if interval.lower > -1:
        score = score_of_ratio(control, variant, interval.lower + 1)
        assert score == pytest.approx(1.96, abs=2e-4)
    if interval.upper < math.inf:
        score = score_of_ratio(control, variant, interval.upper + 1)
        assert score == pytest.approx(-1.96, abs=2e-4)


@given(arms(), arms())
def test_intervals_hold_their_estimates_and_stay_in_range(control, variant):
    effect = compare(control, variant)
    interval = effect.difference_interval
    assert -1 <= interval.lower <= effect.difference <= interval.upper <= 1
    assert interval.lower < interval.upper
    assert effect.standard_error > 0
    assert effect.lift_interval.lower >= -1
    if effect.lift is not None:
        assert effect.lift_interval.lower <= effect.lift + 1e-12
        assert effect.lift <= effect.lift_interval.upper + 1e-12


@given(arms(), arms())
def test_swapping_the_arms_mirrors_the_difference(control, variant):
    effect, swapped = compare(control, variant), compare(variant, control)
    assert swapped.difference == -effect.difference
    assert swapped.p_value == effect.p_value
    assert swapped.difference_interval.lower == -effect.difference_interval.upper
    assert swapped.difference_interval.upper == -effect.difference_interval.lower


@given(arms(), arms())
def test_swapping_the_arms_inverts_the_ratio(control, variant):
    effect, swapped = compare(control, variant), compare(variant, control)
    highest = effect.lift_interval.upper + 1
    inverse = 1 / highest if highest < math.inf else 0.0
    assert swapped.lift_interval.lower + 1 == pytest.approx(inverse, rel=1e-9, abs=1e-12)


@given(arms(), arms())
def test_counting_failures_instead_mirrors_the_difference(control, variant):
    effect = compare(control, variant)
    failures = compare(*((n - x, n) for x, n in (control, variant)))
    assert failures.p_value == effect.p_value
    assert failures.difference_interval.lower == pytest.approx(
        -effect.difference_interval.upper, abs=1e-12
    )


@given(arms(), st.data())
def test_more_successes_in_the_variant_move_everything_up(control, data):
    n = data.draw(st.integers(2, 3000))
    x = data.draw(st.integers(0, n - 1))
    before, after = compare(control, (x, n)), compare(control, (x + 1, n))
    assert after.difference_interval.lower >= before.difference_interval.lower - 1e-12
    assert after.difference_interval.upper >= before.difference_interval.upper - 1e-12
    assert after.lift_interval.lower >= before.lift_interval.lower - 1e-12


@given(arms(), arms(), st.floats(0.001, 0.2))
def test_a_stricter_level_widens_the_intervals(control, variant, alpha):
    strict = compare(control, variant, FixedHorizon(alpha / 3))
    loose = compare(control, variant, FixedHorizon(alpha))
    assert strict.difference_interval.lower <= loose.difference_interval.lower
    assert strict.difference_interval.upper >= loose.difference_interval.upper
    assert strict.lift_interval.lower <= loose.lift_interval.lower
    assert strict.p_value == loose.p_value


def test_no_success_in_the_control_leaves_the_lift_open_above():
    effect = compare((0, 1000), (30, 1000))
    assert effect.lift is None
    assert effect.p_value < 0.05
    assert 0 < effect.lift_interval.lower < math.inf
    assert effect.lift_interval.upper == math.inf


def test_no_success_in_the_variant_is_a_lift_of_minus_one():
    effect = compare((30, 1000), (0, 1000))
    assert effect.lift == -1
    assert effect.lift_interval.lower == -1
    assert -1 < effect.lift_interval.upper < 0


@pytest.mark.parametrize("x", [0, 1], ids=["no success", "no failure"])
def test_equal_certain_rates_are_no_evidence_but_an_interval(x):
    effect = compare((x * 400, 400), (x * 600, 600))
    assert effect.p_value == 1
    assert effect.difference == 0
    assert -0.02 < effect.difference_interval.lower < -0.001
    assert 0.001 < effect.difference_interval.upper < 0.02


def test_no_success_at_all_says_nothing_of_the_lift():
    interval = compare((0, 400), (0, 600)).lift_interval
    assert (interval.lower, interval.upper) == (-1, math.inf)


def test_opposite_certain_rates_reach_the_end_of_the_scale():
    effect = compare((0, 40), (40, 40))
    assert effect.difference_interval.upper == 1
    assert effect.p_value < 1e-15


@given(st.integers(1, 10**12 - 1), st.integers(0, 10**12))
def test_counts_of_a_million_million_keep_their_digits(x_c, x_t):
    effect = compare((x_c, 10**12), (x_t, 10**12))
    interval = effect.difference_interval
    assert interval.lower < effect.difference < interval.upper
    assert effect.lift_interval.contains(effect.lift)


def test_rare_events_among_a_million_million_units():
    many, few = compare((10, 10**12), (40, 10**12)), compare((10, 10**6), (40, 10**6))
    assert many.lift_interval.lower == pytest.approx(few.lift_interval.lower, rel=1e-4)
    assert many.lift_interval.upper == pytest.approx(few.lift_interval.upper, rel=1e-4)
    assert many.difference_interval.lower * 1e6 == pytest.approx(
        few.difference_interval.lower, rel=1e-4
    )


@pytest.mark.parametrize(("n_c", "n_t"), [(0, 100), (100, 0), (1, 100), (0, 0)])
def test_an_arm_without_units_gives_no_result(n_c, n_t):
    result = compare((0, n_c), (0, n_t))
    assert isinstance(result, NotEnoughData)
    assert result.code == "too_few_units"
    assert f"control has {n_c} unit" in result.detail


def test_always_valid_results_start_at_the_first_look():
    boundary = AlwaysValid(0.05, 5000)
    assert isinstance(compare((10, 499), (90, 5000), boundary), NotEnoughData)
    assert isinstance(compare((10, 500), (90, 5000), boundary), Effect)


def test_the_effect_names_its_method_and_level():
    effect = compare((10, 100), (15, 100), FixedHorizon(0.025))
    assert (effect.method, effect.boundary, effect.alpha) == ("score", "fixed_horizon", 0.025)


@given(arms(), arms(), st.floats(0.001, 0.2))
def test_one_side_is_a_half_of_two_with_twice_the_level(control, variant, alpha):
    both = compare(control, variant, FixedHorizon(2 * alpha))
    greater = compare(control, variant, FixedHorizon(alpha, "greater"))
    less = compare(control, variant, FixedHorizon(alpha, "less"))
    assert (greater.side, less.side) == ("greater", "less")
    assert greater.difference_interval.lower == pytest.approx(
        both.difference_interval.lower, abs=1e-11
    )
    assert less.difference_interval.upper == pytest.approx(
        both.difference_interval.upper, abs=1e-11
    )
    assert (greater.difference_interval.upper, less.difference_interval.lower) == (1, -1)
    assert (greater.lift_interval.upper, less.lift_interval.lower) == (math.inf, -1)
    assert greater.p_value + less.p_value == pytest.approx(1)
    assert 2 * min(greater.p_value, less.p_value) == pytest.approx(both.p_value)


def test_few_expected_successes_get_the_exact_form_at_one_look():
    few, enough = ((2, 1000), (7, 1000)), ((2, 1000), (8, 1000))
    assert compare(*few, function=compare_proportions).method == "exact"
    assert compare(*enough, function=compare_proportions).method == "score"
    assert compare(*enough, function=compare_proportions) == compare(*enough)
    failures = compare((998, 1000), (993, 1000), function=compare_proportions)
    assert failures.method == "exact"
    one_side = compare(*few, FixedHorizon(0.05, "greater"), function=compare_proportions)
    assert (one_side.method, one_side.side) == ("exact", "greater")


def test_few_expected_successes_are_warned_of_where_there_is_no_exact_form():
    many_looks = compare((2, 1000), (7, 1000), AlwaysValid(0.05, 5000), compare_proportions)
    assert (many_looks.method, many_looks.warnings) == ("score", ("few_successes",))
    tiny_level = compare((2, 1000), (7, 1000), FixedHorizon(1e-6), compare_proportions)
    assert (tiny_level.method, tiny_level.warnings) == ("score", ("few_successes",))
    assert compare((20, 1000), (30, 1000), function=compare_proportions).warnings == ()


def test_too_few_units_are_asked_for_before_too_few_successes():
    result = compare((0, 1), (1, 1), function=compare_proportions)
    assert isinstance(result, NotEnoughData)


@pytest.mark.parametrize("alpha", [1e-300, 1e-30, 1e-9, 0.999])
def test_any_level_has_intervals(alpha):
    for control, variant in (*TABLES, ((0, 40), (40, 40)), ((0, 9), (0, 9))):
        effect = compare(control, variant, FixedHorizon(alpha))
        assert -1 <= effect.difference_interval.lower <= effect.difference_interval.upper <= 1
        assert effect.lift_interval.lower <= effect.lift_interval.upper
        assert effect.is_significant != effect.difference_interval.contains(0.0)


# Tails of different weight


@given(
    st.integers(100, 100_000),
    st.integers(100, 100_000),
    st.floats(0.001, 0.999),
    st.sampled_from([0.05, 0.01]),
)
def test_one_look_warns_of_uneven_tails_alike_alone_and_in_a_batch(n_c, n_t, rate, alpha):
    control = Counts(num_units=n_c, num_successes=round(rate * n_c))
    variant = Counts(num_units=n_t, num_successes=round(rate * n_t))
    boundary = FixedHorizon(alpha)
    batch = compare_proportions_batch(
        [control.num_successes], [n_c], [variant.num_successes], [n_t], boundary=boundary
    )
    is_rare = batch.warning[0] == "few_successes"
    uneven = has_uneven_tails(control, variant, boundary)
    assert is_rare or (batch.warning[0] == "skewed") is uneven
    assert uneven is has_uneven_tails(variant, control, boundary)
    alone = compare_proportions(control, variant, boundary=boundary)
    if not is_rare:
        assert alone.warnings == (("skewed",) if uneven else ())


def test_a_warning_of_uneven_tails_is_right():
    """180 and 20 successes: the exact chance of each tail under equal rates."""
    n_c, n_t, rate = 18_000, 2_000, 0.01
    rng = np.random.default_rng(8)
    x_c, x_t = rng.binomial(n_c, rate, 40_000), rng.binomial(n_t, rate, 40_000)
    found = compare_proportions_batch(x_c, n_c, x_t, n_t, boundary=FixedHorizon(0.05))
    upper = np.mean(found.is_significant & (found.difference > 0))
    lower = np.mean(found.is_significant & (found.difference < 0))
    assert upper > 0.0285
    assert lower < 0.0195
    assert upper + lower == pytest.approx(0.05, abs=0.005)
    assert np.mean(found.warning == "skewed") > 0.95


def test_what_may_be_read_again_and_arms_of_equal_size_do_not_warn():
    large = Counts(num_units=18_000, num_successes=180)
    small = Counts(num_units=2_000, num_successes=20)
    assert compare_proportions(large, small, boundary=AlwaysValid(0.05, 20_000)).warnings == ()
    assert compare_proportions(small, small, boundary=FixedHorizon(0.05)).warnings == ()
