"""Drawings of the coffee and tea shelf: cups, pots, kettles, brewers, grinders and tins."""

from __future__ import annotations

from collections.abc import Callable

from shopdemo.catalogue.drawings.palette import INK, PAPER, Look, Tone, mix, tone
from shopdemo.catalogue.drawings.shapes import (
    Segment,
    box,
    clipped,
    disc,
    ellipse,
    ground,
    line,
    path,
    pattern,
    rim,
    turned,
    turned_outline,
)


def mug(look: Look) -> str:
    """A mug with its handle to the right; the foot is left bare where the clay has an accent."""
    clay = look.tone
    tall = "large" in look.attributes.get("size", "")
    top = 118 if tall else 138
    body: list[Segment] = [(82, top), (82, 276), (82, 300, 70, 308, 58, 308)]
    handle = f"M256 {top + 46}C330 {top + 22} 332 274 250 264"
    content = ground(84, cx=190) + line(handle, clay.dark, 22) + line(handle, clay.base, 13)
    content += turned(body, clay, 185)
    d = turned_outline(body, 185)
    if look.pattern == "plain" and look.accent:
        content += clipped(
            f"{look.key}-f",
            d,
            path("M90 262q95 26 190 0v70H90Z", look.second.base)
            + path("M222 272q30-4 60-14v80h-60Z", look.second.dark),
        )
    content += pattern(look, d, (100, top, 170, 220))
    return (
        content
        + rim(top, 82, clay, 185, 6, mix(clay.light, PAPER, 0.3))
        + ellipse(185, top + 4, 70, 7, "#5a3a28")
    )


def cup_and_saucer(look: Look) -> str:
    """A low cup on its saucer."""
    clay = look.tone
    body: list[Segment] = [(92, 158), (90, 220, 66, 260, 36, 264), (36, 274)]
    content = ground(128, 300) + ellipse(200, 288, 146, 25, clay.dark)
    content += ellipse(200, 283, 146, 24, clay.light) + ellipse(200, 283, 118, 17, clay.base)
    content += ellipse(200, 280, 60, 9, clay.dark)
    if look.accent:
        content += (
            f'<ellipse cx="200" cy="283" rx="136" ry="21" fill="none" '
            f'stroke="{look.accent.base}" stroke-width="4"/>'
        )
    handle = "M286 178C340 164 334 232 268 228"
    content += line(handle, clay.dark, 15) + line(handle, clay.base, 8)
    content += turned(body, clay) + pattern(look, turned_outline(body), (106, 158, 188, 120))
    content += rim(158, 92, clay, lip=5, inside=mix(clay.light, PAPER, 0.3))
    return content + ellipse(200, 162, 80, 9, "#6b4630")


def teapot(look: Look) -> str:
    """A round teapot; metal pots get a bail handle, clay ones an ear."""
    pot = look.tone
    spout = "M112 214C74 214 84 168 46 152l14-14C104 144 110 178 132 182Z"
    content = ground(100)
    if "iron" in look.material:
        content += line("M112 196C96 62 304 62 288 196", look.metal("iron").deep, 9)
        content += line("M150 104C176 90 224 90 250 104", look.wood("walnut").base, 14)
    else:
        handle = "M290 190C372 162 372 280 282 268"
        content += line(handle, pot.deep, 20) + line(handle, pot.dark, 12)
    content += path(spout, pot.base) + path(
        "M112 214C84 210 90 172 54 146l6-8C104 144 110 178 132 182Z", pot.dark, 0.5
    )
    body: list[Segment] = [(46, 160), (92, 168, 112, 204, 108, 240), (104, 288, 80, 308, 56, 310)]
    content += turned(body, pot) + pattern(look, turned_outline(body), (90, 170, 220, 150))
    lid: list[Segment] = [(10, 136), (34, 138, 48, 148, 52, 162)]
    content += turned(lid, pot) + line("M148 163Q200 178 252 163", pot.deep, 3, 0.6)
    knob = look.second if look.accent else pot
    return content + disc(200, 127, 13, knob.base) + disc(196, 123, 5, knob.light)


