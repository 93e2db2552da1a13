"""The results page: what each snapshot says, who may see it, and how it is exported and renewed."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from kombu.exceptions import OperationalError

from abtesting.admin.presentation import build_page
from abtesting.models import Experiment, ResultSnapshot
from tests.results import payloads

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
HTMX = {"HX-Request": "true"}


def make_experiment(payload=None, *, state="running", num_snapshots=1):
    experiment = Experiment.objects.create(
        key="product-headline", name="Benefit-led product headline", state=state
    )
    for index in range(num_snapshots if payload else 0):
        ResultSnapshot.objects.create(
            experiment=experiment, payload=payload, created_at=NOW + timedelta(hours=index)
        )
    return experiment


def url(name, experiment, *args):
    return reverse(f"admin:abtesting_experiment_{name}", args=(experiment.pk, *args))


def text_of(response):
    """The page's words as one line, without tags."""
    content = re.sub(r"<svg.*?</svg>", " ", response.content.decode(), flags=re.S)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", content)))


def show(client, payload, **query):
    response = client.get(url("results", make_experiment(payload)), query)
    assert response.status_code == 200
    return response


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (
            "ship",
            "Variant B raises Conversion by 8.1% (97.5% confidence interval: +2.4% to +13.9%). "
            "Guardrails are fine. Planned size reached. Ship variant B.",
        ),
        (
            "keep_control",
            "Variant B lowers Conversion by 6.4% (97.5% confidence interval: −12.0% to −0.8%). "
            "Keep the control.",
        ),
        (
            "guardrail_harmed",
            "Keep the control: variant B harms a guardrail, Return rate. "
            "Variant B raises Return rate by 21.0%",
        ),
        (
            "no_difference",
            "No difference found in Conversion, Revenue per visitor. "
            "Conversion with variant B: −5.1% to +5.9% (97.5% confidence interval).",
        ),
        ("keep_running", "Keep running: 62% of the planned sample, about 6 days left."),
        ("stopped_early", "Stopped at 62% of the planned size: no verdict."),
        (
            "not_enough_data",
            "Not enough data: 120 visitors of 4,000 planned. About 41 days left.",
        ),
        (
            "invalid",
            "Do not read these results: the traffic split is wrong (SRM p < 0.0001). "
            "The control got 53.87% of the units instead of 50.00%.",
        ),
        (
            "inconclusive_guardrail",
            "Variant B raises Conversion by 8.1% (97.5% confidence interval: +2.4% to +13.9%). "
            "Guardrail not shown safe: Return rate. Nothing more will be read: keep the control, "
            "or test again with more units.",
        ),
        (
            "always_valid",
            "Variant B raises Conversion by 40.0% (95% confidence interval: at least +2.0%). "
            "The rule allows deciding on any day. Ship variant B.",
        ),
        (
            "imported",
            "“Men’s e-mail” raises Visit by 72.2% (98.75% confidence interval: +64.0% to +80.8%). "
            "Ship “Men’s e-mail”.",
        ),
        (
            "between_looks",
            "Keep running: 62% of the planned sample, about 6 days left. "
            "Between two looks the goals stay as they were at the last one. "
            "Last look: 12 of 20, at 2,400 of 4,000 visitors; next at 2,600 visitors.",
        ),
        (
            "at_a_look",
            "This look shows no difference; the next one may. "
            "This is look 12 of 20, at 2,400 of 4,000 visitors; next at 2,600 visitors.",
        ),
        (
            "before_first_look",
            "Until the first look the goals are not read. "
            "The goals are first read at about 200 visitors.",
        ),
        (
            "shown_at_a_look",
            "Variant B raises Conversion by 8.1% (97.5% confidence interval: +2.4% to +13.9%). "
            "Guardrails are fine. Shown at look 12 of 20, before the planned size. Ship variant B. "
            "Stopping early flatters; corrected for that, the change is +7.2%. "
            "The goals stopped counting at look 12 of 20, at 2,400 of 4,000 visitors; later ones "
            "count for guardrails and health only.",
        ),
        (
            "shown_with_open_guardrail",
            "Guardrail not shown safe yet: Return rate. Do not ship it before that is clear: "
            "guardrails are read on, and more sharply at the planned size. "
            "Shown at look 12 of 20, before the planned size. "
            "Stopping early flatters; corrected for that, the change is +7.2%. "
            "The goals stopped counting at look 12 of 20",
        ),
        (
            "partly_read",
            "No difference found in Conversion. "
            "Conversion with variant B: −5.1% to +5.9% (97.5% confidence interval). "
            "Not read: Revenue per visitor. Too uneven to be read: a few units weigh too heavily. "
            "Planned size reached. There is no reason to switch.",
        ),
        (
            "nothing_read",
            "– No result The planned sample is complete, and no goal could be read. "
            "Not read: Conversion, Revenue per visitor. "
            "Too uneven to be read: a few units weigh too heavily. Test again with equal weights, "
            "with a larger planned sample, or with a goal in which no unit weighs so much, such as "
            "a conversion.",
        ),
        (
            "bayesian",
            "Chance that variant B beats the control in Conversion: 98.1%. Expected change: +7.8% "
            "(95% credible interval: +0.4% to +15.2%). "
            "Keep running: 62% of the planned sample, about 6 days left. "
            "A high chance alone decides nothing, because looked at every day it calls about 38% "
            "of equal variants different: the always-valid test must agree.",
        ),
        (
            "bayesian_winner",
            "Chance that variant B beats the control in Conversion: over 99.9%. Expected change: "
            "+8.0% (95% credible interval: +3.0% to +13.0%). "
            "Risk of shipping it: 0.002% of Conversion on average. Guardrails are fine. "
            "The always-valid test agrees. Ship variant B.",
        ),
    ],
)
def test_each_verdict_is_a_sentence_to_quote(admin_client, build, sentence):
    response = show(admin_client, payloads.BUILDERS[build]())
    assert sentence in text_of(response)
    code = response.context["page"].verdict.code
    assert f'data-verdict="{code}"' in response.content.decode()


