from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from abtesting.statistics.heterogeneity.targeting_checks import (
    best_linear_predictor,
    group_effects,
    rank_weighted_effect,
)
from abtesting.statistics.heterogeneity.treatment_effects import learn_effects
from abtesting.statistics.types import NotEnoughData


def top_minus_bottom(*args, **options):
    result = group_effects(*args, **options)
    return result if isinstance(result, NotEnoughData) else result.top_minus_bottom


CHECKS = [best_linear_predictor, top_minus_bottom, rank_weighted_effect]
each = pytest.mark.parametrize("check", CHECKS, ids=lambda f: f.__name__)


def test_area_by_its_definition():
    rng = np.random.default_rng(1)
    scores, priorities = rng.normal(size=150), rng.normal(size=150)
    ranked = scores[np.argsort(-priorities)]
    curve = [ranked[:k].mean() - ranked.mean() for k in range(1, 151)]
    assert rank_weighted_effect(scores, priorities).value == pytest.approx(np.mean(curve))


def test_error_of_the_area_is_that_of_new_samples():
    rng = np.random.default_rng(2)
    results = []
    for _ in range(800):
        priorities = rng.normal(size=300)
        scores = 1 + 0.5 * priorities + rng.normal(size=300) * (1 + (priorities > 0))
        results.append(rank_weighted_effect(scores, priorities))
    spread = np.std([result.value for result in results])
    assert np.mean([result.standard_error for result in results]) == pytest.approx(spread, rel=0.09)
    # Half of the priority times the weight of its rank, -log(1 - rank) - 1.
    area = integrate.quad(lambda z: -z * stats.norm.logsf(z) * stats.norm.pdf(z), -8, 8)[0]
    truth = 0.5 * area
    covered = [result.interval.contains(truth) for result in results]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.025)


def test_equal_predictions_share_their_rank():
    scores = np.random.default_rng(3).normal(size=100)
    priorities = np.repeat([0.0, 1.0], 50)
    result = rank_weighted_effect(scores, priorities)
    shuffled = np.r_[scores[:50][::-1], scores[50:][::-1]]
    assert rank_weighted_effect(shuffled, priorities).value == pytest.approx(result.value)
    # With two priorities only the difference of their means counts.
    gap = scores[50:].mean() - scores[:50].mean()
    reciprocal = 1 / np.arange(1, 101)
    weight = (np.cumsum(reciprocal[::-1])[::-1] - 1)[:50].mean()
    assert result.value == pytest.approx(gap * weight / 2)


@each
def test_the_order_of_the_units_and_the_scale_do_not_matter(check):
    rng = np.random.default_rng(4)
    priorities = rng.normal(size=400)
    scores = priorities + rng.normal(size=400)
    folds = np.arange(400) % 4
    result = check(scores, priorities, folds=folds)
    order = rng.permutation(400)
    again = check(100 * scores[order] + 7, priorities[order], folds=folds[order])
    assert again.p_value == pytest.approx(result.p_value, rel=1e-6)
    assert again.value == pytest.approx(100 * result.value)


@each
def test_a_ranking_that_works_and_one_that_is_upside_down(check):
    rng = np.random.default_rng(5)
    priorities = rng.normal(size=1000)
    scores = priorities + rng.normal(size=1000)
    assert check(scores, priorities).outcome == "ranking_works"
    worst = check(scores, -priorities)
    assert worst.value < 0
    assert worst.outcome == "no_evidence"
    assert worst.p_value < 1e-6


@each
def test_level_where_effects_do_not_differ(check):
    rng = np.random.default_rng(6)
    found = []
    for _ in range(1000):
        priorities = rng.lognormal(size=900)
        scores = 0.3 + rng.normal(size=900) * (1 + (priorities > 1))
        found.append(check(scores, priorities, folds=np.arange(900) % 3).p_value < 0.05)
    assert np.mean(found) == pytest.approx(0.05, abs=0.021)


@pytest.mark.slow
def test_level_of_the_checks_of_a_learner_that_found_nothing():
    rng = np.random.default_rng(7)
    found = np.zeros(len(CHECKS))
    for _ in range(200):
        x = rng.normal(size=(600, 2))
        arms = rng.integers(0, 2, 600)
        outcomes = x[:, 0] + 0.2 * arms + rng.normal(size=600)
        held_out = learn_effects(x, arms, outcomes, propensities=0.5, rng=rng).held_out
        for i, check in enumerate(CHECKS):
            result = check(held_out.effect_scores, held_out.predictions, folds=held_out.folds)
            found[i] += not isinstance(result, NotEnoughData) and result.p_value < 0.05
    assert (found / 200 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 200)).all()


def test_slope_of_a_perfect_prediction_is_1():
    rng = np.random.default_rng(8)
    predictions = rng.normal(size=5000)
    result = best_linear_predictor(predictions + rng.normal(size=5000), predictions)
    assert result.interval.contains(1.0)
    assert result.standard_error == pytest.approx(1 / math.sqrt(5000), rel=0.1)


def test_groups_are_averages_by_rank_within_folds():
    scores = np.arange(200.0)
    # In the second fold the same ranks stand on much larger predictions.
    predictions, folds = (
        np.arange(200.0) % 100 + 1000 * (np.arange(200) >= 100),
        np.arange(200) // 100,
    )
    result = group_effects(scores, predictions, folds=folds, num_groups=2)
    assert [group.value for group in result.groups] == pytest.approx([74.5, 124.5])
    assert result.top_minus_bottom.value == pytest.approx(50.0)
    assert [group.num_units for group in result.groups] == [100, 100]


@each
def test_no_ranking(check):
    scores = np.random.default_rng(9).normal(size=300)
    result = check(scores, np.ones(300))
    assert isinstance(result, NotEnoughData)
    assert result.code == "constant_predictions"
    few = check(scores[:10], scores[:10])
    assert isinstance(few, NotEnoughData)
    assert few.code == "too_few_units"


def test_predicted_effects_that_hardly_differ_have_no_slope():
    rng = np.random.default_rng(10)
    result = best_linear_predictor(rng.normal(size=500), 1e-9 * rng.normal(size=500))
    assert isinstance(result, NotEnoughData)
    assert result.code == "constant_predictions"


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="2 scores, 1 predictions and 2 folds"):
        best_linear_predictor([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="num_groups is 1"):
        group_effects([1.0], [1.0], num_groups=1)
    with pytest.raises(ValueError, match="alpha is 2"):
        rank_weighted_effect([1.0], [1.0], alpha=2)


@pytest.mark.parametrize("check", [best_linear_predictor, rank_weighted_effect, group_effects])
def test_scores_of_both_arms_are_told_where_those_of_the_effect_are(check):
    with pytest.raises(ValueError, match=r"scores has shape \(200, 2\); .*held_out.effect_scores"):
        check(np.zeros((200, 2)), np.zeros(200))
