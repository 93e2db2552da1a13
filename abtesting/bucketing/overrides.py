"""Overrides in an address: ?key=1 gives the variation with that index, and is never counted."""

from __future__ import annotations

import re
from typing import Final

_LEADING_NUMBER: Final = re.compile(r"\s*([+-]?\d+)", re.ASCII)


def forced_by_query(key: str, url: str, num_variations: int) -> int | None:
    """The index that an address asks for, or None.

    >>> forced_by_query("cta", "https://example.com/?cta=1#top", 2)
    1
    """
    if "?" not in url:
        return None
    for part in url.split("?")[1].partition("#")[0].split("&"):
        name, *rest = part.split("=")
        if name == key:
            found = _LEADING_NUMBER.match(rest[0]) if rest else None
            index = int(found[1]) if found else -1
            return index if 0 <= index < num_variations else None
    return None