def test_a_test_that_ends_with_too_few_units_says_how_many_it_needs(admin_client):
    payload = payloads.not_enough_data()
    payload["verdict"]["code"] = "no_result"
    payload["experiment"]["state"] = "stopped"
    text = text_of(show(admin_client, payload))
    assert (
        "The test is over, and no goal could be read. Each variant needs 100 visitors; the "
        "smallest has 58. Test again with a larger planned sample." in text
    )
    assert "Not enough data" not in text


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("no_events", "Not read: Conversion, Revenue per visitor. No events yet."),
        ("zero_variance", "Not read: Conversion, Revenue per visitor. All units have the same"),
        (None, "No event of the goals was counted."),
    ],
)
def test_a_test_that_ends_without_events_says_what_to_check(admin_client, code, words):
    payload = payloads.nothing_read()
    for m in payload["metrics"][:2]:
        m["comparisons"] = [payloads.unread(code)] if code else [payloads.comparison(lift=0.0)]
    text = text_of(show(admin_client, payload))
    assert words in text
    assert "Check that the events of the goals are recorded, then test again." in text


def test_a_goal_that_was_read_in_one_variant_only_is_named_with_the_other(admin_client):
    payload = payloads.no_difference()
    payload["variants"].append({**payload["variants"][1], "key": "c", "name": "C"})
    payload["metrics"][1]["comparisons"].append(payloads.unread("too_skewed") | {"variant": "c"})
    text = text_of(show(admin_client, payload))
    assert "No difference found in Conversion, Revenue per visitor." in text
    assert "Not read: Revenue per visitor with variant C. Too uneven" in text


