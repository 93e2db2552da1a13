"""The Bayesian view of one effect: a normal posterior, with or without a prior.

It is shown beside the decision and never makes it: a chance to win that is read every day errs far
more often than it seems to (`bayes_peeking` says how often).

Which scale. `bayesian_difference` works on the absolute difference, which is the scale that
decides, and takes prior and region of practical equivalence as lifts, because shops think in
per cent and lifts compare across metrics; both are multiplied by the size of the control value.
There the noise of the control moves the width of the prior by its own few per cent, nothing else.
The posterior of `difference / control` by the delta method, which others show, also takes the
likelihood to be normal on a scale where it is skewed: with rare conversions all of its misses fall
on one side. Whoever wants the interval of the lift itself finds it in `bayes_lift`, on the
logarithm of the ratio. Rates and counts have exact posteriors in `bayes_conjugate`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from scipy import special

from abtesting.statistics.arguments import (
    require_finite,
    require_positive,
    require_probability,
    require_type,
)
from abtesting.statistics.bayesian.priors import NormalPrior
from abtesting.statistics.types import Effect, Interval, NotEnoughData

Scale = Literal["absolute", "lift"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RopeProbabilities:
    """Where the effect is, relative to the region of practical equivalence.

    Attributes:
        region: The region, on the scale of the effect.
        below: Probability that the effect is below the region.
        inside: Probability that it is inside.
        above: Probability that it is above.
    """

    region: Interval
    below: float
    inside: float
    above: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BayesianEffect:
    """The posterior of an effect, and what choosing either side would cost.

    `winner`, 0 outside `interval` and a `chance_to_win` outside (1 - level) / 2 and (1 + level) / 2
    are the same statement.

    Attributes:
        estimate: Posterior mean.
        standard_error: Posterior standard deviation.
        interval: Equal-tailed credible interval.
        hdi: Highest-density interval; the same on the absolute scale.
        chance_to_win: Probability that the variant is better than the control.
        loss_of_variant: Expected loss of choosing the variant: how much worse it is, times how
            probable that is. On the scale of the effect.
        loss_of_control: Expected loss of choosing the control.
        rope: Probabilities around the region of practical equivalence, `None` without a region.
        control_value: Control value that prior and region were scaled by, `None` if they were not.
        higher_is_better: Direction of the metric.
        scale: `absolute`, the scale of the metric, or `lift`.
        level: Probability of both intervals.
        prior: The prior on the scale that the posterior was computed on, `None` for a flat one.
        method: `normal` or `lognormal`.
    """

    estimate: float
    standard_error: float
    interval: Interval
    hdi: Interval
    chance_to_win: float
    loss_of_variant: float
    loss_of_control: float
    rope: RopeProbabilities | None
    control_value: float | None
    higher_is_better: bool
    scale: Scale
    level: float
    prior: NormalPrior | None
    method: str

    @property
    def winner(self) -> Literal["control", "variant"] | None:
        """The side that the credible interval is entirely on."""
        if self.interval.contains(0.0):
            return None
        return "variant" if (self.interval.lower > 0) == self.higher_is_better else "control"

    @property
    def relative_loss_of_variant(self) -> float | None:
        """`loss_of_variant` as a share of the control value, `None` if that is not known."""
        return self._relative(self.loss_of_variant)

    @property
    def relative_loss_of_control(self) -> float | None:
        """`loss_of_control` as a share of the control value, `None` if that is not known."""
        return self._relative(self.loss_of_control)

    def _relative(self, loss: float) -> float | None:
        if self.scale == "lift":
            return loss
        return loss / abs(self.control_value) if self.control_value else None


def bayesian_difference(
    effect: Effect,
    *,
    prior: NormalPrior | None = None,
    rope: Interval | None = None,
    level: float | None = None,
    higher_is_better: bool = True,
) -> BayesianEffect | NotEnoughData:
    """Return the posterior of the absolute difference of an effect.

    Args:
        effect: The comparison. Of its settings only `alpha` is used. `NotEnoughData` is no
            comparison: where there is none, there is no posterior to ask for.
        prior: Prior of the lift; `None` for a flat one.
        rope: Region of practical equivalence, as lifts: `Interval(-0.01, 0.01)` is within 1 %.
        level: Probability of the intervals; 1 minus the effect's alpha if `None`.
        higher_is_better: Direction of the metric.

    Returns:
        The posterior, or why there is none: `zero_control` if a prior or region of lifts meets a
        control value of 0, `zero_variance` if the standard error is 0.

    Examples:
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> from abtesting.statistics.moments import Counts
        >>> from abtesting.statistics.proportions import compare_proportions
        >>> effect = compare_proportions(
        ...     Counts(num_units=10_000, num_successes=500),
        ...     Counts(num_units=10_000, num_successes=560),
        ...     boundary=FixedHorizon(0.05),
        ... )
        >>> flat = bayesian_difference(effect)
        >>> careful = bayesian_difference(effect, prior=NormalPrior(0, 0.05))
        >>> round(flat.chance_to_win, 3), round(careful.chance_to_win, 3)
        (0.971, 0.88)
        >>> round(flat.relative_loss_of_variant, 5), round(careful.relative_loss_of_variant, 5)
        (0.00071, 0.00233)
    """
    require_type("effect", effect, Effect, allowed="an Effect; without one there is no posterior")
    # Both are scaled before they reach the checks of `_normal_effect`.
    if prior is not None:
        require_type("prior", prior, NormalPrior)
    if rope is not None:
        require_type("rope", rope, Interval)
    if (prior is not None or rope is not None) and effect.control_value == 0:
        return NotEnoughData(
            code="zero_control",
            detail="the control value is 0; a prior or a region of lifts needs one that is not",
        )
    if effect.standard_error == 0:
        return NotEnoughData(
            code="zero_variance",
            detail="the standard error of the difference is 0; a normal posterior needs one above",
        )
    size = abs(effect.control_value)
    return _normal_effect(
        effect.difference,
        effect.standard_error,
        prior=None if prior is None else NormalPrior(prior.mean * size, prior.sd * size),
        rope=None if rope is None else Interval(rope.lower * size, rope.upper * size),
        level=1 - effect.alpha if level is None else level,
        higher_is_better=higher_is_better,
        control_value=effect.control_value,
    )


def bayesian_estimate(
    estimate: float,
    standard_error: float,
    *,
    prior: NormalPrior | None = None,
    rope: Interval | None = None,
    level: float = 0.95,
    higher_is_better: bool = True,
) -> BayesianEffect:
    """Return the posterior of any effect whose estimate is normal around it.

    Args:
        estimate: The estimated effect.
        standard_error: Its standard error, above 0.
        prior: Prior on the scale of the estimate; `None` for a flat one.
        rope: Region of practical equivalence, on the scale of the estimate.
        level: Probability of the intervals.
        higher_is_better: Whether a positive effect is good.

    References:
        Gelman, A. et al. (2013). Bayesian Data Analysis, 3rd ed., section 2.5.
        Stucchio, C. (2015). Bayesian A/B testing at VWO (expected loss).

    Examples:
        >>> posterior = bayesian_estimate(0.04, 0.02, prior=NormalPrior(0, 0.02))
        >>> round(posterior.estimate, 4), round(posterior.chance_to_win, 4)
        (0.02, 0.9214)
    """
    return _normal_effect(
        estimate,
        standard_error,
        prior=prior,
        rope=rope,
        level=level,
        higher_is_better=higher_is_better,
        control_value=None,
    )


def expected_excess(mean: float, sd: float) -> float:
    """Return E[max(X, 0)] of a normal X, with all digits however far the mean is below 0.

    Examples:
        >>> round(expected_excess(0.0, 1.0), 6)
        0.398942
        >>> 1e-300 < expected_excess(-36.5, 1.0) < 1e-290
        True
    """
    u = mean / sd
    if u >= 0:
        return mean * float(special.ndtr(u)) + sd * normal_density(u)
    # phi(u) + u Phi(u) cancels for u below 0, and phi(u) (1 - |u| Mills(|u|)) much less so.
    return sd * normal_density(u) * (1 + u * mills_ratio(-u))


def _normal_effect(
    estimate: float,
    standard_error: float,
    *,
    prior: NormalPrior | None,
    rope: Interval | None,
    level: float,
    higher_is_better: bool,
    control_value: float | None,
) -> BayesianEffect:
    require_probability("level", level)
    require_finite("estimate", estimate)
    require_positive("standard_error", standard_error)
    if prior is not None:
        require_type("prior", prior, NormalPrior)
    if rope is not None:
        require_type("rope", rope, Interval)
    mean, sd = update_normal(estimate, standard_error, prior)
    half_width = -float(special.ndtri((1 - level) / 2)) * sd
    interval = Interval(mean - half_width, mean + half_width)
    better = mean if higher_is_better else -mean
    return BayesianEffect(
        estimate=mean,
        standard_error=sd,
        interval=interval,
        hdi=interval,
        chance_to_win=float(special.ndtr(better / sd)),
        loss_of_variant=expected_excess(-better, sd),
        loss_of_control=expected_excess(better, sd),
        rope=None if rope is None else rope_probabilities(rope, (rope.lower, rope.upper), mean, sd),
        control_value=control_value,
        higher_is_better=higher_is_better,
        scale="absolute",
        level=level,
        prior=prior,
        method="normal",
    )


def update_normal(
    estimate: float, standard_error: float, prior: NormalPrior | None
) -> tuple[float, float]:
    """Return mean and standard deviation of the posterior."""
    if prior is None:
        return estimate, standard_error
    # The share of the data, from the ratio of the two deviations: their squares may underflow.
    ratio = standard_error / prior.sd
    share = 1 / (1 + ratio * ratio)
    mean = prior.mean + share * (estimate - prior.mean)
    return mean, standard_error / math.hypot(1, ratio)


def rope_probabilities(
    region: Interval, ends: tuple[float, float], mean: float, sd: float
) -> RopeProbabilities:
    """Return the probabilities around a region whose ends are given on the normal scale."""
    lower, upper = ((end - mean) / sd for end in ends)
    # The difference of two probabilities is taken in the tail where both are small.
    if lower > 0:
        inside = special.ndtr(-lower) - special.ndtr(-upper)
    else:
        inside = special.ndtr(upper) - special.ndtr(lower)
    return RopeProbabilities(
        region=region,
        below=float(special.ndtr(lower)),
        inside=float(inside),
        above=float(special.ndtr(-upper)),
    )


def normal_density(u: float) -> float:
    """Return the density of the standard normal."""
    return math.exp(-u * u / 2) / math.sqrt(2 * math.pi)


def mills_ratio(u: float) -> float:
    """Return the upper tail of the standard normal divided by its density."""
    return math.sqrt(math.pi / 2) * float(special.erfcx(u / math.sqrt(2)))
