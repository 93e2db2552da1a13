"""E-values: evidence that may be read at any time, multiplied and averaged.

An e-value is expected to be at most 1 when there is no effect, at whatever time one stops, so 20
is as rare as a p-value of 0.05. Independent ones multiply, and any ones at all may be averaged,
which no p-value allows. `multiplicity` holds the e-BH procedure for sets of them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from abtesting.statistics.arguments import (
    is_number,
    require_at_least,
    require_finite,
    require_list,
    require_shares,
    require_type,
    shown,
)
from abtesting.statistics.boundaries import AlwaysValid


def log_e_value(z: float, num_units: int, boundary: AlwaysValid) -> float:
    """Return the log of the e-value behind an always-valid result.

    For an `Effect`, z is its difference over its standard error and `num_units` those of both arms.
    One-sided results rest on a lower bound of their e-value, which is what is returned.

    Args:
        z: Estimate over its standard error.
        num_units: Units in both arms together.
        boundary: The boundary that the result was read with.

    References:
        Waudby-Smith, I., Arbour, D., Sinha, R., Kennedy, E. H. & Ramdas, A. (2024). Time-uniform
        central limit theory and asymptotic confidence sequences. Annals of Statistics 52(6).

    Examples:
        >>> boundary = AlwaysValid(0.05, planned_num_units=10_000)
        >>> round(math.exp(log_e_value(3.04, 10_000, boundary)), 1)
        20.3
    """
    require_finite("z", z)
    require_at_least("num_units", num_units, 1)
    require_type("boundary", boundary, AlwaysValid)
    spread = num_units * boundary.rho_squared
    exponent = spread / (spread + 1) * z * z / 2
    if boundary.side == "two_sided":
        return exponent - math.log1p(spread) / 2
    if exponent == 0 or (z > 0) != (boundary.side == "greater"):
        return -math.inf
    return math.log(2) + exponent + math.log(-math.expm1(-exponent)) - math.log1p(spread) / 2


def multiply_e_values(e_values: Sequence[float]) -> float:
    """Return the joint e-value of independent experiments, or of stages one after the other.

    Examples:
        >>> multiply_e_values([4.0, 0.5, 10.0])
        20.0
    """
    _require_e_values(e_values)
    if 0.0 in e_values:
        return 0.0
    log_product = math.fsum(math.log(e_value) for e_value in e_values)
    return math.inf if log_product > 709 else math.prod(e_values)


def average_e_values(e_values: Sequence[float], weights: Sequence[float] | None = None) -> float:
    """Return the joint e-value of results that may depend on one another in any way.

    Args:
        e_values: The results.
        weights: Fixed before the data, summing to 1; equal ones if left out.

    References:
        Vovk, V. & Wang, R. (2021). E-values: calibration, combination and applications. Annals of
        Statistics 49(3).

    Examples:
        >>> average_e_values([60.0, 0.5, 2.5])
        21.0
    """
    _require_e_values(e_values)
    if weights is None:
        return math.fsum(e_values) / len(e_values)
    require_shares("weights", weights)
    if len(weights) != len(e_values):
        raise ValueError(
            f"there are {len(e_values)} e-values and {len(weights)} weights; they must be equally "
            "many"
        )
    return math.fsum(
        weight * e_value for weight, e_value in zip(weights, e_values, strict=True) if weight
    )


def e_to_p(e_value: float) -> float:
    """Return the p-value that an e-value is worth.

    Examples:
        >>> e_to_p(20.0), e_to_p(0.3)
        (0.05, 1.0)
    """
    _require_e_values([e_value])
    return 1.0 if e_value <= 1 else 1 / e_value


def running_p_values(e_values: Sequence[float]) -> list[float]:
    """Return the always-valid p-value at each time: that of the largest e-value so far.

    Examples:
        >>> running_p_values([1.0, 10.0, 4.0, 25.0])
        [1.0, 0.1, 0.1, 0.04]
    """
    require_list("e_values", e_values)
    return list(itertools.accumulate((e_to_p(e_value) for e_value in e_values), min))


def _require_e_values(e_values: Sequence[float]) -> None:
    require_list("e_values", e_values)
    if len(e_values) == 0:
        raise ValueError("there are no e-values; there must be at least 1")
    for i, e_value in enumerate(e_values):
        if not (is_number(e_value) and e_value >= 0):
            raise ValueError(f"e_values[{i}] is {shown(e_value)}; it must be 0 or above")
