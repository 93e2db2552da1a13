"""Import of a finished test of 64,000 rows: seconds, beside the floor of reading the file with csv.

    python benchmarks/import_results.py [hillstrom.csv.gz]

Without a file, one of the same shape is made (three variants; visit, conversion, spend).
"""

from __future__ import annotations

import csv
import gzip
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

NUM_ROWS = 64_000
NUM_RUNS = 5


def make_file(path: Path) -> None:
    rng = random.Random(1)
    with gzip.open(path, "wt", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["segment", "visit", "conversion", "spend"])
        for _ in range(NUM_ROWS):
            visit = rng.random() < 0.15
            conversion = visit and rng.random() < 0.06
            spend = round(rng.lognormvariate(4.5, 0.7), 2) if conversion else 0
            segment = rng.choice(["No E-Mail", "Mens E-Mail", "Womens E-Mail"])
            rows.writerow([segment, int(visit), int(conversion), spend])


def read_only(path: Path) -> None:
    with gzip.open(path, "rt", newline="") as file:
        for _ in csv.DictReader(file):
            pass


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "shopdemo.settings"
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SHOPDEMO_VAR"] = folder
        import django
        from django.core.management import call_command

        django.setup()
        from abtesting.results.import_file import Layout, parse_metric
        from abtesting.results.importing import ImportPlan, import_results

        call_command("migrate", verbosity=0)
        path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder) / "test.csv.gz"
        if len(sys.argv) == 1:
            make_file(path)
        metrics = ("visit:proportion", "conversion:proportion", "spend:mean")
        layout = Layout(variant="segment", metrics=tuple(parse_metric(m) for m in metrics))
        plan = ImportPlan(key="benchmark", name="Benchmark", control="No E-Mail", replace=True)
        floors, imports = [], []
        for _ in range(NUM_RUNS):
            floors.append(seconds(lambda: read_only(path)))
            imports.append(seconds(lambda: import_results(path, layout=layout, plan=plan)))
        floor, whole = statistics.median(floors), statistics.median(imports)
        print(f"csv.DictReader alone  {floor:.2f} s")
        print(f"import and analysis   {whole:.2f} s  ({whole / floor:.1f} x, median of {NUM_RUNS})")


if __name__ == "__main__":
    main()
