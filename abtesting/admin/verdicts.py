"""The verdict of the results page: codes of a snapshot in, the sentence to quote out.

Which verdict it is was decided by `results.decision`; here it gets its words and its figures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from abtesting.admin import formats
from abtesting.admin.sentences import (
    Chip,
    Payload,
    comparison_of,
    effect,
    join,
    listing,
    margin,
    odds,
    reason,
    risk,
    time_left,
    variant_in_text,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer of the page: a short word, the sentence to quote, and what follows from it."""

    code: str
    chip: Chip
    headline: str
    detail: str

    @property
    def sentence(self) -> str:
        """Headline and detail as one text."""
        return join(self.headline, self.detail)


def verdict(payload: Payload) -> Verdict:
    """Return the verdict's sentence for any verdict code."""
    code = payload["verdict"]["code"]
    headline, detail = _VERDICTS.get(code, _unknown_verdict)(payload)
    return Verdict(code=code, chip=verdict_chip(code), headline=headline, detail=detail)


def verdict_chip(code: str) -> Chip:
    """Return the verdict in a word or three."""
    chips = {
        "ship": Chip(text=_("Ship it"), symbol="✓", tone="good"),
        "keep_control": Chip(text=_("Keep the control"), symbol="✗", tone="bad"),
        "no_difference": Chip(text=_("No difference found"), symbol="=", tone="neutral"),
        "keep_running": Chip(text=_("Keep running"), symbol="…", tone="neutral"),
        "not_enough_data": Chip(text=_("Not enough data"), symbol="…", tone="neutral"),
        "no_result": Chip(text=_("No result"), symbol="–", tone="warn"),
        "stopped_early": Chip(text=_("Stopped early"), symbol="–", tone="neutral"),
        "invalid": Chip(text=_("Do not use"), symbol="!", tone="bad"),
        "inconclusive_guardrail": Chip(text=_("Guardrail open"), symbol="?", tone="warn"),
    }
    return chips.get(code) or Chip(text=code, symbol="–", tone="neutral")


def guardrails(payload: Payload) -> str:
    """Return how the verdict's variant does on the guardrails, naming those that are not safe."""
    harmed = _guardrails_that_are(payload, "harmed")
    unsure = _guardrails_that_are(payload, "not_shown_safe", "no_result")
    if harmed:
        return _("Guardrail harmed: %(names)s.") % {"names": listing([m["name"] for m in harmed])}
    if unsure:
        names = listing([m["name"] for m in unsure])
        if _has_ended(payload):
            return _("Guardrail not shown safe: %(names)s.") % {"names": names}
        return _("Guardrail not shown safe yet: %(names)s.") % {"names": names}
    return _("Guardrails are fine.") if _guardrails_that_are(payload, "safe") else ""


def _time_left_sentence(days_left: float | None) -> str:
    if days_left is None:
        return ""
    days = max(1, round(days_left))
    text = ngettext("About %(num)s day left.", "About %(num)s days left.", days)
    return text % {"num": formats.number(days)}


def _guardrails_that_are(payload: Payload, *verdicts: str) -> list[Mapping[str, Any]]:
    variant = payload["verdict"]["variant"]
    return [
        m
        for m in payload["metrics"]
        if m["role"] == "guardrail"
        and any(
            c["verdict"] in verdicts and variant in {None, c["variant"]} for c in m["comparisons"]
        )
    ]


def _why_now(payload: Payload) -> str:
    """Return why the goals may be read now."""
    rule, progress = payload["method"]["rule"], payload["verdict"]["progress"]
    if rule == "imported" or payload["experiment"]["source"] == "imported":
        return ""
    looks = payload["looks"] or {"taken": ()}
    if looks["taken"] and looks["taken"][-1]["information"] < 1:
        return _("Shown at look %(number)s of %(looks)s, before the planned size.") % {
            "number": formats.number(looks["taken"][-1]["number"]),
            "looks": formats.number(looks["planned"]),
        }
    if rule in ("group_sequential", "fixed_horizon") and progress is not None:
        return _("Planned size reached.")
    if rule == "bayesian":
        return _("The always-valid test agrees.")
    return _("The rule allows deciding on any day.")


