"""T12, T14: quantiles of events, tests assigned by clusters, and switchbacks."""

from __future__ import annotations

import numpy as np

from abtesting.statistics.boundaries import FixedHorizon
from abtesting.statistics.robust.clusters import ClusterTotals, compare_clusters
from abtesting.statistics.robust.quantiles import QuantileSummary, compare_quantiles
from abtesting.statistics.time.switchback import (
    RandomisationTest,
    randomisation_test,
    regular_design,
)
from calibrate.cells import OURS, Budget, Cell

BOUNDARY = FixedHorizon(0.05)


def quantiles(budget: Budget) -> list[Cell]:
    """T12: latencies of 5 events a unit, which are alike within a unit."""
    cells = []
    runs = max(500, budget.num_runs)
    for quantile in (0.5, 0.9, 0.99):
        rng = budget.rng("T12", str(quantile))
        found = []
        for _ in range(runs):
            arms = []
            for _arm in range(2):
                own = np.repeat(rng.standard_normal(400), 5)
                values = np.exp(0.6 * own + 0.6 * rng.standard_normal(2_000))
                units = np.repeat(np.arange(400), 5)
                arms.append(QuantileSummary.from_values(values, quantile=quantile, units=units))
            found.append(compare_quantiles(*arms, boundary=BOUNDARY).is_significant)
        cells.append(_level("T12", f"p{100 * quantile:g}, 400 units of 5 events", found, budget))
    return cells


def clusters(budget: Budget) -> list[Cell]:
    """T14: units assigned by cluster, of uneven sizes."""
    cells = []
    for num_clusters in (12, 24, 80):
        rng = budget.rng("T14", "clusters", str(num_clusters))
        found = []
        for _ in range(budget.num_runs):
            arms = []
            for _arm in range(2):
                sizes = 5 + rng.poisson(20, num_clusters // 2)
                levels = 0.5 * rng.standard_normal(num_clusters // 2)
                totals = sizes * levels + np.sqrt(sizes) * rng.standard_normal(len(sizes))
                arms.append(ClusterTotals(sizes=sizes, totals=totals))
            found.append(compare_clusters(*arms, boundary=BOUNDARY).is_significant)
        slack = budget.slack(0.05)
        cells.append(
            Cell(
                test="T14",
                setting=f"{num_clusters} clusters of about 25 units",
                method=f"{OURS} CR2",
                measure="false positives",
                value=float(np.mean(found)),
                low=None if num_clusters <= 12 else 0.0435 - slack,
                high=(0.065 if num_clusters <= 12 else 0.0565) + slack,
            )
        )
    return cells


def switchback(budget: Budget) -> list[Cell]:
    """T14: periods that depend on the one before (AR(1), .5), in 12 to 48 blocks."""
    cells = []
    runs = max(400, budget.num_runs // 2)
    for num_blocks in (12, 24, 48):
        design = regular_design(num_blocks * 4, block_length=4)
        rng = budget.rng("T14", "switchback", str(num_blocks))
        found = []
        for _ in range(runs):
            noise = rng.standard_normal(design.num_periods)
            level = np.empty_like(noise)
            level[0] = noise[0]
            for period in range(1, len(noise)):
                level[period] = 0.5 * level[period - 1] + noise[period]
            result = randomisation_test(design, level, design.draw(rng), rng=rng, num_draws=999)
            # A schedule that never switches has no result, and rejects nothing.
            found.append(isinstance(result, RandomisationTest) and result.p_value <= 0.05)
        cells.append(
            _level("T14", f"{num_blocks} blocks of 4 periods", found, budget, "randomisation test")
        )
    return cells


def _level(test, setting, found, budget, method="") -> Cell:
    slack = budget.slack(0.05, len(found))
    return Cell(
        test=test,
        setting=setting,
        method=f"{OURS} {method}".strip(),
        measure="false positives",
        value=float(np.mean(found)),
        low=0.0435 - slack,
        high=0.0565 + slack,
    )
