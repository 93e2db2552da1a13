"""Every page of the shop: answers, headers, number of queries, nothing inline."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from django.core.management import call_command
from django.test import override_settings

from shopdemo.models import Review
from tests.shopdemo.conftest import NOON, make_product

HTMX = {"headers": {"HX-Request": "true"}}


class InlineCode(HTMLParser):
    """Collects what a policy of `default-src 'self'` would block."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        names = dict(attrs)
        if tag == "style" or (tag == "script" and "src" not in names):
            self.found.append(tag)
        self.found += [
            f"{tag} {name}" for name in names if name == "style" or name.startswith("on")
        ]


@pytest.fixture
def every_page(client, customer, mug, pan, notebook, buy):
    """Addresses of all pages, for a customer with an order and something in the basket."""
    client.force_login(customer)
    Review.objects.create(
        product=mug, author=customer, rating=4, title="Good", body="Good.", created_at=NOON
    )
    placed = buy(notebook).headers["Location"]
    client.post(f"/basket/{pan.slug}/add/", {"quantity": 1})
    number = placed.split("/")[2]
    return [
        "/",
        "/category/kitchen/",
        "/category/kitchen/?sort=-price&in_stock=1",
        f"/product/{mug.slug}/",
        "/search/",
        "/search/?q=mug",
        "/search/?q=zzz",
        "/basket/",
        "/checkout/",
        placed,
        "/account/orders/",
        f"/account/orders/{number}/",
    ]


GUEST_PAGES = [
    "/",
    "/account/login/",
    "/account/sign-up/",
    "/basket/",
    "/no-such-page/",
    "/admin/login/",
]


def test_every_page_answers_and_is_clean_under_the_policy(client, every_page):
    for url in every_page:
        response = client.get(url)
        parser = InlineCode()
        parser.feed(response.content.decode())
        assert response.status_code == 200, url
        assert response.headers["Content-Security-Policy"] == "default-src 'self'", url
        assert parser.found == [], url


@pytest.mark.parametrize("url", GUEST_PAGES)
@pytest.mark.django_db
def test_guest_pages_have_the_policy_and_nothing_inline(client, url):
    response = client.get(url)
    parser = InlineCode()
    parser.feed(response.content.decode())
    assert response.headers["Content-Security-Policy"] == "default-src 'self'"
    assert parser.found == []


def test_every_page_has_one_main_heading_and_a_title(client, every_page):
    for url in every_page:
        html = client.get(url).content.decode()
        assert len(re.findall("<h1[ >]", html)) == 1, url
        assert re.search(r"<title>\s*\S", html), url


def test_every_page_exists_in_chinese_without_an_error(client, every_page):
    for url in every_page:
        response = client.get(url, headers={"Accept-Language": "zh-hans"})
        assert response.status_code == 200, url
        assert '<html lang="zh-hans">' in response.content.decode(), url


@pytest.mark.parametrize("url", ["/category/kitchen/", "/search/?q=mug"])
def test_htmx_gets_the_results_alone(client, mug, url):
    response = client.get(url, **HTMX)
    html = response.content.decode()
    assert html.lstrip().startswith('<section id="results"')
    assert mug.name in html
    assert "HX-Request" in response.headers["Vary"]


def test_history_of_htmx_gets_the_whole_page(client, mug):
    headers = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    assert b"<html" in client.get("/category/kitchen/", headers=headers).content


@pytest.mark.parametrize(
    ("url", "num_queries"),
    [
        # categories for the header, categories with pictures, featured products
        ("/", 3),
        # the category, count and page of products, categories for the header
        ("/category/kitchen/", 4),
        # the product, its reviews, related products, categories for the header
        ("/product/moss-mug/", 4),
        # count and page of products, categories for the header
        ("/search/?q=mug", 3),
    ],
)
def test_number_of_queries_does_not_grow_with_products(
    client, mug, url, num_queries, customer, other_customer, django_assert_num_queries
):
    for number in range(8):
        product = make_product(mug.category, f"mug-{number}")
        for author in (customer, other_customer):
            Review.objects.create(
                product=product, author=author, rating=5, title="t", body="b", created_at=NOON
            )
    client.get(url)  # the first page of a process also reads the experiments
    with django_assert_num_queries(num_queries):
        client.get(url)


