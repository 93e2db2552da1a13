from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.boundaries import AlwaysValid, FixedHorizon
from abtesting.statistics.moments import Moments
from abtesting.statistics.robust.quantiles import (
    QuantileSummary,
    compare_quantiles,
    quantile_bounds,
    quantile_interval,
    quantile_regression_effect,
)
from abtesting.statistics.types import Effect, NotEnoughData
from tests.known_answers import cases, close

FIXED = FixedHorizon(0.05)


def units_of(arm):
    """Moments over units of a peer's sums: `main` counts events below, `denominator` all events."""
    n = arm["n_clusters"]
    below, events = arm["main_sum"] / n, arm["denominator_sum"] / n
    product = arm["main_denominator_sum_product"] - n * below * events
    return Moments(
        n=n,
        means=(below, events),
        comoments=(
            (arm["main_sum_squares"] - n * below**2, product),
            (product, arm["denominator_sum_squares"] - n * events**2),
        ),
    )


def assert_is_the_peers(effect, case):
    """The relative part is left out but for the estimate: it has a p-value of its own."""
    expected = case["expected"]["absolute"]
    assert effect.difference == pytest.approx(expected["estimate"], **close(case))
    assert effect.standard_error == pytest.approx(expected["se"], **close(case))
    interval = effect.difference_interval
    assert [interval.lower, interval.upper] == pytest.approx(expected["ci"], **close(case))
    assert effect.p_value == pytest.approx(expected["p_value"], rel=1e-6)
    assert effect.lift == pytest.approx(case["expected"]["relative"]["estimate"], **close(case))


@cases("quantiles", "quantile_metric")
def test_two_arms_of_independent_events(case):
    arms = [
        QuantileSummary(
            quantile=arm["nu"],
            num_events=arm["n"],
            num_ranked=arm["n_star"],
            value=arm["q"],
            lower=arm["lower"],
            upper=arm["upper"],
        )
        for arm in (case["inputs"]["control"], case["inputs"]["treatment"])
    ]
    effect = compare_quantiles(*arms, boundary=FIXED)
    assert_is_the_peers(effect, case)
    assert effect.method == "quantile"


@cases("quantiles", "quantile_metric_clustered")
def test_two_arms_of_events_of_the_same_units(case):
    arms = [
        QuantileSummary(
            quantile=arm["nu"],
            num_events=arm["n"],
            num_ranked=arm["n_star"],
            value=arm["quantile_hat"],
            lower=arm["quantile_lower"],
            upper=arm["quantile_upper"],
            units=units_of(arm),
        )
        for arm in (case["inputs"]["control"], case["inputs"]["treatment"])
    ]
    # The peer's degrees of freedom count events; ours count units, which are fewer.
    assert_is_the_peers(compare_quantiles(*arms, boundary=FIXED, df_of="events"), case)
    own = compare_quantiles(*arms, boundary=FIXED)
    assert own.standard_error == pytest.approx(case["expected"]["absolute"]["se"], **close(case))
    assert own.p_value > case["expected"]["absolute"]["p_value"]
    assert own.method == "quantile_clustered"


@cases("quantiles", "quantile_one_sample_ci")
def test_one_sample(case):
    inputs = case["inputs"]
    rng = np.random.default_rng(inputs["rng_seed"])
    values = np.round(rng.lognormal(2.5, 0.9, inputs["n"]), 3)
    found = quantile_interval(values, quantile=inputs["q"], alpha=0.05)
    assert found.value == pytest.approx(case["expected"]["quantile_linear"], **close(case))
    ends = [found.interval.lower, found.interval.upper]
    assert ends == pytest.approx(case["expected"]["ci"], **close(case))


@cases("quantiles", "quantile_treatment_effect")
def test_effect_of_quantile_regression(case):
    inputs = case["inputs"]
    effect = quantile_regression_effect(
        inputs["control"], inputs["treatment"], quantile=inputs["tau"]
    )
    assert effect == pytest.approx(case["expected"]["effect"], rel=case["tolerance"]["effect_rel"])
    summaries = [
        QuantileSummary.from_values(inputs[arm], quantile=inputs["tau"])
        for arm in ("control", "treatment")
    ]
    errors = [case["expected"][name] for name in ("se_iid", "se_nid", "se_ker")]
    standard_error = compare_quantiles(*summaries, boundary=FIXED).standard_error
    assert min(errors) / 1.2 < standard_error < max(errors) * 1.2


