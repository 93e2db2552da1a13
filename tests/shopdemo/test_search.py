"""Search: what matches, in which order, and what the shopper sees while typing."""

from __future__ import annotations

import pytest

from shopdemo.search import search
from tests.shopdemo.conftest import make_product


@pytest.fixture
def products(kitchen, desk):
    return {
        "tea": make_product(kitchen, "tea-caddy", kind="tin"),
        "mug": make_product(kitchen, "speckled-mug", description="For coffee and for tea."),
        "strainer": make_product(kitchen, "fine-tea-strainer", kind="colander"),
        "pen": make_product(desk, "brass-pen", kind="pen"),
    }


def slugs(text):
    return [product.slug for product in search(text)]


def test_name_that_starts_with_the_word_comes_first_and_description_last(products):
    assert slugs("tea") == ["tea-caddy", "fine-tea-strainer", "speckled-mug"]


def test_every_word_must_match(products):
    assert slugs("tea strainer") == ["fine-tea-strainer"]


def test_description_matches_where_a_word_begins(products, kitchen):
    make_product(kitchen, "bowl", description="Use it instead of a plate.")
    assert "bowl" not in slugs("tea")
    assert slugs("plate") == ["bowl"]


@pytest.mark.parametrize("text", ["mugs", "MUG", "  mug  "])
def test_plural_case_and_spaces_do_not_matter(products, text):
    assert slugs(text) == ["speckled-mug"]


def test_category_name_matches(products):
    assert slugs("desk") == ["brass-pen"]


def test_article_number_finds_its_product(products):
    assert slugs("t-brass-pen") == ["brass-pen"]


@pytest.mark.parametrize("text", ["", "   ", "%", "_", "zebra", "'; drop table"])
def test_no_match_is_empty(products, text):
    assert slugs(text) == []


def test_empty_result_leads_on(client, products):
    response = client.get("/search/?q=zebra")
    html = response.content.decode()
    assert "Nothing found for “zebra”" in html
    assert "/category/kitchen/" in html
    assert "/product/tea-caddy/" in html


def test_text_is_escaped_in_the_page(client, products):
    assert b"<b>x" not in client.get("/search/?q=<b>x").content


def test_suggestions_come_while_typing(client, products):
    headers = {"HX-Request": "true", "HX-Target": "suggestions"}
    html = client.get("/search/?q=tea", headers=headers).content.decode()
    assert "<html" not in html
    assert html.index("Tea caddy") < html.index("Speckled mug")
    assert 'href="/search/?q=tea"' in html


def test_suggestions_for_no_text_are_empty(client, products):
    headers = {"HX-Request": "true", "HX-Target": "suggestions"}
    assert client.get("/search/?q=", headers=headers).content.strip() == b""


def test_very_long_text_is_cut(client, products):
    response = client.get("/search/", {"q": "tea " * 500})
    assert response.status_code == 200
