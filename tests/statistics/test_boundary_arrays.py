from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtesting.statistics.boundaries import AlwaysValid, FixedHorizon
from abtesting.statistics.boundary_arrays import critical_values, p_values
from abtesting.statistics.sequential.group_sequential import GroupSequentialLook
from abtesting.statistics.sequential.spending import Pocock
from abtesting.statistics.types import Side

BOUNDARIES = [
    FixedHorizon(0.05),
    FixedHorizon(1e-9, "greater"),
    FixedHorizon(0.4, "less"),
    AlwaysValid(0.05, 5000),
    AlwaysValid(0.01, 5000, side="greater"),
    AlwaysValid(0.05, 5000, side="less"),
    AlwaysValid(0.01, 5000, tuned_alpha=0.05),
    GroupSequentialLook(0.05, (0.2, 0.5, 0.8)),
    GroupSequentialLook(0.1, (0.5, 1.0), spending=Pocock()),
    GroupSequentialLook(0.025, (0.3, 0.6), side="greater"),
    GroupSequentialLook(0.025, (0.3, 0.6), side="less"),
]
parametrised = pytest.mark.parametrize(
    "boundary", BOUNDARIES, ids=lambda b: f"{b.name}-{b.side}-{b.alpha}"
)


def sample(size=400):
    rng = np.random.default_rng(5)
    n = rng.integers(4, 200_000, size).astype(float)
    df = np.where(rng.random(size) < 0.2, rng.uniform(1, 20, size), n / rng.uniform(1, 3, size))
    return rng.normal(0, 2.5, size), n, df


@parametrised
@pytest.mark.parametrize("with_df", [True, False])
def test_arrays_give_what_the_boundary_gives_one_at_a_time(boundary, with_df):
    z, n, df = sample()
    degrees = df.tolist() if with_df else [None] * len(n)
    numbers = list(zip(z.tolist(), n.astype(int).tolist(), degrees, strict=True))
    criticals = [boundary.critical(num, d) for _, num, d in numbers]
    expected = np.array([boundary.p_value(x, num, d) for x, num, d in numbers])
    df_or_none = df if with_df else None
    assert critical_values(boundary, n, df_or_none) == pytest.approx(criticals, rel=1e-12)
    found = p_values(boundary, z, n, df_or_none)
    assert found == pytest.approx(expected, rel=1e-12)
    assert ((found < boundary.alpha) == (expected < boundary.alpha)).all()


@given(st.lists(st.floats(-45, 45), min_size=1, max_size=60), st.sampled_from(BOUNDARIES[6:]))
def test_repeated_p_values_agree_with_the_decision_however_far_out(distances, boundary):
    z = np.array(distances)
    found = p_values(boundary, z, np.full(len(z), 1000.0), None)
    far = {"two_sided": abs(z), "greater": z, "less": -z}[boundary.side]
    assert ((found < boundary.alpha) == (far > boundary.critical(1000, None))).all()
    assert ((found >= 0) & (found <= 1)).all()


def test_any_shape_goes_in_and_comes_out():
    z = np.linspace(-3, 3, 24).reshape(2, 3, 4)
    for boundary in BOUNDARIES:
        assert p_values(boundary, z, np.full(z.shape, 100.0), None).shape == z.shape
        assert critical_values(boundary, np.full(z.shape, 100.0), None).shape == z.shape


@dataclass(frozen=True)
class Constant:
    """A boundary that nobody else knows."""

    alpha: float = 0.05
    side: Side = "two_sided"
    name: str = "constant"
    min_units_per_arm: int = 2

    def critical(self, num_units, df):
        return 3.0 + num_units

    def p_value(self, z, num_units, df):
        return 0.5 / num_units


def test_another_boundary_is_asked_one_by_one():
    n = np.array([[1.0, 2.0]])
    assert critical_values(Constant(), n, None).tolist() == [[4.0, 5.0]]
    assert p_values(Constant(), n, n, n).tolist() == [[0.5, 0.25]]
