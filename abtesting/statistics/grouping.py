"""Moments of every variant from one table of units, in one pass over memory.

For raw rows, from a file or a warehouse, where the sums cannot be left to a database. What decides
the time is how often the table is read from memory, so it is worked off in blocks that stay in the
processor's cache: rows of a variant are picked, shifted and multiplied there.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

from abtesting.statistics.arguments import shown
from abtesting.statistics.moments import Moments

Floats = npt.NDArray[np.float64]

BLOCK_VALUES = 1 << 17
"""Values in a block: a megabyte, of which two copies are made."""
ROWS_AT_ONCE = 64
"""Rows that are shifted in one go."""
ENOUGH_ROWS = 1000
"""Rows from which a shift close to the mean can be chosen for good."""


def moments_by_group(
    values: ArrayLike, groups: ArrayLike, *, num_groups: int | None = None, thirds: bool = False
) -> list[Moments]:
    """Compute the moments of each group of units.

    Args:
        values: One row a unit, shape [n] or [n, k].
        groups: Group of each unit, an integer from 0 on, shape [n]; usually the variant's position.
        num_groups: Number of groups; one more than the largest if not given.
        thirds: Whether to add up cubes as well, which takes a third longer.

    Returns:
        The moments of group 0, 1, ...; those of a group without units are zero.

    Examples:
        >>> control, variant = moments_by_group([3.0, 5.0, 4.0, 9.0], [0, 1, 0, 1])
        >>> control.mean, variant.mean, variant.variance
        (3.5, 7.0, 8.0)
    """
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"values is {shown(values)}; it must be an array of numbers")
    if array.ndim not in {1, 2}:
        raise ValueError(f"values has {array.ndim} dimensions; it must have 1 or 2")
    table = array[:, np.newaxis] if array.ndim == 1 else array
    codes = _checked_groups(groups, len(table))
    largest = int(codes.max()) if len(codes) else -1
    count = largest + 1 if num_groups is None else num_groups
    if largest >= count:
        raise ValueError(f"groups has {largest}; it must be below num_groups, {count}")
    columns = table.shape[1]
    num_rows = max(BLOCK_VALUES // max(columns, 1), 256)
    done = [Moments.zero(columns) for _ in range(count)]
    open_sums: dict[int, _Sums] = {}
    buffer, spare = np.empty((2, num_rows, columns))
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(table), num_rows):
            block = np.asarray(table[start : start + num_rows], dtype=np.float64)
            block_codes = codes[start : start + num_rows]
            for group in range(count):
                members = np.flatnonzero(block_codes == group)
                if len(members) == 0:
                    continue
                # Clipping is free, and checking each index for a second time is not.
                rows = np.take(block, members, axis=0, out=buffer[: len(members)], mode="clip")
                sums = open_sums.get(group)
                if sums is None or sums.num_known < min(ENOUGH_ROWS, len(rows)):
                    if sums is not None:
                        done[group] += sums.moments()
                    sums = open_sums[group] = _Sums(rows, thirds=thirds)
                sums.add(rows, spare[: len(rows)])
        for group, sums in open_sums.items():
            done[group] += sums.moments()
    return done


class _Sums:
    """Sums around a value of each column that is close to its mean."""

    def __init__(self, rows: Floats, *, thirds: bool) -> None:
        # A value that occurs, so that equal values give a variance of exactly 0.
        nearest = abs(rows - rows.mean(axis=0)).argmin(axis=0)
        self.shift = rows[nearest, np.arange(rows.shape[1])].copy()
        # Several rows at once: numpy is slow with the few columns of one.
        self.shifts = np.tile(self.shift, ROWS_AT_ONCE)
        self.num_known = len(rows)
        self.n = 0
        self.totals = np.zeros(rows.shape[1])
        self.products = np.zeros((rows.shape[1], rows.shape[1]))
        self.cubes = np.zeros(rows.shape[1]) if thirds else None

    def add(self, rows: Floats, other: Floats) -> None:
        """Add rows, which are overwritten, with another array of that shape to work in."""
        whole = len(rows) - len(rows) % ROWS_AT_ONCE
        rows[:whole].reshape(-1, self.shifts.size)[:] -= self.shifts
        rows[whole:] -= self.shift
        self.n += len(rows)
        self.totals += np.ones(len(rows)) @ rows
        # By a copy, because numpy multiplies an array by itself with a slower routine.
        np.copyto(other, rows)
        self.products += rows.T @ other
        if self.cubes is not None:
            other *= rows
            self.cubes += (other.T @ rows).diagonal()

    def moments(self) -> Moments:
        """Return what has been added up; `ValueError` if any value was not finite."""
        if not np.isfinite(self.totals).all():
            column = int(np.flatnonzero(~np.isfinite(self.totals))[0])
            raise ValueError(
                f"values[:, {column}] has NaN or infinity; values must be finite numbers"
            )
        offset = self.totals / self.n
        products = self.products - np.outer(offset, self.totals)
        products = (products + products.T) / 2
        squares = np.maximum(products.diagonal(), 0.0)
        np.fill_diagonal(products, squares)
        thirds = None
        if self.cubes is not None:
            cubes = self.cubes - 3 * offset * squares - self.n * offset**3
            thirds = tuple(cubes.tolist()) if np.isfinite(cubes).all() else None
        return Moments(
            n=self.n,
            means=tuple((self.shift + offset).tolist()),
            comoments=tuple(tuple(row) for row in products.tolist()),
            thirds=thirds,
        )


def _checked_groups(groups: ArrayLike, num_rows: int) -> npt.NDArray[np.integer]:
    codes = np.asarray(groups)
    if codes.shape != (num_rows,):
        raise ValueError(f"groups has shape {codes.shape}; it must be ({num_rows},), one a row")
    if codes.dtype == np.bool_:
        return codes.view(np.uint8)
    if not np.issubdtype(codes.dtype, np.integer) and num_rows > 0:
        raise ValueError(f"groups has values of type {codes.dtype}; they must be integers")
    if codes.min(initial=0) < 0:
        raise ValueError(f"groups has {codes.min()}; it must be at least 0")
    return codes.astype(np.intp) if num_rows == 0 else codes
