"""The lifecycle: draft → running ⇄ paused → stopped → decided. Every transition is audited.

Each function changes the state only if it is still what was expected, so that two people who click
at the same time make one transition.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from abtesting.assignment import definitions
from abtesting.exceptions import TransitionError
from abtesting.models import AuditEntry, Experiment, ResultSnapshot, Variant
from abtesting.models.experiment import stored_state
from abtesting.results import snapshots
from abtesting.results.health import launch_checklist

logger = logging.getLogger("abtesting.lifecycle")

State = Experiment.State


def start(
    experiment: Experiment,
    *,
    actor: AbstractBaseUser | None = None,
    now: dt.datetime | None = None,
) -> None:
    """Draft → running.

    Raises:
        TransitionError: Not a draft, or a required line of the launch checklist is not fulfilled.
    """
    now = now or timezone.now()
    with transaction.atomic():
        # Locked first: what is checked is what starts.
        is_draft = stored_state(experiment.pk) == State.DRAFT
        problems = [
            _("%(label)s: %(hint)s") % {"label": item.label, "hint": item.hint}
            for item in launch_checklist(experiment)
            if item.required and not item.ok
        ]
        if problems and is_draft:
            raise TransitionError(problems)
        stored = Experiment.objects.get(pk=experiment.pk)
        _transition(
            experiment,
            "start",
            allowed=(State.DRAFT,),
            after=State.RUNNING,
            actor=actor,
            now=now,
            started_at=now,
            # From now on the rule and the settings are what they are today, also where they were
            # left to be chosen.
            decision_rule=stored.rule,
            **asdict(stored.criteria),
        )


def pause(
    experiment: Experiment,
    *,
    actor: AbstractBaseUser | None = None,
    now: dt.datetime | None = None,
    note: str = "",
) -> None:
    """Running → paused: everybody sees the control, nobody is exposed.

    Raises:
        TransitionError: Not running.
    """
    now = now or timezone.now()
    _transition(
        experiment,
        "pause",
        allowed=(State.RUNNING,),
        after=State.PAUSED,
        actor=actor,
        now=now,
        note=note,
    )


def resume(
    experiment: Experiment,
    *,
    actor: AbstractBaseUser | None = None,
    now: dt.datetime | None = None,
) -> None:
    """Paused → running: each unit sees the variant it had.

    Raises:
        TransitionError: Not paused.
    """
    now = now or timezone.now()
    _transition(
        experiment, "resume", allowed=(State.PAUSED,), after=State.RUNNING, actor=actor, now=now
    )


def stop(
    experiment: Experiment,
    *,
    actor: AbstractBaseUser | None = None,
    now: dt.datetime | None = None,
    note: str = "",
) -> ResultSnapshot | None:
    """Running or paused → stopped: everybody sees the control; a last snapshot is taken.

    Returns:
        The snapshot; None when it could not be computed, which is logged: a test can be switched
        off whatever state its data is in.

    Raises:
        TransitionError: Neither running nor paused.
    """
    now = now or timezone.now()
    _transition(
        experiment,
        "stop",
        allowed=(State.RUNNING, State.PAUSED),
        after=State.STOPPED,
        actor=actor,
        now=now,
        note=note,
        ended_at=now,
    )
    try:
        with transaction.atomic():
            return snapshots.refresh(experiment, now=now, actor=actor)
    except Exception:
        logger.exception("The last results of experiment %s failed", experiment.key)
        return None


def decide(
    experiment: Experiment,
    *,
    variant: Variant,
    actor: AbstractBaseUser | None = None,
    now: dt.datetime | None = None,
    note: str = "",
) -> None:
    """Stopped → decided: everybody sees `variant` from now on, which may be the control.

    Raises:
        TransitionError: Not stopped, or the variant is of another experiment.
    """
    if variant.experiment_id != experiment.pk:
        keys = pgettext("between the names of a list", ", ").join(
            own.key for own in experiment.variants.all()
        )
        raise TransitionError(
            [
                _("Variant %(variant)s is not of experiment %(experiment)s; allowed: %(keys)s.")
                % {"variant": variant.key, "experiment": experiment.key, "keys": keys}
            ]
        )
    now = now or timezone.now()
    _transition(
        experiment,
        "decide",
        allowed=(State.STOPPED,),
        after=State.DECIDED,
        actor=actor,
        now=now,
        note=note,
        decided_variant=variant,
    )


def _transition(
    experiment: Experiment,
    action: str,
    *,
    allowed: Sequence[str],
    after: str,
    actor: AbstractBaseUser | None,
    now: dt.datetime,
    note: str = "",
    **changes: Any,
) -> None:
    if experiment.source == Experiment.Source.IMPORTED:
        raise TransitionError(
            [_("%(name)s was imported: it has no lifecycle here.") % {"name": experiment.name}]
        )
    with transaction.atomic():
        # What is stored, not what this copy remembers: somebody else may have been quicker.
        before = stored_state(experiment.pk)
        changed = before in allowed and Experiment.objects.filter(
            pk=experiment.pk, state=before
        ).update(state=after, updated_at=now, **changes)
        experiment.refresh_from_db()
        if not changed:
            labels = {
                "start": _("Start"),
                "pause": _("Pause"),
                "resume": _("Resume"),
                "stop": _("Stop"),
                "decide": _("Decide"),
            }
            comma = pgettext("between the names of a list", ", ")
            raise TransitionError(
                [
                    _("“%(action)s” needs the state %(allowed)s; %(name)s is %(state)s.")
                    % {
                        "action": labels[action],
                        "allowed": comma.join(str(State(state).label) for state in allowed),
                        "name": experiment.name,
                        "state": experiment.get_state_display(),
                    }
                ]
            )
        AuditEntry.objects.create(
            experiment=experiment,
            actor_id=actor.pk if actor else None,
            action=action,
            before={"state": before},
            after={
                "state": experiment.state,
                **(
                    {"variant": changes["decided_variant"].key}
                    if "decided_variant" in changes
                    else {}
                ),
            },
            note=note,
            created_at=now,
        )
        definitions.changed()
