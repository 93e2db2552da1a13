"""Simulation runs: append-only, of one experiment or one metric."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from abtesting.models import SimulationRun
from tests.builders import START, make_experiment, make_metric

pytestmark = pytest.mark.django_db


def make_run(**fields):
    return SimulationRun.objects.create(created_at=START, updated_at=START, **fields)


def test_a_run_cannot_be_changed_or_deleted():
    run = make_run(experiment=make_experiment())
    run.progress = 0.5
    with pytest.raises(TypeError, match="cannot be changed"):
        run.save()
    with pytest.raises(TypeError, match="cannot be deleted"):
        run.delete()


def test_a_run_goes_with_its_draft():
    draft = make_experiment(state="draft")
    make_run(experiment=draft)
    draft.delete()
    assert not SimulationRun.objects.exists()


def test_a_run_is_of_an_experiment_or_of_a_metric():
    make_run(metric=make_metric())
    for fields in ({}, {"experiment": make_experiment(), "metric": make_metric()}):
        with pytest.raises(IntegrityError), transaction.atomic():
            make_run(**fields)


def test_what_is_done_has_a_payload():
    experiment = make_experiment()
    make_run(experiment=experiment, state="done", payload={})
    with pytest.raises(IntegrityError), transaction.atomic():
        make_run(experiment=experiment, state="done")


def test_newest_first():
    experiment = make_experiment()
    one, two = make_run(experiment=experiment), make_run(experiment=experiment)
    assert list(experiment.simulation_runs.all()) == [two, one]
    assert str(one) == f"{experiment.pk} 2026-03-02 09:00"
    assert not one.is_over
