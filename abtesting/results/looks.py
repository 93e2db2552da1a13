"""Looks: at how many units the goals of a planned test are read, and what was read then.

A test that is read once has one look, at the first refresh with the planned sample.

Look k of K comes at the first refresh with k / K of the planned sample; it uses the units that are
there then, so nothing is lost when a refresh comes late or misses some. Between two looks the goals
are not read. Who stops a test may read the goals once more: the error that is spent by then covers
it, however early it is.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence

from abtesting.metrics.moments import ExperimentMoments, MomentsAt
from abtesting.models import Experiment, Look
from abtesting.results.decision import has_enough, is_over
from abtesting.results.report import LookTaken


def stored_looks(experiment: Experiment) -> tuple[tuple[LookTaken, ...], tuple[MomentsAt, ...]]:
    """The looks that were taken so far, in order, and what each has read.

    Of a test without an end there are none.
    """
    planned = experiment.planned_num_units
    if not experiment.has_end or planned is None:
        return (), ()
    stored = list(Look.objects.filter(experiment=experiment))
    taken = tuple(
        LookTaken(
            number=look.number,
            num_units=look.num_units,
            information=min(1.0, look.num_units / planned),
            taken_at=look.taken_at,
            correlations=look.correlations,
        )
        for look in stored
    )
    return taken, tuple(MomentsAt.from_dict(look.moments) for look in stored)


def look_due(
    experiment: Experiment,
    taken: Sequence[LookTaken],
    moments: ExperimentMoments,
    *,
    until: dt.datetime,
) -> LookTaken | None:
    """The look to take now, or None.

    Args:
        moments: What is counted, of the planned units at most.
        until: Up to when it is counted.
    """
    num_units = moments.final.num_units
    planned, total = experiment.planned_num_units, sum(num_units.values())
    last, last_units = (taken[-1].number, taken[-1].num_units) if taken else (0, 0)
    if planned is None or total <= last_units or not has_enough(experiment, num_units):
        return None
    is_once = experiment.rule == "fixed_horizon"
    number = total * (1 if is_once else experiment.planned_num_looks) // planned
    if number <= last:
        if is_once or not is_over(experiment):
            return None
        number = last + 1  # the stop takes the next look early
    return LookTaken(
        number=number,
        num_units=total,
        information=min(1.0, total / planned),
        taken_at=until,
        correlations=moments.correlations,
    )


def next_look_at(
    experiment: Experiment, taken: Sequence[LookTaken], num_units: int, *, minimum: int
) -> int | None:
    """Units at which the next look comes; None after the last one.

    Args:
        num_units: Counted units so far.
        minimum: Units below which no look is taken; see `first_units`.
    """
    planned, num_looks = experiment.planned_num_units, experiment.planned_num_looks
    if planned is None:
        return None
    last = taken[-1].number if taken else 0
    number = max(last, num_units * num_looks // planned if num_units >= minimum else 0) + 1
    number = max(number, math.ceil(minimum * num_looks / planned))
    return math.ceil(number * planned / num_looks) if number <= num_looks else None


def first_units(weights: Sequence[float], minimum: int) -> int:
    """About how many units all variants have together when each has the minimum.

    >>> first_units([3, 1], 100)
    400
    """
    smallest = min(weights)
    return math.ceil(minimum * math.fsum(weights) / smallest) if smallest > 0 else minimum
