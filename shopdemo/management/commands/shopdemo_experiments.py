"""`shopdemo_experiments`: creates and starts the demo's tests, as if some days ago."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from shopdemo.experiments import create_experiments


class Command(BaseCommand):
    help = "Create and start the demo's tests; those that exist stay as they are."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--days", type=int, default=15, help="How many days ago they started (15)."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        started_at = timezone.now() - dt.timedelta(days=options["days"])
        created = create_experiments(started_at=started_at)
        for experiment in created:
            self.stdout.write(f"Started: {experiment.name}")
        if not created:
            self.stdout.write("The tests are there already.")
