"""What an analysis compares, and how strictly: the rule's boundary for each metric.

Goals share the error rate among their comparisons (Bonferroni). Holm and gatekeeping, as in
`statistics.families.roles`, reject more, but have no simultaneous intervals that match their
decisions, and the level of a goal depends there on what the others show at the same look. With
Bonferroni it has one level from the first look to the last, and its interval, its p-value and its
verdict agree at each of them.

Each guardrail has the error rate to itself. In a test with a planned sample it is read in two ways,
at any time until a look at the complete plan and once at that look, and each of them gets half:
harm need not wait, and both together err no more often than one reading.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeVar

from abtesting.models import Experiment, ExperimentMetric, Variant
from abtesting.results.report import LookTaken
from abtesting.statistics.boundaries import AlwaysValid, Boundary, FixedHorizon
from abtesting.statistics.sequential.group_sequential import GroupSequentialLook
from abtesting.statistics.sequential.information import information_of
from abtesting.statistics.sequential.spending import ObrienFleming

Role = ExperimentMetric.Role
_Look = TypeVar("_Look", bound=GroupSequentialLook)


class OneLook(GroupSequentialLook):
    """A look with its own critical value and the p-value it would have alone."""

    __slots__ = ()

    def p_value(self, z: float, num_units: int, df: float | None) -> float:
        """Return both tails beyond `z`."""
        return FixedHorizon(self.alpha).p_value(z, num_units, df)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is compared, and how strictly.

    Attributes:
        looks: Those of a planned test at which the goals were read, the one that counts last.
        is_complete: Whether there was a look at the planned sample, where guardrails are read for
            the last time.
    """

    experiment: Experiment
    control: Variant
    treatments: tuple[Variant, ...]
    rows: tuple[ExperimentMetric, ...]
    looks: tuple[LookTaken, ...] = field(default=())
    is_complete: bool = False

    @property
    def min_units_per_arm(self) -> int:
        """Units of each variant below which no goal has a result."""
        minimum = self.experiment.criteria.minimum_units
        goals = [row for row in self.rows if row.role == Role.GOAL]
        if self.experiment.rule in ("always_valid", "bayesian") and goals:
            return max(minimum, self.boundary(goals[0]).min_units_per_arm)
        return minimum

    @property
    def tuned_num_units(self) -> int:
        """Units of a comparison at which what may be read any day is sharpest."""
        return self.experiment.planned_num_units or self.experiment.criteria.tuned_num_units

    @property
    def num_comparisons(self) -> int:
        """Comparisons that share the error rate."""
        goals = sum(row.role == Role.GOAL for row in self.rows)
        return max(1, goals * len(self.treatments))

    def alpha(self, row: ExperimentMetric) -> float:
        """Level of one comparison of a metric."""
        alpha = self.experiment.criteria.alpha
        if row.role == Role.GOAL:
            return alpha / self.num_comparisons
        return alpha / 2 if row.role == Role.GUARDRAIL and self.experiment.has_end else alpha

    def boundary(self, row: ExperimentMetric, *, alpha: float | None = None) -> Boundary:
        """How far an estimate has to be from zero now.

        Args:
            alpha: Level, where it is another than that of `alpha`.
        """
        level = self.alpha(row) if alpha is None else alpha
        at_any_time = row.role == Role.GUARDRAIL and not self.is_complete
        if self.experiment.rule == "imported":
            return FixedHorizon(level)
        if self.experiment.rule in ("always_valid", "bayesian") or at_any_time:
            # One mixture whatever the level: the p-value must not depend on it.
            tuned_alpha = None if alpha is None else self.alpha(row)
            return AlwaysValid(level, self.tuned_num_units, tuned_alpha=tuned_alpha)
        if self.experiment.rule == "group_sequential" and row.role != Role.GUARDRAIL:
            return self._last_look(row, level, kind=GroupSequentialLook)
        return FixedHorizon(level)

    def boundary_at(self, row: ExperimentMetric, num_units: int) -> Boundary:
        """The boundary of a point of a chart, where this many units were counted.

        Of a group-sequential test as if a look had been taken there, of one that is read once as
        if that had been there: a chart to watch, not a decision.
        """
        planned = self.experiment.planned_num_units
        if self.experiment.rule != "group_sequential" or row.role == Role.GUARDRAIL or not planned:
            return self.boundary(row)
        if self.looks and num_units == self.looks[-1].num_units:
            return self.look(row)
        now = min(1.0, num_units / planned)
        # A look with next to the same information is that look.
        before = tuple(x.information for x in self.looks if x.information < now * (1 - 1e-3))
        # Its repeated p-value takes long and no chart shows it.
        return self._look_boundary(self.alpha(row), (*before, now), kind=OneLook)

    def look(self, row: ExperimentMetric) -> OneLook:
        """The last look of a group-sequential test."""
        return self._last_look(row, self.alpha(row), kind=OneLook)

    def _last_look(self, row: ExperimentMetric, level: float, *, kind: type[_Look]) -> _Look:
        """The boundary of the last look, as alike to those before as what they have read."""
        spent_at = tuple(x.information for x in self.looks)
        known = [x.correlations.get(row.metric.key) for x in self.looks]
        if not any(x is not None for x in known[1:]):
            return self._look_boundary(level, spent_at, kind=kind)
        by_units = (math.sqrt(old / new) for old, new in pairwise(spent_at))
        information = information_of(
            [usual if x is None else x for x, usual in zip(known[1:], by_units, strict=True)]
        )
        return self._look_boundary(level, information, kind=kind, spent_at=spent_at)

    def _look_boundary(
        self,
        alpha: float,
        information: tuple[float, ...],
        *,
        kind: type[_Look],
        spent_at: tuple[float, ...] | None = None,
    ) -> _Look:
        return kind(
            alpha=alpha,
            information=information,
            spent_at=spent_at,
            spending=ObrienFleming(),
            side="two_sided",
            min_units_per_arm=self.experiment.criteria.minimum_units,
        )
