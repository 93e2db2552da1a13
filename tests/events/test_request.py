"""`request.abtesting`: what views and templates use, and what it writes."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.db import InterfaceError, OperationalError, connection, transaction
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext

from abtesting.assignment.units import Visitor
from abtesting.events import request as module
from abtesting.events.tokens import read_token
from abtesting.exceptions import InvalidEventError
from abtesting.models import Event, Experiment, Exposure
from tests.builders import make_experiment, make_request

pytestmark = pytest.mark.django_db

BOT = "Googlebot/2.1"


def served(request):
    """End a request as the middleware does; the cookie that the browser then has, if any."""
    response = HttpResponse()
    request.abtesting.flush()
    request.abtesting.finish(response)
    cookie = response.cookies.get("abtesting")
    return cookie.value if cookie else None


def visit(*experiments, cookie=None, **fields):
    """A page view that shows these experiments; the cookie after it."""
    request = make_request(cookie=cookie, **fields)
    for experiment in experiments:
        request.abtesting.variant(experiment)
    return served(request) or cookie


def exposure_statements(queries):
    table = Exposure._meta.db_table
    return [query["sql"] for query in queries if table in query["sql"]]


def test_a_variant_is_shown_and_its_exposure_stored_after_the_response():
    experiment = make_experiment(weights=(1, 3))
    request = make_request()

    key = request.abtesting.variant("test")
    assert not Exposure.objects.exists()
    served(request)

    exposure = Exposure.objects.get()
    assert exposure.experiment == experiment
    assert exposure.variant.key == key
    assert exposure.unit == request.abtesting.visitor.id
    assert exposure.propensity == {"control": 0.25, "b": 0.75}[key]


def test_a_value_comes_from_the_variants_payload_and_is_an_exposure():
    make_experiment(weights=(0, 1), payloads={"b": {"headline": "Slow mornings"}})
    request = make_request()

    assert request.abtesting.value("test", "headline", "Rooms") == "Slow mornings"
    assert request.abtesting.value("test", "other", "default") == "default"
    served(request)
    assert Exposure.objects.count() == 1


def test_looking_at_an_assignment_is_no_exposure():
    make_experiment()
    request = make_request()

    request.abtesting.assignment("test")
    served(request)

    assert not Exposure.objects.exists()


def test_an_unknown_experiment_is_none_and_stores_nothing():
    request = make_request()

    assert request.abtesting.variant("missing") is None
    assert request.abtesting.value("missing", "headline", "Rooms") == "Rooms"
    served(request)
    assert not Exposure.objects.exists()


def test_a_variant_shown_twice_on_a_page_is_one_exposure():
    make_experiment()
    request = make_request()

    assert len({request.abtesting.variant("test") for _ in range(5)}) == 1
    served(request)
    assert Exposure.objects.count() == 1


def test_a_new_visitor_costs_one_statement_on_the_exposures():
    keys = [f"test-{number}" for number in range(10)]
    for key in keys:
        make_experiment(key, metrics=())

    with CaptureQueriesContext(
        connection,
    ) as queries:
        visit(*keys)

    assert len(exposure_statements(queries)) == 1
    assert len(queries) == 1
    assert Exposure.objects.count() == 10


def test_a_returning_visitor_costs_no_query(django_assert_num_queries):
    keys = [f"test-{number}" for number in range(10)]
    for key in keys:
        make_experiment(key, metrics=())
    cookie = visit(*keys)

    with django_assert_num_queries(0):
        visit(*keys, cookie=cookie)


def test_a_visitor_sees_the_same_variants_on_every_page():
    keys = [f"test-{number}" for number in range(10)]
    for key in keys:
        make_experiment(key, metrics=())
    cookie = visit(*keys)

    seen = {
        tuple(make_request(cookie=cookie).abtesting.variant(key) for key in keys) for _ in range(5)
    }

    assert len(seen) == 1


def test_a_visitor_whose_cookie_forgot_is_still_exposed_once():
    make_experiment()
    cookie = visit("test")
    forgetful = Visitor(id=Visitor.from_cookie(cookie).id).cookie_value()

    visit("test", cookie=forgetful)

    assert Exposure.objects.count() == 1


def test_only_experiments_that_run_stay_in_the_cookie():
    make_experiment("old")
    make_experiment("new")
    cookie = visit("old")
    Experiment.objects.filter(key="old").update(state="stopped")
    make_experiment("newest")  # reloads

    cookie = visit("new", cookie=cookie)

    assert Visitor.from_cookie(cookie).exposed == {str(Experiment.objects.get(key="new").pk)}


def test_a_paused_experiment_stores_nothing():
    make_experiment(state="paused")

    visit("test")

    assert not Exposure.objects.exists()


def test_a_bot_sees_the_control_and_leaves_nothing(django_assert_num_queries):
    make_experiment(weights=(0, 1))

    with django_assert_num_queries(0):
        request = make_request(user_agent=BOT)
        assert request.abtesting.variant("test") == "control"
        request.abtesting.track("purchase", value=10)
        request.abtesting.track_later("view")
        assert served(request) is None


def test_a_test_of_users_exposes_the_user_and_not_the_browser():
    make_experiment(unit="user")
    user = get_user_model().objects.create_user("mara")

    visit("test", user=user)
    visit("test", user=user)  # another browser of hers

    assert Exposure.objects.get().unit == str(user.pk)


def test_two_users_of_one_browser_are_two_units():
    make_experiment(unit="user")
    users = [get_user_model().objects.create_user(name) for name in ("mara", "jon")]

    cookie = None
    for user in users:
        cookie = visit("test", user=user, cookie=cookie)

    assert set(Exposure.objects.values_list("unit", flat=True)) == {str(u.pk) for u in users}


def test_a_test_of_users_does_not_count_who_is_not_logged_in():
    make_experiment(unit="user", weights=(0, 1))
    request = make_request(user=AnonymousUser())

    assert request.abtesting.variant("test") == "control"
    served(request)
    assert not Exposure.objects.exists()


def test_a_returning_user_costs_no_query(django_assert_num_queries):
    make_experiment(unit="user")
    user = get_user_model().objects.create_user("mara")
    cookie = visit("test", user=user)

    with django_assert_num_queries(0):
        visit("test", user=user, cookie=cookie)


def test_an_event_says_who_and_when():
    user = get_user_model().objects.create_user("mara")
    request = make_request(user=user)

    request.abtesting.track("purchase", value="59.90", key="order-1", properties={"sku": "T-1"})

    event = Event.objects.get()
    assert (event.visitor, event.user) == (request.abtesting.visitor.id, str(user.pk))
    assert (event.name, str(event.value), event.properties) == (
        "purchase",
        "59.900000",
        {"sku": "T-1"},
    )


def test_an_event_after_a_login_in_the_same_request_has_the_user():
    user = get_user_model().objects.create_user("mara")
    request = make_request(user=AnonymousUser())
    request.abtesting.track("view")

    request.user = user  # what django.contrib.auth.login does
    request.abtesting.track("login")

    assert [e.user for e in Event.objects.order_by("pk")] == ["", str(user.pk)]


def test_the_exposure_of_the_page_comes_before_its_event():
    make_experiment()
    request = make_request()
    request.abtesting.variant("test")

    request.abtesting.track("purchase", value=10)

    assert Exposure.objects.get().exposed_at <= Event.objects.get().occurred_at
    served(request)
    assert Exposure.objects.count() == 1


def test_a_rolled_back_view_leaves_no_event_but_was_seen():
    make_experiment()
    request = make_request()

    with transaction.atomic():
        request.abtesting.variant("test")
        request.abtesting.track("purchase", value=10, key="order-1")
        transaction.set_rollback(True)
    assert not Exposure.objects.exists()
    served(request)

    assert not Event.objects.exists()
    assert Exposure.objects.count() == 1


def test_a_bad_event_is_refused_where_it_is_made():
    request = make_request()

    with pytest.raises(InvalidEventError, match="value is"):
        request.abtesting.track("purchase", value="a lot")
    with pytest.raises(InvalidEventError, match="name is"):
        request.abtesting.track_later("")
    assert not Event.objects.exists()


def test_later_events_are_stored_with_the_exposures():
    make_experiment()
    user = get_user_model().objects.create_user("mara")
    request = make_request(user=user)
    request.abtesting.variant("test")
    request.abtesting.track_later("view", key="k", properties={"sku": "T-1"})
    assert not Event.objects.exists()

    served(request)

    event = Event.objects.get()
    assert (event.visitor, event.user) == (Exposure.objects.get().unit, str(user.pk))
    assert event.properties == {"sku": "T-1"}


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_page_outlives_the_database(monkeypatch, caplog, error):
    make_experiment()
    request = make_request()
    request.abtesting.variant("test")
    request.abtesting.track_later("view")

    def down(rows):
        raise error("the database is down")

    with monkeypatch.context() as outage:
        outage.setattr(module, "record_exposures", down)
        cookie = served(request)

    assert "1 exposure(s) and 1 event(s) could not be stored" in caplog.text
    assert Visitor.from_cookie(cookie).exposed == set()
    visit("test", cookie=cookie)  # the next page offers the exposure again
    assert Exposure.objects.get().unit == Visitor.from_cookie(cookie).id


def test_the_token_is_the_visitors_and_no_exposure():
    request = make_request()

    assert read_token(request.abtesting.token()) == request.abtesting.visitor.id
    served(request)
    assert not Exposure.objects.exists()
