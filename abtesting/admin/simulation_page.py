"""What the page of a simulation shows: sentences, charts and tables from a run's payload.

Every text in it is final and translated; nothing is computed but positions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from abtesting.admin import formats
from abtesting.admin.plots import Plot, make_plot
from abtesting.admin.sentences import Chip
from abtesting.results.power_curve import GOOD_POWER

Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One part of a simulation."""

    key: str
    title: str
    sentence: str
    details: tuple[str, ...] = ()
    chip: Chip | None = None
    plot: Plot | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationPage:
    """Everything that the template shows of one run."""

    traffic: str
    sections: tuple[Section, ...]
    lacks_traffic: bool  # of its own, so that synthetic traffic is worth offering


def build_page(payload: Payload) -> SimulationPage:
    """The page of a run's payload."""
    builders: dict[str, Callable[[Payload], Section]] = {
        "aa": _false_alarms,
        "power": _power,
        "bandit": _bandit,
    }
    sections = []
    for name, build in builders.items():
        part = payload[name]
        if part is None:
            continue
        reason = part.get("reason")
        sections.append(
            Section(key=name, title=_titles()[name], sentence="", reason=_reason(reason))
            if reason
            else build(payload)
        )
    reasons = [(payload[name] or {}).get("reason") or {} for name in builders]
    return SimulationPage(
        traffic=_traffic(payload),
        sections=tuple(sections),
        lacks_traffic=any(reason.get("code") == "too_little_traffic" for reason in reasons),
    )


def _titles() -> dict[str, str]:
    return {
        "aa": _("False alarms"),
        "power": _("What it can find"),
        "bandit": _("If a bandit split the traffic"),
    }


def _traffic(payload: Payload) -> str:
    traffic = payload["traffic"]
    units = formats.units(traffic["num_units"], payload["unit"])
    days = ngettext("%(num)s day", "%(num)s days", traffic["num_days"]) % {
        "num": formats.number(traffic["num_days"])
    }
    names = ", ".join(traffic["experiments"])
    if traffic["source"] == "own":
        text = _("Your own traffic: %(units)s in %(days)s (%(names)s).")
    elif traffic["num_units"]:
        text = _("Synthetic traffic with the mean and spread of %(units)s in %(days)s (%(names)s).")
    else:
        text = _("Synthetic traffic with an assumed conversion rate.")
    return text % {"units": units, "days": days, "names": names}


def _reason(reason: Payload) -> str:
    if reason["code"] == "too_little_traffic":
        text = _(
            "There is too little traffic to replay: %(num)s of the %(needed)s units that this "
            "takes. Synthetic traffic needs fewer."
        )
        return text % {
            "num": formats.number(reason["num_units"]),
            "needed": formats.number(reason["needed"]),
        }
    texts = {
        "no_variation": _("All units so far have the same value, so there is nothing to simulate."),
        "not_for_ratios": _("A bandit needs a goal with one total per unit; this one is a ratio."),
    }
    return texts.get(reason["code"], str(reason["detail"]))


# False alarms


def _false_alarms(payload: Payload) -> Section:
    part = payload["aa"]
    rule, peeking, alpha = part["rule"], part["peeking"], part["alpha"]
    is_own = payload["traffic"]["source"] == "own"
    # Each sentence as a whole: languages put their parts in different places.
    if is_own and part["is_daily"]:
        text = _(
            "If nothing had changed, this test would have cried wolf in %(rule)s of %(runs)s "
            "replays of your own traffic; looking every day at p < %(alpha)s would have in "
            "%(peeking)s."
        )
    elif is_own:
        text = _(
            "If nothing had changed, this test would have cried wolf in %(rule)s of %(runs)s "
            "replays of your own traffic; looking %(peeks)s times at p < %(alpha)s would have in "
            "%(peeking)s."
        )
    else:
        text = _(
            "If nothing had changed, this test would have cried wolf in %(rule)s of %(runs)s "
            "simulated tests; looking %(peeks)s times at p < %(alpha)s would have in %(peeking)s."
        )
    interval = _("With this many runs, the share is known to be between %(lower)s and %(upper)s.")
    return Section(
        key="aa",
        title=_titles()["aa"],
        sentence=text
        % {
            "rule": _share(rule["value"]),
            "peeking": _share(peeking["value"]),
            "runs": formats.number(rule["num_runs"]),
            "peeks": formats.number(part["num_peeks"]),
            "alpha": formats.number(alpha, 2),
        },
        details=(interval % {"lower": _share(rule["lower"]), "upper": _share(rule["upper"])},),
        chip=_promise(rule, alpha),
        plot=make_plot(
            [part["rule_by_units"], part["peeking_by_units"]],
            title=_("Share of replays with a false alarm so far, by units"),
            x_name=_("Units"),
            names=(
                _("The rule of this test"),
                _("Looking at p < %(alpha)s") % {"alpha": formats.number(alpha, 2)},
            ),
            x_text=formats.number,
            y_text=_share,
            y_axis=formats.short_percent,
            y_marks=[alpha],
        ),
    )


# Power


