"""The hash that turns a unit into a number in [0, 1): GrowthBook's, so that its SDKs agree with us.

FNV-1a 32 bit over UTF-16 code units (not bytes), as in GrowthBook's SDK specification 0.8.0.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from typing import Any, Final

_OFFSET: Final = 0x811C9DC5
_PRIME: Final = 0x01000193
_MASK: Final = 0xFFFFFFFF


def fnv1a32(text: str) -> int:
    """FNV-1a, 32 bit, over the UTF-16 code units of `text`.

    >>> fnv1a32("")
    2166136261
    """
    return _continued(_OFFSET, text)


def bucketer(seed: str, version: int = 2) -> Callable[[str], float]:
    """`hash_unit` for one seed, whose part of the work is done once.

    Raises:
        ValueError: The version is not 1 or 2.

    >>> bucketer("exp-cta")("user-0")
    0.0321
    """
    if version == 1:
        return lambda value: hash_unit(seed, value, 1)
    if version != 2:
        raise ValueError(f"version is {version!r}; allowed: 1, 2")
    start = fnv1a32(seed)

    def bucket(value: str) -> float:
        if not value:
            raise ValueError("value is '': a unit id must not be empty")
        inner = start
        for unit in value.encode() if value.isascii() else _code_units(value):
            inner = ((inner ^ unit) * _PRIME) & _MASK
        outer = _OFFSET
        for unit in b"%d" % inner:
            outer = ((outer ^ unit) * _PRIME) & _MASK
        return outer % 10_000 / 10_000

    return bucket


def client_bucketer(seed: str, version: Any) -> Callable[[str], float | None]:
    """`bucketer`, or for a version that is not known nobody's place, as with the clients."""
    return bucketer(seed, version) if version in (1, 2) else lambda _: None


def hash_unit(seed: str, value: str, version: int = 2) -> float:
    """Place of a unit on [0, 1) for one seed.

    Args:
        seed: The experiment's seed.
        value: The unit's id, not empty.
        version: 2 (1/10,000 steps, independent between seeds) or 1 (1/1,000 steps; its
            buckets correlate between parallel tests: kept for clients that ask for it).

    Raises:
        ValueError: `value` is empty, or the version is not 1 or 2.

    >>> hash_unit("exp-cta", "user-0"), hash_unit("exp-cta", "user-1")
    (0.0321, 0.4347)
    """
    if not value:
        raise ValueError("value is '': a unit id must not be empty")
    if version == 1:
        return fnv1a32(value + seed) % 1_000 / 1_000
    return bucketer(seed, version)(value)


def _continued(value: int, text: str) -> int:
    # ASCII text, nearly every id, is its own code units.
    for unit in text.encode() if text.isascii() else _code_units(text):
        value = ((value ^ unit) * _PRIME) & _MASK
    return value


def _code_units(text: str) -> Iterable[int]:
    return array("H", text.encode("utf-16-le", "surrogatepass"))