def test_a_last_look_that_nothing_came_after_is_read_for_the_last_time(admin_client):
    payload = payloads.shown_at_a_look()
    payload["looks"]["taken"][-1]["num_units"] = 4010
    text = text_of(show(admin_client, payload))
    assert "Read at 4,010 of 4,000 visitors (look 12 of 20), for the last time." in text


def test_an_unknown_verdict_is_said_and_does_not_break_the_page(admin_client):
    payload = payloads.ship()
    payload["verdict"]["code"] = "from_the_future"
    assert "does not know" in text_of(show(admin_client, payload))


def test_lower_is_better_is_said_and_its_guardrail_margin_is_upwards(admin_client):
    text = text_of(show(admin_client, payloads.ship()))
    assert "↓ lower is better · allowed: nothing worse than +5%" in text
    assert "↑ higher is better · allowed: nothing worse than −3%" in text


def test_a_good_decrease_of_a_goal_is_lowered_and_better(admin_client):
    payload = payloads.ship()
    payload["metrics"][0] |= {"direction": "decrease", "name": "Bounce rate"}
    payload["metrics"][0]["comparisons"] = [payloads.comparison(lift=-0.08, interval=(-0.12, None))]
    text = text_of(show(admin_client, payload))
    assert "Variant B lowers Bounce rate by 8.0%" in text
    assert "at least −12.0%" in text
    assert "✓ Better" in text


def test_without_a_relative_change_the_difference_is_told(admin_client):
    payload = payloads.ship()
    comparison = payload["metrics"][0]["comparisons"][0]
    comparison |= {"lift": None, "lift_interval": None}
    text = text_of(show(admin_client, payload))
    assert "raises Conversion by 0.85 pp (97.5% confidence interval: +0.25 pp to +1.47 pp)" in text


def test_units_in_a_variant_without_traffic_are_named_as_the_cause(admin_client):
    payload = payloads.invalid()
    payload["health"][0] |= {"p_value": 0.4, "leaked_units": 12}
    assert "12 units are in a variant that gets no traffic." in text_of(show(admin_client, payload))


def test_the_table_shows_values_with_their_counts_and_changes_with_intervals(admin_client):
    text = text_of(show(admin_client, payloads.ship()))
    assert "Control 10.54% 211 / 2,001 baseline" in text
    assert "B 11.39% 229 / 2,009 ▲ +8.1% +2.4% to +13.9%" in text
    assert "€5.6706 €11,392.50 / 2,009" in text
    assert "p = 0.012" in text


def test_the_correction_for_stopping_early_stands_beside_the_estimate(admin_client):
    response = show(admin_client, payloads.shown_at_a_look())
    assert "▲ +8.1% +2.4% to +13.9% corrected: +7.2%" in text_of(response)
    table = response.context["page"].goals.data
    labels = [label for label, _is_number in table.columns]
    cells = dict(zip(labels, [text for text, _is_number in table.rows[1].cells], strict=True))
    assert cells["Corrected difference"] == "+0.76 pp"
    assert cells["Corrected interval"] == "+0.12 pp to +1.38 pp"
    assert cells["Corrected change"] == "+7.2%"
    assert cells["Interval of the corrected change"] == "+1.1% to +13.1%"


def test_a_correction_that_changes_nothing_is_said_to(admin_client):
    payload = payloads.shown_at_a_look()
    payload["metrics"][0]["comparisons"][0]["corrected"]["lift"] = 0.08101
    text = text_of(show(admin_client, payload))
    assert "Corrected for stopping early, the change stays +8.1%." in text
    assert "flatters" not in text


def test_without_a_relative_change_the_corrected_difference_is_told(admin_client):
    payload = payloads.shown_at_a_look()
    comparison = payload["metrics"][0]["comparisons"][0]
    comparison |= {"lift": None, "lift_interval": None}
    comparison["corrected"] |= {"lift": None, "lift_interval": None}
    text = text_of(show(admin_client, payload))
    assert "Stopping early flatters; corrected for that, the change is +0.76 pp." in text


