"""Scales and axes of the charts: from values and days to positions, with round ticks.

Below `charts`, which draws on them. Knows neither Django nor what is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

End = float | None  # one end of an interval; None = unbounded

EMPTY_AXIS_LIMIT = 0.1  # an axis without a single number still spans -10 % … +10 %
PADDING = 0.06  # of the range, kept free at both ends of a lift axis


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A labelled value of an axis and where it is drawn."""

    value: float
    position: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DateTick:
    """A labelled day of a time axis and where it is drawn."""

    day: date
    position: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A linear map of [lower, upper] onto [start, end] (start > end turns it upside down)."""

    lower: float
    upper: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return the position of a value, held inside the scale."""
        share = (min(max(value, self.lower), self.upper) - self.lower) / (self.upper - self.lower)
        return round(self.start + share * (self.end - self.start), 2)

    def holds(self, value: float) -> bool:
        """Return whether the value lies on the scale."""
        return self.lower <= value <= self.upper


def nice_step(span: float, max_ticks: int) -> float:
    """Return the smallest step of 1, 2 or 5 times a power of ten that gives few enough ticks."""
    raw = span / max_ticks
    power = 10.0 ** math.floor(math.log10(raw))
    # 1e-9: a raw step of exactly 2 must not become 5 because of its last bit
    return next(power * m for m in (1.0, 2.0, 5.0, 10.0) if power * m >= raw * (1 - 1e-9))


def nice_ticks(scale: Scale, *, max_ticks: int = 6, minimum_step: float = 0.0) -> tuple[Tick, ...]:
    """Return the round values of a scale; zero is one of them when the scale holds it."""
    step = max(nice_step(scale.upper - scale.lower, max_ticks), minimum_step)
    first, last = math.ceil(scale.lower / step - 1e-9), math.floor(scale.upper / step + 1e-9)
    digits = max(0, 1 - math.floor(math.log10(step)))
    values = [round(i * step, digits) for i in range(first, last + 1)]
    return tuple(Tick(value=v, position=scale.at(v)) for v in values)


def lift_range(
    ends: Iterable[End], marks: Iterable[End] = (), *, clip_factor: float = 10.0
) -> tuple[float, float]:
    """Return the range of a lift axis: zero, marks and all ends but the extreme ones.

    Args:
        ends: Estimates and interval ends; None (unbounded or absent) has no influence.
        marks: Values that must be visible, such as the smallest lift worth finding.
        clip_factor: Ends of more than this many times the median size are left outside.
    """
    finite = [e for e in ends if e is not None and math.isfinite(e)]
    sizes = [abs(e) for e in finite if e]
    limit = clip_factor * median(sizes) if sizes else math.inf
    values = [0.0, *(v for v in finite if abs(v) <= limit), *(m for m in marks if m is not None)]
    lower, upper = min(values), max(values)
    if upper - lower < 1e-9:
        return -EMPTY_AXIS_LIMIT, EMPTY_AXIS_LIMIT
    pad = (upper - lower) * PADDING
    return lower - pad, upper + pad


def time_scale(days: Sequence[date], start: float, end: float) -> Scale:
    """Return the scale of days by their ordinals, with half a day of room at both ends."""
    first, last = min(days).toordinal(), max(days).toordinal()
    return Scale(lower=first - 0.5, upper=last + 0.5, start=start, end=end)


def date_ticks(x: Scale, max_ticks: int = 6) -> tuple[DateTick, ...]:
    """Return evenly spaced days of a time scale, the first day among them."""
    first, last = math.ceil(x.lower), math.floor(x.upper)
    span = last - first + 1
    fewest = math.ceil(span / max_ticks)
    step = next((s for s in (1, 2, 3, 4, 7, 14, 28, 56, 91, 182) if s >= fewest), fewest)
    days = [date.fromordinal(first) + timedelta(days=i) for i in range(0, span, step)]
    return tuple(DateTick(day=d, position=x.at(d.toordinal())) for d in days)
