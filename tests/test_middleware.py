"""The request's edge, in sync and async: what a page costs, stores and tells browser and caches."""

from __future__ import annotations

import itertools
import re

import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction
from django.contrib.auth import get_user_model, login
from django.http import HttpResponse, HttpResponseServerError, StreamingHttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import AsyncClient, Client, RequestFactory
from django.urls import path
from django.views.decorators.cache import cache_page

from abtesting import lifecycle
from abtesting.assignment import definitions
from abtesting.assignment.units import Visitor
from abtesting.middleware import AbtestingMiddleware
from abtesting.models import Event, Experiment, Exposure
from tests.builders import BROWSER, make_experiment

pytestmark = pytest.mark.django_db

TEN = [f"test-{number}" for number in range(10)]


def plain(request):
    return HttpResponse("plain")


def counts(request, *, calls=itertools.count()):  # noqa: B008 (one counter for all calls is meant)
    return HttpResponse(str(next(calls)))


def shows(request):
    keys = request.GET.getlist("key") or ["test"]
    response = HttpResponse(",".join(str(request.abtesting.variant(key)) for key in keys))
    response.status_code = int(request.GET.get("status", "200"))
    return response


def raises(request):
    request.abtesting.variant("test")
    request.abtesting.track_later("view")
    raise RuntimeError("a bug of the shop")


def buys(request):
    request.abtesting.track("purchase", value="59.90", key="order-1")
    return HttpResponse("thanks")


def streams(request):
    return StreamingHttpResponse([request.abtesting.variant("test")])


def renders(request):
    source = '{% load abtesting %}{% experiment "test" %}{% variant "control" %}A{% variant "b" %}B'
    template = engines["django"].from_string(source + '{% endexperiment %}{% track "view" %}')
    return TemplateResponse(request, template)


def tracks_only(request):
    template = engines["django"].from_string('{% load abtesting %}{% track "view" %}seen')
    return TemplateResponse(request, template)


def cached_elsewhere(request):
    response = HttpResponse(request.abtesting.variant("test"))
    response["Cache-Control"] = "max-age=60, public"
    response["Vary"] = "Accept-Language"
    return response


def logs_in(request):
    login(request, get_user_model().objects.get())
    request.abtesting.track("login")
    return HttpResponse("in")


async def shows_async(request):
    return HttpResponse(str(request.abtesting.variant(request.GET.get("key", "test"))))


async def buys_async(request):
    request.abtesting.variant("test")
    await request.abtesting.atrack("purchase", value="59.90", key="order-1")
    return HttpResponse("thanks")


async def renders_async(request):
    return renders(request)


async def raises_async(request):
    raises(request)


urlpatterns = [
    path(f"{view.__name__}/", view)
    for view in (
        plain,
        shows,
        raises,
        buys,
        streams,
        renders,
        tracks_only,
        cached_elsewhere,
        logs_in,
        shows_async,
        buys_async,
        renders_async,
        raises_async,
    )
]
urlpatterns += [
    path(f"kept/{view.__name__}/", cache_page(60)(view))
    for view in (counts, shows, renders, tracks_only)
]


def handler500(request):
    return HttpResponseServerError("sorry")


@pytest.fixture(autouse=True)
def _site(settings):
    """A site of these views behind as little middleware as the app needs."""
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "abtesting.middleware.AbtestingMiddleware",
    ]


@pytest.fixture
def shopper():
    return Client(headers={"User-Agent": BROWSER}, raise_request_exception=False)


@pytest.fixture
def async_shopper():
    client = AsyncClient(raise_request_exception=False)
    get = async_to_sync(client.get)  # what it sends to threads runs in this one
    client.read = lambda address: get(address, headers={"User-Agent": BROWSER})
    return client


def make_ten():
    for key in TEN:
        make_experiment(key, metrics=())


def query(keys):
    return "&".join(f"key={key}" for key in keys)


def test_a_page_without_experiment_is_untouched(shopper, django_assert_num_queries):
    make_experiment()
    definitions.revalidate()

    with django_assert_num_queries(0):
        response = shopper.get("/plain/")

    assert not response.cookies
    assert not response.has_header("Vary")
    assert not response.has_header("Cache-Control")


def test_a_page_with_an_experiment_is_the_visitors_own(shopper):
    make_experiment()

    response = shopper.get("/shows/")

    assert response["Vary"] == "Cookie"
    assert response["Cache-Control"] == "private"
    assert response.cookies["abtesting"]["httponly"]


def test_what_the_view_says_of_caches_is_kept_but_for_public(shopper):
    make_experiment()

    response = shopper.get("/cached_elsewhere/")

    assert set(response["Vary"].split(", ")) == {"Accept-Language", "Cookie"}
    assert set(response["Cache-Control"].split(", ")) == {"max-age=60", "private"}


@pytest.mark.parametrize("view", ["buys", "tracks_only"])
def test_a_page_that_only_tracks_is_the_visitors_own_too(shopper, view):
    """Or a shared cache would give one visitor's cookie to everybody."""
    response = shopper.get(f"/{view}/")

    assert "abtesting" in response.cookies
    assert "Cookie" in response["Vary"]
    assert response["Cache-Control"] == "private"


