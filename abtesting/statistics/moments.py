"""Mergeable aggregates of one variant: `Counts` for proportions, `Moments` for means and ratios.

They are the only thing the tests see of the data. Parts (days, segments, workers) merge with `+`
into exactly what the pooled units would have given, so totals can be kept up to date piecewise;
`sum` adds up a list of parts.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import NotRequired, Self, SupportsIndex, TypedDict

import numpy as np
from numpy.typing import ArrayLike

Number = int | float | Fraction | Decimal
"""What a sum may be; all but a float are exact."""


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
        if not isinstance(other, Counts):
            return NotImplemented
        return Counts(
            num_units=self.num_units + other.num_units,
            num_successes=self.num_successes + other.num_successes,
        )

    def __radd__(self, start: int) -> Counts:
        """Let `sum` begin with its 0."""
        return self if type(start) is int and start == 0 else NotImplemented


class MomentsDict(TypedDict):
    """`Moments` as JSON."""

    n: int
    means: list[float]
    comoments: list[list[float]]
    thirds: NotRequired[list[float]]


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
        thirds: Sum over units of the cubed deviation of each column, from which its skewness
            comes; `None` if it is not known.

    References:
        Chan, T. F., Golub, G. H. & LeVeque, R. J. (1983). Algorithms for computing the sample
        variance: analysis and recommendations. The American Statistician 37(3).
        Pebay, P. (2008). Formulas for robust, one-pass parallel computation of covariances and
        arbitrary-order statistical moments. Sandia report SAND2008-6212, section 2.

    Examples:
        >>> first, second = Moments.from_array([1.0, 2.0]), Moments.from_array([6.0])
        >>> first + second == Moments(n=3, means=(3.0,), comoments=((14.0,),), thirds=(18.0,))
        True
        >>> (first + second).variance
        7.0
    """

    n: int
    means: tuple[float, ...]
    comoments: tuple[tuple[float, ...], ...]
    thirds: tuple[float, ...] | None = None

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
        if self.thirds is not None:
            if len(self.thirds) != columns:
                raise ValueError(
                    f"thirds is {self.thirds!r}; it must have {columns} values, as many as there "
                    "are means"
                )
            for i, value in enumerate(self.thirds):
                _require_finite(f"thirds[{i}]", value)

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
        return cls(
            n=n,
            means=means,
            comoments=((0.0,) * len(means),) * len(means),
            thirds=(0.0,) * len(means),
        )

    @classmethod
    def from_array(cls, values: ArrayLike, *, thirds: bool = True) -> Self:
        """Compute the moments of an array of shape `[n]` or `[n, k]`.

        Two passes over values shifted by the first one: equal values have a variance of exactly 0
        and an offset common to all of them costs no digits.
        """
        try:
            array = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError):
            raise ValueError(f"values is {values!r:.80}; it must be an array of numbers") from None
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
            cubes = np.einsum("ij,ij,ij->j", centred, centred, centred) if thirds else None
        products = (products + products.T) / 2
        np.fill_diagonal(products, np.maximum(products.diagonal(), 0.0))
        return cls(
            n=num_units,
            means=tuple((table[0] + offset).tolist()),
            comoments=tuple(tuple(row) for row in products.tolist()),
            thirds=None if cubes is None else _finite_or_none(cubes.tolist()),
        )

    @classmethod
    def from_sums(
        cls,
        n: int,
        sums: Sequence[Number],
        products: Sequence[Sequence[Number]],
        *,
        cubes: Sequence[Number] | None = None,
        shift: Sequence[Number] | None = None,
    ) -> Self:
        """Compute the moments from sums, as a database gives them.

        The result is exact for the sums given: integers, decimals and fractions lose nothing, and
        floats only what they have lost before. Sums of squares of floats far from zero have lost
        a lot, unless a `shift` close to the mean was subtracted from the values first.

        Args:
            n: Number of units.
            sums: Sum of each column, less the shift.
            products: `products[i][j]` is the sum of the products of columns i and j, less their
                shifts.
            cubes: Sum of the cubes of each column, less the shift.
            shift: What was subtracted from each column before adding up.

        Examples:
            >>> moments = Moments.from_sums(3, [9], [[41]], cubes=[225], shift=[1_000_000_000])
            >>> moments.mean, moments.variance, moments.thirds
            (1000000003.0, 7.0, (18.0,))
        """
        columns = range(len(sums))
        if [len(row) for row in products] != [len(sums)] * len(sums):
            raise ValueError(
                f"products is {products!r}; it must be {len(sums)} rows of {len(sums)}, as many as "
                "there are sums"
            )
        for name, values in (("shift", shift), ("cubes", cubes)):
            if values is not None and len(values) != len(sums):
                raise ValueError(f"{name} is {values!r}; it must have {len(sums)} values")
        if as_count("n", n) == 0:
            return cls.zero(len(sums))
        totals = [_fraction(f"sums[{i}]", sums[i]) for i in columns]
        means = [total / n for total in totals]
        centred = [
            [
                _fraction(f"products[{i}][{j}]", products[i][j]) - totals[i] * means[j]
                for j in columns
            ]
            for i in columns
        ]
        for i in columns:
            # Rounding in sums of floats can leave a variance below 0.
            if centred[i][i] < 0 and -centred[i][i] <= abs(_fraction("", products[i][i])) / 10**12:
                centred[i][i] = Fraction(0)
        thirds = None
        if cubes is not None:
            thirds = _finite_or_none(
                _float(
                    _fraction(f"cubes[{i}]", cubes[i])
                    - 3 * means[i] * _fraction("", products[i][i])
                    + 2 * n * means[i] ** 3
                )
                for i in columns
            )
        return cls(
            n=n,
            means=tuple(
                float(mean + (0 if shift is None else _fraction(f"shift[{i}]", shift[i])))
                for i, mean in enumerate(means)
            ),
            comoments=tuple(tuple(_float(value) for value in row) for row in centred),
            thirds=thirds,
        )

    def __add__(self, other: Moments) -> Moments:
        if not isinstance(other, Moments):
            return NotImplemented
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
            thirds=_merged_thirds(base, part, deltas),
        )

    def __radd__(self, start: int) -> Moments:
        """Let `sum` begin with its 0."""
        return self if type(start) is int and start == 0 else NotImplemented

    def _order(
        self,
    ) -> tuple[int, tuple[float, ...], tuple[tuple[float, ...], ...], tuple[float, ...]]:
        return (self.n, self.means, self.comoments, self.thirds or ())

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
        data: MomentsDict = {
            "n": self.n,
            "means": list(self.means),
            "comoments": [list(row) for row in self.comoments],
        }
        if self.thirds is not None:
            data["thirds"] = list(self.thirds)
        return data

    @classmethod
    def from_dict(cls, data: MomentsDict) -> Self:
        """Read what `as_dict` wrote, with the same checks as any other moments."""
        try:
            n = data["n"]
            means = tuple(float(value) for value in data["means"])
            comoments = tuple(tuple(float(value) for value in row) for row in data["comoments"])
            thirds = tuple(float(value) for value in data["thirds"]) if "thirds" in data else None
        except (KeyError, TypeError, ValueError):
            raise ValueError(
                f"moments are {data!r}; they must have n, an integer, means, a list of numbers, "
                "and comoments, a list of as many such lists (and thirds, a list, if known)"
            ) from None
        return cls(n=n, means=means, comoments=comoments, thirds=thirds)


