"""A trial: an experiment as a simulation repeats it, with its own rule at its own looks.

The boundaries are those of `plan`, so that a replay is judged like the experiment itself. Works on
experiments that are not stored too, for a metric that has none yet.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from abtesting.exceptions import SimulationError
from abtesting.models import Experiment, ExperimentMetric, Metric, Variant
from abtesting.models.experiment import MAX_NUM_LOOKS
from abtesting.results.decision import SURE_CHANCE
from abtesting.results.looks import first_units
from abtesting.results.plan import Plan
from abtesting.results.report import LookTaken
from abtesting.statistics.boundaries import Boundary
from abtesting.statistics.planning.smallest_plan import smallest_plan
from abtesting.statistics.simulation.replays import ChanceGate, Kind

USUAL_NUM_PEEKS = 14
"""Looks of who looks every day, where the days are not known."""
MIN_DAYS = 7
"""Days of traffic from which those are the days of the looks."""

LONG_AGO = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


class PlanTooSmallError(SimulationError):
    """A planned sample that ends a test before each variant surely has what a look waits for.

    Such a test cannot be started, so a simulation of it would say nothing of any test.

    Attributes:
        minimum: Units that each variant needs.
        smallest: The smallest planned sample that works.
    """

    def __init__(self, planned: int, *, minimum: int, smallest: int) -> None:
        super().__init__(
            f"planned sample is {planned}; allowed: {smallest} and above, so that each variant "
            f"has {minimum} units"
        )
        self.minimum = minimum
        self.smallest = smallest


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What is repeated.

    Attributes:
        plan: What is compared, and how strictly.
        num_units: Units of all variants, if nothing ends the trial earlier.
        peeks: Units at the looks of somebody who looks every day.
        is_daily: Whether they are the ends of days of real traffic.
    """

    plan: Plan
    num_units: int
    peeks: tuple[int, ...]
    is_daily: bool

    @property
    def goals(self) -> tuple[ExperimentMetric, ...]:
        """What decides."""
        return tuple(row for row in self.plan.rows if row.role == ExperimentMetric.Role.GOAL)

    @property
    def shares(self) -> tuple[float, ...]:
        """Share of each variant, the control first; they sum to 1."""
        weights = [v.weight for v in (self.plan.control, *self.plan.treatments)]
        return tuple(weight / math.fsum(weights) for weight in weights)

    @property
    def looks(self) -> tuple[int, ...]:
        """Units at the looks of the rule."""
        rule = self.plan.experiment.rule
        if rule == "fixed_horizon":
            return (self.num_units,)
        if rule != "group_sequential":
            return self.peeks
        # The looks of the plan, also where a trial has fewer units than that.
        planned = self.plan.experiment.planned_num_units or self.num_units
        number = self.plan.experiment.planned_num_looks
        sizes = {math.ceil(k * planned / number) for k in range(1, number + 1)}
        kept = sorted(size for size in sizes if self._first <= size <= self.num_units)
        return tuple(kept) or (self.num_units,)

    @property
    def gate(self) -> ChanceGate | None:
        """What a Bayesian rule asks for besides its boundary."""
        if self.plan.experiment.rule != "bayesian":
            return None
        return ChanceGate(
            threshold=SURE_CHANCE, prior_sd=self.plan.experiment.criteria.prior_lift_sd
        )

    @property
    def _first(self) -> int:
        return first_units(self.shares, self.plan.experiment.criteria.minimum_units)

    def boundaries(self, row: ExperimentMetric, sizes: Sequence[int]) -> list[Boundary | None]:
        """The boundary of a goal at each of these sizes; None where the rule does not look."""
        planned = self.plan.experiment.planned_num_units or self.num_units
        found: list[Boundary | None] = []
        taken: list[LookTaken] = []
        looks = set(self.looks)
        for size in sizes:
            if size not in looks:
                found.append(None)
                continue
            taken.append(
                LookTaken(
                    number=len(taken) + 1,
                    num_units=size,
                    information=min(1.0, size / planned),
                    taken_at=LONG_AGO,
                )
            )
            found.append(replace(self.plan, looks=tuple(taken)).boundary(row))
        return found


