"""Where a sample ratio mismatch comes from: each segment and each day on its own.

A mismatch over all units is nearly always the work of one browser, one page, one bot or one day.
Every value of every dimension is tested against the same planned shares, with Holm's method over
all of them, and the excess of units is split into what each value contributes to it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from abtesting.statistics.arguments import require_alpha, require_mapping
from abtesting.statistics.families.multiplicity import adjust
from abtesting.statistics.health.srm import SrmResult, planned_shares, srm_test
from abtesting.statistics.types import NotEnoughData


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentSrm:
    """Units of one value of one dimension.

    Attributes:
        dimension: Such as `browser`, or `day`.
        value: Such as `safari`.
        observed: Units in each arm.
        excess: Units more than planned in each arm; they add up to 0 over the arms, apart from
            units in arms with weight 0.
        explained: Part of the mismatch over all units that this value makes: 1 is all of it, below
            0 it works against it. The values of a dimension add up to 1.
        leaked_units: Units in arms with weight 0.
        result: Its own test, or why there is none.
        adjusted_p_value: By Holm's method over all values tested; `None` without a test.
        rest: The test of all units without these: is the mismatch gone?
    """

    dimension: str
    value: str
    observed: tuple[int, ...]
    excess: tuple[float, ...]
    explained: float
    leaked_units: int
    result: SrmResult | NotEnoughData
    adjusted_p_value: float | None
    rest: SrmResult | NotEnoughData


@dataclass(frozen=True, slots=True, kw_only=True)
class SrmLocation:
    """Outcome of the search.

    Attributes:
        segments: All values, those with the smallest adjusted p-value first, and among equals those
            that explain most.
        alpha: Level of `suspects`: chance that any sound value is among them.
        method: `holm`.
    """

    segments: tuple[SegmentSrm, ...]
    alpha: float
    method: str = "holm"

    @property
    def suspects(self) -> tuple[SegmentSrm, ...]:
        """Values whose own shares are not those planned, or with units where none may be."""
        return tuple(segment for segment in self.segments if self._is_off(segment))

    def _is_off(self, segment: SegmentSrm) -> bool:
        is_unlikely = segment.adjusted_p_value is not None and segment.adjusted_p_value < self.alpha
        return is_unlikely or segment.leaked_units > 0


def locate_srm(
    dimensions: Mapping[str, Mapping[str, Sequence[int]]],
    weights: Sequence[float],
    *,
    alpha: float = 0.01,
) -> SrmLocation:
    """Test every value of every dimension, and say how much of the mismatch each makes.

    A segment must be known before assignment: units differ between the arms in what the variant
    itself changes, and such a difference is no fault. Days work if the weights were the same on all
    of them; of a ramp-up give one phase at a time.

    Args:
        dimensions: For each dimension, the units in each arm by value. Each dimension should hold
            every unit once.
        weights: Planned weight of each arm, of any sum.
        alpha: Error rate over all values together.

    Raises:
        ValueError: If there is no value, or counts and weights are not those of a split.

    References:
        Fabijan, A. et al. (2019). Diagnosing sample ratio mismatch in online controlled
        experiments. KDD, section 5.

    Examples:
        >>> found = locate_srm(
        ...     {"browser": {"chrome": [5_020, 4_990], "safari": [2_480, 2_170]}}, [1, 1]
        ... )
        >>> [(s.value, round(s.explained, 2)) for s in found.suspects]
        [('safari', 0.91)]
    """
    require_alpha(alpha)
    require_mapping("dimensions", dimensions)
    for dimension, values in dimensions.items():
        require_mapping(f"dimensions[{dimension!r}]", values)
    if not any(dimensions.values()):
        raise ValueError("dimensions has no value; there must be at least 1 with its units")
    segments = [
        segment
        for dimension, values in dimensions.items()
        for segment in _of_dimension(dimension, values, weights)
    ]
    tested = [s.result.p_value for s in segments if isinstance(s.result, SrmResult)]
    adjusted = iter(adjust(tested, method="holm"))
    return SrmLocation(
        segments=tuple(
            sorted(
                (
                    replace(segment, adjusted_p_value=next(adjusted))
                    if isinstance(segment.result, SrmResult)
                    else segment
                    for segment in segments
                ),
                key=_rank,
            )
        ),
        alpha=alpha,
    )


def _of_dimension(
    dimension: str, values: Mapping[str, Sequence[int]], weights: Sequence[float]
) -> list[SegmentSrm]:
    checked = {value: planned_shares(counts, weights) for value, counts in values.items()}
    if not checked:
        return []
    shares = next(iter(checked.values()))[1]
    totals = [sum(arm) for arm in zip(*(counts for counts, _ in checked.values()), strict=True)]
    overall = _excess(totals, shares)
    size = _product(overall, overall, shares)
    segments = []
    for value, (counts, _) in checked.items():
        excess = _excess(counts, shares)
        others = [total - count for total, count in zip(totals, counts, strict=True)]
        segments.append(
            SegmentSrm(
                dimension=dimension,
                value=value,
                observed=tuple(counts),
                excess=tuple(excess),
                explained=_product(excess, overall, shares) / size if size else 0.0,
                leaked_units=sum(c for c, s in zip(counts, shares, strict=True) if s == 0),
                result=srm_test(counts, weights),
                adjusted_p_value=None,
                rest=srm_test(others, weights),
            )
        )
    return segments


def _excess(counts: Sequence[int], shares: Sequence[float]) -> list[float]:
    total = sum(count for count, share in zip(counts, shares, strict=True) if share)
    return [count - total * share for count, share in zip(counts, shares, strict=True)]


def _product(first: Sequence[float], second: Sequence[float], shares: Sequence[float]) -> float:
    """Inner product in which an excess with itself is Pearson's statistic, times the units."""
    return math.fsum(a * b / s for a, b, s in zip(first, second, shares, strict=True) if s)


def _rank(segment: SegmentSrm) -> tuple[float, float]:
    p_value = 2.0 if segment.adjusted_p_value is None else segment.adjusted_p_value
    return (p_value, -segment.explained)
