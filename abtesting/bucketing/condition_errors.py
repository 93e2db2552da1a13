"""What is wrong with a condition, clause by clause, before it is stored.

`conditions` takes whatever it gets, as the clients do, and what does not fit is simply false. Who
writes a condition should hear of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from abtesting.bucketing.conditions import MAX_DEPTH, OPERATORS, TYPES
from abtesting.bucketing.regex import compile_regex

_LOGIC: Final = frozenset({"$and", "$or", "$nor"})
_GROUPS: Final = frozenset({"$inGroup", "$notInGroup"})
_PATTERNS: Final = frozenset({"$regex", "$regexi"})


def _is_ordered(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)


_LIST = (lambda value: isinstance(value, list), "no_list", "a list")
_ORDERED = (_is_ordered, "no_order", "a number or a text")
_VERSION = (_is_ordered, "no_version", "a version such as 1.2.3")
_ALLOWED: Final[Mapping[str, tuple[Callable[[Any], bool], str, str]]] = {
    **dict.fromkeys(("$in", "$nin", "$ini", "$nini", "$all", "$alli"), _LIST),
    **dict.fromkeys(("$gt", "$gte", "$lt", "$lte"), _ORDERED),
    **dict.fromkeys(("$veq", "$vne", "$vgt", "$vgte", "$vlt", "$vlte"), _VERSION),
    **dict.fromkeys(
        ("$inGroup", "$notInGroup"),
        (
            lambda value: isinstance(value, str) and value != "",
            "no_group",
            "the key of a saved group",
        ),
    ),
    "$exists": (lambda value: isinstance(value, bool), "no_boolean", "true or false"),
    "$type": (lambda value: value in TYPES, "unknown_type", ", ".join(TYPES)),
    "$size": (
        lambda value: isinstance(value, (int, Mapping)) and not isinstance(value, bool),
        "no_number",
        "a number, or operators on one",
    ),
    "$elemMatch": (
        lambda value: isinstance(value, Mapping),
        "no_object",
        "a condition, or operators on an element",
    ),
}
"""What an operator takes: the test, the code of a mistake, and what is allowed in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionError:
    """A clause that says nothing sensible.

    Attributes:
        clause: Where it is, such as "$or[1].country.$in".
        code: What kind of mistake it is, for a translated text.
        value: What stands there, shortened.
        allowed: What may stand there.
    """

    clause: str
    code: str
    value: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.clause or 'condition'} is {self.value}; allowed: {self.allowed}"


def check_condition(
    condition: Any, *, groups: Collection[str] | None = None
) -> tuple[ConditionError, ...]:
    """Everything that is wrong with a condition.

    Args:
        groups: Keys of the saved groups; None: not checked.

    >>> [str(error) for error in check_condition({"country": {"$in": "DE"}})]
    ["country.$in is 'DE'; allowed: a list"]
    """
    return tuple(_condition(condition, "", groups, 0))


def _error(clause: str, code: str, value: Any, allowed: str) -> ConditionError:
    text = repr(value)
    return ConditionError(
        clause=clause,
        code=code,
        value=text if len(text) <= 60 else f"{text[:57]}...",
        allowed=allowed,
    )


def _condition(
    condition: Any, clause: str, groups: Collection[str] | None, depth: int
) -> Iterator[ConditionError]:
    if not isinstance(condition, Mapping):
        yield _error(clause, "no_object", condition, "a JSON object")
        return
    if depth > MAX_DEPTH:
        yield _error(clause, "too_deep", condition, f"at most {MAX_DEPTH} levels")
        return
    for key, value in condition.items():
        at = f"{clause}.{key}" if clause else str(key)
        if key in _LOGIC:
            if not isinstance(value, list) or not value:
                yield _error(at, "no_list", value, "a list of conditions, not empty")
                continue
            for index, part in enumerate(value):
                yield from _condition(part, f"{at}[{index}]", groups, depth + 1)
        elif key == "$not":
            yield from _condition(value, at, groups, depth + 1)
        elif not key or key.startswith("$"):
            yield _error(
                at, "unknown_operator", key, "the name of an attribute, $and, $or, $nor, $not"
            )
        else:
            yield from _value(value, at, groups, depth + 1)


def _value(
    value: Any, clause: str, groups: Collection[str] | None, depth: int
) -> Iterator[ConditionError]:
    """A value to be equal to is always right; operators are looked at one by one."""
    if not isinstance(value, Mapping):
        return
    operators = [key for key in value if key.startswith("$")]
    if not operators:
        return
    if depth > MAX_DEPTH:
        yield _error(clause, "too_deep", value, f"at most {MAX_DEPTH} levels")
        return
    for key, expected in value.items():
        at = f"{clause}.{key}"
        if key not in OPERATORS:
            yield _error(at, "unknown_operator", key, f"one of {', '.join(sorted(OPERATORS))}")
        else:
            yield from _operator(key, expected, at, groups, depth + 1)


def _operator(
    name: str, expected: Any, clause: str, groups: Collection[str] | None, depth: int
) -> Iterator[ConditionError]:
    is_allowed, code, allowed = _ALLOWED.get(name, (lambda _: True, "", ""))
    if not is_allowed(expected):
        yield _error(clause, code, expected, allowed)
    elif name in _GROUPS and groups is not None and expected not in groups:
        known = ", ".join(sorted(groups)) or "none is saved"
        yield _error(clause, "unknown_group", expected, f"a saved group ({known})")
    elif name in _PATTERNS:
        try:
            compile_regex(expected if isinstance(expected, str) else "(")
        except ValueError as error:
            yield _error(clause, "no_pattern", expected, f"a regular expression ({error})")
    elif name in ("$not", "$size"):
        yield from _value(expected, clause, groups, depth)
    elif name == "$elemMatch":
        is_of_values = any(key in OPERATORS and key != "$not" for key in expected)
        check = _value if is_of_values else _condition
        yield from check(expected, clause, groups, depth)
