"""`POST events/`: what a browser may say, and that nothing it says is an accident."""

from __future__ import annotations

import datetime as dt
import gzip
import json

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core.cache.backends.locmem import LocMemCache
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from abtesting.api.events import MAX_BODY_BYTES
from abtesting.assignment import definitions
from abtesting.assignment.units import Visitor
from abtesting.events.recorder import record_event
from abtesting.events.tokens import issue_token
from abtesting.models import Event
from tests.builders import BROWSER

pytestmark = pytest.mark.django_db

URL = reverse("abtesting:events")
NOW = dt.datetime(2026, 3, 10, 12, 0, tzinfo=dt.UTC)


class Down(LocMemCache):
    """A cache whose server is down."""

    def get(self, *args, **kwargs):
        raise ConnectionError("the cache is down")

    set = get


@pytest.fixture(autouse=True)
def _named_events(settings):
    settings.ABTESTING = {"BROWSER_EVENTS": ["click", "view", "purchase"]}


@pytest.fixture
def post():
    """Post a body, or these events with a good token; the response."""

    def post(*events, body=None, token=None, content_type="application/json", **headers):
        if body is None:
            body = json.dumps({"token": token or issue_token("AbCd"), "events": list(events)})
        return Client().post(
            URL,
            body,
            content_type=content_type,
            headers={"User-Agent": BROWSER, **headers},
        )

    return post


def click(key="k1", **fields):
    return {"name": "click", "idempotency_key": key, **fields}


def raw(*events):
    """A body of events that are JSON text already."""
    return f'{{"token": "{issue_token("AbCd")}", "events": [{",".join(events)}]}}'


def statuses(response):
    assert response.status_code == 200, response.content
    return [result["status"] for result in response.json()["results"]]


def test_an_event_is_recorded_as_the_browser_sent_it(post):
    with time_machine.travel(NOW, tick=False):
        response = post(
            click(
                value="19.90",
                properties={"sku": "T-1"},
                occurred_at="2026-03-10T11:59:00.000Z",
            )
        )

    assert statuses(response) == ["recorded"]
    event = Event.objects.get()
    assert (event.name, event.visitor, event.user) == ("click", "AbCd", "")
    assert (str(event.value), event.properties) == ("19.900000", {"sku": "T-1"})
    assert event.occurred_at == NOW - dt.timedelta(minutes=1)
    assert event.received_at == NOW


def test_answers_come_in_the_order_of_the_events(post):
    post(click("old"))

    response = post(click("new"), {"name": "click"}, click("old"), "text", click("new"))

    assert statuses(response) == ["recorded", "refused", "known", "refused", "known"]
    assert Event.objects.count() == 2


def test_a_refused_event_says_why(post):
    [result] = post(click(value="a lot")).json()["results"]

    assert result == {
        "status": "refused",
        "code": "invalid_event",
        "detail": "value is 'a lot'; allowed: a number or null",
    }


def test_a_retry_of_a_batch_changes_nothing(post):
    events = [click(f"k{number}", value=number) for number in range(5)]

    assert statuses(post(*events)) == ["recorded"] * 5
    assert statuses(post(*events)) == ["known"] * 5
    assert Event.objects.count() == 5


def test_a_known_key_keeps_its_first_event(post):
    post(click("k", value=1))
    post(click("k", value=2))

    assert Event.objects.get().value == 1


def test_an_empty_batch_is_fine(post):
    assert statuses(post()) == []


def test_a_batch_costs_two_statements(post, django_assert_num_queries):
    definitions.revalidate()

    with django_assert_num_queries(2):  # which are known, and the insert
        post(*(click(f"k{number}") for number in range(50)))


def test_the_user_of_the_session_is_on_the_event():
    user = get_user_model().objects.create_user("mara")
    client = Client(headers={"User-Agent": BROWSER})
    client.force_login(user)

    client.post(
        URL,
        {"token": issue_token("AbCd"), "events": [click()]},
        content_type="application/json",
    )

    event = Event.objects.get()
    assert (event.visitor, event.user) == ("AbCd", str(user.pk))


