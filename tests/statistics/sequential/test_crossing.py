from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.sequential.crossing import (
    any_look_error,
    crossing_probabilities,
    spending_bounds,
)
from abtesting.statistics.sequential.spending import (
    HwangShihDeCani,
    KimDeMets,
    ObrienFleming,
    Pocock,
)


def z_paths(information, *, num_paths, drift=0.0, seed=20261122):
    """z of Brownian paths at each look, one row a path."""
    rng = np.random.default_rng(seed)
    times = np.asarray(information)
    steps = np.diff(times, prepend=0.0)
    increments = rng.standard_normal((num_paths, times.size)) * np.sqrt(steps) + drift * steps
    return np.cumsum(increments, axis=1) / np.sqrt(times)


def jittered(num_looks, *, seed=1):
    """Unequal looks, the last one at the plan."""
    rng = np.random.default_rng(seed)
    gaps = rng.uniform(0.4, 1.6, num_looks)
    return (*(np.cumsum(gaps) / gaps.sum()).tolist()[:-1], 1.0)


def test_two_looks_are_a_bivariate_normal():
    early = 0.3
    rho = math.sqrt(early)
    inside = stats.multivariate_normal([0, 0], [[1, rho], [rho, 1]])
    low, up = [-1.0, -1.4], [1.9, 2.2]
    chances = crossing_probabilities((early, 1.0), lower=low, upper=up)
    stay = (
        inside.cdf([1.9, 2.2])
        - inside.cdf([-1.0, 2.2])
        - inside.cdf([1.9, -1.4])
        + inside.cdf([-1.0, -1.4])
    )
    assert chances.upper[0] == pytest.approx(stats.norm.sf(1.9), rel=1e-12)
    assert chances.lower[0] == pytest.approx(stats.norm.cdf(-1.0), rel=1e-12)
    assert 1 - chances.total == pytest.approx(stay, abs=1e-6)


@pytest.mark.parametrize("drift", [-1.5, 0.0, 2.8])
def test_crossings_agree_with_simulated_paths(drift):
    information = jittered(9)
    upper = np.linspace(3.0, 2.0, 9)
    lower = np.linspace(-2.0, 0.5, 9)
    z = z_paths(information, num_paths=100_000, drift=drift)
    stopped = (z >= upper) | (z <= lower)
    first = np.where(stopped.any(axis=1), stopped.argmax(axis=1), 9)
    chances = crossing_probabilities(information, lower=lower, upper=upper, drift=drift)
    for look in range(9):
        at = first == look
        assert (at & (z[:, look] >= upper[look])).mean() == pytest.approx(
            chances.upper[look], abs=0.004
        )
        assert (at & (z[:, look] <= lower[look])).mean() == pytest.approx(
            chances.lower[look], abs=0.004
        )


@given(
    st.lists(st.floats(0.02, 1), min_size=1, max_size=6),
    st.floats(0.3, 4),
    st.floats(-4, 4),
)
@settings(max_examples=40, deadline=None)
def test_mirrored_boundaries_have_mirrored_chances(gaps, bound, drift):
    information = np.cumsum(gaps)
    lower, upper = [-bound] * len(gaps), [bound + 0.5] * len(gaps)
    chances = crossing_probabilities(information, lower=lower, upper=upper, drift=drift)
    mirrored = crossing_probabilities(
        information,
        lower=[-end for end in upper],
        upper=[-end for end in lower],
        drift=-drift,
    )
    assert mirrored.lower == pytest.approx(chances.upper, abs=1e-12)
    assert mirrored.upper == pytest.approx(chances.lower, abs=1e-12)
    assert 0 <= chances.total <= 1 + 1e-9


@given(st.lists(st.floats(0.02, 1), min_size=2, max_size=6), st.floats(0.2, 3), st.floats(-3, 3))
@settings(max_examples=40, deadline=None)
def test_a_look_that_cannot_stop_changes_nothing(gaps, bound, drift):
    information = np.cumsum(gaps)
    ends = [bound] * len(gaps)
    ends[0] = math.inf
    chances = crossing_probabilities(
        information, lower=[-end for end in ends], upper=ends, drift=drift
    )
    without = crossing_probabilities(
        information[1:], lower=[-end for end in ends[1:]], upper=ends[1:], drift=drift
    )
    assert chances.upper[1:] == pytest.approx(without.upper, abs=1e-12)
    assert chances.per_look[0] == 0


def test_the_tail_of_a_late_look_keeps_its_digits():
    bounds = [12.0, 11.0, 10.0]
    chances = crossing_probabilities((0.2, 0.5, 1.0), lower=[-math.inf] * 3, upper=bounds)
    # A path beyond 10 at the end was beyond 11 before only with chance Phi(-5.5).
    assert chances.upper[2] == pytest.approx(stats.norm.sf(10.0), rel=1e-6)


