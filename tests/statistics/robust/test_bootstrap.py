from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abtesting.statistics.boundaries import FixedHorizon
from abtesting.statistics.means import compare_means
from abtesting.statistics.moments import Moments
from abtesting.statistics.robust.bootstrap import bootstrap_means
from abtesting.statistics.types import NotEnoughData

samples = st.lists(st.integers(0, 50).map(float), min_size=2, max_size=30)


def sparse(rng, n):
    return np.where(rng.random(n) < 0.1, rng.lognormal(3.0, 1.0, n), 0.0)


def test_large_normal_samples_give_welch_s_answer():
    rng = np.random.default_rng(1)
    control, variant = rng.normal(10, 3, 800), rng.normal(10.3, 2, 500)
    result = bootstrap_means(control, variant, rng=rng, num_resamples=4999)
    welch = compare_means(
        Moments.from_array(control), Moments.from_array(variant), boundary=FixedHorizon(0.05)
    )
    assert result.difference == pytest.approx(welch.difference)
    assert result.standard_error == pytest.approx(welch.standard_error)
    width = welch.difference_interval.upper - welch.difference_interval.lower
    assert result.interval.lower == pytest.approx(welch.difference_interval.lower, abs=width / 25)
    assert result.interval.upper == pytest.approx(welch.difference_interval.upper, abs=width / 25)


@settings(max_examples=40)
@given(samples, samples, st.sampled_from(["two_sided", "greater", "less"]), st.integers(0, 999))
def test_the_p_value_and_the_interval_agree(control, variant, side, seed):
    result = bootstrap_means(
        control, variant, rng=np.random.default_rng(seed), side=side, num_resamples=199
    )
    if isinstance(result, NotEnoughData):
        assert result.code == "zero_variance"
        return
    if not any(math.isclose(end, 0, abs_tol=1e-9) for end in vars_of(result.interval)):
        assert result.is_significant == (not result.interval.contains(0.0))
    assert 0 < result.p_value <= 1


def vars_of(interval):
    return (interval.lower, interval.upper)


def test_counts_of_distinct_values_resample_like_the_values_themselves():
    rng = np.random.default_rng(2)
    control, variant = sparse(rng, 1200), sparse(rng, 1200)
    by_count = bootstrap_means(control, variant, rng=rng, num_resamples=4999)
    # A trace of noise makes all values distinct, so that they are drawn one by one.
    noisy = [values + 1e-9 * rng.random(1200) for values in (control, variant)]
    by_index = bootstrap_means(*noisy, rng=rng, num_resamples=4999)
    width = by_count.interval.upper - by_count.interval.lower
    assert by_index.interval.lower == pytest.approx(by_count.interval.lower, abs=width / 15)
    assert by_index.interval.upper == pytest.approx(by_count.interval.upper, abs=width / 15)


def test_a_seed_repeats_the_result():
    control, variant = [1.0, 5.0, 2.0, 8.0], [3.0, 9.0, 4.0]
    first, second = (
        bootstrap_means(control, variant, rng=np.random.default_rng(3), num_resamples=99)
        for _ in range(2)
    )
    assert first == second


def test_both_tails_are_nearer_their_level_than_welch_s():
    rng = np.random.default_rng(4)
    num_runs = 300
    above = np.zeros((num_runs, 2))
    for run in range(num_runs):
        control, variant = rng.lognormal(0, 1, 600), rng.lognormal(0, 1, 60)
        result = bootstrap_means(control, variant, rng=rng, num_resamples=199)
        # Without third moments Welch's test says something of any values.
        welch = compare_means(
            Moments.from_array(control, thirds=False),
            Moments.from_array(variant, thirds=False),
            boundary=FixedHorizon(0.05),
        )
        above[run] = (result.interval.upper < 0, welch.difference_interval.upper < 0)
    bootstrap, plain = above.mean(axis=0)
    assert bootstrap < plain
    assert bootstrap < 0.085


@pytest.mark.parametrize(
    ("control", "variant", "code"),
    [([1.0], [1.0, 2.0], "too_few_units"), ([2.0, 2.0], [3.0, 3.0], "zero_variance")],
)
def test_without_enough_data_there_is_a_reason(control, variant, code):
    result = bootstrap_means(control, variant, rng=np.random.default_rng(5))
    assert isinstance(result, NotEnoughData)
    assert result.code == code


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"alpha": 0.001, "num_resamples": 999}, "alpha = 0.001 needs at least 2000"),
        ({"alpha": 2.0}, "alpha is 2.0"),
        ({"control": [1.0, math.nan]}, r"control\[1\] is nan; values must be finite"),
        ({"variant": [[1.0]]}, "variant has 2 dimensions"),
        ({"rng": 1}, "rng is 1; it must be a numpy Generator"),
        ({"num_resamples": math.inf}, "num_resamples is inf"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    rng = np.random.default_rng(1)
    values = {"control": [1.0, 2.0], "variant": [1.0, 3.0], "rng": rng} | arguments
    with pytest.raises(ValueError, match=message):
        bootstrap_means(**values)
