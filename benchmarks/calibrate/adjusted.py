"""T9: variance reduction with what was known before."""

from __future__ import annotations

import numpy as np

from abtesting.statistics.adjustment.regression import compare_adjusted_means
from abtesting.statistics.boundaries import FixedHorizon
from abtesting.statistics.moments import Moments
from calibrate.cells import OURS, Budget, Cell

BOUNDARY = FixedHorizon(0.05)


def cuped(budget: Budget) -> list[Cell]:
    """Pre-period correlations .3, .7, .9; equal and unequal arms; effects that grow with them."""
    cells = []
    for rho in (0.3, 0.7, 0.9):
        for n_c, n_t in ((1_000, 1_000), (2_700, 300)):
            for uneven in (0.0, 0.5):
                cells += _setting(budget, rho, n_c, n_t, uneven)
    cells += _useless_covariate(budget)
    return cells


def _setting(budget: Budget, rho: float, n_c: int, n_t: int, uneven: float) -> list[Cell]:
    setting = f"correlation {rho}, {n_c:,} / {n_t:,}" + (", effects differ" if uneven else "")
    rng = budget.rng("T9", setting)
    rejected, ratios, worst = [], [], []
    for _ in range(budget.num_runs):
        arms = []
        for n, slope in ((n_c, 0.0), (n_t, uneven)):
            before = rng.standard_normal(n)
            after = rho * before + np.sqrt(1 - rho**2) * rng.standard_normal(n)
            # The effect is 0 on average over the units that might have come.
            arms.append(Moments.from_array(np.column_stack([after + slope * before, before])))
        result = compare_adjusted_means(*arms, boundary=BOUNDARY)
        rejected.append(result.effect.is_significant)
        ratios.append(result.effect.standard_error / result.unadjusted.standard_error)
        worst.append(ratios[-1])
    slack = budget.slack(0.05)
    cells = [
        Cell(
            test="T9",
            setting=setting,
            method=OURS,
            measure="false positives",
            value=float(np.mean(rejected)),
            low=0.0435 - slack,
            high=0.0565 + slack,
        ),
        Cell(
            test="T9",
            setting=setting,
            method=OURS,
            measure="largest standard error / unadjusted",
            value=float(np.max(worst)),
            high=1.01,
        ),
    ]
    if not uneven:
        expected = np.sqrt(1 - rho**2)
        cells.append(
            Cell(
                test="T9",
                setting=setting,
                method=OURS,
                measure="median standard error / unadjusted",
                value=float(np.median(ratios)),
                low=0.97 * expected,
                high=1.03 * expected,
            )
        )
    return cells


def _useless_covariate(budget: Budget) -> list[Cell]:
    """Five covariates of noise in small arms: they may not cost more than 1 %."""
    rng = budget.rng("T9", "noise")
    ratios, rejected = [], []
    for _ in range(budget.num_runs):
        arms = [Moments.from_array(rng.standard_normal((60, 6))) for _ in range(2)]
        result = compare_adjusted_means(*arms, boundary=BOUNDARY)
        ratios.append(result.effect.standard_error / result.unadjusted.standard_error)
        rejected.append(result.effect.is_significant)
    setting = "5 covariates of noise, 60 / 60"
    slack = budget.slack(0.05)
    return [
        Cell(
            test="T9",
            setting=setting,
            method=OURS,
            measure="largest standard error / unadjusted",
            value=float(np.max(ratios)),
            high=1.01,
        ),
        Cell(
            test="T9",
            setting=setting,
            method=OURS,
            measure="false positives",
            value=float(np.mean(rejected)),
            low=0.0435 - slack,
            high=0.0565 + slack,
        ),
    ]