def kettle(look: Look) -> str:
    """A stove kettle with an arched handle, or a gooseneck for pouring."""
    pot, grip = look.tone, look.second if look.accent else tone("walnut")
    body: list[Segment] = [(60, 166), (92, 176, 110, 230, 114, 290), (114, 304, 108, 308, 100, 308)]
    content = ground(112)
    if look.attributes.get("spout") == "gooseneck":
        content += line("M100 282C40 282 84 176 38 150", pot.dark, 15)
        content += line("M98 279C46 274 86 176 40 149", pot.base, 8)
        handle = "M262 188C340 138 372 190 352 282"
        content += line(handle, pot.deep, 12) + line(
            "M343.8 181.8C359 200 362 236 352 280", grip.base, 18
        )
    else:
        spout = "M106 232C84 224 76 196 50 180l20-18C100 176 112 196 126 200Z"
        content += path(spout, pot.dark)
        content += line("M124 196C108 60 292 60 276 196", pot.deep, 8)
        content += line("M152 100C176 86 224 86 248 100", grip.base, 18)
    content += turned(body, pot, gloss=0.5)
    lid: list[Segment] = [(12, 146), (40, 150, 56, 158, 62, 168)]
    content += turned(lid, pot) + line("M138 168Q200 186 262 168", pot.deep, 3, 0.5)
    return content + disc(200, 138, 12, grip.base) + disc(196, 134, 4, grip.light)


def pour_over(look: Look) -> str:
    """A dripper with its paper on a glass carafe, coffee half up."""
    glass, cone = tone("clear"), look.tone
    carafe: list[Segment] = [(44, 190), (44, 210, 84, 246, 84, 284), (84, 306, 74, 312, 62, 312)]
    brew: list[Segment] = [(76, 258), (82, 268, 84, 276, 84, 284), (84, 306, 74, 312, 62, 312)]
    handle = "M268 232C324 218 322 296 280 290"
    content = ground(84) + line(handle, glass.dark, 9)
    content += path(turned_outline(carafe), glass.light, 0.8)
    content += turned(brew, tone("chestnut"), gloss=0) + ellipse(200, 258, 76, 10, "#95603f")
    content += line("M134 296C124 270 140 250 156 224", PAPER, 7, 0.7)
    paper = "M118 96L130 84H270L282 96 240 168H160Z"
    content += path(paper, PAPER) + path("M200 84h70l12 12-42 72h-14Z", "#e3dccd")
    dripper: list[Segment] = [(92, 104), (40, 176), (34, 184)]
    content += turned(dripper, cone)
    content += ellipse(200, 104, 92, 13, cone.light) + ellipse(200, 103, 84, 10, "#7a5238")
    plate: list[Segment] = [(64, 182), (64, 192)]
    return content + turned(plate, cone) + line("M292 118q34 4 10 42", cone.dark, 9)


def french_press(look: Look) -> str:
    """A glass press in a metal frame."""
    frame, glass = look.tone, tone("clear")
    brew: list[Segment] = [(66, 196), (66, 300)]
    content = ground(78, cx=190)
    handle = "M254 160H306q16 0 16 18V262q0 18-16 18H254"
    content += line(handle, frame.deep, 15) + line(handle, frame.dark, 8)
    content += box(120, 128, 140, 176, glass.light, 8, 0.85)
    content += turned(brew, tone("chestnut"), 190, 0) + ellipse(190, 196, 66, 10, "#95603f")
    content += box(120, 184, 140, 6, tone("steel").base) + box(187, 82, 6, 104, tone("steel").dark)
    content += box(134, 140, 9, 150, PAPER, 4, 0.5)
    for y in (140, 296):
        band: list[Segment] = [(73, y), (73, y + 14)]
        content += turned(band, frame, 190, 0.5)
    content += "".join(box(x, 146, 7, 160, frame.dark) for x in (116, 257))
    lid: list[Segment] = [(24, 108), (60, 110, 72, 118, 74, 132)]
    knob = look.second if look.accent else frame
    return (
        content
        + turned(lid, frame, 190, 0.5)
        + disc(190, 76, 15, knob.base)
        + disc(185, 71, 5, knob.light)
    )


