"""Health: traffic split, sample, freshness, and the list before launch."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from abtesting.metrics.moments import ExperimentMoments, MomentsAt
from abtesting.models import Experiment
from abtesting.results.health import (
    freshness_health,
    launch_checklist,
    sample_health,
    srm_health,
)
from tests.builders import START, make_experiment

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


def seen(*, exposure=None, event=None):
    nothing = MomentsAt(num_units={}, metrics={})
    return ExperimentMoments(final=nothing, last_exposure_at=exposure, last_event_at=event)


@pytest.mark.parametrize(
    ("observed", "weights", "status"),
    [
        ([5000, 5040], [1, 1], "ok"),
        ([5000, 5400], [1, 1], "bad"),
        ([9000, 1010], [9, 1], "ok"),
        ([9000, 1010], [1, 1], "bad"),
        ([5000, 5000, 3], [1, 1, 0], "bad"),  # units where none may be
        ([2, 2], [1, 1], "unknown"),
        ([0, 0], [1, 1], "unknown"),
        ([100], [1], "unknown"),
    ],
)
def test_a_split_other_than_planned_is_bad(observed, weights, status):
    assert srm_health(observed, weights).status == status


def test_the_split_is_judged_at_its_own_level(settings):
    observed = [5000, 5200]  # p = 0.048
    assert srm_health(observed, [1, 1]).status == "ok"
    settings.ABTESTING = {"SRM_ALPHA": 0.05}
    assert srm_health(observed, [1, 1]).status == "bad"


def test_an_unknown_split_says_why():
    assert srm_health([2, 2], [1, 1]).reason == "too_few_units"


def test_while_it_runs_the_split_is_judged_by_all_days_together():
    found = srm_health([5000, 5400], [1, 1], keys=["control", "b"], days=[[1000, 1080]] * 5)
    assert (found.method, found.status) == ("sequential", "ok")  # not yet: 6e-5 on one look
    found = srm_health([9000, 9720], [1, 1], keys=["control", "b"], days=[[1000, 1080]] * 9)
    assert (found.method, found.status) == ("sequential", "bad")
    assert found.p_value < 0.001


def test_at_the_end_the_split_is_judged_once():
    found = srm_health([5000, 5400], [1, 1], keys=["control", "b"])
    assert (found.method, found.status) == ("chi_square", "bad")


def test_a_day_that_was_off_is_not_forgotten():
    days = [[1000, 1600], [1600, 1000]]
    assert srm_health([2600, 2600], [1, 1], days=days).status == "bad"


@pytest.mark.parametrize(
    ("observed", "weights", "variant"),
    [
        ([5000, 5600], [1, 1], "a"),  # of two, the one that lacks units
        ([5600, 5000], [1, 1], "b"),
        ([5000, 5000, 5700], [1, 1, 1], "c"),
        ([5000, 4300, 5000], [1, 1, 1], "b"),
        ([9000, 1500], [9, 1], "a"),
        ([5000, 5010], [1, 1], None),
    ],
)
def test_the_variant_that_is_off_is_named(observed, weights, variant):
    assert srm_health(observed, weights, keys=["a", "b", "c"]).variant == variant


def test_a_peeker_at_a_sound_split_is_not_alarmed():
    rng = np.random.default_rng(3)
    num_alarms = 0
    for _ in range(200):
        first = rng.binomial(1000, 0.5, size=28)
        days = [[int(a), 1000 - int(a)] for a in first]
        observed = [int(first.sum()), 28_000 - int(first.sum())]
        num_alarms += srm_health(observed, [1, 1], days=days).status == "bad"
    assert num_alarms <= 2


def running(**fields):
    return Experiment(state="running", started_at=START, **fields)


def test_the_sample_is_counted_against_the_plan():
    found = sample_health(running(planned_num_units=1000), 250, until=START + 5 * DAY)
    assert (found.status, found.num_units, found.progress) == ("ok", 250, 0.25)
    assert found.days_left == 15


def test_days_left_are_rounded_up():
    found = sample_health(running(planned_num_units=1000), 999, until=START + 10 * DAY)
    assert found.days_left == 1


@pytest.mark.parametrize(
    ("fields", "num_units"),
    [
        ({"planned_num_units": None}, 250),
        ({"planned_num_units": 1000}, 0),
        ({"planned_num_units": 1000}, 1000),
        ({"planned_num_units": 1000}, 1200),
    ],
)
def test_days_left_are_said_only_while_they_can_be_guessed(fields, num_units):
    found = sample_health(running(**fields), num_units, until=START + DAY)
    assert found.days_left is None


def test_a_paused_experiment_has_no_days_left():
    experiment = Experiment(state="paused", started_at=START, planned_num_units=1000)
    assert sample_health(experiment, 250, until=START + DAY).days_left is None


def test_right_after_the_start_days_left_are_not_divided_by_zero():
    found = sample_health(running(planned_num_units=1000), 10, until=START)
    assert found.days_left == 5  # 10 units in the first hour at most


def test_a_sample_of_nobody_is_unknown():
    assert sample_health(running(), 0, until=START).status == "unknown"


def test_data_that_still_arrives_is_fresh():
    until = START + 3 * DAY
    moments = seen(exposure=until - 2 * HOUR, event=until - HOUR)
    found = freshness_health(running(), moments, until=until)
    assert (found.status, found.lag_seconds) == ("ok", 3600)


@pytest.mark.parametrize(("age", "status"), [(24 * HOUR, "ok"), (25 * HOUR, "warn")])
def test_a_running_test_that_nobody_sees_for_a_day_is_a_warning(age, status):
    until = START + 5 * DAY
    moments = seen(exposure=until - age, event=until)
    assert freshness_health(running(), moments, until=until).status == status


def test_a_running_test_that_nobody_ever_saw_is_a_warning_after_a_day():
    assert freshness_health(running(), seen(), until=START + HOUR).status == "unknown"
    assert freshness_health(running(), seen(), until=START + 2 * DAY).status == "warn"


@pytest.mark.parametrize("state", ["paused", "stopped", "decided"])
def test_old_data_of_a_test_that_does_not_run_is_no_warning(state):
    experiment = Experiment(state=state, started_at=START)
    moments = seen(exposure=START + HOUR)
    assert freshness_health(experiment, moments, until=START + 9 * DAY).status == "ok"


@pytest.mark.django_db
def test_a_complete_draft_fulfils_every_line():
    experiment = make_experiment(state="draft", hypothesis="Because …", planned_num_units=2000)
    assert [item.ok for item in launch_checklist(experiment)] == [True] * 8


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("weights", "planned", "rule", "ok"),
    [
        ([1, 1], 265, "", False),
        ([1, 1], 266, "", True),
        ([9, 1], 1458, "fixed_horizon", False),
        ([9, 1], 1459, "fixed_horizon", True),
        ([1, 1], 10, "always_valid", None),
        ([1, 1], None, "", None),
    ],
)
def test_the_plan_must_leave_each_variant_enough_units(weights, planned, rule, ok):
    experiment = make_experiment(
        state="draft", weights=weights, planned_num_units=planned, decision_rule=rule
    )
    label = "A planned sample that can be read"
    found = [item.ok for item in launch_checklist(experiment) if str(item.label) == label]
    assert found == ([] if ok is None else [ok])


@pytest.mark.django_db
def test_an_empty_draft_misses_what_is_required_and_what_is_advised():
    experiment = Experiment.objects.create(key="empty", name="Empty", hypothesis="  ")
    missing = {
        str(item.label): item.required for item in launch_checklist(experiment) if not item.ok
    }
    assert missing == {
        "At least two variants": True,
        "Exactly one control": True,
        "Every variant gets traffic": True,
        "A goal metric": True,
        "A hypothesis": False,
        "A planned sample": False,
    }
