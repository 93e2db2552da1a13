"""The analysis: moments → comparisons, health, verdict, as one frozen `Report`. Writes nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from abtesting import __version__
from abtesting.metrics.moments import ExperimentMoments, MomentsAt
from abtesting.metrics.sources import source_for
from abtesting.models import Experiment, Variant
from abtesting.results import decision, health, looks
from abtesting.results.comparisons import metric_reports, with_corrections
from abtesting.results.odds import peek_error
from abtesting.results.plan import Plan
from abtesting.results.report import (
    DayUnits,
    ExperimentSummary,
    Health,
    Looks,
    LookTaken,
    Method,
    MetricReport,
    Report,
    VariantSummary,
)
from abtesting.results.series import lift_series, units_by_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """An analysis, and the look it took.

    Attributes:
        known: The looks taken before.
        new: The look that this analysis is, to be stored with what it has read; None if it is none.
        read: Units and moments that the new look has read.
    """

    report: Report
    known: tuple[LookTaken, ...]
    new: LookTaken | None
    read: MomentsAt | None


def analyse(experiment: Experiment, *, now: dt.datetime) -> Report:
    """Analyse everything that happened before `now`, and before the experiment's end.

    After the end everybody sees the same: what they do then says nothing about the variants.

    Raises:
        ValueError: The experiment has no control.
    """
    return read(experiment, now=now).report


def read(experiment: Experiment, *, now: dt.datetime) -> Reading:
    """Analyse, and say whether this is a look of its own, for `snapshots` to store.

    The goals of a planned test are shown as its last look has read them: events that come later, or
    late, change them only at the next look.
    """
    variants = list(experiment.variants.all())
    taken, reads = looks.stored_looks(experiment)
    until = min(experiment.ended_at or now, now)
    moments = source_for(experiment).read(
        experiment, until=until, looked_at=taken[-1].taken_at if taken else None
    )
    num_units = moments.final.num_units
    plan = Plan(
        experiment=experiment,
        control=_control(experiment, variants),
        treatments=tuple(variant for variant in variants if not variant.is_control),
        rows=tuple(experiment.experiment_metrics.select_related("metric")),
        looks=taken,
        is_complete=bool(taken) and taken[-1].information >= 1,
    )
    new, summary, look = None, None, reads[-1] if reads else None
    if experiment.rule == "group_sequential":
        plan, summary, metrics, look, new = _read_look(plan, reads, moments, until=until)
    elif experiment.rule == "fixed_horizon":
        if not taken:
            new = looks.look_due(experiment, taken, moments, until=until)
        if new is not None:
            plan, look = replace(plan, looks=(new,), is_complete=True), moments.final
        metrics = metric_reports(
            plan,
            goals_at=look or moments.final,
            final=look,
            now=moments.final,
            due=look is not None,
        )
    else:
        due = decision.has_enough(experiment, num_units)
        metrics = metric_reports(plan, goals_at=moments.final, now=moments.final, due=due)
    units = units_by_day(moments)
    checks = _health(experiment, variants, moments, units, until=until)
    report = Report(
        computed_at=now,
        data_until=until,
        experiment=_summary(experiment, until=until),
        method=_method(plan, metrics, num_days=len(units)),
        looks=summary,
        verdict=decision.verdict(
            experiment,
            metrics,
            checks,
            num_units=num_units,
            looks=summary,
            is_complete=plan.is_complete,
        ),
        health=checks,
        variants=_variants(variants, num_units),
        metrics=metrics,
        series=lift_series(plan, moments, look=look),
        exposures_by_day=units,
    )
    return Reading(
        report=report, known=taken, new=new, read=moments.final if new is not None else None
    )


def _read_look(
    plan: Plan, reads: Sequence[MomentsAt], moments: ExperimentMoments, *, until: dt.datetime
) -> tuple[Plan, Looks, tuple[MetricReport, ...], MomentsAt | None, LookTaken | None]:
    """The goals as they were at the last look that counts for them, or as they are at a new one.

    What has been shown stays shown: looking on would only blur it. The look at the planned sample
    is taken all the same, for the guardrails, which have half of their error rate left for it.
    """
    experiment, now, taken = plan.experiment, moments.final, plan.looks
    full = reads[-1] if plan.is_complete else None

    def reports(plan: Plan, at: MomentsAt | None) -> tuple[MetricReport, ...]:
        return metric_reports(plan, goals_at=at, final=full, now=now, due=at is not None)

    look = reads[-1] if reads else None
    if full is not None and len(taken) > 1:
        before = replace(plan, looks=taken[:-1])
        if decision.is_shown(reports(before, reads[-2])):
            plan, look = before, reads[-2]
    metrics = reports(plan, look)
    is_shown = decision.is_shown(metrics)
    new = looks.look_due(experiment, taken, moments, until=until) if full is None else None
    if new is not None and is_shown and new.information < 1:
        new = None
    is_read = new is not None and not is_shown
    if new is not None:
        full = now if new.information >= 1 else None
        plan = replace(plan, is_complete=full is not None)
        if is_read:
            plan, look = replace(plan, looks=(*taken, new)), now
        metrics = reports(plan, look)
    is_final = decision.is_shown(metrics) or plan.is_complete or decision.is_over(experiment)
    if is_final and look is not None:
        metrics = with_corrections(plan, metrics, look)
    weights = [variant.weight for variant in (plan.control, *plan.treatments)]
    first = looks.first_units(weights, experiment.criteria.minimum_units)
    total = sum(now.num_units.values())
    next_at = None if is_final else looks.next_look_at(experiment, plan.looks, total, minimum=first)
    summary = Looks(
        planned=experiment.planned_num_looks,
        taken=plan.looks,
        next_at=next_at,
        is_new=is_read,
        is_final=is_final,
    )
    return plan, summary, metrics, look, new


def _control(experiment: Experiment, variants: list[Variant]) -> Variant:
    for variant in variants:
        if variant.is_control:
            return variant
    raise ValueError(f"experiment {experiment.key!r} has no control; allowed: exactly one")


def _health(
    experiment: Experiment,
    variants: Sequence[Variant],
    moments: ExperimentMoments,
    days: Sequence[DayUnits],
    *,
    until: dt.datetime,
) -> Health:
    num_units = moments.final.num_units
    is_over = decision.is_over(experiment)
    return Health(
        srm=health.srm_health(
            [num_units[variant.key] for variant in variants],
            [variant.weight for variant in variants],
            keys=[variant.key for variant in variants],
            days=()
            if is_over
            else [[day.num_units[variant.key] for variant in variants] for day in days],
        ),
        sample=health.sample_health(experiment, sum(num_units.values()), until=until),
        freshness=health.freshness_health(experiment, moments, until=until),
    )


def _method(plan: Plan, metrics: Sequence[MetricReport], *, num_days: int) -> Method:
    criteria, rule = plan.experiment.criteria, plan.experiment.rule
    error = None
    if rule == "bayesian":
        error = peek_error(metrics, num_days=num_days, prior_sd=criteria.prior_lift_sd)
    return Method(
        rule=rule,
        alpha=criteria.alpha,
        num_comparisons=plan.num_comparisons,
        comparison_alpha=criteria.alpha / plan.num_comparisons,
        correction="none" if plan.num_comparisons == 1 else "bonferroni",
        minimum_units=plan.min_units_per_arm,
        tuned_num_units=plan.tuned_num_units,
        engine_version=__version__,
        any_peek_error=error,
    )


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


def _variants(
    variants: Sequence[Variant], num_units: Mapping[str, int]
) -> tuple[VariantSummary, ...]:
    weights, total = sum(variant.weight for variant in variants), sum(num_units.values())
    return tuple(
        VariantSummary(
            key=variant.key,
            name=variant.name or variant.key,
            is_control=variant.is_control,
            num_units=num_units[variant.key],
            expected_share=variant.weight / weights,
            observed_share=num_units[variant.key] / total if total else None,
        )
        for variant in variants
    )
