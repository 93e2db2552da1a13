"""Drawings of the kitchen shelf: knives, pans, pots, bowls, boards and jars."""

from __future__ import annotations

from collections.abc import Callable

from shopdemo.catalogue.drawings.palette import BACKGROUND, INK, PAPER, Look, mix, tone
from shopdemo.catalogue.drawings.shapes import (
    Segment,
    box,
    clipped,
    disc,
    ellipse,
    ground,
    laid,
    line,
    outline,
    path,
    pattern,
    ring,
    turn,
    turned,
    turned_outline,
)

# What a glass jar may be pictured with, and that content's colour.
_CONTENTS = {"flour": "cream", "red lentils": "terracotta", "coffee beans": "chestnut"}


def knife(look: Look) -> str:
    """A cook's knife lying on the slant; a serrated edge where the product has one."""
    steel, handle = tone("steel"), look.tone
    if look.attributes.get("edge") == "serrated":
        teeth = "".join("q-5 7-10 0" for _ in range(18))
        blade = "M236 176H62q-16 2-20 12q4 18 14 24H236Z"
        edge = f"M236 212{teeth}"
    else:
        blade = "M238 172H108C76 174 46 190 26 214C80 226 170 226 238 220Z"
        edge = "M238 212C170 218 90 218 34 211"
    grip = "M236 172h112q26 2 30 26q2 16-8 26q-14-10-34-10h-100Z"
    content = laid(blade) + laid(grip)
    content += path(blade, mix(steel.base, PAPER, 0.45))
    content += line(edge, steel.base, 5)
    content += path("M230 172h18v42h-18Z", steel.dark)
    content += path(grip, handle.base) + path("M248 196h124q2 16-4 26q-12-8-32-8h-88Z", handle.dark)
    content += "".join(disc(x, 194, 5, tone("brass").base) for x in (272, 308, 344))
    return turn(content, -32)


def cutting_board(look: Look) -> str:
    """A board with a handle and a hanging hole, its grain running lengthwise."""
    wood = look.tone
    circular = look.attributes.get("shape") == "round"
    if circular:
        d = "M181 112V66q0-20 19-20q19 0 19 20V112A106 106 0 1 1 181 112Z"
    else:
        d = (
            "M176 116V74q0-24 24-24q24 0 24 24V116q0 12 12 12H268q16 0 16 16V324q0 18-18 18H134"
            "q-18 0-18-18V144q0-16 16-16H164q12 0 12-12Z"
        )
    grain = "".join(
        line(f"M{x} 40C{x - 8} 140 {x + 10} 220 {x} 360", wood.dark, w, 0.45)
        for x, w in ((106, 3), (128, 5), (152, 2), (178, 6), (206, 3), (236, 5), (262, 2), (290, 4))
    )
    if look.accent:
        grain += box(90, 262, 240, 22, look.accent.base)
    content = laid(d) + path(d, wood.base) + clipped(f"{look.key}-g", d, grain)
    if not circular:
        content += line("M128 146V324", wood.light, 4, 0.6)
    content += disc(200, 74, 8, BACKGROUND) + ring(200, 74, 9, wood.dark, 2.5)
    return turn(content, 9)


def frying_pan(look: Look) -> str:
    """A pan seen from above, the handle to the lower right."""
    pan = look.tone
    handle = look.second if look.accent else tone("iron")
    grip = "M182 300q18 6 36 0l-4 90q-14 12-28 0Z"
    content = laid(outline(70, 44, 260, 260, 130)) + laid(grip)
    content += path(grip, handle.base) + path("M202 300q8 0 16-2l-4 90q-6 6-12 6Z", handle.dark)
    content += disc(200, 376, 5, BACKGROUND)
    content += disc(200, 174, 130, pan.dark) + disc(198, 172, 126, pan.base)
    content += disc(200, 174, 108, pan.dark) + disc(202, 178, 103, mix(pan.dark, pan.base, 0.4))
    content += line("M118 140a90 90 0 0 1 58-52", pan.light, 6, 0.5)
    content += "".join(disc(x, 293, 4, tone("steel").base) for x in (190, 210))
    return turn(content, -38)


