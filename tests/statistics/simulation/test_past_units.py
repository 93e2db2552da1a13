"""Real units split again: every unit in one arm, in order, all metrics alike."""

from __future__ import annotations

import numpy as np
import pytest

from abtesting.statistics.simulation.past_units import split_again

VALUES = np.random.default_rng(11).gamma(0.5, 8.0, 400)
PAIRS = np.column_stack([VALUES, VALUES**2 + 1])


def split(samples, looks, *, shares=(1, 1), num_runs=30, seed=1):
    rng = np.random.default_rng(seed)
    return split_again(samples, looks, shares=shares, num_runs=num_runs, rng=rng)


def test_the_arms_are_all_of_the_units_at_every_look():
    (arms,) = split([VALUES], [100, 250, 400], shares=(2, 1, 1))
    assert len(arms) == 3
    for look, upto in enumerate((100, 250, 400)):
        assert (sum(arm.num_units[:, look] for arm in arms) == upto).all()
        total = sum(arm.cubes[:, look] for arm in arms)
        np.testing.assert_allclose(total, (VALUES[:upto] ** 3).sum())


def test_the_shares_are_those_asked_for():
    (arms,) = split([VALUES], [400], shares=(2, 1, 1), num_runs=500)
    found = [arm.num_units.mean() / 400 for arm in arms]
    assert found == pytest.approx([0.5, 0.25, 0.25], abs=0.01)


def test_all_metrics_of_a_run_are_split_alike():
    (one,), (two,) = (arms[1:] for arms in split([VALUES, PAIRS], [200, 400]))
    np.testing.assert_array_equal(one.sums, two.sums)
    np.testing.assert_allclose(two.denominators, two.squares + two.num_units)
    assert one.denominators is None
    arm = two.at(1)
    assert arm.covariance is not None
    assert (arm.covariance > 0).all()


def test_splits_made_in_parts_are_those_made_at_once(monkeypatch):
    ((_, whole),) = split([VALUES], [400], num_runs=20)
    monkeypatch.setattr("abtesting.statistics.simulation.past_units.MAX_VALUES", 1000)
    ((_, again),) = split([VALUES], [400], num_runs=20)
    np.testing.assert_array_equal(whole.sums, again.sums)
    rng = np.random.default_rng(1)
    parts = [
        split_again([VALUES], [400], shares=(1, 1), num_runs=10, rng=rng)[0][1] for _ in range(2)
    ]
    np.testing.assert_array_equal(np.concatenate([part.sums for part in parts]), whole.sums)


@pytest.mark.parametrize(
    ("samples", "looks", "shares", "message"),
    [
        ([], [10], (1, 1), "samples are none"),
        ([VALUES], [10], (1,), "shares are"),
        ([VALUES], [10], (1, 0), "shares are"),
        ([VALUES], [500], (1, 1), "last look is at 500 units; there are 400"),
        ([[np.nan]], [1], (1, 1), "finite"),
        ([VALUES], [20, 10], (1, 1), "looks are"),
    ],
)
def test_bad_input_is_named(samples, looks, shares, message):
    with pytest.raises(ValueError, match=message):
        split(samples, looks, shares=shares)
