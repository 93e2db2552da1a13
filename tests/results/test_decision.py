"""The rules: from comparisons, health and plan to one verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from abtesting.models import Experiment
from abtesting.results.decision import goal_verdict, guardrail_verdict, is_due, is_shown, verdict
from abtesting.results.report import (
    Comparison,
    FreshnessHealth,
    Health,
    Level,
    Looks,
    LookTaken,
    MetricReport,
    SampleHealth,
    SrmHealth,
)
from abtesting.statistics.types import Effect, Interval
from tests.builders import START

MANY = {"control": 5000, "b": 5000}


def effect(*, difference=0.1, p_value=0.01, lift_interval=(0.02, 0.2), alpha=0.05):
    return Effect(
        control_value=1.0,
        variant_value=1.0 + difference,
        difference=difference,
        standard_error=0.01,
        difference_interval=Interval(-1.0, 1.0),
        p_value=p_value,
        lift=difference,
        lift_interval=Interval(*lift_interval) if lift_interval else None,
        method="welch",
        boundary="fixed_horizon",
        alpha=alpha,
    )


def compared(variant, verdict, *, difference=0.1):
    has_result = verdict != "no_result"
    return Comparison(
        variant=variant,
        num_units=5000,
        numerator=1.0,
        denominator=2.0,
        value=0.5,
        verdict=verdict,
        confidence_level=0.95,
        difference=difference if has_result else None,
        lift=difference * 2 if has_result else None,
        lift_interval=(0.01, None) if has_result else None,
    )


def metric(*comparisons, key="conversion", role="goal", direction="increase"):
    return MetricReport(
        key=key,
        name=key,
        description="",
        role=role,
        kind="proportion",
        direction=direction,
        format="percent",
        unit_label="",
        margin=0.02 if role == "guardrail" else None,
        minimum_lift=None,
        control=Level(variant="control", num_units=5000, numerator=1, denominator=2, value=0.5),
        comparisons=comparisons,
    )


def guardrail(*comparisons, key="returns"):
    return metric(*comparisons, key=key, role="guardrail")


def judge(*metrics, planned=None, state="running", srm="ok", num_units=None, rule=None, looks=None):
    num_units = num_units or MANY
    total = sum(num_units.values())
    progress = total / planned if planned else None
    checks = Health(
        srm=SrmHealth(status=srm, p_value=0.4),
        sample=SampleHealth(
            status="ok",
            num_units=total,
            planned_num_units=planned,
            progress=progress,
            days_left=3,
        ),
        freshness=FreshnessHealth(
            status="ok", last_exposure_at=None, last_event_at=None, lag_seconds=None
        ),
    )
    experiment = Experiment(
        key="x",
        state=state,
        planned_num_units=planned,
        decision_rule=rule or ("fixed_horizon" if planned else "always_valid"),
    )
    is_complete = planned is not None and sum(num_units.values()) >= planned
    return verdict(
        experiment, metrics, checks, num_units=num_units, looks=looks, is_complete=is_complete
    )


def at_looks(*numbers, planned=20):
    return Looks(
        planned=planned,
        taken=tuple(
            LookTaken(
                number=number,
                num_units=number * 20_000 // planned,
                information=number / planned,
                taken_at=START,
            )
            for number in numbers
        ),
    )


BETTER, WORSE = compared("b", "better"), compared("b", "worse", difference=-0.1)
OPEN, EARLY = compared("b", "no_difference_yet"), compared("b", "too_early")
NOTHING = compared("b", "no_result")
SAFE, HARMED = compared("b", "safe"), compared("b", "harmed")
UNSURE = compared("b", "not_shown_safe")

VERDICTS = [
    ("ship", [metric(BETTER)], {}),
    ("ship", [metric(BETTER)], {"planned": 10_000}),
    ("ship", [metric(BETTER), guardrail(SAFE)], {}),
    ("ship", [metric(BETTER)], {"state": "stopped"}),
    ("keep_control", [metric(WORSE)], {}),
    ("keep_control", [metric(WORSE), guardrail(SAFE)], {}),
    ("keep_control", [metric(BETTER), guardrail(HARMED)], {}),
    ("keep_control", [metric(BETTER), guardrail(SAFE), guardrail(HARMED, key="errors")], {}),
    ("keep_control", [metric(BETTER), metric(WORSE, key="revenue")], {}),
    ("inconclusive_guardrail", [metric(BETTER), guardrail(UNSURE)], {}),
    ("inconclusive_guardrail", [metric(BETTER), guardrail(NOTHING)], {}),
    ("inconclusive_guardrail", [metric(BETTER), guardrail(SAFE), guardrail(UNSURE)], {}),
    ("no_difference", [metric(OPEN)], {"planned": 10_000}),
    ("no_difference", [metric(OPEN)], {"planned": 10_000, "state": "stopped"}),
    ("no_difference", [metric(OPEN)], {"state": "stopped"}),
    ("no_difference", [metric(OPEN)], {"state": "decided"}),
    ("no_difference", [metric(OPEN), metric(BETTER, role="secondary")], {"planned": 100}),
    ("keep_running", [metric(OPEN)], {}),
    ("keep_running", [metric(OPEN)], {"state": "paused"}),
    ("keep_running", [metric(EARLY)], {"planned": 10_001}),
    ("keep_running", [metric(EARLY), guardrail(UNSURE)], {"planned": 20_000}),
    ("keep_control", [metric(EARLY), guardrail(HARMED)], {"planned": 20_000}),
    ("keep_control", [metric(OPEN), guardrail(HARMED)], {}),
    ("stopped_early", [metric(EARLY)], {"planned": 10_001, "state": "stopped"}),
    ("stopped_early", [metric(EARLY)], {"planned": 10_001, "state": "decided"}),
    ("not_enough_data", [metric(NOTHING)], {}),
    ("not_enough_data", [metric(BETTER)], {"num_units": {"control": 99, "b": 5000}}),
    ("not_enough_data", [], {}),
    ("no_result", [metric(NOTHING)], {"planned": 10_000}),
    ("no_result", [metric(NOTHING), metric(NOTHING, key="revenue")], {"state": "stopped"}),
    ("no_result", [metric(BETTER)], {"num_units": {"control": 99, "b": 5}, "state": "stopped"}),
    ("no_result", [metric(EARLY)], {"num_units": {"control": 60, "b": 60}, "planned": 120}),
    ("no_difference", [metric(NOTHING), metric(OPEN, key="revenue")], {"planned": 10_000}),
    ("keep_control", [metric(NOTHING), guardrail(HARMED)], {"planned": 10_000}),
    ("not_enough_data", [metric(BETTER, role="secondary")], {}),
    ("ship", [metric(BETTER)], {"num_units": {"control": 100, "b": 100}}),
    ("invalid", [metric(BETTER), guardrail(SAFE)], {"srm": "bad"}),
    ("invalid", [metric(EARLY)], {"srm": "bad", "planned": 20_000}),
    ("invalid", [metric(NOTHING)], {"srm": "bad", "num_units": {"control": 0, "b": 50}}),
    ("ship", [metric(BETTER)], {"srm": "unknown"}),
]


@pytest.mark.parametrize(("code", "metrics", "options"), VERDICTS)
def test_each_situation_has_its_verdict(code, metrics, options):
    assert judge(*metrics, **options).code == code


WAITING = replace(NOTHING, reason={"code": "too_skewed", "detail": "…"})
NO_LOOK, SOME_LOOKS = at_looks(), at_looks(3, 9)
GROUP_SEQUENTIAL = [
    ("keep_running", [metric(EARLY)], {"looks": NO_LOOK}),
    ("not_enough_data", [metric(EARLY)], {"looks": NO_LOOK, "num_units": {"control": 9, "b": 9}}),
    ("keep_control", [metric(EARLY), guardrail(HARMED)], {"looks": NO_LOOK}),
    ("stopped_early", [metric(EARLY)], {"looks": NO_LOOK, "state": "stopped"}),
    ("ship", [metric(BETTER)], {"looks": SOME_LOOKS}),
    ("ship", [metric(BETTER)], {"looks": SOME_LOOKS, "state": "stopped"}),
    ("inconclusive_guardrail", [metric(BETTER), guardrail(UNSURE)], {"looks": SOME_LOOKS}),
    ("keep_control", [metric(WORSE)], {"looks": SOME_LOOKS}),
    ("keep_running", [metric(OPEN)], {"looks": SOME_LOOKS}),
    ("keep_control", [metric(OPEN), guardrail(HARMED)], {"looks": SOME_LOOKS}),
    ("stopped_early", [metric(OPEN)], {"looks": SOME_LOOKS, "state": "stopped"}),
    ("no_difference", [metric(OPEN)], {"looks": at_looks(20), "planned": 10_000}),
    ("keep_running", [metric(WAITING)], {"looks": SOME_LOOKS}),
    ("keep_control", [metric(WAITING), guardrail(HARMED)], {"looks": SOME_LOOKS}),
    ("not_enough_data", [metric(NOTHING)], {"looks": SOME_LOOKS}),
    ("no_result", [metric(WAITING)], {"looks": SOME_LOOKS, "state": "stopped"}),
    ("no_result", [metric(WAITING)], {"looks": at_looks(20), "planned": 10_000}),
    ("no_result", [metric(NOTHING)], {"looks": SOME_LOOKS, "state": "decided"}),
    ("no_difference", [metric(WAITING), metric(OPEN)], {"looks": at_looks(20), "planned": 10_000}),
    (
        "no_result",
        [metric(EARLY)],
        {"looks": NO_LOOK, "num_units": {"control": 9, "b": 9}, "planned": 18},
    ),
    ("invalid", [metric(BETTER)], {"looks": SOME_LOOKS, "srm": "bad"}),
]


@pytest.mark.parametrize(("code", "metrics", "options"), GROUP_SEQUENTIAL)
def test_each_situation_of_a_test_with_looks_has_its_verdict(code, metrics, options):
    options = {"planned": 20_000, "rule": "group_sequential", **options}
    assert judge(*metrics, **options).code == code


@pytest.mark.parametrize("rule", ["always_valid", "bayesian"])
def test_a_test_that_goes_on_after_its_plan_may_still_get_a_result(rule):
    assert judge(metric(NOTHING), planned=10_000, rule=rule).code == "not_enough_data"
    assert judge(metric(WAITING), planned=10_000, rule=rule).code == "keep_running"
    assert judge(metric(WAITING), planned=10_000, rule=rule, state="stopped").code == "no_result"


@pytest.mark.parametrize("rule", ["always_valid", "bayesian"])
def test_a_test_that_may_be_read_any_day_is_judged_before_its_plan_and_ends_with_it(rule):
    assert judge(metric(BETTER), planned=20_000, rule=rule).code == "ship"
    assert judge(metric(OPEN), planned=20_000, rule=rule).code == "keep_running"
    assert judge(metric(OPEN), planned=10_000, rule=rule).code == "no_difference"
    assert judge(metric(OPEN), planned=20_000, rule=rule, state="stopped").code == "no_difference"
    assert judge(metric(OPEN), rule=rule).code == "keep_running"


def test_what_the_goals_show_ends_the_looks():
    assert is_shown([metric(BETTER)])
    assert is_shown([metric(WORSE)])
    assert not is_shown([metric(OPEN), metric(BETTER, role="secondary")])
    assert not is_shown([metric(WORSE, compared("c", "no_difference_yet"))])


def test_a_winner_is_named_with_its_metric_and_interval():
    found = judge(metric(BETTER), guardrail(SAFE), planned=10_000)
    assert (found.variant, found.metric) == ("b", "conversion")
    assert (found.lift, found.lift_interval) == (0.2, (0.01, None))
    assert found.confidence_level == 0.95
    assert found.guardrails == "ok"
    assert found.progress == 1.0
    assert found.srm_p_value == 0.4


@pytest.mark.parametrize(
    ("comparisons", "words"),
    [
        ([], "none"),
        ([SAFE], "ok"),
        ([HARMED, SAFE], "failed"),
        ([HARMED, UNSURE], "failed"),
        ([SAFE, UNSURE], "unknown"),
        ([NOTHING], "unknown"),
    ],
)
def test_guardrails_are_summed_up_for_the_variant_that_wins(comparisons, words):
    rows = [guardrail(c, key=f"guardrail-{i}") for i, c in enumerate(comparisons)]
    assert judge(metric(BETTER), *rows).guardrails == words


def test_a_guardrail_of_another_variant_says_nothing_of_the_winner():
    goal = metric(compared("b", "better"), compared("c", "no_difference_yet"))
    safety = guardrail(compared("b", "safe"), compared("c", "harmed"))
    assert (judge(goal, safety).code, judge(goal, safety).guardrails) == ("ship", "ok")


def test_without_a_comparison_to_name_none_is_named():
    found = judge(metric(OPEN), planned=100)
    assert (found.variant, found.metric, found.lift, found.guardrails) == (None, None, None, "none")


def test_of_several_winners_the_one_with_the_largest_difference_ships():
    goal = metric(*(compared(v, "better", difference=d) for v, d in [("b", 0.1), ("c", 0.3)]))
    assert judge(goal).variant == "c"


def test_where_less_is_better_the_largest_fall_ships():
    found = [compared("b", "better", difference=-0.1), compared("c", "better", difference=-0.3)]
    assert judge(metric(*found, direction="decrease")).variant == "c"


def test_a_winner_that_is_safe_goes_before_a_larger_one_that_harms():
    goal = metric(*(compared(v, "better", difference=d) for v, d in [("b", 0.3), ("c", 0.1)]))
    safety = guardrail(compared("b", "harmed"), compared("c", "safe"))
    found = judge(goal, safety)
    assert (found.code, found.variant, found.guardrails) == ("ship", "c", "ok")


def test_a_winner_not_yet_shown_safe_goes_before_one_that_harms():
    goal = metric(*(compared(v, "better", difference=d) for v, d in [("b", 0.3), ("c", 0.1)]))
    safety = guardrail(compared("b", "harmed"), compared("c", "not_shown_safe"))
    found = judge(goal, safety)
    assert (found.code, found.variant) == ("inconclusive_guardrail", "c")


def test_a_variant_that_is_worse_in_one_goal_does_not_win_by_another():
    first = metric(compared("b", "better"), compared("c", "no_difference_yet"))
    second = metric(compared("b", "worse"), compared("c", "no_difference_yet"), key="revenue")
    assert judge(first, second, planned=100).code == "no_difference"


def test_the_first_goal_that_tells_is_named():
    first, second = metric(OPEN), metric(BETTER, key="revenue")
    assert judge(first, second).metric == "revenue"
    assert judge(metric(BETTER), second).metric == "conversion"


def test_the_control_is_kept_only_when_every_variant_is_worse():
    one_worse = metric(compared("b", "worse"), compared("c", "no_difference_yet"))
    all_worse = metric(compared("b", "worse"), compared("c", "worse"))
    assert judge(one_worse, planned=100).code == "no_difference"
    assert judge(all_worse, planned=100).code == "keep_control"


@pytest.mark.parametrize(
    ("planned", "is_complete", "due"), [(None, False, True), (100, False, False), (100, True, True)]
)
def test_a_plan_is_read_once_it_is_fulfilled(planned, is_complete, due):
    rule = "fixed_horizon" if planned else "always_valid"
    experiment = Experiment(planned_num_units=planned, decision_rule=rule)
    assert is_due(experiment, None, is_complete=is_complete) is due


@pytest.mark.parametrize(
    ("difference", "p_value", "direction", "expected"),
    [
        (0.1, 0.01, "increase", "better"),
        (-0.1, 0.01, "increase", "worse"),
        (0.1, 0.01, "decrease", "worse"),
        (-0.1, 0.01, "decrease", "better"),
        (0.1, 0.05, "increase", "no_difference_yet"),
        (0.1, 0.04, "increase", "better"),
        (-0.1, 0.5, "decrease", "no_difference_yet"),
    ],
)
def test_a_goal_is_judged_by_p_and_the_good_direction(difference, p_value, direction, expected):
    found = effect(difference=difference, p_value=p_value)
    assert goal_verdict(found, direction, due=True) == expected
    assert goal_verdict(found, direction, due=False) == "too_early"


@pytest.mark.parametrize(
    ("difference", "p_value", "chance", "expected"),
    [
        (0.1, 0.01, 0.99, "better"),
        (0.1, 0.01, 0.95, "better"),
        (0.1, 0.01, 0.94, "no_difference_yet"),
        (0.1, 0.06, 0.999, "no_difference_yet"),  # a high chance alone decides nothing
        (-0.1, 0.01, 0.01, "worse"),
        (-0.1, 0.01, 0.06, "no_difference_yet"),
        (-0.1, 0.06, 0.001, "no_difference_yet"),
    ],
)
def test_a_bayesian_goal_needs_chance_and_test(difference, p_value, chance, expected):
    found = effect(difference=difference, p_value=p_value)
    assert goal_verdict(found, "increase", due=True, chance_to_win=chance) == expected


@pytest.mark.parametrize(
    ("interval", "direction", "expected"),
    [
        ((-0.01, 0.05), "increase", "safe"),
        ((-0.02, 0.05), "increase", "not_shown_safe"),  # the margin itself is not excluded
        ((-0.05, 0.05), "increase", "not_shown_safe"),
        ((-0.05, -0.02), "increase", "not_shown_safe"),
        ((-0.05, -0.03), "increase", "harmed"),
        ((-0.05, 0.01), "decrease", "safe"),
        ((-0.05, 0.05), "decrease", "not_shown_safe"),
        ((0.03, 0.05), "decrease", "harmed"),
        ((float("-inf"), 0.0), "increase", "not_shown_safe"),
        ((-0.01, float("inf")), "increase", "safe"),
        ((-0.01, float("inf")), "decrease", "not_shown_safe"),
        (None, "increase", "not_shown_safe"),
    ],
)
def test_a_guardrail_is_safe_when_the_interval_leaves_its_margin_out(interval, direction, expected):
    assert guardrail_verdict(effect(lift_interval=interval), direction, 0.02) == expected
