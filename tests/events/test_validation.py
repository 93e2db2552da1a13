"""What an event may be: everything else is refused with a reason, and nothing is an accident."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from decimal import Decimal

import numpy as np
import pytest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st

from abtesting.events.validation import (
    MAX_KEY_LENGTH,
    MAX_PROPERTIES_BYTES,
    check_key,
    check_name,
    check_properties,
    check_time,
    check_value,
)
from abtesting.exceptions import InvalidEventError

NOW = dt.datetime(2026, 3, 10, 12, 0, tzinfo=dt.UTC)
DEEP = json.loads("[" * 400 + "]" * 400)


def each(name, values):
    """Parametrise by values that may be alike, or too long or deep for an id."""
    labels = [ascii(v)[:30] if isinstance(v, str) else type(v).__name__ for v in values]
    ids = [f"{number}-{label}" for number, label in enumerate(labels)]
    return pytest.mark.parametrize(name, values, ids=ids)


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(alphabet=st.characters()),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(alphabet=st.characters()), inner, max_size=4),
    ),
)


@pytest.mark.parametrize(
    "name", ["purchase", "Experiment Viewed", "$$experiment_viewed", "shop.add-to:basket", "a" * 80]
)
def test_a_name_of_plain_characters_is_kept(name):
    assert check_name(name) == name


@each(
    "name",
    [
        None,
        "",
        " purchase",
        "a" * 81,
        "naïve",
        "a\x00b",
        "a\n",
        "a\ud800",
        7,
        True,
        ["a"],
        {},
        DEEP,
    ],
)
def test_any_other_name_is_refused(name):
    with pytest.raises(InvalidEventError, match=r"^name is .*; allowed: 1 to 80"):
        check_name(name)


@pytest.mark.parametrize("key", ["k", "order-17", "日本 é", "a" * MAX_KEY_LENGTH])
def test_a_printable_key_is_kept(key):
    assert check_key(key) == key


@each(
    "key",
    [None, "", "a" * (MAX_KEY_LENGTH + 1), "a\x00", "a\tb", "\ud800", "\x7f", 7, True, [], DEEP],
)
def test_any_other_key_is_refused(key):
    with pytest.raises(InvalidEventError, match=r"^idempotency_key is .*; allowed: 1 to 180"):
        check_key(key)


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (None, None),
        (3, "3"),
        (0.1, "0.1"),
        (-2.5, "-2.5"),
        ("19.90", "19.9"),
        (" 7 ", "7"),
        (Decimal("59.99"), "59.99"),
        (10**11, "100000000000"),
        ("0.0000004", "0"),
        ("1e-999999", "0"),
        (np.float64(1.25), "1.25"),
        (SafeString("4.50"), "4.5"),
    ],
)
def test_a_finite_number_is_kept_to_six_decimals(value, stored):
    assert check_value(value) == (None if stored is None else Decimal(stored))


@each(
    "value",
    [
        True,
        "",
        "nine",
        [],
        {},
        DEEP,
        float("nan"),
        float("inf"),
        "NaN",
        "sNaN",
        "-Infinity",
        "1e999999",
        "1e9999999",
        "1e99999999999999999999",
        10**11 + 1,
        2**63 * 10**6,
        10**5_000,
        "9" * 5_000,
        "1\x00",
        "\ud800",
        1j,
    ],
)
def test_any_other_value_is_refused(value):
    with pytest.raises(InvalidEventError, match=r"^value is .*; allowed: a (finite )?number"):
        check_value(value)


@given(st.one_of(st.integers(), st.floats(), st.decimals(), st.text(alphabet=st.characters())))
def test_a_value_is_stored_in_18_digits_or_refused(value):
    try:
        stored = check_value(value)
    except InvalidEventError:
        return
    assert stored.is_finite()
    assert abs(stored) <= 10**11
    assert stored.as_tuple().exponent == -6


@pytest.mark.parametrize(
    "properties",
    [
        {},
        {"sku": "T-1", "price": 19.9, "tags": ["a", "b"], "nested": {"deep": {"er": None}}},
        {"name": "Käse ☕ 日本"},
        {"text": "two\nlines"},
        {"path": r"C:\u0007"},
        {"big": 2**63},
    ],
    ids=repr,
)
def test_a_json_object_is_kept(properties):
    assert check_properties(properties) == properties


def test_no_properties_are_an_empty_object():
    assert check_properties(None) == {}


def test_what_shops_have_at_hand_becomes_json():
    order = uuid.UUID(int=5)
    properties = {
        "price": Decimal("19.90"),
        "on": dt.date(2026, 3, 2),
        "label": gettext_lazy("A/B testing"),
        "order": order,
    }

    assert check_properties(properties) == {
        "price": "19.90",
        "on": "2026-03-02",
        "label": "A/B testing",
        "order": str(order),
    }


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ("text", "allowed: a JSON object"),
        ([], "allowed: a JSON object"),
        (7, "allowed: a JSON object"),
        ({"a": object()}, "cannot be stored as JSON"),
        ({"a": float("nan")}, "cannot be stored as JSON"),
        ({"a": {"b": [float("inf")]}}, "cannot be stored as JSON"),
        ({"a": DEEP}, "nested"),
        ({"a": json.loads("[" * 20 + "]" * 20)}, "nested"),
        ({"a": "x\x00y"}, "control characters"),
        ({"a\x00": 1}, "control characters"),
        ({"a": ["\ud800"]}, "control characters"),
        ({"\udfff": 1}, "control characters"),
        ({"a": "x" * MAX_PROPERTIES_BYTES}, "bytes; allowed: at most 4096"),
        ({"a": "☕" * 1_400}, "bytes; allowed: at most 4096"),
        ({"a": 10**5_000}, ""),
        ({(1, 2): 3}, "cannot be stored as JSON"),
    ],
)
def test_any_other_properties_are_refused(properties, reason):
    with pytest.raises(InvalidEventError, match=f"^properties .*{reason}"):
        check_properties(properties)


def test_an_object_that_holds_itself_is_refused():
    properties = {}
    properties["self"] = properties

    with pytest.raises(InvalidEventError):
        check_properties(properties)


@given(st.dictionaries(st.text(alphabet=st.characters()), JSON, max_size=5))
def test_properties_are_stored_as_they_came_or_refused(properties):
    try:
        stored = check_properties(properties)
    except InvalidEventError:
        return
    assert stored == properties
    text = json.dumps(stored, ensure_ascii=False, allow_nan=False)
    text.encode()  # no surrogate
    assert r"\u0000" not in json.dumps(stored)


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (None, NOW),
        ("2026-03-10T11:00:00Z", NOW - dt.timedelta(hours=1)),
        ("2026-03-10T12:00:00+02:00", NOW - dt.timedelta(hours=2)),
        (dt.datetime(2026, 3, 9, 12, tzinfo=dt.UTC), NOW - dt.timedelta(days=1)),
        ("2026-03-10T12:00:01Z", NOW),
        ("2031-01-01T00:00:00Z", NOW),
        ("9999-12-31T23:59:59-12:00", NOW),
        ("2026-03-01T00:00:00Z", NOW - dt.timedelta(days=7)),
        ("0001-01-01T00:00:00+14:00", NOW - dt.timedelta(days=7)),
    ],
    ids=str,
)
def test_a_time_is_kept_within_the_last_week(given, stored):
    found = check_time(given, now=NOW)

    assert found == stored
    assert found.tzinfo is dt.UTC


def test_how_old_an_event_may_be_can_be_set(settings):
    settings.ABTESTING = {"MAX_EVENT_AGE_DAYS": 1}

    assert check_time("2026-03-01T00:00:00Z", now=NOW) == NOW - dt.timedelta(days=1)


@each(
    "occurred_at",
    [
        "",
        "yesterday",
        "2026-03-10",
        "2026-03-10T12:00:00",
        "2026-02-30T12:00:00Z",
        "2026-03-10T12:00:00+99:99",
        "10000-01-01T00:00:00Z",
        "\ud800",
        dt.datetime(2026, 3, 10),
        dt.date(2026, 3, 10),
        1_773_144_000,
        1e308,
        True,
        [],
        {},
        DEEP,
    ],
)
def test_a_time_without_zone_or_sense_is_refused(occurred_at):
    with pytest.raises(InvalidEventError, match=r"^occurred_at is .*; allowed: an ISO 8601"):
        check_time(occurred_at, now=NOW)


@given(st.text(alphabet=st.characters()))
def test_any_text_is_a_time_or_refused(text):
    try:
        found = check_time(text, now=NOW)
    except InvalidEventError:
        return
    assert NOW - dt.timedelta(days=7) <= found <= NOW


def test_what_is_refused_is_shown_short():
    with pytest.raises(InvalidEventError) as refused:
        check_name("x" * 10_000)

    assert len(str(refused.value)) < 150
