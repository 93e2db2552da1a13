"""Many variants against one control: Dunnett's test, with intervals that hold together.

The comparisons share the control, so their errors move together, and the largest of them is smaller
than Bonferroni's inequality fears. `dunnett_test` starts from moments; `many_to_one` from any
differences with the variance that the control has in them. The probabilities are integrals, not
draws: the same input gives the same answer, in the tails too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from abtesting.statistics.arguments import (
    as_floats,
    require_alpha,
    require_finite,
    require_list,
    require_positive,
    require_type,
    require_types,
)
from abtesting.statistics.boundaries import FixedHorizon
from abtesting.statistics.families.max_statistic import max_tail
from abtesting.statistics.means import satterthwaite
from abtesting.statistics.moments import Moments
from abtesting.statistics.types import Interval, NotEnoughData, Side, num_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyToOneComparison:
    """One variant against the control.

    Attributes:
        difference: Variant minus control.
        standard_error: Of the difference.
        df: Degrees of freedom of the standard error; `None` if it is known.
        p_value: Not adjusted.
        adjusted_p_value: Of a difference this far out in any of the comparisons.
        critical: Multiplier of the standard error that holds for all intervals together.
        interval: Simultaneous interval; leaves 0 out exactly if `adjusted_p_value` is below alpha.
    """

    difference: float
    standard_error: float
    df: float | None
    p_value: float
    adjusted_p_value: float
    critical: float
    interval: Interval

    @property
    def statistic(self) -> float:
        """Difference in standard errors."""
        return self.difference / self.standard_error


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyToOneResult:
    """All variants against the control.

    Attributes:
        comparisons: In the order of the variants.
        method: `dunnett`.
        side: Which differences are looked for.
        alpha: Chance that any interval misses its difference.
    """

    comparisons: tuple[ManyToOneComparison, ...]
    side: Side
    alpha: float
    method: str = "dunnett"

    @property
    def rejected(self) -> tuple[bool, ...]:
        """Whether each variant is told from the control."""
        return tuple(c.adjusted_p_value < self.alpha for c in self.comparisons)


def dunnett_test(
    control: Moments,
    variants: Sequence[Moments],
    *,
    alpha: float = 0.05,
    side: Side = "two_sided",
    variance: Literal["pooled", "separate"] = "separate",
) -> ManyToOneResult | NotEnoughData:
    """Compare the mean of each variant with that of the control.

    Args:
        control: Moments of the control; the first column counts.
        variants: Moments of the variants, of any sizes.
        alpha: Error rate of all comparisons together.
        side: Which differences are looked for.
        variance: `pooled` is Dunnett's own test, exact if all arms have normal values of the same
            variance; `separate` estimates the variance in each arm, as Welch's test does, with the
            degrees of freedom of each comparison.

    Returns:
        The result, or why there is none: `too_few_units` or `zero_variance`.

    Raises:
        ValueError: If there is no variant or a number is out of its range.

    References:
        Dunnett, C. W. (1955). A multiple comparison procedure for comparing several treatments with
        a control. JASA 50(272). Hasler, M. & Hothorn, L. A. (2008). Multiple contrast tests in the
        presence of heteroscedasticity. Biometrical Journal 50(5).

    Examples:
        >>> control = Moments.from_array([9.0, 9.4, 10.0, 8.7, 9.9, 9.2, 10.3])
        >>> a = Moments.from_array([9.1, 10.2, 8.8, 11.0, 9.7, 10.1])
        >>> b = Moments.from_array([10.9, 12.0, 11.1, 12.3])
        >>> result = dunnett_test(control, [a, b], variance="pooled")
        >>> [round(c.adjusted_p_value, 5) for c in result.comparisons]
        [0.63897, 0.00053]
    """
    require_alpha(alpha, side)
    if variance not in {"pooled", "separate"}:
        raise ValueError(f"variance is {variance!r}; it must be 'pooled' or 'separate'")
    require_type("control", control, Moments)
    require_types("variants", variants, Moments)
    if not variants:
        raise ValueError("variants is empty; there must be at least 1")
    arms = [control, *variants]
    if min(arm.n for arm in arms) < 2:
        return NotEnoughData(
            code="too_few_units",
            detail=(
                f"the smallest arm has {num_of(min(arm.n for arm in arms), 'unit')}; each needs 2"
            ),
        )
    total_df = sum(arm.n - 1 for arm in arms)
    pooled = math.fsum(arm.comoments[0][0] for arm in arms) / total_df
    variances = [(pooled if variance == "pooled" else arm.variance) / arm.n for arm in arms]
    for i, own in enumerate(variances[1:]):
        if variances[0] + own <= 0:
            return NotEnoughData(
                code="zero_variance",
                detail=(
                    f"all units of the control have the same value, and all of variants[{i}]; a "
                    "test needs units that differ"
                ),
            )
    dfs = [
        float(total_df)
        if variance == "pooled"
        else satterthwaite(
            variances[0] / (variances[0] + own),
            control.n - 1,
            own / (variances[0] + own),
            arm.n - 1,
        )
        for arm, own in zip(variants, variances[1:], strict=True)
    ]
    return many_to_one(
        [arm.mean - control.mean for arm in variants],
        [math.sqrt(variances[0] + own) for own in variances[1:]],
        control_variance=variances[0],
        df=dfs,
        alpha=alpha,
        side=side,
    )


def many_to_one(
    differences: Sequence[float],
    standard_errors: Sequence[float],
    *,
    control_variance: float,
    df: Sequence[float | None] | None = None,
    alpha: float = 0.05,
    side: Side = "two_sided",
) -> ManyToOneResult:
    """Compare differences from one control whose estimates are close to normal.

    Args:
        differences: Variant minus control.
        standard_errors: Of the differences, above 0.
        control_variance: Variance of the control's estimate, which is part of the variance of every
            difference; 0 makes the comparisons independent.
        df: Degrees of freedom of each standard error, `None` for a known one; all are if left out.
        alpha: Error rate of all comparisons together.
        side: Which differences are looked for.

    Raises:
        ValueError: If the lengths differ, there is no difference, or a number is out of its range.

    Examples:
        >>> result = many_to_one([0.5, 0.2], [0.2, 0.2], control_variance=0.02)
        >>> [round(c.adjusted_p_value, 4) for c in result.comparisons], result.rejected
        ([0.0235, 0.502], (True, False))
    """
    require_alpha(alpha, side)
    require_list("differences", differences)
    require_list("standard_errors", standard_errors)
    dfs = [None] * len(differences) if df is None else list(df)
    if not len(differences) == len(standard_errors) == len(dfs) or not len(differences):
        raise ValueError(
            f"there are {len(differences)} differences, {len(standard_errors)} standard errors and "
            f"{len(dfs)} df; there must be as many of each, at least 1"
        )
    for i, (difference, se, own_df) in enumerate(
        zip(differences, standard_errors, dfs, strict=True)
    ):
        require_finite(f"differences[{i}]", difference)
        require_positive(f"standard_errors[{i}]", se)
        if own_df is not None and not own_df > 0:
            raise ValueError(f"df[{i}] is {own_df!r}; it must be above 0, or None")
    require_finite("control_variance", control_variance)
    least = min(standard_errors) ** 2
    if not 0 <= control_variance <= least * (1 + 1e-9):
        raise ValueError(
            f"control_variance is {control_variance!r}; it must be at least 0 and at most the "
            f"smallest variance of a difference, {least!r}"
        )
    loadings = [math.sqrt(min(control_variance / se**2, 1.0)) for se in standard_errors]
    criticals = {
        own_df: critical_value(loadings, df=own_df, alpha=alpha, side=side) for own_df in dfs
    }
    return ManyToOneResult(
        comparisons=tuple(
            _comparison(
                float(difference),
                float(se),
                df=own_df,
                loadings=loadings,
                critical=criticals[own_df],
                side=side,
            )
            for difference, se, own_df in zip(differences, standard_errors, dfs, strict=True)
        ),
        side=side,
        alpha=alpha,
    )


def critical_value(
    loadings: Sequence[float], *, df: float | None, alpha: float, side: Side = "two_sided"
) -> float:
    """Return the value that the largest of the statistics exceeds with probability alpha.

    Args:
        loadings: Square root of the part of each difference's variance that comes from the control,
            so that the correlation of two statistics is the product of theirs; with n units in the
            variant and m in the control it is sqrt(n / (n + m)).
        df: Degrees of freedom of the common standard error; `None` if it is known.
        alpha: Error rate.
        side: Which differences are looked for.

    Examples:
        >>> half = 0.5**0.5
        >>> round(critical_value([half, half, half], df=None, alpha=0.05), 4)
        2.349
    """
    require_alpha(alpha, side)
    if len(as_floats("loadings", loadings)) == 0:
        raise ValueError("loadings is empty; there must be at least 1")
    low = FixedHorizon(alpha, side).critical(0, df)
    high = FixedHorizon(alpha / len(loadings), side).critical(0, df)
    two_sided = side == "two_sided"

    def excess(critical: float) -> float:
        return math.log(max_tail(critical, loadings, df=df, two_sided=two_sided) / alpha)

    return _root(excess, low, high)


def _root(excess: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling function is 0: secants that keep the bracket (the Illinois rule)."""
    at_low, at_high = excess(low), excess(high)
    if at_low <= 0:
        return low
    if at_high >= 0:
        return high
    was_above: bool | None = None
    for _ in range(60):
        middle = (low * at_high - high * at_low) / (at_high - at_low)
        at_middle = excess(middle)
        if abs(at_middle) < 1e-11:
            break
        # The end that stays twice loses half of its weight.
        if at_middle > 0:
            low, at_low = middle, at_middle
            at_high /= 2 if was_above else 1
        else:
            high, at_high = middle, at_middle
            at_low /= 2 if was_above is False else 1
        was_above = at_middle > 0
    return middle


def _comparison(
    difference: float,
    standard_error: float,
    *,
    df: float | None,
    loadings: Sequence[float],
    critical: float,
    side: Side,
) -> ManyToOneComparison:
    z = difference / standard_error
    two_sided = side == "two_sided"
    distance = abs(z) if two_sided else z if side == "greater" else -z
    p_value = FixedHorizon(0.05, side).p_value(z, 0, df)
    half_width = critical * standard_error
    return ManyToOneComparison(
        difference=difference,
        standard_error=standard_error,
        df=df,
        p_value=p_value,
        adjusted_p_value=max(p_value, max_tail(distance, loadings, df=df, two_sided=two_sided)),
        critical=critical,
        interval=Interval(difference - half_width, difference + half_width).of_side(side),
    )
