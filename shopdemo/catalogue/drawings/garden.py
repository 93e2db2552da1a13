"""Drawings of the garden shelf: pots, cans, hand tools, gloves, twine, seeds and bird boxes."""

from __future__ import annotations

from collections.abc import Callable

from shopdemo.catalogue.drawings.palette import INK, PAPER, Look, tone
from shopdemo.catalogue.drawings.shapes import (
    Segment,
    box,
    clipped,
    disc,
    ellipse,
    ground,
    laid,
    line,
    path,
    pattern,
    turn,
    turned,
    turned_outline,
)


def _leaf(x: float, y: float, length: float, angle: float, colour: str, vein: str) -> str:
    w = length * 0.24
    d = f"M{x:g} {y:g}C{x - w * 1.5:g} {y - length * 0.4:g} {x - w:g} {y - length * 0.850:g} {x:g} {y - length:g}"
    d += f"C{x + w:g} {y - length * 0.850:g} {x + w * 1.5:g} {y - length * 0.4:g} {x:g} {y:g}Z"
    return turn(
        path(d, colour) + line(f"M{x:g} {y:g}V{y - length * 0.850:g}", vein, 2, 0.6), angle, x, y
    )


def planter(look: Look) -> str:
    """A pot with a plant in it: leafy, or a spiky one in a low bowl."""
    pot, leaf = look.tone, tone("fern")
    low = look.attributes.get("shape") == "bowl"
    content = ground(96 if low else 78)
    if low:
        body: list[Segment] = [(112, 216), (110, 262, 90, 300, 60, 306)]
        for angle, size in (
            (-64, 96),
            (64, 96),
            (-42, 124),
            (42, 124),
            (-20, 142),
            (20, 142),
            (0, 150),
        ):
            content += _leaf(
                200, 226, size, angle, leaf.dark if angle > 0 else leaf.base, leaf.deep
            )
    else:
        body = [(84, 204), (78, 240, 70, 280, 64, 306)]
        for x, y, size, angle in (
            (200, 214, 150, -6),
            (196, 214, 130, -34),
            (204, 214, 130, 30),
            (190, 212, 106, -60),
            (210, 212, 106, 58),
            (202, 214, 84, 12),
        ):
            content += _leaf(x, y, size, angle, leaf.dark if angle > 0 else leaf.base, leaf.deep)
    content += turned(body, pot) + pattern(look, turned_outline(body), (88, 216, 224, 110))
    if look.attributes.get("saucer") == "yes":
        plate: list[Segment] = [(92, 302), (88, 318)]
        content += turned(plate, pot, gloss=0)
    if not low:
        collar: list[Segment] = [(92, 194), (90, 226)]
        content += turned(collar, pot) + line("M112 228Q200 246 288 228", pot.deep, 3, 0.5)
    return content


def watering_can(look: Look) -> str:
    """A can with a long spout and a rose."""
    can, trim = look.tone, look.second if look.accent else tone("brass")
    content = ground(100, 316, 226)
    content += line("M226 178C226 78 360 100 304 262", can.deep, 13) + line(
        "M226 176C228 86 350 104 301 258", can.dark, 6
    )
    content += path("M164 286L84 150L98 142L172 220Z", can.base) + path(
        "M164 286L90 147L98 142L172 220Z", can.dark
    )
    rose = path("M191 154H209L226 116H174Z", trim.base) + path(
        "M202 154H209L226 116H206Z", trim.dark
    )
    rose += ellipse(200, 116, 26, 7, trim.light)
    rose += "".join(disc(x, 116, 2, trim.deep) for x in (184, 192, 200, 208, 216))
    content += f'<g transform="translate(-109 -4)">{turn(rose, -38, 200, 150)}</g>'
    body: list[Segment] = [(70, 178), (82, 300), (82, 308, 78, 310, 72, 310)]
    content += turned(body, can, 226) + pattern(
        look, turned_outline(body, 226), (140, 196, 176, 120)
    )
    content += ellipse(226, 178, 70, 11, can.light) + path(
        "M156 178a70 11 0 0 1 70-11q30 0 50 4Q240 190 176 186Q158 184 156 178Z", can.deep
    )
    return content + line("M150 284Q226 304 302 284", can.deep, 3, 0.5)


