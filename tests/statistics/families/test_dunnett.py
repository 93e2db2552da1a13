from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.families.dunnett import critical_value, dunnett_test, many_to_one
from abtesting.statistics.moments import Moments
from abtesting.statistics.types import NotEnoughData
from tests.known_answers import cases, close

SIDES = ["two_sided", "greater", "less"]


@cases("dunnett", "dunnett_many_to_one")
def test_against_another_program(case):
    inputs, expected = case["inputs"], case["expected"]
    arms = [Moments.from_array(inputs[key]) for key in inputs]
    result = dunnett_test(arms[0], arms[1:], variance="pooled")
    found = result.comparisons
    assert [c.statistic for c in found] == pytest.approx(expected["t"], **close(case))
    assert [c.adjusted_p_value for c in found] == pytest.approx(expected["p_adj"], **close(case))
    assert [c.interval.lower for c in found] == pytest.approx(expected["ci_low"], **close(case))
    assert [c.interval.upper for c in found] == pytest.approx(expected["ci_high"], **close(case))


@pytest.mark.parametrize("side", SIDES)
def test_agrees_with_scipy_for_unequal_arms(side):
    rng = np.random.default_rng(3)
    arms = [rng.normal(size=n) + shift for n, shift in ((15, 0), (8, 0.9), (30, 0.4), (11, -1.0))]
    result = dunnett_test(
        Moments.from_array(arms[0]),
        [Moments.from_array(arm) for arm in arms[1:]],
        variance="pooled",
        side=side,
    )
    alternative = side.replace("_", "-")
    expected = stats.dunnett(
        *arms[1:], control=arms[0], alternative=alternative, rng=np.random.default_rng(4)
    )
    found = [c.adjusted_p_value for c in result.comparisons]
    assert found == pytest.approx(expected.pvalue.tolist(), abs=1e-3)
    interval = expected.confidence_interval(0.95)
    for c, low, high in zip(result.comparisons, interval.low, interval.high, strict=True):
        assert c.interval.lower == pytest.approx(low, abs=3e-3)
        assert c.interval.upper == pytest.approx(high, abs=3e-3)


@pytest.mark.parametrize("side", SIDES)
@settings(max_examples=30, deadline=None)
@given(
    data=st.lists(st.tuples(st.floats(-5, 5), st.floats(0.8, 3)), min_size=1, max_size=4),
    df=st.sampled_from([None, 5.0, 1e4]),
)
def test_intervals_say_what_the_p_values_say(side, data, df):
    differences, errors = zip(*data, strict=True)
    result = many_to_one(differences, errors, control_variance=0.5, df=[df] * len(data), side=side)
    for c, rejected in zip(result.comparisons, result.rejected, strict=True):
        if abs(c.adjusted_p_value / 0.05 - 1) > 1e-9:
            assert rejected == (not c.interval.contains(0.0))
        assert c.p_value <= c.adjusted_p_value <= min(1, len(data) * c.p_value) + 1e-9


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-4, 4), min_size=2, max_size=4), st.floats(1e-3, 1e3))
def test_turning_the_sign_and_the_units_play_no_part(differences, factor):
    errors = [1.0 + 0.2 * i for i in range(len(differences))]
    first = many_to_one(differences, errors, control_variance=0.6)
    second = many_to_one(
        [-d * factor for d in differences],
        [e * factor for e in errors],
        control_variance=0.6 * factor**2,
    )
    for a, b in zip(first.comparisons, second.comparisons, strict=True):
        assert a.adjusted_p_value == pytest.approx(b.adjusted_p_value, rel=1e-9)
        assert a.interval.lower == pytest.approx(-b.interval.upper / factor, rel=1e-9, abs=1e-9)


def test_one_variant_is_the_test_of_welch():
    rng = np.random.default_rng(8)
    control, variant = rng.normal(size=12), 3 * rng.normal(size=20) + 1
    result = dunnett_test(Moments.from_array(control), [Moments.from_array(variant)])
    expected = stats.ttest_ind(variant, control, equal_var=False)
    only = result.comparisons[0]
    assert only.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert only.adjusted_p_value == pytest.approx(expected.pvalue, rel=1e-8)
    interval = expected.confidence_interval()
    assert [only.interval.lower, only.interval.upper] == pytest.approx(
        [interval.low, interval.high]
    )


def test_far_tails_keep_their_digits():
    result = many_to_one([36.0, 0.0], [1.0, 1.0], control_variance=0.5)
    far = result.comparisons[0]
    assert 0 < far.p_value <= far.adjusted_p_value <= 2.000001 * far.p_value < 1e-280


def test_unequal_variances_do_not_borrow_from_each_other():
    control = Moments(n=50, means=(0.0,), comoments=((49.0,),))
    wild = Moments(n=50, means=(0.5,), comoments=((4900.0,),))
    calm = Moments(n=50, means=(0.7,), comoments=((49.0,),))
    separate = dunnett_test(control, [wild, calm])
    pooled = dunnett_test(control, [wild, calm], variance="pooled")
    assert separate.rejected == (False, True)
    assert pooled.rejected == (False, False)


def test_too_few_units_or_no_variance_give_no_result():
    one = Moments(n=1, means=(1.0,), comoments=((0.0,),))
    same = Moments(n=9, means=(1.0,), comoments=((0.0,),))
    assert dunnett_test(one, [same]).code == "too_few_units"
    assert dunnett_test(same, [same]).code == "zero_variance"
    assert isinstance(dunnett_test(same, [same], variance="pooled"), NotEnoughData)


@pytest.mark.parametrize("side", SIDES)
def test_family_wise_error(side):
    rng = np.random.default_rng(31)
    num_runs, sizes = 20_000, np.array([4_000, 1_000, 2_000])
    loadings = np.sqrt(sizes / (sizes + 3_000))
    control, own = rng.standard_normal((num_runs, 1)), rng.standard_normal((num_runs, 3))
    z = loadings * control + np.sqrt(1 - loadings**2) * own
    largest = (np.abs(z) if side == "two_sided" else z).max(axis=1)
    critical = critical_value(loadings.tolist(), df=None, alpha=0.05, side=side)
    assert (largest > critical).mean() == pytest.approx(0.05, abs=3 * 0.00154)


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        (([], []), {}, "0 differences"),
        (([1.0], [1.0, 1.0]), {}, "1 differences, 2 standard errors"),
        (([math.nan], [1.0]), {}, r"differences\[0\] is nan"),
        (([1.0], [-1.0]), {}, r"standard_errors\[0\] is -1.0"),
        (([1.0], [1.0]), {"df": [-1]}, r"df\[0\] is -1"),
        (([1.0], [1.0]), {"control_variance": 1.5}, "control_variance is 1.5"),
        (([1.0], [1.0]), {"alpha": 0}, "alpha is 0"),
        (([1.0], [1.0]), {"side": "up"}, "side is 'up'"),
    ],
)
def test_bad_input_is_refused(args, kwargs, message):
    with pytest.raises(ValueError, match=message):
        many_to_one(*args, **{"control_variance": 0.5, **kwargs})


def test_bad_arms_are_refused():
    arm = Moments.from_array([1.0, 2.0])
    with pytest.raises(ValueError, match="variants is empty"):
        dunnett_test(arm, [])
    with pytest.raises(ValueError, match="variance is 'equal'"):
        dunnett_test(arm, [arm], variance="equal")
