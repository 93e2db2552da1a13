"""The Bayesian view of rates and counts, exact: beta-binomial and gamma-Poisson posteriors.

Where `bayes` takes the estimate to be normal, this is right with any number of units and of
successes, none included. All numbers are integrals by quadrature, without random draws: the same
data give the same answer, and small probabilities keep their digits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from abtesting.statistics.arguments import (
    require_counts,
    require_moments,
    require_probability,
    require_type,
)
from abtesting.statistics.bayesian.bayes import RopeProbabilities
from abtesting.statistics.bayesian.contrasts import Contrast
from abtesting.statistics.bayesian.posteriors import (
    CountPosterior,
    Grid,
    RatePosterior,
    ValuePosterior,
    shortest_interval,
)
from abtesting.statistics.bayesian.priors import BetaPrior, GammaPrior
from abtesting.statistics.moments import Counts, Moments
from abtesting.statistics.types import Interval, NotEnoughData, num_of

UNIFORM = BetaPrior(1.0, 1.0)
ONE_EVENT_IN_ONE_UNIT = GammaPrior(1.0, 1.0)

MOST_EVENTS = 1e15
"""More are not told apart one by one, and no shop has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantPosterior:
    """What is known of one variant.

    Attributes:
        mean: Posterior mean.
        sd: Posterior standard deviation.
        interval: Equal-tailed credible interval.
        hdi: Highest-density interval.
    """

    mean: float
    sd: float
    interval: Interval
    hdi: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class ConjugateEffect:
    """A variant compared with the control through exact posteriors.

    Attributes:
        control: Posterior of the control.
        variant: Posterior of the variant.
        difference: Posterior mean of variant minus control.
        standard_error: Posterior standard deviation of the difference.
        difference_interval: Equal-tailed credible interval of the difference.
        difference_hdi: Highest-density interval of the difference.
        lift: Posterior median of variant / control - 1. The mean is infinite when the control may
            be 0.
        lift_interval: Equal-tailed credible interval of the lift. It leaves 0 out exactly when
            `difference_interval` does.
        chance_to_win: Probability that the variant is better.
        loss_of_variant: Expected loss of choosing the variant, on the scale of the metric.
        loss_of_control: Expected loss of choosing the control.
        rope: Probabilities around the region of practical equivalence of the lift, or `None`.
        higher_is_better: Direction of the metric.
        level: Probability of all intervals.
        prior: Prior of either variant.
        method: `beta_binomial` or `gamma_poisson`.
        warnings: `overdispersed` if counts vary more between units than the Poisson model lets
            them, which makes everything here too certain; use `bayes` there.
    """

    control: VariantPosterior
    variant: VariantPosterior
    difference: float
    standard_error: float
    difference_interval: Interval
    difference_hdi: Interval
    lift: float
    lift_interval: Interval
    chance_to_win: float
    loss_of_variant: float
    loss_of_control: float
    rope: RopeProbabilities | None
    higher_is_better: bool
    level: float
    prior: BetaPrior | GammaPrior
    method: str
    warnings: tuple[str, ...] = ()


def beta_binomial(
    control: Counts,
    variant: Counts,
    *,
    prior: BetaPrior = UNIFORM,
    rope: Interval | None = None,
    level: float = 0.95,
    higher_is_better: bool = True,
) -> ConjugateEffect | NotEnoughData:
    """Compare two conversion rates with one beta prior for both.

    Args:
        control: Counts of the control.
        variant: Counts of the variant.
        prior: Prior of either rate.
        rope: Region of practical equivalence, as lifts.
        level: Probability of the intervals.
        higher_is_better: Direction of the metric.

    Returns:
        The comparison, or `too_few_units` if a variant has no unit.

    References:
        Miller, E. (2015). Formulas for Bayesian A/B testing. evanmiller.org.
        Kruschke, J. K. (2018). Rejecting or accepting parameter values in Bayesian estimation.
        Advances in Methods and Practices in Psychological Science 1(2).

    Examples:
        >>> effect = beta_binomial(
        ...     Counts(num_units=1000, num_successes=120), Counts(num_units=1000, num_successes=150)
        ... )
        >>> round(effect.chance_to_win, 6), round(effect.loss_of_variant, 8)
        (0.975068, 0.00014418)
        >>> round(effect.lift_interval.lower, 4), round(effect.lift_interval.upper, 4)
        (0.0001, 0.5625)
    """
    require_counts(control, variant)
    empty = _without_units(control.num_units, variant.num_units)
    if empty is not None:
        return empty
    return _compare(
        rate_posterior(control, prior),
        rate_posterior(variant, prior),
        rope=rope,
        level=level,
        higher_is_better=higher_is_better,
        prior=prior,
        method="beta_binomial",
    )