def _fraction(name: str, value: Number) -> Fraction:
    try:
        # By index, because a numpy integer in a fraction would overflow.
        return Fraction(value.__index__() if isinstance(value, SupportsIndex) else value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} is {value!r}; it must be a finite number") from None


def _float(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _merged_thirds(
    base: Moments, part: Moments, deltas: Sequence[float]
) -> tuple[float, ...] | None:
    if base.thirds is None or part.thirds is None:
        return None
    total = base.n + part.n
    of_base, of_part = base.n / total, part.n / total
    weight = base.n * of_part * (base.n - part.n) / total
    return _finite_or_none(
        first
        + second
        + delta * delta * delta * weight
        + 3 * delta * (of_base * part.comoments[i][i] - of_part * base.comoments[i][i])
        for i, (first, second, delta) in enumerate(
            zip(base.thirds, part.thirds, deltas, strict=True)
        )
    )


def _finite_or_none(thirds: Iterable[float]) -> tuple[float, ...] | None:
    """Cubes leave the float range earlier than squares; then the skewness is not known."""
    values = tuple(thirds)
    return values if all(map(math.isfinite, values)) else None


def _require_finite(name: str, value: float) -> None:
    if not math.isfinite(value):
        raise ValueError(f"{name} is {value!r}; it must be a finite number")
