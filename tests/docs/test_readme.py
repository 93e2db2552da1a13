"""The README's “five minutes” are done here as written, in a fresh Django project."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"<!-- (append|write|run):? ?([^ ]*) ?-->\n```\w+\n(.*?)```", re.DOTALL)

SHOPPER = """
from django.test import Client

def shopper(number):
    browser = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64)", "host": "localhost"}
    client = Client(headers=browser)
    page = client.get("/mug/").content.decode()
    again = client.get("/mug/").content.decode()
    warm = "Yes, I want this mug" in page
    assert warm == ("The mug for slow mornings" in page) == ("Yes, I want this mug" in again)
    assert ("Add to basket" in page) != warm
    if number % 2:
        for _ in range(2):
            client.post("/buy/", {"order": number, "total": "12.50"})
    return warm

shown = [shopper(number) for number in range(60)]
assert 10 < sum(shown) < 50, shown
"""

RESULT = """
import json
from abtesting.models import Event, Exposure
from abtesting.results import snapshots
from abtesting.models import Experiment

assert Exposure.objects.count() == 60
assert Event.objects.filter(name="purchase").count() == 30
payload = snapshots.latest(Experiment.objects.get(key="buy-button")).payload
assert payload["method"]["rule"] == "group_sequential"
assert sum(variant["num_units"] for variant in payload["variants"]) == 60
so_far = payload["metrics"][0]["so_far"]
assert (so_far["num_units"], so_far["numerator"]) == (60, 30)
"""


class Project:
    """A project made by `startproject`, and the commands that are run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run("-m", "django", "startproject", "shop", ".")

    def run(self, *command: str, text: str | None = None) -> str:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("DJANGO")}
        result = subprocess.run(
            [sys.executable, *command],
            cwd=self.folder,
            env={**environment, "PYTHONPATH": str(ROOT)},
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def manage(self, *command: str) -> str:
        return self.run("manage.py", *command)

    def shell(self, text: str) -> str:
        return self.manage("shell", "--no-imports", "--command", text)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("readme"))


@pytest.mark.slow
def test_a_fresh_project_gets_a_result_by_following_the_readme(project: Project) -> None:
    blocks = BLOCK.findall(README)
    assert [kind for kind, _, _ in blocks] == [
        *("append", "append", "write", "write", "append", "run")
    ]
    for kind, name, text in blocks:
        path = project.folder / name
        if kind == "append":
            path.write_text(path.read_text() + "\n" + text)
        elif kind == "write":
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    project.manage("migrate", "--verbosity", "0")
    project.manage("check", "--fail-level", "ERROR")
    project.shell(blocks[-1][2])
    project.shell(SHOPPER)
    assert "buy-button: not_enough_data" in project.manage("abtesting_refresh")
    project.shell(RESULT)


@pytest.mark.parametrize(
    "name", sorted(set(re.findall(r"`((?:abtesting|shopdemo)/[\w/.]+?)`", README)))
)
def test_every_place_that_the_map_names_exists(name: str) -> None:
    assert (ROOT / name).exists()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`make (\w+)`", README))))
def test_every_make_target_that_the_readme_names_exists(target: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)