@given(st.integers(1, 3000), st.floats(0.005, 0.995), st.floats(1e-4, 0.5))
def test_one_sample_has_the_ranks_of_scipy(n, quantile, alpha):
    values = np.arange(float(n))
    expected = stats.quantile_test(values, p=quantile).confidence_interval(1 - alpha)
    found = quantile_interval(values[::-1], quantile=quantile, alpha=alpha)
    lower = -math.inf if math.isnan(expected.low) else expected.low
    upper = math.inf if math.isnan(expected.high) else expected.high
    assert (found.interval.lower, found.interval.upper) == (lower, upper)
    assert found.value == pytest.approx(np.quantile(values, quantile), abs=1e-9)


@pytest.mark.parametrize(("n", "quantile"), [(30, 0.5), (50, 0.9), (200, 0.75)])
def test_one_sample_covers_at_least_its_level(n, quantile):
    rng = np.random.default_rng(5)
    covered = [
        quantile_interval(rng.random(n), quantile=quantile, alpha=0.1).interval.contains(quantile)
        for _ in range(1500)
    ]
    assert np.mean(covered) > 0.9 - 0.025


def test_summary_of_values_interpolates_like_numpy():
    values = np.random.default_rng(2).lognormal(size=501)
    summary = QuantileSummary.from_values(values, quantile=0.75)
    low, high = quantile_bounds(0.75, 501)
    expected = np.quantile(values, [low, 0.75, high])
    assert [summary.lower, summary.value, summary.upper] == pytest.approx(expected)
    assert summary.units is None
    assert summary.num_units == 501


def test_units_with_one_event_each_are_independent_events():
    values = np.random.default_rng(2).random(400)
    alone = QuantileSummary.from_values(values, quantile=0.5, units=np.arange(400))
    assert alone == QuantileSummary.from_values(values, quantile=0.5)


def test_units_are_found_by_any_kind_of_name():
    values = np.random.default_rng(2).random(400)
    codes = np.random.default_rng(3).integers(0, 100, 400)
    by_code = QuantileSummary.from_values(values, quantile=0.5, units=codes)
    by_name = QuantileSummary.from_values(
        values, quantile=0.5, units=[f"unit {code}" for code in codes]
    )
    assert by_code.units.means == by_name.units.means
    assert np.array(by_code.units.comoments) == pytest.approx(np.array(by_name.units.comoments))
    assert by_code.units.means[1] * by_code.units.n == pytest.approx(400)


def clustered_arm(rng, num_units, shift=0.0):
    events = 1 + rng.poisson(4, num_units)
    unit = np.repeat(np.arange(num_units), events)
    level = rng.normal(0, 1, num_units)[unit]
    return np.exp(level + rng.normal(0, 0.7, len(unit)) + shift), unit


@pytest.mark.parametrize("quantile", [0.5, 0.9])
def test_clustered_events_keep_the_error_rate(quantile):
    rng = np.random.default_rng(9)
    found, naive = [], []
    for _ in range(400):
        arms = [clustered_arm(rng, 250) for _ in range(2)]
        summaries = [
            QuantileSummary.from_values(values, quantile=quantile, units=unit)
            for values, unit in arms
        ]
        found.append(compare_quantiles(*summaries, boundary=FIXED).is_significant)
        alone = [QuantileSummary.from_values(values, quantile=quantile) for values, _ in arms]
        naive.append(compare_quantiles(*alone, boundary=FIXED).is_significant)
    assert np.mean(found) == pytest.approx(0.05, abs=0.033)
    assert np.mean(naive) > 0.1