def test_what_makes_a_result_less_certain_is_said(admin_client):
    text = text_of(show(admin_client, payloads.shown_at_a_look()))
    assert "! Revenue per visitor, B: few units for values this uneven" in text


def test_secondary_metrics_show_the_adjusted_p_value_and_say_so(admin_client):
    response = show(admin_client, payloads.shown_at_a_look())
    page = response.context["page"]
    assert page.secondary.metrics[0].rows[0].adjusted_p_value == "p < 0.0001"
    assert not page.goals.is_adjusted
    assert "p-values are adjusted for the number of secondary metrics" in text_of(response)


def test_a_bayesian_test_shows_chances_where_others_show_p_values(admin_client):
    response = show(admin_client, payloads.bayesian())
    text = text_of(response)
    assert "▲ +7.8% +0.4% to +15.2%" in text
    assert "98.1% risk 0.1% – No difference yet" in text
    assert "38%, if it were looked at every day and decided alone" in text
    page = response.context["page"]
    assert (page.goals.odds, page.guardrails.odds) == (True, False)
    assert "p = 0.20" in text  # among all numbers


def test_the_expected_change_is_told_from_the_observed_one(admin_client):
    response = show(admin_client, payloads.bayesian())
    page = response.context["page"]
    assert page.goals.change_label == page.secondary.change_label == "Expected change"
    assert page.guardrails.change_label == "Observed change"
    labels = [label for label, _is_number in page.goals.data.columns]
    cells = dict(zip(labels, [t for t, _is_number in page.goals.data.rows[1].cells], strict=True))
    assert (cells["Expected change"], cells["Observed change"]) == ("+7.8%", "+8.1%")
    assert "This is the observed change, which the always-valid test reads" in text_of(response)
    assert build_page(payloads.ship()).goals.change_label == "Change"


def test_only_the_goals_of_a_bayesian_test_say_what_they_need(admin_client):
    text = text_of(show(admin_client, payloads.bayesian()))
    assert text.count("The result needs the always-valid test as well.") == 1
    goals, secondary = text.index("Goal metrics"), text.index("Secondary metrics")
    assert goals < text.index("The result needs the always-valid test as well.") < secondary


def test_chances_are_among_all_numbers_of_any_test(admin_client):
    payload = payloads.ship()
    payload["metrics"][0]["comparisons"][0]["bayesian"] = payloads.odds(0.99, 0.08, (0.01, 0.15))
    labels = [c[0] for c in show(admin_client, payload).context["page"].goals.data.columns]
    assert {"p-value", "Chance to win", "Risk", "Credible interval"} <= set(labels)


def test_before_the_first_look_no_goal_has_a_number(admin_client):
    response = show(admin_client, payloads.before_first_look())
    text = text_of(response)
    assert "Not read yet: the first look is still to come." in text
    assert "0 / 0" not in text
    assert "So far, all variants together: 10.00% (12 / 120)" in text
    assert response.context["page"].over_time is None


@pytest.mark.parametrize(
    "build", ["ship", "keep_control", "keep_running", "not_enough_data", "invalid", "imported"]
)
def test_a_snapshot_of_the_first_schema_is_still_shown(admin_client, build):
    payload = payloads.BUILDERS[build]()
    payload["health"][0]["method"] = None  # it had one only
    old = payloads.first_schema(payload)
    assert build_page(old) == build_page(payload)
    assert show(admin_client, old).context["page"] == build_page(payload)


def test_an_imported_test_shows_its_known_numbers(admin_client):
    text = text_of(show(admin_client, payloads.imported()))
    for number in ("10.62%", "18.28%", "15.14%", "$0.6528", "$1.4226", "$1.0772"):
        assert number in text
    assert "An imported test has no numbers by day." in text


def test_no_number_is_made_up_where_there_is_no_result(admin_client):
    response = show(admin_client, payloads.not_enough_data())
    text = text_of(response)
    assert "Too few units for a result." in text
    assert "– No result" in text
    assert "ab-point" not in response.content.decode()
    assert "p = " not in text


