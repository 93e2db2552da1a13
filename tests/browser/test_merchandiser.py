"""A merchandiser in the admin: creates a test, starts it, reads the result."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from playwright.sync_api import Page, expect

from abtesting.models import Experiment
from shopdemo.models import Category, Product

SHOPPER = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/142.0"}


@pytest.fixture
def merchandiser(live_server, transactional_db, page: Page, page_problems) -> Page:
    get_user_model().objects.create_superuser("mia", "mia@example.com", "demo")
    page_problems(page)
    page.goto(f"{live_server.url}/admin/")
    page.get_by_label("Username:").fill("mia")
    page.get_by_label("Password:").fill("demo")
    page.get_by_role("button", name="Log in").click()
    return page


def create_metric(page: Page, url: str) -> None:
    page.goto(f"{url}/admin/abtesting/metric/add/")
    page.get_by_label("Name:").press_sequentially("Orders")
    expect(page.get_by_label("Key:")).to_have_value("orders")
    page.get_by_label("Kind:").select_option("proportion")
    page.get_by_label("Event:", exact=True).fill("purchase")
    page.get_by_label("Format:").select_option("percent")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was added successfully")).to_be_visible()


def create_experiment(page: Page, url: str) -> None:
    page.goto(f"{url}/admin/abtesting/experiment/add/")
    page.get_by_label("Name:", exact=True).press_sequentially("Home headline")
    page.get_by_label("Hypothesis:").fill("A shorter headline is read by more people.")
    for row, (key, name, payload) in enumerate(
        [("control", "Today", "{}"), ("short", "Short", '{"headline": "Made to last"}')]
    ):
        page.locator(f"#id_variants-{row}-key").fill(key)
        page.locator(f"#id_variants-{row}-name").fill(name)
        page.locator(f"#id_variants-{row}-payload").fill(payload)
    page.locator("#id_variants-0-is_control").check()
    page.locator(".field-metric .select2-selection").first.click()
    page.get_by_role("option", name="Orders").click()
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("was added successfully")).to_be_visible()


def test_a_merchandiser_creates_starts_and_reads_a_test(merchandiser: Page, live_server):
    page, url = merchandiser, live_server.url
    create_metric(page, url)
    create_experiment(page, url)
    experiment = Experiment.objects.get(key="home-headline")
    assert experiment.state == "draft"

    page.get_by_role("link", name="Results").click()
    expect(page.get_by_text("A goal metric")).to_be_visible()
    page.goto(f"{url}/admin/abtesting/experiment/{experiment.pk}/change/")
    page.get_by_role("link", name="Start").click()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("Running").first).to_be_visible()

    shelf = Category.objects.create(name="Cups", slug="cups")
    Product.objects.create(
        sku="1",
        slug="cup",
        name="Cup",
        category=shelf,
        kind="mug",
        price=5,
        stock=3,
        description="A cup.",
        attributes={"colour": "moss"},
    )
    headlines = set()
    for _ in range(20):
        shown = Client(headers=SHOPPER).get("/").content.decode()
        headlines.add("Made to last" in shown)
    assert headlines == {True, False}

    page.goto(f"{url}{experiment.get_absolute_url()}")
    page.get_by_role("button", name="Refresh").click()
    expect(page.locator("#snapshot")).to_contain_text("20")
    expect(page.locator("h2", has_text="Goal")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").click()
    assert "orders" in download.value.path().read_text()

    page.goto(f"{url}/admin/abtesting/experiment/{experiment.pk}/change/")
    assert page.locator("#id_key").count() == 0  # what is compared is fixed
    page.get_by_role("link", name="Stop").click()
    page.get_by_label("Why:").fill("Only a rehearsal")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped").first).to_be_visible()
    assert experiment.audit_entries.get(action="stop").note == "Only a rehearsal"
