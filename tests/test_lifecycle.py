"""Transitions: which are allowed, what they change, and what is written down of them."""

from __future__ import annotations

import datetime as dt
import threading
import time

import pytest
from django.db import connection

from abtesting import lifecycle
from abtesting.assignment import definitions
from abtesting.assignment.assigner import assign
from abtesting.bucketing.definition import Reason
from abtesting.exceptions import FrozenFieldError, TransitionError
from abtesting.models import AuditEntry, Event, Experiment, Exposure, ResultSnapshot, Variant
from tests.builders import START, event, expose, make_experiment, make_metric, make_request

pytestmark = pytest.mark.django_db

LATER = START + dt.timedelta(days=3)
RUN = {
    "start": lifecycle.start,
    "pause": lifecycle.pause,
    "resume": lifecycle.resume,
    "stop": lifecycle.stop,
}
ALLOWED = {
    ("draft", "start"): "running",
    ("running", "pause"): "paused",
    ("paused", "resume"): "running",
    ("running", "stop"): "stopped",
    ("paused", "stop"): "stopped",
    ("stopped", "decide"): "decided",
}
STATES = ("draft", "running", "paused", "stopped", "decided")
ACTIONS = ("start", "pause", "resume", "stop", "decide")


@pytest.fixture
def mara(django_user_model):
    return django_user_model.objects.create_user("mara")


def run(action, experiment, **options):
    if action == "decide":
        options.setdefault("variant", experiment.variants.get(key="b"))
        lifecycle.decide(experiment, now=LATER, **options)
    else:
        RUN[action](experiment, now=LATER, **options)


@pytest.mark.parametrize(("state", "action"), ALLOWED)
def test_an_allowed_transition_changes_the_state_and_writes_who_when_before_and_after(
    state, action, mara
):
    experiment = make_experiment(state=state)
    run(action, experiment, actor=mara)
    after = ALLOWED[state, action]
    assert experiment.state == after
    assert Experiment.objects.get(pk=experiment.pk).state == after
    entry = AuditEntry.objects.get(experiment=experiment)
    assert (entry.action, entry.actor, entry.created_at) == (action, mara, LATER)
    assert entry.before == {"state": state}
    assert entry.after["state"] == after


@pytest.mark.parametrize(
    ("state", "action"), [(s, a) for s in STATES for a in ACTIONS if (s, a) not in ALLOWED]
)
def test_any_other_transition_is_refused_and_changes_nothing(state, action):
    experiment = make_experiment(state=state)
    stored = Experiment.objects.filter(pk=experiment.pk).values().get()
    with pytest.raises(TransitionError) as error:
        run(action, experiment)
    [problem] = error.value.problems
    assert f"“{action.capitalize()}” needs the state" in problem
    assert problem.endswith(f"{experiment.name} is {state.capitalize()}.")
    assert Experiment.objects.filter(pk=experiment.pk).values().get() == stored
    assert not AuditEntry.objects.exists()
    assert not ResultSnapshot.objects.exists()


def test_a_refused_transition_says_which_states_would_do():
    with pytest.raises(TransitionError, match="needs the state Running, Paused; Test is Draft"):
        lifecycle.stop(make_experiment(state="draft"))


def test_a_start_and_a_stop_are_dated():
    experiment = make_experiment(state="draft")
    lifecycle.start(experiment, now=START)
    assert (experiment.started_at, experiment.ended_at) == (START, None)
    lifecycle.stop(experiment, now=LATER)
    assert (experiment.started_at, experiment.ended_at) == (START, LATER)


def test_the_start_fixes_what_the_settings_say(settings):
    settings.ABTESTING = {"ALPHA": 0.1, "MINIMUM_UNITS": 50}
    experiment = make_experiment(state="draft")
    stored = Experiment.objects.filter(pk=experiment.pk)
    names = ("alpha", "minimum_units", "tuned_num_units", "prior_lift_sd")
    assert stored.values_list(*names).get() == (None, None, None, None)
    lifecycle.start(experiment, now=START)
    assert stored.values_list(*names).get() == (0.1, 50, 10_000, 0.3)


def test_a_start_that_is_refused_fixes_nothing():
    experiment = make_experiment(state="draft", metrics=[])
    with pytest.raises(TransitionError):
        lifecycle.start(experiment)
    assert Experiment.objects.get(pk=experiment.pk).alpha is None


