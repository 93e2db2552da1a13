"""Drawings of the games: chess, dominoes, cards, a jigsaw and skittles."""

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
    laid,
    line,
    outline,
    path,
    turn,
    turned,
)


def chess_set(look: Look) -> str:
    """A board in perspective with a king, a knight and a pawn on it."""
    wood = look.tone
    pale = look.second if look.accent else tone("ash")
    content = ground(150, 326)
    content += path("M96 226H304L358 318H42Z", wood.deep) + path(
        "M42 318H358v14H42Z", mix(wood.deep, INK, 0.25)
    )
    for row in range(4):
        y0, y1 = 232 + row * 20, 252 + row * 20
        for col in range(8):
            left, right = _rank(y0, col), _rank(y0, col + 1)
            below_left, below_right = _rank(y1, col), _rank(y1, col + 1)
            shade = wood.base if (row + col) % 2 else pale.light
            content += path(
                f"M{left:.1f} {y0}H{right:.1f}L{below_right:.1f} {y1}H{below_left:.1f}Z", shade
            )
    king: list[Segment] = [
        (9, 104),
        (23, 110),
        (15, 150),
        (13, 190, 20, 214, 30, 222),
        (38, 230),
        (38, 262),
    ]
    pawn: list[Segment] = [(9, 214), (9, 234, 14, 254, 22, 262), (28, 268), (28, 292)]
    content += (
        turned(king, wood, 146)
        + box(142, 74, 8, 32, wood.base, 2)
        + box(134, 82, 24, 8, wood.base, 2)
    )
    content += line("M126 226Q146 234 166 226", wood.deep, 3, 0.6)
    horse = (
        "M226 262q-2-12 8-20l4-2q-2-30 12-48q-16 6-24 18q-12 4-18-8q14-24 26-40q-2-14 4-22q10 4 12 14"
        "q36 10 38 54q0 20-8 34q10 6 10 20Z"
    )
    content += path(horse, pale.base) + path(
        "M252 160q34 8 36 48q0 20-8 34q10 6 10 20h-22q0-20-4-24q16-40-12-78Z", pale.dark
    )
    content += disc(236, 176, 3.5, INK) + box(222, 256, 72, 14, pale.dark, 4)
    content += (
        turned(pawn, wood, 196) + disc(196, 202, 18, wood.base) + disc(190, 196, 6, wood.light)
    )
    return content


def _rank(y: float, col: int) -> float:
    """Where a board line stands at height y: the board narrows away from us."""
    half = 104 + (y - 226) / 92 * 54 - 8
    return 200 - half + col * half / 4


def dominoes(look: Look) -> str:
    """Five tiles, standing and fallen."""
    content = ""
    places = (
        ("M0 0", 96, 92, -14, 3, 5),
        ("", 200, 74, 6, 6, 4),
        ("", 288, 124, 22, 1, 2),
        ("", 128, 232, 84, 5, 5),
        ("", 262, 256, 104, 2, 0),
    )
    for _, x, y, angle, top, bottom in places:
        d = outline(x - 34, y - 68 + 20, 68, 136, 10)
        one = (
            laid(d, 4, 6)
            + path(d, look.tone.dark)
            + box(x - 34, y - 48, 66, 132, look.tone.base, 10)
        )
        one += line(f"M{x - 22} {y + 19}H{x + 21}", look.second.base, 4)
        one += _pips(x, y - 15, top, look.second) + _pips(x, y + 52, bottom, look.second)
        content += turn(one, angle, x, y + 20)
    return content


