"""The Bayesian view: its numbers against the normal model, its gate, and the error it prints."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from abtesting.results.analysis import analyse
from abtesting.results.odds import bayesian, peek_error
from abtesting.statistics.boundaries import FixedHorizon
from abtesting.statistics.moments import Counts
from abtesting.statistics.proportions import compare_proportions
from tests.builders import make_experiment, make_metric
from tests.results.test_analysis import NOW, convert, fill

pytestmark = pytest.mark.django_db


def payload_of(experiment):
    return analyse(experiment, now=NOW).as_payload()


def bayesian_test(control, b, *, num_units=1000, **fields):
    experiment = make_experiment(decision_rule="bayesian", **fields)
    convert(experiment, "control", num_units, control)
    convert(experiment, "b", num_units, b)
    return payload_of(experiment)


def only(payload):
    return payload["metrics"][0]["comparisons"][0]


def conversion(successes, num_units=2000):
    return compare_proportions(
        Counts(num_units=num_units, num_successes=200),
        Counts(num_units=num_units, num_successes=successes),
        boundary=FixedHorizon(0.05),
    )


def test_chance_risk_and_interval_are_those_of_a_normal_posterior():
    effect = conversion(230)
    found = bayesian(effect, "increase", prior_sd=0.3)
    lift = effect.difference / effect.control_value
    error = effect.standard_error / effect.control_value
    precision = 1 / error**2 + 1 / 0.3**2
    posterior = stats.norm(lift / error**2 / precision, math.sqrt(1 / precision))
    assert found.lift == pytest.approx(posterior.mean())
    assert found.lift_interval == pytest.approx(posterior.interval(0.95))
    assert found.chance_to_win == pytest.approx(posterior.sf(0))
    loss = posterior.expect(lambda x: max(-x, 0.0), lb=-1, ub=1, points=[0])
    assert found.expected_loss == pytest.approx(loss, rel=1e-4)
    assert (found.level, found.prior_mean, found.prior_sd) == (0.95, 0.0, 0.3)


def test_where_less_is_better_a_fall_is_likely_a_win():
    assert bayesian(conversion(170), "decrease", prior_sd=0.3).chance_to_win > 0.9
    assert bayesian(conversion(170), "increase", prior_sd=0.3).chance_to_win < 0.1


def test_a_narrow_prior_expects_less():
    wide, narrow = (bayesian(conversion(230), "increase", prior_sd=sd) for sd in (0.3, 0.01))
    assert 0 < narrow.lift < wide.lift / 5


def test_a_control_without_a_value_has_no_odds():
    effect = compare_proportions(
        Counts(num_units=2000, num_successes=0),
        Counts(num_units=2000, num_successes=30),
        boundary=FixedHorizon(0.05),
    )
    assert bayesian(effect, "increase", prior_sd=0.3) is None


def test_every_rule_has_the_odds_in_its_report():
    for rule in ("always_valid", "fixed_horizon", "group_sequential"):
        experiment = make_experiment(rule, decision_rule=rule, planned_num_units=2000)
        convert(experiment, "control", 1000, 100, prefix=rule)
        convert(experiment, "b", 1000, 120, prefix=rule)
        payload = payload_of(experiment)
        assert only(payload)["bayesian"]["chance_to_win"] == pytest.approx(0.9025, abs=1e-3)
        assert payload["method"]["any_peek_error"] is None


def test_a_high_chance_alone_is_no_winner():
    payload = bayesian_test(100, 130)
    found = only(payload)
    assert found["bayesian"]["chance_to_win"] > 0.97
    assert found["p_value"] > 0.05
    assert (found["verdict"], payload["verdict"]["code"]) == ("no_difference_yet", "keep_running")


def test_with_the_test_that_may_be_read_any_day_a_high_chance_wins():
    payload = bayesian_test(100, 200)
    found = only(payload)
    assert (found["verdict"], payload["verdict"]["code"]) == ("better", "ship")
    assert found["p_value"] < 0.05
    assert payload["method"]["rule"] == "bayesian"


def test_a_winner_of_the_test_alone_is_no_winner_either(settings):
    settings.ABTESTING = {"PRIOR_LIFT_SD": 0.001}  # somebody who believes in nothing
    payload = bayesian_test(100, 200)
    found = only(payload)
    assert found["p_value"] < 0.05
    assert found["bayesian"]["chance_to_win"] < 0.6
    assert (found["verdict"], payload["verdict"]["code"]) == ("no_difference_yet", "keep_running")


def test_the_error_of_reading_the_chance_every_day_is_in_the_report():
    error = bayesian_test(100, 110)["method"]["any_peek_error"]
    assert 0.1 < error < 0.3  # four days, either way


def test_the_error_grows_with_the_days():
    experiment = make_experiment(decision_rule="bayesian")
    convert(experiment, "control", 1000, 100)
    convert(experiment, "b", 1000, 110)
    metrics = analyse(experiment, now=NOW).metrics
    errors = [peek_error(metrics, num_days=days, prior_sd=0.3) for days in (1, 7, 28, 60, 500)]
    assert errors == sorted(errors)
    assert errors[0] < 0.1
    assert errors[2] > 0.15
    assert errors[3] == errors[4]


def test_without_a_result_there_is_no_error_to_print():
    experiment = make_experiment(decision_rule="bayesian")
    payload = payload_of(experiment)
    assert payload["method"]["any_peek_error"] is None
    assert payload["verdict"]["code"] == "not_enough_data"


def test_guardrails_of_a_bayesian_test_are_read_by_their_intervals():
    returns = make_metric("returns", event="return", direction="decrease")
    experiment = make_experiment(
        decision_rule="bayesian",
        metrics=["conversion", (returns, {"role": "guardrail", "margin": 0.05})],
    )
    sold, back = ("purchase", None), ("return", None)
    fill(experiment, "control", [[sold]] * 100 + [[back]] * 100 + [[]] * 800)
    fill(experiment, "b", [[sold]] * 200 + [[back]] * 400 + [[]] * 400)
    payload = payload_of(experiment)
    assert payload["metrics"][1]["comparisons"][0]["verdict"] == "harmed"
    assert payload["verdict"]["code"] == "keep_control"
