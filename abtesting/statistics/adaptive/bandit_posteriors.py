"""What a bandit knows of a variant: normal, beta and gamma posteriors of its value.

`bandits` integrates over them. Each one offers its density and its tails on a scale that runs over
all real numbers (the value itself, its logit or its logarithm), where densities are smooth and no
end of the range is special.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import special

from abtesting.statistics.arguments import require_finite, require_positive, require_type
from abtesting.statistics.moments import Counts, Moments
from abtesting.statistics.types import NotEnoughData

FloatArray = NDArray[np.float64]
Goal = Literal["largest", "smallest"]


class Posterior(Protocol):
    """What is known of the value of one variant."""

    @property
    def mean(self) -> float:
        """Posterior mean of the value."""

    @property
    def centre(self) -> float:
        """Mode on the scale."""

    @property
    def spread(self) -> float:
        """Standard deviation on the scale, about."""

    def log_density(self, distance: FloatArray) -> FloatArray:
        """Log density on the scale at `centre + distance`, less that at the centre."""

    def tail(self, points: FloatArray, goal: Goal) -> FloatArray:
        """Probability below (`largest`) or above (`smallest`) points of the scale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalPosterior:
    """A mean with a normal posterior."""

    mean: float
    standard_deviation: float

    def __post_init__(self) -> None:
        require_finite("mean", self.mean)
        require_positive("standard_deviation", self.standard_deviation)

    @property
    def centre(self) -> float:
        """The mean."""
        return self.mean

    @property
    def spread(self) -> float:
        """The standard deviation."""
        return self.standard_deviation

    def log_density(self, distance: FloatArray) -> FloatArray:
        """See `Posterior`."""
        return -0.5 * np.square(distance / self.standard_deviation)

    def tail(self, points: FloatArray, goal: Goal) -> FloatArray:
        """See `Posterior`."""
        z = (points - self.mean) / self.standard_deviation
        return np.asarray(special.ndtr(z if goal == "largest" else -z))


@dataclass(frozen=True, slots=True, kw_only=True)
class BetaPosterior:
    """A conversion rate: `successes` and `failures` seen, those of the prior included."""

    successes: float
    failures: float

    def __post_init__(self) -> None:
        require_positive("successes", self.successes)
        require_positive("failures", self.failures)

    @classmethod
    def from_counts(
        cls, counts: Counts, *, prior_successes: float = 1.0, prior_failures: float = 1.0
    ) -> BetaPosterior:
        """Add what was seen to the prior, the uniform one by default."""
        require_type("counts", counts, Counts)
        return cls(
            successes=prior_successes + counts.num_successes,
            failures=prior_failures + counts.num_units - counts.num_successes,
        )

    @property
    def mean(self) -> float:
        """Posterior mean of the rate."""
        return self.successes / (self.successes + self.failures)

    @property
    def centre(self) -> float:
        """Logit of the mean, which is the mode of the logit."""
        return math.log(self.successes) - math.log(self.failures)

    @property
    def spread(self) -> float:
        """Standard deviation of the logit."""
        shapes = (self.successes, self.failures)
        return math.sqrt(sum(float(special.polygamma(1, shape)) for shape in shapes))

    def log_density(self, distance: FloatArray) -> FloatArray:
        """See `Posterior`."""
        # Relative to the mode: the two terms stay comparable with millions of units. The larger
        # exponent is taken out, so that exp doesn't overflow in the far tail.
        total = self.successes + self.failures
        near = -total * np.log1p(self.mean * np.expm1(np.minimum(distance, 1.0)))
        far = -total * np.log1p(self.failures / total * np.expm1(-np.maximum(distance, 1.0)))
        return np.where(
            distance <= 1.0, self.successes * distance + near, -self.failures * distance + far
        )

    def tail(self, points: FloatArray, goal: Goal) -> FloatArray:
        """See `Posterior`."""
        # Of the two ways to write the same tail, the one whose argument is away from 1.
        rates = special.expit(-np.abs(points))
        below, above = points < 0, points >= 0
        tails = np.empty_like(rates)
        if goal == "largest":
            tails[below] = special.betainc(self.successes, self.failures, rates[below])
            tails[above] = special.betaincc(self.failures, self.successes, rates[above])
        else:
            tails[below] = special.betaincc(self.successes, self.failures, rates[below])
            tails[above] = special.betainc(self.failures, self.successes, rates[above])
        return tails


@dataclass(frozen=True, slots=True, kw_only=True)
class GammaPosterior:
    """A rate of events per unit: `events` seen in `units`, those of the prior included."""

    events: float
    units: float

    def __post_init__(self) -> None:
        require_positive("events", self.events)
        require_positive("units", self.units)

    @property
    def mean(self) -> float:
        """Posterior mean of the rate."""
        return self.events / self.units

    @property
    def centre(self) -> float:
        """Logarithm of the mean, which is the mode of the logarithm."""
        return math.log(self.events) - math.log(self.units)

    @property
    def spread(self) -> float:
        """Standard deviation of the logarithm."""
        return math.sqrt(float(special.polygamma(1, self.events)))

    def log_density(self, distance: FloatArray) -> FloatArray:
        """See `Posterior`."""
        # exp overflows only where the density is 0 anyway.
        return self.events * (distance - np.expm1(np.minimum(distance, 700.0)))

    def tail(self, points: FloatArray, goal: Goal) -> FloatArray:
        """See `Posterior`."""
        values = self.units * np.exp(np.minimum(points, 700.0 - abs(math.log(self.units))))
        tail = special.gammainc if goal == "largest" else special.gammaincc
        return np.asarray(tail(self.events, values))


def normal_posterior(
    moments: Moments, *, prior_mean: float, prior_variance: float
) -> NormalPosterior | NotEnoughData:
    """Return the posterior of the mean of the first column, with the sample variance as known.

    Below 2 units it is the prior. Units that all have the same value say nothing of the variance;
    then there is no posterior (`zero_variance`), and the variant should keep its share.

    Examples:
        >>> posterior = normal_posterior(
        ...     Moments.from_array([1.0, 2.0, 6.0]), prior_mean=0.0, prior_variance=100.0
        ... )
        >>> round(posterior.mean, 3), round(posterior.standard_deviation, 3)
        (2.932, 1.51)
    """
    require_type("moments", moments, Moments)
    require_finite("prior_mean", prior_mean)
    require_positive("prior_variance", prior_variance)
    if moments.n < 2:
        return NormalPosterior(mean=prior_mean, standard_deviation=math.sqrt(prior_variance))
    variance = moments.variance / moments.n
    if variance <= 0:
        return NotEnoughData(
            code="zero_variance",
            detail=f"all {moments.n} units have {moments.mean:g}; a posterior needs a variance",
        )
    # Weights instead of precisions: 1 / variance leaves the float range for tiny variances.
    weight = prior_variance / (prior_variance + variance)
    return NormalPosterior(
        mean=weight * moments.mean + (1 - weight) * prior_mean,
        standard_deviation=math.sqrt(weight * variance),
    )
