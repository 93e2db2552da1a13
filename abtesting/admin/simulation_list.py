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
from abtesting.results.simulation_runs import Outcome

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
    outcomes: Iterable[Outcome], *, shown: SimulationRun | None, now: dt.datetime
) -> tuple[Earlier, ...]:
    """The rows of these runs.

    Args:
        outcomes: The runs with what came out, and with who created them.
        shown: The one whose numbers are on the page.
        now: Tells a run that is under way from one that nobody works on.
    """
    return tuple(
        Earlier(
            run=outcome.run,
            who=_who(outcome.run),
            kind=_kind(outcome.run.options),
            chip=_chip(outcome, now=now),
            outcome=_outcome_text(outcome),
            is_shown=shown is not None and outcome.run.pk == shown.pk,
            can_be_shown=outcome.run.state == State.DONE,
        )
        for outcome in outcomes
    )


def progress_chip(run: SimulationRun, *, now: dt.datetime) -> Chip:
    """How a run that is not done is called."""
    if run.state == State.FAILED:
        return Chip(text=_("Failed"), symbol="✗", tone="bad")
    if simulation_runs.is_silent(run, now=now):
        return Chip(text=_("Not done"), symbol="!", tone="warn")
    return Chip(text=str(State(run.state).label), symbol="…", tone="neutral")


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


def _chip(outcome: Outcome, *, now: dt.datetime) -> Chip:
    if outcome.run.state != State.DONE:
        return progress_chip(outcome.run, now=now)
    if outcome.rule is None or outcome.alpha is None:
        return Chip(text=_("Done"), symbol="✓", tone="neutral")
    return promise(outcome.rule, outcome.alpha)


def _outcome_text(outcome: Outcome) -> str:
    """What came out, in a few words."""
    if outcome.run.state == State.FAILED:
        return error_text(outcome.run)
    words = []
    if outcome.rule is not None:
        share = share_text(outcome.rule["value"])
        words.append(_("false alarms %(share)s") % {"share": share})
    if outcome.smallest_lifts:
        found = ", ".join(map(formats.change, outcome.smallest_lifts))
        words.append(_("finds %(lift)s") % {"lift": found})
    if outcome.lacks_part:
        words.append(_("a part could not be simulated"))
    return "; ".join(words)
