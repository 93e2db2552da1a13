"""Published experiments, from the counts and sums that their authors or their data give."""

from __future__ import annotations

import math

import pytest

from abtesting.statistics.boundaries import FixedHorizon
from abtesting.statistics.health.srm_exact import binomial_p_value
from abtesting.statistics.means import compare_means, satterthwaite
from abtesting.statistics.moments import Counts, Moments
from abtesting.statistics.proportions import compare_proportions
from abtesting.statistics.rates.score import score_statistic
from tests.known_answers import close, load

FIXED = FixedHorizon(0.05)


def published(case_id):
    return next(case for case in load("published") if case["id"] == case_id)


def pooled_z(x_c, n_c, x_t, n_t):
    """The score without its factor N / (N - 1), which the publications leave out."""
    total = n_c + n_t
    return score_statistic(x_c, n_c, x_t, n_t) * math.sqrt(total / (total - 1))


@pytest.mark.parametrize("variant", ["Mens E-Mail", "Womens E-Mail"])
def test_hillstrom_s_e_mail_test(variant):
    case = published("data-hillstrom")
    arms = [case["inputs"][name] for name in ("No E-Mail", variant)]
    expected = case["expected"][variant]
    for outcome, name in (("visits", "visit_diff"), ("conversions", "conv_diff")):
        counts = [Counts(num_units=arm["n"], num_successes=arm[outcome]) for arm in arms]
        effect = compare_proportions(*counts, boundary=FIXED)
        assert effect.difference == pytest.approx(expected[name], **close(case))
        assert effect.is_significant
    cents = [Moments.from_sums(arm["n"], [arm["cents"]], [[arm["cents_squared"]]]) for arm in arms]
    effect = compare_means(*cents, boundary=FIXED)
    interval = effect.difference_interval
    assert effect.difference / 100 == pytest.approx(expected["spend_diff"], **close(case))
    t = effect.difference / effect.standard_error
    assert t == pytest.approx(expected["spend_t"], **close(case))
    assert effect.p_value == pytest.approx(expected["spend_p"], **close(case))
    assert [interval.lower / 100, interval.upper / 100] == pytest.approx(
        expected["spend_ci"], **close(case)
    )
    shares = [moments.variance / moments.n / effect.standard_error**2 for moments in cents]
    df = satterthwaite(shares[0], cents[0].n - 1, shares[1], cents[1].n - 1)
    assert df == pytest.approx(expected["spend_df"], **close(case))


def test_the_starbucks_promotion():
    case = published("data-starbucks")
    inputs = case["inputs"]
    effect = compare_proportions(
        Counts(num_units=inputs["n_c"], num_successes=inputs["purch_c"]),
        Counts(num_units=inputs["n_t"], num_successes=inputs["purch_t"]),
        boundary=FIXED,
    )
    assert effect.difference == pytest.approx(case["expected"]["irr"], **close(case))
    # Ten a purchase less 0.15 a promotion, in total and not per customer.
    revenue = 10 * (effect.variant_value * inputs["n_t"] - effect.control_value * inputs["n_c"])
    assert revenue - 0.15 * inputs["n_t"] == pytest.approx(case["expected"]["nir"], **close(case))


def test_udacity_s_home_page():
    case = published("data-udacity-homepage")
    inputs, expected = case["inputs"], case["expected"]
    z = pooled_z(*(inputs[name] for name in ("x_c", "n_c", "x_t", "n_t")))
    assert z == pytest.approx(expected["z_pooled"], **close(case))
    greater = FixedHorizon(0.05, "greater")
    assert greater.p_value(z, 0, None) == pytest.approx(expected["p_one_sided"], **close(case))
    effect = compare_proportions(
        Counts(num_units=inputs["n_c"], num_successes=inputs["x_c"]),
        Counts(num_units=inputs["n_t"], num_successes=inputs["x_t"]),
        boundary=greater,
    )
    assert effect.difference == pytest.approx(expected["diff"], **close(case))
    assert effect.p_value == pytest.approx(expected["p_one_sided"], rel=1e-3)


def test_udacity_s_landing_page():
    case = published("data-udacity-landing")
    inputs, expected = case["inputs"], case["expected"]
    z = pooled_z(*(inputs[name] for name in ("x_c", "n_c", "x_t", "n_t")))
    assert -z == pytest.approx(expected["z_old_minus_new"], **close(case))
    p_value = FixedHorizon(0.05, "greater").p_value(z, 0, None)
    assert p_value == pytest.approx(expected["p_one_sided_new_greater"], **close(case))


@pytest.mark.parametrize(("outcome", "name"), [("enroll", "gross"), ("pay", "net")])
def test_udacity_s_free_trial_screener(outcome, name):
    case = published("data-udacity-screener")
    inputs, expected = case["inputs"], case["expected"]
    effect = compare_proportions(
        Counts(num_units=inputs["clicks_c"], num_successes=inputs[f"{outcome}_c"]),
        Counts(num_units=inputs["clicks_t"], num_successes=inputs[f"{outcome}_t"]),
        boundary=FIXED,
    )
    interval = effect.difference_interval
    assert effect.difference == pytest.approx(expected[f"{name}_diff"], **close(case))
    assert [interval.lower, interval.upper] == pytest.approx(expected[f"{name}_ci"], **close(case))
    # Days on which the experiment was ahead: 4 and 10 of 23.
    days = {"gross": 4, "net": 10}[name]
    sign_test = binomial_p_value(days, 23, share=0.5)
    assert sign_test == pytest.approx(expected[f"sign_test_{name}_p"], **close(case))
