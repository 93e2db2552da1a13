"""The simulation page: a run started there, watched while it is done, and read in every look."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth import get_user_model
from playwright.sync_api import Browser, BrowserContext, Page, expect

from abtesting import tasks
from abtesting.models import Experiment, SimulationRun
from abtesting.results import simulation_runs
from abtesting.results.simulation import Options
from abtesting.results.trial import plan_of
from tests.builders import make_experiment
from tests.results.past import add_traffic

LOOKS = [("light", 1280), ("light", 400), ("dark", 1280), ("dark", 400)]


@pytest.fixture
def experiment(live_server, transactional_db) -> Experiment:
    get_user_model().objects.create_superuser("mia", "mia@example.com", "demo")
    experiment = make_experiment(
        variants=("control", "benefit", "evidence"),
        weights=(2, 2, 1),
        planned_num_units=800,
        metrics=[("conversion", {"minimum_lift": 0.3})],
    )
    add_traffic(experiment, 800)
    return experiment


def log_in(page: Page, site: str) -> None:
    page.goto(f"{site}/admin/login/")
    page.get_by_label("Username:").fill("mia")
    page.get_by_label("Password:").fill("demo")
    page.get_by_role("button", name="Log in").click()


def path_of(experiment: Experiment) -> str:
    return f"/admin/abtesting/experiment/{experiment.pk}/simulation/"


def test_a_run_is_started_watched_and_read(
    experiment, live_server, page: Page, page_problems, monkeypatch
):
    page_problems(page)
    log_in(page, live_server.url)
    page.goto(live_server.url + path_of(experiment))
    expect(page.get_by_role("heading", name="Nothing simulated yet")).to_be_visible()

    asked: list[int] = []  # what the worker will take from the queue
    monkeypatch.setattr(tasks.simulate, "delay", asked.append)
    page.get_by_label("Runs:").select_option("500")
    page.get_by_role("button", name="Simulate").click()
    status = page.locator("#simulation-status")
    expect(status).to_contain_text("Waiting for a worker…")
    expect(page.locator(".ab-earlier tbody tr").first).to_contain_text("Queued")
    expect(page.get_by_role("button", name="Simulate")).to_have_count(0)

    rows = SimulationRun.objects.filter(pk=asked[0])
    rows.update(state="running", progress=0.37)
    expect(status).to_contain_text("Simulating: 37%", timeout=10_000)
    expect(status.locator("progress")).to_have_attribute("value", "37")
    listed = page.locator(".ab-earlier tbody tr").first
    expect(listed).to_contain_text("Running")
    expect(listed).not_to_contain_text("Queued")
    rows.update(progress=0.74)
    expect(status).to_contain_text("Simulating: 74%", timeout=10_000)

    rows.update(state="queued")
    simulation_runs.run(asked[0])
    for heading in ("False alarms", "What it can find", "If a bandit split the traffic"):
        expect(page.get_by_role("heading", name=heading)).to_be_visible(timeout=10_000)
    expect(page.get_by_text("of 500 replays of your own traffic")).to_be_visible()
    expect(page.locator("svg.ab-trend")).to_have_count(3)
    expect(status).to_be_empty()
    expect(page.get_by_role("row", name="mia")).to_contain_text("shown above")


def test_an_earlier_run_is_opened_from_the_list(experiment, live_server, page: Page, page_problems):
    for part in ("power", "aa"):
        options = Options(parts=(part,), num_runs=30)
        simulation_runs.simulate_and_store(plan_of(experiment), options)
    page_problems(page)
    log_in(page, live_server.url)
    page.goto(live_server.url + path_of(experiment))
    expect(page.get_by_role("heading", name="What it can find")).to_have_count(0)
    page.get_by_role("link", name="Show").click()
    expect(page.get_by_role("heading", name="What it can find")).to_be_visible()
    page.get_by_role("link", name="Show the latest").click()
    expect(page.get_by_role("heading", name="False alarms")).to_be_visible()


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_the_page_is_clean_accessible_and_fits(
    experiment, live_server, browser: Browser, page_problems, scheme, width
):
    simulation_runs.simulate_and_store(plan_of(experiment), Options(num_runs=60))
    failed = simulation_runs.ask_for(experiment, Options(num_runs=500))
    simulation_runs.give_up(failed.pk, error="the task queue cannot be reached")
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    log_in(context.new_page(), live_server.url)
    # Watched without axe, whose own styles would be violations.
    watched = context.new_page()
    page_problems(watched)
    watched.goto(live_server.url + path_of(experiment))
    assert not watched.evaluate("document.documentElement.scrollWidth > innerWidth + 1")
    lines = [watched.locator(f".ab-trend .ab-curve-{i}").first for i in (0, 1)]
    colours = [line.evaluate("line => getComputedStyle(line).stroke") for line in lines]
    assert len({*colours, "none"}) == 3
    for line in lines:
        box = line.bounding_box()
        assert box is not None
        assert box["width"] > width / 4
    watched.get_by_text("All numbers as a table").first.click()
    expect(watched.locator(".ab-data table").first).to_be_visible()
    assert serious_findings(context, live_server.url + path_of(experiment)) == []
    context.close()


def serious_findings(context: BrowserContext, url: str) -> list[str]:
    page = context.new_page()
    page.goto(url)
    # Breadcrumbs are Django's own: only their colour tells that they are links.
    found = Axe().run(page, context={"exclude": [[".breadcrumbs"]]}).response["violations"]
    return [
        f"{violation['id']}: {violation['nodes'][0]['html'][:120]}"
        for violation in found
        if violation["impact"] in {"serious", "critical"}
    ]
