"""Loading the demo: complete, and the second time nothing changes."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command

from shopdemo.catalogue.loader import Catalogue, Category, Product, Shop, read_catalogue
from shopdemo.loading import load, read_customers
from shopdemo.models import Product as ProductRow
from shopdemo.models import Review

TINY = Catalogue(
    shop=Shop(name="Tiny", tagline="Small."),
    categories=(Category(slug="kitchen", name="Kitchen", description="Pans.", position=1),),
    products=(
        Product(
            sku="T-1",
            slug="iron-pan",
            name="Iron pan",
            category="kitchen",
            kind="frying pan",
            description="Heavy.",
            price=Decimal("72.00"),
            stock=3,
            attributes={"colour": "iron"},
        ),
    ),
)
PEOPLE = {
    "customers": [{"name": "Ida", "email": "ida@example.com", "joined": "2026-01-04"}],
    "reviews": [
        {
            "product": "iron-pan",
            "author": "ida@example.com",
            "rating": 5,
            "title": "Heavy",
            "body": "As it should be.",
            "written": "2026-02-01",
        }
    ],
}


def rows():
    """Returns every row of the shop and its users, to compare before and after."""
    users = get_user_model().objects
    return [
        list(model.order_by("pk").values()) for model in (ProductRow.objects, Review.objects, users)
    ]


@pytest.mark.django_db
def test_first_load_adds_everything():
    loaded = load(TINY, PEOPLE, admin_password="secret")
    assert (loaded.num_categories, loaded.num_products) == (1, 1)
    assert (loaded.num_users, loaded.num_reviews) == (2, 1)
    assert ProductRow.objects.get().attributes == {"colour": "iron"}
    assert get_user_model().objects.get(username="admin").check_password("secret")
    assert not get_user_model().objects.get(username="ida@example.com").has_usable_password()


@pytest.mark.django_db
def test_second_load_changes_nothing():
    load(TINY, PEOPLE, admin_password="secret")
    before = rows()
    loaded = load(TINY, PEOPLE, admin_password="another")
    assert rows() == before
    assert loaded.num_products == loaded.num_users == loaded.num_reviews == 0


@pytest.mark.django_db
def test_sold_stock_and_changed_prices_stay():
    load(TINY, PEOPLE, admin_password="secret")
    ProductRow.objects.update(stock=1, price="80.00")
    load(TINY, PEOPLE, admin_password="secret")
    product = ProductRow.objects.get()
    assert (product.stock, product.price) == (1, Decimal("80.00"))


@pytest.mark.parametrize(
    ("field", "value"), [("product", "no-pan"), ("author", "nobody@example.com")]
)
@pytest.mark.django_db(transaction=True)
def test_review_of_something_unknown_is_named_and_nothing_is_loaded(field, value):
    people = {**PEOPLE, "reviews": [PEOPLE["reviews"][0] | {field: value}]}
    with pytest.raises(ValueError, match=f"{field} is '{value}'"):
        load(TINY, people, admin_password="secret")
    assert not ProductRow.objects.exists()


@pytest.mark.django_db
def test_command_loads_the_real_shop_twice_with_one_result(monkeypatch, capsys):
    monkeypatch.setenv("SHOPDEMO_ADMIN_PASSWORD", "from-the-environment")
    call_command("shopdemo_load")
    before = rows()
    call_command("shopdemo_load")
    assert rows() == before
    assert len(before[0]) == len(read_catalogue().products)
    assert len(before[1]) == len(read_customers()["reviews"])
    admin = get_user_model().objects.get(username="admin")
    assert admin.check_password("from-the-environment")


def test_reviews_are_a_realistic_spread():
    reviews = read_customers()["reviews"]
    ratings = Counter(review["rating"] for review in reviews)
    per_product = Counter(review["product"] for review in reviews)
    assert len(reviews) == len({(review["product"], review["author"]) for review in reviews})
    assert len(reviews) == len({review["body"] for review in reviews})
    assert set(ratings) == {1, 2, 3, 4, 5}
    assert ratings[5] > ratings[3] > ratings[1]
    assert max(per_product.values()) >= 4
    assert len(per_product) < len(read_catalogue().products)
