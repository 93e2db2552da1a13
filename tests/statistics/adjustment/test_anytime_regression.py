from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtesting.statistics.adjustment.anytime_regression import (
    anytime_coefficient,
    anytime_ols,
    anytime_regression,
    phi_for_plan,
)
from abtesting.statistics.moments import Moments
from tests.known_answers import cases, close


@cases("anytime_regression", "anytime_valid_regression")
def test_agrees_with_savvi(case):
    """savvi's evidence counts one degree of freedom less than its residual variance does."""
    inputs, expected = case["inputs"], case["expected"]
    design = np.column_stack([np.ones(len(inputs["y"])), inputs["z"], inputs["x"]])
    fit = anytime_ols(inputs["y"], design, column=1, alpha=inputs["alpha"], phi=inputs["phi"])
    own = design[:, 1] - design[:, [0, 2]] @ np.linalg.lstsq(design[:, [0, 2]], design[:, 1])[0]
    result = anytime_coefficient(
        estimate=fit.estimate,
        standard_error=fit.standard_error,
        information=float(own @ own),
        df=fit.df - 1,
        alpha=inputs["alpha"],
        phi=inputs["phi"],
    )
    assert result.estimate == pytest.approx(expected["estimate"], **close(case))
    assert result.p_value == pytest.approx(expected["p_value"], **close(case))
    interval = [result.interval.lower, result.interval.upper]
    assert interval == pytest.approx(expected["ci"], **close(case))
    assert fit.p_value == pytest.approx(expected["p_value"], rel=0.002)


def arms(rng, num_units=60, effect=0.0):
    tables = []
    for shift in (0.0, effect):
        x = rng.normal(size=(num_units, 2))
        y = x @ [1.0, -0.5] + shift + rng.normal(size=num_units)
        tables.append(np.column_stack([y, x]))
    return tables


def test_moments_and_rows_give_the_same():
    control, variant = arms(np.random.default_rng(1), effect=0.4)
    rows = np.vstack([control, variant])
    design = np.column_stack([np.ones(120), np.repeat([0, 1], 60), rows[:, 1:]])
    from_rows = anytime_ols(rows[:, 0], design, column=1, alpha=0.05)
    from_moments = anytime_regression(
        Moments.from_array(control), Moments.from_array(variant), alpha=0.05
    )
    assert from_moments.estimate == pytest.approx(from_rows.estimate, rel=1e-9)
    assert from_moments.standard_error == pytest.approx(from_rows.standard_error, rel=1e-9)
    assert from_moments.p_value == pytest.approx(from_rows.p_value, rel=1e-8)
    assert from_moments.df == from_rows.df == 116


def test_a_collinear_covariate_changes_nothing():
    control, variant = arms(np.random.default_rng(2))
    one = anytime_regression(Moments.from_array(control), Moments.from_array(variant), alpha=0.05)
    wider = [np.column_stack([t, t[:, 1] + t[:, 2], np.ones(60)]) for t in (control, variant)]
    other = anytime_regression(*map(Moments.from_array, wider), alpha=0.05)
    assert other.p_value == pytest.approx(one.p_value)
    assert other.df == one.df


def test_e_value_is_the_bayes_factor():
    """Numerical integral of the ratio of noncentral to central t densities over the prior."""
    from scipy import stats

    z2, df, t = 30.0, 25, 2.2
    spread = math.sqrt(z2 / 1.0)
    grid = np.linspace(-8, 8, 4001) * spread
    prior = stats.norm.pdf(grid, scale=spread)
    density = np.trapezoid(stats.nct.pdf(t, df, grid) * prior, grid)
    result = anytime_coefficient(
        estimate=t, standard_error=1.0, information=z2, df=df, alpha=0.05, phi=1.0
    )
    expected = math.log(density / stats.t.pdf(t, df))
    assert result.log_e_value == pytest.approx(expected, rel=1e-6)


@given(
    t=st.floats(-30, 30),
    information=st.floats(0.01, 1e6),
    df=st.integers(1, 10_000),
    alpha=st.floats(0.001, 0.5),
    phi=st.floats(0.01, 1e4),
)
def test_p_and_interval_agree(t, information, df, alpha, phi):
    result = anytime_coefficient(
        estimate=t, standard_error=1.0, information=information, df=df, alpha=alpha, phi=phi
    )
    if abs(result.p_value - alpha) > 1e-9 * alpha:
        assert (result.p_value < alpha) == (not result.interval.contains(0.0))


