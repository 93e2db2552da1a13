from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abtesting.statistics.sequential.betting import betting_difference, betting_mean
from abtesting.statistics.types import Interval, NotEnoughData

UNIT = Interval(0.0, 1.0)
PRECISION = 3e-6  # to which the ends of an interval are found, as a share of the bounds


def by_definition(values, candidate, alpha):
    """Largest hedged capital, value by value, as the paper writes it."""
    up = down = 0.5
    largest, mean, variance = 0.5, 0.5, 0.25
    total = squares = 0.0
    for time, value in enumerate(values, start=1):
        bet = math.sqrt(2 * math.log(2 / alpha) / (variance * time * math.log(time + 1)))
        up *= 1 + min(bet, 0.5 / candidate) * (value - candidate)
        down *= 1 - min(bet, 0.5 / (1 - candidate)) * (value - candidate)
        largest = max(largest, up, down)
        total += value
        mean = (0.5 + total) / (time + 1)
        squares += (value - mean) ** 2
        variance = (0.25 + squares) / (time + 1)
    return largest


@pytest.mark.parametrize("candidate", [0.1, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("num_values", [1, 31, 32, 33, 200])
def test_capital_is_what_the_paper_defines(candidate, num_values):
    values = np.random.default_rng(2).beta(2, 4, num_values)
    result = betting_mean(values, bounds=UNIT, alpha=0.05, null=candidate)
    expected = by_definition(values, candidate, 0.05)
    assert result.p_value == pytest.approx(min(1 / expected, 1.0), rel=1e-9)


def test_long_data_are_worked_out_in_chunks():
    values = np.random.default_rng(3).binomial(1, 0.48, 9000).astype(float)
    result = betting_mean(values, bounds=UNIT, alpha=0.05, null=0.5)
    assert result.p_value == pytest.approx(1 / by_definition(values, 0.5, 0.05), rel=1e-8)


def test_the_interval_holds_the_candidates_that_were_never_ruled_out():
    values = np.random.default_rng(4).beta(1, 3, 400)
    interval = betting_mean(values, bounds=UNIT, alpha=0.05).interval
    for end, outside in ((interval.lower, -1), (interval.upper, 1)):
        assert by_definition(values, end + outside * PRECISION, 0.05) >= 20
        assert by_definition(values, end - outside * 2 * PRECISION, 0.05) < 20


columns = st.lists(st.floats(0, 1), min_size=1, max_size=60)


@given(columns, st.floats(0.01, 0.99), st.sampled_from([0.05, 0.3]))
@settings(max_examples=60, deadline=None)
def test_p_value_and_interval_agree(values, null, alpha):
    result = betting_mean(values, bounds=UNIT, alpha=alpha, null=null)
    if isinstance(result, NotEnoughData):
        assert result.code == "no_common_mean"
        return
    assert (result.p_value < alpha) != result.interval.contains(null)
    assert 0 <= result.interval.lower <= result.interval.upper <= 1


@given(columns, st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
@settings(max_examples=30, deadline=None)
def test_units_of_measurement_play_no_part(values, shift, scale):
    data = np.array(values)
    moved = Interval(shift, shift + scale)
    result = betting_mean(data, bounds=UNIT, alpha=0.05)
    scaled = betting_mean(
        np.clip(shift + scale * data, moved.lower, moved.upper), bounds=moved, alpha=0.05
    )
    assert type(scaled) is type(result)
    if isinstance(result, NotEnoughData):
        return
    assert (scaled.interval.lower - shift) / scale == pytest.approx(
        result.interval.lower, abs=2 * PRECISION
    )
    assert (scaled.interval.upper - shift) / scale == pytest.approx(
        result.interval.upper, abs=2 * PRECISION
    )


@given(columns, columns)
@settings(max_examples=30, deadline=None)
def test_swapping_arms_turns_the_difference_round(control, variant):
    one = betting_difference(control, variant, bounds=UNIT, alpha=0.05)
    other = betting_difference(variant, control, bounds=UNIT, alpha=0.05)
    assert type(one) is type(other)
    if isinstance(one, NotEnoughData):
        return
    assert other.p_value == pytest.approx(one.p_value, rel=1e-6)
    assert other.interval.lower == pytest.approx(-one.interval.upper, abs=4 * PRECISION)
    assert other.interval.upper == pytest.approx(-one.interval.lower, abs=4 * PRECISION)


def test_means_are_covered_at_all_times_together():
    rng = np.random.default_rng(5)
    rate = 0.02
    values = rng.binomial(1, rate, (500, 600)).astype(float)
    results = [betting_mean(row, bounds=UNIT, alpha=0.05, null=rate) for row in values]
    # The p-value is that of the largest evidence at any time so far.
    missed = [isinstance(each, NotEnoughData) or each.p_value < 0.05 for each in results]
    assert 0.002 < np.mean(missed) <= 0.06


def test_more_data_narrow_the_interval():
    values = np.random.default_rng(6).binomial(1, 0.3, 8000).astype(float)
    widths = [betting_mean(values[:n], bounds=UNIT, alpha=0.05).interval for n in (100, 1000, 8000)]
    assert all(wide.lower <= narrow.lower for wide, narrow in itertools.pairwise(widths))
    fixed = 1.96 * math.sqrt(0.21 / 8000)
    assert widths[-1].upper - widths[-1].lower < 3 * 2 * fixed


def test_values_that_are_all_alike_still_have_an_interval():
    result = betting_mean(np.zeros(1000), bounds=UNIT, alpha=0.05)
    assert result.interval.lower == 0.0
    assert 0.001 < result.interval.upper < 0.02
    assert result.standard_error == 0.0


def test_pairs_of_unequal_arms_use_all_units():
    rng = np.random.default_rng(7)
    control = rng.binomial(1, 0.1, 9000).astype(float)
    variant = rng.binomial(1, 0.2, 1000).astype(float)
    alone = betting_difference(control, variant, bounds=UNIT, alpha=0.05)
    shared = betting_difference(control, variant, bounds=UNIT, alpha=0.05, control_per_pair=9)
    assert alone.num_values == shared.num_values == 1000
    assert (
        shared.interval.upper - shared.interval.lower < alone.interval.upper - alone.interval.lower
    )
    assert shared.interval.contains(0.1)
    assert shared.estimate == pytest.approx(variant.mean() - control.mean())


def test_a_mean_that_moves_is_a_reason():
    values = np.repeat([0.0, 1.0], 3000)
    result = betting_mean(values, bounds=UNIT, alpha=0.05)
    assert isinstance(result, NotEnoughData)
    assert result.code == "no_common_mean"


def test_no_values_are_a_reason():
    assert isinstance(betting_mean([], bounds=UNIT, alpha=0.05), NotEnoughData)
    assert isinstance(betting_difference([], [1.0], bounds=UNIT, alpha=0.05), NotEnoughData)


@pytest.mark.parametrize(
    "change",
    [
        {"values": [1.2]},
        {"values": [math.nan]},
        {"values": [[0.5]]},
        {"bounds": Interval(0.0, math.inf)},
        {"bounds": Interval(1.0, 1.0)},
        {"alpha": 1.0},
        {"null": 0.0},
    ],
)
def test_bad_input_is_an_error(change):
    arguments = {"values": [0.5], "bounds": UNIT, "alpha": 0.05, **change}
    with pytest.raises(ValueError, match="must"):
        betting_mean(arguments.pop("values"), **arguments)


def test_bad_pairs_are_errors():
    with pytest.raises(ValueError, match="at least 1"):
        betting_difference([0.5], [0.5], bounds=UNIT, alpha=0.05, control_per_pair=0)
    with pytest.raises(ValueError, match="cap them"):
        betting_difference([2.0], [0.5], bounds=UNIT, alpha=0.05)
    with pytest.raises(ValueError, match="control has 2 dimensions"):
        betting_difference([[0.5]], [0.5], bounds=UNIT, alpha=0.05)
