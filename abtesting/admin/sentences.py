"""Words of the results page: a snapshot's codes in, translated sentences out.

Every sentence takes its figures from the payload and its wording from here, so that it can be
translated and quoted. Nothing is judged here: which code a result has was decided by `results`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from abtesting.admin import formats

Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """A status as word, sign and tone, so that colour is never the only sign."""

    text: str
    symbol: str
    tone: str  # good | bad | warn | neutral


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
        return _join(self.headline, self.detail)


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
        "stopped_early": Chip(text=_("Stopped early"), symbol="–", tone="neutral"),
        "invalid": Chip(text=_("Do not use"), symbol="!", tone="bad"),
        "inconclusive_guardrail": Chip(text=_("Guardrail open"), symbol="?", tone="warn"),
    }
    return chips.get(code) or Chip(text=code, symbol="–", tone="neutral")


def metric_of(payload: Payload, key: str | None) -> Mapping[str, Any] | None:
    """Return the payload's metric of that key."""
    return next((m for m in payload["metrics"] if m["key"] == key), None)


def variant_name(payload: Payload, key: str | None) -> str:
    """Return a variant's name as it is written in tables."""
    return next((v["name"] or v["key"] for v in payload["variants"] if v["key"] == key), key or "")


def variant_in_text(payload: Payload, key: str | None, *, starts: bool = False) -> str:
    """Return a variant's name as it stands in a sentence: variant B, “Benefit headline”."""
    name = variant_name(payload, key)
    if len(name) > 2:
        return _("“%(name)s”") % {"name": name}
    return (_("Variant %(name)s") if starts else _("variant %(name)s")) % {"name": name}


def comparison_chip(code: str) -> Chip:
    """Return the word for what one comparison shows."""
    words = {
        "better": Chip(text=_("Better"), symbol="✓", tone="good"),
        "worse": Chip(text=_("Worse"), symbol="✗", tone="bad"),
        "no_difference_yet": Chip(text=_("No difference yet"), symbol="–", tone="neutral"),
        "too_early": Chip(text=_("Too early to tell"), symbol="…", tone="neutral"),
        "safe": Chip(text=_("Safe"), symbol="✓", tone="good"),
        "harmed": Chip(text=_("Harmed"), symbol="✗", tone="bad"),
        "not_shown_safe": Chip(text=_("Not shown safe yet"), symbol="?", tone="warn"),
        "no_result": Chip(text=_("No result"), symbol="–", tone="neutral"),
    }
    return words.get(code) or Chip(text=code, symbol="–", tone="neutral")


def margin(metric: Mapping[str, Any]) -> str:
    """Return the change that a guardrail still allows: −2%, or +2% where lower is better."""
    if not metric["margin"]:
        return formats.short_percent(0.0)
    sign = "+" if metric["direction"] == "decrease" else formats.MINUS
    return f"{sign}{formats.short_percent(metric['margin'])}"


def reason(reason: Mapping[str, str] | None) -> str:
    """Return why a comparison has no result."""
    if reason is None:
        return ""
    texts = {
        "too_few_units": _("Too few units for a result."),
        "zero_variance": _("All units have the same value."),
        "no_data": _("No data yet."),
        "no_events": _("No events yet."),
        "zero_baseline": _("The control's value is zero, so there is no relative change."),
        "one_arm": _("Only one variant has units."),
    }
    return texts.get(reason["code"]) or reason.get("detail") or reason["code"]


def action_name(action: str) -> str:
    """Return what an audit entry records."""
    names = {
        "create": _("Created"),
        "edit": _("Edited"),
        "start": _("Started"),
        "pause": _("Paused"),
        "resume": _("Resumed"),
        "stop": _("Stopped"),
        "decide": _("Decided"),
        "import": _("Imported"),
    }
    return names.get(action, action)


def method_name(method: str) -> str:
    """Return the name of a statistical method."""
    names = {
        "score": _("Score test (Miettinen–Nurminen)"),
        "welch": _("Welch’s t-test"),
        "delta": _("Delta method"),
    }
    return names.get(method, method)


