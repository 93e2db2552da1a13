"""The template tags: the unit's branch, or the control whenever anything is missing."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.template import Context, Engine, TemplateSyntaxError, engines
from django.test.utils import override_settings
from django.urls import reverse

from abtesting.events.tokens import read_token
from abtesting.models import Event, Exposure
from tests.builders import make_experiment, make_request

pytestmark = pytest.mark.django_db

BOT = "Googlebot/2.1"
AB = '{% experiment "test" %}{% variant "control" %}A{% variant "b" %}B{% endexperiment %}'


def render(source, request=None, *, templates=None, **context):
    """Render a template as a view does, then end the request as the middleware does."""
    if templates is not None:
        loaders = [("django.template.loaders.locmem.Loader", templates)]
        kept = Engine(loaders=loaders, libraries={"abtesting": "abtesting.templatetags.abtesting"})
        html = kept.from_string("{% load abtesting %}" + source).render(
            Context({"request": request, **context})
        )
    else:
        html = (
            engines["django"].from_string("{% load abtesting %}" + source).render(context, request)
        )
    if request is not None and hasattr(request, "abtesting"):
        request.abtesting.flush()
    return html


def shown():
    """Keys of the variants that were counted."""
    return list(Exposure.objects.order_by("pk").values_list("variant__key", flat=True))


@pytest.mark.parametrize(("weights", "html"), [((1, 0), "A"), ((0, 1), "B")])
def test_the_branch_of_the_units_variant_is_rendered_and_counted(weights, html):
    make_experiment(weights=weights)

    assert render(AB, make_request()) == html
    assert shown() == [{"A": "control", "B": "b"}[html]]


def test_a_branch_that_is_not_shown_is_not_rendered():
    make_experiment(weights=(1, 0))
    calls = []

    render(AB.replace("B", "{{ fetch }}"), make_request(), fetch=lambda: calls.append(1))

    assert not calls


def test_the_key_may_come_from_the_context():
    make_experiment("shipping", weights=(0, 1))

    assert render(AB.replace('"test"', "key"), make_request(), key="shipping") == "B"


def test_branches_are_templates_with_the_whole_context():
    make_experiment(weights=(0, 1))
    source = (
        '{% experiment "test" %}\n  {% variant "control" %}-{% variant "b" %}'
        "{% if price > 5 %}{{ name|upper }}{% endif %}{% endexperiment %}"
    )

    assert render(source, make_request(), price=7, name="<mug>") == "&lt;MUG&gt;"


def test_order_of_the_branches_does_not_matter():
    make_experiment(weights=(0, 1))
    source = '{% experiment "test" %}{% variant "b" %}B{% variant "control" %}A{% endexperiment %}'

    assert render(source, make_request()) == "B"


@pytest.mark.parametrize("state", ["draft", "paused", "stopped"])
def test_an_experiment_that_does_not_run_renders_the_control_uncounted(state):
    make_experiment(weights=(0, 1), state=state)

    assert render(AB, make_request()) == "A"
    assert shown() == []


def test_a_decided_experiment_renders_what_was_shipped_uncounted():
    make_experiment(state="decided", decided="b")

    assert render(AB, make_request()) == "B"
    assert shown() == []


def test_an_unknown_experiment_renders_the_control_and_is_logged_once(caplog):
    for _ in range(3):
        assert render(AB, make_request()) == "A"

    assert len(caplog.records) == 1


def test_a_bot_is_rendered_the_control_uncounted():
    make_experiment(weights=(0, 1))

    assert render(AB, make_request(user_agent=BOT)) == "A"
    assert shown() == []


@pytest.mark.parametrize("has_request", [True, False])
def test_without_the_middleware_the_control_is_rendered(has_request, rf):
    make_experiment(weights=(0, 1))

    html = render(
        AB + '{% variant_value "test" "label" default="none" %}{% track "view" %}',
        rf.get("/") if has_request else None,
    )

    assert html == "Anone"
    assert shown() == []


def test_a_variant_without_branch_renders_the_control_uncounted_and_is_logged_once(caplog):
    make_experiment(variants=("control", "b", "c"), weights=(0, 0, 1))

    for _ in range(3):
        assert render(AB, make_request()) == "A"
    assert shown() == []
    [record] = caplog.records
    assert record.levelname == "ERROR"
    assert "no branch for variant c" in record.message


def test_a_variant_without_branch_renders_the_control_whatever_its_key():
    make_experiment(variants=("old", "new", "newer"), weights=(0, 0, 1))
    source = '{% experiment "test" %}{% variant "new" %}N{% variant "old" %}O{% endexperiment %}'

    assert render(source, make_request()) == "O"


def test_an_empty_control_is_a_control():
    source = '{% experiment "test" %}{% variant "b" %}B{% variant "control" %}{% endexperiment %}'

    assert render(source, None) == ""
    assert render(source, make_request()) == ""


def test_an_experiment_may_be_in_a_loop():
    make_experiment(weights=(0, 1))

    html = render("{% for item in items %}" + AB + "{% endfor %}", make_request(), items="xyz")

    assert html == "BBB"
    assert shown() == ["b"]


def test_a_loop_over_experiments_counts_each():
    for key, weights in (("one", (1, 0)), ("two", (0, 1))):
        make_experiment(key, weights=weights)
    source = "{% for key in keys %}" + AB.replace('"test"', "key") + "{% endfor %}"

    assert render(source, make_request(), keys=["one", "two"]) == "AB"
    assert sorted(shown()) == ["b", "control"]


def test_an_experiment_inside_a_variant_counts_only_where_it_is_shown():
    make_experiment("outer", weights=(0, 1))
    make_experiment("inner", weights=(0, 1))
    nested = AB.replace("test", "inner")
    source = AB.replace("test", "outer").replace("B", f"[{nested}]")

    assert render(source, make_request()) == "[B]"
    assert len(shown()) == 2


def test_an_experiment_inside_a_branch_that_is_not_shown_is_not_counted():
    make_experiment("outer", weights=(1, 0))
    make_experiment("inner", weights=(0, 1))
    nested = AB.replace("test", "inner")
    source = AB.replace("test", "outer").replace("B", f"[{nested}]")

    assert render(source, make_request()) == "A"
    assert list(Exposure.objects.values_list("experiment__key", flat=True)) == ["outer"]


def test_an_experiment_may_be_in_an_include():
    make_experiment(weights=(0, 1))
    templates = {"part.html": "{% load abtesting %}" + AB}

    assert render('{% include "part.html" %}', make_request(), templates=templates) == "B"
    assert shown() == ["b"]


def test_blocks_inside_branches_can_be_overridden_and_extended():
    make_experiment(weights=(0, 1))
    templates = {
        "base.html": "{% load abtesting %}"
        '{% experiment "test" %}{% variant "control" %}A{% variant "b" %}'
        "{% block hero %}base{% endblock %}{% endexperiment %}",
        "page.html": '{% extends "base.html" %}'
        "{% block hero %}{{ block.super }}+page{% endblock %}",
    }

    html = render('{% include "page.html" %}', make_request(), templates=templates)

    assert html == "base+page"


def test_rendering_costs_no_query(django_assert_num_queries):
    make_experiment()
    request = make_request()
    source = engines["django"].from_string(
        "{% load abtesting %}" + AB + '{% variant_value "test" "x" %}{% track "view" %}'
    )

    with django_assert_num_queries(0):
        source.render({}, request)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{% experiment %}{% endexperiment %}", "experiment takes one argument"),
        ('{% experiment "a" "b" %}{% endexperiment %}', "experiment takes one argument"),
        ('{% experiment "a" %}{% endexperiment %}', 'experiment "a" has no variant tag'),
        (
            '{% experiment "a" %}text{% variant "control" %}{% endexperiment %}',
            'experiment "a" has content before its first variant',
        ),
        (
            '{% experiment "a" %}{{ x }}{% variant "control" %}{% endexperiment %}',
            'experiment "a" has content before its first variant',
        ),
        (
            '{% experiment "a" %}{% variant %}{% endexperiment %}',
            'variant %} in experiment "a"; allowed: {% variant "key" %}',
        ),
        (
            '{% experiment "a" %}{% variant key %}{% endexperiment %}',
            'variant key %} in experiment "a"; allowed: {% variant "key" %}',
        ),
        (
            '{% experiment "a" %}{% variant "" %}{% endexperiment %}',
            'experiment "a"; allowed: {% variant "key" %}',
        ),
        (
            '{% experiment "a" %}{% variant "b" %}{% variant "b" %}{% endexperiment %}',
            "each key in quotes and once",
        ),
        ('{% experiment "a" %}{% variant "control" %}x', "Unclosed tag"),
        ('{% experiment "a" %}', "Unclosed tag"),
        ('{% variant "control" %}', "Invalid block tag"),
        ("{% track %}", "track takes the event's name"),
        ('{% track "view" price %}', "track does not take 'price'; allowed: name=value"),
        ('{% track "view" as event %}', "track does not take 'as'"),
        ('{% variant_value "test" %}', "did not receive value(s) for the argument(s): 'name'"),
    ],
)
def test_a_mistake_in_a_template_says_what_is_wrong(source, message):
    with pytest.raises(TemplateSyntaxError) as mistake:
        render(source)

    assert message in str(mistake.value)


def test_a_value_of_the_payload_is_rendered_and_counted():
    make_experiment(weights=(0, 1), payloads={"b": {"headline": "Slow mornings"}})
    source = '{% variant_value "test" "headline" default="Rooms" %}'

    assert render(source, make_request()) == "Slow mornings"
    assert shown() == ["b"]


def test_without_such_a_value_the_default_is_rendered():
    make_experiment(weights=(1, 0), payloads={"b": {"headline": "Slow mornings"}})

    assert (
        render('{% variant_value "test" "headline" default=other %}', make_request(), other="R")
        == "R"
    )
    assert render('{% variant_value "test" "headline" %}', make_request()) == ""


def test_a_value_is_escaped():
    make_experiment(weights=(0, 1), payloads={"b": {"headline": "<script>&'\""}})

    html = render('{% variant_value "test" "headline" %}', make_request())

    assert html == "&lt;script&gt;&amp;&#x27;&quot;"


def test_a_value_may_be_kept_in_a_variable():
    make_experiment(weights=(0, 1), payloads={"b": {"columns": 4}})
    source = '{% variant_value "test" "columns" default=3 as columns %}{{ columns|add:1 }}'

    assert render(source, make_request()) == "5"


def test_track_records_an_event_and_renders_nothing():
    request = make_request()
    source = '{% track "product_view" value=price key=key sku="T-1" price=price %}'

    assert render(source, request, price=Decimal("19.90"), key="view-1") == ""

    event = Event.objects.get()
    assert (event.name, str(event.value)) == ("product_view", "19.900000")
    assert event.visitor == request.abtesting.visitor.id
    assert event.properties == {"sku": "T-1", "price": "19.90"}
    assert event.idempotency_key == "server:view-1"


def test_track_keeps_numbers_as_they_are_in_another_language():
    with override_settings(LANGUAGE_CODE="de"):
        render('{% track "view" value=price %}', make_request(), price=1234.5)

    assert Event.objects.get().value == 1234.5


def test_an_event_above_the_experiment_does_not_come_before_the_exposure():
    make_experiment()

    render('{% track "view" %}' + AB, make_request())

    assert Event.objects.get().occurred_at >= Exposure.objects.get().exposed_at


def test_a_track_tag_in_a_loop_records_each():
    render('{% for n in "xyz" %}{% track "impression" %}{% endfor %}', make_request())

    assert Event.objects.count() == 3


def test_a_bad_event_does_not_break_the_page(caplog):
    html = render('a{% track "view" value="a lot" %}b{% track missing %}c', make_request())

    assert html == "abc"
    assert not Event.objects.exists()
    assert len(caplog.records) == 2


def test_the_tracker_gives_the_page_a_token_of_its_visitor():
    request = make_request()

    html = render("{% abtesting_tracker %}", request)

    token = html.split('content="')[1].split('"')[0]
    assert read_token(token) == request.abtesting.visitor.id
    assert f'data-url="{reverse("abtesting:events")}"' in html
    assert 'abtesting/tracker.js" defer></script>' in html
    assert "<script>" not in html


@pytest.mark.parametrize(
    "request_of", [lambda: None, lambda: make_request(user_agent=BOT)], ids=["no request", "bot"]
)
def test_without_anybody_to_track_there_is_no_tracker(request_of):
    assert render("{% abtesting_tracker %}", request_of()).strip() == ""


def test_without_a_branch_for_the_control_the_control_is_nothing():
    make_experiment(weights=(1, 0))
    source = '{% experiment "test" %}{% variant "b" %}B{% endexperiment %}'
    assert render(source, make_request()) == ""
    assert not shown()
