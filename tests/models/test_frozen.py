"""What a started experiment counts by stays as it was, whichever door is tried."""

from __future__ import annotations

import datetime as dt

import pytest

from abtesting import lifecycle
from abtesting.exceptions import FrozenFieldError
from abtesting.models import Experiment, ExperimentMetric, Metric, Variant
from tests.builders import START, make_experiment, make_metric

pytestmark = pytest.mark.django_db

STARTED = ("running", "paused", "stopped", "decided")
CHANGES = {
    "key": "other",
    "hypothesis": "It was like this all along.",
    "unit": "user",
    "source": "imported",
    "allocation": 0.5,
    "seed": "other",
    "planned_num_units": 10,
    "decision_rule": "bayesian",
    "planned_num_looks": 5,
}
VARIANT_CHANGES = {
    "key": "other",
    "is_control": False,
    "weight": 2.0,
    "payload": {"headline": "New"},
    "position": 9,
}
METRIC_CHANGES = {"role": "secondary", "minimum_lift": 0.2}


def test_the_tests_below_try_every_frozen_field():
    assert set(CHANGES) == set(Experiment.frozen_fields)
    assert {*VARIANT_CHANGES, "experiment_id"} == set(Variant.frozen_fields)
    assert {*METRIC_CHANGES, "experiment_id", "metric_id", "margin"} == set(
        ExperimentMetric.frozen_fields
    )


@pytest.mark.parametrize("state", STARTED)
@pytest.mark.parametrize("name", CHANGES)
def test_a_started_experiment_keeps_what_it_is_counted_by(state, name):
    experiment = make_experiment(state=state)
    before = getattr(experiment, name)
    setattr(experiment, name, CHANGES[name])
    with pytest.raises(FrozenFieldError) as error:
        experiment.save()
    assert name in str(error.value)
    assert state in str(error.value)
    experiment.refresh_from_db()
    assert getattr(experiment, name) == before


@pytest.mark.parametrize("name", CHANGES)
def test_a_draft_can_be_changed(name):
    experiment = make_experiment(state="draft")
    setattr(experiment, name, CHANGES[name])
    experiment.save()
    experiment.refresh_from_db()
    assert getattr(experiment, name) == CHANGES[name]


@pytest.mark.parametrize("state", STARTED)
def test_a_name_can_be_changed_at_any_time(state):
    experiment = make_experiment(state=state)
    experiment.name = "A better name"
    experiment.save()
    experiment.refresh_from_db()
    assert experiment.name == "A better name"


def test_saving_single_fields_obeys_the_same_rule():
    experiment = make_experiment()
    experiment.allocation = 0.1
    with pytest.raises(FrozenFieldError):
        experiment.save(update_fields=["allocation"])


def test_a_frozen_field_that_is_not_saved_does_not_stand_in_the_way():
    experiment = make_experiment()
    experiment.allocation, experiment.name = 0.1, "New name"
    experiment.save(update_fields=["name"])
    experiment.refresh_from_db()
    assert (experiment.allocation, experiment.name) == (1.0, "New name")


@pytest.mark.parametrize("name", VARIANT_CHANGES)
def test_a_variant_of_a_started_experiment_cannot_change(name):
    experiment = make_experiment()
    variant = experiment.variants.get(key="control")
    setattr(variant, name, VARIANT_CHANGES[name])
    with pytest.raises(FrozenFieldError, match=name):
        variant.save()


def test_a_variant_of_a_started_experiment_can_be_renamed():
    variant = make_experiment().variants.get(key="b")
    variant.name = "Benefit first"
    variant.save()
    variant.refresh_from_db()
    assert variant.name == "Benefit first"


@pytest.mark.parametrize("name", METRIC_CHANGES)
def test_the_role_of_a_metric_in_a_started_experiment_cannot_change(name):
    row = make_experiment().experiment_metrics.get()
    setattr(row, name, METRIC_CHANGES[name])
    with pytest.raises(FrozenFieldError, match=name):
        row.save()


def test_a_margin_cannot_be_widened_once_the_guardrail_is_known():
    guardrail = (make_metric("returns"), {"role": "guardrail", "margin": 0.02})
    row = make_experiment(metrics=["conversion", guardrail]).experiment_metrics.get(margin=0.02)
    row.margin = 0.5
    with pytest.raises(FrozenFieldError, match="margin"):
        row.save()


def test_nothing_joins_a_started_experiment():
    experiment = make_experiment()
    with pytest.raises(FrozenFieldError, match="cannot be added"):
        Variant.objects.create(experiment=experiment, key="c")
    with pytest.raises(FrozenFieldError, match="cannot be added"):
        ExperimentMetric.objects.create(experiment=experiment, metric=make_metric("clicks"))


