"""`abtesting_import_results FILE …`: a finished test from a CSV, on the same results page."""

from __future__ import annotations

import datetime as dt
from argparse import ArgumentTypeError
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import NoReverseMatch
from django.utils.text import slugify

from abtesting.exceptions import ImportFileError
from abtesting.results.import_file import Layout, parse_metric
from abtesting.results.importing import ImportPlan, import_results

SHOWN_PROBLEMS = 20


class Command(BaseCommand):
    """Thin over `results.importing`."""

    help = (
        "Import a finished test from a CSV file with a header (UTF-8, .gz allowed): one row a "
        "unit, or one row of counts a variant. A file with a bad row changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """The file and its columns."""
        parser.add_argument("file", type=Path, help="The CSV file.")
        parser.add_argument("--variant", required=True, help="Column with the variant.")
        parser.add_argument(
            "--metric",
            action="append",
            required=True,
            dest="metrics",
            metavar="COLUMN:KIND",
            help="visit:proportion, spend:mean or clicks/views:ratio; may be repeated. In a file "
            "of counts: orders:proportion or revenue/revenue_squared:mean.",
        )
        parser.add_argument(
            "--unit", help="Column with the unit's id, each once. Without it, each row is a unit."
        )
        parser.add_argument(
            "--count", help="Column with the number of units: the file is one of counts."
        )
        parser.add_argument("--control", help='Name of the control. Default: "control".')
        parser.add_argument("--key", help="Key of the experiment. Default: from the file's name.")
        parser.add_argument("--name", help="Name of the experiment. Default: from the key.")
        parser.add_argument("--hypothesis", default="", help="What was expected, and why.")
        parser.add_argument(
            "--goal",
            action="append",
            default=[],
            dest="goals",
            metavar="COLUMN",
            help="Metric that decides; may be repeated. Default: the first metric.",
        )
        parser.add_argument(
            "--weight",
            action="append",
            type=_weight,
            default=[],
            dest="weights",
            metavar="VARIANT=WEIGHT",
            help="Planned share of a variant; may be repeated. Default: equal.",
        )
        parser.add_argument("--started", type=_date, help="First day, YYYY-MM-DD.")
        parser.add_argument("--ended", type=_date, help="Last day, YYYY-MM-DD.")
        parser.add_argument(
            "--replace", action="store_true", help="Replace an earlier import of the same key."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Import, and say where the result is; or say what is wrong, line by line."""
        path: Path = options["file"]
        key = options["key"] or slugify(path.name.partition(".")[0])
        try:
            snapshot = import_results(
                path,
                layout=Layout(
                    variant=options["variant"],
                    unit=options["unit"],
                    count=options["count"],
                    metrics=tuple(
                        parse_metric(text, counts=bool(options["count"]))
                        for text in options["metrics"]
                    ),
                ),
                plan=ImportPlan(
                    key=key,
                    name=options["name"] or key.replace("-", " ").capitalize(),
                    hypothesis=options["hypothesis"],
                    control=options["control"],
                    weights=dict(options["weights"]),
                    goals=tuple(options["goals"]),
                    started_at=options["started"],
                    ended_at=options["ended"],
                    replace=options["replace"],
                ),
                progress=self._progress,
            )
        except ImportFileError as error:
            raise CommandError(_explain(error)) from error
        self._say(snapshot.payload)
        # A project without the admin has the results by API and export.
        with suppress(NoReverseMatch):
            self.stdout.write(f"Results page: {snapshot.experiment.get_absolute_url()}")

    def _progress(self, done: int, total: int) -> None:
        if self.stderr.isatty():
            share = done / total if total else 1.0
            bar = "#" * round(30 * share)
            self.stderr.write(f"\rReading [{bar:30}] {share:4.0%}", ending="")
            if done >= total:
                self.stderr.write("")

    def _say(self, payload: dict[str, Any]) -> None:
        for metric in payload["metrics"]:
            for level in (metric["control"], *metric["comparisons"]):
                value = "no value" if level["value"] is None else f"{level['value']:.6g}"
                self.stdout.write(
                    f"{metric['name']:20} {level['variant']:20} {level['num_units']:>10,} {value}"
                )
        self.stdout.write(f"Verdict: {payload['verdict']['code']}")


def _explain(error: ImportFileError) -> str:
    lines = [str(error), *(f"line {n}: {text}" for n, text in error.problems[:SHOWN_PROBLEMS])]
    hidden = len(error.problems) - SHOWN_PROBLEMS
    if hidden > 0:
        lines.append(f"and {hidden} more")
    return "\n".join([*lines, "Nothing was imported."])


def _weight(text: str) -> tuple[str, float]:
    name, separator, number = text.rpartition("=")
    try:
        weight = float(number)
    except ValueError:
        weight = 0.0
    if not separator or not weight > 0:
        raise ArgumentTypeError(f"{text!r}; allowed: VARIANT=WEIGHT with a weight above 0")
    return name, weight


def _date(text: str) -> dt.datetime:
    try:
        return dt.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=dt.UTC)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r}; allowed: a day as YYYY-MM-DD") from error
