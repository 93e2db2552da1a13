from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from abtesting.statistics.adaptive.doubly_robust import arm_scores, mean_of_scores
from abtesting.statistics.types import NotEnoughData


def test_scores_are_unbiased_whatever_the_model():
    rng = np.random.default_rng(1)
    n = 40_000
    x = rng.normal(size=n)
    shares = np.column_stack([0.2 + 0.6 * (x > 0), 0.8 - 0.6 * (x > 0)])
    arms = (rng.random(n) < shares[:, 1]).astype(int)
    outcomes = x + arms * (1 + x) + rng.normal(size=n)
    for predictions in (
        None,
        np.zeros((n, 2)),
        np.column_stack([x, 1 + 2 * x]),
        np.full((n, 2), 9),
    ):
        scores = arm_scores(outcomes, arms, shares, predictions=predictions)
        for arm, truth in enumerate((0.0, 1.0)):
            result = mean_of_scores(scores[:, arm])
            assert abs(result.value - truth) < 3.5 * result.standard_error


def test_a_better_model_has_less_noise():
    rng = np.random.default_rng(2)
    x, arms = rng.normal(size=5000), rng.integers(0, 2, 5000)
    outcomes = 5 + 2 * x + rng.normal(size=5000)
    plain, modelled = (
        mean_of_scores(arm_scores(outcomes, arms, [0.5, 0.5], predictions=p)[:, 1])
        for p in (None, np.column_stack([5 + 2 * x] * 2))
    )
    assert modelled.standard_error < plain.standard_error / 2


def test_one_row_of_propensities_stands_for_all():
    scores = arm_scores([1.0, 2.0, 3.0], [0, 2, 1], [0.5, 0.2, 0.3])
    assert scores == pytest.approx(np.array([[2, 0, 0], [0, 0, 2 / 0.3], [0, 15, 0]]))


def test_mean_is_the_one_sample_z_test():
    values = np.random.default_rng(3).normal(0.2, 1.0, 50)
    result = mean_of_scores(values, alpha=0.1)
    error = values.std(ddof=1) / math.sqrt(50)
    assert result.standard_error == pytest.approx(error)
    assert result.p_value == pytest.approx(2 * stats.norm.sf(abs(values.mean()) / error))
    assert (result.interval.lower, result.interval.upper) == pytest.approx(
        stats.norm.interval(0.9, values.mean(), error)
    )


def test_a_far_mean_keeps_a_p_value_above_0():
    result = mean_of_scores(np.random.default_rng(4).normal(1.0, 1.0, 1300))
    assert 0 < result.p_value < 1e-200


@pytest.mark.parametrize(
    ("scores", "code"), [([1.0], "too_few_units"), ([2.0] * 9, "zero_variance")]
)
def test_no_result(scores, code):
    result = mean_of_scores(scores)
    assert isinstance(result, NotEnoughData)
    assert result.code == code


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (([1.0, math.inf], [0, 1], [0.5, 0.5]), r"outcomes\[1\] is inf"),
        (([[1.0]], [0], [0.5, 0.5]), "outcomes has 2 dimensions"),
        (([1.0], [2], [0.5, 0.5]), r"arms\[0\] is 2"),
        (([1.0], [0.5], [0.5, 0.5]), r"arms\[0\] is 0.5; it must be an integer from 0 to 1"),
        (([1.0], [math.nan], [0.5, 0.5]), r"arms\[0\] is nan; it must be an integer"),
        (([1.0], ["a"], [0.5, 0.5]), "must hold integers"),
        (([1.0], [[0]], [0.5, 0.5]), "arms has 2 dimensions"),
        (([1.0, 2.0], [0], [0.5, 0.5]), "outcomes has 2 units and arms 1"),
        (([1.0], [0], [0.5, 0.6]), "sum to 1"),
        (([1.0], [0], [1.0, 0.0]), "each must be above 0"),
        (([1.0], [0], [[0.5, 0.5]] * 2), "propensities has 2 rows"),
    ],
)
def test_bad_input_is_refused(args, message):
    with pytest.raises(ValueError, match=message):
        arm_scores(*args)


def test_predictions_must_fit():
    with pytest.raises(ValueError, match=r"predictions has shape \(1, 3\)"):
        arm_scores([1.0], [0], [0.5, 0.5], predictions=[[1.0, 2.0, 3.0]])


def test_alpha_must_be_a_level():
    with pytest.raises(ValueError, match=r"alpha is 1\.0"):
        mean_of_scores([1.0, 2.0], alpha=1.0)


@pytest.mark.parametrize("arms", [[0.0, 1.0], [False, True], np.array([0, 1], dtype=np.int8)])
def test_arms_may_be_any_whole_numbers(arms):
    expected = arm_scores([3.0, 5.0], [0, 1], [0.5, 0.5])
    assert np.array_equal(arm_scores([3.0, 5.0], arms, [0.5, 0.5]), expected)
