"""Critical values and p-values of one boundary for many estimates at once.

They are the ones that the boundary gives one at a time. The batches of comparisons ask here.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import special

from abtesting.statistics.boundaries import AlwaysValid, Boundary, FixedHorizon
from abtesting.statistics.sequential.group_sequential import GroupSequentialLook

Floats = npt.NDArray[np.float64]

TABLE_STEP = 1 / 16
"""Step in z of the repeated p-values that the others are interpolated from."""
LOWEST, HIGHEST = -8, 36
TABLE_START, TABLE_END = round(LOWEST / TABLE_STEP) - 2, round(HIGHEST / TABLE_STEP) + 3


def critical_values(boundary: Boundary, num_units: Floats, df: Floats | None) -> Floats:
    """Return `boundary.critical` of each element.

    Args:
        boundary: Any boundary; other ones than those of this library are asked one at a time.
        num_units: Units in both arms together.
        df: Degrees of freedom, `None` for estimates without any.

    Examples:
        >>> boundary = AlwaysValid(0.05, planned_num_units=10_000)
        >>> critical_values(boundary, np.array([1_000.0, 10_000.0]), None).round(2)
        array([3.86, 3.04])
    """
    if isinstance(boundary, FixedHorizon):
        tail = boundary.alpha / 2 if boundary.side == "two_sided" else boundary.alpha
        return _t_quantiles(tail, np.shape(num_units), df)
    if isinstance(boundary, AlwaysValid):
        spread = num_units * boundary.rho_squared
        if boundary.side == "two_sided":
            log_threshold = np.log1p(spread) - 2 * math.log(boundary.alpha)
        else:
            log_threshold = 2 * np.log1p(np.sqrt(1 + spread) / (2 * boundary.alpha))
        return _floats(np.sqrt((spread + 1) / spread * log_threshold))
    if isinstance(boundary, GroupSequentialLook):
        bound = boundary.critical(2, None)
        return _t_quantiles(float(special.ndtr(-bound)), np.shape(num_units), df)
    return _one_by_one(lambda n, d, _: boundary.critical(n, d), num_units, df, num_units)


def p_values(boundary: Boundary, z: Floats, num_units: Floats, df: Floats | None) -> Floats:
    """Return `boundary.p_value` of each element.

    Repeated p-values of more than a few elements are interpolated, to about 7 digits and near 1 to
    3. The decision at the boundary's level is not.

    Args:
        boundary: Any boundary; other ones than those of this library are asked one at a time.
        z: Standard errors from zero.
        num_units: Units in both arms together.
        df: Degrees of freedom, `None` for estimates without any.

    Examples:
        >>> z = np.array([1.0, 1.96, 3.5])
        >>> p_values(FixedHorizon(0.05), z, np.full(3, 100.0), None).round(5)
        array([0.31731, 0.05   , 0.00047])
    """
    side = boundary.side
    distance = np.abs(z) if side == "two_sided" else z if side == "greater" else -z
    if isinstance(boundary, FixedHorizon):
        tails = special.ndtr(-distance) if df is None else special.stdtr(df, -distance)
        return _floats(2 * tails if side == "two_sided" else tails)
    if isinstance(boundary, AlwaysValid):
        spread = num_units * boundary.rho_squared
        exponent = spread / (spread + 1) * z * z / 2
        log_size = np.log1p(spread) / 2
        if side == "two_sided":
            return _floats(np.exp(-np.maximum(exponent - log_size, 0.0)))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            one_sided = np.exp(log_size - exponent) / (-2 * np.expm1(-exponent))
        return _floats(np.where(distance > 0, np.fmin(one_sided, 1.0), 1.0))
    if isinstance(boundary, GroupSequentialLook):
        if df is not None:
            distance = -special.ndtri(special.stdtr(df, -distance))
        return _repeated_p_values(boundary, _floats(distance))
    return _one_by_one(lambda n, d, x: boundary.p_value(x, n, d), num_units, df, z)


def _t_quantiles(tail: float, shape: tuple[int, ...], df: Floats | None) -> Floats:
    """Return the upper quantiles of a tail, of the normal distribution without `df`."""
    x = -float(special.ndtri(tail))
    if df is None or x == math.inf:
        return np.full(shape, x)
    # Far out in the degrees of freedom four terms are exact and take a tenth of the time.
    powers = (
        (x**3 + x) / 4,
        (5 * x**5 + 16 * x**3 + 3 * x) / 96,
        (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / 384,
        (79 * x**9 + 776 * x**7 + 1482 * x**5 - 1920 * x**3 - 945 * x) / 92160,
    )
    near = ~(df > 300 * (1 + x * x))
    with np.errstate(all="ignore"):
        inverse = 1 / df
        values = x + inverse * (
            powers[0] + inverse * (powers[1] + inverse * (powers[2] + inverse * powers[3]))
        )
    if near.any():
        values = np.where(near, -special.stdtrit(np.where(near, df, 1.0), tail), values)
    return _floats(values)


def _repeated_p_values(boundary: GroupSequentialLook, distance: Floats) -> Floats:
    flat = distance.ravel()
    ends = np.clip([flat.min(initial=0), flat.max(initial=0)], LOWEST, HIGHEST)
    lowest, highest = np.floor(ends / TABLE_STEP).astype(int).tolist()
    first, last = lowest - 2, highest + 3
    known = _table(boundary)[first - TABLE_START : last + 1 - TABLE_START]
    sign = -1 if boundary.side == "less" else 1
    for i in np.flatnonzero(np.isnan(known)).tolist():
        known[i] = boundary.p_value(sign * (first + i) * TABLE_STEP, 2, None)
    factor = 2 if boundary.side == "two_sided" else 1
    # As a quantile the level is nearly a straight line. Six points around; two where some are 1.
    levels = -special.ndtri(known / factor)
    place = np.clip(np.floor(flat / TABLE_STEP), lowest, highest)
    index, share = place.astype(np.intp) - first, flat / TABLE_STEP - place
    with np.errstate(invalid="ignore"):
        curve = np.zeros_like(flat)
        for i in range(-2, 4):
            others = [j for j in range(-2, 4) if j != i]
            weight = np.prod([(share - j) / (i - j) for j in others], axis=0)
            curve += weight * levels[index + i]
        line = levels[index] * (1 - share) + levels[index + 1] * share
    smooth = (known[index - 2] < 1) & np.isfinite(levels[index + 3])
    values = np.minimum(special.ndtr(-np.where(smooth, curve, line)) * factor, 1.0)
    values[(share < 0) | ((known[index] >= 1) & (known[index + 1] >= 1))] = 1.0
    beyond = share > 1
    if beyond.any():
        values[beyond] = [boundary.p_value(sign * x, 2, None) for x in flat[beyond].tolist()]
    values = np.where(
        flat > boundary.critical(2, None),
        np.minimum(values, math.nextafter(boundary.alpha, 0)),
        np.maximum(values, boundary.alpha),
    )
    return _floats(values.reshape(distance.shape))


@functools.lru_cache(maxsize=256)
def _table(boundary: GroupSequentialLook) -> Floats:
    """Return the repeated p-values at multiples of the step, `nan` until they are asked for."""
    return np.full(TABLE_END - TABLE_START + 1, np.nan)


def _one_by_one(
    function: Callable[[int, float | None, float], float],
    num_units: Floats,
    df: Floats | None,
    values: Floats,
) -> Floats:
    degrees = [None] * np.size(num_units) if df is None else df.ravel().tolist()
    found = [
        function(int(n), d, value)
        for n, d, value in zip(
            num_units.ravel().tolist(), degrees, values.ravel().tolist(), strict=True
        )
    ]
    return np.array(found, dtype=np.float64).reshape(np.shape(values))


def _floats(values: npt.NDArray[np.float64]) -> Floats:
    return np.asarray(values, dtype=np.float64)
