"""The simulation page: what it says, who may start one, and how far it is."""

from __future__ import annotations

import datetime as dt
import html
import re

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from kombu.exceptions import OperationalError

from abtesting.admin.plots import make_plot
from abtesting.admin.simulation_list import NO_QUEUE
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
    (curve,) = power["curves"]
    assert "Your own traffic: 600 visitors in 15 days (test)." in text
    assert (
        "If nothing had changed, this test would have cried wolf in "
        f"{100 * aa['rule']['value']:.1f}% of 60 replays of your own traffic; looking every day at "
        f"p < 0.05 would have in {100 * aa['peeking']['value']:.1f}%."
    ) in text
    assert f"Looks along the way: {aa['num_looks']} looks up to 600 visitors." in text
    assert (
        "600 visitors of the past, split at random into the planned shares again, 60 times" in text
    )
    assert "of 20 tests in which nothing differs, 1 shows a difference all the same" in text
    assert (
        f"A change of +{100 * curve['smallest_lift']:.1f}% in Conversion is found in 80% of tests "
        "of 600 visitors"
    ) in text
    assert "The smallest change of interest, +30.0%, is found in " in text
    assert (
        f"With “B” 30.0% better, a bandit loses {bandit['bandit']['regret']:.1f} conversions"
        in text
    )


@pytest.mark.parametrize(
    ("lower", "upper", "chip"),
    [
        (0.03, 0.05, "✓ keeps to 5%"),
        (0.049, 0.051, "≈ consistent with 5%"),
        (0.05, 0.07, "≈ consistent with 5%"),
        (0.0501, 0.07, "! too many false alarms"),
    ],
)
def test_a_share_of_false_alarms_is_judged_by_its_range(
    admin_client, experiment, lower, upper, chip
):
    run = simulated(experiment, parts=("aa",))
    payload = run.payload
    payload["aa"]["rule"] |= {"value": 0.05, "lower": lower, "upper": upper}
    payload["aa"]["peeking"] |= {"lower": 0.01, "upper": 0.02}
    SimulationRun.objects.filter(pk=run.pk).update(payload=payload)
    response = admin_client.get(url("simulation", experiment))
    own, peeker = response.context["page"].sections[0].table.rows
    assert f"{own.chip.symbol} {own.chip.text}" == chip
    assert peeker.chip.tone == "good"
    assert chip in text_of(response)


@pytest.mark.parametrize(
    ("rule", "caption"),
    [
        ("fixed_horizon", "Once, at the end: one look at 600 visitors."),
        ("always_valid", "Any day: read at 12 looks up to 600 visitors."),
        ("bayesian", "Chances: read at 12 looks up to 600 visitors, and only with proof besides."),
    ],
)
def test_each_rule_says_when_it_looks(admin_client, rule, caption):
    experiment = make_experiment(planned_num_units=600, decision_rule=rule)
    add_traffic(experiment, 2100 if rule != "fixed_horizon" else 600)
    run = simulated(experiment, parts=("aa",), traffic="synthetic")
    payload = run.payload
    payload["aa"]["num_looks"] = 1 if rule == "fixed_horizon" else 12
    SimulationRun.objects.filter(pk=run.pk).update(payload=payload)
    assert caption in text_of(admin_client.get(url("simulation", experiment)))


def test_a_bandit_whose_test_errs_too_often_is_called_out(admin_client, experiment):
    run = simulated(experiment, parts=("bandit",))
    payload = run.payload
    payload["bandit"]["bandit"]["false_alarms"] |= {"value": 0.09, "lower": 0.08, "upper": 0.1}
    payload["bandit"]["split"]["false_alarms"] |= {"value": 0.04, "lower": 0.03, "upper": 0.06}
    SimulationRun.objects.filter(pk=run.pk).update(payload=payload)
    response = admin_client.get(url("simulation", experiment))
    bandit, split = response.context["page"].sections[0].table.rows
    assert dict(bandit.cells)["False alarms"] == "9.0%"
    assert (bandit.chip.text, split.chip.text) == ("too many false alarms", "consistent with 5%")
    text = text_of(response)
    assert "The same look where all variants are equal; 5% is allowed." in text
    warning = "more false alarms than the 5% that is allowed, so do not rely on the share of"
    assert f"! Bandit: {warning} differences shown." in text
    payload["bandit"]["split"]["false_alarms"]["lower"] = 0.06
    SimulationRun.objects.filter(pk=run.pk).update(payload=payload)
    assert f"! Bandit, Planned split: {warning}" in text_of(
        admin_client.get(response.request["PATH_INFO"])
    )
    payload["bandit"]["bandit"]["false_alarms"]["lower"] = 0.04
    payload["bandit"]["split"]["false_alarms"]["lower"] = 0.04
    SimulationRun.objects.filter(pk=run.pk).update(payload=payload)
    assert "do not rely" not in text_of(admin_client.get(response.request["PATH_INFO"]))


def several(weights):
    experiment = make_experiment(
        variants=("control", "benefit", "evidence"),
        weights=weights,
        planned_num_units=900,
        metrics=[("conversion", {"minimum_lift": 0.3})],
    )
    add_traffic(experiment, 900)
    return experiment


