"""Relative lift of two independent estimates: Fieller's interval.

Means and ratios share it. It takes the same critical value as the interval of the difference, so
the two always agree on whether there is an effect.
"""

from __future__ import annotations

import math

from abtesting.statistics.types import Interval

UNBOUNDED = Interval(-math.inf, math.inf)


def lift_interval(
    *,
    control: float,
    difference: float,
    standard_error: float,
    control_share: float,
    critical: float,
) -> Interval:
    """Return the interval of `difference / abs(control)`.

    The interval holds the lifts l that a test of `variant = control + l * abs(control)` does not
    reject, which is a quadratic inequality in l. When the control value cannot be told from 0 its
    solution runs through infinity. It then has two branches, one for each sign of the control
    value, and the branch with the sign that was observed is returned: half a line. If 0 lies in
    the branch that was left out, or everything is possible, the whole line is returned.

    Args:
        control: Control value, not 0.
        difference: Variant minus control value.
        standard_error: Standard error of the difference, above 0.
        control_share: Share of the control in the variance of the difference, from 0 to 1.
        critical: Critical value of the test of the difference.

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
    # In units of the standard error and of the lift itself, the inequality is
    # (z - l * base)^2 <= q^2 * (1 + 2 * l * u + l^2 * u), that is a * l^2 - 2 * b * l + c <= 0.
    # The sign of c alone says whether 0 is in the set: it is the test of the difference.
    z = difference / standard_error
    base = abs(control) / standard_error
    noise = critical * critical * control_share
    a = base * base - noise
    b = z * base + math.copysign(noise, control)
    c = (abs(z) - critical) * (abs(z) + critical)
    variant = z + math.copysign(base, control)
    discriminant = (critical * critical) * (
        control_share * variant * variant
        + (1 - control_share) * base * base
        - noise * (1 - control_share)
    )
    if a > 0:
        root = b + math.copysign(math.sqrt(max(discriminant, 0.0)), b)
        near, far = (c / root, root / a) if root else (0.0, 0.0)
        return Interval(min(near, far), max(near, far))
    if discriminant <= 0:
        return UNBOUNDED
    root = b + math.copysign(math.sqrt(discriminant), b)
    near, far = c / root, root / a if a else -math.copysign(math.inf, root)
    left, right = min(near, far), max(near, far)
    estimate_is_right = z / base >= (left + right) / 2
    branch = Interval(right, math.inf) if estimate_is_right else Interval(-math.inf, left)
    return branch if c > 0 or branch.contains(0.0) else UNBOUNDED
