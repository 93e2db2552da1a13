from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from abtesting.statistics.boundaries import AlwaysValid, FixedHorizon
from abtesting.statistics.health.balance import check_balance
from abtesting.statistics.moments import Moments
from abtesting.statistics.types import NotEnoughData

FIXED = FixedHorizon(0.05)
NAMES = ["orders", "revenue", "visits"]


def draw(rng, n, *, shift=0.0, columns=3):
    mixing = np.array([[1.0, 0.0, 0.0], [0.8, 5.0, 0.0], [0.3, -2.0, 9.0]])[:columns, :columns]
    return rng.standard_normal((n, columns)) @ mixing.T + shift


def check(control, variant, *, boundary=FIXED, names=None):
    return check_balance(
        Moments.from_array(control),
        Moments.from_array(variant),
        names=names or NAMES[: np.shape(control)[1]],
        boundary=boundary,
    )


def test_one_covariate_is_the_test_of_welch():
    rng = np.random.default_rng(1)
    control, variant = draw(rng, 20, columns=1), draw(rng, 9, columns=1, shift=0.7)
    result = check(control, variant)
    expected = stats.ttest_ind(variant[:, 0], control[:, 0], equal_var=False)
    assert result.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert result.covariates[0].effect.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert result.covariates[0].adjusted_p_value == result.covariates[0].effect.p_value


def test_the_joint_statistic_is_hotellings():
    rng = np.random.default_rng(2)
    control, variant = draw(rng, 300), draw(rng, 200, shift=0.2)
    difference = variant.mean(axis=0) - control.mean(axis=0)
    covariance = np.cov(control.T) / 300 + np.cov(variant.T) / 200
    result = check(control, variant)
    assert result.statistic == pytest.approx(difference @ np.linalg.solve(covariance, difference))
    assert (result.df, result.method) == (3, "hotelling")
    assert result.p_value == pytest.approx(stats.chi2.sf(result.statistic, 3), rel=0.15)
    assert result.p_value > stats.chi2.sf(result.statistic, 3)


def test_single_covariates_are_adjusted_by_holm():
    rng = np.random.default_rng(3)
    result = check(draw(rng, 50), draw(rng, 50) + np.array([0.0, 4.0, 0.0]))
    revenue = result.covariates[1]
    assert revenue.name == "revenue"
    assert revenue.adjusted_p_value == pytest.approx(3 * revenue.effect.p_value)
    assert revenue.standardised_difference == pytest.approx(0.8, abs=0.4)
    assert not result.is_balanced


def test_units_of_measurement_and_the_order_of_the_arms_play_no_part():
    rng = np.random.default_rng(4)
    control, variant = draw(rng, 40), draw(rng, 60)
    scale = np.array([1e-6, 1.0, 1e8])
    first, second = check(control, variant), check(variant * scale, control * scale)
    assert first.statistic == pytest.approx(second.statistic)
    assert first.p_value == pytest.approx(second.p_value)


def test_a_covariate_that_repeats_others_adds_nothing():
    rng = np.random.default_rng(5)
    control, variant = draw(rng, 90, columns=2), draw(rng, 80, columns=2)
    repeated = [np.column_stack([arm, arm[:, 0] - 3 * arm[:, 1]]) for arm in (control, variant)]
    first, second = check(control, variant), check(*repeated)
    assert second.df == 2
    assert second.p_value == pytest.approx(first.p_value, rel=1e-6)


def test_a_constant_covariate_is_left_out_with_its_reason():
    rng = np.random.default_rng(6)
    control, variant = draw(rng, 30, columns=2), draw(rng, 30, columns=2)
    control[:, 1] = variant[:, 1] = 4.0
    result = check(control, variant)
    assert result.covariates[1].effect.code == "zero_variance"
    assert result.covariates[1].adjusted_p_value is None
    assert result.df == 1
    nothing = check(control[:, 1:], variant[:, 1:])
    assert isinstance(nothing, NotEnoughData)
    assert nothing.code == "zero_variance"


def test_too_few_units_give_no_result():
    rng = np.random.default_rng(7)
    result = check(draw(rng, 400), draw(rng, 400), boundary=AlwaysValid(0.05, 10_000))
    assert result.code == "too_few_units"


def test_more_covariates_than_units_still_give_a_p_value():
    rng = np.random.default_rng(8)
    result = check(draw(rng, 2), draw(rng, 2))
    assert result.df == 2
    assert 0 < result.p_value < 1


class ThirdLook:
    """Some other rule, of which the check knows only what every boundary says."""

    name, alpha, side, min_units_per_arm = "third_look", 0.05, "two_sided", 2

    def critical(self, num_units, df):
        return 1.5 * FIXED.critical(num_units, df)

    def p_value(self, z, num_units, df):
        return FIXED.p_value(z / 1.5, num_units, df)


def test_another_boundary_judges_the_covariates_one_by_one():
    rng = np.random.default_rng(8)
    result = check(draw(rng, 30), draw(rng, 30), boundary=ThirdLook())
    singles = [covariate.effect.p_value for covariate in result.covariates]
    assert (result.method, result.boundary) == ("bonferroni", "third_look")
    assert result.p_value == pytest.approx(min(1.0, 3 * min(singles)))


def test_one_covariate_under_an_always_valid_boundary_is_that_boundary():
    rng = np.random.default_rng(9)
    boundary = AlwaysValid(0.05, 2_000)
    result = check(
        draw(rng, 900, columns=1), draw(rng, 800, columns=1, shift=0.2), boundary=boundary
    )
    assert result.method == "mixture"
    assert result.p_value == pytest.approx(result.covariates[0].effect.p_value)


def test_false_alarms_of_the_joint_test():
    rng = np.random.default_rng(10)
    num_runs = 600
    alarms = sum(not check(draw(rng, 25), draw(rng, 60)).is_balanced for _ in range(num_runs))
    assert alarms / num_runs == pytest.approx(0.05, abs=3 * math.sqrt(0.05 * 0.95 / num_runs))


def test_false_alarms_when_read_every_day():
    rng = np.random.default_rng(11)
    boundary = AlwaysValid(0.05, 10_000)
    num_runs, alarms = 100, 0
    for _ in range(num_runs):
        arms = [Moments.zero(3), Moments.zero(3)]
        for _day in range(10):
            arms = [arm + Moments.from_array(draw(rng, 500)) for arm in arms]
            result = check_balance(*arms, names=NAMES, boundary=boundary)
            if not result.is_balanced:
                alarms += 1
                break
    assert alarms / num_runs <= 0.05


def test_bad_input_is_refused():
    one = Moments.from_array([[1.0, 2.0], [2.0, 5.0]])
    two = Moments.from_array([1.0, 2.0])
    with pytest.raises(ValueError, match="control has 2 columns, variant 1 and names 2"):
        check_balance(one, two, names=["a", "b"], boundary=FIXED)
    with pytest.raises(ValueError, match=r"boundary\.side is 'greater'"):
        check_balance(one, one, names=["a", "b"], boundary=FixedHorizon(0.05, "greater"))
    with pytest.raises(ValueError, match=r"names are .*; each must be there once"):
        check_balance(one, one, names=["a", "a"], boundary=FIXED)
