"""What the tables of metrics and their roles allow."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from abtesting.models import ExperimentMetric, Metric
from tests.builders import make_experiment, make_metric

pytestmark = pytest.mark.django_db


def test_two_metrics_cannot_have_the_same_key():
    make_metric("conversion")
    with pytest.raises(IntegrityError), transaction.atomic():
        Metric.objects.create(key="conversion", name="X", kind="mean", event="purchase")


def test_a_ratio_needs_a_denominator():
    with pytest.raises(IntegrityError), transaction.atomic():
        Metric.objects.create(key="ctr", name="CTR", kind="ratio", event="click")


@pytest.mark.parametrize("kind", ["proportion", "mean"])
def test_only_a_ratio_has_a_denominator(kind):
    with pytest.raises(IntegrityError), transaction.atomic():
        Metric.objects.create(
            key="ctr", name="CTR", kind=kind, event="click", denominator_event="view"
        )


def test_a_form_says_that_a_ratio_needs_a_denominator():
    with pytest.raises(ValidationError, match="needs a denominator"):
        Metric(key="ctr", name="CTR", kind="ratio", event="click").full_clean()


def test_a_window_of_no_time_is_refused():
    with pytest.raises(ValidationError) as error:
        Metric(key="x", name="X", kind="mean", event="e", window_hours=0).full_clean()
    assert set(error.value.message_dict) == {"window_hours"}


def test_a_form_explains_that_a_metric_in_use_is_fixed():
    make_experiment(metrics=["conversion"])
    metric = Metric.objects.get(key="conversion")
    metric.event = "order"
    with pytest.raises(ValidationError, match="Make a new metric") as error:
        metric.full_clean()
    assert set(error.value.message_dict) == {"event"}


def test_a_metric_of_an_experiment_cannot_be_deleted():
    make_experiment(metrics=["conversion"])
    with pytest.raises(ProtectedError):
        Metric.objects.get(key="conversion").delete()


def test_a_metric_is_in_an_experiment_once():
    experiment = make_experiment(metrics=["conversion"], state="draft")
    with pytest.raises(IntegrityError), transaction.atomic():
        ExperimentMetric.objects.create(experiment=experiment, metric=make_metric("conversion"))


@pytest.mark.parametrize(
    ("role", "margin"), [("guardrail", None), ("goal", 0.1), ("secondary", 0.1)]
)
def test_a_guardrail_and_nothing_else_has_a_margin(role, margin):
    experiment = make_experiment(state="draft", metrics=[])
    with pytest.raises(IntegrityError), transaction.atomic():
        ExperimentMetric.objects.create(
            experiment=experiment, metric=make_metric(), role=role, margin=margin
        )


@pytest.mark.parametrize("margin", [-0.01, 1.01])
def test_a_form_refuses_a_margin_outside_0_to_1(margin):
    experiment = make_experiment(state="draft", metrics=[])
    row = ExperimentMetric(
        experiment=experiment, metric=make_metric(), role="guardrail", margin=margin
    )
    with pytest.raises(ValidationError) as error:
        row.full_clean()
    assert set(error.value.message_dict) == {"margin"}
