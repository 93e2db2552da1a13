"""Drawings of the stationery shelf: notebooks, pens, pencils, paper and what keeps a desk tidy."""

from __future__ import annotations

from collections.abc import Callable

from shopdemo.catalogue.drawings.palette import BACKGROUND, INK, PAPER, Look, mix, tone
from shopdemo.catalogue.drawings.shapes import (
    Segment,
    box,
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


def notebook(look: Look) -> str:
    """A bound book lying at an angle: elastic band, ribbon, or wire along the spine."""
    cover, second = look.tone, look.second if look.accent else look.tone
    d = outline(104, 66, 196, 268, 10)
    wired = look.attributes.get("binding") == "wire"
    ribbon = path("M268 326l10 40 8-10 10 8-10-40Z", tone("rust").base)
    content = laid(d) + ("" if wired else ribbon)
    content += box(108, 72, 198, 266, "#ddd4c3", 8) + box(108, 70, 195, 264, PAPER, 8)
    content += path(d, cover.base) + pattern(look, d, (104, 66, 196, 268))
    if wired:
        content += "".join(
            disc(116, y, 5, cover.deep) + line(f"M116 {y}H98", tone("steel").dark, 5)
            for y in range(86, 330, 22)
        )
    else:
        content += path("M114 66h14v268h-14q-10 0-10-10V76q0-10 10-10Z", second.dark)
        content += box(262, 66, 9, 268, second.deep if look.accent else cover.deep)
    content += line("M140 74H250", cover.light, 4, 0.6)
    if look.pattern == "plain":
        content += box(158, 116, 78, 46, PAPER, 3) + line("M172 134h50M172 146h32", cover.deep, 2.5)
    return turn(content, 10)


def fountain_pen(look: Look) -> str:
    """An uncapped pen, nib down to the left, with the line it has drawn."""
    barrel, metal = look.tone, look.metal("brass")
    body = "M176 182H342q24 0 24 18q0 18-24 18H176Z"
    grip = "M124 188L176 182V218L124 212Z"
    nib = "M52 200Q88 182 126 186V214Q88 218 52 200Z"
    content = laid(body) + laid(grip) + laid(nib)
    content += path(body, barrel.base) + path("M176 204H365q-3 14-23 14H176Z", barrel.dark)
    content += line("M190 191H340", barrel.light, 5, 0.7) + path(grip, barrel.deep)
    content += path(nib, metal.base) + path("M52 200Q88 218 126 214V200Z", metal.dark)
    content += line("M56 200H100", metal.deep, 2) + disc(103, 200, 4, metal.deep)
    band = look.accent or metal
    content += box(172, 180, 9, 40, metal.base) + box(298, 180, 7, 40, band.base)
    drawn = line("M30 352C70 316 92 376 122 342S166 336 182 344", tone("navy").base, 5, 0.85)
    return drawn + turn(content, -42, 190, 190)


def pencils(look: Look) -> str:
    """Five pencils in a fan."""
    woods = (look.tone, look.second, look.tone, look.second, look.tone)
    content = ""
    for i, shade in enumerate(woods):
        d = "M186 118H214V352H186Z"
        tip = "M186 118L200 70L214 118Z"
        one = (
            laid(d, 4, 5)
            + path(tip, tone("ash").base)
            + path("M200 70L214 118H204Z", tone("beech").base)
        )
        one += path("M195.3 86L200 70L204.7 86Z", shade.deep if look.accent else INK)
        one += box(186, 118, 9.4, 234, shade.light) + box(195.3, 118, 9.4, 234, shade.base)
        one += box(204.6, 118, 9.4, 234, shade.dark) + box(186, 326, 28, 6, tone("brass").base)
        content += turn(one, (i - 2) * 13, 200, 420)
    return content


def pen_pot(look: Look) -> str:
    """A desk cup holding two pencils and a ruler."""
    things = turn(
        box(176, 88, 16, 140, tone("mustard").base, 2)
        + path("M176 88l8-26 8 26Z", tone("ash").base)
        + path("M181 72l3-10 3 10Z", INK),
        -8,
        184,
        220,
    )
    things += turn(
        box(224, 70, 26, 150, tone("beech").base, 2) + dashes("M227 80V200", INK, 6, "1 9", 0.6),
        9,
        236,
        220,
    )
    things += turn(box(204, 96, 14, 120, tone("teal").base, 6) + box(204, 96, 14, 18, INK, 6), 2)
    body: list[Segment] = [(70, 180), (66, 296), (65, 308, 60, 310, 52, 310)]
    back = ellipse(200, 180, 70, 10.5, look.tone.deep)
    front = turned(body, look.tone) + pattern(look, turned_outline(body), (128, 186, 144, 140))
    front += path("M130 180a70 10.5 0 0 0 140 0l0 6a70 10.5 0 0 1-140 0Z", look.tone.light)
    return ground(76) + back + things + front


def scissors(look: Look) -> str:
    """A pair of shears, slightly open, pointing up."""
    steel, grip = tone("steel"), look.tone
    blade = "M192 226L172 52q-2-12 6-10q22 20 36 180Z"
    half = path(blade, steel.base) + path("M178 44q20 18 36 178l-10 2Q196 110 176 44Z", steel.light)
    half += ring(238, 298, 38, grip.base, 17) + line("M202 214L216 266", grip.base, 17)
    half += line("M262 276a38 38 0 0 1 4 36", grip.light, 4, 0.8)
    dark = (
        path(blade, steel.dark)
        + ring(238, 298, 38, grip.dark, 17)
        + line("M202 214L216 266", grip.dark, 17)
    )
    shade = turn(laid(blade, 6, 8), 12, 200, 210)
    other = f'<g transform="translate(400 0) scale(-1 1)">{turn(dark, 6, 200, 214)}</g>'
    content = shade + other + turn(half, 6, 200, 214) + disc(200, 214, 9, tone("brass").base)
    return turn(content + disc(197, 211, 3, tone("brass").light), 14)


def letter_set(look: Look) -> str:
    """A sheet of paper and its lined envelope."""
    env, lining = look.tone, look.second
    sheet = box(120, 60, 176, 200, "#e2d9c8", 3) + box(116, 56, 176, 200, PAPER, 3)
    sheet += "".join(
        line(f"M140 {y}H{x}", env.dark, 2.5, 0.5)
        for y, x in ((92, 210), (118, 268), (136, 262), (154, 270), (172, 230))
    )
    d = outline(76, 172, 248, 160, 8)
    content = turn(sheet, -7) + laid(d) + path(d, env.base)
    content += path("M78 176L200 268L322 176Z", lining.base)
    content += path("M76 328V180L176 250ZM324 328V180L224 250Z", env.dark)
    content += path("M80 332L188 246q12-9 24 0L320 332Z", env.light)
    return content + line("M82 330L188 246q12-9 24 0L318 330", env.dark, 2, 0.7)


def ruler(look: Look) -> str:
    """A ruler with its marks."""
    wood = look.tone
    d = outline(34, 166, 332, 66, 5)
    content = laid(d) + path(d, wood.base) + box(34, 216, 332, 16, wood.dark, 4)
    for i in range(31):
        tall = 26 if i % 10 == 0 else 18 if i % 5 == 0 else 11
        content += line(f"M{44 + i * 10.4:.1f} 168v{tall}", mix(wood.deep, INK, 0.5), 2, cap="butt")
    if look.accent:
        content += box(34, 226, 332, 8, look.accent.base, 3)
    return turn(content + disc(350, 212, 6, BACKGROUND), -28)


def ink_bottle(look: Look) -> str:
    """A squat glass bottle of ink with a label."""
    glass = tone("clear")
    content = ground(96) + path(
        "M110 196q0-16 18-18l26-8V150H246v20l26 8q18 2 18 18V292q0 20-20 20H130q-20 0-20-20Z",
        glass.light,
    )
    content += path("M122 214H278V288q0 12-12 12H134q-12 0-12-12Z", look.tone.base)
    content += path("M236 214h42V288q0 12-12 12h-30Z", look.tone.dark)
    content += ellipse(200, 214, 78, 7, look.tone.light) + box(128, 196, 10, 96, PAPER, 5, 0.6)
    content += box(154, 226, 92, 56, PAPER, 4) + line("M172 246h56M184 262h32", look.tone.base, 3)
    lid: list[Segment] = [(50, 106), (52, 152)]
    cap = look.second if look.accent else tone("graphite")
    return content + turned(lid, cap) + ellipse(200, 106, 50, 7.5, cap.light)


def desk_tray(look: Look) -> str:
    """A stepped box for the desk with paper, a clip and a card standing in it."""
    wood = look.tone
    content = ground(138, 306) + turn(
        box(96, 112, 120, 120, PAPER, 3)
        + line("M112 136h84M112 154h70M112 172h78", tone("dusk").base, 3, 0.6),
        -4,
        150,
        180,
    )
    content += box(212, 146, 92, 90, look.second.base, 3) + box(
        224, 160, 68, 8, look.second.light, 3
    )
    content += box(66, 190, 268, 40, wood.deep, 4)
    content += box(60, 216, 280, 84, wood.base, 6) + box(262, 216, 78, 84, wood.dark, 6)
    content += box(60, 216, 280, 9, wood.light, 4)
    grain = "".join(
        line(f"M76 {y}Q190 {y + 7} 322 {y - 2}", wood.dark, 2.5, 0.55) for y in (242, 260, 282)
    )
    return content + grain + disc(200, 262, 12, wood.deep) + disc(200, 264, 9, tone("brass").base)


DRAWINGS: dict[str, Callable[[Look], str]] = {
    "notebook": notebook,
    "fountain pen": fountain_pen,
    "pencils": pencils,
    "pen pot": pen_pot,
    "scissors": scissors,
    "letter set": letter_set,
    "ruler": ruler,
    "ink": ink_bottle,
    "desk tray": desk_tray,
}
