"""`POST events/`: a batch of a browser's events, each accepted, known or refused with a reason."""

from __future__ import annotations

import json
import logging
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.utils import timezone
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from abtesting.assignment.units import user_unit
from abtesting.conf import settings
from abtesting.events.filters import is_bot
from abtesting.events.recorder import NewEvent, Units, known_keys, make_event, record_events
from abtesting.events.tokens import read_token
from abtesting.exceptions import InvalidEventError, InvalidTokenError

logger = logging.getLogger("abtesting.api")

MAX_BODY_BYTES = 256 * 1024
_FIELDS = {"name", "idempotency_key", "value", "properties", "occurred_at"}


class JSONOrTextParser(BaseParser):
    """JSON under any content type: `navigator.sendBeacon` sends text/plain."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        """The body as Python; ParseError when it is no JSON or too deep.

        Numbers that no event may have (NaN, one of thousands of digits) are let through here: the
        event that has one is refused, and not the others of its batch.
        """
        body = stream.read(MAX_BODY_BYTES + 1)
        if len(body) > MAX_BODY_BYTES:
            raise RequestDataTooBig
        try:
            return json.loads(body, parse_int=_parse_int)
        except (ValueError, RecursionError) as error:
            raise ParseError(f"The body is not JSON: {error}") from error


class EventsThrottle(SimpleRateThrottle):
    """Politeness, not security: EVENTS_THROTTLE_RATE per client address."""

    scope = "abtesting-events"

    def get_rate(self) -> str | None:
        """The rate of the settings; None switches the throttle off."""
        rate: str | None = settings.EVENTS_THROTTLE_RATE
        return rate

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        """One bucket per client address."""
        return self.cache_format % {"scope": self.scope, "ident": self.get_ident(request)}

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Whether the client may go on; yes while the cache that counts is out of reach."""
        try:
            return super().allow_request(request, view)
        except Exception:
            logger.warning("The cache is out of reach: events are not throttled", exc_info=True)
            return True


class SessionUser(SessionAuthentication):
    """The user of the session, if any.

    No CSRF token is asked for: the signed unit token is what a forged request does not have.
    """

    def enforce_csrf(self, request: Request) -> None:
        """Ask for nothing."""


class EventsView(APIView):
    """A batch of events of one browser.

    Body: {"token": "…", "events": [{"name", "idempotency_key", "value", "properties",
    "occurred_at"}]}. Answer: {"results": [{"status": "recorded" | "known" | "refused", …}]}, in the
    order of the events. There is no field for a variant: the server derives it from the unit in
    the signed token.
    """

    authentication_classes = (SessionUser,)
    permission_classes = ()
    throttle_classes = (EventsThrottle,)
    parser_classes = (JSONOrTextParser,)
    renderer_classes = (JSONRenderer,)

    def post(self, request: Request) -> Response:
        """Record the good events of the batch and say what became of each."""
        try:
            data = request.data
        except RequestDataTooBig:
            return _error(413, "too_large", f"The body has more than {MAX_BODY_BYTES} bytes.")
        if not isinstance(data, dict) or not isinstance(data.get("events"), list):
            return _error(400, "invalid_batch", 'Allowed: {"token": "…", "events": […]}.')
        limit = settings.MAX_BATCH_EVENTS
        if len(data["events"]) > limit:
            count = len(data["events"])
            return _error(413, "too_many", f"The batch has {count} events; allowed: {limit}.")
        try:
            units = Units(
                visitor=read_token(data.get("token")), user=user_unit(request._request) or ""
            )
        except InvalidTokenError as error:
            return _error(403, error.code, str(error))
        if is_bot(request.headers.get("User-Agent", "")):
            return _error(403, "bot", "Events of programs are not counted.")
        return Response(self._record(data["events"], units))

    def _record(self, items: list[Any], units: Units) -> dict[str, Any]:
        now = timezone.now()
        results: list[dict[str, Any]] = []
        made: list[tuple[int, NewEvent]] = []
        for index, item in enumerate(items):
            try:
                made.append((index, _make(item, units, now)))
                results.append({"status": "recorded"})
            except InvalidEventError as error:
                results.append({"status": "refused", "code": error.code, "detail": str(error)})
        known = known_keys([event for _, event in made])
        for index, event in made:
            if event.idempotency_key in known:
                results[index] = {"status": "known"}
            known.add(event.idempotency_key)
        record_events([event for _, event in made], now=now)
        return {"results": results}


def _parse_int(digits: str) -> int | float:
    # Python refuses to read an int of thousands of digits; as a float it is infinite.
    return int(digits) if len(digits) < 400 else float(digits)


def _make(item: Any, units: Units, now: Any) -> NewEvent:
    if not isinstance(item, dict):
        raise InvalidEventError("event is no JSON object")
    unknown = sorted(set(item) - _FIELDS)
    if unknown:
        raise InvalidEventError(
            f"event has {ascii(unknown[0])[:60]}; allowed: {', '.join(sorted(_FIELDS))}"
        )
    allowed = settings.BROWSER_EVENTS
    if not isinstance(item.get("name"), str) or item["name"] not in allowed:
        raise InvalidEventError(
            f"name is {ascii(item.get('name'))[:60]}; allowed by BROWSER_EVENTS: "
            f"{', '.join(allowed) or 'none'}"
        )
    if item.get("idempotency_key") is None:
        raise InvalidEventError("idempotency_key is missing: a retry would count twice")
    return make_event(
        item.get("name"),
        units=units,
        idempotency_key=item["idempotency_key"],
        value=item.get("value"),
        properties=item.get("properties"),
        occurred_at=item.get("occurred_at"),
        from_browser=True,
        now=now,
    )


def _error(status: int, code: str, detail: str) -> Response:
    return Response({"code": code, "detail": detail}, status=status)
