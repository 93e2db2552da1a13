"""What a feature consists of, compiled: rules in order, the first that applies gives the value.

The shapes are those of GrowthBook's payload; `payload` reads them, `evaluation` applies them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from abtesting.bucketing.allocation import Range
from abtesting.bucketing.conditions import Condition
from abtesting.bucketing.urls import UrlTargets

Bucketer = Callable[[str], float | None]
"""Place of a unit on [0, 1); None for a hash version that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A part of all units, by a hash of its own: what makes experiments exclude each other.

    Attributes:
        attribute: Which attribute is hashed.
        ranges: Half-open; a unit in none of them is filtered out.
    """

    attribute: str
    bucketer: Bucketer
    ranges: tuple[Range, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prerequisite:
    """What another feature's value has to be.

    Attributes:
        feature: Key of the other feature.
        condition: Asked of {"value": …}.
        is_gate: Whether the whole feature is blocked without it, and not the rule alone.
    """

    feature: str
    condition: Condition
    is_gate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """One of an experiment's values.

    Attributes:
        key: What sticky buckets and exposures call it.
        is_passthrough: Whether a unit with it goes on to the next rule.
    """

    key: str
    value: Any
    name: str = ""
    is_passthrough: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """Units that a contextual bandit treats alike, and its shares for them."""

    id: int
    condition: Condition
    weights: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextualBandit:
    """The leaves of a contextual bandit; the first that fits counts."""

    version: int | None
    leaves: tuple[Leaf, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentRule:
    """A randomised comparison.

    Attributes:
        hash_attribute: Which attribute is randomised.
        fallback_attribute: Which one where that is missing; with sticky buckets only.
        bucketer: Place of a unit on [0, 1).
        ranges: Half-open ranges of the variations on [0, 1).
        has_own_ranges: Whether they were given, and not made of weights and coverage.
        coverage: Share of units that take part.
        namespace: Older form of a filter; it has no say where there are filters.
        bucket_version: A new one forgets the sticky buckets of the older.
        min_bucket_version: Who has a sticky bucket of an older version takes part no more.
        forced: Index of the variation that everybody in it gets; None for none.
        definition: The rule as clients know it.
    """

    key: str
    variations: tuple[Variation, ...]
    hash_attribute: str
    bucketer: Bucketer
    ranges: tuple[Range, ...]
    coverage: float
    weights: tuple[float, ...]
    definition: Mapping[str, Any]
    id: str = ""
    has_own_ranges: bool = False
    fallback_attribute: str = ""
    is_active: bool = True
    is_stopped: bool = False
    forced: int | None = None
    condition: Condition | None = None
    prerequisites: tuple[Prerequisite, ...] = ()
    filters: tuple[Filter, ...] | None = None
    namespace: Filter | None = None
    url_targets: UrlTargets | None = None
    bucket_version: int = 0
    min_bucket_version: int = 0
    is_sticky: bool = True
    bandit: ContextualBandit | None = None
    is_restricted: bool = field(init=False)

    def __post_init__(self) -> None:
        """Note whether anything can keep a unit out before it is hashed."""
        restrictions = (self.filters, self.namespace, self.condition, self.prerequisites or None)
        object.__setattr__(self, "is_restricted", any(x is not None for x in restrictions))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """The share of units that a forced value is for; `upper_counts` where it is a coverage."""

    attribute: str
    fallback_attribute: str
    bucketer: Bucketer
    range: Range
    upper_counts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ForceRule:
    """A value for all who satisfy a condition, or a share of them."""

    value: Any
    id: str = ""
    condition: Condition | None = None
    rollout: Rollout | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule and what has to hold before it is looked at.

    Attributes:
        prerequisites: Of the rule; see `Prerequisite.is_gate`.
        filters: Units outside them skip the rule.
        apply: A value or an experiment; None where a rule has neither.
    """

    prerequisites: tuple[Prerequisite, ...] = ()
    filters: tuple[Filter, ...] = ()
    apply: ForceRule | ExperimentRule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """A value that rules may change."""

    default: Any
    rules: tuple[Rule, ...] = ()
