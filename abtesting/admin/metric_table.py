"""The tables of metrics: a line for each variant, and the intervals on one axis.

A part of `presentation`: formats and arranges what the payload says, computes no statistics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from abtesting.admin import formats, sentences, timeline
from abtesting.admin.page import DataRow, DataTable, MetricGroup, MetricRow, MetricTable
from abtesting.admin.sentences import Payload
from abtesting.results import charts

Ends = Sequence[float | None] | None


def metric_table(payload: Payload, role: str) -> MetricTable | None:
    """Return the metrics of a role, or None if there are none.

    The goals and secondary metrics of a Bayesian test show their posterior, all others what the
    decision rule reads.
    """
    metrics = [m for m in payload["metrics"] if m["role"] == role]
    if not metrics:
        return None
    odds = payload["method"]["rule"] == "bayesian" and role != "guardrail"
    shown = [_shown(c, odds=odds) for m in metrics for c in m["comparisons"]]
    axis = charts.forest_axis(
        [{"lift": lift, "lift_interval": interval} for lift, interval in shown],
        marks=[x for m in metrics for x in timeline.marks(m)],
    )
    groups = tuple(_metric_group(payload, m, axis, odds=odds) for m in metrics)
    return MetricTable(
        role=role,
        axis=axis,
        axis_labels=timeline.change_labels(axis.ticks),
        has_intervals=any(lift is not None for lift, _interval in shown),
        has_marks=any(timeline.marks(m) for m in metrics),
        odds=odds,
        change_label=_change_label(payload, odds=odds),
        is_adjusted=any(
            c["adjusted_p_value"] is not None for m in metrics for c in m["comparisons"]
        ),
        metrics=groups,
        notes=tuple(note for m in metrics for note in _notes(payload, m)),
        data=_data(groups, is_bayesian=payload["method"]["rule"] == "bayesian"),
    )


def _change_label(payload: Payload, *, odds: bool) -> str:
    """The posterior's change and the observed one stand on one page of a Bayesian test."""
    if odds:
        return _("Expected change")
    if payload["method"]["rule"] == "bayesian":
        return _("Observed change")
    return pgettext("of a metric", "Change")


def target(metric: Mapping[str, Any]) -> str:
    """Return what a metric is measured by: a guardrail's margin, or the smallest lift."""
    if metric["margin"] is not None:
        return _("allowed: nothing worse than %(margin)s") % {"margin": sentences.margin(metric)}
    if metric["minimum_lift"]:
        lift = formats.short_percent(metric["minimum_lift"])
        return _("smallest change of interest: %(lift)s") % {"lift": lift}
    return ""


def _shown(comparison: Mapping[str, Any], *, odds: bool) -> tuple[float | None, Ends]:
    """The change and its interval as the table shows them."""
    posterior = comparison["bayesian"] if odds else None
    found = posterior or comparison
    return found["lift"], found["lift_interval"]


def _notes(payload: Payload, metric: Mapping[str, Any]) -> list[str]:
    pattern = _("%(metric)s, %(variant)s: %(note)s")
    return [
        pattern
        % {
            "metric": metric["name"],
            "variant": sentences.variant_name(payload, c["variant"]),
            "note": sentences.warning(code),
        }
        for c in metric["comparisons"]
        for code in c["warnings"]
    ]


def _data(groups: Sequence[MetricGroup], *, is_bayesian: bool) -> DataTable:
    """All numbers, in columns of which each has at least one."""
    change = _("Observed change") if is_bayesian else pgettext("of a metric", "Change")
    columns = (
        ("difference", _("Difference"), True),
        ("difference_interval", _("Interval of the difference"), False),
        ("standard_error", _("Standard error"), True),
        ("lift", change, True),
        ("confidence_interval", _("Interval of the change"), False),
        ("p_value", _("p-value"), False),
        ("adjusted_p_value", _("Adjusted p-value"), False),
        ("level", _("Level"), True),
        ("chance", _("Chance to win"), True),
        ("risk", _("Risk"), True),
        ("expected", _("Expected change"), True),
        ("credible_interval", _("Credible interval"), False),
        ("corrected_difference", _("Corrected difference"), True),
        ("corrected_interval", _("Corrected interval"), False),
        ("corrected", _("Corrected change"), True),
        ("corrected_change_interval", _("Interval of the corrected change"), False),
        ("method", _("Method"), False),
    )
    rows = [row for group in groups for row in group.rows]
    used = [column for column in columns if any(getattr(row, column[0]) for row in rows)]
    found = []
    for group in groups:
        found.append(_data_row(group.name, group.control, reason=_("baseline")))
        for row in group.rows:
            cells = tuple((getattr(row, name) or "–", is_num) for name, _label, is_num in used)
            found.append(_data_row(group.name, row, cells=() if row.reason else cells))
    return DataTable(
        columns=tuple((label, is_num) for _name, label, is_num in used), rows=tuple(found)
    )


def _data_row(
    metric: str, row: MetricRow, *, cells: tuple[tuple[str, bool], ...] = (), reason: str = ""
) -> DataRow:
    return DataRow(
        metric=metric,
        variant=row.variant,
        num_units=row.num_units,
        value=row.value,
        cells=cells,
        reason=reason or row.reason,
    )


