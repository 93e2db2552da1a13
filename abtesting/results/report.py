"""The frozen report of one analysis, and its JSON: the payload of a `ResultSnapshot`.

Rates and lifts are fractions; an unbounded end of an interval is null; words are chosen from the
codes when a page is rendered, so that a snapshot can be read in any language.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import asdict, dataclass
from typing import Any

SCHEMA_VERSION = 1

Ends = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantSummary:
    """A variant's part of the units."""

    key: str
    name: str
    is_control: bool
    num_units: int
    expected_share: float
    observed_share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A metric's value in one variant."""

    variant: str
    num_units: int
    numerator: float
    denominator: float
    value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison(Level):
    """A variant against the control.

    Without a result its numbers are None, and `reason` says why: {"code", "detail"}.
    """

    verdict: str
    confidence_level: float
    difference: float | None = None
    difference_interval: Ends | None = None
    standard_error: float | None = None
    p_value: float | None = None
    lift: float | None = None
    lift_interval: Ends | None = None
    method: str | None = None
    reason: dict[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricReport:
    """One metric: the control's value and each variant against it."""

    key: str
    name: str
    description: str
    role: str
    kind: str
    direction: str
    format: str
    unit_label: str
    margin: float | None
    minimum_lift: float | None
    control: Level
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A day of a cumulative series."""

    date: dt.date
    num_units: int
    lift: float | None
    lift_interval: Ends | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Cumulative lift of a metric in a variant, day by day."""

    metric: str
    variant: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The sentence of the page, as codes.

    Attributes:
        code: ship, keep_control, no_difference, inconclusive_guardrail, keep_running,
            stopped_early, not_enough_data or invalid.
        guardrails: ok, failed, unknown or none.
        progress: Share of the planned sample, None without a plan.
    """

    code: str
    variant: str | None = None
    metric: str | None = None
    lift: float | None = None
    lift_interval: Ends | None = None
    confidence_level: float | None = None
    guardrails: str = "none"
    progress: float | None = None
    days_left: int | None = None
    srm_p_value: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """How the numbers were made.

    Attributes:
        rule: fixed_horizon (decided once, at the planned sample), always_valid or imported.
        alpha: Error rate of the goal comparisons together.
        comparison_alpha: Level of each goal comparison.
    """

    rule: str
    alpha: float
    num_comparisons: int
    comparison_alpha: float
    correction: str
    engine_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One analysis."""

    computed_at: dt.datetime
    data_until: dt.datetime
    experiment: dict[str, Any]
    method: Method
    verdict: Verdict
    health: tuple[dict[str, Any], ...]
    variants: tuple[VariantSummary, ...]
    metrics: tuple[MetricReport, ...]
    series: tuple[Series, ...]
    exposures_by_day: tuple[dict[str, Any], ...]

    def as_payload(self) -> dict[str, Any]:
        """As JSON-able data: times in ISO 8601."""
        payload: dict[str, Any] = _plain(asdict(self))
        return {"schema_version": SCHEMA_VERSION, **payload}


def ends(lower: float, upper: float) -> Ends:
    """An interval's ends, None where it has none.

    >>> ends(-0.5, float("inf"))
    (-0.5, None)
    """
    return (
        lower if math.isfinite(lower) else None,
        upper if math.isfinite(upper) else None,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    return value
