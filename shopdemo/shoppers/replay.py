"""The replay: shoppers one after the other, each in one transaction, so that it can be resumed.

A shopper who was interrupted left nothing; one who is done has events under their id and is left
out the next time. The same seed gives the same shoppers, decisions and times.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction
from django.test.client import ClientHandler

from abtesting.models import Event
from abtesting.results import snapshots
from shopdemo.catalogue.loader import read_catalogue
from shopdemo.models import Product
from shopdemo.shoppers.behaviour import Behaviour
from shopdemo.shoppers.clock import Clock, running
from shopdemo.shoppers.journey import Journey

RESTOCK_BELOW = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A shopper to come."""

    number: int
    visitor_id: str
    at: dt.datetime


def visitor_id(seed: int, number: int) -> str:
    """The id of a replayed shopper."""
    return hashlib.blake2b(f"{seed}:{number}".encode(), digest_size=8).hexdigest()


def _random(purpose: str, seed: int, number: int) -> random.Random:
    return random.Random(f"{purpose}:{seed}:{number}")  # noqa: S311 (no secret is made of it)


def arrivals(*, num_visitors: int, start: dt.datetime, num_days: int, seed: int) -> list[Arrival]:
    """Who comes when, in time order: more in the evening than at night."""
    found = []
    for number in range(num_visitors):
        rng = _random("arrival", seed, number)
        day = rng.randrange(num_days)
        hour = min(23.9, max(0.0, rng.gauss(16, 4.5)))
        at = start + dt.timedelta(days=day, hours=hour)
        found.append(Arrival(number=number, visitor_id=visitor_id(seed, number), at=at))
    return sorted(found, key=lambda arrival: (arrival.at, arrival.number))


def replay(expected: list[Arrival], *, seed: int, how: Behaviour | None = None) -> Iterator[bool]:
    """Send shoppers through the shop.

    Yields:
        For each shopper whether they came now (not in an earlier run).

    Raises:
        JourneyError: A page of the shop did not answer as expected.
    """
    how = how or Behaviour()
    done = set(Event.objects.values_list("visitor", flat=True).distinct())
    handler = ClientHandler(enforce_csrf_checks=False)
    day = None
    for arrival in expected:
        if arrival.visitor_id in done:
            day = arrival.at.date()
            yield False
            continue
        clock = Clock(arrival.at)
        is_new_day = arrival.at.date() != day
        if is_new_day:
            day = arrival.at.date()
            _read_results(arrival.at)
        with running(clock), transaction.atomic():
            if is_new_day:
                _restock()
            Journey(
                handler,
                visitor_id=arrival.visitor_id,
                number=arrival.number,
                rng=_random("journey", seed, arrival.number),
                clock=clock,
                how=how,
            ).walk()
        yield True


def _read_results(now: dt.datetime) -> None:
    """A new day: the scheduled task computes the results, and so takes the looks that are due."""
    for _experiment, error in snapshots.refresh_all(now=now):
        if error is not None:
            raise error


def _restock() -> None:
    """A new day: what ran low is filled up to what the catalogue says."""
    usual = {product.sku: product.stock for product in read_catalogue().products}
    low = list(Product.objects.filter(stock__lt=RESTOCK_BELOW))
    for product in low:
        product.stock = max(product.stock, usual.get(product.sku, 0))
    Product.objects.bulk_update(low, ["stock"])
