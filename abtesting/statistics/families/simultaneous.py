"""Intervals that hold together, and match the decisions of a procedure for many tests.

Adjusted p-values beside intervals that were not adjusted contradict each other as soon as there
are two tests. Here both come from one procedure: a null hypothesis is rejected exactly when 0 is
outside its interval. Many variants against one control have sharper intervals in `dunnett`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from abtesting.statistics.arguments import (
    require_alpha,
    require_finite,
    require_list,
    require_positive,
)
from abtesting.statistics.boundaries import FixedHorizon
from abtesting.statistics.families.multiplicity import Adjustment, adjust
from abtesting.statistics.types import Interval, Side

Procedure = Literal["bonferroni", "holm", "fcr"]

BEYOND_ZERO = 100 * math.ulp(0.0)
"""End of an interval of which no more is known than that it leaves 0 out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimultaneousResult:
    """Estimates with intervals and decisions that hold together, in input order.

    Attributes:
        estimates: As given.
        standard_errors: As given.
        intervals: Interval of each; `None` for one that `fcr` did not select. An end at
            `BEYOND_ZERO` (or minus that) says which side of 0 the value is on and nothing else.
        adjusted_p_values: Below `alpha` exactly when 0 is outside the interval.
        rejected: Whether no effect is rejected.
        method: `bonferroni`, `holm` or `fcr`.
        side: Which differences are looked for.
        alpha: Chance that any interval misses its value; for `fcr` the expected share of missing
            ones among the selected.
    """

    estimates: tuple[float, ...]
    standard_errors: tuple[float, ...]
    intervals: tuple[Interval | None, ...]
    adjusted_p_values: tuple[float, ...]
    rejected: tuple[bool, ...]
    method: Procedure
    side: Side
    alpha: float


