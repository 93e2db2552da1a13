"""A snapshot's payload as the results page shows it: display strings and shapes by section.

Between the snapshot and the template. `build_page` is a pure function of one payload (and of the
active language); it formats and arranges what the payload says and computes no statistics.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _

from abtesting.admin import formats, sentences, timeline, verdicts
from abtesting.admin.metric_table import metric_table, target
from abtesting.admin.page import (
    Allocation,
    HealthCell,
    ResultsPage,
    VariantShare,
)
from abtesting.admin.sentences import Chip, Payload
from abtesting.results import charts
from abtesting.results.report import upgraded


def build_page(payload: Payload, *, metric: str | None = None) -> ResultsPage:
    """Return the page of a snapshot.

    Args:
        payload: The snapshot's payload.
        metric: Key of the metric shown over time; the verdict's or the first goal without one.
    """
    payload = upgraded(payload)
    experiment = payload["experiment"]
    days = [date.fromisoformat(d["date"]) for d in payload["exposures_by_day"]]
    return ResultsPage(
        verdict=verdicts.verdict(payload),
        is_trustworthy=not any(
            h["code"] == "srm" and h["status"] == "bad" for h in payload["health"]
        )
        and payload["verdict"]["code"] != "invalid",
        rule_code=payload["method"]["rule"],
        rule=sentences.rule(payload),
        look=sentences.look(payload),
        correction=sentences.correction(payload["method"]),
        computed_at=datetime.fromisoformat(payload["computed_at"]),
        data_until=_moment(payload["data_until"]),
        health=tuple(_health_cell(h, payload) for h in payload["health"]),
        hypothesis=experiment["hypothesis"],
        started_at=_moment(experiment["started_at"]),
        ended_at=_moment(experiment["ended_at"]),
        allocation=_allocation(payload),
        goals=metric_table(payload, "goal"),
        guardrails=metric_table(payload, "guardrail"),
        secondary=metric_table(payload, "secondary"),
        over_time=timeline.over_time(payload, metric, days),
        daily_units=timeline.daily_units(payload),
        is_imported=experiment["source"] == "imported",
        plan=_plan(payload),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _health_cell(entry: Mapping[str, Any], payload: Payload) -> HealthCell:
    build = {"srm": _split_cell, "sample": _sample_cell, "freshness": _freshness_cell}
    if entry["code"] in build:
        return build[entry["code"]](entry, payload)
    return HealthCell(code=entry["code"], label=entry["code"], chip=_health_chip(entry["status"]))


def _health_chip(status: str, **words: str) -> Chip:
    tones = {"ok": "good", "warn": "warn", "bad": "bad"}
    symbols = {"ok": "✓", "warn": "!", "bad": "✗"}
    return Chip(
        text=words.get(status, _("Unknown")),
        symbol=symbols.get(status, "–"),
        tone=tones.get(status, "neutral"),
    )


def _split_cell(entry: Mapping[str, Any], payload: Payload) -> HealthCell:
    judged = entry.get("p_value") is not None
    return HealthCell(
        code="srm",
        label=_("Traffic split"),
        chip=_health_chip(entry["status"], ok=_("As planned"), warn=_("Unsure"), bad=_("Wrong")),
        value=formats.p_value(entry["p_value"]) if judged else "",
        note=_split_note(entry) if judged else _("Too few units to judge the split."),
    )


def _split_note(entry: Mapping[str, Any]) -> str:
    if entry["method"] == "sequential":
        return _("Chance of a split this uneven on any day, by luck alone.")
    return _("Chance of a split at least this uneven by luck alone.")


def _sample_cell(entry: Mapping[str, Any], payload: Payload) -> HealthCell:
    label = _("Sample")
    counted = formats.units(entry["num_units"], payload["experiment"]["unit"])
    if not entry.get("planned_num_units"):
        chip = _health_chip(entry["status"], ok=_("Counted"), warn=_("Small"), bad=_("Too small"))
        note = "" if payload["experiment"]["source"] == "imported" else _("No planned size.")
        return HealthCell(code="sample", label=label, chip=chip, value=counted, note=note)
    share = min(entry["progress"] or 0.0, 1.0)
    word = _("Reached") if share >= 1 else _("Growing")
    if share < 1 and payload["experiment"]["ended_at"]:
        word = _("Below plan")
    chip = _health_chip(entry["status"], ok=word, warn=word, bad=word)
    if share < 1 and entry["status"] == "ok":  # nothing is wrong, and nothing is reached
        chip = Chip(text=word, symbol="…", tone="neutral")
    done, left = formats.progress(share), sentences.time_left(entry.get("days_left"))
    if left:
        note = _("%(progress)s of the planned size, %(left)s") % {"progress": done, "left": left}
    else:
        note = _("%(progress)s of the planned size") % {"progress": done}
    return HealthCell(
        code="sample",
        label=label,
        chip=chip,
        value=_("%(num)s of %(planned)s planned")
        % {"num": counted, "planned": formats.number(entry["planned_num_units"])},
        note=note,
        progress=int(share * 100 + 1e-9),
    )


def _freshness_cell(entry: Mapping[str, Any], payload: Payload) -> HealthCell:
    known = entry.get("lag_seconds") is not None
    value = ""
    if known:
        value = _("%(duration)s old") % {"duration": formats.duration(entry["lag_seconds"])}
    return HealthCell(
        code="freshness",
        label=_("Data freshness"),
        chip=_health_chip(entry["status"], ok=_("Fresh"), warn=_("Late"), bad=_("Stopped")),
        value=value,
        note=_("Newest record when this was computed.") if known else _("There is no live data."),
    )


def _allocation(payload: Payload) -> Allocation:
    variants = payload["variants"]
    return Allocation(
        variants=tuple(
            VariantShare(
                name=v["name"] or v["key"],
                key=v["key"],
                is_control=v["is_control"],
                series=index,
                num_units=formats.number(v["num_units"]),
                expected=formats.short_percent(v["expected_share"]),
                observed=formats.percent(v["observed_share"] or 0.0),
            )
            for index, v in enumerate(variants)
        ),
        planned=charts.share_bar([v["expected_share"] for v in variants]),
        observed=charts.share_bar([v["observed_share"] or 0.0 for v in variants]),
        participation=formats.short_percent(payload["experiment"]["allocation"]),
    )


def _plan(payload: Payload) -> tuple[tuple[str, str], ...]:
    experiment, method = payload["experiment"], payload["method"]
    num_units = sum(v["num_units"] for v in payload["variants"])
    planned = experiment["planned_num_units"]
    rows = [
        (_("Decision rule"), sentences.rule(payload)),
        (
            _("Planned sample"),
            formats.units(planned, experiment["unit"]) if planned else _("None"),
        ),
        (_("Observed sample"), formats.units(num_units, experiment["unit"])),
    ]
    if experiment["num_days"]:
        rows.append((_("Days since the start"), formats.number(experiment["num_days"])))
    if payload["looks"]:
        looks = payload["looks"]
        values = {"taken": len(looks["taken"]), "planned": looks["planned"]}
        rows.append((_("Looks"), _("%(taken)s taken, %(planned)s planned") % values))
    if method["any_peek_error"] is not None:
        error = _("%(error)s, if it were looked at every day and decided alone") % {
            "error": formats.whole_percent(method["any_peek_error"])
        }
        rows.append((_("Error of the chance to win"), error))
    for m in payload["metrics"]:
        if m["role"] == "goal":
            value = formats.metric_value(m["control"]["value"], m)
            wanted = target(m)
            if wanted:
                value = _("%(value)s (%(target)s)") % {"value": value, "target": wanted}
            rows.append((_("%(metric)s of the control") % {"metric": m["name"]}, value))
    rows.append((_("Level"), sentences.correction(method)))
    rows.append((_("Analysis engine"), method["engine_version"]))
    return tuple(rows)
