"""Bucketing against GrowthBook's own figures: its SDKs must compute what we compute."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from abtesting.bucketing.allocation import bucket_ranges, choose_variant
from abtesting.bucketing.hashing import fnv1a32, hash_unit

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors" / "growthbook_bucketing.json").read_text()
)


def cases(section):
    return pytest.mark.parametrize(
        "case", VECTORS[section], ids=[case["id"] for case in VECTORS[section]]
    )


@cases("hash")
def test_a_unit_hashes_to_the_specified_place(case):
    arguments = (case["seed"], case["value"], case["version"])
    if case["expected"] is None:
        with pytest.raises(ValueError, match="version is 99; allowed: 1, 2"):
            hash_unit(*arguments)
    else:
        assert hash_unit(*arguments) == case["expected"]


@cases("ranges")
def test_weights_and_coverage_give_the_specified_ranges(case):
    ranges = bucket_ranges(case["weights"], case["coverage"])

    assert ranges == tuple(pytest.approx(tuple(expected)) for expected in case["expected"])


@cases("choices")
def test_a_bucket_falls_into_the_specified_range(case):
    ranges = [tuple(ends) for ends in case["ranges"]]

    assert choose_variant(case["bucket"], ranges) == case["expected"]


@cases("edges")
def test_a_bucket_on_the_end_of_a_range_goes_where_the_sdks_put_it(case):
    ranges = bucket_ranges(case["weights"], case["coverage"])

    assert choose_variant(case["bucket"], ranges) == case["expected"]


# From the FNV reference test suite (public domain): 32-bit FNV-1a of ASCII text.
@pytest.mark.parametrize(
    ("text", "expected"),
    [("", 0x811C9DC5), ("a", 0xE40C292C), ("b", 0xE70C2DE5), ("foobar", 0xBF9CF968)],
)
def test_fnv_of_ascii_text_is_the_standard_one(text, expected):
    assert fnv1a32(text) == expected


def test_an_empty_unit_is_refused():
    with pytest.raises(ValueError, match="must not be empty"):
        hash_unit("seed", "")
