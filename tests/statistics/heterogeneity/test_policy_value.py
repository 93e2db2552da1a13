from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from abtesting.statistics.heterogeneity.policy_value import compare_policies, policy_value
from abtesting.statistics.types import NotEnoughData


def scores(rng, n=1000, slope=1.0):
    x = rng.normal(size=n)
    return np.column_stack([rng.normal(size=n), 0.1 + slope * x + rng.normal(size=n)]), x


def test_values_and_paired_differences_by_hand():
    pair, x = scores(np.random.default_rng(1))
    result = policy_value(pair, x > 0)
    policy = np.where(x > 0, pair[:, 1], pair[:, 0])
    assert result.value.value == pytest.approx(policy.mean())
    assert result.treat_all.value == pytest.approx(pair[:, 1].mean())
    assert result.treat_none.value == pytest.approx(pair[:, 0].mean())
    test = stats.ttest_rel(policy, pair[:, 1])
    assert result.over_all.value / result.over_all.standard_error == pytest.approx(test.statistic)
    assert result.treated_share == pytest.approx((x > 0).mean())
    assert result.outcome == "targeting_pays"


def test_a_policy_must_beat_both():
    pair, x = scores(np.random.default_rng(2), slope=0.0)
    # Targeting beats one of the two for certain, not the better one.
    result = policy_value(pair + np.array([0.0, 1.0]), x > -1)
    assert result.over_none.p_value < 1e-6
    assert result.outcome == "no_evidence"
    assert result.p_value > 0.5


def test_treating_everybody_is_no_targeting():
    pair, _ = scores(np.random.default_rng(3))
    result = policy_value(pair, np.ones(1000, dtype=bool))
    assert result.over_all is None
    assert result.over_none is not None
    assert result.outcome == "no_evidence"


def test_probabilities_are_mixtures():
    pair, _ = scores(np.random.default_rng(4))
    result = policy_value(pair, np.full(1000, 0.25))
    expected = 0.75 * pair[:, 0].mean() + 0.25 * pair[:, 1].mean()
    assert result.value.value == pytest.approx(expected)


def test_level_where_targeting_is_worth_nothing():
    rng = np.random.default_rng(5)
    found = 0
    for _ in range(1500):
        x = rng.normal(size=200)
        pair = rng.normal(size=(200, 2))
        found += policy_value(pair, x > 0).outcome == "targeting_pays"
    assert found / 1500 <= 0.05


def test_two_policies():
    rng = np.random.default_rng(6)
    table = rng.normal(size=(500, 3)) + np.array([0.0, 0.5, 1.0])
    result = compare_policies(table, [0, 0, 1], [1, 0, 0])
    assert result.value == pytest.approx((table[:, 2] - table[:, 0]).mean())
    back = compare_policies(table, [1, 0, 0], [0, 0, 1])
    assert back.value == pytest.approx(-result.value)
    assert back.p_value == pytest.approx(result.p_value)
    same = compare_policies(table, [1, 0, 0], [1, 0, 0])
    assert isinstance(same, NotEnoughData)
    assert same.code == "zero_variance"


def test_no_result():
    result = policy_value([[1.0, 2.0]], [True])
    assert isinstance(result, NotEnoughData)
    assert result.code == "too_few_units"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: policy_value([[1.0]], [True]), "scores has 1 columns"),
        (lambda: policy_value([[1.0, 2.0]], [True, False]), "1 scores and 2 units"),
        (lambda: policy_value([[1.0, 2.0]], [2.0]), "from 0 to 1"),
        (lambda: compare_policies([[1.0, 2.0]], [1.0, 0.0, 0.0], [1, 0]), "candidate has 3"),
        (lambda: compare_policies([[1.0, 2.0]], [0.5, 0.6], [1, 0]), "sum to 1"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
