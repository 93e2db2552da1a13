"""JavaScript's regular expressions as Python's, so that a condition means the same in both."""

from __future__ import annotations

import functools
import re
from typing import Any, Final

_WORD: Final = "A-Za-z0-9_"
_CLASSES: Final = {"d": "[0-9]", "D": "[^0-9]", "w": f"[{_WORD}]", "W": f"[^{_WORD}]"}
_IN_CLASS: Final = {"d": "0-9", "w": _WORD}
_EDGE: Final = f"(?:(?<=[{_WORD}])(?![{_WORD}])|(?<![{_WORD}])(?=[{_WORD}]))"
_INSIDE: Final = f"(?:(?<=[{_WORD}])(?=[{_WORD}])|(?<![{_WORD}])(?![{_WORD}]))"
_KEPT: Final = frozenset("sSfnrtvxu0123456789")
_ESCAPE: Final = re.compile(r"\\(?:k<(\w+)>|c([A-Za-z])|(.))", re.DOTALL)


@functools.lru_cache(maxsize=1024)
def compile_regex(pattern: str, *, folds_case: bool = False) -> re.Pattern[str]:
    r"""A JavaScript regular expression, without flags or with /i, as a compiled Python one.

    Raises:
        ValueError: It is not one that both languages know.

    >>> bool(compile_regex("-12-25$").search("1980-12-25"))
    True
    >>> bool(compile_regex("a$").search("a\n"))  # Python's own $ would say yes
    False
    """
    try:
        return re.compile(_translated(pattern), re.IGNORECASE if folds_case else 0)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from error


def _translated(pattern: str) -> str:
    parts: list[str] = []
    position, in_class = 0, False
    while position < len(pattern):
        character = pattern[position]
        if character == "\\":
            found = _ESCAPE.match(pattern, position)
            if found is None:
                raise ValueError(f"{pattern!r} is no regular expression: it ends with a backslash")
            parts.append(_escape(found, in_class=in_class))
            position = found.end()
            continue
        if in_class:
            in_class = character != "]"
            parts.append("\\[" if character == "[" else character)
        elif pattern.startswith(("[^]", "[]"), position):
            empty = pattern[position + 1] == "]"
            parts.append(r"(?!)" if empty else r"[\s\S]")
            position += 2 if empty else 3
            continue
        elif character == "[":
            in_class = True
            parts.append(character)
        elif (
            pattern.startswith("(?<", position) and pattern[position + 3 : position + 4] not in "=!"
        ):
            parts.append("(?P<")
            position += 3
            continue
        else:
            parts.append({"$": r"\Z", ".": r"[^\n\r\u2028\u2029]"}.get(character, character))
        position += 1
    return "".join(parts)


def _escape(found: re.Match[str], *, in_class: bool) -> str:
    name, control, character = found.groups()
    if name is not None:
        return f"(?P={name})"
    if control is not None:
        return re.escape(chr(ord(control) % 32))
    if in_class:
        if character == "b":
            return "\\b"
        if character in _IN_CLASS:
            return _IN_CLASS[character]
    elif character in _CLASSES:
        return _CLASSES[character]
    elif character in "bB":
        return _EDGE if character == "b" else _INSIDE
    if character in _KEPT or not character.isalpha():
        return f"\\{character}"
    return character  # an escape without a meaning of its own


def regex_or_none(pattern: Any, *, folds_case: bool) -> re.Pattern[str] | None:
    """The compiled expression, or None for what is none."""
    try:
        return compile_regex(pattern, folds_case=folds_case) if isinstance(pattern, str) else None
    except ValueError:
        return None
