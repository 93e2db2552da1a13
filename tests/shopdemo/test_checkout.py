"""Checkout: an order is placed once and whole, or nothing is changed."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client

from shopdemo.models import Basket, BasketLine, Order, OrderLine, Product
from shopdemo.signals import order_placed
from tests.shopdemo.conftest import ADDRESS, NOON


@pytest.fixture
def receiver():
    """Connects a receiver of `order_placed` for one test."""
    connected = []

    def connect(function):
        order_placed.connect(function, weak=False)
        connected.append(function)

    yield connect
    for function in connected:
        order_placed.disconnect(function)


def assert_nothing_happened(product, stock):
    product.refresh_from_db()
    assert product.stock == stock
    assert not Order.objects.exists()
    assert not OrderLine.objects.exists()
    assert BasketLine.objects.count() == 1


def test_order_takes_stock_and_basket_and_copies_the_prices(client, mug, notebook, buy):
    client.post(f"/basket/{mug.slug}/add/", {"quantity": 2})
    response = buy(notebook)
    order = Order.objects.get()
    assert response.headers["Location"] == f"/order/{order.number}/placed/"
    assert (order.subtotal, order.shipping, order.total) == (
        Decimal("53.50"),
        Decimal("4.90"),
        Decimal("58.40"),
    )
    assert list(order.lines.values_list("name", "unit_price", "quantity")) == [
        ("Moss mug", Decimal("22.00"), 2),
        ("Plain notebook", Decimal("9.50"), 1),
    ]
    mug.refresh_from_db()
    assert mug.stock == 3
    assert not BasketLine.objects.exists()
    Product.objects.update(price="99.00")
    assert OrderLine.objects.get(product=mug).unit_price == Decimal("22.00")


def test_guest_sees_the_confirmation(client, mug, buy):
    html = client.get(buy(mug).headers["Location"]).content.decode()
    assert "Thank you, Mara Lind" in html
    assert "Hafenweg 4" in html
    assert "€26.90" in html


@pytest.mark.parametrize("card", ["declined", "no_funds"])
def test_declined_card_changes_nothing_and_says_so(mug, buy, card):
    response = buy(mug, card=card)
    assert "payment was declined" in response.content.decode()
    assert_nothing_happened(mug, stock=5)


def test_after_a_decline_another_card_places_the_order(client, mug, buy):
    page = buy(mug, card="declined")
    data = {
        **ADDRESS,
        "card": "accepted",
        "token": page.context["basket"].checkout_token,
        "agreed_total": page.context["totals"].total,
    }
    assert client.post("/checkout/", data).status_code == 302
    assert Order.objects.count() == 1


@pytest.mark.parametrize("field", ADDRESS)
def test_missing_address_field_is_marked(mug, buy, field):
    response = buy(mug, **{field: ""})
    assert field in response.context["form"].errors
    assert f'id="id_{field}_error"' in response.content.decode()
    assert_nothing_happened(mug, stock=5)


@pytest.mark.parametrize(
    "changes", [{"card": "gold"}, {"token": "x"}, {"country": "XX"}, {"agreed_total": "free"}]
)
def test_forged_fields_place_no_order(mug, buy, changes):
    assert buy(mug, **changes).status_code == 200
    assert_nothing_happened(mug, stock=5)


def test_somebody_else_was_quicker(client, mug, buy):
    client.post(f"/basket/{mug.slug}/add/", {"quantity": 5})
    page = client.get("/checkout/")
    Product.objects.filter(pk=mug.pk).update(stock=4)
    data = {
        **ADDRESS,
        "card": "accepted",
        "token": page.context["basket"].checkout_token,
        "agreed_total": page.context["totals"].total,
    }
    response = client.post("/checkout/", data, follow=True)
    html = response.content.decode()
    assert response.redirect_chain == [("/basket/", 302)]
    assert "sold to somebody else" in html
    assert "Only 4 are left" in html
    assert_nothing_happened(mug, stock=4)


def test_second_line_out_of_stock_gives_the_first_back(client, mug, pan, buy):
    client.post(f"/basket/{mug.slug}/add/", {"quantity": 1})
    client.post(f"/basket/{pan.slug}/add/", {"quantity": 2})
    page = client.get("/checkout/")
    Product.objects.filter(pk=pan.pk).update(stock=1)
    data = {
        **ADDRESS,
        "card": "accepted",
        "token": page.context["basket"].checkout_token,
        "agreed_total": page.context["totals"].total,
    }
    client.post("/checkout/", data)
    mug.refresh_from_db()
    assert mug.stock == 5
    assert not Order.objects.exists()


def test_double_submit_is_one_order(client, mug, buy):
    first = buy(mug)
    order = Order.objects.get()
    data = {
        **ADDRESS,
        "card": "accepted",
        "token": order.checkout_token,
        "agreed_total": order.total,
    }
    second = client.post("/checkout/", data)
    assert second.headers["Location"] == first.headers["Location"]
    assert Order.objects.count() == 1
    mug.refresh_from_db()
    assert mug.stock == 4


def test_next_order_of_the_same_customer_is_a_new_one(client, customer, mug, buy):
    client.force_login(customer)
    assert buy(mug).headers["Location"] != buy(mug).headers["Location"]
    assert Order.objects.filter(user=customer).count() == 2


def test_price_that_changed_meanwhile_is_not_charged_unseen(client, mug, buy):
    response = buy(mug, agreed_total="1.00")
    assert "basket has changed" in response.content.decode()
    assert_nothing_happened(mug, stock=5)


def test_token_of_another_basket_places_no_order(client, mug, buy):
    stranger = Client()
    stranger.post(f"/basket/{mug.slug}/add/", {"quantity": 1})
    token = stranger.get("/checkout/").context["basket"].checkout_token
    assert "basket has changed" in buy(mug, token=token).content.decode()
    assert not Order.objects.exists()
    assert Basket.objects.filter(checkout_token=token, lines__product=mug).exists()


def test_receiver_runs_inside_the_transaction_with_order_and_request(mug, buy, receiver):
    heard = []

    def listen(sender, order, request, **kwargs):
        heard.append((order.pk, request.path, connection.in_atomic_block))

    receiver(listen)
    buy(mug)
    assert heard == [(Order.objects.get().pk, "/checkout/", True)]


@pytest.mark.django_db(transaction=True)
def test_receiver_that_fails_takes_the_order_back(client, mug, buy, receiver):
    def fail(sender, **kwargs):
        raise RuntimeError("cannot count")

    receiver(fail)
    with pytest.raises(RuntimeError, match="cannot count"):
        buy(mug)
    assert_nothing_happened(mug, stock=5)


def test_double_submit_does_not_tell_twice(client, mug, buy, receiver):
    heard = []
    receiver(lambda sender, order, **kwargs: heard.append(order.pk))
    buy(mug)
    order = Order.objects.get()
    data = {**ADDRESS, "card": "accepted", "token": order.checkout_token, "agreed_total": 1}
    client.post("/checkout/", data)
    assert heard == [order.pk]


def test_empty_basket_has_no_checkout(client, mug):
    assert client.get("/checkout/").headers["Location"] == "/basket/"
    assert client.post("/checkout/", ADDRESS).headers["Location"] == "/basket/"


def test_address_of_the_last_order_is_filled_in(client, customer, mug, buy):
    client.force_login(customer)
    buy(mug)
    client.post(f"/basket/{mug.slug}/add/", {"quantity": 1})
    assert 'value="Hafenweg 4"' in client.get("/checkout/").content.decode()


def test_agreed_total_is_written_for_machines_in_every_language(client, mug):
    client.post(f"/basket/{mug.slug}/add/", {"quantity": 1})
    html = client.get("/checkout/", headers={"Accept-Language": "zh-hans"}).content.decode()
    assert 'name="agreed_total" value="26.90"' in html


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_are_one_order(mug, transactional_db):
    if connection.vendor == "sqlite":
        pytest.skip("the in-memory database has one connection; PostgreSQL runs this")
    client = Client()
    client.post(f"/basket/{mug.slug}/add/", {"quantity": 1})
    page = client.get("/checkout/")
    data = {
        **ADDRESS,
        "card": "accepted",
        "token": page.context["basket"].checkout_token,
        "agreed_total": page.context["totals"].total,
    }
    statuses = []

    def submit():
        clicking = Client()
        clicking.cookies = client.cookies
        statuses.append(clicking.post("/checkout/", data).status_code)
        connection.close()

    clicks = [threading.Thread(target=submit) for _ in range(2)]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()
    assert statuses == [302, 302]
    assert Order.objects.count() == 1
    mug.refresh_from_db()
    assert mug.stock == 4


def test_order_is_dated_by_the_clock_that_django_shows(mug, buy, monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOON)
    buy(mug)
    assert Order.objects.get().created_at == NOON
