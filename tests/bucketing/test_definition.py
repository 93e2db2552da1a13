"""The pure decision: which variant a unit sees, and why."""

from __future__ import annotations

import pytest

from abtesting.bucketing.definition import (
    ExperimentDefinition,
    Reason,
    VariantDefinition,
    decide,
)
from abtesting.bucketing.hashing import hash_unit

UNITS = [f"unit-{number}" for number in range(2_000)]


def definition(**fields):
    weights = fields.pop("weights", (1, 1, 2))
    variants = tuple(
        VariantDefinition(id=number, key=key, weight=weight, payload={})
        for number, (key, weight) in enumerate(zip("abc", weights, strict=False), start=1)
    )
    given = {
        "id": 1,
        "key": "test",
        "seed": "test",
        "unit": "visitor",
        "state": "running",
        "coverage": 1.0,
        "variants": variants,
        "control": variants[0] if variants else None,
        **fields,
    }
    return ExperimentDefinition(**given)


def test_a_unit_is_placed_by_the_seed_and_the_ranges():
    test = definition()

    for unit in UNITS:
        decision = decide(test, unit)
        index = test.variants.index(decision.variant)
        start, end = test.ranges[index]
        assert decision.reason is Reason.ASSIGNED
        assert decision.bucket == hash_unit("test", unit)
        assert start <= decision.bucket < end


def test_the_propensity_is_the_variants_share_of_the_units_that_take_part():
    test = definition(coverage=0.1)
    shares = {"a": 0.25, "b": 0.25, "c": 0.5}

    assigned = [d for unit in UNITS if (d := decide(test, unit)).reason is Reason.ASSIGNED]

    assert assigned
    assert all(decision.propensity == shares[decision.variant.key] for decision in assigned)


def test_a_unit_outside_the_allocation_sees_the_control_without_a_propensity():
    decision = decide(definition(coverage=0.0), "unit-1")

    assert decision.variant.key == "a"
    assert decision.reason is Reason.NOT_COVERED
    assert decision.propensity is None


@pytest.mark.parametrize("unit", [None, ""])
def test_no_unit_is_the_control(unit):
    decision = decide(definition(), unit)

    assert (decision.variant.key, decision.reason) == ("a", Reason.NO_UNIT)


@pytest.mark.parametrize("state", ["draft", "paused", "stopped", "anything else"])
def test_an_experiment_that_does_not_run_is_the_control(state):
    decision = decide(definition(state=state), "unit-1")

    assert (decision.variant.key, decision.reason) == ("a", Reason.NOT_RUNNING)


def test_a_decided_experiment_is_its_shipped_variant_for_everybody():
    test = definition(state="decided", decided_variant="c", coverage=0.0)

    assert {decide(test, unit).variant.key for unit in (*UNITS, None)} == {"c"}
    assert decide(test, "unit-1").reason is Reason.DECIDED


def test_a_decided_experiment_without_a_variant_is_the_control():
    decision = decide(definition(state="decided"), "unit-1")

    assert (decision.variant.key, decision.reason) == ("a", Reason.NOT_RUNNING)


def test_a_variant_of_weight_zero_is_never_shown():
    test = definition(weights=(1, 0, 1))

    assert {decide(test, unit).variant.key for unit in UNITS} == {"a", "c"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"weights": (1,)}, r"'test' has 1 variant\(s\); allowed: 2 or more"),
        ({"weights": ()}, r"has 0 variant\(s\)"),
        ({"weights": (1, -1)}, "none negative"),
        ({"weights": (0, 0)}, "at least one above 0"),
        ({"weights": (1, float("nan"))}, "finite"),
        ({"seed": ""}, "seed ''"),
    ],
)
def test_a_definition_that_cannot_be_served_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        definition(**fields)