def rule(method: Mapping[str, Any]) -> str:
    """Return the decision rule in words."""
    rules = {
        "fixed_horizon": _(
            "Decided once, when the planned sample is reached; later units are not counted."
        ),
        "always_valid": _("Always valid: may be read and decided on any day."),
        "imported": _("Read once, at the end. How the sample was planned is not known."),
    }
    return rules.get(method["rule"], str(method["rule"]))


def correction(method: Mapping[str, Any]) -> str:
    """Return how the level is shared by the comparisons, and the level that is left for each."""
    level = formats.short_percent(1 - method["comparison_alpha"])
    num = method["num_comparisons"]
    if num <= 1 or method["correction"] in {None, "", "none"}:
        return _("%(level)s confidence level.") % {"level": level}
    name = {"bonferroni": "Bonferroni", "holm": "Holm"}.get(
        method["correction"], method["correction"]
    )
    text = ngettext(
        "%(level)s confidence level for each of %(num)s comparison (%(name)s).",
        "%(level)s confidence level for each of %(num)s comparisons (%(name)s).",
        num,
    )
    return text % {"level": level, "num": num, "name": name}


def effect(payload: Payload, *, variant: str | None, metric: str | None) -> str:
    """Return what a variant does to a metric, with its interval, as one sentence."""
    found = metric_of(payload, metric)
    comparison = next(
        (c for c in (found or {}).get("comparisons", ()) if c["variant"] == variant), None
    )
    if found is None or comparison is None or comparison["difference"] is None:
        return ""
    size, ends = comparison["lift"], comparison["lift_interval"]
    if size is None:  # a control of zero has no relative change
        size, ends = comparison["difference"], comparison["difference_interval"]
        amount = formats.metric_difference(abs(size), found).lstrip("+")
        between = formats.metric_difference_interval(ends, found)
    else:
        amount = formats.change(abs(size), signed=False)
        between = formats.interval(ends)
    patterns = {
        True: _("%(variant)s raises %(metric)s by %(size)s"),
        False: _("%(variant)s lowers %(metric)s by %(size)s"),
    }
    words = patterns[size > 0] if size else _("%(variant)s leaves %(metric)s unchanged")
    start = words % {
        "variant": variant_in_text(payload, variant, starts=True),
        "metric": found["name"],
        "size": amount,
    }
    if not between:
        return _("%(text)s.") % {"text": start}
    return _("%(text)s (%(level)s confidence interval: %(interval)s).") % {
        "text": start,
        "level": formats.short_percent(comparison["confidence_level"]),
        "interval": between,
    }


def guardrails(payload: Payload) -> str:
    """Return how the verdict's variant does on the guardrails, naming those that are not safe."""
    harmed = _guardrails_that_are(payload, "harmed")
    unsure = _guardrails_that_are(payload, "not_shown_safe", "no_result")
    if harmed:
        return _("Guardrail harmed: %(names)s.") % {"names": listing([m["name"] for m in harmed])}
    if unsure:
        names = listing([m["name"] for m in unsure])
        return _("Guardrail not shown safe yet: %(names)s.") % {"names": names}
    return _("Guardrails are fine.") if _guardrails_that_are(payload, "safe") else ""


def listing(names: Sequence[str]) -> str:
    """Return names as a list in a sentence, each once."""
    return pgettext("between the names of a list", ", ").join(dict.fromkeys(names))


def time_left(days_left: float | None) -> str:
    """Return "about 6 days left", a part of a sentence."""
    if days_left is None:
        return ""
    days = max(1, round(days_left))
    text = ngettext("about %(num)s day left", "about %(num)s days left", days)
    return text % {"num": formats.number(days)}


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


def _join(*sentences: str) -> str:
    # Translators: what stands between two sentences: a space, or nothing in Chinese.
    pattern = pgettext("one sentence after the other", "%(first)s %(second)s")
    text = ""
    for sentence in filter(None, sentences):
        text = pattern % {"first": text, "second": sentence} if text else sentence
    return text


