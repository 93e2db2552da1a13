from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.student import FAR, t_quantile, t_quantiles


@given(st.floats(1e-12, 0.5), st.floats(1, 1e9))
def test_quantiles_are_those_of_the_t_distribution(tail, df):
    expected = stats.t.isf(tail, df)
    assert t_quantile(tail, df) == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert t_quantiles(tail, np.array([df]))[0] == t_quantile(tail, df)


@pytest.mark.parametrize("tail", [0.25, 0.025, 1e-6, 1e-300])
def test_the_expansion_takes_over_without_a_step(tail):
    change = FAR * (1 + stats.norm.isf(tail) ** 2)
    below, above = (t_quantile(tail, change * share) for share in (1 - 1e-13, 1 + 1e-13))
    assert below == pytest.approx(above, rel=1e-12)


def test_many_degrees_are_the_normal_distribution():
    assert t_quantile(0.025, 1e300) == pytest.approx(stats.norm.isf(0.025), rel=1e-15)
    assert t_quantiles(0.025, np.array([np.inf])).tolist() == [t_quantile(0.025, 1e300)]


def test_no_tail_is_infinitely_far():
    assert t_quantile(0.0, 10.0) == np.inf
    assert t_quantiles(0.0, np.array([10.0, 1e9])).tolist() == [np.inf, np.inf]