def test_no_csrf_token_is_needed():
    client = Client(enforce_csrf_checks=True, headers={"User-Agent": BROWSER})

    response = client.post(
        URL,
        {"token": issue_token("AbCd"), "events": [click()]},
        content_type="application/json",
    )

    assert response.status_code == 200


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain;charset=UTF-8",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/octet-stream",
        "",
    ],
)
def test_the_content_type_does_not_matter(post, content_type):
    """A beacon is text/plain."""
    assert statuses(post(click(), content_type=content_type)) == ["recorded"]


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_only_post_is_allowed(method):
    assert getattr(Client(), method)(URL).status_code == 405


@pytest.mark.parametrize("field", ["variant", "experiment", "visitor", "user", "unit"])
def test_a_browser_does_not_say_what_the_server_knows(post, field):
    response = post(click("bad", **{field: "b"}), click("good"))

    assert statuses(response) == ["refused", "recorded"]
    assert f"event has '{field}'; allowed: idempotency_key, name" in response.content.decode()


def test_an_event_without_key_is_refused(post):
    response = post({"name": "click"}, {"name": "click", "idempotency_key": None})

    assert statuses(response) == ["refused", "refused"]
    assert "a retry would count twice" in response.content.decode()


def test_no_browser_uses_up_the_key_of_another_or_of_the_server(post):
    for key in ("order-1", "server:order-1", "web:other:order-1"):
        post(click(key), token=issue_token("attacker"))

    assert statuses(post(click("order-1"), token=issue_token("other"))) == ["recorded"]
    record_event("purchase", visitor="other", value=10, idempotency_key="order-1")
    assert Event.objects.get(name="purchase").value == 10


def test_a_browser_cannot_find_out_the_keys_of_the_server(post):
    record_event("purchase", visitor="AbCd", idempotency_key="order-1")

    assert statuses(post(click("order-1"))) == ["recorded"]


@pytest.mark.parametrize(
    "token",
    [
        None,
        "",
        "AbCd",
        7,
        [],
        {},
        "a:b:c",
        "a:b:\ud800",
        "x" * 10_000,
        lambda: issue_token("AbCd")[:-1],
        lambda: issue_token("AbCd").replace("AbCd", "AbCe"),
        lambda: Visitor(id="AbCd").cookie_value(),
    ],
    ids=[
        *("none", "empty", "the id alone", "number", "list", "object", "forged", "surrogate"),
        *("long", "cut", "of another", "cookie"),
    ],
)
def test_without_a_good_token_nothing_is_taken(post, token):
    token = token() if callable(token) else token

    response = post(body=json.dumps({"token": token, "events": [click()]}))

    assert response.status_code == 403
    assert response.json()["code"] == "invalid_token"
    assert not Event.objects.exists()


def test_a_missing_token_is_403(post):
    assert post(body=json.dumps({"events": [click()]})).status_code == 403


def test_an_old_token_is_403_and_says_so(post):
    with time_machine.travel(NOW, tick=False) as clock:
        token = issue_token("AbCd")
        clock.shift(7 * 24 * 3600 + 1)
        response = post(click(), token=token)

    assert response.status_code == 403
    assert response.json()["detail"] == "token is too old; load the page again"


def test_the_events_of_a_program_are_not_taken(post):
    response = post(click(), **{"User-Agent": "Googlebot/2.1"})

    assert (response.status_code, response.json()["code"]) == (403, "bot")
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "7",
        "[]",
        '"text"',
        "{}",
        '{"events": null}',
        '{"events": {}}',
        '{"events": [',
        "not json",
        "{'events': []}",
        b"\xff\xfe\x00",
        b"\x00" * 50,
        gzip.compress(b"{}"),
        "[" * 100_000,
        "[" * 100_000 + "]" * 100_000,
        '{"a":' * 30_000,
    ],
    ids=lambda body: ascii(body)[:20] + str(len(body)),
)
def test_what_is_no_batch_is_400_with_a_reason(post, body):
    response = post(body=body)

    assert response.status_code == 400
    assert response.json()["detail"]


