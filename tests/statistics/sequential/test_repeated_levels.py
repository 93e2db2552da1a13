from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from abtesting.statistics.sequential.crossing import spending_bounds
from abtesting.statistics.sequential.repeated_levels import repeated_levels
from abtesting.statistics.sequential.spending import ObrienFleming, Pocock

LOOKS = [
    repeated_levels((0.25, 0.5), ObrienFleming(), two_sided=True, spend_all=False),
    repeated_levels((0.5, 1.0), Pocock(), two_sided=True, spend_all=False),
    repeated_levels((0.3, 0.6), ObrienFleming(), two_sided=False, spend_all=False),
    repeated_levels((0.3, 0.31, 0.8), Pocock(), two_sided=False, spend_all=True),
]


@given(st.sampled_from(LOOKS), st.lists(st.floats(-60, 60), min_size=1, max_size=50))
@settings(max_examples=60, deadline=None)
def test_arrays_have_the_levels_of_their_elements(looks, distances):
    found = looks.levels(np.array(distances), slope=0.8)
    alone = [looks.level(distance, slope=0.8) for distance in distances]
    # Far below 0 boundaries may turn, where any level is next to 1.
    assert found == pytest.approx(alone, rel=1e-11, abs=0.0 if min(distances) > 0 else 0.1)


@given(st.sampled_from(LOOKS), st.floats(0.05, 12), st.floats(0.3, 2))
@settings(max_examples=60, deadline=None)
def test_the_start_makes_no_difference(looks, distance, slope):
    assert looks.level(distance, slope=slope) == looks.level(distance, slope=1.0)


@pytest.mark.parametrize("z", np.linspace(0.3, 12, 9))
@pytest.mark.parametrize("two_sided", [True, False])
def test_the_level_is_the_inverse_of_the_boundary(z, two_sided):
    information = (0.2, 0.45, 0.7)
    levels = repeated_levels(information, ObrienFleming(), two_sided=two_sided, spend_all=False)
    log_level = float(special.log_ndtr(-z))
    bounds = spending_bounds(information, ObrienFleming(), log_level, two_sided=two_sided)
    level = math.exp(log_level)
    digits = 1e-7 if level < 0.05 else 1e-5 if level < 0.25 else 1e-3
    assert levels.level(bounds[-1], slope=0.8) == pytest.approx(level, rel=digits)


def test_the_ends():
    for looks in LOOKS:
        assert looks.level(math.inf, slope=1.0) == 0.0
        ends = np.array([-math.inf, -1e300, 1e300, math.inf])
        assert looks.levels(ends, slope=1.0).tolist() == [1.0, 1.0, 0.0, 0.0]
        assert looks.levels(ends[[0, 3]], slope=1.0).tolist() == [1.0, 0.0]
        assert looks.levels(np.empty((0, 2)), slope=1.0).shape == (0, 2)


def test_the_same_looks_are_worked_out_once():
    first, again = (
        repeated_levels((0.25, 0.5), ObrienFleming(), two_sided=True, spend_all=False)
        for _ in range(2)
    )
    assert again is first