def kind_of(row: ExperimentMetric) -> Kind:
    """How a metric is compared."""
    return cast("Kind", row.metric.kind)


def make_trial(
    plan: Plan, num_units: int, *, day_ends: Sequence[int] = (), num_days: int | None = None
) -> Trial:
    """A trial of this size.

    Args:
        plan: What is compared.
        num_units: Units of all variants.
        day_ends: Units at the end of each day of real traffic, as far as the trial goes.
        num_days: Days that it takes, where it is not made of those.
    """
    weights = [v.weight for v in (plan.control, *plan.treatments)]
    first = first_units(weights, plan.experiment.criteria.minimum_units)
    is_daily = MIN_DAYS <= len(day_ends) <= MAX_NUM_LOOKS
    number = min(max(len(day_ends) or num_days or USUAL_NUM_PEEKS, MIN_DAYS), MAX_NUM_LOOKS)
    equal = (math.ceil(k * num_units / number) for k in range(1, number + 1))
    peeks = {*(day_ends if is_daily else equal), num_units}
    kept = tuple(sorted(size for size in peeks if first <= size <= num_units))
    return Trial(plan=plan, num_units=num_units, peeks=kept or (num_units,), is_daily=is_daily)


def plan_of(experiment: Experiment) -> Plan:
    """What a stored experiment compares.

    Raises:
        SimulationError: It has no control, no other variant, no traffic for one of them or no goal.
        PlanTooSmallError: Its planned sample ends it before it can be read.
    """
    variants = list(experiment.variants.all())
    rows = tuple(experiment.experiment_metrics.select_related("metric"))
    control = next((variant for variant in variants if variant.is_control), None)
    if control is None or len(variants) < 2 or not all(v.weight > 0 for v in variants):
        raise SimulationError(
            f"experiment {experiment.key!r} has {len(variants)} variants; needed: a control and "
            "at least one more, each with a weight above 0"
        )
    if not any(row.role == ExperimentMetric.Role.GOAL for row in rows):
        raise SimulationError(
            f"experiment {experiment.key!r} has no goal metric; needed: at least one"
        )
    return _readable(
        Plan(
            experiment=experiment,
            control=control,
            treatments=tuple(variant for variant in variants if not variant.is_control),
            rows=rows,
        )
    )


def plan_for(metric: Metric, *, planned_num_units: int | None, rule: str = "") -> Plan:
    """What a test of this metric would compare: two variants with equal shares. Not stored.

    Raises:
        SimulationError: There is no such rule, or it waits for a planned sample and has none.
        PlanTooSmallError: The planned sample ends the test before it can be read.
    """
    rules = [value for value in Experiment.DecisionRule.values if value]
    if rule and rule not in rules:
        raise SimulationError(f"rule is {rule!r}; allowed: {', '.join(rules)}")
    experiment = Experiment(
        key="",
        planned_num_units=planned_num_units,
        decision_rule=rule,
    )
    if experiment.rule in ("group_sequential", "fixed_horizon") and planned_num_units is None:
        raise SimulationError(f"rule {rule!r} needs a planned sample; given: none")
    return _readable(
        Plan(
            experiment=experiment,
            control=Variant(key="control", is_control=True),
            treatments=(Variant(key="b"),),
            rows=(ExperimentMetric(metric=metric, role=ExperimentMetric.Role.GOAL),),
        )
    )


def _readable(plan: Plan) -> Plan:
    """The plan, if its sample is large enough to be read before it ends the test."""
    planned, minimum = plan.experiment.planned_num_units, plan.experiment.criteria.minimum_units
    smallest = smallest_plan([v.weight for v in (plan.control, *plan.treatments)], minimum)
    if plan.experiment.has_end and planned is not None and planned < smallest:
        raise PlanTooSmallError(planned, minimum=minimum, smallest=smallest)
    return plan
