from __future__ import annotations

import numpy as np
import pytest

from abtesting.statistics.adjustment.cuped import compare_cuped_means, compare_cuped_ratios
from abtesting.statistics.boundaries import FixedHorizon
from abtesting.statistics.moments import Moments
from abtesting.statistics.ratios import compare_ratios, estimate_ratio
from tests.known_answers import cases, close, load

FIXED = FixedHorizon(0.05)


def moments(arm, *columns):
    return Moments.from_array(np.column_stack([arm[column] for column in columns]))


@cases("regression", "cuped")
def test_agrees_with_gbstats_and_tea_tasting(case):
    """Their lift is a delta-method one, which is not ours; the difference is the same test."""
    arms = [moments(case["inputs"][arm], "y", "pre") for arm in ("control", "treatment")]
    result = compare_cuped_means(*arms, boundary=FixedHorizon(1 - case["inputs"]["confidence"]))
    effect, expected = result.effect, case["expected"]["gbstats_absolute"]
    assert result.theta == pytest.approx(expected["theta"], **close(case))
    assert effect.difference == pytest.approx(expected["estimate"], **close(case))
    assert effect.standard_error == pytest.approx(expected["se"], **close(case))
    assert effect.p_value == pytest.approx(expected["p_value"], **close(case))
    interval = [effect.difference_interval.lower, effect.difference_interval.upper]
    assert interval == pytest.approx(expected["ci"], **close(case))
    expected = case["expected"]["teatasting"]
    assert effect.control_value == pytest.approx(expected["control"], **close(case))
    assert effect.variant_value == pytest.approx(expected["treatment"], **close(case))
    assert effect.lift == pytest.approx(expected["rel"], **close(case))


RATIOS = [case for case in load("regression") if case["method"] == "ratio_metric_delta"]
ADJUSTED_RATIOS = pytest.mark.parametrize(
    "case",
    [case for case in RATIOS if "gbstats_cuped_absolute" in case["expected"]],
    ids=lambda case: case["id"],
)
PLAIN_RATIOS = pytest.mark.parametrize(
    "case", [case for case in RATIOS if "ratio_c" in case["expected"]], ids=lambda case: case["id"]
)


@PLAIN_RATIOS
def test_ratios_agree_with_survey(case):
    for arm, suffix in (("control", "c"), ("treatment", "t")):
        table = [case["inputs"][f"{arm}_num"], case["inputs"][f"{arm}_den"]]
        estimate = estimate_ratio(Moments.from_array(np.column_stack(table)))
        assert estimate.value == pytest.approx(case["expected"][f"ratio_{suffix}"], **close(case))
        error = estimate.variance**0.5
        assert error == pytest.approx(case["expected"][f"se_{suffix}"], **close(case))


@ADJUSTED_RATIOS
def test_adjusted_ratios_agree_with_gbstats_and_tea_tasting(case):
    arms = [
        moments(case["inputs"][arm], "num", "den", "num_pre", "den_pre")
        for arm in ("control", "treatment")
    ]
    boundary = FixedHorizon(1 - case["inputs"]["confidence"])
    effect = compare_cuped_ratios(*arms, boundary=boundary, theta="variants").effect
    expected = case["expected"]["gbstats_cuped_absolute"]
    assert effect.difference == pytest.approx(expected["estimate"], rel=1e-8, abs=1e-12)
    assert effect.standard_error == pytest.approx(expected["se"], **close(case))
    assert effect.p_value == pytest.approx(expected["p_value"], **close(case))
    interval = [effect.difference_interval.lower, effect.difference_interval.upper]
    assert interval == pytest.approx(expected["ci"], **close(case))

    effect = compare_cuped_ratios(*arms, boundary=boundary).effect
    expected = case["expected"]["teatasting_cuped"]
    assert effect.control_value == pytest.approx(expected["control"], **close(case))
    assert effect.variant_value == pytest.approx(expected["treatment"], **close(case))
    assert effect.difference == pytest.approx(expected["diff"], rel=1e-8, abs=1e-12)
    assert effect.p_value == pytest.approx(expected["p_value"], **close(case))
    interval = [effect.difference_interval.lower, effect.difference_interval.upper]
    assert interval == pytest.approx(expected["ci"], **close(case))


@ADJUSTED_RATIOS
def test_unadjusted_ratios_agree(case):
    arms = [moments(case["inputs"][arm], "num", "den") for arm in ("control", "treatment")]
    effect = compare_ratios(*arms, boundary=FixedHorizon(1 - case["inputs"]["confidence"]))
    expected = case["expected"]["gbstats_absolute"]
    assert effect.difference == pytest.approx(expected["estimate"], **close(case))
    assert effect.standard_error == pytest.approx(expected["se"], **close(case))
    assert effect.p_value == pytest.approx(expected["p_value"], **close(case))
    interval = [effect.difference_interval.lower, effect.difference_interval.upper]
    assert interval == pytest.approx(expected["ci"], **close(case))
    expected = case["expected"]["teatasting"]
    assert effect.control_value == pytest.approx(expected["control"], **close(case))
    assert effect.lift == pytest.approx(expected["rel"], **close(case))


def test_reasons_for_no_result():
    arm = Moments.from_array([[1.0, 2.0], [2.0, 2.0], [4.0, 2.0]])
    assert compare_cuped_means(arm, arm, boundary=FIXED).code == "constant_covariate"
    one = Moments.from_array([[1.0, 2.0]])
    assert compare_cuped_means(one, arm, boundary=FIXED).code == "too_few_units"
    empty = Moments.from_array([[1.0, 2.0, 3.0, 0.0], [2.0, 1.0, 1.0, 0.0]])
    assert compare_cuped_ratios(empty, empty, boundary=FIXED).code == "zero_denominator"


def test_bad_input():
    arm = Moments.from_array([[1.0, 2.0], [2.0, 5.0], [4.0, 2.0]])
    with pytest.raises(ValueError, match="control has 1 columns"):
        compare_cuped_means(Moments.from_array([1.0, 2.0]), arm, boundary=FIXED)
    with pytest.raises(ValueError, match="control has 2 columns; CUPED of a ratio needs 4"):
        compare_cuped_ratios(arm, arm, boundary=FIXED)
    with pytest.raises(ValueError, match="theta is 'x'"):
        compare_cuped_means(arm, arm, boundary=FIXED, theta="x")
