"""The analysis: moments → comparisons, health, verdict, as one frozen `Report`. Writes nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from abtesting import __version__
from abtesting.conf import settings
from abtesting.metrics.moments import ExperimentMoments, MomentsAt, UnitMoments
from abtesting.metrics.sources import source_for
from abtesting.models import Experiment, ExperimentMetric, Metric, Variant
from abtesting.results import decision, health
from abtesting.results.report import (
    Comparison,
    DayUnits,
    ExperimentSummary,
    Health,
    Level,
    Method,
    MetricReport,
    Point,
    Report,
    Series,
    VariantSummary,
    ends,
)
from abtesting.statistics.boundaries import AlwaysValid, Boundary, FixedHorizon
from abtesting.statistics.means import compare_means
from abtesting.statistics.moments import Counts, Moments
from abtesting.statistics.proportions import compare_proportions
from abtesting.statistics.ratios import compare_ratios
from abtesting.statistics.types import Effect, NotEnoughData

_COMPARE = cast(
    "Mapping[str, Callable[..., Effect | NotEnoughData]]",
    {
        Metric.Kind.PROPORTION: compare_proportions,
        Metric.Kind.MEAN: compare_means,
        Metric.Kind.RATIO: compare_ratios,
    },
)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is compared, and how strictly."""

    experiment: Experiment
    control: Variant
    treatments: list[Variant]
    rows: list[ExperimentMetric]

    @property
    def rule(self) -> str:
        return decision.rule(self.experiment)

    @property
    def num_comparisons(self) -> int:
        goals = sum(row.role == ExperimentMetric.Role.GOAL for row in self.rows)
        return max(1, goals * len(self.treatments))

    def alpha(self, row: ExperimentMetric) -> float:
        """Goals share the error rate (Bonferroni), so that intervals and verdicts agree."""
        alpha: float = settings.ALPHA
        is_goal = row.role == ExperimentMetric.Role.GOAL
        return alpha / self.num_comparisons if is_goal else alpha

    def boundary(self, row: ExperimentMetric, *, due: bool) -> Boundary:
        planned = self.experiment.planned_num_units
        # Harm must not wait for the planned sample, and looking for it every day has its price.
        early_guardrail = row.role == ExperimentMetric.Role.GUARDRAIL and not due
        if self.rule == "always_valid" or early_guardrail:
            return AlwaysValid(self.alpha(row), planned or settings.TUNED_NUM_UNITS)
        return FixedHorizon(self.alpha(row))


def analyse(experiment: Experiment, *, now: dt.datetime) -> Report:
    """Analyse everything that happened before `now`, and before the experiment's end.

    After the end everybody sees the same: what they do then says nothing about the variants.

    Raises:
        ValueError: The experiment has no control.
    """
    variants = list(experiment.variants.all())
    plan = _Plan(
        experiment=experiment,
        control=_control(experiment, variants),
        treatments=[variant for variant in variants if not variant.is_control],
        rows=list(experiment.experiment_metrics.select_related("metric")),
    )
    until = min(experiment.ended_at or now, now)
    moments = source_for(experiment).read(experiment, until=until)
    num_units = dict(moments.final.num_units)
    total = sum(num_units.values())
    due = decision.is_due(experiment, total) and decision.has_enough(experiment, num_units)
    metrics = tuple(_metric_report(plan, row, moments.final, due=due) for row in plan.rows)
    checks = Health(
        srm=health.srm_health([num_units[v.key] for v in variants], [v.weight for v in variants]),
        sample=health.sample_health(experiment, total, until=until),
        freshness=health.freshness_health(experiment, moments, until=until),
    )
    weights = sum(variant.weight for variant in variants)
    return Report(
        computed_at=now,
        data_until=until,
        experiment=_summary(experiment, until=until),
        method=Method(
            rule=plan.rule,
            alpha=settings.ALPHA,
            num_comparisons=plan.num_comparisons,
            comparison_alpha=settings.ALPHA / plan.num_comparisons,
            correction="none" if plan.num_comparisons == 1 else "bonferroni",
            minimum_units=settings.MINIMUM_UNITS,
            engine_version=__version__,
        ),
        verdict=decision.verdict(experiment, metrics, checks, num_units=num_units),
        health=checks,
        variants=tuple(
            VariantSummary(
                key=variant.key,
                name=variant.name or variant.key,
                is_control=variant.is_control,
                num_units=num_units[variant.key],
                expected_share=variant.weight / weights,
                observed_share=num_units[variant.key] / total if total else None,
            )
            for variant in variants
        ),
        metrics=metrics,
        series=_series(plan, moments),
        exposures_by_day=_exposures_by_day(moments),
    )


