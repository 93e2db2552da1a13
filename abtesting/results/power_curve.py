"""Power: how often the rule finds a variant of a given lift, and how soon."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from scipy import special

from abtesting.models import ExperimentMetric, Metric
from abtesting.results.false_alarms import Step, arm_sizes, in_blocks
from abtesting.results.simulation_report import PowerCurve, PowerPoint, Share, VariantPower
from abtesting.results.trial import Trial, kind_of
from abtesting.statistics.simulation.generators import Conversions, Generator, Resampled
from abtesting.statistics.simulation.replays import first_shown, shown

GOOD_POWER = 0.8
STEPS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5)
"""Lifts that are tried, as multiples of the one that a single look finds in 80 % of tests."""
HIGHEST_RATE = 0.99
MAX_DRAWS = 150_000_000
"""Units with a value that are drawn in all; more are spread over fewer runs."""


def power_curve(
    trial: Trial,
    row: ExperimentMetric,
    generator: Generator,
    *,
    num_runs: int,
    rng: np.random.Generator,
    step: Step,
) -> PowerCurve:
    """Give one variant after the other a lift, and see how often the rule finds it.

    Each is compared with the control alone: variants of the same weight have the same curve.

    Args:
        trial: What is repeated.
        row: The goal that is looked at.
        generator: Draws the units.
        num_runs: Runs of each lift.
        rng: Source of randomness.
        step: Told how many runs have been done.
    """
    looks, last = trial.looks, trial.num_units
    at = looks if looks[-1] == last else (*looks, last)
    boundaries = trial.boundaries(row, at)
    groups = variants_by_share(trial)
    num_runs = affordable_runs(num_runs, last * len(STEPS) * len(groups), generator)
    sign = 1 if row.metric.direction == Metric.Direction.INCREASE else -1

    def point(share: float, lift: float) -> PowerPoint:
        control, variant = arm_sizes(at, trial.shares[0]), arm_sizes(at, share)
        found = lost = 0
        used = 0.0
        for runs in in_blocks(num_runs, last):
            signs = shown(
                generator.paths(control, num_runs=runs, rng=rng),
                generator.paths(variant, num_runs=runs, rng=rng, lift=lift),
                kind=kind_of(row),
                boundaries=boundaries,
                gate=trial.gate,
            )
            ends, what = first_shown(signs)
            found += int((what == sign).sum())
            lost += int((what == -sign).sum())
            used += float((np.asarray(at)[ends] / last).sum())
            step(runs)
        return PowerPoint(
            lift=lift,
            found=Share.of(found, num_runs),
            lost=lost / num_runs,
            sample_used=used / num_runs,
        )

    lifts = lifts_to_try(trial, row, generator)
    curves = []
    for share, variants in groups.items():
        points = tuple(point(share, lift) for lift in lifts)
        curves.append(
            VariantPower(variants=variants, points=points, smallest_lift=_smallest_lift(points))
        )
    return PowerCurve(
        metric=row.metric.key,
        num_units=last,
        num_looks=len(looks),
        curves=tuple(curves),
        minimum_lift=row.minimum_lift,
    )


def variants_by_share(trial: Trial) -> dict[float, tuple[str, ...]]:
    """Keys of the variants that are compared with the control, by their share of the units."""
    groups: dict[float, tuple[str, ...]] = {}
    for variant, share in zip(trial.plan.treatments, trial.shares[1:], strict=True):
        groups[share] = (*groups.get(share, ()), variant.key)
    return groups


def lifts_to_try(trial: Trial, row: ExperimentMetric, generator: Generator) -> tuple[float, ...]:
    """Lifts from none to several times what the sample can find; negative where less is better.

    What it can find in the variant with the fewest units, so that the curves of all go up.
    """
    largest = _largest_lift(row, generator)
    usual = detectable_lift(trial, row, generator)
    tried = {min(multiple * usual, largest) for multiple in STEPS}
    if row.minimum_lift and row.minimum_lift <= 2 * STEPS[-1] * usual:
        tried.add(min(row.minimum_lift, largest))
    sign = 1 if row.metric.direction == Metric.Direction.INCREASE else -1
    return tuple(sign * lift for lift in sorted(tried))


def detectable_lift(trial: Trial, row: ExperimentMetric, generator: Generator) -> float:
    """About the lift that one look at the whole sample finds in 80 % of tests, by formula.

    In the variant with the fewest units.
    """
    control, variant = (
        share * trial.num_units for share in (trial.shares[0], min(trial.shares[1:]))
    )
    error = math.sqrt(generator.variance * (1 / control + 1 / variant))
    z = -special.ndtri(trial.plan.alpha(row) / 2) + special.ndtri(GOOD_POWER)
    return float(z * error / abs(generator.mean))


def affordable_runs(num_runs: int, num_units: int, generator: Generator) -> int:
    """As many runs as can be drawn in a reasonable time.

    Args:
        num_runs: Runs that are asked for.
        num_units: Units that are drawn for each.
        generator: Draws them.
    """
    if isinstance(generator, Conversions):
        return num_runs  # drawn by the number, not one by one
    values = generator.values if isinstance(generator, Resampled) else np.ones(1)
    active = values != 0 if values.ndim == 1 else (values != 0).any(axis=1)
    draws = num_units * max(float(active.mean()), 1e-9)
    return max(min(num_runs, 200), min(num_runs, int(MAX_DRAWS / draws)))


def _largest_lift(row: ExperimentMetric, generator: Generator) -> float:
    """The largest lift of its direction that there can be."""
    if row.metric.direction == Metric.Direction.DECREASE:
        return 0.95
    if row.metric.kind == Metric.Kind.PROPORTION:
        return max(HIGHEST_RATE / generator.mean - 1, 0.0)
    return math.inf


def _smallest_lift(points: Sequence[PowerPoint]) -> float | None:
    """Where the curve first reaches 80 %, on a straight line between the points."""
    for before, after in itertools.pairwise(points):
        low, high = before.found.value, after.found.value
        if low < GOOD_POWER <= high:
            return before.lift + (GOOD_POWER - low) / (high - low) * (after.lift - before.lift)
    return None
