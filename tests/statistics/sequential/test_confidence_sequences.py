from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abtesting.statistics.sequential.confidence_sequences import (
    bernoulli_sequence,
    quantile_sequence,
    running_intersection,
)
from abtesting.statistics.types import Interval, NotEnoughData
from tests.known_answers import cases, close


@cases("confidence_sequences", "confseq_bernoulli")
def test_known_rates(case):
    inputs = case["inputs"]
    result = bernoulli_sequence(
        inputs["successes"],
        inputs["n"],
        alpha=inputs["alpha"],
        planned_num_units=inputs["t_opt"],
    )
    lower, upper = case["expected"]["ci"]
    assert result.interval.lower == pytest.approx(lower, **close(case))
    assert result.interval.upper == pytest.approx(upper, **close(case))


@cases("confidence_sequences", "confseq_quantile_ab")
def test_known_quantiles(case):
    # The case describes its draws in words; these are they.
    rng = np.random.default_rng(9)
    control = np.round(rng.lognormal(3, 0.7, 800), 3)
    variant = np.round(rng.lognormal(3.12, 0.7, 780), 3)
    for quantile, name in ((0.5, "p_median"), (0.9, "p_p90")):
        result = quantile_sequence(
            control,
            variant,
            quantile=quantile,
            alpha=0.05,
            planned_num_units=case["inputs"]["t_opt"],
        )
        assert result.p_value == pytest.approx(case["expected"][name], **close(case))


@given(st.integers(1, 100_000), st.floats(0, 1), st.sampled_from([0.001, 0.05, 0.2]))
@settings(max_examples=60, deadline=None)
def test_a_rate_lies_in_its_interval_whatever_is_called_a_success(num_units, share, alpha):
    successes = round(share * num_units)
    result = bernoulli_sequence(successes, num_units, alpha=alpha, planned_num_units=1000)
    turned = bernoulli_sequence(
        num_units - successes, num_units, alpha=alpha, planned_num_units=1000
    )
    assert 0 <= result.interval.lower <= result.estimate <= result.interval.upper <= 1
    assert turned.interval.lower == pytest.approx(1 - result.interval.upper, abs=1e-9)
    assert turned.interval.upper == pytest.approx(1 - result.interval.lower, abs=1e-9)


@given(st.integers(0, 50), st.integers(50, 2000))
@settings(max_examples=30, deadline=None)
def test_a_stricter_level_is_wider(successes, num_units):
    wide, narrow = (
        bernoulli_sequence(successes, num_units, alpha=alpha, planned_num_units=500).interval
        for alpha in (0.001, 0.1)
    )
    assert wide.lower <= narrow.lower
    assert narrow.upper <= wide.upper


def test_no_success_at_all_still_bounds_the_rate():
    result = bernoulli_sequence(0, 1000, alpha=0.05, planned_num_units=1000)
    assert result.interval.lower == 0.0
    assert 0.003 < result.interval.upper < 0.02
    every = bernoulli_sequence(10**6, 10**6, alpha=0.05, planned_num_units=1000)
    assert every.interval.upper == 1.0
    assert every.interval.lower > 0.9999


def test_a_few_successes_among_a_billion_have_a_lower_end():
    interval = bernoulli_sequence(10, 10**9, alpha=0.05, planned_num_units=10**9).interval
    assert 1e-9 < interval.lower < 1e-8 < interval.upper < 1e-7


def test_rates_are_covered_at_all_times_together():
    rng = np.random.default_rng(6)
    rate, looks = 0.05, [50, 100, 200, 400, 800, 1600]
    # What a count must be for the interval to hold the rate, worked out once per look.
    counts = np.cumsum(rng.binomial(1, rate, (4000, looks[-1])), axis=1)
    missed = np.zeros(4000, dtype=bool)
    for look in looks:
        seen = counts[:, look - 1]
        inside = {
            int(count): bernoulli_sequence(
                int(count), look, alpha=0.05, planned_num_units=400
            ).interval.contains(rate)
            for count in np.unique(seen)
        }
        missed |= ~np.array([inside[int(count)] for count in seen])
    assert 0.001 < missed.mean() <= 0.05


values = st.lists(st.integers(0, 30).map(float), min_size=1, max_size=60)


