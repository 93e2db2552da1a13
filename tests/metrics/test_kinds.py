"""From units' totals to moments."""

from __future__ import annotations

import numpy as np
import pytest

from abtesting.metrics.kinds import unit_moments
from abtesting.statistics.moments import Counts, Moments

TOTALS = np.array([0.0, 2.0, 1.0, 0.0])
OTHER = np.array([1.0, 4.0, 3.0, 0.0])


def test_a_proportion_counts_units_with_something():
    assert unit_moments("proportion", [TOTALS]) == Counts(num_units=4, num_successes=2)


def test_a_mean_keeps_units_with_nothing():
    moments = unit_moments("mean", [TOTALS])
    assert (moments.n, moments.mean) == (4, 0.75)
    assert moments.variance == pytest.approx(np.var(TOTALS, ddof=1))


def test_a_ratio_has_numerator_and_denominator():
    moments = unit_moments("ratio", [TOTALS, OTHER])
    assert moments.means == (0.75, 2.0)
    assert moments.covariance(0, 1) == pytest.approx(np.cov(TOTALS, OTHER)[0, 1])


def test_nobody_is_a_result_too():
    none = np.zeros(0)
    assert unit_moments("proportion", [none]) == Counts(num_units=0, num_successes=0)
    assert unit_moments("mean", [none]) == Moments.zero(1)
    assert unit_moments("ratio", [none, none]) == Moments.zero(2)


@pytest.mark.parametrize(
    ("kind", "columns"),
    [("proportion", 2), ("mean", 2), ("mean", 0), ("ratio", 1), ("median", 1)],
)
def test_another_kind_or_number_of_totals_is_refused(kind, columns):
    with pytest.raises(ValueError, match=f"kind is '{kind}' with {columns} total"):
        unit_moments(kind, [TOTALS] * columns)
