"""Evaluation: compiled rules + attributes → a feature's value, or a place in an experiment.

Pure but for the sticky buckets of the context, where a new place is noted. The order of the steps
is that of GrowthBook's SDKs (specification 0.8.0), so that they come to the same end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from abtesting.bucketing.allocation import Range, choose_variant, client_ranges, client_weights
from abtesting.bucketing.coercion import is_truthy, to_text
from abtesting.bucketing.overrides import forced_by_query
from abtesting.bucketing.rules import (
    ContextualBandit,
    ExperimentRule,
    Feature,
    Filter,
    ForceRule,
    Prerequisite,
    Rollout,
    Rule,
)
from abtesting.bucketing.sticky import StickyBuckets

FALLBACK_LEAF = -1
"""What a contextual bandit calls units that no leaf fits."""


class Source(StrEnum):
    """Where a feature's value comes from."""

    UNKNOWN = "unknownFeature"
    DEFAULT = "defaultValue"
    FORCE = "force"
    OVERRIDE = "override"
    EXPERIMENT = "experiment"
    PREREQUISITE = "prerequisite"
    CYCLE = "cyclicPrerequisite"


class Outcome(StrEnum):
    """How a unit fares in an experiment; only the assigned ones are counted."""

    ASSIGNED = "assigned"
    INVALID = "invalid"  # fewer than two variations
    DISABLED = "disabled"
    WRONG_PAGE = "wrong_page"
    FORCED = "forced"
    INACTIVE = "inactive"
    NO_UNIT = "no_unit"
    EXCLUDED = "excluded"  # by a filter: a layer or a holdout
    NOT_TARGETED = "not_targeted"
    PREREQUISITE = "prerequisite"
    BLOCKED = "blocked"  # has a sticky bucket of a version that takes part no more
    NOT_COVERED = "not_covered"


@dataclass(slots=True, kw_only=True)
class Context:
    """Who asks, and what is known of the request.

    Attributes:
        features: For prerequisites and `evaluate_feature`.
        forced_variations: Index of a variation by experiment key.
        forced_values: Values by feature key.
        is_enabled: Off: no experiment takes anybody.
        is_qa: Only forced variations are given.
        sticky: None where they are not used.
    """

    attributes: Mapping[str, Any] = field(default_factory=dict)
    features: Mapping[str, Feature] = field(default_factory=dict)
    url: str = ""
    forced_variations: Mapping[str, int] = field(default_factory=dict)
    forced_values: Mapping[str, Any] = field(default_factory=dict)
    is_enabled: bool = True
    is_qa: bool = False
    sticky: StickyBuckets | None = None


class Place(NamedTuple):
    """Where a unit is in an experiment. A tuple, because one is made at every evaluation.

    Attributes:
        variation: Index of its variation; None where it has none.
        bucket: Its place on [0, 1), where it was asked for.
        is_sticky: Whether it was, or was kept out, by a place it had before.
        leaf: Of a contextual bandit.
        weights: The bandit's shares for this unit.
    """

    outcome: Outcome
    variation: int | None = None
    bucket: float | None = None
    is_sticky: bool = False
    leaf: int | None = None
    weights: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureResult:
    """A feature's value, where it comes from, and the experiment behind it."""

    value: Any
    source: Source
    rule_id: str = ""
    experiment: ExperimentRule | None = None
    place: Place | None = None


def evaluate_feature(key: str, context: Context) -> FeatureResult:
    """The value of a feature for whoever asks.

    >>> from abtesting.bucketing.payload import compile_features
    >>> rule = {"variations": ["old", "new"], "hashVersion": 2, "seed": "exp-cta"}
    >>> features = compile_features({"features": {"cta": {"rules": [rule]}}})
    >>> evaluate_feature("cta", Context(attributes={"id": "user-0"}, features=features)).value
    'old'
    """
    return _evaluate(key, context, frozenset())


def place_in(rule: ExperimentRule, context: Context) -> Place:
    """Where whoever asks is in an experiment."""
    return _place(rule, context, frozenset())


def hashed_attribute(
    attributes: Mapping[str, Any], attribute: str, fallback: str = ""
) -> tuple[str, Any]:
    """The attribute that is hashed, and its value; None where it has none."""
    value = attributes.get(attribute)
    if is_truthy(value):
        return attribute, value
    if fallback:
        value = attributes.get(fallback)
        if is_truthy(value):
            return fallback, value
    return attribute, None


def _evaluate(key: str, context: Context, above: frozenset[str]) -> FeatureResult:
    if key in above:
        return FeatureResult(value=None, source=Source.CYCLE)
    if key in context.forced_values:
        return FeatureResult(value=context.forced_values[key], source=Source.OVERRIDE)
    feature = context.features.get(key)
    if feature is None:
        return FeatureResult(value=None, source=Source.UNKNOWN)
    above |= {key}
    for rule in feature.rules:
        result = _apply(rule, context, above)
        if result is not None:
            return result
    return FeatureResult(value=feature.default, source=Source.DEFAULT)


def _apply(rule: Rule, context: Context, above: frozenset[str]) -> FeatureResult | None:
    """What a rule gives; None where it does not apply."""
    for prerequisite in rule.prerequisites:
        met = _is_met(prerequisite, context, above)
        if met is None:
            return FeatureResult(value=None, source=Source.CYCLE)
        if not met:
            if prerequisite.is_gate:
                return FeatureResult(value=None, source=Source.PREREQUISITE)
            return None
    if _is_filtered_out(rule.filters, context):
        return None
    apply = rule.apply
    if isinstance(apply, ForceRule):
        if apply.condition is not None and not apply.condition(context.attributes):
            return None
        if apply.rollout is not None and not _is_in_rollout(apply.rollout, context):
            return None
        return FeatureResult(value=apply.value, source=Source.FORCE, rule_id=apply.id)
    if apply is None:
        return None
    place = _place(apply, context, above)
    if place.variation is None or apply.variations[place.variation].is_passthrough:
        return None
    return FeatureResult(
        value=apply.variations[place.variation].value,
        source=Source.EXPERIMENT,
        rule_id=apply.id,
        experiment=apply,
        place=place,
    )


