"""The calibration protocol: one module a group of tests, our engine and the peers in the same run.

`benchmarks/calibration.py` runs it; docs/trust.md shows what came out.
"""

from __future__ import annotations
