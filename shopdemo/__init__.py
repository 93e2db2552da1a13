"""The demo shop: a small real store that shows how to wire `abtesting` into a Django project."""

from __future__ import annotations

# Here, so that a task sent by any process of the shop goes to the shop's own broker.
from shopdemo.celery import app as celery_app

__all__ = ["celery_app"]
