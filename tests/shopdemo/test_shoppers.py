"""The replayed shoppers: the same for a seed, nobody twice, with exactly the effect built in."""

from __future__ import annotations

import datetime as dt
import random
import re

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import Count, Sum
from django.utils import timezone

from abtesting.assignment import definitions
from abtesting.models import Event, Experiment, Exposure, ResultSnapshot
from abtesting.results.snapshots import refresh
from shopdemo.catalogue.loader import read_catalogue
from shopdemo.experiments import create_experiments
from shopdemo.loading import load
from shopdemo.models import Basket, Order, Product
from shopdemo.shoppers.behaviour import Behaviour, address
from shopdemo.shoppers.clock import Clock, running
from shopdemo.shoppers.journey import Journey, JourneyError
from shopdemo.shoppers.replay import arrivals, replay, visitor_id
from tests.builders import START

FIRST_DAY = dt.datetime(2026, 3, 3, tzinfo=dt.UTC)
EVERYBODY_BUYS = Behaviour(conversion=1.0, promise_lift=0.0, opens_product=1.0)


@pytest.fixture
def shop(db):
    load(read_catalogue(), {"customers": [], "reviews": []}, admin_password="x")
    create_experiments(started_at=START)
    definitions.reload()


def come(number, *, seed=1, days=3, how=None):
    """Replay this many shoppers; whether each was new."""
    expected = arrivals(num_visitors=number, start=FIRST_DAY, num_days=days, seed=seed)
    return list(replay(expected, seed=seed, how=how))


def footprints():
    """Everything the shoppers left, without what differs by chance (row and order numbers)."""
    events = Event.objects.values_list("visitor", "name", "value", "occurred_at", "properties")
    exposures = Exposure.objects.values_list(
        "unit", "experiment__key", "variant__key", "exposed_at"
    )
    orders = Order.objects.values_list("email", "total", "created_at", "street")
    return [sorted(rows, key=repr) for rows in (events, exposures, orders)]


# Behaviour


def rate(how, *, sees_promise, draws=20_000):
    rng = random.Random(7)
    return sum(how.buys(rng, sees_promise=sees_promise) for _ in range(draws)) / draws


@pytest.mark.parametrize("lift", [-0.5, 0.0, 0.35, 4.0])
def test_the_promise_changes_the_share_of_buyers_by_exactly_its_lift(lift):
    how = Behaviour(conversion=0.2, promise_lift=lift)
    assert rate(how, sees_promise=False) == pytest.approx(0.2, abs=0.01)
    assert rate(how, sees_promise=True) == pytest.approx(0.2 * (1 + lift), abs=0.01)


def test_without_a_lift_the_promise_changes_no_decision():
    how = Behaviour(promise_lift=0.0)
    one, other = random.Random(3), random.Random(3)
    assert [how.buys(one, sees_promise=True) for _ in range(500)] == [
        how.buys(other, sees_promise=False) for _ in range(500)
    ]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"conversion": 1.1}, "conversion is 1.1; allowed: 0 to 1"),
        ({"declined": -0.1}, "declined is -0.1; allowed: 0 to 1"),
        ({"conversion": 0.5, "promise_lift": 1.5}, "gives a probability of 1.25; allowed: 0 to 1"),
        ({"promise_lift": -1.5}, "promise_lift is -1.5"),
    ],
)
def test_impossible_probabilities_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Behaviour(**fields)


def test_addresses_are_made_up():
    assert address(random.Random(1), 7)["email"] == "shopper7@example.com"


# Arrivals


def test_the_same_seed_gives_the_same_arrivals():
    plan = {"num_visitors": 50, "start": FIRST_DAY, "num_days": 5}
    assert arrivals(**plan, seed=1) == arrivals(**plan, seed=1)
    assert arrivals(**plan, seed=1) != arrivals(**plan, seed=2)


def test_more_shoppers_are_the_same_ones_and_some_more():
    few, many = (
        arrivals(num_visitors=number, start=FIRST_DAY, num_days=5, seed=1) for number in (20, 60)
    )
    assert set(few) <= set(many)


def test_everybody_arrives_once_within_the_days_and_in_order():
    found = arrivals(num_visitors=300, start=FIRST_DAY, num_days=4, seed=1)
    times = [arrival.at for arrival in found]
    assert times == sorted(times)
    assert times[0] >= FIRST_DAY
    assert times[-1] < FIRST_DAY + dt.timedelta(days=4)
    assert len({arrival.visitor_id for arrival in found}) == 300
    assert {time.date() for time in times} == {
        (FIRST_DAY + dt.timedelta(days=day)).date() for day in range(4)
    }


def test_shoppers_of_two_seeds_are_different_people():
    assert visitor_id(1, 0) != visitor_id(2, 0)
    assert visitor_id(1, 0) != visitor_id(1, 1)


