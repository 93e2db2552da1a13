"""The examples of docs/statistics.md run, and the functions it names exist."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import abtesting.statistics

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"


def test_the_examples_run():
    found = doctest.testfile(str(PAGE), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert found.attempted > 10
    assert found.failed == 0


def public_names():
    path, prefix = abtesting.statistics.__path__, "abtesting.statistics."
    modules = [importlib.import_module(m.name) for m in pkgutil.walk_packages(path, prefix)]
    return {name for module in modules for name in vars(module)}


def test_every_function_in_the_table_exists():
    rows = [line.split("|") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    named = {name for row in rows[2:] for name in re.findall(r"`(\w+)`", row[3])}
    assert len(named) > 40
    assert named <= public_names()


def test_every_module_in_the_table_exists():
    rows = [line.split("|") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    for cells in rows[2:]:
        package = ""
        for name in re.findall(r"`([\w.*]+)`", cells[2]):
            full = package + name if name.startswith(".") else name
            package = full.rpartition(".")[0]
            importlib.import_module("abtesting.statistics." + full.removesuffix(".*"))
