"""How the shop is wired: its events belong to its tables, its tests to its templates."""

from __future__ import annotations

import re

import pytest
from django.db import transaction
from django.test import Client

from abtesting.assignment import definitions
from abtesting.models import AuditEntry, Event, Experiment, Exposure, Metric
from abtesting.results.health import launch_checklist
from shopdemo.experiments import METRICS, create_experiments
from shopdemo.models import Order
from shopdemo.signals import order_placed
from tests.builders import BROWSER, START

pytestmark = pytest.mark.django_db


@pytest.fixture
def tests():
    created = {experiment.key: experiment for experiment in create_experiments(started_at=START)}
    definitions.reload()
    return created


def shopper():
    return Client(headers={"user-agent": BROWSER})


def events(name):
    return list(Event.objects.filter(name=name).order_by("pk"))


# The tests it runs


def test_the_tests_are_started_and_complete(tests):
    assert set(tests) == {"product-promise", "home-headline"}
    for experiment in tests.values():
        assert (experiment.state, experiment.started_at) == ("running", START)
        assert all(item.ok for item in launch_checklist(experiment))
    assert {entry.action for entry in AuditEntry.objects.all()} == {"start"}


def test_the_tests_choose_their_rules(tests):
    rules = {key: experiment.decision_rule for key, experiment in tests.items()}
    assert rules == {"product-promise": "group_sequential", "home-headline": "bayesian"}
    assert tests["product-promise"].planned_num_looks == 20


def test_what_is_there_already_stays_as_it_is(tests):
    Experiment.objects.filter(key="home-headline").update(name="Renamed")
    Metric.objects.filter(key="purchase-conversion").update(name="Buyers")
    assert create_experiments() == []
    assert Experiment.objects.get(key="home-headline").name == "Renamed"
    assert Metric.objects.get(key="purchase-conversion").name == "Buyers"
    assert Metric.objects.count() == len(METRICS)


def test_metrics_are_valid_as_the_admin_would_have_them(tests):
    for metric in Metric.objects.all():
        metric.full_clean()
    for experiment in tests.values():
        experiment.full_clean()
        for part in (*experiment.variants.all(), *experiment.experiment_metrics.all()):
            part.full_clean()


def test_shoppers_see_the_promise_or_not_and_are_counted_for_what_they_saw(tests, mug):
    seen = {}
    for _ in range(24):
        client = shopper()
        page = client.get(f"/product/{mug.slug}/").content.decode()
        exposure = Exposure.objects.get(
            experiment=tests["product-promise"], unit__in=new_units(seen)
        )
        seen[exposure.unit] = 'class="buy-promise"' in page
        assert seen[exposure.unit] == (exposure.variant.key == "promise")
    assert set(seen.values()) == {True, False}


def new_units(known):
    return set(Exposure.objects.values_list("unit", flat=True)) - set(known)


def test_shoppers_see_one_headline_and_are_counted_for_it(tests, mug):
    headlines = {}
    for _ in range(24):
        page = shopper().get("/").content.decode()
        headline = re.search(r"<h1[^>]*>(.*?)</h1>", page, re.DOTALL).group(1).strip()
        exposure = Exposure.objects.filter(experiment=tests["home-headline"]).latest("pk")
        headlines.setdefault(exposure.variant.key, set()).add(headline)
    assert set(headlines) == {"control", "morning"}
    assert headlines["morning"] == {"Small things for slow mornings"}
    assert len(headlines["control"]) == 1
    assert headlines["control"] != headlines["morning"]


def test_a_page_without_a_test_exposes_nobody(tests, mug):
    shopper().get("/basket/")
    assert not Exposure.objects.exists()


# Its events


def test_an_order_is_one_purchase_with_its_total(tests, mug, notebook, buy):
    client = shopper()
    client.get(f"/product/{mug.slug}/")
    buy(mug, notebook, client=client)
    order = Order.objects.get()
    [purchase] = events("purchase")
    assert purchase.value == order.total
    assert purchase.idempotency_key == f"server:order-{order.pk}"
    assert purchase.visitor == Exposure.objects.get().unit
    assert purchase.occurred_at >= Exposure.objects.get().exposed_at


def test_two_orders_of_a_shopper_are_two_purchases(mug, notebook, buy):
    client = shopper()
    buy(mug, client=client)
    buy(notebook, client=client)
    first, second = events("purchase")
    assert first.visitor == second.visitor
    assert {e.value for e in (first, second)} == {o.total for o in Order.objects.all()}


def test_a_declined_card_is_no_purchase(mug, buy):
    buy(mug, card="declined", client=shopper())
    assert not Order.objects.exists()
    assert events("purchase") == []


def test_an_order_that_is_rolled_back_leaves_no_purchase(mug, buy):
    def fail(sender, **kwargs):
        raise ZeroDivisionError

    order_placed.connect(fail)
    try:
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            buy(mug, client=shopper())
    finally:
        order_placed.disconnect(fail)
    assert not Order.objects.exists()
    assert events("purchase") == []


def test_a_customers_purchase_carries_the_customer(mug, buy, customer):
    client = shopper()
    client.force_login(customer)
    buy(mug, client=client)
    [purchase] = events("purchase")
    assert purchase.user == str(customer.pk)
    assert purchase.visitor


def test_putting_something_into_the_basket_is_an_event_with_its_quantity(mug):
    shopper().post(f"/basket/{mug.slug}/add/", {"quantity": 3})
    [added] = events("basket_add")
    assert (added.value, added.properties) == (3, {"sku": mug.sku})


def test_only_what_was_really_added_is_counted(pan):
    shopper().post(f"/basket/{pan.slug}/add/", {"quantity": 9})  # two are left
    [added] = events("basket_add")
    assert added.value == 2


def test_a_product_page_is_a_view(mug):
    shopper().get(f"/product/{mug.slug}/")
    [view] = events("product_view")
    assert view.properties == {"sku": mug.sku}


def test_product_cards_are_counted_where_they_are_shown(mug, pan, notebook):
    shopper().get("/category/kitchen/")
    [shown] = events("card_impression")
    assert shown.value == 2


def test_programs_are_not_counted(tests, mug, buy):
    robot = Client(headers={"user-agent": "ExampleBot/1.0"})
    robot.get(f"/product/{mug.slug}/")
    buy(mug, client=robot)
    assert Order.objects.count() == 1
    assert not Event.objects.exists()
    assert not Exposure.objects.exists()
