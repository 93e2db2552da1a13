"""Results as clients report them: FeatureResult and ExperimentResult in GrowthBook's JSON."""

from __future__ import annotations

from typing import Any

from abtesting.bucketing.coercion import is_truthy
from abtesting.bucketing.evaluation import (
    FALLBACK_LEAF,
    Context,
    FeatureResult,
    Outcome,
    Place,
    hashed_attribute,
)
from abtesting.bucketing.rules import ExperimentRule

Json = dict[str, Any]


def feature_report(result: FeatureResult, context: Context, feature: str) -> Json:
    """A feature's result."""
    is_on = is_truthy(result.value)
    report: Json = {
        "value": result.value,
        "on": is_on,
        "off": not is_on,
        "source": str(result.source),
        "ruleId": result.rule_id,
    }
    if result.experiment is not None and result.place is not None:
        report["experiment"] = reported_experiment(result.experiment, result.place)
        report["experimentResult"] = experiment_report(
            result.experiment, result.place, context, feature
        )
    return report


def experiment_report(
    rule: ExperimentRule, place: Place, context: Context, feature: str | None
) -> Json:
    """A unit's result in an experiment; who is not in it has the first variation's value."""
    index = place.variation or 0
    variation = rule.variations[index]
    fallback = rule.fallback_attribute if context.sticky is not None and rule.is_sticky else ""
    attribute, value = hashed_attribute(context.attributes, rule.hash_attribute, fallback)
    report: Json = {
        "key": variation.key,
        "featureId": feature,
        "inExperiment": place.variation is not None,
        "hashUsed": place.outcome is Outcome.ASSIGNED,
        "variationId": index,
        "value": variation.value,
        "hashAttribute": attribute,
        "hashValue": "" if value is None else value,
        "stickyBucketUsed": place.is_sticky,
    }
    if variation.name:
        report["name"] = variation.name
    if place.bucket is not None and place.outcome is Outcome.ASSIGNED:
        report["bucket"] = place.bucket
    if variation.is_passthrough:
        report["passthrough"] = True
    if place.weights is not None and place.outcome is Outcome.ASSIGNED:
        report["leafId"] = place.leaf
        report["variationWeights"] = list(place.weights)
        if rule.bandit is not None and rule.bandit.version is not None:
            report["banditVersion"] = rule.bandit.version
    return report


def reported_experiment(rule: ExperimentRule, place: Place) -> Json:
    """The experiment as a client knows it, with the bandit's shares for this unit."""
    report = dict(rule.definition)
    if rule.bandit is None or place.weights is None:
        return report
    if place.leaf != FALLBACK_LEAF:
        report["weights"] = list(place.weights)
    if place.outcome is Outcome.ASSIGNED:
        report["contextualBandit"] = {
            "leafId": place.leaf,
            "variationWeights": list(place.weights),
        }
        if rule.bandit.version is not None:
            report["contextualBandit"]["banditVersion"] = rule.bandit.version
    return report
