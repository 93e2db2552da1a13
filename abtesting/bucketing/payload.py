"""Features as clients get them (GrowthBook's JSON) → compiled `Feature`s."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from abtesting.bucketing.allocation import Range, client_ranges, client_weights, equal_weights
from abtesting.bucketing.coercion import is_truthy
from abtesting.bucketing.conditions import Groups, compile_condition
from abtesting.bucketing.hashing import client_bucketer
from abtesting.bucketing.rules import (
    ContextualBandit,
    ExperimentRule,
    Feature,
    Filter,
    ForceRule,
    Leaf,
    Prerequisite,
    Rollout,
    Rule,
    Variation,
)
from abtesting.bucketing.urls import compile_url_targets

Json = Mapping[str, Any]

_REPORTED = (
    "coverage",
    "weights",
    "hashAttribute",
    "fallbackAttribute",
    "disableStickyBucketing",
    "bucketVersion",
    "minBucketVersion",
    "namespace",
    "meta",
    "ranges",
    "name",
    "phase",
    "seed",
    "hashVersion",
    "filters",
    "condition",
)
"""What a rule tells its experiment, in the clients' order."""
_REPORTED_WHEN_EMPTY = frozenset({"coverage", "bucketVersion", "minBucketVersion"})


def compile_features(payload: Json) -> dict[str, Feature]:
    """The features of a payload, with its saved groups and contextual bandits.

    >>> features = compile_features({"features": {"banner": {"defaultValue": "old"}}})
    >>> features["banner"].default
    'old'
    """
    groups = payload.get("savedGroups") or {}
    bandits = {
        ref: _bandit(bandit, groups)
        for ref, bandit in (payload.get("contextualBandits") or {}).items()
    }
    return {
        key: Feature(
            default=feature.get("defaultValue"),
            rules=tuple(_rule(rule, key, groups, bandits) for rule in feature.get("rules") or ()),
        )
        for key, feature in (payload.get("features") or {}).items()
    }


def compile_experiment(
    definition: Json,
    groups: Groups | None = None,
    *,
    rule_id: str = "",
    bandit: ContextualBandit | None = None,
) -> ExperimentRule:
    """An experiment that stands alone, as in a client's inline experiment."""
    groups = groups or {}
    key, values = definition["key"], definition["variations"]
    coverage = definition.get("coverage")
    coverage = 1.0 if coverage is None else coverage
    weights = definition.get("weights")
    given = definition.get("ranges")
    condition = definition.get("condition")
    filters = definition.get("filters")
    targets = definition.get("urlPatterns")
    attribute = definition.get("hashAttribute") or "id"
    return ExperimentRule(
        id=rule_id,
        key=key,
        variations=_variations(values, definition.get("meta")),
        hash_attribute=attribute,
        fallback_attribute=definition.get("fallbackAttribute") or "",
        bucketer=client_bucketer(definition.get("seed") or key, definition.get("hashVersion") or 1),
        ranges=_ranges(given)
        if given
        else client_ranges(client_weights(len(values), weights), coverage),
        has_own_ranges=bool(given),
        coverage=coverage,
        weights=equal_weights(len(values)) if weights is None else tuple(weights),
        definition=definition,
        is_active=definition.get("active") is not False and definition.get("status") != "draft",
        is_stopped=definition.get("status") == "stopped",
        forced=definition.get("force"),
        condition=compile_condition(condition, groups) if condition else None,
        prerequisites=_prerequisites(definition.get("parentConditions"), groups),
        filters=None if filters is None else _filters(filters),
        namespace=_namespace(definition.get("namespace"), attribute),
        url_targets=None if targets is None else compile_url_targets(targets),
        bucket_version=definition.get("bucketVersion") or 0,
        min_bucket_version=definition.get("minBucketVersion") or 0,
        is_sticky=not definition.get("disableStickyBucketing"),
        bandit=bandit,
    )


