from __future__ import annotations

import numpy as np
import pytest

from abtesting.statistics.adjustment.covariates import linearised_covariate, with_missing_indicator
from abtesting.statistics.adjustment.regression import (
    compare_adjusted_means,
    compare_adjusted_ratios,
)
from abtesting.statistics.boundaries import FixedHorizon
from abtesting.statistics.moments import Moments

FIXED = FixedHorizon(0.05)


def test_the_number_filled_in_makes_no_difference():
    rng = np.random.default_rng(1)
    x = rng.normal(size=400)
    y = x + rng.normal(size=400)
    missing = rng.random(400) < 0.3
    y[missing] += 2.0
    columns = with_missing_indicator(np.where(missing, np.nan, x))
    other = np.column_stack([np.where(missing, -50.0, x), missing])
    results = [
        compare_adjusted_means(
            *(
                Moments.from_array(np.column_stack([y, table])[part])
                for part in np.split(np.arange(400), [150])
            ),
            boundary=FIXED,
        )
        for table in (columns, other)
    ]
    assert results[0].variance_reduction > 0.45
    assert results[1].effect.difference == pytest.approx(results[0].effect.difference)
    assert results[1].effect.standard_error == pytest.approx(results[0].effect.standard_error)


def test_nothing_missing_is_one_covariate():
    columns = with_missing_indicator([1.0, 2.0, 4.0])
    assert (columns[:, 1] == 0).all()
    assert with_missing_indicator([np.nan, np.nan]).tolist() == [[0.0, 1.0], [0.0, 1.0]]
    assert with_missing_indicator([]).shape == (0, 2)


def ratio_units(rng, num_units):
    taste = rng.normal(size=num_units)
    views, earlier = (1 + rng.poisson(5, size=num_units) for _ in range(2))
    clicks, earlier_clicks = (
        number * (0.4 + 0.1 * taste) + rng.normal(0, 0.2, size=num_units)
        for number in (views, earlier)
    )
    return np.column_stack([clicks, views, earlier_clicks, earlier])


def test_linearised_covariate_is_that_of_the_rows():
    rng = np.random.default_rng(2)
    tables = [ratio_units(rng, 80), ratio_units(rng, 120)]
    rows = np.vstack(tables)
    ratio = rows[:, 2].sum() / rows[:, 3].sum()
    expected = [
        np.column_stack([t[:, :2], (t[:, 2] - ratio * t[:, 3]) / rows[:, 3].mean()]) for t in tables
    ]
    result = linearised_covariate(*map(Moments.from_array, tables), numerator=2, denominator=3)
    for moments, table in zip(result, expected, strict=True):
        assert moments.means == pytest.approx(Moments.from_array(table).means, abs=1e-12)
        assert np.array(moments.comoments) == pytest.approx(
            np.array(Moments.from_array(table).comoments)
        )


def test_earlier_ratio_takes_variance_off_a_ratio():
    rng = np.random.default_rng(3)
    arms = [Moments.from_array(ratio_units(rng, n)) for n in (400, 600)]
    one = compare_adjusted_ratios(
        *linearised_covariate(*arms, numerator=2, denominator=3), boundary=FIXED
    )
    both = compare_adjusted_ratios(*arms, boundary=FIXED)
    assert one.variance_reduction > 0.4
    assert both.variance_reduction == pytest.approx(one.variance_reduction, abs=0.05)


def test_bad_input():
    arm = Moments.from_array([[1.0, 2.0, 0.0], [2.0, 3.0, 0.0]])
    with pytest.raises(ValueError, match="the denominators add up to 0"):
        linearised_covariate(arm, arm, numerator=1, denominator=2)
    with pytest.raises(ValueError, match="denominator is column 3"):
        linearised_covariate(arm, arm, numerator=1, denominator=3)
    with pytest.raises(ValueError, match="numerator is column 1"):
        linearised_covariate(arm, arm, numerator=1, denominator=1)
    with pytest.raises(ValueError, match="control has 3 columns and variant 2"):
        linearised_covariate(arm, Moments.zero(2), numerator=0, denominator=1)
    with pytest.raises(ValueError, match="values has 2 dimensions"):
        with_missing_indicator([[1.0]])
    with pytest.raises(ValueError, match=r"values\[1\] is inf"):
        with_missing_indicator([1.0, np.inf])
