"""Drawings of the bags shelf: totes, packs, weekenders, pouches, wallets and baskets."""

from __future__ import annotations

from collections.abc import Callable

from shopdemo.catalogue.drawings.palette import Look, Tone, tone
from shopdemo.catalogue.drawings.shapes import (
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
)


def _trim(look: Look, default: str = "tan") -> Tone:
    return look.accent or tone(default)


def tote(look: Look) -> str:
    """An open shopper with two handles; leather patch or printed pattern."""
    cloth = look.tone
    strap = cloth if look.pattern != "plain" or look.accent is None else look.second
    d = "M86 150H314L326 304q1 14-14 14H88q-15 0-14-14Z"
    content = ground(122, 322)
    content += line("M150 156C146 44 254 44 250 156", strap.deep, 11)
    content += path(d, cloth.base)
    content += path("M250 150H314L326 304q1 14-14 14H262Q272 220 250 150Z", cloth.dark)
    content += pattern(look, d, (70, 168, 260, 152))
    content += path("M86 150H314l1 16H85Z", cloth.light)
    content += line("M142 196C136 66 264 66 258 196", strap.dark, 12)
    content += line("M142 194C137 68 262 68 257 194", strap.base, 7)
    content += box(133, 178, 19, 26, strap.dark, 3) + box(249, 178, 19, 26, strap.deep, 3)
    return content + dashes("M80 304H320", cloth.light, 2, "5 6", 0.8)


def backpack(look: Look) -> str:
    """A pack with a front pocket; a roll top with a strap, or a zipped dome."""
    cloth, trim = look.tone, _trim(look)
    content = ground(104, 328)
    content += line("M98 168C66 208 70 268 92 302", cloth.deep, 16)
    content += line("M302 168C334 208 330 268 308 302", cloth.deep, 16)
    content += line("M180 78C180 44 220 44 220 78", trim.dark, 9)
    d = "M96 130Q96 70 200 70Q304 70 304 130V296q0 28-28 28H124q-28 0-28-28Z"
    content += path(d, cloth.base)
    content += path("M246 74Q304 84 304 130V296q0 28-28 28H246Q262 200 246 74Z", cloth.dark)
    if look.attributes.get("closure") == "roll top":
        content += box(90, 84, 220, 40, cloth.dark, 16) + box(90, 80, 220, 32, cloth.light, 14)
        content += box(191, 70, 18, 126, trim.base, 4) + box(
            185, 164, 30, 24, tone("brass").base, 4
        )
        content += box(190, 169, 20, 14, trim.dark, 2)
    else:
        content += line("M120 160Q128 104 200 104Q272 104 280 160", cloth.deep, 4)
        content += box(272, 156, 14, 24, trim.base, 5)
    content += pattern(look, d, (96, 130, 208, 70))
    content += box(122, 212, 156, 92, cloth.deep, 18, 0.55) + box(124, 206, 152, 92, cloth.base, 18)
    content += path("M124 232q0-26 26-26H250q26 0 26 26v8H124Z", cloth.light, 0.75)
    content += line("M132 240H268", cloth.deep, 4) + box(252, 238, 10, 22, trim.base, 4)
    return (
        content + box(180, 134, 40, 28, trim.base, 4)
        if look.pattern == "plain" and (look.attributes.get("closure") != "roll top")
        else content
    )


def messenger_bag(look: Look) -> str:
    """A bag with a deep flap, two straps and a shoulder belt."""
    cloth, trim = look.tone, _trim(look)
    content = ground(128, 318)
    content += line("M84 168C92 14 308 14 316 168", cloth.deep, 24)
    content += line("M84 166C93 18 306 18 315 166", trim.dark if look.accent else cloth.dark, 14)
    content += box(66, 156, 268, 156, cloth.dark, 16)
    d = "M66 172q0-18 18-18H316q18 0 18 18V256q0 18-20 18H86q-20 0-20-18Z"
    content += path(d, cloth.base) + path(
        "M262 154h54q18 0 18 18V256q0 18-20 18H262Q272 210 262 154Z", cloth.dark
    )
    content += path(
        "M70 278q6 8 16 8H314q10 0 16-8v22q0 12-14 12H84q-14 0-14-12Z", cloth.deep, 0.35
    )
    content += pattern(look, d, (66, 160, 268, 114))
    content += dashes("M80 262H320", cloth.light, 2, "5 6", 0.9)
    for x in (116, 262):
        content += box(x, 200, 22, 92, trim.base, 4) + box(x + 11, 200, 11, 92, trim.dark, 4)
        content += box(x - 4, 240, 30, 22, tone("brass").base, 4) + box(
            x + 2, 245, 18, 12, trim.dark, 2
        )
    return content


