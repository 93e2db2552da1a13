"""The visitor cookie: random, signed, and never an error whatever comes back."""

from __future__ import annotations

import re
from collections import Counter
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from abtesting.assignment.units import (
    Visitor,
    exposure_marker,
    new_visitor_id,
    read_visitor,
    user_unit,
    write_visitor,
)
from tests.builders import make_request

KNOWN = Visitor(id="AbCd0123456789xy", exposed={"3", "12", "4u17"}, is_new=False)


def written(*, is_https=False):
    response = HttpResponse()
    write_visitor(RequestFactory().get("/", secure=is_https), response, KNOWN)
    return response.cookies["abtesting"]


def test_ids_are_16_letters_and_digits_and_never_the_same():
    ids = [new_visitor_id() for _ in range(2_000)]

    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[A-Za-z0-9]{16}", visitor_id) for visitor_id in ids)
    assert len(Counter("".join(ids))) == 62


def test_a_browser_without_cookie_is_a_new_visitor():
    visitor = read_visitor(make_request())

    assert visitor.is_new
    assert visitor.exposed == set()


def test_a_cookie_brings_back_the_visitor_and_the_exposures():
    assert Visitor.from_cookie(KNOWN.cookie_value()) == KNOWN


def test_a_visitor_without_exposures_comes_back():
    visitor = Visitor(id="AbCd0123456789xy")

    assert Visitor.from_cookie(visitor.cookie_value()).id == visitor.id


def test_every_flipped_bit_of_the_cookie_makes_a_new_visitor():
    value = KNOWN.cookie_value()

    for position, character in enumerate(value):
        for bit in range(8):
            changed = value[:position] + chr(ord(character) ^ 1 << bit) + value[position + 1 :]
            visitor = Visitor.from_cookie(changed)
            assert visitor.is_new, changed
            assert visitor.id != KNOWN.id


def test_every_cut_of_the_cookie_makes_a_new_visitor():
    value = KNOWN.cookie_value()

    assert all(Visitor.from_cookie(value[:end]).is_new for end in range(len(value)))


@given(st.text(alphabet=st.characters(), max_size=60))
def test_any_text_as_a_cookie_makes_a_new_visitor(text):
    assert Visitor.from_cookie(text).is_new


@given(st.text(alphabet=st.characters(), max_size=60))
def test_any_text_before_a_good_signature_makes_a_new_visitor(text):
    assert Visitor.from_cookie(text + KNOWN.cookie_value()).is_new or text == ""


def test_a_cookie_of_another_secret_key_makes_a_new_visitor(settings):
    value = KNOWN.cookie_value()
    settings.SECRET_KEY = "another"

    assert Visitor.from_cookie(value).is_new


def test_a_cookie_survives_a_rotated_secret_key(settings):
    value = KNOWN.cookie_value()
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "the next one"

    assert Visitor.from_cookie(value) == KNOWN


def test_a_cookie_of_another_version_makes_a_new_visitor(monkeypatch):
    monkeypatch.setattr("abtesting.assignment.units._VERSION", "2")
    value = KNOWN.cookie_value()
    monkeypatch.undo()

    assert Visitor.from_cookie(value).is_new


def test_scripts_and_other_sites_cannot_use_the_cookie():
    cookie = written()

    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    assert cookie["domain"] == ""
    assert cookie["max-age"] == 365 * 24 * 3600


@pytest.mark.parametrize("is_https", [True, False])
def test_the_cookie_is_secure_on_https(is_https):
    assert bool(written(is_https=is_https)["secure"]) is is_https


@pytest.mark.parametrize("secure", [True, False])
def test_whether_it_is_secure_can_be_set(settings, secure):
    settings.ABTESTING = {"COOKIE_SECURE": secure}

    assert bool(written(is_https=not secure)["secure"]) is secure


def test_name_age_and_domain_of_the_cookie_can_be_set(settings):
    settings.ABTESTING = {
        "COOKIE_NAME": "shop_tests",
        "COOKIE_AGE_DAYS": 30,
        "COOKIE_DOMAIN": ".example.com",
    }
    response = HttpResponse()
    write_visitor(RequestFactory().get("/"), response, KNOWN)

    cookie = response.cookies["shop_tests"]
    assert (cookie["max-age"], cookie["domain"]) == (30 * 24 * 3600, ".example.com")
    request = RequestFactory().get("/")
    request.COOKIES["shop_tests"] = cookie.value
    assert read_visitor(request) == KNOWN


def test_exposures_of_a_browser_and_of_its_users_are_told_apart():
    markers = {
        exposure_marker(3, "visitor", "AbCd"),
        exposure_marker(3, "user", "1"),
        exposure_marker(3, "user", "2"),
        exposure_marker(31, "visitor", "AbCd"),
    }

    assert len(markers) == 4


@pytest.mark.parametrize(
    ("user", "unit"),
    [
        (None, None),
        (AnonymousUser(), None),
        (SimpleNamespace(is_authenticated=True, pk=17), "17"),
    ],
    ids=["no authentication", "anonymous", "logged in"],
)
def test_only_a_user_who_is_logged_in_is_a_unit(user, unit):
    assert user_unit(make_request(user=user)) == unit
