"""Comparisons: from a metric's moments to its report, each variant against the control.

Secondary metrics explain and decide nothing, but ten of them show something by luck alone: their
p-values are adjusted together (Benjamini-Hochberg), and their intervals are as wide as that asks
for, so that the two agree: a boundary's p-value is the same at every level.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

from scipy import special

from abtesting.metrics.moments import MomentsAt, UnitMoments
from abtesting.models import ExperimentMetric, Metric, Variant
from abtesting.results import decision
from abtesting.results.odds import bayesian
from abtesting.results.plan import Plan
from abtesting.results.report import Comparison, Corrected, Ends, Level, MetricReport, ends
from abtesting.statistics.boundaries import Boundary
from abtesting.statistics.families.multiplicity import adjust
from abtesting.statistics.fieller import lift_interval
from abtesting.statistics.means import compare_means, estimate_mean
from abtesting.statistics.moments import Counts, Moments
from abtesting.statistics.proportions import compare_proportions
from abtesting.statistics.ratios import compare_ratios, estimate_ratio
from abtesting.statistics.sequential.stagewise import stagewise_inference
from abtesting.statistics.types import Effect, NotEnoughData

Role = ExperimentMetric.Role
Row = ExperimentMetric

_COMPARE = cast(
    "Mapping[str, Callable[..., Effect | NotEnoughData]]",
    {
        Metric.Kind.PROPORTION: compare_proportions,
        Metric.Kind.MEAN: compare_means,
        Metric.Kind.RATIO: compare_ratios,
    },
)


def metric_reports(
    plan: Plan,
    *,
    goals_at: MomentsAt | None,
    now: MomentsAt,
    due: bool,
    final: MomentsAt | None = None,
) -> tuple[MetricReport, ...]:
    """The report of each metric; see `with_corrections` for what a look that is the last one adds.

    Args:
        goals_at: What goals and secondary metrics are read from; None before the first look.
        now: What guardrails are read from until the plan is complete.
        final: What they are read from then: the look at the planned sample.
        due: Whether the rule allows to judge the goals.
    """
    secondary = [row for row in plan.rows if row.role == Role.SECONDARY]
    alpha, adjusted = _family(plan, secondary, goals_at) if goals_at else (None, {})
    reports = []
    for row in plan.rows:
        at = (final or now) if row.role == Role.GUARDRAIL else goals_at
        level = alpha if row.role == Role.SECONDARY else None
        report = _metric_report(plan, row, at, due=due, alpha=level, adjusted=adjusted)
        reports.append(report if at == now else replace(report, so_far=_so_far(row, now)))
    return tuple(reports)


def with_corrections(
    plan: Plan, metrics: Iterable[MetricReport], at: MomentsAt
) -> tuple[MetricReport, ...]:
    """The reports of a group-sequential test that looks no more, its goals corrected for that."""
    return tuple(
        replace(
            metric,
            comparisons=tuple(
                replace(found, corrected=corrected(plan, row, found.variant, at))
                for found in metric.comparisons
            ),
        )
        if row.role == Role.GOAL
        else metric
        for row, metric in zip(plan.rows, metrics, strict=True)
    )


def compare(
    plan: Plan, row: Row, variant: str, at: MomentsAt, boundary: Boundary
) -> Effect | NotEnoughData:
    """A variant against the control, as the statistics have it."""
    moments = at.metrics.get(row.metric.key, {})
    control, treated = moments.get(plan.control.key), moments.get(variant)
    if control is None or treated is None:
        return NotEnoughData(code="no_data", detail=f"there is no data of {row.metric.key}")
    return _COMPARE[row.metric.kind](control, treated, boundary=boundary)


def corrected(plan: Plan, row: Row, variant: str, at: MomentsAt) -> Corrected | None:
    """A goal's effect at the last look, corrected for the looks before; None while more may come.

    It takes for granted that no earlier look had shown this difference, which is so where one goal
    is compared in one variant: there the first look that shows it is the last.
    """
    look = plan.look(row)
    effect = compare(plan, row, variant, at, look)
    if isinstance(effect, NotEnoughData) or not effect.difference or not effect.p_value:
        return None
    # The z that was compared with the boundary: of a proportion it is the score's, which is not
    # quite the difference over its standard error.
    z = math.copysign(float(special.ndtri(effect.p_value / 2)), effect.difference)
    error = abs(effect.difference / z)
    found = stagewise_inference(effect.difference, error, design=look.design)
    if isinstance(found, NotEnoughData):
        return None
    interval = found.interval
    estimate: float | None = None
    lift_ends: Ends | None = None
    if effect.lift is not None:
        variance = _variance(row, at.metrics[row.metric.key][plan.control.key])

        def lift(difference: float) -> float:
            """The lift that is as many standard errors from what was observed."""
            distance = (effect.difference - difference) / error
            limits = lift_interval(
                control=effect.control_value,
                difference=effect.difference,
                standard_error=error,
                control_share=min(variance / error**2, 1.0),
                critical=abs(distance),
            )
            return limits.lower if distance > 0 else limits.upper

        estimate = ends(lift(found.estimate), math.inf)[0]
        lift_ends = ends(lift(interval.lower), lift(interval.upper))
    return Corrected(
        difference=found.estimate,
        difference_interval=ends(interval.lower, interval.upper),
        lift=estimate,
        lift_interval=lift_ends,
        p_value=found.p_value,
    )


def _variance(row: Row, control: UnitMoments) -> float:
    """Variance of the control's value."""
    if isinstance(control, Counts):
        rate = control.num_successes / control.num_units
        return rate * (1 - rate) / control.num_units
    estimate = estimate_ratio if row.metric.kind == Metric.Kind.RATIO else estimate_mean
    return estimate(control).variance


