from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtesting.statistics.stirling import stirling_rest, stirling_rests


@given(st.floats(0.01, 500))
def test_with_stirlings_main_part_it_is_the_logarithm_of_gamma(z):
    main = (z - 0.5) * math.log(z) - z + math.log(2 * math.pi) / 2
    assert main + stirling_rest(z) == pytest.approx(math.lgamma(z), rel=1e-12, abs=1e-12)


@given(st.floats(0.01, 1e12))
def test_arrays_have_the_values_of_their_elements(z):
    assert stirling_rests(np.array([z]))[0] == pytest.approx(stirling_rest(z), rel=1e-9, abs=1e-14)


def test_no_step_where_the_series_takes_over():
    below, above = stirling_rest(10 - 1e-9), stirling_rest(10.0)
    assert below == pytest.approx(above, rel=1e-9)