def test_the_cache_of_the_site_gives_no_visitor_the_cookie_of_another(settings):
    settings.MIDDLEWARE = [
        "django.middleware.cache.UpdateCacheMiddleware",
        "abtesting.middleware.AbtestingMiddleware",
        "django.middleware.cache.FetchFromCacheMiddleware",
    ]

    cookies = {
        Client(headers={"User-Agent": BROWSER}).get("/tracks_only/").cookies["abtesting"].value
        for _ in range(3)
    }

    assert len(cookies) == 3


@pytest.mark.parametrize("view", ["shows", "renders"])
def test_a_view_that_is_cached_keeps_no_variant_for_others(view):
    """`cache_page` stores a page before the middleware can call it private."""
    make_experiment()

    seen = {
        Client(headers={"User-Agent": BROWSER}).get(f"/kept/{view}/").content for _ in range(20)
    }

    assert len(seen) == 2
    assert Exposure.objects.count() == 20


@pytest.mark.parametrize("first", [BROWSER, "Googlebot/2.1"])
def test_a_view_that_is_cached_loses_no_event(first):
    for agent in (first, BROWSER, BROWSER):
        Client(headers={"User-Agent": agent}).get("/kept/tracks_only/")

    assert Event.objects.count() == 2 + (first == BROWSER)


def test_a_cached_view_without_experiment_stays_cached(shopper):
    assert shopper.get("/kept/counts/").content == shopper.get("/kept/counts/").content


def test_a_visitor_sees_one_variant_on_every_page(shopper):
    make_ten()

    assert len({shopper.get(f"/shows/?{query(TEN)}").content for _ in range(5)}) == 1


def test_visitors_are_split(settings):
    make_experiment()
    browsers = [Client(headers={"User-Agent": BROWSER}) for _ in range(40)]

    assert {shopper.get("/shows/").content for shopper in browsers} == {b"control", b"b"}


def test_a_returning_visitor_costs_no_query_and_no_cookie(shopper, django_assert_num_queries):
    make_ten()
    shopper.get(f"/shows/?{query(TEN)}")

    with django_assert_num_queries(0):
        response = shopper.get(f"/shows/?{query(TEN)}")
    assert not response.cookies


def test_a_new_visitor_costs_one_statement(shopper, django_assert_num_queries):
    make_ten()
    definitions.revalidate()

    with django_assert_num_queries(1) as queries:
        shopper.get(f"/shows/?{query(TEN)}")
    assert queries[0]["sql"].startswith("INSERT")
    assert Exposure._meta.db_table in queries[0]["sql"]


@pytest.mark.parametrize("status", [500, 503])
def test_a_page_that_failed_is_no_exposure(shopper, status):
    make_experiment()

    shopper.get(f"/shows/?status={status}")
    assert not Exposure.objects.exists()
    shopper.get("/shows/")
    assert Exposure.objects.count() == 1


def test_a_page_that_raised_is_no_exposure_and_no_event(shopper):
    make_experiment()

    assert shopper.get("/raises/").status_code == 500
    assert not Exposure.objects.exists()
    assert not Event.objects.exists()


@pytest.mark.parametrize("status", [302, 404])
def test_any_other_page_is(shopper, status):
    make_experiment()

    shopper.get(f"/shows/?status={status}")

    assert Exposure.objects.count() == 1


def test_a_template_response_is_rendered_in_time(shopper):
    make_experiment()

    assert shopper.get("/renders/").content in (b"A", b"B")
    assert Exposure.objects.count() == 1
    assert Event.objects.get().visitor == Exposure.objects.get().unit


def test_a_stream_carries_the_cookie_of_its_visitor(shopper):
    make_experiment()

    variants = {shopper.get("/streams/").getvalue() for _ in range(5)}

    assert len(variants) == 1
    assert Exposure.objects.count() == 1


def test_a_tampered_cookie_is_a_new_visitor_and_no_error(shopper):
    make_experiment()
    shopper.get("/shows/")
    value = shopper.cookies["abtesting"].value
    known = Visitor.from_cookie(value).id

    for position in range(0, len(value), 7):
        other = "A" if value[position] != "A" else "B"
        shopper.cookies["abtesting"] = value[:position] + other + value[position + 1 :]
        response = shopper.get("/shows/")
        assert response.status_code == 200
        assert Visitor.from_cookie(response.cookies["abtesting"].value).id != known


@pytest.mark.parametrize("value", ["", ".", "1.AbCd.", "x" * 4_000, "\xff\xfe", "1..:", '"'])
def test_a_cookie_of_anything_is_a_new_visitor_and_no_error(value):
    make_experiment()

    response = Client(headers={"User-Agent": BROWSER}).get(
        "/shows/", HTTP_COOKIE=f"abtesting={value}"
    )

    assert response.status_code == 200
    assert "abtesting" in response.cookies


def test_a_bot_gets_the_control_and_no_cookie():
    make_experiment(weights=(0, 1))

    response = Client(headers={"User-Agent": "Googlebot/2.1"}).get("/shows/")

    assert response.content == b"control"
    assert not response.cookies
    assert not Exposure.objects.exists()


