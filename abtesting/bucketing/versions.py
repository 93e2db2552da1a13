"""Versions such as 1.2.3-beta.4+build, in an order that plain text comparison gives."""

from __future__ import annotations

import re
from typing import Any

_IGNORED = re.compile(r"^v|\+.*$", re.DOTALL)
_SEPARATOR = re.compile(r"[-.]")
_DIGITS = re.compile(r"[0-9]+")


def version_key(version: Any) -> str:
    """A text that sorts as the version does; what is no version counts as "0".

    Numbers are padded to five places, and a release without a suffix comes after those with one.

    >>> version_key("v1.2.3+build") == version_key("1.2.3")
    True
    >>> version_key("1.2.3-rc.1") < version_key("1.2.3") < version_key("1.10.0")
    True
    """
    if isinstance(version, (int, float)) and not isinstance(version, bool):
        version = f"{version:g}" if isinstance(version, float) else str(version)
    if not version or not isinstance(version, str):
        version = "0"
    parts = _SEPARATOR.split(_IGNORED.sub("", version))
    if len(parts) == 3:
        parts.append("~")
    return "-".join(part.rjust(5) if _DIGITS.fullmatch(part) else part for part in parts)
