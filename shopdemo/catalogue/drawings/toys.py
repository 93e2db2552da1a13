"""Drawings of the toys: blocks, tops, wooden vehicles, rings, kites and soft animals."""

from __future__ import annotations

from collections.abc import Callable

from shopdemo.catalogue.drawings.palette import INK, PAPER, Look, tone
from shopdemo.catalogue.drawings.shapes import (
    Segment,
    box,
    disc,
    ellipse,
    ground,
    line,
    path,
    ring,
    turn,
    turned,
)


def blocks(look: Look) -> str:
    """A small tower of building blocks."""
    first, second = look.tone, look.second
    wood, third = tone("beech"), tone("sage")
    content = ground(130, 318)
    content += box(76, 240, 76, 76, first.base, 6) + box(128, 240, 24, 76, first.dark, 4)
    content += box(162, 240, 76, 76, wood.base, 6) + box(214, 240, 24, 76, wood.dark, 4)
    content += box(248, 240, 76, 76, second.base, 6) + box(300, 240, 24, 76, second.dark, 4)
    content += path("M112 236V190q0-12 12-12H276q12 0 12 12v46H242q0-38-42-38t-42 38Z", third.base)
    content += path("M262 178h14q12 0 12 12v46h-26Z", third.dark)
    content += box(140, 112, 60, 62, second.base, 5) + box(182, 112, 18, 62, second.dark, 4)
    body: list[Segment] = [(28, 118), (28, 170)]
    content += turned(body, wood, 240, 0.2) + ellipse(240, 118, 28, 4.5, wood.light)
    content += path("M170 50L214 108H126Z", first.base) + path("M170 50L214 108H186Z", first.dark)
    for x in (114, 286):
        content += line(
            f"M{x - 14} 292L{x - 2} 264L{x + 10} 292M{x - 9} 282H{x + 5}", PAPER, 5, 0.9
        )
    return content + ring(198, 278, 13, tone("brick").base, 5, 0.9)


def spinning_top(look: Look) -> str:
    """A spinning top, leaning as it turns."""
    wood = look.tone
    bands = look.second
    content = ground(52, 322, 206) + line("M120 330q80 22 170-4", INK, 2.5, 0.2)
    body: list[Segment] = [(22, 140), (90, 150, 124, 172, 124, 192), (120, 226, 40, 272, 8, 314)]
    top = turned(body, wood)
    band: list[Segment] = [(122, 182), (125, 192, 122, 204, 112, 216)]
    top += turned(band, bands, gloss=0.5)
    stem: list[Segment] = [(14, 74), (14, 84, 9, 90, 9, 100), (10, 144)]
    top += turned(stem, tone("beech")) + ellipse(200, 74, 14, 3, tone("beech").light)
    top += line("M126 158Q200 178 274 158", bands.light, 4, 0.8)
    return content + turn(top, 11, 200, 318)


def toy_car(look: Look) -> str:
    """A chunky wooden car, or a little van."""
    paint = look.tone
    content = ground(142, 306)
    if look.attributes.get("shape") == "van":
        d = "M62 262V150q0-28 28-28H250q20 0 32 18l38 54q18 4 18 26v42q0 10-10 10H72q-10 0-10-10Z"
        windows = path("M212 144h36q12 0 18 10l24 40H212Z", PAPER, 0.9) + box(
            92, 144, 100, 50, look.second.base, 8
        )
        windows += line("M108 170h68", PAPER, 5)
    else:
        d = "M50 262V222q0-20 24-24l44-8 34-46q10-14 28-14h62q16 0 28 14l38 50 28 6q18 4 18 24v38q0 10-10 10H60q-10 0-10-10Z"
        windows = path("M156 188l24-30q5-7 14-7h14v37ZM222 151h18q8 0 14 7l24 30h-56Z", PAPER, 0.9)
    content += (
        path(d, paint.base)
        + path(
            "M50 232H338v30q0 10-10 10H60q-10 0-10-10Z"
            if "van" not in look.attributes.get("shape", "")
            else "M62 232H338v30q0 10-10 10H72q-10 0-10-10Z",
            paint.dark,
        )
        + windows
    )
    for x in (122, 274):
        content += disc(x, 272, 39, tone("walnut").deep) + disc(
            x, 272, 32, look.second.base if look.accent else tone("beech").base
        )
        content += disc(x, 272, 10, tone("walnut").base) + line(
            f"M{x - 18} 260a22 22 0 0 1 14-12", PAPER, 4, 0.5
        )
    return content + disc(324, 216, 8, tone("butter").base)


