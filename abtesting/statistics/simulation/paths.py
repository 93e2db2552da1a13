"""Paths: the running totals of one arm in many simulated runs, from look to look.

What `generators` draw and `past_units` splits is kept as sums of powers, one row a run and one
column a look, which is all that a comparison needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from abtesting.statistics.arguments import as_floats
from abtesting.statistics.batch import ArmArrays

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Paths:
    """One arm in many simulated runs: what is known of it at each look.

    Attributes:
        num_units: Units so far, shape `[num_looks]` or `[num_runs, num_looks]`.
        sums: Sums of the units' values, shape `[num_runs, num_looks]`; of the numerators of a
            ratio.
        squares: Sums of their squares.
        cubes: Sums of their cubes.
        denominators: Of a ratio, sums of the denominators.
        denominator_squares: Of a ratio, sums of their squares.
        products: Of a ratio, sums of numerator times denominator.
    """

    num_units: Ints
    sums: Floats
    squares: Floats
    cubes: Floats
    denominators: Floats | None = None
    denominator_squares: Floats | None = None
    products: Floats | None = None

    @classmethod
    def from_totals(cls, totals: Floats, num_units: Ints | None = None) -> Self:
        """Make paths of sums of `features`, shape `[num_runs, num_looks, features]`.

        Args:
            totals: The sums up to each look.
            num_units: Units at each look, where they are the same in all runs.
        """
        columns = np.moveaxis(totals, -1, 0)
        units = columns[0].astype(np.int64) if num_units is None else num_units
        names = ("sums", "squares", "cubes", "denominators", "denominator_squares", "products")
        return cls(num_units=units, **dict(zip(names, columns[1:], strict=False)))

    @property
    def means(self) -> Floats:
        """Mean per unit; 0 without units."""
        means: Floats = self.sums / np.maximum(self.num_units, 1)
        return means

    @property
    def variances(self) -> Floats:
        """Sample variance (n - 1) of the units."""
        return self._spread(self.squares, self.sums, self.means)

    @property
    def thirds(self) -> Floats:
        """Sums of cubed deviations from the mean."""
        means = self.means
        thirds: Floats = self.cubes - 3 * means * self.squares + 2 * means * means * self.sums
        return thirds

    def at(self, look: int) -> ArmArrays:
        """Return what a batch of comparisons takes of one look."""
        n = np.broadcast_to(self.num_units, self.sums.shape)[:, look].astype(np.float64)
        arm: dict[str, Floats] = {}
        if (
            self.denominators is not None
            and self.denominator_squares is not None
            and self.products is not None
        ):
            means = self.denominators / np.maximum(self.num_units, 1)
            centred = self.products - self.sums * means
            arm = {
                "denominator_mean": means[:, look],
                "denominator_variance": self._spread(
                    self.denominator_squares, self.denominators, means
                )[:, look],
                "covariance": (centred / np.maximum(self.num_units - 1, 1))[:, look],
            }
        return ArmArrays(
            n=n,
            mean=self.means[:, look],
            variance=self.variances[:, look],
            third=self.thirds[:, look] / np.maximum(n, 1),
            **arm,
        )

    def _spread(self, squares: Floats, sums: Floats, means: Floats) -> Floats:
        return np.maximum(squares - sums * means, 0.0) / np.maximum(self.num_units - 1, 1)


def features(values: Floats) -> Floats:
    """Return what is summed of each unit: 1 and the powers that `Paths` hold.

    Args:
        values: Shape `[n]`, or `[n, 2]` for the numerators and denominators of a ratio.

    Examples:
        >>> features(np.array([2.0, 3.0])).tolist()
        [[1.0, 2.0, 4.0, 8.0], [1.0, 3.0, 9.0, 27.0]]
        >>> features(np.array([[2.0, 5.0]])).tolist()
        [[1.0, 2.0, 4.0, 8.0, 5.0, 25.0, 10.0]]
    """
    y = values if values.ndim == 1 else values[:, 0]
    columns = [np.ones_like(y), y, y**2, y**3]
    if values.ndim == 2:
        d = values[:, 1]
        columns += [d, d**2, y * d]
    return np.column_stack(columns)


def increments(looks: Sequence[int]) -> tuple[Ints, Ints]:
    """Return the units at each look and those added since the look before.

    Raises:
        ValueError: They don't increase.
    """
    num_units = as_floats("looks", looks).astype(np.int64)
    added = np.diff(num_units, prepend=0)
    if len(num_units) == 0 or (added <= 0).any():
        raise ValueError(f"looks are {list(looks)!r}; they must be increasing numbers of units")
    return num_units, added