def _early(payload: Payload) -> str:
    """Return at which look it was shown, if that was before the planned size."""
    is_early = payload["looks"] and payload["looks"]["taken"][-1]["information"] < 1
    return _why_now(payload) if is_early else ""


def _corrected(payload: Payload) -> str:
    """Return the estimate that is corrected for stopping at a look before the planned size."""
    v, looks = payload["verdict"], payload["looks"]
    metric, comparison = comparison_of(payload, metric=v["metric"], variant=v["variant"])
    found = comparison.get("corrected")
    if not found or not looks or looks["taken"][-1]["information"] >= 1:
        return ""
    if found["lift"] is None or comparison["lift"] is None:
        change = formats.metric_difference(found["difference"], metric)
        observed = formats.metric_difference(comparison["difference"], metric)
    else:
        change, observed = formats.change(found["lift"]), formats.change(comparison["lift"])
    if change == observed:
        return _("Corrected for stopping early, the change stays %(change)s.") % {"change": change}
    return _("Stopping early flatters; corrected for that, the change is %(change)s.") % {
        "change": change
    }


def _found(payload: Payload) -> str:
    """Return what the verdict's comparison shows, in the terms of the decision rule."""
    v = payload["verdict"]
    say = odds if payload["method"]["rule"] == "bayesian" else effect
    return say(payload, variant=v["variant"], metric=v["metric"])


def _ship(payload: Payload) -> tuple[str, str]:
    v = payload["verdict"]
    ship = _("Ship %(variant)s.") % {"variant": variant_in_text(payload, v["variant"])}
    cost = ""
    if payload["method"]["rule"] == "bayesian":
        cost = risk(payload, variant=v["variant"], metric=v["metric"])
    return (
        _found(payload),
        join(cost, guardrails(payload), _why_now(payload), ship, _corrected(payload)),
    )


def _keep_control(payload: Payload) -> tuple[str, str]:
    v = payload["verdict"]
    harmed = _guardrails_that_are(payload, "harmed")
    by_goal = v["metric"] not in {m["key"] for m in harmed}
    found = _found(payload) if by_goal else ""
    if v["guardrails"] != "failed" or not harmed:
        keep = _("Keep the control.")
        return (found, join(_early(payload), keep, _corrected(payload))) if found else (keep, "")
    # A gain on the goal must not be what is quoted when a guardrail decides against it.
    headline = _("Keep the control: %(variant)s harms a guardrail, %(names)s.") % {
        "variant": variant_in_text(payload, v["variant"]),
        "names": listing([m["name"] for m in harmed]),
    }
    details = [
        join(
            effect(payload, variant=v["variant"], metric=m["key"]),
            _("Nothing worse than %(margin)s is allowed.") % {"margin": margin(m)},
        )
        for m in harmed
    ]
    return headline, join(*details, found)


def _no_difference(payload: Payload) -> tuple[str, str]:
    goals = [m for m in payload["metrics"] if m["role"] == "goal"]
    # A goal that could not be read in any variant shows nothing, no lack of a difference either.
    were_read = [m for m in goals if any(c["verdict"] != "no_result" for c in m["comparisons"])]
    headline = _("No difference found in %(metrics)s.") % {
        "metrics": listing([m["name"] for m in were_read])
    }
    pattern = _("%(metric)s with %(variant)s: %(interval)s (%(level)s confidence interval).")
    ranges = [
        pattern
        % {
            "metric": m["name"],
            "variant": variant_in_text(payload, c["variant"]),
            "interval": formats.interval(c["lift_interval"]),
            "level": formats.short_percent(c["confidence_level"]),
        }
        for m in goals
        for c in m["comparisons"]
        if c["lift_interval"] is not None
    ]
    is_planned = payload["method"]["rule"] in ("fixed_horizon", "group_sequential")
    due = _why_now(payload) if is_planned else ""
    # With many comparisons the table says it better than a sentence.
    shown = ranges if len(ranges) <= 2 else []
    return headline, join(*shown, *_unread(payload), due, _("There is no reason to switch."))


