"""Simulated units: their moments are the true ones, and lifts are those asked for."""

from __future__ import annotations

import numpy as np
import pytest

from abtesting.statistics.moments import Moments
from abtesting.statistics.simulation.generators import (
    Conversions,
    EventCounts,
    Resampled,
    Revenue,
    resplit,
    totals_of_values,
)

AMOUNTS = np.array([0.0, 0.0, 0.0, 5.0, 12.5, 40.0])
PAIRS = np.array([[0.0, 0.0], [0.0, 4.0], [1.0, 3.0], [2.0, 2.0], [5.0, 9.0]])
GENERATORS = [
    Conversions(0.05),
    Revenue(buyer_rate=0.1, log_mean=3, log_sd=0.8),
    EventCounts(average=2.0, shape=0.5),
    EventCounts(average=0.01, shape=50.0),
    Resampled(AMOUNTS),
]


@pytest.mark.parametrize("generator", GENERATORS, ids=repr)
@pytest.mark.parametrize("lift", [0.0, 0.3, -0.2])
def test_the_means_and_variances_are_the_true_ones(generator, lift):
    rng = np.random.default_rng(7)
    paths = generator.paths([300, 1000], num_runs=2000, rng=rng, lift=lift)
    error = np.sqrt(generator.variance * max(1, 1 + lift) ** 2 / 1000 / 2000)
    assert abs(paths.means[:, 1].mean() - generator.mean * (1 + lift)) < 4 * error
    if lift == 0:
        assert paths.variances[:, 1].mean() == pytest.approx(generator.variance, rel=0.05)


@pytest.mark.parametrize("generator", [*GENERATORS, Resampled(PAIRS)], ids=repr)
def test_paths_grow_and_are_the_same_with_the_same_seed(generator):
    one, two = (
        generator.paths([10, 40, 90], num_runs=5, rng=np.random.default_rng(3)) for _ in range(2)
    )
    assert one.num_units.tolist() == [10, 40, 90]
    assert one.sums.shape == (5, 3)
    assert (np.diff(one.sums, axis=1) >= 0).all()
    np.testing.assert_array_equal(one.sums, two.sums)
    np.testing.assert_array_equal(one.cubes, two.cubes)


def test_paths_hold_the_moments_of_the_values():
    values = np.random.default_rng(1).exponential(3.0, 500)
    control, variant = resplit(
        values, [200, 500], share=0.3, num_runs=1, rng=np.random.default_rng(2)
    )
    chosen = np.random.default_rng(2).random((1, 500), dtype=np.float32)[0] >= 0.7
    for paths, part in ((control, ~chosen), (variant, chosen)):
        for look, upto in enumerate((200, 500)):
            moments = Moments.from_array(values[:upto][part[:upto]])
            assert paths.num_units[0, look] == moments.n
            assert paths.means[0, look] == pytest.approx(moments.mean)
            assert paths.variances[0, look] == pytest.approx(moments.variance)
            assert paths.thirds[0, look] == pytest.approx(moments.thirds[0])


def test_an_arm_without_units_has_zeros_and_no_warning():
    control, variant = resplit(
        [1.0, 2.0], [1, 2], share=0.5, num_runs=50, rng=np.random.default_rng(1)
    )
    for paths in (control, variant):
        arm = paths.at(0)
        assert (arm.mean[arm.n == 0] == 0).all()
        assert (arm.variance[arm.n < 2] == 0).all()


def test_resampled_pairs_have_the_ratio_of_the_units():
    generator = Resampled(PAIRS)
    assert generator.mean == pytest.approx(8 / 18)
    totals = generator.totals(np.full(400, 1000), rng=np.random.default_rng(5), lift=0.5)
    ratios = totals[:, 1] / totals[:, 4]
    assert ratios.mean() == pytest.approx(1.5 * 8 / 18, rel=0.01)
    flat = generator.totals(np.full(4000, 1000), rng=np.random.default_rng(5))
    spread = (flat[:, 1] / flat[:, 4]).var() * 1000
    assert spread == pytest.approx(generator.variance, rel=0.1)


def test_units_that_did_nothing_are_counted_and_not_drawn():
    def draw(count):
        assert count == 3
        return np.array([1.0, 2.0, 4.0])

    totals = totals_of_values(np.array([[10, 20]]), np.array([[1, 2]]), draw)
    assert totals.tolist() == [[[10, 1, 1, 1], [20, 6, 20, 72]]]


def test_totals_do_not_depend_on_how_many_are_drawn_at_once(monkeypatch):
    counts = np.full((4, 3), 50)
    generator = Resampled(AMOUNTS)
    whole = generator.totals(counts, rng=np.random.default_rng(1))
    monkeypatch.setattr("abtesting.statistics.simulation.generators.MAX_VALUES", 60)
    np.testing.assert_allclose(whole, generator.totals(counts, rng=np.random.default_rng(1)))


def test_values_that_are_all_zero_stay_zero():
    totals = Resampled(np.zeros(5)).totals(np.array([7]), rng=np.random.default_rng(1))
    assert totals.tolist() == [[7, 0, 0, 0]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Conversions(0.0), "rate is 0.0"),
        (lambda: Revenue(buyer_rate=0.0), "buyer_rate is 0.0"),
        (lambda: Revenue(buyer_rate=0.5, log_sd=0), "log_sd is 0"),
        (lambda: EventCounts(average=-1), "average is -1"),
        (lambda: Resampled([]), r"shape \(0,\)"),
        (lambda: Resampled([[1.0, 2.0, 3.0]]), r"shape \(1, 3\)"),
        (lambda: Resampled([1.0, np.nan]), "must be finite"),
        (
            lambda: Conversions(0.5).paths([10], num_runs=1, rng=np.random.default_rng(1), lift=1),
            "lift is 1",
        ),
        (
            lambda: Conversions(0.5).paths([10, 10], num_runs=1, rng=np.random.default_rng(1)),
            "looks are",
        ),
        (
            lambda: resplit([1.0], [1], share=1.0, num_runs=1, rng=np.random.default_rng(1)),
            "share is 1.0",
        ),
        (
            lambda: resplit([[1.0]], [1], share=0.5, num_runs=1, rng=np.random.default_rng(1)),
            "values has 2 dimensions; it must have 1",
        ),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
