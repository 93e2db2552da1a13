"""T13: tests of data that a bandit collected."""

from __future__ import annotations

import numpy as np
from scipy import special

from abtesting.statistics.adaptive.adaptive_batches import AdaptiveBatch, adaptive_means
from abtesting.statistics.adaptive.adaptive_inference import (
    compare_batches,
    compare_weighted_scores,
)
from abtesting.statistics.adaptive.bandit_posteriors import BetaPosterior
from abtesting.statistics.adaptive.bandits import thompson_shares
from abtesting.statistics.boundaries import FixedHorizon
from abtesting.statistics.moments import Counts, Moments
from calibrate.cells import OURS, Budget, Cell

BOUNDARY = FixedHorizon(0.05)
RATE = 0.05
NUM_BATCHES = 20
BATCH = 1_000


def thompson(budget: Budget) -> list[Cell]:
    """20 batches of 1,000 units; all arms convert at 5 %."""
    cells = []
    for num_arms, floor in ((2, 0.05), (2, 0.01), (4, 0.01)):
        setting = f"{num_arms} arms, floor {floor}"
        rng = budget.rng("T13", setting)
        runs = max(300, budget.num_runs // 5)
        batched, weighted, naive, means, plain, least_sampled = [], [], [], [], [], []
        for _ in range(runs):
            batches = collect(rng, num_arms, floor)
            batched.append(compare_batches(batches, boundary=BOUNDARY).is_significant)
            weighted.append(compare_weighted_scores(batches, boundary=BOUNDARY).is_significant)
            totals = [
                sum((b.arms[i] for b in batches), Counts(num_units=0, num_successes=0))
                for i in range(num_arms)
            ]
            (n_c, x_c), (n_t, x_t) = ((t.num_units, t.num_successes) for t in totals[:2])
            pooled = (x_c + x_t) / (n_c + n_t)
            error = np.sqrt(pooled * (1 - pooled) * (1 / n_c + 1 / n_t))
            naive.append(2 * special.ndtr(-abs(x_t / n_t - x_c / n_c) / error) < 0.05)
            least = min(range(num_arms), key=lambda i: totals[i].num_units)
            plain.append(totals[least].num_successes / totals[least].num_units)
            unbiased = [mean.value for mean in adaptive_means(batches)]
            means.append(unbiased[0])
            least_sampled.append(unbiased[least])
        slack = budget.slack(0.05, runs)
        for method, found in (("batched OLS", batched), ("AW-AIPW", weighted)):
            cells.append(
                Cell(
                    test="T13",
                    setting=setting,
                    method=f"{OURS} {method}",
                    measure="false positives",
                    value=float(np.mean(found)),
                    high=0.065 + slack,
                )
            )
        cells += [
            Cell(
                test="T13",
                setting=setting,
                method="plain z (not offered here)",
                measure="false positives",
                value=float(np.mean(naive)),
            ),
            Cell(
                test="T13",
                setting=setting,
                method=OURS,
                measure="bias of an arm's mean",
                value=float(np.mean(means) / RATE - 1),
                low=-0.01 - 3 * float(np.std(means) / RATE / np.sqrt(runs)),
                high=0.01 + 3 * float(np.std(means) / RATE / np.sqrt(runs)),
            ),
            Cell(
                test="T13",
                setting=setting,
                method=OURS,
                measure="bias of the least-sampled arm's mean",
                value=float(np.mean(least_sampled) / RATE - 1),
            ),
            Cell(
                test="T13",
                setting=setting,
                method="plain mean (not offered here)",
                measure="bias of the least-sampled arm's mean",
                value=float(np.mean(plain) / RATE - 1),
            ),
        ]
    return cells + [_skewed(budget, size) for size in (100, 1_000)]


def _skewed(budget: Budget, size: int) -> Cell:
    """20 batches of two arms that sell the same: 5 % buyers, log-normal amounts."""
    setting = f"revenue, 2 arms, floor 0.05, batches of {size}"
    rng = budget.rng("T13", setting)
    runs = max(300, budget.num_runs // 5)
    found = [
        getattr(
            compare_batches(collect_revenue(rng, size), boundary=BOUNDARY), "is_significant", False
        )
        for _ in range(runs)
    ]
    return Cell(
        test="T13",
        setting=setting,
        method=f"{OURS} batched OLS",
        measure="false positives",
        value=float(np.mean(found)),
        high=0.065 + budget.slack(0.05, runs),
    )


def collect_revenue(rng: np.random.Generator, size: int) -> list[AdaptiveBatch]:
    """Thompson sampling by normal posteriors of the means, its shares renewed after each batch."""
    totals = np.zeros((3, 2))
    shares, batches = np.full(2, 0.5), []
    for _ in range(NUM_BATCHES):
        values = [
            np.where(rng.random(n) < 0.05, rng.lognormal(3.5, 1.0, n), 0.0)
            for n in rng.multinomial(size, shares)
        ]
        batches.append(
            AdaptiveBatch(
                arms=tuple(Moments.from_array(arm) for arm in values),
                propensities=tuple(shares.tolist()),
            )
        )
        totals += np.transpose([[x.size, x.sum(), np.square(x).sum()] for x in values])
        num_units = np.maximum(totals[0], 1)
        means = totals[1] / num_units
        variances = np.maximum(totals[2] / num_units - means**2, 1e-9) / num_units
        chance = float(special.ndtr((means[1] - means[0]) / np.sqrt(variances.sum())))
        shares = 0.05 + 0.9 * np.array([1 - chance, chance])
    return batches


def collect(rng: np.random.Generator, num_arms: int, floor: float) -> list[AdaptiveBatch]:
    """Thompson sampling, its shares renewed after each batch."""
    successes, units = np.zeros(num_arms, dtype=int), np.zeros(num_arms, dtype=int)
    shares = (1 / num_arms,) * num_arms
    batches = []
    for _ in range(NUM_BATCHES):
        counts = rng.multinomial(BATCH, np.array(shares) / sum(shares))
        found = rng.binomial(counts, RATE)
        batches.append(
            AdaptiveBatch(
                arms=tuple(
                    Counts(num_units=int(n), num_successes=int(x))
                    for n, x in zip(counts, found, strict=True)
                ),
                propensities=shares,
            )
        )
        successes += found
        units += counts
        posteriors = [
            BetaPosterior(successes=1 + int(x), failures=1 + int(n - x))
            for n, x in zip(units, successes, strict=True)
        ]
        shares = thompson_shares(posteriors, floor=floor).shares
    return batches
