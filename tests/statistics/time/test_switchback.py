from __future__ import annotations

import math

import numpy as np
import pytest

from abtesting.statistics.time.switchback import (
    SwitchbackDesign,
    exposed,
    minimax_design,
    randomisation_test,
    regular_design,
)
from abtesting.statistics.types import NotEnoughData


def autocorrelated(rng, num_periods, phi=0.5):
    noise = rng.standard_normal(num_periods + 30)
    for t in range(1, len(noise)):
        noise[t] += phi * noise[t - 1]
    return 10 + noise[30:]


def test_minimax_design_has_long_ends():
    design = minimax_design(24, carryover=3)
    assert np.diff([*design.block_starts, 24]).tolist() == [6, 3, 3, 3, 3, 6]
    assert minimax_design(5, carryover=0).block_starts == (0, 1, 2, 3, 4)
    assert np.diff([*minimax_design(26, carryover=3).block_starts, 26]).tolist() == [
        6, 3, 3, 3, 3, 8,
    ]  # fmt: skip


def test_a_schedule_keeps_to_its_blocks_and_both_variants_come_equally_often():
    design = regular_design(14, block_length=4)
    rng = np.random.default_rng(1)
    schedules = np.array([design.draw(rng) for _ in range(2000)])
    assert (np.diff(schedules, axis=1) != 0).any(axis=0).nonzero()[0].tolist() == [3, 7, 11]
    assert schedules.mean(axis=0) == pytest.approx([0.5] * 14, abs=0.04)


def test_exposure_needs_all_periods_before():
    on = np.array([[1, 1, 1, 0, 1, 1, 1, 1]]) == 1
    assert exposed(on, 2)[0].nonzero()[0].tolist() == [2, 6, 7]
    assert exposed(~on, 0)[0].nonzero()[0].tolist() == [3]
    assert exposed(~on, 1)[0].nonzero()[0].tolist() == []


def test_difference_of_the_periods_that_count():
    design = regular_design(12, block_length=3, carryover=1)
    outcomes = np.arange(12.0) ** 2
    schedule = [0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0]
    result = randomisation_test(design, outcomes, schedule, rng=np.random.default_rng(1), alpha=0.5)
    expected = outcomes[[4, 5, 6, 7, 8]].mean() - outcomes[[1, 2, 10, 11]].mean()
    assert result.difference == pytest.approx(expected)
    assert result.num_periods == 9
    assert result.is_exact
    assert result.num_schedules == 16


def test_exact_p_value_by_hand():
    """With 1 period a block the statistic is the plain difference over all 2^6 coins."""
    outcomes = np.array([1.0, 4.0, 2.0, 8.0, 5.0, 7.0])
    schedule = np.array([0, 0, 0, 1, 1, 1])
    design = regular_design(6, block_length=1)
    result = randomisation_test(design, outcomes, schedule, rng=np.random.default_rng(1))
    count = 0
    for number in range(64):
        on = (number >> np.arange(6)) & 1 == 1
        if 0 < on.sum() < 6:
            count += abs(outcomes[on].mean() - outcomes[~on].mean()) >= 13 / 3 - 1e-9
    assert result.p_value == count / 64


def test_drawn_schedules_give_nearly_the_exact_p_value():
    rng = np.random.default_rng(2)
    design = regular_design(24, block_length=2)
    schedule = design.draw(rng)
    outcomes = autocorrelated(rng, 24) + 0.8 * np.array(schedule)
    exact = randomisation_test(design, outcomes, schedule, rng=rng)
    # The same coins, one of them without an effect on any period that counts.
    longer = regular_design(26, block_length=2)
    coins = rng.integers(0, 2, (20_000, 13))
    assert exact.is_exact
    drawn = randomisation_test(
        longer, np.r_[outcomes, outcomes[-2:]], (*schedule, 0, 0), rng=rng, num_draws=len(coins)
    )
    assert not drawn.is_exact
    assert drawn.num_schedules == 20_001


