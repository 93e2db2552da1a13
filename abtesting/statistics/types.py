"""What a comparison returns: an `Effect`, or `NotEnoughData` that says why there is none.

Both are frozen values that cross from the statistics to the results, which store and show them.
`EffectArrays` is both at once for thousands of comparisons.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Codes = NDArray[np.str_]

Side = Literal["two_sided", "greater", "less"]
"""Which differences a test looks for: any, only those above 0, or only those below 0."""

SIDES: tuple[Side, ...] = ("two_sided", "greater", "less")


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval; an end at `-inf` or `inf` is unbounded on that side.

    Examples:
        >>> Interval(0.01, 0.05).contains(0.0)
        False
    """

    lower: float
    upper: float

    def __post_init__(self) -> None:
        if not self.lower <= self.upper:
            raise ValueError(
                f"interval is [{self.lower!r}, {self.upper!r}]; lower must not exceed upper"
            )

    def contains(self, value: float) -> bool:
        """Whether `value` lies in the interval, ends included."""
        return self.lower <= value <= self.upper

    def of_side(self, side: Side) -> Interval:
        """Return the interval of a one-sided test with the same critical value: half a line.

        Examples:
            >>> Interval(0.01, 0.05).of_side("greater")
            Interval(lower=0.01, upper=inf)
        """
        if side == "two_sided":
            return self
        if side == "greater":
            return Interval(self.lower, math.inf)
        return Interval(-math.inf, self.upper)


def num_of(count: int, noun: str) -> str:
    """Return a number with its noun, as the sentences of `NotEnoughData` say it.

    Examples:
        >>> num_of(1, "unit"), num_of(0, "unit")
        ('1 unit', '0 units')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotEnoughData:
    """No result, and why.

    Attributes:
        code: Machine-readable reason, such as `too_few_units` or `zero_variance`.
        detail: The same in English, with the numbers.
    """

    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A variant compared with the control.

    `p_value < alpha`, 0 outside `difference_interval` and 0 outside `lift_interval` are the same
    statement.

    Attributes:
        control_value: Proportion, mean or ratio of the control.
        variant_value: The same of the variant.
        difference: Variant minus control.
        standard_error: Standard error of the difference.
        difference_interval: Interval of the difference, on the scale of the metric.
        p_value: p-value of no difference, of the test's side.
        lift: Difference relative to the size of the control value (0.08 is +8 %), so its sign is
            that of the difference; `None` if the control value is 0.
        lift_interval: Interval of the lift, often unbounded above when the control value is close
            to 0; `None` if nothing can be said of it.
        method: How the effect was estimated, such as `score`, `welch` or `delta`.
        boundary: Name of the boundary, such as `fixed_horizon` or `always_valid`.
        alpha: Level of the p-value's decision and of both intervals.
        side: `two_sided`; or `greater` or `less`, whose intervals are half lines.
        warnings: Codes of what makes the result less certain than it looks, such as `skewed`.
    """

    control_value: float
    variant_value: float
    difference: float
    standard_error: float
    difference_interval: Interval
    p_value: float
    lift: float | None
    lift_interval: Interval | None
    method: str
    boundary: str
    alpha: float
    side: Side = "two_sided"
    warnings: tuple[str, ...] = ()

    @property
    def is_significant(self) -> bool:
        """Whether the difference is told from 0 at level `alpha`."""
        return self.p_value < self.alpha


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectArrays:
    """Many effects. Where there is none, the reason is given and the numbers are `nan`.

    Attributes:
        control_value: Proportions, means or ratios of the control.
        variant_value: The same of the variant.
        difference: Variant minus control.
        standard_error: Standard errors of the differences.
        lower: Lower ends of the intervals of the differences.
        upper: Upper ends.
        p_value: p-values of no difference, of the test's side.
        lift: Differences relative to the size of the control values; `nan` where these are 0.
        lift_lower: Lower ends of the intervals of the lifts.
        lift_upper: Upper ends, often infinite.
        reason: Why there is no effect, such as `too_few_units`; empty where there is one.
        warning: What an effect warns of, such as `skewed`; empty where it does not.
        method: How the effects were estimated.
        boundary: Name of the boundary.
        alpha: Level of the decisions and the intervals.
        side: Side of the tests.
    """

    control_value: Floats
    variant_value: Floats
    difference: Floats
    standard_error: Floats
    lower: Floats
    upper: Floats
    p_value: Floats
    lift: Floats
    lift_lower: Floats
    lift_upper: Floats
    reason: Codes
    warning: Codes
    method: str
    boundary: str
    alpha: float
    side: Side

    @property
    def is_valid(self) -> Booleans:
        """Whether there is an effect."""
        return np.asarray(self.reason == "")

    @property
    def is_significant(self) -> Booleans:
        """Whether the difference is told from 0 at level `alpha`; never where there is none."""
        return np.asarray(self.p_value < self.alpha)
