"""Snapshots: an analysis, stored as it was."""

from __future__ import annotations

import datetime as dt

import pytest

from abtesting import tasks
from abtesting.models import Experiment, ResultSnapshot, Variant
from abtesting.results import snapshots
from abtesting.results.analysis import analyse
from tests.builders import START, event, expose, make_experiment

pytestmark = pytest.mark.django_db

NOW = START + dt.timedelta(days=2)


def test_a_snapshot_holds_the_analysis_of_its_time(django_user_model):
    mara = django_user_model.objects.create_user("mara")
    experiment = make_experiment()
    expose(experiment, "b", "ada")
    snapshot = snapshots.refresh(experiment, now=NOW, actor=mara)
    snapshot.refresh_from_db()
    assert snapshot.payload == analyse(experiment, now=NOW).as_payload()
    assert (snapshot.created_at, snapshot.created_by) == (NOW, mara)


def test_a_snapshot_stays_as_it_is_when_more_is_counted():
    experiment = make_experiment()
    expose(experiment, "b", "ada")
    first = snapshots.refresh(experiment, now=NOW)
    event(visitor="ada")
    second = snapshots.refresh(experiment, now=NOW)
    first.refresh_from_db()
    counted = [s.payload["metrics"][0]["comparisons"][0]["numerator"] for s in (first, second)]
    assert counted == [0, 1]


def test_the_latest_snapshot_is_the_newest():
    experiment = make_experiment()
    assert snapshots.latest(experiment) is None
    newest = snapshots.refresh(experiment, now=NOW)
    snapshots.refresh(experiment, now=NOW - dt.timedelta(hours=1))
    snapshots.refresh(make_experiment("other"), now=NOW + dt.timedelta(hours=1))
    assert snapshots.latest(experiment) == newest


def test_of_two_snapshots_of_one_time_the_later_written_is_the_latest():
    experiment = make_experiment()
    snapshots.refresh(experiment, now=NOW)
    second = snapshots.refresh(experiment, now=NOW)
    assert snapshots.latest(experiment) == second


def test_what_still_counts_is_refreshed():
    for state in ("draft", "running", "paused", "stopped", "decided"):
        make_experiment(state, state=state)
    done = [(experiment.key, error) for experiment, error in snapshots.refresh_all(now=NOW)]
    assert done == [("running", None), ("paused", None)]
    assert set(ResultSnapshot.objects.values_list("experiment__key", flat=True)) == {
        "running",
        "paused",
    }


def test_one_that_fails_does_not_stop_the_others(caplog):
    broken = make_experiment("broken")
    Variant.objects.filter(experiment=broken).update(is_control=False)
    make_experiment("sound")
    done = {experiment.key: error for experiment, error in snapshots.refresh_all(now=NOW)}
    assert isinstance(done["broken"], ValueError)
    assert done["sound"] is None
    assert ResultSnapshot.objects.get().experiment.key == "sound"
    assert "broken could not be computed" in caplog.text


def test_the_task_refreshes_one_experiment():
    experiment = make_experiment()
    make_experiment("other")
    tasks.refresh_experiment.delay(experiment.pk)
    assert ResultSnapshot.objects.get().experiment == experiment


def test_the_task_of_an_experiment_that_is_gone_does_nothing():
    tasks.refresh_experiment.delay(999_999)
    assert not ResultSnapshot.objects.exists()


def test_the_scheduled_task_refreshes_all_that_run():
    make_experiment("one")
    make_experiment("two")
    tasks.refresh_all.delay()
    assert ResultSnapshot.objects.count() == 2


def test_a_snapshot_goes_with_its_draft():
    draft = make_experiment(state="draft")
    snapshots.refresh(draft, now=NOW)
    Experiment.objects.get(pk=draft.pk).delete()
    assert not ResultSnapshot.objects.exists()
