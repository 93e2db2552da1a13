"""Mixture sequential probability ratio test, the always-valid test of a planned effect size.

The likelihood of the estimate is averaged over effects drawn from a normal distribution whose
standard deviation, `tau`, is the size of effect to be found soonest. It is the statistic that other
platforms publish; `AlwaysValid` is the same test tuned to a number of units instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from abtesting.statistics.arguments import (
    require_alpha,
    require_at_least,
    require_finite,
    require_positive,
)
from abtesting.statistics.types import Interval, NotEnoughData


@dataclass(frozen=True, slots=True, kw_only=True)
class MsprtResult:
    """One look at a mixture sequential probability ratio test.

    `p_value < alpha` and 0 outside `interval` are the same statement, at this look by itself; the
    p-value of a test read again and again is the smallest so far (`running_p_values`).

    Attributes:
        estimate: Variant minus control.
        standard_error: Standard error of the estimate.
        interval: Interval that holds at all times together.
        log_e_value: Log of the likelihood ratio.
        e_value: The likelihood ratio itself, `inf` if it leaves the float range.
        p_value: 1 over the likelihood ratio, at most 1.
        method: `msprt`.
        tau: Standard deviation of the effects mixed over.
        alpha: Error rate over all times.
    """

    estimate: float
    standard_error: float
    interval: Interval
    log_e_value: float
    e_value: float
    p_value: float
    method: str
    tau: float
    alpha: float


def msprt(estimate: float, standard_error: float, *, tau: float, alpha: float) -> MsprtResult:
    """Return the test of an estimate of a difference.

    Args:
        estimate: Variant minus control.
        standard_error: Its standard error; for n units in each arm with variance s^2 it is
            sqrt(2 s^2 / n).
        tau: Standard deviation of the effects mixed over; fixed before the data.
        alpha: Error rate over all times.

    References:
        Johari, R., Koomen, P., Pekelis, L. & Walsh, D. (2022). Always valid inference: continuous
        monitoring of A/B tests. Operations Research 70(3), equation 11.

    Examples:
        >>> result = msprt(0.12, 0.04, tau=0.1, alpha=0.05)
        >>> round(result.e_value, 2), round(result.p_value, 4)
        (17.97, 0.0556)
    """
    require_alpha(alpha)
    require_finite("estimate", estimate)
    for name, value in (("standard_error", standard_error), ("tau", tau)):
        require_positive(name, value)
    # Not squared: variances of very small or large amounts leave the float range.
    spread = math.hypot(1, tau / standard_error)
    shrink = tau / standard_error / spread
    z = shrink * estimate / standard_error
    log_e_value = z * z / 2 - math.log(spread)
    half_width = standard_error / shrink * math.sqrt(2 * (math.log(spread) - math.log(alpha)))
    return MsprtResult(
        estimate=estimate,
        standard_error=standard_error,
        interval=Interval(estimate - half_width, estimate + half_width),
        log_e_value=log_e_value,
        e_value=math.exp(log_e_value) if log_e_value < 709 else math.inf,
        p_value=math.exp(-max(log_e_value, 0.0)),
        method="msprt",
        tau=tau,
        alpha=alpha,
    )


def msprt_normal(
    control_mean: float,
    variant_mean: float,
    *,
    num_units_per_arm: int,
    standard_deviation: float,
    tau: float,
    alpha: float,
) -> MsprtResult:
    """Return the test of two means with a known standard deviation and as many units in each arm.

    Examples:
        >>> result = msprt_normal(
        ...     10.0, 10.3, num_units_per_arm=400, standard_deviation=2.0, tau=0.2, alpha=0.05
        ... )
        >>> round(result.e_value, 2)
        2.59
    """
    require_at_least("num_units_per_arm", num_units_per_arm, 1)
    require_finite("control_mean", control_mean)
    require_finite("variant_mean", variant_mean)
    require_positive("standard_deviation", standard_deviation)
    return msprt(
        variant_mean - control_mean,
        standard_deviation * math.sqrt(2 / num_units_per_arm),
        tau=tau,
        alpha=alpha,
    )


def msprt_bernoulli(
    control_successes: int,
    variant_successes: int,
    *,
    num_units_per_arm: int,
    tau: float,
    alpha: float,
) -> MsprtResult | NotEnoughData:
    """Return the test of two rates with as many units in each arm.

    Returns:
        The test, or why there is none: `zero_variance` when each arm has only successes or only
        failures.

    Examples:
        >>> result = msprt_bernoulli(61, 102, num_units_per_arm=599, tau=0.05, alpha=0.05)
        >>> round(result.e_value, 2)
        67.67
    """
    require_at_least("num_units_per_arm", num_units_per_arm, 1)
    rates = []
    for name, successes in (("control", control_successes), ("variant", variant_successes)):
        require_finite(f"{name}_successes", successes)
        if not 0 <= successes <= num_units_per_arm:
            raise ValueError(
                f"{name} has {successes!r} successes among {num_units_per_arm} units; there must "
                "be 0 to as many as units"
            )
        rates.append(successes / num_units_per_arm)
    variance = math.fsum(rate * (1 - rate) for rate in rates) / num_units_per_arm
    if variance == 0:
        return NotEnoughData(
            code="zero_variance",
            detail=(
                f"all units of the control have {rates[0]:g} and all units of the variant "
                f"{rates[1]:g}; a test needs units that differ"
            ),
        )
    return msprt(rates[1] - rates[0], math.sqrt(variance), tau=tau, alpha=alpha)