def _family(
    plan: Plan, rows: Iterable[Row], at: MomentsAt
) -> tuple[float | None, Mapping[tuple[str, str], float]]:
    """The level that the secondary comparisons share, and the adjusted p-value of each."""
    p_values = {}
    for row in rows:
        for variant in plan.treatments:
            effect = compare(plan, row, variant.key, at, plan.boundary(row))
            if isinstance(effect, Effect):
                p_values[row.metric.key, variant.key] = effect.p_value
    if not p_values:
        return None, {}
    adjusted = dict(zip(p_values, adjust(list(p_values.values()), method="bh"), strict=True))
    alpha = plan.experiment.criteria.alpha
    # Those that are shown are the ones below this level, so at it intervals and p-values agree.
    num_shown = sum(p < alpha for p in adjusted.values())
    return alpha * max(1, num_shown) / len(p_values), adjusted


def _metric_report(
    plan: Plan,
    row: Row,
    at: MomentsAt | None,
    *,
    due: bool,
    alpha: float | None,
    adjusted: Mapping[tuple[str, str], float],
) -> MetricReport:
    metric = row.metric
    moments = at.metrics.get(metric.key, {}) if at else {}
    return MetricReport(
        key=metric.key,
        name=metric.name,
        description=metric.description,
        role=row.role,
        kind=metric.kind,
        direction=metric.direction,
        format=metric.format,
        unit_label=metric.unit_label,
        margin=row.margin,
        minimum_lift=row.minimum_lift,
        control=Level(**_level(plan.control.key, moments.get(plan.control.key))),
        comparisons=tuple(
            _comparison(
                plan,
                row,
                variant,
                at,
                due=due,
                alpha=alpha,
                adjusted=adjusted.get((metric.key, variant.key)),
            )
            for variant in plan.treatments
        ),
    )


def _comparison(
    plan: Plan,
    row: Row,
    variant: Variant,
    at: MomentsAt | None,
    *,
    due: bool,
    alpha: float | None,
    adjusted: float | None,
) -> Comparison:
    confidence_level = 1 - (plan.alpha(row) if alpha is None else alpha)
    if at is None:
        level = _level(variant.key, None)
        reason = {"code": "before_first_look", "detail": "the first look has not been taken"}
        return Comparison(
            **level, verdict="too_early", confidence_level=confidence_level, reason=reason
        )
    level = _level(variant.key, at.metrics.get(row.metric.key, {}).get(variant.key))
    effect = compare(plan, row, variant.key, at, plan.boundary(row, alpha=alpha))
    if isinstance(effect, NotEnoughData):
        reason = {"code": effect.code, "detail": effect.detail}
        return Comparison(
            **level, verdict="no_result", confidence_level=confidence_level, reason=reason
        )
    posterior = bayesian(
        effect, row.metric.direction, prior_sd=plan.experiment.criteria.prior_lift_sd
    )
    if row.role == Role.GUARDRAIL:
        verdict = decision.guardrail_verdict(effect, row.metric.direction, row.margin or 0.0)
    else:
        gate = posterior if plan.experiment.rule == "bayesian" else None
        verdict = decision.goal_verdict(
            effect,
            row.metric.direction,
            due=due,
            chance_to_win=gate.chance_to_win if gate else None,
        )
    interval, of_lift = effect.difference_interval, effect.lift_interval
    return Comparison(
        **level,
        verdict=verdict,
        confidence_level=confidence_level,
        difference=effect.difference,
        difference_interval=ends(interval.lower, interval.upper),
        standard_error=effect.standard_error,
        p_value=effect.p_value,
        lift=effect.lift,
        lift_interval=ends(of_lift.lower, of_lift.upper) if of_lift else None,
        method=effect.method,
        adjusted_p_value=adjusted,
        warnings=effect.warnings,
        bayesian=posterior,
    )


def _so_far(row: Row, now: MomentsAt) -> Level:
    """All variants together, under no variant's name."""
    levels = [_level(variant, m) for variant, m in now.metrics.get(row.metric.key, {}).items()]
    num_units, numerator, denominator = (
        sum(level[name] for level in levels) for name in ("num_units", "numerator", "denominator")
    )
    return Level(
        variant="",
        num_units=num_units,
        numerator=round(numerator, 6),
        denominator=round(denominator, 6),
        value=numerator / denominator if denominator else None,
    )


def _level(variant: str, moments: UnitMoments | None) -> dict[str, Any]:
    """Value, numerator and denominator of a metric in one variant."""
    if isinstance(moments, Counts):
        num_units = moments.num_units
        numerator, denominator = float(moments.num_successes), float(num_units)
    elif isinstance(moments, Moments):
        num_units = moments.n
        # A total of amounts with six decimals, without the noise of mean times n.
        totals = [round(mean * num_units, 6) for mean in moments.means]
        numerator, denominator = totals[0], totals[1] if len(totals) > 1 else float(num_units)
    else:
        num_units, numerator, denominator = 0, 0.0, 0.0
    return {
        "variant": variant,
        "num_units": num_units,
        "numerator": numerator,
        "denominator": denominator,
        "value": numerator / denominator if denominator else None,
    }
