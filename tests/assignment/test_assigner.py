"""Assignment: stable, silent, and the control with a reason whenever anything is wrong."""

from __future__ import annotations

import logging

import pytest

from abtesting.assignment.assigner import assign
from abtesting.bucketing.definition import Reason
from abtesting.bucketing.hashing import hash_unit
from abtesting.models import Event, Exposure
from tests.builders import make_experiment

pytestmark = pytest.mark.django_db


def visitor(unit="visitor-1"):
    return lambda kind: unit if kind == "visitor" else None


def nobody(kind):
    raise AssertionError("the unit was asked for")


def test_a_unit_gets_the_variant_that_its_hash_says():
    make_experiment(weights=(1, 1))

    for number in range(50):
        unit = f"visitor-{number}"
        expected = "control" if hash_unit("test", unit) < 0.5 else "b"
        assert assign("test", visitor(unit)).variant == expected


def test_an_assignment_says_all_that_an_exposure_needs():
    experiment = make_experiment(weights=(1, 3), payloads={"b": {"label": "Free"}})
    unit = next(u for u in map(str, range(50)) if hash_unit("test", u) >= 0.25)

    found = assign("test", visitor(unit))

    assert (found.variant, found.is_control, found.reason) == ("b", False, Reason.ASSIGNED)
    assert found.variant_id == experiment.variants.get(key="b").pk
    assert (found.experiment_id, found.unit_kind, found.unit) == (experiment.pk, "visitor", unit)
    assert (found.propensity, found.payload) == (0.75, {"label": "Free"})
    assert found.is_counted


def test_assigning_writes_and_reads_nothing(django_assert_num_queries):
    make_experiment()

    with django_assert_num_queries(0):
        assign("test", visitor())
    assert not Exposure.objects.exists()
    assert not Event.objects.exists()


def test_an_unknown_experiment_is_the_control_and_logged_once(caplog):
    for _ in range(3):
        found = assign("missing", nobody)

    assert (found.variant, found.is_control, found.payload) == (None, True, {})
    assert found.reason is Reason.UNKNOWN_EXPERIMENT
    assert not found.is_counted
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "missing is unknown" in record.message


@pytest.mark.parametrize("state", ["paused", "stopped"])
def test_an_experiment_that_does_not_run_is_the_control_and_logged_once(caplog, state):
    make_experiment(state=state)

    for _ in range(3):
        found = assign("test", nobody)

    assert (found.variant, found.reason) == ("control", Reason.NOT_RUNNING)
    assert not found.is_counted
    [record] = caplog.records
    assert f"test is {state}" in record.message


def test_two_broken_experiments_are_logged_each(caplog):
    assign("missing", nobody)
    assign("absent", nobody)

    assert len(caplog.records) == 2


def test_a_decided_experiment_is_its_variant_for_everybody_and_not_counted(caplog):
    make_experiment(state="decided", decided="b", payloads={"b": {"label": "Free"}})

    found = assign("test", nobody)

    assert (found.variant, found.reason) == ("b", Reason.DECIDED)
    assert found.payload == {"label": "Free"}
    assert not found.is_counted
    assert not caplog.records


def test_a_bot_is_shown_the_control_and_has_no_unit():
    make_experiment(weights=(0, 1))

    found = assign("test", nobody, is_bot=True)

    assert (found.variant, found.reason) == ("control", Reason.BOT)
    assert not found.is_counted


def test_a_bot_sees_what_was_shipped():
    make_experiment(state="decided", decided="b")

    assert assign("test", nobody, is_bot=True).variant == "b"


def test_a_test_of_users_shows_the_control_to_who_is_not_logged_in():
    make_experiment(unit="user", weights=(0, 1))

    found = assign("test", visitor())

    assert (found.variant, found.reason) == ("control", Reason.NO_UNIT)
    assert not found.is_counted


def test_outside_the_allocation_is_the_control_and_not_counted():
    make_experiment(allocation=0.0)

    found = assign("test", visitor())

    assert (found.variant, found.reason) == ("control", Reason.NOT_COVERED)
    assert not found.is_counted


def test_any_error_is_the_control_and_logged_once(caplog):
    make_experiment(weights=(0, 1))

    def fails(kind):
        raise RuntimeError("no session store")

    for _ in range(3):
        found = assign("test", fails)

    assert (found.variant, found.reason) == ("control", Reason.ERROR)
    assert not found.is_counted
    [record] = caplog.records
    assert record.exc_info is not None
