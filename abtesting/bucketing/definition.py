"""The frozen definition of an experiment, and the pure decision: definition + unit → variant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from abtesting.bucketing.allocation import (
    Range,
    bucket_ranges,
    choose_variant,
    normalised_weights,
)
from abtesting.bucketing.hashing import bucketer


class Reason(StrEnum):
    """Why a unit got the variant it got."""

    ASSIGNED = "assigned"  # randomised: the only reason that is counted
    DECIDED = "decided"  # the test is over and this variant was shipped
    NOT_COVERED = "not_covered"  # outside the allocation
    NOT_RUNNING = "not_running"  # draft, paused or stopped
    NO_UNIT = "no_unit"  # for instance an anonymous visitor in a test of users
    BOT = "bot"
    UNKNOWN_EXPERIMENT = "unknown_experiment"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantDefinition:
    """A variant as assignment sees it."""

    id: int
    key: str
    weight: float
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentDefinition:
    """Everything that decides who sees what; built once, then only read.

    Attributes:
        state: "running", "decided", or another state, in which the control is served.
        variants: In the order of their ranges.
        decided_variant: Key of the shipped variant when the state is "decided".
    """

    id: int
    key: str
    seed: str
    unit: str
    state: str
    coverage: float
    variants: tuple[VariantDefinition, ...]
    control: VariantDefinition
    decided_variant: str | None = None
    ranges: tuple[Range, ...] = field(init=False)
    propensities: tuple[float, ...] = field(init=False)
    bucketer: Callable[[str], float] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Derive ranges, propensities and the hash.

        Raises:
            ValueError: Fewer than two variants, unusable weights, or a seed that is empty.
        """
        if len(self.variants) < 2:
            raise ValueError(
                f"experiment {self.key!r} has {len(self.variants)} variant(s); allowed: 2 or more"
            )
        if not self.seed:
            raise ValueError(f"experiment {self.key!r} has seed ''; allowed: any other text")
        weights = [variant.weight for variant in self.variants]
        object.__setattr__(self, "ranges", bucket_ranges(weights, self.coverage))
        object.__setattr__(self, "propensities", normalised_weights(weights))
        object.__setattr__(self, "bucketer", bucketer(self.seed))

    def variant(self, key: str) -> VariantDefinition | None:
        """The variant with this key, or None."""
        return next((variant for variant in self.variants if variant.key == key), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What `decide` found.

    Attributes:
        propensity: Probability of this variant among the units that take part; None when the
            unit was not randomised.
        bucket: The unit's place on [0, 1); None when it was not hashed.
    """

    variant: VariantDefinition
    reason: Reason
    propensity: float | None = None
    bucket: float | None = None


def decide(definition: ExperimentDefinition, unit: str | None) -> Decision:
    """Which variant `unit` sees. Pure: the same input gives the same answer everywhere.

    Args:
        definition: The experiment.
        unit: The id of the unit that is randomised, or None when there is none.
    """
    if definition.state == "decided" and definition.decided_variant is not None:
        shipped = definition.variant(definition.decided_variant) or definition.control
        return Decision(variant=shipped, reason=Reason.DECIDED)
    if definition.state != "running":
        return Decision(variant=definition.control, reason=Reason.NOT_RUNNING)
    if not unit:
        return Decision(variant=definition.control, reason=Reason.NO_UNIT)
    bucket = definition.bucketer(unit)
    index = choose_variant(bucket, definition.ranges)
    if index is None:
        return Decision(variant=definition.control, reason=Reason.NOT_COVERED, bucket=bucket)
    return Decision(
        variant=definition.variants[index],
        reason=Reason.ASSIGNED,
        propensity=definition.propensities[index],
        bucket=bucket,
    )
