"""Uniform boundaries: how far a sum may stray from its expectation, at all times together.

A boundary u(v) bounds a sum S whose intrinsic time (its variance, for normal increments) is v: the
chance that S ever exceeds u(v) is at most alpha. Each comes from mixing exponential martingales
over their parameter, whose value is at the same time an e-value; `polynomial_stitching` comes from
a union over epochs. `confidence_sequences` turns them into intervals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy import special

from abtesting.statistics.arguments import (
    require_alpha,
    require_at_least,
    require_finite,
    require_positive,
    require_probability,
    shown,
)
from abtesting.statistics.roots import find_root

Array = npt.NDArray[np.float64]


class Mixture(Protocol):
    """A mixture of martingales, each of which starts at 1 and is expected to stay there."""

    def log_value(self, total: float, variance: float) -> float:
        """Return the log of the mixture when the sum is `total` at intrinsic time `variance`."""


@dataclass(frozen=True, slots=True)
class NormalMixture:
    """For sums whose increments are normal, symmetric or bounded (sub-Gaussian).

    Attributes:
        optimal_variance: Intrinsic time at which the boundary is tightest.
        tuning_alpha: Level for which it is.
        two_sided: Whether the absolute value of the sum is bounded, or the sum from above.

    References:
        Howard, S. R., Ramdas, A., McAuliffe, J. & Sekhon, J. (2021). Time-uniform, nonparametric,
        nonasymptotic confidence sequences. Annals of Statistics 49(2), propositions 5 and 6.

    Examples:
        >>> mixture = NormalMixture(5000)
        >>> [round(uniform_boundary(mixture, v, alpha=0.05), 1) for v in (50, 5_000, 50_000)]
        [64.2, 214.6, 724.9]
    """

    optimal_variance: float
    tuning_alpha: float = field(default=0.05, kw_only=True)
    two_sided: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        _require_tuning(self.optimal_variance, self.tuning_alpha)

    @property
    def rho(self) -> float:
        """Intrinsic time that the mixture adds to the data's."""
        return best_rho(
            self.optimal_variance, self.tuning_alpha if self.two_sided else 2 * self.tuning_alpha
        )

    def log_value(self, total: float, variance: float) -> float:
        """Return the log of the mixture when the sum is `total` at intrinsic time `variance`."""
        spread = variance + self.rho
        log_value = 0.5 * math.log(self.rho / spread) + total * total / (2 * spread)
        if self.two_sided:
            return log_value
        return log_value + math.log(2) + float(special.log_ndtr(total / math.sqrt(spread)))


@dataclass(frozen=True, slots=True)
class GammaExponentialMixture:
    """For sums with a heavy upper tail, such as centred exponential ones (sub-exponential).

    Attributes:
        optimal_variance: Intrinsic time at which the boundary is tightest.
        scale: Scale c of the tail.
        tuning_alpha: Level for which it is.

    References:
        Howard et al. (2021), proposition 9.

    Examples:
        >>> mixture = GammaExponentialMixture(500, scale=1.0)
        >>> round(uniform_boundary(mixture, 500, alpha=0.05), 2)
        64.37
    """

    optimal_variance: float
    scale: float = field(kw_only=True)
    tuning_alpha: float = field(default=0.05, kw_only=True)

    def __post_init__(self) -> None:
        _require_tuning(self.optimal_variance, self.tuning_alpha)
        require_positive("scale", self.scale)

    def log_value(self, total: float, variance: float) -> float:
        """Return the log of the mixture when the sum is `total` at intrinsic time `variance`."""
        square = self.scale * self.scale
        prior = best_rho(self.optimal_variance, 2 * self.tuning_alpha) / square
        shape = variance / square + prior
        rate = total / self.scale + shape
        tails = special.gammainc([prior, shape], [prior, rate])
        return _gamma_log_value(prior, shape, rate, *np.log(tails).tolist())


@dataclass(frozen=True, slots=True)
class GammaPoissonMixture:
    """For sums of centred counts, or of variables bounded from above (sub-Poisson).

    Attributes:
        optimal_variance: Intrinsic time at which the boundary is tightest.
        scale: Scale c: the bound of an increment.
        tuning_alpha: Level for which it is.

    References:
        Howard et al. (2021), proposition 10.

    Examples:
        >>> mixture = GammaPoissonMixture(500, scale=1.0)
        >>> round(uniform_boundary(mixture, 500, alpha=0.05), 2)
        63.16
    """

    optimal_variance: float
    scale: float = field(kw_only=True)
    tuning_alpha: float = field(default=0.05, kw_only=True)

    def __post_init__(self) -> None:
        _require_tuning(self.optimal_variance, self.tuning_alpha)
        require_positive("scale", self.scale)

    def log_value(self, total: float, variance: float) -> float:
        """Return the log of the mixture when the sum is `total` at intrinsic time `variance`."""
        square = self.scale * self.scale
        prior = best_rho(self.optimal_variance, 2 * self.tuning_alpha) / square
        rate = variance / square + prior
        shape = total / self.scale + rate
        tails = special.gammaincc([prior, shape], [prior, rate])
        return _gamma_log_value(prior, shape, rate, *np.log(tails).tolist())


