"""The file of a finished test: CSV of units, or of counts → moments by variant and metric.

Every row is checked before anything is returned, and every bad row is reported by its line.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from abtesting.exceptions import ImportFileError
from abtesting.metrics.kinds import unit_moments
from abtesting.metrics.moments import UnitMoments
from abtesting.statistics.moments import Counts, Moments

Progress = Callable[[int, int], None]
"""Called with bytes read and bytes in all."""

MAX_PROBLEMS = 1000
LARGEST_COUNT = 2**31 - 1  # what every database's integer column holds
LARGEST_NUMBER = 1e100  # its square, added up, is far from what a float can hold
_TRUE = {"1", "1.0", "true", "yes", "t", "y"}
_FALSE = {"0", "0.0", "false", "no", "f", "n"}
_NUM_COLUMNS = {"proportion": 1, "mean": 1, "ratio": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricColumns:
    """A metric and the columns it is read from.

    Attributes:
        name: What it is called.
        kind: proportion, mean or ratio.
        columns: One row a unit: the value, of a ratio numerator and denominator. Counts: of a
            proportion the successes, of a mean the sum and the sum of squares.
    """

    name: str
    kind: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How to read the file.

    Attributes:
        variant: Column with the variant's name.
        unit: Column with the unit's id, for a file with one row a unit; None: each row is a unit.
        count: Column with the number of units, for a file of counts; None: one row a unit.
    """

    variant: str
    metrics: tuple[MetricColumns, ...]
    unit: str | None = None
    count: str | None = None


def parse_metric(text: str, *, counts: bool = False) -> MetricColumns:
    """A metric as written on the command line.

    `COLUMN:KIND`, for a ratio `NUMERATOR/DENOMINATOR:ratio`; for a mean in a file of counts
    `SUM/SUM_OF_SQUARES:mean`.

    Raises:
        ImportFileError: Not of that form.

    >>> parse_metric("clicks/views:ratio").columns
    ('clicks', 'views')
    """
    left, separator, kind = text.rpartition(":")
    expected = _NUM_COLUMNS.get(kind, 0)
    if counts and kind == "mean":
        expected = 2
    columns = tuple(part.strip() for part in left.split("/")) if expected == 2 else (left,)
    if counts and kind == "ratio":
        raise ImportFileError(
            f"metric is {text!r}; a file of counts holds proportions and means, a ratio needs one "
            "row a unit"
        )
    if not separator or not expected or len(columns) != expected or not all(columns):
        raise ImportFileError(
            f"metric is {text!r}; allowed: COLUMN:proportion, COLUMN:mean, "
            "NUMERATOR/DENOMINATOR:ratio, and in a file of counts SUM/SUM_OF_SQUARES:mean"
        )
    name = "/".join(columns) if kind == "ratio" else columns[0]
    return MetricColumns(name=name, kind=kind, columns=columns)


def read_moments(
    path: Path, layout: Layout, *, progress: Progress | None = None
) -> dict[str, dict[str, UnitMoments]]:
    """Moments by variant name and metric name; see `import_results`."""
    table = _CountRows(layout) if layout.count else _UnitRows(layout)
    problems: list[tuple[int, str]] = []
    with _open(path) as (lines, tell, size):
        reader = csv.DictReader(_utf8(lines), strict=True)
        line = 0  # the last one of the row before
        try:
            _check_columns(path, reader.fieldnames, layout)
            line = reader.line_num
            for row in reader:
                line = reader.line_num
                problem = table.add(row, line)
                if problem and len(problems) < MAX_PROBLEMS:
                    problems.append((line, problem))
                if progress and line % 2000 == 0:
                    progress(tell(), size)
        except csv.Error as error:
            problems.append((line + 1, f"begins a row that is no CSV: {error}"))
        except UnicodeEncodeError:
            problems.append((reader.line_num + 1, "is not UTF-8"))
        except (EOFError, OSError, zlib.error) as error:
            raise ImportFileError(f"{path.name} cannot be read to its end: {error}") from error
        if progress:
            progress(size, size)
    if problems:
        raise ImportFileError(f"{path.name} has rows that cannot be imported.", problems)
    return table.moments()


@contextmanager
def _open(path: Path) -> Iterator[tuple[io.TextIOBase, Callable[[], int], int]]:
    try:
        raw = path.open("rb")
    except OSError as error:
        raise ImportFileError(f"{path} cannot be read: {error.strerror}") from error
    with raw:
        binary = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
        yield (
            io.TextIOWrapper(
                cast("BinaryIO", binary),
                encoding="utf-8-sig",
                errors="surrogateescape",  # judged line by line, in `_utf8`
                newline="",
            ),
            raw.tell,
            path.stat().st_size,
        )


def _utf8(lines: Iterable[str]) -> Iterator[str]:
    """The lines; UnicodeEncodeError at the first one that was not UTF-8."""
    for line in lines:
        if not line.isascii():
            line.encode("utf-8")
        yield line


