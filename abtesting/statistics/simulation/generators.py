"""Simulated units of a shop: conversions, amounts and counts, drawn for many runs at once.

The calibration of the engine and `abtesting_simulate` draw their data here and judge it with the
same comparisons as a real experiment (`batch`, `batch_proportions`). Real units of the past are in
`past_units`. Nothing here decides anything.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy import special

from abtesting.statistics.arguments import as_floats, require_probability
from abtesting.statistics.simulation.past_units import split_again
from abtesting.statistics.simulation.paths import Floats, Ints, Paths, features, increments

MAX_VALUES = 1_000_000
"""Values held in memory at once while amounts are drawn."""


class Generator(Protocol):
    """A metric's values, as they might be drawn for units of a shop."""

    @property
    def mean(self) -> float:
        """True mean per unit of the control; of a ratio, the true ratio."""

    @property
    def variance(self) -> float:
        """True variance of a unit's value in the control."""

    def totals(self, counts: Ints, *, rng: np.random.Generator, lift: float = 0.0) -> Floats:
        """Draw as many units as each count says, and return the sums of their `features`.

        Args:
            counts: Numbers of units, of any shape.
            rng: Source of randomness.
            lift: Relative change of the mean.
        """

    def paths(
        self, looks: Sequence[int], *, num_runs: int, rng: np.random.Generator, lift: float = 0.0
    ) -> Paths:
        """Draw `num_runs` arms whose mean is raised by `lift`, and read them at each look.

        Args:
            looks: Units in the arm at each look, increasing.
            num_runs: Number of simulated arms.
            rng: Source of randomness.
            lift: Relative change of the mean.
        """


class Drawn:
    """What all generators share: paths are totals, added up from look to look."""

    __slots__ = ()

    def totals(self, counts: Ints, *, rng: np.random.Generator, lift: float = 0.0) -> Floats:
        """Draw totals; see `Generator`."""
        raise NotImplementedError

    def paths(
        self, looks: Sequence[int], *, num_runs: int, rng: np.random.Generator, lift: float = 0.0
    ) -> Paths:
        """Draw paths; see `Generator`."""
        num_units, added = increments(looks)
        counts = np.broadcast_to(added, (num_runs, len(added)))
        totals = self.totals(counts, rng=rng, lift=lift)
        return Paths.from_totals(totals.cumsum(axis=1), num_units)


