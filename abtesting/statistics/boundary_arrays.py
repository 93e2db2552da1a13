"""Critical values and p-values of one boundary for many estimates at once.

They are the ones that the boundary gives one at a time. The batches of comparisons ask here.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import special

from abtesting.statistics.boundaries import AlwaysValid, Boundary, FixedHorizon
from abtesting.statistics.sequential.group_sequential import GroupSequentialLook
from abtesting.statistics.student import t_quantiles

Floats = npt.NDArray[np.float64]


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
        return _quantiles(tail, num_units, df)
    if isinstance(boundary, AlwaysValid):
        spread = num_units * boundary.rho_squared
        if boundary.side == "two_sided":
            log_threshold = np.log1p(spread) - 2 * math.log(boundary.alpha)
        else:
            log_threshold = 2 * np.log1p(np.sqrt(1 + spread) / (2 * boundary.alpha))
        return _floats(np.sqrt((spread + 1) / spread * log_threshold))
    if isinstance(boundary, GroupSequentialLook):
        bound = boundary.critical(2, None)
        return _quantiles(float(special.ndtr(-bound)), num_units, df)
    return _one_by_one(lambda n, d, _: boundary.critical(n, d), num_units, df, num_units)


def p_values(boundary: Boundary, z: Floats, num_units: Floats, df: Floats | None) -> Floats:
    """Return `boundary.p_value` of each element.

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
        return boundary.p_values(_floats(distance))
    return _one_by_one(lambda n, d, x: boundary.p_value(x, n, d), num_units, df, z)


def _quantiles(tail: float, num_units: Floats, df: Floats | None) -> Floats:
    if df is None:
        return np.full(np.shape(num_units), -float(special.ndtri(tail)))
    return t_quantiles(tail, df)


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
