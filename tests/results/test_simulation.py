"""Simulations: the rule errs as often as it says, on real traffic; reasons where there is none."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

from abtesting.exceptions import SimulationError
from abtesting.models import Experiment
from abtesting.results.simulation import Options, needed_units, simulate
from abtesting.results.simulation_report import (
    BanditRegret,
    FalseAlarms,
    PowerCurve,
    Share,
    Unavailable,
    assessment,
    upgraded,
)
from abtesting.results.trial import make_trial, plan_for, plan_of
from tests.builders import make_experiment, make_metric
from tests.results.past import NOW, add_traffic

pytestmark = pytest.mark.django_db


def run(plan, *parts, num_runs=400, **options):
    plan = plan_of(plan) if isinstance(plan, Experiment) else plan
    options = Options(parts=parts or ("aa",), num_runs=num_runs, **options)
    return simulate(plan, options, now=NOW)


@pytest.fixture
def planned():
    experiment = make_experiment(
        planned_num_units=1000, metrics=[("conversion", {"minimum_lift": 0.2})]
    )
    add_traffic(experiment, 1000)
    return experiment


def test_the_rule_keeps_its_error_on_past_traffic_and_peeking_does_not(planned):
    found = run(planned, num_runs=2000).aa
    assert isinstance(found, FalseAlarms)
    assert 0.035 < found.rule.value < 0.065
    assert 0.13 < found.peeking.value < 0.30
    assert found.rule.lower < found.rule.value < found.rule.upper
    assert (found.num_units, found.num_looks, found.is_daily) == (1000, 17, True)
    assert [units for units, _ in found.rule_by_units] == list(range(200, 1001, 50))
    assert found.rule_by_units[-1] == (1000, found.rule.value)
    assert found.num_peeks == len(found.peeking_by_units) == 12
    shares = [share for _, share in found.peeking_by_units]
    assert shares == sorted(shares)


@pytest.mark.parametrize(
    ("rule", "num_looks", "highest"),
    [("fixed_horizon", 1, 0.075), ("always_valid", 8, 0.06), ("bayesian", 8, 0.06)],
)
def test_every_rule_is_replayed_at_its_own_looks(rule, num_looks, highest):
    experiment = make_experiment(planned_num_units=2000, decision_rule=rule)
    add_traffic(experiment, 2000, num_days=14)
    found = run(experiment, num_runs=1000).aa
    assert found.rule.value < highest
    assert found.num_looks >= num_looks
    assert (found.num_looks == 1) == (rule == "fixed_horizon")
    assert found.num_peeks > 10


def test_several_goals_and_variants_are_split_alike_and_judged_together():
    experiment = make_experiment(
        variants=("control", "b", "c"),
        weights=(2, 1, 1),
        planned_num_units=1200,
        metrics=[
            "conversion",
            make_metric("revenue", kind="mean", aggregation="sum"),
            make_metric("orders-a-view", kind="ratio"),
            ("baskets", {"role": "secondary"}),
        ],
    )
    add_traffic(experiment, 1200)
    report = run(experiment, num_runs=1000)
    assert report.num_comparisons == 6
    assert report.aa.rule.value < 0.065
    assert report.aa.peeking.value > 0.2
    assert [metric["key"] for metric in report.metrics] == [
        "conversion",
        "revenue",
        "orders-a-view",
    ]


def test_too_little_traffic_is_a_reason_with_numbers(planned):
    Experiment.objects.filter(pk=planned.pk).update(planned_num_units=1500)
    planned.refresh_from_db()
    assert run(planned).aa == Unavailable(
        code="too_little_traffic",
        detail="there are 1000 past units; this rule needs 1500 to be replayed",
        num_units=1000,
        needed=1500,
    )


def test_without_a_plan_it_takes_twice_the_first_look():
    experiment = make_experiment(weights=(3, 1))
    assert needed_units(plan_of(experiment)) == 4000
    assert run(experiment).aa.needed == 4000


def test_a_started_test_is_judged_by_the_settings_of_its_start():
    criteria = {
        "alpha": 0.2,
        "minimum_units": 150,
        "tuned_num_units": 900,
        "prior_lift_sd": 0.01,
    }
    experiment = make_experiment(decision_rule="bayesian", **criteria)
    add_traffic(experiment, 2000)
    plan = plan_of(experiment)
    trial = make_trial(plan, 900, num_days=9)
    assert (trial.gate.prior_sd, trial.peeks[0]) == (0.01, 300)
    report = run(experiment, "aa", "power", num_runs=20)
    assert report.alpha == report.aa.alpha == 0.2
    assert report.power.num_units == 900
    few = make_experiment("few", unit="user", **criteria)
    assert run(few, "power").power.needed == 300


def test_a_draft_is_replayed_on_the_traffic_of_all_tests(planned):
    make_experiment("of-users", unit="user")
    other = make_experiment("other")
    add_traffic(other, 300, prefix="v")
    draft = make_experiment("draft", state="draft", planned_num_units=1200)
    report = run(draft)
    assert report.aa.num_units == 1200
    assert set(report.traffic.experiments) == {"test", "other"}
    assert report.traffic.num_units == 1300


def test_an_experiment_with_traffic_of_its_own_reads_no_other(planned):
    add_traffic(make_experiment("other"), 300, prefix="v")
    assert run(planned).traffic.experiments == ("test",)


def test_synthetic_traffic_has_the_moments_of_the_past():
    revenue = make_metric("revenue", kind="mean", aggregation="sum")
    orders = make_metric("orders", kind="mean")
    ratio = make_metric("orders-a-view", kind="ratio")
    experiment = make_experiment(
        planned_num_units=5000, metrics=["conversion", revenue, orders, ratio]
    )
    add_traffic(experiment, 600)
    names = {}
    for key in ("conversion", "revenue", "orders", "orders-a-view"):
        report = run(experiment, "aa", num_runs=50, traffic="synthetic", metric=key)
        names[key] = report.traffic.distribution
        own = run(experiment, "power", num_runs=1, metric=key).traffic.value
        assert report.traffic.value == pytest.approx(own)
        assert report.aa.num_units == 5000
        assert not report.aa.is_daily
    assert names == {
        "conversion": "conversions",
        "revenue": "revenue",
        "orders": "event_counts",
        "orders-a-view": "resampled",
    }


def test_a_shop_without_any_traffic_can_assume_a_rate():
    draft = make_experiment(state="draft", planned_num_units=2000)
    assert run(draft, "power").power.code == "too_little_traffic"
    report = run(draft, "aa", "power", traffic="synthetic", baseline=0.1)
    assert report.traffic.num_units == 0
    assert report.traffic.value == 0.1
    assert isinstance(report.power, PowerCurve)
    assert 0.02 < report.aa.rule.value < 0.09


def test_power_grows_with_the_lift_and_ends_sooner(planned):
    found = run(planned, "power", num_runs=800).power
    (curve,) = found.curves
    assert curve.variants == ("b",)
    lifts = [point.lift for point in curve.points]
    shares = [point.found.value for point in curve.points]
    assert lifts == sorted(lifts)
    assert lifts[0] == 0.0
    assert 0.2 in lifts
    assert shares[0] < 0.05
    assert curve.points[0].lost < 0.05
    assert shares[-1] > 0.97
    assert np.diff(shares).min() > -0.05
    assert curve.points[-1].sample_used < 0.6
    assert curve.points[0].sample_used > 0.9
    assert lifts[3] < curve.smallest_lift < lifts[-2]
    assert (found.num_units, found.num_looks, found.minimum_lift) == (1000, 17, 0.2)


def test_one_look_finds_the_detectable_lift_in_80_percent():
    experiment = make_experiment(planned_num_units=1000, decision_rule="fixed_horizon")
    add_traffic(experiment, 1000)
    (curve,) = run(experiment, "power", num_runs=2000).power.curves
    assert curve.points[4].found.value == pytest.approx(0.8, abs=0.07)
    assert curve.points[4].lift == pytest.approx(curve.smallest_lift, rel=0.15)
    assert {point.sample_used for point in curve.points} == {1.0}


def test_variants_of_one_weight_share_a_curve():
    experiment = make_experiment(variants=("control", "b", "c"), planned_num_units=600)
    add_traffic(experiment, 600)
    (curve,) = run(experiment, "power", num_runs=30).power.curves
    assert curve.variants == ("b", "c")


def test_each_weight_has_its_own_curve_and_more_units_find_more():
    experiment = make_experiment(
        variants=("control", "b", "c", "d"), weights=(4, 4, 1, 4), planned_num_units=2000
    )
    add_traffic(experiment, 2000)
    found = run(experiment, "power", num_runs=600).power
    large, small = found.curves
    assert (large.variants, small.variants) == (("b", "d"), ("c",))
    assert [p.lift for p in large.points] == [p.lift for p in small.points]
    for many, few in list(zip(large.points, small.points, strict=True))[2:6]:
        assert many.found.lower > few.found.value
    assert large.smallest_lift < small.smallest_lift


def test_where_less_is_better_lifts_go_down():
    returns = make_metric("returns", direction="decrease")
    experiment = make_experiment(planned_num_units=1000, metrics=[(returns, {"minimum_lift": 0.1})])
    add_traffic(experiment, 1000)
    report = run(experiment, "power", "bandit", num_runs=300)
    (curve,) = report.power.curves
    assert [p.lift for p in curve.points] == sorted((p.lift for p in curve.points), reverse=True)
    assert curve.smallest_lift < 0
    assert curve.points[-1].found.value > 0.9
    assert report.bandit.lift == -0.1
    assert 0 < report.bandit.bandit.regret < report.bandit.split.regret


def test_a_rate_does_not_grow_beyond_one():
    experiment = make_experiment(planned_num_units=300)
    add_traffic(experiment, 300, rate=0.95)
    (curve,) = run(experiment, "power", num_runs=20).power.curves
    assert max(p.lift for p in curve.points) < 0.1


def test_a_bandit_loses_less_and_proves_less(planned):
    found = run(planned, "bandit", num_runs=1000).bandit
    assert isinstance(found, BanditRegret)
    assert (found.metric, found.variant, found.lift, found.num_batches) == (
        *("conversion", "b", 0.2),
        15,
    )
    value = run(planned, "power", num_runs=1).traffic.value
    assert found.split.regret == pytest.approx(1000 * 0.5 * 0.2 * value, rel=0.02)
    assert found.bandit.regret < 0.9 * found.split.regret
    assert found.bandit.best_share > 0.55
    assert found.split.best_share == pytest.approx(0.5, abs=0.01)
    assert found.bandit.found.value < found.split.found.value
    for way in (found.bandit, found.split):
        assert way.false_alarms.value < 0.075
        assert way.best_picked.value > 0.8
        assert way.regret_by_units[-1] == (1000, way.regret)
        assert len(way.regret_by_units) == 15


def test_a_bandit_of_amounts_and_of_three_variants():
    revenue = make_metric("revenue", kind="mean", aggregation="sum")
    experiment = make_experiment(
        variants=("control", "b", "c"), planned_num_units=900, metrics=[revenue]
    )
    add_traffic(experiment, 900)
    found = run(experiment, "bandit", num_runs=200).bandit
    assert found.bandit.regret < found.split.regret
    assert found.lift > 0


def test_a_bandit_is_not_simulated_for_a_ratio():
    experiment = make_experiment(metrics=[make_metric("orders-a-view", kind="ratio")])
    assert run(experiment, "bandit").bandit.code == "not_for_ratios"


def test_a_metric_that_does_not_vary_is_a_reason():
    experiment = make_experiment(planned_num_units=400)
    add_traffic(experiment, 400, rate=0.0)
    report = run(experiment, "aa", "power", "bandit", num_runs=50)
    assert report.aa.rule.value == 0
    assert report.power.code == report.bandit.code == "no_variation"


def test_a_metric_without_an_experiment_is_simulated_on_the_shops_traffic(planned):
    revenue = make_metric("revenue", kind="mean", aggregation="sum")
    report = run(plan_for(revenue, planned_num_units=800), "aa", "power", num_runs=200)
    assert report.experiment is None
    assert report.rule == "group_sequential"
    assert report.aa.num_units == 800
    assert isinstance(report.power, PowerCurve)
    assert run(plan_for(revenue, planned_num_units=None)).rule == "always_valid"


def test_the_same_seed_gives_the_same_numbers_with_and_without_other_parts(planned):
    parts = ("aa", "power", "bandit")
    whole = run(planned, *parts, num_runs=100, seed=5)
    assert run(planned, *parts, num_runs=100, seed=5) == whole
    assert run(planned, "bandit", num_runs=100, seed=5).bandit == whole.bandit
    assert run(planned, *parts, num_runs=100, seed=6).aa.peeking != whole.aa.peeking


def test_progress_grows_to_one(planned):
    seen = []
    options = Options(num_runs=300)
    simulate(plan_of(planned), options, now=NOW, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) > 20


def test_the_payload_is_json_and_says_why_a_part_is_missing(planned):
    payload = run(planned, "aa", "bandit", num_runs=50).as_payload()
    assert json.loads(json.dumps(payload)) == json.loads(json.dumps(payload, allow_nan=False))
    assert payload["power"] is None
    assert payload["schema_version"] == 2
    draft = make_experiment("draft", state="draft", planned_num_units=99_999)
    reason = run(draft).as_payload()["aa"]["reason"]
    assert (reason["code"], reason["needed"]) == ("too_little_traffic", 99_999)


def test_queries_do_not_grow_with_the_traffic(planned, django_assert_num_queries):
    plan = plan_of(planned)
    # How many units of its own; the experiments; the units; the totals of the one goal.
    with django_assert_num_queries(4):
        simulate(plan, Options(num_runs=50), now=NOW)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parts": ()}, "parts are none"),
        ({"parts": ("aa", "ab")}, "parts are aa, ab; allowed: aa, power, bandit"),
        ({"num_runs": 0}, "runs are 0"),
        ({"seed": -1}, "seed is -1"),
        ({"traffic": "mine"}, "traffic is 'mine'; allowed: own, synthetic"),
        ({"baseline": 1.0, "traffic": "synthetic"}, "baseline is 1.0"),
        ({"baseline": 0.1}, "for synthetic traffic"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(SimulationError, match=message):
        Options(**options)


def test_what_cannot_be_simulated_is_said():
    with pytest.raises(SimulationError, match="has 1 variants"):
        plan_of(make_experiment("alone", variants=("control",), state="draft"))
    with pytest.raises(SimulationError, match="has no goal metric"):
        plan_of(make_experiment("aimless", metrics=()))
    with pytest.raises(SimulationError, match="'test' was imported"):
        run(make_experiment(source="imported"))
    with pytest.raises(SimulationError, match="'speed' is no goal of experiment 'two'"):
        run(make_experiment("two"), metric="speed")
    mean = make_experiment("three", metrics=[make_metric("orders", kind="mean")])
    with pytest.raises(SimulationError, match="metric 'orders' is a mean"):
        run(mean, traffic="synthetic", baseline=0.1)
    with pytest.raises(SimulationError, match="rule is 'sometimes'"):
        plan_for(make_metric(), planned_num_units=10, rule="sometimes")
    with pytest.raises(SimulationError, match="needs a planned sample"):
        plan_for(make_metric(), planned_num_units=None, rule="fixed_horizon")


def test_a_payload_of_before_has_one_curve_today(planned):
    payload = json.loads(json.dumps(run(planned, "power", num_runs=20).as_payload()))
    power = dict(payload["power"])
    (curve,) = power.pop("curves")
    old = {**power, "variant": "b", **{name: curve[name] for name in ("points", "smallest_lift")}}
    assert upgraded({**payload, "power": old})["power"]["curves"] == [curve]
    assert upgraded(payload) == payload
    del payload["traffic"]["baseline"]
    assert upgraded(payload)["traffic"]["baseline"] is None
    for nothing in (None, {"reason": {}}):
        assert upgraded({**payload, "power": nothing})["power"] == nothing


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "holds"), (80, "holds"), (81, "consistent"), (100, "consistent"), (121, "exceeds")],
)
def test_the_interval_decides_what_a_share_says_about_5_percent(count, said):
    assert assessment(asdict(Share.of(count, 2000)), 0.05) == said


def test_a_share_of_no_run_has_an_interval_too():
    share = Share.of(0, 100)
    assert (share.value, share.lower) == (0.0, 0.0)
    assert 0.03 < share.upper < 0.04