def gamma_poisson(
    control: Moments,
    variant: Moments,
    *,
    prior: GammaPrior = ONE_EVENT_IN_ONE_UNIT,
    rope: Interval | None = None,
    level: float = 0.95,
    higher_is_better: bool = True,
) -> ConjugateEffect | NotEnoughData:
    """Compare events per unit with one gamma prior for both.

    Args:
        control: Moments of the events of each unit of the control, in the first column.
        variant: The same of the variant.
        prior: Prior of either number of events per unit.
        rope: Region of practical equivalence, as lifts.
        level: Probability of the intervals.
        higher_is_better: Direction of the metric.

    Returns:
        The comparison, or `too_few_units` if a variant has no unit.

    Examples:
        >>> effect = gamma_poisson(
        ...     Moments(n=1000, means=(0.21,), comoments=((210.0,),)),
        ...     Moments(n=1000, means=(0.26,), comoments=((262.0,),)),
        ... )
        >>> round(effect.chance_to_win, 4), effect.warnings
        (0.9894, ())
    """
    require_moments(control, variant)
    empty = _without_units(control.n, variant.n)
    if empty is not None:
        return empty
    return _compare(
        count_posterior(control, prior),
        count_posterior(variant, prior),
        rope=rope,
        level=level,
        higher_is_better=higher_is_better,
        prior=prior,
        method="gamma_poisson",
        warnings=("overdispersed",) if _overdispersed(control, variant) else (),
    )


def rate_posterior(counts: Counts, prior: BetaPrior) -> RatePosterior:
    """Return the posterior of a conversion rate."""
    require_type("prior", prior, BetaPrior)
    return RatePosterior(
        successes=prior.alpha + counts.num_successes,
        failures=prior.beta + (counts.num_units - counts.num_successes),
    )


def count_posterior(moments: Moments, prior: GammaPrior) -> CountPosterior:
    """Return the posterior of events per unit."""
    require_type("prior", prior, GammaPrior)
    if moments.mean < 0:
        raise ValueError(
            f"mean of the events per unit is {moments.mean!r}; counts must be at least 0"
        )
    if moments.n * moments.mean > MOST_EVENTS:
        raise ValueError(
            f"mean of the events per unit is {moments.mean!r} over {moments.n} units; there must "
            f"be at most {MOST_EVENTS:g} events"
        )
    return CountPosterior(
        events=prior.shape + moments.n * moments.mean, units=prior.rate + moments.n
    )


def _without_units(control: int, variant: int) -> NotEnoughData | None:
    if min(control, variant) >= 1:
        return None
    return NotEnoughData(
        code="too_few_units",
        detail=(
            f"control has {num_of(control, 'unit')} and variant {variant}; each needs at least 1"
        ),
    )


def _overdispersed(*arms: Moments) -> bool:
    """Whether the variance exceeds the mean by more than a tenth and what chance explains."""
    return any(
        arm.n >= 2
        and arm.variance > arm.mean * (1.1 + 3 * math.sqrt(2 / (arm.n - 1)))
        and arm.mean > 0
        for arm in arms
    )


def _compare(
    control: ValuePosterior,
    variant: ValuePosterior,
    *,
    rope: Interval | None,
    level: float,
    higher_is_better: bool,
    prior: BetaPrior | GammaPrior,
    method: str,
    warnings: tuple[str, ...] = (),
) -> ConjugateEffect:
    require_probability("level", level)
    if rope is not None:
        require_type("rope", rope, Interval)
    grid = Grid.over([control, variant])
    below_c, below_t = (arm.tail(grid.points, "largest") for arm in (control, variant))
    above_c, above_t = (arm.tail(grid.points, "smallest") for arm in (control, variant))
    # E[max(C - T, 0)] is the integral over x of P(T < x < C): no difference of large numbers.
    control_excess = grid.integrate(below_t * above_c)
    variant_excess = grid.integrate(below_c * above_t)
    contrast = Contrast.between(control, variant)
    tails = ((1 - level) / 2, (1 + level) / 2)
    return ConjugateEffect(
        control=_summary(control, level),
        variant=_summary(variant, level),
        difference=variant.mean - control.mean,
        standard_error=contrast.sd,
        difference_interval=Interval(*(contrast.difference_quantile(p) for p in tails)),
        difference_hdi=shortest_interval(
            contrast.difference_quantile, contrast.log_difference_density, level
        ),
        lift=contrast.lift_quantile(0.5),
        lift_interval=Interval(*(contrast.lift_quantile(p) for p in tails)),
        chance_to_win=min(
            1.0, float(grid.masses(variant) @ (below_c if higher_is_better else above_c))
        ),
        loss_of_variant=control_excess if higher_is_better else variant_excess,
        loss_of_control=variant_excess if higher_is_better else control_excess,
        rope=None if rope is None else _rope(contrast, rope),
        higher_is_better=higher_is_better,
        level=level,
        prior=prior,
        method=method,
        warnings=warnings,
    )


def _summary(posterior: ValuePosterior, level: float) -> VariantPosterior:
    return VariantPosterior(
        mean=posterior.mean,
        sd=posterior.sd,
        interval=Interval(posterior.quantile((1 - level) / 2), posterior.quantile((1 + level) / 2)),
        hdi=posterior.hdi(level),
    )


def _rope(contrast: Contrast, region: Interval) -> RopeProbabilities:
    below = contrast.lift_tail(region.lower, below=True)
    above = contrast.lift_tail(region.upper, below=False)
    return RopeProbabilities(
        region=region, below=below, inside=max(0.0, 1 - below - above), above=above
    )
