"""What the tables of experiments, variants and the audit trail allow."""

from __future__ import annotations

import math
from dataclasses import asdict

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abtesting.models import AuditEntry, Experiment, Variant
from abtesting.statistics.planning.smallest_plan import smallest_plan
from tests.builders import START, make_experiment

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft():
    return make_experiment("headline", state="draft")


def test_two_experiments_cannot_have_the_same_key(draft):
    with pytest.raises(IntegrityError), transaction.atomic():
        Experiment.objects.create(key="headline", name="Another")


@pytest.mark.parametrize("allocation", [-0.01, 1.01])
def test_the_database_refuses_an_allocation_outside_0_to_1(allocation):
    with pytest.raises(IntegrityError), transaction.atomic():
        Experiment.objects.create(key="x", name="X", allocation=allocation)


@pytest.mark.parametrize("allocation", [0.0, 0.5, 1.0])
def test_allocations_from_0_to_1_are_stored(allocation):
    experiment = Experiment.objects.create(key="x", name="X", allocation=allocation)
    experiment.refresh_from_db()
    assert experiment.allocation == allocation


@pytest.mark.parametrize(
    "key", ["Headline", "head line", "-headline", "head--line", "headline-", "head.line", "头", ""]
)
def test_a_form_refuses_a_key_that_templates_could_not_use(key):
    with pytest.raises(ValidationError) as error:
        Experiment(key=key, name="X").full_clean()
    assert set(error.value.message_dict) == {"key"}


@pytest.mark.parametrize("key", ["headline", "product-headline", "a_b", "2026-spring"])
def test_a_form_accepts_a_key_of_letters_digits_and_single_hyphens(key):
    Experiment(key=key, name="X").full_clean()


def test_a_planned_sample_of_one_unit_is_refused():
    with pytest.raises(ValidationError) as error:
        Experiment(key="x", name="X", planned_num_units=1).full_clean()
    assert set(error.value.message_dict) == {"planned_num_units"}


def test_an_experiment_has_one_control(draft):
    with pytest.raises(IntegrityError), transaction.atomic():
        Variant.objects.create(experiment=draft, key="c", is_control=True)


def test_a_form_says_that_an_experiment_has_one_control(draft):
    with pytest.raises(ValidationError, match="exactly one control"):
        Variant(experiment=draft, key="c", is_control=True).full_clean()


def test_two_experiments_each_have_a_control(draft):
    other = make_experiment("other", state="draft")
    assert Variant.objects.filter(is_control=True).count() == 2
    assert other.variants.get(is_control=True).key == "control"


def test_two_variants_of_an_experiment_cannot_have_the_same_key(draft):
    with pytest.raises(IntegrityError), transaction.atomic():
        Variant.objects.create(experiment=draft, key="b")


@pytest.mark.parametrize("weight", [-0.1, -math.inf])
def test_a_negative_weight_is_refused(draft, weight):
    with pytest.raises(IntegrityError), transaction.atomic():
        Variant.objects.create(experiment=draft, key="c", weight=weight)


def test_variants_come_in_their_order(draft):
    Variant.objects.filter(experiment=draft, key="control").update(position=5)
    assert [variant.key for variant in draft.variants.all()] == ["b", "control"]


def test_a_variant_without_a_name_is_called_by_its_key(draft):
    assert str(Variant(experiment=draft, key="c")) == "c"


def test_an_audit_entry_cannot_be_changed(draft):
    entry = AuditEntry.objects.create(experiment=draft, action="start", created_at=START)
    entry.note = "never happened"
    with pytest.raises(TypeError, match="cannot be changed"):
        entry.save()
    entry.refresh_from_db()
    assert entry.note == ""


def test_an_audit_entry_cannot_be_deleted(draft):
    entry = AuditEntry.objects.create(experiment=draft, action="start", created_at=START)
    with pytest.raises(TypeError, match="cannot be deleted"):
        entry.delete()
    assert AuditEntry.objects.filter(pk=entry.pk).exists()


def test_the_audit_trail_survives_its_author(draft, django_user_model):
    author = django_user_model.objects.create_user("mara")
    AuditEntry.objects.create(experiment=draft, actor=author, action="start", created_at=START)
    author.delete()
    assert AuditEntry.objects.get(experiment=draft).actor is None


def test_a_draft_can_be_deleted_with_all_its_parts(draft):
    AuditEntry.objects.create(experiment=draft, action="create", created_at=START)
    draft.delete()
    assert not Experiment.objects.exists()
    assert not Variant.objects.exists()


