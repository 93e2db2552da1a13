"""URL targeting; the expected answers are those of GrowthBook's JavaScript SDK 1.8.0."""

from __future__ import annotations

import pytest

from abtesting.bucketing.urls import compile_url_targets

PAGE = "https://www.example.com/shop/tea?size=2&color=red#top"


def matches(url, *targets):
    return compile_url_targets(targets).matches(url)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("/shop/tea", True),
        ("/shop/tea/", True),
        ("shop/tea", True),
        ("/SHOP/tea", True),
        ("/shop", False),
        ("/shop/*", True),
        ("*", True),
        ("https://www.example.com/shop/tea", True),
        ("http://www.example.com/shop/tea", True),  # the scheme does not count
        ("www.example.com/shop/tea", True),
        ("*.example.com/*", True),
        ("https://example.com/shop/tea", False),
        ("/shop/tea?size=2", True),
        ("/shop/tea?color=red&size=2", True),
        ("/shop/tea?size=3", False),
        ("/shop/tea?size=*", True),
        ("/shop/tea?missing=1", False),
        ("/shop/tea#top", True),
        ("/shop/tea#bottom", False),
        ("/shop/t.a", False),
    ],
)
def test_a_simple_pattern_compares_part_by_part(pattern, expected):
    assert matches(PAGE, {"type": "simple", "pattern": pattern}) is expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("^/shop/", True),
        ("^https://www\\.example\\.com/shop", True),
        ("color=red", True),
        ("tea$", False),
        ("(", False),
    ],
)
def test_an_expression_sees_the_address_and_its_path(pattern, expected):
    assert matches(PAGE, {"type": "regex", "pattern": pattern}) is expected


def test_an_exclusion_outranks():
    shop = {"type": "simple", "pattern": "/shop/*"}
    not_tea = {"type": "simple", "pattern": "/shop/tea", "include": False}
    assert not matches(PAGE, shop, not_tea)
    assert matches("/shop/mugs", shop, not_tea)
    assert matches("/about", not_tea)


@pytest.mark.parametrize("url", ["", "http://[", "https://example.com:port/"])
def test_what_is_no_address_is_on_no_page(url):
    assert matches(url, {"type": "simple", "pattern": "/shop"}) is False


@pytest.mark.parametrize("target", [{"type": "glob", "pattern": "*"}, {"type": "regex"}])
def test_what_is_no_pattern_matches_nothing(target):
    assert matches(PAGE, target) is False


def test_the_usual_port_is_no_part_of_a_host():
    target = {"type": "simple", "pattern": "https://example.com/"}
    assert matches("https://example.com:443/", target)
    assert not matches("https://example.com:8000/", target)