def test_category_sorts_by_price(client, mug, pan):
    page = client.get("/category/kitchen/?sort=-price").context["page"]
    assert [product.slug for product in page] == ["iron-pan", "moss-mug"]


def test_best_rated_counts_how_many_agree(client, kitchen, django_user_model):
    ratings = {"one-five": [5], "three-good": [5, 5, 4], "unrated": [], "one-bad": [1]}
    for slug, given in ratings.items():
        product = make_product(kitchen, slug)
        for number, rating in enumerate(given):
            author, _made = django_user_model.objects.get_or_create(username=f"c{number}")
            Review.objects.create(
                product=product, author=author, rating=rating, title="t", body="b", created_at=NOON
            )
    page = client.get("/category/kitchen/?sort=rating").context["page"]
    assert [product.slug for product in page] == ["three-good", "one-five", "unrated", "one-bad"]


def test_category_can_leave_out_what_is_sold_out(client, mug, kitchen):
    make_product(kitchen, "sold-out-bowl", stock=0)
    html = client.get("/category/kitchen/?in_stock=1").content.decode()
    assert "Moss mug" in html
    assert "Sold out bowl" not in html


@pytest.mark.parametrize("number", ["999", "0", "-1", "second"])
def test_page_number_out_of_range_is_no_dead_end(client, kitchen, number):
    for index in range(13):
        make_product(kitchen, f"mug-{index}")
    response = client.get(f"/category/kitchen/?page={number}")
    assert response.status_code == 200
    assert list(response.context["page"])


def test_pagination_keeps_the_sort(client, kitchen):
    for index in range(13):
        make_product(kitchen, f"mug-{index}")
    assert b'href="?sort=name&amp;page=2"' in client.get("/category/kitchen/?sort=name").content


@pytest.mark.parametrize("url", ["/category/none/", "/product/none/", "/product/none/picture.svg"])
@pytest.mark.django_db
def test_unknown_thing_is_a_404_page_with_ways_on(client, desk, url):
    response = client.get(url)
    assert response.status_code == 404
    assert desk.get_absolute_url().encode() in response.content


def test_sold_out_product_shows_where_to_go_on(client, kitchen):
    product = make_product(kitchen, "gone", stock=0)
    html = client.get(product.get_absolute_url()).content.decode()
    assert "Sold out at the moment" in html
    assert f"/basket/{product.slug}/add/" not in html


def test_picture_is_svg_that_may_be_cached(client, mug):
    response = client.get(f"/product/{mug.slug}/picture.svg")
    assert response.headers["Content-Type"] == "image/svg+xml"
    assert "max-age=86400" in response.headers["Cache-Control"]
    assert response.content.startswith(b"<svg")


def test_picture_is_not_sent_twice(client, mug):
    url = f"/product/{mug.slug}/picture.svg"
    etag = client.get(url).headers["ETag"]
    assert client.get(url, headers={"If-None-Match": etag}).status_code == 304


def test_names_with_markup_are_escaped(client, kitchen):
    product = make_product(kitchen, "odd", name="<script>alert(1)</script>")
    html = client.get(product.get_absolute_url()).content.decode()
    assert "<script>alert" not in html


@override_settings(DEBUG=False)
@pytest.mark.django_db
def test_error_page_needs_neither_request_nor_database(client, monkeypatch):
    def fail():
        raise RuntimeError("broken shelf")

    monkeypatch.setattr("shopdemo.views.shelves.featured", fail)
    client.raise_request_exception = False
    response = client.get("/")
    assert response.status_code == 500
    assert "Something went wrong" in response.content.decode()
    assert response.headers["Content-Security-Policy"] == "default-src 'self'"


def test_form_without_token_gets_a_page_that_explains(mug):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    response = strict.post(f"/basket/{mug.slug}/add/", {"quantity": 1})
    assert response.status_code == 403
    assert "too old to be sent" in response.content.decode()


def test_language_is_changed_by_the_footer(client, mug):
    client.post("/i18n/setlang/", {"language": "zh-hans", "next": "/"})
    assert '<html lang="zh-hans">' in client.get("/").content.decode()


@pytest.mark.django_db
def test_migrations_are_complete():
    call_command("makemigrations", "shopdemo", "--check", "--dry-run", verbosity=0)