@given(st.floats(0.01, 100), st.integers(0, 100))
def test_scale_does_not_matter(scale, seed):
    rng = np.random.default_rng(seed)
    arms = [rng.lognormal(size=300), rng.lognormal(0.2, size=300)]
    first, second = (
        compare_quantiles(
            *(QuantileSummary.from_values(arm * factor, quantile=0.6) for arm in arms),
            boundary=FIXED,
        )
        for factor in (1.0, scale)
    )
    assert second.p_value == pytest.approx(first.p_value, rel=1e-6)
    assert second.lift_interval.lower == pytest.approx(first.lift_interval.lower, rel=1e-6)
    outside = not second.difference_interval.contains(0.0)
    assert second.is_significant == outside == (not second.lift_interval.contains(0.0))


def test_too_few_events_for_the_quantile_are_refused():
    assert isinstance(QuantileSummary.from_values(range(39), quantile=0.9), QuantileSummary)
    for n, quantile in ((34, 0.9), (34, 0.1), (380, 0.99), (0, 0.5), (3, 0.5)):
        result = QuantileSummary.from_values(range(n), quantile=quantile)
        assert isinstance(result, NotEnoughData)
        assert result.code == "too_few_events"
    few = QuantileSummary(quantile=0.99, num_events=300, value=5.0, lower=4.0, upper=6.0)
    assert compare_quantiles(few, few, boundary=FIXED).code == "too_few_events"


def test_a_quantile_among_equal_values_is_refused():
    tied = QuantileSummary.from_values([0.0] * 900 + [1.0] * 100, quantile=0.5)
    spread = QuantileSummary.from_values(np.linspace(0, 1, 1000), quantile=0.5)
    assert compare_quantiles(tied, spread, boundary=FIXED).code == "tied_quantile"


def test_units_decide_when_a_result_may_be_read():
    rng = np.random.default_rng(1)
    arms = [
        QuantileSummary.from_values(values, quantile=0.5, units=unit)
        for values, unit in (clustered_arm(rng, n) for n in (499, 600))
    ]
    assert arms[0].num_events > 500
    boundary = AlwaysValid(0.05, 2000)
    assert compare_quantiles(*arms, boundary=boundary).code == "too_few_units"
    assert isinstance(compare_quantiles(arms[1], arms[1], boundary=boundary), Effect)


def test_quantile_regression_minimises_the_absolute_loss():
    rng = np.random.default_rng(8)
    for quantile in (0.1, 0.5, 0.83):
        arms = rng.lognormal(size=57), rng.lognormal(size=43)

        def loss(values, at, share=quantile):
            return np.where(values > at, share, share - 1) @ (values - at)

        best = [min(values, key=lambda at, v=values: loss(v, at)) for values in arms]
        effect = quantile_regression_effect(*arms, quantile=quantile)
        assert effect == pytest.approx(best[1] - best[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"quantile": 0.0}, "quantile is 0.0"),
        ({"quantile": 1.0}, "quantile is 1.0"),
        ({"lower": 6.0}, "must not descend"),
        ({"value": math.nan}, "value is nan"),
        ({"num_events": -1}, "num_events is -1"),
        ({"num_ranked": 0}, "num_ranked is 0"),
        ({"units": Moments.from_array([1.0, 2.0])}, "units has 1 columns"),
    ],
)
def test_bad_summaries_are_refused(arguments, message):
    good = {"quantile": 0.5, "num_events": 90, "value": 5.0, "lower": 4.0, "upper": 6.0}
    with pytest.raises(ValueError, match=message):
        QuantileSummary(**(good | arguments))


def test_bad_values_are_refused():
    with pytest.raises(ValueError, match=r"values\[1\] is nan"):
        quantile_interval([1.0, math.nan], quantile=0.5, alpha=0.05)
    with pytest.raises(ValueError, match="values has 2 dimensions"):
        quantile_interval([[1.0]], quantile=0.5, alpha=0.05)
    with pytest.raises(ValueError, match="units has shape"):
        QuantileSummary.from_values(range(100), quantile=0.5, units=[1, 2])
    first = QuantileSummary.from_values(range(100), quantile=0.5)
    second = QuantileSummary.from_values(range(100), quantile=0.6)
    with pytest.raises(ValueError, match="must be equal"):
        compare_quantiles(first, second, boundary=FIXED)
    assert isinstance(quantile_interval([], quantile=0.5, alpha=0.05), NotEnoughData)
