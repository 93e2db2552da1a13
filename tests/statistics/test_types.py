from __future__ import annotations

import math

import pytest

from abtesting.statistics.types import Interval


@pytest.mark.parametrize(("lower", "upper"), [(1.0, 0.0), (math.nan, 1.0), (0.0, math.nan)])
def test_an_interval_without_an_inside_is_refused(lower, upper):
    with pytest.raises(ValueError, match="lower must not exceed upper"):
        Interval(lower, upper)


def test_an_unbounded_interval_holds_everything():
    assert Interval(-math.inf, math.inf).contains(1e300)
