"""The shop's catalogue file is sound, its pictures are safe to serve, and bad entries are named."""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from shopdemo.catalogue.drawings import KINDS, draw
from shopdemo.catalogue.drawings.palette import COLOURS
from shopdemo.catalogue.loader import (
    CATALOGUE_PATH,
    Catalogue,
    CatalogueError,
    Product,
    parse_catalogue,
    read_catalogue,
)

SVG = "{http://www.w3.org/2000/svg}"
DRAWN_ELEMENTS = {"svg", "g", "path", "rect", "circle", "ellipse", "clipPath"}
CATALOGUE = read_catalogue()


@pytest.fixture
def catalogue() -> Catalogue:
    return CATALOGUE


@pytest.fixture
def document() -> dict[str, Any]:
    """A small valid document to break."""
    return {
        "shop": {"name": "Corner Shop", "tagline": "Open late."},
        "categories": [
            {"slug": "tea", "name": "Tea", "description": "Cups.", "position": 1},
            {"slug": "bath", "name": "Bath", "description": "Soap.", "position": 2},
        ],
        "products": [_entry("T-1", "green-mug"), _entry("T-2", "blue-mug")],
    }


def _entry(sku: str, slug: str) -> dict[str, Any]:
    return {
        "sku": sku,
        "slug": slug,
        "name": "Mug",
        "category": "tea",
        "kind": "mug",
        "description": "Holds tea.",
        "price": "12.00",
        "stock": 3,
        "attributes": {"colour": "moss", "material": "stoneware"},
        "rating_seed": None,
    }


def _elements(svg: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(svg).iter())  # noqa: S314  our own drawing


# --- the shop's own file ---------------------------------------------------------------------


def test_the_shop_has_about_150_products_or_more_in_8_to_10_categories(
    catalogue: Catalogue,
) -> None:
    assert len(catalogue.products) >= 150
    assert 8 <= len(catalogue.categories) <= 10


def test_every_category_has_a_full_shelf(catalogue: Catalogue) -> None:
    assert all(len(catalogue.in_category(category.slug)) >= 16 for category in catalogue.categories)


def test_categories_come_in_order_of_position(catalogue: Catalogue) -> None:
    positions = [category.position for category in catalogue.categories]
    assert positions == sorted(set(positions))


def test_descriptions_and_names_are_unique(catalogue: Catalogue) -> None:
    for field in ("description", "name"):
        repeated = Counter(getattr(product, field) for product in catalogue.products)
        assert [text for text, times in repeated.items() if times > 1] == []


def test_descriptions_share_no_sentence(catalogue: Catalogue) -> None:
    sentences = Counter(
        sentence
        for product in catalogue.products
        for sentence in re.split(r"(?<=[.!?])\s+", product.description)
        if len(sentence) > 25
    )
    assert [text for text, times in sentences.items() if times > 1] == []


def test_descriptions_are_two_to_four_full_sentences(catalogue: Catalogue) -> None:
    for product in catalogue.products:
        num_sentences = len(re.findall(r"[.!?](?:\s|$)", product.description))
        assert len(product.description) >= 80, product.sku
        assert 2 <= num_sentences <= 4, product.sku
        assert product.description.endswith("."), product.sku


def test_some_products_are_sold_out_and_some_nearly(catalogue: Catalogue) -> None:
    assert 2 <= sum(product.stock == 0 for product in catalogue.products) <= 3
    assert 3 <= sum(0 < product.stock <= 6 for product in catalogue.products) <= 15


def test_every_kind_that_can_be_drawn_is_sold(catalogue: Catalogue) -> None:
    assert {product.kind for product in catalogue.products} == set(KINDS)
    assert len(KINDS) >= 35


# --- the drawings ----------------------------------------------------------------------------


@pytest.mark.parametrize("product", CATALOGUE.products, ids=lambda product: product.slug)
def test_a_picture_is_well_formed_and_needs_nothing_the_content_policy_forbids(
    product: Product,
) -> None:
    elements = _elements(draw(product.kind, product.attributes))
    assert elements[0].tag == f"{SVG}svg"
    assert elements[0].get("viewBox") == "0 0 400 400"
    assert {element.tag.removeprefix(SVG) for element in elements} <= DRAWN_ELEMENTS
    for element in elements:
        for name, value in element.attrib.items():
            assert name != "style"
            assert "href" not in name
            assert not name.startswith("on")
            assert "url(" not in value or value.startswith("url(#")


@pytest.mark.parametrize("product", CATALOGUE.products, ids=lambda product: product.slug)
def test_a_picture_uses_numbers_and_colours_that_svg_can_read(product: Product) -> None:
    number = re.compile(r"-?\d+(\.\d+)?")
    commands = re.compile(r"[MLHVCSQTAZmlhvcsqtaz0-9\s.,-]+")
    for element in _elements(draw(product.kind, product.attributes)):
        for name, value in element.attrib.items():
            if name in {"x", "y", "cx", "cy", "r", "rx", "ry", "width", "height", "opacity"}:
                assert number.fullmatch(value), (name, value)
            elif name in {"fill", "stroke"}:
                assert re.fullmatch(r"#[0-9a-f]{6}|none", value), (name, value)
            elif name == "d":
                assert re.match("M", value), value
                assert commands.fullmatch(value), value


