"""How likely a sequence of looks crosses its boundaries: recursive integration.

The z statistic of an experiment at information t is that of a Brownian motion with drift, so the
chance of a first crossing at each look follows from the density of the paths still inside, carried
from look to look. Everything group-sequential rests on this: critical values from an error spending
function, power, expected size, and what any fixed threshold does to the error rate when it is read
again and again.

`information` is a share of the plan, strictly increasing; boundaries are z values, `inf` for a look
that cannot stop; `drift` is the expectation of z at information 1.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from abtesting.statistics.arguments import as_floats, is_number, require_finite, require_list
from abtesting.statistics.sequential.spending import Spending

Array = npt.NDArray[np.float64]

MAX_LOOKS = 60
"""Looks of a group-sequential design."""

FINEST = 500
"""Looks for which crossing probabilities are worked out."""

SMALLEST_STEP = 1e-4
"""Information a look must add, as a share of what there is, to be told from the one before."""

POINTS_PER_PANEL = 8
PANEL_WIDTH = 2.5
"""In standard deviations of the narrower of the steps before and after a look."""

REACH = 6.5
"""Standard deviations that a path is followed to either side of where it has to go."""

LARGEST_Z = 40.0
"""Its tail, 4e-350, is below the smallest float."""

ONE_SIDED_BELOW = math.log(1e-6)
"""Log level per side below which crossing both boundaries adds nothing to 6 digits."""

NO_ROOM = -705.0
"""Log probability at which a look is taken by itself: its density leaves the float range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossingProbabilities:
    """Chances that the first crossing happens at each look.

    Attributes:
        lower: Through the lower boundary, per look.
        upper: Through the upper boundary, per look.
    """

    lower: tuple[float, ...]
    upper: tuple[float, ...]

    @property
    def per_look(self) -> tuple[float, ...]:
        """Through either boundary, per look."""
        return tuple(low + up for low, up in zip(self.lower, self.upper, strict=True))

    @property
    def total(self) -> float:
        """Through either boundary at any look."""
        return math.fsum(self.lower) + math.fsum(self.upper)


def crossing_probabilities(
    information: Sequence[float],
    *,
    lower: Sequence[float],
    upper: Sequence[float],
    drift: float = 0.0,
) -> CrossingProbabilities:
    """Return the chance of a first crossing at each look.

    Args:
        information: Share of the plan at each look.
        lower: z below which a look stops; `-inf` where it doesn't.
        upper: z above which a look stops; `inf` where it doesn't.
        drift: Expectation of z at information 1; 0 for no effect.

    References:
        Armitage, P., McPherson, C. K. & Rowe, B. C. (1969). Repeated significance tests on
        accumulating data. JRSS A 132(2). Jennison, C. & Turnbull, B. W. (2000). Group sequential
        methods with applications to clinical trials, chapter 19.

    Examples:
        Reading a 95 % interval five times and stopping at the first that leaves 0 out:

        >>> looks = (0.2, 0.4, 0.6, 0.8, 1.0)
        >>> chances = crossing_probabilities(looks, lower=[-1.96] * 5, upper=[1.96] * 5)
        >>> round(chances.total, 3)
        0.142
    """
    times = check_information(information, max_looks=FINEST)
    require_list("lower", lower)
    require_list("upper", upper)
    if not len(times) == len(lower) == len(upper):
        raise ValueError(
            f"there are {len(times)} looks, {len(lower)} lower and {len(upper)} upper boundaries; "
            "each look needs one of each"
        )
    for low, up in zip(lower, upper, strict=True):
        if not (is_number(low) and is_number(up) and low <= up):
            raise ValueError(f"boundaries are ({low!r}, {up!r}); lower must not exceed upper")
    require_finite("drift", drift)
    down, out = [0.0] * len(times), [0.0] * len(times)
    stops = [
        look
        for look, ends in enumerate(zip(lower, upper, strict=True))
        if ends != (-math.inf, math.inf)
    ]
    path = _Path(np.zeros(1), np.ones(1), 0.0)
    for position, look in enumerate(stops):
        time, scale = times[look], math.sqrt(times[look])
        if time - path.time < SMALLEST_STEP * time:
            raise ValueError(
                f"look {look + 1} is at information {time!r}, too close to {path.time!r} before "
                f"it; a look that can stop must add at least {SMALLEST_STEP:g} of what there is"
            )
        down[look] = path.below(lower[look] * scale, time, drift)
        out[look] = path.above(upper[look] * scale, time, drift)
        later = stops[position + 1 :]
        if not later:
            break
        reach = REACH * scale
        window = [drift * time - reach, drift * time + reach]
        for stop in later:
            ends = [end for end in (lower[stop], upper[stop]) if abs(end) <= LARGEST_Z]
            window += _bridges(time, times[stop], ends)
        path = path.inside(
            time,
            max(lower[look] * scale, min(window)),
            min(upper[look] * scale, max(window)),
            next_time=times[later[0]],
            drift=drift,
        )
    return CrossingProbabilities(lower=tuple(down), upper=tuple(out))