def coffee_grinder(look: Look) -> str:
    """A hand mill: a metal cup and crank on a wooden box with a drawer."""
    wood, metal = look.tone, look.metal("steel")
    content = ground(100) + box(104, 196, 192, 112, wood.base, 8)
    content += path("M240 196h48q8 0 8 8v96q0 8-8 8h-48Z", wood.dark)
    content += box(94, 300, 212, 16, wood.deep, 5) + box(94, 186, 212, 16, wood.light, 5)
    content += box(140, 228, 120, 54, wood.dark, 4) + box(144, 232, 112, 46, wood.base, 3)
    content += disc(200, 255, 9, metal.base) + disc(197, 252, 3, metal.light)
    dome: list[Segment] = [(24, 128), (64, 132, 72, 160, 72, 186)]
    content += turned(dome, metal, gloss=0.6) + box(194, 104, 12, 28, metal.dark)
    content += line("M200 108H292L304 96", metal.dark, 10) + line(
        "M200 106H292", metal.light, 3, 0.8
    )
    knob: list[Segment] = [(8, 56), (18, 60, 18, 84, 9, 96)]
    return content + turned(knob, look.second if look.accent else wood, 304)


def tin(look: Look) -> str:
    """A caddy with a pushed-on lid and a paper label."""
    body: list[Segment] = [(80, 160), (80, 306)]
    lid: list[Segment] = [(83, 112), (83, 162)]
    content = ground(84) + turned(body, look.tone)
    content += pattern(look, turned_outline(body), (118, 164, 164, 156))
    content += _label(look.second)
    content += turned(lid, look.tone) + line("M117 162Q200 186 283 162", look.tone.deep, 3, 0.7)
    return (
        content
        + ellipse(200, 112, 83, 12, look.tone.light)
        + ellipse(200, 112, 66, 8.5, look.tone.base)
    )


def _label(colour: Tone) -> str:
    leaf = "M200 256q-22-10-20-36q22 8 20 36Z"
    other = "M200 256q22-10 20-36q-22 8-20 36Z"
    frame = box(150, 202, 100, 76, PAPER, 4) + box(156, 208, 88, 64, colour.light, 2, 0.6)
    return frame + path(leaf, tone("fern").base) + path(other, tone("fern").dark)


def tray(look: Look) -> str:
    """A serving tray from above, grain or colour in the well, two cut grips."""
    edge = look.tone
    content = path(
        "M62 108H338q24 0 24 24V292q0 24-24 24H62q-24 0-24-24V132q0-24 24-24Z", INK, 0.08
    )
    content += box(34, 94, 332, 204, edge.dark, 26) + box(34, 90, 332, 202, edge.base, 26)
    well = look.second if look.accent else edge
    content += box(52, 108, 296, 166, edge.deep, 16) + box(54, 112, 292, 162, well.base, 15)
    inside = "M69 112H331q15 0 15 15V259q0 15-15 15H69q-15 0-15-15V127q0-15 15-15Z"
    if look.accent is None:
        grain = "".join(
            line(f"M50 {y}Q200 {y + 9} 350 {y - 2}", edge.dark, 3, 0.5)
            for y in (132, 156, 176, 204, 226, 250)
        )
        content += clipped(f"{look.key}-w", inside, grain)
    content += line("M70 116H320", well.light, 4, 0.5)
    for x in (37, 349):
        content += box(x, 162, 14, 62, edge.deep, 7)
    return content


DRAWINGS: dict[str, Callable[[Look], str]] = {
    "mug": mug,
    "cup and saucer": cup_and_saucer,
    "teapot": teapot,
    "kettle": kettle,
    "pour-over": pour_over,
    "french press": french_press,
    "coffee grinder": coffee_grinder,
    "tin": tin,
    "tray": tray,
}
