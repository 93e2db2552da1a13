"""Product pictures, drawn by code from a product's kind and attributes.

``draw`` is the only door. Each sibling module holds the drawings of one shelf of the shop and
lists them in its ``DRAWINGS``. The pictures use presentation attributes only: no styles, no
scripts, nothing fetched, so that they may be served under the strictest content policy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from zlib import crc32

from shopdemo.catalogue.drawings import (
    bags,
    bath,
    coffee,
    games,
    garden,
    kitchen,
    lamps,
    stationery,
    textiles,
    toys,
)
from shopdemo.catalogue.drawings.palette import BACKGROUND, Look, tone
from shopdemo.catalogue.drawings.shapes import box

_SHELVES = (kitchen, coffee, lamps, bags, stationery, textiles, garden, bath, games, toys)
_DRAWINGS: dict[str, Callable[[Look], str]] = {
    kind: drawing for shelf in _SHELVES for kind, drawing in shelf.DRAWINGS.items()
}

KINDS: tuple[str, ...] = tuple(sorted(_DRAWINGS))


def draw(kind: str, attributes: Mapping[str, str]) -> str:
    """Draw a product.

    Args:
        kind: One of ``KINDS``.
        attributes: The product's attributes. ``colour`` and ``accent`` name palette colours;
            ``pattern`` and ``material`` change the picture where that makes sense.

    Returns:
        A complete SVG document, 400 by 400.

    Raises:
        ValueError: The kind or a colour is unknown.
    """
    if kind not in _DRAWINGS:
        raise ValueError(f"unknown kind {kind!r}; allowed: {', '.join(KINDS)}")
    accent = attributes.get("accent")
    facts = "|".join(f"{name}={value}" for name, value in sorted(attributes.items()))
    look = Look(
        key=f"d{crc32(f'{kind}|{facts}'.encode()):08x}",
        tone=tone(attributes.get("colour", "natural")),
        accent=tone(accent) if accent else None,
        pattern=attributes.get("pattern", "plain"),
        material=attributes.get("material", "").lower(),
        attributes=attributes,
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400" width="400" height="400">'
        f"{box(0, 0, 400, 400, BACKGROUND)}{_DRAWINGS[kind](look)}</svg>"
    )
