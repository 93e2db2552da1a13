"""Sample ratio mismatch: whether units arrived in the shares that were planned.

A mismatch means that assignment or recording is broken, and then no other number of the experiment
can be trusted. The results' health check reads it before anything else. The test is for one look,
at the decision; `sequential_srm` is the one to read while units still arrive, and `srm_segments`
says where a mismatch comes from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scipy import special

from abtesting.statistics.arguments import require_alpha, require_list, require_weights
from abtesting.statistics.families.multiplicity import adjust
from abtesting.statistics.health.srm_exact import binomial_p_value, multinomial_p_value
from abtesting.statistics.moments import as_count
from abtesting.statistics.types import NotEnoughData, num_of

MIN_EXPECTED_UNITS = 5
"""Below this the chi-square distribution is a poor approximation (Cochran 1954)."""

TELLING = 0.05
"""If no split of the units has a p-value below this, there are too few to say anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SrmArm:
    """One arm against all others together.

    Attributes:
        observed: Units in the arm.
        expected: Units it should have got.
        p_value: Two-sided p-value of its share.
        adjusted_p_value: The same by Holm's method, over the arms that should get units.
    """

    observed: int
    expected: float
    p_value: float
    adjusted_p_value: float

    @property
    def excess(self) -> float:
        """Units more than planned; below 0 if units are missing."""
        return self.observed - self.expected


@dataclass(frozen=True, slots=True, kw_only=True)
class SrmResult:
    """Outcome of the test.

    Attributes:
        statistic: Pearson's chi-square over the arms that should get units.
        df: Number of those arms minus 1.
        p_value: Probability of shares at least this far from the plan if nothing is wrong.
        expected: Units each arm should have got; 0 for an arm with weight 0.
        leaked_units: Units seen in arms with weight 0. Any is a fault, whatever the p-value.
        arms: Each arm against the rest, in input order; `None` for an arm with weight 0.
        method: `chi_square`; `exact` if an expected count is small; `exact_bound` if the ways to
            split the units are too many to list then, where the p-value is an upper bound: the
            smallest of the exact ones of single arms, times their number.
        alpha: Level of `is_mismatch`.
    """

    statistic: float
    df: int
    p_value: float
    expected: tuple[float, ...]
    leaked_units: int
    arms: tuple[SrmArm | None, ...]
    method: Literal["chi_square", "exact", "exact_bound"]
    alpha: float

    @property
    def is_mismatch(self) -> bool:
        """Whether the shares are not those planned, or units are where none may be."""
        return self.p_value < self.alpha or self.leaked_units > 0

    @property
    def off_arms(self) -> tuple[int, ...]:
        """Positions of the arms whose own share is not the planned one, the clearest first.

        Units that one arm loses raise the shares of all others, so it is the first that counts.
        """
        tested = [(arm.adjusted_p_value, i) for i, arm in enumerate(self.arms) if arm is not None]
        return tuple(i for p, i in sorted(tested) if p < self.alpha)


