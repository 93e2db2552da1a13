"""Drawings of the textiles shelf: throws, cushions, bed linen, cloths, aprons, mitts and rugs."""

from __future__ import annotations

from collections.abc import Callable

from shopdemo.catalogue.drawings.palette import PAPER, Look, tone
from shopdemo.catalogue.drawings.shapes import (
    box,
    clipped,
    dashes,
    ellipse,
    ground,
    laid,
    line,
    outline,
    path,
    pattern,
    turn,
)


def throw(look: Look) -> str:
    """A throw hanging in folds over a rail, fringed below."""
    wool = look.tone
    d = "M96 92H304V300H96Z"
    content = box(60, 84, 280, 13, tone("oak").base, 6) + box(60, 91, 280, 6, tone("oak").dark, 3)
    content += "".join(
        line(f"M{x} 298v26", wool.dark if i % 2 else wool.base, 5)
        for i, x in enumerate(range(100, 304, 9))
    )
    content += path("M96 92q0-14 12-14H292q12 0 12 14V300H96Z", wool.base)
    content += pattern(look, d, (96, 100, 208, 200))
    folds = ""
    for x, w, tint, strength in (
        (128, 14, wool.deep, 0.22),
        (142, 16, wool.light, 0.3),
        (190, 12, wool.deep, 0.2),
        (204, 18, wool.light, 0.3),
        (252, 14, wool.deep, 0.24),
        (286, 18, wool.deep, 0.3),
    ):
        folds += path(f"M{x} 80h{w}l{w * 0.4:g} 220h{-w * 1.5:g}Z", tint, strength)
    content += clipped(f"{look.key}-f", d, folds)
    if look.pattern == "plain" and look.accent:
        content += box(96, 252, 208, 8, look.accent.base) + box(96, 268, 208, 16, look.accent.base)
    return content + path("M96 98q104 8 208 0v-8q0-12-12-12H108q-12 0-12 12Z", wool.light, 0.35)


def cushion(look: Look) -> str:
    """A plump square cushion with piped edges."""
    cloth = look.tone
    d = (
        "M70 106Q66 84 88 88Q200 108 312 88Q334 84 330 106Q312 200 330 294Q334 318 312 312"
        "Q200 294 88 312Q66 318 70 294Q88 200 70 106Z"
    )
    content = ground(126, 316) + path(d, cloth.base)
    content += pattern(look, d, (66, 86, 268, 230))
    content += path(
        "M262 95Q290 92 312 88Q334 84 330 106Q312 200 330 294Q334 318 312 312Q286 306 246 303"
        "Q300 200 262 95Z",
        cloth.deep,
        0.28,
    )
    content += path("M84 100Q140 110 190 108Q120 130 96 190Q94 140 84 100Z", cloth.light, 0.4)
    content += line(d, look.second.base if look.accent else cloth.dark, 5)
    return content + line(
        "M100 118q16 10 24 26M300 118q-16 10-24 26M104 284q14-8 22-22M298 284q-14-8-22-22",
        cloth.deep,
        3,
        0.4,
    )


def tea_towel(look: Look) -> str:
    """A cloth hung from a hook by its loop."""
    cloth = look.tone
    d = (
        "M200 84C210 116 270 116 288 152Q304 236 300 326Q276 338 250 328Q222 318 200 328Q176 338 150 328"
        "Q124 318 100 326Q96 236 112 152C130 116 190 116 200 84Z"
    )
    content = box(194, 40, 12, 36, tone("brass").dark, 6) + line(
        "M200 88q-14-16 0-22q14 6 0 22", cloth.deep, 4
    )
    content += path(d, cloth.base) + pattern(look, d, (100, 110, 200, 230))
    if look.pattern == "plain" and look.accent:
        content += clipped(
            f"{look.key}-b",
            d,
            box(90, 276, 220, 12, look.accent.base) + box(90, 294, 220, 4, look.accent.base),
        )
    folds = path("M200 84Q232 200 216 340H250Q256 210 208 100Z", cloth.deep, 0.2)
    folds += path("M200 84Q166 190 160 340H132Q132 200 186 110Z", cloth.light, 0.45)
    folds += path("M204 100Q280 120 276 340H310V130Z", cloth.deep, 0.2)
    return content + clipped(f"{look.key}-f", d, folds)


