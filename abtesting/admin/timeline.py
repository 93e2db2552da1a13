"""The sections of the results page that run over days: cumulative lift, and new units per day.

Like `presentation`, which puts them on the page: arranges and labels a payload, computes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from abtesting.admin import formats, sentences
from abtesting.admin.page import DailyUnits, Dot, Label, OverTime, Trend, TrendRow
from abtesting.admin.sentences import Payload
from abtesting.results import charts
from abtesting.results.scales import DateTick, Tick


def marks(metric: Mapping[str, Any]) -> list[float]:
    """Return the lifts drawn as guide lines: a guardrail's margin, or the smallest of interest."""
    if metric["margin"] is not None:
        return [metric["margin"] if metric["direction"] == "decrease" else -metric["margin"]]
    if metric["minimum_lift"]:
        return [-metric["minimum_lift"], metric["minimum_lift"]]
    return []


def _day_label(day: date) -> str:
    # Translators: Django date format of a short day on a chart's axis, such as 9 Nov.
    return date_format(day, pgettext("short day on a chart axis", "j M"))


def change_labels(ticks: Sequence[Tick]) -> tuple[Label, ...]:
    """Return the labels of an axis of relative changes."""
    step = ticks[1].value - ticks[0].value if len(ticks) > 1 else 0.0
    return tuple(Label(position=t.position, text=formats.axis_change(t.value, step)) for t in ticks)


def _date_labels(ticks: Sequence[DateTick]) -> tuple[Label, ...]:
    return tuple(Label(position=t.position, text=_day_label(t.day)) for t in ticks)


def over_time(payload: Payload, key: str | None, days: Sequence[date]) -> OverTime | None:
    """Return the trends of the metric with that key, or of the one that the verdict is about."""
    with_series = {s["metric"] for s in payload["series"] if s["points"]}
    metrics = [m for m in payload["metrics"] if m["key"] in with_series]
    if not metrics:
        return None
    wanted = (key, payload["verdict"]["metric"])
    chosen = next((m for k in wanted for m in metrics if m["key"] == k), metrics[0])
    series = [s for s in payload["series"] if s["metric"] == chosen["key"] and s["points"]]
    shapes = charts.trend_charts(series, days=days, marks=marks(chosen))
    return OverTime(
        metric=chosen["name"],
        options=tuple((m["key"], m["name"], m is chosen) for m in metrics),
        trends=tuple(
            _trend(payload, chosen, s["points"], shape)
            for s, shape in zip(series, shapes, strict=True)
        ),
    )


def _trend(
    payload: Payload,
    metric: Mapping[str, Any],
    points: Sequence[Mapping[str, Any]],
    chart: charts.TrendChart,
) -> Trend:
    rows = tuple(
        TrendRow(
            day=date.fromisoformat(p["date"]),
            num_units=formats.number(p["num_units"]),
            change="–" if p["lift"] is None else formats.change(p["lift"]),
            interval=formats.interval(p["lift_interval"]) or "–",
        )
        for p in points
    )
    name = sentences.variant_name(payload, chart.variant)
    title = _("%(variant)s: change of %(metric)s from day to day, all days so far together.")
    return Trend(
        variant=name,
        title=title % {"variant": name, "metric": metric["name"]},
        chart=chart,
        y_labels=change_labels(chart.y_ticks),
        x_labels=_date_labels(chart.x_ticks),
        dots=tuple(
            Dot(
                point=dot,
                text=_("%(day)s: %(change)s (%(interval)s)")
                % {
                    "day": _day_label(rows[dot.index].day),
                    "change": rows[dot.index].change,
                    "interval": rows[dot.index].interval,
                },
            )
            for dot in chart.points
        ),
        rows=rows,
    )


def daily_units(payload: Payload) -> DailyUnits | None:
    """Return the chart and table of new units per day."""
    keys = [v["key"] for v in payload["variants"]]
    days = [date.fromisoformat(p["date"]) for s in payload["series"] for p in s["points"]]
    chart = charts.bar_chart(payload["exposures_by_day"], keys, days=days)
    if chart is None:
        return None
    text = _("%(day)s, %(variant)s: %(num)s")
    return DailyUnits(
        chart=chart,
        y_labels=tuple(
            Label(position=t.position, text=formats.number(t.value)) for t in chart.y_ticks
        ),
        x_labels=_date_labels(chart.x_ticks),
        bars=tuple(
            (
                bar,
                text
                % {
                    "day": _day_label(bar.day),
                    "variant": sentences.variant_name(payload, bar.variant),
                    "num": formats.units(bar.num_units, payload["experiment"]["unit"]),
                },
            )
            for bar in chart.bars
        ),
        variants=tuple(sentences.variant_name(payload, key) for key in keys),
        rows=tuple(
            (
                date.fromisoformat(d["date"]),
                tuple(formats.number(d["num_units"].get(key, 0)) for key in keys),
            )
            for d in payload["exposures_by_day"]
        ),
    )
