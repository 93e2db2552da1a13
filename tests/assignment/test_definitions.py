"""Definitions in memory: no query on the hot path, reloaded on commit, kept through outages."""

from __future__ import annotations

import re
import threading
import time
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache
from django.db import InterfaceError, OperationalError, transaction

from abtesting import lifecycle
from abtesting.assignment import definitions
from abtesting.models import Experiment, Variant
from tests.builders import make_experiment


@pytest.fixture
def clock(monkeypatch):
    """A monotonic clock that only this test moves."""

    class Clock:
        now = 1_000.0

        def __call__(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(definitions, "time", SimpleNamespace(monotonic=clock))
    return clock


@pytest.fixture
def no_database(monkeypatch):
    """A switch: after it is called, reading experiments fails and is counted."""
    reads = []

    def switch(error=OperationalError):
        def fail(*args, **kwargs):
            reads.append(1)
            raise error("the database is down")

        monkeypatch.setattr(Experiment.objects, "exclude", fail)
        return reads

    return switch


class Unreachable(LocMemCache):
    """A cache whose server is down."""

    def get(self, *args, **kwargs):
        raise ConnectionError("the cache is down")

    set = get


@pytest.fixture
def no_cache(settings):
    """A switch: after it is called, the cache is out of reach."""

    def switch():
        settings.CACHES = {"default": {"BACKEND": f"{__name__}.Unreachable"}}

    return switch


def another_process_edits():
    """What a commit elsewhere looks like from here: another version in the cache."""
    caches["default"].set("abtesting.definitions.version", "elsewhere", timeout=None)


def messages(caplog):
    return [record.message for record in caplog.records if record.name == "abtesting.assignment"]


@pytest.mark.django_db
def test_a_definition_is_what_the_rows_say():
    experiment = make_experiment(
        "shipping",
        variants=("control", "free"),
        weights=(1, 3),
        payloads={"free": {"label": "Free"}},
        seed="other-seed",
        unit="user",
        allocation=0.5,
    )

    found = definitions.get("shipping")

    assert (found.id, found.seed, found.unit, found.coverage, found.state) == (
        experiment.pk,
        "other-seed",
        "user",
        0.5,
        "running",
    )
    assert [variant.key for variant in found.variants] == ["control", "free"]
    assert found.control.key == "control"
    assert found.propensities == (0.25, 0.75)
    assert found.variants[1].payload == {"label": "Free"}


@pytest.mark.django_db
def test_without_a_seed_of_its_own_an_experiment_is_randomised_by_its_key():
    make_experiment("shipping")

    assert definitions.get("shipping").seed == "shipping"


@pytest.mark.django_db
@pytest.mark.parametrize("fields", [{"state": "draft"}, {"source": "imported"}], ids=str)
def test_what_is_not_live_has_no_definition(fields):
    make_experiment("shipping", **fields)

    assert definitions.get("shipping") is None


@pytest.mark.django_db
def test_reading_a_definition_costs_no_query(django_assert_num_queries):
    make_experiment()

    with django_assert_num_queries(0):
        definitions.get("test")
        definitions.get("unknown")
        definitions.running()


@pytest.mark.django_db
def test_a_fresh_process_loads_on_its_first_request_only(django_assert_num_queries):
    make_experiment("one")
    make_experiment("two")
    definitions.forget()

    with django_assert_num_queries(2):  # experiments, variants
        definitions.revalidate()
    with django_assert_num_queries(0):
        definitions.revalidate()
    assert definitions.get("two") is not None


@pytest.mark.django_db
def test_many_threads_on_a_cold_start_look_once(monkeypatch):
    looks = []
    ready = threading.Barrier(8)

    def slow_look():
        looks.append(1)
        time.sleep(0.05)

    monkeypatch.setattr(definitions, "_read_version", slow_look)
    monkeypatch.setattr(definitions, "_reload", lambda version, now: None)

    def work():
        ready.wait()
        definitions.revalidate()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(looks) == 1


@pytest.mark.django_db
def test_the_version_is_looked_at_once_a_second(clock, django_assert_num_queries):
    make_experiment()
    definitions.revalidate()
    Experiment.objects.update(state="paused")  # no signal, as from another process
    another_process_edits()

    clock.now += 0.9
    definitions.revalidate()
    assert definitions.get("test").state == "running"
    clock.now += 0.2
    definitions.revalidate()
    assert definitions.get("test").state == "paused"


@pytest.mark.django_db
def test_definitions_are_read_again_when_they_are_old(clock, settings, django_assert_num_queries):
    settings.ABTESTING = {"DEFINITIONS_AGE_SECONDS": 10.0}
    make_experiment()
    definitions.revalidate()
    Experiment.objects.update(state="paused")

    clock.now += 5
    with django_assert_num_queries(0):
        definitions.revalidate()
    clock.now += 5
    definitions.revalidate()
    assert definitions.get("test").state == "paused"


@pytest.mark.django_db(transaction=True)
def test_an_edit_is_served_after_its_commit_and_not_before():
    make_experiment("test", state="draft")
    definitions.revalidate()

    with transaction.atomic():
        lifecycle.start(Experiment.objects.get())
        definitions.revalidate()
        assert definitions.get("test") is None
    definitions.revalidate()
    assert definitions.get("test").state == "running"


@pytest.mark.django_db(transaction=True)
def test_an_edit_that_is_rolled_back_is_never_served():
    experiment = make_experiment("test")
    definitions.revalidate()

    with transaction.atomic():
        lifecycle.pause(experiment)
        transaction.set_rollback(True)
    definitions.revalidate()

    assert definitions.get("test").state == "running"


@pytest.mark.django_db(transaction=True)
def test_a_commit_tells_the_other_processes():
    make_experiment("test", state="draft")
    definitions.revalidate()
    before = caches["default"].get("abtesting.definitions.version")

    lifecycle.start(Experiment.objects.get())

    assert caches["default"].get("abtesting.definitions.version") not in (None, before)


@pytest.mark.django_db(transaction=True)
def test_adding_and_removing_variants_and_experiments_reaches_the_definitions():
    experiment = make_experiment("test", state="draft")
    versions = [caches["default"].get("abtesting.definitions.version")]

    variant = Variant.objects.create(experiment=experiment, key="c")
    versions.append(caches["default"].get("abtesting.definitions.version"))
    variant.delete()
    versions.append(caches["default"].get("abtesting.definitions.version"))
    experiment.delete()
    versions.append(caches["default"].get("abtesting.definitions.version"))

    assert len(set(versions)) == 4


@pytest.mark.django_db
@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_the_last_definitions_outlive_the_database(clock, no_database, caplog, error):
    make_experiment()
    definitions.revalidate()
    reads = no_database(error)

    for _ in range(5):
        clock.now += 100
        definitions.revalidate()

    assert definitions.get("test").state == "running"
    assert len(reads) == 5
    assert messages(caplog) == ["Definitions could not be read: serving the 1 kept"]


@pytest.mark.django_db
def test_a_second_outage_is_logged_again(clock, monkeypatch, caplog):
    make_experiment()

    for is_down in (True, False, True):
        with monkeypatch.context() as outage:
            if is_down:
                outage.setattr(Experiment.objects, "exclude", Mock(side_effect=OperationalError))
            clock.now += 100
            definitions.revalidate()

    assert messages(caplog) == ["Definitions could not be read: serving the 1 kept"] * 2


@pytest.mark.django_db
def test_the_last_definitions_outlive_the_cache(clock, no_cache, caplog):
    make_experiment()
    definitions.revalidate()
    no_cache()

    for _ in range(5):
        clock.now += 5
        definitions.revalidate()

    assert definitions.get("test").state == "running"
    assert messages(caplog) == ["The cache is out of reach: definitions are refreshed by age only"]


@pytest.mark.django_db
def test_without_a_cache_an_edit_elsewhere_arrives_by_age(clock, no_cache):
    make_experiment()
    definitions.revalidate()
    no_cache()
    Experiment.objects.update(state="paused")

    clock.now += 61
    definitions.revalidate()

    assert definitions.get("test").state == "paused"


@pytest.mark.django_db(transaction=True)
def test_without_a_cache_an_edit_is_saved_and_served_here(no_cache, caplog):
    experiment = make_experiment()
    definitions.revalidate()
    no_cache()

    lifecycle.pause(experiment)
    definitions.revalidate()

    assert definitions.get("test").state == "paused"
    assert "The cache could not be told that definitions changed" in messages(caplog)


def test_a_cold_process_without_database_has_no_definitions_and_does_not_fail(
    clock, no_database, no_cache, caplog
):
    no_database()
    no_cache()

    for _ in range(3):
        definitions.revalidate()
        assert definitions.get("test") is None
        clock.now += 2

    assert len(messages(caplog)) == 2  # the cache, and the database


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("breaking", "reason"),
    [
        (lambda variants: variants.update(is_control=False), "has no control"),
        (lambda variants: variants.update(weight=0), "weights are"),
        (lambda variants: variants.filter(key="b").delete(), r"has 1 variant\(s\)"),
        (lambda variants: variants.update(payload=["no", "object"]), "payload of variant"),
        (lambda variants: variants.update(payload="text"), "payload of variant"),
    ],
    ids=["no control", "no weight", "one variant", "list", "text"],
)
def test_a_broken_experiment_is_left_out_alone_and_logged_once(clock, caplog, breaking, reason):
    broken, _ = make_experiment("broken"), make_experiment("sound")
    breaking(Variant.objects.filter(experiment=broken))  # past every check of the models

    for _ in range(3):
        clock.now += 100
        definitions.revalidate()

    assert definitions.get("broken") is None
    assert definitions.get("sound") is not None
    [line] = messages(caplog)
    assert re.search(reason, line)


@pytest.mark.django_db
def test_reload_does_not_wait_for_age_or_version(django_assert_num_queries):
    make_experiment()
    Experiment.objects.update(state="paused")

    definitions.reload()

    assert definitions.get("test").state == "paused"


@pytest.mark.django_db
def test_ten_experiments_load_in_two_queries(django_assert_num_queries):
    for number in range(10):
        make_experiment(f"test-{number}", metrics=())

    with django_assert_num_queries(2):
        definitions.reload()
    assert len(definitions.running()) == 10
