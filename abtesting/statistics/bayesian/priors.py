"""Priors, and how they are fitted from a shop's own past tests.

A prior says what effects and rates were usual before this test. `NormalPrior`, `BetaPrior` and
`GammaPrior` are always proper. A fitted prior moves from a wide default to what the past tests show
as their number grows, so it may be used from the first test on. All tests of a metric must go in,
also those that were stopped or lost: winners alone make the next winner look too good.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from abtesting.statistics.arguments import (
    require_at_least,
    require_finite,
    require_positive,
    require_type,
    require_types,
)
from abtesting.statistics.moments import Counts, Moments
from abtesting.statistics.programme.shrinkage import (
    Floats,
    as_effects,
    between_variance,
    pooled_mean,
)

DEFAULT_WORTH = 3.0
"""Past tests that a default counts for: from as many on, the past has the larger say."""


@dataclass(frozen=True, slots=True)
class NormalPrior:
    """A normal prior of an effect, on the scale of whatever it is used with.

    Attributes:
        mean: Expected effect.
        sd: Standard deviation of effects, above 0.
    """

    mean: float
    sd: float

    def __post_init__(self) -> None:
        require_finite("mean of the prior", self.mean)
        require_positive("sd of the prior", self.sd)


@dataclass(frozen=True, slots=True)
class BetaPrior:
    """A beta prior of a rate; it counts for `alpha` successes and `beta` failures.

    Attributes:
        alpha: At least 0.05.
        beta: At least 0.05.
    """

    alpha: float
    beta: float

    def __post_init__(self) -> None:
        for name, value in (("alpha", self.alpha), ("beta", self.beta)):
            # Below this a posterior without successes has mass under the smallest float.
            require_at_least(f"{name} of the prior", value, 0.05)


@dataclass(frozen=True, slots=True)
class GammaPrior:
    """A gamma prior of events per unit; it counts for `shape` events in `rate` units.

    Attributes:
        shape: At least 0.05.
        rate: Above 0.
    """

    shape: float
    rate: float

    def __post_init__(self) -> None:
        # Below this a posterior without events has mass under the smallest float.
        require_at_least("shape of the prior", self.shape, 0.05)
        require_positive("rate of the prior", self.rate)


WIDE_LIFT = NormalPrior(0.0, 0.1)
"""Lifts of tests in shops mostly lie within 5 %; twice that, so that it informs weakly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedNormalPrior:
    """A prior of effects, and what it rests on.

    Attributes:
        prior: The prior to use.
        data_weight: Share of the past tests in its width, from 0 (all default) to below 1. Tests
            that are noisy beside the spread of their effects count for little.
        num_tests: Past tests.
        mean_of_tests: Mean effect of the tests by themselves; `None` below 2 tests.
        sd_of_tests: Standard deviation of their true effects by themselves, by REML; `None` below
            2 tests.
        default: The prior without tests.
        method: `penalised_reml`.
    """

    prior: NormalPrior
    data_weight: float
    num_tests: int
    mean_of_tests: float | None
    sd_of_tests: float | None
    default: NormalPrior
    method: str = "penalised_reml"


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedBetaPrior:
    """A prior of a rate, and what it rests on.

    Attributes:
        prior: The prior to use.
        data_weight: Share of the past tests in its weight, from 0 (all default) to below 1.
        num_tests: Past tests.
        mean_of_tests: Mean of their rates; `None` below 2 tests.
        sd_of_tests: Standard deviation of their true rates; `None` below 2 tests.
        method: `moments`, or `default` if there is nothing to fit.
    """

    prior: BetaPrior
    data_weight: float
    num_tests: int
    mean_of_tests: float | None
    sd_of_tests: float | None
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedGammaPrior:
    """A prior of events per unit, and what it rests on; the attributes of `FittedBetaPrior`."""

    prior: GammaPrior
    data_weight: float
    num_tests: int
    mean_of_tests: float | None
    sd_of_tests: float | None
    method: str


