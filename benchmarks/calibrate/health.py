"""T8 and T10: the traffic split read every day, and many comparisons at once."""

from __future__ import annotations

import numpy as np
from scipy import special

from abtesting.statistics.families.dunnett import many_to_one
from abtesting.statistics.families.guardrails import check_guardrails
from abtesting.statistics.families.multiplicity import adjust
from abtesting.statistics.health.sequential_srm import (
    CONCENTRATIONS,
    SrmLook,
    log_bayes_factor,
    sequential_srm_test,
)
from abtesting.statistics.health.srm import srm_test
from calibrate.cells import OURS, Budget, Cell

ALPHA = 0.05
DAYS = 28
UNITS_PER_DAY = 5_000
FWER_MAX = 0.0565


def srm(budget: Budget) -> list[Cell]:
    """T8: 28 daily looks at 5,000 units a day."""
    cells = []
    for share in (0.5, 0.51, 0.505):
        setting = f"{share:.1%} of {UNITS_PER_DAY:,} a day, {DAYS} days"
        rng = budget.rng("T8", setting)
        first = rng.binomial(UNITS_PER_DAY, share, (budget.num_runs, DAYS))
        detected, chi_square = 0, 0
        for run in first:
            looks = [SrmLook(counts=(int(n), UNITS_PER_DAY - int(n)), weights=(1, 1)) for n in run]
            detected += sequential_srm_test(looks, alpha=0.01).first_mismatch is not None
            total = int(run.sum())
            chi_square += srm_test([total, DAYS * UNITS_PER_DAY - total], [1, 1]).p_value < 0.001
        value = detected / budget.num_runs
        cells.append(
            Cell(
                test="T8",
                setting=setting,
                method=OURS,
                measure="any-day alarm at .01",
                value=value,
                high=0.01 + budget.slack(0.01) if share == 0.5 else None,
                low=0.98 if share == 0.51 else None,
            )
        )
        if share == 0.5:
            spread = 3 * np.sqrt(0.001 / budget.num_runs)
            cells.append(
                Cell(
                    test="T8",
                    setting=setting,
                    method=f"{OURS} chi-square at the decision",
                    measure="alarm at .001",
                    value=chi_square / budget.num_runs,
                    high=0.001 + max(0.0009, spread),
                )
            )
        counts = np.stack([first, UNITS_PER_DAY - first], axis=-1).cumsum(axis=1)
        for k in CONCENTRATIONS:
            log_e = log_bayes_factor(counts, [0.5, 0.5], concentration=k)
            alarms = (log_e > -np.log(0.01)).any(axis=1).mean()
            cells.append(_printed("T8", setting, f"one concentration, k = {k:g}", alarms))
        totals = counts.sum(axis=-1)
        z = (2 * counts[..., 0] - totals) / np.sqrt(totals)
        for level in (0.01, 0.001):
            alarms = (2 * special.ndtr(-np.abs(z)) < level).any(axis=1).mean()
            cells.append(
                _printed("T8", setting, f"daily chi-square p < {level} (GrowthBook, Eppo)", alarms)
            )
    return cells


def families(budget: Budget) -> list[Cell]:
    """T10: 10 metrics in 2 variants against one control, correlated .5."""
    rng = budget.rng("T10")
    num_metrics, num_variants, rho = 10, 2, 0.5
    errors = dict.fromkeys(("holm", "hochberg", "hommel", "bonferroni"), 0)
    false_discoveries, dunnett, passes, false_passes = [], 0, 0, 0
    for _ in range(budget.num_runs):
        shared = np.sqrt(rho) * rng.standard_normal((num_variants + 1, 1))
        arms = shared + np.sqrt(1 - rho) * rng.standard_normal((num_variants + 1, num_metrics))
        z = (arms[1:] - arms[0]) / np.sqrt(2)
        p = 2 * special.ndtr(-np.abs(z.ravel()))
        for method in errors:
            errors[method] += min(adjust(p.tolist(), method=method)) < ALPHA
        # A third of the metrics have an effect; what is found beside them is false.
        moved = z + np.where(np.arange(num_metrics) < 3, 3.0, 0.0)
        is_null = np.tile(np.arange(num_metrics) >= 3, num_variants)
        found = (
            np.array(adjust((2 * special.ndtr(-np.abs(moved.ravel()))).tolist(), method="bh"))
            < ALPHA
        )
        false_discoveries.append((found & is_null).sum() / max(found.sum(), 1))
        result = many_to_one(z[:, 0].tolist(), [1.0] * num_variants, control_variance=0.5)
        dunnett += any(result.rejected)
        # Guardrails exactly at their margins: the worst case, where none may be called safe.
        margins = special.ndtr(-z[0])
        passes += check_guardrails(margins.tolist(), alpha=ALPHA).all_pass
        one_bad = special.ndtr(-(z[0] + np.where(np.arange(num_metrics) == 0, 0.0, 8.0)))
        false_passes += check_guardrails(one_bad.tolist(), alpha=ALPHA).all_pass
    setting = f"{num_metrics} metrics, {num_variants} variants and control, correlation .5"
    slack = budget.slack(0.05)
    cells = [
        Cell(
            test="T10",
            setting=setting,
            method=f"{OURS} {method}",
            measure="family-wise error",
            value=count / budget.num_runs,
            high=FWER_MAX + slack,
        )
        for method, count in errors.items()
    ]
    for method, measure, value, low in (
        ("Benjamini-Hochberg", "false discovery rate", float(np.mean(false_discoveries)), None),
        ("Dunnett", "family-wise error", dunnett / budget.num_runs, 0.0435 - slack),
        ("guardrails", "all pass, all at their margins", passes / budget.num_runs, None),
        ("guardrails", "all pass, one at its margin", false_passes / budget.num_runs, None),
    ):
        cells.append(
            Cell(
                test="T10",
                setting=setting,
                method=f"{OURS} {method}",
                measure=measure,
                value=value,
                low=low,
                high=FWER_MAX + slack,
            )
        )
    return cells


def _printed(test, setting, method, value) -> Cell:
    return Cell(
        test=test, setting=setting, method=method, measure="any-day alarm", value=float(value)
    )
