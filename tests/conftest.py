"""What every test has: one hypothesis profile, a fresh process, and the database in the header."""

from __future__ import annotations

import pytest
from django.conf import settings
from hypothesis import settings as hypothesis_settings

# A busy machine makes an example slow without anything being wrong.
hypothesis_settings.register_profile("abtesting", deadline=None)
hypothesis_settings.load_profile("abtesting")

# Settings modules are chosen, not collected: only one of them is in force in a run.
collect_ignore = ["projects"]


def pytest_report_header() -> str:
    """Say which database the run is on, so that a log proves what it tested."""
    database = settings.DATABASES["default"]
    return f"database: {database['ENGINE']} {database.get('HOST', '')}".rstrip()


@pytest.fixture(autouse=True)
def _fresh_process() -> None:
    """Begin each test as a process that has just started: nothing kept, nothing logged yet."""
    from django.core.cache import caches
    from django.utils import translation

    from abtesting.assignment import assigner, definitions
    from abtesting.templatetags import abtesting as tags

    # A request leaves its language behind in the thread.
    translation.deactivate()
    definitions.forget()
    assigner._logged.clear()
    tags._logged.clear()
    for cache in caches.all(initialized_only=True):
        cache.clear()