# The decision rule


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({}, "always_valid"),
        ({"planned_num_units": 2000}, "group_sequential"),
        ({"planned_num_units": 2000, "decision_rule": "always_valid"}, "always_valid"),
        ({"planned_num_units": 2000, "decision_rule": "fixed_horizon"}, "fixed_horizon"),
        ({"decision_rule": "bayesian"}, "bayesian"),
        ({"source": "imported"}, "imported"),
        ({"source": "imported", "planned_num_units": 2000}, "imported"),
    ],
)
def test_without_a_choice_the_plan_recommends_the_rule(fields, rule):
    assert Experiment(**fields).rule == rule


@pytest.mark.parametrize(
    ("rule", "has_end"),
    [("", True), ("fixed_horizon", True), ("always_valid", False), ("bayesian", False)],
)
def test_a_planned_sample_ends_a_test_whose_rule_waits_for_it(rule, has_end):
    assert Experiment(decision_rule=rule, planned_num_units=2000).has_end is has_end
    assert not Experiment(decision_rule=rule).has_end


@pytest.mark.parametrize("rule", ["group_sequential", "fixed_horizon"])
def test_a_rule_that_waits_for_a_planned_sample_needs_one(rule):
    with pytest.raises(ValidationError, match="needs a planned sample") as error:
        Experiment(key="x", name="X", decision_rule=rule).full_clean()
    assert set(error.value.message_dict) == {"planned_num_units"}
    with pytest.raises(IntegrityError), transaction.atomic():
        Experiment.objects.create(key="x", name="X", decision_rule=rule)


@pytest.mark.parametrize("rule", ["", "group_sequential", "fixed_horizon"])
@pytest.mark.parametrize(("minimum", "smallest"), [(100, 266), (1000, 2188)])
def test_a_planned_sample_that_no_split_can_fill_is_refused(rule, minimum, smallest, settings):
    settings.ABTESTING = {"MINIMUM_UNITS": minimum}
    draft = Experiment(key="x", name="X", decision_rule=rule, planned_num_units=smallest - 1)
    with pytest.raises(ValidationError, match=f"Enter at least {smallest}") as error:
        draft.full_clean()
    assert set(error.value.message_dict) == {"planned_num_units"}
    draft.planned_num_units = smallest
    draft.full_clean()


@pytest.mark.parametrize("fields", [{"decision_rule": "always_valid"}, {"state": "running"}])
def test_a_small_plan_is_no_hindrance_where_nothing_waits_for_it(fields):
    Experiment(key="x", name="X", planned_num_units=10, **fields).full_clean()


@given(
    st.lists(st.floats(0.05, 20), min_size=2, max_size=5),
    st.integers(2, 3000),
)
def test_the_smallest_plan_gives_each_variant_its_units(weights, minimum):
    num_units, share = smallest_plan(weights, minimum), min(weights) / sum(weights)
    short = stats.binom.cdf(minimum - 1, num_units, share)
    assert short < 5e-5
    one_less = stats.norm.cdf(
        minimum, share * (num_units - 2), math.sqrt(share * (1 - share) * (num_units - 2))
    )
    assert one_less > stats.norm.cdf(-4)


def test_a_draft_is_judged_by_the_settings_of_now(settings):
    draft = Experiment(key="x", name="X")
    assert asdict(draft.criteria) == {
        "alpha": 0.05,
        "minimum_units": 100,
        "tuned_num_units": 10_000,
        "prior_lift_sd": 0.3,
    }
    settings.ABTESTING = {"ALPHA": 0.01}
    assert draft.criteria.alpha == 0.01
    draft.alpha, draft.minimum_units = 0.2, 30
    assert (draft.criteria.alpha, draft.criteria.minimum_units) == (0.2, 30)


@pytest.mark.parametrize("rule", ["", "always_valid", "bayesian"])
def test_other_rules_do_without_a_planned_sample(rule):
    Experiment(key="x", name="X", decision_rule=rule).full_clean()
    Experiment.objects.create(key="x", name="X", decision_rule=rule)


@pytest.mark.parametrize("num_looks", [0, 61])
def test_there_are_1_to_60_planned_looks(num_looks):
    with pytest.raises(ValidationError) as error:
        Experiment(key="x", name="X", planned_num_looks=num_looks).full_clean()
    assert set(error.value.message_dict) == {"planned_num_looks"}
    with pytest.raises(IntegrityError), transaction.atomic():
        Experiment.objects.create(key="x", name="X", planned_num_looks=num_looks)
