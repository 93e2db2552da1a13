from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abtesting.statistics.adjustment.regression import (
    AdjustedEffect,
    compare_adjusted_means,
    compare_adjusted_ratios,
)
from abtesting.statistics.adjustment.robust_regression import lin_effect
from abtesting.statistics.boundaries import AlwaysValid, FixedHorizon
from abtesting.statistics.means import compare_means
from abtesting.statistics.moments import Moments
from abtesting.statistics.ratios import compare_ratios
from tests.known_answers import cases, close

FIXED = FixedHorizon(0.05)


def units(rng, num_units, *, correlation, num_covariates=1):
    x = rng.normal(size=(num_units, num_covariates))
    signal = x.sum(axis=1) / math.sqrt(num_covariates)
    y = correlation * signal + math.sqrt(1 - correlation**2) * rng.normal(size=num_units)
    return np.column_stack([10 + y, x])


def compare(control, variant, boundary=FIXED):
    return compare_adjusted_means(
        Moments.from_array(control), Moments.from_array(variant), boundary=boundary
    )


@cases("regression", "regression_adjustment")
def test_agrees_with_estimatr(case):
    """The estimate is theirs; their error takes the covariates as given, ours doesn't."""
    inputs, expected = case["inputs"], case["expected"]
    treated = np.array(inputs["treatment"])
    for name, columns in (("lin1_HC2", ["pre"]), ("lin2_HC2", ["pre", "pre2"])):
        table = np.column_stack([inputs["y"], *(inputs[column] for column in columns)])
        result = compare(table[treated == 0], table[treated == 1])
        assert result.adjusted.difference == pytest.approx(
            expected[name]["estimate"], **close(case)
        )
        assert result.adjusted.standard_error == pytest.approx(expected[name]["se"], rel=0.1)
    plain = expected["unadjusted"]
    assert result.unadjusted.difference == pytest.approx(plain["estimate"], **close(case))
    assert result.unadjusted.standard_error == pytest.approx(plain["se"], **close(case))
    assert result.unadjusted.p_value == pytest.approx(plain["p_value"], **close(case))


@cases("regression", "cuped")
def test_agrees_with_statsmodels(case):
    arms = [
        np.column_stack([case["inputs"][arm]["y"], case["inputs"][arm]["pre"]])
        for arm in ("control", "treatment")
    ]
    effect = compare(*arms).effect
    expected = case["expected"]["ols_lin_HC2"]
    assert effect.difference == pytest.approx(expected["estimate"], **close(case))
    assert effect.standard_error == pytest.approx(expected["se"], rel=0.05)


def test_variance_is_that_of_residuals_imbalance_and_slopes():
    """The formula written out with least squares on the rows."""
    rng = np.random.default_rng(1)
    arms = [units(rng, n, correlation=0.6, num_covariates=2) for n in (80, 120)]
    arms[1][:, 0] += 0.5 * arms[1][:, 1]
    pooled = np.vstack(arms)[:, 1:]
    variance, slopes = 0.0, []
    for table in arms:
        n = len(table)
        design = np.column_stack([np.ones(n), table[:, 1:]])
        beta, (residual,), *_ = np.linalg.lstsq(design, table[:, 0])
        gap = pooled.mean(axis=0) - table[:, 1:].mean(axis=0)
        centred = table[:, 1:] - table[:, 1:].mean(axis=0)
        leverage = gap @ np.linalg.solve(centred.T @ centred, gap)
        variance += residual / (n - 3) * (1 / n + leverage)
        slopes.append(beta[1:])
    gap = slopes[1] - slopes[0]
    variance += gap @ np.cov(pooled.T) @ gap / len(pooled)
    result = compare(*arms)
    assert result.adjusted.standard_error**2 == pytest.approx(variance, rel=1e-10)
    assert result.control_coefficients == pytest.approx(tuple(slopes[0]))
    assert result.variant_coefficients == pytest.approx(tuple(slopes[1]))


def test_one_covariate_has_the_same_formula_as_many():
    """A constant second covariate is dropped and leaves the general form with one."""
    rng = np.random.default_rng(2)
    control, variant = units(rng, 60, correlation=0.5), units(rng, 90, correlation=0.5)
    one = compare(control, variant)
    many = compare(*(np.column_stack([t, np.full(len(t), 3.0)]) for t in (control, variant)))
    assert many.dropped == (1,)
    assert many.control_coefficients[1] is None
    for name in ("difference", "standard_error", "p_value", "control_value", "lift"):
        assert getattr(many.effect, name) == pytest.approx(getattr(one.effect, name), rel=1e-10)