@given(values, values, st.sampled_from([0.1, 0.5, 0.9]), st.sampled_from([0.05, 0.3, 0.8]))
@settings(max_examples=150, deadline=None)
def test_quantile_p_value_and_interval_agree(control, variant, quantile, alpha):
    result = quantile_sequence(
        control, variant, quantile=quantile, alpha=alpha, planned_num_units=30
    )
    assert (result.p_value < alpha) != result.interval.contains(0.0)
    assert result.interval.contains(result.difference)


@given(values, values, st.sampled_from([0.25, 0.5]))
@settings(max_examples=60, deadline=None)
def test_swapping_arms_turns_the_quantile_difference_round(control, variant, quantile):
    one, other = (
        quantile_sequence(a, b, quantile=quantile, alpha=0.2, planned_num_units=30)
        for a, b in ((control, variant), (variant, control))
    )
    assert other.p_value == pytest.approx(one.p_value)
    assert other.interval.lower == -one.interval.upper
    assert other.interval.upper == -one.interval.lower


def test_quantile_differences_are_found_and_moved_with_the_data():
    rng = np.random.default_rng(2)
    control, variant = rng.exponential(10, 3000), rng.exponential(13, 3000)
    result = quantile_sequence(control, variant, quantile=0.5, alpha=0.05, planned_num_units=3000)
    assert result.p_value < 0.001
    assert result.interval.lower > 0
    assert result.interval.contains(3 * math.log(2))
    moved = quantile_sequence(
        control, variant + 100, quantile=0.5, alpha=0.05, planned_num_units=3000
    )
    assert moved.interval.lower == pytest.approx(result.interval.lower + 100)
    assert moved.interval.upper == pytest.approx(result.interval.upper + 100)


def test_equal_quantiles_are_rarely_ever_rejected():
    rng = np.random.default_rng(3)
    rejected = 0
    for _ in range(300):
        control, variant = rng.lognormal(3, 1, 400), rng.lognormal(3, 1, 400)
        rejected += any(
            quantile_sequence(
                control[:look],
                variant[:look],
                quantile=0.5,
                alpha=0.05,
                planned_num_units=200,
            ).p_value
            < 0.05
            for look in (50, 100, 200, 400)
        )
    assert rejected / 300 <= 0.05


def test_few_values_leave_the_difference_unbounded():
    result = quantile_sequence([1.0], [2.0], quantile=0.5, alpha=0.05, planned_num_units=100)
    assert result.interval == Interval(-math.inf, math.inf)
    assert result.p_value == 1.0


def test_no_units_are_a_reason():
    assert isinstance(bernoulli_sequence(0, 0, alpha=0.05, planned_num_units=10), NotEnoughData)
    assert isinstance(
        quantile_sequence([], [1.0], quantile=0.5, alpha=0.05, planned_num_units=10),
        NotEnoughData,
    )


def test_what_sequences_have_in_common_never_grows():
    seen = running_intersection(
        [Interval(-3, 3), Interval(-1, 5), Interval(-2, 1), Interval(0.5, 0.6)]
    )
    assert seen == [Interval(-3, 3), Interval(-1, 3), Interval(-1, 1), Interval(0.5, 0.6)]
    assert running_intersection([]) == []
    assert running_intersection([Interval(0, 1), Interval(2, 3), Interval(0, 1)])[1:] == [
        None,
        None,
    ]


@pytest.mark.parametrize(("successes", "num_units"), [(-1, 10), (11, 10)])
def test_impossible_counts_are_errors(successes, num_units):
    with pytest.raises(ValueError, match="successes"):
        bernoulli_sequence(successes, num_units, alpha=0.05, planned_num_units=10)


@pytest.mark.parametrize(
    "change",
    [
        {"alpha": 0.0},
        {"quantile": 1.0},
        {"planned_num_units": 0},
        {"control": [1.0, math.nan]},
        {"control": [[1.0]]},
    ],
)
def test_bad_quantile_input_is_an_error(change):
    arguments = {
        "control": [1.0, 2.0],
        "quantile": 0.5,
        "alpha": 0.05,
        "planned_num_units": 10,
        **change,
    }
    with pytest.raises(ValueError, match=r"must (be|have)"):
        quantile_sequence(arguments.pop("control"), [1.0], **arguments)