def _control(experiment: Experiment, variants: list[Variant]) -> Variant:
    for variant in variants:
        if variant.is_control:
            return variant
    raise ValueError(f"experiment {experiment.key!r} has no control; allowed: exactly one")


def _summary(experiment: Experiment, *, until: dt.datetime) -> ExperimentSummary:
    started = experiment.started_at
    return ExperimentSummary(
        id=experiment.pk,
        key=experiment.key,
        name=experiment.name,
        hypothesis=experiment.hypothesis,
        state=experiment.state,
        unit=experiment.unit,
        source=experiment.source,
        allocation=experiment.allocation,
        started_at=started,
        ended_at=experiment.ended_at,
        planned_num_units=experiment.planned_num_units,
        num_days=max(1, (until.date() - started.date()).days + 1) if started else None,
    )


def _metric_report(plan: _Plan, row: ExperimentMetric, at: MomentsAt, *, due: bool) -> MetricReport:
    metric = row.metric
    moments = at.metrics.get(metric.key, {})
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
            _comparison(plan, row, variant, moments, due=due) for variant in plan.treatments
        ),
    )


def _effect(
    plan: _Plan,
    row: ExperimentMetric,
    variant: str,
    moments: Mapping[str, UnitMoments],
    *,
    due: bool,
) -> Effect | NotEnoughData:
    control, treated = moments.get(plan.control.key), moments.get(variant)
    if control is None or treated is None:
        return NotEnoughData(code="no_data", detail=f"there is no data of {row.metric.key}")
    return _COMPARE[row.metric.kind](control, treated, boundary=plan.boundary(row, due=due))


def _comparison(
    plan: _Plan,
    row: ExperimentMetric,
    variant: Variant,
    moments: Mapping[str, UnitMoments],
    *,
    due: bool,
) -> Comparison:
    effect = _effect(plan, row, variant.key, moments, due=due)
    level = _level(variant.key, moments.get(variant.key))
    confidence_level = 1 - plan.alpha(row)
    if isinstance(effect, NotEnoughData):
        reason = {"code": effect.code, "detail": effect.detail}
        return Comparison(
            **level, verdict="no_result", confidence_level=confidence_level, reason=reason
        )
    if row.role == ExperimentMetric.Role.GUARDRAIL:
        verdict = decision.guardrail_verdict(effect, row.metric.direction, row.margin or 0.0)
    else:
        verdict = decision.goal_verdict(effect, row.metric.direction, due=due)
    interval, lift_interval = effect.difference_interval, effect.lift_interval
    return Comparison(
        **level,
        verdict=verdict,
        confidence_level=confidence_level,
        difference=effect.difference,
        difference_interval=ends(interval.lower, interval.upper),
        standard_error=effect.standard_error,
        p_value=effect.p_value,
        lift=effect.lift,
        lift_interval=ends(lift_interval.lower, lift_interval.upper) if lift_interval else None,
        method=effect.method,
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


def _series(plan: _Plan, moments: ExperimentMoments) -> tuple[Series, ...]:
    return tuple(
        Series(
            metric=row.metric.key,
            variant=variant.key,
            points=tuple(_point(plan, row, variant.key, date, at) for date, at in moments.days),
        )
        for row in plan.rows
        for variant in plan.treatments
        if moments.days
    )


def _point(plan: _Plan, row: ExperimentMetric, variant: str, date: dt.date, at: MomentsAt) -> Point:
    # Every point as if it were the only look: a chart to watch, not a decision.
    effect = _effect(plan, row, variant, at.metrics.get(row.metric.key, {}), due=True)
    num_units = at.num_units[plan.control.key] + at.num_units[variant]
    if isinstance(effect, NotEnoughData) or effect.lift_interval is None:
        return Point(date=date, num_units=num_units, lift=None, lift_interval=None)
    interval = effect.lift_interval
    return Point(
        date=date,
        num_units=num_units,
        lift=effect.lift,
        lift_interval=ends(interval.lower, interval.upper),
    )


def _exposures_by_day(moments: ExperimentMoments) -> tuple[DayUnits, ...]:
    before: Mapping[str, int] = {}
    rows = []
    for date, at in moments.days:
        new = {key: count - before.get(key, 0) for key, count in at.num_units.items()}
        rows.append(DayUnits(date=date, num_units=new))
        before = at.num_units
    return tuple(rows)