def test_a_test_of_users_is_for_who_is_logged_in(shopper):
    make_experiment(unit="user", weights=(0, 1))
    user = get_user_model().objects.create_user("mara")

    assert shopper.get("/shows/").content == b"control"
    shopper.force_login(user)
    assert shopper.get("/shows/").content == b"b"
    assert Exposure.objects.get().unit == str(user.pk)


def test_a_login_inside_the_request_is_seen_by_its_events(shopper):
    user = get_user_model().objects.create_user("mara")

    shopper.get("/logs_in/")

    assert Event.objects.get().user == str(user.pk)


@pytest.mark.django_db(transaction=True)
def test_a_pause_is_served_on_the_next_request(shopper):
    experiment = make_experiment(weights=(0, 1))
    assert shopper.get("/shows/").content == b"b"

    lifecycle.pause(experiment)
    assert shopper.get("/shows/").content == b"control"
    lifecycle.resume(experiment)
    assert shopper.get("/shows/").content == b"b"
    assert Exposure.objects.count() == 1


def test_a_broken_experiment_shows_the_control(shopper, caplog):
    experiment = make_experiment(weights=(0, 1))
    experiment.variants.all().delete()
    definitions.reload()

    for _ in range(3):
        assert shopper.get("/shows/").content == b"None"
    assert len([r for r in caplog.records if "the control is served" in r.message]) == 1
    assert not Exposure.objects.exists()


def test_the_middleware_runs_in_the_mode_of_what_it_wraps():
    async def view(request):
        return HttpResponse("async")

    assert iscoroutinefunction(AbtestingMiddleware(view))
    assert not iscoroutinefunction(AbtestingMiddleware(plain))
    assert AbtestingMiddleware(plain)(RequestFactory().get("/")).content == b"plain"


def test_an_async_page_without_experiment_is_untouched(async_shopper, django_assert_num_queries):
    make_experiment()
    definitions.revalidate()

    with django_assert_num_queries(0):
        response = async_shopper.read("/plain/")

    assert not response.cookies
    assert not response.has_header("Vary")


def test_an_async_view_shows_a_variant(async_shopper):
    make_experiment()

    variants = {async_shopper.read("/shows_async/").content for _ in range(5)}

    assert variants in ({b"control"}, {b"b"})
    assert Exposure.objects.get().variant.key.encode() in variants


def test_an_async_returning_visitor_costs_no_query(async_shopper, django_assert_num_queries):
    make_experiment()
    async_shopper.read("/shows_async/")

    with django_assert_num_queries(0):
        assert not async_shopper.read("/shows_async/").cookies


def test_an_async_view_tracks(async_shopper):
    make_experiment()

    async_shopper.read("/buys_async/")
    async_shopper.read("/buys_async/")

    assert Event.objects.get().visitor == Exposure.objects.get().unit


@pytest.mark.parametrize("is_running", [True, False])
def test_an_async_event_has_the_user(async_shopper, is_running):
    if is_running:
        make_experiment(unit="user")
    user = get_user_model().objects.create_user("mara")
    async_shopper.force_login(user)

    async_shopper.read("/buys_async/")

    assert Event.objects.get().user == str(user.pk)


def test_an_async_view_renders_a_template(async_shopper):
    make_experiment()

    assert async_shopper.read("/renders_async/").content in (b"A", b"B")
    assert Event.objects.get().visitor == Exposure.objects.get().unit


def test_an_async_page_that_raised_is_no_exposure_and_no_event(async_shopper):
    make_experiment()

    assert async_shopper.read("/raises_async/").status_code == 500
    assert not Exposure.objects.exists()
    assert not Event.objects.exists()


def test_an_async_test_of_users_is_for_who_is_logged_in(async_shopper):
    make_experiment(unit="user", weights=(0, 1))
    user = get_user_model().objects.create_user("mara")

    assert async_shopper.read("/shows_async/").content == b"control"
    async_shopper.force_login(user)
    assert async_shopper.read("/shows_async/").content == b"b"
    assert Exposure.objects.get().unit == str(user.pk)


def test_a_sync_view_under_asgi_works_alike(async_shopper):
    make_experiment()

    assert async_shopper.read("/shows/").content in (b"control", b"b")
    assert Exposure.objects.count() == 1


def test_experiments_that_stopped_leave_the_cookie(shopper):
    make_experiment("old")
    shopper.get("/shows/?key=old")
    Experiment.objects.update(state="stopped")
    make_experiment("new")

    shopper.get("/shows/?key=new")

    exposed = Visitor.from_cookie(shopper.cookies["abtesting"].value).exposed
    assert exposed == {str(Experiment.objects.get(key="new").pk)}


def test_the_cookie_holds_no_variant(shopper):
    make_ten()
    shopper.get(f"/shows/?{query(TEN)}")

    assert re.fullmatch(r"1\.[A-Za-z0-9]{16}\.[\d~]+:\S{43}", shopper.cookies["abtesting"].value)
