"""The demo shop's settings with what tests need different: nothing leaves the process.

Only what would make a test slow, or reach another test or the developer's own data, is changed.
"""

from __future__ import annotations

import os
import tempfile

# Read by the shop's settings: its files must not be those of a `make demo` in the same folder.
os.environ["SHOPDEMO_VAR"] = os.path.join(tempfile.gettempdir(), f"abtesting-tests-{os.getuid()}")
for _name in ("SHOPDEMO_DEBUG", "SHOPDEMO_HTTPS", "SHOPDEMO_DATABASE", "CELERY_BROKER_URL"):
    os.environ.pop(_name, None)

from shopdemo.settings import *

SECRET_KEY = "only-for-tests"

EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    # The manifest would have to be collected first.
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True

CELERY_BROKER_URL = "memory://"
CELERY_BROKER_TRANSPORT_OPTIONS = {}
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
