"""Print docs/statistics_api.md, every public function and class of the statistics engine.

Run `python scripts/statistics_api.py > docs/statistics_api.md`; a test says when.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
from types import ModuleType

import abtesting.statistics

HEADER = """\
# The statistics engine, complete

Every public function and class, by module, with what it takes and gives.
[statistics.md](statistics.md) says which one answers a question. This page is printed by
`python scripts/statistics_api.py`.
"""


def modules() -> list[ModuleType]:
    """Return every module of the engine, by name."""
    path, prefix = abtesting.statistics.__path__, "abtesting.statistics."
    names = sorted(module.name for module in pkgutil.walk_packages(path, prefix))
    return [importlib.import_module(name) for name in names]


def public(module: ModuleType) -> dict[str, object]:
    """Return the functions and classes that a module defines, in its order."""
    return {
        name: thing
        for name, thing in vars(module).items()
        if not name.startswith("_")
        and (inspect.isfunction(thing) or inspect.isclass(thing))
        and thing.__module__ == module.__name__
    }


def page() -> str:
    """Return the whole page."""
    parts = [HEADER]
    for module in modules():
        entries = "\n".join(_entry(name, thing) for name, thing in public(module).items())
        if entries:
            parts.append(f"## `{module.__name__}`\n\n{_first_line(module)}\n\n{entries}\n")
    return "\n".join(parts)


def _entry(name: str, thing: object) -> str:
    if not inspect.isfunction(thing):
        return f"- class `{name}`: {_first_line(thing)}"
    # Annotations are text, which a signature puts in quotes.
    signature = re.sub(r"""(: |-> )(["'])(.*?)\2""", r"\1\3", str(inspect.signature(thing)))
    return f"- `{name}{signature}`: {_first_line(thing)}"


def _first_line(thing: object) -> str:
    return (inspect.getdoc(thing) or "").partition("\n\n")[0].replace("\n", " ")


if __name__ == "__main__":
    sys.stdout.write(page())
