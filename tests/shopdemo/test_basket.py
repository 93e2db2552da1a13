"""The basket: its sums, its limits, and whose it is."""

from __future__ import annotations

from decimal import Decimal

import pytest

from shopdemo.basket import totals
from shopdemo.models import Basket, BasketLine, Product
from shopdemo.signals import added_to_basket

HTMX = {"headers": {"HX-Request": "true"}}


def lines(*pairs):
    return [
        BasketLine(product=Product(price=Decimal(price)), quantity=quantity)
        for price, quantity in pairs
    ]


def in_basket(client):
    return {line.product.slug: line.quantity for line in client.get("/basket/").context["lines"]}


def test_totals_add_up_exactly():
    result = totals(lines(("0.10", 3), ("19.99", 2)))
    assert result.num_items == 5
    assert result.subtotal == Decimal("40.28")
    assert result.shipping == Decimal("4.90")
    assert result.total == Decimal("45.18")
    assert result.missing_for_free_shipping == Decimal("19.72")


@pytest.mark.parametrize(("price", "shipping"), [("59.99", "4.90"), ("60.00", "0"), ("60.01", "0")])
def test_delivery_is_free_from_sixty(price, shipping):
    assert totals(lines((price, 1))).shipping == Decimal(shipping)


def test_empty_basket_costs_nothing():
    assert totals([]).total == 0


def test_add_redirects_to_the_basket_without_htmx(client, mug):
    response = client.post(f"/basket/{mug.slug}/add/", {"quantity": 2})
    assert response.headers["Location"] == "/basket/"
    assert in_basket(client) == {"moss-mug": 2}


def test_add_with_htmx_brings_the_new_count_for_the_header(client, mug):
    html = client.post(f"/basket/{mug.slug}/add/", {"quantity": 2}, **HTMX).content.decode()
    assert "<html" not in html
    assert 'id="basket-count" class="count" hx-swap-oob="true">2 ' in html


def test_adding_again_adds_up_to_the_stock(client, mug):
    client.post(f"/basket/{mug.slug}/add/", {"quantity": 3})
    client.post(f"/basket/{mug.slug}/add/", {"quantity": 3})
    assert in_basket(client) == {"moss-mug": 5}


@pytest.mark.parametrize("quantity", ["", "two", "-1", "1.5", "99999999999"])
def test_nonsense_quantity_changes_nothing(client, mug, quantity):
    response = client.post(f"/basket/{mug.slug}/add/", {"quantity": quantity}, follow=True)
    assert response.status_code == 200
    assert in_basket(client) == {}


def test_sold_out_product_cannot_be_added(client, mug):
    Product.objects.update(stock=0)
    html = client.post(f"/basket/{mug.slug}/add/", {"quantity": 1}, **HTMX).content.decode()
    assert "sold out" in html
    assert in_basket(client) == {}


def test_quantity_is_changed_in_place_with_htmx(client, mug):
    client.post(f"/basket/{mug.slug}/add/", {"quantity": 1})
    response = client.post(f"/basket/{mug.slug}/quantity/", {"quantity": 4}, **HTMX)
    html = response.content.decode()
    assert html.lstrip().startswith('<div id="basket"')
    assert "€88.00" in html
    assert 'hx-swap-oob="true">4 ' in html


def test_quantity_above_the_stock_becomes_the_stock_and_says_so(client, mug):
    client.post(f"/basket/{mug.slug}/add/", {"quantity": 1})
    response = client.post(f"/basket/{mug.slug}/quantity/", {"quantity": 9}, follow=True)
    assert "we took what there is" in response.content.decode()
    assert in_basket(client) == {"moss-mug": 5}


def test_quantity_zero_and_remove_take_a_line_out(client, mug, pan):
    client.post(f"/basket/{mug.slug}/add/", {"quantity": 1})
    client.post(f"/basket/{pan.slug}/add/", {"quantity": 1})
    client.post(f"/basket/{mug.slug}/quantity/", {"quantity": 0})
    assert in_basket(client) == {"iron-pan": 1}
    client.post(f"/basket/{pan.slug}/remove/")
    assert in_basket(client) == {}


def test_empty_basket_leads_back_to_the_shop(client, mug):
    html = client.get("/basket/").content.decode()
    assert "nothing in it yet" in html
    assert "/product/moss-mug/" in html


def test_price_is_the_products_until_the_order(client, mug):
    client.post(f"/basket/{mug.slug}/add/", {"quantity": 1})
    Product.objects.update(price="25.00")
    assert client.get("/basket/").context["totals"].subtotal == Decimal("25.00")


def test_looking_around_makes_no_basket_and_no_session(client, mug):
    client.get("/")
    client.get("/basket/")
    assert not Basket.objects.exists()
    assert "sessionid" not in client.cookies


def test_baskets_of_two_visitors_are_apart(client, mug):
    from django.test import Client

    client.post(f"/basket/{mug.slug}/add/", {"quantity": 1})
    assert in_basket(Client()) == {}


def test_basket_comes_along_into_the_login_and_is_added_to_the_one_there(
    client, customer, mug, pan
):
    client.force_login(customer)
    client.post(f"/basket/{mug.slug}/add/", {"quantity": 1})
    client.logout()
    client.post(f"/basket/{mug.slug}/add/", {"quantity": 2})
    client.post(f"/basket/{pan.slug}/add/", {"quantity": 1})
    client.post("/account/login/", {"username": customer.username, "password": "a-good-password"})
    assert in_basket(client) == {"moss-mug": 3, "iron-pan": 1}
    assert Basket.objects.count() == 1


def test_customers_basket_is_not_there_after_logout(client, customer, mug):
    client.force_login(customer)
    client.post(f"/basket/{mug.slug}/add/", {"quantity": 1})
    client.post("/account/logout/")
    assert in_basket(client) == {}


def test_signal_tells_what_really_went_in(client, mug):
    heard = []

    def listen(sender, **kwargs):
        heard.append((kwargs["product"], kwargs["quantity"]))

    added_to_basket.connect(listen)
    try:
        client.post(f"/basket/{mug.slug}/add/", {"quantity": 9})
        client.post(f"/basket/{mug.slug}/add/", {"quantity": 1})
    finally:
        added_to_basket.disconnect(listen)
    assert heard == [(mug, 5)]


@pytest.mark.parametrize("action", ["add", "quantity", "remove"])
def test_changes_need_a_post(client, mug, action):
    assert client.get(f"/basket/{mug.slug}/{action}/").status_code == 405
