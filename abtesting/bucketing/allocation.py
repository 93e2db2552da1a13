"""From weights to half-open ranges on [0, 1), and from a bucket to the index of a variant."""

from __future__ import annotations

import math
from collections.abc import Sequence

Range = tuple[float, float]


def normalised_weights(weights: Sequence[float]) -> tuple[float, ...]:
    """Weights scaled to sum to 1.

    Raises:
        ValueError: No weights, a negative one, all of them zero, or a sum that is not finite.

    >>> normalised_weights([1, 3])
    (0.25, 0.75)
    """
    total = sum(weights)
    if any(not 0 <= weight < math.inf for weight in weights) or not 0 < total < math.inf:
        raise ValueError(
            f"weights are {list(weights)!r}; allowed: finite, none negative, at least one above 0"
        )
    return tuple(weight / total for weight in weights)


def bucket_ranges(weights: Sequence[float], coverage: float) -> tuple[Range, ...]:
    """Half-open [start, end) of every variant.

    Range i is [sum of the weights before it, that + coverage · weight i), so that lowering or
    raising coverage never moves a unit from one variant to another.

    Args:
        weights: Relative weights.
        coverage: Share of units that take part, clamped to [0, 1].

    >>> bucket_ranges([1, 1], 0.5)
    ((0.0, 0.25), (0.5, 0.75))
    """
    return client_ranges(normalised_weights(weights), coverage)


def choose_variant(bucket: float, ranges: Sequence[Range]) -> int | None:
    """Index of the range that holds `bucket`, or None when the unit does not take part.

    >>> choose_variant(0.25, [(0.0, 0.5), (0.5, 1.0)])
    0
    """
    for index, (start, end) in enumerate(ranges):
        if start <= bucket < end:
            return index
    return None


def client_weights(num_variations: int, weights: Sequence[float] | None) -> tuple[float, ...]:
    """Weights as clients take them: as they are when they sum to 1 (within 0.01), else equal.

    >>> client_weights(2, [0.2, 0.8]), client_weights(2, [1, 3])
    ((0.2, 0.8), (0.5, 0.5))
    """
    if weights and len(weights) == num_variations and 0.99 <= sum(weights) <= 1.01:
        return tuple(weights)
    return equal_weights(num_variations)


def equal_weights(num_variations: int) -> tuple[float, ...]:
    """The same weight for each."""
    return (1 / num_variations,) * num_variations if num_variations > 0 else ()


def client_ranges(weights: Sequence[float], coverage: float) -> tuple[Range, ...]:
    """Half-open ranges of weights that sum to 1, as clients make them; see `bucket_ranges`."""
    coverage = min(1.0, max(0.0, coverage))
    ranges = []
    start = 0.0
    for weight in weights:
        # Not rounded: a bucket that lies exactly on an end must go where the SDKs put it.
        ranges.append((start, start + coverage * weight))
        start += weight
    return tuple(ranges)
