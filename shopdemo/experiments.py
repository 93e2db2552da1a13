"""How this shop is wired to `abtesting`: which events it records, and the tests it runs.

Read this to see what a shop has to do. The variants themselves are in the templates:
`product.html` (a block per variant) and `home.html` (a headline from the variant's payload).
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction
from django.dispatch import receiver
from django.utils import timezone

from abtesting import lifecycle
from abtesting.models import Experiment, ExperimentMetric, Metric, Variant
from shopdemo.signals import added_to_basket, order_placed

# Events. `{% track %}` in the templates records views and impressions, the tracker script clicks.


@receiver(order_placed)
def record_purchase(sender: Any, order: Any, request: Any, **kwargs: Any) -> None:
    """In the order's own transaction: an order that is rolled back leaves no event."""
    request.abtesting.track("purchase", value=order.total, key=f"order-{order.pk}")


@receiver(added_to_basket)
def record_basket_add(sender: Any, product: Any, quantity: int, request: Any, **kw: Any) -> None:
    """With the quantity, in the transaction that changes the basket."""
    request.abtesting.track("basket_add", value=quantity, properties={"sku": product.sku})


# Metrics

METRICS: dict[str, dict[str, Any]] = {
    "purchase-conversion": {
        "name": "Purchase conversion",
        "description": "Share of visitors with at least one order.",
        "kind": "proportion",
        "event": "purchase",
        "format": "percent",
    },
    "basket-conversion": {
        "name": "Basket conversion",
        "description": "Share of visitors who put something into the basket.",
        "kind": "proportion",
        "event": "basket_add",
        "format": "percent",
    },
    "revenue-per-visitor": {
        "name": "Revenue per visitor",
        "description": "Sum of a visitor's orders; most visitors have none.",
        "kind": "mean",
        "event": "purchase",
        "aggregation": "sum",
        "format": "money",
        "unit_label": "€",
    },
    "average-order-value": {
        "name": "Average order value",
        "description": "Revenue divided by orders.",
        "kind": "ratio",
        "event": "purchase",
        "aggregation": "sum",
        "denominator_event": "purchase",
        "format": "money",
        "unit_label": "€",
    },
    "card-click-through": {
        "name": "Click-through of product cards",
        "description": "Clicks on product cards divided by cards shown.",
        "kind": "ratio",
        "event": "card_click",
        "denominator_event": "card_impression",
        "denominator_aggregation": "sum",
        "format": "percent",
    },
}

# Tests

EXPERIMENTS: dict[str, dict[str, Any]] = {
    "product-promise": {
        "name": "A promise beside the buy button",
        "hypothesis": (
            "Shoppers ask customer service about returns before they buy. Saying beside the "
            "button that they may send things back for thirty days takes that doubt away, so "
            "more of them will order."
        ),
        "planned_num_units": 2000,
        # Read at up to 20 looks on the way, and over as soon as one of them shows a difference.
        "decision_rule": "group_sequential",
        "planned_num_looks": 20,
        "variants": [("control", "No promise", {}), ("promise", "Thirty-day promise", {})],
        "metrics": [
            ("purchase-conversion", {"role": "goal", "minimum_lift": 0.1}),
            ("average-order-value", {"role": "guardrail", "margin": 0.15}),
            ("revenue-per-visitor", {"role": "secondary"}),
            ("basket-conversion", {"role": "secondary"}),
        ],
    },
    "home-headline": {
        "name": "Headline of the home page",
        "hypothesis": (
            "A headline that names a moment of the day instead of rooms makes the shop window "
            "more inviting, so that more product cards are opened."
        ),
        "planned_num_units": 20_000,
        # Its page leads with the chance to win, and may be read on any day.
        "decision_rule": "bayesian",
        "variants": [
            ("control", "Rooms", {}),
            ("morning", "A moment", {"headline": "Small things for slow mornings"}),
        ],
        "metrics": [
            ("card-click-through", {"role": "goal", "minimum_lift": 0.05}),
            ("purchase-conversion", {"role": "secondary"}),
        ],
    },
}


def create_experiments(*, started_at: dt.datetime | None = None) -> list[Experiment]:
    """Create and start the tests that are not there yet; those that are stay as they are.

    Returns:
        The tests that were created.
    """
    metrics = {
        key: Metric.objects.get_or_create(key=key, defaults=fields)[0]
        for key, fields in METRICS.items()
    }
    created = []
    for key, plan in EXPERIMENTS.items():
        with transaction.atomic():
            experiment, is_new = Experiment.objects.get_or_create(
                key=key,
                defaults={
                    name: value
                    for name, value in plan.items()
                    if name not in ("variants", "metrics")
                },
            )
            if not is_new:
                continue
            for position, (variant, name, payload) in enumerate(plan["variants"]):
                Variant.objects.create(
                    experiment=experiment,
                    key=variant,
                    name=name,
                    payload=payload,
                    is_control=variant == "control",
                    position=position,
                )
            for position, (metric, options) in enumerate(plan["metrics"]):
                ExperimentMetric.objects.create(
                    experiment=experiment, metric=metrics[metric], position=position, **options
                )
            lifecycle.start(experiment, now=started_at or timezone.now())
            created.append(experiment)
    return created