def fit_normal_prior(
    effects: Sequence[float],
    standard_errors: Sequence[float],
    *,
    default: NormalPrior = WIDE_LIFT,
) -> FittedNormalPrior:
    """Fit a prior of effects to past tests.

    Mean and spread of the true effects come from the restricted likelihood, with a default that
    counts for three tests without noise: a lognormal prior of the spread and a normal one of the
    mean. Without that, few tests often give a spread of 0, and with it a prior that no
    data could move.

    Args:
        effects: Effect of each past test; lifts for the default to make sense.
        standard_errors: Standard error of each, above 0.
        default: Prior without tests. On a scale other than lifts it has to be given.

    References:
        Deng, A. (2015). Objective Bayesian two sample hypothesis testing for online controlled
        experiments. WWW '15 Companion.
        Chung, Y., Rabe-Hesketh, S. & Choi, I.-H. (2013). Avoiding zero between-study variance
        estimates in random-effects meta-analysis. Statistics in Medicine 32(23).

    Examples:
        >>> lifts = [0.012, -0.004, 0.031, 0.002, -0.011, 0.019, 0.008, -0.002, 0.005, 0.044]
        >>> fitted = fit_normal_prior(lifts, [0.01] * 10)
        >>> round(fitted.prior.mean, 4), round(fitted.prior.sd, 4), round(fitted.data_weight, 2)
        (0.0078, 0.0319, 0.73)
        >>> fit_normal_prior([], []).prior
        NormalPrior(mean=0.0, sd=0.1)
    """
    require_type("default", default, NormalPrior)
    y, v = as_effects(effects, standard_errors)
    num_tests = len(y)
    mean_of_tests = sd_of_tests = None
    if num_tests >= 2:
        tau2 = between_variance(y, v, "reml")
        mean_of_tests, sd_of_tests = pooled_mean(y, v, tau2)[0], math.sqrt(tau2)
    spread = _penalised_variance(y, v, default)
    mean = _mean_with_default(y, v, spread, default)
    information = float(((spread / (v + spread)) ** 2).sum())
    return FittedNormalPrior(
        prior=NormalPrior(mean, math.sqrt(spread)) if num_tests else default,
        data_weight=information / (information + DEFAULT_WORTH),
        num_tests=num_tests,
        mean_of_tests=mean_of_tests,
        sd_of_tests=sd_of_tests,
        default=default,
    )


def fit_beta_prior(
    rates: Sequence[Counts], *, default: BetaPrior = BetaPrior(1.0, 1.0)
) -> FittedBetaPrior:
    """Fit a prior of a rate to the rates of past tests, such as those of their controls.

    Its mean and variance are those of the true rates by moments. It counts for at most as many
    units as the middle one of the past tests, and with few tests for fewer, down to half a success.

    Args:
        rates: Counts of each past test.
        default: Prior below 2 tests, or without any success or failure.

    References:
        Kleinman, J. C. (1973). Proportions with extraneous variance: single and independent
        samples. JASA 68(341).

    Examples:
        >>> past = [Counts(num_units=4000, num_successes=x) for x in (180, 210, 236, 195, 222, 251)]
        >>> fitted = fit_beta_prior(past)
        >>> round(fitted.prior.alpha, 1), round(fitted.prior.beta, 1), fitted.num_tests
        (16.1, 282.0, 6)
    """
    require_types("rates", rates, Counts)
    require_type("default", default, BetaPrior)
    tested = [counts for counts in rates if counts.num_units > 0]
    units = np.array([counts.num_units for counts in tested], dtype=np.float64)
    successes = np.array([counts.num_successes for counts in tested], dtype=np.float64)
    mean = float(successes.sum() / units.sum()) if tested else 0.0
    if len(tested) < 2 or not 0 < mean < 1:
        return FittedBetaPrior(
            prior=default,
            data_weight=0.0,
            num_tests=len(tested),
            mean_of_tests=None,
            sd_of_tests=None,
            method="default",
        )
    binomial = mean * (1 - mean)
    tau2 = between_variance(successes / units, binomial / units, "paule_mandel")
    mean = pooled_mean(successes / units, binomial / units, tau2)[0]
    binomial = mean * (1 - mean)
    worth = _worth_in_units(
        binomial / tau2 - 1 if tau2 > 0 else math.inf, units, least=0.5 / min(mean, 1 - mean)
    )
    return FittedBetaPrior(
        prior=BetaPrior(mean * worth, (1 - mean) * worth),
        data_weight=_data_weight(len(tested)),
        num_tests=len(tested),
        mean_of_tests=mean,
        sd_of_tests=math.sqrt(tau2),
        method="moments",
    )