def any_look_error(critical_values: Sequence[float] | float, information: Sequence[float]) -> float:
    """Return the chance that |z| exceeds its critical value at any look when there is no effect.

    Args:
        critical_values: One per look, or one for all looks.
        information: Share of the plan at each look.

    Examples:
        A "chance to win" above 95 % in either direction, read on twenty days:

        >>> round(any_look_error(1.645, [day / 20 for day in range(1, 21)]), 3)
        0.423
    """
    times = check_information(information, max_looks=FINEST)
    if isinstance(critical_values, (int, float)):
        critical_values = [critical_values] * len(times)
    require_list("critical_values", critical_values)
    if not all(is_number(critical) and critical >= 0 for critical in critical_values):
        raise ValueError(f"critical values are {tuple(critical_values)!r}; each must be 0 or above")
    return crossing_probabilities(
        times, lower=[-critical for critical in critical_values], upper=critical_values
    ).total


@functools.lru_cache(maxsize=8192)
def spending_bounds(
    information: tuple[float, ...],
    spending: Spending,
    log_level: float,
    *,
    two_sided: bool,
    spend_all: bool = False,
) -> tuple[float, ...]:
    """Return the upper z boundary of each look for a level per side, given by its log.

    A look that may spend nothing, or that adds next to no information, gets `inf`: what it leaves
    goes to the next one. `spend_all` lets the last look take all that is left.
    """
    mirrored = two_sided and log_level > ONE_SIDED_BELOW
    bounds = [math.inf] * len(information)
    stops = _shares(information, spending, log_level, spend_all=spend_all)
    path = _Path(np.zeros(1), np.ones(1), 0.0)
    for position, (look, _, log_chance) in enumerate(stops):
        time, scale = information[look], math.sqrt(information[look])
        if log_chance < NO_ROOM:
            bounds[look] = -float(special.ndtri_exp(log_chance))
            continue
        bounds[look] = path.upper_bound(time, log_chance)
        later = stops[position + 1 :]
        if not later:
            break
        # A later boundary lies between the z of all that is spent by then and the z of its own
        # share, so paths matter only where they can still lead to one.
        window: list[float] = []
        for stop, log_total, log_share in later:
            ends = [-float(special.ndtri_exp(max(log, -800.0))) for log in (log_total, log_share)]
            window += _bridges(time, information[stop], ends)
        high = min(bounds[look] * scale, max(window))
        low = -high if mirrored else min(window)
        path = path.inside(time, low, high, next_time=information[later[0][0]])
    return tuple(bounds)


def futility_bounds(
    information: tuple[float, ...],
    *,
    upper: tuple[float, ...],
    spending: Spending,
    log_level: float,
    drift: float,
) -> tuple[float, ...]:
    """Return the lower z bounds that spend a level under `drift`, between given upper bounds.

    None exceeds the upper bound of its look, except at the last look, where the excess tells how
    much more than needed the drift is.
    """
    # The paths upside down: giving up is then crossing an upper boundary.
    bounds = [math.inf] * len(information)
    path = _Path(np.zeros(1), np.ones(1), 0.0)
    stops = _shares(information, spending, log_level, spend_all=True)
    for position, (look, _, log_chance) in enumerate(stops):
        time, scale = information[look], math.sqrt(information[look])
        bounds[look] = path.upper_bound(time, log_chance, -drift)
        if position + 1 == len(stops):
            break
        bounds[look] = max(bounds[look], -upper[look])
        path = path.inside(
            time,
            max(-upper[look] * scale, -drift * time - REACH * scale),
            min(bounds[look] * scale, -drift * time + REACH * scale),
            next_time=information[stops[position + 1][0]],
            drift=-drift,
        )
    return tuple(-bound for bound in bounds)


