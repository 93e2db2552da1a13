"""Planning a comparison by ranks with one look: the Mann-Whitney and the Brunner-Munzel test.

What is found is a probability, that a unit of the variant has the larger value than one of the
control, ties counted half. Past units tell what a lift makes of it: `compare_ranks` of their values
with the same values, raised.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from abtesting.statistics.arguments import as_floats, require_finite, require_positive
from abtesting.statistics.planning.power import Design, SampleSizePlan, make_plan, solve_plan


def tie_factor(values: ArrayLike) -> float:
    """Return what equal values make of the variance of a rank test: 1 without any.

    Args:
        values: Those of past units.

    References:
        Lehmann, E. L. (2006). Nonparametrics: statistical methods based on ranks, section 1.4.

    Examples:
        >>> round(tie_factor([0.0] * 90 + list(range(1, 11))), 3)
        0.271
    """
    array = as_floats("values", values)
    total = float(array.size)
    if total < 2:
        raise ValueError(f"values has {array.size} units; ties need at least 2")
    equal = np.unique(array, return_counts=True)[1].astype(np.float64)
    # In shares: the cubes of counts would lose their last digits.
    if equal.size == 1:
        raise ValueError(f"values are all {float(array[0])!r}; ranks need values that differ")
    return (1 - float(((equal / total) ** 3).sum())) / (1 - 1 / total**2)


def plan_ranks(
    *,
    probability: float | None = None,
    num_units: float | None = None,
    power: float | None = None,
    tie_factor: float = 1.0,
    design: Design | None = None,
) -> SampleSizePlan:
    """Plan a comparison by ranks: give two of probability, number of units and power.

    The variance is that of equal distributions, as in Noether's formula, so it suits small effects.

    Args:
        probability: Chance that a unit of the variant has the larger value than one of the
            control, other than 1/2.
        num_units: Units of all arms together.
        power: Chance to find it.
        tie_factor: What equal values make of the variance, from the function of that name.
        design: Level, shares and corrections; without it two equal arms at 5 %.

    Returns:
        The plan; its `effect` is the probability less 1/2.

    Raises:
        ValueError: If not exactly two of the three are given or one is out of range.

    References:
        Noether, G. E. (1987). Sample size determination for some common nonparametric tests. JASA
        82(398), section 3.

    Examples:
        >>> plan_ranks(probability=0.55, power=0.8).num_units
        (524, 524)
    """
    design = Design() if design is None else design
    if probability is not None:
        require_finite("probability", probability)
        if not 0 <= probability <= 1:
            raise ValueError(f"probability is {probability!r}; it must be from 0 to 1")
    require_positive("tie_factor", tie_factor)
    if tie_factor > 1:
        raise ValueError(f"tie_factor is {tie_factor!r}; it must be at most 1")
    share_c, share_t = design.smallest_pair
    critical = -float(special.ndtri(design.tail()))

    def power_of(shift: float, total: float) -> float:
        variance = (1 / share_c + 1 / share_t) / total / 12 * tie_factor * design.variance_factor
        z = abs(shift) / math.sqrt(variance)
        found = float(special.ndtr(z - critical))
        return found + (float(special.ndtr(-z - critical)) if design.either_sign else 0.0)

    if probability == 0.5:
        raise ValueError("probability is 0.5; it must differ from it, or there is nothing to find")
    shift, total, power = solve_plan(
        power_of,
        effect=None if probability is None else probability - 0.5,
        num_units=num_units,
        power=power,
        start=0.05,
        largest=0.5,
        name="probability - 0.5",
        level=design.comparison_alpha(),
        least_units=design.least_units,
    )
    return make_plan(
        design, effect=shift, total=total, power=power, control_value=None, method="ranks"
    )