def test_clip_ids_are_unique_over_the_whole_shop(catalogue: Catalogue) -> None:
    # Several pictures may be put into one page as they are.
    ids = [
        element.get("id")
        for product in catalogue.products
        for element in _elements(draw(product.kind, product.attributes))
        if element.tag == f"{SVG}clipPath"
    ]
    assert len(ids) == len(set(ids)) > 0


def test_no_two_products_share_a_picture(catalogue: Catalogue) -> None:
    pictures = Counter(
        re.sub(r"d[0-9a-f]{8}", "", draw(product.kind, product.attributes))
        for product in catalogue.products
    )
    assert max(pictures.values()) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_looks_different_in_another_colour(kind: str) -> None:
    assert draw(kind, {"colour": "moss"}) != draw(kind, {"colour": "navy"})


def test_kinds_look_different_from_each_other() -> None:
    assert len({draw(kind, {"colour": "moss"}) for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("colour", ["chalk", "black"])
def test_a_kind_can_be_drawn_from_its_colour_alone(kind: str, colour: str) -> None:
    assert COLOURS[colour] in draw(kind, {"colour": colour}) or kind in {"puzzle", "pendant lamp"}


def test_a_pattern_is_drawn_in_the_accent_colour() -> None:
    plain = {"colour": "navy", "accent": "tomato", "pattern": "dots"}
    assert draw("teapot", plain).count(COLOURS["tomato"]) > 20


def test_the_same_product_is_always_the_same_picture() -> None:
    attributes = {"colour": "sky", "accent": "navy", "pattern": "speckle"}
    assert draw("mug", attributes) == draw("mug", dict(reversed(attributes.items())))


def test_an_unknown_kind_is_refused_by_name_with_those_allowed() -> None:
    with pytest.raises(ValueError, match=r"unknown kind 'samovar'; allowed: .*\bteapot\b"):
        draw("samovar", {"colour": "moss"})


def test_an_unknown_colour_is_refused_by_name_with_those_allowed() -> None:
    with pytest.raises(ValueError, match=r"unknown colour 'mauve-ish'; allowed: .*\bmoss\b"):
        draw("mug", {"colour": "mauve-ish"})


# --- the loader ------------------------------------------------------------------------------


def test_a_valid_document_becomes_a_catalogue(document: dict[str, Any]) -> None:
    catalogue = parse_catalogue(document)
    assert [str(product.price) for product in catalogue.products] == ["12.00", "12.00"]
    assert catalogue.in_category("bath") == ()


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("price", "0.00", r"product 'T-2': price is '0.00'; allowed: an amount above 0"),
        ("price", "-3.00", r"product 'T-2': price is '-3.00'"),
        ("price", "abc", r"product 'T-2': price is 'abc'"),
        ("price", "NaN", r"product 'T-2': price is 'NaN'"),
        ("price", "12.5", r"product 'T-2': price is '12.5'.*two decimals"),
        ("price", 12.5, r"product 'T-2': price is 12.5; .*as text"),
        ("stock", -1, r"product 'T-2': stock is -1; allowed: a whole number, 0 or more"),
        ("stock", True, r"product 'T-2': stock is True"),
        ("stock", "3", r"product 'T-2': stock is '3'"),
        ("category", "shoes", r"product 'T-2': category is 'shoes'; allowed: one of bath, tea"),
        ("kind", "samovar", r"product 'T-2': kind is 'samovar'; allowed: one of .*teapot"),
        ("slug", "Blue Mug", r"product 'T-2': slug is 'Blue Mug'"),
        ("name", "  ", r"product 'T-2': name is '  '"),
        ("description", None, r"product 'T-2': description is None"),
        ("rating_seed", "x", r"product 'T-2': rating_seed is 'x'"),
        ("attributes", [], r"product 'T-2': attributes is \[\]; allowed: an object"),
        ("attributes", {}, r"product 'T-2': attributes.colour is None; allowed: one of .*moss"),
        ("attributes", {"colour": "mauve"}, r"product 'T-2': attributes.colour is 'mauve'"),
        (
            "attributes",
            {"colour": "moss", "accent": "x"},
            r"product 'T-2': attributes.accent is 'x'; allowed: one of .*moss",
        ),
        (
            "attributes",
            {"colour": "moss", "size": 3},
            r"product 'T-2': attributes.size is 3",
        ),
    ],
)
def test_a_bad_product_is_refused_naming_product_field_and_value(
    document: dict[str, Any], field: str, value: object, expected: str
) -> None:
    document["products"][1][field] = value
    with pytest.raises(CatalogueError, match=expected):
        parse_catalogue(document)


@pytest.mark.parametrize(("field", "value"), [("sku", "T-1"), ("slug", "green-mug")])
def test_a_repeated_product_is_refused_naming_it(
    document: dict[str, Any], field: str, value: str
) -> None:
    document["products"][1][field] = value
    with pytest.raises(CatalogueError, match=f"product '{value}': {field} is used more than once"):
        parse_catalogue(document)


@pytest.mark.parametrize("field", ["slug", "position"])
def test_a_repeated_category_is_refused_naming_it(document: dict[str, Any], field: str) -> None:
    document["categories"][1] = copy.deepcopy(document["categories"][1])
    document["categories"][1][field] = document["categories"][0][field]
    with pytest.raises(CatalogueError, match=f"category '.*': {field} is used more than once"):
        parse_catalogue(document)


def test_a_file_that_is_not_json_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "goods.json"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"goods\.json: not valid JSON"):
        read_catalogue(path)


def test_the_file_is_kept_in_the_form_that_diffs_well() -> None:
    text = CATALOGUE_PATH.read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"
