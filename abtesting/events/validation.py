"""What an event may be.

Everything that would make a database refuse a batch is refused here, by event and with a reason, so
that one bad event never takes good ones with it.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.dateparse import parse_datetime

from abtesting.conf import settings
from abtesting.exceptions import InvalidEventError
from abtesting.models.event import EVENT_NAME_VALIDATOR

MAX_KEY_LENGTH = 180
MAX_PROPERTIES_BYTES = 4096
MAX_PROPERTIES_DEPTH = 16
MAX_VALUE = Decimal(10) ** 11

_UNSAFE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
# In JSON text, where they are written as \u00.. (but a backslash of the text as two).
_ESCAPED_CONTROL = re.compile(r"(?<!\\)(?:\\\\)*\\u00[01]")
_SIX_PLACES = Decimal("0.000001")


def check_name(name: object) -> str:
    """The event's name.

    Raises:
        InvalidEventError: Not 1-80 letters, digits, spaces or any of _ . : $ -
    """
    if not isinstance(name, str) or not re.match(EVENT_NAME_VALIDATOR.regex, name):
        raise InvalidEventError(
            f"name is {_shown(name)}; allowed: 1 to 80 letters, digits, spaces or _ . : $ -"
        )
    return name


def check_key(key: object) -> str:
    """The idempotency key as its sender wrote it.

    Raises:
        InvalidEventError: Not 1-180 printable characters.
    """
    if not isinstance(key, str) or not 1 <= len(key) <= MAX_KEY_LENGTH or _UNSAFE.search(key):
        raise InvalidEventError(
            f"idempotency_key is {_shown(key)}; allowed: 1 to {MAX_KEY_LENGTH} printable characters"
        )
    return key


def check_value(value: object) -> Decimal | None:
    """The event's value with six decimals, or None.

    Raises:
        InvalidEventError: Not a finite number of at most 1e11 in size.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        raise InvalidEventError(f"value is {_shown(value)}; allowed: a number or null")
    try:
        # str() first: 0.1 is the number its sender wrote, not its binary neighbour.
        number = Decimal(str(value).strip())
    except (InvalidOperation, ValueError) as error:
        raise InvalidEventError(f"value is {_shown(value)}; allowed: a number or null") from error
    if not number.is_finite() or number.copy_abs() > MAX_VALUE:
        raise InvalidEventError(
            f"value is {_shown(value)}; allowed: a finite number from -1e11 to 1e11"
        )
    return number.quantize(_SIX_PLACES)


def check_properties(properties: object) -> dict[str, Any]:
    """The event's properties.

    Raises:
        InvalidEventError: Not a JSON object of at most 4096 bytes and 16 levels without control
            characters.
    """
    if properties is None:
        return {}
    if not isinstance(properties, Mapping):
        raise InvalidEventError(f"properties is {_shown(properties)}; allowed: a JSON object")
    try:
        text = json.dumps(
            dict(properties), cls=DjangoJSONEncoder, allow_nan=False, ensure_ascii=False
        )
        stored: dict[str, Any] = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidEventError(f"properties cannot be stored as JSON: {error}") from error
    # Surrogates are counted as three bytes; whether they are allowed is said below.
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_PROPERTIES_BYTES:
        raise InvalidEventError(
            f"properties has {size} bytes; allowed: at most {MAX_PROPERTIES_BYTES}"
        )
    if _UNSAFE.search(text) or _ESCAPED_CONTROL.search(text):
        raise InvalidEventError("properties has control characters; allowed: printable text")
    if _has_more_levels(stored, MAX_PROPERTIES_DEPTH):
        raise InvalidEventError(
            f"properties is nested too deep; allowed: {MAX_PROPERTIES_DEPTH} levels"
        )
    return stored


def check_time(occurred_at: object, *, now: dt.datetime) -> dt.datetime:
    """When it happened, clamped to [now - MAX_EVENT_AGE_DAYS, now]; `now` when not given.

    Raises:
        InvalidEventError: Not an ISO 8601 time with a time zone.
    """
    if occurred_at is None:
        return now
    try:
        time = parse_datetime(occurred_at) if isinstance(occurred_at, str) else occurred_at
    except ValueError:
        time = None
    if not isinstance(time, dt.datetime) or time.tzinfo is None:
        raise InvalidEventError(
            f"occurred_at is {_shown(occurred_at)}; allowed: an ISO 8601 time with a time zone"
        )
    earliest = now - dt.timedelta(days=settings.MAX_EVENT_AGE_DAYS)
    try:
        return min(max(time, earliest), now).astimezone(dt.UTC)
    except OverflowError as error:
        raise InvalidEventError(
            f"occurred_at is {_shown(occurred_at)}; allowed: a time between year 1 and 9999"
        ) from error


def _has_more_levels(value: Any, levels: int) -> bool:
    layer = [value]
    for _ in range(levels):
        layer = [
            child
            for item in layer
            if isinstance(item, (dict, list))
            for child in (item.values() if isinstance(item, dict) else item)
        ]
    return bool(layer)


def _shown(value: object) -> str:
    try:
        text = ascii(value)
    except (ValueError, RecursionError):  # a number of too many digits, a list of too many levels
        return f"a huge {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."
