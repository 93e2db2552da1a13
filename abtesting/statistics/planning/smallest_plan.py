"""The smallest planned sample with which each variant surely has the units that it needs."""

from __future__ import annotations

import math
from collections.abc import Sequence


def smallest_plan(weights: Sequence[float], minimum: int) -> int:
    """Units of all variants together with which each of them surely has the minimum.

    Units are split at random: the smallest variant is planned 4 standard deviations above the
    minimum, which it then misses once in 30,000 tests. A variant without traffic gets none from
    any plan: then it is the minimum.

    Args:
        weights: Of the variants, of any scale.
        minimum: Units that each variant needs.

    Examples:
        >>> smallest_plan([1, 1], 100), smallest_plan([9, 1], 100)
        (266, 1459)
    """
    share = min(weights, default=0.0) / (math.fsum(weights) or 1.0)
    if share <= 0:
        return minimum
    # share * n - 4 * sqrt(share * (1 - share) * n) = minimum, solved for sqrt(n)
    spread = 4 * math.sqrt(share * (1 - share))
    root = (spread + math.sqrt(spread * spread + 4 * share * minimum)) / (2 * share)
    return math.ceil(root * root)