def test_a_body_that_is_too_large_is_413(post):
    response = post(click(properties={"a": "x" * MAX_BODY_BYTES}))

    assert (response.status_code, response.json()["code"]) == (413, "too_large")


def test_a_packed_body_is_not_unpacked(post):
    bomb = gzip.compress(b" " * 10_000_000 + b"{}")
    assert len(bomb) < MAX_BODY_BYTES

    assert post(body=bomb, **{"Content-Encoding": "gzip"}).status_code == 400


def test_a_batch_of_too_many_events_is_413(post, settings):
    settings.ABTESTING = {"MAX_BATCH_EVENTS": 3, "BROWSER_EVENTS": ["click"]}

    response = post(*(click(f"k{number}") for number in range(4)))

    assert (response.status_code, response.json()["code"]) == (413, "too_many")
    assert "4 events; allowed: 3" in response.json()["detail"]
    assert not Event.objects.exists()
    assert statuses(post(*(click(f"k{n}") for n in range(3)))) == ["recorded"] * 3


@pytest.mark.parametrize(
    "field",
    [
        '"value": NaN',
        '"value": -Infinity',
        '"value": "NaN"',
        '"value": "Infinity"',
        '"value": 1e999999',
        '"value": "1e999999"',
        '"value": "1e9999999"',
        '"value": "1e-9999999999999999999"',
        '"value": 9223372036854775808000000',
        f'"value": {"9" * 6_000}',
        f'"value": -{"9" * 6_000}.5',
        '"value": true',
        '"value": "1\\u0000"',
        '"value": [[[[1]]]]',
        '"name": "a\\u0000b"',
        '"name": "\\ud800"',
        '"name": null',
        f'"name": {"[" * 700}{"]" * 700}',
        '"idempotency_key": "a\\u0000b"',
        '"idempotency_key": "\\udfff"',
        f'"idempotency_key": {"9" * 6_000}',
        f'"idempotency_key": {"[" * 700}{"]" * 700}',
        '"properties": {"a": "\\u0000"}',
        '"properties": {"\\u0000": 1}',
        '"properties": {"a": "\\ud800"}',
        '"properties": {"a": NaN}',
        '"properties": {"a": 1e400}',
        f'"properties": {{"a": {"9" * 6_000}}}',
        f'"properties": {{"a": {"[" * 700}{"]" * 700}}}',
        f'"properties": {"[" * 700}{"]" * 700}',
        f'"properties": {{"a": "{"x" * 5_000}"}}',
        '"occurred_at": "2026-03-10T12:00:00"',
        '"occurred_at": 1773144000',
        '"occurred_at": NaN',
        f'"occurred_at": {"9" * 6_000}',
        f'"occurred_at": {"[" * 700}{"]" * 700}',
        '"variant": "b"',
        '"\\ud800\\u0000": "b"',
        f'"extra": {"[" * 700}{"]" * 700}',
    ],
    ids=lambda field: field[:40],
)
def test_a_hostile_event_is_refused_and_takes_no_good_one_with_it(post, field):
    # The last of two fields of one name counts.
    hostile = f'{{"name": "click", "idempotency_key": "bad", {field}}}'

    response = post(body=raw(json.dumps(click("a")), hostile, json.dumps(click("b"))))

    assert statuses(response) == ["recorded", "refused", "recorded"]
    assert Event.objects.count() == 2


@pytest.mark.parametrize(
    "event",
    [
        *("null", "true", "7", "NaN", '"text"', "[]", "{}", "9" * 6_000, '"\\ud800"'),
        "[" * 700 + "]" * 700,
    ],
    ids=lambda event: event[:10],
)
def test_what_is_no_event_is_refused_and_takes_no_good_one_with_it(post, event):
    assert statuses(post(body=raw(event, json.dumps(click())))) == ["refused", "recorded"]


@pytest.mark.parametrize(
    "field",
    ['"value": "0.0000001"', '"value": -0.0', '"occurred_at": "9999-12-31T23:59:59-12:00"'],
)
def test_odd_but_sound_events_are_recorded(post, field):
    event = f'{{"name": "click", "idempotency_key": "odd", {field}}}'

    assert statuses(post(body=raw(event))) == ["recorded"]
    Event.objects.get()


