"""Every kind of page, light and dark, wide and narrow: no violation, no overflow, accessible."""

from __future__ import annotations

import datetime as dt

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.utils import timezone
from playwright.sync_api import Browser, Page

from abtesting.models import Experiment
from abtesting.results import snapshots
from shopdemo.experiments import create_experiments
from shopdemo.models import Product
from shopdemo.shoppers.replay import arrivals, replay

# Django's own: breadcrumbs whose links only their colour tells, tables that scroll without focus.
NOT_OURS = {"exclude": [[".breadcrumbs"], [".inline-group"]]}

LOOKS = [("light", 1300), ("light", 400), ("dark", 1300), ("dark", 400)]


@pytest.fixture
def site(live_server, transactional_db) -> str:
    call_command("shopdemo_load", verbosity=0)
    start = timezone.now() - dt.timedelta(days=4)
    create_experiments(started_at=start)
    people = arrivals(num_visitors=30, start=start + dt.timedelta(hours=1), num_days=2, seed=1)
    assert all(replay(people, seed=1))
    snapshots.refresh(Experiment.objects.get(key="product-promise"))
    get_user_model().objects.create_superuser("mia", "mia@example.com", "demo")
    return live_server.url


def pages() -> dict[str, str]:
    experiment = Experiment.objects.get(key="product-promise")
    product = Product.objects.filter(stock__gt=5).first()
    own = f"/admin/abtesting/experiment/{experiment.pk}"
    return {
        "home": "/",
        "category": "/category/kitchen/",
        "product": product.get_absolute_url(),
        "search": "/search/?q=mug",
        "nothing found": "/search/?q=zeppelin",
        "basket": "/basket/",
        "login": "/account/login/",
        "sign-up": "/account/sign-up/",
        "missing": "/no-such-page/",
        "experiments": "/admin/abtesting/experiment/",
        "new experiment": "/admin/abtesting/experiment/add/",
        "experiment": f"{own}/change/",
        "results": f"{own}/results/",
        "stop": f"{own}/stop/confirm/",
    }


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_pages_are_clean_accessible_and_fit(site, browser: Browser, page_problems, scheme, width):
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    log_in = context.new_page()
    log_in.goto(f"{site}/admin/login/")
    log_in.get_by_label("Username:").fill("mia")
    log_in.get_by_label("Password:").fill("demo")
    log_in.get_by_role("button", name="Log in").click()
    # Watched without axe, whose own styles would be violations.
    watched, examined = context.new_page(), context.new_page()
    page_problems(watched, allow_status={404})
    found = {}
    for name, path in pages().items():
        watched.goto(site + path)
        wrong = serious_findings(examined, site + path)
        if watched.evaluate("document.documentElement.scrollWidth > innerWidth + 1"):
            wrong.append("wider than the window")
        if wrong:
            found[name] = wrong
    context.close()
    assert found == {}


def serious_findings(page: Page, url: str) -> list[str]:
    page.goto(url)
    return [
        f"{violation['id']}: {violation['nodes'][0]['html'][:120]}"
        for violation in Axe().run(page, context=NOT_OURS).response["violations"]
        if violation["impact"] in {"serious", "critical"}
    ]