def test_the_clock_of_a_shopper_runs_for_them_alone():
    clock = Clock(FIRST_DAY)
    with running(clock):
        clock.wait(90)
        assert timezone.now() == FIRST_DAY + dt.timedelta(seconds=90)
    assert abs(timezone.now() - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)


# The replay


def test_shoppers_leave_what_real_ones_would(shop):
    assert come(12, how=EVERYBODY_BUYS) == [True] * 12
    assert Order.objects.count() == 12
    names = set(Event.objects.values_list("name", flat=True))
    assert names == {"card_impression", "card_click", "product_view", "basket_add", "purchase"}
    promise = Exposure.objects.filter(experiment__key="product-promise")
    assert promise.count() == 12
    assert set(promise.values_list("unit", flat=True)) == {visitor_id(1, n) for n in range(12)}


def test_everything_happens_on_the_shoppers_own_day(shop):
    expected = {
        a.visitor_id: a.at for a in arrivals(num_visitors=8, start=FIRST_DAY, num_days=3, seed=1)
    }
    come(8, how=EVERYBODY_BUYS)
    an_hour = dt.timedelta(hours=1)
    for event in Event.objects.all():
        assert dt.timedelta(0) < event.occurred_at - expected[event.visitor] < an_hour
    for exposure in Exposure.objects.all():
        assert dt.timedelta(0) < exposure.exposed_at - expected[exposure.unit] < an_hour
    assert {o.created_at for o in Order.objects.all()} == {
        e.occurred_at for e in Event.objects.filter(name="purchase")
    }


def test_nobody_buys_before_seeing_a_product(shop):
    come(8, how=EVERYBODY_BUYS)
    for unit in Exposure.objects.filter(experiment__key="product-promise"):
        purchase = Event.objects.get(visitor=unit.unit, name="purchase")
        assert purchase.occurred_at > unit.exposed_at


def test_the_same_seed_leaves_the_same_footprints(shop):
    found = []
    for _ in range(2):
        with transaction.atomic():
            come(10, how=Behaviour(conversion=0.6))
            found.append(footprints())
            transaction.set_rollback(True)
        definitions.reload()
    assert found[0] == found[1]
    assert all(found[0])


def test_another_seed_leaves_other_footprints(shop):
    come(4)
    first = footprints()
    with transaction.atomic():
        come(4, seed=2)
        assert Exposure.objects.count() > len(first[1])
        transaction.set_rollback(True)


def test_a_second_run_brings_nobody_twice(shop):
    come(10)
    before = footprints()
    assert come(10) == [False] * 10
    assert footprints() == before


def test_more_visitors_later_are_added_to_those_who_came(shop):
    come(4)
    assert sorted(come(7)) == [False] * 4 + [True] * 3


@pytest.fixture
def interrupted_third(monkeypatch):
    """The third shopper's journey ends in the middle, as with Ctrl-C."""
    walks = []
    check_out = Journey._check_out

    def stop(self):
        walks.append(self.number)
        if len(walks) == 3:
            raise KeyboardInterrupt
        check_out(self)

    monkeypatch.setattr(Journey, "_check_out", stop)
    return walks


def test_an_interrupted_shopper_leaves_nothing(shop, interrupted_third):
    with pytest.raises(KeyboardInterrupt):
        come(6, how=EVERYBODY_BUYS)
    gone = visitor_id(1, interrupted_third[-1])
    assert Order.objects.count() == 2
    assert Basket.objects.count() == 2
    assert not Event.objects.filter(visitor=gone).exists()
    assert not Exposure.objects.filter(unit=gone).exists()
    assert abs(timezone.now() - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)


def test_an_interrupted_replay_ends_as_one_that_was_not(shop, monkeypatch):
    with transaction.atomic():
        come(6, how=EVERYBODY_BUYS)
        whole = footprints()
        transaction.set_rollback(True)
    definitions.reload()
    numbers = iter(range(1, 100))
    check_out = Journey._check_out

    def stop(self):
        if next(numbers) == 3:
            raise KeyboardInterrupt
        check_out(self)

    monkeypatch.setattr(Journey, "_check_out", stop)
    with pytest.raises(KeyboardInterrupt):
        come(6, how=EVERYBODY_BUYS)
    assert come(6, how=EVERYBODY_BUYS).count(True) == 4
    assert footprints() == whole


def test_every_morning_the_results_are_computed(shop):
    expected = arrivals(num_visitors=12, start=FIRST_DAY, num_days=3, seed=1)
    mornings = {}
    for arrival in expected:
        mornings.setdefault(arrival.at.date(), arrival.at)
    assert len(mornings) == 3
    for _again in range(2):
        come(12)
        found = ResultSnapshot.objects.filter(experiment__key="product-promise")
        assert sorted(found.values_list("created_at", flat=True)) == sorted(mornings.values())


