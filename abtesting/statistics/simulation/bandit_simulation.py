"""Simulated bandits: many runs of Thompson sampling at once, beside the same units split evenly.

The shares are those of `bandits.thompson_shares` with normal posteriors, the comparison afterwards
is that of `adaptive_inference.compare_batches`; both are worked out here for all runs together.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from abtesting.statistics.adaptive.bandit_posteriors import Goal
from abtesting.statistics.arguments import (
    as_floats,
    require_at_least,
    require_generator,
    require_list,
    shown,
)
from abtesting.statistics.simulation.generators import Generator
from abtesting.statistics.simulation.paths import Floats

NODES = np.linspace(-7.0, 7.0, 141)
WEIGHTS = np.exp(-NODES * NODES / 2)
WEIGHTS /= WEIGHTS.sum()
"""The trapezoidal rule, which is as good as exact for a normal density."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BanditRuns:
    """What many bandits did, or as many tests of fixed shares.

    Attributes:
        units: Units, shape `[num_runs, num_batches, num_arms]`.
        totals: Sums of their features, one more axis; see `paths.features`.
        shares: Shares of traffic, which are the propensities; shape as `units`.
        binary: Whether units convert or not, rather than having amounts.
        goal: Whether the best value is the largest or the smallest.
    """

    units: Floats
    totals: Floats
    shares: Floats
    binary: bool
    goal: Goal

    @property
    def picked(self) -> npt.NDArray[np.int64]:
        """The arm of each run that is the best one as far as its units tell."""
        values, _ = _posteriors(self.totals.sum(axis=1), binary=self.binary)
        return np.asarray(values.argmax(axis=1) if self.goal == "largest" else values.argmin(1))

    def regret(self, values: Sequence[float]) -> Floats:
        """Return what was lost by the end of each batch against the best arm all along.

        Args:
            values: The true value of each arm.

        Returns:
            Total loss of each run, shape `[num_runs, num_batches]`.
        """
        truth = np.asarray(values, dtype=np.float64)
        gaps = truth.max() - truth if self.goal == "largest" else truth - truth.min()
        return np.asarray((self.units @ gaps).cumsum(axis=1))


def simulate_bandit(
    generator: Generator,
    lifts: Sequence[float],
    *,
    batches: Sequence[int],
    num_runs: int,
    rng: np.random.Generator,
    floor: float = 0.05,
    fixed_shares: Sequence[float] | None = None,
    binary: bool = False,
    goal: Goal = "largest",
) -> BanditRuns:
    """Run many bandits whose shares are renewed after each batch.

    Args:
        generator: Draws the units.
        lifts: True lift of each arm, 0 for the control.
        batches: Units of each batch.
        num_runs: Number of bandits.
        rng: Source of randomness.
        floor: Smallest share of an arm.
        fixed_shares: Shares that stay as they are, relative to one another, for a comparison;
            `None` for a bandit, whose first batch is split evenly.
        binary: Whether units convert or not.
        goal: Whether the best value is the largest or the smallest.

    References:
        Thompson, W. R. (1933). On the likelihood that one unknown probability exceeds another in
        view of the evidence of two samples. Biometrika 25(3-4).

    Examples:
        >>> from abtesting.statistics.simulation.generators import Conversions
        >>> runs = simulate_bandit(
        ...     Conversions(0.1), [0.0, 0.5], batches=[500] * 10, num_runs=200, binary=True,
        ...     rng=np.random.default_rng(1),
        ... )
        >>> bool(runs.units[:, -1, 1].mean() > 400), bool((runs.picked == 1).mean() > 0.9)
        (True, True)
    """
    require_generator(rng)
    require_at_least("num_runs", num_runs, 1)
    require_list("batches", batches)
    for i, batch in enumerate(batches):
        require_at_least(f"batches[{i}]", batch, 1)
    num_arms = len(as_floats("lifts", lifts))
    if num_arms < 2:
        raise ValueError(f"lifts has {num_arms} arms; it must have at least 2")
    if not batches:
        raise ValueError("batches is empty; there must be at least 1")
    if not hasattr(generator, "totals"):
        raise ValueError(
            f"generator is {shown(generator)}; it must be a Generator such as Conversions(0.05)"
        )
    if not 0 <= floor <= 1 / num_arms:
        raise ValueError(
            f"floor is {floor!r}; with {num_arms} arms it must be from 0 to {1 / num_arms:g}"
        )
    start = np.ones(num_arms) if fixed_shares is None else as_floats("fixed_shares", fixed_shares)
    if len(start) != num_arms or not (start > 0).all():
        raise ValueError(f"fixed_shares are {start.tolist()!r}; there must be one an arm, above 0")
    shares = np.tile(start / start.sum(), (num_runs, 1))
    units, totals, used = [], [], []
    for batch in batches:
        counts = rng.multinomial(batch, shares)
        drawn = np.stack(
            [generator.totals(counts[:, i], rng=rng, lift=lift) for i, lift in enumerate(lifts)],
            axis=1,
        )
        units.append(counts.astype(np.float64))
        totals.append(drawn)
        used.append(shares)
        if fixed_shares is None:
            known = np.sum(totals, axis=0)
            chances = chances_best(*_posteriors(known, binary=binary), goal=goal)
            shares = shares_with_floor(chances, floor)
    return BanditRuns(
        units=np.stack(units, axis=1),
        totals=np.stack(totals, axis=1),
        shares=np.stack(used, axis=1),
        binary=binary,
        goal=goal,
    )


