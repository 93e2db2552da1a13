from __future__ import annotations

import numpy as np
import pytest

from abtesting.statistics.planning import power_betting
from abtesting.statistics.planning.power_betting import CHUNK, _times_to_find, plan_betting
from abtesting.statistics.planning.power_proportions import plan_proportions
from abtesting.statistics.sequential.betting import betting_difference
from abtesting.statistics.types import Interval

UNIT = Interval(0, 1)


def rate(percent):
    return [0.0] * (100 - percent) + [1.0] * percent


@pytest.mark.parametrize(
    ("control", "variant", "bounds"),
    [
        (rate(5), rate(9), UNIT),
        (rate(9), rate(5), UNIT),
        ([0.0, 1.0, 5.0, 9.0], [1.0, 2.0, 6.0, 9.0], Interval(0, 10)),
    ],
)
def test_the_sequence_itself_finds_as_much(control, variant, bounds):
    plan = plan_betting(
        control, variant, bounds=bounds, power=0.8, rng=np.random.default_rng(1), num_runs=800
    )
    pairs = plan.num_units[0]
    rng = np.random.default_rng(3)
    found = [
        betting_difference(
            rng.choice(control, pairs), rng.choice(variant, pairs), bounds=bounds, alpha=0.05
        ).p_value
        < 0.05
        for _ in range(300)
    ]
    # Both are simulated: standard errors of 1.4 and 2.3 points.
    assert np.mean(found) == pytest.approx(0.8, abs=0.08)


def test_units_and_power_belong_together():
    sized = plan_betting(
        rate(5), rate(9), bounds=UNIT, power=0.8, rng=np.random.default_rng(3), num_runs=2_000
    )
    again = plan_betting(
        rate(5),
        rate(9),
        bounds=UNIT,
        num_units=sized.total_num_units,
        rng=np.random.default_rng(4),
        num_runs=2_000,
    )
    assert again.power == pytest.approx(0.8, abs=0.04)
    fixed = plan_proportions(control_rate=0.05, effect=0.04, power=0.8)
    assert 2 < sized.exact_total / fixed.exact_total < 5
    assert sized.lift == pytest.approx(0.8)


@pytest.mark.parametrize("seed", range(4))
def test_a_path_is_found_when_the_sequence_finds_it(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.choice([0.0, 1.0, 5.0, 9.0], 6_000), rng.choice([1.0, 2.0, 6.0, 9.0], 6_000)
    differences = iter(np.split((y - x) / 20, 6_000 // CHUNK))
    (time,) = _times_to_find(
        lambda _shape: next(differences)[None], num_runs=1, wanted=1, largest=6_000, alpha=0.05
    )
    bounds = Interval(0, 10)
    p_values = [
        betting_difference(x[:n], y[:n], bounds=bounds, alpha=0.05).p_value
        for n in (time - 1, time)
    ]
    assert p_values[0] > 0.05 >= p_values[1]


def test_a_difference_out_of_reach(monkeypatch):
    monkeypatch.setattr(power_betting, "MAX_UNITS", 2_000)
    result = plan_betting(
        rate(5), rate(6), bounds=UNIT, power=0.8, rng=np.random.default_rng(5), num_runs=50
    )
    assert result.code == "out_of_reach"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "exactly one of them"),
        ({"power": 0.8, "num_units": 9}, "exactly one of them"),
        ({"power": 1.0}, "power is 1.0"),
        ({"num_units": 1}, "num_units is 1"),
        ({"power": 0.8, "bounds": Interval(0, 0.5)}, "control has values beyond"),
        ({"power": 0.8, "variant": rate(5)}, "both have the mean 0.05"),
        ({"power": 0.8, "control": []}, "control has no values"),
        ({"power": 0.8, "rng": 1}, "rng is 1"),
        ({"power": 0.8, "num_runs": 1}, "num_runs is 1"),
    ],
)
def test_bad_input(given, message):
    arguments = {
        "control": rate(5), "variant": rate(9), "bounds": UNIT, "rng": np.random.default_rng(6)
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        plan_betting(**arguments | given)
