from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtesting.statistics.batch_proportions import compare_proportions_batch
from abtesting.statistics.boundaries import AlwaysValid, FixedHorizon
from abtesting.statistics.moments import Counts
from abtesting.statistics.proportions import compare_proportions_by_score
from abtesting.statistics.sequential.group_sequential import GroupSequentialLook
from abtesting.statistics.sequential.spending import ObrienFleming

FIXED = FixedHorizon(0.05)
BOUNDARIES = [
    FIXED,
    FixedHorizon(0.01, "greater"),
    FixedHorizon(0.01, "less"),
    AlwaysValid(0.05, 20_000, min_units_per_arm=2),
    AlwaysValid(0.05, 300, min_units_per_arm=2, side="less"),
]
SECOND_LOOK = GroupSequentialLook(
    alpha=0.05, information=(0.3, 0.7), spending=ObrienFleming(), min_units_per_arm=2
)


@st.composite
def tables(draw):
    sizes = st.one_of(st.integers(2, 40), st.integers(2, 10**6))
    n_c, n_t = draw(sizes), draw(sizes)
    return (
        draw(st.one_of(st.integers(0, min(n_c, 3)), st.integers(0, n_c))),
        n_c,
        draw(st.one_of(st.integers(0, min(n_t, 3)), st.integers(0, n_t))),
        n_t,
    )


def assert_like_one_by_one(rows, boundary):
    effects = compare_proportions_batch(*np.array(rows).T, boundary=boundary)
    for i, (x_c, n_c, x_t, n_t) in enumerate(rows):
        one = compare_proportions_by_score(
            Counts(num_units=n_c, num_successes=x_c),
            Counts(num_units=n_t, num_successes=x_t),
            boundary=boundary,
        )
        assert effects.reason[i] == ""
        assert effects.p_value[i] == pytest.approx(one.p_value, rel=1e-9)
        assert effects.standard_error[i] == pytest.approx(one.standard_error, rel=1e-9)
        near = {"rel": 1e-9, "abs": 1e-9 * one.standard_error}
        assert effects.lower[i] == pytest.approx(one.difference_interval.lower, **near)
        assert effects.upper[i] == pytest.approx(one.difference_interval.upper, **near)
        assert effects.lift_lower[i] == pytest.approx(one.lift_interval.lower, rel=1e-8, abs=1e-9)
        assert effects.lift_upper[i] == pytest.approx(one.lift_interval.upper, rel=1e-8, abs=1e-9)
        if one.lift is None:
            assert math.isnan(effects.lift[i])
        else:
            assert effects.lift[i] == pytest.approx(one.lift)


@pytest.mark.parametrize("boundary", BOUNDARIES, ids=lambda b: f"{b.name}-{b.side}")
@given(rows=st.lists(tables(), min_size=1, max_size=8))
def test_every_element_is_what_it_is_alone(boundary, rows):
    assert_like_one_by_one(rows, boundary)


def test_all_corners_of_small_tables():
    rows = [
        (x_c, n_c, x_t, n_t)
        for n_c in (2, 3, 7)
        for n_t in (2, 5)
        for x_c in range(n_c + 1)
        for x_t in range(n_t + 1)
    ]
    for boundary in BOUNDARIES:
        assert_like_one_by_one(rows, boundary)


def test_a_look_of_a_group_sequential_plan():
    rows = [(40, 1000, 52, 1000), (40, 1000, 75, 990), (3, 200, 0, 300), (7, 9, 9, 9)]
    assert_like_one_by_one(rows, SECOND_LOOK)


def test_shapes_broadcast():
    effects = compare_proportions_batch([[3], [4]], 500, [5, 6, 7], [500, 600, 700], boundary=FIXED)
    assert effects.p_value.shape == effects.reason.shape == (2, 3)
    single = compare_proportions_batch(3, 500, 5, 500, boundary=FIXED)
    assert single.p_value.shape == ()
    assert float(single.p_value) == pytest.approx(effects.p_value[0, 0])
    assert compare_proportions_batch([], [], [], [], boundary=FIXED).p_value.shape == (0,)


def test_elements_below_the_first_look_say_so():
    boundary = AlwaysValid(0.05, 5000)
    effects = compare_proportions_batch(
        [30, 30], [499, 500], [40, 40], [500, 500], boundary=boundary
    )
    assert effects.reason.tolist() == ["too_few_units", ""]
    assert effects.is_valid.tolist() == [False, True]
    assert np.isnan([effects.p_value[0], effects.lower[0], effects.lift_upper[0]]).all()
    assert not effects.is_significant[0]


def test_few_expected_successes_are_marked():
    effects = compare_proportions_batch([2, 2, 998], 1000, [7, 8, 993], 1000, boundary=FIXED)
    assert effects.warning.tolist() == ["few_successes", "", "few_successes"]


def test_whole_numbers_may_be_floats():
    effects = compare_proportions_batch([3.0], [500.0], [9], [500], boundary=FIXED)
    assert effects.p_value == compare_proportions_batch([3], 500, 9, 500, boundary=FIXED).p_value


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (([3], [2], [1], [9]), "control_successes has 3 where control_units has 2"),
        (([1], [9], [-1], [9]), "variant_successes has -1"),
        (([1.5], [9], [1], [9]), "control_successes has 1.5"),
        (([1], [9], [1], [math.nan]), "variant_units has nan"),
        (([1], [2**54], [1], [9]), "control_units has"),
        ((["a"], [9], [1], [9]), "control_successes has values of type"),
        (([1, 2], [9], [1, 2, 3], [9]), "shapes"),
    ],
)
def test_bad_counts_are_refused(counts, message):
    with pytest.raises(ValueError, match=message):
        compare_proportions_batch(*counts, boundary=FIXED)
