"""A simulated clock for the replay: what calls `timezone.now()` sees the shopper's time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from django.utils import timezone


class Clock:
    """The time of one shopper, moved on by what they do."""

    def __init__(self, now: dt.datetime) -> None:
        self.now = now

    def read(self) -> dt.datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += dt.timedelta(seconds=seconds)


@contextmanager
def running(clock: Clock) -> Iterator[None]:
    """Everything in this process that asks Django for the time gets the clock's.

    Only for a process that replays and serves nobody else meanwhile.
    """
    with mock.patch.object(timezone, "now", clock.read):
        yield
