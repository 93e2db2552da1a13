from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from abtesting.statistics.adjustment.regression import compare_adjusted_means
from abtesting.statistics.adjustment.robust_regression import ancova_effect, lin_effect
from abtesting.statistics.boundaries import FixedHorizon
from abtesting.statistics.moments import Moments
from abtesting.statistics.types import NotEnoughData
from tests.known_answers import cases, close

FIXED = FixedHorizon(0.05)


@cases("regression", "regression_adjustment")
def test_agrees_with_estimatr(case):
    inputs, expected = case["inputs"], case["expected"]
    y, treated = inputs["y"], inputs["treatment"]
    one = inputs["pre"]
    two = np.column_stack([inputs["pre"], inputs["pre2"]])
    results = {
        "lin1_HC2": lin_effect(y, treated, one, boundary=FIXED),
        "lin1_HC3": lin_effect(y, treated, one, boundary=FIXED, robust="HC3"),
        "lin2_HC2": lin_effect(y, treated, two, boundary=FIXED),
        "ancova_HC2": ancova_effect(y, treated, one, boundary=FIXED),
    }
    for name, result in results.items():
        assert result.estimate == pytest.approx(expected[name]["estimate"], **close(case))
        assert result.standard_error == pytest.approx(expected[name]["se"], **close(case))
        assert result.p_value == pytest.approx(expected[name]["p_value"], **close(case))
        assert result.df == expected[name]["df"]
        interval = [result.interval.lower, result.interval.upper]
        assert interval == pytest.approx(expected[name]["ci"], **close(case))


@cases("regression", "cuped")
def test_agrees_with_statsmodels(case):
    arms = [case["inputs"]["control"], case["inputs"]["treatment"]]
    y = np.concatenate([arm["y"] for arm in arms])
    x = np.concatenate([arm["pre"] for arm in arms])
    treated = np.repeat([0, 1], [len(arm["y"]) for arm in arms])
    for estimate, name in ((lin_effect, "ols_lin_HC2"), (ancova_effect, "ols_ancova_HC2")):
        result = estimate(y, treated, x, boundary=FIXED)
        expected = case["expected"][name]
        assert result.estimate == pytest.approx(expected["estimate"], **close(case))
        assert result.standard_error == pytest.approx(expected["se"], **close(case))
        if "p_normal" in expected:
            p = 2 * special.ndtr(-abs(result.estimate / result.standard_error))
            assert p == pytest.approx(expected["p_normal"], **close(case))


def data(num_units=400, seed=1):
    rng = np.random.default_rng(seed)
    treated = np.repeat([0, 1], [num_units // 4, num_units - num_units // 4])
    x = rng.normal(size=(num_units, 2))
    y = 3 + x @ [1.0, 0.5] + treated * (0.3 + x[:, 0]) + rng.normal(size=num_units)
    return y, treated, x


def test_lin_is_the_estimate_of_the_moments():
    y, treated, x = data()
    moments = [Moments.from_array(np.column_stack([y, x])[treated == a]) for a in (0, 1)]
    from_moments = compare_adjusted_means(*moments, boundary=FIXED).adjusted
    from_rows = lin_effect(y, treated, x, boundary=FIXED)
    assert from_rows.estimate == pytest.approx(from_moments.difference, rel=1e-10)


def test_hc0_and_hc1_differ_by_the_degrees_of_freedom():
    y, treated, x = data()
    hc0, hc1, hc2, hc3 = (
        lin_effect(y, treated, x, boundary=FIXED, robust=robust).standard_error
        for robust in ("HC0", "HC1", "HC2", "HC3")
    )
    assert hc1 == pytest.approx(hc0 * np.sqrt(400 / (400 - 6)))
    assert hc0 < hc2 < hc3


def test_swapping_the_arms_swaps_the_sign():
    y, treated, x = data()
    one = lin_effect(y, treated, x, boundary=FIXED)
    other = lin_effect(y, 1 - treated, x, boundary=FIXED)
    assert other.estimate == pytest.approx(-one.estimate)
    assert other.standard_error == pytest.approx(one.standard_error)


def test_units_of_measurement_do_not_matter():
    y, treated, x = data()
    one = lin_effect(y, treated, x, boundary=FIXED)
    other = lin_effect(1e6 * y, treated, 1e-6 * x + 1, boundary=FIXED)
    assert other.estimate == pytest.approx(1e6 * one.estimate, rel=1e-6)
    assert other.p_value == pytest.approx(one.p_value, rel=1e-5)


def test_reasons_for_no_result():
    y, treated, x = data()
    collinear = np.column_stack([x[:, 0], 2 * x[:, 0]])
    result = lin_effect(y, treated, collinear, boundary=FIXED)
    assert isinstance(result, NotEnoughData)
    assert result.code == "collinear_covariates"
    assert lin_effect(y[:3], [0, 0, 1], x[:3], boundary=FIXED).code == "too_few_units"
    assert lin_effect(x[:, 0], treated, x, boundary=FIXED).code == "zero_variance"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"treated": [0, 1, 2, 1]}, "treated holds"),
        ({"outcome": [1.0, np.nan, 2.0, 3.0]}, r"outcome\[1\] is nan"),
        ({"covariates": [1.0, 2.0]}, "covariates has shape"),
        ({"robust": "HC9"}, "robust is 'HC9'"),
    ],
)
def test_bad_input(change, message):
    arguments = {
        "outcome": [1.0, 2.0, 4.0, 3.0],
        "treated": [0, 1, 0, 1],
        "covariates": [1.0, 2.0, 3.0, 5.0],
        "boundary": FIXED,
        **change,
    }
    with pytest.raises(ValueError, match=message):
        lin_effect(**arguments)
