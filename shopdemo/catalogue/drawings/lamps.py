"""Drawings of the lamps shelf: lamps for table, desk, floor and ceiling, lanterns and candles."""

from __future__ import annotations

from collections.abc import Callable

from shopdemo.catalogue.drawings.palette import INK, PAPER, Look, Tone, mix, tone
from shopdemo.catalogue.drawings.shapes import (
    Segment,
    box,
    disc,
    ellipse,
    ground,
    line,
    path,
    pattern,
    rim,
    turn,
    turned,
    turned_outline,
)

_GLOW = "#ffe9b8"


def _glow(cx: float, cy: float, r: float) -> str:
    return disc(cx, cy, r, _GLOW, 0.22) + disc(cx, cy, r * 0.66, _GLOW, 0.3)


def _shade(look: Look, shade: Tone, top: float, bottom: float, narrow: float, wide: float) -> str:
    body: list[Segment] = [(narrow, top), (wide, bottom)]
    d = turned_outline(body)
    frame = (200 - wide, top, wide * 2, bottom - top + 24)
    return (
        ellipse(200, bottom + 2, wide, wide * 0.15, _GLOW)
        + turned(body, shade)
        + pattern(look, d, frame, look.tone.light)
        + ellipse(200, top, narrow, narrow * 0.15, shade.light)
        + ellipse(200, top + 0.5, narrow - 5, narrow * 0.11, _GLOW)
    )


def table_lamp(look: Look) -> str:
    """A fabric shade on a turned foot: the shade takes the accent, the foot the colour."""
    foot = look.tone
    content = _glow(200, 150, 150) + ground(62)
    match look.attributes.get("shape", "gourd"):
        case "column":
            base: list[Segment] = [(13, 180), (13, 288), (52, 296), (54, 314)]
        case "ball":
            base = [(11, 186), (11, 208), (54, 210, 66, 244, 62, 268), (58, 300, 46, 310, 34, 314)]
        case _:
            base = [
                (14, 186),
                (14, 206, 26, 214, 26, 226),
                (26, 238, 60, 248, 60, 278),
                (60, 302, 50, 310, 38, 314),
            ]
    content += box(195, 170, 10, 40, tone("brass").dark) + turned(base, foot, gloss=0.5)
    return content + _shade(look, look.second, 78, 184, 66, 108)


def desk_lamp(look: Look) -> str:
    """A jointed lamp leaning over the desk."""
    metal, joint = look.tone, look.second if look.accent else tone("brass")
    content = path("M236 150L150 316H372Z", _GLOW, 0.4) + ground(66, cx=140)
    base: list[Segment] = [(20, 296), (64, 300, 66, 306, 66, 314)]
    content += line("M140 300L92 190", metal.dark, 10) + line("M138 298L90 190", metal.base, 5)
    content += line("M92 190L232 104", metal.dark, 10) + line("M92 187L230 102", metal.base, 5)
    content += turned(base, metal, 140)
    head = [(14, 76), (20, 96, 34, 104, 64, 148)]
    shade: list[Segment] = [tuple(segment) for segment in head]
    bell = ellipse(244, 149, 64, 10, _GLOW) + turned(shade, metal, 244, 0.5)
    bell += ellipse(244, 76, 14, 3, metal.light)
    content += (
        turn(bell, 24, 236, 110) + disc(92, 190, 12, joint.base) + disc(89, 187, 4, joint.light)
    )
    return content + disc(232, 104, 9, joint.base) + disc(230, 102, 3, joint.light)


def floor_lamp(look: Look) -> str:
    """A tall lamp: a tripod in wood, or one slim stem in metal."""
    content = _glow(200, 90, 112) + ground(64, 356)
    if look.attributes.get("base") == "tripod":
        wood = look.tone
        content += line("M200 124L200 346", wood.deep, 8)
        content += line("M197 124L146 356", wood.base, 9) + line("M203 124L254 356", wood.dark, 9)
        content += box(178, 210, 44, 6, tone("brass").base, 3)
    else:
        metal = look.tone
        plate: list[Segment] = [(10, 340), (54, 344, 58, 348, 58, 354)]
        content += box(196, 130, 8, 214, metal.base) + box(200, 130, 4, 214, metal.dark)
        content += turned(plate, metal)
    shade: Tone = look.second
    body: list[Segment] = [(44, 36), (66, 126)]
    content += ellipse(200, 127, 66, 10, _GLOW) + turned(body, shade)
    content += pattern(look, turned_outline(body), (130, 36, 140, 104), look.tone.light)
    content += ellipse(200, 36, 44, 6.5, shade.light) + ellipse(200, 36, 39, 5, _GLOW)
    return (
        content
        + line("M224 134V160", tone("brass").dark, 2)
        + disc(224, 163, 3.5, tone("brass").base)
    )


