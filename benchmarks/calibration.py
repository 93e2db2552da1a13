"""Runs the calibration protocol: our engine and the peers on the same simulated data.

    .venv-peers/bin/python benchmarks/calibration.py --check             2,000 runs a cell
    .venv-peers/bin/python benchmarks/calibration.py --runs 10000 --json FILE --table FILE

`--check` ends with status 1 when a figure of ours lies outside its band. `--data FOLDER` adds the
real data sets of T16. `make calibration` installs the peers and runs the check.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one process a core is faster than one thread a core
ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import numpy as np  # noqa: E402
from calibrate import (  # noqa: E402
    adjusted,
    after,
    bandit,
    clustered,
    health,
    numerics,
    one_look,
    peeking,
)
from calibrate.cells import Budget, Cell  # noqa: E402
from calibrate.peers import check_against_libraries  # noqa: E402
from calibrate.table import as_markdown  # noqa: E402

TESTS = {
    # The longest first, so that both cores end at about the same time.
    "one look": one_look.false_positives,
    "bandits": bandit.thompson,
    "always valid": peeking.always_valid_errors,
    "Bayes": after.bayes,
    "group sequential": peeking.group_sequential_errors,
    "covariates": adjusted.cuped,
    "clusters": clustered.clusters,
    "quantiles": clustered.quantiles,
    "switchback": clustered.switchback,
    "ratios": one_look.ratios,
    "families": health.families,
    "traffic split": health.srm,
    "stopping": after.stopping,
    "power": peeking.power,
    "coverage": one_look.coverage,
    "selection": after.selection,
    "numerics": numerics.numerics,
}


def run(name: str, budget: Budget) -> tuple[str, list[Cell], float]:
    started = time.perf_counter()
    return name, TESTS[name](budget), time.perf_counter() - started


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2_000, help="simulations a cell")
    parser.add_argument("--seed", type=int, default=20260601)
    parser.add_argument("--only", nargs="*", choices=sorted(TESTS), default=list(TESTS))
    parser.add_argument("--data", type=Path, help="folder of the real data sets")
    parser.add_argument("--check", action="store_true", help="fail outside the bands")
    parser.add_argument("--json", type=Path, help="write every figure there")
    parser.add_argument("--table", type=Path, help="write the published table there")
    options = parser.parse_args()
    budget = Budget(options.runs, options.seed)
    started = time.perf_counter()
    versions = check_against_libraries(np.random.default_rng(options.seed))
    print("Peers' formulas agree with", ", ".join(f"{k} {v}" for k, v in versions.items()))
    cells: list[Cell] = []
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        futures = [pool.submit(run, name, budget) for name in options.only]
        for future in futures:
            name, found, seconds = future.result()
            outside = [cell for cell in found if cell.has_band and not cell.passes]
            banded = sum(cell.has_band for cell in found)
            print(
                f"{name}: {banded - len(outside)} of {banded} figures in their bands, "
                f"{seconds:.0f} s",
                flush=True,
            )
            cells += found
    if options.data:
        cells += one_look.real_data(budget, options.data)
    failed = [cell for cell in cells if cell.has_band and not cell.passes]
    for cell in failed:
        print(
            f"OUTSIDE: {cell.test} {cell.setting}; {cell.method}: {cell.measure} "
            f"{cell.value:.4f}, allowed {cell.low} to {cell.high}"
        )
    banded = sum(cell.has_band for cell in cells)
    print(
        f"{banded - len(failed)} of {banded} figures in their bands; {options.runs:,} runs, "
        f"seed {options.seed}, {time.perf_counter() - started:.0f} s"
    )
    if options.json:
        options.json.write_text(json.dumps([asdict(cell) for cell in cells], indent=1) + "\n")
    if options.table:
        options.table.write_text(as_markdown(cells, budget=budget, versions=versions))
    return 1 if options.check and failed else 0


if __name__ == "__main__":
    sys.exit(main())
