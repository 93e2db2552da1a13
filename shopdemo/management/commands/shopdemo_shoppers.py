"""`shopdemo_shoppers`: replays shoppers through the real pages, with a known effect built in."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from abtesting.models import Experiment
from shopdemo.models import Product
from shopdemo.shoppers.behaviour import Behaviour
from shopdemo.shoppers.journey import JourneyError
from shopdemo.shoppers.replay import arrivals, replay

EXPERIMENT = "product-promise"
DEFAULTS = Behaviour()


class Command(BaseCommand):
    help = (
        "Send simulated shoppers through the shop's real pages, on the days since the test "
        f"{EXPERIMENT} started. Can be stopped and started again: nobody comes twice."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--visitors", type=int, default=2400, help="How many (2400).")
        parser.add_argument("--days", type=int, default=14, help="Over how many days (14).")
        parser.add_argument("--seed", type=int, default=1, help="Same seed, same shoppers (1).")
        parser.add_argument(
            "--conversion",
            type=float,
            default=DEFAULTS.conversion,
            help=f"Share of product page visitors who buy ({DEFAULTS.conversion}).",
        )
        parser.add_argument(
            "--promise-lift",
            type=float,
            default=DEFAULTS.promise_lift,
            help="Relative change of that share for those who see the promise: the true effect "
            f"({DEFAULTS.promise_lift}).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        for name in ("visitors", "days"):
            if options[name] < 1:
                raise CommandError(f"--{name} is {options[name]}; allowed: 1 or more.")
        experiment = Experiment.objects.filter(key=EXPERIMENT).first()
        if experiment is None or experiment.started_at is None or not Product.objects.exists():
            raise CommandError("The shop is empty: run shopdemo_load and shopdemo_experiments.")
        try:
            how = Behaviour(conversion=options["conversion"], promise_lift=options["promise_lift"])
        except ValueError as error:
            raise CommandError(str(error)) from error
        # Whole days, from the first one on which everybody can see the test.
        start = experiment.started_at.replace(hour=0, minute=0, second=0, microsecond=0)
        start += dt.timedelta(days=1)
        expected = arrivals(
            num_visitors=options["visitors"],
            start=start,
            num_days=options["days"],
            seed=options["seed"],
        )
        # The future has not happened yet.
        now = timezone.now() - dt.timedelta(minutes=10)
        past = [arrival for arrival in expected if arrival.at < now]
        if len(past) < len(expected):
            num_future = len(expected) - len(past)
            self.stdout.write(f"{num_future} shoppers would come after now: they are left out.")
        expected = past
        num_new = 0
        try:
            for position, is_new in enumerate(replay(expected, seed=options["seed"], how=how), 1):
                num_new += is_new
                if is_new and position % 20 == 0:
                    self._progress(position, len(expected))
        except JourneyError as error:
            raise CommandError(f"A shopper could not go on: {error}.") from error
        self.stdout.write(f"{num_new} shoppers came, {len(expected) - num_new} had been here.")

    def _progress(self, done: int, total: int) -> None:
        end = "\r" if self.stdout.isatty() else "\n"
        self.stdout.write(f"{done} of {total} shoppers ({done / total:.0%})", ending=end)
