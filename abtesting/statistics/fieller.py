"""Relative lift of two estimates: Fieller's interval.

Means and ratios share it. It takes the same critical value as the interval of the difference, so
the two always agree on whether there is an effect.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from abtesting.statistics.types import Interval, Side

Floats = npt.NDArray[np.float64]

UNBOUNDED = Interval(-math.inf, math.inf)


def lift_interval(
    *,
    control: float,
    difference: float,
    standard_error: float,
    control_share: float,
    critical: float,
    covariance_share: float = 0.0,
    side: Side = "two_sided",
    tested: float = 0.0,
) -> Interval:
    """Return the interval of `difference / abs(control)`.

    The interval holds the lifts l that a test of `variant = control + l * abs(control)` does not
    reject, which is a quadratic inequality in l. When the control value cannot be told from 0 its
    solution runs through infinity. It then has two branches, one for each sign of the control
    value, and the branch with the sign that was observed is returned: half a line. If the lift that
    is tested lies in the branch that was left out, or everything is possible, the whole line is
    returned.

    The interval of a one-sided test has one of the two ends: beyond the other the test of two sides
    rejects lifts for what the test of one side does not look for.

    Args:
        control: Control value, not 0.
        difference: Variant minus control value.
        standard_error: Standard error of the difference, above 0.
        control_share: Share of the control in the variance of the difference, from 0 to 1.
        critical: Critical value of the test of the difference.
        covariance_share: Covariance of the two estimates, in the same unit as `control_share`.
        side: Which lifts the test looks for.
        tested: The lift that the decision is about: 0, or a margin.

    References:
        Fieller, E. C. (1954). Some problems in interval estimation. Journal of the Royal
        Statistical Society B 16(2).

    Examples:
        >>> interval = lift_interval(
        ...     control=2.0, difference=0.3, standard_error=0.1, control_share=0.5, critical=1.96
        ... )
        >>> round(interval.lower, 4), round(interval.upper, 4)
        (0.0495, 0.2616)
    """
    if critical == math.inf:
        return UNBOUNDED
    # In units of the standard error and of the lift itself, the inequality is
    # (z - l * base)^2 <= q^2 * (1 + 2 * l * w + l^2 * u), that is a * l^2 - 2 * b * l + c <= 0,
    # where u is the control's share and w that share less the covariance's.
    # The sign of c alone says whether 0 is in the set: it is the test of the difference.
    z = difference / standard_error
    base = abs(control) / standard_error
    sign = math.copysign(1.0, control)
    shared = control_share - covariance_share
    squared = critical * critical
    a = base * base - squared * control_share
    b = z * base + sign * squared * shared
    c = (abs(z) - critical) * (abs(z) + critical)
    slope = sign * base + shared * z
    discriminant = squared * (slope * slope + (control_share - shared * shared) * c)
    if a > 0:
        root = b + math.copysign(math.sqrt(discriminant), b) if discriminant > 0 else b
        near, far = (c / root, root / a) if root else (0.0, 0.0)
        left, right = (near, far) if near <= far else (far, near)
        return Interval(
            -math.inf if side == "less" else left, math.inf if side == "greater" else right
        )
    if discriminant <= 0:
        return UNBOUNDED
    root = b + math.copysign(math.sqrt(discriminant), b)
    near, far = c / root, root / a if a else -math.copysign(math.inf, root)
    left, right = min(near, far), max(near, far)
    estimate_is_right = z / base >= (left + right) / 2
    branch = Interval(right, math.inf) if estimate_is_right else Interval(-math.inf, left)
    is_rejected = (a * tested - 2 * b) * tested + c > 0
    return branch.of_side(side) if is_rejected or branch.contains(tested) else UNBOUNDED


def lift_limits(
    *,
    control: Floats,
    difference: Floats,
    standard_error: Floats,
    control_share: Floats,
    critical: Floats,
    side: Side = "two_sided",
) -> tuple[Floats, Floats]:
    """Return both ends of `lift_interval` of many independent estimates, element by element.

    Examples:
        >>> lower, upper = lift_limits(
        ...     control=np.array([2.0, 0.1]),
        ...     difference=np.array([0.3, 0.3]),
        ...     standard_error=np.array([0.1, 0.1]),
        ...     control_share=np.array([0.5, 0.5]),
        ...     critical=np.array([1.96, 1.96]),
        ... )
        >>> lower.round(4), upper.round(4)
        (array([0.0495, 0.5007]), array([0.2616,    inf]))
    """
    z, base, sign = difference / standard_error, abs(control) / standard_error, np.sign(control)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        squared = critical * critical
        a = base * base - squared * control_share
        b = z * base + sign * squared * control_share
        c = (abs(z) - critical) * (abs(z) + critical)
        slope = sign * base + control_share * z
        discriminant = squared * (slope * slope + control_share * (1 - control_share) * c)
        root = b + np.copysign(np.sqrt(np.maximum(discriminant, 0.0)), b)
        near = np.where(root == 0, 0.0, c / root)
        far = np.where(root == 0, 0.0, np.where(a == 0, -np.copysign(np.inf, root), root / a))
        left, right = np.minimum(near, far), np.maximum(near, far)
        is_bounded = a > 0
        estimate_is_right = z / base >= (left + right) / 2
        lower = np.where(is_bounded, left, np.where(estimate_is_right, right, -np.inf))
        upper = np.where(is_bounded, right, np.where(estimate_is_right, np.inf, left))
        holds_zero = (lower <= 0) & (upper >= 0)
        is_known = is_bounded | ((discriminant > 0) & ((c > 0) | holds_zero))
    is_known &= critical < np.inf
    return (
        np.where(is_known & (side != "less"), lower, -np.inf),
        np.where(is_known & (side != "greater"), upper, np.inf),
    )
