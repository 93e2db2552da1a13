"""Probability of tables at least as extreme as one that was seen, whatever the unknown rate.

`exact` inverts it into intervals and `exact_tests` uses it for Barnard's test. Tables are ordered
by the score of a hypothesis `variant = offset + slope * control`. The score grows with the
variant's successes and falls with the control's, so for each number of successes in one arm (a
row) the extreme tables are all those beyond one number in the other, and a probability is a sum
over rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from abtesting.statistics.moments import Counts

Floats = NDArray[np.float64]

NEGLIGIBLE = 1e-7
"""Probability of rates outside the range searched, which is added to every p-value.

At rates that the data all but rule out, single tables with one or two successes may be likelier
than all the tables of interest together, and would decide.
"""
TIE = 1e-7
"""Scores this close, in successes of one arm, are the same; rounding must not split ties."""
GRID_SIZE = 40
FINE_GRID_SIZE = 17
MAX_SPAN = 1500
"""Longest run of successes whose probabilities are added up instead of taken from a tail."""


@dataclass(frozen=True, slots=True)
class Arm:
    """Counts of an arm and the range its rate is searched in.

    The range is a Clopper-Pearson interval. It and those of the other arm and of both arms together
    miss their rates with a probability of `NEGLIGIBLE` at most.
    """

    x: int
    n: int
    low: float
    high: float

    @classmethod
    def of(cls, counts: Counts) -> Arm:
        """Return the arm with its range."""
        x, n = counts.num_successes, counts.num_units
        tail = NEGLIGIBLE / 6
        return cls(
            x=x,
            n=n,
            low=float(special.betaincinv(x, n - x + 1, tail)) if x else 0.0,
            high=float(special.betainccinv(x + 1, n - x, tail)) if x < n else 1.0,
        )

    def rows(self) -> tuple[int, int]:
        """Return the fewest and most successes of any weight at rates in the range."""
        spread_low = math.sqrt(self.n * self.low * (1 - self.low))
        spread_high = math.sqrt(self.n * self.high * (1 - self.high))
        return (
            max(0, math.floor(self.n * self.low - 7.5 * spread_low - 9)),
            min(self.n, math.ceil(self.n * self.high + 7.5 * spread_high + 9)),
        )


class TailProbability:
    """Largest probability of scores as extreme as the one seen, for any hypothesis.

    References:
        Chan, I. S. F. & Zhang, Z. (1999). Test-based exact confidence intervals for the difference
        of two binomial proportions. Biometrics 55(4).
        Berger, R. L. & Boos, D. D. (1994). P values maximized over a confidence set for the
        nuisance parameter. Journal of the American Statistical Association 89(427).
        Hoeffding, W. (1956). On the distribution of the number of successes in independent trials.
        Annals of Mathematical Statistics 27(3).

    Examples:
        >>> from abtesting.statistics.rates.restricted import linear_score
        >>> tail = TailProbability(
        ...     Counts(num_units=20, num_successes=1), Counts(num_units=20, num_successes=7)
        ... )
        >>> z = linear_score(1, 20, 7, 20)
        >>> round(tail(z, offset=0.0, slope=1.0, above=True), 4)
        0.0108
    """

    def __init__(self, control: Counts, variant: Counts) -> None:
        self.control, self.variant = Arm.of(control), Arm.of(variant)
        self.both = Arm.of(control + variant)
        # The arm with fewer rows, whichever it is called, so that swapping the arms is exact.
        orders = []
        for arm in (self.control, self.variant):
            first, last = arm.rows()
            orders.append((last - first, arm.n, arm.x))
        self.swapped = orders[1] < orders[0]
        self.row_arm = self.variant if self.swapped else self.control
        self.other_arm = self.control if self.swapped else self.variant
        first, last = self.row_arm.rows()
        self.rows = np.arange(first, last + 1, dtype=np.float64)
        self.log_ways = log_ways(self.rows, self.row_arm.n)
        self.start: Floats | None = None

    def __call__(
        self,
        z: float,
        *,
        offset: float,
        slope: float,
        above: bool,
        level: float | None = None,
    ) -> float:
        """Return the probability of scores of at least `z` (`above`) or at most `z`.

        Args:
            z: Score of the table seen, from `linear_score` under the same hypothesis.
            offset: Rate of the variant where the control's is 0.
            slope: Rise of the variant's rate with the control's, above 0.
            above: Which tail.
            level: If only the side of this level matters, the peak is not located more precisely
                than that takes.
        """
        towards = (z > 0) == above
        if self.swapped:
            offset, slope, z, above = -offset / slope, 1 / slope, -z, not above
        arm, other = self.row_arm, self.other_arm
        # The successes of both arms vary less than those of one rate in all units (Hoeffding
        # 1956), so that the range of their mean rate is a range here too.
        total, weight = arm.n + other.n, arm.n + slope * other.n
        both_low = (total * self.both.low - other.n * offset) / weight
        both_high = (total * self.both.high - other.n * offset) / weight
        low = max(arm.low, (other.low - offset) / slope, both_low)
        high = min(arm.high, (other.high - offset) / slope, both_high)
        if low > high:
            return NEGLIGIBLE if towards else 1.0
        turns, self.start = turning_points(
            self.rows, arm.n, other.n, offset=offset, slope=slope, z=z, start=self.start
        )
        cuts = np.ceil(turns - TIE) if above else np.floor(turns + TIE)
        # Rates on the scale on which their standard error is constant.
        start, stop = math.asin(math.sqrt(low)), math.asin(math.sqrt(high))
        angles = np.linspace(start, stop, GRID_SIZE)
        best = 0.0
        for size in (FINE_GRID_SIZE, 0):
            rates = np.sin(angles) ** 2
            others = np.clip(offset + slope * rates, 0.0, 1.0)
            found = np.einsum(
                "gi,gi->g",
                binomial_pmf(self.rows, arm.n, rates, self.log_ways),
                binomial_tail(cuts, other.n, others, above=above),
            )
            top = int(found.argmax())
            best = max(best, float(found[top]))
            if level is not None and not 0.8 * level < best < level:
                break
            if size:
                around = angles[max(top - 1, 0)], angles[min(top + 1, GRID_SIZE - 1)]
                angles = np.linspace(*around, size)
        return min(best + NEGLIGIBLE, 1.0)


def turning_points(
    rows: Floats,
    n: int,
    n_other: int,
    *,
    offset: float,
    slope: float,
    z: float,
    start: Floats | None = None,
) -> tuple[Floats, Floats]:
    """Return, for each number of successes of one arm, that of the other at which the score is z.

    The hypothesis is `other = offset + slope * own`. Along the tables with a given row the
    restricted rate determines both the score and the other arm's successes, so the rate at which
    the score is z is searched, and the successes follow. They are real numbers; below 0 or above
    `n_other` where every or no table of the row gets there.

    Args:
        rows: Successes of the arm whose rate is searched, ascending.
        n: Its units.
        n_other: Units of the other arm.
        offset: Rate of the other arm where this one's is 0.
        slope: Rise of the other arm's rate with this one's, above 0.
        z: The score.
        start: Rates found for a hypothesis close by, to start from.

    Returns:
        The successes, and the rates.
    """
    first, last = max(0.0, -offset / slope), min(1.0, (1.0 - offset) / slope)
    turns = np.full_like(rows, np.nan)
    tie = TIE * (1 + abs(z))
    if first > 0:
        # The other rate is 0 there, and stays 0 for rows whose score is beyond z even so.
        beyond = (n * first - rows) / math.sqrt(n * first * (1 - first)) - z
        turns[beyond > -tie] = 0.0
        turns[beyond > tie] = -0.5
    elif rows[0] == 0 and z * slope <= n * math.sqrt(offset * (1 - offset) / n_other):
        turns[0] = _turning_point_of_certain(offset, n_other, z)
    if last < 1:
        beyond = (n * last - rows) / math.sqrt(n * last * (1 - last)) - z
        turns[beyond < tie] = n_other
        turns[beyond < -tie] = n_other + 0.5
    else:
        end = min(offset + slope, 1.0)
        if rows[-1] == n and -z * slope <= n * math.sqrt(end * (1 - end) / n_other):
            turns[-1] = _turning_point_of_certain(end, n_other, z)
    inside = np.isnan(turns)
    if start is None:
        margin = z * z / 2
        variance = np.maximum(rows * (n - rows) / n, 0.0) + margin / 2
        start = (rows + margin + z * np.sqrt(variance)) / n
    rates = start.copy()
    turns[inside], rates[inside] = _search_turning_points(
        rows[inside],
        n,
        n_other,
        offset=offset,
        slope=slope,
        z=z,
        rates=np.clip(start[inside], first + (last - first) * 1e-3, last - (last - first) * 1e-3),
    )
    return turns, rates


def _turning_point_of_certain(rate: float, n: int, z: float) -> float:
    """Return the successes at which the score is z when the row's own rate is certain."""
    spread = math.sqrt(n * rate * (1 - rate))
    turn = n * rate + z * spread
    table = round(turn)
    if abs(turn - table) > TIE:
        return turn
    # With so little spread a table may be close to the turning point without having its score.
    score = (table - n * rate) / spread if spread else 0.0
    if abs(score - z) <= TIE * (1 + abs(z)):
        return table
    return table + math.copysign(0.5, z - score)


