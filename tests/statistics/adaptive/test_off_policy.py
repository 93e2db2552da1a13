from __future__ import annotations

import math

import numpy as np
import pytest

from abtesting.statistics.adaptive.off_policy import (
    diagnose_weights,
    direct_method,
    doubly_robust,
    inverse_propensity,
    log_decisions,
    self_normalised,
    switch_estimator,
)
from abtesting.statistics.types import NotEnoughData


def logged(rng, n=4000, noise=1.0):
    """Rewards of x * action; the log likes action 0, the target takes 1 where x > 0."""
    x = rng.uniform(-1, 1.4, n)
    shares = np.column_stack([0.7 + 0 * x, 0.3 + 0 * x])
    actions = (rng.random(n) < 0.3).astype(int)
    rewards = 0.192 + x * actions + noise * rng.normal(size=n)
    target = np.column_stack([x <= 0, x > 0]).astype(float)
    log = log_decisions(actions, rewards, propensities=shares, target=target)
    return log, np.column_stack([0 * x + 0.192, 0.192 + x])


ESTIMATORS = {
    "ips": lambda log, model: inverse_propensity(log),
    "snips": lambda log, model: self_normalised(log),
    "direct": direct_method,
    "doubly_robust": doubly_robust,
    "switch": lambda log, model: switch_estimator(log, model, max_weight=2.0),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimates_and_their_errors(name):
    rng = np.random.default_rng(7)
    results = [ESTIMATORS[name](*logged(rng, 800)) for _ in range(400)]
    assert {result.method for result in results} == {name}
    values = np.array([result.value for result in results])
    # E[x; x > 0] + 0.192 = 1.4^2 / 2 / 2.4 + 0.192.
    truth = 1.4**2 / 2 / 2.4 + 0.192
    assert values.mean() == pytest.approx(truth, abs=4 * values.std() / 20)
    errors = np.array([result.standard_error for result in results])
    assert errors.mean() == pytest.approx(values.std(), rel=0.12)
    covered = np.mean([result.interval.contains(truth) for result in results])
    assert covered == pytest.approx(0.95, abs=0.035)


def test_less_noise_in_the_order_of_the_textbook():
    log, model = logged(np.random.default_rng(8), noise=0.3)
    errors = {name: estimate(log, model).standard_error for name, estimate in ESTIMATORS.items()}
    assert errors["direct"] < errors["switch"] <= errors["doubly_robust"] < errors["snips"]
    assert errors["snips"] < errors["ips"]


def test_a_wrong_model_misleads_the_direct_method_and_not_the_doubly_robust_one():
    log, model = logged(np.random.default_rng(9))
    truth = 1.4**2 / 2 / 2.4 + 0.192
    assert not direct_method(log, model + 5).interval.contains(truth)
    assert doubly_robust(log, model + 5).interval.contains(truth)
    assert direct_method(log, model).warnings == ("model_error_not_included",)


def test_switch_lies_between_direct_and_doubly_robust():
    log, model = logged(np.random.default_rng(10))
    ends = switch_estimator(log, model, max_weight=0.0), switch_estimator(log, model, max_weight=99)
    assert ends[0].value == direct_method(log, model).value
    assert ends[1].value == doubly_robust(log, model).value
    assert ends[0].warnings == ("model_error_not_included",)
    assert ends[1].warnings == ()


def test_self_normalised_moves_with_a_constant_and_stays_in_the_range():
    log, _ = logged(np.random.default_rng(11))
    moved = log_decisions(
        log.actions, log.rewards + 100, propensities=log.propensities, target=log.target
    )
    assert self_normalised(moved).value == pytest.approx(self_normalised(log).value + 100)
    assert self_normalised(moved).standard_error == pytest.approx(
        self_normalised(log).standard_error
    )
    assert log.rewards.min() <= self_normalised(log).value <= log.rewards.max()


def test_the_policy_that_ran_has_weights_of_1():
    rng = np.random.default_rng(12)
    rewards = rng.normal(size=500)
    log = log_decisions(
        rng.integers(0, 2, 500), rewards, propensities=[0.5] * 500, target=[0.5, 0.5]
    )
    result = inverse_propensity(log)
    assert result.value == pytest.approx(rewards.mean())
    assert result.weights.effective_sample_size == pytest.approx(500)
    assert result.weights.mean_p_value == 1.0
    assert result.warnings == ()


def test_wrong_propensities_are_noticed():
    rng = np.random.default_rng(13)
    actions = (rng.random(5000) < 0.4).astype(int)
    log = log_decisions(
        actions, rng.normal(size=5000), propensities=np.where(actions, 0.5, 0.5), target=[0.0, 1.0]
    )
    assert "mean_weight_not_1" in inverse_propensity(log).warnings
    # As the other action shows too.
    other = log_decisions(
        actions, log.rewards, propensities=np.where(actions, 0.4, 0.6), target=[0.0, 1.0]
    )
    assert inverse_propensity(other).warnings == ()


def test_a_handful_of_large_weights_is_noticed():
    weights = np.zeros(5000)
    weights[:3] = 1600.0
    result = diagnose_weights(weights)
    assert result.effective_sample_size == pytest.approx(3.0)
    assert result.max_weight == 1600.0
    assert "few_effective_units" in result.warnings


@pytest.mark.parametrize("estimate", [inverse_propensity, self_normalised])
def test_no_overlap(estimate):
    log = log_decisions([0, 0], [1.0, 2.0], propensities=[0.5, 0.5], target=[0.0, 1.0])
    result = estimate(log)
    assert isinstance(result, NotEnoughData)
    assert result.code == "no_overlap"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"actions": [0]}, "1 actions, 2 rewards and 2 propensities"),
        ({"actions": [0, 3]}, r"actions\[1\] is 3"),
        ({"rewards": [1.0, math.nan]}, r"rewards\[1\] is nan"),
        ({"propensities": [0.5, 0.0]}, r"propensities\[1\] is 0.0"),
        ({"propensities": [0.5, 1.5]}, r"propensities\[1\] is 1.5"),
        ({"propensities": [[0.5, 0.6]] * 2}, "sum to 1"),
        ({"propensities": [[0.5, 0.3, 0.2]] * 2}, "the same actions"),
        ({"target": [0.5, 0.6]}, "sum to 1"),
        ({"target": [-0.5, 1.5]}, "at least 0"),
        ({"target": [[0.5, 0.5]] * 3}, "target has 3 rows"),
    ],
)
def test_bad_input_is_refused(changes, message):
    given = {
        "actions": [0, 1],
        "rewards": [1.0, 2.0],
        "propensities": [0.5, 0.5],
        "target": [0.5, 0.5],
    } | changes
    with pytest.raises(ValueError, match=message):
        log_decisions(
            given["actions"],
            given["rewards"],
            propensities=given["propensities"],
            target=given["target"],
        )


def test_predictions_and_weights_must_fit():
    log, model = logged(np.random.default_rng(14), 50)
    with pytest.raises(ValueError, match=r"predictions has shape \(50, 1\)"):
        doubly_robust(log, model[:, :1])
    with pytest.raises(ValueError, match="max_weight is -1"):
        switch_estimator(log, model, max_weight=-1)
    with pytest.raises(ValueError, match="at least 0"):
        diagnose_weights([1.0, -1.0])