def fit_gamma_prior(
    counts: Sequence[Moments], *, default: GammaPrior = GammaPrior(1.0, 1.0)
) -> FittedGammaPrior:
    """Fit a prior of events per unit to past tests, as `fit_beta_prior` does for rates.

    Args:
        counts: Moments of the events of each unit, one per past test.
        default: Prior below 2 tests, or without any event.

    Examples:
        >>> past = [
        ...     Moments(n=4000, means=(m,), comoments=((4000 * m,),))
        ...     for m in (0.21, 0.25, 0.19, 0.24, 0.22)
        ... ]
        >>> fitted = fit_gamma_prior(past)
        >>> round(fitted.prior.shape, 1), round(fitted.prior.rate, 1)
        (13.4, 60.3)
    """
    require_types("counts", counts, Moments)
    require_type("default", default, GammaPrior)
    tested = [moments for moments in counts if moments.n >= 2]
    units = np.array([moments.n for moments in tested], dtype=np.float64)
    means = np.array([moments.mean for moments in tested], dtype=np.float64)
    if tested and float(means.min()) < 0:
        raise ValueError(
            f"mean of the events per unit is {float(means.min())!r}; counts must be at least 0"
        )
    mean = float(means @ units / units.sum()) if tested else 0.0
    if len(tested) < 2 or mean == 0:
        return FittedGammaPrior(
            prior=default,
            data_weight=0.0,
            num_tests=len(tested),
            mean_of_tests=None,
            sd_of_tests=None,
            method="default",
        )
    variances = np.array([max(mean, moments.variance) for moments in tested]) / units
    tau2 = between_variance(means, variances, "paule_mandel")
    mean = pooled_mean(means, variances, tau2)[0]
    worth = _worth_in_units(mean / tau2 if tau2 > 0 else math.inf, units, least=0.5 / mean)
    return FittedGammaPrior(
        prior=GammaPrior(mean * worth, worth),
        data_weight=_data_weight(len(tested)),
        num_tests=len(tested),
        mean_of_tests=mean,
        sd_of_tests=math.sqrt(tau2),
        method="moments",
    )


def _data_weight(num_tests: int) -> float:
    return num_tests / (num_tests + DEFAULT_WORTH)


def _worth_in_units(fitted: float, units: Floats, *, least: float) -> float:
    """Return for how many units a prior counts, between `least` and the fit by the tests' share."""
    most = max(least, float(np.median(units)))
    weight = _data_weight(len(units))
    return math.exp(
        weight * math.log(min(max(fitted, least), most)) + (1 - weight) * math.log(least)
    )


def _mean_with_default(y: Floats, v: Floats, spread: float, default: NormalPrior) -> float:
    w = 1 / (v + spread)
    prior_weight = DEFAULT_WORTH / spread
    return (float(w @ y) + prior_weight * default.mean) / (float(w.sum()) + prior_weight)


def _penalised_variance(y: Floats, v: Floats, default: NormalPrior) -> float:
    """Return the variance of true effects that fits tests and default best."""
    default_variance = default.sd * default.sd

    def log_fit(log_spread: float) -> float:
        spread = math.exp(log_spread)
        w = 1 / (v + spread)
        total = float(w.sum()) + DEFAULT_WORTH / spread
        mean = _mean_with_default(y, v, spread, default)
        squares = float(w @ (y - mean) ** 2) + DEFAULT_WORTH / spread * (mean - default.mean) ** 2
        restricted = float(np.log(w).sum()) - log_spread - math.log(total) - squares
        # A test without noise has the information 1/2 on the logarithm of the variance.
        return restricted - DEFAULT_WORTH / 2 * (log_spread - math.log(default_variance)) ** 2

    largest = max([default_variance, *((y - default.mean) ** 2)])
    smallest = min([default_variance, *(v * 1e-2)]) * 1e-2
    grid = np.linspace(math.log(smallest), math.log(largest) + 1, 120)
    best = int(np.argmax([log_fit(float(x)) for x in grid]))
    low, high = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, len(grid) - 1)])
    # Golden section.
    ratio = (math.sqrt(5) - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    f_left, f_right = log_fit(left), log_fit(right)
    while high - low > 1e-9:
        if f_left < f_right:
            low, left, f_left = left, right, f_right
            right = low + ratio * (high - low)
            f_right = log_fit(right)
        else:
            high, right, f_right = right, left, f_left
            left = high - ratio * (high - low)
            f_left = log_fit(left)
    return math.exp((low + high) / 2)
