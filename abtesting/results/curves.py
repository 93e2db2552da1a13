"""Curves: lines over a number (units, lifts) as frozen shapes in user units, like `charts`.

Knows neither Django nor colours nor words. It scales values and computes no statistics.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from abtesting.results.charts import BOTTOM, LEFT, RIGHT, TOP
from abtesting.results.scales import Scale, Tick, nice_ticks

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """A point of a curve; `index` finds it in what the curve was made of."""

    index: int
    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One line with its points, and the band around it if it has one."""

    line: str  # polyline points
    band: str  # polygon points, empty without one
    points: tuple[CurvePoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveChart:
    """Some curves over one pair of axes."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    x_marks: tuple[float, ...]
    y_marks: tuple[float, ...]
    curves: tuple[Curve, ...]


def curve_chart(
    series: Sequence[Points],
    *,
    bands: Sequence[Points | None] = (),
    highest: float | None = None,
    x_marks: Sequence[float] = (),
    y_marks: Sequence[float] = (),
    width: float = 640,
    height: float = 250,
) -> CurveChart | None:
    """Return lines over one pair of axes, the upright one from zero; None without any point.

    Args:
        series: The (x, y) of each line, in the order of x.
        bands: For each line the (lower, upper) at its points, or None.
        highest: Upper end of the upright axis; what the values need without it.
        x_marks: Values at which an upright guide line is drawn, if the axis holds them.
        y_marks: Values at which a level guide line is drawn, which the axis is made to hold.
        width: In user units.
        height: In user units.
    """
    xs = [x for points in series for x, _ in points]
    if not xs:
        return None
    values = [y for points in series for _, y in points]
    values += [end for band in bands if band for pair in band for end in pair]
    top = highest if highest is not None else max([*values, *y_marks, 0.0]) * 1.08
    first, last = min(xs), max(xs)
    x = Scale(lower=first, upper=last if last > first else first + 1, start=LEFT, end=width - RIGHT)
    y = Scale(lower=0.0, upper=top or 1.0, start=height - BOTTOM, end=TOP)
    chosen = [*bands, *[None] * (len(series) - len(bands))]
    return CurveChart(
        width=width,
        height=height,
        left=LEFT,
        right=width - RIGHT,
        top=TOP,
        bottom=height - BOTTOM,
        x_ticks=_inside(nice_ticks(x, max_ticks=6), width),
        y_ticks=nice_ticks(y, max_ticks=5),
        x_marks=tuple(x.at(mark) for mark in x_marks if x.holds(mark)),
        y_marks=tuple(y.at(mark) for mark in y_marks),
        curves=tuple(
            _curve(points, band, x, y) for points, band in zip(series, chosen, strict=True)
        ),
    )


def _curve(points: Points, band: Points | None, x: Scale, y: Scale) -> Curve:
    places = [(x.at(a), y.at(b)) for a, b in points if math.isfinite(b)]
    ribbon = ""
    if band is not None:
        upper = [
            f"{x.at(a):g},{y.at(end):g}" for (a, _), (_, end) in zip(points, band, strict=True)
        ]
        lower = [
            f"{x.at(a):g},{y.at(end):g}" for (a, _), (end, _) in zip(points, band, strict=True)
        ]
        ribbon = " ".join([*upper, *reversed(lower)])
    return Curve(
        line=" ".join(f"{a:g},{b:g}" for a, b in places),
        band=ribbon,
        points=tuple(CurvePoint(index=i, x=a, y=b) for i, (a, b) in enumerate(places)),
    )


def _inside(ticks: tuple[Tick, ...], width: float) -> tuple[Tick, ...]:
    """Those whose labels, which stand in the middle below them, fit into the chart."""
    return tuple(tick for tick in ticks if 36 <= tick.position <= width - 36)
