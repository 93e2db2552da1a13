"""The simulation of an experiment on the shop's own configuration and history. Writes nothing.

Three parts: how often the experiment's rule would have called equal variants different on past
traffic (A/A), how often it finds a lift of a given size (power), and what a bandit would lose and
find instead (bandit). `simulation_runs` stores what comes out.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from abtesting import __version__
from abtesting.exceptions import SimulationError
from abtesting.metrics.history import PastUnits, past_units
from abtesting.models import Experiment, ExperimentMetric, Exposure, Metric
from abtesting.results.bandit_regret import bandit_regret
from abtesting.results.distributions import distribution, generator_of
from abtesting.results.false_alarms import Step, drawn_splits, false_alarms, replay_splits
from abtesting.results.looks import first_units
from abtesting.results.plan import Plan
from abtesting.results.power_curve import STEPS, power_curve
from abtesting.results.simulation_report import (
    BanditRegret,
    FalseAlarms,
    PowerCurve,
    SimulationReport,
    Traffic,
    Unavailable,
)
from abtesting.results.trial import make_trial
from abtesting.statistics.boundaries import AlwaysValid
from abtesting.statistics.simulation.generators import Generator

PARTS = ("aa", "power", "bandit")
TRAFFIC = ("own", "synthetic")
MAX_UNITS = 200_000
"""Past units that are read at most: the oldest ones."""
MAX_RUNS = 100_000

Progress = Callable[[float], None]
"""Told how much is done, from 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to simulate.

    Attributes:
        parts: Of "aa", "power" and "bandit".
        num_runs: Simulated runs of each.
        seed: The same seed gives the same numbers.
        traffic: "own" for units of the shop's past, "synthetic" for units drawn from a distribution
            with the same mean and spread.
        metric: Key of the goal that power and bandit are about; the first one without it.
        baseline: Conversion rate to draw synthetic units with, instead of the observed one.
    """

    parts: tuple[str, ...] = PARTS
    num_runs: int = 2000
    seed: int = 1
    traffic: str = "own"
    metric: str | None = None
    baseline: float | None = None

    def __post_init__(self) -> None:
        unknown = [part for part in self.parts if part not in PARTS]
        if unknown or not self.parts:
            raise SimulationError(
                f"parts are {', '.join(self.parts) or 'none'}; allowed: {', '.join(PARTS)}"
            )
        if not 1 <= self.num_runs <= MAX_RUNS:
            raise SimulationError(f"runs are {self.num_runs}; allowed: 1 to {MAX_RUNS}")
        if self.seed < 0:
            raise SimulationError(f"seed is {self.seed}; allowed: 0 and above")
        if self.traffic not in TRAFFIC:
            raise SimulationError(f"traffic is {self.traffic!r}; allowed: {', '.join(TRAFFIC)}")
        if self.baseline is not None and not 0 < self.baseline < 1:
            raise SimulationError(f"baseline is {self.baseline}; allowed: a rate between 0 and 1")
        if self.baseline is not None and self.traffic != "synthetic":
            raise SimulationError("a baseline is for synthetic traffic; own traffic has its own")


def simulate(
    plan: Plan,
    options: Options,
    *,
    now: dt.datetime,
    progress: Progress = lambda share: None,
) -> SimulationReport:
    """Simulate an experiment, or a metric without one; see `trial.plan_of` and `plan_for`.

    A part that cannot be simulated, for want of traffic or because the metric does not vary, is a
    reason in the report.

    Args:
        plan: What is compared, and how strictly.
        options: What to simulate.
        now: Traffic before this is read.
        progress: Told how much is done.

    Raises:
        SimulationError: The results were imported, so that there is no traffic; or `metric` is no
            goal, or a baseline is given for a metric that has no rate.
    """
    if plan.experiment.source == Experiment.Source.IMPORTED:
        raise SimulationError(
            f"experiment {plan.experiment.key!r} was imported: its units are elsewhere and it has "
            "no plan; allowed: live experiments"
        )
    row = _goal(plan, options.metric)
    if options.baseline is not None and row.metric.kind != Metric.Kind.PROPORTION:
        raise SimulationError(
            f"a baseline is a conversion rate; metric {row.metric.key!r} is a {row.metric.kind}"
        )
    past = _history(plan, now=now)
    run = _Run(plan=plan, options=options, past=past, row=row)
    found = {}
    for position, part in enumerate(options.parts):
        step = _steps(progress, position, options, total=run.num_steps(part))
        found[part] = getattr(run, part)(step)
        progress((position + 1) / len(options.parts))
    return SimulationReport(
        experiment=plan.experiment.key or None,
        rule=plan.experiment.rule,
        unit=plan.experiment.unit,
        alpha=plan.experiment.criteria.alpha,
        num_comparisons=plan.num_comparisons,
        planned_num_units=plan.experiment.planned_num_units,
        variants=tuple(
            (variant.key, variant.name or variant.key, variant.weight)
            for variant in (plan.control, *plan.treatments)
        ),
        metrics=tuple(
            {
                name: str(getattr(row.metric, name))
                for name in ("key", "name", "kind", "direction", "format", "unit_label")
            }
            for row in _goals(plan)
        ),
        num_runs=options.num_runs,
        seed=options.seed,
        traffic=run.traffic(),
        engine_version=__version__,
        **found,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """The parts of a simulation; each takes what it is to tell of its steps."""

    plan: Plan
    options: Options
    past: PastUnits
    row: ExperimentMetric

    def num_steps(self, part: str) -> int:
        num_curves = len({variant.weight for variant in self.plan.treatments})
        num_lifts = {"aa": 1, "power": num_curves * (len(STEPS) + 1), "bandit": 4}[part]
        return num_lifts * self.options.num_runs

    def aa(self, step: Step) -> FalseAlarms | Unavailable:
        rng = self._rng("aa")
        if self.options.traffic == "synthetic":
            trial = make_trial(self.plan, self._num_units, num_days=self._num_days)
            generators: dict[str, Generator] = {}
            for row in trial.goals:
                found = self._generator(row)
                if isinstance(found, Unavailable):
                    return found
                generators[row.metric.key] = found
            splits = drawn_splits(trial, generators, rng=rng)
            return false_alarms(trial, splits, num_runs=self.options.num_runs, step=step)
        there, needed = self.past.num_units, needed_units(self.plan)
        if there < needed:
            return Unavailable(
                code="too_little_traffic",
                detail=f"there are {there} past units; this rule needs {needed} to be replayed",
                num_units=there,
                needed=needed,
            )
        upto = self._num_units if self.plan.experiment.has_end else there
        days = [end for end in self.past.units_by_day if end <= upto]
        trial = make_trial(self.plan, upto, day_ends=days)
        splits = replay_splits(trial, self.past.totals, rng=rng)
        return false_alarms(trial, splits, num_runs=self.options.num_runs, step=step)

    def power(self, step: Step) -> PowerCurve | Unavailable:
        generator = self._generator(self.row)
        if isinstance(generator, Unavailable):
            return generator
        return power_curve(
            make_trial(self.plan, self._num_units, num_days=self._num_days),
            self.row,
            generator,
            num_runs=self.options.num_runs,
            rng=self._rng("power"),
            step=step,
        )

    def bandit(self, step: Step) -> BanditRegret | Unavailable:
        if self.row.metric.kind == Metric.Kind.RATIO:
            return Unavailable(
                code="not_for_ratios",
                detail=f"{self.row.metric.key} is a ratio; a bandit needs a proportion or a mean",
            )
        generator = self._generator(self.row)
        if isinstance(generator, Unavailable):
            return generator
        return bandit_regret(
            make_trial(self.plan, self._num_units, num_days=self._num_days),
            self.row,
            generator,
            num_days=self._num_days,
            num_runs=self.options.num_runs,
            rng=self._rng("bandit"),
            step=step,
        )

    def traffic(self) -> Traffic:
        generator = self._generator(self.row)
        is_synthetic = self.options.traffic == "synthetic"
        return Traffic(
            source=self.options.traffic,
            experiments=self.past.experiments,
            num_units=self.past.num_units,
            num_days=self.past.num_days,
            distribution=distribution(generator) if is_synthetic else None,
            value=None if isinstance(generator, Unavailable) else generator.mean,
            baseline=self.options.baseline,
        )

    @property
    def _num_units(self) -> int:
        experiment = self.plan.experiment
        return experiment.planned_num_units or experiment.criteria.tuned_num_units

    @property
    def _num_days(self) -> int:
        """Days that a test takes with the traffic of the past; two weeks where there is none."""
        if self.past.num_days < 1:
            return 14
        return max(1, math.ceil(self._num_units * self.past.num_days / self.past.num_units))

    def _generator(self, row: ExperimentMetric) -> Generator | Unavailable:
        return generator_of(
            row,
            self.past,
            is_synthetic=self.options.traffic == "synthetic",
            minimum_units=self.plan.experiment.criteria.minimum_units,
            baseline=self.options.baseline if row is self.row else None,
        )

    def _rng(self, part: str) -> np.random.Generator:
        # Of its own, so that a part gives the same numbers with and without the others.
        return np.random.default_rng([self.options.seed, PARTS.index(part)])


def needed_units(plan: Plan) -> int:
    """Past units that an A/A replay takes: the plan, or twice what the first look waits for."""
    experiment = plan.experiment
    if experiment.has_end and experiment.planned_num_units is not None:
        return experiment.planned_num_units
    weights = [variant.weight for variant in (plan.control, *plan.treatments)]
    first = AlwaysValid(experiment.criteria.alpha, 1).min_units_per_arm
    return 2 * first_units(weights, first)


def _history(plan: Plan, *, now: dt.datetime) -> PastUnits:
    """The experiment's own units; of all live experiments together where it has too few."""
    experiment = plan.experiment
    metrics = [row.metric for row in _goals(plan)]
    started = Experiment.objects.filter(
        source=Experiment.Source.LIVE, unit=experiment.unit
    ).exclude(state=Experiment.State.DRAFT)
    own = started.filter(pk=experiment.pk)
    num_own = Exposure.objects.filter(experiment__in=own, exposed_at__lt=now).count()
    chosen = own if num_own >= needed_units(plan) else started
    experiments = list(chosen.order_by("started_at", "pk"))
    if not experiments:
        none = np.zeros(0, dtype=np.int64)
        return PastUnits(experiments=(), days=none, totals=_nothing(metrics))
    return past_units(experiments, metrics, until=now, limit=MAX_UNITS)


def _nothing(metrics: list[Metric]) -> Mapping[str, np.ndarray]:
    return {metric.key: np.zeros(0) for metric in metrics}


def _goals(plan: Plan) -> tuple[ExperimentMetric, ...]:
    return tuple(row for row in plan.rows if row.role == ExperimentMetric.Role.GOAL)


def _goal(plan: Plan, key: str | None) -> ExperimentMetric:
    goals = _goals(plan)
    for row in goals:
        if key is None or row.metric.key == key:
            return row
    raise SimulationError(
        f"metric {key!r} is no goal of experiment {plan.experiment.key!r}; allowed: "
        + ", ".join(row.metric.key for row in goals)
    )


def _steps(progress: Progress, position: int, options: Options, *, total: int) -> Step:
    """Turns finished runs of a part into a share of the whole."""
    done = 0

    def step(runs: int) -> None:
        nonlocal done
        done += runs
        progress((position + min(done / total, 1.0)) / len(options.parts))

    return step