def check_information(
    information: Sequence[float], *, max_looks: int = MAX_LOOKS
) -> tuple[float, ...]:
    """Return the information of the looks as a tuple, or raise if no sequence of looks has it."""
    times = tuple(as_floats("information", information).tolist())
    if not 1 <= len(times) <= max_looks:
        raise ValueError(f"there are {len(times)} looks; there must be 1 to {max_looks}")
    previous = 0.0
    for time in times:
        if not time > previous:
            raise ValueError(
                f"information is {times!r}; it must be finite, above 0 and strictly increasing"
            )
        previous = time
    return times


@dataclass(frozen=True, slots=True)
class _Path:
    """Paths that have not crossed: their positions at `time` and the chance of each."""

    positions: Array
    masses: Array
    time: float

    def above(self, level: float, time: float, drift: float) -> float:
        if level == math.inf:
            return 0.0
        centre, sd = self._step(time, drift)
        return float(self.masses @ special.ndtr((centre - level) / sd))

    def below(self, level: float, time: float, drift: float) -> float:
        if level == -math.inf:
            return 0.0
        centre, sd = self._step(time, drift)
        return float(self.masses @ special.ndtr((level - centre) / sd))

    def inside(
        self, time: float, low: float, high: float, *, next_time: float, drift: float = 0.0
    ) -> _Path:
        """Return the paths that are between `low` and `high` at `time`."""
        if not low < high:
            return _Path(np.zeros(1), np.zeros(1), time)
        centre, sd = self._step(time, drift)
        width = PANEL_WIDTH * min(sd, math.sqrt(next_time - time))
        num_panels = math.ceil((high - low) / width)
        half = (high - low) / num_panels / 2
        points, weights = _gauss_legendre()
        positions = (low + half * (2 * np.arange(num_panels) + 1)[:, None] + half * points).ravel()
        distance = (positions[:, None] - centre) / sd
        density = np.exp(-0.5 * distance * distance) @ self.masses
        factor = half / (sd * math.sqrt(2 * math.pi))
        return _Path(positions, density * np.tile(weights, num_panels) * factor, time)

    def upper_bound(self, time: float, log_chance: float, drift: float = 0.0) -> float:
        """Return the z above which the chance of being at `time` is the one whose log is given.

        The log of a tail is concave, so Newton's steps from above never pass the root.
        """
        centre, sd = self._step(time, drift)
        scale = math.sqrt(time)
        # Without earlier looks the boundary would be this one; with them it is lower.
        bound = drift * scale - float(special.ndtri_exp(log_chance))
        for _ in range(100):
            distance = (centre - bound * scale) / sd
            chance = float(self.masses @ special.ndtr(distance))
            density = float(self.masses @ np.exp(-0.5 * distance * distance))
            if chance <= 0 or density <= 0:
                return bound
            # Both can be near the smallest float: their ratio is not.
            slope = density / chance * scale / (sd * math.sqrt(2 * math.pi))
            change = (math.log(chance) - log_chance) / slope
            bound += change
            if abs(change) < 1e-11 * max(1.0, abs(bound)):
                break
        return bound

    def _step(self, time: float, drift: float) -> tuple[Array, float]:
        added = time - self.time
        return self.positions + drift * added, math.sqrt(added)


def _shares(
    information: tuple[float, ...], spending: Spending, log_level: float, *, spend_all: bool
) -> list[tuple[int, float, float]]:
    """Looks that may stop: position, log of all that is spent by then, log of their own share."""
    stops: list[tuple[int, float, float]] = []
    used, last = -math.inf, 0.0
    for look, time in enumerate(information):
        everything = time >= 1 or (spend_all and look + 1 == len(information))
        log_total = log_level if everything else spending.log_spent(log_level, time)
        if log_total > used and time - last >= SMALLEST_STEP * time:
            stops.append((look, log_total, log_total + math.log(-math.expm1(used - log_total))))
            used, last = log_total, time
    return stops


def _bridges(time: float, later: float, ends: Sequence[float]) -> list[float]:
    """Where a path must be at `time` to reach any of the z values `ends` at `later`."""
    if not ends:
        return []
    middles = [end * time / math.sqrt(later) for end in ends]
    reach = REACH * math.sqrt(time * (1 - time / later))
    return [min(middles) - reach, max(middles) + reach]


@functools.cache
def _gauss_legendre() -> tuple[Array, Array]:
    points, weights = np.polynomial.legendre.leggauss(POINTS_PER_PANEL)
    return points, weights
