"""Shares of a bandit: how much traffic each variant gets, from what is known of each so far.

Thompson sampling gives a variant the probability that it is the best one; top-two Thompson
sampling gives half of that to its closest rival, which finds the best variant sooner. Both are
computed by integration, not by drawing: the share that is used is then the propensity that is
logged, without noise, and a variant that is far behind still has its true, tiny probability.
What the data of a bandit say afterwards is in `adaptive_inference`; a plain mean would be biased.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from abtesting.statistics.adaptive.bandit_posteriors import Goal, Posterior
from abtesting.statistics.arguments import (
    require_finite,
    require_list,
    require_positive,
    require_weights,
    shown,
)

FloorRule = Literal["raise", "mix"]

PANEL_EDGES = np.arange(-40.0, 41.0, 5.0)
"""Ends of the panels around the centre of a posterior, in its standard deviations."""
NARROW_EDGES = np.arange(-12.0, 12.5, 1.5)
"""The same in units of the scale."""
NODES, NODE_WEIGHTS = np.polynomial.legendre.leggauss(20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """Shares of traffic, in the order of the posteriors.

    Attributes:
        shares: What each variant gets and what has to be logged as its propensity; sums to 1.
        probability_best: Posterior probability that each variant is the best one.
        posterior_means: Posterior mean of each variant.
        method: `thompson` or `top_two`.
        floor: Smallest share.
        goal: Whether the best value is the largest or the smallest.
    """

    shares: tuple[float, ...]
    probability_best: tuple[float, ...]
    posterior_means: tuple[float, ...]
    method: str
    floor: float
    goal: Goal


def probability_best(
    posteriors: Sequence[Posterior], *, goal: Goal = "largest"
) -> tuple[float, ...]:
    """Return the probability that each variant has the largest (or smallest) value.

    For variant i it is the integral of its density times the probabilities that each other
    variant lies below, by Gauss-Legendre quadrature on panels that fit every posterior at once:
    a narrow posterior inside a wide one is not missed. Relative precision is about 1e-10, also of
    probabilities far below what sampling could ever show.

    Args:
        posteriors: One posterior per variant, all of one family.
        goal: `smallest` where less is better, such as a bounce rate.

    Examples:
        >>> from abtesting.statistics.adaptive.bandit_posteriors import NormalPosterior
        >>> a = NormalPosterior(mean=0.0, standard_deviation=3.0)
        >>> b = NormalPosterior(mean=5.0, standard_deviation=4.0)
        >>> [round(p, 6) for p in probability_best([a, b])]
        [0.158655, 0.841345]
        >>> [round(p, 6) for p in probability_best([a, b], goal="smallest")]
        [0.841345, 0.158655]
    """
    require_list("posteriors", posteriors)
    for i, posterior in enumerate(posteriors):
        if not hasattr(posterior, "log_density"):
            raise ValueError(f"posteriors[{i}] is {shown(posterior)}; it must be a posterior")
    if len(posteriors) < 2:
        raise ValueError(f"posteriors has {len(posteriors)} variants; it must have at least 2")
    families = {type(posterior).__name__ for posterior in posteriors}
    if len(families) > 1:
        raise ValueError(
            f"posteriors are of the families {', '.join(sorted(families))}; they must be of one"
        )
    if goal not in ("largest", "smallest"):
        raise ValueError(f"goal is {goal!r}; it must be 'largest' or 'smallest'")
    # With few events a logit or logarithm has one sharp end, however wide the rest of it is.
    wide = [p.centre + NARROW_EDGES for p in posteriors if p.spread > 0.3]
    edges = np.unique(
        np.concatenate([p.centre + p.spread * PANEL_EDGES for p in posteriors] + wide)
    )
    middles, halves = (edges[1:] + edges[:-1]) / 2, (edges[1:] - edges[:-1]) / 2
    points = (middles[:, np.newaxis] + halves[:, np.newaxis] * NODES).ravel()
    weights = (halves[:, np.newaxis] * NODE_WEIGHTS).ravel()
    tails = np.array([posterior.tail(points, goal) for posterior in posteriors])
    chances = []
    for i, posterior in enumerate(posteriors):
        density = weights * np.exp(posterior.log_density(points - posterior.centre))
        rivals = np.delete(tails, i, axis=0).prod(axis=0)
        # Divided by the integral of the density, which has only to be known up to a factor.
        chances.append(float(density @ rivals) / float(density.sum()))
    total = math.fsum(chances)
    return tuple(chance / total for chance in chances)


def thompson_shares(
    posteriors: Sequence[Posterior],
    *,
    floor: float = 0.0,
    floor_rule: FloorRule = "raise",
    goal: Goal = "largest",
) -> Allocation:
    """Return the shares of Thompson sampling: the probability of being the best.

    Args:
        posteriors: One posterior per variant, all of one family.
        floor: Smallest share. Inference afterwards needs it above 0: a variant without traffic
            can't be estimated.
        floor_rule: See `with_floor`.
        goal: Whether the best value is the largest or the smallest.

    References:
        Thompson, W. R. (1933). On the likelihood that one unknown probability exceeds another in
        view of the evidence of two samples. Biometrika 25(3-4).

    Examples:
        >>> from abtesting.statistics.adaptive.bandit_posteriors import BetaPosterior
        >>> allocation = thompson_shares(
        ...     [
        ...         BetaPosterior(successes=101, failures=901),
        ...         BetaPosterior(successes=121, failures=881),
        ...         BetaPosterior(successes=131, failures=871),
        ...     ],
        ...     floor=0.05,
        ... )
        >>> [round(share, 3) for share in allocation.shares]
        [0.05, 0.237, 0.713]
    """
    chances = probability_best(posteriors, goal=goal)
    return Allocation(
        shares=with_floor(chances, floor, rule=floor_rule),
        probability_best=chances,
        posterior_means=tuple(posterior.mean for posterior in posteriors),
        method="thompson",
        floor=floor,
        goal=goal,
    )


def top_two_shares(
    posteriors: Sequence[Posterior],
    *,
    leader_share: float = 0.5,
    floor: float = 0.0,
    floor_rule: FloorRule = "raise",
    goal: Goal = "largest",
) -> Allocation:
    """Return the shares of top-two Thompson sampling.

    A leader is drawn by Thompson sampling; it is shown with probability `leader_share`, and
    otherwise the draw is repeated until another variant leads. With p_i the probability of being
    the best, variant i gets p_i (b + (1 - b) sum over j != i of p_j / (1 - p_j)).

    Args:
        posteriors: One posterior per variant, all of one family.
        leader_share: b, above 0 and at most 1; 1 is Thompson sampling.
        floor: Smallest share.
        floor_rule: See `with_floor`.
        goal: Whether the best value is the largest or the smallest.

    References:
        Russo, D. (2020). Simple Bayesian algorithms for best-arm identification. Operations
        Research 68(6), section 3.3.

    Examples:
        >>> from abtesting.statistics.adaptive.bandit_posteriors import NormalPosterior
        >>> posteriors = [NormalPosterior(mean=m, standard_deviation=1.0) for m in (0.0, 1.0, 4.0)]
        >>> [round(p, 3) for p in probability_best(posteriors)]
        [0.002, 0.017, 0.981]
        >>> [round(share, 3) for share in top_two_shares(posteriors).shares]
        [0.052, 0.448, 0.5]
    """
    require_positive("leader_share", leader_share)
    if leader_share > 1:
        raise ValueError(f"leader_share is {leader_share!r}; it must be above 0 and at most 1")
    chances = probability_best(posteriors, goal=goal)
    num_variants = len(chances)
    shares = [leader_share * chance for chance in chances]
    for leader, chance in enumerate(chances):
        others = [i for i in range(num_variants) if i != leader]
        # Summed, because 1 - p has no digits left for a clear leader.
        rest = math.fsum(chances[i] for i in others)
        for i in others:
            # Without any digit of the others' chances left, they count the same.
            second = chances[i] / rest if rest > 0 else 1 / len(others)
            shares[i] += (1 - leader_share) * chance * second
    return Allocation(
        shares=with_floor(shares, floor, rule=floor_rule),
        probability_best=chances,
        posterior_means=tuple(posterior.mean for posterior in posteriors),
        method="top_two",
        floor=floor,
        goal=goal,
    )


def with_floor(
    weights: Sequence[float], floor: float, *, rule: FloorRule = "raise"
) -> tuple[float, ...]:
    """Return shares of at least `floor` that sum to 1.

    `raise` lifts what is below the floor to it and scales the others down, so that variants above
    it keep their proportions. `mix` gives each variant the floor and splits only the remainder by
    weight: `floor + (1 - K floor) weight`; it keeps variants apart even below the floor.

    Examples:
        >>> [round(share, 3) for share in with_floor([0.0, 0.2, 0.8], 0.1)]
        [0.1, 0.18, 0.72]
        >>> [round(share, 3) for share in with_floor([0.0, 0.2, 0.8], 0.1, rule="mix")]
        [0.1, 0.24, 0.66]
    """
    require_weights("weights", weights)
    require_finite("floor", floor)
    num_variants = len(weights)
    largest = max(weights)
    weights = [weight / largest for weight in weights]
    total = math.fsum(weights)
    if not 0 <= floor <= 1 / num_variants:
        raise ValueError(
            f"floor is {floor!r}; with {num_variants} variants it must be from 0 to "
            f"{1 / num_variants:g}"
        )
    shares = [weight / total for weight in weights]
    if rule == "mix":
        return tuple(floor + (1 - num_variants * floor) * share for share in shares)
    if rule != "raise":
        raise ValueError(f"rule is {rule!r}; it must be 'raise' or 'mix'")
    at_floor: set[int] = set()
    scale = 1.0
    # Raising one variant scales the others down, which can push the next one below the floor.
    while below := {
        i for i, share in enumerate(shares) if i not in at_floor and scale * share < floor
    }:
        at_floor |= below
        above = math.fsum(share for i, share in enumerate(shares) if i not in at_floor)
        if above <= 0:
            break
        scale = (1 - floor * len(at_floor)) / above
    return tuple(floor if i in at_floor else scale * share for i, share in enumerate(shares))
