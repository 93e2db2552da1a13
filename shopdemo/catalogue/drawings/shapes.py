"""The drawing vocabulary: SVG elements, turned (lathe) bodies with their light, and woven patterns.

Light comes from the upper left in every picture: bodies have a lit strip left of the middle, a
shaded right side and a soft shadow on the ground.
"""

from __future__ import annotations

from math import sqrt

from shopdemo.catalogue.drawings.palette import INK, Look, Tone

# How flat a circle looks when seen from a little above: ry / rx.
TILT = 0.15

# A half-outline from top to bottom: a start (x, y), then lines (x, y) or curves (x1, y1, x2, y2, x, y),
# where x is the distance from the axis.
Segment = tuple[float, ...]


def n(value: float) -> str:
    """Format a coordinate, short."""
    return f"{round(value, 1):g}"


def path(d: str, fill: str, opacity: float = 1.0) -> str:
    """A filled path."""
    return f'<path d="{d}" fill="{fill}"{_opacity(opacity)}/>'


def line(d: str, colour: str, width: float, opacity: float = 1.0, cap: str = "round") -> str:
    """A stroked path."""
    return (
        f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="{n(width)}" '
        f'stroke-linecap="{cap}" stroke-linejoin="round"{_opacity(opacity)}/>'
    )


def dashes(d: str, colour: str, width: float, pattern: str, opacity: float = 1.0) -> str:
    """A dashed stroke: stitching, twine, printed rules."""
    return (
        f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="{n(width)}" '
        f'stroke-linecap="round" stroke-dasharray="{pattern}"{_opacity(opacity)}/>'
    )


def ellipse(cx: float, cy: float, rx: float, ry: float, fill: str, opacity: float = 1.0) -> str:
    """A filled ellipse."""
    return (
        f'<ellipse cx="{n(cx)}" cy="{n(cy)}" rx="{n(rx)}" ry="{n(ry)}" '
        f'fill="{fill}"{_opacity(opacity)}/>'
    )


def disc(cx: float, cy: float, r: float, fill: str, opacity: float = 1.0) -> str:
    """A filled circle."""
    return f'<circle cx="{n(cx)}" cy="{n(cy)}" r="{n(r)}" fill="{fill}"{_opacity(opacity)}/>'


def ring(cx: float, cy: float, r: float, colour: str, width: float, opacity: float = 1.0) -> str:
    """A stroked circle."""
    return (
        f'<circle cx="{n(cx)}" cy="{n(cy)}" r="{n(r)}" fill="none" stroke="{colour}" '
        f'stroke-width="{n(width)}"{_opacity(opacity)}/>'
    )


def box(
    x: float, y: float, w: float, h: float, fill: str, r: float = 0, opacity: float = 1.0
) -> str:
    """A filled rectangle with rounded corners."""
    return (
        f'<rect x="{n(x)}" y="{n(y)}" width="{n(w)}" height="{n(h)}" rx="{n(r)}" '
        f'fill="{fill}"{_opacity(opacity)}/>'
    )


def outline(x: float, y: float, w: float, h: float, r: float = 0) -> str:
    """The path of a rounded rectangle, for clipping and shadows."""
    return (
        f"M{n(x + r)} {n(y)}H{n(x + w - r)}a{n(r)} {n(r)} 0 0 1 {n(r)} {n(r)}V{n(y + h - r)}"
        f"a{n(r)} {n(r)} 0 0 1 {n(-r)} {n(r)}H{n(x + r)}a{n(r)} {n(r)} 0 0 1 {n(-r)} {n(-r)}"
        f"V{n(y + r)}a{n(r)} {n(r)} 0 0 1 {n(r)} {n(-r)}Z"
    )


def turn(content: str, angle: float, cx: float = 200, cy: float = 200) -> str:
    """Rotate content about a point, in degrees."""
    return f'<g transform="rotate({n(angle)} {n(cx)} {n(cy)})">{content}</g>'


