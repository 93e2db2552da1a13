"""`abtesting_simulate KEY`: what an experiment's rule does on the shop's own traffic."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import NoReverseMatch, reverse

from abtesting.exceptions import SimulationError
from abtesting.models import Experiment, Metric
from abtesting.results import simulation_runs
from abtesting.results.plan import Plan
from abtesting.results.simulation import PARTS, TRAFFIC, Options
from abtesting.results.simulation_text import as_lines
from abtesting.results.trial import plan_for, plan_of

RULES = [value for value in Experiment.DecisionRule.values if value]


class Command(BaseCommand):
    """Thin over `results.simulation`."""

    help = (
        "Replay past traffic as A/A tests under an experiment's own rule, draw its power curve and "
        "the regret of a bandit. The result is stored and shown in the admin."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """What to simulate, and how often."""
        parser.add_argument("key", nargs="?", metavar="KEY", help="Key of an experiment.")
        parser.add_argument(
            "--metric",
            help="Key of the goal that power and bandit are about (default: the first one); "
            "without KEY, the metric of a test of two equal variants.",
        )
        parser.add_argument(
            "--planned", type=int, metavar="UNITS", help="Without KEY: the planned sample."
        )
        parser.add_argument(
            "--rule", choices=RULES, help="Without KEY: the decision rule (default: recommended)."
        )
        parser.add_argument(
            "--what",
            nargs="+",
            choices=PARTS,
            default=list(PARTS),
            help="Parts to simulate (default: all).",
        )
        parser.add_argument(
            "--runs", type=int, default=2000, help="Simulated runs of each part (default: 2000)."
        )
        parser.add_argument(
            "--seed", type=int, default=1, help="The same seed gives the same numbers (default: 1)."
        )
        parser.add_argument(
            "--traffic",
            choices=TRAFFIC,
            default="own",
            help="Units of the shop's past (default), or drawn from a distribution like theirs.",
        )
        parser.add_argument(
            "--baseline",
            type=float,
            metavar="RATE",
            help="With synthetic traffic: the conversion rate, instead of the observed one.",
        )
        parser.add_argument("--json", type=Path, metavar="FILE", help="Write the numbers there.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Simulate, store, and say what was found; exits with an error when it cannot."""
        plan = self._plan(options)
        file: Path | None = options["json"]
        if file is not None and not file.parent.is_dir():
            # Said before minutes of work, not after.
            raise CommandError(f"{file} cannot be written: there is no folder {file.parent}")
        try:
            run = simulation_runs.simulate_and_store(
                plan,
                Options(
                    parts=tuple(part for part in PARTS if part in options["what"]),
                    num_runs=options["runs"],
                    seed=options["seed"],
                    traffic=options["traffic"],
                    metric=options["metric"],
                    baseline=options["baseline"],
                ),
                progress=_Bar(self.stderr),
            )
        except SimulationError as error:
            raise CommandError(str(error)) from error
        assert run.payload is not None
        for line in as_lines(run.payload):
            self.stdout.write(line)
        self.stdout.write(f"Took {run.seconds:.1f} seconds.")
        if file is not None:
            try:
                file.write_text(json.dumps(run.payload, indent=2, ensure_ascii=False))
            except OSError as error:
                raise CommandError(f"{file} cannot be written: {error}") from error
            self.stdout.write(f"All numbers: {file}")
        if run.experiment_id is not None:
            # A project without the admin has the numbers here and in the file.
            with suppress(NoReverseMatch):
                url = reverse("admin:abtesting_experiment_simulation", args=(run.experiment_id,))
                self.stdout.write(f"Simulation page: {url}?run={run.pk}")

    def _plan(self, options: dict[str, Any]) -> Plan:
        key, metric_key = options["key"], options["metric"]
        try:
            if key:
                for name in ("planned", "rule"):
                    if options[name] is not None:
                        raise CommandError(f"--{name} is for a metric; {key} has its own.")
                return plan_of(_named(Experiment, key, "experiment"))
            if not metric_key:
                raise CommandError(
                    "Name an experiment, or a metric with --metric. "
                    f"Experiments: {_keys(Experiment)}; metrics: {_keys(Metric)}."
                )
            if options["planned"] is not None and options["planned"] < 2:
                raise CommandError(f"--planned is {options['planned']}; allowed: 2 and above.")
            return plan_for(
                _named(Metric, metric_key, "metric"),
                planned_num_units=options["planned"],
                rule=options["rule"] or "",
            )
        except SimulationError as error:
            raise CommandError(str(error)) from error


class _Bar:
    """A progress bar on a terminal; elsewhere a line for each tenth."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.is_terminal = stream.isatty()
        self.said = 0

    def __call__(self, share: float) -> None:
        percent = int(share * 100)
        step = 1 if self.is_terminal else 10
        if percent < min(self.said + step, 100) or percent == self.said:
            return
        self.said = percent
        if self.is_terminal:
            bar = "#" * round(30 * share)
            self.stream.write(f"\rSimulating [{bar:30}] {percent:3}%", ending="")
            if share >= 1:
                self.stream.write("")
        else:
            self.stream.write(f"Simulating: {percent}%")


def _named(model: Any, key: str, name: str) -> Any:
    found = model.objects.filter(key=key).first()
    if found is None:
        raise CommandError(f"No {name} {key}; there are: {_keys(model)}.")
    return found


def _keys(model: Any) -> str:
    return ", ".join(model.objects.order_by("key").values_list("key", flat=True)) or "none"