def test_units_of_measurement_do_not_matter():
    control, variant = arms(np.random.default_rng(3), effect=0.5)
    scale = np.array([1e3, 1e-4, 1e4])
    one = anytime_regression(Moments.from_array(control), Moments.from_array(variant), alpha=0.05)
    other = anytime_regression(
        Moments.from_array(control * scale), Moments.from_array(variant * scale), alpha=0.05
    )
    assert other.estimate == pytest.approx(1e3 * one.estimate)
    assert other.p_value == pytest.approx(one.p_value)


def test_any_look_error_rate():
    rng = np.random.default_rng(4)
    num_experiments, steps = 200, np.unique(np.geomspace(6, 400, 30).astype(int))
    rejected = 0
    for _ in range(num_experiments):
        control, variant = arms(rng, num_units=400)
        results = (
            anytime_regression(
                Moments.from_array(control[:n]), Moments.from_array(variant[:n]), alpha=0.05
            )
            for n in steps
        )
        rejected += any(result.p_value < 0.05 for result in results)
    assert rejected / num_experiments < 0.05 + 3 * math.sqrt(0.05 * 0.95 / num_experiments)


def test_plan_makes_the_interval_narrowest_at_its_size():
    planned = phi_for_plan(5_000, 5_000, alpha=0.05)

    def width(phi):
        result = anytime_coefficient(
            estimate=0.0, standard_error=1.0, information=2_500.0, df=9_998, alpha=0.05, phi=phi
        )
        return result.interval.upper

    assert width(planned) < min(width(planned / 1.2), width(planned * 1.2))


def test_tiny_p_values_keep_their_digits():
    result = anytime_coefficient(
        estimate=37.5, standard_error=1.0, information=1e4, df=1e6, alpha=0.05
    )
    assert 0 < result.p_value < 1e-300
    assert result.interval.lower > 0


def test_too_few_units_for_the_level_is_an_unbounded_interval():
    result = anytime_coefficient(
        estimate=1.0, standard_error=1.0, information=1.0, df=1, alpha=0.05
    )
    assert result.interval.upper == math.inf
    assert result.p_value == 1.0 or result.p_value >= 0.05


def test_reasons_for_no_result():
    two = Moments.from_array([[1.0, 2.0], [2.0, 4.0]])
    assert anytime_regression(two, Moments.zero(2), alpha=0.05).code == "too_few_units"
    line = Moments.from_array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]])
    assert anytime_regression(line, line, alpha=0.05).code == "zero_variance"
    design = [[1, 1], [1, 1], [1, 1]]
    assert anytime_ols([1.0, 2, 4], design, column=1, alpha=0.05).code == "collinear_column"
    assert anytime_ols([1.0, 2], [[1, 0], [1, 1]], column=1, alpha=0.05).code == "too_few_units"
    exact = [[1, 0], [1, 1], [1, 2]]
    assert anytime_ols([1.0, 2, 3], exact, column=1, alpha=0.05).code == "zero_variance"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"standard_error": 0.0}, "standard_error is 0.0"),
        ({"phi": -1.0}, "phi is -1.0"),
        ({"df": 0}, "df is 0"),
        ({"alpha": 1.0}, "alpha is 1.0"),
        ({"estimate": math.nan}, "estimate is nan"),
    ],
)
def test_bad_input(change, message):
    arguments = {"estimate": 1.0, "standard_error": 1.0, "information": 9.0, "df": 8, "alpha": 0.05}
    with pytest.raises(ValueError, match=message):
        anytime_coefficient(**arguments | change)


def test_bad_tables():
    with pytest.raises(ValueError, match="columns and variant"):
        anytime_regression(Moments.zero(1), Moments.zero(2), alpha=0.05)
    with pytest.raises(ValueError, match="column is 5"):
        anytime_ols([1.0, 2.0], [[1, 0], [1, 1]], column=5, alpha=0.05)
    with pytest.raises(ValueError, match="design has 1 dim"):
        anytime_ols([1.0, 2.0], [1, 1], column=0, alpha=0.05)
    with pytest.raises(ValueError, match="must be finite"):
        anytime_ols([1.0, math.nan], [[1, 0], [1, 1]], column=1, alpha=0.05)
    with pytest.raises(ValueError, match="above 0"):
        phi_for_plan(0, 5, alpha=0.05)
    with pytest.raises(ValueError, match="alpha is 0"):
        phi_for_plan(5, 5, alpha=0)
