"""JavaScript's coercions, which the condition language is defined by: text, number, order.

Clients evaluate the same conditions in the browser; where theirs say "8" > 5, ours must too.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

_NUMBER = re.compile(
    r"[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|Infinity)", re.ASCII
)
_RADIX = re.compile(r"0(?:[xX][0-9a-fA-F]+|[oO][0-7]+|[bB][01]+)", re.ASCII)


def to_text(value: Any) -> str:
    """`String(value)`: what a value is as a text.

    >>> to_text(None), to_text(True), to_text(2.0), to_text([1, "a"])
    ('null', 'true', '2', '1,a')
    """
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return number_text(value)
    if isinstance(value, (list, tuple)):
        return ",".join("" if item is None else to_text(item) for item in value)
    return "[object Object]"


def number_text(value: float) -> str:
    """A number as JavaScript writes it: shortest digits, no ".0", exponents from 1e21.

    >>> number_text(2.0), number_text(1e21), number_text(1e-7), number_text(10**20)
    ('2', '1e+21', '1e-7', '100000000000000000000')
    """
    number = float(value)
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    if number == 0:
        return "0"
    sign = "-" if number < 0 else ""
    mantissa, _, exponent = f"{abs(number)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    # The value is 0.digits * 10^point.
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    power = point - 1
    rest = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{rest}e{'+' if power >= 0 else '-'}{abs(power)}"


def to_number(value: Any) -> float:
    """`Number(value)`: what a value is as a number, NaN for what is none.

    >>> to_number(None), to_number(" 8 "), to_number(""), to_number([5]), to_number("x")
    (0.0, 8.0, 0.0, 5.0, nan)
    """
    if value is None:
        return 0.0
    if isinstance(value, (bool, int, float)):
        return _as_float(value)
    text = to_text(value).strip()
    if not text:
        return 0.0
    if _NUMBER.fullmatch(text):
        return float(text)
    if _RADIX.fullmatch(text):
        return _as_float(int(text, 0))
    return math.nan


def is_truthy(value: Any) -> bool:
    """`!!value`: false are null, false, 0, NaN and the empty text; lists and objects never.

    >>> is_truthy([]), is_truthy(0), is_truthy("0")
    (True, False, True)
    """
    if isinstance(value, float) and math.isnan(value):
        return False
    return isinstance(value, (list, tuple, Mapping)) or bool(value)


def strictly_equal(left: Any, right: Any) -> bool:
    """`left === right`: same type and value; lists and objects are never the same one.

    >>> strictly_equal(1, 1.0), strictly_equal(1, True), strictly_equal([], [])
    (True, False, False)
    """
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, (list, tuple, Mapping)) or isinstance(right, (list, tuple, Mapping)):
        return False
    return bool(left == right)


def is_less(left: Any, right: Any) -> bool:
    """`left < right`: two texts by code units, anything else as numbers.

    >>> is_less("10", "9"), is_less("10", 9), is_less(None, 1), is_less("x", 1)
    (True, False, True, False)
    """
    texts = _texts(left, right)
    if texts is not None:
        return texts[0] < texts[1]
    return to_number(left) < to_number(right)


def is_at_most(left: Any, right: Any) -> bool:
    """`left <= right`, which differs from "not greater" where one is no number.

    >>> is_at_most("x", 1), is_at_most(None, 0)
    (False, True)
    """
    texts = _texts(left, right)
    if texts is not None:
        return texts[0] <= texts[1]
    return to_number(left) <= to_number(right)


def json_text(value: Any) -> str:
    """`JSON.stringify(value)`: equal for equal lists and objects with keys in the same order.

    >>> json_text({"a": [1, 2.0]})
    '{"a":[1,2]}'
    """
    return json.dumps(_integral(value), separators=(",", ":"), ensure_ascii=False)


def _texts(left: Any, right: Any) -> tuple[bytes, bytes] | None:
    """Both as UTF-16 code units in order, where JavaScript compares texts; else None."""
    pair = []
    for value in (left, right):
        text = to_text(value) if isinstance(value, (list, tuple, Mapping)) else value
        if not isinstance(text, str):
            return None
        pair.append(text.encode("utf-16-be", "surrogatepass"))
    return pair[0], pair[1]


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _integral(value: Any) -> Any:
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() else value
    if isinstance(value, Mapping):
        return {str(key): _integral(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_integral(item) for item in value]
    return value