def _rule(
    rule: Json, feature: str, groups: Groups, bandits: Mapping[str, ContextualBandit]
) -> Rule:
    return Rule(
        prerequisites=_prerequisites(rule.get("parentConditions"), groups),
        filters=_filters(rule.get("filters") or ()),
        apply=_applied(rule, feature, groups, bandits),
    )


def _applied(
    rule: Json, feature: str, groups: Groups, bandits: Mapping[str, ContextualBandit]
) -> ForceRule | ExperimentRule | None:
    rule_id = rule.get("id") or ""
    if "force" in rule:
        condition = rule.get("condition")
        return ForceRule(
            id=rule_id,
            value=rule["force"],
            condition=compile_condition(condition, groups) if condition else None,
            rollout=_rollout(rule, feature),
        )
    # A contextual bandit's values have a name of their own, so that older clients skip the rule.
    values = rule.get("contextualVariations")
    values = rule.get("variations") if values is None else values
    if values is None:
        return None
    definition: dict[str, Any] = {"variations": values, "key": rule.get("key") or feature}
    for name in _REPORTED:
        value = rule.get(name)
        if is_truthy(value) or (name in _REPORTED_WHEN_EMPTY and value is not None):
            definition[name] = value
    bandit = bandits.get(rule.get("contextualBanditRef") or "")
    return compile_experiment(definition, groups, rule_id=rule_id, bandit=bandit)


def _variations(values: Sequence[Any], meta: Sequence[Json] | None) -> tuple[Variation, ...]:
    found = list(meta or ())
    found += [{}] * (len(values) - len(found))
    return tuple(
        Variation(
            key=about.get("key") or str(index),
            value=value,
            name=about.get("name") or "",
            is_passthrough=bool(about.get("passthrough")),
        )
        for index, (value, about) in enumerate(zip(values, found, strict=False))
    )


def _rollout(rule: Json, feature: str) -> Rollout | None:
    given, coverage = rule.get("range"), rule.get("coverage")
    if not given and coverage is None:
        return None
    share = (0.0, float(coverage or 0.0))
    attribute = rule.get("hashAttribute") or "id"
    fallback = "" if rule.get("disableStickyBucketing") else rule.get("fallbackAttribute") or ""
    return Rollout(
        attribute=attribute,
        fallback_attribute=fallback,
        bucketer=client_bucketer(rule.get("seed") or feature, rule.get("hashVersion") or 1),
        range=_range(given) if given else share,
        # A coverage counts its end, but 0 is nobody.
        upper_counts=not given and coverage != 0,
    )


def _prerequisites(parents: Sequence[Json] | None, groups: Groups) -> tuple[Prerequisite, ...]:
    return tuple(
        Prerequisite(
            feature=parent["id"],
            condition=compile_condition(parent.get("condition") or {}, groups),
            is_gate=bool(parent.get("gate")),
        )
        for parent in parents or ()
    )


def _filters(filters: Sequence[Json]) -> tuple[Filter, ...]:
    return tuple(
        Filter(
            attribute=each.get("attribute") or "id",
            bucketer=client_bucketer(each["seed"], each.get("hashVersion") or 2),
            ranges=_ranges(each["ranges"]),
        )
        for each in filters
    )


def _namespace(namespace: Sequence[Any] | None, attribute: str) -> Filter | None:
    if not namespace:
        return None
    name, start, end = namespace
    return Filter(
        attribute=attribute, bucketer=client_bucketer(f"__{name}", 1), ranges=((start, end),)
    )


def _bandit(bandit: Json, groups: Groups) -> ContextualBandit:
    return ContextualBandit(
        version=bandit.get("banditVersion"),
        leaves=tuple(
            Leaf(
                id=leaf["leafId"],
                condition=compile_condition(leaf.get("condition") or {}, groups),
                weights=tuple(leaf["weights"]),
            )
            for leaf in bandit.get("contexts") or ()
        ),
    )


def _ranges(ranges: Sequence[Sequence[float]]) -> tuple[Range, ...]:
    return tuple(_range(each) for each in ranges)


def _range(given: Sequence[float]) -> Range:
    start, end = given
    return float(start), float(end)
