"""Targeting conditions: what each operator says of which attributes, and what is refused.

The expected answers are those of GrowthBook's JavaScript SDK 1.8.0, which defines the language.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtesting.bucketing.condition_errors import check_condition
from abtesting.bucketing.conditions import OPERATORS, compile_condition

GROUPS = {"staff": [1, "2", 3], "beta": ["a@example.com"]}


def holds(condition, attributes):
    return compile_condition(condition, GROUPS)(attributes)


CASES = [
    # equality, by the type of what stands in the condition
    ({}, {}, True),
    ({"a": "x"}, {"a": "x"}, True),
    ({"a": "x"}, {"a": "X"}, False),
    ({"a": "1"}, {"a": 1}, True),
    ({"a": "null"}, {}, True),
    ({"a": "true"}, {"a": True}, True),
    ({"a": "1,2"}, {"a": [1, 2]}, True),
    ({"a": 1}, {"a": "1"}, True),
    ({"a": 1}, {"a": True}, True),
    ({"a": 0}, {}, True),
    ({"a": 0}, {"a": ""}, True),
    ({"a": 5}, {"a": [5]}, True),
    ({"a": 5}, {"a": "five"}, False),
    ({"a": True}, {"a": "yes"}, True),
    ({"a": False}, {"a": 0}, True),
    ({"a": False}, {}, False),
    ({"a": None}, {}, True),
    ({"a": None}, {"a": 0}, False),
    ({"a": [1, 2]}, {"a": [1, 2]}, True),
    ({"a": [1, 2]}, {"a": [2, 1]}, False),
    ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 2}}, True),
    ({"a": {"b": 1, "c": 2}}, {"a": {"c": 2, "b": 1}}, False),
    ({"a": {}}, {"a": {}}, True),
    # paths
    ({"a.b.c": 1}, {"a": {"b": {"c": 1}}}, True),
    ({"a.b": 1}, {"a": 1}, False),
    ({"a.1": "y"}, {"a": ["x", "y"]}, True),
    # strict equality
    ({"a": {"$eq": 1}}, {"a": 1.0}, True),
    ({"a": {"$eq": 1}}, {"a": "1"}, False),
    ({"a": {"$eq": 1}}, {"a": True}, False),
    ({"a": {"$eq": None}}, {}, True),
    ({"a": {"$ne": "x"}}, {}, True),
    ({"a": {"$eq": [1]}}, {"a": [1]}, False),
    # order
    ({"a": {"$gt": 30, "$lt": 60}}, {"a": 50}, True),
    ({"a": {"$gt": 5}}, {"a": "8"}, True),
    ({"a": {"$gt": 5}}, {"a": "eight"}, False),
    ({"a": {"$lte": 5}}, {"a": "eight"}, False),
    ({"a": {"$lt": 1}}, {}, True),
    ({"a": {"$lte": 0}}, {}, True),
    ({"a": {"$lt": "10"}}, {"a": "9"}, False),
    ({"a": {"$lt": 10}}, {"a": "9"}, True),
    ({"a": {"$gte": "b"}}, {"a": "b"}, True),
    ({"a": {"$lt": "😀"}}, {"a": "\uffee"}, False),  # by UTF-16 code units
    ({"a": {"$gt": 0}}, {"a": True}, True),
    # lists
    ({"a": {"$in": ["x", 1]}}, {"a": 1}, True),
    ({"a": {"$in": ["x", 1]}}, {"a": "1"}, False),
    ({"a": {"$in": ["x"]}}, {"a": ["y", "x"]}, True),
    ({"a": {"$in": "x"}}, {"a": "x"}, False),
    ({"a": {"$in": [None]}}, {}, True),
    ({"a": {"$nin": ["x"]}}, {"a": ["y"]}, True),
    ({"a": {"$nin": "x"}}, {"a": "y"}, False),
    ({"a": {"$ini": ["DE"]}}, {"a": "de"}, True),
    ({"a": {"$nini": ["DE"]}}, {"a": ["at", "de"]}, False),
    ({"a": {"$all": ["x", "y"]}}, {"a": ["y", "z", "x"]}, True),
    ({"a": {"$all": ["x"]}}, {"a": "x"}, False),
    ({"a": {"$all": [{"$gt": 3}]}}, {"a": [1, 5]}, True),
    ({"a": {"$alli": ["X"]}}, {"a": ["x"]}, True),
    ({"a": {"$size": 2}}, {"a": [1, 2]}, True),
    ({"a": {"$size": {"$gt": 2}}}, {"a": [1, 2]}, False),
    ({"a": {"$size": 0}}, {"a": ""}, False),
    ({"a": {"$elemMatch": {"$gt": 3}}}, {"a": [1, 5]}, True),
    ({"a": {"$elemMatch": {"b": "x"}}}, {"a": [{"b": "y"}, {"b": "x"}]}, True),
    ({"a": {"$elemMatch": {"$lt": 1}}}, {"a": [0]}, False),  # what is falsy is skipped
    ({"a": {"$elemMatch": {"b": None}}}, {"a": ["text"]}, True),
    ({"a": {"$elemMatch": {"b": 1}}}, {"a": {"b": 1}}, False),
    # presence, type, negation
    ({"a": {"$exists": True}}, {"a": False}, True),
    ({"a": {"$exists": True}}, {"a": None}, False),
    ({"a": {"$exists": False}}, {}, True),
    ({"a": {"$type": "number"}}, {"a": True}, False),
    ({"a": {"$type": "null"}}, {}, True),
    ({"a": {"$type": "array"}}, {"a": []}, True),
    ({"a": {"$not": {"$in": ["x"]}}}, {"a": "y"}, True),
    ({"a": {"$not": "x"}}, {"a": "x"}, False),
    ({"$not": {"a": 1}}, {"a": 2}, True),
    ({"$and": [{"a": 1}, {"b": 2}]}, {"a": 1, "b": 2}, True),
    ({"$or": [{"a": 1}, {"b": 2}]}, {"a": 0, "b": 2}, True),
    ({"$nor": [{"a": 1}, {"b": 2}]}, {"a": 0, "b": 0}, True),
    ({"$or": []}, {}, True),
    ({"$nor": []}, {}, False),
    ({"$and": []}, {}, True),
    ({"$or": [{"a": 1}], "b": 2}, {"a": 1, "b": 3}, False),
    # texts
    ({"a": {"$regex": "^ab+$"}}, {"a": "abb"}, True),
    ({"a": {"$regex": "b"}}, {"a": "ABC"}, False),
    ({"a": {"$regexi": "b"}}, {"a": "ABC"}, True),
    ({"a": {"$regex": "("}}, {"a": "("}, False),
    ({"a": {"$regex": "^null$"}}, {}, True),
    # versions
    ({"v": {"$vgt": "1.9.0"}}, {"v": "1.10.0"}, True),
    ({"v": {"$vlt": "1.0.0"}}, {"v": "1.0.0-rc.1"}, True),
    ({"v": {"$veq": "v1.2.3"}}, {"v": "1.2.3+build.5"}, True),
    ({"v": {"$vgte": "2.0"}}, {"v": 2.5}, True),
    ({"v": {"$vlte": "0"}}, {}, True),
    ({"v": {"$vne": "1.2.3"}}, {"v": "1.2.3-beta"}, True),
    # groups
    ({"id": {"$inGroup": "staff"}}, {"id": 3}, True),
    ({"id": {"$inGroup": "staff"}}, {"id": "3"}, False),
    ({"id": {"$inGroup": "nobody"}}, {"id": 3}, False),
    ({"id": {"$notInGroup": "nobody"}}, {"id": 3}, True),
    ({"id": {"$notInGroup": "staff"}}, {"id": "2"}, False),
    # what is no condition
    ({"a": {"$bogus": 1}}, {"a": 1}, False),
    ([], {}, False),
]


@pytest.mark.parametrize(("condition", "attributes", "expected"), CASES)
def test_a_condition_says_what_the_clients_say(condition, attributes, expected):
    assert holds(condition, attributes) is expected


def test_every_operator_has_a_case():
    assert all(any(name in str(condition) for condition, _, _ in CASES) for name in OPERATORS)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=6,
)
operators = st.sampled_from(sorted(OPERATORS))


@given(operators, json_values, json_values)
def test_no_value_makes_it_raise(name, expected, actual):
    found = holds({"a": {name: expected}}, {"a": actual})
    assert isinstance(found, bool)


@given(operators, json_values, json_values)
def test_not_is_the_opposite(name, expected, actual):
    inner = {"a": {name: expected}}
    assert holds({"$not": inner}, {"a": actual}) is not holds(inner, {"a": actual})
    assert holds({"a": {"$not": {name: expected}}}, {"a": actual}) is not holds(
        inner, {"a": actual}
    )


def test_an_attacker_who_writes_attributes_does_not_keep_the_server_busy():
    assert not holds({"agent": {"$regex": "needle"}}, {"agent": "x" * 10_000_000 + "needle"})


# What is wrong with one


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ([], "condition is []; allowed: a JSON object"),
        ({"a": {"$in": "DE"}}, "a.$in is 'DE'; allowed: a list"),
        ({"$or": []}, "$or is []; allowed: a list of conditions, not empty"),
        (
            {"$or": [{"a": 1}, {"b": {"$exists": "yes"}}]},
            "$or[1].b.$exists is 'yes'; allowed: true or false",
        ),
        (
            {"$nope": 1},
            "$nope is '$nope'; allowed: the name of an attribute, $and, $or, $nor, $not",
        ),
        ({"a": {"$inGroup": "x"}}, "a.$inGroup is 'x'; allowed: a saved group (beta, staff)"),
        ({"a": {"$inGroup": 3}}, "a.$inGroup is 3; allowed: the key of a saved group"),
        (
            {"a": {"$type": "text"}},
            "a.$type is 'text'; allowed: string, number, boolean, array, object, null",
        ),
        ({"a": {"$gt": True}}, "a.$gt is True; allowed: a number or a text"),
        ({"a": {"$vgt": []}}, "a.$vgt is []; allowed: a version such as 1.2.3"),
        ({"a": {"$size": "2"}}, "a.$size is '2'; allowed: a number, or operators on one"),
        (
            {"a": {"$elemMatch": 3}},
            "a.$elemMatch is 3; allowed: a condition, or operators on an element",
        ),
        (
            {"a": {"$elemMatch": {"b": {"$all": 1}}}},
            "a.$elemMatch.b.$all is 1; allowed: a list",
        ),
        ({"a": {"$not": {"$lt": None}}}, "a.$not.$lt is None; allowed: a number or a text"),
    ],
)
def test_a_mistake_is_named_with_its_clause(condition, message):
    assert [str(error) for error in check_condition(condition, groups=GROUPS)] == [message]


def test_an_expression_that_cannot_be_read_is_named():
    [error] = check_condition({"a": {"$regex": "("}})
    assert (error.clause, error.code) == ("a.$regex", "no_pattern")


def test_every_mistake_is_told_at_once():
    found = check_condition({"a": {"$in": 1, "$bogus": 2}, "$and": 3})
    assert [error.clause for error in found] == ["a.$in", "a.$bogus", "$and"]


def test_a_condition_that_nests_without_end_is_refused():
    condition = {"a": 1}
    for _ in range(40):
        condition = {"$not": condition}
    assert [error.code for error in check_condition(condition)] == ["too_deep"]


@pytest.mark.parametrize(
    "condition",
    [{}, {"a": 1}, {"a": [1]}, {"a": {"b": 1}}, {"$not": {"a": {"$size": {"$gt": 1}}}}],
)
def test_a_good_condition_has_no_mistakes(condition):
    assert check_condition(condition) == ()
