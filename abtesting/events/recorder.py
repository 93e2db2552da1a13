"""The one recorder: every exposure and every event, from wherever it comes, is stored here.

It joins the caller's transaction: what is rolled back leaves nothing. An exposure is stored once
per (experiment, unit), an event once per idempotency key, both by a unique constraint.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils import timezone

from abtesting.events import validation
from abtesting.exceptions import InvalidEventError
from abtesting.models import Event, Exposure


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """The ids of whoever acted: "" where there is none."""

    visitor: str = ""
    user: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewExposure:
    """A variant that was shown to, or used for, a unit."""

    experiment_id: int
    variant_id: int
    unit: str
    propensity: float
    exposed_at: dt.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """A valid event, ready to be stored; see `make_event`."""

    name: str
    units: Units
    idempotency_key: str
    value: Decimal | None
    properties: Mapping[str, Any]
    occurred_at: dt.datetime


def make_event(
    name: object,
    *,
    units: Units,
    idempotency_key: object = None,
    value: object = None,
    properties: object = None,
    occurred_at: object = None,
    from_browser: bool = False,
    now: dt.datetime | None = None,
) -> NewEvent:
    """Check an event and complete it.

    Args:
        idempotency_key: The same key is one event for ever. Without one, every call is a new event.
        from_browser: Keys of browsers live in a space of their own per visitor, so that nobody
            can use up the key of a purchase.

    Raises:
        InvalidEventError: A part is not allowed; the message names it.
    """
    if not units.visitor and not units.user:
        raise InvalidEventError("units are empty; allowed: a visitor, a user, or both")
    if idempotency_key is None:
        key = f"auto:{uuid.uuid4().hex}"
    elif from_browser:
        owner = units.visitor or f"user {units.user}"
        key = f"web:{owner}:{validation.check_key(idempotency_key)}"
    else:
        key = f"server:{validation.check_key(idempotency_key)}"
    return NewEvent(
        name=validation.check_name(name),
        units=units,
        idempotency_key=key,
        value=validation.check_value(value),
        properties=validation.check_properties(properties),
        occurred_at=validation.check_time(occurred_at, now=now or timezone.now()),
    )


def record_events(events: Sequence[NewEvent], *, now: dt.datetime | None = None) -> None:
    """Store events in one statement; known idempotency keys change nothing."""
    received_at = now or timezone.now()
    # In key order, so that concurrent batches never wait for each other in a circle.
    rows = [
        Event(
            name=event.name,
            visitor=event.units.visitor,
            user=event.units.user,
            value=event.value,
            idempotency_key=event.idempotency_key,
            properties=dict(event.properties),
            occurred_at=event.occurred_at,
            received_at=received_at,
        )
        for event in sorted(events, key=lambda event: event.idempotency_key)
    ]
    if rows:
        Event.objects.bulk_create(rows, ignore_conflicts=True)


def record_event(
    name: str,
    *,
    visitor: str = "",
    user: str = "",
    idempotency_key: str | None = None,
    value: object = None,
    properties: Mapping[str, Any] | None = None,
    occurred_at: dt.datetime | None = None,
    now: dt.datetime | None = None,
) -> None:
    """Store one event of the server in the caller's transaction: one statement.

    Raises:
        InvalidEventError: A part is not allowed; the message names it.
    """
    now = now or timezone.now()
    event = make_event(
        name,
        units=Units(visitor=visitor, user=user),
        idempotency_key=idempotency_key,
        value=value,
        properties=properties,
        occurred_at=occurred_at,
        now=now,
    )
    record_events([event], now=now)


def known_keys(events: Sequence[NewEvent]) -> set[str]:
    """Those idempotency keys of `events` that are stored already."""
    keys = [event.idempotency_key for event in events]
    return set(
        Event.objects.filter(idempotency_key__in=keys).values_list("idempotency_key", flat=True)
    )


def record_exposures(exposures: Sequence[NewExposure]) -> None:
    """Store exposures in one statement; the first one of a unit stays."""
    rows = [
        Exposure(
            experiment_id=exposure.experiment_id,
            variant_id=exposure.variant_id,
            unit=exposure.unit,
            propensity=exposure.propensity,
            exposed_at=exposure.exposed_at,
        )
        for exposure in sorted(
            exposures, key=lambda exposure: (exposure.experiment_id, exposure.unit)
        )
    ]
    if rows:
        Exposure.objects.bulk_create(rows, ignore_conflicts=True)
