"""Exposures count once, events have a unit and a key."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import IntegrityError, transaction

from abtesting.models import Event, Exposure
from tests.builders import START, event, expose, make_experiment

pytestmark = pytest.mark.django_db


def test_a_unit_is_exposed_once_in_an_experiment():
    experiment = make_experiment()
    expose(experiment, "control", "ada")
    with pytest.raises(IntegrityError), transaction.atomic():
        expose(experiment, "b", "ada", at=START + dt.timedelta(days=1))
    assert Exposure.objects.get().variant.key == "control"


def test_a_unit_is_exposed_in_several_experiments():
    for key in ("one", "two"):
        expose(make_experiment(key), "b", "ada")
    assert Exposure.objects.filter(unit="ada").count() == 2


def test_an_event_needs_a_unit():
    with pytest.raises(IntegrityError), transaction.atomic():
        event("purchase")


@pytest.mark.parametrize(
    "unit", [{"visitor": "ada"}, {"user": "7"}, {"visitor": "ada", "user": "7"}]
)
def test_a_visitor_a_user_or_both_are_a_unit(unit):
    event("purchase", **unit)
    assert Event.objects.count() == 1


def test_a_key_is_one_event():
    event("purchase", visitor="ada", key="order-1")
    with pytest.raises(IntegrityError), transaction.atomic():
        event("refund", visitor="ben", key="order-1")
