"""How often each decision rule errs in a test that is refreshed every day, long after its plan.

    .venv/bin/python benchmarks/decision_rules.py [--runs 2000] [--seed 1] [--check]

Variants are equal. Units arrive evenly until twice the planned sample, act for days after they
came, and some of what they do is received days late; every day's refresh reads what is known by
then, and a look that it takes is kept, as the database keeps it. The reading is that of the
product, `results.analysis.read`, with the data in memory. A run errs if on any day a goal is called
better or worse, or a guardrail (margin 0) harmed. Two readers without a rule stand beside it on the
same data. `--check` ends with status 1 when a rule errs in more than 5 % and three standard errors.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import math
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.projects.sqlite")
if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    import django

    django.setup()

import numpy as np

from abtesting.conf import settings
from abtesting.metrics.correlations import look_correlations
from abtesting.metrics.kinds import unit_moments
from abtesting.metrics.moments import ExperimentMoments, MomentsAt
from abtesting.models import Experiment, ExperimentMetric, Metric, Variant
from abtesting.results import analysis
from abtesting.results.comparisons import compare
from abtesting.results.plan import Plan
from abtesting.results.report import LookTaken
from abtesting.statistics.boundaries import FixedHorizon
from abtesting.statistics.types import Effect

START = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
PLANNED_DAYS = 14
NUM_DAYS = 2 * PLANNED_DAYS
RULES = ("group_sequential", "fixed_horizon", "always_valid", "bayesian")
DECIDED = ("ship", "keep_control", "inconclusive_guardrail")
ANY_DAY, FROM_PLAN = "p < 0.05 on any day", "p < 0.05 on any day from the planned sample on"


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What is known at the end of a day: moments, and the units' totals that they are made of."""

    at: MomentsAt
    num_there: int
    totals: Mapping[tuple[str, str], np.ndarray]