def _unread(payload: Payload) -> list[str]:
    """Return which goals could not be read, and why: a sentence for each reason."""
    names: dict[str, list[str]] = {}
    for m in payload["metrics"]:
        found = [c for c in m["comparisons"] if c["verdict"] == "no_result"]
        for c in found if m["role"] == "goal" else ():
            name = m["name"]
            if len(found) < len(m["comparisons"]):
                name = _("%(metric)s with %(variant)s") % {
                    "metric": m["name"],
                    "variant": variant_in_text(payload, c["variant"]),
                }
            names.setdefault(reason(c["reason"]), []).append(name)
    pattern = _("Not read: %(names)s. %(reason)s")
    return [pattern % {"names": listing(names[why]), "reason": why} for why in names]


def _no_result(payload: Payload) -> tuple[str, str]:
    experiment, minimum = payload["experiment"], payload["method"]["minimum_units"]
    goals = [m for m in payload["metrics"] if m["role"] == "goal"]
    reasons = {(c["reason"] or {}).get("code") for m in goals for c in m["comparisons"]}
    fewest = min(v["num_units"] for v in payload["variants"])
    if experiment["state"] in ("stopped", "decided"):
        headline = _("The test is over, and no goal could be read.")
    else:
        headline = _("The planned sample is complete, and no goal could be read.")
    if "too_skewed" in reasons:
        advice = _(
            "Test again with equal weights, with a larger planned sample, or with a goal in which "
            "no unit weighs so much, such as a conversion."
        )
        return headline, join(*_unread(payload), advice)
    if fewest < minimum and experiment["source"] != "imported":
        few = _("Each variant needs %(num)s; the smallest has %(fewest)s.") % {
            "num": formats.units(minimum, experiment["unit"]),
            "fewest": formats.number(fewest),
        }
        return headline, join(few, _("Test again with a larger planned sample."))
    return headline, join(
        *(_unread(payload) or [_("No event of the goals was counted.")]),
        _("Check that the events of the goals are recorded, then test again."),
    )


def _keep_running(payload: Payload) -> tuple[str, str]:
    v, rule = payload["verdict"], payload["method"]["rule"]
    left = time_left(v["days_left"])
    if v["progress"] is None:
        headline = _("Keep running: no clear difference yet.")
    elif left:
        headline = _("Keep running: %(progress)s of the planned sample, %(left)s.") % {
            "progress": formats.progress(v["progress"]),
            "left": left,
        }
    else:
        headline = _("Keep running: %(progress)s of the planned sample.") % {
            "progress": formats.progress(v["progress"])
        }
    if rule == "always_valid":
        return headline, _("You may look every day: this rule allows it.")
    if rule == "group_sequential":
        return headline, _at_looks(payload)
    if rule == "bayesian":
        return _most_likely(payload) or headline, join(headline, _chance_alone(payload))
    return headline, _("Until then the numbers below are interim and can still turn.")


def _at_looks(payload: Payload) -> str:
    """Return what the goals are between looks, before the first one, or at one."""
    looks = payload["looks"]
    if not looks["taken"]:
        return _("Until the first look the goals are not read.")
    if looks["is_new"]:
        return _("This look shows no difference; the next one may.")
    return _("Between two looks the goals stay as they were at the last one.")


def _most_likely(payload: Payload) -> str:
    """Return the chance of the variant that is most likely better in the first goal."""
    goal = next((m for m in payload["metrics"] if m["role"] == "goal"), None)
    found = [c for c in goal["comparisons"] if c["bayesian"]] if goal else []
    if goal is None or not found:
        return ""
    best = max(found, key=lambda c: float(c["bayesian"]["chance_to_win"]))
    return odds(payload, variant=best["variant"], metric=goal["key"])


def _chance_alone(payload: Payload) -> str:
    """Return why a high chance alone decides nothing, with the error that it would make."""
    error = payload["method"]["any_peek_error"]
    if error is None:
        return _("A high chance alone decides nothing: the always-valid test must agree.")
    return _(
        "A high chance alone decides nothing, because looked at every day it calls about "
        "%(error)s of equal variants different: the always-valid test must agree."
    ) % {"error": formats.whole_percent(error)}


