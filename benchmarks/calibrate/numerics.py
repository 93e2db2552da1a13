"""T15: figures far from 0, merges in any order, and tails that other engines round to 0."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from abtesting.statistics.boundaries import FixedHorizon
from abtesting.statistics.means import compare_means
from abtesting.statistics.moments import Counts, Moments
from abtesting.statistics.proportions import compare_proportions
from calibrate.cells import OURS, Budget, Cell

BOUNDARY = FixedHorizon(0.05)


def numerics(budget: Budget) -> list[Cell]:
    """Relative errors against certified or exact figures, gbstats' beside where it has them."""
    cells = []
    for name, middle in (("NIST NumAcc3", 1_000_000.2), ("NIST NumAcc4", 10_000_000.2)):
        values = np.array([middle] + [round(middle - 0.1, 1), round(middle + 0.1, 1)] * 500)
        ours = Moments.from_array(values)
        cells.append(_error(name, "variance", abs(ours.variance / 0.01 - 1), 1e-7))
        cells.append(_error(name, "mean", abs(ours.mean / middle - 1), 1e-8))
        cells.append(_printed(name, "variance", _gbstats_variance(values)))
    rng = budget.rng("T15")
    values = 1e9 + rng.random(10_000)
    exact = [Fraction(value) for value in values.tolist()]
    mean = sum(exact) / len(exact)
    variance = float(sum((x - mean) ** 2 for x in exact) / (len(exact) - 1))
    parts = [Moments.from_array(part) for part in np.array_split(rng.permutation(values), 137)]
    merged = Moments.zero()
    for i in rng.permutation(len(parts)):
        merged += parts[i]
    cells.append(
        _error("1e9 + uniform, 137 parts", "variance", abs(merged.variance / variance - 1), 1e-7)
    )
    cells.append(_printed("1e9 + uniform", "variance", _gbstats_variance(values)))
    big = compare_proportions(
        Counts(num_units=10**12, num_successes=5 * 10**10),
        Counts(num_units=10**12, num_successes=5 * 10**10 + 10**6),
        boundary=BOUNDARY,
    )
    z = 1e6 / np.sqrt(2 * 1e12 * 0.0500005 * 0.9499995)
    cells.append(
        _error(
            "10^12 units",
            "z",
            abs(big.difference / big.standard_error / z - 1),
            1e-6,
        )
    )
    # ln ndtr(-36) = -652.503 (its asymptotic series); twice the tail is 5.4e-284.
    arm = Moments(n=10**6, means=(0.0,), comoments=((1e6 - 1,),))
    shift = 36 * np.sqrt(2 / 10**6)
    far = compare_means(
        arm, Moments(n=10**6, means=(shift,), comoments=((1e6 - 1,),)), boundary=BOUNDARY
    )
    cells.append(
        Cell(
            test="T15",
            setting="difference of 36 standard errors",
            method=OURS,
            measure="log10 of p",
            value=float(np.log10(far.p_value)),
            low=-283.2,
            high=-282.9,
        )
    )
    rare = compare_proportions(
        Counts(num_units=1_000, num_successes=0),
        Counts(num_units=1_000, num_successes=20),
        boundary=BOUNDARY,
    )
    cells.append(
        Cell(
            test="T15",
            setting="0 of 1,000 against 20 of 1,000",
            method=OURS,
            measure="p (Fisher 1.7e-6; gbstats 1)",
            value=rare.p_value,
            low=1e-7,
            high=1e-5,
        )
    )
    return cells


def _gbstats_variance(values: np.ndarray) -> float:
    from gbstats.models.statistics import SampleMeanStatistic

    return float(
        SampleMeanStatistic(
            n=len(values), sum=float(values.sum()), sum_squares=float((values**2).sum())
        ).variance
    )


def _error(setting, measure, value, limit) -> Cell:
    return Cell(
        test="T15",
        setting=setting,
        method=OURS,
        measure=f"relative error of the {measure}",
        value=float(value),
        high=limit,
    )


def _printed(setting, measure, value) -> Cell:
    return Cell(test="T15", setting=setting, method="gbstats", measure=measure, value=value)
