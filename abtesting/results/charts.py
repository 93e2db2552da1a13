"""SVG geometry of the results page: payload parts in, frozen shapes in user units out.

Sits beside the snapshot and knows neither Django nor colours nor words: the template draws the
shapes and the admin's presentation labels them. It scales values and computes no statistics.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from abtesting.results.scales import (
    DateTick,
    End,
    Scale,
    Tick,
    date_ticks,
    lift_range,
    nice_ticks,
    time_scale,
)

# Room around the plot of a chart over days: labels stand on the left and below.
LEFT, RIGHT, TOP, BOTTOM = 64.0, 16.0, 10.0, 28.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestAxis:
    """The one axis that all rows of a forest plot share."""

    width: float
    scale: Scale
    ticks: tuple[Tick, ...]
    zero: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestRow:
    """One interval on a shared axis. An end that leaves the axis is an arrow there."""

    width: float
    height: float
    middle: float
    zero: float
    start: float | None  # None: no interval to draw
    end: float | None
    point: float | None  # None: no estimate, or one beyond the axis
    arrow_start: str  # polygon points, empty when not clipped
    arrow_end: str
    marks: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendPoint:
    """One day's estimate; `index` finds it in the payload's points."""

    index: int
    x: float
    y: float
    whisker_start: float
    whisker_end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendChart:
    """Cumulative lift of one variant over days, with its interval as a ribbon."""

    variant: str
    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    zero: float
    y_ticks: tuple[Tick, ...]
    x_ticks: tuple[DateTick, ...]
    marks: tuple[float, ...]
    lines: tuple[str, ...]  # polyline points
    ribbons: tuple[str, ...]  # polygon points
    points: tuple[TrendPoint, ...]
    num_hidden: int  # estimates beyond the axis, which only the table shows


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One variant's part of one day's stack."""

    day: date
    variant: str
    series: int
    num_units: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BarChart:
    """Units per day, stacked by variant."""

    width: float
    height: float
    left: float
    right: float
    bottom: float
    y_ticks: tuple[Tick, ...]
    x_ticks: tuple[DateTick, ...]
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One part of a bar of shares."""

    series: int
    x: float
    width: float


def forest_axis(
    comparisons: Iterable[Mapping[str, Any]], *, marks: Iterable[End] = (), width: float = 340
) -> ForestAxis:
    """Return the axis that the given comparisons of a payload share."""
    ends: list[End] = []
    for comparison in comparisons:
        ends += [comparison["lift"], *_interval(comparison["lift_interval"])]
    lower, upper = lift_range(ends, marks)
    scale = Scale(lower=lower, upper=upper, start=12, end=width - 12)
    ticks = tuple(t for t in nice_ticks(scale, max_ticks=5) if 22 <= t.position <= width - 22)
    return ForestAxis(width=width, scale=scale, ticks=ticks, zero=scale.at(0))


def forest_row(
    axis: ForestAxis,
    *,
    lift: End,
    interval: Sequence[End] | None,
    marks: Iterable[float] = (),
    height: float = 44,
) -> ForestRow:
    """Return one comparison's interval bar, point and arrows on the shared axis."""
    scale, middle = axis.scale, height / 2
    start = end = None
    left_open = right_open = False
    if interval is not None:
        low = -math.inf if interval[0] is None else interval[0]
        high = math.inf if interval[1] is None else interval[1]
        start, end = scale.at(low), scale.at(high)
        left_open, right_open = low < scale.lower, high > scale.upper
    return ForestRow(
        width=axis.width,
        height=height,
        middle=middle,
        zero=axis.zero,
        start=start,
        end=end,
        point=scale.at(lift) if lift is not None and scale.holds(lift) else None,
        arrow_start=_arrow(scale.start, middle, -1) if left_open else "",
        arrow_end=_arrow(scale.end, middle, 1) if right_open else "",
        marks=tuple(scale.at(m) for m in marks if scale.holds(m)),
    )


def trend_charts(
    series: Sequence[Mapping[str, Any]],
    *,
    days: Sequence[date] = (),
    marks: Iterable[float] = (),
    width: float = 640,
    height: float = 230,
) -> tuple[TrendChart, ...]:
    """Return one chart for each series of a metric, all on the same two axes.

    Args:
        series: The payload's series of one metric, one for each variant.
        days: Days that the time axis must span besides the points' own.
        marks: Lifts drawn as guide lines where the axis holds them.
        width: Of each chart, in user units.
        height: Of each chart, in user units.
    """
    points = [p for s in series for p in s["points"]]
    if not points:
        return ()
    ends: list[End] = []
    for p in points:
        ends += [p["lift"], *_interval(p["lift_interval"])]
    # The wide intervals of the first days must not flatten what follows.
    lower, upper = lift_range(ends, marks, clip_factor=3.0)
    left, right, top, bottom = LEFT, width - RIGHT, TOP, height - BOTTOM
    y = Scale(lower=lower, upper=upper, start=bottom, end=top)
    x = time_scale([*days, *(_day(p) for p in points)], left, right)
    return tuple(
        TrendChart(
            variant=s["variant"],
            width=width,
            height=height,
            left=left,
            right=right,
            top=top,
            bottom=bottom,
            zero=y.at(0),
            y_ticks=nice_ticks(y, max_ticks=5),
            x_ticks=date_ticks(x),
            marks=tuple(y.at(m) for m in marks if y.holds(m)),
            **_trend_shapes(s["points"], x, y),
        )
        for s in series
    )


