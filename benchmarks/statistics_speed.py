"""Speed of the engine beside the peers: one comparison, a thousand, and a million raw rows.

    .venv-peers/bin/python benchmarks/statistics_speed.py

The best of repeated runs, which other work on the machine disturbs least; what counts are the
ratios of one run. The floor is Welch's p-value and interval of two means in plain Python, with
nothing checked and nothing returned but floats.
"""

from __future__ import annotations

import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from scipy.special import stdtr, stdtrit  # noqa: E402

from abtesting.statistics.adjustment.regression import compare_adjusted_means  # noqa: E402
from abtesting.statistics.batch import (  # noqa: E402
    ArmArrays,
    compare_means_batch,
    compare_ratios_batch,
)
from abtesting.statistics.batch_proportions import compare_proportions_batch  # noqa: E402
from abtesting.statistics.boundaries import AlwaysValid, FixedHorizon  # noqa: E402
from abtesting.statistics.grouping import moments_by_group  # noqa: E402
from abtesting.statistics.health.sequential_srm import SrmLook, sequential_srm_test  # noqa: E402
from abtesting.statistics.health.srm import srm_test  # noqa: E402
from abtesting.statistics.means import compare_means  # noqa: E402
from abtesting.statistics.moments import Counts, Moments  # noqa: E402
from abtesting.statistics.proportions import compare_proportions  # noqa: E402
from abtesting.statistics.ratios import compare_ratios  # noqa: E402
from abtesting.statistics.sequential.group_sequential import GroupSequentialLook  # noqa: E402

NUM_REPEATS = 15
NUM_ROWS = 1_000_000


def best_seconds(work: Callable[[], object], *, number: int = 1) -> float:
    times = []
    for _ in range(NUM_REPEATS):
        started = time.perf_counter()
        for _ in range(number):
            work()
        times.append((time.perf_counter() - started) / number)
    return min(times)


def report(name: str, seconds: float, floor: float | None = None) -> None:
    ratio = "" if floor is None else f"   {seconds / floor:8.1f} ×"
    print(f"{name:<58} {seconds * 1e6:12.2f} µs{ratio}")


def welch(
    control: tuple[float, float, int], variant: tuple[float, float, int]
) -> tuple[float, float, float]:
    """Do the least that a comparison of means, variances and numbers of units has to."""
    mean_c, variance_c, n_c = control
    mean_t, variance_t, n_t = variant
    of_c, of_t = variance_c / n_c, variance_t / n_t
    standard_error = math.sqrt(of_c + of_t)
    df = (of_c + of_t) ** 2 / (of_c * of_c / (n_c - 1) + of_t * of_t / (n_t - 1))
    difference = mean_t - mean_c
    half_width = stdtrit(df, 0.975) * standard_error
    p_value = 2 * stdtr(df, -abs(difference / standard_error))
    return p_value, difference - half_width, difference + half_width


def one_comparison() -> None:
    rng = np.random.default_rng(1)
    table = rng.lognormal(1, 1, (2, 5_000, 2))
    control, variant = (Moments.from_array(arm[:, 0]) for arm in table)
    ratio_c, ratio_t = (Moments.from_array(arm) for arm in table)
    counts = (
        Counts(num_units=5_000, num_successes=250),
        Counts(num_units=5_000, num_successes=290),
    )
    fixed = FixedHorizon(0.05)
    look = GroupSequentialLook(0.05, (0.25, 0.5))
    floor = best_seconds(lambda: welch((1.0, 2.0, 5_000), (1.1, 2.0, 5_000)), number=2_000)
    print("One comparison, ratio to the floor")
    report("floor (Welch's p-value and interval)", floor, floor)
    for name, work in {
        "means (Welch, Fieller lift)": lambda: compare_means(control, variant, boundary=fixed),
        "means, always valid": lambda: compare_means(
            control, variant, boundary=AlwaysValid(0.05, 10_000)
        ),
        "means, group sequential": lambda: compare_means(control, variant, boundary=look),
        "proportions (score test, both intervals)": lambda: compare_proportions(
            *counts, boundary=fixed
        ),
        "ratios (delta method)": lambda: compare_ratios(ratio_c, ratio_t, boundary=fixed),
        "proportions, group sequential": lambda: compare_proportions(*counts, boundary=look),
        "means with one covariate (Lin), unadjusted beside": lambda: compare_adjusted_means(
            ratio_c, ratio_t, boundary=fixed
        ),
        "traffic split (chi-square)": lambda: srm_test([5_000, 5_050], [1, 1]),
        "traffic split (28 days, always valid)": lambda: sequential_srm_test(
            [SrmLook(counts=(5_000, 5_050), weights=(1, 1))] * 28
        ),
    }.items():
        report(name, best_seconds(work, number=500), floor)
    peers(control, variant, counts, floor)