@pytest.mark.parametrize(
    ("build", "is_marked"), [("ship", False), ("keep_running", False), ("invalid", True)]
)
def test_a_wrong_split_greys_the_tables_and_says_so(admin_client, build, is_marked):
    response = show(admin_client, payloads.BUILDERS[build]())
    assert ("ab-untrusted" in response.content.decode()) is is_marked
    assert ("Shown to find the cause, not to decide by." in text_of(response)) is is_marked


def test_health_is_words_and_numbers(admin_client):
    text = text_of(show(admin_client, payloads.keep_running()))
    assert "Traffic split ✓ As planned p = 0.41" in text
    assert "Sample … Growing 2,480 visitors of 4,000 planned" in text
    assert "Data freshness ✓ Fresh 1 minute old" in text


def test_a_health_check_from_a_newer_version_is_shown_by_its_code(admin_client):
    payload = payloads.ship()
    payload["health"].append({"code": "bots", "status": "warn"})
    assert "bots ! Unknown" in text_of(show(admin_client, payload))


@pytest.mark.parametrize("build", sorted(payloads.BUILDERS))
def test_the_page_is_clean_under_a_strict_policy(admin_client, build):
    content = show(admin_client, payloads.BUILDERS[build]()).content.decode()
    assert not re.search(r"\sstyle\s*=", content)
    assert not re.search(r"\son\w+\s*=", content)
    assert "<style" not in content
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", content, flags=re.S)
    assert scripts
    assert all("src=" in attributes and not body.strip() for attributes, body in scripts)
    sources = re.findall(r'(?:src|href)="(?:https?:)?//', content)
    assert sources == []


@pytest.mark.parametrize("build", sorted(payloads.BUILDERS))
def test_each_chart_has_a_title_and_a_data_table(admin_client, build):
    content = show(admin_client, payloads.BUILDERS[build]()).content.decode()
    for svg in re.findall(r"<svg[^>]*role=\"img\".*?</svg>", content, flags=re.S):
        assert re.search(r"<title>\s*\S", svg)
    for figure in re.findall(r"<figure>.*?</figure>", content, flags=re.S):
        assert "<details" in figure
        assert figure.count("<tr>") > 1
    num_forests = content.count('class="ab-metrics"')
    assert content.count("All numbers as a table</summary>") == num_forests > 0


def test_the_data_table_beside_the_trend_has_every_day(admin_client):
    content = show(admin_client, payloads.ship()).content.decode()
    trend = content[content.index('id="over-time"') :]
    table = re.search(r"<tbody>(.*?)</tbody>", trend, flags=re.S).group(1)
    assert table.count("<tr>") == 14


def test_svg_numbers_are_not_localised(admin_client, settings):
    settings.LANGUAGE_CODE = "de"
    settings.USE_THOUSAND_SEPARATOR = True
    response = admin_client.get(
        url("results", make_experiment(payloads.ship())), headers={"Accept-Language": "de"}
    )
    content = response.content.decode()
    numbers = re.findall(r'\s(?:x|y|x1|x2|y1|y2|cx|cy|r|width|height)="([^"]*)"', content)
    assert len(numbers) > 50
    assert all(re.fullmatch(r"-?\d+(\.\d+)?|1.5rem", number) for number in numbers)


def test_a_name_is_escaped(admin_client):
    payload = payloads.ship()
    payload["metrics"][0]["name"] = "<script>alert(1)</script>"
    content = show(admin_client, payload).content.decode()
    assert "<script>alert" not in content
    assert "&lt;script&gt;alert" in content


def test_the_metric_over_time_can_be_chosen(admin_client):
    response = show(admin_client, payloads.ship(), metric="revenue")
    assert response.context["page"].over_time.metric == "Revenue per visitor"


