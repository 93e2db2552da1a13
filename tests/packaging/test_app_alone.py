"""The app in a project that has nothing else of ours: its own templates have to be enough."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

VISIT_THE_ADMIN = """
import django
django.setup()
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

call_command("migrate", verbosity=0)
client = Client()
client.force_login(User.objects.create_superuser("admin", password="demo"))
models = [m for m in apps.get_app_config("abtesting").get_models() if admin.site.is_registered(m)]
for model in models:
    for page in ("changelist", "add"):
        url = reverse(f"admin:abtesting_{model._meta.model_name}_{page}")
        print(client.get(url).status_code, url)
"""


def run(*arguments: str) -> str:
    finished = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=ROOT,
        env={"PATH": "", "DJANGO_SETTINGS_MODULE": "tests.projects.no_shop"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def test_the_system_checks_find_nothing() -> None:
    assert "no issues" in run("-m", "django", "check", "--fail-level", "WARNING")


def test_every_admin_page_renders_with_the_apps_own_templates() -> None:
    pages = run("-c", VISIT_THE_ADMIN).splitlines()
    assert any("experiment" in page for page in pages)
    # 403: rows that only the app itself adds.
    assert {page.split()[0] for page in pages} <= {"200", "403"}
    assert all(page.startswith("200") for page in pages if page.endswith("experiment/add/"))
