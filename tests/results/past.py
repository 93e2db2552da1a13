"""Past traffic in bulk: exposures day by day, and what the units did."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np

from abtesting.models import Event, Experiment, Exposure
from tests.builders import START

NOW = START + dt.timedelta(days=20)


def add_traffic(
    experiment: Experiment,
    num_units: int,
    *,
    rate: float = 0.2,
    num_days: int = 14,
    prefix: str = "u",
    seed: int = 1,
    field: str = "visitor",
) -> None:
    """Units spread evenly over days; some of them buy once or twice, a product view comes first."""
    rng = np.random.default_rng(seed)
    variants = list(experiment.variants.all())
    seconds = np.sort(rng.uniform(0, num_days * 86_400 - 7200, num_units))
    exposures, events = [], []
    for index in range(num_units):
        unit, at = f"{prefix}{index}", START + dt.timedelta(seconds=float(seconds[index]))
        exposures.append(
            Exposure(
                experiment=experiment,
                variant=variants[rng.integers(len(variants))],
                unit=unit,
                propensity=1 / len(variants),
                exposed_at=at,
            )
        )
        names = ["product_view"] * int(rng.integers(1, 4))
        names += ["purchase"] * int(rng.integers(1, 3)) * int(rng.random() < rate)
        events += [
            Event(
                name=name,
                **{field: unit},
                value=Decimal(str(round(float(rng.lognormal(3, 0.5)), 2))),
                idempotency_key=f"{prefix}{index}-{number}",
                occurred_at=at + dt.timedelta(minutes=5 + number),
                received_at=at,
            )
            for number, name in enumerate(names)
        ]
    Exposure.objects.bulk_create(exposures)
    Event.objects.bulk_create(events)
