from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from abtesting.statistics.bayesian.priors import NormalPrior
from abtesting.statistics.planning.mid_experiment import conditional_power, predictive_power
from abtesting.statistics.sequential.sequential_designs import (
    equal_looks,
    spending_design,
    with_futility,
)


@pytest.mark.parametrize("z", [-1.0, 0.3, 1.8])
@pytest.mark.parametrize("information", [0.2, 0.5, 0.8])
def test_one_look_to_come_is_the_closed_form(z, information):
    """Spiegelhalter, Freedman & Blackburn (1986): Phi((z - c sqrt(t)) / sqrt(1 - t))."""
    design = spending_design((information, 1.0), alpha=0.05)
    critical = design.critical_values[-1]
    expected = stats.norm.cdf(
        (abs(z) - critical * math.sqrt(information)) / math.sqrt(1 - information)
    )
    assert predictive_power(design, num_looks=1, z=z) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("prior", [None, NormalPrior(1.0, 1.5)])
@pytest.mark.parametrize("side", ["two_sided", "greater"])
def test_simulated_paths(prior, side):
    design = spending_design(equal_looks(5), alpha=0.05, side=side)
    if side == "greater":
        design = with_futility(design, power=0.8)
    now, z, num_runs = 2, 1.2, 200_000
    rng = np.random.default_rng(1)
    times = np.array(design.information)
    precision = times[now - 1] + (0 if prior is None else prior.sd**-2)
    mean = (z * math.sqrt(times[now - 1]) + (0 if prior is None else prior.mean / prior.sd**2)) / (
        precision
    )
    drifts = rng.normal(mean, precision**-0.5, (num_runs, 1))
    steps = np.diff(times[now - 1 :])
    paths = z * math.sqrt(times[now - 1]) + np.cumsum(
        rng.normal(size=(num_runs, len(steps))) * np.sqrt(steps) + drifts * steps, axis=1
    )
    later = paths / np.sqrt(times[now:])
    critical = np.array(design.critical_values[now:])
    low = -critical if side == "two_sided" else np.array(design.futility[now:])
    stopped = (later > critical) | (later < low)
    first = stopped.argmax(axis=1)
    runs = np.arange(num_runs)
    won = stopped.any(axis=1) & (later[runs, first] > critical[first])
    found = predictive_power(design, num_looks=now, z=z, prior=prior)
    assert found == pytest.approx(won.mean(), abs=0.004)


def test_a_prior_that_is_sure_gives_the_conditional_power():
    design = spending_design(equal_looks(4), alpha=0.05)
    sure = NormalPrior(2.8, 1e-6)
    assert predictive_power(design, num_looks=2, z=1.0, prior=sure) == pytest.approx(
        conditional_power(design, num_looks=2, z=1.0, drift=2.8), abs=1e-6
    )


def test_falling_estimates_are_the_mirror():
    design = spending_design(equal_looks(4), alpha=0.05)
    up = predictive_power(design, num_looks=2, z=1.5, prior=NormalPrior(0.5, 1.0))
    down = predictive_power(design, num_looks=2, z=-1.5, prior=NormalPrior(-0.5, 1.0))
    assert up == pytest.approx(down)
    assert predictive_power(design, num_looks=2, z=0.2) < predictive_power(
        design, num_looks=2, z=2.0
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"num_looks": 4, "z": 1.0}, "num_looks is 4"),
        ({"num_looks": 0, "z": 1.0}, "num_looks is 0"),
        ({"num_looks": 2, "z": math.nan}, "z is nan"),
        ({"num_looks": 2, "z": 1.0, "prior": 0.5}, "prior is 0.5"),
    ],
)
def test_bad_input(given, message):
    with pytest.raises(ValueError, match=message):
        predictive_power(spending_design(equal_looks(4), alpha=0.05), **given)
