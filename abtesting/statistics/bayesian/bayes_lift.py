"""The Bayesian view of a relative lift: a lognormal posterior of the ratio.

For whoever wants the interval of the lift itself; `bayes` argues the choice between the scales.
"""

from __future__ import annotations

import math

from scipy import special

from abtesting.statistics.arguments import require_probability, require_type
from abtesting.statistics.bayesian.bayes import (
    BayesianEffect,
    mills_ratio,
    normal_density,
    rope_probabilities,
    update_normal,
)
from abtesting.statistics.bayesian.priors import NormalPrior
from abtesting.statistics.means import Estimate
from abtesting.statistics.types import Interval, NotEnoughData


def bayesian_lift(
    control: Estimate,
    variant: Estimate,
    *,
    prior: NormalPrior | None = None,
    rope: Interval | None = None,
    level: float = 0.95,
    higher_is_better: bool = True,
) -> BayesianEffect | NotEnoughData:
    """Return the posterior of the lift, from a normal posterior of the logarithm of the ratio.

    The estimates are independent and their logarithms taken as normal, which is fair when each is
    at least some 5 standard errors above 0.

    Args:
        control: Estimate of the control.
        variant: Estimate of the variant.
        prior: Prior of the lift, with its mean above -1; it is moved to the logarithm by the delta
            method. `None` for a prior that is flat there.
        rope: Region of practical equivalence, as lifts.
        level: Probability of the intervals.
        higher_is_better: Direction of the metric.

    Returns:
        The posterior with scale `lift`, or why there is none: `not_positive` if an estimate is at
        most 0, `zero_variance` if both variances are 0.

    Examples:
        >>> posterior = bayesian_lift(
        ...     Estimate(value=2.0, variance=0.0036, num_units=2000),
        ...     Estimate(value=2.2, variance=0.0040, num_units=2000),
        ... )
        >>> round(posterior.estimate, 4), round(posterior.chance_to_win, 4)
        (0.1009, 0.9891)
        >>> round(posterior.interval.lower, 4), round(posterior.interval.upper, 4)
        (0.014, 0.1933)
    """
    require_type("control", control, Estimate)
    require_type("variant", variant, Estimate)
    require_probability("level", level)
    if prior is not None:
        require_type("prior", prior, NormalPrior)
    if rope is not None:
        require_type("rope", rope, Interval)
    if prior is not None and prior.mean <= -1:
        raise ValueError(f"mean of the prior of the lift is {prior.mean!r}; it must be above -1")
    if min(control.value, variant.value) <= 0:
        return NotEnoughData(
            code="not_positive",
            detail=(
                f"the control has {control.value:g} and the variant {variant.value:g}; a lift on "
                "the log scale needs both above 0"
            ),
        )
    if control.variance + variant.variance <= 0:
        return NotEnoughData(
            code="zero_variance",
            detail="the variances of both estimates are 0; a posterior needs one above",
        )
    log_prior = None
    if prior is not None:
        log_prior = NormalPrior(math.log1p(prior.mean), prior.sd / (1 + prior.mean))
    relative_errors = (
        math.sqrt(control.variance) / control.value,
        math.sqrt(variant.variance) / variant.value,
    )
    mean, sd = update_normal(
        math.log(variant.value / control.value), math.hypot(*relative_errors), log_prior
    )
    variance = sd * sd
    ratio = math.exp(mean + variance / 2)
    gain, loss = _lognormal_excess(mean, sd)
    half_width = -float(special.ndtri((1 - level) / 2)) * sd
    mode_width = _lognormal_hdi_half_width(sd, level)
    mode = mean - variance
    return BayesianEffect(
        estimate=math.expm1(mean + variance / 2),
        standard_error=ratio * math.sqrt(math.expm1(variance)),
        interval=Interval(math.expm1(mean - half_width), math.expm1(mean + half_width)),
        hdi=Interval(math.expm1(mode - mode_width), math.expm1(mode + mode_width)),
        chance_to_win=float(special.ndtr(mean / sd if higher_is_better else -mean / sd)),
        loss_of_variant=loss if higher_is_better else gain,
        loss_of_control=gain if higher_is_better else loss,
        rope=None if rope is None else rope_probabilities(rope, _log_ends(rope), mean, sd),
        control_value=control.value,
        higher_is_better=higher_is_better,
        scale="lift",
        level=level,
        prior=log_prior,
        method="lognormal",
    )


def _log_ends(rope: Interval) -> tuple[float, float]:
    """Return the ends of a region of lifts as logarithms of the ratio; a lift is at least -1."""
    lower, upper = (math.log1p(end) if end > -1 else -math.inf for end in (rope.lower, rope.upper))
    return lower, upper


def _lognormal_excess(mean: float, sd: float) -> tuple[float, float]:
    """Return E[max(exp(X) - 1, 0)] and E[max(1 - exp(X), 0)] of a normal X.

    As in the price of an option. exp(mean + sd^2 / 2) phi(u + sd) equals phi(u), so that in the
    tail each is phi(u) times a difference of two Mills ratios.
    """
    u = mean / sd
    ratio = math.exp(mean + sd * sd / 2)
    if u < 0:
        gain = normal_density(u) * (mills_ratio(-u - sd) - mills_ratio(-u))
        return gain, float(special.ndtr(-u) - ratio * special.ndtr(-u - sd))
    loss = normal_density(u) * (mills_ratio(u) - mills_ratio(u + sd))
    return float(ratio * special.ndtr(u + sd) - special.ndtr(u)), loss


def _lognormal_hdi_half_width(sd: float, level: float) -> float:
    """Return the half width, on the log scale, of the highest-density interval of a lognormal.

    Equal densities at both ends put them at equal distances from the log of the mode, which is
    `sd**2` below the mean of the logarithm. The mass between them grows with the distance.
    """
    low, high = 0.0, sd * (sd - float(special.ndtri((1 - level) / 2)))
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return middle
        mass = special.ndtr(middle / sd - sd) - special.ndtr(-middle / sd - sd)
        low, high = (middle, high) if mass < level else (low, middle)
