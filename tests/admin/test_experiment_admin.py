"""Experiments in the admin: made by form, started by button, fixed from then on."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from abtesting import lifecycle
from abtesting.models import AuditEntry, Experiment, ExperimentMetric, ResultSnapshot, Variant
from abtesting.results.snapshots import refresh
from tests.builders import START, make_experiment, make_metric

pytestmark = pytest.mark.django_db

ADD = "admin:abtesting_experiment_add"
LIST = "admin:abtesting_experiment_changelist"
FIELDS = (
    *("name", "key", "hypothesis", "unit", "allocation"),
    *("planned_num_units", "decision_rule", "planned_num_looks", "seed"),
)


def url(name, experiment, *args):
    return reverse(f"admin:abtesting_experiment_{name}", args=[experiment.pk, *args])


def inline(prefix, rows, *, initial=0):
    data = {f"{prefix}-TOTAL_FORMS": len(rows), f"{prefix}-INITIAL_FORMS": initial}
    for number, row in enumerate(rows):
        data |= {f"{prefix}-{number}-{name}": value for name, value in row.items()}
    return data


def variant(key, *, control=False, payload="{}", **changes):
    row = {"key": key, "name": "", "weight": "1", "payload": payload, "position": "0", **changes}
    return {**row, "is_control": "on"} if control else row


def new_experiment(*, variants=None, metrics=None, **changes):
    if variants is None:
        variants = [
            variant("control", control=True),
            variant("b", payload='{"headline": "New"}', position="1"),
        ]
    if metrics is None:
        metrics = [{"metric": make_metric().pk, "role": "goal", "minimum_lift": "0.05"}]
    return {
        "name": "Product headline",
        "key": "product-headline",
        "hypothesis": "Because …",
        "unit": "visitor",
        "allocation": "1.0",
        "planned_num_units": "2000",
        "decision_rule": "",
        "planned_num_looks": "20",
        "seed": "",
        **changes,
        **inline("variants", variants),
        **inline("experiment_metrics", [{"position": "0", "margin": "", **m} for m in metrics]),
    }


def change_form(client, experiment, **changes):
    """What the browser would send of the change form as it is, with `changes`."""
    context = client.get(url("change", experiment)).context
    form = context["adminform"].form
    data = {name: form.initial.get(name) for name in form.fields}
    for formset in (inline.formset for inline in context["inline_admin_formsets"]):
        for part in (formset.management_form, *formset.forms):
            data |= {part[name].html_name: part[name].value() for name in part.fields}
            data |= {  # what a field was when the page was made, where its default is computed
                part[name].html_initial_name: part[name].value()
                for name, field in part.fields.items()
                if field.show_hidden_initial
            }
    data |= changes
    return {n: "" if v is None else v for n, v in data.items() if v is not False}


def user_with(django_user_model, *codenames):
    user = django_user_model.objects.create_user("mara", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


def form_errors(response):
    assert response.status_code == 200
    texts = list(response.context["errors"])
    return " ".join(str(text) for text in texts)


def said(response):
    return [str(message) for message in response.context["messages"]]


# Making one


def test_an_experiment_is_made_with_its_variants_and_metrics(admin_client, admin_user):
    response = admin_client.post(reverse(ADD), new_experiment())
    assert response.status_code == 302
    experiment = Experiment.objects.get()
    assert (experiment.key, experiment.state, experiment.planned_num_units) == (
        "product-headline",
        "draft",
        2000,
    )
    assert [(v.key, v.is_control, v.payload) for v in experiment.variants.all()] == [
        ("control", True, {}),
        ("b", False, {"headline": "New"}),
    ]
    row = experiment.experiment_metrics.get()
    assert (row.metric.key, row.role, row.minimum_lift) == ("conversion", "goal", 0.05)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.before) == ("create", admin_user, {})
    assert entry.after["key"] == "product-headline"
    assert entry.after["variants: b: payload"] == "{'headline': 'New'}"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"variants": [variant("a", control=True), variant("b", control=True)]}, "exactly one"),
        ({"variants": [variant("b"), variant("b")]}, "duplicate"),
        ({"variants": [variant("b", weight="-1")]}, "greater than or equal to 0"),
        ({"variants": [variant("b", payload="{not json")]}, "valid JSON"),
        ({"variants": [variant("B!")]}, "lower-case letters"),
        ({"allocation": "1.5"}, "less than or equal to 1"),
        ({"allocation": "nan"}, "Enter a number"),
        ({"planned_num_units": "1"}, "greater than or equal to 2"),
        ({"planned_num_units": "200"}, "each variant needs 100 units. Enter at least 266."),
        ({"key": "Product headline"}, "lower-case letters"),
        ({"decision_rule": "magic"}, "not one of the available choices"),
        ({"planned_num_looks": "61"}, "less than or equal to 60"),
        (
            {"decision_rule": "group_sequential", "planned_num_units": ""},
            "This decision rule needs a planned sample. Enter one, or choose “Any day”",
        ),
        (
            {"decision_rule": "fixed_horizon", "planned_num_units": ""},
            "This decision rule needs a planned sample.",
        ),
    ],
)
def test_the_form_says_what_is_wrong_and_makes_nothing(admin_client, changes, problem):
    assert problem in form_errors(admin_client.post(reverse(ADD), new_experiment(**changes)))
    assert not Experiment.objects.exists()
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"role": "guardrail"}, "A guardrail needs a margin"),
        ({"role": "goal", "margin": "0.1"}, "A guardrail needs a margin; other roles have none"),
        ({"role": "guardrail", "margin": "1.5"}, "less than or equal to 1"),
    ],
)
def test_the_form_says_what_a_metric_in_a_role_needs(admin_client, row, problem):
    data = new_experiment(metrics=[{"metric": make_metric().pk, **row}])
    assert problem in form_errors(admin_client.post(reverse(ADD), data))
    assert not Experiment.objects.exists()


@pytest.mark.parametrize(("planned", "rule"), [("", "always_valid"), ("2000", "group_sequential")])
def test_who_knows_nothing_of_rules_gets_the_recommended_one(admin_client, planned, rule):
    admin_client.post(reverse(ADD), new_experiment(planned_num_units=planned))
    experiment = Experiment.objects.get()
    admin_client.post(url("transition", experiment, "start"))
    experiment.refresh_from_db()
    assert (experiment.state, experiment.decision_rule) == ("running", rule)


@pytest.mark.parametrize("rule", [rule for rule in Experiment.DecisionRule.values if rule])
def test_each_rule_can_be_chosen_and_is_shown_after_the_start(admin_client, rule):
    data = new_experiment(decision_rule=rule, planned_num_looks="5")
    admin_client.post(reverse(ADD), data)
    experiment = Experiment.objects.get()
    assert (experiment.decision_rule, experiment.planned_num_looks) == (rule, 5)
    admin_client.post(url("transition", experiment, "start"))
    page = admin_client.get(url("change", experiment)).content.decode()
    assert str(Experiment.DecisionRule(rule).label) in page


def test_the_rules_are_explained_where_they_are_chosen(admin_client):
    page = admin_client.get(reverse(ADD)).content.decode()
    for label in Experiment.DecisionRule.labels:
        assert str(label) in page
    assert page.count('name="decision_rule"') == 5
    assert re.search(r'<input[^>]* value=""[^>]* checked[^>]*>', page)


# Changing one


def test_a_draft_can_be_changed_and_the_change_is_written_down(admin_client, admin_user):
    experiment = make_experiment(state="draft", hypothesis="Old")
    data = change_form(
        admin_client, experiment, hypothesis="New", allocation="0.5", **{"variants-1-weight": "3"}
    )
    assert admin_client.post(url("change", experiment), data).status_code == 302
    experiment.refresh_from_db()
    assert (experiment.hypothesis, experiment.allocation) == ("New", 0.5)
    assert experiment.variants.get(key="b").weight == 3.0
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor) == ("edit", admin_user)
    assert entry.created_at == experiment.updated_at
    assert entry.before == {"hypothesis": "Old", "allocation": "1.0", "variants: B: weight": "1.0"}
    assert entry.after == {"hypothesis": "New", "allocation": "0.5", "variants: B: weight": "3.0"}


def test_a_variant_that_is_removed_from_a_draft_is_written_down(admin_client):
    experiment = make_experiment(state="draft", variants=["control", "b", "c"])
    data = change_form(admin_client, experiment, **{"variants-2-DELETE": "on"})
    assert admin_client.post(url("change", experiment), data).status_code == 302
    assert [v.key for v in experiment.variants.all()] == ["control", "b"]
    assert AuditEntry.objects.get().after == {"variants: C: DELETE": "True"}


def test_a_save_that_changes_nothing_is_not_written_down(admin_client):
    experiment = make_experiment(state="draft")
    admin_client.post(url("change", experiment), change_form(admin_client, experiment))
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("state", ["running", "paused", "stopped", "decided"])
def test_after_the_start_only_the_name_can_be_changed(admin_client, state):
    experiment = make_experiment(state=state, hypothesis="Old")
    context = admin_client.get(url("change", experiment)).context
    assert set(context["adminform"].form.fields) == {"name"}
    for inline_formset in context["inline_admin_formsets"]:
        assert not inline_formset.has_add_permission
        assert not inline_formset.has_change_permission
        assert not inline_formset.has_delete_permission


def test_a_forged_form_changes_nothing_but_the_name(admin_client):
    experiment = make_experiment(hypothesis="Old")
    control, b = experiment.variants.all()
    forged = {
        **new_experiment(name="New name", hypothesis="New", allocation="0.1", seed="x"),
        **inline(
            "variants",
            [variant("control", control=True, id=control.pk, weight="9"), variant("c")],
            initial=1,
        ),
        "variants-0-DELETE": "on",
    }
    admin_client.post(url("change", experiment), forged)
    stored = Experiment.objects.get(pk=experiment.pk)
    assert (stored.name, stored.hypothesis) == ("New name", "Old")
    assert (stored.allocation, stored.seed) == (1.0, "")
    assert list(stored.variants.values_list("key", "weight")) == [("control", 1.0), ("b", 1.0)]
    assert AuditEntry.objects.get().after == {"name": "New name"}
    assert b.experiment_id == experiment.pk


def test_state_and_dates_are_in_no_form(admin_client):
    experiment = make_experiment(state="draft")
    fields = admin_client.get(url("change", experiment)).context["adminform"].form.fields
    assert set(fields) == set(FIELDS)
    forged = change_form(admin_client, experiment, state="running", started_at="2026-01-01")
    admin_client.post(url("change", experiment), forged)
    experiment.refresh_from_db()
    assert (experiment.state, experiment.started_at) == ("draft", None)


# Who may


def test_who_manages_experiments_makes_and_changes_them(client, django_user_model):
    client.force_login(user_with(django_user_model, "manage_experiments"))
    assert client.post(reverse(ADD), new_experiment()).status_code == 302
    experiment = Experiment.objects.get()
    assert experiment.variants.count() == 2
    data = change_form(client, experiment, name="Renamed")
    assert client.post(url("change", experiment), data).status_code == 302
    assert [e.action for e in AuditEntry.objects.all()] == ["create", "edit"]
    assert client.get(reverse("admin:abtesting_metric_add")).status_code == 200


def test_who_views_results_looks_and_changes_nothing(client, django_user_model):
    experiment = make_experiment(state="draft")
    client.force_login(user_with(django_user_model, "view_results"))
    assert client.get(reverse(LIST)).status_code == 200
    page = client.get(url("change", experiment))
    assert page.status_code == 200
    assert not page.context["adminform"].form.fields
    assert client.post(url("change", experiment), new_experiment()).status_code == 403
    assert client.post(reverse(ADD), new_experiment()).status_code == 403
    assert client.post(url("delete", experiment), {"post": "yes"}).status_code == 403
    experiment.refresh_from_db()
    assert (experiment.key, experiment.variants.count()) == ("test", 2)


@pytest.mark.parametrize("permissions", [(), ("start_experiment", "stop_experiment")])
def test_others_of_the_staff_see_no_experiments(client, django_user_model, permissions):
    experiment = make_experiment(state="draft")
    client.force_login(user_with(django_user_model, *permissions))
    for page in (reverse(LIST), reverse(ADD), url("change", experiment)):
        assert client.get(page).status_code == 403


# Deleting one


def test_a_draft_can_be_deleted(admin_client):
    experiment = make_experiment(state="draft")
    admin_client.post(url("delete", experiment), {"post": "yes"})
    assert not Experiment.objects.exists()


@pytest.mark.parametrize("state", ["running", "paused", "stopped", "decided"])
def test_what_ran_cannot_be_deleted(admin_client, state):
    experiment = make_experiment(state=state)
    assert admin_client.post(url("delete", experiment), {"post": "yes"}).status_code == 403
    assert Experiment.objects.exists()


def test_nothing_is_deleted_in_bulk(admin_client):
    experiment = make_experiment(state="draft")
    data = {"action": "delete_selected", "_selected_action": [experiment.pk], "post": "yes"}
    admin_client.post(reverse(LIST), data)
    assert Experiment.objects.exists()
    page = admin_client.get(reverse(LIST))
    assert "delete_selected" not in page.content.decode()


# Transitions

TRANSITIONS = [
    ("draft", "start", "running", "start_experiment"),
    ("running", "pause", "paused", "start_experiment"),
    ("paused", "resume", "running", "start_experiment"),
    ("running", "stop", "stopped", "stop_experiment"),
    ("stopped", "decide", "decided", "stop_experiment"),
]


def answers(experiment, action):
    """What the form of a transition is filled in with."""
    if action == "decide":
        return {"variant": experiment.variants.get(key="b").pk, "note": "It won."}
    return {}


@pytest.mark.parametrize(("state", "action", "after", "permission"), TRANSITIONS)
def test_a_transition_is_made_by_post_by_whom_it_is_permitted(
    client, django_user_model, state, action, after, permission
):
    experiment = make_experiment(state=state)
    mara = user_with(django_user_model, permission, "view_results")
    client.force_login(mara)
    confirm = url("transition", experiment, action)
    page = client.get(confirm)
    assert page.status_code == 200
    experiment.refresh_from_db()
    assert experiment.state == state
    response = client.post(confirm, answers(experiment, action))
    assert response.status_code == 302
    assert response["Location"] == url("results", experiment)
    experiment.refresh_from_db()
    assert experiment.state == after
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor) == (action, mara)


@pytest.mark.parametrize(("state", "action", "after", "permission"), TRANSITIONS)
def test_a_transition_is_refused_to_everybody_else(
    client, django_user_model, state, action, after, permission
):
    experiment = make_experiment(state=state)
    others = {"start_experiment", "stop_experiment"} - {permission}
    others |= {"view_results", "manage_experiments", "change_experiment", "view_experiment"}
    client.force_login(user_with(django_user_model, *others))
    confirm = url("transition", experiment, action)
    assert client.get(confirm).status_code == 403
    assert client.post(confirm, answers(experiment, action)).status_code == 403
    experiment.refresh_from_db()
    assert experiment.state == state
    links = [t["action"] for t in client.get(url("change", experiment)).context["transitions"]]
    assert action not in links


def test_a_visitor_is_sent_to_the_login(client):
    response = client.post(url("transition", make_experiment(state="draft"), "start"))
    assert response.status_code == 302
    assert "/login/" in response["Location"]
    assert Experiment.objects.get().state == "draft"


def test_a_transition_needs_the_forms_csrf_token(django_user_model):
    from django.test import Client

    experiment = make_experiment(state="draft")
    client = Client(enforce_csrf_checks=True)
    client.force_login(user_with(django_user_model, "start_experiment"))
    assert client.post(url("transition", experiment, "start")).status_code == 403
    experiment.refresh_from_db()
    assert experiment.state == "draft"


@pytest.mark.parametrize(
    ("state", "actions"),
    [
        ("draft", ["start"]),
        ("running", ["pause", "stop"]),
        ("paused", ["resume", "stop"]),
        ("stopped", ["decide"]),
        ("decided", []),
    ],
)
def test_the_form_offers_what_can_be_done_now(admin_client, state, actions):
    page = admin_client.get(url("change", make_experiment(state=state)))
    assert [transition["action"] for transition in page.context["transitions"]] == actions


def test_imported_results_offer_nothing_and_take_nothing(admin_client):
    experiment = make_experiment(state="stopped", source="imported")
    assert admin_client.get(url("change", experiment)).context["transitions"] == []
    response = admin_client.post(
        url("transition", experiment, "decide"), answers(experiment, "decide"), follow=True
    )
    assert said(response) == ["Test was imported: it has no lifecycle here."]
    experiment.refresh_from_db()
    assert experiment.state == "stopped"


def test_a_draft_that_is_not_ready_says_what_is_missing(admin_client):
    experiment = make_experiment(state="draft", variants=["control"], metrics=[])
    response = admin_client.post(url("transition", experiment, "start"), follow=True)
    assert response.redirect_chain[0][0] == url("change", experiment)
    assert said(response) == [
        "At least two variants: Add the control and what you want to try against it.",
        "A goal metric: Choose the metric that decides the test.",
    ]
    experiment.refresh_from_db()
    assert experiment.state == "draft"


def test_the_second_of_two_clicks_says_what_happened(admin_client):
    experiment = make_experiment(state="draft")
    confirm = url("transition", experiment, "start")
    assert said(admin_client.post(confirm, follow=True)) == ["Test: Running."]
    assert said(admin_client.post(confirm, follow=True)) == [
        "“Start” needs the state Draft; Test is Running."
    ]
    assert AuditEntry.objects.count() == 1


def test_a_stop_keeps_its_reason_and_computes_a_last_result(admin_client):
    experiment = make_experiment()
    admin_client.post(url("transition", experiment, "stop"), {"note": "Prices were wrong."})
    assert AuditEntry.objects.get().note == "Prices were wrong."
    assert ResultSnapshot.objects.get().experiment == experiment


def test_the_decision_is_one_of_the_experiments_variants(admin_client):
    experiment = make_experiment(state="stopped")
    other = make_experiment("other")
    confirm = url("transition", experiment, "decide")
    page = admin_client.get(confirm)
    assert [v.key for v in page.context["form"].fields["variant"].queryset] == ["control", "b"]
    for choice in ("", str(other.variants.get(key="b").pk), "x"):
        response = admin_client.post(confirm, {"variant": choice})
        assert response.status_code == 200
        assert set(response.context["form"].errors) == {"variant"}
    admin_client.post(confirm, answers(experiment, "decide"))
    experiment.refresh_from_db()
    assert experiment.decided_variant.key == "b"
    assert AuditEntry.objects.get().note == "It won."


def test_an_unknown_action_or_experiment_is_no_page(admin_client):
    experiment = make_experiment()
    assert admin_client.post(url("transition", experiment, "delete")).status_code == 403
    missing = reverse("admin:abtesting_experiment_transition", args=[999_999, "start"])
    assert admin_client.post(missing).status_code == 404


def test_from_an_empty_form_to_a_running_test(admin_client):
    """The way of a merchandiser, page by page."""
    admin_client.post(reverse(ADD), new_experiment())
    experiment = Experiment.objects.get()
    admin_client.post(url("transition", experiment, "start"))
    experiment.refresh_from_db()
    assert experiment.state == "running"
    assert experiment.started_at is not None
    assert [e.action for e in AuditEntry.objects.all()] == ["create", "start"]
    page = admin_client.get(url("change", experiment))
    assert "What is compared can no longer change" in page.content.decode()


# The list


def test_the_list_shows_the_newest_verdict(admin_client):
    experiment = make_experiment()
    for hours, code in ((2, "ship"), (1, "keep_running")):
        snapshot = refresh(experiment, now=START + dt.timedelta(hours=hours))
        snapshot.payload["verdict"]["code"] = code
        snapshot.save()
    make_experiment("other")
    page = admin_client.get(reverse(LIST)).content.decode()
    assert "Ship it" in page
    assert "Keep running" not in page
    assert "No result yet" in page
    assert url("results", experiment) in page


def test_the_list_takes_as_many_queries_for_many_tests_as_for_one(
    admin_client, django_assert_num_queries
):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def num_queries():
        with CaptureQueriesContext(
            connection,
        ) as queries:
            admin_client.get(reverse(LIST))
        return len(queries)

    refresh(make_experiment("first"))
    num_queries()  # content types are cached from here on
    one = num_queries()
    for number in range(12):
        refresh(make_experiment(f"test-{number}", state=("running", "stopped")[number % 2]))
    assert num_queries() == one


def test_the_list_is_filtered_by_state_and_searched_by_hypothesis(admin_client):
    make_experiment("one", state="running", hypothesis="returns")
    make_experiment("two", state="stopped", hypothesis="returns")
    make_experiment("three", state="stopped")
    page = admin_client.get(reverse(LIST), {"state__exact": "stopped", "q": "returns"})
    assert [e.key for e in page.context["cl"].result_list] == ["two"]


def test_text_of_people_is_shown_as_text(admin_client):
    experiment = make_experiment(state="draft", name="<script>alert(1)</script>")
    pages = (reverse(LIST), url("change", experiment), url("transition", experiment, "start"))
    for page in pages:
        assert "<script>alert(1)" not in admin_client.get(page).content.decode()


def test_models_without_a_form_of_their_own_are_not_in_the_admin(admin_client):
    names = admin_client.get(reverse("admin:app_list", args=["abtesting"])).content.decode()
    assert "Experiments" in names
    for model in (AuditEntry, ResultSnapshot, ExperimentMetric, Variant):
        assert str(model._meta.verbose_name_plural).capitalize() not in names


def test_the_results_page_of_a_decided_test_names_what_everybody_sees(admin_client):
    experiment = make_experiment(state="stopped")
    warm = experiment.variants.get(key="b")
    lifecycle.decide(experiment, variant=warm)
    page = admin_client.get(experiment.get_absolute_url()).content.decode()
    assert f"Decided: everybody sees “{warm}”" in page
