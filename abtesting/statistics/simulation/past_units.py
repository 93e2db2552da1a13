"""Real units of the past, split at random again: A/A tests on a shop's own traffic.

Nobody treated these units differently, so whatever a rule finds between two such arms it has found
by luck. How often it does is its error on this very traffic, with its skewed amounts and quiet
nights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from abtesting.statistics.arguments import (
    as_floats,
    require_at_least,
    require_generator,
    require_list,
    require_weights,
)
from abtesting.statistics.simulation.paths import Floats, Paths, features, increments

MAX_VALUES = 4_000_000
"""Units of all runs together that are split at once."""


def split_again(
    samples: Sequence[npt.ArrayLike],
    looks: Sequence[int],
    *,
    shares: Sequence[float],
    num_runs: int,
    rng: np.random.Generator,
) -> tuple[tuple[Paths, ...], ...]:
    """Split real units at random into arms, again and again.

    All samples are split in the same way, as the metrics of one experiment are. The order of the
    units is kept, so that a look sees the units that had come by then.

    Args:
        samples: For each metric, the units' values in the order of their arrival, shape `[n]`, or
            `[n, 2]` for numerators and denominators.
        looks: Units in all arms together at each look, increasing, at most n.
        shares: Share of each arm, relative to the others.
        num_runs: Number of splits.
        rng: Source of randomness. Splits made in several calls are those of one.

    Returns:
        For each sample the paths of each arm; their `num_units` differ from run to run.

    Examples:
        >>> ((a, b, c),) = split_again(
        ...     [np.arange(90.0)], [90], shares=[1, 1, 1], num_runs=2, rng=np.random.default_rng(1)
        ... )
        >>> (a.num_units + b.num_units + c.num_units).tolist()
        [[90], [90]]
    """
    require_generator(rng)
    require_at_least("num_runs", num_runs, 1)
    num_units, added = increments(looks)
    require_list("samples", samples)
    powers = [_powers(sample, upto=int(num_units[-1])) for sample in samples]
    if not powers:
        raise ValueError("samples are none; there must be at least 1")
    require_weights("shares", shares)
    if len(shares) < 2 or min(shares) == 0:
        raise ValueError(f"shares are {list(shares)!r}; there must be 2 or more, each above 0")
    edges = np.cumsum(shares) / math.fsum(shares)
    columns = np.hstack(powers)
    starts = num_units - added
    totals = np.add.reduceat(columns, starts, axis=0).cumsum(axis=0)
    arms = np.zeros((len(shares), num_runs, len(starts), columns.shape[1]))
    chunk = max(1, MAX_VALUES // int(num_units[-1]))
    for first in range(0, num_runs, chunk):
        last = min(first + chunk, num_runs)
        places = rng.random((last - first, int(num_units[-1])), dtype=np.float32)
        for arm in range(1, len(shares)):
            chosen = (places >= edges[arm - 1]).astype(np.float64)
            if arm < len(shares) - 1:
                chosen[places >= edges[arm]] = 0.0
            for look, (start, end) in enumerate(zip(starts, num_units, strict=True)):
                arms[arm, first:last, look] = chosen[:, start:end] @ columns[start:end]
    arms = arms.cumsum(axis=2)
    # What is left is the control's: its sums need not be added up.
    arms[0] = totals - arms[1:].sum(axis=0)
    ends = np.cumsum([part.shape[1] for part in powers])
    return tuple(
        tuple(Paths.from_totals(arm) for arm in part)
        for part in np.split(arms, ends[:-1].tolist(), axis=-1)
    )


def _powers(sample: npt.ArrayLike, *, upto: int) -> Floats:
    array = as_floats("sample", sample, ndim=(1, 2))
    is_ratio = array.ndim == 2 and array.shape[1] == 2
    if not (array.ndim == 1 or is_ratio):
        raise ValueError(
            f"a sample has the shape {array.shape}; it must be finite numbers of shape [n], or "
            "[n, 2] for a ratio"
        )
    if upto > len(array):
        raise ValueError(f"the last look is at {upto} units; there are {len(array)}")
    return features(array[:upto])