@pytest.mark.parametrize(("weights", "smallest"), [([1, 1], 266), ([9, 1], 1459)])
@pytest.mark.parametrize("rule", ["", "group_sequential", "fixed_horizon"])
def test_a_plan_that_can_never_be_read_does_not_start(rule, weights, smallest):
    options = {"state": "draft", "decision_rule": rule, "weights": weights}
    small = make_experiment("small", planned_num_units=smallest - 1, **options)
    with pytest.raises(TransitionError, match=f"a planned sample of at least {smallest}"):
        lifecycle.start(small)
    large = make_experiment("large", planned_num_units=smallest, **options)
    lifecycle.start(large)
    assert large.state == "running"


def test_a_rule_that_needs_no_plan_starts_with_any():
    experiment = make_experiment(state="draft", decision_rule="always_valid", planned_num_units=10)
    lifecycle.start(experiment)
    assert experiment.state == "running"


@pytest.mark.parametrize(
    ("chosen", "planned", "rule"),
    [
        ("", 2000, "group_sequential"),
        ("", None, "always_valid"),
        ("bayesian", 2000, "bayesian"),
    ],
)
def test_the_start_fixes_the_rule_that_was_recommended(chosen, planned, rule):
    experiment = make_experiment(state="draft", decision_rule=chosen, planned_num_units=planned)
    stale = Experiment.objects.get(pk=experiment.pk)
    lifecycle.start(stale, now=START)
    assert stale.decision_rule == rule
    assert Experiment.objects.get(pk=experiment.pk).decision_rule == rule


def test_a_pause_keeps_the_start():
    experiment = make_experiment()
    lifecycle.pause(experiment, now=LATER)
    lifecycle.resume(experiment, now=LATER)
    assert experiment.started_at == START


@pytest.mark.parametrize(("state", "action"), [("running", "pause"), ("running", "stop")])
def test_the_reason_is_written_down(state, action):
    run(action, make_experiment(state=state), note="The price list was wrong.")
    assert AuditEntry.objects.get().note == "The price list was wrong."


def test_a_transition_may_have_no_actor():
    lifecycle.pause(make_experiment())
    assert AuditEntry.objects.get().actor is None


def test_of_two_people_who_click_at_the_same_time_one_makes_the_transition(mara):
    first = make_experiment(state="draft")
    second = Experiment.objects.get(pk=first.pk)
    lifecycle.start(first, actor=mara, now=START)
    with pytest.raises(TransitionError, match="is Running"):
        lifecycle.start(second, now=LATER)
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.created_at) == (mara, START)
    assert second.state == "running"
    assert second.started_at == START


@pytest.mark.django_db(transaction=True)
def test_of_many_clicks_at_once_one_makes_the_transition():
    if connection.vendor == "sqlite":
        pytest.skip("the in-memory database has one connection; PostgreSQL runs this")
    pk = make_experiment().pk
    outcomes = []
    together = threading.Barrier(4)

    def click():
        experiment = Experiment.objects.get(pk=pk)
        together.wait()
        try:
            lifecycle.stop(experiment)
            outcomes.append("stopped")
        except TransitionError:
            outcomes.append("refused")
        finally:
            connection.close()

    clicks = [threading.Thread(target=click) for _ in range(4)]
    for thread in clicks:
        thread.start()
    for thread in clicks:
        thread.join()
    assert sorted(outcomes) == ["refused"] * 3 + ["stopped"]
    assert AuditEntry.objects.count() == ResultSnapshot.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_stop_is_not_undone_by_an_edit_and_holds_up_no_shopper(monkeypatch):
    """The last snapshot of a large test takes a while, after the stop."""
    if connection.vendor == "sqlite":
        pytest.skip("the in-memory database has one connection; PostgreSQL runs this")
    pk = make_experiment().pk
    is_computing, shopper_is_through = threading.Event(), threading.Event()
    refresh = lifecycle.snapshots.refresh

    def slow(*args, **kwargs):
        is_computing.set()
        assert shopper_is_through.wait(10), "an exposure waits for the stop"
        return refresh(*args, **kwargs)

    monkeypatch.setattr(lifecycle.snapshots, "refresh", slow)
    errors = []

    def in_thread(work):
        def run():
            try:
                work()
            except Exception as error:
                errors.append(error)
            finally:
                connection.close()

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    copy = Experiment.objects.get(pk=pk)
    stopping = in_thread(lambda: lifecycle.stop(Experiment.objects.get(pk=pk)))
    assert is_computing.wait(10)
    copy.name = "New name"
    editing = in_thread(copy.save)
    expose(Experiment.objects.get(pk=pk), "b", "ada")
    time.sleep(0.2)  # the edit gets as far as it can
    shopper_is_through.set()
    for thread in (stopping, editing):
        thread.join()

    stored = Experiment.objects.get(pk=pk)
    assert stored.state == "stopped"
    assert stored.ended_at is not None
    assert [type(error) for error in errors] == [FrozenFieldError]