def _why_now(payload: Payload) -> str:
    if payload["experiment"]["source"] == "imported":
        return ""
    if payload["method"]["rule"] == "fixed_horizon":
        return _("Planned size reached.")
    return _("The rule allows deciding on any day.")


def _ship(payload: Payload) -> tuple[str, str]:
    v = payload["verdict"]
    ship = _("Ship %(variant)s.") % {"variant": variant_in_text(payload, v["variant"])}
    return (
        effect(payload, variant=v["variant"], metric=v["metric"]),
        _join(guardrails(payload), _why_now(payload), ship),
    )


def _keep_control(payload: Payload) -> tuple[str, str]:
    v = payload["verdict"]
    harmed = _guardrails_that_are(payload, "harmed")
    by_goal = v["metric"] not in {m["key"] for m in harmed}
    found = effect(payload, variant=v["variant"], metric=v["metric"]) if by_goal else ""
    if v["guardrails"] != "failed" or not harmed:
        keep = _("Keep the control.")
        return (found, keep) if found else (keep, "")
    # A gain on the goal must not be what is quoted when a guardrail decides against it.
    headline = _("Keep the control: %(variant)s harms a guardrail, %(names)s.") % {
        "variant": variant_in_text(payload, v["variant"]),
        "names": listing([m["name"] for m in harmed]),
    }
    details = [
        _join(
            effect(payload, variant=v["variant"], metric=m["key"]),
            _("Nothing worse than %(margin)s is allowed.") % {"margin": margin(m)},
        )
        for m in harmed
    ]
    return headline, _join(*details, found)


def _no_difference(payload: Payload) -> tuple[str, str]:
    goals = [m for m in payload["metrics"] if m["role"] == "goal"]
    headline = _("No difference found in %(metrics)s.") % {
        "metrics": listing([m["name"] for m in goals])
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
    due = _why_now(payload) if payload["method"]["rule"] == "fixed_horizon" else ""
    # With many comparisons the table says it better than a sentence.
    shown = ranges if len(ranges) <= 2 else []
    return headline, _join(*shown, due, _("There is no reason to switch."))


def _keep_running(payload: Payload) -> tuple[str, str]:
    v = payload["verdict"]
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
    if payload["method"]["rule"] == "always_valid":
        return headline, _("You may look every day: this rule allows it.")
    return headline, _("Until then the numbers below are interim and can still turn.")


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
    detail = _("Results appear once each variant has enough units.")
    return headline, _join(_time_left_sentence(v["days_left"]), detail)


def _stopped_early(payload: Payload) -> tuple[str, str]:
    v = payload["verdict"]
    headline = _("Stopped before the planned size: no verdict.")
    if v["progress"] is not None:
        headline = _("Stopped at %(progress)s of the planned size: no verdict.") % {
            "progress": formats.progress(v["progress"])
        }
    detail = _("The numbers below are interim: nothing has been shown, neither way.")
    return headline, detail


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
    control = next((x for x in payload["variants"] if x["is_control"]), None)
    split = ""
    if control is not None and control["observed_share"] is not None:
        split = _("The control got %(observed)s of the units instead of %(expected)s.") % {
            "observed": formats.percent(control["observed_share"]),
            "expected": formats.percent(control["expected_share"]),
        }
    advice = _("Some units are missing or counted twice: find the cause, then test again.")
    return headline, _join(split, advice)


def _inconclusive_guardrail(payload: Payload) -> tuple[str, str]:
    v = payload["verdict"]
    found = effect(payload, variant=v["variant"], metric=v["metric"])
    return _join(found, guardrails(payload)), _("Do not ship it before that is clear.")


def _unknown_verdict(payload: Payload) -> tuple[str, str]:
    return _("This snapshot has a verdict that this version does not know."), ""


_VERDICTS: dict[str, Callable[[Payload], tuple[str, str]]] = {
    "ship": _ship,
    "keep_control": _keep_control,
    "no_difference": _no_difference,
    "keep_running": _keep_running,
    "not_enough_data": _not_enough_data,
    "stopped_early": _stopped_early,
    "invalid": _invalid,
    "inconclusive_guardrail": _inconclusive_guardrail,
}
