"""Filling the shop: catalogue, administrator, customers and reviews, adding only what is missing.

What is already there stays as it is: stock that was sold, a price that was changed in the admin.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from shopdemo.catalogue.loader import Catalogue
from shopdemo.models import Category, Product, Review

CUSTOMERS_PATH = Path(__file__).with_name("customers.json")
ADMIN_NAME = "admin"

User = get_user_model()


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """How many rows were added."""

    num_categories: int
    num_products: int
    num_users: int
    num_reviews: int


def read_customers(path: Path = CUSTOMERS_PATH) -> dict[str, list[dict[str, Any]]]:
    """Reads the demo's customers and what they think of the products."""
    document: dict[str, list[dict[str, Any]]] = json.loads(path.read_text(encoding="utf-8"))
    return document


def load(
    catalogue: Catalogue, customers: dict[str, list[dict[str, Any]]], *, admin_password: str
) -> Loaded:
    """Adds what is missing, all or nothing.

    Args:
        catalogue: What the shop sells.
        customers: Customers and reviews, as `read_customers` returns them.
        admin_password: For an administrator that has to be made; an existing one is not touched.

    Raises:
        ValueError: A review names a product or a customer that is not there.
    """
    with transaction.atomic():
        return Loaded(
            num_categories=_add_categories(catalogue),
            num_products=_add_products(catalogue),
            num_users=_add_admin(admin_password) + _add_customers(customers["customers"]),
            num_reviews=_add_reviews(customers["reviews"]),
        )


def _add_categories(catalogue: Catalogue) -> int:
    known = set(Category.objects.values_list("slug", flat=True))
    missing = [
        Category(
            slug=category.slug,
            name=category.name,
            description=category.description,
            position=category.position,
        )
        for category in catalogue.categories
        if category.slug not in known
    ]
    return len(Category.objects.bulk_create(missing))


def _add_products(catalogue: Catalogue) -> int:
    known = set(Product.objects.values_list("sku", flat=True))
    categories = {category.slug: category for category in Category.objects.all()}
    missing = [
        Product(
            sku=product.sku,
            slug=product.slug,
            name=product.name,
            category=categories[product.category],
            kind=product.kind,
            description=product.description,
            price=product.price,
            stock=product.stock,
            attributes=dict(product.attributes),
            position=position,
        )
        for position, product in enumerate(catalogue.products)
        if product.sku not in known
    ]
    return len(Product.objects.bulk_create(missing))


def _add_admin(password: str) -> int:
    if User.objects.filter(username=ADMIN_NAME).exists():
        return 0
    User.objects.create_superuser(ADMIN_NAME, password=password, date_joined=timezone.now())
    return 1


def _add_customers(customers: list[dict[str, Any]]) -> int:
    known = set(User.objects.values_list("username", flat=True))
    missing = [customer for customer in customers if customer["email"] not in known]
    if missing:
        # Nobody logs in as them: an unusable password.
        User.objects.bulk_create(
            User(
                username=customer["email"],
                email=customer["email"],
                first_name=customer["name"],
                password=make_password(None),
                date_joined=_day(customer["joined"]),
            )
            for customer in missing
        )
    return len(missing)


def _add_reviews(reviews: list[dict[str, Any]]) -> int:
    products = dict(Product.objects.values_list("slug", "pk"))
    authors = dict(User.objects.values_list("username", "pk"))
    known = set(Review.objects.values_list("product_id", "author_id"))
    missing = []
    for review in reviews:
        key = (
            _found(products, "product", review["product"]),
            _found(authors, "author", review["author"]),
        )
        if key not in known:
            missing.append(
                Review(
                    product_id=key[0],
                    author_id=key[1],
                    rating=review["rating"],
                    title=review["title"],
                    body=review["body"],
                    created_at=_day(review["written"]),
                )
            )
    return len(Review.objects.bulk_create(missing))


def _found(rows: dict[str, int], field: str, value: str) -> int:
    if value not in rows:
        raise ValueError(f"review: {field} is {value!r}; allowed: one that the shop has")
    return rows[value]


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(hour=12, tzinfo=UTC)