def simultaneous_intervals(
    estimates: Sequence[float],
    standard_errors: Sequence[float],
    *,
    method: Procedure = "holm",
    alpha: float = 0.05,
    side: Side = "two_sided",
    df: Sequence[float | None] | None = None,
) -> SimultaneousResult:
    """Return intervals, adjusted p-values and decisions of one family of estimates.

    `bonferroni` takes the level alpha / m for each interval. `holm` rejects more, and pays with
    intervals that end at 0 for what it rejects, unless it rejects everything. Its two-sided form is
    two one-sided ones with alpha / 2 each, so that the direction is a claim that holds as well: it
    rejects at most what Holm's method on two-sided p-values does. `fcr` selects by
    Benjamini-Hochberg and widens the intervals of the selected to the share that was selected.

    Args:
        estimates: Differences, or anything whose null value is 0.
        standard_errors: Their standard errors, above 0.
        method: `bonferroni`, `holm` or `fcr`.
        alpha: Error rate of the family.
        side: Which differences are looked for; intervals of one side are half a line.
        df: Degrees of freedom of each standard error, `None` for a known one; all are if left out.

    Raises:
        ValueError: If the lengths differ, there is no estimate, or a number is out of its range.

    References:
        Strassburger, K. & Bretz, F. (2008). Compatible simultaneous lower confidence bounds for the
        Holm procedure and other Bonferroni-based closed tests. Statistics in Medicine 27(24).
        Guilbaud, O. (2008). Simultaneous confidence regions corresponding to Holm's step-down
        procedure and other closed-testing procedures. Biometrical Journal 50(5).
        Benjamini, Y. & Yekutieli, D. (2005). False discovery rate-adjusted multiple confidence
        intervals for selected parameters. JASA 100(469).

    Examples:
        >>> result = simultaneous_intervals([0.5, 0.2, -0.1], [0.1, 0.1, 0.1], method="bonferroni")
        >>> result.rejected, result.intervals[1].contains(0.0)
        ((True, False, False), True)
    """
    require_alpha(alpha, side)
    if method not in get_args(Procedure):
        raise ValueError(
            f"method is {method!r}; it must be one of {', '.join(get_args(Procedure))}"
        )
    require_list("estimates", estimates)
    require_list("standard_errors", standard_errors)
    dfs = [None] * len(estimates) if df is None else list(df)
    _require_family(estimates, standard_errors, dfs)
    family = [
        _Member(estimate=float(estimate), standard_error=float(se), df=own_df)
        for estimate, se, own_df in zip(estimates, standard_errors, dfs, strict=True)
    ]
    intervals: list[Interval | None]
    if method == "holm":
        adjusted, intervals = _holm(family, alpha=alpha, side=side)
    else:
        adjusted, intervals = _single_step(family, method=method, alpha=alpha, side=side)
    return SimultaneousResult(
        estimates=tuple(member.estimate for member in family),
        standard_errors=tuple(member.standard_error for member in family),
        intervals=tuple(intervals),
        adjusted_p_values=tuple(adjusted),
        rejected=tuple(p < alpha for p in adjusted),
        method=method,
        side=side,
        alpha=alpha,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    estimate: float
    standard_error: float
    df: float | None

    def p_value(self, side: Side) -> float:
        z = self.estimate / self.standard_error
        return FixedHorizon(0.05, side).p_value(z, 0, self.df)

    def interval(self, alpha: float, side: Side) -> Interval:
        half_width = FixedHorizon(alpha, side).critical(0, self.df) * self.standard_error
        return Interval(self.estimate - half_width, self.estimate + half_width).of_side(side)


def _single_step(
    family: list[_Member], *, method: Procedure, alpha: float, side: Side
) -> tuple[list[float], list[Interval | None]]:
    m = len(family)
    adjustment: Adjustment = "bh" if method == "fcr" else "bonferroni"
    adjusted = adjust([member.p_value(side) for member in family], method=adjustment)
    if method == "bonferroni":
        return list(adjusted), [member.interval(alpha / m, side) for member in family]
    selected = [p < alpha for p in adjusted]
    level = alpha * sum(selected) / m
    return list(adjusted), [
        member.interval(level, side) if chosen else None
        for member, chosen in zip(family, selected, strict=True)
    ]


def _holm(
    family: list[_Member], *, alpha: float, side: Side
) -> tuple[list[float], list[Interval | None]]:
    if side != "two_sided":
        adjusted, bounds = _holm_bounds(family, alpha=alpha, side=side)
        if side == "greater":
            return adjusted, [Interval(bound, math.inf) for bound in bounds]
        return adjusted, [Interval(-math.inf, -bound) for bound in bounds]
    above, lower = _holm_bounds(family, alpha=alpha / 2, side="greater")
    below, upper = _holm_bounds(family, alpha=alpha / 2, side="less")
    adjusted = [min(1.0, 2 * min(pair)) for pair in zip(above, below, strict=True)]
    return adjusted, [Interval(low, -high) for low, high in zip(lower, upper, strict=True)]


def _holm_bounds(
    family: list[_Member], *, alpha: float, side: Side
) -> tuple[list[float], list[float]]:
    """Adjusted p-values of one side, and the lower bounds of the estimates turned to that side."""
    adjusted = adjust([member.p_value(side) for member in family], method="holm")
    sign = 1 if side == "greater" else -1
    num_open = sum(p >= alpha for p in adjusted)
    level = FixedHorizon(alpha / (num_open or len(family)), side)
    bounds = []
    for member, p in zip(family, adjusted, strict=True):
        bound = sign * member.estimate - level.critical(0, member.df) * member.standard_error
        if p >= alpha:
            bounds.append(min(bound, 0.0))  # equal up to rounding where p is alpha itself
        else:
            # What is left of alpha is spent on those not rejected; only when there are none is
            # there any to look beyond 0.
            bounds.append(BEYOND_ZERO if num_open else max(bound, BEYOND_ZERO))
    return list(adjusted), bounds


def _require_family(
    estimates: Sequence[float], standard_errors: Sequence[float], dfs: Sequence[float | None]
) -> None:
    if not len(estimates) == len(standard_errors) == len(dfs) or not len(estimates):
        raise ValueError(
            f"there are {len(estimates)} estimates, {len(standard_errors)} standard errors and "
            f"{len(dfs)} df; there must be as many of each, at least 1"
        )
    for i, (estimate, se, df) in enumerate(zip(estimates, standard_errors, dfs, strict=True)):
        require_finite(f"estimates[{i}]", estimate)
        require_positive(f"standard_errors[{i}]", se)
        if df is not None and not df > 0:
            raise ValueError(f"df[{i}] is {df!r}; it must be above 0, or None")