def _power(payload: Payload) -> Section:
    part = payload["power"]
    units = formats.units(part["num_units"], payload["unit"])
    points = part["points"]
    smallest = part["smallest_lift"]
    names = {
        "metric": _metric(payload, part)["name"],
        "units": units,
        "share": formats.short_percent(GOOD_POWER),
    }
    if smallest is None:
        text = _(
            "No change that was tried in %(metric)s is found in %(share)s of tests of %(units)s."
        )
    else:
        text = _(
            "A change of %(lift)s in %(metric)s is found in %(share)s of tests of %(units)s; "
            "smaller ones are found less often."
        )
        names["lift"] = formats.change(smallest)
    lifts = [point["lift"] for point in points]
    return Section(
        key="power",
        title=_titles()["power"],
        sentence=text % names,
        details=tuple(_power_details(part)),
        plot=make_plot(
            [
                [(abs(p["lift"]), p["found"]["value"]) for p in points],
                [(abs(p["lift"]), p["sample_used"]) for p in points],
            ],
            bands=[[(p["found"]["lower"], p["found"]["upper"]) for p in points]],
            title=_("Share of tests that find a change, by its size"),
            x_name=_("True change"),
            names=(_("Tests that find it"), _("Share of the sample used")),
            x_text=formats.change,
            y_text=_share,
            x_axis=lambda lift: formats.change(lift if max(lifts) > 0 else -lift),
            y_axis=formats.short_percent,
            highest=1.0,
            y_marks=[GOOD_POWER],
            x_marks=[part["minimum_lift"]] if part["minimum_lift"] else [],
            keys=lifts,
            extra=(_("Called worse"), [_share(p["lost"]) for p in points]),
        ),
    )


def _power_details(part: Payload) -> list[str]:
    wanted = part["minimum_lift"]
    found = [p for p in part["points"] if wanted and abs(abs(p["lift"]) - wanted) < 1e-9]
    lines = []
    if found:
        text = _("The smallest change of interest, %(lift)s, is found in %(share)s.")
        share = _share(found[0]["found"]["value"])
        lines.append(text % {"lift": formats.change(found[0]["lift"]), "share": share})
    runs = part["points"][0]["found"]["num_runs"]
    text = _(
        "%(runs)s runs of each change. The test ends at the first look that shows a difference."
    )
    return [*lines, text % {"runs": formats.number(runs)}]


# Bandit


def _bandit(payload: Payload) -> Section:
    part = payload["bandit"]
    bandit, split = part["bandit"], part["split"]
    metric = _metric(payload, part)
    variant = next((name for key, name, _w in payload["variants"] if key == part["variant"]), "")
    if metric["kind"] == "proportion":
        text = _(
            "With “%(variant)s” %(lift)s better, a bandit loses %(bandit)s conversions on the way "
            "to the end of the sample, the planned split loses %(split)s."
        )
    else:
        text = _(
            "With “%(variant)s” %(lift)s better, a bandit loses %(bandit)s on the way to the end "
            "of the sample, the planned split loses %(split)s."
        )

    def amount(value: float) -> str:
        if metric["kind"] == "proportion":
            return formats.number(value, 1 if value < 100 else 0)
        return formats.metric_total(round(value, 2), metric, numerator=True)

    better = _(
        "It gives %(bandit)s of the units the better variant instead of %(split)s, and ends with "
        "it ahead in %(picked)s of runs instead of %(split_picked)s."
    ) % {
        "bandit": _share(bandit["best_share"]),
        "split": _share(split["best_share"]),
        "picked": _share(bandit["best_picked"]["value"]),
        "split_picked": _share(split["best_picked"]["value"]),
    }
    proven = _(
        "Its test shows the difference in %(bandit)s of runs, that of the planned split in "
        "%(split)s. Equal variants are called different in %(alarms)s and %(split_alarms)s."
    ) % {
        "bandit": _share(bandit["found"]["value"]),
        "split": _share(split["found"]["value"]),
        "alarms": _share(bandit["false_alarms"]["value"]),
        "split_alarms": _share(split["false_alarms"]["value"]),
    }
    how = _(
        "Thompson sampling, shares renewed %(num)s times, at least %(floor)s of the traffic for "
        "each variant; %(runs)s runs."
    ) % {
        "num": formats.number(part["num_batches"]),
        "floor": formats.short_percent(part["floor"]),
        "runs": formats.number(bandit["found"]["num_runs"]),
    }
    errs = bandit["false_alarms"]["lower"] > payload["alpha"]
    return Section(
        key="bandit",
        title=_titles()["bandit"],
        chip=Chip(text=_("its test errs too often here"), symbol="!", tone="warn")
        if errs
        else None,
        sentence=text
        % {
            "variant": variant,
            "lift": formats.change(abs(part["lift"]), signed=False),
            "bandit": amount(bandit["regret"]),
            "split": amount(split["regret"]),
        },
        details=(better, proven, how),
        plot=make_plot(
            [
                [(0, 0.0), *bandit["regret_by_units"]],
                [(0, 0.0), *split["regret_by_units"]],
            ],
            title=_("What is lost so far against showing everybody the better variant, by units"),
            x_name=_("Units"),
            names=(_("Bandit"), _("Planned split")),
            x_text=formats.number,
            y_text=amount,
            y_axis=lambda value: formats.number(value, 0 if value.is_integer() else 1),
        ),
    )


def _promise(share: Mapping[str, float], alpha: float) -> Chip:
    """Whether a share of false alarms can be at most what was promised."""
    if share["lower"] <= alpha:
        text, symbol, tone = _("keeps its promise of at most %(alpha)s"), "✓", "good"
    else:
        text, symbol, tone = _("more often than the promised %(alpha)s"), "!", "warn"
    return Chip(text=text % {"alpha": formats.short_percent(alpha)}, symbol=symbol, tone=tone)


def _share(value: float) -> str:
    """A share of runs, with one decimal; a small one keeps a digit that is not zero."""
    return formats.change(value, signed=False)


def _metric(payload: Payload, part: Payload) -> Mapping[str, str]:
    return next(metric for metric in payload["metrics"] if metric["key"] == part["metric"])