def test_an_unknown_metric_falls_back_to_the_verdicts(admin_client):
    response = show(admin_client, payloads.ship(), metric="nothing")
    assert response.context["page"].over_time.metric == "Conversion"


def test_a_large_page_needs_few_queries(admin_client, django_assert_max_num_queries):
    experiment = make_experiment(payloads.many(), num_snapshots=5)
    with django_assert_max_num_queries(12):
        response = admin_client.get(url("results", experiment))
    assert response.status_code == 200


def test_an_older_snapshot_has_its_own_address_and_points_to_the_latest(admin_client):
    experiment = make_experiment(payloads.keep_running())
    old = experiment.snapshots.get()
    ResultSnapshot.objects.create(
        experiment=experiment, payload=payloads.ship(), created_at=NOW + timedelta(days=6)
    )
    text = text_of(admin_client.get(url("snapshot", experiment, old.pk)))
    assert "Keep running: 62%" in text
    assert "Show the latest results" in text
    latest = admin_client.get(url("results", experiment))
    assert "Ship variant B." in text_of(latest)
    assert url("snapshot", experiment, old.pk) in latest.content.decode()


def test_a_snapshot_of_another_experiment_is_not_found(admin_client):
    mine = make_experiment(payloads.ship())
    other = Experiment.objects.create(key="other", name="Other", state="running")
    response = admin_client.get(url("snapshot", other, mine.snapshots.get().pk))
    assert response.status_code == 404


def test_a_draft_shows_what_is_missing_before_launch(admin_client):
    response = admin_client.get(url("results", make_experiment(state="draft")))
    text = text_of(response)
    assert "Not ready to start yet." in text
    assert "A goal metric missing Choose the metric that decides the test." in text
    assert url("refresh", response.context["experiment"]) not in response.content.decode()


def test_a_running_test_without_snapshot_offers_to_compute_one(admin_client):
    experiment = make_experiment()
    response = admin_client.get(url("results", experiment))
    assert "Nothing has been computed for this experiment." in text_of(response)
    assert url("refresh", experiment) in response.content.decode()


@pytest.mark.parametrize("name", ["results", "refresh", "csv"])
def test_without_the_permission_nothing_is_shown(client, name):
    experiment = make_experiment(payloads.ship())
    client.force_login(User.objects.create_user("staff", is_staff=True))
    address = url("export", experiment, "csv") if name == "csv" else url(name, experiment)
    response = client.post(address) if name == "refresh" else client.get(address)
    assert response.status_code == 403


def test_the_permission_to_view_results_is_enough(client):
    user = User.objects.create_user("merchandiser", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_results"))
    client.force_login(user)
    response = client.get(url("results", make_experiment(payloads.ship())))
    assert response.status_code == 200
    assert "Ship variant B." in text_of(response)


@pytest.mark.parametrize(
    ("permission", "is_linked"), [("manage_experiments", True), ("view_results", False)]
)
def test_who_may_change_the_experiment_is_led_to_its_form(client, permission, is_linked):
    user = User.objects.create_user("merchandiser", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename=permission))
    client.force_login(user)
    experiment = make_experiment(payloads.ship())
    response = client.get(url("results", experiment))
    assert response.status_code == 200
    link = f'<a href="{url("change", experiment)}">Edit</a>'
    assert (link in response.content.decode()) is is_linked


def test_a_visitor_is_sent_to_the_login(client):
    response = client.get(url("results", make_experiment(payloads.ship())))
    assert response.status_code == 302
    assert "/login/" in response["Location"]


