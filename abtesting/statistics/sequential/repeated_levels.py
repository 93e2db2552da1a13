"""The level at which the last look of a group-sequential test just rejects: repeated p-values.

It is the inverse of what `crossing.spending_bounds` gives for a level. Boundaries are worked out
for a lattice of levels, which all metrics of a look share, and a level is interpolated between
them: p-values below 0.1 have 7 digits, below 0.5 they have 5, and near 1 they have 3.
"""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np
from numpy.typing import NDArray
from scipy import special

from abtesting.statistics.sequential.crossing import spending_bounds
from abtesting.statistics.sequential.spending import Spending

Floats = NDArray[np.float64]

STEP = 0.125
"""Step of the lattice, in z of the level."""
OFF_ZERO = 0.1
"""Share of a step that the lattice is off zero: with both sides at 1/2 nothing is between them."""
TOP = 38.25
"""z of the smallest level that is worked out: 3e-320."""
BOTTOM_ONE_SIDED = -2.0
"""z of the largest, 0.977; with two sides it is 1/2."""
NUM_NEAR = 6
"""Boundaries that a level is interpolated between."""


@functools.lru_cache(maxsize=256)
def repeated_levels(
    information: tuple[float, ...], spending: Spending, *, two_sided: bool, spend_all: bool
) -> RepeatedLevels:
    """Return the levels of one sequence of looks, the same object each time it is asked for."""
    return RepeatedLevels(information, spending, two_sided=two_sided, spend_all=spend_all)


class RepeatedLevels:
    """Levels per side, by the distance from zero at which the last look has its boundary.

    Examples:
        >>> from abtesting.statistics.sequential.spending import ObrienFleming
        >>> levels = repeated_levels(
        ...     (0.25, 0.5), ObrienFleming(), two_sided=True, spend_all=False
        ... )
        >>> round(levels.level(2.9626, slope=0.66), 4)
        0.025
        >>> levels.levels(np.array([0.0, 2.9626, 3.5]), slope=0.66).round(4)
        array([1.    , 0.025 , 0.0093])
    """

    def __init__(
        self,
        information: tuple[float, ...],
        spending: Spending,
        *,
        two_sided: bool,
        spend_all: bool,
    ) -> None:
        self._information = information
        self._spending = spending
        self._two_sided = two_sided
        self._spend_all = spend_all
        self._lowest = 0 if two_sided else round(BOTTOM_ONE_SIDED / STEP)
        self._highest = round(TOP / STEP)
        self._bounds: dict[int, float] = {}
        self._pieces: dict[int, list[tuple[float, float]]] = {}
        # The same once more for many distances at a time, from the lowest level on.
        self._table = np.zeros((self._highest - self._lowest, NUM_NEAR, 2))

    def level(self, distance: float, *, slope: float) -> float:
        """Return the level per side whose boundary at the last look is `distance`.

        Args:
            distance: z of the last look in the direction of the test; infinity has level 0.
            slope: How much z of the level a unit of `distance` makes, to start near.
        """
        if distance == math.inf:
            return 0.0
        index = self._index(distance, slope)
        if index == self._lowest and self._bound(index) > distance:
            return 1.0
        if index == self._highest - 1 and self._bound(index + 1) <= distance:
            return 0.0
        z = 0.0
        for bound, coefficient in self._piece(index):
            z = z * (distance - bound) + coefficient
        return float(special.ndtr(-min(max(z, _lattice_z(index)), _lattice_z(index + 1))))

    def levels(self, distances: Floats, *, slope: float) -> Floats:
        """Return `level` of each element."""
        finite = distances[np.isfinite(distances)]
        if finite.size == 0:
            return np.where(distances > 0, 0.0, 1.0)
        first = self._index(float(finite.min()), slope)
        last = max(self._index(float(finite.max()), slope), first)
        bounds = np.array([self._bound(i) for i in range(first, last + 2)])
        # The largest level whose boundary is passed, should boundaries turn at the lowest ones.
        ordered = np.minimum.accumulate(bounds[::-1])[::-1]
        place = np.searchsorted(ordered, distances, side="right") - 1
        is_inside = (place >= 0) & (place <= last - first)
        index = np.where(is_inside, place + first, first)
        for i in np.unique(index[is_inside]).tolist():
            self._piece(i)
        pieces = self._table[index - self._lowest]
        within = np.clip(distances, ordered[0], ordered[-1])
        z = np.zeros(distances.shape)
        for i in range(NUM_NEAR):
            z = z * (within - pieces[..., i, 0]) + pieces[..., i, 1]
        lowest = STEP * (index + OFF_ZERO)
        levels: Floats = special.ndtr(-np.clip(z, lowest, lowest + STEP))
        return np.where(is_inside, levels, np.where(place < 0, 1.0, 0.0))

    def _index(self, distance: float, slope: float) -> int:
        """Return where on the lattice the boundary passes `distance`, or the nearest end."""
        lowest, highest = self._lowest, self._highest
        index = min(max(math.floor(distance * slope / STEP), lowest), highest - 1)
        nearer = index + math.floor((distance - self._bound(index)) * slope / STEP)
        index = min(max(nearer, lowest), highest - 1)
        while index > lowest and self._bound(index) > distance:
            index -= 1
        while index < highest - 1 and self._bound(index + 1) <= distance:
            index += 1
        return index

    def _bound(self, index: int) -> float:
        bound = self._bounds.get(index)
        if bound is None:
            bound = self._bounds[index] = spending_bounds(
                self._information,
                self._spending,
                float(special.log_ndtr(-_lattice_z(index))),
                two_sided=self._two_sided,
                spend_all=self._spend_all,
            )[-1]
        return bound

    def _piece(self, index: int) -> list[tuple[float, float]]:
        """Return Newton's polynomial from `index` to the next: boundaries and coefficients.

        In the order in which `z = z * (distance - bound) + coefficient` makes z from 0.
        """
        piece = self._pieces.get(index)
        if piece is None:
            near = range(max(index - 2, self._lowest), min(index + 3, self._highest) + 1)
            bounds = [self._bound(i) for i in near]
            if any(low >= high for low, high in itertools.pairwise(bounds)):
                # Levels above 1/2 of a look right after another one: the boundary may turn there.
                near = range(index, index + 2)
                bounds = [self._bound(i) for i in near]
            coefficients = [_lattice_z(i) for i in near]
            for width in range(1, len(near)):
                for i in reversed(range(width, len(near))):
                    coefficients[i] = (coefficients[i] - coefficients[i - 1]) / (
                        bounds[i] - bounds[i - width]
                    )
            piece = [(0.0, 0.0)] * (NUM_NEAR - len(near))
            piece += reversed(list(zip(bounds, coefficients, strict=True)))
            self._pieces[index] = piece
            self._table[index - self._lowest] = piece
        return piece


def _lattice_z(index: int) -> float:
    return STEP * (index + OFF_ZERO)
