"""Unit tokens: only what this site issued, and not too long ago, says who a browser is."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from abtesting.assignment.units import Visitor
from abtesting.events.tokens import issue_token, read_token
from abtesting.exceptions import InvalidTokenError

NOW = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)


def test_a_token_says_whose_it_is():
    assert read_token(issue_token("AbCd")) == "AbCd"


@pytest.mark.parametrize("token", [None, "", 7, True, 1.5, [], {}, ["AbCd"]], ids=repr)
def test_no_token_is_refused(token):
    with pytest.raises(InvalidTokenError, match="token is missing"):
        read_token(token)


def test_every_changed_character_is_refused():
    token = issue_token("AbCd")

    for position, character in enumerate(token):
        for bit in range(8):
            changed = token[:position] + chr(ord(character) ^ 1 << bit) + token[position + 1 :]
            with pytest.raises(InvalidTokenError):
                read_token(changed)


@given(st.text(alphabet=st.characters()))
def test_any_other_text_is_refused(text):
    with pytest.raises(InvalidTokenError):
        read_token(text)


@pytest.mark.parametrize("token", ["\ud800", "a:b:\ud800", "a:\ud800:c", "\ud800:b:c", "é:é:é"])
def test_text_that_cannot_be_encoded_is_refused(token):
    with pytest.raises(InvalidTokenError, match="not issued by this site"):
        read_token(token)


def test_the_cookie_is_not_a_token():
    with pytest.raises(InvalidTokenError, match="not issued by this site"):
        read_token(Visitor(id="AbCd").cookie_value())


def test_a_token_of_another_secret_key_is_refused(settings):
    token = issue_token("AbCd")
    settings.SECRET_KEY = "another"

    with pytest.raises(InvalidTokenError, match="not issued by this site"):
        read_token(token)


def test_a_token_is_good_for_its_age(settings):
    settings.ABTESTING = {"TOKEN_AGE_SECONDS": 60}

    with time_machine.travel(NOW, tick=False) as clock:
        token = issue_token("AbCd")
        clock.shift(60)
        assert read_token(token) == "AbCd"
        clock.shift(1)
        with pytest.raises(InvalidTokenError, match="token is too old"):
            read_token(token)