def saucepan(look: Look) -> str:
    """A lidded pan from the side, handle to the right."""
    pan, metal = look.tone, look.second if look.accent else tone("iron")
    body: list[Segment] = [(92, 188), (92, 270), (92, 300, 82, 306, 70, 306)]
    lid: list[Segment] = [(18, 150), (56, 154, 84, 164, 98, 182)]
    knob: list[Segment] = [(20, 124), (22, 134, 10, 138, 10, 152)]
    content = ground(92, cx=180)
    content += line("M262 206C300 198 330 190 366 172", metal.deep, 20)
    content += line("M262 202C300 194 330 186 364 169", metal.base, 10)
    content += turned(body, pan, 180) + pattern(
        look, turned_outline(body, 180), (88, 188, 184, 130)
    )
    content += turned(lid, pan, 180) + turned(knob, metal, 180)
    content += ellipse(180, 124, 20, 4, metal.light)
    return content + line("M84 190Q180 216 276 190", pan.deep, 3, 0.5)


def casserole(look: Look) -> str:
    """A heavy enamelled pot with a lid and two ears."""
    pot = look.tone
    knob_tone = look.second if look.accent else tone("brass")
    body: list[Segment] = [(128, 196), (128, 256), (126, 292, 108, 304, 88, 306)]
    lid: list[Segment] = [(14, 146), (66, 148, 116, 160, 132, 190), (132, 198)]
    knob: list[Segment] = [(18, 118), (26, 124, 24, 136, 12, 140), (12, 148)]
    content = ground(126) + line("M74 214H50q-12 0-12 12q0 12 12 12H74", pot.dark, 13)
    content += line("M326 214h24q12 0 12 12q0 12-12 12h-24", pot.deep, 13)
    content += turned(body, pot) + turned(lid, pot) + turned(knob, knob_tone)
    content += ellipse(200, 118, 18, 4, knob_tone.light)
    return content + line("M69 200Q200 234 331 200", pot.deep, 3.5, 0.6)


def mixing_bowl(look: Look) -> str:
    """A deep bowl on a small foot."""
    bowl = look.tone
    body: list[Segment] = [(140, 168), (138, 240, 96, 296, 58, 300), (56, 312)]
    inside = mix(bowl.light, PAPER, 0.5) if look.accent is None else look.accent.light
    content = ground(70) + turned(body, bowl)
    content += pattern(look, turned_outline(body), (60, 176, 280, 130))
    return content + ellipse(200, 168, 142, 24, bowl.light) + ellipse(200, 169, 134, 20, inside)


def storage_jar(look: Look) -> str:
    """A jar with a lid; glass shows what is inside, stoneware keeps it to itself."""
    content = ground(84)
    body: list[Segment] = [
        (74, 128),
        (84, 134, 88, 144, 88, 160),
        (88, 286),
        (88, 304, 80, 310, 70, 310),
    ]
    glazed = "glass" not in look.material
    lid_tone = look.second if glazed else look.wood("cork")
    if not glazed:
        glass = tone("clear")
        fill: list[Segment] = [(80, 196), (80, 288), (80, 298, 76, 302, 66, 302)]
        content += path(turned_outline(body), glass.light, 0.75)
        inside = tone(_CONTENTS.get(look.attributes.get("shown with", ""), "oat"))
        content += turned(fill, inside, gloss=0) + ellipse(200, 196, 80, 12, inside.light)
        content += box(132, 150, 12, 146, PAPER, 6, 0.55) + box(
            274, 160, 6, 130, glass.dark, 3, 0.5
        )
    else:
        content += turned(body, look.tone) + pattern(
            look, turned_outline(body), (110, 130, 180, 190)
        )
        content += box(160, 196, 80, 54, PAPER, 4) + line(
            "M176 216h48M176 230h32", look.tone.deep, 3
        )
    lid: list[Segment] = [(78, 96), (80, 130)]
    content += turned(lid, lid_tone, gloss=0.2) + ellipse(200, 96, 78, 12, lid_tone.light)
    return content