def shift(content: str, dx: float, dy: float, scale: float = 1.0) -> str:
    """Move content, after scaling it about the origin."""
    zoom = "" if scale == 1.0 else f" scale({scale:g})"
    return f'<g transform="translate({n(dx)} {n(dy)}){zoom}">{content}</g>'


def mirrored(content: str) -> str:
    """Flip content about the vertical middle of the picture."""
    return f'<g transform="translate(400 0) scale(-1 1)">{content}</g>'


def clipped(name: str, d: str, content: str) -> str:
    """Show content only inside a path. ``name`` must be unique within the picture."""
    return (
        f'<clipPath id="{name}"><path d="{d}"/></clipPath><g clip-path="url(#{name})">{content}</g>'
    )


def ground(rx: float, y: float = 320, cx: float = 200) -> str:
    """The soft shadow below a standing thing."""
    return ellipse(cx + 6, y, rx * 1.14, 5 + rx * 0.11, INK, 0.07) + ellipse(
        cx + 3, y, rx * 0.96, 3 + rx * 0.07, INK, 0.12
    )


def laid(d: str, dx: float = 5, dy: float = 8) -> str:
    """The soft shadow of a thing that lies flat: its own outline, moved."""
    return (
        f'<g transform="translate({n(dx * 1.6)} {n(dy * 1.6)})">{path(d, INK, 0.06)}</g>'
        f'<g transform="translate({n(dx)} {n(dy)})">{path(d, INK, 0.1)}</g>'
    )


def turned_outline(profile: list[Segment], cx: float = 200) -> str:
    """The closed outline of a turned body, its base curved as seen from a little above."""
    width, y = profile[-1][-2:]
    base = f"A{n(width)} {n(width * TILT)} 0 0 1 {n(cx - width)} {n(y)}" if width else ""
    return _forward(profile, cx, 1.0) + base + _backward(profile, cx, -1.0) + "Z"


def turned(profile: list[Segment], tone: Tone, cx: float = 200, gloss: float = 0.35) -> str:
    """A turned body with its shade and its lit strip."""
    width, y = profile[-1][-2:]
    edge = 0.45
    drop = y + width * TILT * sqrt(1 - edge * edge)
    foot = f"A{n(width)} {n(width * TILT)} 0 0 1 {n(cx + width * edge)} {n(drop)}" if width else ""
    shade = _forward(profile, cx, 1.0) + foot + _backward(profile, cx, edge) + "Z"
    glint = _forward(profile, cx, -0.8) + _backward(profile, cx, -0.64) + "Z"
    return (
        path(turned_outline(profile, cx), tone.base)
        + path(shade, tone.dark)
        + (path(glint, tone.light, gloss * 1.6) if gloss else "")
    )


def rim(y: float, rx: float, tone: Tone, cx: float = 200, lip: float = 5, inside: str = "") -> str:
    """The open top of a vessel: a lit lip and the dark (or filled) inside."""
    return ellipse(cx, y, rx, rx * TILT, tone.light) + ellipse(
        cx, y + 0.5, rx - lip, max((rx - lip) * TILT - 1, 1), inside or tone.deep
    )


def pattern(look: Look, d: str, frame: tuple[float, float, float, float], colour: str = "") -> str:
    """The product's pattern inside a path, in its accent colour unless told; nothing if plain."""
    x, y, w, h = frame
    colour = colour or look.second.base
    match look.pattern:
        case "stripe" | "stripes":
            marks = "".join(box(x, y + s, w, 9, colour) for s in _steps(10, h, 26))
        case "pinstripe":
            marks = "".join(box(x + s, y, 2.5, h, colour) for s in _steps(8, w, 15))
        case "bands":
            marks = box(x, y + h * 0.14, w, h * 0.1, colour) + box(x, y + h * 0.8, w, 6, colour)
        case "check":
            marks = "".join(box(x, y + s, w, 15, colour, opacity=0.55) for s in _steps(8, h, 36))
            marks += "".join(box(x + s, y, 15, h, colour, opacity=0.55) for s in _steps(8, w, 36))
        case "grid":
            marks = "".join(box(x, y + s, w, 2.5, colour) for s in _steps(10, h, 24))
            marks += "".join(box(x + s, y, 2.5, h, colour) for s in _steps(10, w, 24))
        case "dots" | "speckle":
            small = look.pattern == "speckle"
            marks = _scatter(x, y, w, h, colour) if small else _dots(x, y, w, h, colour)
        case "diamond":
            marks = _diamonds(x, y, w, h, colour)
        case "leaf":
            marks = _leaves(x, y, w, h, colour)
        case _:
            return ""
    return clipped(f"{look.key}-p", d, marks)


