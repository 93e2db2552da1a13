"""`abtesting_refresh [KEY …]`: compute results now, of running experiments or of those named."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from abtesting.models import Experiment
from abtesting.results import snapshots


class Command(BaseCommand):
    """Does what the scheduled task does, without a worker."""

    help = "Compute the results of running experiments, or of those named."

    def add_arguments(self, parser: CommandParser) -> None:
        """Experiment keys."""
        parser.add_argument("keys", nargs="*", metavar="KEY", help="Key of an experiment.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Refresh and say what was found; exits with an error when one failed."""
        failed = []
        for experiment, error in snapshots.refresh_all(self._named(options["keys"])):
            if error is None:
                snapshot = snapshots.latest(experiment)
                assert snapshot is not None
                self.stdout.write(f"{experiment.key}: {snapshot.payload['verdict']['code']}")
            else:
                failed.append(f"{experiment.key}: {error}")
        if failed:
            raise CommandError("Not computed: " + "; ".join(failed))

    def _named(self, keys: list[str]) -> list[Experiment] | None:
        if not keys:
            return None
        found = {e.key: e for e in Experiment.objects.filter(key__in=keys)}
        missing = sorted(set(keys) - set(found))
        if missing:
            known = ", ".join(Experiment.objects.values_list("key", flat=True)) or "none"
            raise CommandError(f"No experiment {', '.join(missing)}; there are: {known}.")
        return [found[key] for key in dict.fromkeys(keys)]
