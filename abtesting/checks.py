"""System checks: settings that would fail later, said at start-up.

E001 unknown setting, E002 setting out of range, E003 middleware missing, E004 app missing,
W001 SQLite with deferred transactions (writers then fail with "database is locked"),
W002 a cache that other processes do not share (`check --deploy`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.conf import settings as django_settings
from django.core import checks

from abtesting.conf import DEFAULTS, settings

_RANGES: dict[str, tuple[Callable[[Any], object], str]] = {
    "ALPHA": (lambda v: 0 < v < 1, "a number between 0 and 1"),
    "SRM_ALPHA": (lambda v: 0 < v < 1, "a number between 0 and 1"),
    "MINIMUM_UNITS": (lambda v: v >= 2, "2 or more"),
    "TUNED_NUM_UNITS": (lambda v: v >= 2, "2 or more"),
    "PRIOR_LIFT_SD": (lambda v: 0 < v < 10, "a number above 0 and below 10"),
    "COOKIE_AGE_DAYS": (lambda v: v > 0, "more than 0"),
    "TOKEN_AGE_SECONDS": (lambda v: v > 0, "more than 0"),
    "MAX_BATCH_EVENTS": (lambda v: v >= 1, "1 or more"),
    "EVENTS_THROTTLE_RATE": (
        lambda v: v is None or re.fullmatch(r"[1-9]\d*/(s|m|h|d|sec|min|hour|day)", v),
        'None or a number per s, min, hour or day, such as "600/min"',
    ),
    "BROWSER_EVENTS": (
        lambda v: not isinstance(v, str) and all(isinstance(name, str) for name in v),
        "a list of names of events",
    ),
    "CACHE_ALIAS": (lambda v: v in django_settings.CACHES, "a name in CACHES"),
    "MAX_EVENT_AGE_DAYS": (lambda v: v >= 0, "0 or more"),
    "VERSION_CHECK_SECONDS": (lambda v: v >= 0, "0 or more"),
    "DEFINITIONS_AGE_SECONDS": (lambda v: v > 0, "more than 0"),
}


@checks.register
def check_settings(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """E001 and E002: the `ABTESTING` dict."""
    messages: list[checks.CheckMessage] = []
    given = getattr(django_settings, "ABTESTING", {})
    messages.extend(
        checks.Error(
            f"ABTESTING has no setting {name!r}.",
            hint=f"Allowed: {', '.join(sorted(DEFAULTS))}.",
            id="abtesting.E001",
        )
        for name in sorted(set(given) - set(DEFAULTS))
    )
    for name, (is_allowed, allowed) in _RANGES.items():
        value = getattr(settings, name)
        try:
            fits = not isinstance(value, bool) and is_allowed(value)
        except TypeError:
            fits = False
        if not fits:
            messages.append(
                checks.Error(
                    f"ABTESTING[{name!r}] is {value!r}; allowed: {allowed}.", id="abtesting.E002"
                )
            )
    return messages


@checks.register
def check_middleware(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """E003: `request.abtesting` needs the middleware."""
    if "abtesting.middleware.AbtestingMiddleware" in django_settings.MIDDLEWARE:
        return []
    return [
        checks.Error(
            "abtesting.middleware.AbtestingMiddleware is not in MIDDLEWARE.",
            hint="Add it after SessionMiddleware and AuthenticationMiddleware.",
            id="abtesting.E003",
        )
    ]


@checks.register
def check_apps(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """E004: the results page loads a tag library of django-htmx."""
    if apps.is_installed("django_htmx"):
        return []
    return [
        checks.Error(
            "django_htmx is not in INSTALLED_APPS.",
            hint='Add "django_htmx" beside "abtesting".',
            id="abtesting.E004",
        )
    ]


@checks.register
def check_sqlite(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """W001: SQLite writers that begin deferred fail when there are several."""
    messages: list[checks.CheckMessage] = []
    for alias, database in django_settings.DATABASES.items():
        is_sqlite = database.get("ENGINE") == "django.db.backends.sqlite3"
        mode = database.get("OPTIONS", {}).get("transaction_mode")
        if is_sqlite and mode not in ("IMMEDIATE", "EXCLUSIVE"):
            messages.append(
                checks.Warning(
                    f"Database {alias!r} is SQLite with transaction_mode {mode!r}: "
                    "concurrent writers will fail with 'database is locked'.",
                    hint='Set OPTIONS["transaction_mode"] to "IMMEDIATE".',
                    id="abtesting.W001",
                )
            )
    return messages


@checks.register(checks.Tags.caches, deploy=True)
def check_cache(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """W002: a cache per process cannot tell other processes that definitions changed."""
    backend = str(django_settings.CACHES.get(settings.CACHE_ALIAS, {}).get("BACKEND", ""))
    if not backend.endswith(("LocMemCache", "DummyCache")):
        return []
    return [
        checks.Warning(
            f"Cache {settings.CACHE_ALIAS!r} is {backend}, which processes do not share: edits of "
            f"experiments reach them only after {settings.DEFINITIONS_AGE_SECONDS:g} seconds.",
            hint="Use a shared cache (Redis, Memcached, database, files).",
            id="abtesting.W002",
        )
    ]