def test_swapping_the_variants_turns_the_sign():
    rng = np.random.default_rng(3)
    design = regular_design(40, block_length=4, carryover=1)
    schedule = np.array(design.draw(rng))
    outcomes = autocorrelated(rng, 40)
    forth = randomisation_test(design, outcomes, schedule, rng=rng)
    back = randomisation_test(design, 1000 * outcomes - 5, 1 - schedule, rng=rng)
    assert back.difference == pytest.approx(-1000 * forth.difference)
    assert back.p_value == forth.p_value


@pytest.mark.parametrize(("blocks", "carryover"), [(8, 0), (16, 1)])
def test_level_with_correlated_periods(blocks, carryover):
    rng = np.random.default_rng(4)
    design = regular_design(4 * blocks, block_length=4, carryover=carryover)
    found = 0
    for _ in range(600):
        result = randomisation_test(
            design, autocorrelated(rng, 4 * blocks), design.draw(rng), rng=rng, num_draws=199
        )
        found += not isinstance(result, NotEnoughData) and result.is_significant
    assert found / 600 == pytest.approx(0.05, abs=3 * math.sqrt(0.05 * 0.95 / 600))


def test_an_effect_is_found():
    rng = np.random.default_rng(5)
    design = regular_design(192, block_length=4, carryover=1)
    schedule = design.draw(rng)
    result = randomisation_test(
        design, autocorrelated(rng, 192) + 1.5 * np.array(schedule), schedule, rng=rng
    )
    assert result.is_significant


@pytest.mark.parametrize(
    ("design", "outcomes", "schedule", "code"),
    [
        (regular_design(12, block_length=2), np.arange(12.0), [1] * 12, "no_exposure"),
        (regular_design(12, block_length=1), np.ones(12), [0, 1] * 6, "zero_variance"),
        (regular_design(4, block_length=1), np.arange(4.0), [0, 1] * 2, "too_few_blocks"),
    ],
)
def test_no_result(design, outcomes, schedule, code):
    result = randomisation_test(design, outcomes, schedule, rng=np.random.default_rng(1))
    assert isinstance(result, NotEnoughData)
    assert result.code == code


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: regular_design(4, block_length=0), "block_length is 0"),
        (lambda: minimax_design(8, carryover=3), "at least 12"),
        (lambda: minimax_design(8, carryover=-1), "carryover is -1"),
        (lambda: regular_design(4, block_length=2, carryover=4), "carryover is 4"),
        (
            lambda: SwitchbackDesign(num_periods=4, block_starts=(1, 2), carryover=0),
            "the first must be 0",
        ),
        (
            lambda: SwitchbackDesign(num_periods=4, block_starts=(0, 2, 2), carryover=0),
            "must increase",
        ),
        (
            lambda: SwitchbackDesign(num_periods=4, block_starts=(0, 4), carryover=0),
            "below num_periods",
        ),
    ],
)
def test_bad_designs_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("outcomes", "schedule", "message"),
    [
        ([1.0, 2.0, 3.0], [0, 0, 1, 1], "3 outcomes and 4 periods"),
        ([1.0, 2.0, 3.0, 4.0], [0, 1, 1, 1], r"schedule\[1\] switches the variant inside a block"),
        ([1.0, 2.0, 3.0, math.nan], [0, 0, 1, 1], r"outcomes\[3\] is nan"),
        ([1.0, 2.0, 3.0, 4.0], [0, 0, 2, 2], r"schedule\[2\] is 2"),
    ],
)
def test_bad_data_are_refused(outcomes, schedule, message):
    design = regular_design(4, block_length=2)
    with pytest.raises(ValueError, match=message):
        randomisation_test(design, outcomes, schedule, rng=np.random.default_rng(1))


def test_draws_must_be_some():
    design = regular_design(4, block_length=2)
    with pytest.raises(ValueError, match="num_draws is 0"):
        randomisation_test(
            design, [1, 2, 3, 4], [0, 0, 1, 1], rng=np.random.default_rng(1), num_draws=0
        )
