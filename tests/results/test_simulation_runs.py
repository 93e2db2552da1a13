"""Simulations as rows: done once, by one worker, and what goes wrong is written down."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.utils import timezone

from abtesting import tasks
from abtesting.exceptions import SimulationError
from abtesting.models import SimulationRun, Variant
from abtesting.results import simulation_runs
from abtesting.results.simulation import Options
from abtesting.results.trial import PlanTooSmallError, plan_for, plan_of
from tests.builders import make_experiment, make_metric

pytestmark = pytest.mark.django_db

OPTIONS = Options(num_runs=20, parts=("aa", "power"), traffic="synthetic", baseline=0.2)


@pytest.fixture
def experiment():
    return make_experiment(planned_num_units=400)


def test_a_run_that_was_asked_for_is_done_by_the_task(experiment, admin_user):
    asked = simulation_runs.ask_for(experiment, OPTIONS, actor_id=admin_user.pk)
    assert (asked.state, asked.payload, asked.created_by) == ("queued", None, admin_user)
    assert simulation_runs.latest(experiment) is None
    tasks.simulate(asked.pk)
    done = simulation_runs.latest(experiment)
    assert done == asked
    assert (done.state, done.progress, done.error) == ("done", 1.0, "")
    assert done.payload["num_runs"] == 20
    assert done.payload["bandit"] is None
    assert done.seconds > 0
    assert Options(**{**done.options, "parts": tuple(done.options["parts"])}) == OPTIONS


def test_a_run_here_and_now_is_stored_the_same_way(experiment):
    seen = []
    run = simulation_runs.simulate_and_store(plan_of(experiment), OPTIONS, progress=seen.append)
    asked = simulation_runs.ask_for(experiment, OPTIONS)
    simulation_runs.run(asked.pk)
    asked.refresh_from_db()
    assert asked.payload == SimulationRun.objects.get(pk=run.pk).payload
    assert seen[-1] == 1.0


def test_a_run_of_a_metric_belongs_to_the_metric():
    plan = plan_for(make_metric(), planned_num_units=400)
    run = simulation_runs.simulate_and_store(plan, OPTIONS)
    assert (run.experiment, run.metric) == (None, make_metric())


def test_what_fails_is_written_down(experiment, monkeypatch, caplog):
    asked = simulation_runs.ask_for(experiment, OPTIONS)
    monkeypatch.setattr(simulation_runs, "simulate", lambda *a, **k: 1 / 0)
    simulation_runs.run(asked.pk)
    asked.refresh_from_db()
    assert (asked.state, asked.error, asked.payload) == ("failed", "division by zero", None)
    assert f"Simulation {asked.pk} failed" in caplog.text
    assert simulation_runs.latest(experiment) is None
    assert simulation_runs.current(experiment) == asked


def test_an_experiment_that_is_no_longer_ready_fails_without_a_traceback(experiment, caplog):
    asked = simulation_runs.ask_for(experiment, OPTIONS)
    Variant.objects.filter(experiment=experiment).update(is_control=False)
    simulation_runs.run(asked.pk)
    asked.refresh_from_db()
    assert "needed: a control" in asked.error
    assert caplog.text == ""


def test_a_run_is_done_once(experiment, monkeypatch):
    asked = simulation_runs.ask_for(experiment, OPTIONS)
    simulation_runs.run(asked.pk)
    monkeypatch.setattr(simulation_runs, "simulate", lambda *a, **k: pytest.fail("done twice"))
    simulation_runs.run(asked.pk)
    simulation_runs.run(asked.pk + 1)  # gone


def test_a_run_that_another_worker_works_on_is_left_alone_and_a_lost_one_is_taken_up(experiment):
    asked = simulation_runs.ask_for(experiment, OPTIONS)
    rows = SimulationRun.objects.filter(pk=asked.pk)
    rows.update(state="running", updated_at=timezone.now())
    simulation_runs.run(asked.pk)
    assert rows.get().state == "running"
    rows.update(updated_at=timezone.now() - dt.timedelta(minutes=5))
    assert simulation_runs.is_silent(rows.get(), now=timezone.now())
    simulation_runs.run(asked.pk)
    assert rows.get().state == "done"
    assert not simulation_runs.is_silent(rows.get(), now=timezone.now() + dt.timedelta(days=1))


def test_progress_is_written_down(experiment, monkeypatch):
    monkeypatch.setattr(simulation_runs, "BEAT_SECONDS", 0.0)
    seen = []

    def simulate(plan, options, *, now, progress):
        for share in (0.25, 0.5):
            progress(share)
            seen.append(simulation_runs.current(experiment).progress)
        raise SimulationError("enough")

    monkeypatch.setattr(simulation_runs, "simulate", simulate)
    simulation_runs.run(simulation_runs.ask_for(experiment, OPTIONS).pk)
    assert seen == [0.25, 0.5]
    assert simulation_runs.current(experiment).error == "enough"


def test_a_worker_gives_up_in_the_end(experiment, monkeypatch):
    monkeypatch.setattr(simulation_runs, "MAX_SECONDS", 0.0)
    simulation_runs.run(simulation_runs.ask_for(experiment, OPTIONS).pk)
    assert "took more than 0 seconds" in simulation_runs.current(experiment).error


def test_an_experiment_that_is_not_ready_is_not_queued():
    with pytest.raises(SimulationError, match="no goal"):
        simulation_runs.ask_for(make_experiment("aimless", metrics=()), OPTIONS)
    with pytest.raises(SimulationError, match="imported"):
        simulation_runs.ask_for(make_experiment(source="imported"), OPTIONS)
    assert not SimulationRun.objects.exists()


def test_giving_up_changes_only_what_waits(experiment):
    asked = simulation_runs.ask_for(experiment, OPTIONS)
    simulation_runs.give_up(asked.pk, error="no queue")
    assert simulation_runs.current(experiment).error == "no queue"
    simulation_runs.run(asked.pk)
    assert simulation_runs.current(experiment).state == "failed"


def test_the_newest_runs_come_first_whatever_became_of_them(experiment, admin_user):
    asked = [simulation_runs.ask_for(experiment, OPTIONS, actor_id=admin_user.pk) for _ in range(3)]
    simulation_runs.give_up(asked[1].pk, error="no queue")
    simulation_runs.ask_for(make_experiment("other"), OPTIONS)
    found = simulation_runs.recent(experiment)
    assert [row.run.pk for row in found] == [run.pk for run in reversed(asked)]
    assert [row.run.state for row in found] == ["queued", "failed", "queued"]
    assert found[0].run.created_by == admin_user
    assert (found[0].rule, found[0].smallest_lifts, found[0].lacks_part) == (None, (), False)
    assert simulation_runs.recent(experiment, limit=1) == found[:1]


def test_the_list_reads_few_keys_of_a_payload_and_not_the_whole(
    experiment, django_assert_num_queries
):
    run = simulation_runs.simulate_and_store(plan_of(experiment), OPTIONS)
    with django_assert_num_queries(1) as queries:
        (found,) = simulation_runs.recent(experiment)
    assert found.run.get_deferred_fields() == {"payload"}
    # Named in functions and operators only.
    whole = r'(SELECT|,) "abtesting_simulationrun"\."payload"'
    assert not re.search(whole, queries.captured_queries[0]["sql"])
    assert found.rule == run.payload["aa"]["rule"]
    assert found.alpha == 0.05
    assert found.smallest_lifts == (run.payload["power"]["curves"][0]["smallest_lift"],)
    assert not found.lacks_part


def test_the_list_reads_payloads_of_every_schema_and_lifts_that_were_not_found(experiment):
    run = simulation_runs.simulate_and_store(plan_of(experiment), OPTIONS)

    def recent(**power):
        SimulationRun.objects.filter(pk=run.pk).update(payload=run.payload | {"power": power})
        return simulation_runs.recent(experiment)[0]

    assert recent(variant="b", points=[], smallest_lift=0.2).smallest_lifts == (0.2,)
    assert recent(variant="b", points=[], smallest_lift=None).smallest_lifts == ()
    curves = [{"smallest_lift": lift} for lift in (0.2, None, 1.0)]
    assert recent(curves=curves).smallest_lifts == (0.2, 1.0)
    missing = recent(reason={"code": "no_variation", "detail": "flat"})
    assert (missing.smallest_lifts, missing.lacks_part) == ((), True)


def test_a_plan_that_is_too_small_to_start_is_not_queued():
    small = make_experiment("small", planned_num_units=265, state="draft")
    with pytest.raises(PlanTooSmallError, match="planned sample is 265; allowed: 266 and above"):
        simulation_runs.ask_for(small, OPTIONS)
    assert not SimulationRun.objects.exists()