def _metric_group(
    payload: Payload, metric: Mapping[str, Any], axis: charts.ForestAxis, *, odds: bool
) -> MetricGroup:
    lower_is_better = metric["direction"] == "decrease"
    control = metric["control"]
    return MetricGroup(
        key=metric["key"],
        name=metric["name"],
        description=metric["description"],
        direction=_("lower is better") if lower_is_better else _("higher is better"),
        direction_sign="↓" if lower_is_better else "↑",
        target=target(metric),
        so_far=_so_far(metric),
        control=MetricRow(
            variant=sentences.variant_name(payload, control["variant"]),
            num_units=formats.number(control["num_units"]),
            value=formats.metric_value(control["value"], metric),
            fraction=_fraction(control, metric),
            forest=charts.forest_row(axis, lift=None, interval=None),
        ),
        rows=tuple(
            _metric_row(payload, metric, comparison, axis, odds=odds)
            for comparison in metric["comparisons"]
        ),
    )


def _so_far(metric: Mapping[str, Any]) -> str:
    found = metric["so_far"]
    if not found or not found["num_units"]:
        return ""
    return _("So far, all variants together: %(value)s (%(fraction)s)") % {
        "value": formats.metric_value(found["value"], metric),
        "fraction": _fraction(found, metric),
    }


def _fraction(arm: Mapping[str, Any], metric: Mapping[str, Any]) -> str:
    if not arm["num_units"] or arm["numerator"] is None or arm["denominator"] is None:
        return ""
    numerator = formats.metric_total(arm["numerator"], metric, numerator=True)
    return f"{numerator} / {formats.metric_total(arm['denominator'], metric, numerator=False)}"


def _metric_row(
    payload: Payload,
    metric: Mapping[str, Any],
    comparison: Mapping[str, Any],
    axis: charts.ForestAxis,
    *,
    odds: bool,
) -> MetricRow:
    difference, level = comparison["difference"], comparison["confidence_level"]
    lift, lift_interval = _shown(comparison, odds=odds)
    by = lift if lift is not None else difference
    name = sentences.variant_name(payload, comparison["variant"])
    difference_interval = formats.metric_difference_interval(
        comparison["difference_interval"], metric
    )
    change, interval = "", ""
    if lift is not None:
        change, interval = formats.change(lift), formats.interval(lift_interval)
    elif difference is not None:
        change, interval = formats.metric_difference(difference, metric), difference_interval
    error, adjusted = comparison["standard_error"], comparison["adjusted_p_value"]
    # The level of a goal is its p-value's threshold, that of all secondary ones the adjusted one's.
    threshold = None if level is None or metric["role"] == "guardrail" else 1 - level
    return MetricRow(
        variant=name,
        num_units=formats.number(comparison["num_units"]),
        value=formats.metric_value(comparison["value"], metric),
        fraction=_fraction(comparison, metric),
        change=change,
        arrow="" if not by else "▲" if by > 0 else "▼",
        interval=interval,
        confidence_interval=formats.interval(comparison["lift_interval"]) or difference_interval,
        lift="" if comparison["lift"] is None else formats.change(comparison["lift"]),
        difference=formats.metric_difference(difference, metric),
        difference_interval=difference_interval,
        standard_error=formats.metric_difference(error, metric).lstrip("+"),
        p_value=formats.p_value(comparison["p_value"], threshold=threshold),
        adjusted_p_value=""
        if adjusted is None
        else formats.p_value(adjusted, threshold=payload["method"]["alpha"]),
        level=formats.short_percent(level) if level is not None else "–",
        method=sentences.method_name(comparison["method"] or "–"),
        **_odds(comparison["bayesian"]),
        **_corrected(comparison["corrected"], metric),
        chip=sentences.comparison_chip(comparison["verdict"]),
        reason=sentences.reason(comparison["reason"]),
        forest=charts.forest_row(
            axis, lift=lift, interval=lift_interval, marks=timeline.marks(metric)
        )
        if lift is not None
        else None,
        forest_text=_("%(metric)s, %(variant)s: %(change)s (%(interval)s)")
        % {"metric": metric["name"], "variant": name, "change": change, "interval": interval},
    )


def _odds(posterior: Mapping[str, Any] | None) -> dict[str, str]:
    if posterior is None:
        return {}
    return {
        "chance": formats.chance(posterior["chance_to_win"]),
        "risk": formats.change(posterior["expected_loss"], signed=False),
        "expected": formats.change(posterior["lift"]),
        "credible_interval": formats.interval(posterior["lift_interval"]),
    }


def _corrected(found: Mapping[str, Any] | None, metric: Mapping[str, Any]) -> dict[str, str]:
    if found is None:
        return {}
    lift = found["lift"]
    return {
        "corrected": formats.metric_difference(found["difference"], metric)
        if lift is None
        else formats.change(lift),
        "corrected_difference": formats.metric_difference(found["difference"], metric),
        "corrected_interval": formats.metric_difference_interval(
            found["difference_interval"], metric
        ),
        "corrected_change_interval": formats.interval(found["lift_interval"]),
    }