@dataclass(frozen=True, slots=True)
class Conversions(Drawn):
    """Each unit converts or not.

    Examples:
        >>> paths = Conversions(0.05).paths([500, 1000], num_runs=3, rng=np.random.default_rng(1))
        >>> paths.sums.shape, bool((paths.sums[:, 1] >= paths.sums[:, 0]).all())
        ((3, 2), True)
    """

    rate: float

    def __post_init__(self) -> None:
        require_probability("rate", self.rate)

    @property
    def mean(self) -> float:
        """The rate."""
        return self.rate

    @property
    def variance(self) -> float:
        """Variance of one unit."""
        return self.rate * (1 - self.rate)

    def totals(self, counts: Ints, *, rng: np.random.Generator, lift: float = 0.0) -> Floats:
        """Draw conversions; see `Generator`."""
        rate = self.rate * (1 + lift)
        if not 0 < rate < 1:
            raise ValueError(f"lift is {lift!r}; with it the rate would be {rate!r}, not in (0, 1)")
        found = rng.binomial(counts, rate).astype(float)
        return np.stack([counts.astype(float), found, found, found], axis=-1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revenue(Drawn):
    """Few units buy, and what they spend has a long tail (log-normal).

    Attributes:
        buyer_rate: Share of units that buy.
        log_mean: Mean of the logarithm of what a buyer spends.
        log_sd: Standard deviation of that logarithm.
    """

    buyer_rate: float
    log_mean: float = 3.5
    log_sd: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.buyer_rate <= 1:
            raise ValueError(f"buyer_rate is {self.buyer_rate!r}; it must be in (0, 1]")
        if not self.log_sd > 0:
            raise ValueError(f"log_sd is {self.log_sd!r}; it must be above 0")

    @property
    def mean(self) -> float:
        """Mean per unit, buyers or not."""
        return self.buyer_rate * math.exp(self.log_mean + self.log_sd**2 / 2)

    @property
    def variance(self) -> float:
        """Variance per unit, buyers or not."""
        square = self.buyer_rate * math.exp(2 * self.log_mean + 2 * self.log_sd**2)
        return square - self.mean**2

    def totals(self, counts: Ints, *, rng: np.random.Generator, lift: float = 0.0) -> Floats:
        """Draw amounts; the lift raises what each buyer spends. See `Generator`."""
        buyers = rng.binomial(counts, self.buyer_rate)

        def draw(count: int) -> Floats:
            return rng.lognormal(self.log_mean, self.log_sd, count) * (1 + lift)

        return totals_of_values(counts, buyers, draw)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCounts(Drawn):
    """Events per unit: Poisson, with a rate that differs between units (gamma).

    Attributes:
        average: Mean number of events per unit.
        shape: Shape of the gamma distribution of rates; smaller is more uneven.
    """

    average: float
    shape: float = 1.0

    def __post_init__(self) -> None:
        for name in ("average", "shape"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it must be above 0")

    @property
    def mean(self) -> float:
        """The average."""
        return self.average

    @property
    def variance(self) -> float:
        """Variance of one unit's count."""
        return self.average + self.average**2 / self.shape

    def totals(self, counts: Ints, *, rng: np.random.Generator, lift: float = 0.0) -> Floats:
        """Draw counts; see `Generator`."""
        average = self.average * (1 + lift)
        # How many units have 0, 1, 2, … events is drawn at once; the last class has a share of less
        # than one unit in a thousand million.
        highest = int(average + 25 * math.sqrt(average + average**2 / self.shape)) + 50
        values = np.arange(highest + 1.0)
        log_shares = (
            special.gammaln(values + self.shape)
            - special.gammaln(self.shape)
            - special.gammaln(values + 1)
            + self.shape * math.log(self.shape / (self.shape + average))
            + values * math.log(average / (self.shape + average))
        )
        shares = np.exp(log_shares)
        kept = shares.cumsum() < 1 - 1e-9
        kept[0] = True
        classes = rng.multinomial(counts, shares[kept] / shares[kept].sum())
        return classes @ features(values[kept])


@dataclass(frozen=True, slots=True, eq=False)
class Resampled(Drawn):
    """Values drawn with replacement from those of real units.

    Attributes:
        values: Values to draw from, shape `[n]`, or `[n, 2]` for numerators and denominators; a
            lift multiplies the values, or the numerators.

    Examples:
        >>> generator = Resampled(np.array([0.0, 0.0, 3.0, 9.0]))
        >>> generator.mean
        3.0
        >>> generator.totals(np.array([50]), rng=np.random.default_rng(1)).shape
        (1, 4)
    """

    values: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", _rows(self.values))

    @property
    def mean(self) -> float:
        """Mean of the values; of numerators and denominators their ratio."""
        if self.values.ndim == 1:
            return float(self.values.mean())
        numerator, denominator = map(float, self.values.sum(axis=0))
        return float(numerator / denominator) if denominator else math.nan

    @property
    def variance(self) -> float:
        """Variance of the values; of a ratio the variance that a unit adds to it."""
        if self.values.ndim == 1:
            return float(self.values.var())
        numerators, denominators = self.values.T
        if not denominators.any():
            return math.nan
        return float((numerators - self.mean * denominators).var() / denominators.mean() ** 2)

    def totals(self, counts: Ints, *, rng: np.random.Generator, lift: float = 0.0) -> Floats:
        """Draw values; see `Generator`. Of units that did nothing only the number is drawn."""
        is_active = self.values != 0 if self.values.ndim == 1 else (self.values != 0).any(axis=1)
        rows = self.values[is_active]
        raised: Floats = rows * (1 + lift if rows.ndim == 1 else np.array([1 + lift, 1.0]))
        active = rng.binomial(counts, is_active.mean())

        def draw(count: int) -> Floats:
            return raised[rng.integers(len(raised), size=count)] if len(raised) else raised

        return totals_of_values(counts, active, draw)


def resplit(
    values: npt.ArrayLike,
    looks: Sequence[int],
    *,
    share: float,
    num_runs: int,
    rng: np.random.Generator,
) -> tuple[Paths, Paths]:
    """Split real units at random into two arms again and again: A/A tests on a shop's own past.

    Args:
        values: Values of the units in the order of their arrival, shape `[n]`.
        looks: Units in both arms together at each look, increasing, at most n.
        share: Share of the units that get the variant.
        num_runs: Number of splits.
        rng: Source of randomness.

    Returns:
        The control's and the variant's paths; their `num_units` differ from run to run.

    Examples:
        >>> control, variant = resplit(
        ...     np.arange(100.0), [50, 100], share=0.5, num_runs=4, rng=np.random.default_rng(1)
        ... )
        >>> (control.num_units + variant.num_units).tolist()[0]
        [50, 100]
        >>> bool(((control.sums + variant.sums)[:, 1] == 4950).all())
        True
    """
    require_probability("share", share)
    array = as_floats("values", values)
    ((control, variant),) = split_again(
        [array], looks, shares=(1 - share, share), num_runs=num_runs, rng=rng
    )
    return control, variant


def totals_of_values(counts: Ints, active: Ints, draw: Callable[[int], Floats]) -> Floats:
    """Draw values for the active units of each cell, and sum their features.

    Args:
        counts: Units of each cell, of any shape; those that are not active have zeros.
        active: Units with a value of each cell.
        draw: Draws this many values.
    """
    cells = np.broadcast_to(active, counts.shape).ravel()
    found: list[Floats] = []
    first = 0
    while first < len(cells):
        upto = np.searchsorted(cells[first:].cumsum(), MAX_VALUES, side="right")
        last = min(len(cells), first + max(1, int(upto)))
        ends = cells[first:last].cumsum()
        powers = features(draw(int(ends[-1])))
        running = np.concatenate([np.zeros((1, powers.shape[1])), powers.cumsum(axis=0)])
        found.append(running[ends] - running[ends - cells[first:last]])
        first = last
    totals = np.concatenate(found).reshape(*counts.shape, -1)
    totals[..., 0] = counts
    return totals


def _rows(values: npt.ArrayLike) -> Floats:
    array = as_floats("values", values, ndim=(1, 2))
    is_ratio = array.ndim == 2 and array.shape[1] == 2
    if not (array.ndim == 1 or is_ratio) or len(array) == 0:
        raise ValueError(
            f"values have the shape {array.shape}; they must be finite numbers of shape [n], or "
            "[n, 2] for a ratio, with n above 0"
        )
    return array
