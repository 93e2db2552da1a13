from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtesting.statistics.bayesian.priors import NormalPrior
from abtesting.statistics.planning.assurance import plan_assurance
from abtesting.statistics.planning.duration import Traffic, detectable_by_duration, duration
from abtesting.statistics.planning.power_best import plan_best_variant
from abtesting.statistics.planning.power_equivalence import plan_equivalence_means
from abtesting.statistics.planning.power_families import plan_decision, plan_many_arms
from abtesting.statistics.planning.power_means import plan_means
from abtesting.statistics.planning.power_noninferiority import plan_noninferiority_means
from abtesting.statistics.planning.power_ranks import plan_ranks
from abtesting.statistics.planning.power_srm import plan_srm
from abtesting.statistics.planning.sequential_power import plan_sequential
from abtesting.statistics.sequential.sequential_designs import equal_looks, spending_design


def test_weekday_pattern_starts_with_the_first_day():
    traffic = Traffic.at_rate(100.0, weekday_weights=(4, 1, 1, 1, 1, 1, 1))
    assert traffic.daily(8) == pytest.approx((280, 70, 70, 70, 70, 70, 70, 280))


def test_growth_and_returning_units():
    traffic = Traffic.at_rate(100.0, weekly_growth=0.1, weekly_returning=0.3)
    daily = traffic.daily(15)
    assert daily[7] == pytest.approx(100 * 1.1 * 0.7)
    assert daily[14] == pytest.approx(100 * (1.1 * 0.7) ** 2)


def test_history_is_taken_as_it_was_and_continued():
    weekdays = [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0]
    history = [2 * number for number in weekdays] + weekdays
    traffic = Traffic.from_history(history)
    assert traffic.daily(14) == tuple(history)
    assert traffic.daily(21)[14:] == pytest.approx([number / 2 for number in weekdays])
    assert traffic.daily(28)[21:] == pytest.approx([number / 4 for number in weekdays])


def test_history_of_half_weeks_keeps_the_weekdays():
    weekdays = [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0]
    history = (weekdays * 3)[:17]
    assert Traffic.from_history(history).daily(21)[17:] == pytest.approx(weekdays[3:])


def test_growth_of_a_history_is_not_continued():
    traffic = Traffic.from_history([10.0] * 7 + [20.0] * 7)
    assert traffic.daily(30)[-1] == 20.0


def test_history_that_says_nothing():
    assert Traffic.from_history([5.0] * 13).code == "too_few_days"
    assert Traffic.from_history([5.0] * 7 + [0.0] * 7).code == "no_units"


@pytest.mark.parametrize(("needed", "days"), [(1, 1), (700, 7), (701, 8), (1400, 14)])
def test_duration_in_days_and_weeks(needed, days):
    traffic = Traffic.at_rate(100.0)
    assert duration(traffic, needed, whole_weeks=False).num_days == days
    whole = duration(traffic, needed)
    assert whole.num_days == math.ceil(days / 7) * 7
    assert whole.num_units == pytest.approx(100 * whole.num_days)
    assert whole.num_weeks == whole.num_days / 7


def test_traffic_that_dries_up_never_gets_there():
    traffic = Traffic.at_rate(100.0, weekly_returning=0.5)
    assert duration(traffic, 1_399.0).num_days > 7
    result = duration(traffic, 1_401.0)
    assert result.code == "too_little_traffic"
    assert "731 days" in result.detail


@given(
    rate=st.floats(1, 1e6),
    returning=st.floats(0, 0.5),
    share=st.floats(0.001, 0.99),
    whole_weeks=st.booleans(),
)
def test_duration_is_the_first_that_is_long_enough(rate, returning, share, whole_weeks):
    traffic = Traffic.at_rate(rate, weekly_returning=returning)
    needed = share * traffic.cumulative(56)
    result = duration(traffic, needed, whole_weeks=whole_weeks)
    assert result.num_units >= needed * (1 - 1e-9)
    shorter = result.num_days - (7 if whole_weeks else 1)
    if shorter > 0:
        assert traffic.cumulative(shorter) < needed


def test_a_share_of_the_traffic():
    traffic = Traffic.from_history([100.0] * 20)
    assert traffic.scaled(0.1).cumulative(40) == pytest.approx(0.1 * traffic.cumulative(40))


def test_longer_durations_find_smaller_effects():
    rows = detectable_by_duration(
        Traffic.at_rate(500.0, weekly_returning=0.1),
        lambda n: plan_means(variance=81.0, control_mean=5.0, num_units=n, power=0.8),
    )
    lifts = [row.plan.lift for row in rows]
    assert lifts == sorted(lifts, reverse=True)
    assert [row.num_days for row in rows] == [7, 14, 21, 28, 42, 56]
    assert rows[0].plan.exact_total == pytest.approx(rows[0].num_units)


