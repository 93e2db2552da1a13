"""What one request gathers: its assignments, and the exposures and events to be stored for it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from asgiref.sync import sync_to_async
from django.db import Error as DatabaseFailure
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.cache import patch_cache_control, patch_vary_headers

from abtesting.assignment import definitions
from abtesting.assignment.assigner import Assignment, assign
from abtesting.assignment.units import (
    Visitor,
    exposure_marker,
    read_visitor,
    user_unit,
    write_visitor,
)
from abtesting.events.filters import is_bot
from abtesting.events.recorder import (
    NewEvent,
    NewExposure,
    Units,
    make_event,
    record_events,
    record_exposures,
)
from abtesting.events.tokens import issue_token

logger = logging.getLogger("abtesting.events")


class RequestExperiments:
    """What `request.abtesting` offers to views and templates of one request."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._assignments: dict[str, Assignment] = {}
        self._exposures: dict[str, NewExposure] = {}  # by marker
        self._events: list[NewEvent] = []
        self._is_personal = False

    @cached_property
    def visitor(self) -> Visitor:
        """The browser behind this request; reading it makes the response carry the cookie."""
        self._make_personal()
        return read_visitor(self._request)

    @cached_property
    def is_bot(self) -> bool:
        """Whether the user agent is that of a program; its page is not one for people."""
        self._make_personal()
        return is_bot(self._request.headers.get("User-Agent", ""))

    @property
    def user(self) -> str | None:
        """The logged-in user as a unit, or None. May load the session and the user.

        Not kept: a view may log somebody in.
        """
        return user_unit(self._request)

    @property
    def units(self) -> Units:
        """The ids of whoever makes this request."""
        return Units(visitor=self.visitor.id, user=self.user or "")

    def assignment(self, experiment: str) -> Assignment:
        """What this unit would see, and why. Silent: no exposure."""
        found = self._assignments.get(experiment)
        if found is None:
            found = assign(experiment, self._unit, is_bot=self.is_bot)
            self._assignments[experiment] = found
            self._make_personal()
        return found

    def expose(self, experiment: str) -> Assignment:
        """The assignment; showing it is the exposure, which is stored after the response."""
        assignment = self.assignment(experiment)
        if not assignment.is_counted:
            return assignment
        assert assignment.experiment_id is not None
        assert assignment.variant_id is not None
        assert assignment.propensity is not None
        marker = exposure_marker(assignment.experiment_id, assignment.unit_kind, assignment.unit)
        if marker not in self._exposures and marker not in self.visitor.exposed:
            self._exposures[marker] = NewExposure(
                experiment_id=assignment.experiment_id,
                variant_id=assignment.variant_id,
                unit=assignment.unit,
                propensity=assignment.propensity,
                exposed_at=timezone.now(),
            )
        return assignment

    def variant(self, experiment: str) -> str | None:
        """Key of the variant to show, and its exposure. None: unknown, show the control."""
        return self.expose(experiment).variant

    def value(self, experiment: str, name: str, default: Any = None) -> Any:
        """A value of the variant's payload, or `default`, and its exposure."""
        return self.expose(experiment).payload.get(name, default)

    def track(
        self,
        name: str,
        *,
        value: object = None,
        key: str | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> None:
        """Store an event now, in the caller's transaction.

        Args:
            name: Name of the event.
            value: Its value, for instance the order's total.
            key: Idempotency key; the same key is one event for ever.
            properties: Anything else that is worth keeping; no personal data.

        Raises:
            InvalidEventError: A part is not allowed; the message names it.
        """
        if self.is_bot:
            return
        event = make_event(
            name, units=self.units, idempotency_key=key, value=value, properties=properties
        )
        # An exposure of this very request comes before its event, in the same transaction.
        # It is offered again after the response, in case this transaction is rolled back.
        record_exposures(list(self._exposures.values()))
        record_events([event])

    async def atrack(
        self,
        name: str,
        *,
        value: object = None,
        key: str | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> None:
        """`track` for async views."""
        await sync_to_async(self.track)(name, value=value, key=key, properties=properties)

    def track_later(
        self,
        name: str,
        *,
        value: object = None,
        key: str | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> None:
        """Store an event after the response, with the exposures: what `{% track %}` does.

        Raises:
            InvalidEventError: A part is not allowed; the message names it.
        """
        if not self.is_bot:
            # The user is added when it is written: loading it may need a query, and templates
            # are also rendered where none is allowed.
            units = Units(visitor=self.visitor.id)
            self._events.append(
                make_event(
                    name, units=units, idempotency_key=key, value=value, properties=properties
                )
            )

    def token(self) -> str:
        """A signed token with which this browser may post events."""
        return issue_token(self.visitor.id)

    def flush(self) -> None:
        """Write what this request has gathered. Never raises: the page is worth more."""
        if self._request.method == "HEAD":
            return  # asked by programs; nobody is shown anything
        exposures, events = list(self._exposures.values()), self._events
        if not exposures and not events:
            return
        try:
            record_exposures(exposures)
            # All that is on a page happens when it is served: an event whose tag stands above the
            # experiment's does not come before the exposure.
            now = timezone.now()
            record_events([replace(event, units=self.units, occurred_at=now) for event in events])
        except DatabaseFailure:
            logger.exception(
                "%d exposure(s) and %d event(s) could not be stored", len(exposures), len(events)
            )
            return
        self._events = []
        # Only what still runs is worth remembering: the cookie stays small.
        running = {str(definition.id) for definition in definitions.running()}
        self.visitor.exposed = {
            marker
            for marker in self.visitor.exposed | set(self._exposures)
            if marker.partition("u")[0] in running
        }

    def finish(self, response: HttpResponseBase) -> None:
        """Set the cookie and the cache headers that what was used asks for."""
        if self._is_personal:
            patch_vary_headers(response, ("Cookie",))
            patch_cache_control(response, private=True)
        if "visitor" not in self.__dict__ or self.is_bot:
            return
        if self.visitor.is_new or self._exposures:
            write_visitor(self._request, response, self.visitor)

    def _make_personal(self) -> None:
        """Keep this page from everybody else."""
        self._is_personal = True
        # `cache_page` around the view stores the page before `finish` can say so in its headers;
        # this is what Django's cache middleware asks. Others would get this visitor's variant,
        # and a token with which their events count as this visitor's.
        self._request._cache_update_cache = False  # type: ignore[attr-defined]  # set by Django's

    def _unit(self, kind: str) -> str | None:
        return self.user if kind == "user" else self.visitor.id
