"""Reads ``catalogue.json`` into frozen dataclasses and checks it: the first step to a filled shop.

Nothing here knows Django: the shop's loading command turns what ``read_catalogue`` returns into
rows, and asks ``drawings`` for the picture of each.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from shopdemo.catalogue.drawings import KINDS
from shopdemo.catalogue.drawings.palette import COLOURS

CATALOGUE_PATH = Path(__file__).with_name("catalogue.json")

# Attributes whose value names a colour of the palette.
COLOUR_ATTRIBUTES = ("colour", "accent")


class CatalogueError(ValueError):
    """The catalogue file breaks a rule; the message names the entry, the field and the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """The shop's own words about itself."""

    name: str
    tagline: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """One shelf of the shop, in the order of ``position``."""

    slug: str
    name: str
    description: str
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One thing for sale; ``kind`` and ``attributes`` decide how it is drawn."""

    sku: str
    slug: str
    name: str
    category: str
    kind: str
    description: str
    price: Decimal
    stock: int
    attributes: Mapping[str, str]
    rating_seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Everything the shop sells, already checked."""

    shop: Shop
    categories: tuple[Category, ...]
    products: tuple[Product, ...]

    def in_category(self, slug: str) -> tuple[Product, ...]:
        """Return the products of one category, in catalogue order."""
        return tuple(product for product in self.products if product.category == slug)


def read_catalogue(path: Path = CATALOGUE_PATH) -> Catalogue:
    """Read and check a catalogue file.

    Args:
        path: The JSON file; the shop's own one when left out.

    Returns:
        The catalogue, categories ordered by position, products in file order.

    Raises:
        CatalogueError: An entry breaks a rule; the message names entry, field and value.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise CatalogueError(f"{path.name}: not valid JSON: {error}") from error
    return parse_catalogue(document)


def parse_catalogue(document: object) -> Catalogue:
    """Check a decoded catalogue document and turn it into dataclasses."""
    top = _mapping(document, "catalogue", "document")
    shop = _mapping(top.get("shop"), "catalogue", "shop")
    categories = [_category(entry) for entry in _list(top.get("categories"), "categories")]
    known = {category.slug for category in categories}
    products = [_product(entry, known) for entry in _list(top.get("products"), "products")]
    _unique([category.slug for category in categories], "category", "slug")
    _unique([str(category.position) for category in categories], "category", "position")
    _unique([product.sku for product in products], "product", "sku")
    _unique([product.slug for product in products], "product", "slug")
    return Catalogue(
        shop=Shop(
            name=_text(shop, "name", "shop"),
            tagline=_text(shop, "tagline", "shop"),
        ),
        categories=tuple(sorted(categories, key=lambda category: category.position)),
        products=tuple(products),
    )


def _category(entry: object) -> Category:
    fields = _mapping(entry, "catalogue", "category")
    who = f"category {fields.get('slug')!r}"
    return Category(
        slug=_slug(fields, who),
        name=_text(fields, "name", who),
        description=_text(fields, "description", who),
        position=_whole(fields, "position", who),
    )


def _product(entry: object, known_categories: set[str]) -> Product:
    fields = _mapping(entry, "catalogue", "product")
    who = f"product {fields.get('sku')!r}"
    seed = fields.get("rating_seed")
    return Product(
        sku=_text(fields, "sku", who),
        slug=_slug(fields, who),
        name=_text(fields, "name", who),
        category=_one_of(fields, "category", who, known_categories),
        kind=_one_of(fields, "kind", who, KINDS),
        description=_text(fields, "description", who),
        price=_price(fields, who),
        stock=_whole(fields, "stock", who),
        attributes=_attributes(fields, who),
        rating_seed=None if seed is None else _whole(fields, "rating_seed", who),
    )


def _attributes(fields: Mapping[str, Any], who: str) -> dict[str, str]:
    attributes = _mapping(fields.get("attributes"), who, "attributes")
    for name, value in attributes.items():
        if not isinstance(value, str) or not value.strip():
            raise _error(who, f"attributes.{name}", value, "a text that is not empty")
    if "colour" not in attributes:
        raise _error(who, "attributes.colour", None, _names(COLOURS))
    for name in COLOUR_ATTRIBUTES:
        if name in attributes and attributes[name] not in COLOURS:
            raise _error(who, f"attributes.{name}", attributes[name], _names(COLOURS))
    return dict(attributes)


def _price(fields: Mapping[str, Any], who: str) -> Decimal:
    value = fields.get("price")
    allowed = 'an amount above 0 with two decimals, as text, such as "24.00"'
    try:
        # Text only: a JSON number would already have been rounded to a float.
        price = Decimal(value) if isinstance(value, str) else Decimal("NaN")
    except InvalidOperation:
        price = Decimal("NaN")
    if not price.is_finite() or price <= 0 or price.as_tuple().exponent != -2:
        raise _error(who, "price", value, allowed)
    return price


def _whole(fields: Mapping[str, Any], name: str, who: str) -> int:
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _error(who, name, value, "a whole number, 0 or more")
    return value


def _text(fields: Mapping[str, Any], name: str, who: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value.strip():
        raise _error(who, name, value, "a text that is not empty")
    return value


def _slug(fields: Mapping[str, Any], who: str) -> str:
    value = _text(fields, "slug", who)
    if value != value.lower() or not value.isascii() or not value.replace("-", "").isalnum():
        raise _error(who, "slug", value, "lower-case letters, digits and hyphens")
    return value


def _one_of(
    fields: Mapping[str, Any], name: str, who: str, allowed: set[str] | tuple[str, ...]
) -> str:
    value = _text(fields, name, who)
    if value not in allowed:
        raise _error(who, name, value, _names(allowed))
    return value


def _mapping(value: object, who: str, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _error(who, name, value, "an object")
    return value


def _list(value: object, name: str) -> list[object]:
    if not isinstance(value, list):
        raise _error("catalogue", name, value, "a list")
    return value


def _unique(values: list[str], what: str, field: str) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise CatalogueError(f"{what} {value!r}: {field} is used more than once")
        seen.add(value)


def _names(allowed: Mapping[str, object] | set[str] | tuple[str, ...]) -> str:
    return "one of " + ", ".join(sorted(allowed))


def _error(who: str, field: str, value: object, allowed: str) -> CatalogueError:
    return CatalogueError(f"{who}: {field} is {value!r}; allowed: {allowed}")
