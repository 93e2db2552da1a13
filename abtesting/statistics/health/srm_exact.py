"""Exact tests of counts against planned shares, for when there are too few units for chi-square.

Both add up the probabilities of all outcomes that are at most as likely as the observed one. `srm`
calls them by itself; `binomial_p_value` is also the test of any k out of n against a share.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import special

from abtesting.statistics.arguments import require_list, require_probability, require_shares
from abtesting.statistics.moments import as_count
from abtesting.statistics.stirling import stirling_rest

MAX_OUTCOMES = 200_000
"""More ways to split the units than this are not listed."""

TIE = 1e-7
"""Relative difference of probabilities that counts as rounding, as in R and scipy."""


def binomial_p_value(count: int, num_units: int, *, share: float) -> float:
    """Return the exact two-sided p-value of `count` of `num_units` units where `share` is planned.

    Args:
        count: Units in the arm.
        num_units: Units in all arms.
        share: Planned share of the arm, between 0 and 1.

    Raises:
        ValueError: If `count` is above `num_units`, or a number is out of its range.

    References:
        Clopper, C. J. & Pearson, E. S. (1934). Biometrika 26(4), for the distribution; the two
        sides are joined by likelihood, as `binom.test` of R does.

    Examples:
        >>> round(binomial_p_value(7, 10, share=0.5), 6)
        0.34375
    """
    n, k = as_count("num_units", num_units), as_count("count", count)
    if k > n:
        raise ValueError(f"count is {k}; it must be at most num_units, {n}")
    require_probability("share", share)
    if k == n * share:
        return 1.0
    if k > n * share:  # so that the observed tail is always the lower one
        k, share = n - k, 1 - share
    as_likely = _log_mass(k, n, share) + TIE
    low, high = math.ceil(n * share), n + 1
    while low < high:  # the least count above the mean that is as unlikely
        middle = (low + high) // 2
        if _log_mass(middle, n, share) <= as_likely:
            high = middle
        else:
            low = middle + 1
    lower = float(special.betaincc(k + 1, n - k, share))
    upper = float(special.betainc(low, n - low + 1, share)) if low <= n else 0.0
    return min(1.0, lower + upper)


def multinomial_p_value(counts: Sequence[int], shares: Sequence[float]) -> float | None:
    """Return the exact p-value of counts against planned shares, or `None` if it takes too long.

    Args:
        counts: Units in each arm.
        shares: Planned share of each arm, above 0 and with sum 1.

    Returns:
        The p-value; `None` with more than `MAX_OUTCOMES` ways to split the units.

    Examples:
        >>> round(multinomial_p_value([8, 1, 1], [0.5, 0.3, 0.2]), 5)
        0.21052
    """
    require_list("counts", counts)
    require_shares("shares", shares)
    if len(counts) != len(shares) or len(counts) < 2:
        raise ValueError(
            f"there are {len(counts)} counts and {len(shares)} shares; there must be as many of "
            "each, at least 2"
        )
    arms = [as_count(f"counts[{i}]", count) for i, count in enumerate(counts)]
    if min(shares) == 0:
        raise ValueError(f"shares are {list(shares)!r}; each must be above 0")
    n = sum(arms)
    if math.comb(n + len(arms) - 1, len(arms) - 1) > MAX_OUTCOMES:
        return None
    # Split off one arm after the other: every way so far, with the units it has left.
    left, log_mass = np.array([n]), np.array([math.lgamma(n + 1)])
    for share in shares[:-1]:
        ways = left + 1
        taken = np.arange(ways.sum()) - np.repeat(np.cumsum(ways) - ways, ways)
        left = np.repeat(left, ways) - taken
        log_mass = np.repeat(log_mass, ways) + _log_term(taken, share)
    log_mass += _log_term(left, shares[-1])
    observed = math.lgamma(n + 1) + sum(
        float(_log_term(np.array(count), share)) for count, share in zip(arms, shares, strict=True)
    )
    return min(1.0, float(np.exp(log_mass[log_mass <= observed + TIE]).sum()))


def _log_term(count: np.ndarray, share: float) -> np.ndarray:
    return np.asarray(count * math.log(share) - special.gammaln(count + 1))


def _log_mass(k: int, n: int, share: float) -> float:
    """Logarithm of the binomial probability, from what it loses for its distance from the plan."""
    if k in {0, n}:
        return n * (math.log(share) if k else math.log1p(-share))
    return (
        stirling_rest(n)
        - stirling_rest(k)
        - stirling_rest(n - k)
        - _divergence(k, n * share)
        - _divergence(n - k, n * (1 - share))
        + math.log(n / (k * (n - k)) / (2 * math.pi)) / 2
    )


def _divergence(observed: int, expected: float) -> float:
    deviation = (observed - expected) / expected
    return expected * ((1 + deviation) * math.log1p(deviation) - deviation)
