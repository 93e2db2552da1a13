"""JavaScript's regular expressions: the same matches as in a browser."""

from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtesting.bucketing.coercion import number_text, to_number, to_text
from abtesting.bucketing.regex import compile_regex


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("a$", "a\n", False),
        (r"\d", "٣", False),
        (r"\w", "é", False),
        (r"\bcafé\b", "café au lait", False),  # é is no word character there
        (r"[^]", "\n", True),
        (r"[]", "a", False),
        (r"a.b", "a\u2028b", False),
        (r"(?<year>\d{4})-\k<year>", "2026-2026", True),
        (r"(?<=a)b", "ab", True),
        (r"(?<!a)b", "ab", False),
        (r"\/path\/", "/path/", True),
        (r"[\w-]+", "a-b", True),
        (r"[[]", "[", True),
        (r"\-", "-", True),
        (r"[$.]", "$", True),
        (r"\cA", "\x01", True),
        (r"\B", "ab", True),
    ],
)
def test_an_expression_matches_as_in_a_browser(pattern, text, expected):
    assert (compile_regex(pattern).search(text) is not None) is expected


def test_without_case_letters_of_every_alphabet_are_alike():
    assert compile_regex("É", folds_case=True).search("é")
    assert not compile_regex("É").search("é")


@pytest.mark.parametrize("pattern", ["(", "[a", "a{2,1}", "*", "\\"])
def test_what_is_no_expression_is_named(pattern):
    with pytest.raises(ValueError, match="is no regular expression"):
        compile_regex(pattern)


@given(st.text(max_size=12))
def test_any_text_is_an_expression_or_named_as_none(pattern):
    with contextlib.suppress(ValueError):
        compile_regex(pattern)


# Numbers and texts


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1e21, "1e+21"),
        (123456789012345680000.0, "123456789012345680000"),
        (1.5e-7, "1.5e-7"),
        (0.000001, "0.000001"),
        (-12.5, "-12.5"),
        (float("inf"), "Infinity"),
        (float("nan"), "NaN"),
        (10**25, "1e+25"),
    ],
)
def test_a_number_is_written_as_in_javascript(number, text):
    assert number_text(number) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_as_text_is_the_same_number(number):
    assert to_number(number_text(number)) == number


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0x1F", 31.0),
        ("0b11", 3.0),
        ("1_000", None),
        ("-Infinity", float("-inf")),
        ("1e400", float("inf")),
        ([], 0.0),
        ([[7]], 7.0),
        ({}, None),
        ("٣", None),
    ],
)
def test_a_text_becomes_the_number_that_javascript_makes_of_it(value, expected):
    found = to_number(value)
    assert math.isnan(found) if expected is None else found == expected


def test_an_object_has_no_text_of_its_own():
    assert to_text({"a": 1}) == "[object Object]"
