"""The decision: comparisons + health + plan → one verdict. Pure rules, no numbers of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from abtesting.models import Experiment
from abtesting.results.report import Comparison, Health, Looks, MetricReport, Verdict
from abtesting.statistics.types import Effect

SURE_CHANCE = 0.95
"""Chance to win from which the Bayesian view agrees that a variant is better."""


def goal_verdict(
    effect: Effect, direction: str, *, due: bool, chance_to_win: float | None = None
) -> str:
    """better, worse or no_difference_yet; too_early while the rule does not allow a reading.

    Args:
        chance_to_win: Of a Bayesian test, which needs both: a chance alone, looked at often enough,
            always gets there.
    """
    if not due:
        return "too_early"
    if not effect.is_significant:
        return "no_difference_yet"
    is_better = (effect.difference > 0) == (direction == "increase")
    if chance_to_win is not None:
        chance = chance_to_win if is_better else 1 - chance_to_win
        if chance < SURE_CHANCE:
            return "no_difference_yet"
    return "better" if is_better else "worse"


def guardrail_verdict(effect: Effect, direction: str, margin: float) -> str:
    """Non-inferiority by the interval of the lift: safe, harmed or not_shown_safe.

    The interval holds the lifts that a test does not reject: of a mean or a ratio by the contrast
    `variant - (1 + lift) * control` (Fieller), of a rate by the score. So this is the test of a
    loss as large as the margin, at the boundary's level for both sides. At one look that is the
    one-sided test of non-inferiority at half that level, `compare_noninferiority` and
    `compare_noninferiority_of_proportions`; of few successes its exact form. `plan` says when a
    guardrail is read, and with which share of the error rate.
    """
    interval = effect.lift_interval
    if interval is None:
        return "not_shown_safe"
    lower, upper = interval.lower, interval.upper
    if direction == "decrease":
        lower, upper = -upper, -lower
    if lower > -margin:
        return "safe"
    return "harmed" if upper < -margin else "not_shown_safe"


def is_due(experiment: Experiment, looks: Looks | None, *, is_complete: bool) -> bool:
    """Whether the rule allows to read the goals now.

    Args:
        looks: Of a group-sequential test.
        is_complete: Whether there was a look at the planned sample.
    """
    if experiment.rule == "group_sequential":
        return looks is not None and bool(looks.taken)
    return experiment.rule != "fixed_horizon" or is_complete


def is_over(experiment: Experiment) -> bool:
    """Whether no more units are counted."""
    return experiment.state in (Experiment.State.STOPPED, Experiment.State.DECIDED)


def has_enough(experiment: Experiment, num_units: Mapping[str, int]) -> bool:
    """Whether each variant has the minimum; an imported test will get no more than it has."""
    is_imported = experiment.source == Experiment.Source.IMPORTED
    return is_imported or min(num_units.values(), default=0) >= experiment.criteria.minimum_units


def verdict(
    experiment: Experiment,
    metrics: Sequence[MetricReport],
    health: Health,
    *,
    num_units: Mapping[str, int],
    looks: Looks | None = None,
    is_complete: bool = False,
) -> Verdict:
    """The verdict of an experiment.

    Args:
        num_units: Counted units by variant.
        looks: Of a group-sequential test.
        is_complete: Whether there was a look at the planned sample.
    """

    def say(code: str, found: tuple[MetricReport, Comparison] | None = None) -> Verdict:
        metric, comparison = found or (None, None)
        return Verdict(
            code=code,
            variant=comparison.variant if comparison else None,
            metric=metric.key if metric else None,
            lift=comparison.lift if comparison else None,
            lift_interval=comparison.lift_interval if comparison else None,
            confidence_level=comparison.confidence_level if comparison else None,
            guardrails=_guardrails(metrics, comparison.variant) if comparison else "none",
            progress=health.sample.progress,
            days_left=health.sample.days_left,
            srm_p_value=health.srm.p_value,
        )

    goals = [metric for metric in metrics if metric.role == "goal"]
    if health.srm.status == "bad":
        return say("invalid")
    planned = experiment.planned_num_units
    is_full = planned is not None and sum(num_units.values()) >= planned
    # Where the plan is no end, more units may still give a result.
    has_ended = is_over(experiment) or (is_full and experiment.has_end)
    unread = "no_result" if has_ended else "not_enough_data"
    if not goals or not has_enough(experiment, num_units):
        return say(unread)
    due = is_due(experiment, looks, is_complete=is_complete)
    harm = _harm(metrics)
    if harm is not None and not due:
        return say("keep_control", harm)
    waits = "stopped_early" if is_over(experiment) else "keep_running"
    if looks is not None and not due:
        return say(waits)  # the goals are not read before the first look
    has_result = any(c.verdict != "no_result" for goal in goals for c in goal.comparisons)
    has_events = any(x.numerator for goal in goals for x in (goal.control, *goal.comparisons))
    if not (has_result and has_events):
        if harm:
            return say("keep_control", harm)
        return say("keep_running" if _all_wait(goals) and not has_ended else unread)
    if not due:
        return say(waits)
    is_complete = is_complete if experiment.has_end else is_full
    return say(*_judge(experiment, metrics, goals, is_complete=is_complete))


def is_shown(metrics: Sequence[MetricReport]) -> bool:
    """Whether the goals decide: a variant is better in one, or every variant worse in some."""
    goals = [metric for metric in metrics if metric.role == "goal"]
    return _best(metrics, goals) is not None or _worst(goals) is not None


def _judge(
    experiment: Experiment,
    metrics: Sequence[MetricReport],
    goals: Sequence[MetricReport],
    *,
    is_complete: bool,
) -> tuple[str, tuple[MetricReport, Comparison] | None]:
    """The code, and the comparison that it rests on, when the goals may be read."""
    winner = _best(metrics, goals)
    if winner is not None:
        guardrails = _guardrails(metrics, winner[1].variant)
        codes = {"failed": "keep_control", "unknown": "inconclusive_guardrail"}
        return codes.get(guardrails, "ship"), winner
    loser = _worst(goals) or _harm(metrics)
    if loser is not None:
        return "keep_control", loser
    if experiment.rule == "imported" or is_complete:
        return "no_difference", None
    # Without a plan there is no last look, but for the end of the test.
    if not is_over(experiment):
        return "keep_running", None
    return "stopped_early" if experiment.rule == "group_sequential" else "no_difference", None


def _all_wait(goals: Sequence[MetricReport]) -> bool:
    """Whether the values differ too much between units for any goal to be read yet."""
    reasons = [c.reason and c.reason["code"] for goal in goals for c in goal.comparisons]
    return bool(reasons) and all(code == "too_skewed" for code in reasons)


def _guardrails(metrics: Sequence[MetricReport], variant: str) -> str:
    found = [
        comparison.verdict
        for metric in metrics
        if metric.role == "guardrail"
        for comparison in metric.comparisons
        if comparison.variant == variant
    ]
    if not found:
        return "none"
    if "harmed" in found:
        return "failed"
    return "ok" if all(verdict == "safe" for verdict in found) else "unknown"


def _best(
    metrics: Sequence[MetricReport], goals: Sequence[MetricReport]
) -> tuple[MetricReport, Comparison] | None:
    """The winning comparison: no goal worse, one better, and guardrails as safe as can be had.

    Of several variants that are equally safe the one with the largest difference in the first goal
    that tells.
    """
    worse = {c.variant for goal in goals for c in goal.comparisons if c.verdict == "worse"}
    winners = [
        (goal, comparison)
        for goal in goals
        for comparison in goal.comparisons
        if comparison.verdict == "better" and comparison.variant not in worse
    ]

    def rank(found: tuple[MetricReport, Comparison]) -> tuple[int, int, float]:
        goal, comparison = found
        safety = {"failed": 2, "unknown": 1}.get(_guardrails(metrics, comparison.variant), 0)
        return safety, goals.index(goal), -abs(comparison.difference or 0.0)

    return min(winners, key=rank, default=None)


def _worst(goals: Sequence[MetricReport]) -> tuple[MetricReport, Comparison] | None:
    """A worse comparison, when every variant is worse in some goal."""
    variants = {c.variant for goal in goals for c in goal.comparisons}
    worse = [(g, c) for g in goals for c in g.comparisons if c.verdict == "worse"]
    return worse[0] if worse and {c.variant for _, c in worse} == variants else None


def _harm(metrics: Sequence[MetricReport]) -> tuple[MetricReport, Comparison] | None:
    """A comparison that shows harm, when every variant harms some guardrail."""
    variants = {c.variant for metric in metrics for c in metric.comparisons}
    harmed = [
        (metric, comparison)
        for metric in metrics
        for comparison in metric.comparisons
        if comparison.verdict == "harmed"
    ]
    return harmed[0] if harmed and {c.variant for _, c in harmed} == variants else None
