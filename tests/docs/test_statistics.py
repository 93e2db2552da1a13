"""The examples of docs/statistics.md run; its table and docs/statistics_api.md are complete."""

from __future__ import annotations

import doctest
import importlib
import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "statistics.md"
API_PAGE = ROOT / "docs" / "statistics_api.md"
API = runpy.run_path(str(ROOT / "scripts" / "statistics_api.py"))


def test_the_examples_run():
    found = doctest.testfile(str(PAGE), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert found.attempted > 10
    assert found.failed == 0


def rows():
    """The table: module, and the names that it says to import from there."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    for line in lines[1:]:
        _, _, module, names, takes, _ = line.split("|")
        assert takes.strip()
        yield re.fullmatch(r" `([\w.]+)` ", module)[1], re.findall(r"`(\w+)`", names)


@pytest.mark.parametrize(("module", "names"), list(rows()))
def test_every_name_in_the_table_can_be_imported_from_where_it_says(module, names):
    assert names
    assert set(names) <= set(API["public"](importlib.import_module(module)))


def test_no_module_is_in_the_table_twice():
    modules = [module for module, _ in rows()]
    assert sorted(modules) == sorted(set(modules))


def test_the_list_of_everything_is_complete():
    assert API_PAGE.read_text() == API["page"](), (
        "run python scripts/statistics_api.py > docs/statistics_api.md"
    )


def test_every_entrance_to_the_engine_is_in_the_table():
    """What ends in a result, a plan or a reason why not is an entrance; the rest are its parts."""
    named = {(module, name) for module, names in rows() for name in names}
    entrances = {
        (module.__name__, name)
        for module in API["modules"]()
        for name, thing in API["public"](module).items()
        if "NotEnoughData" in str(getattr(thing, "__annotations__", {}).get("return"))
    }
    missing = {name for _, name in entrances - named}
    assert missing <= PARTS


PARTS = {
    "compare_numbers",
    "compare_proportions_by_score",
    "compare_with_margin",
    "estimate_both",
    "first_look",
    "mean_not_ready",
    "normal_mean",
    "ratio_not_ready",
    "too_skewed",
}
"""Steps that several comparisons share."""
