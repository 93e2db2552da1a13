"""The demo shop on PostgreSQL through psycopg 3: what `make postgres` runs under.

Where the server is comes from libpq's own variables, so that it is told once for psql and for us.
"""

from __future__ import annotations

import os

from tests.projects.base import *

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ.get("PGDATABASE", "postgres"),
        "HOST": os.environ.get("PGHOST", "127.0.0.1"),
        "PORT": os.environ.get("PGPORT", "5432"),
        "USER": os.environ.get("PGUSER", "postgres"),
        "PASSWORD": os.environ.get("PGPASSWORD", ""),
        "TEST": {"NAME": "test_abtesting"},
    }
}
