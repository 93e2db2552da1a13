"""Targeting conditions: GrowthBook's Mongo-like language, compiled to a function of attributes.

A condition is a JSON object. Its keys are paths into the attributes ("device.type") or one of
$and, $or, $nor, $not; a path's value is a value to be equal to, or an object of operators. What
does not fit (an unknown operator, a text where a list belongs) is false, as in the clients;
`check_condition` says what is wrong with it before it is stored.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from abtesting.bucketing.coercion import (
    is_at_most,
    is_less,
    is_truthy,
    json_text,
    strictly_equal,
    to_number,
    to_text,
)
from abtesting.bucketing.regex import regex_or_none
from abtesting.bucketing.versions import version_key

Attributes = Mapping[str, Any]
Groups = Mapping[str, Collection[Any]]
Condition = Callable[[Attributes], bool]
_Test = Callable[[Any], bool]
_NUMBERS: Final = frozenset({int, float})

TYPES: Final = ("string", "number", "boolean", "array", "object", "null")
"""Names that $type knows."""
MAX_DEPTH: Final = 32
MAX_TESTED_CHARACTERS: Final = 4096
"""How much of an attribute a regular expression sees: a shopper writes the attributes."""


def compile_condition(condition: Mapping[str, Any], groups: Groups | None = None) -> Condition:
    """A function that tells whether attributes satisfy the condition. It never raises.

    Args:
        condition: As stored; an empty one is satisfied by everybody.
        groups: Members of the saved groups that $inGroup and $notInGroup name.

    >>> is_target = compile_condition({"country": {"$in": ["DE", "AT"]}, "age": {"$gte": 18}})
    >>> is_target({"country": "AT", "age": 30}), is_target({"country": "AT"})
    (True, False)
    """
    return _compile(condition, groups or {})


def _compile(condition: Any, groups: Groups) -> Condition:
    if not isinstance(condition, Mapping):
        return _never
    tests = [_compile_clause(key, value, groups) for key, value in condition.items()]
    if not tests:
        return _always
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        first, second = tests
        return lambda attributes: first(attributes) and second(attributes)
    return lambda attributes: all(test(attributes) for test in tests)


def _compile_clause(key: str, value: Any, groups: Groups) -> Condition:
    if key in ("$or", "$nor", "$and"):
        parts = [_compile(part, groups) for part in value] if isinstance(value, list) else []
        if key == "$and":
            return lambda attributes: all(part(attributes) for part in parts)
        # No alternative at all is no restriction.
        if key == "$or":
            return lambda attributes: not parts or any(part(attributes) for part in parts)
        return lambda attributes: bool(parts) and not any(part(attributes) for part in parts)
    if key == "$not":
        inner = _compile(value, groups)
        return lambda attributes: not inner(attributes)
    test = _compile_value(value, groups)
    if "." not in key:
        return lambda attributes: test(attributes.get(key))
    path = key.split(".")
    return lambda attributes: test(_at(attributes, path))


def _at(attributes: Any, path: Sequence[str]) -> Any:
    """The value at a path; None where there is none."""
    for part in path:
        if isinstance(attributes, Mapping):
            attributes = attributes.get(part)
        elif isinstance(attributes, list) and part.isdecimal() and int(part) < len(attributes):
            attributes = attributes[int(part)]
        else:
            return None
    return attributes


def _compile_value(expected: Any, groups: Groups, *, folds_case: bool = False) -> _Test:
    """What a path's value has to be: equal to a value, or satisfying operators."""
    if isinstance(expected, str):
        if folds_case:
            folded = expected.lower()
            return lambda actual: to_text(actual).lower() == folded
        return lambda actual: (actual if type(actual) is str else to_text(actual)) == expected
    if isinstance(expected, bool):
        return lambda actual: actual is not None and is_truthy(actual) is expected
    if isinstance(expected, (int, float)):
        return lambda actual: to_number(actual) == expected
    if expected is None:
        return lambda actual: actual is None
    if _is_operators(expected):
        tests = [_compile_operator(name, value, groups) for name, value in expected.items()]
        if len(tests) == 1:
            return tests[0]
        return lambda actual: all(test(actual) for test in tests)
    text = json_text(expected)
    return lambda actual: json_text(actual) == text


