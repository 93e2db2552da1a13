"""Multiple exposure: units that saw more than one variant, and whether dropping them is safe.

Such a unit belongs to no variant, so it is left out. A few are normal (a shopper on two devices who
logs in late); many mean that the unit is not what was randomised. Leaving them out is harmless only
if it happens as often in each variant: otherwise the variants are no longer alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from scipy import special

from abtesting.statistics.arguments import require_alpha, require_mapping, require_probability
from abtesting.statistics.health.srm import SrmResult, srm_test
from abtesting.statistics.moments import as_count
from abtesting.statistics.types import Interval, NotEnoughData


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantExposures:
    """Units that saw one variant first.

    Attributes:
        variant: Key of the variant.
        num_units: Units that saw it before any other.
        num_multiple: How many of them saw another one later.
    """

    variant: str
    num_units: int
    num_multiple: int

    @property
    def share(self) -> float | None:
        """Part of the units that saw another variant later; `None` without units."""
        return self.num_multiple / self.num_units if self.num_units else None


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantPair:
    """Units that saw both variants, in whatever order.

    Attributes:
        variants: Keys of the two, in alphabetical order.
        num_units: Units that saw both, and perhaps more.
    """

    variants: tuple[str, str]
    num_units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MultipleExposures:
    """Outcome of the check.

    Attributes:
        num_units: Units that saw any variant.
        num_multiple: Units that saw more than one.
        share: Their part of all units.
        share_interval: Clopper-Pearson interval of the part, at level `alpha`.
        threshold: Largest part that is tolerated.
        verdict: `within` if the whole interval is at most the threshold, `above` if it is all
            above, else `unclear`.
        by_first: How many of the units that saw each variant first saw another, by key.
        pairs: Pairs that any unit saw, those with most units first.
        p_value: Of equal parts in `by_first`; `None` if units are too few to say.
        is_biased: Whether leaving the units out would make the variants differ, `p_value < alpha`.
        method: How `p_value` was computed: `homogeneity`, or `exact` with few units.
        alpha: Level of the interval and of `is_biased`.
    """

    num_units: int
    num_multiple: int
    share: float
    share_interval: Interval
    threshold: float
    verdict: Literal["within", "above", "unclear"]
    by_first: tuple[VariantExposures, ...]
    pairs: tuple[VariantPair, ...]
    p_value: float | None
    is_biased: bool
    method: str
    alpha: float


def check_exposures(
    num_units: Mapping[tuple[str, ...], int], *, threshold: float = 0.01, alpha: float = 0.001
) -> MultipleExposures | NotEnoughData:
    """Count the units that saw more than one variant, and test whether variants share them alike.

    Args:
        num_units: Units by the variants they saw, in order of the first time they saw each:
            `("control",)` for units that saw nothing else, `("control", "b")` for those that saw
            `b` later.
        threshold: Largest part of units with more than one variant that is tolerated.
        alpha: Level of the interval and of the test; small, since it is run on every experiment.

    Returns:
        The result, or `too_few_units` if there is none at all.

    Raises:
        ValueError: If a key is empty or names a variant twice, or a number is out of its range.

    Examples:
        >>> seen = {("control",): 9_950, ("b",): 9_900, ("control", "b"): 30, ("b", "control"): 90}
        >>> result = check_exposures(seen)
        >>> result.num_multiple, result.verdict, result.is_biased
        (120, 'within', True)
    """
    require_alpha(alpha)
    require_probability("threshold", threshold)
    require_mapping("num_units", num_units)
    for variants in num_units:
        if not variants or len(set(variants)) != len(variants):
            raise ValueError(
                f"num_units has the key {variants!r}; it must name at least 1 variant, each once"
            )
    counts = {key: as_count(f"num_units[{key!r}]", n) for key, n in num_units.items()}
    total = sum(counts.values())
    if total == 0:
        return NotEnoughData(code="too_few_units", detail="no unit has seen any variant")
    multiple = sum(n for key, n in counts.items() if len(key) > 1)
    interval = _clopper_pearson(multiple, total, alpha)
    by_first = tuple(
        VariantExposures(
            variant=variant,
            num_units=sum(n for key, n in counts.items() if key[0] == variant),
            num_multiple=sum(n for key, n in counts.items() if key[0] == variant and len(key) > 1),
        )
        for variant in dict.fromkeys(variant for key in counts for variant in key)
    )
    pairs: dict[tuple[str, str], int] = {}
    for key, n in counts.items():
        for pair in _pairs(key) if n else ():
            pairs[pair] = pairs.get(pair, 0) + n
    method, p_value = _homogeneity(by_first)
    verdict: Literal["within", "above", "unclear"] = "unclear"
    if interval.upper <= threshold:
        verdict = "within"
    elif interval.lower > threshold:
        verdict = "above"
    return MultipleExposures(
        num_units=total,
        num_multiple=multiple,
        share=multiple / total,
        share_interval=interval,
        threshold=threshold,
        verdict=verdict,
        by_first=by_first,
        pairs=tuple(
            VariantPair(variants=pair, num_units=n)
            for pair, n in sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
        ),
        p_value=p_value,
        is_biased=p_value is not None and p_value < alpha,
        method=method,
        alpha=alpha,
    )


def _pairs(variants: tuple[str, ...]) -> list[tuple[str, str]]:
    return list(combinations(sorted(variants), 2))


def _homogeneity(by_first: tuple[VariantExposures, ...]) -> tuple[str, float | None]:
    """P-value of units with several variants being spread over the variants as all units are."""
    groups = [group for group in by_first if group.num_units]
    multiple = [group.num_multiple for group in groups]
    num_units = [group.num_units for group in groups]
    if sum(multiple) == sum(num_units) or len(groups) < 2:
        return "homogeneity", None
    result = srm_test(multiple, num_units)
    if not isinstance(result, SrmResult):
        return "homogeneity", None
    if result.method != "chi_square":
        # Units are drawn without replacement, which the multinomial ignores: a little conservative.
        return "exact", result.p_value
    # The same for those with one variant only: Pearson's statistic of the table of both.
    statistic = result.statistic / (1 - sum(multiple) / sum(num_units))
    return "homogeneity", float(special.chdtrc(result.df, statistic))


def _clopper_pearson(count: int, num_units: int, alpha: float) -> Interval:
    lower = special.betaincinv(count, num_units - count + 1, alpha / 2) if count else 0.0
    upper = (
        special.betainccinv(count + 1, num_units - count, alpha / 2) if count < num_units else 1.0
    )
    return Interval(float(lower), float(upper))
