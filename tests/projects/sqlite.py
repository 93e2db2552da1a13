"""The demo shop on SQLite in memory: what `make test` runs under."""

from __future__ import annotations

from tests.projects.base import *

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": ":memory:",
        "OPTIONS": {"transaction_mode": "IMMEDIATE"},  # as the shop has it
    }
}