def _is_operators(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(key[:1] == "$" for key in value)


def _compile_operator(name: str, expected: Any, groups: Groups) -> _Test:
    build = OPERATORS.get(name)
    return _never if build is None else build(expected, groups)


def _never(_: Any) -> bool:
    return False


def _always(_: Any) -> bool:
    return True


def _negated(build: Callable[[Any, Groups], _Test]) -> Callable[[Any, Groups], _Test]:
    def negated(expected: Any, groups: Groups) -> _Test:
        test = build(expected, groups)
        return lambda actual: not test(actual)

    return negated


def _eq(expected: Any, _: Groups) -> _Test:
    return lambda actual: strictly_equal(actual, expected)


def _compared(
    holds: Callable[[Any, Any], bool], numeric: Callable[[Any, Any], bool]
) -> Callable[[Any, Groups], _Test]:
    def build(expected: Any, _: Groups) -> _Test:
        if type(expected) in _NUMBERS:
            # The usual case, without a look at what kind of values these are.
            return lambda actual: numeric(
                actual if type(actual) in _NUMBERS else to_number(actual), expected
            )
        return lambda actual: holds(actual, expected)

    return build


def _version(holds: Callable[[str, str], bool]) -> Callable[[Any, Groups], _Test]:
    def build(expected: Any, _: Groups) -> _Test:
        key = version_key(expected)
        return lambda actual: holds(version_key(actual), key)

    return build


def _exists(expected: Any, _: Groups) -> _Test:
    wanted = is_truthy(expected)
    return lambda actual: (actual is not None) is wanted


def _member(expected: Any) -> _Test:
    """Whether a value is one of the expected ones, or of a list of values any is."""
    texts = frozenset(item for item in expected if isinstance(item, str))
    others = [item for item in expected if not isinstance(item, str)]

    def is_member(actual: Any) -> bool:
        if type(actual) is str:
            return actual in texts
        if isinstance(actual, list):
            return any(not isinstance(item, list) and is_member(item) for item in actual)
        return any(strictly_equal(actual, item) for item in others)

    return is_member


def _folded(value: Any) -> Any:
    if isinstance(value, list):
        return [_folded(item) for item in value]
    return value.lower() if isinstance(value, str) else value


def _in(expected: Any, _: Groups) -> _Test:
    return _member(expected) if isinstance(expected, list) else _never


def _nin(expected: Any, groups: Groups) -> _Test:
    return _negated(_in)(expected, groups) if isinstance(expected, list) else _never


def _ini(expected: Any, _: Groups) -> _Test:
    if not isinstance(expected, list):
        return _never
    is_member = _member(_folded(expected))
    return lambda actual: is_member(_folded(actual))


def _nini(expected: Any, groups: Groups) -> _Test:
    return _negated(_ini)(expected, groups) if isinstance(expected, list) else _never


def _in_group(expected: Any, groups: Groups) -> _Test:
    return _member(groups.get(expected, ()) if isinstance(expected, str) else ())


def _all(*, folds_case: bool) -> Callable[[Any, Groups], _Test]:
    def build(expected: Any, groups: Groups) -> _Test:
        if not isinstance(expected, list):
            return _never
        tests = [_compile_value(item, groups, folds_case=folds_case) for item in expected]
        return lambda actual: (
            isinstance(actual, list) and all(any(map(test, actual)) for test in tests)
        )

    return build


def _size(expected: Any, groups: Groups) -> _Test:
    test = _compile_value(expected, groups)
    return lambda actual: isinstance(actual, list) and test(len(actual))


def _elem_match(expected: Any, groups: Groups) -> _Test:
    if _is_operators(expected):
        test = _compile_value(expected, groups)
    else:
        test = _of_properties(_compile(expected, groups))
    return lambda actual: (
        isinstance(actual, list) and any(is_truthy(item) and test(item) for item in actual)
    )


def _of_properties(condition: Condition) -> _Test:
    """Any value has properties in the clients' language, a text or number just none we know."""
    return lambda item: condition(item if isinstance(item, Mapping) else {})


def _regex(*, folds_case: bool) -> Callable[[Any, Groups], _Test]:
    def build(expected: Any, _: Groups) -> _Test:
        pattern = regex_or_none(expected, folds_case=folds_case)
        if pattern is None:
            return _never
        search = pattern.search
        return lambda actual: search(to_text(actual)[:MAX_TESTED_CHARACTERS]) is not None

    return build


def _type(expected: Any, _: Groups) -> _Test:
    return lambda actual: type_name(actual) == expected


def type_name(value: Any) -> str:
    """The name that $type has for a value.

    >>> type_name([1]), type_name(None), type_name(True), type_name(2)
    ('array', 'null', 'boolean', 'number')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    for kind, name in ((str, "string"), ((int, float), "number"), (list, "array")):
        if isinstance(value, kind):
            return name
    return "object" if isinstance(value, Mapping) else "unknown"


def _not(expected: Any, groups: Groups) -> _Test:
    test = _compile_value(expected, groups)
    return lambda actual: not test(actual)


OPERATORS: Final[Mapping[str, Callable[[Any, Groups], _Test]]] = {
    "$eq": _eq,
    "$ne": _negated(_eq),
    "$lt": _compared(is_less, operator.lt),
    "$lte": _compared(is_at_most, operator.le),
    "$gt": _compared(lambda actual, expected: is_less(expected, actual), operator.gt),
    "$gte": _compared(lambda actual, expected: is_at_most(expected, actual), operator.ge),
    "$veq": _version(operator.eq),
    "$vne": _version(operator.ne),
    "$vlt": _version(operator.lt),
    "$vlte": _version(operator.le),
    "$vgt": _version(operator.gt),
    "$vgte": _version(operator.ge),
    "$exists": _exists,
    "$in": _in,
    "$nin": _nin,
    "$ini": _ini,
    "$nini": _nini,
    "$inGroup": _in_group,
    "$notInGroup": _negated(_in_group),
    "$all": _all(folds_case=False),
    "$alli": _all(folds_case=True),
    "$size": _size,
    "$elemMatch": _elem_match,
    "$regex": _regex(folds_case=False),
    "$regexi": _regex(folds_case=True),
    "$type": _type,
    "$not": _not,
}