def _not_enough_data(payload: Payload) -> tuple[str, str]:
    experiment, v = payload["experiment"], payload["verdict"]
    num = sum(x["num_units"] for x in payload["variants"])
    counted = formats.units(num, experiment["unit"])
    if experiment["planned_num_units"]:
        headline = _("Not enough data: %(num)s of %(planned)s planned.") % {
            "num": counted,
            "planned": formats.number(experiment["planned_num_units"]),
        }
    else:
        headline = _("Not enough data: %(num)s so far.") % {"num": counted}
    detail = _("Each variant needs %(num)s, and the goal at least one event.") % {
        "num": formats.units(payload["method"]["minimum_units"], experiment["unit"])
    }
    return headline, join(_time_left_sentence(v["days_left"]), detail)


def _stopped_early(payload: Payload) -> tuple[str, str]:
    v = payload["verdict"]
    headline = _("Stopped before the planned size: no verdict.")
    if v["progress"] is not None:
        headline = _("Stopped at %(progress)s of the planned size: no verdict.") % {
            "progress": formats.progress(v["progress"])
        }
    if payload["method"]["rule"] == "group_sequential":
        return headline, _("The last look found no difference: nothing is shown, neither way.")
    return headline, _("The numbers below are interim: nothing has been shown, neither way.")


def _invalid(payload: Payload) -> tuple[str, str]:
    srm: Mapping[str, Any] = next((h for h in payload["health"] if h["code"] == "srm"), {})
    leaked = srm.get("leaked_units") or 0
    if leaked:
        text = ngettext(
            "Do not read these results: %(num)s unit is in a variant that gets no traffic.",
            "Do not read these results: %(num)s units are in a variant that gets no traffic.",
            leaked,
        )
        headline = text % {"num": formats.number(leaked)}
    else:
        headline = _("Do not read these results: the traffic split is wrong (SRM %(p)s).") % {
            "p": formats.p_value(payload["verdict"]["srm_p_value"])
        }
    off = next((x for x in payload["variants"] if x["key"] == srm.get("variant")), None)
    off = off or next((x for x in payload["variants"] if x["is_control"]), None)
    split = ""
    if off is not None and off["observed_share"] is not None:
        pattern = _("%(variant)s got %(observed)s of the units instead of %(expected)s.")
        if off["is_control"]:
            pattern = _("The control got %(observed)s of the units instead of %(expected)s.")
        split = pattern % {
            "variant": variant_in_text(payload, off["key"], starts=True),
            "observed": formats.percent(off["observed_share"]),
            "expected": formats.percent(off["expected_share"]),
        }
    advice = _("Some units are missing or counted twice: find the cause, then test again.")
    return headline, join(split, advice)


def _has_ended(payload: Payload) -> bool:
    """Return whether guardrails are read no more: the test is over, or its planned sample is."""
    is_planned = payload["method"]["rule"] in ("fixed_horizon", "group_sequential")
    is_full = is_planned and (payload["verdict"]["progress"] or 0.0) >= 1
    return is_full or payload["experiment"]["state"] in ("stopped", "decided")


def _inconclusive_guardrail(payload: Payload) -> tuple[str, str]:
    if _has_ended(payload):
        wait = _("Nothing more will be read: keep the control, or test again with more units.")
    elif payload["method"]["rule"] == "group_sequential":
        wait = _(
            "Do not ship it before that is clear: guardrails are read on, and more sharply at the "
            "planned size."
        )
    else:
        wait = _("Do not ship it before that is clear.")
    headline = join(_found(payload), guardrails(payload))
    return headline, join(wait, _early(payload), _corrected(payload))


def _unknown_verdict(payload: Payload) -> tuple[str, str]:
    return _("This snapshot has a verdict that this version does not know."), ""


_VERDICTS: dict[str, Callable[[Payload], tuple[str, str]]] = {
    "ship": _ship,
    "keep_control": _keep_control,
    "no_difference": _no_difference,
    "keep_running": _keep_running,
    "not_enough_data": _not_enough_data,
    "no_result": _no_result,
    "stopped_early": _stopped_early,
    "invalid": _invalid,
    "inconclusive_guardrail": _inconclusive_guardrail,
}
