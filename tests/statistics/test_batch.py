from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtesting.statistics.batch import ArmArrays, compare_means_batch, compare_ratios_batch
from abtesting.statistics.boundaries import AlwaysValid, FixedHorizon
from abtesting.statistics.means import compare_means
from abtesting.statistics.moments import Moments
from abtesting.statistics.ratios import compare_ratios
from abtesting.statistics.sequential.group_sequential import GroupSequentialLook
from abtesting.statistics.types import NotEnoughData

BOUNDARIES = [
    FixedHorizon(0.05),
    FixedHorizon(0.01, "greater"),
    AlwaysValid(0.05, 5000, min_units_per_arm=3),
    AlwaysValid(0.05, 5000, min_units_per_arm=20, side="less"),
    GroupSequentialLook(0.05, (0.3, 0.6), min_units_per_arm=5),
    GroupSequentialLook(0.025, (0.3, 1.0), min_units_per_arm=5, side="greater"),
]
values = st.one_of(
    st.lists(st.integers(-20, 60).map(float), min_size=1, max_size=40),
    st.builds(lambda n, x: [0.0] * n + [x], st.integers(1, 80), st.floats(0.1, 1e6)),
    st.builds(lambda n, x: [x] * n, st.integers(1, 8), st.floats(-5, 5)),
)
tables = st.lists(
    st.tuples(st.integers(0, 50).map(float), st.integers(0, 4).map(float)), min_size=1, max_size=30
)


def assert_same(batch, results):
    for i, result in enumerate(results):
        if isinstance(result, NotEnoughData):
            assert batch.reason[i] == result.code
            assert not batch.is_valid[i]
            assert not batch.is_significant[i]
            assert math.isnan(batch.p_value[i])
            assert math.isnan(batch.lower[i])
            continue
        assert batch.reason[i] == ""
        assert batch.warning[i] == "".join(result.warnings)
        assert batch.p_value[i] == pytest.approx(result.p_value, rel=1e-9)
        assert batch.is_significant[i] == result.is_significant
        lift = (math.nan,) * 3
        if result.lift is not None:
            lift = (result.lift, result.lift_interval.lower, result.lift_interval.upper)
        assert (
            batch.control_value[i],
            batch.variant_value[i],
            batch.difference[i],
            batch.standard_error[i],
            batch.lower[i],
            batch.upper[i],
            batch.lift[i],
            batch.lift_lower[i],
            batch.lift_upper[i],
        ) == pytest.approx(
            (
                result.control_value,
                result.variant_value,
                result.difference,
                result.standard_error,
                result.difference_interval.lower,
                result.difference_interval.upper,
                *lift,
            ),
            rel=1e-7,
            abs=1e-11,
            nan_ok=True,
        )


@given(
    st.lists(st.tuples(values, values), min_size=1, max_size=8),
    st.sampled_from(BOUNDARIES),
    st.booleans(),
)
def test_batches_of_means_are_those_one_at_a_time(pairs, boundary, thirds):
    controls, variants = (
        [Moments.from_array(arm, thirds=thirds) for arm in arms]
        for arms in zip(*pairs, strict=True)
    )
    batch = compare_means_batch(
        ArmArrays.from_moments(controls), ArmArrays.from_moments(variants), boundary=boundary
    )
    assert_same(
        batch,
        [
            compare_means(control, variant, boundary=boundary)
            for control, variant in zip(controls, variants, strict=True)
        ],
    )


@given(st.lists(st.tuples(tables, tables), min_size=1, max_size=8), st.sampled_from(BOUNDARIES))
def test_batches_of_ratios_are_those_one_at_a_time(pairs, boundary):
    controls, variants = (
        [Moments.from_array(arm) for arm in arms] for arms in zip(*pairs, strict=True)
    )
    batch = compare_ratios_batch(
        ArmArrays.from_moments(controls), ArmArrays.from_moments(variants), boundary=boundary
    )
    assert_same(
        batch,
        [
            compare_ratios(control, variant, boundary=boundary)
            for control, variant in zip(controls, variants, strict=True)
        ],
    )


def test_shapes_broadcast():
    looks = np.array([100, 200, 400])
    control = ArmArrays(n=looks, mean=np.full((5, 3), 2.0), variance=np.full((5, 3), 4.0))
    variant = ArmArrays(n=50, mean=2.5, variance=4.0)
    effects = compare_means_batch(control, variant, boundary=FixedHorizon(0.05))
    for name in ("p_value", "lower", "lift_upper", "reason", "warning", "is_significant"):
        assert getattr(effects, name).shape == (5, 3)
    assert effects.standard_error[4].tolist() == pytest.approx(
        [math.sqrt(4 / n + 4 / 50) for n in looks]
    )


def test_a_number_of_looks_is_one_call():
    """An A/A test of 400 runs and 10 looks, from cumulative sums."""
    rng = np.random.default_rng(31)
    looks = 200 * np.arange(1, 11)

    def arm():
        draws = rng.exponential(1.0, (400, 10, 200))
        sums, squares = (part.sum(axis=2).cumsum(axis=1) for part in (draws, draws**2))
        mean = sums / looks
        return ArmArrays(n=looks, mean=mean, variance=(squares - looks * mean**2) / (looks - 1))

    control, variant = arm(), arm()
    peeked = compare_means_batch(control, variant, boundary=FixedHorizon(0.05))
    assert peeked.is_significant[:, -1].mean() == pytest.approx(0.05, abs=0.035)
    assert peeked.is_significant.any(axis=1).mean() > 0.1
    boundary = AlwaysValid(0.05, 4000, min_units_per_arm=200)
    valid = compare_means_batch(control, variant, boundary=boundary)
    assert valid.is_significant.any(axis=1).mean() < 0.05


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"n": -1, "mean": 0.0, "variance": 1.0}, "n is -1 somewhere"),
        ({"n": 5, "mean": math.nan, "variance": 1.0}, "mean has values that are not finite"),
        ({"n": 5, "mean": 0.0, "variance": [1.0, -2.0]}, "variance is -2 somewhere"),
    ],
)
def test_impossible_arms_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        ArmArrays(**fields)


def test_ratios_need_denominators():
    arm = ArmArrays(n=5, mean=1.0, variance=1.0)
    with pytest.raises(ValueError, match="control has no denominators"):
        compare_ratios_batch(arm, arm, boundary=FixedHorizon(0.05))
    partly = ArmArrays(n=5, mean=1.0, variance=1.0, denominator_mean=1.0, denominator_variance=1.0)
    with pytest.raises(ValueError, match="control has no covariance"):
        compare_ratios_batch(partly, partly, boundary=FixedHorizon(0.05))
    with pytest.raises(ValueError, match=r"moments have \[1, 2\] columns"):
        ArmArrays.from_moments([Moments.zero(1), Moments.zero(2)])
