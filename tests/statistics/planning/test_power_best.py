from __future__ import annotations

import math

import numpy as np
import pytest

from abtesting.statistics.planning.power_best import plan_best_variant


@pytest.mark.parametrize(
    ("num_variants", "power", "distance"),
    [
        (2, 0.90, 1.8124),
        (2, 0.95, 2.3262),
        (2, 0.99, 3.2900),
        (3, 0.90, 2.2302),
        (3, 0.95, 2.7101),
        (4, 0.90, 2.4516),
        (4, 0.95, 2.9162),
        (5, 0.95, 3.0552),
    ],
)
def test_table_of_bechhofer(num_variants, power, distance):
    """Table I of Bechhofer (1954): sqrt(n) times the lead over the standard deviation."""
    plan = plan_best_variant(num_variants, variance=4.0, lead=0.02, power=power)
    found = math.sqrt(plan.exact_total / num_variants) * 0.02 / 2
    assert found == pytest.approx(distance, abs=1e-4)


def test_simulated_choice_of_the_best():
    plan = plan_best_variant(4, variance=2.0, lead=0.2, power=0.85)
    rng = np.random.default_rng(1)
    error = math.sqrt(2.0 / plan.units_per_variant)
    means = rng.normal([1.0, 1.0, 1.2, 1.0], error, (20_000, 4))
    assert (means.argmax(axis=1) == 2).mean() == pytest.approx(0.85, abs=3 * 0.0025)


def test_round_trip():
    plan = plan_best_variant(3, variance=2.0, lead=0.1, power=0.9)
    again = plan_best_variant(3, variance=2.0, lead=0.1, num_units=plan.exact_total)
    assert again.power == pytest.approx(0.9)
    found = plan_best_variant(3, variance=2.0, num_units=plan.exact_total, power=0.9)
    assert found.lead == pytest.approx(0.1)
    assert plan.total_num_units == 3 * plan.units_per_variant


@pytest.mark.parametrize(
    ("number", "given", "message"),
    [
        (1, {"lead": 0.1, "power": 0.8}, "num_variants is 1"),
        (2.5, {"lead": 0.1, "power": 0.8}, "num_variants is 2.5"),
        (3, {"lead": 0.1, "power": 0.3}, "power is 0.3; it must be above that of a guess"),
        (3, {"lead": -0.1, "power": 0.8}, "lead is -0.1"),
        (3, {"power": 0.8}, "lead is None"),
    ],
)
def test_bad_input(number, given, message):
    with pytest.raises(ValueError, match=message):
        plan_best_variant(number, variance=1.0, **given)
