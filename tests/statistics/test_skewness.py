from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtesting.statistics.batch import ArmArrays, compare_means_batch
from abtesting.statistics.boundaries import AlwaysValid, FixedHorizon
from abtesting.statistics.means import compare_means
from abtesting.statistics.moments import Moments
from abtesting.statistics.sequential.group_sequential import GroupSequentialLook
from abtesting.statistics.skewness import skewness_warnings, too_skewed
from abtesting.statistics.types import Effect, NotEnoughData


def revenue(n, seed=1):
    rng = np.random.default_rng(seed)
    return Moments.from_array(np.where(rng.random(n) < 0.05, rng.lognormal(3.5, 1.0, n), 0.0))


def without_thirds(moments):
    return Moments(n=moments.n, means=moments.means, comoments=moments.comoments)


def test_means_of_few_buyers_are_warned_of():
    control, variant = revenue(3000), revenue(3000, seed=2)
    effect = compare_means(control, variant, boundary=FixedHorizon(0.05))
    assert effect.warnings == ("skewed",)


def test_the_warning_ends_at_355_times_the_squared_skewness():
    # One in four is 1: a skewness of 2 / sqrt(3), so 355 * 4 / 3 = 473.3 units.
    for quarters, expected in ((118, ("skewed",)), (119, ())):
        n = 4 * quarters
        moments = Moments.from_array([1.0] * quarters + [0.0] * (n - quarters))
        assert skewness_warnings(moments, moments) == expected


def test_nothing_is_said_where_third_moments_are_not_known():
    control, variant = without_thirds(revenue(9000)), without_thirds(revenue(1000))
    assert skewness_warnings(control, variant) == ()
    assert too_skewed(control, variant, boundary=AlwaysValid(0.05, 10_000)) is None


def test_always_valid_results_of_skewed_values_wait_in_unequal_arms_only():
    boundary = AlwaysValid(0.05, 10_000)
    early = compare_means(revenue(9000), revenue(1000), boundary=boundary)
    assert isinstance(early, NotEnoughData)
    assert early.code == "too_skewed"
    assert "9000 and 1000 units" in early.detail
    assert isinstance(compare_means(revenue(5000), revenue(5000), boundary=boundary), Effect)
    late = compare_means(revenue(180_000), revenue(20_000), boundary=boundary)
    assert isinstance(late, Effect)


def test_one_look_is_warned_of_and_never_withheld():
    effect = compare_means(revenue(9000), revenue(500), boundary=FixedHorizon(0.05))
    assert effect.warnings == ("skewed",)


@pytest.mark.parametrize("boundary", [FixedHorizon(0.05), GroupSequentialLook(0.05, (0.5, 1.0))])
def test_one_look_and_the_last_one_are_withheld_only_where_one_arm_is_far_too_small(boundary):
    def result(n_c, n_t):
        return compare_means(revenue(n_c, seed=3), revenue(n_t, seed=4), boundary=boundary)

    assert isinstance(result(500, 500), Effect)
    assert isinstance(result(18_000, 2_000), Effect)
    assert result(9_500, 100).code == "too_skewed"


def test_the_last_planned_look_bears_more_than_those_before():
    control, variant = revenue(18_000, seed=3), revenue(2_000, seed=4)
    looks = (0.25, 0.5, 0.75, 1.0)
    codes = [
        getattr(
            compare_means(control, variant, boundary=GroupSequentialLook(0.05, looks[: k + 1])),
            "code",
            "shown",
        )
        for k in range(4)
    ]
    assert codes == ["too_skewed"] * 3 + ["shown"]


def test_one_side_waits_only_for_the_tail_that_skewness_makes_heavy():
    large, small = revenue(9000), revenue(1000)
    for side, control, variant in (
        ("less", large, small),
        ("greater", small, large),
    ):
        boundary = AlwaysValid(0.05, 10_000, side=side)
        assert too_skewed(control, variant, boundary=boundary).code == "too_skewed"
        assert too_skewed(variant, control, boundary=boundary) is None


@given(st.floats(1e-3, 1e3), st.integers(500, 20_000), st.sampled_from([1, -1]))
def test_another_currency_changes_nothing(scale, n, sign):
    def scaled(moments):
        factor = sign * scale
        return Moments(
            n=moments.n,
            means=(factor * moments.mean,),
            comoments=((factor**2 * moments.comoments[0][0],),),
            thirds=(factor**3 * moments.thirds[0],),
        )

    control, variant = revenue(5 * n // 10 * 10), revenue(n)
    boundary = AlwaysValid(0.05, 50_000)
    plain = too_skewed(control, variant, boundary=boundary)
    other = too_skewed(scaled(control), scaled(variant), boundary=boundary)
    assert (plain is None) == (other is None)


def test_equal_values_are_not_skewed():
    same = Moments.constant(600, [3.0])
    assert too_skewed(same, same + same, boundary=AlwaysValid(0.05, 1000)) is None
    assert skewness_warnings(same, same) == ()


@pytest.mark.parametrize(("rate", "sigma"), [(0.03, 1.3), (0.05, 0.8)])
def test_sixty_looks_at_skewed_revenue_in_unequal_arms_keep_the_error_rate(rate, sigma):
    rng = np.random.default_rng(8)
    looks = np.unique(np.geomspace(500, 20_000, 60).astype(int))
    num_runs = 400

    def arm(factor):
        n = looks * factor
        buyers = rng.binomial(np.diff(n, prepend=0), rate, (num_runs, len(n)))
        amounts = np.exp(sigma * rng.standard_normal(buyers.sum()))
        ends = np.cumsum(buyers)
        sums = []
        for power in (1, 2, 3):
            running = np.concatenate([[0.0], np.cumsum(amounts**power)])
            per_look = (running[ends] - running[ends - buyers.ravel()]).reshape(buyers.shape)
            sums.append(per_look.cumsum(axis=1))
        mean, second, third = (total / n for total in sums)
        return ArmArrays(
            n=n,
            mean=mean,
            variance=(second - mean**2) * n / (n - 1),
            third=third - 3 * mean * second + 2 * mean**3,
        )

    control, variant = arm(9), arm(1)
    boundary = AlwaysValid(0.05, 50_000)
    effects = compare_means_batch(control, variant, boundary=boundary)
    unguarded = compare_means_batch(
        *(ArmArrays(n=a.n, mean=a.mean, variance=a.variance) for a in (control, variant)),
        boundary=boundary,
    )
    assert effects.is_significant.any(axis=1).mean() <= 0.0565
    assert effects.is_valid.any(axis=1).mean() > 0.7
    assert unguarded.is_significant.any(axis=1).mean() > effects.is_significant.any(axis=1).mean()
