"""The frozen report of one analysis, and its JSON: the payload of a `ResultSnapshot`.

Rates and lifts are fractions; an unbounded end of an interval is null; words are chosen from the
codes when a page is rendered, so that a snapshot can be read in any language.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

SCHEMA_VERSION = 2

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
class Bayesian:
    """The Bayesian view of one comparison, all on the scale of the lift.

    Attributes:
        chance_to_win: Probability that the variant is better than the control.
        expected_loss: What choosing the variant costs on average where it is worse, of the
            control's value.
        lift: Mean of the posterior.
        lift_interval: Credible interval.
        level: Probability of the interval.
        prior_mean: Lift that was expected beforehand.
        prior_sd: Standard deviation of lifts beforehand.
    """

    chance_to_win: float
    expected_loss: float
    lift: float
    lift_interval: Ends
    level: float
    prior_mean: float
    prior_sd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """An effect corrected for the fact that looks along the way favour large estimates.

    Attributes:
        difference: Median-unbiased estimate: as often too high as too low.
        difference_interval: Interval that goes with it, at the level of the comparison.
        lift: The estimate relative to the control's value, whose own noise is allowed for
            (Fieller); None where it has none.
        lift_interval: Interval that goes with it.
        p_value: Stage-wise p-value.
    """

    difference: float
    difference_interval: Ends
    lift: float | None
    lift_interval: Ends | None
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison(Level):
    """A variant against the control.

    Without a result its numbers are None, and `reason` says why: {"code", "detail"}.

    Attributes:
        adjusted_p_value: p-value adjusted for the number of secondary metrics, of those only.
        warnings: Codes of what makes the result less certain than it looks.
        bayesian: The Bayesian view, None without one.
        corrected: Corrected for stopping early, once a group-sequential test has ended.
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
    adjusted_p_value: float | None = None
    warnings: tuple[str, ...] = ()
    bayesian: Bayesian | None = None
    corrected: Corrected | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricReport:
    """One metric: the control's value and each variant against it.

    Attributes:
        so_far: All variants together up to now, of a metric that was last read at a look, or not
            yet. It tells that data arrives, and nothing of which variant does better.
    """

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
    so_far: Level | None = None


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
class SrmHealth:
    """Whether units are split as planned; "bad" invalidates the results.

    Attributes:
        status: ok, bad or unknown.
        leaked_units: Units in variants that get no traffic.
        reason: Code of why nothing can be said yet.
        method: sequential (while the test runs: may be read at any time) or chi_square (once).
        variant: Where the split is furthest from the plan, if it is bad.
    """

    code: str = "srm"
    status: str
    p_value: float | None = None
    leaked_units: int = 0
    reason: str | None = None
    method: str | None = None
    variant: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleHealth:
    """How much of the planned sample is there.

    Attributes:
        progress: Share of the plan, None without one.
        days_left: About how many days are left at the pace so far, None when that is not known.
    """

    code: str = "sample"
    status: str
    num_units: int
    planned_num_units: int | None
    progress: float | None
    days_left: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshnessHealth:
    """Whether data still arrives."""

    code: str = "freshness"
    status: str
    last_exposure_at: dt.datetime | None
    last_event_at: dt.datetime | None
    lag_seconds: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The checks that outrank the numbers; a list in the payload, in this order."""

    srm: SrmHealth
    sample: SampleHealth
    freshness: FreshnessHealth


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentSummary:
    """The experiment as it was when it was analysed."""

    id: int
    key: str
    name: str
    hypothesis: str
    state: str
    unit: str
    source: str
    allocation: float
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    planned_num_units: int | None
    num_days: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayUnits:
    """New units of a day by variant."""

    date: dt.date
    num_units: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The sentence of the page, as codes.

    Attributes:
        code: ship, keep_control, no_difference, inconclusive_guardrail, keep_running,
            stopped_early, not_enough_data, no_result (it has ended, and no goal can be read) or
            invalid.
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
class LookTaken:
    """One reading of the goals.

    Attributes:
        number: Which of the planned looks.
        num_units: Units counted at it.
        information: The same as a share of the planned sample, by which the error rate is spent.
        correlations: Of each metric with the look before; see `metrics.correlations`. Where there
            is none, units tell how alike the two are.
    """

    number: int
    num_units: int
    information: float
    taken_at: dt.datetime
    correlations: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """When the goals of a group-sequential test are read.

    Attributes:
        planned: Planned number of looks.
        taken: Those taken so far, in order; missed ones are left out.
        next_at: Units at which the next one comes, None if there is none to come.
        is_new: Whether the last one was taken by this analysis.
        is_final: Whether no more looks come: a difference was shown, the plan is complete, or the
            test is over.
    """

    planned: int
    taken: tuple[LookTaken, ...] = ()
    next_at: int | None = None
    is_new: bool = False
    is_final: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """How the numbers were made.

    Attributes:
        rule: group_sequential (read at looks up to the planned sample), always_valid (any day),
            fixed_horizon (once, at the planned sample), bayesian (any day, with the odds beside) or
            imported.
        alpha: Error rate of the goal comparisons together.
        comparison_alpha: Level of each goal comparison.
        minimum_units: Units that each variant needs before anything is read.
        tuned_num_units: Units in both variants of a comparison at which what may be read on any
            day is sharpest.
        any_peek_error: How often the chance to win alone, read every day, would have called two
            equal variants different; of a Bayesian test only.
    """

    rule: str
    alpha: float
    num_comparisons: int
    comparison_alpha: float
    correction: str
    minimum_units: int
    tuned_num_units: int
    engine_version: str
    any_peek_error: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One analysis."""

    computed_at: dt.datetime
    data_until: dt.datetime
    experiment: ExperimentSummary
    method: Method
    looks: Looks | None
    verdict: Verdict
    health: Health
    variants: tuple[VariantSummary, ...]
    metrics: tuple[MetricReport, ...]
    series: tuple[Series, ...]
    exposures_by_day: tuple[DayUnits, ...]

    def as_payload(self) -> dict[str, Any]:
        """As JSON-able data: times in ISO 8601."""
        payload: dict[str, Any] = _plain(asdict(self))
        payload["health"] = list(payload["health"].values())
        return {"schema_version": SCHEMA_VERSION, **payload}


def upgraded(payload: Mapping[str, Any]) -> dict[str, Any]:
    """A payload of any schema so far as one of today's: what it did not know yet is None."""
    comparison: dict[str, Any] = {
        "adjusted_p_value": None,
        "warnings": [],
        "bayesian": None,
        "corrected": None,
    }

    def row_of_today(row: Mapping[str, Any]) -> dict[str, Any]:
        found = {**comparison, **row}
        if found["corrected"] is not None:
            found["corrected"] = {"lift_interval": None, **found["corrected"]}
        return found

    metrics = [
        {"so_far": None, **metric, "comparisons": [*map(row_of_today, metric["comparisons"])]}
        for metric in payload["metrics"]
    ]
    health = [
        {"method": None, "variant": None, **item} if item["code"] == "srm" else item
        for item in payload["health"]
    ]
    method = {"any_peek_error": None, "tuned_num_units": None, **payload["method"]}
    return {"looks": None, **payload, "method": method, "metrics": metrics, "health": health}


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
