"""Which events count for whom: after the exposure, in the window, by UTC day."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from abtesting.metrics.sources import EventSource, ImportedSource, source_for
from abtesting.models import Event, Experiment, ImportedMoments
from abtesting.statistics.moments import Counts, Moments
from tests.builders import START, event, expose, make_experiment, make_metric

pytestmark = pytest.mark.django_db

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
SECOND, INSTANT = dt.timedelta(seconds=1), dt.timedelta(microseconds=1)
UNTIL = START + 10 * DAY


@pytest.fixture
def metrics():
    return {
        "conversion": make_metric("conversion"),
        "orders": make_metric("orders", kind="mean"),
        "revenue": make_metric("revenue", kind="mean", aggregation="sum"),
        "order-value": make_metric(
            "order-value", kind="ratio", aggregation="sum", denominator_event="purchase"
        ),
        "click-through": make_metric("click-through", kind="ratio", event="click"),
    }


@pytest.fixture
def experiment(metrics):
    return make_experiment(metrics=list(metrics.values()))


def read(experiment, until=UNTIL):
    return EventSource().read(experiment, until=until)


def total(experiment, metric, variant="b", part=0, until=UNTIL):
    """Sum over the units of a variant."""
    moments = read(experiment, until).final.metrics[metric][variant]
    if isinstance(moments, Counts):
        return moments.num_successes
    return moments.means[part] * moments.n


def test_every_exposed_unit_counts_in_its_variant(experiment):
    for number in range(5):
        expose(experiment, "control" if number < 2 else "b", f"unit-{number}")
    final = read(experiment).final
    assert final.num_units == {"control": 2, "b": 3}
    assert final.metrics["conversion"] == {
        "control": Counts(num_units=2, num_successes=0),
        "b": Counts(num_units=3, num_successes=0),
    }
    assert final.metrics["revenue"]["b"] == Moments.constant(3, [0.0])
    assert final.metrics["click-through"]["b"] == Moments.constant(3, [0.0, 0.0])


def test_without_exposures_there_are_zeros_and_no_days(experiment):
    event(visitor="ada", value=10)
    found = read(experiment)
    assert found.final.num_units == {"control": 0, "b": 0}
    assert found.final.metrics["conversion"]["b"] == Counts(num_units=0, num_successes=0)
    assert found.final.metrics["revenue"]["b"] == Moments.zero(1)
    assert found.final.metrics["click-through"]["b"] == Moments.zero(2)
    assert found.days == ()
    assert (found.last_exposure_at, found.last_event_at) == (None, None)


@pytest.mark.parametrize(
    ("after", "counted"), [(-INSTANT, 0), (0 * SECOND, 1), (INSTANT, 1), (5 * DAY, 1)]
)
def test_an_event_counts_from_the_moment_of_exposure_on(experiment, after, counted):
    expose(experiment, "b", "ada", at=START + HOUR)
    event(visitor="ada", at=START + HOUR + after)
    assert total(experiment, "conversion") == counted
    assert total(experiment, "orders") == counted


@pytest.mark.parametrize(
    ("after", "counted"),
    [(0 * HOUR, 1), (24 * HOUR - INSTANT, 1), (24 * HOUR, 0), (25 * HOUR, 0)],
)
def test_the_window_opens_with_the_exposure_and_closes_after_its_hours(after, counted):
    experiment = make_experiment(metrics=[make_metric("soon", kind="mean", window_hours=24)])
    expose(experiment, "b", "ada", at=START + HOUR)
    event(visitor="ada", at=START + HOUR + after)
    assert total(experiment, "soon") == counted


def test_the_window_holds_for_both_parts_of_a_ratio():
    ratio = make_metric("ctr", kind="ratio", event="click", window_hours=1)
    experiment = make_experiment(metrics=[ratio])
    expose(experiment, "b", "ada", at=START)
    for minutes in (0, 30, 90):
        for name in ("click", "product_view"):
            event(name, visitor="ada", at=START + dt.timedelta(minutes=minutes))
    assert [total(experiment, "ctr", part=part) for part in (0, 1)] == [2, 2]


def test_other_events_and_other_units_do_not_count(experiment):
    expose(experiment, "b", "ada")
    event("purchases", visitor="ada", value=10)
    event("Purchase", visitor="ada", value=10)
    event("purchase", visitor="eve", value=10)
    event("purchase", user="ada", value=10)
    assert total(experiment, "conversion") == 0
    assert total(experiment, "revenue") == 0


def test_exposures_of_another_experiment_do_not_count(experiment):
    other = make_experiment("other")
    expose(experiment, "control", "ada", at=START + 3 * HOUR)
    expose(other, "b", "ada", at=START + HOUR)
    event(visitor="ada", at=START + 2 * HOUR)
    assert total(experiment, "conversion", "control") == 0
    assert total(other, "conversion", "b") == 1


def test_a_unit_that_buys_three_times_is_one_conversion_and_three_orders(experiment):
    expose(experiment, "b", "ada")
    for number in range(3):
        event(visitor="ada", value=20 + number)
    assert total(experiment, "conversion") == 1
    assert total(experiment, "orders") == 3
    assert total(experiment, "revenue") == pytest.approx(63)
    assert [total(experiment, "order-value", part=part) for part in (0, 1)] == [63, 3]


def test_a_refund_takes_money_off_and_is_no_second_order(metrics):
    experiment = make_experiment(metrics=[metrics["conversion"], metrics["revenue"]])
    expose(experiment, "b", "ada")
    event(visitor="ada", value="49.90")
    event(visitor="ada", value="-49.90", at=START + 3 * DAY)
    assert total(experiment, "revenue") == pytest.approx(0)
    assert total(experiment, "conversion") == 1


def test_an_event_without_a_value_adds_nothing_to_a_sum(experiment):
    expose(experiment, "b", "ada")
    event(visitor="ada")
    event(visitor="ada", value="12.50")
    assert total(experiment, "revenue") == 12.5
    assert total(experiment, "orders") == 2


def test_a_unit_with_only_valueless_events_has_a_sum_of_zero(experiment):
    expose(experiment, "b", "ada")
    event(visitor="ada")
    assert total(experiment, "revenue") == 0


def test_amounts_keep_their_six_decimals(experiment):
    expose(experiment, "b", "ada")
    for _ in range(3):
        event(visitor="ada", value="0.100001")
    assert total(experiment, "revenue") == pytest.approx(0.300003, abs=1e-12)


def test_users_are_counted_by_their_user_events():
    experiment = make_experiment(unit="user", metrics=["conversion"])
    expose(experiment, "b", "7")
    expose(experiment, "control", "8")
    event(visitor="7")  # a browser that happens to have that id
    event(user="8", visitor="phone")
    assert total(experiment, "conversion") == 0
    assert total(experiment, "conversion", "control") == 1


def test_a_users_events_add_up_over_browsers():
    experiment = make_experiment(
        unit="user", metrics=[make_metric("revenue", kind="mean", aggregation="sum")]
    )
    expose(experiment, "b", "7")
    event(user="7", visitor="phone", value=10)
    event(user="7", visitor="laptop", value=5)
    assert total(experiment, "revenue") == 15


def test_a_visitors_events_count_with_and_without_a_login(experiment):
    expose(experiment, "b", "ada")
    event(visitor="ada")
    event(visitor="ada", user="7")
    assert total(experiment, "orders") == 2


@pytest.mark.parametrize("name", ["exposure", "event"])
def test_what_happens_at_or_after_the_reading_is_left_out(experiment, name):
    until = START + DAY
    expose(experiment, "b", "ada")
    event(visitor="ada", at=until - INSTANT)
    if name == "event":
        event(visitor="ada", at=until)
    else:
        expose(experiment, "b", "eve", at=until)
    assert total(experiment, "orders", until=until) == 1
    assert read(experiment, until).final.num_units["b"] == 1


def test_days_are_cumulative_and_end_with_the_final_result(experiment):
    for number in range(4):
        expose(experiment, "b", f"unit-{number}", at=START + number * DAY)
    event(visitor="unit-0", value=10, at=START + HOUR)
    event(visitor="unit-0", value=5, at=START + 2 * DAY)
    event(visitor="unit-3", value=1, at=START + 3 * DAY)
    found = read(experiment, START + 4 * DAY)
    assert [date.day for date, _ in found.days] == [2, 3, 4, 5, 6]
    assert [at.num_units["b"] for _, at in found.days] == [1, 2, 3, 4, 4]
    revenue = [at.metrics["revenue"]["b"] for _, at in found.days]
    assert [m.mean * m.n for m in revenue] == pytest.approx([10, 10, 15, 16, 16])
    assert [at.metrics["conversion"]["b"].num_successes for _, at in found.days] == [1, 1, 1, 2, 2]
    assert found.days[-1][1] == found.final


def test_a_day_ends_at_midnight_utc(experiment):
    midnight = dt.datetime(2026, 3, 4, tzinfo=dt.UTC)
    expose(experiment, "b", "ada", at=midnight - INSTANT)
    expose(experiment, "b", "ben", at=midnight)
    event(visitor="ada", at=midnight - INSTANT)
    event(visitor="ada", at=midnight)
    found = read(experiment, midnight + HOUR)
    assert [date.isoformat() for date, _ in found.days] == ["2026-03-03", "2026-03-04"]
    assert [at.num_units["b"] for _, at in found.days] == [1, 2]
    assert [at.metrics["orders"]["b"].mean for _, at in found.days] == [1.0, 1.0]
    assert [at.metrics["orders"]["b"].n for _, at in found.days] == [1, 2]


def test_a_reading_at_midnight_opens_no_new_day(experiment):
    midnight = dt.datetime(2026, 3, 4, tzinfo=dt.UTC)
    expose(experiment, "b", "ada", at=midnight - HOUR)
    assert [date.day for date, _ in read(experiment, midnight).days] == [3]


@pytest.mark.parametrize("hours", [-11, -5, 5, 13])
def test_days_are_utc_days_whatever_zone_the_reader_is_in(experiment, hours, settings):
    zone = dt.timezone(dt.timedelta(hours=hours))
    settings.TIME_ZONE = "Pacific/Auckland"
    until = dt.datetime(2026, 3, 5, 1, tzinfo=dt.UTC)
    expose(experiment, "b", "ada", at=dt.datetime(2026, 3, 3, 23, 30, tzinfo=dt.UTC))
    event(visitor="ada", at=until - HOUR)
    assert read(experiment, until.astimezone(zone)) == read(experiment, until)
    assert [date.day for date, _ in read(experiment, until).days] == [3, 4, 5]
    assert total(experiment, "orders", until=until.astimezone(zone)) == 1


def test_the_newest_exposure_and_event_are_known(experiment):
    expose(experiment, "b", "ada", at=START + HOUR)
    expose(experiment, "b", "ben", at=START + 3 * HOUR)
    event("click", visitor="ada", at=START + 4 * HOUR)
    event("page_view", visitor="ada", at=START + 5 * HOUR)
    found = read(experiment)
    assert found.last_exposure_at == START + 3 * HOUR
    assert found.last_event_at == START + 4 * HOUR


def test_reading_takes_as_many_queries_with_many_units_as_with_few(
    experiment, django_assert_num_queries
):
    # variants, metrics, exposures, newest event, and one per total: 3 metrics and 2 ratios
    for number in range(30):
        expose(experiment, "b", f"unit-{number}", at=START + number * HOUR)
        event(visitor=f"unit-{number}", at=START + (number + 1) * HOUR)
    with django_assert_num_queries(4 + 3 + 4):
        read(experiment)


def test_imported_moments_come_back_as_they_were_stored(metrics):
    experiment = make_experiment(
        metrics=[metrics["conversion"], metrics["revenue"]], state="stopped", source="imported"
    )
    b = experiment.variants.get(key="b")
    counts = Counts(num_units=10, num_successes=3)
    moments = Moments.from_array([1.5, 2.5, 9.0] + [0.0] * 7)
    for metric, stored in (
        ("conversion", {"num_units": 10, "num_successes": 3}),
        ("revenue", moments.as_dict()),
    ):
        ImportedMoments.objects.create(variant=b, metric=metrics[metric], moments=stored)
    experiment = Experiment.objects.get(pk=experiment.pk)
    source = source_for(experiment)
    found = source.read(experiment, until=UNTIL)
    assert isinstance(source, ImportedSource)
    assert found.final.num_units == {"control": 0, "b": 10}
    assert found.final.metrics == {"conversion": {"b": counts}, "revenue": {"b": moments}}
    assert found.days == ()


def test_live_experiments_are_read_from_events(experiment):
    assert isinstance(source_for(experiment), EventSource)


# Looks


def at_look(experiment, looked_at, *, until=START + 5 * DAY):
    return EventSource().read(experiment, until=until, looked_at=looked_at)


def test_a_look_is_as_alike_to_now_as_the_totals_of_its_units(experiment):
    rng = np.random.default_rng(3)
    looked_at, until = START + 30 * HOUR, START + 5 * DAY
    before, now = {}, {}
    for number in range(40):
        unit, at = f"u{number}", START + number * HOUR
        expose(experiment, ("control", "b")[number % 2], unit, at=at)
        if at < looked_at:
            before[unit] = 0
        now[unit] = 0
        for later, value in ((0, 50 * int(rng.integers(0, 9))), (int(rng.integers(1, 60)), 40)):
            event(visitor=unit, value=value, at=at + later * HOUR)
            now[unit] += value
            if at + later * HOUR < looked_at:
                before[unit] += value
    products = squares_before = squares_now = 0.0
    for parity in (0, 1):
        units = [unit for unit in now if int(unit[1:]) % 2 == parity]
        known = [unit for unit in units if unit in before]
        a = np.array([before[unit] for unit in known], dtype=float)
        b, c = (np.array([now[unit] for unit in x], dtype=float) for x in (known, units))
        products += (a - a.mean()) @ (b - b.mean())
        squares_before += ((a - a.mean()) ** 2).sum()
        squares_now += ((c - c.mean()) ** 2).sum()
    found = at_look(experiment, looked_at, until=until).correlations
    expected = products / math.sqrt(squares_before * squares_now)
    assert 0.3 < expected < 0.95
    assert found["revenue"] == pytest.approx(expected)
    assert set(found) <= {row.metric.key for row in experiment.experiment_metrics.all()}


def test_what_was_received_after_a_look_was_not_read_by_it(experiment):
    looked_at = START + 2 * DAY
    for number in range(20):
        at = START + number * HOUR
        expose(experiment, ("control", "b")[number % 2], f"u{number}", at=at)
        event(visitor=f"u{number}", value=number, at=at)
    everything = at_look(experiment, looked_at).correlations["revenue"]
    assert everything == pytest.approx(1.0)
    Event.objects.filter(value__gt=14).update(received_at=looked_at + HOUR)
    assert at_look(experiment, looked_at).correlations["revenue"] < 0.95


def test_a_look_changes_nothing_else(experiment):
    expose(experiment, "b", "ada")
    event(visitor="ada", at=START + 30 * HOUR, value=3)
    found = at_look(experiment, START + DAY)
    without = EventSource().read(experiment, until=START + 5 * DAY)
    assert (found.final, found.days) == (without.final, without.days)
    assert without.correlations == {}


def test_a_look_before_anybody_came_has_read_nothing(experiment):
    expose(experiment, "b", "ada", at=START + 3 * DAY)
    assert at_look(experiment, START + DAY).correlations == {}
    experiment.exposures.all().delete()
    assert at_look(experiment, START + DAY).correlations == {}


def test_a_look_takes_no_more_queries(experiment, django_assert_num_queries):
    expose(experiment, "b", "ada")
    with CaptureQueriesContext(connection) as queries:
        EventSource().read(experiment, until=START + 5 * DAY)
    with django_assert_num_queries(len(queries)):
        at_look(experiment, START + DAY)


@pytest.mark.parametrize(
    ("rule", "num_units"), [("", 2), ("fixed_horizon", 2), ("always_valid", 3), ("bayesian", 3)]
)
def test_units_beyond_the_plan_are_left_out_where_the_plan_ends_the_test(rule, num_units):
    experiment = make_experiment(planned_num_units=2, decision_rule=rule)
    for number in range(3):
        expose(experiment, "b", f"u{number}", at=START + number * HOUR)
    assert EventSource().read(experiment, until=START + DAY).final.num_units["b"] == num_units