def train(look: Look) -> str:
    """An engine with one wagon."""
    paint, second = look.tone, look.second
    content = ground(160, 300)
    content += line("M196 262H228", INK, 6, 0.7)
    content += box(36, 196, 158, 62, second.base, 8) + box(36, 236, 158, 22, second.dark, 8)
    for x in (66, 104, 142):
        content += disc(x + 10, 186, 24, tone("beech").base) + disc(
            x + 6, 180, 8, tone("beech").light
        )
    content += box(36, 198, 158, 40, second.base, 8) + line("M46 206H184", second.light, 5, 0.7)
    content += box(222, 132, 74, 122, paint.base, 8) + box(212, 118, 94, 20, paint.deep, 8)
    content += box(238, 152, 40, 40, PAPER, 6, 0.9) + box(290, 188, 82, 66, paint.base, 14)
    content += box(290, 228, 82, 26, paint.dark, 10) + box(222, 228, 74, 28, paint.dark, 6)
    content += path("M318 190l-6-46h40l-6 46Z", second.base) + box(306, 134, 52, 16, second.dark, 6)
    for x, r in ((70, 25), (160, 25), (250, 30), (318, 25), (362, 18)):
        content += disc(x, 298 - r, r, tone("walnut").deep) + disc(
            x, 298 - r, r * 0.66, tone("beech").base
        )
        content += disc(x, 298 - r, r * 0.25, tone("walnut").base)
    smoke = ((336, 108, 16), (352, 84, 12), (340, 64, 9))
    return content + "".join(disc(x, y, r, PAPER, 0.8) for x, y, r in smoke)


def stacking_rings(look: Look) -> str:
    """A stacking toy of graded rings."""
    tones = (look.tone, look.second, tone("sage"), tone("dusk"), tone("honey"))
    content = ground(106, 318)
    foot: list[Segment] = [(112, 300), (112, 314)]
    content += turned(foot, tone("beech"), gloss=0.2) + ellipse(
        200, 300, 112, 16, tone("beech").light
    )
    for i, shade in enumerate(tones):
        half, y = 100 - i * 14, 262 - i * 37
        content += box(200 - half, y, half * 2, 38, shade.base, 19)
        content += path(
            f"M{200 + half * 0.4:g} {y}H{200 + half - 19:g}a19 19 0 0 1 0 38H{200 + half * 0.4:g}q14-19 0-38Z",
            shade.dark,
        )
        content += line(f"M{200 - half + 22:g} {y + 9}H{200 - half * 0.1:g}", shade.light, 5, 0.7)
    return (
        content
        + box(188, 92, 24, 24, tone("beech").dark, 8)
        + disc(200, 84, 24, look.tone.base)
        + disc(192, 76, 8, look.tone.light)
    )


def kite(look: Look) -> str:
    """A diamond kite with a bowed tail."""
    cloth, second = look.tone, look.second
    content = line("M196 262C150 300 250 318 206 348S150 380 190 396", INK, 2.5, 0.6)
    for x, y, a in ((184, 292, -20), (222, 326, 24), (178, 366, -12)):
        content += turn(
            path(f"M{x} {y}l-20-11v22ZM{x} {y}l20-11v22Z", second.base)
            + disc(x, y, 4, second.deep),
            a,
            x,
            y,
        )
    content += turn(
        path("M200 30L300 138L200 280Z", cloth.dark)
        + path("M200 30L100 138L200 280Z", cloth.base)
        + path("M200 30L100 138H200Z", second.base)
        + path("M200 138H300L200 280Z", second.dark)
        + line("M200 30V280M100 138H300", tone("beech").light, 4),
        12,
    )
    return content


def soft_rabbit(look: Look) -> str:
    """A sitting soft animal: long ears for a rabbit, round ones for a bear."""
    fur, inner = look.tone, look.second
    content = ground(92, 326)
    if look.attributes.get("animal") == "bear":
        for x, shade in ((142, fur.base), (258, fur.dark)):
            content += disc(x, 92, 31, shade) + disc(x, 94, 17, inner.base)
    else:
        for angle, shade in ((-13, fur.base), (14, fur.dark)):
            ear = ellipse(200, 66, 22, 62, shade) + ellipse(200, 70, 11, 46, inner.base)
            content += turn(ear, angle, 200, 190)
    content += ellipse(132, 244, 24, 50, fur.dark) + ellipse(268, 244, 24, 50, fur.deep)
    content += ellipse(200, 256, 78, 74, fur.base) + path(
        "M226 186a78 74 0 0 1 0 140a110 110 0 0 0 0-140Z", fur.dark, 0.9
    )
    content += ellipse(194, 262, 42, 46, inner.light, 0.7)
    content += ellipse(148, 314, 38, 24, fur.base) + ellipse(252, 314, 38, 24, fur.dark)
    content += ellipse(142, 314, 18, 13, inner.base) + ellipse(258, 314, 18, 13, inner.base)
    content += ellipse(200, 140, 76, 64, fur.base) + path(
        "M238 85a76 64 0 0 1 0 110a96 96 0 0 0 0-110Z", fur.dark, 0.9
    )
    content += (
        ellipse(198, 160, 32, 24, inner.light, 0.85)
        + disc(170, 134, 6, INK)
        + disc(228, 134, 6, INK)
    )
    content += path("M188 150h20q2 2-10 13q-12-11-10-13Z", INK, 0.85)
    return (
        content
        + line("M198 162v8q-10 10-18 4M198 170q10 10 18 4", INK, 2.5, 0.7)
        + path("M160 196Q200 216 240 196l2 12Q200 228 158 208Z", tone("brick").base)
    )


DRAWINGS: dict[str, Callable[[Look], str]] = {
    "building blocks": blocks,
    "spinning top": spinning_top,
    "toy car": toy_car,
    "train": train,
    "stacking rings": stacking_rings,
    "kite": kite,
    "soft animal": soft_rabbit,
}
