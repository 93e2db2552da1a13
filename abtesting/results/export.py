"""Exports of a snapshot: JSON as it is, CSV with one row per metric and variant."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

from abtesting.results.report import upgraded

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_COLUMNS = (
    "experiment",
    "computed_at",
    "rule",
    "alpha",
    "look_number",
    "num_looks",
    "is_final",
    "metric",
    "role",
    "kind",
    "variant",
    "is_control",
    "num_units",
    "numerator",
    "denominator",
    "value",
    "difference",
    "difference_lower",
    "difference_upper",
    "standard_error",
    "p_value",
    "lift",
    "lift_lower",
    "lift_upper",
    "confidence_level",
    "method",
    "verdict",
    "reason",
    "adjusted_p_value",
    "corrected_difference",
    "corrected_lower",
    "corrected_upper",
    "corrected_lift",
    "corrected_lift_lower",
    "corrected_lift_upper",
    "corrected_p_value",
    "chance_to_win",
    "expected_loss",
    "credible_lift",
    "credible_lower",
    "credible_upper",
    "credible_level",
    "warnings",
)


def to_json(payload: Mapping[str, Any]) -> str:
    """The payload, indented."""
    return json.dumps(payload, indent=2, ensure_ascii=False)


def to_csv(payload: Mapping[str, Any]) -> str:
    """The metrics as CSV; numbers unrounded, an unbounded or missing end is empty.

    Of a group-sequential test each row says which of the planned looks was the last one before this
    snapshot, and whether it was the last of all.
    """
    target = io.StringIO()
    writer = csv.DictWriter(target, _COLUMNS, restval="", extrasaction="ignore")
    writer.writeheader()
    payload = upgraded(payload)
    common = {
        "experiment": payload["experiment"]["key"],
        "computed_at": payload["computed_at"],
        "rule": payload["method"]["rule"],
        "alpha": payload["method"]["alpha"],
        **_look(payload["looks"]),
    }
    for metric in payload["metrics"]:
        about: dict[str, Any] = {
            **common,
            "metric": metric["key"],
            "role": metric["role"],
            "kind": metric["kind"],
        }
        writer.writerow(_row({**about, **metric["control"], "is_control": True}))
        for row in metric["comparisons"]:
            lower, upper = row["difference_interval"] or ("", "")
            lift_lower, lift_upper = row["lift_interval"] or ("", "")
            cells = {
                **about,
                **row,
                "is_control": False,
                "difference_lower": lower,
                "difference_upper": upper,
                "lift_lower": lift_lower,
                "lift_upper": lift_upper,
                "reason": (row["reason"] or {}).get("code", ""),
                "warnings": " ".join(row["warnings"]),
                **_odds(row["bayesian"]),
                **_corrected(row["corrected"]),
            }
            writer.writerow(_row(cells))
    return target.getvalue()


def _look(looks: Mapping[str, Any] | None) -> dict[str, Any]:
    if looks is None:
        return {}
    return {
        "look_number": looks["taken"][-1]["number"] if looks["taken"] else "",
        "num_looks": looks["planned"],
        "is_final": looks["is_final"],
    }


def _odds(found: Mapping[str, Any] | None) -> dict[str, Any]:
    if found is None:
        return {}
    lower, upper = found["lift_interval"]
    return {
        "chance_to_win": found["chance_to_win"],
        "expected_loss": found["expected_loss"],
        "credible_lift": found["lift"],
        "credible_lower": lower,
        "credible_upper": upper,
        "credible_level": found["level"],
    }


def _corrected(found: Mapping[str, Any] | None) -> dict[str, Any]:
    if found is None:
        return {}
    lower, upper = found["difference_interval"]
    lift_lower, lift_upper = found["lift_interval"] or ("", "")
    return {
        "corrected_difference": found["difference"],
        "corrected_lower": lower,
        "corrected_upper": upper,
        "corrected_lift": found["lift"],
        "corrected_lift_lower": lift_lower,
        "corrected_lift_upper": lift_upper,
        "corrected_p_value": found["p_value"],
    }


def _row(cells: Mapping[str, Any]) -> dict[str, Any]:
    """Text that a spreadsheet would run as a formula gets an apostrophe; numbers stay numbers."""
    return {
        name: f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
        for name, cell in cells.items()
    }
