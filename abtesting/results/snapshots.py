"""Snapshots: an analysis, stored. Pages, exports and API answers render one and compute nothing."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Iterator

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from abtesting.models import Experiment, Look, ResultSnapshot
from abtesting.models.experiment import stored_state
from abtesting.results.analysis import Reading, read

logger = logging.getLogger("abtesting.results")


def refresh(
    experiment: Experiment,
    *,
    now: dt.datetime | None = None,
    actor: AbstractBaseUser | None = None,
) -> ResultSnapshot:
    """Analyse the experiment up to `now` and store the result, and the look if it was one.

    Of two refreshes at a time only one takes a look: the other, which had read the goals without
    knowing of it, reads them again.
    """
    now = now or timezone.now()
    while True:
        reading = read(experiment, now=now)
        with transaction.atomic():
            if _store_look(experiment, reading):
                return ResultSnapshot.objects.create(
                    experiment=experiment,
                    payload=reading.report.as_payload(),
                    created_at=now,
                    created_by_id=actor.pk if actor else None,
                )


def _store_look(experiment: Experiment, reading: Reading) -> bool:
    """Store the look that an analysis has taken; False if it did not know all before it."""
    if not experiment.has_end:
        return True
    stored_state(experiment.pk)  # locks the experiment: looks are counted one after the other
    known = [look.number for look in reading.known]
    if list(experiment.looks.values_list("number", flat=True)) != known:
        return False
    if reading.new is not None and reading.read is not None:
        Look.objects.create(
            experiment=experiment,
            number=reading.new.number,
            num_units=reading.new.num_units,
            taken_at=reading.new.taken_at,
            moments=reading.read.as_dict(),
            correlations=dict(reading.new.correlations),
        )
    return True


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
