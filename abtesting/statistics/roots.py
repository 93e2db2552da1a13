"""Where a function of one number is zero, for quantities that have no closed form."""

from __future__ import annotations

import math
from collections.abc import Callable


def find_root(
    function: Callable[[float], float], low: float, high: float, *, tolerance: float = 1e-10
) -> float:
    """Return a number between `low` and `high` where `function` changes its sign.

    Args:
        function: Continuous, of opposite signs at the two ends.
        low: One end.
        high: The other end.
        tolerance: Largest distance from the root, relative above 1.

    References:
        Chandrupatla, T. R. (1997). A new hybrid quadratic/bisection algorithm for finding the zero
        of a nonlinear function without using derivatives. Advances in Engineering Software 28(3).

    Examples:
        >>> round(find_root(lambda x: x * x - 2, 0, 2), 9)
        1.414213562
    """
    b, a = low, high
    at_b, at_a = function(b), function(a)
    if at_b == 0:
        return b
    if at_a == 0:
        return a
    if math.isnan(at_a) or math.isnan(at_b) or (at_a > 0) == (at_b > 0):
        raise ValueError(
            f"the function is {at_b!r} at {low!r} and {at_a!r} at {high!r}; the signs must differ"
        )
    share = 0.5
    while True:
        x = a + share * (b - a)
        at_x = function(x)
        # a, b bracket the root, x replaces one of them, c is the one replaced.
        if (at_x > 0) == (at_a > 0):
            c, at_c = a, at_a
        else:
            c, at_c, b, at_b = b, at_b, a, at_a
        a, at_a = x, at_x
        best, at_best = (a, at_a) if abs(at_a) < abs(at_b) else (b, at_b)
        margin = tolerance * max(1.0, abs(best)) / 2
        smallest = margin / abs(b - a)
        if smallest > 0.5 or at_best == 0:
            return best
        place = (a - b) / (c - b)
        height = (at_a - at_b) / (at_c - at_b)
        if 1 - math.sqrt(1 - place) < height < math.sqrt(place):
            # Inverse quadratic interpolation, where it can be trusted.
            share = at_a / (at_b - at_a) * at_c / (at_b - at_c)
            share += (c - a) / (b - a) * at_a / (at_c - at_a) * at_b / (at_c - at_b)
        else:
            share = 0.5
        share = min(max(share, smallest), 1 - smallest)


def bracket_root(
    function: Callable[[float], float], start: float, *, step: float
) -> tuple[float, float]:
    """Return two numbers between which an increasing `function` crosses zero.

    Args:
        function: Increasing, negative far below and positive far above `start`.
        start: Where to begin.
        step: First distance to go; doubled each time.

    Examples:
        >>> bracket_root(lambda x: x - 10, 0.0, step=1.0)
        (7.0, 15.0)
    """
    upwards = function(start) < 0
    previous = start
    for _ in range(200):
        following = previous + step if upwards else previous - step
        if (function(following) < 0) != upwards:
            return (previous, following) if upwards else (following, previous)
        previous, step = following, 2 * step
    raise ValueError(f"the function has no root near {start!r}")
