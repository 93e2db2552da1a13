"""Exact tests of two proportions by name: Fisher's, Barnard's and Boschloo's.

The results of experiments come from `compare_proportions`, which has an exact form of its own that
comes with intervals. These are for comparing with other programs. Barnard's and Boschloo's look for
the worst rate among all, and take time with the units; Fisher's takes it with the successes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abtesting.statistics.arguments import require_counts
from abtesting.statistics.moments import Counts
from abtesting.statistics.rates.restricted import linear_score
from abtesting.statistics.rates.unconditional import TIE, binomial_pmf, log_ways, turning_points
from abtesting.statistics.types import NotEnoughData, num_of

Floats = NDArray[np.float64]

MAX_UNITS = 10_000
"""Most units of an arm for which all tables are gone through, in half a second."""
RATES_PER_SPREAD = 5
"""Rates tried for each standard error of the pooled rate."""
SAME = 1e-7
"""Relative distance at which two probabilities are one, as in R and SciPy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactTest:
    """A two-sided exact test of no difference.

    Attributes:
        difference: Variant minus control.
        p_value: Probability of tables as extreme as the one seen.
        worst_rate: Common rate at which it is that large; `None` for Fisher's, which has none.
        method: `fisher`, `barnard` or `boschloo`.
    """

    difference: float
    p_value: float
    worst_rate: float | None
    method: str