def weekender(look: Look) -> str:
    """A travel bag, zipped along the top, with carrying handles."""
    cloth, trim = look.tone, _trim(look, "chestnut")
    content = ground(140, 314)
    content += line("M132 190C128 70 272 70 268 190", trim.deep, 11)
    d = "M72 196Q80 138 140 138H260Q320 138 328 196L338 282q2 28-28 28H90q-30 0-28-28Z"
    content += path(d, cloth.base)
    content += path("M260 138Q320 138 328 196L338 282q2 28-28 28H256Q290 220 260 138Z", cloth.dark)
    content += pattern(look, d, (60, 150, 280, 120))
    content += line("M98 156Q200 142 302 156", cloth.deep, 5) + box(
        290, 150, 22, 12, tone("brass").base, 5
    )
    content += path("M64 262H336l2 20q2 28-28 28H90q-30 0-28-28Z", trim.base)
    content += path("M274 262h62l2 20q2 28-28 28H258q14-20 16-48Z", trim.dark)
    for x in (120, 264):
        content += box(x, 176, 16, 92, trim.base, 3) + box(x + 8, 176, 8, 92, trim.dark, 3)
    content += line("M128 186C124 90 276 90 272 186", trim.base, 12)
    return content + dashes("M72 270H328", trim.light, 2, "5 6", 0.9)


def pouch(look: Look) -> str:
    """A zipped pouch with a pull."""
    cloth, trim = look.tone, _trim(look)
    d = "M84 150H316q10 0 12 12l12 112q2 24-24 24H84q-26 0-24-24L72 162q2-12 12-12Z"
    content = ground(132, 304) + path(d, cloth.base)
    content += path("M258 150h58q10 0 12 12l12 112q2 24-24 24H260Q280 220 258 150Z", cloth.dark)
    content += pattern(look, d, (58, 172, 284, 128))
    content += box(78, 140, 244, 22, cloth.deep, 8) + dashes(
        "M90 151H310", tone("brass").base, 5, "3 7"
    )
    content += line("M318 152C340 160 344 184 338 204", trim.dark, 6) + box(
        328, 196, 18, 34, trim.base, 6
    )
    return content + line("M78 178Q72 240 78 284", cloth.light, 5, 0.6)


def wallet(look: Look) -> str:
    """A folded wallet with a card looking out."""
    hide, stitch = look.tone, look.second
    d = outline(74, 136, 252, 160, 16)
    card = box(116, 106, 150, 60, stitch.base, 8) + box(128, 118, 26, 18, stitch.light, 3)
    content = laid(d) + card + path(d, hide.base)
    content += path("M262 136h48q16 0 16 16v128q0 16-16 16h-48Z", hide.dark)
    content += box(74, 136, 252, 16, hide.light, 8, 0.8)
    content += dashes("M86 166V284H314V166", stitch.base, 2.5, "6 6")
    content += path("M326 190h-52q-16 0-16 24q0 24 16 24h52Z", hide.deep)
    return content + disc(280, 214, 9, tone("brass").base) + disc(277, 211, 3, tone("brass").light)


def basket(look: Look) -> str:
    """A woven basket with two handles."""
    cane, trim = look.tone, look.second if look.accent else tone("tan")
    d = "M78 178H322L300 304q-3 14-18 14H118q-15 0-18-14Z"
    content = ground(110, 322) + line("M140 182C136 66 264 66 260 182", trim.deep, 10)
    content += path(d, cane.base)
    weave = ""
    for row in range(10):
        y = 190 + row * 14
        for col in range(18):
            x = 66 + col * 16 + 8 * (row % 2)
            weave += ellipse(x, y, 8.5, 6.2, cane.light if (row + col) % 2 else cane.dark, 0.55)
    content += clipped(f"{look.key}-w", d, weave)
    if look.accent:
        content += clipped(
            f"{look.key}-b", d, box(60, 250, 280, 40, look.accent.base, opacity=0.85)
        )
    content += clipped(
        f"{look.key}-s", d, path("M258 178h70L300 330H250Q276 250 258 178Z", cane.deep, 0.3)
    )
    content += box(70, 168, 260, 20, cane.dark, 10) + dashes(
        "M82 178H318", cane.light, 6, "8 9", 0.8
    )
    return (
        content
        + line("M132 204C128 86 272 86 268 204", trim.dark, 12)
        + line("M132 202C129 89 270 89 267 202", trim.base, 7)
    )


DRAWINGS: dict[str, Callable[[Look], str]] = {
    "tote": tote,
    "backpack": backpack,
    "messenger bag": messenger_bag,
    "weekender": weekender,
    "pouch": pouch,
    "wallet": wallet,
    "basket": basket,
}