def trowel(look: Look) -> str:
    """A hand trowel, blade up; a fork where the product is one."""
    wood, steel = look.tone, look.metal("steel")
    if look.attributes.get("head") == "fork":
        head = "M156 74q4-10 8 0V150q0 18 18 20V66q0-14 6-14t6 14V170h12V66q0-14 6-14t6 14V170q18-2 18-20V74q4-10 8 0V156q0 46-44 46t-44-46Z"
        shine = line("M160 84V154", steel.light, 4)
    else:
        head = "M200 34Q250 88 246 160Q242 202 200 206Q158 202 154 160Q150 88 200 34Z"
        shine = path("M200 34Q250 88 246 160Q242 202 200 206Q214 120 200 34Z", steel.dark)
        shine += line("M178 96Q166 130 172 166", steel.light, 6)
    grip = "M184 250q16-6 32 0l4 92q0 26-20 26t-20-26Z"
    content = (
        laid(head)
        + laid(grip)
        + line("M200 200V256", steel.dark, 13)
        + line("M197 200V256", steel.light, 4)
    )
    content += path(head, steel.base) + shine + path(grip, wood.base)
    content += path("M204 248q8 0 12 2l4 92q0 26-20 26Q212 320 204 248Z", wood.dark)
    content += box(182, 242, 36, 16, look.second.base if look.accent else tone("brass").base, 5)
    return turn(content, 32)


def secateurs(look: Look) -> str:
    """Bypass secateurs, open, handles down."""
    grip, steel = look.tone, tone("steel")
    upper = "M188 178Q150 130 160 58Q206 92 214 168Q210 186 188 178Z"
    hook = "M206 176Q250 150 262 96Q270 92 272 102Q276 168 226 196Q208 196 206 176Z"
    left = "M186 176Q212 172 222 196Q262 262 268 344Q262 356 250 348Q226 262 190 210Z"
    right = "M214 170Q188 174 178 196Q136 264 132 344Q138 356 150 348Q172 264 210 212Z"
    content = laid(left) + laid(right) + laid(upper)
    content += path(hook, steel.dark) + path(left, grip.dark) + path(upper, steel.base)
    content += path("M160 58Q206 92 214 168l-8 6Q196 110 160 58Z", steel.light)
    content += path(right, grip.base) + line("M184 214Q150 270 144 338", grip.light, 5, 0.7)
    content += line("M176 240q22 14 46 2M180 248q20 12 40 2", steel.deep, 3)
    return turn(
        content + disc(200, 190, 13, tone("brass").base) + disc(200, 190, 5, tone("brass").deep), 10
    )


def gloves(look: Look) -> str:
    """A pair of gloves, one on the other."""
    hide, cuff = look.tone, look.second
    hand = (
        "M150 300V196L128 150q-6-18 8-22q12-2 18 12L170 176V84q0-14 12-14t13 14V70q0-14 13-14t13 14V82"
        "q0-13 12-13t12 13V104q0-12 11-12t11 12V214Q266 258 256 300Z"
    )
    seams = line("M195 84V150M221 84V150M245 104V154", hide.deep, 2.5, 0.6)
    one = (
        laid(hand)
        + path(hand, hide.base)
        + path("M245 92q11-2 11 12V214Q256 260 250 300H226Q244 200 245 92Z", hide.dark)
        + seams
    )
    one += box(140, 284, 126, 58, cuff.base, 10) + path(
        "M232 284h24q10 0 10 10v38q0 10-10 10h-24Z", cuff.dark
    )
    one += line("M144 300H262", cuff.light, 4, 0.8)
    back = path(hand, hide.dark) + seams + box(140, 284, 126, 58, cuff.dark, 10)
    return turn(f'<g transform="translate(424 0) scale(-1 1)">{laid(hand)}{back}</g>', 18) + turn(
        f'<g transform="translate(-30 0)">{one}</g>', -12
    )


def twine(look: Look) -> str:
    """A spool of twine with a loose end."""
    jute, wood = look.tone, look.wood("beech")
    content = ground(86, 312)
    bottom: list[Segment] = [(84, 288), (84, 304)]
    content += turned(bottom, wood, gloss=0) + ellipse(200, 288, 84, 12.5, wood.light)
    body: list[Segment] = [(56, 132), (68, 160, 72, 200, 70, 220), (68, 250, 62, 270, 58, 286)]
    d = turned_outline(body)
    content += turned(body, jute, gloss=0)
    wraps = "".join(
        line(f"M124 {y}Q200 {y + 24} 278 {y - 4}", jute.deep if i % 3 else jute.light, 3, 0.5)
        for i, y in enumerate(range(132, 290, 8))
    )
    if look.accent:
        wraps += line("M120 206Q200 232 282 202", look.accent.base, 22, 0.85, "butt")
    content += clipped(f"{look.key}-w", d, wraps)
    top: list[Segment] = [(80, 118), (80, 132)]
    content += (
        turned(top, wood, gloss=0)
        + ellipse(200, 118, 80, 12, wood.light)
        + ellipse(200, 118, 14, 3.5, wood.deep)
    )
    return content + line("M264 252C320 250 296 318 342 306S356 330 366 322", jute.base, 5)


