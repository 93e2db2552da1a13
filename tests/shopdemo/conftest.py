"""A small shop to test with: two categories, a few products, a customer."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model

from shopdemo.models import Category, Product

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ADDRESS = {
    "email": "mara@example.com",
    "name": "Mara Lind",
    "street": "Hafenweg 4",
    "postcode": "20457",
    "city": "Hamburg",
    "country": "DE",
}


@pytest.fixture
def kitchen(db):
    return Category.objects.create(name="Kitchen", slug="kitchen", position=1)


@pytest.fixture
def desk(db):
    return Category.objects.create(name="Paper & Desk", slug="desk", position=2)


def make_product(category, slug, *, price="20.00", stock=10, **fields):
    fields = {
        "sku": f"T-{slug}"[:32],
        "name": slug.replace("-", " ").capitalize(),
        "kind": "mug",
        "description": "Holds what it should hold.",
        "attributes": {"colour": "moss", "material": "stoneware"},
        "position": Product.objects.count(),
        **fields,
    }
    return Product.objects.create(
        category=category, slug=slug, price=Decimal(price), stock=stock, **fields
    )


@pytest.fixture
def mug(kitchen):
    return make_product(kitchen, "moss-mug", price="22.00", stock=5)


@pytest.fixture
def pan(kitchen):
    return make_product(kitchen, "iron-pan", price="72.00", stock=2, kind="frying pan")


@pytest.fixture
def notebook(desk):
    return make_product(desk, "plain-notebook", price="9.50", stock=30, kind="notebook")


@pytest.fixture
def customer(db):
    return get_user_model().objects.create_user(
        "mara@example.com", "mara@example.com", "a-good-password", first_name="Mara Lind"
    )


@pytest.fixture
def other_customer(db):
    return get_user_model().objects.create_user(
        "piet@example.com", "piet@example.com", "a-good-password", first_name="Piet"
    )


@pytest.fixture
def buy(client):
    """Goes through basket and checkout as the form does; returns the last response."""

    def buy(*products, card="accepted", client=client, **changes):
        for product in products:
            client.post(f"/basket/{product.slug}/add/", {"quantity": 1})
        page = client.get("/checkout/")
        data = {
            **ADDRESS,
            "card": card,
            "token": page.context["basket"].checkout_token,
            "agreed_total": page.context["totals"].total,
            **changes,
        }
        return client.post("/checkout/", data)

    return buy
