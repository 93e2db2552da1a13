"""Metrics in the admin: made by form, fixed once they are counted by."""

from __future__ import annotations

import pytest
from django.urls import reverse

from abtesting.models import Metric
from tests.builders import make_experiment, make_metric

pytestmark = pytest.mark.django_db

ADD = "admin:abtesting_metric_add"


def form(**changes):
    return {
        "name": "Purchase conversion",
        "key": "purchase-conversion",
        "description": "",
        "kind": "proportion",
        "direction": "increase",
        "event": "purchase",
        "aggregation": "count",
        "window_hours": "",
        "denominator_event": "",
        "denominator_aggregation": "count",
        "format": "percent",
        "unit_label": "",
        **changes,
    }


def errors(response):
    assert response.status_code == 200
    found = response.context["adminform"].form.errors
    return {name: " ".join(texts) for name, texts in found.items()}


def test_a_metric_is_made_by_form(admin_client):
    response = admin_client.post(reverse(ADD), form(window_hours="24"))
    assert response.status_code == 302
    metric = Metric.objects.get()
    assert (metric.key, metric.kind, metric.event) == (
        "purchase-conversion",
        "proportion",
        "purchase",
    )
    assert metric.window_hours == 24


def test_a_ratio_is_made_by_form(admin_client):
    ratio = form(key="ctr", kind="ratio", event="click", denominator_event="view")
    assert admin_client.post(reverse(ADD), ratio).status_code == 302
    assert Metric.objects.get().denominator_event == "view"


@pytest.mark.parametrize(
    "changes", [{"kind": "ratio"}, {"kind": "mean", "denominator_event": "view"}]
)
def test_the_form_says_which_kinds_have_a_denominator(admin_client, changes):
    response = admin_client.post(reverse(ADD), form(**changes))
    assert "A ratio needs a denominator event" in errors(response)["__all__"]
    assert not Metric.objects.exists()


def test_the_form_refuses_a_key_twice(admin_client):
    make_metric("purchase-conversion")
    assert set(errors(admin_client.post(reverse(ADD), form()))) == {"key"}


def test_a_metric_in_use_can_be_renamed_and_not_redefined(admin_client):
    make_experiment(metrics=[make_metric("purchase-conversion", format="percent")])
    metric = Metric.objects.get()
    url = reverse("admin:abtesting_metric_change", args=[metric.pk])
    assert admin_client.post(url, form(name="Share of buyers")).status_code == 302
    response = admin_client.post(url, form(event="order"))
    assert "Make a new metric instead" in errors(response)["event"]
    metric.refresh_from_db()
    assert (metric.name, metric.event) == ("Share of buyers", "purchase")


def test_a_metric_in_use_is_not_deleted(admin_client):
    make_experiment(metrics=["conversion"])
    metric = Metric.objects.get()
    url = reverse("admin:abtesting_metric_delete", args=[metric.pk])
    page = admin_client.get(url)
    assert page.context["protected"]
    admin_client.post(url, {"post": "yes"})
    assert Metric.objects.filter(pk=metric.pk).exists()


def test_metrics_are_found_by_their_event(admin_client):
    make_metric("ctr", event="card_click")
    make_metric("conversion")
    page = admin_client.get(reverse("admin:abtesting_metric_changelist"), {"q": "card"})
    assert [metric.key for metric in page.context["cl"].result_list] == ["ctr"]
