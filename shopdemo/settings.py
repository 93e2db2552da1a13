"""Settings of the demo shop: SQLite and files under `var/`, so that it starts without any server.

Every value that differs between machines comes from the environment; the defaults run the demo.
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from pathlib import Path
from typing import Any

from celery.schedules import crontab
from django.utils.translation import gettext_lazy as _

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(os.environ.get("SHOPDEMO_VAR", BASE_DIR / "var")).resolve()
STATIC_ROOT = VAR_DIR / "static"
CACHE_DIR = VAR_DIR / "cache"
BROKER_DIR = VAR_DIR / "broker"
for _folder in (
    STATIC_ROOT,
    CACHE_DIR,
    BROKER_DIR / "messages",
    BROKER_DIR / "processed",
    BROKER_DIR / "control",
):
    _folder.mkdir(parents=True, exist_ok=True)


def _flag(name: str) -> bool:
    return os.environ.get(name, "").lower() in {"1", "true", "yes", "on"}


def _words(name: str) -> list[str]:
    return [word.strip() for word in os.environ.get(name, "").split(",") if word.strip()]


def _secret_key(path: Path) -> str:
    """Reads the key, or makes one. A hard link is atomic: of two first starts, one key wins."""
    if not path.exists():
        # mkstemp creates the file with mode 0600, and a hard link keeps it.
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".secret_key-")
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(50))
        try:
            os.link(name, path)
        except FileExistsError:
            pass
        finally:
            Path(name).unlink()
    return path.read_text().strip()


# The shop

SHOP_NAME = "Harrow & Pine"
SHOP_CURRENCY = "€"

# Security

DEBUG = _flag("SHOPDEMO_DEBUG")
SECRET_KEY = os.environ.get("SHOPDEMO_SECRET_KEY") or _secret_key(VAR_DIR / "secret_key")
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", "testserver", *_words("SHOPDEMO_ALLOWED_HOSTS")]
CSRF_TRUSTED_ORIGINS = _words("SHOPDEMO_TRUSTED_ORIGINS")
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
# Behind a proxy that ends TLS: cookies for HTTPS only. The demo itself is plain HTTP.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _flag("SHOPDEMO_HTTPS")
if _flag("SHOPDEMO_HTTPS"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31_536_000

# Application

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "rest_framework",
    "abtesting",
    "shopdemo",
]

MIDDLEWARE = [
    "shopdemo.middleware.security_headers",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    # Experiments: after authentication, because a unit may be a user.
    "abtesting.middleware.AbtestingMiddleware",
]

ROOT_URLCONF = "shopdemo.urls"
WSGI_APPLICATION = "shopdemo.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "shopdemo.context_processors.shop",
            ],
        },
    },
]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "shop:login"
LOGIN_REDIRECT_URL = "shop:orders"
LOGOUT_REDIRECT_URL = "shop:home"

# Storage: SHOPDEMO_DATABASE=postgres takes the standard PG* variables, as psql does.

if os.environ.get("SHOPDEMO_DATABASE", "sqlite") == "postgres":
    _database: dict[str, Any] = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ.get("PGDATABASE", "shopdemo"),
        "USER": os.environ.get("PGUSER", ""),
        "PASSWORD": os.environ.get("PGPASSWORD", ""),
        "HOST": os.environ.get("PGHOST", ""),
        "PORT": os.environ.get("PGPORT", ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
else:
    _database = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": VAR_DIR / "shop.sqlite3",
        "OPTIONS": {
            # A transaction that writes takes the lock when it begins: it waits, and never fails
            # half-way because another process wrote first.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
DATABASES = {"default": _database}

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": CACHE_DIR,
        "OPTIONS": {"MAX_ENTRIES": 5_000},
    },
}

# Language and time

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "shopdemo" / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True

# Static files: hashed and compressed once `collectstatic` has run, straight from the apps before.

STATIC_URL = "static/"
_collected = (STATIC_ROOT / "staticfiles.json").exists() and not DEBUG
if _collected or "collectstatic" in sys.argv:
    _static_storage = "whitenoise.storage.CompressedManifestStaticFilesStorage"
else:
    _static_storage = "django.contrib.staticfiles.storage.StaticFilesStorage"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": _static_storage},
}
WHITENOISE_USE_FINDERS = not _collected

# Tasks: a broker made of files needs no server. CELERY_BROKER_URL names a real one.

CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", "filesystem://")
if CELERY_BROKER_URL.startswith("filesystem:"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(BROKER_DIR / "messages"),
        "data_folder_out": str(BROKER_DIR / "messages"),
        "processed_folder": str(BROKER_DIR / "processed"),
        "control_folder": str(BROKER_DIR / "control"),
    }
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = "abtesting.default"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULE = {
    "abtesting-results": {"task": "abtesting.refresh_all", "schedule": crontab(hour=3, minute=0)},
}

# Experiments

ABTESTING: dict[str, Any] = {
    # Purchases and what goes into baskets are recorded by the server: no browser may claim them.
    "BROWSER_EVENTS": ["card_click"],
}

# Logging

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "abtesting": {"level": "INFO"},
        "shopdemo": {"level": "INFO"},
        # Django's own handler is for DEBUG only; here its messages go to the console once.
        "django": {"handlers": [], "level": "INFO", "propagate": True},
    },
}
