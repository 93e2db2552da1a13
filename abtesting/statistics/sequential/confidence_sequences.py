"""Intervals that hold at all times together, without a plan and without large samples.

`bernoulli_sequence` is for the rate of one arm, `quantile_sequence` for the difference between two
arms' quantiles. For means of bounded values see `betting`; for large samples `AlwaysValid` is
narrower. Any of them may be intersected over time by `running_intersection`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abtesting.statistics.arguments import (
    as_floats,
    require_alpha,
    require_finite,
    require_positive,
    require_probability,
    require_types,
)
from abtesting.statistics.roots import find_root
from abtesting.statistics.sequential.mixtures import BetaBinomialMixture
from abtesting.statistics.types import Interval, NotEnoughData

Array = npt.NDArray[np.float64]

SMALLEST_LOG_RATE = -690.0
ALMOST_ONE = 1 - 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class BernoulliSequence:
    """The rate of one arm.

    Attributes:
        estimate: Share of successes.
        standard_error: That of the share.
        interval: Interval that holds at all times together.
        method: `beta_binomial_mixture`.
        alpha: Chance that the rate is ever outside.
        planned_num_units: Units at which the interval is tightest.
    """

    estimate: float
    standard_error: float
    interval: Interval
    method: str
    alpha: float
    planned_num_units: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantileSequence:
    """The quantile of a variant compared with that of the control.

    `p_value < alpha` and 0 outside `interval` are the same statement.

    Attributes:
        control_value: Sample quantile of the control.
        variant_value: Sample quantile of the variant.
        difference: Variant minus control.
        interval: Interval of the difference that holds at all times together.
        e_value: Evidence against equal quantiles.
        p_value: Always-valid p-value of equal quantiles.
        method: `beta_binomial_mixture`.
        quantile: Which quantile.
        alpha: Error rate over all times.
        planned_num_units: Units in one arm at which the test is sharpest.
    """

    control_value: float
    variant_value: float
    difference: float
    interval: Interval
    e_value: float
    p_value: float
    method: str
    quantile: float
    alpha: float
    planned_num_units: float


def bernoulli_sequence(
    successes: int,
    num_units: int,
    *,
    alpha: float,
    planned_num_units: float,
    tuning_alpha: float = 0.05,
) -> BernoulliSequence | NotEnoughData:
    """Return an interval for a rate that holds at all times together, at any sample size.

    Args:
        successes: Units that converted.
        num_units: Units.
        alpha: Chance that the rate is ever outside.
        planned_num_units: Units at which the interval is tightest.
        tuning_alpha: Level for which it is.

    References:
        Howard, S. R., Ramdas, A., McAuliffe, J. & Sekhon, J. (2021). Time-uniform, nonparametric,
        nonasymptotic confidence sequences. Annals of Statistics 49(2), proposition 7.

    Examples:
        >>> result = bernoulli_sequence(120, 1000, alpha=0.05, planned_num_units=500)
        >>> round(result.interval.lower, 4), round(result.interval.upper, 4)
        (0.0906, 0.1535)
    """
    require_alpha(alpha)
    require_positive("planned_num_units", planned_num_units)
    require_finite("successes", successes)
    require_finite("num_units", num_units)
    if not 0 <= successes <= num_units:
        raise ValueError(
            f"there are {successes!r} successes among {num_units!r} units; there must be 0 to as "
            "many as units"
        )
    if num_units == 0:
        return NotEnoughData(code="too_few_units", detail="there are no units; a rate needs one")
    rate = successes / num_units

    def lower_end(successes: int) -> float:
        if successes == 0:
            return 0.0

        def excess(log_rate: float) -> float:
            rate = min(math.exp(log_rate), ALMOST_ONE)
            unit = rate * (1 - rate)
            mixture = BetaBinomialMixture(
                planned_num_units * unit, probability=rate, tuning_alpha=tuning_alpha
            )
            log_value = mixture.log_value(successes - num_units * rate, num_units * unit)
            return log_value + math.log(alpha)

        if excess(SMALLEST_LOG_RATE) <= 0:
            return 0.0  # a single success is little evidence against a rate close to none
        highest = math.log(successes / num_units)
        return math.exp(find_root(excess, SMALLEST_LOG_RATE, highest, tolerance=1e-13))

    return BernoulliSequence(
        estimate=rate,
        standard_error=math.sqrt(rate * (1 - rate) / num_units),
        interval=Interval(lower_end(successes), 1 - lower_end(num_units - successes)),
        method="beta_binomial_mixture",
        alpha=alpha,
        planned_num_units=planned_num_units,
    )


def quantile_sequence(
    control: Sequence[float] | Array,
    variant: Sequence[float] | Array,
    *,
    quantile: float,
    alpha: float,
    planned_num_units: float,
    tuning_alpha: float = 0.05,
) -> QuantileSequence | NotEnoughData:
    """Compare a quantile of two arms, at all times together, whatever the distributions.

    Values are one per unit, all of the units so far. Ties are allowed.

    Args:
        control: Values of the control.
        variant: Values of the variant.
        quantile: Which quantile, 0.5 for the median.
        alpha: Error rate over all times.
        planned_num_units: Units in one arm at which the test is sharpest.
        tuning_alpha: Level for which it is.

    References:
        Howard, S. R. & Ramdas, A. (2022). Sequential estimation of quantiles with applications to
        A/B testing and best-arm identification. Bernoulli 28(3), section 5.

    Examples:
        >>> rng = np.random.default_rng(1)
        >>> slow, fast = rng.lognormal(5.0, 0.5, 2000), rng.lognormal(4.8, 0.5, 2000)
        >>> result = quantile_sequence(
        ...     slow, fast, quantile=0.9, alpha=0.05, planned_num_units=2000
        ... )
        >>> round(result.difference), result.interval.upper < 0, result.p_value < 0.05
        (-52, True, True)
    """
    require_alpha(alpha)
    require_probability("quantile", quantile)
    require_positive("planned_num_units", planned_num_units)
    unit = quantile * (1 - quantile)
    mixture = BetaBinomialMixture(
        planned_num_units * unit, probability=quantile, tuning_alpha=tuning_alpha
    )
    arms = [np.sort(as_floats("control", control)), np.sort(as_floats("variant", variant))]
    for values, name in zip(arms, ("control", "variant"), strict=True):
        if values.size == 0:
            return NotEnoughData(
                code="too_few_units", detail=f"{name} has no units; a quantile needs one"
            )
    first, second = arms
    shared = np.unique(np.concatenate(arms))
    log_e_value = float(
        (_log_values(first, shared, mixture) + _log_values(second, shared, mixture)).min()
    )
    threshold = -math.log(alpha)
    interval = Interval(
        -_largest_difference(second, first, mixture, threshold),
        _largest_difference(first, second, mixture, threshold),
    )
    p_value = math.exp(-max(log_e_value, 0.0))
    # Between two values the evidence is a little higher than at either, so at the very edge the two
    # ways to look at it may differ: the more cautious one counts for both.
    if p_value >= alpha:
        interval = Interval(min(interval.lower, 0.0), max(interval.upper, 0.0))
    elif interval.contains(0.0):
        p_value = alpha
    at = [float(each[math.ceil(quantile * each.size) - 1]) for each in arms]
    return QuantileSequence(
        control_value=at[0],
        variant_value=at[1],
        difference=at[1] - at[0],
        interval=interval,
        e_value=math.exp(min(log_e_value, 700.0)),
        p_value=p_value,
        method="beta_binomial_mixture",
        quantile=quantile,
        alpha=alpha,
        planned_num_units=planned_num_units,
    )


def running_intersection(intervals: Sequence[Interval]) -> list[Interval | None]:
    """Return what all intervals of a sequence up to each time have in common.

    Intervals that hold at all times together may be intersected. Nothing in common, `None` from
    then on, means that one of them was wrong, or that the quantity itself has moved.

    Examples:
        >>> running_intersection([Interval(0, 4), Interval(-1, 3), Interval(5, 6)])
        [Interval(lower=0, upper=4), Interval(lower=0, upper=3), None]
    """
    require_types("intervals", intervals, Interval)
    common: list[Interval | None] = []
    lower, upper = -math.inf, math.inf
    for interval in intervals:
        lower, upper = max(lower, interval.lower), min(upper, interval.upper)
        common.append(Interval(lower, upper) if lower <= upper else None)
    return common


def _log_values(values: Array, points: Array, mixture: BetaBinomialMixture) -> Array:
    """Evidence against each point as the quantile of sorted values, the least over its ties."""
    expected = values.size * mixture.probability
    below = np.searchsorted(values, points, side="left")
    up_to = np.searchsorted(values, points, side="right")
    return mixture.log_values(np.clip(expected, below, up_to), values.size)


def _largest_difference(
    first: Array, second: Array, mixture: BetaBinomialMixture, threshold: float
) -> float:
    """Largest quantile of `second` minus quantile of `first` that the evidence leaves possible."""
    lows = np.unique(first)
    slack = threshold - _log_values(first, lows, mixture)
    highs = np.unique(second)
    evidence = _log_values(second, highs, mixture)
    ends = mixture.log_values(np.array([0.0, first.size]), first.size)
    if float(ends[0]) + float(evidence.min()) < threshold:
        return math.inf  # the quantile of `first` may be below all its values
    if float(slack.max()) > float(mixture.log_values(np.array(float(second.size)), second.size)):
        return math.inf
    # Past the least evidence it only rises.
    turn = int(evidence.argmin())
    reach = turn + np.searchsorted(evidence[turn:], slack, side="left") - 1
    possible = reach >= turn
    return float((highs[reach[possible]] - lows[possible]).max())
