"""Snapshots: an analysis, stored. Pages, exports and API answers render one and compute nothing."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Iterator

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from abtesting.models import Experiment, ResultSnapshot
from abtesting.results.analysis import analyse

logger = logging.getLogger("abtesting.results")


def refresh(
    experiment: Experiment,
    *,
    now: dt.datetime | None = None,
    actor: AbstractBaseUser | None = None,
) -> ResultSnapshot:
    """Analyse the experiment up to `now` and store the result."""
    now = now or timezone.now()
    return ResultSnapshot.objects.create(
        experiment=experiment,
        payload=analyse(experiment, now=now).as_payload(),
        created_at=now,
        created_by_id=actor.pk if actor else None,
    )


def latest(experiment: Experiment) -> ResultSnapshot | None:
    """The newest snapshot, or None."""
    return ResultSnapshot.objects.filter(experiment=experiment).first()


def refresh_all(
    experiments: Iterable[Experiment] | None = None, *, now: dt.datetime | None = None
) -> Iterator[tuple[Experiment, Exception | None]]:
    """Refresh every running or paused experiment, or those given; one that fails stops no other.

    Yields:
        Each experiment and the error it failed with, or None.
    """
    if experiments is None:
        counting = (Experiment.State.RUNNING, Experiment.State.PAUSED)
        experiments = Experiment.objects.filter(state__in=counting).order_by("pk")
    for experiment in experiments:
        try:
            refresh(experiment, now=now)
        except Exception as error:
            logger.exception("Results of experiment %s could not be computed", experiment.key)
            yield experiment, error
        else:
            yield experiment, None
