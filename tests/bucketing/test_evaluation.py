"""Features and experiments as clients define them: which rule applies, and where a unit is.

Expected buckets are those of GrowthBook's SDKs (JavaScript 1.8.0, Python 4.0.0): seed "exp-cta",
version 2, user-0 → .0321, user-1 → .4347.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtesting.bucketing.evaluation import (
    Context,
    Outcome,
    Source,
    evaluate_feature,
    hashed_attribute,
    place_in,
)
from abtesting.bucketing.overrides import forced_by_query
from abtesting.bucketing.payload import compile_experiment, compile_features
from abtesting.bucketing.report import experiment_report, feature_report
from abtesting.bucketing.sticky import StickyBuckets

CTA = {"key": "cta", "seed": "exp-cta", "hashVersion": 2, "variations": ["old", "new"]}
META = [{"key": "control"}, {"key": "bold", "name": "Bold"}]


def features(*rules, key="banner", default="plain", **others):
    return {"features": {key: {"defaultValue": default, "rules": list(rules)}, **others}}


def evaluate(payload, key="banner", sticky=None, **attributes):
    url = attributes.pop("url", "")
    forced = attributes.pop("forced", {})
    context = Context(
        attributes=attributes,
        features=compile_features(payload),
        url=url,
        forced_variations=forced,
        sticky=sticky,
    )
    return evaluate_feature(key, context)


def place(definition, *, url="", sticky=None, is_qa=False, is_enabled=True, **attributes):
    context = Context(
        attributes=attributes, url=url, sticky=sticky, is_qa=is_qa, is_enabled=is_enabled
    )
    return place_in(compile_experiment(definition), context)


# Rules in order


def test_without_a_rule_that_applies_the_default_is_given():
    result = evaluate(features({"condition": {"country": "DE"}, "force": "de"}), country="AT")
    assert (result.value, result.source) == ("plain", Source.DEFAULT)


def test_the_first_rule_that_applies_wins():
    payload = features({"force": "first", "id": "a"}, {"force": "second"})
    result = evaluate(payload)
    assert (result.value, result.source, result.rule_id) == ("first", Source.FORCE, "a")


def test_an_unknown_feature_has_no_value():
    assert evaluate(features(), key="nope").source is Source.UNKNOWN


def test_a_rule_that_says_nothing_is_skipped():
    assert evaluate(features({"id": "empty"})).source is Source.DEFAULT


def test_a_forced_value_outranks_everything():
    context = Context(features=compile_features(features()), forced_values={"banner": 3})
    result = evaluate_feature("banner", context)
    assert (result.value, result.source) == (3, Source.OVERRIDE)


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ({"coverage": 0.0321}, "yes"),  # a coverage counts its end
        ({"coverage": 0.032}, "plain"),
        ({"coverage": 0}, "plain"),
        ({"range": [0, 0.0321]}, "plain"),  # a range does not
        ({"range": [0.0321, 0.04]}, "yes"),
        ({"range": [0.5, 1], "coverage": 1}, "plain"),
    ],
)
def test_a_rollout_is_for_a_share_of_the_units(rule, value):
    rule = {"force": "yes", "seed": "exp-cta", "hashVersion": 2, **rule}
    assert evaluate(features(rule), id="user-0").value == value


def test_a_rollout_is_not_for_who_has_no_id():
    assert evaluate(features({"force": "yes", "coverage": 1})).value == "plain"


# Experiments


def test_a_unit_gets_the_variation_of_its_bucket():
    result = evaluate(features({**CTA, "meta": META}), id="user-1")
    assert (result.value, result.source, result.place.bucket) == ("old", Source.EXPERIMENT, 0.4347)
    assert evaluate(features({**CTA, "weights": [0.4, 0.6]}), id="user-1").value == "new"


@pytest.mark.parametrize("unit", [None, "", 0, False])
def test_who_has_no_id_is_in_no_experiment(unit):
    assert place(CTA, id=unit).outcome is Outcome.NO_UNIT


def test_numbers_are_ids_as_texts_are():
    assert place(CTA, id=12345).bucket == place(CTA, id="12345").bucket
    assert place(CTA, id=5.0).bucket == place(CTA, id="5").bucket


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"variations": ["alone"]}, Outcome.INVALID),
        ({"hashVersion": 3}, Outcome.INVALID),
        ({"active": False}, Outcome.INACTIVE),
        ({"status": "draft"}, Outcome.INACTIVE),
        ({"status": "stopped"}, Outcome.INACTIVE),
        ({"coverage": 0.01}, Outcome.NOT_COVERED),
        ({"condition": {"country": "DE"}}, Outcome.NOT_TARGETED),
        ({"namespace": ["ns", 0, 0]}, Outcome.EXCLUDED),
        ({"filters": [{"seed": "layer", "ranges": [[0, 0]]}]}, Outcome.EXCLUDED),
        ({"filters": [{"seed": "l", "ranges": [[0, 1]], "attribute": "x"}]}, Outcome.EXCLUDED),
        ({"urlPatterns": [{"type": "simple", "pattern": "/other"}]}, Outcome.WRONG_PAGE),
        ({"urlPatterns": []}, Outcome.WRONG_PAGE),
        ({"parentConditions": [{"id": "x", "condition": {"value": 1}}]}, Outcome.PREREQUISITE),
        ({"force": 1}, Outcome.FORCED),
        ({"filters": [], "namespace": ["ns", 0, 0]}, Outcome.ASSIGNED),  # filters replace it
        ({"ranges": [[0.9, 1], [0, 0.1]], "weights": [1, 0]}, Outcome.ASSIGNED),
    ],
)
def test_why_a_unit_is_where_it_is(change, outcome):
    found = place({**CTA, **change}, id="user-0", url="https://example.com/shop/")
    assert found.outcome is outcome
    assert (found.variation is None) is (outcome not in (Outcome.ASSIGNED, Outcome.FORCED))


def test_nobody_is_placed_where_experiments_are_off_or_under_test():
    assert place(CTA, id="user-0", is_enabled=False).outcome is Outcome.DISABLED
    assert place(CTA, id="user-0", is_qa=True).outcome is Outcome.INACTIVE
    assert place({**CTA, "force": 1}, id="user-0", is_qa=True).variation == 1


def test_ranges_that_are_given_outrank_weights():
    found = place({**CTA, "ranges": [[0.9, 1], [0, 0.1]], "weights": [1, 0]}, id="user-0")
    assert found.variation == 1


@pytest.mark.parametrize("weights", [[1, 3], [0.5], [], None])
def test_weights_that_are_no_shares_are_equal_ones(weights):
    assert place({**CTA, "weights": weights}, id="user-1").variation == 0


def test_a_passthrough_goes_on_to_the_next_rule():
    holdout = {**CTA, "key": "holdout", "meta": [{"key": "in", "passthrough": True}, {}]}
    assert evaluate(features(holdout, {"force": "next"}), id="user-0").value == "next"


# Prerequisites


def test_a_rule_may_depend_on_another_feature():
    parent = {"defaultValue": "green", "rules": [{"condition": {"vip": True}, "force": "gold"}]}
    rule = {
        "parentConditions": [{"id": "parent", "condition": {"value": "gold"}}],
        "force": "for vips",
    }
    payload = features(rule, parent=parent)
    assert evaluate(payload, vip=True).value == "for vips"
    assert evaluate(payload, vip=False).value == "plain"


def test_a_gate_blocks_the_whole_feature():
    gate = {"parentConditions": [{"id": "nope", "condition": {"value": 1}, "gate": True}]}
    result = evaluate(features(gate, {"force": "never"}))
    assert (result.value, result.source) == (None, Source.PREREQUISITE)


def test_a_circle_ends():
    rule = {"parentConditions": [{"id": "other"}], "force": 1}
    back = {"rules": [{"parentConditions": [{"id": "banner"}], "force": 1}]}
    assert evaluate(features(rule, other=back)).source is Source.CYCLE


# Overrides


@pytest.mark.parametrize(
    ("url", "index"),
    [
        ("", None),
        ("https://example.com/", None),
        ("https://example.com/?cta", None),
        ("https://example.com/?cta=1", 1),
        ("https://example.com/?x=2&cta=0#cta=1", 0),
        ("https://example.com/?cta=1.9", 1),
        ("https://example.com/?cta=2", None),
        ("https://example.com/?cta=-1", None),
        ("https://example.com/?cta=new", None),
        ("https://example.com/?cta=5&cta=1", None),
    ],
)
def test_an_address_asks_for_a_variation(url, index):
    assert forced_by_query("cta", url, 2) == index


def test_what_is_forced_needs_no_unit_and_is_not_hashed():
    found = evaluate(features({**CTA, "condition": {"x": 1}}), url="/?cta=1")
    assert (found.value, found.place.outcome) == ("new", Outcome.FORCED)
    assert evaluate(features(CTA), forced={"cta": 1}).value == "new"
    assert evaluate(features(CTA), forced={"cta": 9}).source is Source.DEFAULT


# Sticky buckets


def kept(**assignments):
    return StickyBuckets(
        {
            "id||user-0": {
                "attributeName": "id",
                "attributeValue": "user-0",
                "assignments": {key.replace("_v", "__"): x for key, x in assignments.items()},
            }
        }
    )


STICKY = {**CTA, "meta": META}


def test_a_unit_keeps_what_it_had():
    sticky = kept(cta_v0="bold")
    found = place({**STICKY, "condition": {"x": 1}, "coverage": 0}, sticky=sticky, id="user-0")
    assert (found.variation, found.is_sticky, found.outcome) == (1, True, Outcome.ASSIGNED)
    assert sticky.changed == set()


def test_a_new_place_is_noted():
    sticky = kept(other_v0="x")
    assert place(STICKY, sticky=sticky, id="user-0").variation == 0
    assert sticky.changed == {"id||user-0"}
    found = sticky.documents["id||user-0"]["assignments"]
    assert found == {"other__0": "x", "cta__0": "control"}


def test_another_bucket_version_forgets():
    found = place({**STICKY, "bucketVersion": 1}, sticky=kept(cta_v0="bold"), id="user-0")
    assert (found.variation, found.is_sticky) == (0, False)


def test_who_was_in_an_older_version_may_be_kept_out():
    definition = {**STICKY, "bucketVersion": 2, "minBucketVersion": 2}
    found = place(definition, sticky=kept(cta_v1="bold"), id="user-0")
    assert (found.outcome, found.variation) == (Outcome.BLOCKED, None)
    assert place(definition, sticky=kept(cta_v2="bold"), id="user-0").variation == 1


def test_a_variation_that_is_gone_is_no_bucket():
    assert place(STICKY, sticky=kept(cta_v0="gone"), id="user-0").is_sticky is False


def test_who_has_no_id_yet_is_hashed_by_another():
    definition = {**STICKY, "fallbackAttribute": "device"}
    sticky = StickyBuckets()
    before = place(definition, sticky=sticky, device="user-1")
    assert before.bucket == 0.4347
    # After the login the place of the device goes with the user, and is noted for both.
    after = place(
        {**definition, "weights": [0.01, 0.99]}, sticky=sticky, id="user-7", device="user-1"
    )
    assert (after.variation, after.is_sticky) == (before.variation, True)
    assert set(sticky.documents) == {"device||user-1", "id||user-7"}
    assert place(definition, device="user-1").outcome is Outcome.NO_UNIT  # without sticky buckets


def test_stickiness_can_be_off():
    definition = {**STICKY, "disableStickyBucketing": True}
    assert place(definition, sticky=kept(cta_v0="bold"), id="user-0").variation == 0


# Contextual bandits


def bandit(*contexts, version=7):
    rule = {
        **{key: value for key, value in CTA.items() if key != "variations"},
        "contextualVariations": ["old", "new"],
        "weights": [0.5, 0.5],
        "contextualBanditRef": "cb",
    }
    return {
        **features(rule),
        "contextualBandits": {"cb": {"banditVersion": version, "contexts": list(contexts)}},
    }


def test_the_first_leaf_that_fits_gives_the_shares():
    payload = bandit(
        {"leafId": 1, "condition": {"plan": "free"}, "weights": [1, 0]},
        {"leafId": 2, "condition": {}, "weights": [0, 1]},
    )
    found = {plan: evaluate(payload, id="user-0", plan=plan) for plan in ("free", "pro")}
    assert [found[plan].value for plan in ("free", "pro")] == ["old", "new"]
    assert [found[plan].place.leaf for plan in ("free", "pro")] == [1, 2]


def test_who_fits_no_leaf_gets_the_shares_of_all():
    payload = bandit({"leafId": 1, "condition": {"plan": "free"}, "weights": [0, 1]})
    found = evaluate(payload, id="user-0", plan="pro")
    assert (found.value, found.place.leaf, found.place.weights) == ("old", -1, (0.5, 0.5))


# Reports


def test_a_report_has_what_clients_report():
    context = Context(
        attributes={"id": "user-1"}, features=compile_features(features({**STICKY, "id": "r"}))
    )
    assert feature_report(evaluate_feature("banner", context), context, "banner") == {
        "value": "old",
        "on": True,
        "off": False,
        "source": "experiment",
        "ruleId": "r",
        "experiment": {
            "variations": ["old", "new"],
            "key": "cta",
            "seed": "exp-cta",
            "hashVersion": 2,
            "meta": META,
        },
        "experimentResult": {
            "key": "control",
            "featureId": "banner",
            "inExperiment": True,
            "hashUsed": True,
            "variationId": 0,
            "value": "old",
            "hashAttribute": "id",
            "hashValue": "user-1",
            "stickyBucketUsed": False,
            "bucket": 0.4347,
        },
    }


def test_who_is_not_in_it_is_reported_with_the_first_value():
    rule = compile_experiment({**CTA, "coverage": 0})
    context = Context(attributes={"id": "user-0"})
    report = experiment_report(rule, place_in(rule, context), context, None)
    assert (report["inExperiment"], report["value"], report["hashUsed"]) == (False, "old", False)
    assert "bucket" not in report


def test_a_bandits_report_has_its_shares():
    payload = bandit({"leafId": 4, "condition": {}, "weights": [0, 1]}, version=None)
    context = Context(attributes={"id": "user-0"}, features=compile_features(payload))
    report = feature_report(evaluate_feature("banner", context), context, "banner")
    assert report["experiment"]["weights"] == [0, 1]
    assert report["experimentResult"]["leafId"] == 4
    assert "banditVersion" not in report["experimentResult"]


# Properties

ids = st.text(min_size=1, max_size=20)
shares = st.lists(st.floats(0.01, 1), min_size=2, max_size=5).map(
    lambda xs: [x / sum(xs) for x in xs]
)


@given(ids, shares, st.floats(0, 1), st.floats(0, 1))
def test_more_coverage_moves_nobody(unit, weights, less, more):
    less, more = sorted((less, more))
    definition = {**CTA, "variations": list(range(len(weights))), "weights": weights}
    before = place({**definition, "coverage": less}, id=unit)
    after = place({**definition, "coverage": more}, id=unit)
    if before.outcome is Outcome.ASSIGNED:
        assert after.variation == before.variation


@given(ids, ids)
def test_a_place_depends_on_the_hashed_attribute_alone(unit, other):
    assert place(CTA, id=unit) == place(CTA, id=unit, device=other)


@given(st.dictionaries(st.sampled_from(["id", "device"]), st.none() | st.text() | st.integers()))
def test_the_hashed_attribute_is_the_first_that_says_something(attributes):
    name, value = hashed_attribute(attributes, "id", "device")
    if attributes.get("id"):
        assert (name, value) == ("id", attributes["id"])
    elif attributes.get("device"):
        assert (name, value) == ("device", attributes["device"])
    else:
        assert value is None
