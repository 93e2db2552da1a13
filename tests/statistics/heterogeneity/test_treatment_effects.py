from __future__ import annotations

import numpy as np
import pytest

from abtesting.statistics.adaptive.doubly_robust import mean_of_scores
from abtesting.statistics.adjustment.crossfit import Ridge
from abtesting.statistics.heterogeneity.learners import Polynomial
from abtesting.statistics.heterogeneity.treatment_effects import learn_effects
from abtesting.statistics.types import NotEnoughData


def experiment(rng, n=3000, slope=0.5, share=0.5):
    x = rng.normal(size=(n, 2))
    arms = (rng.random(n) < share).astype(int)
    outcomes = x[:, 0] + x[:, 1] ** 2 + arms * (0.2 + slope * x[:, 1]) + rng.normal(size=n)
    return x, arms, outcomes


def learn(rng, data, **options):
    x, arms, outcomes = data
    options = {"propensities": 0.5, "rng": rng} | options
    return learn_effects(x, arms, outcomes, **options)


def test_the_effects_are_found():
    rng = np.random.default_rng(1)
    learned = learn(rng, experiment(rng, 6000))
    grid = np.array([[0.0, -1.0], [0.0, 0.0], [0.0, 1.0]])
    assert learned.model.predict(grid) == pytest.approx([-0.3, 0.2, 0.7], abs=0.15)
    assert learned.average.interval.contains(0.2)
    assert (learned.method, learned.average.method) == ("dr_learner", "aipw")


def test_the_average_is_sharper_than_the_difference_of_means():
    rng = np.random.default_rng(2)
    x, arms, outcomes = experiment(rng)
    learned = learn(rng, (x, arms, outcomes))
    plain = np.sqrt(sum(outcomes[arms == k].var(ddof=1) / (arms == k).sum() for k in (0, 1)))
    assert learned.average.standard_error < 0.75 * plain


def test_the_average_covers_the_truth():
    rng = np.random.default_rng(3)
    covered = [
        learn(
            rng, experiment(rng, 300, share=0.3), propensities=0.3, num_folds=3
        ).average.interval.contains(0.2)
        for _ in range(150)
    ]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.055)


def test_propensities_may_differ_between_units():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(4000, 2))
    shares = np.where(x[:, 0] > 0, 0.8, 0.3)
    arms = (rng.random(4000) < shares).astype(int)
    outcomes = 3 * x[:, 0] + 0.2 * arms + rng.normal(size=4000)
    learned = learn(rng, (x, arms, outcomes), propensities=shares)
    assert learned.average.interval.contains(0.2)
    assert learned.average.standard_error < 0.06


def test_a_held_out_prediction_has_seen_earlier_folds_only():
    x, arms, outcomes = experiment(np.random.default_rng(5), 600)
    first = learn(np.random.default_rng(6), (x, arms, outcomes))
    held_out = first.held_out
    last = held_out.units[held_out.folds == 4]
    changed = outcomes.copy()
    changed[last] += 100
    second = learn(np.random.default_rng(6), (x, arms, changed)).held_out
    assert np.array_equal(second.predictions, held_out.predictions)
    earlier = held_out.folds < 4
    assert np.array_equal(second.scores[earlier], held_out.scores[earlier])
    assert set(held_out.folds) == {1, 2, 3, 4}


def test_held_out_scores_are_unbiased():
    rng = np.random.default_rng(7)
    held_out = learn(rng, experiment(rng)).held_out
    assert mean_of_scores(held_out.effect_scores, alpha=0.002).interval.contains(0.2)
    assert np.corrcoef(held_out.predictions, held_out.effect_scores)[0, 1] > 0.1


def test_any_learner_will_do():
    rng = np.random.default_rng(8)
    learned = learn(rng, experiment(rng), learner=Ridge())
    assert learned.model.predict(np.array([[0.0, 1.0]])) == pytest.approx([0.7], abs=0.2)


def test_a_constant_feature_says_nothing():
    x = np.column_stack([np.ones(50), np.linspace(-1, 1, 50)])
    model = Polynomial(degree=3).fit(x, x[:, 1] ** 3)
    assert model.predict(np.array([[99.0, 0.5]])) == pytest.approx([0.125], abs=0.01)


def test_too_few_units():
    result = learn(np.random.default_rng(9), experiment(np.random.default_rng(9), 60))
    assert isinstance(result, NotEnoughData)
    assert result.code == "too_few_units"


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (([[1.0]], [0, 1], [1.0]), {}, "1 rows of features, 2 arms and 1 outcomes"),
        (([[1.0]], [2], [1.0]), {}, r"arms\[0\] is 2"),
        (([[np.nan]], [1], [1.0]), {}, r"features\[0\]"),
        (([[]], [1], [1.0]), {}, "no column"),
        (([[1.0]], [1], [1.0]), {"propensities": 1.0}, "between 0 and 1"),
        (([[1.0]], [1], [1.0]), {"num_folds": 2}, "num_folds is 2"),
    ],
)
def test_bad_input_is_refused(data, options, message):
    with pytest.raises(ValueError, match=message):
        learn(np.random.default_rng(1), data, **options)


def test_a_degree_below_1_is_refused():
    with pytest.raises(ValueError, match="degree is 0"):
        Polynomial(degree=0)
