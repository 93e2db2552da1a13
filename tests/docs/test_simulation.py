"""The commands of docs/simulation.md run, and its options exist."""

from __future__ import annotations

import io
import re
import shlex
from pathlib import Path

import pytest
from django.core.management import call_command

from tests.builders import make_experiment, make_metric
from tests.results.past import add_traffic

PAGE = (Path(__file__).parents[2] / "docs" / "simulation.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$ python manage\.py abtesting_simulate (.*)$", PAGE, re.MULTILINE)


@pytest.fixture
def shop(db):
    metric = make_metric("purchase-conversion")
    experiment = make_experiment("product-promise", metrics=[metric], planned_num_units=1000)
    add_traffic(experiment, 1000)


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_runs(command):
    out = io.StringIO()
    call_command("abtesting_simulate", *shlex.split(command), "--runs=20", stdout=out)
    assert "False alarms (aa)" in out.getvalue()
    assert "Not simulated" not in out.getvalue()


def test_each_option_is_one_of_the_command():
    assert len(COMMANDS) == 3
    from abtesting.management.commands.abtesting_simulate import Command

    known = Command().create_parser("manage.py", "abtesting_simulate")._option_string_actions
    named = set(re.findall(r"(?<![\w-])--\w+", PAGE))
    assert len(named) > 8
    assert named <= set(known)
