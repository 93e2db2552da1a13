from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from abtesting.statistics.boundaries import AlwaysValid
from abtesting.statistics.sequential.e_values import log_e_value, running_p_values
from abtesting.statistics.sequential.msprt import msprt, msprt_bernoulli, msprt_normal
from abtesting.statistics.types import NotEnoughData
from tests.known_answers import cases, close


@cases("msprt", "msprt")
def test_known_likelihood_ratios(case):
    inputs, expected, within = case["inputs"], case["expected"], close(case)
    if "successes_x" in inputs:
        ratios = [
            msprt_bernoulli(x, y, num_units_per_arm=n, tau=inputs["tau"], alpha=0.05).e_value
            for x, y, n in zip(
                inputs["successes_x"], inputs["successes_y"], inputs["n"], strict=True
            )
        ]
        assert ratios == pytest.approx(expected["lambda_n"], **within)
        return
    rng = np.random.default_rng(inputs["rng_seed"])
    n, sigma = inputs["n"], inputs["sigma"]
    control = np.round(rng.normal(0, sigma, n), 3)
    variant = np.round(rng.normal(inputs["delta"], sigma, n), 3)
    ratios = [
        msprt_normal(
            control[:look].mean(),
            variant[:look].mean(),
            num_units_per_arm=look,
            standard_deviation=sigma,
            tau=inputs["tau"],
            alpha=0.05,
        ).e_value
        for look in range(1, n + 1)
    ]
    assert [ratios[look - 1] for look in inputs["at"]] == pytest.approx(
        expected["lambda_n"], **within
    )
    assert running_p_values(ratios)[-1] == pytest.approx(expected["always_valid_p_last"], **within)


@given(st.floats(-50, 50), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3), st.floats(1e-6, 0.5))
def test_p_value_and_interval_agree(z, standard_error, tau, alpha):
    result = msprt(z * standard_error, standard_error, tau=tau, alpha=alpha)
    end = min(abs(result.interval.lower), abs(result.interval.upper))
    assume(end > 1e-9 * standard_error)
    assert (result.p_value < alpha) != result.interval.contains(0.0)
    turned = msprt(-z * standard_error, standard_error, tau=tau, alpha=alpha)
    assert turned.p_value == result.p_value
    assert turned.interval.lower == -result.interval.upper


@given(st.floats(-20, 20), st.floats(1e-3, 1e3))
def test_units_of_measurement_play_no_part(z, unit):
    result = msprt(z, 1.0, tau=0.5, alpha=0.05)
    scaled = msprt(z * unit, unit, tau=0.5 * unit, alpha=0.05)
    assert scaled.log_e_value == pytest.approx(result.log_e_value, rel=1e-9, abs=1e-12)


@given(st.floats(-8, 8), st.integers(2, 10**6))
def test_it_is_the_always_valid_boundary_tuned_otherwise(z, num_units):
    boundary = AlwaysValid(0.05, 10_000)
    tau = math.sqrt(boundary.rho_squared * num_units)
    assert msprt(z, 1.0, tau=tau, alpha=0.05).log_e_value == pytest.approx(
        log_e_value(z, num_units, boundary), rel=1e-9, abs=1e-12
    )


def test_extreme_scales_stay_finite():
    tiny = msprt(1e-200, 1e-200, tau=1e100, alpha=0.05)
    assert math.isfinite(tiny.log_e_value)
    wide = msprt(1e200, 1e200, tau=1e-100, alpha=0.05)
    assert wide.log_e_value == pytest.approx(0.0)
    far = msprt(1000.0, 1.0, tau=1.0, alpha=0.05)
    assert (far.e_value, far.p_value) == (math.inf, 0.0)
    assert far.log_e_value > 1e5


def test_arms_without_any_difference_between_units_are_a_reason():
    result = msprt_bernoulli(0, 50, num_units_per_arm=50, tau=0.1, alpha=0.05)
    assert isinstance(result, NotEnoughData)
    assert result.code == "zero_variance"


@pytest.mark.parametrize(
    "change",
    [
        {"alpha": 0.0},
        {"tau": 0.0},
        {"tau": math.nan},
        {"standard_error": -1.0},
        {"estimate": math.inf},
    ],
)
def test_bad_input_is_an_error(change):
    arguments = {"estimate": 1.0, "standard_error": 1.0, "tau": 1.0, "alpha": 0.05, **change}
    with pytest.raises(ValueError, match="must be"):
        msprt(arguments.pop("estimate"), arguments.pop("standard_error"), **arguments)


def test_impossible_counts_are_errors():
    with pytest.raises(ValueError, match="successes"):
        msprt_bernoulli(11, 5, num_units_per_arm=10, tau=0.1, alpha=0.05)
    with pytest.raises(ValueError, match="num_units_per_arm"):
        msprt_bernoulli(0, 0, num_units_per_arm=0, tau=0.1, alpha=0.05)