def test_variants_of_one_weight_have_one_curve_and_that_is_said(admin_client):
    experiment = several((1, 1, 1))
    simulated(experiment, parts=("power",))
    response = admin_client.get(url("simulation", experiment))
    (section,) = response.context["page"].sections
    assert [line.name for line in section.plot.lines] == [
        "Tests that find it",
        "Share of the sample used",
    ]
    assert "All variants have the same weight, so one curve holds for each" in text_of(response)


def test_each_weight_has_a_curve_with_its_name(admin_client):
    experiment = several((2, 2, 1))
    curves = simulated(experiment, parts=("power",)).payload["power"]["curves"]
    response = admin_client.get(url("simulation", experiment))
    (section,) = response.context["page"].sections
    assert [line.name for line in section.plot.lines] == ["Benefit", "Evidence"]
    assert section.plot.columns[1:4] == ("Benefit", "Evidence", "Benefit: Share of the sample used")
    assert all(len(row) == 7 for row in section.plot.rows)
    first, second = (100 * curve["smallest_lift"] for curve in curves)
    text = text_of(response)
    assert f"of tests of 900 visitors: Benefit +{first:.1f}%, Evidence +{second:.1f}%." in text
    assert "Evidence: the smallest change of interest, +30.0%, is found in " in text
    content = response.content.decode()
    assert 'class="ab-curve ab-curve-1"' in content
    assert content.count('class="ab-ribbon"') == 2


def test_a_curve_that_stays_low_says_so(admin_client):
    experiment = several((2, 2, 1))
    run = simulated(experiment, parts=("power",))
    payload = run.payload
    payload["power"]["curves"][1]["smallest_lift"] = None
    SimulationRun.objects.filter(pk=run.pk).update(payload=payload)
    text = text_of(admin_client.get(url("simulation", experiment)))
    assert "Evidence none that was tried." in text
    payload["power"]["curves"][0]["smallest_lift"] = None
    SimulationRun.objects.filter(pk=run.pk).update(payload=payload)
    text = text_of(admin_client.get(url("simulation", experiment)))
    assert "No change that was tried in Conversion is found in 80% of tests" in text


def test_a_run_of_before_is_shown_like_those_of_today(admin_client, experiment):
    run = simulated(experiment, parts=("power",))
    payload = run.payload
    (curve,) = payload["power"].pop("curves")
    payload["power"] |= {"variant": "b", **curve}
    del payload["traffic"]["baseline"]
    SimulationRun.objects.filter(pk=run.pk).update(payload=payload)
    text = text_of(admin_client.get(url("simulation", experiment)))
    assert "Your own traffic: 600 visitors" in text
    assert "in Conversion is found in 80% of tests of 600 visitors" in text


@pytest.mark.parametrize(("num_points", "num_dots"), [(1, 1), (60, 60), (61, 31), (673, 57)])
def test_a_long_line_has_few_dots_the_last_point_among_them(num_points, num_dots):
    plot = make_plot(
        [[(float(x), x / 10) for x in range(num_points)]],
        title="Lost",
        x_name="Units",
        names=["Bandit"],
        x_text=str,
        y_text=str,
        y_axis=str,
    )
    dots = plot.lines[0].dots
    assert len(dots) == num_dots
    assert dots[-1][1] == f"Bandit: {num_points - 1:.1f}, {(num_points - 1) / 10}"
    assert len(plot.rows) == num_points


# The runs so far


def test_runs_so_far_say_who_when_what_and_the_outcome(admin_client, admin_user, experiment):
    with time_machine.travel("2026-04-01 12:00Z", tick=False):
        done = simulated(experiment, parts=("aa", "power"))
        SimulationRun.objects.filter(pk=done.pk).update(created_by=admin_user)
        failed = simulation_runs.ask_for(experiment, Options(traffic="synthetic"))
        simulation_runs.give_up(failed.pk, error=NO_QUEUE)
        lost = simulation_runs.ask_for(experiment, Options(num_runs=500, parts=("bandit",)))
    waiting = simulation_runs.ask_for(experiment, Options(num_runs=500))
    response = admin_client.get(url("simulation", experiment))
    rows = {row.run.pk: row for row in response.context["earlier"]}
    assert list(rows) == [waiting.pk, lost.pk, failed.pk, done.pk]
    assert [rows[run.pk].chip.text for run in (waiting, lost, failed)] == [
        "Queued",
        "Not done",
        "Failed",
    ]
    assert rows[done.pk].who == "admin"
    assert rows[done.pk].kind == "false alarms, power; own traffic, 60 runs"
    assert rows[done.pk].outcome.startswith("false alarms ")
    assert "; finds +" in rows[done.pk].outcome
    assert rows[done.pk].is_shown
    assert (rows[failed.pk].who, rows[failed.pk].outcome) == (
        "no account",
        "the task queue cannot be reached",
    )
    assert rows[failed.pk].kind == "false alarms, power, bandit; synthetic traffic, 2,000 runs"
    text = text_of(response)
    assert "Simulations so far" in text
    assert "shown above" in text