def test_nothing_leaves_a_started_experiment():
    experiment = make_experiment()
    for part in (experiment.variants.get(key="b"), experiment.experiment_metrics.get()):
        with pytest.raises(FrozenFieldError, match="cannot be deleted"):
            part.delete()


@pytest.mark.parametrize("state", STARTED)
def test_an_experiment_that_ran_cannot_be_deleted(state):
    experiment = make_experiment(state=state)
    with pytest.raises(FrozenFieldError, match=state):
        experiment.delete()
    assert Experiment.objects.filter(pk=experiment.pk).exists()


def test_a_part_of_a_draft_can_be_added_changed_and_deleted():
    experiment = make_experiment(state="draft")
    variant = Variant.objects.create(experiment=experiment, key="c")
    variant.weight = 3.0
    variant.save()
    variant.delete()
    assert experiment.variants.count() == 2


def test_a_variant_cannot_be_moved_into_a_started_experiment():
    running, draft = make_experiment("running"), make_experiment("draft", state="draft")
    variant = Variant.objects.create(experiment=draft, key="c")
    variant.experiment = running
    with pytest.raises(FrozenFieldError, match="cannot be added"):
        variant.save()
    assert running.variants.count() == 2


def test_a_variant_cannot_be_moved_out_of_a_started_experiment():
    running, draft = make_experiment("running"), make_experiment("draft", state="draft")
    variant = running.variants.get(key="b")
    variant.experiment, variant.key = draft, "c"
    with pytest.raises(FrozenFieldError, match="experiment_id"):
        variant.save()


def test_a_copy_from_before_the_start_opens_no_door():
    before_start = make_experiment(state="draft")
    variant = before_start.variants.get(key="b")
    lifecycle.start(Experiment.objects.get(pk=before_start.pk), now=START)
    with pytest.raises(FrozenFieldError):
        Variant.objects.create(experiment=before_start, key="c")
    with pytest.raises(FrozenFieldError):
        variant.delete()
    with pytest.raises(FrozenFieldError):
        before_start.delete()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("state", "draft"),
        ("started_at", None),
        ("ended_at", START + dt.timedelta(days=1)),
        ("alpha", 0.2),
        ("minimum_units", 2),
        ("tuned_num_units", 500),
        ("prior_lift_sd", 1.0),
    ],
)
def test_the_lifecycle_alone_writes_where_an_experiment_stands(name, value):
    experiment = make_experiment()
    setattr(experiment, name, value)
    with pytest.raises(FrozenFieldError, match=f"{name} .*lifecycle"):
        experiment.save()


@pytest.mark.parametrize("name", ["alpha", "minimum_units", "tuned_num_units", "prior_lift_sd"])
def test_how_strictly_a_started_experiment_is_judged_cannot_change(name):
    experiment = make_experiment(state="draft")
    lifecycle.start(experiment, now=START)
    setattr(experiment, name, 2 * getattr(experiment, name))
    with pytest.raises(FrozenFieldError, match=f"{name} .*lifecycle"):
        experiment.save()


def test_an_old_copy_cannot_undo_a_stop():
    old_copy = make_experiment()
    lifecycle.stop(Experiment.objects.get(pk=old_copy.pk), now=START + dt.timedelta(days=1))
    old_copy.name = "New name"
    with pytest.raises(FrozenFieldError, match="state"):
        old_copy.save()
    assert Experiment.objects.get(pk=old_copy.pk).state == "stopped"


METRIC_DEFINITION = {
    "key": "other",
    "kind": "mean",
    "event": "click",
    "aggregation": "sum",
    "window_hours": 24,
    "direction": "decrease",
}


@pytest.mark.parametrize("name", METRIC_DEFINITION)
def test_a_metric_that_a_started_experiment_counts_by_keeps_its_definition(name):
    make_experiment(metrics=["conversion"])
    metric = Metric.objects.get(key="conversion")
    setattr(metric, name, METRIC_DEFINITION[name])
    with pytest.raises(FrozenFieldError, match=f"{name} of metric"):
        metric.save()


def test_a_metric_of_drafts_can_be_redefined():
    make_experiment(metrics=["conversion"], state="draft")
    metric = Metric.objects.get(key="conversion")
    metric.event = "order"
    metric.save()
    metric.refresh_from_db()
    assert metric.event == "order"


def test_a_metric_in_use_can_be_renamed():
    make_experiment(metrics=["conversion"])
    metric = Metric.objects.get(key="conversion")
    metric.name = metric.description = "Share of visitors who buy"
    metric.full_clean()
    metric.save()
    metric.refresh_from_db()
    assert metric.name == "Share of visitors who buy"
