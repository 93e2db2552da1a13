"""Trials: the boundaries are those that the experiment itself is judged with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from abtesting.results.plan import Plan
from abtesting.results.report import LookTaken
from abtesting.results.trial import LONG_AGO, PlanTooSmallError, make_trial, plan_for, plan_of
from abtesting.statistics.boundaries import AlwaysValid, FixedHorizon
from abtesting.statistics.sequential.group_sequential import GroupSequentialLook
from tests.builders import make_experiment, make_metric

pytestmark = pytest.mark.django_db


def trial_of(num_units=1000, day_ends=(), num_days=None, **fields):
    experiment = make_experiment(**fields)
    return make_trial(plan_of(experiment), num_units, day_ends=day_ends, num_days=num_days)


def test_group_sequential_looks_are_those_of_the_plan_from_the_first_possible_on():
    trial = trial_of(planned_num_units=1000, planned_num_looks=10)
    assert trial.looks == tuple(range(200, 1001, 100))
    row = trial.goals[0]
    boundaries = trial.boundaries(row, [150, 200, 300])
    assert boundaries[0] is None
    taken = tuple(
        LookTaken(number=i, num_units=n, information=n / 1000, taken_at=LONG_AGO)
        for i, n in ((1, 200), (2, 300))
    )
    plan: Plan = replace(trial.plan, looks=taken)
    assert boundaries[2] == plan.boundary(row)
    assert isinstance(boundaries[2], GroupSequentialLook)
    assert boundaries[2].information == (0.2, 0.3)


def test_a_trial_smaller_than_the_first_look_is_read_at_its_end():
    assert trial_of(50, planned_num_units=1000).looks == (50,)


def test_one_look_at_the_end_of_a_fixed_horizon():
    trial = trial_of(planned_num_units=1000, decision_rule="fixed_horizon")
    assert trial.looks == (1000,)
    assert trial.boundaries(trial.goals[0], [500, 1000]) == [None, FixedHorizon(0.05)]


@pytest.mark.parametrize("rule", ["always_valid", "bayesian"])
def test_rules_for_any_day_look_every_day(rule):
    days = (100, 250, 300, 420, 600, 700, 900)
    trial = trial_of(900, day_ends=days, planned_num_units=4000, decision_rule=rule)
    assert trial.is_daily
    assert trial.looks == trial.peeks == (250, 300, 420, 600, 700, 900)
    assert trial.boundaries(trial.goals[0], [250]) == [AlwaysValid(0.05, 4000)]
    assert (trial.gate is not None) == (rule == "bayesian")


def test_where_days_are_not_known_the_looks_are_equal():
    assert trial_of(1400).peeks == tuple(range(200, 1401, 100))
    assert not trial_of(1400, key="two", day_ends=(700, 1400)).is_daily
    assert len(trial_of(7000, key="three", num_days=70).peeks) == 59
    assert trial_of(7000, key="four", num_days=1).peeks == tuple(range(1000, 7001, 1000))


def test_shares_are_those_of_the_weights_with_the_control_first():
    trial = trial_of(variants=("control", "b", "c"), weights=(2, 1, 1))
    assert trial.shares == (0.5, 0.25, 0.25)
    # The smallest variant has its hundred units at 400.
    assert trial.peeks[0] >= 400


@pytest.mark.parametrize("rule", ["", "group_sequential", "fixed_horizon"])
def test_a_plan_with_an_end_gives_each_variant_what_a_look_waits_for(rule):
    fields = {"weights": (9, 1), "state": "draft", "decision_rule": rule}
    assert plan_of(make_experiment("enough", planned_num_units=1459, **fields)).treatments
    with pytest.raises(PlanTooSmallError) as error:
        plan_of(make_experiment("small", planned_num_units=1458, **fields))
    assert (error.value.minimum, error.value.smallest) == (100, 1459)
    with pytest.raises(PlanTooSmallError, match="is 10; allowed: 266 and above, so that each"):
        plan_for(make_metric(), planned_num_units=10, rule=rule)


def test_a_rule_for_any_day_takes_any_plan():
    assert plan_for(make_metric(), planned_num_units=10, rule="always_valid").rows
