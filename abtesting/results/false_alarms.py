"""A/A tests: how often equal variants are called different, on past traffic or on drawn units."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from abtesting.results.simulation_report import FalseAlarms, Share
from abtesting.results.trial import Trial, kind_of
from abtesting.statistics.boundaries import FixedHorizon
from abtesting.statistics.simulation.generators import Generator
from abtesting.statistics.simulation.past_units import split_again
from abtesting.statistics.simulation.paths import Floats, Ints, Paths
from abtesting.statistics.simulation.replays import Signs, shown, shown_by_look

RUNS_AT_ONCE = 250
UNITS_AT_ONCE = 10_000_000

Step = Callable[[int], None]
"""Told how many runs have been done."""
Splits = Callable[[int], tuple[tuple[Paths, ...], ...]]
"""Makes so many runs: for each goal the paths of each variant at the sizes of the looks."""


def replay_splits(
    trial: Trial, values: Mapping[str, Floats], *, rng: np.random.Generator
) -> Splits:
    """Splits of real units, all goals alike.

    Args:
        trial: What is repeated.
        values: By metric key, what each unit did.
        rng: Source of randomness.
    """

    def split(num_runs: int) -> tuple[tuple[Paths, ...], ...]:
        return split_again(
            [values[row.metric.key] for row in trial.goals],
            sizes(trial),
            shares=trial.shares,
            num_runs=num_runs,
            rng=rng,
        )

    return split


def drawn_splits(
    trial: Trial, generators: Mapping[str, Generator], *, rng: np.random.Generator
) -> Splits:
    """Drawn units; the goals are drawn one by one, and know nothing of each other."""
    arms = [arm_sizes(sizes(trial), share) for share in trial.shares]

    def split(num_runs: int) -> tuple[tuple[Paths, ...], ...]:
        return tuple(
            tuple(
                generators[row.metric.key].paths(looks, num_runs=num_runs, rng=rng)
                for looks in arms
            )
            for row in trial.goals
        )

    return split


def false_alarms(trial: Trial, splits: Splits, *, num_runs: int, step: Step) -> FalseAlarms:
    """Judge splits without any true difference at every look.

    An alarm is any difference in any goal of any variant. Who peeks compares at p < alpha, without
    a correction for several goals or variants.
    """
    at = sizes(trial)
    alpha = trial.plan.experiment.criteria.alpha
    peeks = set(trial.peeks)
    rules = {row.metric.key: trial.boundaries(row, at) for row in trial.goals}
    naive = [FixedHorizon(alpha) if size in peeks else None for size in at]
    by_rule = np.zeros(len(at), dtype=np.int64)
    by_peeking = np.zeros(len(at), dtype=np.int64)
    for runs in in_blocks(num_runs, trial.num_units):
        ruled, peeked = [], []
        for row, (control, *variants) in zip(trial.goals, splits(runs), strict=True):
            kind = kind_of(row)
            for variant in variants:
                ruled.append(
                    shown(
                        control,
                        variant,
                        kind=kind,
                        boundaries=rules[row.metric.key],
                        gate=trial.gate,
                    )
                )
                peeked.append(shown(control, variant, kind=kind, boundaries=naive))
        by_rule += shown_by_look(_any(ruled))
        by_peeking += shown_by_look(_any(peeked))
        step(runs)
    looks = set(trial.looks)
    return FalseAlarms(
        num_units=trial.num_units,
        num_looks=len(looks),
        num_peeks=len(peeks),
        is_daily=trial.is_daily,
        alpha=alpha,
        rule=Share.of(int(by_rule[-1]), num_runs),
        peeking=Share.of(int(by_peeking[-1]), num_runs),
        rule_by_units=_points(at, by_rule, looks, num_runs),
        peeking_by_units=_points(at, by_peeking, peeks, num_runs),
    )


def sizes(trial: Trial) -> tuple[int, ...]:
    """Units at all looks, of the rule and of who peeks."""
    return tuple(sorted({*trial.looks, *trial.peeks}))


def arm_sizes(looks: Sequence[int], share: float) -> tuple[int, ...]:
    """Units of one variant at each look, one more each time at least.

    >>> arm_sizes([10, 20, 21], 0.25)
    (2, 5, 6)
    """
    rounded = (round(look * share) for look in looks)
    return tuple(itertools.accumulate(rounded, lambda last, size: max(last + 1, size)))


def in_blocks(num_runs: int, num_units: int) -> list[int]:
    """Numbers of runs that are done at once: few enough to say soon how far it is.

    >>> in_blocks(600, 2000)
    [250, 250, 100]
    >>> in_blocks(3, 50_000_000)
    [1, 1, 1]
    """
    size = max(1, min(RUNS_AT_ONCE, UNITS_AT_ONCE // num_units))
    whole, rest = divmod(num_runs, size)
    return [size] * whole + ([rest] if rest else [])


def _any(signs: Sequence[Signs]) -> Signs:
    found: Signs = np.abs(np.stack(signs)).max(axis=0)
    return found


def _points(
    at: Sequence[int], counts: Ints, kept: set[int], num_runs: int
) -> tuple[tuple[int, float], ...]:
    return tuple(
        (size, int(count) / num_runs)
        for size, count in zip(at, counts, strict=True)
        if size in kept
    )