def pendant_lamp(look: Look) -> str:
    """A lamp hanging from above: a dome, a globe, or woven from cane."""
    content = line("M200 0V120", INK, 3, 0.75)
    metal = tone("brass")
    shape = look.attributes.get("shape", "dome")
    if shape == "globe":
        content += _glow(200, 214, 150) + disc(200, 214, 98, mix(look.tone.light, _GLOW, 0.75))
        content += disc(196, 216, 78, mix(_GLOW, PAPER, 0.55), 0.8)
        content += path("M240 124a98 98 0 0 1 0 180a150 150 0 0 0 0-180Z", look.tone.dark, 0.5)
        content += turn(ellipse(150, 168, 15, 30, PAPER, 0.9), 36, 150, 168)
        cap: list[Segment] = [(18, 100), (34, 106, 36, 116, 36, 128)]
        return content + turned(cap, look.second if look.accent else metal)
    if shape == "woven":
        body: list[Segment] = [
            (22, 112),
            (90, 120, 122, 176, 122, 232),
            (122, 252, 116, 262, 108, 270),
        ]
    elif shape == "cone":
        body = [(20, 112), (30, 130), (128, 262)]
    else:
        body = [(24, 112), (30, 132), (96, 148, 128, 200, 130, 262)]
    y = body[-1][-1]
    content += path(f"M92 {y:g}L56 400H344L308 {y:g}Z", _GLOW, 0.35)
    content += ellipse(200, y + 2, body[-1][-2], body[-1][-2] * 0.15, _GLOW)
    content += ellipse(200, y + 4, 30, 8, PAPER) + turned(body, look.tone, gloss=0.5)
    if shape == "woven":
        for step in range(-5, 6):
            x = 200 + step * 23
            content += line(
                f"M{200 + step * 4} 114Q{x + step * 6} 150 {x - step * 1} 276",
                look.tone.deep,
                2.5,
                0.55,
            )
        for down, wide in ((136, 72), (162, 100), (190, 114), (218, 121), (246, 121)):
            content += line(
                f"M{200 - wide} {down}Q200 {down + 26} {200 + wide} {down}", look.tone.light, 3, 0.6
            )
    content += pattern(look, turned_outline(body), (70, 130, 260, 160))
    cap = [(12, 92), (22, 98, 24, 106, 24, 116)]
    return content + turned(cap, look.second if look.accent else metal)


def lantern(look: Look) -> str:
    """A four-sided lantern with glass panes and a candle inside."""
    metal = look.tone
    content = ground(82) + line("M164 96C164 40 236 40 236 96", metal.dark, 7)
    content += path("M200 78L286 138H114Z", metal.base) + path("M200 78L286 138H226Z", metal.dark)
    content += box(122, 138, 156, 160, "#f3ead2") + _glow(200, 226, 70)
    content += _candle(200, 216, 296, 26, tone("chalk"))
    content += box(140, 150, 10, 136, PAPER, 4, 0.7)
    content += box(118, 134, 12, 168, metal.base, 2) + box(270, 134, 12, 168, metal.deep, 2)
    content += box(108, 130, 184, 13, metal.base, 4) + box(230, 130, 62, 13, metal.dark, 4)
    return content + box(106, 294, 188, 24, metal.base, 5) + box(230, 294, 64, 24, metal.dark, 5)


def _candle(cx: float, top: float, bottom: float, width: float, wax: Tone) -> str:
    body: list[Segment] = [(width, top), (width, bottom)]
    flame = f"M{cx} {top - 48:g}q20 24 12 36q-4 6-12 6q-8 0-12-6q-8-12 12-36Z"
    core = f"M{cx} {top - 28:g}q9 11 6 17q-2 4-6 4q-4 0-6-4q-3-6 6-17Z"
    return (
        turned(body, wax, cx, 0.3)
        + ellipse(cx, top, width, width * 0.15, wax.light)
        + line(f"M{cx} {top:g}v-12", INK, 3)
        + path(flame, "#f2b84b")
        + path(core, "#fff3cf")
    )


def candlestick(look: Look) -> str:
    """A turned stick with a tall candle; the candle takes the accent."""
    content = _glow(200, 74, 84) + ground(64)
    wax: Tone = look.second
    content += _candle(200, 92, 206, 15, wax)
    stick: list[Segment] = [
        (25, 196),
        (25, 206),
        (10, 212, 10, 220, 10, 226),
        (22, 232, 22, 242, 10, 248),
        (10, 276, 16, 288, 40, 292),
        (58, 296, 60, 304, 60, 312),
    ]
    return (
        content + turned(stick, look.tone, gloss=0.55) + ellipse(200, 196, 25, 4, look.tone.light)
    )


def jar_candle(look: Look) -> str:
    """A candle poured into a tumbler, with a plain label."""
    content = _glow(200, 110, 90) + ground(84)
    glass: list[Segment] = [(82, 142), (82, 296), (82, 306, 76, 310, 66, 310)]
    content += turned(glass, look.tone, gloss=0.6)
    content += rim(142, 82, look.tone, lip=5, inside=look.second.light)
    flame = "M200 82q20 24 12 38q-4 6-12 6q-8 0-12-6q-8-14 12-38Z"
    content += line("M200 142v-14", INK, 3) + path(flame, "#f2b84b")
    content += path("M200 104q9 11 6 17q-2 4-6 4q-4 0-6-4q-3-6 6-17Z", "#fff3cf")
    content += box(152, 194, 96, 78, PAPER, 4) + line("M170 218h60M182 234h36", look.tone.deep, 3)
    return content + line("M192 252h16", look.tone.base, 4)


DRAWINGS: dict[str, Callable[[Look], str]] = {
    "table lamp": table_lamp,
    "desk lamp": desk_lamp,
    "floor lamp": floor_lamp,
    "pendant lamp": pendant_lamp,
    "lantern": lantern,
    "candlestick": candlestick,
    "candle": jar_candle,
}