def seed_packet(look: Look) -> str:
    """Three packets of seed, the front one with its flower."""
    content = ""
    tones = (tone("sage"), look.second, look.tone)
    for angle, shade in zip((-15, 13, 0), tones, strict=True):
        d = "M124 86H276V322H124Z"
        one = laid(d) + path(d, shade.base) + box(124, 86, 152, 26, shade.dark)
        one += line("M124 112H276", shade.light, 2, 0.7)
        if shade is look.tone:
            one += box(140, 130, 120, 136, PAPER, 4) + _flower(200, 184, look)
            one += line("M160 284h80M174 300h52", shade.light, 5)
        content += turn(one, angle, 200, 360)
    return content


def _flower(cx: float, cy: float, look: Look) -> str:
    petal = tone("mustard") if look.accent is None else look.accent
    fern = tone("fern")
    stem = line(f"M{cx} {cy}V{cy + 72}", fern.base, 5)
    stem += path(f"M{cx} {cy + 62}q-30-2-34-28q30 2 34 28Z", fern.base)
    stem += path(f"M{cx} {cy + 56}q28-2 32-26q-28 2-32 26Z", fern.dark)
    petals = "".join(
        turn(ellipse(cx, cy - 24, 9, 17, petal.base if i % 2 else petal.light), i * 45, cx, cy)
        for i in range(8)
    )
    return stem + petals + disc(cx, cy, 12, tone("chestnut").base)


def bird_box(look: Look) -> str:
    """A nesting box with a pitched roof and a perch."""
    wood, roof = look.tone, look.second if look.accent else tone("slate")
    content = box(190, 286, 20, 114, tone("walnut").dark) + box(
        200, 286, 10, 114, tone("walnut").deep
    )
    content += path("M128 168L200 96L272 168V296H128Z", wood.base)
    content += path("M228 124L272 168V296H236Z", wood.dark)
    content += line("M176 126V294M224 126V294", wood.deep, 2, 0.5)
    content += line("M106 190L200 92L294 190", roof.base, 20) + line(
        "M200 92L294 190", roof.dark, 20
    )
    content += line("M112 180L200 88", roof.light, 4, 0.7)
    content += disc(200, 196, 27, wood.deep) + disc(202, 198, 23, INK, 0.85)
    content += box(196, 240, 8, 30, tone("beech").base, 3) + disc(200, 244, 8, tone("beech").light)
    return content + box(118, 288, 164, 14, wood.dark, 4)


def mister(look: Look) -> str:
    """A plant mister with a thumb pump."""
    glass, metal = look.tone, look.metal("brass")
    content = ground(66)
    body: list[Segment] = [(28, 172), (30, 200, 70, 214, 70, 254), (70, 296, 60, 310, 44, 310)]
    content += turned(body, glass, gloss=0.7)
    content += pattern(look, turned_outline(body), (126, 190, 148, 130))
    collar: list[Segment] = [(30, 152), (32, 176)]
    content += box(192, 84, 16, 34, metal.dark) + box(176, 76, 48, 13, metal.base, 6)
    content += path("M178 114H222l6 40H172Z", metal.base) + path(
        "M206 114h16l6 40H210Z", metal.dark
    )
    content += box(128, 120, 58, 13, metal.base, 5) + box(122, 116, 12, 21, metal.dark, 4)
    content += turned(collar, metal, gloss=0.5)
    drops = "".join(
        disc(x, y, r, tone("sky").base, 0.8)
        for x, y, r in (
            (104, 126, 3.5),
            (90, 112, 3),
            (88, 138, 3),
            (72, 124, 4),
            (68, 102, 2.5),
            (70, 148, 2.5),
            (52, 132, 3),
            (50, 112, 3),
        )
    )
    return content + drops


DRAWINGS: dict[str, Callable[[Look], str]] = {
    "planter": planter,
    "watering can": watering_can,
    "trowel": trowel,
    "secateurs": secateurs,
    "gloves": gloves,
    "twine": twine,
    "seeds": seed_packet,
    "bird box": bird_box,
    "mister": mister,
}
