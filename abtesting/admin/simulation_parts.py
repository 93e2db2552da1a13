"""What the parts of the simulation page are made of, and the words that they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from abtesting.admin import formats
from abtesting.admin.plots import Plot
from abtesting.admin.sentences import Chip
from abtesting.results.simulation_report import assessment

Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Rates of one way to decide: its name, what it is, and what came out.

    Attributes:
        cells: (column, text); a narrow screen shows the column beside the text.
        chip: The same as a word, in the last column.
    """

    name: str
    caption: str
    cells: tuple[tuple[str, str], ...]
    chip: Chip


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Ways to decide beside each other: heads of the first and the last column, and the rows."""

    first: str
    last: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One part of a simulation.

    Attributes:
        warning: What in the table is not to be relied on, if anything.
        details: (word, what it means).
        reason: Why it was not simulated; then there is nothing else.
    """

    key: str
    title: str
    sentence: str = ""
    table: Table | None = None
    warning: str = ""
    details: tuple[tuple[str, str], ...] = ()
    plot: Plot | None = None
    reason: str = ""


def title(part: str) -> str:
    """What a part is called."""
    titles = {
        "aa": _("False alarms"),
        "power": _("What it can find"),
        "bandit": _("If a bandit split the traffic"),
    }
    return titles[part]


def promise(share: Mapping[str, float], alpha: float) -> Chip:
    """What a share of false alarms says about what was promised; see `assessment`."""
    allowed = {"alpha": formats.short_percent(alpha)}
    chips = {
        "holds": Chip(text=_("keeps to %(alpha)s") % allowed, symbol="✓", tone="good"),
        "consistent": Chip(
            text=_("consistent with %(alpha)s") % allowed, symbol="≈", tone="neutral"
        ),
        "exceeds": Chip(text=_("too many false alarms"), symbol="!", tone="warn"),
    }
    return chips[assessment(share, alpha)]


def share_text(value: float) -> str:
    """A share of runs, with one decimal; a small one keeps a digit that is not zero."""
    return formats.change(value, signed=False)


def named(payload: Payload, keys: Sequence[str]) -> str:
    """Names of variants."""
    names = {key: name for key, name, _weight in payload["variants"]}
    return ", ".join(names.get(key, key) for key in keys)


def metric_of(payload: Payload, part: Payload) -> Mapping[str, str]:
    """The goal that a part is about."""
    return next(metric for metric in payload["metrics"] if metric["key"] == part["metric"])
