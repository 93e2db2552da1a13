from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from abtesting.statistics.adjustment.cuped import compare_cuped_means
from abtesting.statistics.boundaries import FixedHorizon
from abtesting.statistics.means import compare_means
from abtesting.statistics.moments import Moments
from abtesting.statistics.planning.design_effects import cluster_design_effect, cuped_factor
from abtesting.statistics.planning.power import Design
from abtesting.statistics.planning.power_means import plan_means
from abtesting.statistics.planning.power_past import plan_from_past, plan_quantiles
from abtesting.statistics.robust.clusters import ClusterTotals, compare_clusters
from abtesting.statistics.robust.outliers import compare_trimmed
from abtesting.statistics.robust.quantiles import QuantileSummary, compare_quantiles

FIXED = FixedHorizon(0.05)


def test_a_plain_mean_is_planned_as_by_its_variance():
    rng = np.random.default_rng(1)
    x, y = rng.normal(5, 2, 900), rng.normal(5, 2, 600)
    past = compare_means(Moments.from_array(x), Moments.from_array(y), boundary=FIXED)
    plan = plan_from_past(past, past_num_units=(900, 600), effect=0.1, power=0.8)
    per_unit = past.standard_error**2 / (1 / 900 + 1 / 600)
    expected = plan_means(variance=per_unit, effect=0.1, power=0.8)
    assert plan.exact_total == pytest.approx(expected.exact_total)
    assert plan.lift == pytest.approx(0.1 / x.mean())


def test_simulated_power_of_a_planned_quantile():
    rng = np.random.default_rng(2)
    past = QuantileSummary.from_values(rng.exponential(1, 20_000), quantile=0.9)
    plan = plan_quantiles(past, lift=0.1, power=0.8)
    n_c, n_t = plan.num_units
    found = [
        compare_quantiles(
            QuantileSummary.from_values(rng.exponential(1.0, n_c), quantile=0.9),
            QuantileSummary.from_values(rng.exponential(1.1, n_t), quantile=0.9),
            boundary=FIXED,
        ).is_significant
        for _ in range(1_000)
    ]
    # The variant's values are wider by the lift; the plan knows the past only.
    assert np.mean(found) == pytest.approx(0.78, abs=3 * 0.013)


def test_a_quantile_of_exponential_values_has_its_textbook_variance():
    """q (1 - q) / f^2, here q / (1 - q) at any quantile."""
    rng = np.random.default_rng(3)
    sizes = [
        plan_quantiles(
            QuantileSummary.from_values(rng.exponential(1, 20_000), quantile=0.9),
            effect=0.1,
            power=0.8,
        ).exact_total
        for _ in range(100)
    ]
    expected = plan_means(variance=9.0, effect=0.1, power=0.8)
    assert np.mean(sizes) == pytest.approx(expected.exact_total, rel=0.05)


def test_units_with_several_events_are_planned_as_units():
    rng = np.random.default_rng(4)
    units = np.repeat(np.arange(4_000), 5)
    values = rng.exponential(1, 20_000) + np.repeat(rng.exponential(1, 4_000), 5)
    clustered = QuantileSummary.from_values(values, quantile=0.5, units=units)
    plan = plan_quantiles(clustered, lift=0.05, power=0.8)
    assert plan.method == "quantile_clustered"
    single = QuantileSummary.from_values(values, quantile=0.5)
    events = plan_quantiles(single, lift=0.05, power=0.8)
    # Five events a unit are worth more than one and less than five.
    assert events.exact_total / 5 < plan.exact_total < events.exact_total


def test_cuped_saves_what_its_factor_says():
    rng = np.random.default_rng(5)
    before = rng.normal(size=(2, 5_000))
    after = 0.7 * before + np.sqrt(0.51) * rng.normal(size=(2, 5_000))
    arms = [Moments.from_array(np.column_stack([a, b])) for a, b in zip(after, before, strict=True)]
    past = compare_cuped_means(*arms, boundary=FIXED)
    plan = plan_from_past(past.effect, past_num_units=(5_000, 5_000), effect=0.1, power=0.8)
    design = Design(variance_factor=cuped_factor(0.7))
    expected = plan_means(variance=1.0, effect=0.1, power=0.8, design=design)
    assert plan.exact_total == pytest.approx(expected.exact_total, rel=0.06)


def test_clusters_are_planned_in_clusters():
    rng = np.random.default_rng(6)
    arms = []
    for _ in range(2):
        names = np.repeat(np.arange(3_000), 8)
        values = np.sqrt(0.1) * np.repeat(rng.normal(size=3_000), 8)
        arms.append(
            ClusterTotals.from_values(values + np.sqrt(0.9) * rng.normal(size=24_000), names)
        )
    past = compare_clusters(*arms, boundary=FIXED)
    plan = plan_from_past(past, past_num_units=(3_000, 3_000), effect=0.1, power=0.8)
    design = Design(variance_factor=cluster_design_effect(8, correlation=0.1))
    in_units = plan_means(variance=1.0, effect=0.1, power=0.8, design=design)
    assert 8 * plan.exact_total == pytest.approx(in_units.exact_total, rel=0.06)


def test_simulated_power_of_a_trimmed_mean():
    rng = np.random.default_rng(7)
    halves = rng.standard_t(3, (2, 5_000))
    past = compare_trimmed(*halves, share=0.1, boundary=FIXED)
    # Yuen's standard error is that of all units, although some are left out.
    plan = plan_from_past(past, past_num_units=(5_000, 5_000), effect=0.3, power=0.8)
    draws = rng.standard_t(3, (2_000, 2, plan.num_units[0]))
    draws[:, 1] += 0.3
    found = [compare_trimmed(x, y, share=0.1, boundary=FIXED).is_significant for x, y in draws]
    assert np.mean(found) == pytest.approx(0.8, abs=3 * 0.009 + 0.01)
    assert stats.trim_mean(halves[0], 0.1) == pytest.approx(past.control_value)


def test_past_values_that_say_nothing():
    few = QuantileSummary(quantile=0.99, num_events=50, value=3.0, lower=2.0, upper=4.0)
    assert plan_quantiles(few, lift=0.1, power=0.8).code == "too_few_events"
    tied = QuantileSummary(quantile=0.5, num_events=500, value=3.0, lower=3.0, upper=3.0)
    assert plan_quantiles(tied, lift=0.1, power=0.8).code == "tied_quantile"


@pytest.mark.parametrize("units", [(10,), (10, 0), (10, float("nan")), 10])
def test_bad_numbers_of_past_units(units):
    past = compare_means(
        Moments.from_array([1.0, 2.0]), Moments.from_array([2.0, 4.0]), boundary=FIXED
    )
    with pytest.raises(ValueError, match="past_num_units"):
        plan_from_past(past, past_num_units=units, lift=0.1, power=0.8)


def test_no_comparison_is_no_past():
    reason = compare_means(Moments.zero(1), Moments.zero(1), boundary=FIXED)
    with pytest.raises(ValueError, match="past is NotEnoughData"):
        plan_from_past(reason, past_num_units=(5, 5), lift=0.1, power=0.8)
