"""A shopper in a real browser: one variant on every page, a purchase, and the count of it."""

from __future__ import annotations

import re
import time

import pytest
from django.core.management import call_command
from playwright.sync_api import Browser, Page, expect

from abtesting.models import Event, Experiment, Exposure
from abtesting.results import snapshots
from shopdemo.experiments import create_experiments
from shopdemo.models import Order

PROMISE = ".buy-promise"
USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36"


@pytest.fixture
def shop(live_server, transactional_db) -> str:
    call_command("shopdemo_load", verbosity=0)
    create_experiments()
    return live_server.url


@pytest.fixture
def shopper(browser: Browser, page_problems):
    """Opens pages of shoppers, each with a browser profile of their own."""
    contexts = []

    def new(**options) -> Page:
        context = browser.new_context(user_agent=USER_AGENT, **options)
        contexts.append(context)
        page = context.new_page()
        page_problems(page)
        return page

    yield new
    for context in contexts:
        context.close()


def open_product(page: Page, shop: str, position: int = 0) -> None:
    page.goto(f"{shop}/category/kitchen/?in_stock=1")
    page.locator(".card-link").nth(position).click()
    page.wait_for_url("**/product/**")


def fill_address(page: Page) -> None:
    page.get_by_label("Email").fill("kim@example.com")
    page.get_by_label("Name", exact=True).fill("Kim Berg")
    page.get_by_label("Street and house number").fill("Mill Street 1")
    page.get_by_label("Postcode").fill("10115")
    page.get_by_label("Town or city").fill("Riverside")


def buy(page: Page, shop: str) -> None:
    page.get_by_role("button", name="Add to basket").click()
    page.goto(f"{shop}/basket/")
    page.get_by_role("link", name="Go to checkout").click()
    fill_address(page)
    page.get_by_role("button", name=re.compile("Order and pay")).click()
    page.wait_for_url("**/placed/")


def test_a_shopper_sees_one_variant_everywhere_and_the_purchase_is_in_the_result(shop, shopper):
    page = shopper()
    open_product(page, shop)
    seen = {page.locator(PROMISE).count()}
    for position in (1, 2, 0):
        open_product(page, shop, position)
        seen.add(page.locator(PROMISE).count())
        page.reload()
        seen.add(page.locator(PROMISE).count())
    page.get_by_role("button", name="Add to basket").click()
    expect(page.locator("#basket-count")).to_contain_text("1")
    seen.add(page.locator(PROMISE).count())
    assert len(seen) == 1
    variant = "promise" if seen == {1} else "control"

    page.reload()
    buy(page, shop)

    exposure = Exposure.objects.get(experiment__key="product-promise")
    assert exposure.variant.key == variant
    order = Order.objects.get()
    purchase = Event.objects.get(name="purchase")
    assert (purchase.visitor, purchase.value) == (exposure.unit, order.total)
    page.reload()
    assert Event.objects.filter(name="purchase").count() == 1

    experiment = Experiment.objects.get(key="product-promise")
    payload = snapshots.refresh(experiment).payload
    num_units = {row["key"]: row["num_units"] for row in payload["variants"]}
    assert (num_units[variant], sum(num_units.values())) == (1, 1)
    so_far = payload["metrics"][0]["so_far"]  # before the first look: all variants together
    assert (so_far["num_units"], so_far["numerator"]) == (1, 1)


def test_both_variants_are_seen_by_different_shoppers(shop, shopper):
    seen = set()
    for _ in range(12):
        page = shopper()
        open_product(page, shop)
        seen.add(page.locator(PROMISE).count())
        if len(seen) == 2:
            break
    assert seen == {0, 1}


def test_a_click_on_a_card_is_counted_once_for_the_visitor(shop, shopper):
    page = shopper()
    page.goto(f"{shop}/category/kitchen/")
    page.locator(".card-link").first.click()
    page.wait_for_url("**/product/**")
    # Sent while the page is left: what has become of it is seen in the table only.
    deadline = time.monotonic() + 20
    while not Event.objects.filter(name="card_click").exists() and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    click = Event.objects.get(name="card_click")
    assert click.visitor == Event.objects.filter(name="card_impression").first().visitor


def test_a_shopper_without_javascript_buys_too(shop, shopper):
    page = shopper(java_script_enabled=False)
    open_product(page, shop)
    page.get_by_role("button", name="Add to basket").click()
    page.wait_for_url("**/basket/")
    page.get_by_role("link", name="Go to checkout").click()
    fill_address(page)
    page.get_by_role("button", name=re.compile("Order and pay")).click()
    page.wait_for_url("**/placed/")
    assert Event.objects.filter(name="purchase").count() == 1


def test_search_suggests_while_typing(shop, shopper):
    page = shopper()
    page.goto(shop)
    page.get_by_role("searchbox").first.press_sequentially("teapot", delay=30)
    expect(page.locator("#suggestions")).to_contain_text("Teapot")
