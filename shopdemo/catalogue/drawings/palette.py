"""The named colours of the catalogue and the tones that a drawing makes of them.

A product names its colour (``"moss"``); every drawing uses that colour's four tones, so that
light and shade fall the same way across the shop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

BACKGROUND = "#e9e2d5"
INK = "#2b2a33"
PAPER = "#fbf8f1"
_LIGHT = "#fff8ea"

COLOURS: dict[str, str] = {
    # pale
    "chalk": "#f7f3ea",
    "cream": "#f0e3c8",
    "oat": "#dfd0b4",
    "natural": "#d6c6aa",
    "sand": "#d0b58a",
    "stone": "#b5ada0",
    "mist": "#bfcdd0",
    "blush": "#e6bfb1",
    "butter": "#efd584",
    # warm
    "honey": "#e0a84f",
    "mustard": "#d39b2c",
    "ochre": "#bb8034",
    "clay": "#c78b6a",
    "terracotta": "#c3674a",
    "rust": "#a84e31",
    "tomato": "#c6452f",
    "brick": "#8e4035",
    "rose": "#d3938e",
    "plum": "#6f4259",
    # green
    "sage": "#9dac8e",
    "olive": "#80793f",
    "moss": "#6f7b45",
    "fern": "#4f7f53",
    "forest": "#2f5142",
    # blue
    "sea": "#69a19d",
    "teal": "#2f6f72",
    "sky": "#97bad0",
    "dusk": "#5f7a9b",
    "indigo": "#3c4b80",
    "navy": "#2b3d5c",
    "lavender": "#a497be",
    # dark
    "slate": "#5d6a72",
    "graphite": "#4a4b50",
    "black": "#303036",
    # woods, metals, glass, leather
    "ash": "#e2cca3",
    "beech": "#dab586",
    "oak": "#c79a62",
    "bamboo": "#d5b371",
    "cork": "#c0966a",
    "cherry": "#a7623f",
    "walnut": "#7b5439",
    "brass": "#c8a04a",
    "copper": "#bf784b",
    "steel": "#b3babf",
    "iron": "#47494e",
    "clear": "#c9dedc",
    "amber": "#b26d2b",
    "tan": "#b57945",
    "chestnut": "#7c4630",
}

_WOODS = ("oak", "walnut", "beech", "ash", "cherry", "bamboo", "cork")
_METALS = ("brass", "copper", "iron", "steel")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tone:
    """One colour in four steps, from lit to deep shade."""

    light: str
    base: str
    dark: str
    deep: str


def mix(first: str, second: str, share: float) -> str:
    """Blend two ``#rrggbb`` colours; ``share`` is the part of the second."""
    pairs = zip(_channels(first), _channels(second), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def tone(name: str) -> Tone:
    """Return the tones of a named colour.

    Raises:
        ValueError: The palette has no such colour.
    """
    if name not in COLOURS:
        allowed = ", ".join(sorted(COLOURS))
        raise ValueError(f"unknown colour {name!r}; allowed: {allowed}")
    base = COLOURS[name]
    return Tone(
        light=mix(base, _LIGHT, 0.34),
        base=base,
        dark=mix(base, INK, 0.17),
        deep=mix(base, INK, 0.40),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a drawing needs to know of a product: its tones, its materials and its pattern."""

    key: str
    tone: Tone
    accent: Tone | None
    pattern: str
    material: str
    attributes: Mapping[str, str]

    @property
    def second(self) -> Tone:
        """The accent colour, or a quiet cream where the product names none."""
        return self.accent or tone("cream")

    def wood(self, default: str = "oak") -> Tone:
        """The tones of the wood in the product's material."""
        return self._found(_WOODS, default)

    def metal(self, default: str = "steel") -> Tone:
        """The tones of the metal in the product's material."""
        return self._found(_METALS, default)

    def _found(self, names: tuple[str, ...], default: str) -> Tone:
        return tone(next((name for name in names if name in self.material), default))


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
