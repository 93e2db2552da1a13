"""Accounts: sign-up, login, and who may see which order."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from shopdemo.models import Order

SIGN_UP = {
    "first_name": "Nora Veld",
    "email": "Nora@Example.com",
    "password1": "quiet-harbour-42",
    "password2": "quiet-harbour-42",
}


@pytest.mark.django_db
def test_sign_up_makes_a_customer_and_logs_in(client):
    response = client.post("/account/sign-up/", SIGN_UP, follow=True)
    assert response.redirect_chain == [("/account/orders/", 302)]
    assert response.context["user"].username == "nora@example.com"
    assert "Your account is ready" in response.content.decode()


@pytest.mark.django_db
def test_sign_up_refuses_an_email_that_is_known_in_any_case(client, customer):
    response = client.post("/account/sign-up/", SIGN_UP | {"email": "MARA@example.com"})
    assert "There is an account with this email" in response.content.decode()
    assert get_user_model().objects.count() == 1


@pytest.mark.parametrize("password", ["short", "password1234", "nora@example.com"])
@pytest.mark.django_db
def test_sign_up_refuses_weak_passwords(client, password):
    client.post("/account/sign-up/", SIGN_UP | {"password1": password, "password2": password})
    assert not get_user_model().objects.exists()


def test_login_by_email_in_any_case(client, customer):
    data = {"username": "MARA@example.com", "password": "a-good-password"}
    assert client.post("/account/login/", data).headers["Location"] == "/account/orders/"


def test_login_leads_back_to_where_it_was_asked_for(client, customer):
    data = {"username": customer.username, "password": "a-good-password", "next": "/checkout/"}
    assert client.post("/account/login/", data).headers["Location"] == "/checkout/"


@pytest.mark.parametrize("page", ["login", "sign-up"])
def test_login_does_not_lead_to_other_sites(client, customer, page):
    data = SIGN_UP | {
        "username": customer.username,
        "password": "a-good-password",
        "next": "https://example.org/",
    }
    assert client.post(f"/account/{page}/", data).headers["Location"] == "/account/orders/"


def test_wrong_password_says_so(client, customer):
    data = {"username": customer.username, "password": "wrong"}
    response = client.post("/account/login/", data)
    assert 'role="alert"' in response.content.decode()
    assert not response.context["user"].is_authenticated


def test_logout_needs_a_post(client, customer):
    client.force_login(customer)
    assert client.get("/account/logout/").status_code == 405
    assert client.post("/account/logout/").headers["Location"] == "/"


@pytest.mark.django_db
def test_history_needs_a_login(client):
    assert client.get("/account/orders/").headers["Location"].startswith("/account/login/?next=")


def test_history_shows_own_orders_only(client, customer, other_customer, mug, buy):
    client.force_login(customer)
    own = buy(mug).headers["Location"].split("/")[2]
    stranger = Client()
    stranger.force_login(other_customer)
    foreign = buy(mug, client=stranger).headers["Location"].split("/")[2]
    html = client.get("/account/orders/").content.decode()
    assert own in html
    assert foreign not in html


def test_order_of_another_customer_is_not_found(client, customer, other_customer, mug, buy):
    client.force_login(other_customer)
    buy(mug)
    order = Order.objects.get()
    reader = Client()
    for login in (None, customer):
        if login:
            reader.force_login(login)
        assert reader.get(f"/account/orders/{order.number}/").status_code == 404
        assert reader.get(f"/order/{order.number}/placed/").status_code == 404


def test_order_of_a_guest_is_seen_by_this_guest_only(client, mug, buy):
    url = buy(mug).headers["Location"]
    assert client.get(url).status_code == 200
    assert Client().get(url).status_code == 404


def test_guests_order_comes_along_into_the_new_account(client, mug, buy):
    url = buy(mug).headers["Location"]
    client.post("/account/sign-up/", SIGN_UP)
    assert Order.objects.get().user.username == "nora@example.com"
    assert client.get(url).status_code == 200


@pytest.mark.django_db
def test_admin_opens_with_the_name_of_the_shop(admin_client):
    response = admin_client.get("/admin/")
    assert "Harrow &amp; Pine administration" in response.content.decode()
    assert response.headers["Content-Security-Policy"] == "default-src 'self'"


@pytest.mark.parametrize("model", ["category", "product", "order", "review"])
def test_admin_lists_and_opens_what_the_shop_has(admin_client, mug, buy, customer, model):
    from shopdemo.models import Category, Product, Review
    from tests.shopdemo.conftest import NOON

    buy(mug)
    Review.objects.create(
        product=mug, author=customer, rating=4, title="t", body="b", created_at=NOON
    )
    models = {"category": Category, "product": Product, "order": Order, "review": Review}
    pk = models[model].objects.get().pk
    assert admin_client.get(f"/admin/shopdemo/{model}/").status_code == 200
    assert admin_client.get(f"/admin/shopdemo/{model}/{pk}/change/").status_code == 200
