"""What the page of a simulation shows: sentences, charts and tables from a run's payload.

Every text in it is final and translated; nothing is computed but positions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from abtesting.admin import formats
from abtesting.admin.simulation_bandit import bandit
from abtesting.admin.simulation_parts import Payload, Section, title
from abtesting.admin.simulation_power import power
from abtesting.admin.simulation_rates import false_alarms
from abtesting.results.simulation_report import upgraded


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationPage:
    """Everything that the template shows of one run."""

    traffic: str
    sections: tuple[Section, ...]
    lacks_traffic: bool  # of its own, so that synthetic traffic is worth offering


def build_page(payload: Payload) -> SimulationPage:
    """The page of a run's payload."""
    payload = upgraded(payload)
    builders: dict[str, Callable[[Payload], Section]] = {
        "aa": false_alarms,
        "power": power,
        "bandit": bandit,
    }
    sections = []
    for name, build in builders.items():
        part = payload[name]
        if part is None:
            continue
        reason = part.get("reason")
        sections.append(
            Section(key=name, title=title(name), reason=_reason(reason))
            if reason
            else build(payload)
        )
    reasons = [(payload[name] or {}).get("reason") or {} for name in builders]
    return SimulationPage(
        traffic=_traffic(payload),
        sections=tuple(sections),
        lacks_traffic=any(reason.get("code") == "too_little_traffic" for reason in reasons),
    )


def _traffic(payload: Payload) -> str:
    traffic = payload["traffic"]
    units = formats.units(traffic["num_units"], payload["unit"])
    days = ngettext("%(num)s day", "%(num)s days", traffic["num_days"]) % {
        "num": formats.number(traffic["num_days"])
    }
    names = ", ".join(traffic["experiments"])
    if not traffic["num_units"] and traffic["baseline"] is None:
        return _("There is no traffic of the past yet.")
    if traffic["source"] == "own":
        text = _("Your own traffic: %(units)s in %(days)s (%(names)s).")
    elif traffic["baseline"] is None:
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
