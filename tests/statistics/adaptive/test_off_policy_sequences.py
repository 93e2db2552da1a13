from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from abtesting.statistics.adaptive.off_policy import log_decisions
from abtesting.statistics.adaptive.off_policy_sequences import (
    asymptotic_value_sequence,
    bounded_value_sequence,
)
from abtesting.statistics.boundaries import AlwaysValid
from abtesting.statistics.types import NotEnoughData


def adaptive_log(rng, n=3000, rate=0.1):
    """A bandit that after a third gives 90 % to whichever action looked better."""
    rewards = (rng.random(n) < rate).astype(float)
    first = n // 3
    actions = rng.integers(0, 2, n)
    early = [rewards[:first][actions[:first] == action].mean() for action in (0, 1)]
    share = np.r_[np.full(first, 0.5), np.full(n - first, 0.9 if early[1] > early[0] else 0.1)]
    actions[first:] = rng.random(n - first) < share[first:]
    shares = np.where(actions == 1, share, 1 - share)
    return log_decisions(actions, rewards, propensities=shares, target=[0.0, 1.0])


def test_no_look_at_bandit_data_excludes_the_truth_too_often():
    rng = np.random.default_rng(1)
    logs = [adaptive_log(rng) for _ in range(300)]
    bounded = [bounded_value_sequence(log, planned_num_units=3000) for log in logs]
    assert np.mean([not result.interval.contains(0.1) for result in bounded]) <= 0.05
    asymptotic = [
        asymptotic_value_sequence(log.importance_weights * log.rewards, planned_num_units=3000)
        for log in logs
    ]
    assert np.mean([not result.interval.contains(0.1) for result in asymptotic]) <= 0.08
    widths = [
        np.mean([result.interval.upper - result.interval.lower for result in results])
        for results in (asymptotic, bounded)
    ]
    assert widths[0] < widths[1] < 0.15


def test_more_units_never_widen_the_interval():
    log = adaptive_log(np.random.default_rng(2))
    parts = [
        log_decisions(
            log.actions[:n],
            log.rewards[:n],
            propensities=log.propensities[:n],
            target=log.target[:n],
        )
        for n in (600, 1200, 3000)
    ]
    for intervals in (
        [bounded_value_sequence(part, planned_num_units=3000).interval for part in parts],
        [
            asymptotic_value_sequence(
                part.importance_weights * part.rewards, planned_num_units=3000
            ).interval
            for part in parts
        ],
    ):
        for before, after in pairwise(intervals):
            assert before.lower <= after.lower <= after.upper <= before.upper


def test_turning_rewards_round_turns_the_interval_round():
    log = adaptive_log(np.random.default_rng(3))
    turned = log_decisions(
        log.actions, 1 - log.rewards, propensities=log.propensities, target=log.target
    )
    straight = bounded_value_sequence(log, planned_num_units=3000)
    back = bounded_value_sequence(turned, planned_num_units=3000)
    assert back.interval.lower == pytest.approx(1 - straight.interval.upper)
    assert back.value == pytest.approx(1 - straight.value)


def test_at_its_first_look_the_asymptotic_sequence_is_that_of_the_boundary():
    scores = np.tile([-1.0, 1.0], 5000)
    result = asymptotic_value_sequence(scores, planned_num_units=10_000, first_look=10_000)
    half_width = AlwaysValid(0.05, 10_000).critical(10_000, None) / math.sqrt(10_000)
    # But for the guard, three largest squares on ten thousand.
    assert result.interval.upper == pytest.approx(half_width, rel=5e-4)


def test_the_asymptotic_sequence_keeps_its_digits_far_from_0():
    scores = np.random.default_rng(4).normal(0.0, 1.0, 2000)
    near = asymptotic_value_sequence(scores, planned_num_units=2000)
    far = asymptotic_value_sequence(scores + 1e9, planned_num_units=2000)
    assert far.interval.lower - 1e9 == pytest.approx(near.interval.lower, abs=1e-5)


@pytest.mark.parametrize(
    ("log", "code"),
    [
        (([0], [1.0], [0.5]), "too_few_units"),
        (([0, 0], [1.0, 0.0], [0.5, 0.5]), "no_overlap"),
    ],
)
def test_no_bounded_sequence(log, code):
    actions, rewards, propensities = log
    decisions = log_decisions(actions, rewards, propensities=propensities, target=[0.0, 1.0])
    result = bounded_value_sequence(decisions, planned_num_units=10)
    assert isinstance(result, NotEnoughData)
    assert result.code == code


@pytest.mark.parametrize(
    ("scores", "code"), [(np.arange(100.0), "too_few_units"), (np.ones(900), "zero_variance")]
)
def test_no_asymptotic_sequence(scores, code):
    result = asymptotic_value_sequence(scores, planned_num_units=1000)
    assert isinstance(result, NotEnoughData)
    assert result.code == code


def test_bad_input_is_refused():
    log = log_decisions([0, 1], [0.0, 2.0], propensities=[0.5, 0.5], target=[0.0, 1.0])
    with pytest.raises(ValueError, match=r"rewards\[1\] is 2.0"):
        bounded_value_sequence(log, planned_num_units=10)
    with pytest.raises(ValueError, match="planned_num_units is 0"):
        asymptotic_value_sequence([1.0], planned_num_units=0)
    with pytest.raises(ValueError, match="first_look is 1"):
        asymptotic_value_sequence([1.0], planned_num_units=10, first_look=1)
    with pytest.raises(ValueError, match="alpha is 0"):
        asymptotic_value_sequence([1.0], planned_num_units=10, alpha=0)
