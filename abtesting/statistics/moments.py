"""Mergeable aggregates of one variant: `Counts` for proportions, `Moments` for means and ratios.

They are the only thing the tests see of the data. Parts (days, segments, workers) merge with `+`
into exactly what the pooled units would have given, so totals can be kept up to date piecewise.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, SupportsIndex, TypedDict

import numpy as np
from numpy.typing import ArrayLike


def as_count(name: str, value: SupportsIndex) -> int:
    """Return `value` as an `int`, or raise `ValueError` if it is not a count."""
    try:
        count = operator.index(value)
    except TypeError:
        raise ValueError(f"{name} is {value!r}; it must be an integer of at least 0") from None
    if count < 0:
        raise ValueError(f"{name} is {count}; it must be an integer of at least 0")
    return count


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Units of a variant and how many of them succeeded.

    Examples:
        >>> Counts(num_units=100, num_successes=7) + Counts(num_units=50, num_successes=2)
        Counts(num_units=150, num_successes=9)
    """

    num_units: int
    num_successes: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "num_units", as_count("num_units", self.num_units))
        object.__setattr__(self, "num_successes", as_count("num_successes", self.num_successes))
        if self.num_successes > self.num_units:
            raise ValueError(
                f"num_successes is {self.num_successes}; it must be at most num_units, "
                f"{self.num_units}"
            )

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            num_units=self.num_units + other.num_units,
            num_successes=self.num_successes + other.num_successes,
        )


