"""Which products a page shows, and in which order: the home page, a category, related items."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import (
    Case,
    Count,
    IntegerField,
    OuterRef,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.utils.translation import gettext_lazy as _

from shopdemo.models import Category, Product, ProductQuerySet

PAGE_SIZE = 12
NUM_FEATURED = 8
NUM_RELATED = 4

# Sort key in the address → label and columns.
SORTS = {
    "recommended": (_("Recommended"), ["position"]),
    "price": (_("Price, lowest first"), ["price", "position"]),
    "-price": (_("Price, highest first"), ["-price", "position"]),
    "rating": (_("Best rated"), ["-score", "position"]),
    "name": (_("Name"), ["name", "position"]),
}
DEFAULT_SORT = "recommended"


def featured() -> ProductQuerySet:
    """Returns what customers like best, of what can be bought now."""
    rated = Product.objects.with_ratings().filter(stock__gt=0)
    return rated.order_by("-score", "position")[:NUM_FEATURED]


def window(products: list[Product]) -> list[Product]:
    """Chooses three for the shop window, from different categories where it can."""
    one_each = list({product.category_id: product for product in reversed(products)}.values())
    one_each.sort(key=products.index)
    return (one_each + [product for product in products if product not in one_each])[:3]


def categories() -> QuerySet[Category]:
    """Returns the categories with `num_products` and the `picture_slug` of a product to show."""
    first = Product.objects.filter(category=OuterRef("pk")).order_by("position")
    return (
        Category.objects.annotate(
            num_products=Count("products"), picture_slug=Subquery(first.values("slug")[:1])
        )
        .filter(num_products__gt=0)
        .order_by("position")
    )


def sort(products: ProductQuerySet, key: str) -> ProductQuerySet:
    """Orders products by one of `SORTS`; an unknown key means the default."""
    _label, columns = SORTS.get(key, SORTS[DEFAULT_SORT])
    return products.order_by(*columns)


def page_of(rows: QuerySet[Any], number: str | None) -> Page[Any]:
    """Returns one page of products or orders; a number out of range is the nearest page."""
    return Paginator(rows, PAGE_SIZE).get_page(number)


def related(product: Product) -> ProductQuerySet:
    """Returns others of the same category: the same kind first."""
    others = Product.objects.with_ratings().filter(category=product.category_id, stock__gt=0)
    same_kind = Case(
        When(kind=product.kind, then=Value(0)), default=Value(1), output_field=IntegerField()
    )
    return others.exclude(pk=product.pk).order_by(same_kind, "position")[:NUM_RELATED]
