"""The simulation page: what it says, who may start one, and how far it is."""

from __future__ import annotations

import datetime as dt
import html
import re

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils import timezone
from kombu.exceptions import OperationalError

from abtesting.models import SimulationRun
from abtesting.results import simulation_runs
from abtesting.results.simulation import Options
from abtesting.results.trial import plan_of
from tests.builders import make_experiment, make_metric
from tests.results.past import NOW, add_traffic

pytestmark = pytest.mark.django_db

CHINESE = {"Accept-Language": "zh-hans"}


def url(name, experiment):
    return reverse(f"admin:abtesting_experiment_{name}", args=(experiment.pk,))


def text_of(response):
    """The page's words as one line, without tags."""
    content = re.sub(r"<svg.*?</svg>", " ", response.content.decode(), flags=re.S)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", content)))


def simulated(experiment, **options):
    options = Options(**{"num_runs": 60, **options})
    return simulation_runs.simulate_and_store(plan_of(experiment), options, now=NOW)


def client_of(client, *permissions):
    user = User.objects.create_user("mara", is_staff=True)
    for codename in permissions:
        user.user_permissions.add(Permission.objects.get(codename=codename))
    client.force_login(user)
    return client


@pytest.fixture
def experiment():
    experiment = make_experiment(
        planned_num_units=600, metrics=[("conversion", {"minimum_lift": 0.3})]
    )
    add_traffic(experiment, 600)
    return experiment


def test_each_part_is_a_sentence_to_quote(admin_client, experiment):
    run = simulated(experiment)
    text = text_of(admin_client.get(url("simulation", experiment)))
    aa, power, bandit = (run.payload[name] for name in ("aa", "power", "bandit"))
    assert "Your own traffic: 600 visitors in 15 days (test)." in text
    assert (
        "If nothing had changed, this test would have cried wolf in "
        f"{100 * aa['rule']['value']:.1f}% of 60 replays of your own traffic; looking every day at "
        f"p < 0.05 would have in {100 * aa['peeking']['value']:.1f}%."
    ) in text
    assert "keeps its promise of at most 5%" in text
    assert (
        f"A change of +{100 * power['smallest_lift']:.1f}% in Conversion is found in 80% of tests "
        "of 600 visitors"
    ) in text
    assert "The smallest change of interest, +30.0%, is found in " in text
    assert (
        f"With “B” 30.0% better, a bandit loses {bandit['bandit']['regret']:.1f} conversions"
        in text
    )


def test_a_rule_that_errs_more_often_than_it_says_is_called_out(admin_client, experiment):
    run = simulated(experiment)
    payload = run.payload
    payload["aa"]["rule"] |= {"value": 0.2, "lower": 0.11, "upper": 0.3}
    SimulationRun.objects.filter(pk=run.pk).update(payload=payload)
    text = text_of(admin_client.get(url("simulation", experiment)))
    assert "more often than the promised 5%" in text
    assert "between 11.0% and 30.0%" in text


def test_a_bandit_whose_test_errs_too_often_is_called_out(admin_client, experiment):
    run = simulated(experiment, parts=("bandit",))
    assert "errs too often" not in text_of(admin_client.get(url("simulation", experiment)))
    payload = run.payload
    payload["bandit"]["bandit"]["false_alarms"] |= {"value": 0.09, "lower": 0.08}
    SimulationRun.objects.filter(pk=run.pk).update(payload=payload)
    text = text_of(admin_client.get(url("simulation", experiment)))
    assert "its test errs too often here" in text
    assert "Equal variants are called different in 9.0% and " in text


def test_synthetic_traffic_is_called_that(admin_client, experiment):
    run = simulated(experiment, traffic="synthetic", parts=("aa",))
    text = text_of(admin_client.get(url("simulation", experiment)))
    assert "Synthetic traffic with the mean and spread of 600 visitors in 15 days (test)." in text
    num_peeks = run.payload["aa"]["num_peeks"]
    assert f"of 60 simulated tests; looking {num_peeks} times at p < 0.05" in text
    draft = make_experiment("draft", unit="user", state="draft", planned_num_units=500)
    simulated(draft, traffic="synthetic", parts=("power",), baseline=0.1)
    text = text_of(admin_client.get(url("simulation", draft)))
    assert "Synthetic traffic with an assumed conversion rate." in text


