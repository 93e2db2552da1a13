"""Sample ratio mismatch: whether units arrived in the shares that were planned.

A mismatch means that assignment or recording is broken, and then no other number of the experiment
can be trusted. The results' health check reads it before anything else. The test is for one look,
at the decision; read every day it needs a much smaller threshold.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import special

from abtesting.statistics.moments import as_count
from abtesting.statistics.types import NotEnoughData

MIN_EXPECTED_UNITS = 5
"""Below this the chi-square distribution is a poor approximation (Cochran 1954)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SrmResult:
    """Outcome of the test.

    Attributes:
        statistic: Pearson's chi-square over the arms that should get units.
        df: Number of those arms minus 1.
        p_value: Probability of shares at least this far from the plan if nothing is wrong.
        expected: Units each arm should have got; 0 for an arm with weight 0.
        leaked_units: Units seen in arms with weight 0. Any is a fault, whatever the p-value.
    """

    statistic: float
    df: int
    p_value: float
    expected: tuple[float, ...]
    leaked_units: int


def srm_test(observed: Sequence[int], weights: Sequence[float]) -> SrmResult | NotEnoughData:
    """Test the numbers of units of all arms against their planned weights.

    Args:
        observed: Units in each arm.
        weights: Planned weight of each arm, of any sum; 0 for an arm that should get no unit.

    Returns:
        The result, or why there is none: `one_arm` with a weight above 0, or `too_few_units`
        expected in some arm.

    Raises:
        ValueError: If the lengths differ, a count or weight is negative or not a number, or no
            weight is above 0.

    Examples:
        >>> result = srm_test([10_000, 10_050, 10_400], [1, 1, 1])
        >>> round(result.statistic, 3), result.df, round(result.p_value, 4)
        (9.36, 2, 0.0093)
    """
    if len(observed) != len(weights):
        raise ValueError(
            f"observed has {len(observed)} arms and weights {len(weights)}; they must be equal"
        )
    counts = [as_count(f"observed[{i}]", count) for i, count in enumerate(observed)]
    for i, weight in enumerate(weights):
        if not 0 <= weight < math.inf:
            raise ValueError(f"weights[{i}] is {weight!r}; it must be finite and at least 0")
    total_weight = math.fsum(weights)
    if total_weight <= 0:
        raise ValueError(f"weights are {list(weights)!r}; at least one must be above 0")
    pairs = list(zip(counts, weights, strict=True))
    num_arms = sum(weight > 0 for weight in weights)
    num_units = sum(count for count, weight in pairs if weight > 0)
    if num_arms < 2:
        return NotEnoughData(
            code="one_arm",
            detail=f"{num_arms} arm has a weight above 0; comparing shares needs at least 2",
        )
    expected = tuple(num_units * (weight / total_weight) for weight in weights)
    smallest = min(e for e, weight in zip(expected, weights, strict=True) if weight > 0)
    if smallest < MIN_EXPECTED_UNITS:
        return NotEnoughData(
            code="too_few_units",
            detail=(
                f"the smallest arm should have {smallest:.1f} of {num_units} units; the test "
                f"needs {MIN_EXPECTED_UNITS}"
            ),
        )
    statistic = math.fsum(
        (count - e) ** 2 / e for (count, weight), e in zip(pairs, expected, strict=True) if weight
    )
    return SrmResult(
        statistic=statistic,
        df=num_arms - 1,
        p_value=float(special.chdtrc(num_arms - 1, statistic)),
        expected=expected,
        leaked_units=sum(counts) - num_units,
    )