def fisher_test(control: Counts, variant: Counts) -> ExactTest | NotEnoughData:
    """Test "no difference" given the number of successes in both arms together.

    Tables are as extreme as the one seen if they are no more likely.

    Args:
        control: Counts of the control.
        variant: Counts of the variant.

    Returns:
        The test, or `too_few_units`.

    References:
        Fisher, R. A. (1934). Statistical methods for research workers, 5th edition, section 21.02.

    Examples:
        >>> test = fisher_test(
        ...     Counts(num_units=1000, num_successes=0), Counts(num_units=1000, num_successes=20)
        ... )
        >>> print(f"{test.p_value:.2g}")
        1.7e-06
    """
    require_counts(control, variant)
    too_few = _too_few(control, variant)
    if too_few is not None:
        return too_few
    n_c, n_t = control.num_units, variant.num_units
    successes = control.num_successes + variant.num_successes
    lowest, highest = max(0, successes - n_c), min(successes, n_t)
    seen = variant.num_successes
    centre = min(max((successes + 1) * (n_t + 1) // (n_c + n_t + 2), lowest), highest)
    log_seen = _log_hypergeometric(np.array([float(seen)]), successes, n_c, n_t)[0]

    def tail(first: int, step: int) -> float:
        """Add up the tables from `first` outwards that are no more likely than the one seen."""
        total, size = 0.0, 256
        end = highest if step > 0 else lowest
        while (end - first) * step >= 0:
            count = min(size, (end - first) * step + 1)
            tables = first + step * np.arange(count, dtype=np.float64)
            log_pmf = _log_hypergeometric(tables, successes, n_c, n_t)
            parts = np.exp(log_pmf[log_pmf <= log_seen + SAME])
            total += float(parts.sum())
            if len(parts) == count and parts[-1] <= 1e-17 * total:
                break
            first, size = first + step * count, size * 4
        return total

    upwards = (
        seen if seen >= centre else _first_unlikely(centre, highest, log_seen, control, variant)
    )
    downwards = (
        seen if seen < centre else _first_unlikely(centre, lowest, log_seen, control, variant)
    )
    p_value = tail(upwards, 1) + tail(downwards if downwards < upwards else upwards - 1, -1)
    return _result(control, variant, min(p_value, 1.0), None, "fisher")


def barnard_test(control: Counts, variant: Counts) -> ExactTest | NotEnoughData:
    """Test "no difference", ordering tables by the pooled z, for the worst common rate.

    Args:
        control: Counts of the control, at most 10,000 units.
        variant: Counts of the variant, the same.

    Returns:
        The test, or `too_few_units`, or `too_many_units`.

    References:
        Barnard, G. A. (1947). Significance tests for 2x2 tables. Biometrika 34(1-2).

    Examples:
        >>> test = barnard_test(
        ...     Counts(num_units=15, num_successes=7), Counts(num_units=15, num_successes=12)
        ... )
        >>> round(test.p_value, 4)
        0.0682
    """
    refused = _refused(control, variant)
    if refused is not None:
        return refused
    n_c, n_t = control.num_units, variant.num_units
    z = abs(linear_score(control.num_successes, n_c, variant.num_successes, n_t))
    if z == 0:
        return _result(control, variant, 1.0, None, "barnard")
    rows = np.arange(n_c + 1.0)
    upper, _ = turning_points(rows, n_c, n_t, offset=0.0, slope=1.0, z=z)
    lower, _ = turning_points(rows, n_c, n_t, offset=0.0, slope=1.0, z=-z)
    p_value, rate = _worst(np.ceil(upper - TIE), np.floor(lower + TIE), n_c, n_t)
    return _result(control, variant, p_value, rate, "barnard")


def boschloo_test(control: Counts, variant: Counts) -> ExactTest | NotEnoughData:
    """Test "no difference", ordering tables by Fisher's one-sided p, for the worst common rate.

    The two-sided p-value is twice the smaller of the one-sided ones.

    Args:
        control: Counts of the control, at most 10,000 units.
        variant: Counts of the variant, the same.

    Returns:
        The test, or `too_few_units`, or `too_many_units`.

    References:
        Boschloo, R. D. (1970). Raised conditional level of significance for the 2x2-table when
        testing the equality of two probabilities. Statistica Neerlandica 24(1).

    Examples:
        >>> test = boschloo_test(
        ...     Counts(num_units=15, num_successes=7), Counts(num_units=15, num_successes=12)
        ... )
        >>> round(test.p_value, 4)
        0.0682
    """
    refused = _refused(control, variant)
    if refused is not None:
        return refused
    x_c, n_c = control.num_successes, control.num_units
    x_t, n_t = variant.num_successes, variant.num_units
    none = np.full(n_c + 1, -1.0)
    above = _worst(_fisher_cuts(x_c, n_c, x_t, n_t), none, n_c, n_t)
    # Fewer successes in the variant are more failures.
    below = _worst(_fisher_cuts(n_c - x_c, n_c, n_t - x_t, n_t), none, n_c, n_t)
    p_value, rate = above if above[0] <= below[0] else (below[0], 1 - below[1])
    return _result(control, variant, min(2 * p_value, 1.0), rate, "boschloo")


def _log_hypergeometric(tables: Floats, successes: int, n_c: int, n_t: int) -> Floats:
    """Return the log probability of so many of all successes being the variant's."""
    log_pmf: Floats = log_ways(tables, n_t) + log_ways(successes - tables, n_c)
    return log_pmf - log_ways(np.array(float(successes)), n_c + n_t)


def _first_unlikely(
    centre: int, end: int, log_seen: float, control: Counts, variant: Counts
) -> int:
    """Return the table closest to the likeliest one, towards `end`, no likelier than the one seen.

    One beyond `end` if there is none.
    """
    successes = control.num_successes + variant.num_successes
    step = 1 if end >= centre else -1
    low, high = 0, (end - centre) * step + 1
    while low < high:
        middle = (low + high) // 2
        table = np.array([float(centre + step * middle)])
        log_pmf = _log_hypergeometric(table, successes, control.num_units, variant.num_units)[0]
        if log_pmf <= log_seen + SAME:
            high = middle
        else:
            low = middle + 1
    return centre + step * low


def _fisher_cuts(x_c: int, n_c: int, x_t: int, n_t: int) -> Floats:
    """Return, for each number of successes of the control, the fewest of the variant with a p.

    It is that with a one-sided Fisher p no larger than that of the table seen. For each number of
    successes in both arms the tail is added up from its end inwards until it gets there.
    """
    successes = np.arange(n_c + n_t + 1.0)
    highest = np.minimum(successes, n_t)
    lowest = np.maximum(successes - n_c, 0.0)
    total = x_c + x_t
    tables = np.arange(x_t, min(total, n_t) + 1.0)
    level = math.log(np.exp(_log_hypergeometric(tables, total, n_c, n_t)).sum()) + SAME
    # Far enough out that what is beyond cannot be seen in the sum.
    mean = successes * (n_t / (n_c + n_t))
    spread = np.sqrt(mean * (n_c / (n_c + n_t)) * (1 - successes / (n_c + n_t + 1)) + 1)
    reach = math.sqrt(max(-2 * level, 0.0)) + 9
    table = np.clip(np.ceil(mean + reach * spread + reach), lowest, highest).astype(np.intp)
    log_all = log_ways(successes, n_c + n_t)
    log_ways_c = log_ways(np.arange(n_c + 1.0), n_c)
    log_ways_t = log_ways(np.arange(n_t + 1.0), n_t)
    log_total = np.full_like(successes, -np.inf)
    active = np.arange(len(successes))
    cuts = highest + 1
    while len(active):
        here = table[active]
        log_pmf = log_ways_t[here] + log_ways_c[active - here] - log_all[active]
        log_total[active] = np.logaddexp(log_total[active], log_pmf)
        within = log_total[active] <= level
        active = active[within]
        cuts[active] = table[active]
        active = active[table[active] > lowest[active]]
        table[active] -= 1
    # Row i holds the tables with i + j successes: the smallest total whose cut leaves i to it.
    rows = np.arange(n_c + 1.0)
    found = np.searchsorted(successes - cuts, rows)
    return np.where(
        found < len(successes), successes[np.minimum(found, len(successes) - 1)] - rows, n_t + 1
    )


def _worst(upper: Floats, lower: Floats, n_c: int, n_t: int) -> tuple[float, float]:
    """Return the largest probability, over common rates, of the tables outside two cuts, and where.

    A table is outside if the variant has at least `upper` or at most `lower` of the control's row.
    """
    ways = log_ways(np.arange(n_c + 1.0), n_c), log_ways(np.arange(n_t + 1.0), n_t)

    def outside(angle: float) -> float:
        return _outside(upper, lower, ways, math.sin(angle) ** 2)

    size = 32 + RATES_PER_SPREAD * math.ceil(math.sqrt(n_c + n_t))
    angles = np.linspace(0.0, math.pi / 2, size).tolist()
    values = [outside(angle) for angle in angles]
    best, at = max(zip(values, angles, strict=True))
    # The highest few peaks, each located by looking closer.
    for i in sorted(range(1, size - 1), key=lambda i: -values[i])[:5]:
        if values[i] < max(values[i - 1], values[i + 1], 0.98 * best):
            continue
        found = _climb(outside, angles[i], values[i], angles[1] / 2)
        best, at = max((best, at), found)
    return min(best, 1.0), math.sin(at) ** 2


def _climb(
    function: Callable[[float], float], centre: float, height: float, step: float
) -> tuple[float, float]:
    """Return the top of a peak, to some 1e-6 of its height, and where it is."""
    while step > 1e-5:
        left, right = function(centre - step), function(centre + step)
        if max(left, right) > height:
            height, centre = max((left, centre - step), (right, centre + step))
            continue
        # The top of the parabola through the three, as a last guess at this step.
        bend = left - 2 * height + right
        if bend < 0:
            guess = centre + step * (left - right) / (2 * bend)
            height, centre = max((height, centre), (function(guess), guess))
        step /= 8
    return height, centre


def _outside(upper: Floats, lower: Floats, ways: tuple[Floats, Floats], rate: float) -> float:
    """Return the probability of the tables outside two cuts at one rate."""
    pmfs, starts = [], []
    for ways_of_arm in ways:
        first, last = _likely(len(ways_of_arm) - 1, rate)
        successes = np.arange(first, last + 1.0)
        part = ways_of_arm[first : last + 1]
        pmfs.append(binomial_pmf(successes, len(ways_of_arm) - 1, np.array([rate]), part)[0])
        starts.append(first)
    weights, pmf = pmfs
    rows = slice(starts[0], starts[0] + len(weights))
    # The probabilities of fewer than start + k, and of at least start + k, for each k.
    below = np.concatenate([[0.0], pmf.cumsum()])
    above = np.concatenate([pmf[::-1].cumsum()[::-1], [0.0]])
    high = np.clip(upper[rows] - starts[1], 0, len(pmf)).astype(np.intp)
    low = np.clip(lower[rows] + 1 - starts[1], 0, len(pmf)).astype(np.intp)
    return float((weights * (above[high] + below[low])).sum())


def _likely(n: int, rate: float) -> tuple[int, int]:
    """Return the range of successes that holds all but 1e-15 of the probability."""
    reach = 8.5 * math.sqrt(n * rate * (1 - rate)) + 20
    return max(0, math.floor(n * rate - reach)), min(n, math.ceil(n * rate + reach))


def _result(
    control: Counts, variant: Counts, p_value: float, rate: float | None, method: str
) -> ExactTest:
    return ExactTest(
        difference=variant.num_successes / variant.num_units
        - control.num_successes / control.num_units,
        p_value=p_value,
        worst_rate=rate,
        method=method,
    )


def _too_few(control: Counts, variant: Counts) -> NotEnoughData | None:
    if min(control.num_units, variant.num_units) >= 1:
        return None
    return NotEnoughData(
        code="too_few_units",
        detail=(
            f"control has {num_of(control.num_units, 'unit')} and variant "
            f"{variant.num_units}; each needs "
            "at least 1"
        ),
    )


def _refused(control: Counts, variant: Counts) -> NotEnoughData | None:
    require_counts(control, variant)
    if max(control.num_units, variant.num_units) > MAX_UNITS:
        return NotEnoughData(
            code="too_many_units",
            detail=(
                f"control has {num_of(control.num_units, 'unit')} and variant "
                f"{variant.num_units}; this "
                f"test goes through all tables, and takes at most {MAX_UNITS} in each"
            ),
        )
    return _too_few(control, variant)