Days = tuple[Day, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A test in a shop.

    Attributes:
        goals: Of "conversion" and "revenue"; a guardrail on baskets is always there.
        weights: Of the variants, the control first.
        return_rate: Share of the orders that are paid back, three to ten days after.
    """

    name: str
    planned_num_units: int
    goals: tuple[str, ...]
    weights: tuple[float, ...] = (1.0, 1.0)
    buyer_rate: float = 0.05
    basket_rate: float = 0.2
    return_rate: float = 0.0


SHOPS = (
    Shop(name="conversion 5 %", planned_num_units=4000, goals=("conversion",)),
    Shop(name="revenue per visitor", planned_num_units=8000, goals=("revenue",), buyer_rate=0.2),
    Shop(
        name="three variants 2:1:1, both goals",
        planned_num_units=4000,
        goals=("conversion", "revenue"),
        weights=(2.0, 1.0, 1.0),
        buyer_rate=0.2,
    ),
    Shop(
        name="revenue, 30 % returned",
        planned_num_units=8000,
        goals=("revenue",),
        buyer_rate=0.2,
        return_rate=0.3,
    ),
    Shop(name="conversion 70 %", planned_num_units=4000, goals=("conversion",), buyer_rate=0.7),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """In how many runs something was called different on any day.

    Attributes:
        goal: A goal better or worse.
        harm: A guardrail harmed.
        verdict: The verdict of the whole test was to ship, or to keep the control.
    """

    num_runs: int
    goal: int = 0
    harm: int = 0
    verdict: int = 0


def errors(
    shop: Shop,
    *,
    num_runs: int,
    seed: int,
    rules: Sequence[str] = RULES,
    tell: Callable[[int], None] = lambda done: None,
) -> dict[str, Errors]:
    """Errors of each rule, and of two readers without one, in equal variants."""
    rng = np.random.default_rng([seed, len(shop.name), shop.planned_num_units])
    counts: dict[str, Counter[str]] = {name: Counter() for name in (*rules, ANY_DAY, FROM_PLAN)}
    for run in range(num_runs):
        data = Replay.of(shop, Traffic.draw(shop, rng))
        for rule in rules:
            counts[rule].update(judge(experiment_of(shop, rule), data))
        for name, first in ((ANY_DAY, 0), (FROM_PLAN, PLANNED_DAYS - 1)):
            counts[name].update({"goal": peeks(shop, data, from_day=first)})
        tell(run + 1)
    return {name: Errors(num_runs=num_runs, **found) for name, found in counts.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """What units did, and the day on which that was known; times in days from the start."""

    unit: np.ndarray
    occurred: np.ndarray
    received_day: np.ndarray
    amount: np.ndarray

    @classmethod
    def draw(
        cls, came: np.ndarray, unit: np.ndarray, amount: np.ndarray, rng: np.random.Generator
    ) -> Events:
        """Three days on average after the exposure; a fifth is received up to three days late."""
        occurred = came[unit] + rng.exponential(3.0, len(unit))
        late = rng.uniform(0, 3.0, len(unit)) * (rng.random(len(unit)) < 0.2)
        received_day = (occurred + late).astype(np.int64)
        return cls(unit=unit, occurred=occurred, received_day=received_day, amount=amount)

    def with_returns(self, rate: float, rng: np.random.Generator) -> Events:
        """The same, and a share of the amounts paid back."""
        back = np.flatnonzero(rng.random(len(self.unit)) < rate)
        occurred = self.occurred[back] + rng.uniform(3.0, 10.0, len(back))
        return Events(
            unit=np.concatenate([self.unit, self.unit[back]]),
            occurred=np.concatenate([self.occurred, occurred]),
            received_day=np.concatenate([self.received_day, occurred.astype(np.int64)]),
            amount=np.concatenate([self.amount, -self.amount[back]]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Units in the order in which they came, and what they did, without any difference."""

    came: np.ndarray
    variant: np.ndarray
    orders: Events
    baskets: Events

    @classmethod
    def draw(cls, shop: Shop, rng: np.random.Generator) -> Traffic:
        """Twice the planned sample, evenly over all days."""
        num_units = 2 * shop.planned_num_units
        came = np.sort(rng.uniform(0, NUM_DAYS, num_units))
        shares = np.asarray(shop.weights) / math.fsum(shop.weights)
        variant = rng.choice(len(shares), size=num_units, p=shares)
        buyers = np.flatnonzero(rng.random(num_units) < shop.buyer_rate)
        orders = np.repeat(buyers, 1 + rng.poisson(0.5, len(buyers)))
        baskets = np.flatnonzero(rng.random(num_units) < shop.basket_rate)
        amounts = rng.lognormal(3.5, 0.8, len(orders)).round(2)
        sold = Events.draw(came, orders, amounts, rng)
        return cls(
            came=came,
            variant=variant,
            orders=sold.with_returns(shop.return_rate, rng) if shop.return_rate else sold,
            baskets=Events.draw(came, baskets, np.ones(len(baskets)), rng),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """One test day by day.

    Attributes:
        planned: What is known each day of the first units that make up the planned sample.
        everything: What is known each day of all units so far.
    """

    variant: np.ndarray
    planned: Days
    everything: Days

    @classmethod
    def of(cls, shop: Shop, traffic: Traffic) -> Replay:
        """What each day's refresh can know."""
        done = {"order": traffic.orders, "basket": traffic.baskets}
        totals = {name: np.zeros(len(traffic.came)) for name in done}
        days: dict[bool, list[Day]] = {True: [], False: []}
        for day in range(NUM_DAYS):
            for name, events in done.items():
                now = events.received_day == day
                np.add.at(totals[name], events.unit[now], events.amount[now])
            there = int(np.searchsorted(traffic.came, day + 1))
            for is_planned, known in days.items():
                upto = min(there, shop.planned_num_units) if is_planned else there
                copied = {(key, "numerator"): totals[SOURCES[key]].copy() for key in _metrics(shop)}
                at = _moments(shop, traffic.variant[:upto], totals)
                known.append(Day(at=at, num_there=upto, totals=copied))
        return cls(
            variant=traffic.variant, planned=tuple(days[True]), everything=tuple(days[False])
        )


def judge(experiment: Experiment, data: Replay) -> Counter[str]:
    """What a rule errs in, were the test refreshed at the end of every day."""
    days = data.planned if experiment.has_end else data.everything
    found: Counter[str] = Counter()
    with in_memory(days, data.variant) as refresh:
        for day in range(NUM_DAYS):
            report = refresh(experiment, day)
            shown = {
                metric.role
                for metric in report.metrics
                for comparison in metric.comparisons
                if comparison.verdict in ("better", "worse", "harmed")
            }
            found["goal"] |= "goal" in shown
            found["harm"] |= "guardrail" in shown
            found["verdict"] |= report.verdict.code in DECIDED
    return found


@contextlib.contextmanager
def in_memory(
    days: Days, variant: np.ndarray
) -> Iterator[Callable[[Experiment, int], analysis.Report]]:
    """`analysis.read` over these days, with looks kept as `snapshots` keeps them."""
    taken: list[LookTaken] = []
    reads: list[MomentsAt] = []

    class Source:
        def read(
            self,
            experiment: Experiment,
            *,
            until: dt.datetime,
            looked_at: dt.datetime | None = None,
        ) -> ExperimentMoments:
            upto = (until - START).days
            known = tuple(
                ((START + dt.timedelta(days=day)).date(), days[day].at) for day in range(upto)
            )
            now = days[upto - 1]
            correlations = {}
            if looked_at is not None:
                before = days[(looked_at - START).days - 1]
                correlations = look_correlations(
                    [METRICS[key] for key, _ in now.totals],
                    variant[: now.num_there],
                    np.arange(now.num_there) < before.num_there,
                    before={x: total[: now.num_there] for x, total in before.totals.items()},
                    now={x: total[: now.num_there] for x, total in now.totals.items()},
                )
            return ExperimentMoments(
                final=now.at, days=known, correlations=correlations, last_exposure_at=until
            )

    def refresh(experiment: Experiment, day: int) -> analysis.Report:
        reading = analysis.read(experiment, now=START + dt.timedelta(days=day + 1))
        if reading.new is not None and reading.read is not None:
            taken.append(reading.new)
            reads.append(reading.read)
        return reading.report

    def stored(_: Experiment) -> tuple[tuple[LookTaken, ...], tuple[MomentsAt, ...]]:
        return tuple(taken), tuple(reads)

    with (
        mock.patch.object(analysis, "source_for", return_value=Source()),
        mock.patch.object(analysis.looks, "stored_looks", stored),
        # What takes long and decides nothing: charts, and estimates corrected after the last look.
        mock.patch.object(analysis, "lift_series", return_value=()),
        mock.patch.object(analysis, "with_corrections", lambda _, metrics, __: metrics),
    ):
        yield refresh


def experiment_of(shop: Shop, rule: str) -> Experiment:
    """The test as a row that no database has."""
    experiment = Experiment(
        pk=1,
        key="test",
        name="Test",
        state=Experiment.State.RUNNING,
        started_at=START,
        planned_num_units=shop.planned_num_units,
        decision_rule=rule,
    )
    variants = [
        Variant(pk=i, experiment=experiment, key=_key(i), weight=weight, is_control=i == 0)
        for i, weight in enumerate(shop.weights)
    ]
    rows = [
        ExperimentMetric(pk=i, experiment=experiment, metric=METRICS[key], role="goal")
        for i, key in enumerate(shop.goals)
    ]
    rows.append(
        ExperimentMetric(
            pk=9, experiment=experiment, metric=METRICS["baskets"], role="guardrail", margin=0.0
        )
    )
    experiment._prefetched_objects_cache = {
        "variants": _Rows(variants),
        "experiment_metrics": _Rows(rows),
    }
    return experiment


def peeks(shop: Shop, data: Replay, *, from_day: int) -> bool:
    """Whether a p-value for one look falls below the error rate on any of these days.

    Of somebody who keeps to the planned units and corrects for the number of comparisons.
    """
    experiment = experiment_of(shop, "fixed_horizon")
    control, *treatments = experiment.variants.all()
    rows = tuple(experiment.experiment_metrics.select_related("metric"))
    plan = Plan(experiment=experiment, control=control, treatments=tuple(treatments), rows=rows)
    days = data.planned[from_day:] if from_day else data.everything
    criteria = experiment.criteria
    alpha = criteria.alpha / plan.num_comparisons
    for at in (day.at for day in days):
        if min(at.num_units.values()) < criteria.minimum_units:
            continue
        for row in rows[:-1]:
            for variant in treatments:
                effect = compare(plan, row, variant.key, at, FixedHorizon(alpha))
                if isinstance(effect, Effect) and effect.is_significant:
                    return True
    return False


class _Rows(list[Any]):
    """What a prefetched relation gives, for those who join it with another."""

    def select_related(self, *_: str) -> _Rows:
        return self


def _moments(shop: Shop, variant: np.ndarray, totals: Mapping[str, np.ndarray]) -> MomentsAt:
    members = {_key(i): np.flatnonzero(variant == i) for i in range(len(shop.weights))}
    metrics = {}
    for key in _metrics(shop):
        values = totals[SOURCES[key]]
        kind = METRICS[key].kind
        metrics[key] = {
            name: unit_moments(kind, [values[chosen]]) for name, chosen in members.items()
        }
    return MomentsAt(
        num_units={name: len(chosen) for name, chosen in members.items()}, metrics=metrics
    )


def _metrics(shop: Shop) -> tuple[str, ...]:
    return (*shop.goals, "baskets")


def _key(index: int) -> str:
    return "control" if index == 0 else f"v{index}"


SOURCES = {"conversion": "order", "revenue": "order", "baskets": "basket"}
METRICS = {
    "conversion": Metric(pk=1, key="conversion", name="Conversion", kind="proportion"),
    "revenue": Metric(pk=2, key="revenue", name="Revenue", kind="mean", aggregation="sum"),
    "baskets": Metric(pk=3, key="baskets", name="Baskets", kind="proportion"),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shop", type=int, choices=range(len(SHOPS)), help="only this one")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    highest = settings.ALPHA + 3 * math.sqrt(settings.ALPHA * 0.95 / options.runs)
    print(f"{options.runs:,} tests each, seed {options.seed}; at most {highest:.2%} allowed\n")
    print("| test | rule | a goal | a guardrail | the verdict |\n|---|---|---|---|---|")
    failed = False
    for shop in SHOPS if options.shop is None else [SHOPS[options.shop]]:
        started = time.monotonic()
        found = errors(shop, num_runs=options.runs, seed=options.seed)
        for name, each in found.items():
            has_rule = name in RULES
            shares = [count / options.runs for count in (each.goal, each.harm, each.verdict)]
            failed |= has_rule and max(shares[:2]) > highest
            cells = [
                f"{share:.1%}" if i == 0 or has_rule else "–" for i, share in enumerate(shares)
            ]
            print(f"| {shop.name} | {name} | {' | '.join(cells)} |", flush=True)
        print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)
    return int(failed and options.check)


if __name__ == "__main__":
    sys.exit(main())