def _place(rule: ExperimentRule, context: Context, above: frozenset[str]) -> Place:
    early = _before_units(rule, context)
    if early is not None:
        return early
    sticky = context.sticky if rule.is_sticky else None
    fallback = rule.fallback_attribute if sticky is not None else ""
    attribute, value = hashed_attribute(context.attributes, rule.hash_attribute, fallback)
    if value is None:
        return Place(outcome=Outcome.NO_UNIT)
    index, is_blocked = (None, False) if sticky is None else sticky.find(rule, context.attributes)
    is_sticky = index is not None
    if not is_sticky and rule.is_restricted:
        outcome = _excluded(rule, context, above, value)
        if outcome is not None:
            return Place(outcome=outcome)
    bucket = rule.bucketer(value if type(value) is str else to_text(value))
    if bucket is None:
        return Place(outcome=Outcome.INVALID)
    if is_blocked:
        return Place(outcome=Outcome.BLOCKED, is_sticky=True)
    leaf, weights = (None, None) if rule.bandit is None else _leaf(rule.bandit, rule, context)
    if index is None:
        index = choose_variant(bucket, _ranges(rule, weights))
    if index is None or index >= len(rule.variations):
        return Place(outcome=Outcome.NOT_COVERED, bucket=bucket)
    if rule.forced is not None:
        return _forced(rule.forced, rule, context)
    if context.is_qa or rule.is_stopped:
        return Place(outcome=Outcome.INACTIVE)
    if sticky is not None:
        sticky.keep(rule, attribute, value, rule.variations[index].key)
    return Place(
        outcome=Outcome.ASSIGNED,
        variation=index,
        bucket=bucket,
        is_sticky=is_sticky,
        leaf=leaf,
        weights=weights,
    )


def _before_units(rule: ExperimentRule, context: Context) -> Place | None:
    """What is decided whoever asks."""
    if len(rule.variations) < 2:
        return Place(outcome=Outcome.INVALID)
    if not context.is_enabled:
        return Place(outcome=Outcome.DISABLED)
    if rule.url_targets is not None and not rule.url_targets.matches(context.url):
        return Place(outcome=Outcome.WRONG_PAGE)
    if context.url:
        forced = forced_by_query(rule.key, context.url, len(rule.variations))
        if forced is not None:
            return _forced(forced, rule, context)
    if rule.key in context.forced_variations:
        return _forced(context.forced_variations[rule.key], rule, context)
    return None if rule.is_active else Place(outcome=Outcome.INACTIVE)


def _ranges(rule: ExperimentRule, weights: tuple[float, ...] | None) -> tuple[Range, ...]:
    if weights is None or rule.has_own_ranges:
        return rule.ranges
    return client_ranges(client_weights(len(rule.variations), weights), rule.coverage)


def _excluded(
    rule: ExperimentRule, context: Context, above: frozenset[str], value: Any
) -> Outcome | None:
    """Why a unit is not in the experiment, before it is hashed for it."""
    if rule.filters is not None:
        if _is_filtered_out(rule.filters, context):
            return Outcome.EXCLUDED
    elif rule.namespace is not None and not _is_within(rule.namespace, value):
        return Outcome.EXCLUDED
    if rule.condition is not None and not rule.condition(context.attributes):
        return Outcome.NOT_TARGETED
    for prerequisite in rule.prerequisites:
        if not _is_met(prerequisite, context, above):
            return Outcome.PREREQUISITE
    return None


def _leaf(
    bandit: ContextualBandit, rule: ExperimentRule, context: Context
) -> tuple[int, tuple[float, ...]]:
    """The leaf of a contextual bandit, and its shares."""
    for leaf in bandit.leaves:
        if leaf.condition(context.attributes):
            return leaf.id, leaf.weights
    return FALLBACK_LEAF, rule.weights


def _forced(index: int, rule: ExperimentRule, context: Context) -> Place:
    leaf, weights = (None, None) if rule.bandit is None else _leaf(rule.bandit, rule, context)
    is_known = 0 <= index < len(rule.variations)
    variation = index if is_known else None
    return Place(outcome=Outcome.FORCED, variation=variation, leaf=leaf, weights=weights)


def _is_met(prerequisite: Prerequisite, context: Context, above: frozenset[str]) -> bool | None:
    """Whether a prerequisite holds; None where it goes in a circle."""
    result = _evaluate(prerequisite.feature, context, above)
    if result.source is Source.CYCLE:
        return None
    return prerequisite.condition({"value": result.value})


def _is_filtered_out(filters: Sequence[Filter], context: Context) -> bool:
    for each in filters:
        _, value = hashed_attribute(context.attributes, each.attribute)
        if value is None or not _is_within(each, value):
            return True
    return False


def _is_within(each: Filter, value: Any) -> bool:
    bucket = each.bucketer(to_text(value))
    return bucket is not None and any(start <= bucket < end for start, end in each.ranges)


def _is_in_rollout(rollout: Rollout, context: Context) -> bool:
    fallback = rollout.fallback_attribute if context.sticky is not None else ""
    _, value = hashed_attribute(context.attributes, rollout.attribute, fallback)
    bucket = None if value is None else rollout.bucketer(to_text(value))
    if bucket is None:
        return False
    start, end = rollout.range
    return start <= bucket < end or (rollout.upper_counts and bucket == end)