def bar_chart(
    exposures_by_day: Sequence[Mapping[str, Any]],
    variants: Sequence[str],
    *,
    days: Sequence[date] = (),
    width: float = 640,
    height: float = 150,
) -> BarChart | None:
    """Return units per day stacked in the order of `variants`, or None without any day."""
    if not exposures_by_day:
        return None
    left, right, top, bottom = LEFT, width - RIGHT, TOP, height - BOTTOM
    x = time_scale([*days, *(_day(d) for d in exposures_by_day)], left, right)
    totals = [sum(d["num_units"].get(v, 0) for v in variants) for d in exposures_by_day]
    y = Scale(lower=0, upper=max([1, *totals]) * 1.05, start=bottom, end=top)
    bar_width = _bar_width(x)
    bars = []
    for entry in exposures_by_day:
        below = 0
        for index, variant in enumerate(variants):
            count = entry["num_units"].get(variant, 0)
            if not count:
                continue
            base, tip = y.at(below), y.at(below + count)
            bars.append(
                Bar(
                    day=_day(entry),
                    variant=variant,
                    series=index,
                    num_units=count,
                    x=round(x.at(_day(entry).toordinal()) - bar_width / 2, 2),
                    y=tip,
                    width=bar_width,
                    height=round(base - tip, 2),
                )
            )
            below += count
    return BarChart(
        width=width,
        height=height,
        left=left,
        right=right,
        bottom=bottom,
        y_ticks=nice_ticks(y, max_ticks=3, minimum_step=1),
        x_ticks=date_ticks(x),
        bars=tuple(bars),
    )


def share_bar(shares: Sequence[float], *, width: float = 100) -> tuple[Segment, ...]:
    """Return the parts of a bar of the given width, in proportion to the shares."""
    total = sum(shares)
    segments, start = [], 0.0
    for index, share in enumerate(shares):
        part = width * share / total if total else 0.0
        segments.append(Segment(series=index, x=round(start, 2), width=round(part, 2)))
        start += part
    return tuple(segments)


def _interval(interval: Sequence[End] | None) -> tuple[End, End]:
    return (None, None) if interval is None else (interval[0], interval[1])


def _arrow(base: float, middle: float, direction: int) -> str:
    # It continues the bar into the room that the axis keeps free at both ends.
    return f"{base + 9 * direction:g},{middle:g} {base:g},{middle - 5:g} {base:g},{middle + 5:g}"


def _day(entry: Mapping[str, Any]) -> date:
    return date.fromisoformat(entry["date"])


def _bar_width(x: Scale) -> float:
    num_days = max(1.0, x.upper - x.lower)
    return round(min(28.0, 0.75 * (x.end - x.start) / num_days), 2)


def _trend_shapes(points: Sequence[Mapping[str, Any]], x: Scale, y: Scale) -> dict[str, Any]:
    lines: list[list[str]] = [[]]
    bands: list[list[tuple[float, float, float]]] = [[]]
    dots = []
    num_hidden = 0
    for index, p in enumerate(points):
        at = x.at(_day(p).toordinal())
        if p["lift_interval"] is None:
            bands.append([])
        else:
            low, high = _interval(p["lift_interval"])
            bands[-1].append(
                (
                    at,
                    y.at(y.lower if low is None else low),
                    y.at(y.upper if high is None else high),
                )
            )
        if p["lift"] is None or not y.holds(p["lift"]):
            num_hidden += p["lift"] is not None
            lines.append([])
            continue
        whisker = bands[-1][-1] if bands[-1] else (at, y.at(p["lift"]), y.at(p["lift"]))
        lines[-1].append(f"{at:g},{y.at(p['lift']):g}")
        dots.append(
            TrendPoint(
                index=index,
                x=at,
                y=y.at(p["lift"]),
                whisker_start=whisker[1],
                whisker_end=whisker[2],
            )
        )
    return {
        "lines": tuple(" ".join(line) for line in lines if len(line) > 1),
        "ribbons": tuple(_ribbon(band) for band in bands if len(band) > 1),
        "points": tuple(dots),
        "num_hidden": num_hidden,
    }


def _ribbon(band: Sequence[tuple[float, float, float]]) -> str:
    upper = [f"{x:g},{high:g}" for x, _, high in band]
    lower = [f"{x:g},{low:g}" for x, low, _ in reversed(band)]
    return " ".join([*upper, *lower])
