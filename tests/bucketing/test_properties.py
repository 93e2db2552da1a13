"""What must hold of bucketing for every unit, seed, weight and coverage."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from abtesting.bucketing.allocation import bucket_ranges, choose_variant, normalised_weights
from abtesting.bucketing.hashing import fnv1a32, hash_unit

# Any text a JavaScript client could send, lone surrogates included.
TEXT = st.text(alphabet=st.characters(), min_size=1, max_size=40)
WEIGHTS = st.lists(
    st.one_of(st.just(0.0), st.floats(min_value=1e-3, max_value=1e3)), min_size=2, max_size=8
).filter(any)
COVERAGE = st.floats(min_value=0, max_value=1)
BUCKETS = st.integers(min_value=0, max_value=9_999).map(lambda step: step / 10_000)

# Below this a fair hash fails one such test in a million: what we see is then not chance.
IMPLAUSIBLE = 1e-6


def slow_fnv1a32(text):
    """The definition, one UTF-16 code unit after the other."""
    value = 2166136261
    encoded = text.encode("utf-16-be", "surrogatepass")
    for high, low in zip(encoded[::2], encoded[1::2], strict=True):
        value = (value ^ (high << 8 | low)) * 16777619 % 2**32
    return value


@given(TEXT)
def test_the_hash_is_fnv_over_utf16_code_units(text):
    assert fnv1a32(text) == slow_fnv1a32(text)


@given(TEXT, TEXT)
def test_a_unit_always_hashes_to_the_same_step_on_the_unit_interval(seed, unit):
    place = hash_unit(seed, unit)

    assert 0 <= place < 1
    assert place * 10_000 == pytest.approx(round(place * 10_000))
    assert hash_unit(seed, unit) == place


@given(WEIGHTS, COVERAGE)
def test_ranges_are_in_order_and_disjoint(weights, coverage):
    ranges = bucket_ranges(weights, coverage)

    assert all(start <= end for start, end in ranges)
    assert all(before[1] <= after[0] for before, after in pairwise(ranges))
    assert ranges[0][0] == 0
    assert ranges[-1][1] <= 1 + 1e-9


@given(WEIGHTS)
def test_full_coverage_leaves_no_unit_out(weights):
    ranges = bucket_ranges(weights, 1.0)

    assert all(before[1] == after[0] for before, after in pairwise(ranges))
    assert choose_variant(0.9999, ranges) is not None


@given(WEIGHTS, COVERAGE)
def test_each_variant_gets_its_share_of_the_covered_units(weights, coverage):
    shares = [end - start for start, end in bucket_ranges(weights, coverage)]
    total = math.fsum(weights)

    assert shares == pytest.approx([coverage * weight / total for weight in weights], abs=1e-12)


@given(WEIGHTS, BUCKETS)
def test_ranges_are_half_open(weights, bucket):
    ranges = bucket_ranges(weights, 1.0)
    index = choose_variant(bucket, ranges)

    start, end = ranges[index]
    assert start <= bucket < end


@given(WEIGHTS)
def test_the_start_of_a_range_is_inside_and_its_end_is_not(weights):
    for index, (start, end) in enumerate(bucket_ranges(weights, 0.5)):
        if start < end:
            assert choose_variant(start, bucket_ranges(weights, 0.5)) == index
            assert choose_variant(end, bucket_ranges(weights, 0.5)) != index


@given(WEIGHTS, st.tuples(COVERAGE, COVERAGE).map(sorted), BUCKETS)
def test_raising_coverage_never_moves_a_unit_between_variants(weights, coverages, bucket):
    before, after = (choose_variant(bucket, bucket_ranges(weights, c)) for c in coverages)

    assert before is None or after == before


@given(st.lists(st.floats(), max_size=4))
@example([])
@example([0.0, 0.0])
@example([1e308, 1e308])
def test_weights_that_cannot_be_shares_are_refused(weights):
    usable = all(math.isfinite(w) and w >= 0 for w in weights) and 0 < sum(weights) < math.inf
    if usable:
        assert sum(normalised_weights(weights)) == pytest.approx(1)
    else:
        with pytest.raises(ValueError, match=r"weights are .*; allowed: finite, none negative"):
            normalised_weights(weights)


@pytest.mark.parametrize("make_unit", ["user-{}".format, "{:016x}".format, str], ids=str)
def test_units_that_are_counted_up_spread_evenly(make_unit):
    counts = Counter(int(hash_unit("spread", make_unit(i)) * 100) for i in range(20_000))

    assert len(counts) == 100
    assert stats.chisquare(list(counts.values())).pvalue > IMPLAUSIBLE


@pytest.mark.parametrize("seeds", [("exp-1", "exp-2"), ("a", "b"), ("test", "test2")])
def test_two_seeds_randomise_independently(seeds):
    table = [[0] * 10 for _ in range(10)]
    for i in range(20_000):
        row, column = (int(hash_unit(seed, f"visitor-{i}") * 10) for seed in seeds)
        table[row][column] += 1

    assert stats.chi2_contingency(table).pvalue > IMPLAUSIBLE


def test_version_1_is_the_one_whose_parallel_tests_correlate():
    # Why version 2 is the default: r = -0.075 between these seeds was measured on random ids.
    table = [[0] * 10 for _ in range(10)]
    for i in range(20_000):
        row, column = (int(hash_unit(s, f"visitor-{i}", 1) * 10) for s in ("exp-1", "exp-2"))
        table[row][column] += 1

    assert stats.chi2_contingency(table).pvalue < IMPLAUSIBLE
