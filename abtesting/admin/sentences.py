"""Words of the results page: a snapshot's codes in, translated sentences out.

Every sentence takes its figures from the payload and its wording from here, so that it can be
translated and quoted. Nothing is judged here: which code a result has was decided by `results`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def comparison_of(
    payload: Payload, *, metric: str | None, variant: str | None
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the metric of that key and its comparison of that variant, each empty without one."""
    found: Mapping[str, Any] = next((m for m in payload["metrics"] if m["key"] == metric), {})
    comparisons = (c for c in found.get("comparisons", ()) if c["variant"] == variant)
    return found, next(comparisons, {})


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
        "too_skewed": _("Too uneven to be read: a few units weigh too heavily."),
        "before_first_look": _("Not read yet: the first look is still to come."),
        "zero_variance": _("All units have the same value."),
        "zero_denominator": _("The denominator is zero."),
        "no_data": _("No data yet."),
        "no_events": _("No events yet."),
        "zero_baseline": _("The control's value is zero, so there is no relative change."),
        "one_arm": _("Only one variant has units."),
    }
    return texts.get(reason["code"]) or reason.get("detail") or reason["code"]


def warning(code: str) -> str:
    """Return why a result is less certain than it looks."""
    texts = {
        "skewed": _("few units for values this uneven (a few weigh heavily); read it with care."),
        "few_successes": _("very few events; read it with care."),
    }
    return texts.get(code, code)


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
        "exact": _("Exact score test"),
        "welch": _("Welch’s t-test"),
        "delta": _("Delta method"),
    }
    return names.get(method, method)


def rule(payload: Payload) -> str:
    """Return the decision rule in words."""
    looks = payload["looks"] or {"planned": 0}
    rules = {
        "group_sequential": _(
            "Looks along the way: read up to %(num)s times until the planned sample is complete; "
            "may stop early."
        )
        % {"num": formats.number(looks["planned"])},
        "fixed_horizon": _(
            "Decided once, when the planned sample is reached; later units are not counted."
        ),
        "always_valid": _("Always valid: may be read and decided on any day."),
        "bayesian": _(
            "Chances: may be read on any day; a winner needs a high chance and the always-valid "
            "test."
        ),
        "imported": _("Read once, at the end. How the sample was planned is not known."),
    }
    return rules.get(payload["method"]["rule"], str(payload["method"]["rule"]))


def look(payload: Payload) -> str:
    """Return when the goals were read last and when they are read next, or nothing.

    Units that came after the last look of all are counted too, but the goals show none of them.
    """
    looks, experiment = payload["looks"], payload["experiment"]
    if not looks:
        return ""
    next_at = looks["next_at"] and formats.units(looks["next_at"], experiment["unit"])
    if not looks["taken"]:
        return _("The goals are first read at about %(num)s.") % {"num": next_at} if next_at else ""
    last = looks["taken"][-1]
    values = {
        "num": formats.number(last["num_units"]),
        "planned": formats.units(experiment["planned_num_units"], experiment["unit"]),
        "number": formats.number(last["number"]),
        "looks": formats.number(looks["planned"]),
        "next": next_at,
    }
    if next_at and looks["is_new"]:
        pattern = _(
            "This is look %(number)s of %(looks)s, at %(num)s of %(planned)s; next at %(next)s."
        )
        return pattern % values
    if next_at:
        pattern = _(
            "Last look: %(number)s of %(looks)s, at %(num)s of %(planned)s; next at %(next)s."
        )
        return pattern % values
    num_units = sum(v["num_units"] for v in payload["variants"])
    if last["information"] < 1 and num_units > last["num_units"]:
        pattern = _(
            "The goals stopped counting at look %(number)s of %(looks)s, at %(num)s of "
            "%(planned)s; later ones count for guardrails and health only."
        )
        return pattern % values
    return (
        _("Read at %(num)s of %(planned)s (look %(number)s of %(looks)s), for the last time.")
        % values
    )


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
    found, comparison = comparison_of(payload, metric=metric, variant=variant)
    if not comparison or comparison["difference"] is None:
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


def odds(payload: Payload, *, variant: str | None, metric: str | None) -> str:
    """Return a variant's chance to beat the control, and by how much, as one sentence."""
    found, comparison = comparison_of(payload, metric=metric, variant=variant)
    if not comparison or comparison["bayesian"] is None:
        return effect(payload, variant=variant, metric=metric)
    posterior = comparison["bayesian"]
    return _(
        "Chance that %(variant)s beats the control in %(metric)s: %(chance)s. Expected change: "
        "%(change)s (%(level)s credible interval: %(interval)s)."
    ) % {
        "variant": variant_in_text(payload, variant),
        "metric": found["name"],
        "chance": formats.chance(posterior["chance_to_win"]),
        "change": formats.change(posterior["lift"]),
        "level": formats.short_percent(posterior["level"]),
        "interval": formats.interval(posterior["lift_interval"]),
    }


def risk(payload: Payload, *, variant: str | None, metric: str | None) -> str:
    """Return what shipping a variant costs on average where it is worse."""
    found, comparison = comparison_of(payload, metric=metric, variant=variant)
    if not comparison or comparison["bayesian"] is None:
        return ""
    return _("Risk of shipping it: %(loss)s of %(metric)s on average.") % {
        "loss": formats.change(comparison["bayesian"]["expected_loss"], signed=False),
        "metric": found["name"],
    }


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


def join(*sentences: str) -> str:
    """Return sentences one after the other; empty ones are left out."""
    # Translators: what stands between two sentences: a space, or nothing in Chinese.
    pattern = pgettext("one sentence after the other", "%(first)s %(second)s")
    text = ""
    for sentence in filter(None, sentences):
        text = pattern % {"first": text, "second": sentence} if text else sentence
    return text