@dataclass(frozen=True, slots=True)
class BetaBinomialMixture:
    """For centred successes of a known probability, and any variables within the same bounds.

    An increment lies between `-probability` and `1 - probability`, and the intrinsic time of n of
    them is n * probability * (1 - probability).

    Attributes:
        optimal_variance: Intrinsic time at which the boundary is tightest.
        probability: That of a success.
        tuning_alpha: Level for which it is.
        two_sided: Whether the absolute value of the sum is bounded, or the sum from above.

    References:
        Howard et al. (2021), propositions 7 and 8.

    Examples:
        >>> mixture = BetaBinomialMixture(125, probability=0.5)
        >>> round(uniform_boundary(mixture, 125, alpha=0.05), 2)
        33.88
    """

    optimal_variance: float
    probability: float = field(kw_only=True)
    tuning_alpha: float = field(default=0.05, kw_only=True)
    two_sided: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        _require_tuning(self.optimal_variance, self.tuning_alpha)
        require_probability("probability", self.probability)

    def log_value(self, total: float, variance: float) -> float:
        """Return the log of the mixture when the sum is `total` at intrinsic time `variance`."""
        p = self.probability
        trials = variance / (p * (1 - p))
        successes = total + trials * p
        log_value = float(self.log_values(np.array(successes), trials))
        if self.two_sided:
            return log_value
        hits, misses = self._prior
        above = float(special.betaincc(hits + successes, misses + trials - successes, p))
        return log_value + math.log(above) - math.log(float(special.betaincc(hits, misses, p)))

    def log_values(self, successes: Array, trials: float) -> Array:
        """Return the logs of the two-sided mixture for numbers of successes among `trials`."""
        hits, misses = self._prior
        failures = trials - successes
        return np.asarray(
            special.betaln(hits + successes, misses + failures)
            - special.betaln(hits, misses)
            - successes * math.log(self.probability)
            - failures * math.log1p(-self.probability)
        )

    @property
    def _prior(self) -> tuple[float, float]:
        unit = self.probability * (1 - self.probability)
        alpha = self.tuning_alpha if self.two_sided else 2 * self.tuning_alpha
        # A mixture this wide at least: tuned to few trials, nothing would be left of it.
        rho = max(best_rho(self.optimal_variance, alpha) - unit, 1e-3 * unit)
        return rho / (1 - self.probability), rho / self.probability


def uniform_boundary(mixture: Mixture, variance: float, *, alpha: float) -> float:
    """Return how far a sum may stray at intrinsic time `variance`.

    Args:
        mixture: What the boundary is made of.
        variance: Intrinsic time of the sum.
        alpha: Chance that the sum ever strays beyond.
    """
    if not hasattr(mixture, "log_value"):
        raise ValueError(
            f"mixture is {shown(mixture)}; it must be a Mixture such as NormalMixture(500.0)"
        )
    require_alpha(alpha)
    require_positive("variance", variance)
    threshold = -math.log(alpha)
    if isinstance(mixture, NormalMixture) and mixture.two_sided:
        rho = mixture.rho
        return math.sqrt((variance + rho) * (math.log1p(variance / rho) + 2 * threshold))
    highest = math.inf
    if isinstance(mixture, BetaBinomialMixture):
        highest = variance / mixture.probability  # all trials are successes
        if mixture.log_value(highest, variance) <= threshold:
            return highest
    high = math.sqrt(variance) + 1
    while high < highest and mixture.log_value(high, variance) <= threshold:
        high *= 2
    high = min(high, highest)
    return find_root(
        lambda total: mixture.log_value(total, variance) - threshold, 0.0, high, tolerance=1e-12
    )


def polynomial_stitching(
    variance: float,
    *,
    alpha: float,
    min_variance: float,
    scale: float = 0.0,
    power: float = 1.4,
    spacing: float = 2.0,
) -> float:
    """Return a one-sided boundary that grows at the rate of the law of the iterated logarithm.

    Args:
        variance: Intrinsic time of the sum.
        alpha: Chance that the sum ever exceeds the boundary.
        min_variance: Intrinsic time from which on the boundary grows.
        scale: Scale c of the tail; 0 for sub-Gaussian sums.
        power: How fast the error of later epochs falls, above 1.
        spacing: Ratio of the lengths of neighbouring epochs, above 1.

    References:
        Howard et al. (2021), theorem 1 and equation 10.

    Examples:
        >>> [round(polynomial_stitching(v, alpha=0.05, min_variance=100), 1) for v in (50, 5_000)]
        [29.2, 264.3]
    """
    require_alpha(alpha)
    require_positive("variance", variance)
    require_positive("min_variance", min_variance)
    require_at_least("scale", scale, 0)
    if not (power > 1 and spacing > 1):
        raise ValueError(f"power is {power!r} and spacing {spacing!r}; both must be above 1")
    late = max(variance, min_variance)
    first = (spacing**0.25 + spacing**-0.25) / math.sqrt(2)
    second = (math.sqrt(spacing) + 1) / 2
    epochs = power * math.log(math.log(spacing * late / min_variance)) + math.log(
        float(special.zeta(power)) / (alpha * math.log(spacing) ** power)
    )
    shift = scale * second * epochs
    return math.sqrt(first * first * late * epochs + shift * shift) + shift


def best_rho(variance: float, alpha: float) -> float:
    """Return the intrinsic time a two-sided normal mixture adds to be tightest at `variance`."""
    require_positive("variance", variance)
    require_alpha(alpha)
    evidence = -2 * math.log(alpha)
    return variance / (evidence + math.log1p(evidence))


def _gamma_log_value(
    prior: float, shape: float, rate: float, log_prior_tail: float, log_tail: float
) -> float:
    """Return the log of a mixture over a part of a gamma distribution, `tail` of it."""
    return (
        prior * math.log(prior)
        - math.lgamma(prior)
        - log_prior_tail
        + math.lgamma(shape)
        + log_tail
        - shape * math.log(rate)
        + (rate - prior)
    )


def _require_tuning(optimal_variance: float, tuning_alpha: float) -> None:
    require_positive("optimal_variance", optimal_variance)
    require_finite("tuning_alpha", tuning_alpha)
    if not 0 < tuning_alpha < 0.5:
        raise ValueError(f"tuning_alpha is {tuning_alpha!r}; it must be between 0 and 0.5")
