"""Bandit: what Thompson sampling loses and finds beside the planned split, on the same units."""

from __future__ import annotations

import math

import numpy as np

from abtesting.models import ExperimentMetric, Metric
from abtesting.results.false_alarms import Step, in_blocks
from abtesting.results.power_curve import affordable_runs, detectable_lift, lifts_to_try
from abtesting.results.simulation_report import Allocator, BanditRegret, Share
from abtesting.results.trial import Trial, kind_of
from abtesting.statistics.adaptive.bandit_posteriors import Goal
from abtesting.statistics.boundaries import FixedHorizon
from abtesting.statistics.simulation.bandit_simulation import (
    BanditRuns,
    equal_batches,
    is_found,
    simulate_bandit,
    z_of_batches,
)
from abtesting.statistics.simulation.generators import Generator
from abtesting.statistics.simulation.paths import Floats, Paths
from abtesting.statistics.simulation.replays import shown

FLOOR = 0.05
MIN_BATCH_UNITS = 20


def bandit_regret(
    trial: Trial,
    row: ExperimentMetric,
    generator: Generator,
    *,
    num_days: int,
    num_runs: int,
    rng: np.random.Generator,
    step: Step,
) -> BanditRegret:
    """Run a bandit and the planned split with one better variant, and again with none.

    The better one is the first variant; it has the smallest lift of interest, or without one the
    lift that the sample can find.

    Args:
        trial: What is repeated.
        row: The goal that is looked at: a proportion or a mean.
        generator: Draws the units.
        num_days: Days that the units come in; the bandit renews its shares after each.
        num_runs: Runs of each way and lift.
        rng: Source of randomness.
        step: Told how many runs have been done.
    """
    lift = _lift(trial, row, generator)
    num_arms = len(trial.shares)
    lifts = [0.0, lift, *[0.0] * (num_arms - 2)]
    floor = min(FLOOR, 1 / (2 * num_arms))
    num_batches = max(1, min(num_days, trial.num_units // MIN_BATCH_UNITS))
    batches = equal_batches(trial.num_units, num_batches)
    num_runs = affordable_runs(num_runs, 4 * trial.num_units, generator)
    values = [generator.mean * (1 + each) for each in lifts]
    ways = {}
    for shares in (None, trial.shares):
        sums = _Sums(len(batches))
        for runs in in_blocks(num_runs, trial.num_units):
            for arms in (lifts, [0.0] * num_arms):
                done = simulate_bandit(
                    generator,
                    arms,
                    batches=batches,
                    num_runs=runs,
                    rng=rng,
                    floor=floor,
                    fixed_shares=shares,
                    binary=row.metric.kind == Metric.Kind.PROPORTION,
                    goal=_goal(row),
                )
                found = _found(trial, row, done, is_bandit=shares is None)
                sums.add(done, values, found, is_equal=arms is not lifts)
                step(runs)
        ways[shares is None] = sums.allocator(np.cumsum(batches).tolist(), num_runs)
    return BanditRegret(
        metric=row.metric.key,
        variant=trial.plan.treatments[0].key,
        lift=lift,
        num_units=trial.num_units,
        num_batches=len(batches),
        floor=floor,
        bandit=ways[True],
        split=ways[False],
    )


class _Sums:
    """What is added up over blocks of runs."""

    def __init__(self, num_batches: int) -> None:
        self.regret = np.zeros(num_batches)
        self.best_share = 0.0
        self.picked = self.found = self.false_alarms = 0

    def add(self, runs: BanditRuns, values: list[float], found: Floats, *, is_equal: bool) -> None:
        """Add runs; `found` has a row a variant, the first one being the better."""
        if is_equal:
            self.false_alarms += int(found.any(axis=0).sum())
            return
        self.regret += runs.regret(values).sum(axis=0)
        self.best_share += float(
            (runs.units[:, :, 1].sum(axis=1) / runs.units.sum(axis=(1, 2))).sum()
        )
        self.picked += int((runs.picked == 1).sum())
        self.found += int(found[0].sum())

    def allocator(self, sizes: list[int], num_runs: int) -> Allocator:
        regret = [total / num_runs for total in self.regret.tolist()]
        return Allocator(
            regret=regret[-1],
            regret_by_units=tuple(zip(sizes, regret, strict=True)),
            best_share=self.best_share / num_runs,
            best_picked=Share.of(self.picked, num_runs),
            found=Share.of(self.found, num_runs),
            false_alarms=Share.of(self.false_alarms, num_runs),
        )


def _found(trial: Trial, row: ExperimentMetric, runs: BanditRuns, *, is_bandit: bool) -> Floats:
    """Which variants are told from the control at the end, shape [variants, runs]."""
    alpha = trial.plan.experiment.criteria.alpha / len(trial.plan.treatments)
    found = []
    for variant in range(1, runs.units.shape[2]):
        if is_bandit:
            found.append(is_found(*z_of_batches(runs, variant=variant), alpha=alpha))
            continue
        totals = runs.totals.sum(axis=1)
        control, treated = (Paths.from_totals(totals[:, np.newaxis, arm]) for arm in (0, variant))
        signs = shown(control, treated, kind=kind_of(row), boundaries=[FixedHorizon(alpha)])
        found.append(signs[:, 0] != 0)
    return np.asarray(found)


def _goal(row: ExperimentMetric) -> Goal:
    return "largest" if row.metric.direction == Metric.Direction.INCREASE else "smallest"


def _lift(trial: Trial, row: ExperimentMetric, generator: Generator) -> float:
    wanted = row.minimum_lift or detectable_lift(trial, row, generator)
    furthest = lifts_to_try(trial, row, generator)[-1]
    return math.copysign(min(wanted, abs(furthest)), furthest)