def chances_best(means: Floats, deviations: Floats, *, goal: Goal = "largest") -> Floats:
    """Return the probability that each arm is the best one, of normal posteriors in rows.

    Examples:
        >>> chances_best(np.array([[0.0, 5.0]]), np.array([[3.0, 4.0]])).round(6)
        array([[0.158655, 0.841345]])
    """
    sign = 1.0 if goal == "largest" else -1.0
    num_arms = means.shape[1]
    if num_arms == 2:
        z = sign * (means[:, 0] - means[:, 1]) / np.hypot(deviations[:, 0], deviations[:, 1])
        return np.column_stack([special.ndtr(z), special.ndtr(-z)])
    chances = np.empty_like(means)
    for i in range(num_arms):
        below = np.ones((len(means), len(NODES)))
        points = sign * means[:, i, np.newaxis] + deviations[:, i, np.newaxis] * NODES
        for j in range(num_arms):
            if j != i:
                rival = sign * means[:, j, np.newaxis]
                below *= special.ndtr((points - rival) / deviations[:, j, np.newaxis])
        chances[:, i] = below @ WEIGHTS
    return np.asarray(chances / chances.sum(axis=1, keepdims=True))


def shares_with_floor(chances: Floats, floor: float) -> Floats:
    """Return `bandits.with_floor` of each row.

    Examples:
        >>> shares_with_floor(np.array([[0.0, 0.2, 0.8]]), 0.1).round(3)
        array([[0.1 , 0.18, 0.72]])
    """
    shares = chances / chances.sum(axis=1, keepdims=True)
    at_floor = shares < floor
    # Raising one arm scales the others down, which can push the next one below the floor.
    for _ in range(shares.shape[1]):
        above = np.where(at_floor, 0.0, shares).sum(axis=1, keepdims=True)
        rest = 1 - floor * at_floor.sum(axis=1, keepdims=True)
        raised = np.where(at_floor, floor, shares * rest / np.maximum(above, 1e-300))
        below = ~at_floor & (raised < floor)
        if not below.any():
            break
        at_floor |= below
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def z_of_batches(runs: BanditRuns, *, variant: int = 1) -> tuple[Floats, Floats | None]:
    """Return the z statistic and degrees of freedom of `compare_batches`, control against variant.

    A run whose units have no variance at all has a z of 0.

    References:
        Zhang, K. W., Janson, L. & Murphy, S. A. (2020). Inference for batched bandits. NeurIPS 33,
        theorem 3.
    """
    pair = [0, variant]
    n = runs.units[:, :, pair]
    kept = np.asarray((n > 0).all(axis=2))
    sizes = np.where(kept[:, :, np.newaxis], n, 1.0)
    sums, squares = runs.totals[:, :, pair, 1], runs.totals[:, :, pair, 2]
    means = sums / sizes
    spread = np.where(kept[:, :, np.newaxis], np.maximum(squares - sums * means, 0.0), 0.0)
    freedom = np.where(kept[:, :, np.newaxis], np.maximum(n - 1, 0.0), 0.0)
    inside, df = spread.sum(axis=1), freedom.sum(axis=1)
    if runs.binary:
        inside, df = (np.repeat(x.sum(axis=1, keepdims=True), 2, axis=1) for x in (inside, df))
    variances = inside / np.maximum(df, 1.0)
    if not runs.binary:
        together = inside.sum(axis=1, keepdims=True) / np.maximum(
            df.sum(axis=1, keepdims=True), 1.0
        )
        variances = np.maximum(variances, together)
    spreads = variances[:, np.newaxis, :] / sizes
    clock = np.where(kept, runs.units.sum(axis=2), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = np.where(kept, np.sqrt(clock) / np.sqrt(spreads.sum(axis=2)), 0.0)
        total = (weights * (means[:, :, 1] - means[:, :, 0])).sum(axis=1)
        z = total / np.sqrt(clock.sum(axis=1))
        z = np.where(variances.min(axis=1) > 0, z, 0.0)
        if runs.binary:
            return z, None
        parts = (np.square(weights)[:, :, np.newaxis] * spreads).sum(axis=1)
        parts /= clock.sum(axis=1, keepdims=True)
        inverse = (np.square(parts) / np.maximum(df, 1.0)).sum(axis=1)
        return z, np.where(variances.min(axis=1) > 0, 1 / inverse, 1.0)


def _posteriors(known: Floats, *, binary: bool) -> tuple[Floats, Floats]:
    """Means and standard deviations of the arms' values; of rates those of a beta posterior."""
    n, sums, squares = known[..., 0], known[..., 1], known[..., 2]
    if binary:
        size = n + 2
        rate = (sums + 1) / size
        return rate, np.sqrt(rate * (1 - rate) / (size + 1))
    means = sums / np.maximum(n, 1)
    # Of all arms together: an arm with two units knows nothing of its variance.
    inside = np.maximum(squares - sums * means, 0.0).sum(axis=-1, keepdims=True)
    variance = inside / np.maximum((n - 1).sum(axis=-1, keepdims=True), 1)
    floor = np.finfo(float).tiny
    return means, np.sqrt(np.maximum(variance, floor) / np.maximum(n, 0.5))


def is_found(z: Floats, df: Floats | None, *, alpha: float) -> npt.NDArray[np.bool_]:
    """Return whether a two-sided test finds a difference.

    Examples:
        >>> is_found(np.array([1.9, -2.0]), None, alpha=0.05).tolist()
        [False, True]
    """
    tails = special.ndtr(-np.abs(z)) if df is None else special.stdtr(df, -np.abs(z))
    return np.asarray(2 * tails < alpha)


def equal_batches(num_units: int, num_batches: int) -> tuple[int, ...]:
    """Return the sizes of batches that have these units together.

    Examples:
        >>> equal_batches(10, 4)
        (2, 3, 2, 3)
    """
    require_at_least("num_units", num_units, 0)
    require_at_least("num_batches", num_batches, 1)
    num_batches = max(1, min(num_batches, num_units))
    edges = [math.floor(i * num_units / num_batches) for i in range(num_batches + 1)]
    return tuple(b - a for a, b in itertools.pairwise(edges))