def _dots(x: float, y: float, w: float, h: float, colour: str) -> str:
    marks = ""
    for row, down in enumerate(_steps(12, h, 24)):
        marks += "".join(
            disc(x + s, y + down, 4.5, colour) for s in _steps(4 + 14 * (row % 2), w, 28)
        )
    return marks


def _scatter(x: float, y: float, w: float, h: float, colour: str) -> str:
    # A fixed multiplicative walk: looks scattered, and the same product is always the same picture.
    marks, walk = "", 7
    for _ in range(int(w * h / 420)):
        walk = walk * 16807 % 2147483647
        across, down = walk % 1009 / 1009, walk // 1009 % 1013 / 1013
        marks += disc(x + across * w, y + down * h, 1.2 + walk % 3 * 0.5, colour, 0.8)
    return marks


def _diamonds(x: float, y: float, w: float, h: float, colour: str) -> str:
    marks = ""
    for row, down in enumerate(_steps(0, h + 22, 22)):
        for s in _steps(22 * (row % 2), w + 44, 44):
            cx, cy = x + s, y + down
            marks += path(f"M{n(cx)} {n(cy - 15)}l13 15l-13 15l-13-15Z", colour, 0.9)
    return marks


def _leaves(x: float, y: float, w: float, h: float, colour: str) -> str:
    marks = ""
    for row, down in enumerate(_steps(6, h, 34)):
        for s in _steps(10 + 20 * (row % 2), w, 40):
            cx, cy = x + s, y + down
            left = f"M{n(cx)} {n(cy + 12)}q-14-4-12-20q12 4 12 20Z"
            right = f"M{n(cx)} {n(cy + 12)}q14-4 12-20q-12 4-12 20Z"
            marks += path(left, colour, 0.9) + path(right, colour, 0.7)
    return marks


def _steps(start: float, stop: float, step: float) -> list[float]:
    return [start + i * step for i in range(max(int((stop - start) // step) + 1, 0))]


def _forward(profile: list[Segment], cx: float, k: float) -> str:
    x, y = profile[0]
    d = f"M{n(cx + x * k)} {n(y)}"
    for segment in profile[1:]:
        pairs = [(cx + segment[i] * k, segment[i + 1]) for i in range(0, len(segment), 2)]
        d += ("C" if len(pairs) == 3 else "L") + " ".join(f"{n(a)} {n(b)}" for a, b in pairs)
    return d


def _backward(profile: list[Segment], cx: float, k: float) -> str:
    ends = [segment[-2:] for segment in profile]
    x, y = ends[-1]
    d = f"L{n(cx + x * k)} {n(y)}"
    for segment, before in zip(reversed(profile[1:]), reversed(ends[:-1]), strict=True):
        # A curve run the other way has its two handles swapped.
        handles = [segment[2:4], segment[0:2]] if len(segment) == 6 else []
        pairs = [(cx + a * k, b) for a, b in [*handles, before]]
        d += ("C" if handles else "L") + " ".join(f"{n(a)} {n(b)}" for a, b in pairs)
    return d


def _opacity(value: float) -> str:
    return "" if value >= 1 else f' opacity="{value:g}"'