def apron(look: Look) -> str:
    """A bib apron with a neck loop, ties and a pocket."""
    cloth, trim = look.tone, look.second if look.accent else look.tone
    d = "M158 108H242Q246 164 296 186V330q0 8-8 8H112q-8 0-8-8V186Q154 164 158 108Z"
    content = line("M164 112C150 28 250 28 236 112", trim.dark, 9)
    content += line("M106 194Q66 214 60 262M294 194Q334 214 340 262", trim.dark, 8)
    content += laid(d) + path(d, cloth.base) + pattern(look, d, (100, 108, 200, 232))
    content += path(
        "M222 108H242Q246 164 296 186V330q0 8-8 8H256Q270 220 222 108Z", cloth.dark, 0.8
    )
    content += path("M158 108H242l1 14H157Z", trim.base)
    content += box(140, 222, 120, 72, cloth.deep, 6, 0.5) + box(140, 218, 120, 72, cloth.base, 6)
    content += box(140, 218, 120, 11, trim.base if look.accent else cloth.light, 5)
    content += dashes("M200 232V284", cloth.light, 2, "5 6", 0.9)
    return content + line("M124 200V326", cloth.light, 5, 0.5)


def oven_mitt(look: Look) -> str:
    """A quilted mitt with a hanging loop."""
    cloth, cuff = look.tone, look.second
    d = (
        "M140 316V176Q138 76 200 70Q252 70 256 150V178Q276 140 300 152Q322 168 304 204"
        "Q288 236 262 256V316Z"
    )
    content = laid(d) + path(d, cloth.base) + pattern(look, d, (130, 66, 200, 250))
    content += path(
        "M222 74Q252 86 256 150V178Q276 140 300 152Q322 168 304 204Q288 236 262 256V316H232Q250 180 222 74Z",
        cloth.dark,
        0.8,
    )
    if look.pattern == "plain":
        quilt = "".join(
            line(f"M{x} 40l220 280M{x + 220} 40l-220 280", cloth.deep, 2, 0.4)
            for x in range(-60, 300, 44)
        )
        content += clipped(f"{look.key}-q", d, quilt)
    content += line("M142 330q-22 22-32 4q2-18 30-14", cuff.dark, 6)
    content += box(132, 288, 138, 50, cuff.base, 8) + path(
        "M236 288h26q8 0 8 8v34q0 8-8 8h-26Z", cuff.dark
    )
    return turn(content, -10)


def bed_linen(look: Look) -> str:
    """A folded duvet cover with a pillow on it, tied with a ribbon."""
    cloth, inner = look.tone, look.second
    content = ground(136, 318)
    for i, y in enumerate((288, 256, 224)):
        shade = (cloth.dark, cloth.base, cloth.base)[i]
        content += box(68, y, 264, 34, shade, 15) + box(76, y + 24, 248, 8, cloth.deep, 4, 0.35)
    d = "".join(outline(68, y, 264, 34, 15) for y in (224, 256, 288))
    content += pattern(look, d, (68, 222, 264, 100))
    content += line("M74 255H326M74 288H326", cloth.deep, 3, 0.5)
    pillow = "M92 146Q84 132 104 134Q200 146 296 134Q316 132 308 146Q300 182 312 212Q312 228 294 224H106Q88 228 88 212Q100 182 92 146Z"
    content += path(pillow, inner.base)
    content += path(
        "M262 137Q280 136 296 134Q316 132 308 146Q300 182 312 212Q312 228 294 224H250Q280 180 262 137Z",
        inner.dark,
    )
    content += path("M108 148Q150 154 180 152Q120 164 112 196Q112 170 108 148Z", PAPER, 0.5)
    return (
        content
        + path("M190 222h20v100h-20Z", inner.dark, 0.9)
        + path("M190 222h9v100h-9Z", inner.base)
    )


def rug(look: Look) -> str:
    """A woven rug, half unrolled towards us."""
    wool = look.tone
    d = "M110 128H290L340 316H60Z"
    content = "".join(
        line(f"M{60 + i * 280 / 27:.1f} 316l{-3 + i * 6 / 27:.1f} 16", wool.light, 4)
        for i in range(28)
    )
    content = laid(d, 3, 6) + content + path(d, wool.base)
    content += pattern(look, d, (50, 140, 300, 170))
    border = look.second.base if look.accent else wool.deep
    content += path("M66.4 292H333.6l3 12H63.4Z", border) + path(
        "M102.5 156H297.5l2 9H100.5Z", border
    )
    content += path("M250 128H290L340 316H300Z", wool.deep, 0.18)
    content += box(100, 94, 200, 44, wool.dark, 22) + box(100, 90, 200, 40, wool.base, 20)
    content += path("M120 92H290q-8 12 0 12H110q0-10 10-12Z", wool.light, 0.6)
    content += ellipse(300, 111, 13, 21, wool.deep) + ellipse(300, 111, 8, 14, wool.base)
    return content + ellipse(300, 111, 3.5, 7, wool.deep)


DRAWINGS: dict[str, Callable[[Look], str]] = {
    "throw": throw,
    "cushion": cushion,
    "tea towel": tea_towel,
    "apron": apron,
    "oven mitt": oven_mitt,
    "bed linen": bed_linen,
    "rug": rug,
}