@pytest.mark.slow
def test_no_depth_of_nesting_is_an_error_of_ours(post, settings):
    settings.ABTESTING = {"EVENTS_THROTTLE_RATE": None, "BROWSER_EVENTS": ["click"]}

    for field in ("properties", "name", "value", "token"):
        for depth in range(800, 1_000, 8):
            deep = "[" * depth + "]" * depth
            value = f'{{"a": {deep}}}' if field == "properties" else deep
            body = raw(f'{{"name": "click", "idempotency_key": "k", "{field}": {value}}}')
            assert post(body=body).status_code in (200, 400), (field, depth)
    assert not Event.objects.exists()


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(alphabet=st.characters(), max_size=10),
        st.sampled_from(["1e99999999", "NaN", "\x00", "\ud800", "9" * 400]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text(alphabet=st.characters(), max_size=5), inner, max_size=3),
    ),
    max_leaves=6,
)
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.one_of(st.just("click"), JSON),
        "idempotency_key": st.one_of(st.text(min_size=1, max_size=5), JSON),
        "value": JSON,
        "properties": st.one_of(
            st.dictionaries(st.text(alphabet=st.characters(), max_size=5), JSON, max_size=3), JSON
        ),
        "occurred_at": st.one_of(st.datetimes().map(lambda t: t.isoformat() + "Z"), JSON),
        "variant": JSON,
    },
)


@given(events=st.lists(st.one_of(EVENTS, JSON), max_size=4))
@examples(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_comes_the_good_event_is_taken(post, settings, events):
    settings.ABTESTING = {"EVENTS_THROTTLE_RATE": None, "BROWSER_EVENTS": ["click"]}
    Event.objects.all().delete()

    response = post(*events, click("the good one"))

    answers = statuses(response)
    assert len(answers) == len(events) + 1
    assert answers[-1] == "recorded"
    assert Event.objects.count() == answers.count("recorded")


@given(body=st.one_of(st.binary(), st.text().map(str.encode), JSON.map(json.dumps)))
@examples(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_comes_is_no_error_of_ours(post, settings, body):
    settings.ABTESTING = {"EVENTS_THROTTLE_RATE": None, "BROWSER_EVENTS": ["click"]}

    assert post(body=body).status_code in (400, 403)


def test_a_client_that_sends_too_much_is_429(post, settings):
    settings.ABTESTING = {"EVENTS_THROTTLE_RATE": "3/min"}

    codes = [post(click(f"k{number}")).status_code for number in range(5)]

    assert codes == [200, 200, 200, 429, 429]
    assert int(post(click()).headers["Retry-After"]) > 0


def test_one_client_does_not_use_up_the_rate_of_another(settings):
    settings.ABTESTING = {"EVENTS_THROTTLE_RATE": "1/min"}

    for address in ("192.0.2.1", "192.0.2.2"):
        response = Client(REMOTE_ADDR=address, headers={"User-Agent": BROWSER}).post(
            URL,
            {"token": issue_token("AbCd"), "events": [click(address)]},
            content_type="application/json",
        )
        assert response.status_code == 200


def test_events_are_taken_while_the_cache_is_down(post, settings):
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.Down"}}

    assert statuses(post(click())) == ["recorded"]


def test_a_browser_reports_only_the_events_that_a_setting_names(post, settings):
    settings.ABTESTING = {"BROWSER_EVENTS": ["click"]}
    claimed = {"name": "purchase", "value": 99_999, "idempotency_key": "mine"}
    refused, taken = post(claimed, click("new")).json()["results"]
    assert refused["status"] == "refused"
    assert refused["detail"] == "name is 'purchase'; allowed by BROWSER_EVENTS: click"
    assert taken == {"status": "recorded"}
    assert [event.name for event in Event.objects.all()] == ["click"]


def test_without_the_setting_a_browser_reports_nothing(post, settings):
    settings.ABTESTING = {}
    assert post(click("new")).json()["results"][0]["status"] == "refused"
    assert not Event.objects.exists()