def test_degrees_of_freedom_are_those_of_the_residuals():
    rng = np.random.default_rng(3)
    result = compare(units(rng, 25, correlation=0.9), units(rng, 25, correlation=0.9))
    half_width = (
        result.adjusted.difference_interval.upper - result.adjusted.difference_interval.lower
    ) / 2
    quantile = half_width / result.adjusted.standard_error
    low, high = (FixedHorizon(0.05).critical(50, df) for df in (60, 23))
    assert low - 1e-9 < quantile < high


@pytest.mark.parametrize("shares", [(1_000, 1_000), (200, 1_800)], ids=["equal", "unequal"])
@pytest.mark.parametrize("correlation", [0.3, 0.7, 0.9])
def test_error_shrinks_as_the_correlation_says(correlation, shares):
    rng = np.random.default_rng(4)
    ratios = []
    for _ in range(60):
        arms = [units(rng, n, correlation=correlation) for n in shares]
        result = compare(*arms)
        ratios.append(result.effect.standard_error / result.unadjusted.standard_error)
    assert np.mean(ratios) == pytest.approx(math.sqrt(1 - correlation**2), rel=0.03)
    assert result.variance_reduction == pytest.approx(1 - ratios[-1] ** 2)


def heavy(rng, num_units, num_covariates=1):
    """Noise that grows with the covariate, and an effect of it that is not linear."""
    x = rng.normal(size=(num_units, num_covariates))
    y = x[:, 0] * rng.normal(size=num_units) + 0.3 * x[:, 0] ** 2
    return np.column_stack([y, x])


def useless(rng, num_units):
    return units(rng, num_units, correlation=0.0, num_covariates=3)


