from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.boundaries import AlwaysValid, FixedHorizon
from abtesting.statistics.robust.ranks import compare_ranks, mann_whitney
from abtesting.statistics.types import NotEnoughData
from tests.known_answers import cases, close

FIXED = FixedHorizon(0.05)
values = st.lists(st.integers(0, 12).map(float), min_size=3, max_size=40)


@cases("ranks", "mann_whitney")
def test_rank_sum_with_ties_and_continuity(case):
    found = mann_whitney(case["inputs"]["control"], case["inputs"]["treatment"])
    assert found.u == pytest.approx(case["expected"]["U"], **close(case))
    assert found.p_value == pytest.approx(case["expected"]["p_value"], **close(case))


@pytest.mark.parametrize("side", ["two_sided", "greater", "less"])
@given(values, values, st.booleans())
def test_rank_sum_is_that_of_scipy(side, control, variant, continuity):
    assume(len({*control, *variant}) > 1)
    found = mann_whitney(control, variant, side=side, continuity=continuity)
    expected = stats.mannwhitneyu(
        variant,
        control,
        alternative=side.replace("_", "-"),
        use_continuity=continuity,
        method="asymptotic",
    )
    assert found.u == expected.statistic
    assert found.p_value == pytest.approx(min(expected.pvalue, 1.0), rel=1e-9)


@given(values, values)
def test_comparison_is_that_of_scipy(control, variant):
    assume(len({*control, *variant}) > 1)
    found = compare_ranks(control, variant, boundary=FIXED)
    if found.method == "mann_whitney":
        assert max(control) <= min(variant) or max(variant) <= min(control)
        return
    expected = stats.brunnermunzel(control, variant)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    pairs = np.subtract.outer(np.array(variant), np.array(control))
    assert found.probability == pytest.approx(np.mean((np.sign(pairs) + 1) / 2))


@given(
    values,
    values,
    st.sampled_from([FIXED, FixedHorizon(0.2), AlwaysValid(0.1, 50, min_units_per_arm=2)]),
)
def test_p_value_and_interval_agree(control, variant, boundary):
    found = compare_ranks(control, variant, boundary=boundary)
    assume(not isinstance(found, NotEnoughData))
    assume(abs(found.p_value / found.alpha - 1) > 1e-6)
    assert found.is_significant == (not found.interval.contains(0.5))
    assert found.interval.contains(found.probability)
    assert 0 <= found.interval.lower < found.interval.upper <= 1
    assert found.standard_error > 0


@given(values, values)
def test_swapping_the_arms_mirrors_the_probability(control, variant):
    found = compare_ranks(control, variant, boundary=FIXED)
    swapped = compare_ranks(variant, control, boundary=FIXED)
    assume(not isinstance(found, NotEnoughData))
    assert swapped.probability == pytest.approx(1 - found.probability)
    assert swapped.p_value == pytest.approx(found.p_value)
    assert swapped.interval.lower == pytest.approx(1 - found.interval.upper, abs=1e-9)


def test_only_the_order_matters():
    rng = np.random.default_rng(6)
    control, variant = rng.normal(size=50), rng.normal(0.4, 2, size=80)
    found = compare_ranks(control, variant, boundary=FIXED)
    stretched = compare_ranks(np.exp(control), np.exp(variant), boundary=FIXED)
    assert found == stretched


@pytest.mark.parametrize(("m", "n"), [(3, 3), (10, 12), (500, 40)])
def test_arms_that_do_not_overlap_have_an_interval(m, n):
    found = compare_ranks(np.arange(m), 1000 + np.arange(n), boundary=FIXED)
    assert (found.probability, found.method) == (1.0, "mann_whitney")
    assert 0.3 < found.interval.lower < found.interval.upper == 1
    expected = mann_whitney(np.arange(m), 1000 + np.arange(n), continuity=False)
    assert found.p_value == pytest.approx(expected.p_value)
    # The limit is where the distance to the estimate is critical by the model's variance.
    p = found.interval.lower
    spread = ((m + n) / 2 - 1) * ((1 - p) / (2 - p) + p / (1 + p))
    variance = p * (1 - p) * (1 + spread) / (m * n)
    assert (1 - p) / math.sqrt(variance) == pytest.approx(1.959964, rel=1e-5)


def test_unequal_spreads_do_not_raise_the_error_rate():
    rng = np.random.default_rng(12)
    found, classical = [], []
    for _ in range(1500):
        control, variant = rng.normal(0, 3, 20), rng.normal(0, 1, 60)
        found.append(compare_ranks(control, variant, boundary=FIXED).is_significant)
        classical.append(mann_whitney(control, variant).p_value < 0.05)
    assert np.mean(found) == pytest.approx(0.05, abs=0.02)
    assert np.mean(classical) > 0.07


def test_one_side():
    rng = np.random.default_rng(6)
    control, variant = rng.normal(size=50), rng.normal(1, 1, size=80)
    greater = compare_ranks(control, variant, boundary=FixedHorizon(0.05, "greater"))
    less = compare_ranks(control, variant, boundary=FixedHorizon(0.05, "less"))
    assert greater.p_value + less.p_value == pytest.approx(1)
    assert (greater.interval.upper, less.interval.lower) == (1, 0)
    assert greater.is_significant
    assert not less.is_significant


def test_equal_values_give_no_result():
    for result in (compare_ranks([2.0] * 5, [2.0] * 9, boundary=FIXED), mann_whitney([2.0], [2.0])):
        assert isinstance(result, NotEnoughData)
        assert result.code == "zero_variance"


def test_too_few_units_give_no_result():
    assert compare_ranks([1.0], [2.0, 3.0], boundary=FIXED).code == "too_few_units"
    assert mann_whitney([], [2.0, 3.0]).code == "too_few_units"


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"variant\[0\] is nan"):
        mann_whitney([1.0], [math.nan])
    with pytest.raises(ValueError, match="control has 2 dimensions"):
        compare_ranks([[1.0]], [2.0], boundary=FIXED)
    with pytest.raises(ValueError, match="side is 'up'"):
        mann_whitney([1.0], [2.0], side="up")