def test_durations_without_units_are_left_out():
    traffic = Traffic(known_days=(0.0,) * 10, units_per_week=70.0)
    rows = detectable_by_duration(
        traffic, lambda n: plan_means(variance=1.0, num_units=n, power=0.8), num_days=(7, 14)
    )
    assert [row.num_days for row in rows] == [14]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Traffic.at_rate(-1.0), "units_per_day is -1"),
        (lambda: Traffic.at_rate(1.0, weekday_weights=(1, 2)), "weekday_weights are"),
        (lambda: Traffic.at_rate(1.0, weekday_weights=(0,) * 7), "at least one must be above 0"),
        (lambda: Traffic.at_rate(1.0, weekly_returning=1.0), "weekly_returning is 1.0"),
        (lambda: Traffic.at_rate(1.0, weekly_growth=-1.0), "weekly_growth is -1.0"),
        (lambda: Traffic(units_per_week=1.0, weekday_shares=(0.5, 0.5)), "weekday_shares are"),
        (lambda: Traffic(units_per_week=1.0, weekly_factor=-1.0), "weekly_factor is -1.0"),
        (lambda: Traffic(units_per_week=1.0, known_days=(math.nan,)), r"known_days\[0\] is nan"),
        (lambda: Traffic.from_history([1.0] * 14 + [-1.0]), r"new_units\[14\] is -1.0"),
        (lambda: Traffic.at_rate(1.0).scaled(0.0), "share is 0.0"),
        (lambda: Traffic.at_rate(1.0).daily(0), "num_days is 0"),
        (lambda: duration(Traffic.at_rate(1.0), 0.0), "num_units is 0.0"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()


PLANS = {
    "fixed": lambda: plan_means(variance=1.0, effect=0.1, power=0.8),
    "sequential": lambda: plan_sequential(
        spending_design(equal_looks(4), alpha=0.05), power=0.8, fixed_num_units=3_000
    ),
    "equivalence": lambda: plan_equivalence_means(variance=1.0, margin=0.1, power=0.8),
    "noninferiority": lambda: plan_noninferiority_means(variance=1.0, margin=0.1, power=0.8),
    "ranks": lambda: plan_ranks(probability=0.55, power=0.8),
    "srm": lambda: plan_srm(lost=0.1, power=0.8),
    "many arms": lambda: plan_many_arms(plan_means(variance=1.0, effect=0.1, power=0.8)),
    "best": lambda: plan_best_variant(3, variance=1.0, lead=0.1, power=0.8),
    "assurance": lambda: plan_assurance(NormalPrior(0.1, 0.1), variance=1.0, assurance=0.5),
    "decision": lambda: plan_decision(
        [lambda alpha, power: plan_means(variance=1.0, effect=0.1, power=power)], []
    ),
}


@pytest.mark.parametrize("make", PLANS.values(), ids=PLANS)
def test_every_plan_has_a_duration(make):
    plan = make()
    result = duration(Traffic.at_rate(100.0), plan, whole_weeks=False)
    assert result.num_days == math.ceil(plan.total_num_units / 100)
    assert result.needed_num_units == plan.total_num_units


def test_weekends_that_bring_most_units_may_decide_the_week():
    flat = Traffic.at_rate(100.0)
    weekends = Traffic.at_rate(100.0, weekday_weights=(1, 1, 1, 1, 1, 5, 5))
    assert duration(flat, 350, whole_weeks=False).num_days == 4
    assert duration(weekends, 350, whole_weeks=False).num_days == 6
    assert duration(flat, 350).num_days == duration(weekends, 350).num_days == 7


def test_units_of_the_last_day_are_watched_as_long_as_the_others():
    result = duration(Traffic.at_rate(100.0), 1_400, follow_up_days=10)
    assert (result.enrolment_days, result.num_days) == (14, 24)
    assert result.num_units == pytest.approx(1_400)


def test_at_most_so_many_weeks():
    assert duration(Traffic.at_rate(100.0), 2_900, max_days=28).code == "too_little_traffic"
    assert duration(Traffic.at_rate(100.0), 2_800, max_days=28).num_days == 28


@pytest.mark.parametrize("num_days", [1, 6, 7, 8, 20])
def test_a_ramp_holds_back_its_days_only(num_days):
    traffic = Traffic.at_rate(100.0, weekday_weights=(1, 2, 3, 4, 5, 6, 7), weekly_returning=0.2)
    full = traffic.daily(40)
    ramped = traffic.ramped([0.1] * num_days).daily(40)
    assert ramped[:num_days] == pytest.approx([0.1 * number for number in full[:num_days]])
    assert ramped[num_days:] == pytest.approx(full[num_days:])


def test_a_ramp_of_known_days():
    history = Traffic.from_history([float(day) for day in range(1, 18)])
    full, ramped = history.daily(30), history.ramped([0.5] * 20).daily(30)
    assert ramped == pytest.approx([n * (0.5 if day < 20 else 1) for day, n in enumerate(full)])
    assert history.ramped([]) == history


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Traffic.at_rate(1.0).ramped([0.5, 1.5]), r"shares\[1\] is 1.5"),
        (lambda: duration(Traffic.at_rate(1.0), 9, follow_up_days=-1), "follow_up_days is -1"),
        (lambda: duration(Traffic.at_rate(1.0), 9, max_days=0), "max_days is 0"),
        (lambda: duration(100.0, 9), "traffic is 100.0"),
        (lambda: detectable_by_duration(Traffic.at_rate(1.0), 9), "plan_of is 9"),
    ],
)
def test_bad_durations(make, message):
    with pytest.raises(ValueError, match=message):
        make()