def test_peeking_at_a_fixed_threshold_is_as_bad_as_the_tables_say():
    # Armitage, McPherson & Rowe (1969), table 2: 5 % looked at 2, 5, 10, 20, 50 times.
    published = {2: 0.083, 5: 0.142, 10: 0.193, 20: 0.248, 50: 0.320}
    for num_looks, error in published.items():
        looks = [look / num_looks for look in range(1, num_looks + 1)]
        assert any_look_error(1.959964, looks) == pytest.approx(error, abs=6e-4)


@pytest.mark.parametrize(
    "spending", [ObrienFleming(), Pocock(), KimDeMets(2), HwangShihDeCani(-4)], ids=lambda s: s.name
)
@pytest.mark.parametrize("num_looks", [5, 14, 20, 28, 60])
@pytest.mark.parametrize("equal", [True, False], ids=["equal", "jittered"])
def test_all_of_alpha_is_spent_by_integration(spending, num_looks, equal):
    information = (
        tuple(look / num_looks for look in range(1, num_looks + 1))
        if equal
        else jittered(num_looks)
    )
    bounds = spending_bounds(information, spending, math.log(0.025), two_sided=True)
    assert any_look_error(bounds, information) == pytest.approx(0.05, abs=1e-10)
    one_sided = spending_bounds(information, spending, math.log(0.05), two_sided=False)
    chances = crossing_probabilities(information, lower=[-math.inf] * num_looks, upper=one_sided)
    assert chances.total == pytest.approx(0.05, abs=1e-10)


@pytest.mark.parametrize("num_looks", [5, 14, 20, 28, 60])
@pytest.mark.parametrize("equal", [True, False], ids=["equal", "jittered"])
def test_the_error_over_all_looks_holds_on_simulated_paths(num_looks, equal):
    information = (
        tuple(look / num_looks for look in range(1, num_looks + 1))
        if equal
        else jittered(num_looks)
    )
    bounds = spending_bounds(information, ObrienFleming(), math.log(0.025), two_sided=True)
    z = z_paths(information, num_paths=40_000, seed=num_looks)
    assert 0.0435 <= (np.abs(z) > bounds).any(axis=1).mean() <= 0.0565


@pytest.mark.parametrize("level", [1e-5, 1e-20, 1e-100, 1e-300])
@pytest.mark.parametrize("spending", [ObrienFleming(), Pocock()], ids=lambda s: s.name)
def test_tiny_levels_are_spent_to_the_digit(spending, level):
    information = jittered(12)
    bounds = spending_bounds(information, spending, math.log(level), two_sided=True)
    assert any_look_error(bounds, information) / (2 * level) == pytest.approx(1, rel=1e-4)


def test_a_look_without_new_information_leaves_its_share_to_the_next():
    bounds = spending_bounds((0.5, 0.500001, 1.0), Pocock(), math.log(0.025), two_sided=True)
    assert bounds[1] == math.inf
    assert bounds[::2] == pytest.approx(
        spending_bounds((0.5, 1.0), Pocock(), math.log(0.025), two_sided=True)
    )


def test_close_looks_are_worked_out():
    information = (0.5, 0.5002, 0.51, 1.0)
    bounds = spending_bounds(information, Pocock(), math.log(0.025), two_sided=True)
    z = z_paths(information, num_paths=40_000)
    assert 0.0435 <= (np.abs(z) > bounds).any(axis=1).mean() <= 0.0565


def test_looks_past_the_plan_have_nothing_left():
    bounds = spending_bounds((0.6, 1.1, 1.3), ObrienFleming(), math.log(0.025), two_sided=True)
    assert bounds[2] == math.inf
    assert any_look_error(bounds, (0.6, 1.1, 1.3)) == pytest.approx(0.05, abs=1e-10)


@pytest.mark.parametrize(
    "information",
    [(), (0.5, 0.5), (0.5, 0.2), (0.0, 1.0), (-0.1, 1.0), (math.nan,), (math.inf,), range(1, 502)],
)
def test_looks_must_move_forward(information):
    with pytest.raises(ValueError, match=r"look|information"):
        any_look_error(2.0, information)


def test_bad_boundaries_are_errors():
    with pytest.raises(ValueError, match="lower must not exceed upper"):
        crossing_probabilities((0.5, 1.0), lower=[0, 3], upper=[2, 2])
    with pytest.raises(ValueError, match="each look needs one"):
        crossing_probabilities((0.5, 1.0), lower=[0], upper=[2, 2])
    with pytest.raises(ValueError, match="drift"):
        crossing_probabilities((1.0,), lower=[0], upper=[2], drift=math.nan)
    with pytest.raises(ValueError, match="too close"):
        crossing_probabilities((1.0, 1.00001), lower=[-2, -2], upper=[2, 2])
    with pytest.raises(ValueError, match="0 or above"):
        any_look_error(-1.0, (1.0,))