@pytest.mark.parametrize(
    ("generate", "sizes"),
    [
        pytest.param(lambda rng, n: units(rng, n, correlation=0.7), (200, 200), id="normal"),
        pytest.param(useless, (60, 60), id="useless"),
        pytest.param(
            lambda rng, n: units(rng, n, correlation=0.9),
            (100, 900),
            id="unequal",
            marks=pytest.mark.slow,
        ),
        pytest.param(useless, (100, 900), id="useless_unequal", marks=pytest.mark.slow),
        pytest.param(heavy, (300, 300), id="uneven_noise", marks=pytest.mark.slow),
        pytest.param(
            lambda rng, n: heavy(rng, n, 5),
            (400, 1_200),
            id="five_covariates",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_false_positive_rate(generate, sizes):
    """And the error is never above the unadjusted one. 2,000 experiments, 3 standard errors."""
    rng = np.random.default_rng(5)
    rejections, below = 0, 0
    for _ in range(2_000):
        result = compare_adjusted_means(
            *(Moments.from_array(generate(rng, n), thirds=False) for n in sizes), boundary=FIXED
        )
        assert result.effect.standard_error <= result.unadjusted.standard_error
        rejections += result.effect.is_significant
        below += result.effect.is_significant and result.effect.difference < 0
    assert 0.0354 <= rejections / 2_000 <= 0.0646
    assert 0.0145 <= below / 2_000 <= 0.0355


def test_coverage_of_the_population_effect_when_slopes_differ():
    rng = np.random.default_rng(6)
    covered = 0
    for _ in range(1_000):
        control, variant = (units(rng, n, correlation=0.5) for n in (300, 100))
        variant[:, 0] += 1 + 1.5 * variant[:, 1]
        covered += compare(control, variant).effect.difference_interval.contains(1.0)
    assert covered / 1_000 == pytest.approx(0.95, abs=3 * 0.0069)


def test_any_boundary_takes_the_adjusted_estimate():
    rng = np.random.default_rng(7)
    boundary = AlwaysValid(0.05, 2_000)
    result = compare(*(units(rng, 1_000, correlation=0.8) for _ in range(2)), boundary)
    assert result.effect.boundary == "always_valid"
    assert result.effect.method == "regression"
    assert compare(*(units(rng, 100, correlation=0.8) for _ in range(2)), boundary).code == (
        "too_few_units"
    )


arrays = st.integers(0, 10_000).map(np.random.default_rng)


@settings(max_examples=60)
@given(rng=arrays, effect=st.floats(-2, 2), correlation=st.floats(-0.99, 0.99))
def test_p_and_both_intervals_agree(rng, effect, correlation):
    control, variant = units(rng, 40, correlation=correlation), units(rng, 70, correlation=0.3)
    variant[:, 0] += effect
    result = compare(control, variant)
    assert isinstance(result, AdjustedEffect)
    for one in filter(None, (result.effect, result.adjusted)):
        assert one.is_significant == (not one.difference_interval.contains(0.0))
        assert one.is_significant == (not one.lift_interval.contains(0.0))


@settings(max_examples=60)
@given(rng=arrays, num_covariates=st.integers(1, 3))
def test_swapping_the_arms_swaps_the_sign(rng, num_covariates):
    control, variant = (
        units(rng, n, correlation=0.6, num_covariates=num_covariates) for n in (50, 80)
    )
    one, other = compare(control, variant), compare(variant, control)
    assert other.effect.difference == pytest.approx(-one.effect.difference, rel=1e-9, abs=1e-12)
    assert other.effect.standard_error == pytest.approx(one.effect.standard_error)
    assert other.effect.p_value == pytest.approx(one.effect.p_value)
    assert other.fallback == one.fallback


@settings(max_examples=60)
@given(
    rng=arrays,
    scale=st.sampled_from([1e-6, 0.5, 1e6]),
    covariate_scale=st.sampled_from([1e-6, 1.0, 1e6]),
    shift=st.floats(-100, 100),
)
def test_units_of_measurement_do_not_matter(rng, scale, covariate_scale, shift):
    arms = [units(rng, n, correlation=0.6, num_covariates=2) for n in (50, 80)]
    one = compare(*arms)
    other = compare(
        *(np.column_stack([scale * t[:, 0], covariate_scale * (t[:, 1:] + shift)]) for t in arms)
    )
    assert other.effect.difference == pytest.approx(scale * one.effect.difference, rel=1e-7)
    assert other.effect.p_value == pytest.approx(one.effect.p_value, rel=1e-7)


def test_shifting_the_outcome_shifts_the_means_only():
    rng = np.random.default_rng(8)
    arms = [units(rng, 100, correlation=0.6) for _ in range(2)]
    one = compare(*arms).effect
    other = compare(*(t + np.array([1e6, 0.0]) for t in arms)).effect
    assert other.difference == pytest.approx(one.difference, rel=1e-6)
    assert other.standard_error == pytest.approx(one.standard_error, rel=1e-6)


def test_collinear_covariates_are_dropped_and_change_nothing():
    rng = np.random.default_rng(9)
    arms = [units(rng, n, correlation=0.7, num_covariates=2) for n in (200, 300)]
    one = compare(*arms)
    wider = [
        np.column_stack([t, t[:, 1] - 2 * t[:, 2] + 7, np.ones(len(t)), 1e8 + 0 * t[:, 1]])
        for t in arms
    ]
    other = compare(*wider)
    assert other.dropped == (2, 3, 4)
    assert other.effect.difference == pytest.approx(one.effect.difference)
    assert other.effect.standard_error == pytest.approx(one.effect.standard_error)
    assert other.control_coefficients[2:] == (None, None, None)


def test_rounding_of_a_constant_is_not_a_covariate():
    arm = Moments(
        n=1_000,
        means=(5.0, 1e9),
        comoments=((999.0, 1e-4), (1e-4, 1e-8)),
    )
    result = compare_adjusted_means(arm, arm, boundary=FIXED)
    assert result.fallback == "no_covariates"
    assert result.dropped == (0,)


def test_covariate_that_is_constant_in_one_variant_is_dropped():
    rng = np.random.default_rng(10)
    control, variant = units(rng, 100, correlation=0.5), units(rng, 100, correlation=0.5)
    variant[:, 1] = 0.0
    result = compare(control, variant)
    assert result.fallback == "no_covariates"
    assert result.effect == result.unadjusted
    assert result.variance_reduction == 0


def test_few_units_leave_the_unadjusted_effect():
    rng = np.random.default_rng(11)
    result = compare(units(rng, 19, correlation=0.9), units(rng, 500, correlation=0.9))
    assert result.fallback == "few_units"
    assert result.adjusted is None
    assert (
        compare(units(rng, 20, correlation=0.9), units(rng, 500, correlation=0.9)).fallback is None
    )
    many = [units(rng, 59, correlation=0.9, num_covariates=5) for _ in range(2)]
    assert compare(*many).fallback == "few_units"


def test_useless_covariates_leave_the_unadjusted_effect():
    rng = np.random.default_rng(12)
    fallbacks = [compare(useless(rng, 100), useless(rng, 100)).fallback for _ in range(30)]
    assert fallbacks.count("no_gain") > 15


def test_outcome_that_is_its_covariate_leaves_no_error():
    x = np.random.default_rng(13).normal(size=(100, 1))
    table = np.hstack([2 * x, x])
    for tables in (
        (table[:50], table[50:]),
        tuple(np.column_stack([t, t[:, 1] ** 2]) for t in (table[:50], table[50:])),
    ):
        result = compare(*tables)
        assert result.fallback == "perfect_fit"
        assert result.effect == result.unadjusted


def test_merged_parts_give_the_same_as_the_whole():
    rng = np.random.default_rng(14)
    control, variant = units(rng, 200, correlation=0.5), units(rng, 200, correlation=0.5)
    whole = compare(control, variant)
    parts = compare_adjusted_means(
        Moments.from_array(control[:70]) + Moments.from_array(control[70:]),
        Moments.from_array(variant[:10]) + Moments.from_array(variant[10:]),
        boundary=FIXED,
    )
    assert parts.effect.difference == pytest.approx(whole.effect.difference)
    assert parts.effect.p_value == pytest.approx(whole.effect.p_value)


def ratio_units(rng, num_units, *, rate=0.3):
    views = 1 + rng.poisson(5, size=num_units)
    taste = rng.normal(size=num_units)
    clicks = views * (rate + 0.1 * taste) + rng.normal(0, 0.3, size=num_units)
    return np.column_stack([clicks, views, taste])


def compare_ratio_tables(*tables):
    return compare_adjusted_ratios(*map(Moments.from_array, tables), boundary=FIXED)


def test_ratio_with_a_constant_denominator_is_the_mean():
    rng = np.random.default_rng(15)
    arms = [units(rng, n, correlation=0.7) for n in (100, 140)]
    one = compare(*arms).effect
    other = compare_ratio_tables(*(np.insert(t, 1, 1.0, axis=1) for t in arms)).effect
    assert other.difference == pytest.approx(one.difference)
    assert other.standard_error == pytest.approx(one.standard_error)
    assert other.p_value == pytest.approx(one.p_value)
    assert other.method == "regression_delta"


def test_ratio_is_the_regression_of_its_linear_score():
    rng = np.random.default_rng(16)
    tables = [ratio_units(rng, 150), ratio_units(rng, 250)]
    scores = []
    for table in tables:
        ratio = table[:, 0].sum() / table[:, 1].sum()
        scores.append(ratio + (table[:, 0] - ratio * table[:, 1]) / table[:, 1].mean())
    rows = lin_effect(
        np.concatenate(scores),
        np.repeat([0, 1], [150, 250]),
        np.concatenate([table[:, 2] for table in tables]),
        boundary=FIXED,
    )
    result = compare_ratio_tables(*tables)
    assert result.effect.difference == pytest.approx(rows.estimate)
    assert result.effect.standard_error == pytest.approx(rows.standard_error, rel=0.1)
    plain = [Moments.from_array(table[:, :2]) for table in tables]
    assert result.unadjusted == compare_ratios(*plain, boundary=FIXED)


def test_false_positive_rate_of_ratios():
    rng = np.random.default_rng(17)
    rejections, reductions = 0, []
    for _ in range(1_000):
        result = compare_ratio_tables(ratio_units(rng, 200), ratio_units(rng, 600))
        rejections += result.effect.is_significant
        reductions.append(result.variance_reduction)
        assert result.effect.standard_error <= result.unadjusted.standard_error
    assert np.mean(reductions) > 0.5
    assert rejections / 1_000 == pytest.approx(0.05, abs=3 * 0.0069)


def test_reasons_for_no_result_are_those_of_the_unadjusted():
    constant = Moments.constant(50, [3.0, 1.0])
    assert compare_adjusted_means(constant, constant, boundary=FIXED).code == "zero_variance"
    one = Moments.from_array([[1.0, 2.0]])
    assert compare_adjusted_means(one, one, boundary=FIXED).code == "too_few_units"
    empty = Moments.constant(50, [3.0, 0.0, 1.0])
    assert compare_adjusted_ratios(empty, empty, boundary=FIXED).code == "zero_denominator"


def test_unadjusted_effect_is_the_plain_one():
    rng = np.random.default_rng(18)
    arms = [Moments.from_array(units(rng, 100, correlation=0.5)) for _ in range(2)]
    assert compare_adjusted_means(*arms, boundary=FIXED).unadjusted == compare_means(
        *arms, boundary=FIXED
    )


def test_bad_input():
    two, three = Moments.zero(2), Moments.zero(3)
    with pytest.raises(ValueError, match="control has 2 columns and variant 3"):
        compare_adjusted_means(two, three, boundary=FIXED)
    with pytest.raises(ValueError, match="moments have 1 columns"):
        compare_adjusted_means(Moments.zero(1), Moments.zero(1), boundary=FIXED)
    with pytest.raises(ValueError, match="needs 2 for the outcome"):
        compare_adjusted_ratios(two, two, boundary=FIXED)
