"""Plots: curves with their labels, texts and table, as the templates of the admin draw them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from abtesting.admin.page import Label
from abtesting.results.curves import Curve, CurveChart, CurvePoint, curve_chart

MAX_DOTS = 60
"""Points of a line that are drawn as dots; the table has them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a plot: its name, its shape, and its points with what they say."""

    name: str
    curve: Curve
    dots: tuple[tuple[CurvePoint, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A chart with its labels, the names of its lines and the table beside it."""

    title: str
    x_name: str
    chart: CurveChart
    x_labels: tuple[Label, ...]
    y_labels: tuple[Label, ...]
    lines: tuple[Line, ...]
    mark: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def make_plot(
    series: Sequence[Sequence[tuple[float, float]]],
    *,
    title: str,
    x_name: str,
    names: Sequence[str],
    x_text: Callable[[float], str],
    y_text: Callable[[float], str],
    y_axis: Callable[[float], str],
    x_axis: Callable[[float], str] | None = None,
    bands: Sequence[Sequence[tuple[float, float]] | None] = (),
    highest: float | None = None,
    x_marks: Sequence[float] = (),
    y_marks: Sequence[float] = (),
    mark: str = "",
    keys: Sequence[float] | None = None,
    extra: Sequence[tuple[str, Sequence[str]]] = (),
) -> Plot | None:
    """A chart of lines and the table of all that it shows; None without any point.

    Args:
        series: The (x, y) of each line.
        title: What the chart shows, read out in its place.
        x_name: Head of the table's first column.
        names: Of the lines.
        x_text: Writes a position.
        y_text: Writes a value.
        y_axis: Writes a value at the upright axis.
        x_axis: Writes a position at the level axis, where that is not `x_text`.
        bands: See `curve_chart`, like `highest`, `x_marks` and `y_marks`.
        highest: Upper end of the upright axis.
        x_marks: Upright guide lines.
        y_marks: Level guide lines.
        mark: What the guide lines are.
        keys: What the table and the texts call the points, where that is not their position.
        extra: Head and cells of each further column of the table.
    """
    chart = curve_chart(series, bands=bands, highest=highest, x_marks=x_marks, y_marks=y_marks)
    if chart is None:
        return None
    xs = sorted({x for points in series for x, _y in points})
    values = [dict(points) for points in series]
    called = {x: x_text(x if keys is None else keys[i]) for i, x in enumerate(xs)}
    rows = [
        (
            called[x],
            *(y_text(found[x]) if x in found else "–" for found in values),
            *(cells[i] for _head, cells in extra),
        )
        for i, x in enumerate(xs)
    ]
    return Plot(
        title=title,
        x_name=x_name,
        chart=chart,
        x_labels=tuple(
            Label(position=tick.position, text=(x_axis or x_text)(tick.value))
            for tick in chart.x_ticks
        ),
        y_labels=tuple(
            Label(position=tick.position, text=y_axis(tick.value)) for tick in chart.y_ticks
        ),
        lines=tuple(
            Line(
                name=name,
                curve=curve,
                dots=tuple(
                    (point, f"{name}: {called[x]}, {y_text(y)}")
                    for point in _few(curve.points)
                    for x, y in [points[point.index]]
                ),
            )
            for name, curve, points in zip(names, chart.curves, series, strict=True)
        ),
        mark=mark,
        columns=(x_name, *names, *(head for head, _cells in extra)),
        rows=tuple(rows),
    )


def _few(points: Sequence[CurvePoint]) -> Sequence[CurvePoint]:
    """Points evenly thinned out, the last one kept: too many would hide their line."""
    step = math.ceil(len(points) / MAX_DOTS)
    return [point for i, point in enumerate(points) if (len(points) - 1 - i) % step == 0]
