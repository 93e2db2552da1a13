from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from abtesting.statistics.health.exposures import VariantPair, check_exposures


def test_counts_by_hand():
    result = check_exposures(
        {("a",): 900, ("b",): 880, ("c",): 0, ("a", "b"): 12, ("b", "a"): 8, ("c", "a", "b"): 1}
    )
    assert (result.num_units, result.num_multiple) == (1_801, 21)
    assert result.share == pytest.approx(21 / 1_801)
    assert [(v.variant, v.num_units, v.num_multiple) for v in result.by_first] == [
        ("a", 912, 12),
        ("b", 888, 8),
        ("c", 1, 1),
    ]
    assert result.by_first[0].share == pytest.approx(12 / 912)
    assert check_exposures({("a", "b"): 3}).by_first[1].share is None
    assert result.pairs == (
        VariantPair(variants=("a", "b"), num_units=21),
        VariantPair(variants=("a", "c"), num_units=1),
        VariantPair(variants=("b", "c"), num_units=1),
    )


@pytest.mark.parametrize(
    ("multiple", "verdict"), [(0, "within"), (50, "within"), (95, "unclear"), (200, "above")]
)
def test_the_share_is_held_against_the_threshold(multiple, verdict):
    result = check_exposures({("a",): 5_000, ("b",): 5_000 - multiple, ("a", "b"): multiple})
    assert result.verdict == verdict
    expected = stats.binomtest(multiple, 10_000).proportion_ci(0.999, method="exact")
    assert result.share_interval.lower == pytest.approx(expected.low)
    assert result.share_interval.upper == pytest.approx(expected.high)


def test_dropping_units_is_safe_if_all_variants_lose_as_many():
    result = check_exposures({("a",): 9_900, ("b",): 9_910, ("a", "b"): 55, ("b", "a"): 60})
    assert not result.is_biased
    table = [[9_900, 9_910], [55, 60]]
    expected = stats.chi2_contingency(table, correction=False).pvalue
    assert (result.method, result.p_value) == ("homogeneity", pytest.approx(expected))


def test_dropping_units_of_one_variant_is_a_bias():
    result = check_exposures({("a",): 9_900, ("b",): 9_910, ("a", "b"): 20, ("b", "a"): 95})
    assert result.is_biased


def test_few_units_are_tested_exactly():
    result = check_exposures({("a",): 500, ("b",): 500, ("a", "b"): 7, ("b", "a"): 0})
    assert result.method == "exact"
    exact = stats.fisher_exact([[500, 500], [7, 0]]).pvalue
    assert result.p_value == pytest.approx(exact, rel=0.1)
    assert result.p_value >= exact


def test_without_any_unit_there_is_no_result():
    assert check_exposures({}).code == "too_few_units"
    assert check_exposures({("a",): 0}).code == "too_few_units"


@pytest.mark.parametrize(
    "seen",
    [
        {("a",): 50, ("b",): 60},
        {("a", "b"): 50, ("b", "a"): 60},
        {("a",): 50, ("a", "b"): 60},
        {("a",): 500, ("b",): 500, ("a", "b"): 1},
    ],
)
def test_with_nothing_to_compare_the_bias_is_not_judged(seen):
    result = check_exposures(seen)
    assert result.p_value is None
    assert not result.is_biased
    assert 0 <= result.share_interval.lower <= result.share <= result.share_interval.upper <= 1


def test_false_alarms():
    rng = np.random.default_rng(12)
    multiple = rng.binomial([4_000, 2_000, 2_000], 0.02, size=(600, 3))
    alarms = 0
    for row in multiple.tolist():
        seen = {("a", "b"): row[0], ("b", "a"): row[1], ("c", "a"): row[2]}
        seen |= {("a",): 4_000 - row[0], ("b",): 2_000 - row[1], ("c",): 2_000 - row[2]}
        alarms += check_exposures(seen, alpha=0.05).is_biased
    assert alarms / 600 == pytest.approx(0.05, abs=3 * 0.0089)


@pytest.mark.parametrize(
    ("seen", "kwargs", "message"),
    [
        ({(): 5}, {}, r"the key \(\)"),
        ({("a", "a"): 5}, {}, "each once"),
        ({("a",): -1}, {}, "is -1"),
        ({("a",): 1}, {"threshold": 0}, "threshold is 0"),
        ({("a",): 1}, {"alpha": 0}, "alpha is 0"),
    ],
)
def test_bad_input_is_refused(seen, kwargs, message):
    with pytest.raises(ValueError, match=message):
        check_exposures(seen, **kwargs)
