from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.boundaries import AlwaysValid, FixedHorizon
from abtesting.statistics.means import compare_means
from abtesting.statistics.moments import Moments
from abtesting.statistics.robust.clusters import (
    ClusterTotals,
    compare_clusters,
    wild_cluster_bootstrap,
)
from abtesting.statistics.types import NotEnoughData
from tests.known_answers import cases, close

FIXED = FixedHorizon(0.05)


def draw_arm(rng, num_clusters, *, shift=0.0, between=1.0, sizes=None):
    sizes = rng.integers(1, 12, num_clusters) if sizes is None else np.asarray(sizes)
    clusters = np.repeat(np.arange(num_clusters), sizes)
    levels = rng.normal(0, between, num_clusters)[clusters]
    return levels + rng.normal(0, 1, len(clusters)) + shift, clusters


def degrees_of_freedom(effect):
    """Those with which the interval has its width."""
    half = (effect.difference_interval.upper - effect.difference) / effect.standard_error
    low, high = 0.5, 1e7
    for _ in range(200):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if stats.t.isf(0.025, middle) > half else (low, middle)
    return low


def by_matrices(values, treatment, clusters):
    """The estimators as they are defined, with the hat matrix and no shortcut."""
    x = np.column_stack([np.ones(len(values)), treatment])
    bread = np.linalg.inv(x.T @ x)
    beta = bread @ x.T @ values
    residuals = values - x @ beta
    hat = x @ bread @ x.T
    rest = np.eye(len(values)) - hat
    meat = {"cr0": np.zeros((2, 2)), "cr2": np.zeros((2, 2))}
    columns = []
    for cluster in np.unique(clusters):
        inside = clusters == cluster
        xg, eg = x[inside], residuals[inside]
        eigenvalues, vectors = np.linalg.eigh(np.eye(inside.sum()) - hat[np.ix_(inside, inside)])
        adjust = (vectors / np.sqrt(eigenvalues)) @ vectors.T
        for name, a in (("cr0", np.eye(inside.sum())), ("cr2", adjust)):
            score = xg.T @ a @ eg
            meat[name] += np.outer(score, score)
        columns.append(rest[:, inside] @ adjust @ xg @ bread[:, 1])
    products = np.array(columns) @ np.array(columns).T
    df = np.trace(products) ** 2 / (products**2).sum()
    return {name: math.sqrt((bread @ m @ bread)[1, 1]) for name, m in meat.items()}, df


@cases("clusters", "cluster_robust")
def test_assignment_by_clusters(case):
    inputs, expected = case["inputs"], case["expected"]
    values, treatment, clusters = (np.array(inputs[name]) for name in ("y", "treatment", "cluster"))
    arms = [
        ClusterTotals.from_values(values[treatment == arm], clusters[treatment == arm])
        for arm in (0, 1)
    ]
    names = {"cr0": "se_CR0", "cr1": "se_CR1_stata", "cr2": "se_CR2"}
    for variance, name in names.items():
        effect = compare_clusters(*arms, boundary=FIXED, variance=variance)
        assert effect.difference == pytest.approx(expected["estimate"], **close(case))
        assert effect.standard_error == pytest.approx(expected[name], **close(case))
    effect = compare_clusters(*arms, boundary=FIXED)
    assert effect.p_value == pytest.approx(expected["p_CR2"], **close(case))
    assert degrees_of_freedom(effect) == pytest.approx(expected["df_CR2"], rel=1e-6)
    assert (effect.method, effect.warnings) == ("cluster_cr2", ("few_clusters",))


@pytest.mark.parametrize("seed", range(8))
def test_closed_forms_are_the_matrices(seed):
    rng = np.random.default_rng(seed)
    (y_c, g_c), (y_t, g_t) = draw_arm(rng, 4 + seed), draw_arm(rng, 9, shift=0.3)
    errors, df = by_matrices(
        np.concatenate([y_c, y_t]),
        np.concatenate([np.zeros(len(y_c)), np.ones(len(y_t))]),
        np.concatenate([g_c, g_t + 1000]),
    )
    arms = ClusterTotals.from_values(y_c, g_c), ClusterTotals.from_values(y_t, g_t)
    for variance, expected in errors.items():
        effect = compare_clusters(*arms, boundary=FIXED, variance=variance)
        assert effect.standard_error == pytest.approx(expected, rel=1e-9)
    assert degrees_of_freedom(compare_clusters(*arms, boundary=FIXED)) == pytest.approx(
        df, rel=1e-6
    )


@given(st.integers(0, 10_000))
def test_clusters_of_one_unit_are_units(seed):
    """Then CR2 is the Welch variance; its degrees of freedom are those of equal variances."""
    rng = np.random.default_rng(seed)
    arms = rng.normal(3, 1, 30), rng.normal(3.5, 1, 45)
    effect = compare_clusters(
        *(ClusterTotals.from_values(arm, np.arange(len(arm))) for arm in arms), boundary=FIXED
    )
    welch = compare_means(*(Moments.from_array(arm) for arm in arms), boundary=FIXED)
    assert effect.standard_error == pytest.approx(welch.standard_error)
    assert effect.difference == pytest.approx(welch.difference)
    assert effect.is_significant == (not effect.lift_interval.contains(0.0))


