from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.time.switchback import minimax_design, regular_design
from abtesting.statistics.time.switchback_intervals import horvitz_thompson, newey_west
from abtesting.statistics.types import NotEnoughData
from tests.known_answers import cases, close


@cases("switchback_intervals", "switchback_newey_west")
def test_newey_west_errors(case):
    """Bartlett weights up to the lag, no prewhitening, no factor for small samples."""
    inputs, expected = case["inputs"], case["expected"]
    effect = newey_west(inputs["y"], inputs["treatment"], lag=inputs["lag"])
    assert effect.difference == pytest.approx(expected["estimate"], **close(case))
    assert effect.standard_error == pytest.approx(expected["se_nw"], **close(case))
    assert effect.ols_standard_error == pytest.approx(expected["se_ols"], **close(case))
    assert effect.hc0_standard_error == pytest.approx(expected["se_hc0"], **close(case))


def sandwich(y, on, lag):
    """The same error from the two-column regression, without any shortcut."""
    design = np.column_stack([np.ones(len(y)), on])
    bread = np.linalg.inv(design.T @ design)
    scores = design * (y - design @ (bread @ design.T @ y))[:, None]
    meat = scores.T @ scores
    for distance in range(1, lag + 1):
        product = scores[distance:].T @ scores[:-distance]
        meat += (1 - distance / (lag + 1)) * (product + product.T)
    return math.sqrt((bread @ meat @ bread)[1, 1])


@given(st.integers(0, 2**20), st.integers(0, 10))
def test_newey_west_is_the_sandwich_of_a_regression(seed, lag):
    rng = np.random.default_rng(seed)
    y, on = rng.normal(size=30), np.repeat(rng.permutation([0, 0, 0, 0, 0, 1, 1, 1, 1, 1]), 3)
    effect = newey_west(y, on, lag=lag, num_blocks=10)
    assert effect.standard_error == pytest.approx(sandwich(y, on, lag), rel=1e-8)
    assert effect.p_value == pytest.approx(
        2 * stats.t.sf(abs(effect.difference / effect.standard_error), 8)
    )
    assert (effect.p_value < 0.05) != effect.interval.contains(0.0)


def test_periods_after_a_switch_are_left_out():
    y = np.r_[9.0, 1, 2, 3, 99, 6, 5, 4, -50, 3, 1, 2, 70, 4, 5, 7]
    on = np.repeat([0, 1, 0, 1], 4)
    effect = newey_west(y, on, carryover=1, lag=0)
    kept = np.arange(16) % 4 != 0
    assert effect.num_periods == 12
    assert effect.difference == pytest.approx(
        y[kept & (on == 1)].mean() - y[kept & (on == 0)].mean()
    )
    assert effect.standard_error == pytest.approx(sandwich(y[kept], on[kept], 0))


def test_lag_without_being_told():
    on = np.tile(np.repeat([0, 1], 12), 8)
    y = np.random.default_rng(1).normal(size=192)
    assert newey_west(y, on).lag == 12
    assert newey_west(y, np.tile([0, 1], 96)).lag == 4


def test_few_blocks_are_warned_of():
    y, on = np.random.default_rng(1).normal(size=192), np.tile(np.repeat([0, 1], 12), 8)
    assert newey_west(y, on).warnings == ("few_blocks",)
    assert newey_west(y, on).df == 14
    assert newey_west(y, np.tile([0, 1], 96)).warnings == ()


def outcomes_under(design, schedule, rng_effects):
    """Outcomes with carry-over: a period feels how often the variant was on lately."""
    base, now, before = rng_effects
    on = np.asarray(schedule, dtype=float)
    lagged = np.array([on[max(t - 1, 0)] for t in range(len(on))])
    return base + now * on + (before * lagged if design.carryover else 0.0)


