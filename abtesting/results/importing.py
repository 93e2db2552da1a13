"""Import of finished tests: a CSV of units, or of counts → experiment, moments, snapshot.

The whole file is read and checked before anything is written, and all of it is written in one
transaction: a file with a bad row leaves nothing behind.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from abtesting.exceptions import ImportFileError
from abtesting.metrics.moments import UnitMoments
from abtesting.models import (
    AuditEntry,
    Experiment,
    ExperimentMetric,
    ImportedMoments,
    Metric,
    ResultSnapshot,
    Variant,
)
from abtesting.models.experiment import KEY_VALIDATOR
from abtesting.results import snapshots
from abtesting.results.import_file import (
    LARGEST_COUNT,
    Layout,
    MetricColumns,
    Progress,
    read_moments,
)
from abtesting.statistics.moments import Counts

LONGEST_NAME = 200
LONGEST_KEY = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """The experiment to make.

    Attributes:
        control: Name of the control in the variant column; None: the one called "control".
        weights: Planned weight by variant name; equal when empty.
        goals: Names of the metrics that decide; the first metric when empty.
        replace: Whether an imported experiment of the same key is replaced.
    """

    key: str
    name: str
    hypothesis: str = ""
    control: str | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    goals: tuple[str, ...] = ()
    started_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    replace: bool = False


def import_results(
    path: Path,
    *,
    layout: Layout,
    plan: ImportPlan,
    actor: AbstractBaseUser | None = None,
    now: dt.datetime | None = None,
    progress: Progress | None = None,
) -> ResultSnapshot:
    """Import a finished test and analyse it.

    Args:
        path: A CSV file with a header, UTF-8, optionally compressed (.gz).
        progress: Told how far reading has come.

    Raises:
        ImportFileError: The file, its columns, a row or the plan is not usable; `problems` lists
            rows by line number. Nothing was written.
    """
    moments = read_moments(path, layout, progress=progress)
    control = _control(moments, plan)
    _check_plan(moments, layout, plan)
    with transaction.atomic():
        experiment = _create(moments, layout, plan, control, now=now or timezone.now())
        AuditEntry.objects.create(
            experiment=experiment,
            actor_id=actor.pk if actor else None,
            action="import",
            after={"state": experiment.state, "file": path.name},
            created_at=now or timezone.now(),
        )
        return snapshots.refresh(experiment, now=now, actor=actor)


def _control(moments: Mapping[str, object], plan: ImportPlan) -> str:
    names = ", ".join(sorted(moments)) or "none"
    wanted = plan.control or "control"
    found = [name for name in moments if name.lower() == wanted.lower()]
    if len(found) != 1:
        raise ImportFileError(f"control is {wanted!r}; the file's variants are: {names}.")
    if len(moments) < 2:
        raise ImportFileError(f"The file has one variant only: {names}; allowed: 2 or more.")
    return found[0]


def _check_plan(
    moments: Mapping[str, Mapping[str, UnitMoments]], layout: Layout, plan: ImportPlan
) -> None:
    unknown = sorted(set(plan.weights) - set(moments))
    if unknown:
        raise ImportFileError(
            f"weight is given for {unknown[0]!r}; the file's variants are: "
            f"{', '.join(sorted(moments))}."
        )
    for name, weight in plan.weights.items():
        if not 0 < weight < math.inf:
            raise ImportFileError(f"weight of {name!r} is {weight!r}; allowed: more than 0")
    metrics = [metric.name for metric in layout.metrics]
    for text in (plan.name, *moments, *metrics):
        if not text.isprintable() or not 0 < len(text) <= LONGEST_NAME:
            raise ImportFileError(
                f"a name is {text[:60]!r}; allowed: 1 to {LONGEST_NAME} printable characters"
            )
    for goal in plan.goals:
        if goal not in metrics:
            raise ImportFileError(f"goal is {goal!r}; the metrics are: {', '.join(metrics)}.")
    if plan.started_at and plan.ended_at and plan.ended_at < plan.started_at:
        raise ImportFileError(
            f"the end is {plan.ended_at:%Y-%m-%d}; allowed: not before the start, "
            f"{plan.started_at:%Y-%m-%d}"
        )
    num_units = sum(_num_units(found[metrics[0]]) for found in moments.values())
    if num_units > LARGEST_COUNT:
        raise ImportFileError(f"there are {num_units} units; allowed: at most {LARGEST_COUNT}")
    _check_key(plan)


def _check_key(plan: ImportPlan) -> None:
    if not re.match(KEY_VALIDATOR.regex, plan.key) or len(plan.key) > LONGEST_KEY:
        raise ImportFileError(
            f"key is {plan.key!r}; allowed: at most {LONGEST_KEY} lower-case letters and digits "
            f"with single hyphens between them, such as {_key(plan.key) or 'spring-mailing'!r}"
        )
    existing = Experiment.objects.filter(key=plan.key).first()
    if existing is not None and existing.source != Experiment.Source.IMPORTED:
        raise ImportFileError(f"{plan.key!r} is an experiment of this shop; choose another key.")
    if existing is not None and not plan.replace:
        raise ImportFileError(
            f"{plan.key!r} was imported already; choose another key, or ask to replace it."
        )


def _create(
    moments: Mapping[str, Mapping[str, UnitMoments]],
    layout: Layout,
    plan: ImportPlan,
    control: str,
    *,
    now: dt.datetime,
) -> Experiment:
    if plan.replace:
        _remove(plan.key)
    first_metric = layout.metrics[0].name
    experiment = Experiment.objects.create(
        key=plan.key,
        name=plan.name,
        hypothesis=plan.hypothesis,
        source=Experiment.Source.IMPORTED,
        started_at=plan.started_at,
        ended_at=plan.ended_at,
    )
    metrics = {
        metric.name: _metric(experiment, metric, position, plan.goals or (first_metric,))
        for position, metric in enumerate(layout.metrics)
    }
    for position, (name, key) in enumerate(_variant_keys(moments, control).items()):
        variant = Variant.objects.create(
            experiment=experiment,
            key=key,
            name=name,
            is_control=name == control,
            weight=plan.weights.get(name, 1.0),
            position=position,
        )
        ImportedMoments.objects.bulk_create(
            ImportedMoments(variant=variant, metric=metrics[metric], moments=_as_dict(found))
            for metric, found in moments[name].items()
        )
    Experiment.objects.filter(pk=experiment.pk).update(
        state=Experiment.State.STOPPED, updated_at=now, **asdict(experiment.criteria)
    )
    experiment.refresh_from_db()
    return experiment


def _remove(key: str) -> None:
    """Delete an earlier import, and its metrics: they are its own."""
    earlier = Experiment.objects.filter(key=key, source=Experiment.Source.IMPORTED)
    metrics = list(Metric.objects.filter(experiment_metrics__experiment__in=earlier))
    earlier.delete()
    Metric.objects.filter(
        pk__in=[metric.pk for metric in metrics], experiment_metrics=None, imported_moments=None
    ).delete()


def _metric(
    experiment: Experiment, metric: MetricColumns, position: int, goals: Sequence[str]
) -> Metric:
    # A metric of its own, under a key that is free: columns of a file are not events of this shop.
    key = _key(f"{experiment.key}-{metric.name.replace('/', '-per-')}")[:70].rstrip("-")
    taken = set(Metric.objects.filter(key__startswith=key).values_list("key", flat=True))
    row = Metric.objects.create(
        key=next(k for k in (key, *(f"{key}-{i}" for i in range(2, 1000))) if k not in taken),
        name=metric.name,
        kind=metric.kind,
        event=metric.columns[0][:80],
        denominator_event=metric.columns[1][:80] if metric.kind == "ratio" else "",
        format="percent" if metric.kind == "proportion" else "number",
    )
    ExperimentMetric.objects.create(
        experiment=experiment,
        metric=row,
        role="goal" if metric.name in goals else "secondary",
        position=position,
    )
    return row


def _variant_keys(names: Iterable[str], control: str) -> dict[str, str]:
    """Keys by name, the control first, the others in alphabetical order.

    A name without letters a-z or digits, or with those of another, gives variant-1, variant-2, …
    """
    names = sorted(names, key=lambda name: (name != control, name))
    numbered = [f"variant-{number}" for number in range(1, len(names) + 1)]
    keys: dict[str, str] = {}
    for name in names:
        free = (key for key in (_key(name), *numbered) if key and key not in keys.values())
        keys[name] = next(free)
    return keys


def _key(text: str) -> str:
    return re.sub(r"[-_]+", "-", slugify(text)).strip("-")[:LONGEST_KEY].rstrip("-")


def _num_units(moments: UnitMoments) -> int:
    return moments.num_units if isinstance(moments, Counts) else moments.n


def _as_dict(moments: UnitMoments) -> Mapping[str, object]:
    return asdict(moments) if isinstance(moments, Counts) else moments.as_dict()