def _search_turning_points(
    rows: Floats, n: int, n_other: int, *, offset: float, slope: float, z: float, rates: Floats
) -> tuple[Floats, Floats]:
    """Find the rates by Newton's method, inside a bracket that is halved where it goes astray."""
    low = np.full_like(rows, max(0.0, -offset / slope))
    high = np.full_like(rows, min(1.0, (1.0 - offset) / slope))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for _ in range(100):
            other = offset + slope * rates
            spread, spread_other = rates * (1 - rates), np.maximum(other * (1 - other), 0.0)
            excess = n * rates - rows
            sigma = np.sqrt(spread_other / n_other + (slope * slope / n) * spread)
            gap = excess * sigma - (z * slope) * spread
            bend = slope / n_other * (0.5 - other) + slope * slope / n * (0.5 - rates)
            step = gap / (n * sigma + excess * bend / sigma - (z * slope) * (1 - 2 * rates))
            if (np.abs(step) <= 1e-9 * rates).all():
                break
            above = gap > 0
            np.copyto(high, rates, where=above)
            np.copyto(low, rates, where=~above)
            following = rates - step
            astray = ~((following > low) & (following < high))
            if astray.any():
                settled = np.abs(step) <= 1e-9 * rates
                following = np.where(astray & ~settled, (low + high) / 2, following)
            rates = following
        turns: Floats = n_other * other + excess / (slope * spread) * spread_other
    return turns, rates


