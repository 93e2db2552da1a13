"""What one simulation of the protocol says: a figure, and the band it must lie in."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

OURS = "django-abtesting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One figure of one method in one setting.

    Attributes:
        test: Number in the protocol, such as T3.
        setting: What was simulated.
        method: `OURS` or a peer's name and method.
        measure: What the figure is, such as "any-look error".
        value: The figure.
        low: Least value that passes; None for a figure that is only printed.
        high: Largest value that passes.
    """

    test: str
    setting: str
    method: str
    measure: str
    value: float
    low: float | None = None
    high: float | None = None

    @property
    def has_band(self) -> bool:
        return self.low is not None or self.high is not None

    @property
    def passes(self) -> bool:
        above = self.low is None or self.value >= self.low
        below = self.high is None or self.value <= self.high
        return math.isfinite(self.value) and above and below


@dataclass(frozen=True, slots=True)
class Budget:
    """How much is simulated.

    The protocol's bands are written for 10,000 runs, three standard errors around what is right.
    With fewer, a figure scatters more: the band is widened to four of its standard errors, which
    one of several hundred sound figures misses in one run of a hundred, so that it stays a check of
    the engine and not of luck.
    """

    num_runs: int
    seed: int

    def rng(self, *names: str) -> np.random.Generator:
        """An own stream for each setting, the same whatever else is run."""
        words = [int.from_bytes(name.encode(), "little") % 2**63 for name in names]
        return np.random.default_rng([self.seed, *words])

    def slack(self, rate: float, num_runs: int | None = None) -> float:
        """How much wider than at 10,000 runs a band around a rate has to be."""
        spread = math.sqrt(rate * (1 - rate))
        runs = self.num_runs if num_runs is None else num_runs
        if runs >= 10_000:
            return 0.0
        return 4 * spread / math.sqrt(runs) - 3 * spread / math.sqrt(10_000)