def test_the_audit_says_what_was_stored_before_not_what_an_old_copy_remembered():
    old_copy = make_experiment()
    lifecycle.pause(Experiment.objects.get(pk=old_copy.pk), now=START)
    lifecycle.stop(old_copy, now=LATER)
    assert AuditEntry.objects.get(action="stop").before == {"state": "paused"}


PROBLEMS = {
    "At least two variants": {"variants": ["control"]},
    "Every variant gets traffic": {"weights": [1.0, 0.0]},
    "Payloads are JSON objects": {"payloads": {"b": ["headline"]}},
    "A goal metric": {"metrics": [("conversion", {"role": "secondary"})]},
}


@pytest.mark.parametrize("label", PROBLEMS)
def test_an_experiment_that_could_not_be_analysed_does_not_start(label):
    experiment = make_experiment(state="draft", **PROBLEMS[label])
    with pytest.raises(TransitionError) as error:
        lifecycle.start(experiment)
    [problem] = error.value.problems
    assert problem.startswith(f"{label}: ")
    experiment.refresh_from_db()
    assert (experiment.state, experiment.started_at) == ("draft", None)


def test_an_experiment_without_a_control_does_not_start():
    experiment = make_experiment(state="draft")
    Variant.objects.filter(experiment=experiment).update(is_control=False)
    with pytest.raises(TransitionError, match="Exactly one control"):
        lifecycle.start(experiment)


def test_all_problems_are_said_at_once():
    experiment = Experiment.objects.create(key="empty", name="Empty")
    with pytest.raises(TransitionError) as error:
        lifecycle.start(experiment)
    assert len(error.value.problems) == 4


def test_a_hypothesis_and_a_plan_are_advised_not_required():
    experiment = make_experiment(state="draft", hypothesis="", planned_num_units=None)
    lifecycle.start(experiment)
    assert experiment.state == "running"


def test_a_stop_takes_a_last_snapshot(mara):
    experiment = make_experiment()
    expose(experiment, "control", "ada")
    lifecycle.stop(experiment, now=LATER, actor=mara)
    snapshot = ResultSnapshot.objects.get(experiment=experiment)
    assert (snapshot.created_at, snapshot.created_by) == (LATER, mara)
    assert snapshot.payload["experiment"]["state"] == "stopped"
    assert snapshot.payload["experiment"]["ended_at"] == LATER.isoformat()
    assert snapshot.payload["health"][1]["num_units"] == 1


def test_a_test_can_be_stopped_although_its_results_cannot_be_computed(monkeypatch, caplog):
    experiment = make_experiment()

    def fail(*args, **kwargs):
        raise ZeroDivisionError

    monkeypatch.setattr(lifecycle.snapshots, "refresh", fail)
    assert lifecycle.stop(experiment, now=LATER) is None
    stored = Experiment.objects.get(pk=experiment.pk)
    assert (stored.state, stored.ended_at) == ("stopped", LATER)
    assert AuditEntry.objects.get().action == "stop"
    assert "The last results of experiment test failed" in caplog.text


def test_a_decision_names_the_variant_in_the_audit():
    experiment = make_experiment(state="stopped")
    lifecycle.decide(experiment, variant=experiment.variants.get(key="b"), note="It won.")
    entry = AuditEntry.objects.get()
    assert entry.after == {"state": "decided", "variant": "b"}
    assert entry.note == "It won."


def test_a_variant_of_another_experiment_cannot_be_decided():
    experiment, other = make_experiment("one", state="stopped"), make_experiment("two")
    with pytest.raises(TransitionError, match="is not of experiment one; allowed: control, b"):
        lifecycle.decide(experiment, variant=other.variants.get(key="b"))
    experiment.refresh_from_db()
    assert experiment.state == "stopped"


