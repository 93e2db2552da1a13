from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abtesting.statistics.health.srm import SrmResult, srm_test
from abtesting.statistics.health.srm_segments import locate_srm
from abtesting.statistics.types import NotEnoughData

BROWSERS = {"chrome": [5_020, 4_990], "firefox": [1_010, 1_000], "safari": [2_480, 2_170]}


def by_value(found):
    return {segment.value: segment for segment in found.segments}


def test_the_broken_segment_is_first_and_makes_nearly_all_of_the_mismatch():
    found = locate_srm({"browser": BROWSERS}, [1, 1])
    assert [segment.value for segment in found.suspects] == ["safari"]
    safari = found.segments[0]
    assert safari.explained == pytest.approx(310 / 350)
    assert safari.excess == (155.0, -155.0)
    assert safari.rest.p_value > 0.5


def test_all_values_of_all_dimensions_are_one_family():
    days = {str(day): [1_000 + day, 1_000] for day in range(8)}
    found = locate_srm({"browser": BROWSERS, "day": days}, [1, 1])
    safari = by_value(found)["safari"]
    assert safari.adjusted_p_value == pytest.approx(11 * safari.result.p_value)
    assert sum(s.explained for s in found.segments if s.dimension == "day") == pytest.approx(1)


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.integers(0, 900), st.integers(0, 900), st.integers(0, 900)),
        min_size=1,
        max_size=6,
    )
)
def test_parts_add_up_to_the_whole(rows):
    weights = [2, 1, 1]
    found = locate_srm({"day": {str(i): list(row) for i, row in enumerate(rows)}}, weights)
    totals = [sum(arm) for arm in zip(*rows, strict=True)]
    whole = srm_test(totals, weights)
    excess = np.sum([segment.excess for segment in found.segments], axis=0)
    assert excess == pytest.approx(
        np.array(totals) - sum(totals) * np.array([0.5, 0.25, 0.25]), abs=1e-6
    )
    if isinstance(whole, SrmResult) and whole.statistic > 1e-9:
        assert sum(segment.explained for segment in found.segments) == pytest.approx(1)


def test_a_value_with_few_units_is_listed_without_a_test():
    found = locate_srm({"browser": {**BROWSERS, "lynx": [1, 0]}}, [1, 1])
    lynx = by_value(found)["lynx"]
    assert isinstance(lynx.result, NotEnoughData)
    assert lynx.adjusted_p_value is None
    assert found.segments[-1] is lynx
    assert by_value(found)["safari"].adjusted_p_value == pytest.approx(
        3 * by_value(found)["safari"].result.p_value
    )


def test_a_leak_makes_a_suspect_of_any_size():
    found = locate_srm({"page": {"home": [500, 510, 0], "cart": [0, 1, 1]}}, [1, 1, 0])
    assert [(s.value, s.leaked_units) for s in found.suspects] == [("cart", 1)]


def test_a_perfect_split_explains_nothing():
    found = locate_srm({"day": {"1": [50, 50], "2": [70, 70]}}, [1, 1])
    assert [segment.explained for segment in found.segments] == [0.0, 0.0]
    assert found.suspects == ()


def test_false_suspects_over_many_sound_segments():
    rng = np.random.default_rng(5)
    alarms = 0
    for _ in range(100):
        counts = rng.binomial(400, 0.5, size=20)
        days = {str(i): [int(k), 400 - int(k)] for i, k in enumerate(counts)}
        alarms += bool(locate_srm({"day": days}, [1, 1], alpha=0.05).suspects)
    assert alarms <= 5 + 3 * 2.2


@pytest.mark.parametrize(
    ("dimensions", "weights", "message"),
    [
        ({}, [1, 1], "dimensions has no value"),
        ({"day": {}}, [1, 1], "dimensions has no value"),
        ({"day": {"1": [1, 2, 3]}}, [1, 1], "observed has 3 arms"),
        ({"day": {"1": [1, -2]}}, [1, 1], r"observed\[1\] is -2"),
    ],
)
def test_bad_input_is_refused(dimensions, weights, message):
    with pytest.raises(ValueError, match=message):
        locate_srm(dimensions, weights)
