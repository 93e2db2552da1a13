from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from abtesting.statistics.sequential.mixtures import (
    BetaBinomialMixture,
    GammaExponentialMixture,
    GammaPoissonMixture,
    NormalMixture,
    polynomial_stitching,
    uniform_boundary,
)
from tests.known_answers import cases, close

MIXTURES = [
    NormalMixture(100),
    NormalMixture(100, two_sided=False),
    GammaExponentialMixture(100, scale=1.5),
    GammaPoissonMixture(100, scale=0.7),
    BetaBinomialMixture(50, probability=0.2),
    BetaBinomialMixture(50, probability=0.2, two_sided=False),
]


def mixture_of(inputs):
    tuning = {"tuning_alpha": inputs.get("alpha_opt", 0.05)}
    if "c" in inputs:
        return GammaPoissonMixture(inputs["v_opt"], scale=inputs["c"], **tuning)
    return NormalMixture(inputs["v_opt"], two_sided=inputs["two_sided"], **tuning)


@cases("mixtures", "confseq_boundary")
def test_known_boundaries(case):
    inputs, expected, within = case["inputs"], case["expected"], close(case)
    if "v_min" in inputs:
        bounds = [
            polynomial_stitching(
                v,
                alpha=inputs["alpha"],
                min_variance=inputs["v_min"],
                scale=inputs["c"],
                power=inputs["s"],
                spacing=inputs["eta"],
            )
            for v in inputs["v"]
        ]
        assert bounds == pytest.approx(expected["bound"], **within)
        return
    mixture = mixture_of(inputs)
    bounds = [uniform_boundary(mixture, v, alpha=inputs["alpha"]) for v in inputs["v"]]
    assert bounds == pytest.approx(expected["bound"], **within)
    if "s" in expected:
        values = [mixture.log_value(s, inputs["v_opt"]) for s in expected["s"]]
        assert values == pytest.approx(expected["log_mixture_at_s"], **within)


@pytest.mark.parametrize("two_sided", [True, False])
def test_a_normal_mixture_is_the_mixture_of_normal_martingales(two_sided):
    mixture = NormalMixture(80, two_sided=two_sided)
    prior = stats.norm(scale=1 / math.sqrt(mixture.rho))
    for total, variance in ((5.0, 40.0), (-12.0, 90.0), (30.0, 60.0)):
        value, _ = integrate.quad(
            lambda slope, s=total, v=variance: (
                math.exp(slope * s - slope * slope * v / 2)
                * prior.pdf(slope)
                * (1 if two_sided else 2)
            ),
            -6 if two_sided else 0,
            6,
            points=[0.0, 0.3],
        )
        assert math.exp(mixture.log_value(total, variance)) == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("num_values", [3, 40])
def test_a_gamma_exponential_mixture_is_expected_to_stay_at_one(num_values):
    # Exponential increments of mean 1, centred and scaled: the case the bound is exact for.
    scale = 1.5
    mixture = GammaExponentialMixture(100, scale=scale)
    total = stats.gamma(num_values)
    value, _ = integrate.quad(
        lambda x: (
            math.exp(mixture.log_value(scale * (x - num_values), scale * scale * num_values))
            * total.pdf(x)
        ),
        0,
        400,
        limit=400,
        points=[num_values],
    )
    # Far in the tail the integrand falls as slowly as the mixture allows.
    assert 0.93 < value <= 1 + 1e-6


@pytest.mark.parametrize("num_values", [3, 40])
def test_a_gamma_poisson_mixture_is_expected_to_stay_at_one(num_values):
    scale = 0.7
    mixture = GammaPoissonMixture(100, scale=scale)
    counts = np.arange(0, 400)
    value = sum(
        math.exp(mixture.log_value(scale * (count - num_values), scale * scale * num_values))
        * stats.poisson(num_values).pmf(count)
        for count in counts
    )
    assert value == pytest.approx(1.0, rel=1e-6)


@pytest.mark.parametrize("two_sided", [True, False])
@pytest.mark.parametrize("trials", [1, 25])
def test_a_beta_binomial_mixture_is_expected_to_stay_at_one(two_sided, trials):
    mixture = BetaBinomialMixture(50, probability=0.2, two_sided=two_sided)
    value = sum(
        math.exp(mixture.log_value(hits - trials * 0.2, trials * 0.16))
        * stats.binom(trials, 0.2).pmf(hits)
        for hits in range(trials + 1)
    )
    assert value == pytest.approx(1.0, rel=1e-9)