def _pips(cx: float, cy: float, count: int, colour: Tone) -> str:
    spots: dict[int, tuple[tuple[int, int], ...]] = {
        0: (),
        1: ((0, 0),),
        2: ((-1, -1), (1, 1)),
        3: ((-1, -1), (0, 0), (1, 1)),
        4: ((-1, -1), (1, -1), (-1, 1), (1, 1)),
        5: ((-1, -1), (1, -1), (0, 0), (-1, 1), (1, 1)),
        6: ((-1, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (1, 1)),
    }
    return "".join(disc(cx + a * 17, cy + b * 17, 6.5, colour.base) for a, b in spots[count])


def playing_cards(look: Look) -> str:
    """A fan of three cards over their box."""
    back, accent = look.tone, look.second if look.accent else tone("tomato")
    content = ""
    for angle, face in ((-24, False), (24, True), (0, True)):
        d = outline(132, 70, 136, 196, 12)
        one = laid(d, 4, 6) + path(d, PAPER if face else back.base)
        if face:
            colour = accent.base if angle else back.deep
            one += _suit(200, 168, 1.5, colour, bool(angle))
            one += _suit(152, 96, 0.45, colour, bool(angle)) + _suit(
                248, 240, 0.45, colour, bool(angle)
            )
        else:
            one += f'<path d="{outline(144, 82, 112, 172, 8)}" fill="none" stroke="{PAPER}" stroke-width="4"/>'
            one += "".join(
                path(f"M{x} {y - 12}l9 12-9 12-9-12Z", back.light, 0.9)
                for i, y in enumerate(range(104, 246, 25))
                for x in range(164 + 12 * (i % 2), 244, 24)
            )
        content += turn(one, angle, 200, 330)
    content += box(118, 296, 164, 48, back.dark, 6) + box(118, 290, 164, 44, back.base, 6)
    return content + box(130, 300, 140, 24, PAPER, 3) + line("M160 312h80", back.deep, 4)


def _suit(cx: float, cy: float, scale: float, colour: str, heart: bool) -> str:
    if heart:
        d = "M0 26C-44-6-26-34 0-14C26-34 44-6 0 26Z"
    else:
        d = "M0-28C44 4 26 26 5 14Q6 24 14 30H-14Q-6 24-5 14C-26 26-44 4 0-28Z"
    return f'<g transform="translate({cx:g} {cy:g}) scale({scale:g})">{path(d, colour)}</g>'


def puzzle(look: Look) -> str:
    """A jigsaw nearly done, one piece beside it."""
    sky, land = look.tone, look.second if look.accent else tone("sage")
    d = outline(52, 74, 256, 200, 6)
    content = laid(d) + path(d, sky.light)
    scene = disc(236, 134, 30, tone("butter").base) + path(
        "M40 220Q110 130 176 204T330 170V290H40Z", land.base
    )
    scene += path("M40 250Q140 190 220 244T330 230V290H40Z", land.dark)
    scene += path("M52 74h256v46q-100-26-256 6Z", sky.base, 0.7)
    content += clipped(f"{look.key}-s", d, scene)
    cuts = ""
    for x in (116, 180, 244):
        cuts += line(
            f"M{x} 74v24q12-6 12 9t-12 9v50q-12-6-12 9t12 9v42q12-6 12 9t-12 9v29", INK, 2, 0.4
        )
    for y in (141, 207):
        cuts += line(
            f"M52 {y}h24q-6-12 9-12t9 12h50q-6 12 9 12t9-12h46q-6-12 9-12t9 12h46q-6 12 9 12t9-12h27",
            INK,
            2,
            0.4,
        )
    content += cuts + path("M244 207h26q-4 12 9 12t9-12h20v67h-64v-24q-12 5-12-9t12-9Z", "#d8d0c1")
    piece = "M0 0h24q-6-14 10-14t10 14h24v24q14-6 14 10t-14 10v24H44q6-14-10-14t-10 14H0Z"
    body = f'<g transform="translate(288 286) rotate(16)">{path(piece, INK, 0.12)}</g>'
    body += f'<g transform="translate(282 278) rotate(16)">{path(piece, land.base)}{line(piece, land.dark, 2.5)}</g>'
    return content + body


def skittles(look: Look) -> str:
    """Turned skittles in a row and their ball."""
    content = ground(150, 310)
    pale = tone("ash")
    for cx, base in ((104, 0), (176, 10), (248, 0)):
        pin: list[Segment] = [
            (10, 108 + base),
            (24, 112 + base, 22, 140 + base, 13, 152 + base),
            (11, 176 + base, 34, 204 + base, 33, 244 + base),
            (33, 276 + base, 28, 296 + base, 24, 302 + base),
        ]
        content += turned(pin, pale, cx, 0.3)
        neck: list[Segment] = [(13, 152 + base), (12, 160 + base, 15, 168 + base, 19, 178 + base)]
        belt: list[Segment] = [(33, 232 + base), (33.5, 244 + base, 33, 254 + base, 32, 264 + base)]
        content += turned(neck, look.tone, cx, 0) + turned(belt, look.second, cx, 0)
        content += ellipse(cx, 108 + base, 10, 2.5, pale.light)
    content += disc(308, 278, 40, look.tone.base) + path(
        "M318 239.5a40 40 0 0 1 0 77a70 70 0 0 0 0-77Z", look.tone.dark
    )
    return content + disc(296, 264, 10, look.tone.light, 0.8)


DRAWINGS: dict[str, Callable[[Look], str]] = {
    "chess set": chess_set,
    "dominoes": dominoes,
    "playing cards": playing_cards,
    "puzzle": puzzle,
    "skittles": skittles,
}