def test_a_part_that_was_not_simulated_is_in_the_outcome(admin_client, experiment):
    draft = make_experiment("draft", state="draft", planned_num_units=90_000)
    simulated(draft, parts=("aa",))
    (row,) = admin_client.get(url("simulation", draft)).context["earlier"]
    assert (row.chip.text, row.outcome) == ("Done", "a part could not be simulated")


def test_an_earlier_run_is_shown_on_demand(admin_client, experiment):
    first = simulated(experiment, parts=("power",))
    simulated(experiment, parts=("aa",))
    address = f"{url('simulation', experiment)}?run={first.pk}"
    latest = admin_client.get(url("simulation", experiment))
    assert address in latest.content.decode()
    assert [section.key for section in latest.context["page"].sections] == ["aa"]
    earlier = admin_client.get(address)
    assert [section.key for section in earlier.context["page"].sections] == ["power"]
    assert not earlier.context["is_latest"]
    assert "This is an earlier simulation. Show the latest" in text_of(earlier)
    assert "This is an earlier simulation" not in text_of(latest)


def test_the_newest_run_is_no_earlier_one_at_its_own_address(admin_client, experiment):
    simulated(experiment, parts=("power",))
    newest = simulated(experiment, parts=("aa",))
    simulation_runs.ask_for(experiment, Options())  # has no numbers yet
    response = admin_client.get(f"{url('simulation', experiment)}?run={newest.pk}")
    assert response.context["is_latest"]
    assert response.context["run"] == newest
    assert "This is an earlier simulation" not in text_of(response)


def test_dates_of_the_list_are_like_those_of_the_page(admin_client, experiment):
    simulated(experiment, parts=("aa",))
    text = text_of(admin_client.get(url("simulation", experiment)))
    at = date_format(timezone.localtime(NOW), "DATETIME_FORMAT")
    assert at.startswith("March 22, 2026")
    assert f"Simulated: {at} " in text
    assert f"Numbers {at} no account" in text


def test_a_run_that_is_not_there_is_not_found(admin_client, experiment):
    other = make_experiment("other", planned_num_units=600)
    run = simulated(other, parts=("aa",))
    asked = simulation_runs.ask_for(experiment, Options())
    for wanted in (run.pk, asked.pk, 999, "x", "", 10**30):
        response = admin_client.get(f"{url('simulation', experiment)}?run={wanted}")
        assert response.status_code == 404


def test_who_may_look_sees_the_list_and_earlier_runs_and_nobody_else(client, experiment):
    run = simulated(experiment, parts=("aa",))
    address = f"{url('simulation', experiment)}?run={run.pk}"
    assert client_of(client).get(address).status_code == 403
    User.objects.all().delete()
    response = client_of(client, "view_results").get(address)
    assert "Simulations so far" in text_of(response)


def test_only_the_newest_runs_are_listed(admin_client, experiment, monkeypatch):
    for _ in range(simulation_runs.NUM_RECENT + 2):
        simulation_runs.give_up(simulation_runs.ask_for(experiment, Options()).pk, error="x")
    response = admin_client.get(url("simulation", experiment))
    assert len(response.context["earlier"]) == simulation_runs.NUM_RECENT


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
    assert "Simulations so far" not in text


def test_who_may_only_look_is_told_who_can_start_one(client, experiment):
    text = text_of(client_of(client, "view_results").get(url("simulation", experiment)))
    assert "Somebody who may manage experiments can start one here" in text
    assert "Choose Simulate" not in text


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


def test_a_plan_that_is_too_small_to_start_is_said_with_one_that_works(admin_client):
    small = make_experiment("small", planned_num_units=10, state="draft")
    response = admin_client.post(
        url("simulate", small), {"traffic": "own", "num_runs": "500"}, follow=True
    )
    assert "Each variant needs 100 units" in text_of(response)
    assert "enter a planned sample of at least 266." in text_of(response)
    assert not SimulationRun.objects.exists()


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
    # The list goes with it: the chip there has this id.
    chip = f'<span id="simulation-chip-{asked.pk}"'
    assert f'{chip} hx-swap-oob="true">' in running.content.decode()
    assert "… Running" in text_of(running)
    page = admin_client.get(url("simulation", experiment)).content.decode()
    assert page.count(chip) == 1
    assert "hx-swap-oob" not in page
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
    # Session, user, experiment, the latest run that is done, the newest ones.
    with django_assert_num_queries(5):
        admin_client.get(url("simulation", experiment))


def test_the_page_speaks_chinese(admin_client, experiment):
    simulated(experiment)
    text = text_of(admin_client.get(url("simulation", experiment), headers=CHINESE))
    assert "误报" in text
    assert "到 600 位访客为止查看" in text
    assert "把过去的 600 位访客按计划比例" in text
    assert re.search(r"(?![年月])[一-鿿]\d", text[text.index("自有流量：") :]) is None
    for word in ("False alarms", "bandit", "replays", "Traffic", "Simulat"):
        assert word not in text