@pytest.mark.parametrize("winner", ["control", "b"])
def test_after_a_decision_everybody_sees_the_winner(winner):
    experiment = make_experiment(state="stopped", allocation=0.1)
    lifecycle.decide(experiment, variant=experiment.variants.get(key=winner))
    definitions.reload()
    found = [assign("test", lambda kind, unit=unit: f"unit-{unit}") for unit in range(50)]
    assert {assignment.variant for assignment in found} == {winner}
    assert {assignment.reason for assignment in found} == {Reason.DECIDED}


def test_after_a_decision_nobody_is_exposed():
    experiment = make_experiment(state="stopped")
    lifecycle.decide(experiment, variant=experiment.variants.get(key="b"))
    definitions.reload()
    request = make_request()
    assert request.abtesting.variant("test") == "b"
    request.abtesting.track("purchase")
    request.abtesting.flush()
    assert Event.objects.count() == 1
    assert not Exposure.objects.exists()


@pytest.mark.parametrize("state", ["paused", "stopped"])
def test_while_it_does_not_run_everybody_sees_the_control_and_nobody_is_exposed(state):
    make_experiment(state=state)
    for _ in range(20):
        request = make_request()
        assert request.abtesting.variant("test") == "control"
        request.abtesting.flush()
    assert not Exposure.objects.exists()


def test_a_resumed_experiment_gives_everybody_the_variant_they_had():
    experiment = make_experiment()

    def assigned():
        definitions.reload()
        return [
            assign("test", lambda kind, unit=unit: f"unit-{unit}").variant for unit in range(50)
        ]

    before = assigned()
    lifecycle.pause(experiment)
    assert set(assigned()) == {"control"}
    lifecycle.resume(experiment)
    assert assigned() == before
    assert set(before) == {"control", "b"}


def test_a_transition_reaches_the_next_request(django_capture_on_commit_callbacks):
    experiment = make_experiment(state="draft")
    definitions.revalidate()
    assert definitions.get("test") is None
    with django_capture_on_commit_callbacks(execute=True):
        lifecycle.start(experiment)
    definitions.revalidate()
    assert definitions.get("test").state == "running"


@pytest.mark.parametrize("action", ACTIONS)
def test_imported_results_have_no_lifecycle(action):
    experiment = make_experiment(state="stopped", source="imported")
    with pytest.raises(TransitionError, match="was imported"):
        run(action, experiment)
    experiment.refresh_from_db()
    assert experiment.state == "stopped"


def test_what_happens_after_a_stop_changes_no_result():
    experiment = make_experiment(metrics=[make_metric(), make_metric("orders", kind="mean")])
    for unit in ("ada", "ben"):
        expose(experiment, "b" if unit == "ada" else "control", unit)
    event(visitor="ada")
    lifecycle.stop(experiment, now=LATER)
    before = ResultSnapshot.objects.get(experiment=experiment).payload
    event(visitor="ben", at=LATER + dt.timedelta(hours=1))
    expose(experiment, "b", "eve", at=LATER + dt.timedelta(hours=1))
    after = lifecycle.snapshots.refresh(experiment, now=LATER + dt.timedelta(days=30)).payload
    assert after["data_until"] == LATER.isoformat()
    for part in ("variants", "metrics", "series", "exposures_by_day", "verdict", "health"):
        assert after[part] == before[part]


def test_an_event_that_arrives_late_still_counts_if_it_happened_before_the_stop():
    experiment = make_experiment()
    expose(experiment, "b", "ada")
    lifecycle.stop(experiment, now=LATER)
    event(
        visitor="ada", at=LATER - dt.timedelta(hours=1), received_at=LATER + dt.timedelta(hours=1)
    )
    payload = lifecycle.snapshots.refresh(experiment, now=LATER + dt.timedelta(days=1)).payload
    assert payload["metrics"][0]["comparisons"][0]["numerator"] == 1


def test_a_test_that_nobody_takes_part_in_does_not_start():
    experiment = make_experiment(state="draft", allocation=0.0)
    with pytest.raises(TransitionError, match="an allocation, above 0"):
        lifecycle.start(experiment)
