"""Health: what outranks the numbers. Traffic split, sample, freshness; and the launch checklist."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from abtesting.conf import settings
from abtesting.metrics.moments import ExperimentMoments
from abtesting.models import Experiment, ExperimentMetric
from abtesting.results.report import FreshnessHealth, SampleHealth, SrmHealth
from abtesting.statistics.health.sequential_srm import SequentialSrm, SrmLook, sequential_srm_test
from abtesting.statistics.health.srm import SrmResult, srm_test
from abtesting.statistics.planning.smallest_plan import smallest_plan
from abtesting.statistics.types import NotEnoughData

STALE_AFTER = dt.timedelta(hours=24)


def srm_health(
    observed: Sequence[int],
    weights: Sequence[float],
    *,
    keys: Sequence[str] = (),
    days: Sequence[Sequence[int]] = (),
) -> SrmHealth:
    """Whether units are split as planned. "bad" invalidates the results.

    While a test runs its split is looked at every day, and the chi-square test, which is for one
    look, would raise a false alarm about nine times as often as it says. Then the split is judged
    by the evidence of all days together, which may be looked at at any time.

    Args:
        observed: Counted units of each variant.
        weights: Planned weight of each variant.
        keys: Key of each variant, to name the one that is off.
        days: New units of each variant day by day, while the test runs; empty at its end.
    """
    alpha: float = settings.SRM_ALPHA
    result = srm_test(observed, weights, alpha=alpha)
    if isinstance(result, NotEnoughData):
        return SrmHealth(status="unknown", reason=result.code)
    p_value, method = result.p_value, "chi_square"
    if days:
        looks = [SrmLook(counts=counts, weights=weights) for counts in days]
        sequential = sequential_srm_test(looks, alpha=alpha)
        if isinstance(sequential, SequentialSrm):
            p_value, method = sequential.p_value, "sequential"
    is_bad = p_value < alpha or result.leaked_units > 0
    return SrmHealth(
        status="bad" if is_bad else "ok",
        p_value=p_value,
        leaked_units=result.leaked_units,
        method=method,
        variant=_off_variant(result, keys) if is_bad else None,
    )


def _off_variant(result: SrmResult, keys: Sequence[str]) -> str | None:
    """The variant whose share is furthest from the plan; of two, the one that lacks units."""
    arms = [
        (arm.p_value, arm.excess, key)
        for arm, key in zip(result.arms, keys, strict=False)
        if arm is not None
    ]
    return min(arms)[2] if arms else None


def sample_health(experiment: Experiment, num_units: int, *, until: dt.datetime) -> SampleHealth:
    """How much of the planned sample is there, and about how many days are left."""
    planned = experiment.planned_num_units
    progress = num_units / planned if planned else None
    days_left = None
    running = experiment.state == Experiment.State.RUNNING
    if planned and running and num_units and experiment.started_at and num_units < planned:
        days = max((until - experiment.started_at) / dt.timedelta(days=1), 1 / 24)
        days_left = math.ceil((planned - num_units) / (num_units / days))
    return SampleHealth(
        status="ok" if num_units else "unknown",
        num_units=num_units,
        planned_num_units=planned,
        progress=progress,
        days_left=days_left,
    )


def freshness_health(
    experiment: Experiment, moments: ExperimentMoments, *, until: dt.datetime
) -> FreshnessHealth:
    """Whether data still arrives: a running test that nobody sees is worth a look."""
    newest = max(
        (time for time in (moments.last_exposure_at, moments.last_event_at) if time), default=None
    )
    status = "unknown" if newest is None else "ok"
    running = experiment.state == Experiment.State.RUNNING
    seen_at = moments.last_exposure_at or experiment.started_at
    if running and seen_at is not None and until - seen_at > STALE_AFTER:
        status = "warn"
    return FreshnessHealth(
        status=status,
        last_exposure_at=moments.last_exposure_at,
        last_event_at=moments.last_event_at,
        lag_seconds=None if newest is None else int((until - newest).total_seconds()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecklistItem:
    """One line of the list before launch; a required one that is not ok prevents the start."""

    label: Promise
    hint: Promise | str
    ok: bool
    required: bool = True


def launch_checklist(experiment: Experiment) -> list[ChecklistItem]:
    """What must, and what should, be there before an experiment starts."""
    variants = list(experiment.variants.all())
    roles = [row.role for row in experiment.experiment_metrics.all()]
    items = [
        ChecklistItem(
            label=_("At least two variants"),
            hint=_("Add the control and what you want to try against it."),
            ok=len(variants) >= 2,
        ),
        ChecklistItem(
            label=_("Exactly one control"),
            hint=_("Mark the variant that shoppers see today as the control."),
            ok=sum(variant.is_control for variant in variants) == 1,
        ),
        ChecklistItem(
            label=_("Every variant gets traffic"),
            hint=_("Give each variant a weight, and the test an allocation, above 0."),
            ok=bool(variants)
            and all(variant.weight > 0 for variant in variants)
            and experiment.allocation > 0,
        ),
        ChecklistItem(
            label=_("Payloads are JSON objects"),
            hint=_('Write payloads like {"headline": "…"}.'),
            ok=all(isinstance(variant.payload, dict) for variant in variants),
        ),
        ChecklistItem(
            label=_("A goal metric"),
            hint=_("Choose the metric that decides the test."),
            ok=ExperimentMetric.Role.GOAL in roles,
        ),
        ChecklistItem(
            label=_("A hypothesis"),
            hint=_("Say what you expect and why, before you know the answer."),
            ok=bool(experiment.hypothesis.strip()),
            required=False,
        ),
        ChecklistItem(
            label=_("A planned sample"),
            hint=_("Without one the test is read by the rule “Any day”, which needs more units."),
            ok=experiment.planned_num_units is not None,
            required=False,
        ),
    ]
    planned = experiment.planned_num_units
    if experiment.has_end and planned is not None:
        minimum = experiment.criteria.minimum_units
        smallest = smallest_plan([variant.weight for variant in variants], minimum)
        hint = _(
            "Each variant needs %(minimum)s units, the smallest one too: enter a planned sample of "
            "at least %(smallest)s."
        )
        items.append(
            ChecklistItem(
                label=_("A planned sample that can be read"),
                hint=hint % {"minimum": minimum, "smallest": smallest},
                ok=planned >= smallest,
            )
        )
    return items
