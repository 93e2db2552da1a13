"""Drawings of the bath shelf: towels, soap, brushes, bottles, mirrors, stools and mats."""

from __future__ import annotations

from collections.abc import Callable

from shopdemo.catalogue.drawings.palette import BACKGROUND, PAPER, Look, mix, tone
from shopdemo.catalogue.drawings.shapes import (
    Segment,
    box,
    clipped,
    dashes,
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


def towel(look: Look) -> str:
    """Folded towels in a stack, or one rolled where the product is small."""
    cloth, band = look.tone, look.second if look.accent else look.tone
    content = ground(128, 318)
    if look.attributes.get("size", "").startswith("face"):
        rolls = ""
        for cx, cy in ((138, 268), (262, 268), (200, 168)):
            rolls += disc(cx, cy, 58, cloth.base)
            rolls += path(f"M{cx + 10} {cy - 57}a58 58 0 0 1 0 114a74 74 0 0 0 0-114Z", cloth.dark)
            rolls += line(
                f"M{cx - 2} {cy + 44}a44 44 0 1 1 44-44a33 33 0 1 1-33-33a22 22 0 1 1-20 24a12 12 0 0 1 14-12",
                cloth.deep,
                4,
                0.55,
            )
            rolls += ring(cx, cy, 55, band.base, 6) if look.accent else ""
        return content + rolls
    for y, lit in ((262, cloth.dark), (206, cloth.base), (150, cloth.base)):
        content += box(70, y, 260, 54, lit, 24)
        content += path(
            f"M268 {y}h38a24 24 0 0 1 24 24v6a24 24 0 0 1-24 24h-38q14-27 0-54Z", cloth.deep, 0.3
        )
        content += path(f"M94 {y + 27}H330q0 4-2 8H94q-12-1-12-4t12-4Z", cloth.deep, 0.4)
        content += line(f"M96 {y + 8}H250", cloth.light, 5, 0.6)
    d = (
        outline(70, 150, 260, 54, 24)
        + outline(70, 206, 260, 54, 24)
        + outline(70, 262, 260, 54, 24)
    )
    content += pattern(look, d, (70, 150, 260, 166))
    if look.accent and look.pattern == "plain":
        for y in (150, 206, 262):
            content += box(270, y, 10, 54, band.base) + box(286, y, 4, 54, band.base)
    return content


def soap(look: Look) -> str:
    """A bar of soap with its paper band, or a cut block."""
    bar = look.tone
    content = ground(122, 292)
    d = "M84 226q0-36 36-36H280q36 0 36 36V256q0 32-36 32H120q-36 0-36-32Z"
    content += path(d, bar.dark) + box(84, 178, 232, 84, bar.base, 38)
    content += box(102, 188, 190, 22, bar.light, 11, 0.55)
    if look.accent:
        band = look.accent
        content += path("M150 178H250V288H150Z", band.dark) + path(
            "M150 178H250V262H150Z", band.base
        )
        content += line("M168 206h64M180 220h40M188 234h24", PAPER, 4, 0.9)
    else:
        content += "".join(
            ellipse(x, y, 5, 2.5, bar.deep, 0.5)
            for x, y in (
                (130, 222),
                (160, 238),
                (196, 214),
                (226, 244),
                (262, 224),
                (284, 238),
                (146, 206),
                (240, 208),
            )
        )
        content += line("M172 230h56", bar.dark, 5, 0.8)
    bubbles = ring(318, 150, 15, mix(bar.light, PAPER, 0.4), 4) + ring(
        286, 128, 9, mix(bar.light, PAPER, 0.4), 3
    )
    return content + bubbles + ring(330, 114, 6, mix(bar.light, PAPER, 0.4), 2.5)


def soap_dish(look: Look) -> str:
    """A ridged dish with a bar on it."""
    dish = look.tone
    body: list[Segment] = [(136, 238), (132, 274, 108, 300, 84, 302)]
    bar = box(110, 178, 180, 66, look.second.dark, 28) + box(
        110, 172, 180, 58, look.second.base, 28
    )
    bar += box(128, 180, 120, 14, look.second.light, 7, 0.7)
    back = ellipse(200, 238, 136, 20, dish.deep)
    content = ground(112, 306) + back + bar + turned(body, dish)
    content += pattern(look, turned_outline(body), (60, 240, 280, 80))
    return content + path("M64 238a136 20 0 0 0 272 0l-1 8a136 20 0 0 1-270 0Z", dish.light)


def brush(look: Look) -> str:
    """A brush with natural bristle: a long bath brush, or a round one with a strap."""
    wood = look.tone
    bristle = tone("sand") if look.accent is None else look.accent
    if look.attributes.get("shape") == "nail":
        content = ground(112, 296)
        tufts = "".join(
            box(100 + i * 14.4, 232, 10, 60, bristle.base if i % 2 else bristle.dark, 3)
            for i in range(14)
        )
        content += (
            tufts
            + box(84, 190, 232, 52, wood.base, 24)
            + path("M84 218H316q-2 24-24 24H108q-22 0-24-24Z", wood.dark)
        )
        content += box(108, 196, 170, 8, wood.light, 4, 0.7)
        return content + line("M104 190q96-60 192 0", tone("tan").dark, 13)
    handle = "M186 200h28l-4 148q-10 14-20 0Z"
    head = "M200 38q52 0 52 84q0 80-38 92h-28q-38-12-38-92q0-84 52-84Z"
    content = (
        laid(head)
        + laid(handle)
        + path(handle, wood.base)
        + path("M202 200h12l-4 148q-4 6-8 7Z", wood.dark)
    )
    content += path(head, wood.base) + ellipse(200, 124, 41, 72, wood.dark)
    tufts = ""
    for row in range(9):
        for col in range(5):
            x, y = 172 + col * 14 + (7 if row % 2 else 0) - 3, 64 + row * 15
            if ((x - 200) / 38) ** 2 + ((y - 124) / 70) ** 2 < 1:
                tufts += disc(x, y, 6.5, bristle.dark) + disc(x - 1, y - 1.5, 5, bristle.light)
    content += tufts + disc(200, 334, 5, BACKGROUND)
    return turn(content + line("M200 340q-20 26-2 40", tone("natural").dark, 4), 30)


def bottle(look: Look) -> str:
    """A pump bottle with a label."""
    glass = look.tone
    pump = look.second if look.accent else tone("black")
    content = ground(68)
    body: list[Segment] = [
        (26, 136),
        (30, 158, 68, 160, 68, 196),
        (68, 294),
        (68, 306, 62, 311, 52, 311),
    ]
    content += turned(body, glass, gloss=0.8)
    content += (
        box(144, 206, 112, 78, PAPER, 3)
        + line("M162 228h58", pump.deep, 4)
        + line("M162 244h76M162 256h64", glass.deep, 2.5, 0.7)
        + disc(232, 270, 5, glass.base)
    )
    collar: list[Segment] = [(28, 112), (28, 140)]
    content += box(194, 78, 12, 36, pump.dark) + path(
        "M128 70q2-12 20-12H222q8 0 8 10v8q0 8-8 8H150q-8 0-10 8h-12Z", pump.base
    )
    return content + path("M206 58h16q8 0 8 10v8q0 8-8 8h-16Z", pump.dark) + turned(collar, pump)


def mirror(look: Look) -> str:
    """A round mirror: on a wall with its strap, or on a little stand."""
    frame = look.tone
    glass = "#d9e3e4"
    stand = look.attributes.get("shape") == "stand"
    cy = 168 if stand else 214
    content = ""
    if stand:
        content += ground(70)
        base: list[Segment] = [(9, 280), (12, 296, 62, 298, 64, 314)]
        content += turned(base, frame) + line("M84 168A116 116 0 0 0 316 168", frame.dark, 9)
        content += disc(84, 168, 9, frame.deep) + disc(316, 168, 9, frame.deep)
    else:
        content += line("M124 120L200 52L276 120", tone("chestnut").base, 8) + disc(
            200, 50, 10, tone("brass").base
        )
        content += disc(210, 226, 116, "#2b2a33", 0.08)
    r = 100 if stand else 116
    content += disc(200, cy, r, frame.base) + path(
        f"M{200 + r * 0.45:g} {cy - r * 0.893:.1f}A{r} {r} 0 0 1 {200 + r * 0.45:g} {cy + r * 0.893:.1f}"
        f"A{r * 1.4:g} {r * 1.4:g} 0 0 0 {200 + r * 0.45:g} {cy - r * 0.893:.1f}Z",
        frame.dark,
    )
    content += disc(200, cy, r - 15, frame.deep) + disc(201, cy + 1.5, r - 18, glass)
    d = f"M{218 - r} {cy}a{r - 18} {r - 18} 0 1 0 {2 * r - 36} 0a{r - 18} {r - 18} 0 1 0 {36 - 2 * r} 0Z"
    gleam = path(f"M90 {cy + 60}L230 {cy - 120}H272L110 {cy + 90}Z", PAPER, 0.7)
    gleam += path(f"M150 {cy + 110}L300 {cy - 80}H318L170 {cy + 116}Z", PAPER, 0.6)
    return content + clipped(f"{look.key}-g", d, gleam)


def tumbler(look: Look) -> str:
    """A toothbrush tumbler with two brushes in it."""
    cup = look.tone
    content = ground(62) + ellipse(200, 192, 62, 9.5, cup.deep)
    for angle, shade, x in ((-13, tone("bamboo"), 186), (12, look.second, 214)):
        one = box(x - 6, 96, 12, 140, shade.base, 6) + box(x + 1, 100, 5, 136, shade.dark, 3)
        one += box(x - 19, 84, 15, 46, PAPER, 3) + dashes(f"M{x - 19} 88V128", "#d9d2c4", 2, "1 5")
        one += box(x - 6, 78, 12, 58, shade.base, 6)
        content += turn(one, angle, x, 236)
    body: list[Segment] = [(62, 192), (56, 298), (55, 307, 50, 310, 44, 310)]
    content += turned(body, cup) + pattern(look, turned_outline(body), (136, 200, 128, 124))
    return content + path("M138 192a62 9.5 0 0 0 124 0l0 6a62 9.5 0 0 1-124 0Z", cup.light)


def stool(look: Look) -> str:
    """A small wooden stool."""
    wood, seat = look.tone, look.second if look.accent else look.tone
    content = ground(112, 328)
    content += path("M132 178h26l-6 142h-16ZM268 178h-26l6 142h16Z", wood.deep)
    content += box(120, 256, 160, 13, wood.dark, 6)
    content += path("M94 176h32l-14 152H92Z", wood.base) + path(
        "M306 176h-32l14 152h20Z", wood.dark
    )
    top: list[Segment] = [(134, 150), (134, 172), (132, 180, 128, 184, 120, 184)]
    content += turned(top, seat, gloss=0.3) + ellipse(200, 150, 134, 20, seat.light)
    grain = "".join(
        f'<ellipse cx="196" cy="150" rx="{rx}" ry="{rx * 0.13:.1f}" fill="none" '
        f'stroke="{seat.base}" stroke-width="2"/>'
        for rx in (28, 58, 88, 112)
    )
    return content + (grain if look.accent is None else "")


def bath_mat(look: Look) -> str:
    """A tufted mat from above, or a slatted wooden one."""
    cloth = look.tone
    d = outline(50, 96, 300, 208, 14)
    if "cotton" not in look.material and "linen" not in look.material:
        content = laid(outline(50, 96, 300, 204, 8), 4, 8)
        content += box(92, 96, 22, 208, cloth.deep) + box(286, 96, 22, 208, cloth.deep)
        for i in range(8):
            y = 94 + i * 26
            content += box(50, y, 300, 19, cloth.base, 5) + box(50, y + 13, 300, 6, cloth.dark, 3)
            content += line(f"M66 {y + 5}H{210 + i * 11}", cloth.light, 3, 0.6)
        return turn(content, -8)
    content = laid(d) + path(d, cloth.base)
    ribs = "".join(
        dashes(f"M62 {y}H340", cloth.dark if i % 2 else cloth.light, 9, "0.1 12", 0.6)
        for i, y in enumerate(range(116, 300, 13))
    )
    content += (
        pattern(look, outline(74, 118, 252, 164, 6), (74, 118, 252, 164))
        if look.pattern != "plain"
        else ribs
    )
    border = look.second.base if look.accent else cloth.dark
    content += f'<path d="{outline(66, 112, 268, 176, 8)}" fill="none" stroke="{border}" stroke-width="6"/>'
    fringe = "".join(
        line(f"M{x} {y}v9", cloth.light, 4) for x in range(58, 346, 12) for y in (90, 304)
    )
    return turn(fringe + content, -8)


DRAWINGS: dict[str, Callable[[Look], str]] = {
    "towel": towel,
    "soap": soap,
    "soap dish": soap_dish,
    "brush": brush,
    "bottle": bottle,
    "mirror": mirror,
    "tumbler": tumbler,
    "stool": stool,
    "bath mat": bath_mat,
}