def test_a_page_that_does_not_answer_stops_the_replay(shop, monkeypatch):
    monkeypatch.setattr(Journey, "_arrive", lambda self: self._get("/no-such-page/"))
    with pytest.raises(JourneyError, match="/no-such-page/ answered 404"):
        come(1)
    assert not Event.objects.exists()


def test_what_ran_low_is_filled_up_on_a_new_day(shop):
    usual = read_catalogue().products[0]
    Product.objects.filter(sku=usual.sku).update(stock=0)
    come(1, how=Behaviour(opens_product=0.0))
    assert Product.objects.get(sku=usual.sku).stock == usual.stock


def test_a_card_that_is_declined_and_one_sent_twice_are_one_order(shop):
    come(
        4,
        how=Behaviour(
            conversion=1.0, promise_lift=0.0, opens_product=1.0, declined=1.0, reloads=1.0
        ),
    )
    assert Order.objects.count() == 4
    assert Event.objects.filter(name="purchase").count() == 4


# The command


def run(*options):
    call_command("shopdemo_shoppers", *options)


@pytest.mark.django_db
def test_an_empty_shop_says_what_to_run_first():
    with pytest.raises(CommandError, match="run shopdemo_load and shopdemo_experiments"):
        run()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--visitors=0", "--visitors is 0; allowed: 1 or more"),
        ("--days=0", "--days is 0; allowed: 1 or more"),
        ("--conversion=2", "conversion is 2.0; allowed: 0 to 1"),
        ("--promise-lift=9", "promise_lift is 9.0"),
    ],
)
def test_an_option_that_does_not_fit_is_an_error(shop, option, message):
    with pytest.raises(CommandError, match=message):
        run(option)
    assert not Event.objects.exists()


def test_the_command_says_who_came_and_brings_nobody_twice(shop, capsys):
    Experiment.objects.update(started_at=timezone.now() - dt.timedelta(days=4))
    run("--visitors=6", "--days=2")
    assert capsys.readouterr().out == "6 shoppers came, 0 had been here.\n"
    before = footprints()
    run("--visitors=6", "--days=2")
    assert capsys.readouterr().out == "0 shoppers came, 6 had been here.\n"
    assert footprints() == before


def test_nobody_comes_from_the_future(shop, capsys):
    Experiment.objects.update(started_at=timezone.now() - dt.timedelta(days=1))
    run("--visitors=5", "--days=1000")
    assert "shoppers came" in capsys.readouterr().out
    assert not Event.objects.filter(occurred_at__gt=timezone.now()).exists()
    assert Exposure.objects.count() < 5


def test_the_commands_make_the_demo_from_nothing(db, capsys):
    call_command("shopdemo_load")
    call_command("shopdemo_experiments", "--days=5")
    call_command("shopdemo_experiments")
    assert re.findall(r"^(Started|The tests).*", capsys.readouterr().out, re.MULTILINE) == [
        "Started",
        "Started",
        "The tests",
    ]
    age = timezone.now() - Experiment.objects.first().started_at
    assert dt.timedelta(days=5) <= age < dt.timedelta(days=5, minutes=5)


# The result


@pytest.mark.slow
def test_the_built_in_effect_is_recovered_and_counts_equal_the_shops_own_tables(shop):
    how = Behaviour(conversion=0.25, promise_lift=1.0)
    come(400, days=5, how=how)
    exposed = Exposure.objects.filter(experiment__key="product-promise").count()
    Experiment.objects.filter(key="product-promise").update(
        planned_num_units=exposed, decision_rule="fixed_horizon"
    )
    experiment = Experiment.objects.get(key="product-promise")
    experiment.looks.all().delete()  # those of the demo's own plan; this one is read once
    payload = refresh(experiment, now=FIRST_DAY + dt.timedelta(days=6)).payload
    metrics = {metric["key"]: metric for metric in payload["metrics"]}

    [conversion] = metrics["purchase-conversion"]["comparisons"]
    lower, upper = conversion["lift_interval"]
    assert lower <= how.promise_lift <= upper
    assert lower > 0
    assert payload["verdict"]["code"] in {"ship", "inconclusive_guardrail"}

    purchases = Event.objects.filter(name="purchase")
    orders = Order.objects.aggregate(number=Count("pk"), total=Sum("total"))
    assert purchases.aggregate(number=Count("pk"), total=Sum("value")) == orders

    # Everybody who bought had been exposed: the result holds every order, and no other.
    value, revenue = metrics["average-order-value"], metrics["revenue-per-visitor"]
    sold = [value["control"], *value["comparisons"]]
    assert sum(level["denominator"] for level in sold) == pytest.approx(orders["number"])
    earned = [revenue["control"], *revenue["comparisons"]]
    assert sum(level["numerator"] for level in earned) == pytest.approx(float(orders["total"]))
    assert (
        sum(v["num_units"] for v in payload["variants"])
        == Exposure.objects.filter(experiment=experiment).count()
    )
