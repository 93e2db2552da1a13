"""System checks: each id, and that the demo shop has none of them."""

from __future__ import annotations

import pytest
from django.core import checks
from django.core.management import call_command
from django.test import modify_settings

from abtesting.checks import check_apps, check_cache, check_middleware, check_settings, check_sqlite
from abtesting.conf import DEFAULTS


def ids(messages):
    return [message.id for message in messages]


def test_the_demo_shop_passes_every_check(capsys):
    call_command("check", fail_level="WARNING")


@pytest.mark.parametrize(
    "check", [check_settings, check_middleware, check_apps, check_sqlite, check_cache]
)
def test_each_check_is_run_by_django(check):
    assert check in checks.registry.registry.get_checks(include_deployment_checks=True)


def test_an_unknown_setting_is_e001(settings):
    settings.ABTESTING = {"ALFA": 0.05, "ALPHA": 0.05, "BETA": 1}

    messages = check_settings(None)

    assert ids(messages) == ["abtesting.E001", "abtesting.E001"]
    assert messages[0].msg == "ABTESTING has no setting 'ALFA'."
    assert "ALPHA" in messages[0].hint


def test_the_defaults_are_in_range(settings):
    settings.ABTESTING = dict(DEFAULTS)

    assert check_settings(None) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALPHA", 0),
        ("ALPHA", 1),
        ("ALPHA", 5),
        ("ALPHA", "0.05"),
        ("ALPHA", None),
        ("ALPHA", True),
        ("ALPHA", float("nan")),
        ("SRM_ALPHA", -0.001),
        ("MINIMUM_UNITS", 1),
        ("TUNED_NUM_UNITS", 0),
        ("PRIOR_LIFT_SD", 0),
        ("PRIOR_LIFT_SD", "wide"),
        ("COOKIE_AGE_DAYS", 0),
        ("TOKEN_AGE_SECONDS", -1),
        ("MAX_BATCH_EVENTS", 0),
        ("MAX_EVENT_AGE_DAYS", -1),
        ("VERSION_CHECK_SECONDS", -0.1),
        ("DEFINITIONS_AGE_SECONDS", 0),
        ("EVENTS_THROTTLE_RATE", "often"),
        ("EVENTS_THROTTLE_RATE", "10/fortnight"),
        ("EVENTS_THROTTLE_RATE", "/min"),
        ("EVENTS_THROTTLE_RATE", 600),
        ("CACHE_ALIAS", "missing"),
        ("CACHE_ALIAS", []),
    ],
    ids=str,
)
def test_a_setting_out_of_range_is_e002(settings, name, value):
    settings.ABTESTING = {name: value}

    [message] = check_settings(None)

    assert message.id == "abtesting.E002"
    assert f"ABTESTING[{name!r}] is {value!r}; allowed: " in message.msg


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALPHA", 0.001),
        ("MAX_EVENT_AGE_DAYS", 0),
        ("VERSION_CHECK_SECONDS", 0),
        ("EVENTS_THROTTLE_RATE", None),
        ("EVENTS_THROTTLE_RATE", "5/s"),
        ("EVENTS_THROTTLE_RATE", "100000/day"),
    ],
)
def test_a_setting_in_range_is_fine(settings, name, value):
    settings.ABTESTING = {name: value}

    assert check_settings(None) == []


def test_a_missing_middleware_is_e003(settings):
    assert check_middleware(None) == []
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "abtesting" not in name]

    assert ids(check_middleware(None)) == ["abtesting.E003"]


@pytest.mark.parametrize(
    ("database", "expected"),
    [
        ({"ENGINE": "django.db.backends.sqlite3"}, ["abtesting.W001"]),
        (
            {"ENGINE": "django.db.backends.sqlite3", "OPTIONS": {"transaction_mode": "DEFERRED"}},
            ["abtesting.W001"],
        ),
        (
            {"ENGINE": "django.db.backends.sqlite3", "OPTIONS": {"transaction_mode": "IMMEDIATE"}},
            [],
        ),
        ({"ENGINE": "django.db.backends.postgresql"}, []),
    ],
    ids=["default", "deferred", "immediate", "postgresql"],
)
def test_sqlite_with_deferred_transactions_is_w001(monkeypatch, settings, database, expected):
    monkeypatch.setattr("abtesting.checks.django_settings.DATABASES", {"default": database})

    assert ids(check_sqlite(None)) == expected


@pytest.mark.parametrize(
    ("backend", "expected"),
    [
        ("django.core.cache.backends.locmem.LocMemCache", ["abtesting.W002"]),
        ("django.core.cache.backends.dummy.DummyCache", ["abtesting.W002"]),
        ("django.core.cache.backends.redis.RedisCache", []),
        ("django.core.cache.backends.filebased.FileBasedCache", []),
    ],
)
def test_a_cache_that_processes_do_not_share_is_w002(settings, backend, expected):
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": "x"}}

    assert ids(check_cache(None)) == expected


def test_the_cache_that_is_looked_at_is_the_one_that_is_used(settings):
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
        "shared": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache"},
    }
    settings.ABTESTING = {"CACHE_ALIAS": "shared"}

    assert check_cache(None) == []


def test_e004_the_tag_library_of_the_results_page_is_missing():
    with modify_settings(INSTALLED_APPS={"remove": "django_htmx"}):
        assert [message.id for message in check_apps(None)] == ["abtesting.E004"]


def test_browser_events_are_a_list_of_names(settings):
    settings.ABTESTING = {"BROWSER_EVENTS": "click"}
    [message] = check_settings(None)
    assert (message.id, "a list of names" in message.msg) == ("abtesting.E002", True)
