from __future__ import annotations

import numpy as np
import pytest

from abtesting.statistics.adjustment.crossfit import Ridge, assign_folds, cross_fit
from abtesting.statistics.adjustment.regression import compare_adjusted_means
from abtesting.statistics.boundaries import FixedHorizon
from abtesting.statistics.moments import Moments

FIXED = FixedHorizon(0.05)


def test_folds_are_balanced_and_keep_a_unit_together():
    rng = np.random.default_rng(1)
    units = rng.integers(0, 103, size=1_000)
    folds = assign_folds(1_000, rng=rng, units=units, num_folds=5)
    assert all(len(np.unique(folds[units == unit])) == 1 for unit in np.unique(units))
    sizes = [len(np.unique(units[folds == fold])) for fold in range(5)]
    assert max(sizes) - min(sizes) <= 1


def test_same_seed_same_predictions():
    rng = np.random.default_rng(2)
    features, outcomes = rng.normal(size=(100, 4)), rng.normal(size=100)
    first, second = (
        cross_fit(features, outcomes, rng=np.random.default_rng(5)).predictions for _ in range(2)
    )
    assert (first == second).all()


def test_no_unit_predicts_itself():
    """A learner that remembers what it saw finds none of the units it is asked about."""

    class Memory:
        def fit(self, features, outcomes):
            self.seen = set(features[:, 0])
            return self

        def predict(self, features):
            assert not self.seen & set(features[:, 0])
            return np.zeros(len(features))

    result = cross_fit(
        np.repeat(np.arange(40.0), 2),
        np.arange(80.0),
        rng=np.random.default_rng(3),
        units=np.repeat(np.arange(40), 2),
        learner=Memory(),
    )
    assert result.r_squared < 0


def test_noise_is_not_predicted():
    rng = np.random.default_rng(4)
    result = cross_fit(rng.normal(size=(300, 100)), rng.normal(size=300), rng=rng)
    assert result.r_squared < 0.05


def test_ridge_finds_a_line_and_ignores_constants():
    rng = np.random.default_rng(5)
    features = np.column_stack([rng.normal(size=(200, 2)), np.full(200, 7.0)])
    model = Ridge().fit(features, 3 + features[:, 0] - 2 * features[:, 1])
    assert model.constant == pytest.approx(3, abs=0.01)
    assert model.coefficients == pytest.approx((1, -2, 0), abs=0.01)


def test_ridge_does_not_depend_on_units_of_measurement():
    rng = np.random.default_rng(6)
    features, outcomes = rng.normal(size=(50, 3)), rng.normal(size=50)
    one = Ridge().fit(features, outcomes).predict(features)
    other = (
        Ridge().fit(features * [1e6, 1e-6, 1] + 5, outcomes).predict(features * [1e6, 1e-6, 1] + 5)
    )
    assert other == pytest.approx(one, rel=1e-5, abs=1e-6)


def test_ridge_copes_with_more_features_than_units():
    rng = np.random.default_rng(7)
    model = Ridge().fit(rng.normal(size=(20, 50)), rng.normal(size=20))
    assert np.isfinite(model.predict(rng.normal(size=(5, 50)))).all()


def test_predictions_as_a_covariate_take_the_noise_away():
    rng = np.random.default_rng(8)
    reductions, rejections, experiments = [], 0, 300
    for _ in range(experiments):
        features = rng.normal(size=(300, 8))
        outcomes = features @ np.linspace(0.2, 0.9, 8) + rng.normal(size=300)
        predictions = cross_fit(features, outcomes, rng=rng, num_folds=3).predictions
        table = np.column_stack([outcomes, predictions])
        result = compare_adjusted_means(
            Moments.from_array(table[:150]), Moments.from_array(table[150:]), boundary=FIXED
        )
        reductions.append(result.variance_reduction)
        rejections += result.effect.is_significant
    explained = np.sum(np.linspace(0.2, 0.9, 8) ** 2)
    assert np.mean(reductions) == pytest.approx(explained / (1 + explained), abs=0.03)
    assert rejections / experiments < 0.05 + 3 * np.sqrt(0.05 * 0.95 / experiments)


def test_too_few_units():
    rng = np.random.default_rng(9)
    assert cross_fit(np.zeros(5), np.zeros(5), rng=rng).code == "too_few_units"
    assert cross_fit(np.zeros((0, 2)), np.zeros(0), rng=rng).code == "too_few_units"
    units = np.repeat(np.arange(4), 10)
    assert cross_fit(np.zeros(40), np.zeros(40), rng=rng, units=units).code == "too_few_units"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": np.zeros(3)}, "features has shape"),
        ({"outcomes": np.zeros((40, 2))}, "outcomes has 2 dimensions"),
        ({"outcomes": np.full(40, np.nan)}, r"outcomes\[0\] is nan"),
        ({"units": [1, 2]}, "units has shape"),
        ({"num_folds": 1}, "num_folds is 1"),
    ],
)
def test_bad_input(change, message):
    arguments = {
        "features": np.zeros((40, 2)),
        "outcomes": np.zeros(40),
        "rng": np.random.default_rng(1),
    } | change
    with pytest.raises(ValueError, match=message):
        cross_fit(arguments.pop("features"), arguments.pop("outcomes"), **arguments)


def test_bad_learner():
    class Wrong:
        def fit(self, features, outcomes):
            return self

        def predict(self, features):
            return np.full(len(features), np.nan)

    with pytest.raises(ValueError, match="the learner's predictions"):
        cross_fit(np.zeros(40), np.zeros(40), rng=np.random.default_rng(1), learner=Wrong())
    with pytest.raises(ValueError, match="penalties are"):
        Ridge(penalties=(0.0,))
