"""Planning to pick the best of several variants: how many units until it is the right one.

Nothing is tested: the variant with the highest mean is taken, whatever its lead, and the plan says
how often that is the best one. Each variant gets as many units. A bandit that moves traffic to the
leaders needs fewer, by how much depends on the variants; `simulation.bandit_simulation` tells.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from abtesting.statistics.arguments import require_positive, require_probability
from abtesting.statistics.moments import as_count
from abtesting.statistics.planning.power import MIN_UNITS, solve_plan

NODES, NODE_WEIGHTS = np.polynomial.legendre.leggauss(128)
REACH = 9.0
"""Standard deviations to either side of its mean that the best variant's estimate may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BestVariantPlan:
    """Size, lead and chance that belong together.

    Attributes:
        num_variants: Variants to choose from.
        exact_total: Units of all variants before rounding up.
        lead: By how much the best mean is above all others.
        power: Chance to pick it.
        method: `bechhofer`.
    """

    num_variants: int
    exact_total: float
    lead: float
    power: float
    method: str = "bechhofer"

    @property
    def units_per_variant(self) -> int:
        """Units of each variant."""
        return math.ceil(self.exact_total / self.num_variants * (1 - 1e-12))

    @property
    def total_num_units(self) -> int:
        """Units of all variants."""
        return self.num_variants * self.units_per_variant


def plan_best_variant(
    num_variants: int,
    *,
    variance: float,
    lead: float | None = None,
    num_units: float | None = None,
    power: float | None = None,
) -> BestVariantPlan:
    """Plan to pick the best of several variants: give two of lead, number of units and power.

    Args:
        num_variants: Variants to choose from, the control included.
        variance: Variance of the units of each; p (1 - p) for a rate p.
        lead: By how much the best mean is above all others. Smaller leads are not missed.
        num_units: Units of all variants together.
        power: Chance to pick the best one; above 1 / num_variants.

    Raises:
        ValueError: If not exactly two of the three are given or one is out of range.

    References:
        Bechhofer, R. E. (1954). A single-sample multiple decision procedure for ranking means of
        normal populations with known variances. Annals of Mathematical Statistics 25(1).

    Examples:
        >>> plan = plan_best_variant(4, variance=0.05 * 0.95, lead=0.005, power=0.9)
        >>> plan.units_per_variant
        11420
    """
    if as_count("num_variants", num_variants) < 2:
        raise ValueError(f"num_variants is {num_variants!r}; it must be at least 2")
    require_positive("variance", variance)
    if lead is not None:
        require_positive("lead", lead)
    guess = 1 / num_variants
    if power is not None:
        require_probability("power", power)
        if power <= guess:
            raise ValueError(
                f"power is {power!r}; it must be above that of a guess, which is {guess:.4g}"
            )

    def power_of(distance: float, total: float) -> float:
        shift = distance * math.sqrt(total / num_variants / variance)
        z = REACH * NODES
        density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        beaten = special.ndtr(z + shift) ** (num_variants - 1)
        return float((REACH * NODE_WEIGHTS * density) @ beaten)

    distance, total, found = solve_plan(
        power_of, effect=lead, num_units=num_units, power=power, start=math.sqrt(variance) / 10,
        name="lead", level=guess, least_units=MIN_UNITS * num_variants,
    )  # fmt: skip
    return BestVariantPlan(num_variants=num_variants, exact_total=total, lead=distance, power=found)