class MomentsDict(TypedDict):
    """`Moments` as JSON."""

    n: int
    means: list[float]
    comoments: list[list[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Number of units, means and centred sums of products of k columns.

    Sums of squares around zero lose every digit when the values are far from it; sums around the
    mean do not, and they merge.

    Attributes:
        n: Number of units.
        means: Mean of each column; 0 when there are no units.
        comoments: `comoments[i][j]` is the sum over units of the product of the deviations of
            columns i and j from their means.

    References:
        Chan, T. F., Golub, G. H. & LeVeque, R. J. (1983). Algorithms for computing the sample
        variance: analysis and recommendations. The American Statistician 37(3).

    Examples:
        >>> first, second = Moments.from_array([1.0, 2.0]), Moments.from_array([6.0])
        >>> first + second == Moments.from_array([1.0, 2.0, 6.0])
        True
        >>> (first + second).variance
        7.0
    """

    n: int
    means: tuple[float, ...]
    comoments: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "n", as_count("n", self.n))
        columns = len(self.means)
        if columns == 0:
            raise ValueError("means is empty; there must be at least 1 column")
        if [len(row) for row in self.comoments] != [columns] * columns:
            raise ValueError(
                f"comoments is {self.comoments!r}; it must be {columns} rows of {columns}, "
                "as many as there are means"
            )
        for i, row in enumerate(self.comoments):
            _require_finite(f"means[{i}]", self.means[i])
            if row[i] < 0:
                raise ValueError(f"comoments[{i}][{i}] is {row[i]!r}; it must be at least 0")
            for j, value in enumerate(row):
                _require_finite(f"comoments[{i}][{j}]", value)
                if value != self.comoments[j][i]:
                    raise ValueError(
                        f"comoments[{i}][{j}] is {value!r} and comoments[{j}][{i}] is "
                        f"{self.comoments[j][i]!r}; they must be equal"
                    )
                if value and self.n < 2:
                    raise ValueError(
                        f"comoments[{i}][{j}] is {value!r} with n = {self.n}; it must be 0 below "
                        "2 units"
                    )

    @classmethod
    def zero(cls, columns: int = 1) -> Self:
        """Return the moments of no units, the start of a merge."""
        return cls.constant(0, [0.0] * columns)

    @classmethod
    def constant(cls, n: int, values: Sequence[float]) -> Self:
        """Return the moments of `n` units that all have `values`, one per column.

        Units without any event are such a block of zeros; nothing has to be listed for them.
        """
        means = tuple(float(value) for value in values)
        return cls(n=n, means=means, comoments=((0.0,) * len(means),) * len(means))

    @classmethod
    def from_array(cls, values: ArrayLike) -> Self:
        """Compute the moments of an array of shape `[n]` or `[n, k]`.

        Two passes over values shifted by the first one: equal values have a variance of exactly 0
        and an offset common to all of them costs no digits.
        """
        array = np.asarray(values, dtype=np.float64)
        if array.ndim not in (1, 2):
            raise ValueError(f"values has {array.ndim} dimensions; it must have 1 or 2")
        table = array[:, np.newaxis] if array.ndim == 1 else array
        num_units, columns = table.shape
        if num_units == 0:
            return cls.zero(columns)
        if not np.isfinite(table).all():
            row = int(np.flatnonzero(~np.isfinite(table).all(axis=1))[0])
            raise ValueError(f"values[{row}] is {array[row]!r}; values must be finite numbers")
        # Squares that leave the float range become infinite, which the constructor refuses.
        with np.errstate(over="ignore", invalid="ignore"):
            shifted = table - table[0]
            offset = shifted.mean(axis=0)
            centred = shifted - offset
            # The deviations add up to a rounding error, which the last term takes out again.
            residual = centred.sum(axis=0)
            products = centred.T @ centred - np.outer(residual, residual) / num_units
        products = (products + products.T) / 2
        np.fill_diagonal(products, np.maximum(products.diagonal(), 0.0))
        return cls(
            n=num_units,
            means=tuple((table[0] + offset).tolist()),
            comoments=tuple(tuple(row) for row in products.tolist()),
        )

    def __add__(self, other: Moments) -> Moments:
        if len(self.means) != len(other.means):
            raise ValueError(
                f"moments have {len(self.means)} and {len(other.means)} columns; "
                "only equal numbers of columns can be added"
            )
        # The larger part is the base, so that the sum does not depend on the order.
        base, part = (self, other) if self._order() >= other._order() else (other, self)
        if part.n == 0:
            return base
        total = base.n + part.n
        share = part.n / total
        deltas = [b - a for a, b in zip(base.means, part.means, strict=True)]
        weight = base.n * share
        columns = range(len(deltas))
        return Moments(
            n=total,
            means=tuple(a + delta * share for a, delta in zip(base.means, deltas, strict=True)),
            comoments=tuple(
                tuple(
                    base.comoments[i][j] + part.comoments[i][j] + deltas[i] * deltas[j] * weight
                    for j in columns
                )
                for i in columns
            ),
        )

    def _order(self) -> tuple[int, tuple[float, ...], tuple[tuple[float, ...], ...]]:
        return (self.n, self.means, self.comoments)

    @property
    def mean(self) -> float:
        """Mean of the first column."""
        return self.means[0]

    @property
    def variance(self) -> float:
        """Sample variance (n - 1) of the first column."""
        return self.covariance(0, 0)

    def covariance(self, i: int, j: int) -> float:
        """Return the sample covariance (n - 1) of columns `i` and `j`."""
        if self.n < 2:
            raise ValueError(f"n is {self.n}; a variance needs at least 2 units")
        return self.comoments[i][j] / (self.n - 1)

    def as_dict(self) -> MomentsDict:
        """Return plain numbers and lists that JSON can hold without loss."""
        return {
            "n": self.n,
            "means": list(self.means),
            "comoments": [list(row) for row in self.comoments],
        }

    @classmethod
    def from_dict(cls, data: MomentsDict) -> Self:
        """Read what `as_dict` wrote, with the same checks as any other moments."""
        try:
            n = data["n"]
            means = tuple(float(value) for value in data["means"])
            comoments = tuple(tuple(float(value) for value in row) for row in data["comoments"])
        except (KeyError, TypeError, ValueError):
            raise ValueError(
                f"moments are {data!r}; they must have n, an integer, means, a list of numbers, "
                "and comoments, a list of as many such lists"
            ) from None
        return cls(n=n, means=means, comoments=comoments)


def _require_finite(name: str, value: float) -> None:
    if not math.isfinite(value):
        raise ValueError(f"{name} is {value!r}; it must be a finite number")
