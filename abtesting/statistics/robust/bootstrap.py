"""Bootstrap-t: the difference of two skewed means, without assuming that means are normal.

Needs the values themselves and some seconds for large samples. It resamples each arm, works out
Welch's t of every resample around the observed difference, and reads the interval off those t, so
that it leans to the side to which the values are skewed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

from abtesting.statistics.arguments import (
    as_floats,
    require_alpha,
    require_at_least,
    require_generator,
)
from abtesting.statistics.types import Interval, NotEnoughData, Side, num_of

Floats = npt.NDArray[np.float64]

CHUNK_VALUES = 1 << 20
"""Values drawn at a time, 8 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapResult:
    """The difference of two means with an interval from resampled t statistics.

    Attributes:
        control_value: Mean of the control.
        variant_value: Mean of the variant.
        difference: Variant minus control.
        standard_error: Welch's standard error of the difference.
        interval: Equal-tailed interval, or half a line for one side.
        p_value: Share of resamples at least as far out, by which the interval is drawn too.
        num_resamples: Resamples drawn.
        method: `bootstrap_t`.
        alpha: Level of the interval.
        side: Which differences are looked for.
    """

    control_value: float
    variant_value: float
    difference: float
    standard_error: float
    interval: Interval
    p_value: float
    num_resamples: int
    method: str
    alpha: float
    side: Side

    @property
    def is_significant(self) -> bool:
        """Whether the difference is told from 0 at level `alpha`."""
        return self.p_value < self.alpha


def bootstrap_means(
    control: ArrayLike,
    variant: ArrayLike,
    *,
    rng: np.random.Generator,
    alpha: float = 0.05,
    side: Side = "two_sided",
    num_resamples: int = 9999,
) -> BootstrapResult | NotEnoughData:
    """Compare two means by the bootstrap-t.

    Args:
        control: Value of each unit of the control.
        variant: Value of each unit of the variant.
        rng: Source of the resamples.
        alpha: Level of the interval, between 0 and 1.
        side: Which differences are looked for.
        num_resamples: Resamples; p-values are multiples of 1 / (resamples + 1).

    Returns:
        The result, or why there is none: `too_few_units` with less than 2 in an arm, or
        `zero_variance`. An end of the interval is infinite where many resamples have no variance,
        because too few units have a value of their own.

    References:
        Efron, B. & Tibshirani, R. J. (1993). An introduction to the bootstrap, section 12.5.
        Hall, P. (1992). The bootstrap and Edgeworth expansion, section 3.10.

    Examples:
        Few large orders in the smaller arm: there may be more of them than were seen.

        >>> rng = np.random.default_rng(7)
        >>> control, variant = rng.lognormal(3.0, 1.0, 900), rng.lognormal(3.0, 1.0, 100)
        >>> result = bootstrap_means(control, variant, rng=rng)
        >>> below = result.difference - result.interval.lower
        >>> result.interval.upper - result.difference > 1.2 * below
        True
    """
    require_alpha(alpha, side)
    require_generator(rng)
    require_at_least("num_resamples", num_resamples, 1)
    arms = [
        as_floats(name, values) for name, values in (("control", control), ("variant", variant))
    ]
    tail = alpha / 2 if side == "two_sided" else alpha
    # The largest rank that is below the tail; 1e-9 is rounding in the product.
    rank = math.ceil(tail * (num_resamples + 1) - 1e-9) - 1
    if rank < 1:
        raise ValueError(
            f"num_resamples is {num_resamples}; alpha = {alpha:g} needs at least "
            f"{math.floor(1 / tail + 1e-9)}"
        )
    sizes = [len(values) for values in arms]
    if min(sizes) < 2:
        return NotEnoughData(
            code="too_few_units",
            detail=(
                f"control has {num_of(sizes[0], 'unit')} and variant {sizes[1]}; each needs "
                "at least 2"
            ),
        )
    means = [float(values.mean()) for values in arms]
    centred = [values - mean for values, mean in zip(arms, means, strict=True)]
    standard_error = math.sqrt(
        sum(float(values @ values) / (len(values) - 1) / len(values) for values in centred)
    )
    if standard_error <= 2.0**-52 * max(abs(mean) for mean in means):
        return NotEnoughData(
            code="zero_variance", detail="all units of each variant have the same value"
        )
    (mean_c, noise_c), (mean_t, noise_t) = (
        _resample(values, num_resamples, rng=rng) for values in centred
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        statistics = np.nan_to_num((mean_t - mean_c) / np.sqrt(noise_c + noise_t), nan=0.0)
    statistics = np.sort(statistics)
    difference = means[1] - means[0]
    observed = difference / standard_error
    num_above = num_resamples - int(np.searchsorted(statistics, observed, side="left"))
    num_below = int(np.searchsorted(statistics, observed, side="right"))
    counts = {
        "two_sided": 2 * (min(num_above, num_below) + 1),
        "greater": num_above + 1,
        "less": num_below + 1,
    }
    lower = difference - float(statistics[-rank]) * standard_error
    upper = difference - float(statistics[rank - 1]) * standard_error
    return BootstrapResult(
        control_value=means[0],
        variant_value=means[1],
        difference=difference,
        standard_error=standard_error,
        interval=Interval(lower, upper).of_side(side),
        p_value=min(1.0, counts[side] / (num_resamples + 1)),
        num_resamples=num_resamples,
        method="bootstrap_t",
        alpha=alpha,
        side=side,
    )


def _resample(
    values: Floats, num_resamples: int, *, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return the means of resamples and the variances of these means."""
    n = len(values)
    distinct, counts = np.unique(values, return_counts=True)
    # Where most values are one and the same, such as 0, how often each occurs is drawn instead.
    by_count = 4 * len(distinct) < n
    per_chunk = max(1, CHUNK_VALUES // (len(distinct) if by_count else n))
    means, squares = np.empty(num_resamples), np.empty(num_resamples)
    for start in range(0, num_resamples, per_chunk):
        chunk = slice(start, min(start + per_chunk, num_resamples))
        size = chunk.stop - start
        if by_count:
            drawn = rng.multinomial(n, counts / n, size=size)
            means[chunk], squares[chunk] = drawn @ distinct / n, drawn @ distinct**2 / n
        else:
            picked = values[rng.integers(0, n, (size, n), dtype=np.int32)]
            means[chunk] = picked.mean(axis=1)
            squares[chunk] = np.einsum("ij,ij->i", picked, picked) / n
    # Around the mean of all units, so that little cancels; what does is rounding.
    variances = squares - means**2
    variances[variances < 1e-12 * squares] = 0.0
    return means, variances / (n - 1)