def wooden_spoons(look: Look) -> str:
    """A spoon and a turner, crossed."""
    wood = look.tone
    spoon = "M188 366l6-210q-30-14-30-62q0-52 36-52q36 0 36 52q0 48-30 62l6 210q-12 12-24 0Z"
    spatula = "M188 366l6-190q-26-8-28-30l-4-88q0-16 16-18l60 10q10 2 8 14l-10 84q-4 22-30 28l6 190q-12 12-24 0Z"
    first = laid(spatula) + path(spatula, wood.dark)
    first += path("M216 72h14v64h-14ZM192 68h14v68h-14ZM170 66h12v70h-10Z", BACKGROUND, 0.9)
    second = laid(spoon) + path(spoon, wood.base)
    second += ellipse(200, 94, 25, 40, wood.dark, 0.55) + ellipse(196, 90, 20, 34, wood.base, 0.8)
    second += line("M196 176L192 356", wood.light, 4, 0.7)
    if look.accent:
        tip = "M190 318h20l2 48q-12 12-24 0Z"
        first += path(tip, look.accent.dark)
        second += path(tip, look.accent.base)
    return turn(first, 24) + turn(second, -22)


def pepper_mill(look: Look) -> str:
    """A turned mill with a metal knob."""
    wood, metal = look.tone, look.metal("steel")
    base: list[Segment] = [
        (30, 176),
        (24, 190, 28, 204, 36, 214),
        (46, 234, 44, 262, 40, 276),
        (48, 284),
        (50, 314),
    ]
    head: list[Segment] = [
        (8, 92),
        (34, 94, 46, 112, 46, 132),
        (46, 152, 38, 162, 30, 172),
        (34, 176),
    ]
    content = ground(54) + turned(base, wood) + turned(head, wood)
    content += line("M166 176Q200 188 234 176", wood.deep, 3, 0.7) + disc(200, 84, 13, metal.base)
    return content + disc(196, 80, 5, metal.light)


def rolling_pin(look: Look) -> str:
    """A rolling pin lying on the slant."""
    wood, grip = look.tone, look.second if look.accent else look.tone
    roll = outline(92, 164, 216, 68, 16)
    handle = "M92 188H62q-30-8-42 10q12 18 42 10H92Z"
    other = "M308 188h30q30-8 42 10q-12 18-42 10h-30Z"
    content = laid(roll) + laid(handle) + laid(other)
    content += path(handle, grip.base) + path(other, grip.dark)
    content += path(roll, wood.base) + path("M92 206H308v10q0 16-16 16H108q-16 0-16-16Z", wood.dark)
    content += line("M108 178H292", wood.light, 6, 0.7)
    content += line("M120 192q60 6 160-2M150 202q50 4 120-1", wood.dark, 2, 0.7)
    return turn(content, -34)


def colander(look: Look) -> str:
    """A footed colander, its holes in rows."""
    bowl = look.tone
    body: list[Segment] = [(136, 160), (134, 232, 98, 286, 58, 290), (62, 312)]
    holes = "".join(
        ellipse(200 + (i - (num - 1) / 2) * 27, y, 5, 6, bowl.deep)
        for y, num in ((200, 9), (222, 8), (244, 7), (264, 5))
        for i in range(num)
    )
    content = line("M68 178H46q-10 0-10 10q0 10 10 10H70", bowl.dark, 9)
    content += line("M332 178h22q10 0 10 10q0 10-10 10h-24", bowl.deep, 9)
    content = ground(74) + content + turned(body, bowl) + holes
    content += ellipse(200, 160, 140, 25, bowl.light) + ellipse(200, 161, 130, 20, bowl.dark)
    return content + line("M66 164Q200 206 334 164", INK, 1.5, 0.12)


DRAWINGS: dict[str, Callable[[Look], str]] = {
    "knife": knife,
    "cutting board": cutting_board,
    "frying pan": frying_pan,
    "saucepan": saucepan,
    "casserole": casserole,
    "mixing bowl": mixing_bowl,
    "storage jar": storage_jar,
    "wooden spoons": wooden_spoons,
    "pepper mill": pepper_mill,
    "rolling pin": rolling_pin,
    "colander": colander,
}