def log_ways(successes: Floats, n: int) -> Floats:
    """Return the logarithm of the number of ways to have so many successes among `n`."""
    ways: Floats = -special.betaln(n - successes + 1, successes + 1) - math.log(n + 1)
    return ways


def binomial_pmf(successes: Floats, n: int, rates: Floats, ways: Floats) -> Floats:
    """Return the probability of each number of successes (columns) at each rate (rows)."""
    # Certain rates are moved by less than any probability can show, so that logarithms exist.
    rates = np.clip(rates, 1e-300, 1 - 2.0**-53)
    pmf: Floats = np.multiply.outer(np.log(rates), successes)
    pmf += np.multiply.outer(np.log1p(-rates), n - successes)
    pmf += ways
    return np.exp(pmf, out=pmf)


def binomial_tail(cuts: Floats, n: int, rates: Floats, *, above: bool) -> Floats:
    """Return the probability of at least (`above`) or at most each cut at each rate."""
    lowest, highest = np.clip([cuts.min(), cuts.max()], -1.0, n + 1.0)
    cuts = np.clip(cuts, lowest, highest)
    span = highest - lowest
    if span > MAX_SPAN or span > 8 * len(cuts):
        return _tail(cuts, n, rates[:, np.newaxis], above=above)
    # The probabilities between the cuts are added up from the far tail inwards.
    between = np.arange(lowest, highest) + (0.0 if above else 1.0)
    inside = (between >= 0) & (between <= n)
    ways = np.where(inside, log_ways(np.clip(between, 0, n), n), -np.inf)
    pmf = binomial_pmf(np.clip(between, 0, n), n, rates, ways)
    start = _tail(np.array([highest if above else lowest]), n, rates[:, np.newaxis], above=above)
    parts = np.concatenate([start, pmf[:, ::-1] if above else pmf], axis=1).cumsum(axis=1)
    steps = (highest - cuts if above else cuts - lowest).astype(np.intp)
    tail: Floats = parts[:, steps]
    return tail


def _tail(cuts: Floats, n: int, rates: Floats, *, above: bool) -> Floats:
    if above:
        inner = special.betainc(np.maximum(cuts, 1), n - np.clip(cuts, 1, n) + 1, rates)
        return np.where(cuts <= 0, 1.0, np.where(cuts > n, 0.0, inner))
    inner = special.betaincc(np.clip(cuts, 0, n - 1) + 1, n - np.clip(cuts, 0, n - 1), rates)
    return np.where(cuts < 0, 0.0, np.where(cuts >= n, 1.0, inner))