def test_too_little_traffic_is_said_and_synthetic_traffic_is_offered(admin_client, experiment):
    draft = make_experiment("draft", state="draft", planned_num_units=90_000)
    simulated(draft, parts=("aa",))
    response = admin_client.get(url("simulation", draft))
    assert "too little traffic to replay: 600 of the 90,000 units" in text_of(response)
    assert response.context["form"].initial["traffic"] == "synthetic"


def test_a_ratio_and_a_metric_that_does_not_vary_are_reasons(admin_client, experiment):
    ratio = make_experiment("ratio", metrics=[make_metric("orders-a-view", kind="ratio")])
    simulated(ratio, parts=("bandit",))
    assert "this one is a ratio" in text_of(admin_client.get(url("simulation", ratio)))
    flat = make_experiment("flat", metrics=[make_metric("never", event="never")])
    simulated(flat, parts=("power",))
    assert "nothing to simulate" in text_of(admin_client.get(url("simulation", flat)))


def test_a_bandit_of_amounts_loses_money(admin_client, experiment):
    revenue = make_metric("revenue", kind="mean", aggregation="sum", format="money", unit_label="€")
    other = make_experiment("money", planned_num_units=600, metrics=[revenue])
    run = simulated(other, parts=("bandit",))
    lost = f"€{run.payload['bandit']['bandit']['regret']:,.2f}"
    assert f"a bandit loses {lost} on the way" in text_of(
        admin_client.get(url("simulation", other))
    )


def test_charts_have_names_tables_and_no_styles(admin_client, experiment):
    simulated(experiment)
    content = admin_client.get(url("simulation", experiment)).content.decode()
    main = content[content.index('class="ab-results') :]
    charts = re.findall(r'<svg class="ab-trend".*?</svg>', main, flags=re.S)
    assert len(charts) == 3
    for chart in charts:
        assert "<title>" in chart
        assert "<desc>" in chart
        assert chart.count("<polyline") == 2
    assert main.count("<table>") == 3
    assert "style=" not in main
    assert "<script" not in main


def test_numbers_in_shapes_are_not_localised(admin_client, experiment):
    simulated(experiment)
    content = admin_client.get(
        url("simulation", experiment), headers={"Accept-Language": "de"}
    ).content.decode()
    assert not re.search(r'(?:x1|y1|cx|cy|viewBox)="[^"]*\d,\d+[ "]', content)


def test_an_experiment_that_was_never_simulated_says_how(admin_client, experiment):
    response = admin_client.get(url("simulation", experiment))
    text = text_of(response)
    assert "Nothing simulated yet" in text
    assert "python manage.py abtesting_simulate test" in text
    assert url("simulate", experiment) in response.content.decode()


