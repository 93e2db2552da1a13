from __future__ import annotations

import subprocess
import sys


def test_the_engine_loads_neither_django_nor_the_slow_half_of_scipy():
    code = (
        "import sys, abtesting.statistics.proportions, abtesting.statistics.ratios, "
        "abtesting.statistics.health.srm\n"
        "loaded = {'django', 'scipy.stats', 'scipy.optimize', 'pandas'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(loaded)) or None)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
