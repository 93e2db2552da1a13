from __future__ import annotations

import numpy as np
import pytest

from abtesting.statistics.heterogeneity.effect_projection import project_effects
from abtesting.statistics.types import NotEnoughData


def test_slopes_are_those_of_least_squares_with_hc3_errors():
    rng = np.random.default_rng(1)
    x = rng.normal(50, 10, (200, 2))
    y = 1 + x @ [0.1, -0.05] + rng.normal(size=200) * (1 + np.abs(x[:, 0] - 50) / 10)
    design = np.column_stack([np.ones(200), x])
    inverse = np.linalg.inv(design.T @ design)
    beta = inverse @ design.T @ y
    leverage = ((design @ inverse) * design).sum(axis=1)
    meat = (design * ((y - design @ beta) / (1 - leverage))[:, None] ** 2).T @ design
    errors = np.sqrt((inverse @ meat @ np.linalg.inv(design.T @ design)).diagonal())
    result = project_effects(y, x)
    means = [result.constant, *result.slopes]
    assert [mean.value for mean in means] == pytest.approx(beta, rel=1e-6)
    assert [mean.standard_error for mean in means] == pytest.approx(errors, rel=1e-6)


def test_level_of_the_joint_test():
    rng = np.random.default_rng(2)
    found = [
        project_effects(rng.normal(size=200) * (1 + np.abs(x[:, 0])), x).outcome == "effects_differ"
        for x in rng.normal(size=(1000, 200, 3))
    ]
    assert np.mean(found) == pytest.approx(0.05, abs=0.021)


@pytest.mark.parametrize(
    ("y", "x", "code"),
    [
        (np.arange(15.0), np.arange(15.0)[:, None], "too_few_units"),
        (np.arange(50.0), np.ones((50, 1)), "collinear"),
        (np.arange(50.0) % 7, np.column_stack([np.arange(50.0)] * 2), "collinear"),
        (np.ones(50), (np.arange(50.0) % 7)[:, None], "zero_variance"),
    ],
)
def test_no_result(y, x, code):
    result = project_effects(y, x)
    assert isinstance(result, NotEnoughData)
    assert result.code == code


def test_lengths_must_be_equal():
    with pytest.raises(ValueError, match="2 scores and 1 rows"):
        project_effects([1.0, 2.0], [[1.0]])
