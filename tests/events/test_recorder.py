"""The one recorder: once per key and once per unit, in the caller's transaction."""

from __future__ import annotations

import datetime as dt
import threading
import time
from decimal import Decimal

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from abtesting.events.recorder import (
    NewExposure,
    Units,
    known_keys,
    make_event,
    record_event,
    record_events,
    record_exposures,
)
from abtesting.exceptions import InvalidEventError
from abtesting.models import Event, Exposure
from tests.builders import START, make_experiment

NOW = START + dt.timedelta(days=3)


def exposure(experiment, variant, unit, **fields):
    return NewExposure(
        experiment_id=experiment.pk,
        variant_id=experiment.variants.get(key=variant).pk,
        unit=unit,
        propensity=0.5,
        **{"exposed_at": START, **fields},
    )


def at_once(work, *, num_threads=8):
    """Do `work(number)` in threads that begin together."""
    ready = threading.Barrier(num_threads)
    errors = []

    def run(number):
        ready.wait()
        try:
            for attempt in range(200):
                try:
                    work(number)
                    break
                except OperationalError:
                    # SQLite in memory answers "table is locked" instead of waiting.
                    if connection.vendor != "sqlite" or attempt == 199:
                        raise
                    time.sleep(0.005)
        except Exception as error:
            errors.append(error)
        finally:
            # close() of Django leaves a database in memory open.
            if connection.connection is not None:
                connection.connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(num_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors


@pytest.mark.django_db
def test_an_event_is_stored_as_it_happened(django_assert_num_queries):
    with django_assert_num_queries(1):
        record_event(
            "purchase",
            visitor="v1",
            user="7",
            value="59.90",
            idempotency_key="order-1",
            properties={"sku": "T-1"},
            occurred_at=NOW - dt.timedelta(hours=1),
            now=NOW,
        )

    event = Event.objects.get()
    assert (event.name, event.visitor, event.user) == ("purchase", "v1", "7")
    assert (event.value, event.properties) == (Decimal("59.9"), {"sku": "T-1"})
    assert (event.occurred_at, event.received_at) == (NOW - dt.timedelta(hours=1), NOW)


@pytest.mark.django_db
def test_a_key_is_one_event_for_ever():
    record_event("purchase", visitor="v1", value=10, idempotency_key="order-1")
    record_event("purchase", visitor="v2", value=99, idempotency_key="order-1")

    event = Event.objects.get()
    assert (event.visitor, event.value) == ("v1", 10)


@pytest.mark.django_db
def test_a_key_may_come_twice_in_one_batch():
    events = [
        make_event("click", units=Units(visitor="v1"), idempotency_key="k", value=value)
        for value in (1, 2)
    ]
    record_events(events)

    assert Event.objects.get().value == 1


@pytest.mark.django_db
def test_without_a_key_each_call_is_an_event():
    record_event("view", visitor="v1")
    record_event("view", visitor="v1")

    assert Event.objects.count() == 2


@pytest.mark.django_db
def test_no_browser_can_use_up_the_key_of_another_or_of_the_server():
    keys = {
        make_event("x", units=units, idempotency_key="k", from_browser=is_browser).idempotency_key
        for units, is_browser in [
            (Units(visitor="v1"), True),
            (Units(visitor="v2"), True),
            (Units(visitor="v1"), False),
            (Units(user="v1"), True),
        ]
    }

    assert len(keys) == 4


@pytest.mark.django_db
@pytest.mark.parametrize("sent", ["server:order-1", "auto:1", "web:v2:k", "v2:k", ":"])
def test_a_key_that_looks_like_anothers_stays_its_senders(sent):
    event = make_event("x", units=Units(visitor="v1"), idempotency_key=sent, from_browser=True)

    assert event.idempotency_key == f"web:v1:{sent}"


@pytest.mark.django_db
def test_the_longest_key_fits_the_column():
    record_events(
        [
            make_event(
                "x", units=Units(user="u" * 64), idempotency_key="k" * 180, from_browser=is_browser
            )
            for is_browser in (True, False)
        ]
    )

    longest = max(len(event.idempotency_key) for event in Event.objects.all())
    assert longest <= Event._meta.get_field("idempotency_key").max_length


@pytest.mark.django_db
def test_an_event_of_nobody_is_refused():
    with pytest.raises(InvalidEventError, match="units are empty"):
        record_event("purchase")


@pytest.mark.django_db
def test_the_database_refuses_an_event_of_nobody_too():
    with pytest.raises(IntegrityError), transaction.atomic():
        Event.objects.create(name="x", idempotency_key="k", occurred_at=START, received_at=START)


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_order_leaves_no_purchase():
    with transaction.atomic():
        record_event("purchase", visitor="v1", value=10, idempotency_key="order-1")
        assert Event.objects.count() == 1
        transaction.set_rollback(True)
    assert not Event.objects.exists()

    record_event("purchase", visitor="v1", value=10, idempotency_key="order-1")
    assert Event.objects.count() == 1


@pytest.mark.django_db
def test_known_keys_are_those_that_are_stored():
    stored, new = (
        make_event("x", units=Units(visitor="v1"), idempotency_key=key) for key in ("a", "b")
    )
    record_events([stored])

    assert known_keys([stored, new]) == {stored.idempotency_key}


@pytest.mark.django_db
def test_a_batch_is_one_statement(django_assert_num_queries):
    events = [make_event("x", units=Units(visitor=f"v{n}")) for n in range(100)]

    with django_assert_num_queries(1):
        record_events(events)
    assert Event.objects.count() == 100


@pytest.mark.django_db
def test_nothing_to_store_costs_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        record_events([])
        record_exposures([])


@pytest.mark.django_db
def test_the_first_exposure_of_a_unit_stays(django_assert_num_queries):
    experiment = make_experiment()
    first, second = (
        exposure(experiment, "control", "v1"),
        exposure(experiment, "b", "v1", exposed_at=NOW),
    )

    record_exposures([first])
    with django_assert_num_queries(1):
        record_exposures([second])

    stored = Exposure.objects.get()
    assert (stored.variant.key, stored.exposed_at) == ("control", START)


@pytest.mark.django_db
def test_a_unit_is_exposed_once_in_each_experiment():
    one, two = make_experiment("one"), make_experiment("two")

    record_exposures([exposure(e, "b", unit) for e in (one, two) for unit in ("v1", "v2")])

    assert Exposure.objects.count() == 4


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_unit_in_many_threads_is_exposed_once():
    experiment = make_experiment()
    exposures = [exposure(experiment, "b", f"v{number}") for number in range(20)]

    at_once(lambda number: record_exposures(exposures[number:] + exposures[:number]))

    assert Exposure.objects.count() == 20


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_key_in_many_threads_is_one_event():
    events = [
        make_event("x", units=Units(visitor="v1"), idempotency_key=f"k{number}")
        for number in range(20)
    ]

    at_once(lambda number: record_events(events[number:] + events[:number]))

    assert Event.objects.count() == 20