def peers(control: Moments, variant: Moments, counts: tuple[Counts, Counts], floor: float) -> None:
    import tea_tasting as tt
    from gbstats.frequentist.tests import (
        FrequentistConfig,
        SequentialConfig,
        SequentialTwoSidedTTest,
        TwoSidedTTest,
    )
    from gbstats.models.statistics import ProportionStatistic, SampleMeanStatistic

    def sums(arm: Moments) -> SampleMeanStatistic:
        total = arm.mean * arm.n
        return SampleMeanStatistic(
            n=arm.n, sum=total, sum_squares=arm.comoments[0][0] + total * arm.mean
        )

    means = sums(control), sums(variant)
    shares = tuple(ProportionStatistic(n=c.num_units, sum=c.num_successes) for c in counts)
    aggregates = [
        tt.aggr.Aggregates(count_=arm.n, mean_={"y": arm.mean}, var_={"y": arm.variance}, cov_={})
        for arm in (control, variant)
    ]
    metric = tt.Mean("y", equal_var=False)
    for name, work in {
        "gbstats t-test, means": lambda: TwoSidedTTest(
            *means, FrequentistConfig()
        ).compute_result(),
        "gbstats t-test, proportions": lambda: TwoSidedTTest(
            *shares, FrequentistConfig()
        ).compute_result(),
        "gbstats sequential, means": lambda: SequentialTwoSidedTTest(
            *means, SequentialConfig()
        ).compute_result(),
        "tea-tasting Mean": lambda: metric.analyze_aggregates(*aggregates),
    }.items():
        report(name, best_seconds(work, number=50), floor)


def a_thousand() -> None:
    rng = np.random.default_rng(2)
    n = rng.integers(1_000, 100_000, (2, 1_000))
    arms = [
        ArmArrays(n=size, mean=rng.uniform(1, 2, 1_000), variance=rng.uniform(1, 9, 1_000))
        for size in n
    ]
    ratios = [
        ArmArrays(
            n=arm.n,
            mean=arm.mean,
            variance=arm.variance,
            denominator_mean=rng.uniform(1, 2, 1_000),
            denominator_variance=rng.uniform(1, 9, 1_000),
            covariance=rng.uniform(0, 1, 1_000),
        )
        for arm in arms
    ]
    successes = [rng.binomial(size, 0.05) for size in n]
    print("\nA thousand comparisons in one call, each")
    for boundary in (
        FixedHorizon(0.05),
        AlwaysValid(0.05, 10_000),
        GroupSequentialLook(0.05, (0.25, 0.5)),
    ):
        each = best_seconds(lambda b=boundary: compare_means_batch(*arms, boundary=b), number=20)
        report(f"means, {boundary.name}", each / 1_000)
        each = best_seconds(lambda b=boundary: compare_ratios_batch(*ratios, boundary=b), number=20)
        report(f"ratios, {boundary.name}", each / 1_000)
        each = best_seconds(
            lambda b=boundary: compare_proportions_batch(
                successes[0], n[0], successes[1], n[1], boundary=b
            ),
            number=20,
        )
        report(f"proportions, {boundary.name}", each / 1_000)


def a_million_rows() -> None:
    """All sums, squares and cross products of 4 metrics with a covariate each, by variant."""
    import duckdb

    rng = np.random.default_rng(3)
    table = rng.lognormal(1, 1, (NUM_ROWS, 8))
    variant = rng.integers(0, 2, NUM_ROWS)
    frame = {f"c{i}": table[:, i].copy() for i in range(8)} | {"variant": variant}
    connection = duckdb.connect()
    columns = ", ".join(f"c{i}" for i in range(8))
    connection.execute(
        f"CREATE TABLE units ({', '.join(f'c{i} DOUBLE' for i in range(8))}, variant INT)"
    )
    import pyarrow as pa

    arrow = pa.table(frame)
    connection.register("arrow", arrow)
    connection.execute(f"INSERT INTO units SELECT {columns}, variant FROM arrow")
    pairs = [(i, i) for i in range(8)] + [(2 * i, 2 * i + 1) for i in range(4)]
    sums = ", ".join([f"sum(c{i})" for i in range(8)] + [f"sum(c{i} * c{j})" for i, j in pairs])
    query = f"SELECT variant, count(*), {sums} FROM units GROUP BY variant"
    in_duckdb = best_seconds(lambda: connection.execute(query).fetchall())
    print("\nSums of 1,000,000 rows, 4 metrics with a covariate each, ratio to duckdb")
    report("duckdb: sums, squares and 4 cross products", in_duckdb, in_duckdb)
    for name, thirds in (("all cross products", False), ("and third moments", True)):
        ours = best_seconds(
            lambda t=thirds: moments_by_group(table, variant, num_groups=2, thirds=t)
        )
        report(f"ours: {name}", ours, in_duckdb)

    def plain() -> None:
        for group in (0, 1):
            rows = table[variant == group]
            rows.sum(axis=0)
            rows.T @ rows

    report("numpy: mask and X'X", best_seconds(plain), in_duckdb)


def start() -> None:
    def seconds(code: str) -> float:
        command = [
            sys.executable,
            "-c",
            f"import time; t = time.perf_counter()\n{code}\nprint(time.perf_counter() - t)",
        ]
        return float(
            subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
        )

    def median(code: str) -> float:
        return statistics.median(seconds(code) for _ in range(NUM_REPEATS))

    modules = sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in (ROOT / "abtesting" / "statistics").rglob("*.py")
        if path.stem != "__init__"
    )
    everything = "\n".join(f"import {name}" for name in modules)
    floor = median("import numpy, scipy.special")
    used = median(
        "import numpy, scipy.special\nimport abtesting.statistics.means, "
        "abtesting.statistics.proportions, abtesting.statistics.ratios, "
        "abtesting.statistics.health.srm, abtesting.statistics.sequential.group_sequential"
    )
    every = median(f"import numpy, scipy.special\n{everything}")
    print("\nImport")
    report("numpy and scipy.special", floor, floor)
    report("and what the results page uses", used, floor)
    report(f"and all {len(modules)} modules", every, floor)


if __name__ == "__main__":
    one_comparison()
    a_thousand()
    a_million_rows()
    start()