@given(
    st.sampled_from(MIXTURES),
    st.floats(5, 1e5),
    st.floats(1e-6, 0.3),
    st.floats(1e-6, 0.3),
)
@settings(max_examples=60, deadline=None)
def test_smaller_levels_reach_further(mixture, variance, one, other):
    low, high = sorted((one, other))
    far = uniform_boundary(mixture, variance, alpha=low)
    near = uniform_boundary(mixture, variance, alpha=high)
    assert far >= near * (1 - 1e-9)
    assert near > 0


@given(st.sampled_from(MIXTURES[:4]), st.floats(1, 1e5), st.floats(1, 1e5))
@settings(max_examples=60, deadline=None)
def test_boundaries_grow_with_time(mixture, one, other):
    early, late = sorted((one, other))
    assert uniform_boundary(mixture, early, alpha=0.05) <= uniform_boundary(
        mixture, late, alpha=0.05
    ) * (1 + 1e-9)


def test_a_boundary_is_tightest_where_it_is_tuned():
    widths = {
        tuned: uniform_boundary(NormalMixture(tuned), 1000, alpha=0.05)
        for tuned in (100, 1000, 10_000)
    }
    assert min(widths, key=widths.get) == 1000


@pytest.mark.parametrize(
    ("mixture", "increments"),
    [
        (NormalMixture(500), lambda rng, shape: (rng.standard_normal(shape), 1.0)),
        (
            BetaBinomialMixture(80, probability=0.1),
            lambda rng, shape: (rng.binomial(1, 0.1, shape) - 0.1, 0.09),
        ),
        (
            GammaExponentialMixture(500, scale=1.0),
            lambda rng, shape: (rng.exponential(1.0, shape) - 1, 1.0),
        ),
        (
            GammaPoissonMixture(500, scale=1.0),
            lambda rng, shape: (rng.poisson(1.0, shape) - 1.0, 1.0),
        ),
    ],
    ids=["normal", "beta_binomial", "gamma_exponential", "gamma_poisson"],
)
def test_sums_rarely_ever_cross(mixture, increments):
    rng = np.random.default_rng(4)
    values, unit = increments(rng, (4000, 1000))
    looks = np.arange(10, 1001, 10)
    sums = np.cumsum(values, axis=1)[:, looks - 1]
    bounds = np.array([uniform_boundary(mixture, look * unit, alpha=0.05) for look in looks])
    one_sided = isinstance(mixture, GammaExponentialMixture | GammaPoissonMixture)
    crossed = (sums if one_sided else np.abs(sums)) > bounds
    assert 0.002 < crossed.any(axis=1).mean() < 0.05


def test_few_trials_cannot_reach_a_strict_level():
    mixture = BetaBinomialMixture(50, probability=0.5)
    assert uniform_boundary(mixture, 0.25, alpha=1e-6) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (NormalMixture, {"optimal_variance": 0}),
        (NormalMixture, {"optimal_variance": math.inf}),
        (NormalMixture, {"optimal_variance": 1, "tuning_alpha": 0.5}),
        (GammaPoissonMixture, {"optimal_variance": 1, "scale": 0}),
        (GammaExponentialMixture, {"optimal_variance": 1, "scale": -1}),
        (BetaBinomialMixture, {"optimal_variance": 1, "probability": 1}),
    ],
)
def test_bad_tuning_is_an_error(kind, arguments):
    with pytest.raises(ValueError, match="; it must be"):
        kind(**arguments)


@pytest.mark.parametrize(
    "change",
    [
        {"alpha": 0},
        {"variance": 0},
        {"min_variance": 0},
        {"scale": -1},
        {"power": 1},
        {"spacing": 1},
    ],
)
def test_bad_input_is_an_error(change):
    arguments = {"variance": 10.0, "alpha": 0.05, "min_variance": 1.0, **change}
    with pytest.raises(ValueError, match="must be"):
        polynomial_stitching(arguments.pop("variance"), **arguments)


def test_the_intrinsic_time_must_be_positive():
    with pytest.raises(ValueError, match="variance"):
        uniform_boundary(NormalMixture(1), 0.0, alpha=0.05)