def _check_columns(path: Path, found: Sequence[str] | None, layout: Layout) -> None:
    wanted = [layout.variant, *(c for metric in layout.metrics for c in metric.columns)]
    wanted += [column for column in (layout.unit, layout.count) if column]
    missing = [column for column in dict.fromkeys(wanted) if column not in (found or ())]
    if missing:
        raise ImportFileError(
            f"{path.name} has no column {', '.join(missing)}; "
            f"its columns are: {', '.join(found or ()) or 'none'}."
        )
    twice = [column for column in wanted if (found or ()).count(column) > 1]
    if twice:
        raise ImportFileError(f"{path.name} has the column {twice[0]} more than once.")
    names = [metric.name for metric in layout.metrics]
    if not names or len(set(names)) < len(names):
        raise ImportFileError(
            f"metrics are {', '.join(names) or 'none'}; allowed: at least one, each column once"
        )


class _UnitRows:
    """One row a unit."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.lines: dict[str, int] = {}
        self.values: dict[str, list[array[float]]] = {}
        self.readers = [
            (column, _flag if metric.kind == "proportion" else _number)
            for metric in layout.metrics
            for column in metric.columns
        ]

    def add(self, row: Mapping[str | None, object], line: int) -> str:
        """Take a row, or say why it cannot be taken."""
        try:
            _check_width(row)
            variant = _text(row, self.layout.variant)
            unit = _text(row, self.layout.unit) if self.layout.unit else ""
            numbers = [read(row, column) for column, read in self.readers]
        except ValueError as error:
            return str(error)
        if unit:
            first = self.lines.setdefault(unit, line)
            if first != line:
                return f"{self.layout.unit} {unit!r} was on line {first} already"
        columns = self.values.get(variant)
        if columns is None:
            columns = self.values[variant] = [array("d") for _ in self.readers]
        for column, number in zip(columns, numbers, strict=True):
            column.append(number)
        return ""

    def moments(self) -> dict[str, dict[str, UnitMoments]]:
        """Moments by variant and metric."""
        result: dict[str, dict[str, UnitMoments]] = {}
        for variant, columns in self.values.items():
            arrays = iter([np.frombuffer(column) for column in columns])
            result[variant] = {
                metric.name: unit_moments(metric.kind, [next(arrays) for _ in metric.columns])
                for metric in self.layout.metrics
            }
        return result


class _CountRows:
    """One row a variant, or several that are added up."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.parts: dict[str, dict[str, UnitMoments]] = {}

    def add(self, row: Mapping[str | None, object], line: int) -> str:
        """Take a row, or say why it cannot be taken."""
        del line  # rows of the same variant are added up: none is a duplicate
        try:
            _check_width(row)
            variant = _text(row, self.layout.variant)
            num_units = _count(row, self.layout.count or "")
            found = {m.name: self._moments(m, num_units, row) for m in self.layout.metrics}
        except ValueError as error:
            return str(error)
        known = self.parts.setdefault(variant, found)
        if known is not found:
            self.parts[variant] = {name: _merged(known[name], found[name]) for name in found}
        return ""

    def moments(self) -> dict[str, dict[str, UnitMoments]]:
        """Moments by variant and metric."""
        return self.parts

    def _moments(
        self, metric: MetricColumns, num_units: int, row: Mapping[str | None, object]
    ) -> UnitMoments:
        if metric.kind == "proportion":
            return Counts(num_units=num_units, num_successes=_count(row, metric.columns[0]))
        total, squares = (_number(row, column) for column in metric.columns)
        if num_units == 0 and (total or squares):
            raise ValueError(f"{metric.columns[0]} is {total:g} of 0 units; allowed: 0")
        if num_units == 0:
            return Moments.zero(1)
        smallest = total * total / num_units
        centred = squares - smallest
        if abs(centred) <= 1e-9 * smallest:
            centred = 0.0  # equal values: what is left is rounding
        if centred < 0 or (num_units == 1 and centred > 0):
            bound = "exactly" if num_units == 1 else "at least"
            raise ValueError(
                f"{metric.columns[1]} is {squares:g}; a sum of squares of {num_units} value(s) "
                f"with sum {total:g} is {bound} {smallest:g}"
            )
        return Moments(n=num_units, means=(total / num_units,), comoments=((centred,),))


def _merged(left: UnitMoments, right: UnitMoments) -> UnitMoments:
    if isinstance(left, Counts) and isinstance(right, Counts):
        return left + right
    assert isinstance(left, Moments)
    assert isinstance(right, Moments)
    return left + right


def _check_width(row: Mapping[str | None, object]) -> None:
    if None in row or None in row.values():
        raise ValueError("has another number of fields than the header")


def _text(row: Mapping[str | None, object], column: str) -> str:
    text = str(row.get(column) or "").strip()
    if not text:
        raise ValueError(f"{column} is empty")
    return text


def _number(row: Mapping[str | None, object], column: str) -> float:
    text = _text(row, column)
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not abs(number) <= LARGEST_NUMBER:
        raise ValueError(
            f"{column} is {text!r}; allowed: a finite number of at most {LARGEST_NUMBER:g} in size"
        )
    return number


def _flag(row: Mapping[str | None, object], column: str) -> float:
    text = _text(row, column)
    if text.lower() in _TRUE:
        return 1.0
    if text.lower() in _FALSE:
        return 0.0
    raise ValueError(f"{column} is {text!r}; allowed: 0 or 1, for a proportion")


def _count(row: Mapping[str | None, object], column: str) -> int:
    text = _text(row, column)
    if not text.isascii() or not text.isdigit() or len(text) > 10 or int(text) > LARGEST_COUNT:
        raise ValueError(f"{column} is {text!r}; allowed: a whole number from 0 to {LARGEST_COUNT}")
    return int(text)
