"""Which of several variants is the best, and what choosing each one would cost.

Exact for rates, counts and normal estimates, by integrals over one value: no random draws. The
control takes part as one of the variants.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from abtesting.statistics.adaptive.bandit_posteriors import Goal
from abtesting.statistics.arguments import require_type, require_types
from abtesting.statistics.bayesian.bayes import update_normal
from abtesting.statistics.bayesian.bayes_conjugate import (
    ONE_EVENT_IN_ONE_UNIT,
    UNIFORM,
    count_posterior,
    rate_posterior,
)
from abtesting.statistics.bayesian.posteriors import Grid, MeanPosterior, ValuePosterior
from abtesting.statistics.bayesian.priors import BetaPrior, GammaPrior, NormalPrior
from abtesting.statistics.means import Estimate
from abtesting.statistics.moments import Counts, Moments


@dataclass(frozen=True, slots=True, kw_only=True)
class BestVariant:
    """Variants in the order given.

    Attributes:
        means: Posterior means.
        sds: Posterior standard deviations.
        chances_to_be_best: Probability that each one is the best; they add up to 1.
        expected_losses: How much worse than the best one each is expected to be, on the scale of
            the metric.
        higher_is_better: Direction of the metric.
        prior: Prior of every variant, `None` for a flat one.
        method: `beta_binomial`, `gamma_poisson` or `normal`.
    """

    means: tuple[float, ...]
    sds: tuple[float, ...]
    chances_to_be_best: tuple[float, ...]
    expected_losses: tuple[float, ...]
    higher_is_better: bool
    prior: BetaPrior | GammaPrior | NormalPrior | None
    method: str

    @property
    def choice(self) -> int:
        """Position of the variant with the smallest expected loss."""
        return self.expected_losses.index(min(self.expected_losses))


def best_rate(
    variants: Sequence[Counts], *, prior: BetaPrior = UNIFORM, higher_is_better: bool = True
) -> BestVariant:
    """Compare the conversion rates of several variants.

    Examples:
        >>> best = best_rate(
        ...     [Counts(num_units=1000, num_successes=x) for x in (50, 62, 60)]
        ... )
        >>> [round(chance, 3) for chance in best.chances_to_be_best]
        [0.054, 0.544, 0.402]
        >>> best.choice, round(best.expected_losses[1], 5)
        (1, 0.00359)
    """
    require_types("variants", variants, Counts)
    return _best(
        [rate_posterior(counts, prior) for counts in variants],
        prior=prior,
        higher_is_better=higher_is_better,
        method="beta_binomial",
    )


def best_count(
    variants: Sequence[Moments],
    *,
    prior: GammaPrior = ONE_EVENT_IN_ONE_UNIT,
    higher_is_better: bool = True,
) -> BestVariant:
    """Compare the events per unit of several variants, each from the moments of its units.

    Examples:
        >>> best = best_count([Moments.constant(0, [0.0]), Moments.constant(0, [0.0])])
        >>> best.chances_to_be_best
        (0.5, 0.5)
    """
    require_types("variants", variants, Moments)
    return _best(
        [count_posterior(moments, prior) for moments in variants],
        prior=prior,
        higher_is_better=higher_is_better,
        method="gamma_poisson",
    )


def best_mean(
    variants: Sequence[Estimate],
    *,
    prior: NormalPrior | None = None,
    higher_is_better: bool = True,
) -> BestVariant:
    """Compare independent estimates of several variants, such as means with their variances.

    Args:
        variants: The estimates, each with a variance above 0.
        prior: Prior of the value of every variant; `None` for a flat one.
        higher_is_better: Direction of the metric.

    Examples:
        >>> best = best_mean(
        ...     [Estimate(value=v, variance=0.01, num_units=100) for v in (1.0, 1.1, 0.7)]
        ... )
        >>> [round(chance, 3) for chance in best.chances_to_be_best]
        [0.24, 0.76, 0.001]
    """
    require_types("variants", variants, Estimate)
    if prior is not None:
        require_type("prior", prior, NormalPrior)
    posteriors = []
    for i, estimate in enumerate(variants):
        if not 0 < estimate.variance < math.inf:
            raise ValueError(
                f"variance of variants[{i}] is {estimate.variance!r}; it must be finite and above 0"
            )
        mean, sd = update_normal(estimate.value, math.sqrt(estimate.variance), prior)
        posteriors.append(MeanPosterior(mean=mean, standard_deviation=sd))
    return _best(posteriors, prior=prior, higher_is_better=higher_is_better, method="normal")


def _best(
    posteriors: Sequence[ValuePosterior],
    *,
    prior: BetaPrior | GammaPrior | NormalPrior | None,
    higher_is_better: bool,
    method: str,
) -> BestVariant:
    if len(posteriors) < 2:
        raise ValueError(f"variants has {len(posteriors)} of them; there must be at least 2")
    behind: Goal = "largest" if higher_is_better else "smallest"
    ahead: Goal = "smallest" if higher_is_better else "largest"
    grid = Grid.over(posteriors)
    behinds = np.array([p.tail(grid.points, behind) for p in posteriors])
    aheads = np.array([p.tail(grid.points, ahead) for p in posteriors])
    with np.errstate(divide="ignore"):
        # Of a number close to 1, the logarithm comes from what is missing.
        logs = np.where(behinds < 0.5, np.log(behinds), np.log1p(-np.minimum(aheads, 0.5)))
    chances, losses = [], []
    for i, posterior in enumerate(posteriors):
        log_rivals_behind = np.delete(logs, i, axis=0).sum(axis=0)
        chances.append(float(grid.masses(posterior) @ np.exp(log_rivals_behind)))
        # The expected lead of the best rival is the integral over x of the chance that this
        # variant is behind x and some rival ahead of it.
        losses.append(grid.integrate(behinds[i] * -np.expm1(log_rivals_behind)))
    total = math.fsum(chances)
    return BestVariant(
        means=tuple(p.mean for p in posteriors),
        sds=tuple(p.sd for p in posteriors),
        chances_to_be_best=tuple(chance / total for chance in chances),
        expected_losses=tuple(losses),
        higher_is_better=higher_is_better,
        prior=prior,
        method=method,
    )
