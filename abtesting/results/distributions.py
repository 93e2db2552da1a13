"""Distributions of a metric: past units drawn again, or a synthetic one with their moments."""

from __future__ import annotations

import math

from abtesting.metrics.history import PastUnits
from abtesting.metrics.kinds import Totals
from abtesting.models import ExperimentMetric, Metric
from abtesting.results.simulation_report import Unavailable
from abtesting.statistics.simulation.generators import (
    Conversions,
    EventCounts,
    Generator,
    Resampled,
    Revenue,
)

NAMES = {
    Conversions: "conversions",
    Revenue: "revenue",
    EventCounts: "event_counts",
    Resampled: "resampled",
}

EVEN_SHAPE = 1e6
"""Shape of counts that vary no more than chance."""


def generator_of(
    row: ExperimentMetric,
    past: PastUnits,
    *,
    is_synthetic: bool,
    minimum_units: int,
    baseline: float | None = None,
) -> Generator | Unavailable:
    """Draws units of a metric: those of the past, or synthetic ones like them.

    Args:
        row: The metric.
        past: What past units did.
        is_synthetic: Whether to draw from a distribution with the moments of the past.
        minimum_units: What a test waits for in each variant: half of what the moments take.
        baseline: Conversion rate to use instead of the observed one.
    """
    if baseline is not None:
        return Conversions(baseline)
    needed = 2 * minimum_units
    if past.num_units < needed:
        return Unavailable(
            code="too_little_traffic",
            detail=f"there are {past.num_units} past units; their spread takes {needed} to know",
            num_units=past.num_units,
            needed=needed,
        )
    values = past.totals[row.metric.key]
    generator: Generator = Resampled(values)
    if not generator.variance > 0 or not generator.mean > 0:
        return Unavailable(
            code="no_variation",
            detail=f"{row.metric.key} of {past.num_units} past units is {generator.mean:g} with a "
            f"variance of {generator.variance:g}; both must be above 0",
            num_units=past.num_units,
        )
    if row.metric.kind == Metric.Kind.PROPORTION:
        return Conversions(generator.mean)
    return synthetic(row.metric, values) if is_synthetic else generator


def synthetic(metric: Metric, values: Totals) -> Generator:
    """A distribution with the moments of these values: amounts with a long tail, or counts.

    A ratio, or amounts of both signs, have none: their units are drawn again.
    """
    if values.ndim == 2 or (values < 0).any():
        return Resampled(values)
    if metric.aggregation == Metric.Aggregation.SUM:
        amounts = values[values > 0]
        mean, variance = float(amounts.mean()), float(amounts.var())
        log_variance = max(math.log1p(variance / (mean * mean)), 1e-12)
        return Revenue(
            buyer_rate=len(amounts) / len(values),
            log_mean=math.log(mean) - log_variance / 2,
            log_sd=math.sqrt(log_variance),
        )
    mean, variance = float(values.mean()), float(values.var())
    spread = variance - mean
    shape = min(mean * mean / spread, EVEN_SHAPE) if spread > 0 else EVEN_SHAPE
    return EventCounts(average=mean, shape=shape)


def distribution(generator: Generator | Unavailable) -> str | None:
    """Name of what units are drawn from."""
    return next((name for kind, name in NAMES.items() if isinstance(generator, kind)), None)