@pytest.mark.parametrize(("clusters", "band"), [((6, 6), (0.025, 0.068)), ((4, 12), (0.02, 0.075))])
def test_few_clusters_keep_the_error_rate(clusters, band):
    rng = np.random.default_rng(21)
    rejected = {"cr0": 0, "cr2": 0}
    runs = 1500
    for _ in range(runs):
        arms = [ClusterTotals.from_values(*draw_arm(rng, n)) for n in clusters]
        for variance in rejected:
            effect = compare_clusters(*arms, boundary=FIXED, variance=variance)
            rejected[variance] += effect.is_significant
    low, high = band
    assert low < rejected["cr2"] / runs < high
    assert rejected["cr0"] > rejected["cr2"]


def test_many_clusters_carry_no_warning():
    rng = np.random.default_rng(3)
    arms = [ClusterTotals.from_values(*draw_arm(rng, 20)) for _ in range(2)]
    assert compare_clusters(*arms, boundary=FIXED).warnings == ()


def test_the_clusters_are_the_units_of_a_boundary():
    rng = np.random.default_rng(3)
    arms = [ClusterTotals.from_values(*draw_arm(rng, n)) for n in (49, 60)]
    boundary = AlwaysValid(0.05, 200, min_units_per_arm=50)
    assert compare_clusters(*arms, boundary=boundary).code == "too_few_units"
    assert not isinstance(compare_clusters(arms[1], arms[1], boundary=boundary), NotEnoughData)


def test_one_cluster_or_equal_clusters_give_no_result():
    one = ClusterTotals(sizes=[5], totals=[20.0])
    some = ClusterTotals(sizes=[5, 4, 9], totals=[20.0, 12.0, 40.0])
    equal = ClusterTotals(sizes=[5, 10, 7], totals=[1.5, 3.0, 2.1])
    rng = np.random.default_rng(1)
    assert compare_clusters(one, some, boundary=FIXED).code == "too_few_units"
    assert compare_clusters(equal, equal, boundary=FIXED).code == "zero_variance"
    wild = wild_cluster_bootstrap(one, some, num_draws=99, rng=rng)
    assert wild.code == "too_few_units"
    assert wild_cluster_bootstrap(equal, equal, num_draws=99, rng=rng).code == "zero_variance"
    half = compare_clusters(equal, some, boundary=FIXED)
    assert half.standard_error > 0


def test_wild_bootstrap_goes_through_all_signs_of_few_clusters():
    rng = np.random.default_rng(4)
    (y_c, g_c), (y_t, g_t) = draw_arm(rng, 4), draw_arm(rng, 4, shift=1.0)
    arms = ClusterTotals.from_values(y_c, g_c), ClusterTotals.from_values(y_t, g_t)
    found = wild_cluster_bootstrap(*arms, num_draws=128, rng=rng)
    assert (found.num_draws, found.is_complete) == (128, True)
    # The same with units instead of totals, and over all 256 patterns.
    pooled = np.concatenate([y_c, y_t]).mean()
    distances = []
    for pattern in range(256):
        signs = np.array([1 - 2 * (pattern >> i & 1) for i in range(8)])
        drawn = [
            pooled + signs[:4][g_c] * (y_c - pooled),
            pooled + signs[4:][g_t] * (y_t - pooled),
        ]
        effect = compare_clusters(
            ClusterTotals.from_values(drawn[0], g_c),
            ClusterTotals.from_values(drawn[1], g_t),
            boundary=FIXED,
            variance="cr0",
        )
        distances.append(abs(effect.difference / effect.standard_error))
    assert found.p_value == np.mean(np.array(distances) >= abs(found.statistic) * (1 - 1e-9))


def test_wild_bootstrap_draws_signs_of_many_clusters():
    rng = np.random.default_rng(4)
    arms = [ClusterTotals.from_values(*draw_arm(rng, 30, shift=shift)) for shift in (0.0, 0.6)]
    found = wild_cluster_bootstrap(*arms, num_draws=4000, rng=np.random.default_rng(1))
    assert not found.is_complete
    assert found.p_value == pytest.approx(compare_clusters(*arms, boundary=FIXED).p_value, abs=0.03)
    again = wild_cluster_bootstrap(*arms, num_draws=4000, rng=np.random.default_rng(1))
    assert again == found


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sizes": [1, 2], "totals": [1.0]}, "sizes has 2 clusters and totals 1"),
        ({"sizes": [1, 0], "totals": [1.0, 2.0]}, r"sizes\[1\] is 0"),
        ({"sizes": [1, 2], "totals": [1.0, math.nan]}, r"totals\[1\] is nan"),
        ({"sizes": [[1]], "totals": [[1.0]]}, "sizes has 2 dimensions"),
    ],
)
def test_bad_totals_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ClusterTotals(**arguments)


def test_bad_arguments_are_refused():
    some = ClusterTotals(sizes=[5, 4], totals=[20.0, 12.0])
    with pytest.raises(ValueError, match="variance is 'cr3'"):
        compare_clusters(some, some, boundary=FIXED, variance="cr3")
    with pytest.raises(ValueError, match="num_draws is 0"):
        wild_cluster_bootstrap(some, some, num_draws=0, rng=np.random.default_rng(1))
    with pytest.raises(ValueError, match="clusters"):
        ClusterTotals.from_values([1.0, 2.0], [1])