def test_csv_export_is_a_file_with_a_row_for_each_metric_and_variant(admin_client):
    response = admin_client.get(url("export", make_experiment(payloads.ship()), "csv"))
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert 'filename="product-headline-20261122-1000.csv"' in response["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(response.content.decode())))
    assert len(rows) == 2 * len(payloads.ship()["metrics"])
    assert float(rows[1]["lift"]) == 0.081


def test_json_export_is_the_chosen_snapshots_payload(admin_client):
    experiment = make_experiment(payloads.keep_running())
    old = experiment.snapshots.get()
    ResultSnapshot.objects.create(
        experiment=experiment, payload=payloads.ship(), created_at=NOW + timedelta(days=6)
    )
    response = admin_client.get(url("export", experiment, "json"), {"snapshot": old.pk})
    assert response["Content-Type"] == "application/json; charset=utf-8"
    assert json.loads(response.content) == old.payload


@pytest.mark.parametrize("wanted", ["", "latest", "-1", "9" * 30, "9" * 5000])
def test_an_export_of_a_snapshot_that_is_not_there_is_not_found(admin_client, wanted):
    experiment = make_experiment(payloads.ship())
    response = admin_client.get(url("export", experiment, "csv"), {"snapshot": wanted})
    assert response.status_code == 404


@pytest.mark.parametrize("format", ["xlsx", "CSV"])
def test_an_unknown_export_format_is_not_found(admin_client, format):
    experiment = make_experiment(payloads.ship())
    assert admin_client.get(url("export", experiment, format)).status_code == 404


@pytest.fixture
def queued(monkeypatch):
    """Ids of the experiments whose refresh was queued, and not run."""
    ids = []
    monkeypatch.setattr(
        "abtesting.tasks.refresh_experiment.delay", lambda pk, actor_pk: ids.append((pk, actor_pk))
    )
    return ids


def test_refresh_with_htmx_polls_until_a_newer_snapshot_and_then_stops(
    admin_client, admin_user, queued
):
    experiment = make_experiment(payloads.keep_running())
    first = admin_client.post(url("refresh", experiment), headers=HTMX)
    assert queued == [(experiment.pk, admin_user.pk)]
    poll = re.search(r'hx-get="([^"]+)"', first.content.decode()).group(1)
    again = admin_client.get(html.unescape(poll), headers=HTMX)
    assert "hx-trigger" in again.content.decode()
    assert "<html" not in again.content.decode()
    ResultSnapshot.objects.create(
        experiment=experiment, payload=payloads.ship(), created_at=NOW + timedelta(days=6)
    )
    done = admin_client.get(html.unescape(poll), headers=HTMX)
    assert "hx-trigger" not in done.content.decode()
    assert done["HX-Retarget"] == done["HX-Reselect"] == "#snapshot"
    assert "Ship variant B." in text_of(done)
    assert queued == [(experiment.pk, admin_user.pk)]


def test_polling_ends_when_it_takes_too_long(admin_client, queued):
    experiment = make_experiment(payloads.keep_running())
    last = experiment.snapshots.get().pk
    response = admin_client.get(
        url("refresh", experiment), {"after": last, "polls": 90}, headers=HTMX
    )
    assert "hx-trigger" not in response.content.decode()
    assert "longer than usual" in text_of(response)


def test_refresh_without_javascript_redirects_with_a_message(admin_client, admin_user, queued):
    experiment = make_experiment(payloads.keep_running())
    response = admin_client.post(url("refresh", experiment), follow=True)
    assert queued == [(experiment.pk, admin_user.pk)]
    assert response.redirect_chain == [(url("results", experiment), 302)]
    assert "The results are being recomputed." in text_of(response)


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_an_unreachable_queue_is_said(admin_client, monkeypatch, headers):
    def fail(experiment_id, actor_id):
        raise OperationalError("connection refused")

    monkeypatch.setattr("abtesting.tasks.refresh_experiment.delay", fail)
    experiment = make_experiment(payloads.keep_running())
    response = admin_client.post(url("refresh", experiment), headers=headers, follow=True)
    assert "the task queue cannot be reached" in text_of(response)
    assert "hx-trigger" not in response.content.decode()


def test_a_draft_cannot_be_refreshed(admin_client, queued):
    response = admin_client.post(url("refresh", make_experiment(state="draft")))
    assert response.status_code == 404
    assert queued == []
