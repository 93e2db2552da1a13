"""Celery tasks: one-liners over functions that a command or a test can call as well."""

from __future__ import annotations

from celery import shared_task
from django.contrib.auth import get_user_model

from abtesting.models import Experiment
from abtesting.results import simulation_runs, snapshots


@shared_task(acks_late=True, ignore_result=True, name="abtesting.refresh_experiment")
def refresh_experiment(experiment_id: int, actor_id: int | None = None) -> None:
    """Compute the results of one experiment; nothing when it is gone.

    Args:
        experiment_id: Of the experiment.
        actor_id: Of the user who asked for it.
    """
    experiment = Experiment.objects.filter(pk=experiment_id).first()
    if experiment is not None:
        users = get_user_model()._default_manager
        actor = None if actor_id is None else users.filter(pk=actor_id).first()
        snapshots.refresh(experiment, actor=actor)


@shared_task(acks_late=True, ignore_result=True, name="abtesting.refresh_all")
def refresh_all() -> None:
    """Compute the results of every running experiment; put it on the beat schedule."""
    for _experiment, _error in snapshots.refresh_all():
        pass


@shared_task(acks_late=True, ignore_result=True, name="abtesting.simulate")
def simulate(run_id: int) -> None:
    """Do a simulation that was asked for; nothing when it is gone or has been done."""
    simulation_runs.run(run_id)