@pytest.mark.parametrize(
    "design",
    [
        regular_design(12, block_length=2),
        regular_design(13, block_length=3, carryover=1),
        minimax_design(9, carryover=1),
        regular_design(10, block_length=1, carryover=1),
    ],
    ids=["no_carryover", "blocks", "minimax", "every_period"],
)
def test_horvitz_thompson_over_all_schedules(design):
    """Unbiased for the effect of always against never; the variance is not below the true one."""
    rng = np.random.default_rng(2)
    size = design.num_periods
    effects = rng.normal(0, 1, size), rng.normal(1, 1, size), rng.normal(0.5, 1, size)
    kept = slice(design.carryover, None)
    truth = np.mean(
        [outcomes_under(design, np.full(size, level), effects)[kept] for level in (1, 0)],
        axis=1,
    )
    estimates, variances = [], []
    num_blocks = len(design.block_starts)
    for number in range(2**num_blocks):
        coins = (number >> np.arange(num_blocks)) & 1
        schedule = coins[design.blocks]
        result = horvitz_thompson(design, outcomes_under(design, schedule, effects), schedule)
        nothing = isinstance(result, NotEnoughData)
        estimates.append(0.0 if nothing else result.difference)
        variances.append(0.0 if nothing else result.standard_error**2)
    assert np.mean(estimates) == pytest.approx(truth[0] - truth[1])
    assert np.mean(variances) >= np.var(estimates)
    assert np.mean(variances) <= 4 * np.var(estimates)


def test_a_good_baseline_takes_the_noise_out():
    rng = np.random.default_rng(3)
    design = minimax_design(100, carryover=2)
    schedule = design.draw(rng)
    outcomes = 50 + rng.normal(size=100)
    plain, good = (
        horvitz_thompson(design, outcomes, schedule, baseline=base) for base in (0.0, 50.0)
    )
    assert good.standard_error < plain.standard_error / 10
    assert good.interval.contains(0.0)
    assert good.p_value > 0.05


def test_coverage_with_correlated_periods():
    rng = np.random.default_rng(4)
    design = regular_design(160, block_length=4)
    covered = np.zeros(2)
    for _ in range(400):
        noise = rng.standard_normal(190)
        for t in range(1, 190):
            noise[t] += 0.5 * noise[t - 1]
        schedule = np.array(design.draw(rng))
        y = noise[30:] + 0.3 * schedule
        covered += [
            horvitz_thompson(design, y, schedule).interval.contains(0.3),
            newey_west(y, schedule).interval.contains(0.3),
        ]
    assert covered[0] / 400 >= 0.91
    assert covered[1] / 400 >= 0.88


@pytest.mark.parametrize(
    ("y", "on", "code"),
    [
        ([1.0, 2.0, 3.0, 4.0], [1, 1, 1, 1], "no_exposure"),
        ([1.0, 2.0, 3.0, 4.0], [0, 0, 1, 1], "too_few_blocks"),
        ([1.0, 2.0, 1.0, 2.0, 1.0], [0, 1, 0, 1, 0], "zero_variance"),
    ],
)
def test_no_newey_west(y, on, code):
    result = newey_west(y, on)
    assert isinstance(result, NotEnoughData)
    assert result.code == code


def test_no_horvitz_thompson():
    design = regular_design(4, block_length=1, carryover=3)
    result = horvitz_thompson(design, [1.0, 2.0, 3.0, 4.0], [0, 1, 0, 1])
    assert isinstance(result, NotEnoughData)
    assert result.code == "no_exposure"
    flat = horvitz_thompson(regular_design(4, block_length=1), [2.0] * 4, [0, 1, 0, 1], baseline=2)
    assert isinstance(flat, NotEnoughData)
    assert flat.code == "zero_variance"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: newey_west([1.0], [0, 1]), "1 outcomes and 2 periods"),
        (lambda: newey_west([1.0, 2.0], [0, 1], lag=2), "lag is 2"),
        (lambda: newey_west([1.0, 2.0], [0, 1], carryover=2), "carryover is 2"),
        (lambda: newey_west([1.0, 2.0], [0, 1], alpha=0), "alpha is 0"),
        (
            lambda: horvitz_thompson(
                regular_design(2, block_length=1), [1.0, 2.0], [0, 1], baseline=math.nan
            ),
            "baseline is nan",
        ),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_schedule_may_be_a_column_of_floats():
    schedule = [0, 0, 1, 1, 0, 0, 1, 1]
    outcomes = [5.0, 6.0, 8.0, 9.0, 9.0, 8.0, 6.0, 5.0]
    assert newey_west(outcomes, [float(on) for on in schedule]) == newey_west(outcomes, schedule)