def srm_test(
    observed: Sequence[int], weights: Sequence[float], *, alpha: float = 0.001
) -> SrmResult | NotEnoughData:
    """Test the numbers of units of all arms against their planned weights.

    Args:
        observed: Units in each arm.
        weights: What the units of each arm should be proportional to, of any sum, such as shares
            or percentages; 0 for an arm that should get no unit.
        alpha: Level below which shares are called a mismatch. It is small because the test is run
            on every experiment, and a fault of any size that matters is found at it.

    Returns:
        The result, or why there is none: `one_arm` with a weight above 0, or `too_few_units` if
        even all of them in the smallest arm would not be unlikely.

    Raises:
        ValueError: If the lengths differ, a count or weight is negative or not a number, or no
            weight is above 0.

    References:
        Fabijan, A. et al. (2019). Diagnosing sample ratio mismatch in online controlled
        experiments. KDD.

    Examples:
        >>> result = srm_test([10_000, 10_050, 10_400], [1, 1, 1])
        >>> round(result.statistic, 3), result.df, round(result.p_value, 4)
        (9.36, 2, 0.0093)
        >>> srm_test([14, 1], [1, 1]).method, srm_test([2, 2], [1, 1]).code
        ('chi_square', 'too_few_units')
    """
    require_alpha(alpha)
    counts, shares = planned_shares(observed, weights)
    kept = [(count, share) for count, share in zip(counts, shares, strict=True) if share > 0]
    num_units = sum(count for count, _ in kept)
    if len(kept) < 2:
        return NotEnoughData(
            code="one_arm",
            detail=f"{len(kept)} arm has a weight above 0; comparing shares needs at least 2",
        )
    expected = tuple(num_units * share for share in shares)
    smallest = min(share for _, share in kept)
    is_exact = num_units * smallest < MIN_EXPECTED_UNITS
    least = _least_p_value(num_units, [share for _, share in kept], is_exact=is_exact)
    if least >= TELLING:
        return NotEnoughData(
            code="too_few_units",
            detail=(
                f"even with all {num_units} units in the smallest arm the p-value would be "
                f"{least:.2g}; shares can be judged once it is below {TELLING:g}"
                if num_units > 1
                else f"{num_of(num_units, 'unit')} in all arms together can't show shares"
            ),
        )
    statistic = math.fsum((k - num_units * share) ** 2 / (num_units * share) for k, share in kept)
    singles = [_arm_p_value(k, num_units, share) for k, share in kept]
    # With two arms the second test is the first one again.
    adjusted = iter(zip(singles, singles if len(kept) == 2 else adjust(singles), strict=True))
    method: Literal["chi_square", "exact", "exact_bound"] = "chi_square"
    p_value = float(special.chdtrc(len(kept) - 1, statistic))
    if is_exact:
        method, p_value = _exact(kept, num_units)
    return SrmResult(
        statistic=statistic,
        df=len(kept) - 1,
        p_value=p_value,
        expected=expected,
        leaked_units=sum(counts) - num_units,
        arms=tuple(
            _arm(count, num_units * share, *next(adjusted)) if share > 0 else None
            for count, share in zip(counts, shares, strict=True)
        ),
        method=method,
        alpha=alpha,
    )


def planned_shares(
    observed: Sequence[int], weights: Sequence[float]
) -> tuple[list[int], list[float]]:
    """Return the checked counts, and the weights divided by their sum."""
    require_list("observed", observed)
    require_weights("weights", weights)
    if len(observed) != len(weights):
        raise ValueError(
            f"observed has {len(observed)} arms and weights {len(weights)}; they must be equal"
        )
    counts = [as_count(f"observed[{i}]", count) for i, count in enumerate(observed)]
    total_weight = math.fsum(weights)
    return counts, [weight / total_weight for weight in weights]


def _least_p_value(num_units: int, shares: list[float], *, is_exact: bool) -> float:
    """P-value of the least likely split: every unit in the smallest arm."""
    smallest = min(shares)
    if not is_exact:
        return float(special.chdtrc(len(shares) - 1, num_units * (1 / smallest - 1)))
    return math.exp(num_units * math.log(smallest)) * shares.count(smallest)


def _exact(
    kept: list[tuple[int, float]], num_units: int
) -> tuple[Literal["exact", "exact_bound"], float]:
    if len(kept) == 2:
        return "exact", binomial_p_value(kept[0][0], num_units, share=kept[0][1])
    p_value = multinomial_p_value([count for count, _ in kept], [share for _, share in kept])
    if p_value is not None:
        return "exact", p_value
    singles = [binomial_p_value(count, num_units, share=share) for count, share in kept]
    return "exact_bound", min(1.0, len(kept) * min(singles))


def _arm_p_value(count: int, num_units: int, share: float) -> float:
    expected = num_units * share
    if min(expected, num_units - expected) < MIN_EXPECTED_UNITS:
        return binomial_p_value(count, num_units, share=share)
    return float(special.chdtrc(1, (count - expected) ** 2 / (expected * (1 - share))))


def _arm(count: int, expected: float, p_value: float, adjusted: float) -> SrmArm:
    return SrmArm(observed=count, expected=expected, p_value=p_value, adjusted_p_value=adjusted)
