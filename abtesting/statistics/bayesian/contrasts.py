"""The difference and the ratio of two variants, from the posterior of each.

Neither has a closed form. Their tails are integrals over one of the variants, and quantiles are
found by Newton's method. `bayes_conjugate` reports them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from abtesting.statistics.adaptive.bandit_posteriors import FloatArray, Goal
from abtesting.statistics.bayesian.posteriors import (
    Grid,
    ValuePosterior,
    increasing_root,
    panel_edges,
)

NEGLIGIBLE_MASS = 1e-18
"""Points with less play no part."""
SHARP_END = 0.3
"""Spread from which on a density may end sharply at an end of the range: some 10 events."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """Distribution of variant - control and of variant / control.

    Attributes:
        for_difference: How integrals for the difference are taken.
        for_ratio: How those for the ratio are taken.
        mean: Mean of the difference.
        sd: Standard deviation of the difference.
        log_ratio: Logarithm of the ratio of the means.
        relative_sd: Standard deviation of the ratio relative to itself, about.
    """

    for_difference: _Integral
    for_ratio: _Integral
    mean: float
    sd: float
    log_ratio: float
    relative_sd: float

    @classmethod
    def between(cls, control: ValuePosterior, variant: ValuePosterior) -> Contrast:
        """Prepare the integrals over two independent posteriors of one family."""
        relative_sds = (control.sd / control.mean, variant.sd / variant.mean)
        over_control = _Integral.over(control, variant, over_variant=False)
        over_variant = _Integral.over(variant, control, over_variant=True)
        return cls(
            for_difference=over_variant if variant.sd <= control.sd else over_control,
            for_ratio=over_variant if relative_sds[1] <= relative_sds[0] else over_control,
            mean=variant.mean - control.mean,
            sd=math.hypot(control.sd, variant.sd),
            log_ratio=math.log(variant.mean) - math.log(control.mean),
            relative_sd=math.hypot(*relative_sds),
        )

    def difference_quantile(self, probability: float) -> float:
        """Return a quantile of variant - control."""
        at = self.for_difference.at_difference
        difference = self.mean + self.sd * float(special.ndtri(probability))
        for _ in range(12):
            below, density = at(difference)
            step = (below - probability) / density if density > 0 else math.inf
            if abs(step) > 4 * self.sd:
                break
            difference -= step
            if abs(step) < 1e-11 * self.sd:
                return difference
        return increasing_root(
            lambda x: at(x)[0] - probability,
            self.mean - 40 * self.sd,
            self.mean + 40 * self.sd,
            tolerance=1e-12 * self.sd,
        )

    def log_difference_density(self, difference: float) -> float:
        """Return the log density of variant - control."""
        density = self.for_difference.at_difference(difference)[1]
        return math.log(density) if density > 0 else -math.inf

    def lift_quantile(self, probability: float) -> float:
        """Return a quantile of variant / control - 1."""

        def excess(log_ratio: float) -> float:
            return self.for_ratio.ratio_tail(math.exp(log_ratio), below=True) - probability

        reach = 6 * self.relative_sd
        low, high = self.log_ratio - reach, self.log_ratio + reach
        while excess(low) > 0:
            low, reach = low - reach, 2 * reach
        while excess(high) < 0:
            high, reach = high + reach, 2 * reach
        tolerance = 1e-12 * min(1.0, self.relative_sd)
        return math.expm1(increasing_root(excess, low, high, tolerance=tolerance))

    def lift_tail(self, lift: float, *, below: bool) -> float:
        """Return the probability of a lift below (or above) a value."""
        if lift <= -1:
            return 0.0 if below else 1.0
        return self.for_ratio.ratio_tail(1 + lift, below=below)


@dataclass(frozen=True, slots=True)
class _Integral:
    """An integral over one arm of the tail, or the density, of the other one.

    It is taken over the sharper arm: the tail of the other one then changes slowly from point to
    point.

    Attributes:
        inner: The arm that is integrated over.
        other: The other arm.
        over_variant: Whether the inner arm is the variant.
        edges: Panels of the inner arm that matter.
        values: Values of the inner arm in them.
        masses: Their probabilities.
        density_sum: Integral of the density of the other arm, which is relative to its mode.
        bends: Whether the density of the other arm may end sharply at an end of the range.
    """

    inner: ValuePosterior
    other: ValuePosterior
    over_variant: bool
    edges: FloatArray
    values: FloatArray
    masses: FloatArray
    density_sum: float
    bends: bool

    @classmethod
    def over(cls, inner: ValuePosterior, other: ValuePosterior, *, over_variant: bool) -> _Integral:
        edges = panel_edges([inner])
        masses = Grid.on(edges, inner).masses(inner).reshape(len(edges) - 1, -1).sum(axis=1)
        kept = np.flatnonzero(masses > NEGLIGIBLE_MASS)
        edges = edges[kept[0] : kept[-1] + 2]
        grid = Grid.on(edges, inner)
        whole = Grid.over([other])
        densities = whole.weights * np.exp(other.log_density(whole.points - other.centre))
        return cls(
            inner=inner,
            other=other,
            over_variant=over_variant,
            edges=edges,
            values=grid.values,
            masses=grid.masses(inner),
            density_sum=float(densities.sum()),
            bends=other.spread > SHARP_END,
        )

    def at_difference(self, difference: float) -> tuple[float, float]:
        """Return the probability of a smaller difference, and the density."""
        shift = -difference if self.over_variant else difference
        values, masses = self._points_with(-shift, 1 - shift)
        bounds = values + shift
        points = self.other.point(bounds)
        inside = np.isfinite(points)
        densities = np.exp(self.other.log_density(points[inside] - self.other.centre))
        densities /= self.other.slope(bounds[inside]) * self.density_sum
        tails = self.other.tail(points, self._goal(below=True))
        return float((masses * tails).sum()), float((masses[inside] * densities).sum())

    def ratio_tail(self, ratio: float, *, below: bool) -> float:
        """Return the probability of a smaller (or larger) ratio."""
        factor = 1 / ratio if self.over_variant else ratio
        values, masses = self._points_with(1 / factor)
        tails = self.other.tail(self.other.point(values * factor), self._goal(below=below))
        return min(1.0, float((masses * tails).sum()))

    def _points_with(self, *ends: float) -> tuple[FloatArray, FloatArray]:
        """Return values of the inner arm and their probabilities.

        Where the other arm meets an end of its range the integrand bends, unless the density of
        that arm has faded out before. These values become ends of panels.
        """
        if not self.bends:
            return self.values, self.masses
        points = self.inner.point(np.asarray(ends, dtype=np.float64))
        edges = np.unique([*self.edges, *np.clip(points, self.edges[0], self.edges[-1])])
        grid = Grid.on(edges, self.inner)
        return grid.values, grid.masses(self.inner)

    def _goal(self, *, below: bool) -> Goal:
        """Return which tail of the other arm is meant.

        The variant lies below its bound exactly when the control lies above its own.
        """
        return "smallest" if below == self.over_variant else "largest"
