"""What is known of the value of one variant, on the scale of the value itself.

The posteriors of the bandits offer density and tails on the scale where they are smooth (logit,
logarithm, the value itself). Here they get what people ask for: deviation, quantiles and
highest-density intervals, and a grid for integrals over the values of several variants that
reaches far into the tails. `bayes_conjugate` and `bayes_best` use it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import special

from abtesting.statistics.adaptive.bandit_posteriors import (
    BetaPosterior,
    FloatArray,
    GammaPosterior,
    Goal,
    NormalPosterior,
)
from abtesting.statistics.types import Interval

NODES, NODE_WEIGHTS = np.polynomial.legendre.leggauss(16)
PANEL_EDGES = np.arange(-40.0, 41.0, 2.0)
"""Ends of the panels around the centre of a posterior, in its standard deviations."""
NARROW_EDGES = np.arange(-12.0, 12.5, 1.5)
"""The same in units of the scale: with few events one end is sharp, however wide the rest."""
LARGEST_POINT = 700.0
"""exp of more leaves the float range."""


class ValuePosterior(Protocol):
    """A posterior with its values beside the points of its scale."""

    @property
    def mean(self) -> float:
        """Mean of the value."""

    @property
    def sd(self) -> float:
        """Standard deviation of the value."""

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

    def value(self, points: FloatArray) -> FloatArray:
        """Values at points of the scale."""

    def point(self, values: FloatArray) -> FloatArray:
        """Points of the scale at values; infinite at and beyond the ends of the range."""

    def slope(self, values: FloatArray) -> FloatArray:
        """Change of the value per change of the point."""

    def quantile(self, probability: float) -> float:
        """Value with a probability below it."""

    def hdi(self, level: float) -> Interval:
        """Shortest interval with a probability."""


class RatePosterior(BetaPosterior):
    """A conversion rate; one of the parameters is above 1."""

    __slots__ = ()

    @property
    def sd(self) -> float:
        """Standard deviation of the rate."""
        total = self.successes + self.failures
        return math.sqrt(self.mean * (self.failures / total) / (total + 1))

    def value(self, points: FloatArray) -> FloatArray:
        """See `ValuePosterior`."""
        return np.asarray(special.expit(points))

    def point(self, values: FloatArray) -> FloatArray:
        """See `ValuePosterior`."""
        return np.asarray(special.logit(np.clip(values, 0.0, 1.0)))

    def slope(self, values: FloatArray) -> FloatArray:
        """See `ValuePosterior`."""
        return values * (1 - values)

    def quantile(self, probability: float) -> float:
        """See `ValuePosterior`."""
        return float(special.betaincinv(self.successes, self.failures, probability))

    def hdi(self, level: float) -> Interval:
        """See `ValuePosterior`; without successes it starts at 0."""
        if self.successes <= 1:
            return Interval(0.0, self.quantile(level))
        if self.failures <= 1:
            return Interval(self.quantile(1 - level), 1.0)

        def log_density(rate: float) -> float:
            odds = (rate / self.mean, (1 - rate) / (1 - self.mean))
            return (self.successes - 1) * math.log(odds[0]) + (self.failures - 1) * math.log(
                odds[1]
            )

        return shortest_interval(self.quantile, log_density, level)


class CountPosterior(GammaPosterior):
    """A number of events per unit."""

    __slots__ = ()

    @property
    def sd(self) -> float:
        """Standard deviation of events per unit."""
        return math.sqrt(self.events) / self.units

    def value(self, points: FloatArray) -> FloatArray:
        """See `ValuePosterior`."""
        return np.exp(points)

    def point(self, values: FloatArray) -> FloatArray:
        """See `ValuePosterior`."""
        points = np.full_like(values, -np.inf)
        np.log(values, out=points, where=values > 0)
        return points

    def slope(self, values: FloatArray) -> FloatArray:
        """See `ValuePosterior`."""
        return values

    def quantile(self, probability: float) -> float:
        """See `ValuePosterior`."""
        return float(special.gammaincinv(self.events, probability)) / self.units

    def hdi(self, level: float) -> Interval:
        """See `ValuePosterior`; without events it starts at 0."""
        if self.events <= 1:
            return Interval(0.0, self.quantile(level))

        def log_density(value: float) -> float:
            ratio = value / self.mean
            return (self.events - 1) * math.log(ratio) - self.events * (ratio - 1)

        return shortest_interval(self.quantile, log_density, level)


class MeanPosterior(NormalPosterior):
    """Any estimate that is normal around the truth."""

    __slots__ = ()

    @property
    def sd(self) -> float:
        """Standard deviation of the value."""
        return self.standard_deviation

    def value(self, points: FloatArray) -> FloatArray:
        """See `ValuePosterior`."""
        return points

    def point(self, values: FloatArray) -> FloatArray:
        """See `ValuePosterior`."""
        return values

    def slope(self, values: FloatArray) -> FloatArray:
        """See `ValuePosterior`."""
        return np.ones_like(values)

    def quantile(self, probability: float) -> float:
        """See `ValuePosterior`."""
        return self.mean + self.sd * float(special.ndtri(probability))

    def hdi(self, level: float) -> Interval:
        """See `ValuePosterior`; it is the equal-tailed interval."""
        return Interval(self.quantile((1 - level) / 2), self.quantile((1 + level) / 2))


@dataclass(frozen=True, slots=True)
class Grid:
    """Points at which integrals over the values of posteriors of one family are taken.

    Gauss-Legendre on panels of two standard deviations of each posterior, up to forty: a narrow
    one inside a wide one is not missed, nor is the middle between two that are far apart, from
    which a tiny chance to win comes.

    Attributes:
        points: The points of the scale.
        weights: Their weights in an integral over the scale.
        values: The values there.
        slopes: Change of the value per change of the point.
    """

    points: FloatArray
    weights: FloatArray
    values: FloatArray
    slopes: FloatArray

    @classmethod
    def over(cls, posteriors: Sequence[ValuePosterior]) -> Grid:
        """Return a grid that is dense wherever one of the posteriors changes."""
        return cls.on(panel_edges(posteriors), posteriors[0])

    @classmethod
    def on(cls, edges: FloatArray, posterior: ValuePosterior) -> Grid:
        """Return a grid on panels of the scale of a posterior."""
        middles, halves = (edges[1:] + edges[:-1]) / 2, (edges[1:] - edges[:-1]) / 2
        points = (middles[:, np.newaxis] + halves[:, np.newaxis] * NODES).ravel()
        values = posterior.value(points)
        return cls(
            points=points,
            weights=(halves[:, np.newaxis] * NODE_WEIGHTS).ravel(),
            values=values,
            slopes=posterior.slope(values),
        )

    def masses(self, posterior: ValuePosterior) -> FloatArray:
        """Return the probability that each point stands for."""
        masses = self.weights * np.exp(posterior.log_density(self.points - posterior.centre))
        return np.asarray(masses / masses.sum())

    def integrate(self, function: FloatArray) -> float:
        """Return the integral over the value of a function given at the points."""
        return float((self.weights * self.slopes) @ function)


def panel_edges(posteriors: Sequence[ValuePosterior]) -> FloatArray:
    """Return ends of panels within which none of the posteriors changes much."""
    panels = [p.centre + p.spread * PANEL_EDGES for p in posteriors]
    panels += [p.centre + NARROW_EDGES for p in posteriors if p.spread > 0.75]
    return np.unique(np.clip(np.concatenate(panels), -LARGEST_POINT, LARGEST_POINT))


def shortest_interval(
    quantile: Callable[[float], float], log_density: Callable[[float], float], level: float
) -> Interval:
    """Return the highest-density interval of a distribution with one mode inside its range.

    Both its ends have one density. The more probability lies below it, the lower is the density at
    its upper end and the higher at its lower end.
    """

    def imbalance(below: float) -> float:
        return log_density(quantile(below)) - log_density(quantile(below + level))

    tails = 1 - level
    below = increasing_root(imbalance, 1e-9 * tails, (1 - 1e-9) * tails, tolerance=1e-10 * tails)
    return Interval(quantile(below), quantile(below + level))


def increasing_root(
    function: Callable[[float], float], low: float, high: float, *, tolerance: float
) -> float:
    """Return where an increasing function passes 0, or the end that is nearest to it.

    The Illinois variant of false position: a secant that cannot leave the bracket.

    Examples:
        >>> round(increasing_root(lambda x: x**3 - 8, 0.0, 10.0, tolerance=1e-12), 9)
        2.0
    """
    f_low, f_high = function(low), function(high)
    if f_low >= 0:
        return low
    if f_high <= 0:
        return high
    side = 0
    for _ in range(200):
        if high - low <= tolerance:
            break
        middle = high - f_high * (high - low) / (f_high - f_low)
        if not low < middle < high:
            middle = (low + high) / 2
        f_middle = function(middle)
        if f_middle == 0:
            return middle
        if f_middle > 0:
            high, f_high = middle, f_middle
            f_low, side = (f_low / 2, 1) if side == 1 else (f_low, 1)
        else:
            low, f_low = middle, f_middle
            f_high, side = (f_high / 2, -1) if side == -1 else (f_high, -1)
    return (low + high) / 2
