"""The list of an experiment's simulations: who asked when for what, and what came out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from abtesting.admin import formats
from abtesting.admin.sentences import Chip
from abtesting.admin.simulation_parts import promise, share_text
from abtesting.models import SimulationRun
from abtesting.results import simulation_runs
from abtesting.results.simulation_report import upgraded

State = SimulationRun.State

NO_QUEUE = "the task queue cannot be reached"


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """One row of the list."""

    run: SimulationRun
    who: str
    kind: str
    chip: Chip
    outcome: str
    is_shown: bool
    can_be_shown: bool


def earlier_runs(
    runs: Iterable[SimulationRun], *, shown: SimulationRun | None, now: dt.datetime
) -> tuple[Earlier, ...]:
    """The rows of these runs.

    Args:
        runs: With who created them.
        shown: The one whose numbers are on the page.
        now: Tells a run that is under way from one that nobody works on.
    """
    return tuple(
        Earlier(
            run=run,
            who=_who(run),
            kind=_kind(run.options),
            chip=_chip(run, now=now),
            outcome=_outcome(run),
            is_shown=shown is not None and run.pk == shown.pk,
            can_be_shown=run.state == State.DONE,
        )
        for run in runs
    )


def error_text(run: SimulationRun) -> str:
    """Why a run failed."""
    # Rows keep it in English; of the others nobody knows what they say.
    return _("the task queue cannot be reached") if run.error == NO_QUEUE else run.error


def _who(run: SimulationRun) -> str:
    user = run.created_by
    # The command has no account, and accounts are deleted.
    return (user.get_full_name() or user.get_username()) if user else _("no account")


def _kind(options: Mapping[str, Any]) -> str:
    """What was asked for: parts, traffic and runs."""
    parts = {
        "aa": _("false alarms"),
        "power": pgettext("simulation", "power"),
        "bandit": pgettext("simulation", "bandit"),
    }
    kinds = {
        "own": _("%(parts)s; own traffic, %(runs)s runs"),
        "synthetic": _("%(parts)s; synthetic traffic, %(runs)s runs"),
    }
    return kinds[options["traffic"]] % {
        "parts": ", ".join(parts[part] for part in options["parts"]),
        "runs": formats.number(options["num_runs"]),
    }


def _chip(run: SimulationRun, *, now: dt.datetime) -> Chip:
    if run.state == State.FAILED:
        return Chip(text=_("Failed"), symbol="✗", tone="bad")
    if simulation_runs.is_silent(run, now=now):
        return Chip(text=_("Not done"), symbol="!", tone="warn")
    if run.state == State.DONE:
        part = (run.payload or {}).get("aa") or {}
        if "rule" in part:
            return promise(part["rule"], part["alpha"])
        return Chip(text=_("Done"), symbol="✓", tone="neutral")
    return Chip(text=str(State(run.state).label), symbol="…", tone="neutral")


def _outcome(run: SimulationRun) -> str:
    """What came out, in a few words."""
    if run.state == State.FAILED:
        return error_text(run)
    if not run.payload:
        return ""
    payload = upgraded(run.payload)
    words = []
    aa, power = payload["aa"] or {}, payload["power"] or {}
    if "rule" in aa:
        words.append(_("false alarms %(share)s") % {"share": share_text(aa["rule"]["value"])})
    lifts = [curve["smallest_lift"] for curve in power.get("curves", ())]
    found = [formats.change(lift) for lift in lifts if lift is not None]
    if found:
        words.append(_("finds %(lift)s") % {"lift": ", ".join(found)})
    reasons = [payload[part] for part in ("aa", "power", "bandit") if payload[part]]
    if any("reason" in part for part in reasons):
        words.append(_("a part could not be simulated"))
    return "; ".join(words)