def test_a_button_has_it_done_by_a_worker(
    admin_client, experiment, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        response = admin_client.post(
            url("simulate", experiment), {"traffic": "own", "num_runs": "500"}
        )
    assert response["Location"] == url("simulation", experiment)
    run = SimulationRun.objects.get()
    assert (run.state, run.options["num_runs"], run.options["traffic"]) == ("done", 500, "own")
    assert run.created_by.username == "admin"
    assert "of 500 replays" in text_of(admin_client.get(url("simulation", experiment)))


def test_one_at_a_time(admin_client, experiment):
    simulation_runs.ask_for(experiment, Options())
    response = admin_client.post(
        url("simulate", experiment), {"traffic": "own", "num_runs": "500"}, follow=True
    )
    assert "A simulation of this test is under way." in text_of(response)
    assert SimulationRun.objects.count() == 1
    assert url("simulate", experiment) not in response.content.decode()


@pytest.mark.parametrize("data", [{}, {"traffic": "own", "num_runs": "7"}])
def test_only_what_is_offered_can_be_asked_for(admin_client, experiment, data):
    response = admin_client.post(url("simulate", experiment), data, follow=True)
    assert "Choose one of the offered kinds" in text_of(response)
    assert not SimulationRun.objects.exists()


def test_an_experiment_that_is_not_ready_says_what_is_missing(admin_client):
    aimless = make_experiment("aimless", metrics=(), state="draft")
    response = admin_client.post(
        url("simulate", aimless), {"traffic": "own", "num_runs": "500"}, follow=True
    )
    assert "it needs a control, another variant, each with a weight, and a goal" in text_of(
        response
    )


def test_a_queue_that_cannot_be_reached_is_said_with_the_command(
    admin_client, experiment, monkeypatch, django_capture_on_commit_callbacks
):
    def refuse(run_id):
        raise OperationalError

    monkeypatch.setattr("abtesting.tasks.simulate.delay", refuse)
    with django_capture_on_commit_callbacks(execute=True):
        admin_client.post(url("simulate", experiment), {"traffic": "own", "num_runs": "500"})
    text = text_of(admin_client.get(url("simulation", experiment)))
    assert "The last simulation failed: the task queue cannot be reached." in text
    assert "abtesting_simulate test" in text


def test_the_status_asks_again_until_the_run_is_over(admin_client, experiment):
    asked = simulation_runs.ask_for(experiment, Options())
    waiting = admin_client.get(url("simulation_status", experiment))
    assert "Waiting for a worker…" in text_of(waiting)
    assert "hx-trigger" in waiting.content.decode()
    rows = SimulationRun.objects.filter(pk=asked.pk)
    rows.update(state="running", progress=0.37)
    running = admin_client.get(url("simulation_status", experiment))
    assert "Simulating: 37%" in text_of(running)
    assert 'value="37"' in running.content.decode()
    assert "HX-Refresh" not in running
    rows.update(state="failed", error="no")
    over = admin_client.get(url("simulation_status", experiment))
    assert "hx-trigger" not in over.content.decode()
    assert over["HX-Refresh"] == "true"


def test_a_run_that_nobody_works_on_can_be_asked_for_again(admin_client, experiment):
    asked = simulation_runs.ask_for(experiment, Options())
    SimulationRun.objects.filter(pk=asked.pk).update(
        updated_at=timezone.now() - dt.timedelta(minutes=5)
    )
    response = admin_client.get(url("simulation", experiment))
    assert "No worker does the simulation that was asked for." in text_of(response)
    assert url("simulate", experiment) in response.content.decode()


def test_who_may_look_and_who_may_start(client, experiment):
    viewer = client_of(client, "view_results")
    response = viewer.get(url("simulation", experiment))
    assert response.status_code == 200
    assert url("simulate", experiment) not in response.content.decode()
    assert viewer.post(url("simulate", experiment)).status_code == 403
    assert viewer.get(url("simulate", experiment)).status_code == 405


def test_staff_without_a_permission_see_nothing(client, experiment):
    other = client_of(client)
    for name in ("simulation", "simulation_status"):
        assert other.get(url(name, experiment)).status_code == 403


def test_an_imported_test_is_not_offered_it(admin_client):
    imported = make_experiment("old", source="imported", state="stopped")
    assert "An imported test cannot be simulated" in text_of(
        admin_client.get(url("simulation", imported))
    )
    assert (
        url("simulation", imported)
        not in admin_client.get(url("change", imported)).content.decode()
    )


def test_the_page_is_linked_from_the_experiment_and_its_results(admin_client, experiment):
    for name in ("change", "results"):
        content = admin_client.get(url(name, experiment)).content.decode()
        assert url("simulation", experiment) in content


def test_queries_do_not_grow_with_the_number_of_runs(
    admin_client, experiment, django_assert_num_queries
):
    for _ in range(3):
        simulated(experiment, parts=("aa",))
    admin_client.get(url("simulation", experiment))
    # Session, user, experiment, the latest run that is done, the latest of all.
    with django_assert_num_queries(5):
        admin_client.get(url("simulation", experiment))


def test_the_page_speaks_chinese(admin_client, experiment):
    simulated(experiment)
    text = text_of(admin_client.get(url("simulation", experiment), headers=CHINESE))
    assert "误报" in text
    for word in ("False alarms", "bandit", "replays", "Traffic", "Simulat"):
        assert word not in text
