"""What tests are made of: experiments, metrics, exposures, events and requests, in one line each.

Rows are written through the models, so that their constraints hold here too. Times are fixed:
an experiment starts at `START`, is seen an hour later and bought from two hours later.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.http import HttpRequest
from django.test import RequestFactory

from abtesting.assignment import definitions
from abtesting.conf import settings
from abtesting.events.request import RequestExperiments
from abtesting.models import Event, Experiment, ExperimentMetric, Exposure, Metric, Variant

START = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"

_numbers = itertools.count(1)


def make_metric(
    key: str = "conversion", *, kind: str = "proportion", event: str = "purchase", **fields: Any
) -> Metric:
    """The metric with this key; made when there is none. A ratio divides by "product_view"."""
    if kind == "ratio":
        fields.setdefault("denominator_event", "product_view")
    defaults = {"name": key.replace("-", " ").capitalize(), "kind": kind, "event": event, **fields}
    return Metric.objects.get_or_create(key=key, defaults=defaults)[0]


def make_experiment(
    key: str = "test",
    *,
    variants: Sequence[str] = ("control", "b"),
    weights: Sequence[float] | None = None,
    payloads: Mapping[str, Any] | None = None,
    metrics: Sequence[str | Metric | tuple[str | Metric, Mapping[str, Any]]] = ("conversion",),
    state: str = "running",
    decided: str | None = None,
    **fields: Any,
) -> Experiment:
    """An experiment in any state, whose first variant is the control; definitions are reloaded.

    Args:
        weights: One a variant; all 1 when left out.
        payloads: Payload by variant key.
        metrics: Keys or metrics, each alone (a goal) or with the fields of its ExperimentMetric.
        decided: Key of the variant that was shipped.
        fields: Fields of the experiment. `started_at` is `START` unless it is a draft.
    """
    experiment = Experiment.objects.create(
        key=key, **{"name": key.replace("-", " ").capitalize(), **fields}
    )
    shares = weights or [1.0] * len(variants)
    for position, (variant, weight) in enumerate(zip(variants, shares, strict=True)):
        Variant.objects.create(
            experiment=experiment,
            key=variant,
            name=variant.capitalize(),
            is_control=position == 0,
            weight=weight,
            payload=(payloads or {}).get(variant, {}),
            position=position,
        )
    for position, item in enumerate(metrics):
        metric, options = item if isinstance(item, tuple) else (item, {})
        ExperimentMetric.objects.create(
            experiment=experiment,
            metric=make_metric(metric) if isinstance(metric, str) else metric,
            position=position,
            **options,
        )
    if state != "draft":
        # Not through the lifecycle: a test may want an experiment that would not be let through.
        changes: dict[str, Any] = {"state": state}
        changes["started_at"] = fields.get("started_at", START)
        if state in ("stopped", "decided"):
            changes["ended_at"] = fields.get("ended_at", START + dt.timedelta(days=14))
        if decided:
            changes["decided_variant"] = experiment.variants.get(key=decided)
        Experiment.objects.filter(pk=experiment.pk).update(**changes)
        experiment.refresh_from_db()
    definitions.reload()
    return experiment


def expose(
    experiment: Experiment,
    variant: str,
    unit: str,
    *,
    at: dt.datetime = START + dt.timedelta(hours=1),
    propensity: float | None = None,
) -> Exposure:
    """An exposure of `unit` to the variant with this key."""
    shown = experiment.variants.get(key=variant)
    if propensity is None:
        total = sum(experiment.variants.values_list("weight", flat=True))
        propensity = shown.weight / total
    return Exposure.objects.create(
        experiment=experiment, variant=shown, unit=unit, propensity=propensity, exposed_at=at
    )


def event(
    name: str = "purchase",
    *,
    visitor: str = "",
    user: str = "",
    at: dt.datetime = START + dt.timedelta(hours=2),
    value: object = None,
    key: str | None = None,
    received_at: dt.datetime | None = None,
    **properties: Any,
) -> Event:
    """An event; a key of its own unless one is given."""
    return Event.objects.create(
        name=name,
        visitor=visitor,
        user=user,
        value=None if value is None else Decimal(str(value)),
        idempotency_key=key or f"test:{next(_numbers)}",
        properties=properties,
        occurred_at=at,
        received_at=received_at or at,
    )


def make_request(
    path: str = "/",
    *,
    cookie: str | None = None,
    user: Any = None,
    user_agent: str = BROWSER,
    **environ: Any,
) -> HttpRequest:
    """A GET request with `request.abtesting`, as the middleware gives it to a view."""
    request = RequestFactory().get(path, HTTP_USER_AGENT=user_agent, **environ)
    if cookie is not None:
        request.COOKIES[settings.COOKIE_NAME] = cookie
    if user is not None:
        request.user = user
    request.abtesting = RequestExperiments(request)
    return request
