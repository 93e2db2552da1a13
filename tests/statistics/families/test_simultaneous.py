from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.families.multiplicity import adjust
from abtesting.statistics.families.simultaneous import BEYOND_ZERO, simultaneous_intervals

ESTIMATES = st.lists(
    st.tuples(st.floats(-6, 6), st.floats(0.5, 2), st.sampled_from([None, 4.0, 60.0])),
    min_size=1,
    max_size=6,
)
SIDES = ["two_sided", "greater", "less"]
METHODS = ["bonferroni", "holm", "fcr"]


def analyse(family, **kwargs):
    estimates, errors, df = (list(column) for column in zip(*family, strict=True))
    return simultaneous_intervals(estimates, errors, df=df, **kwargs)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=30)
@given(family=ESTIMATES)
def test_intervals_say_what_the_decisions_say(method, side, family):
    result = analyse(family, method=method, side=side)
    for interval, rejected, p in zip(
        result.intervals, result.rejected, result.adjusted_p_values, strict=True
    ):
        assert rejected == (p < 0.05)
        if abs(p / 0.05 - 1) > 1e-9:
            assert rejected == (interval is not None and not interval.contains(0.0))


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=30)
@given(family=ESTIMATES)
def test_turning_the_sign_turns_the_intervals(method, family):
    turned = [(-estimate, error, df) for estimate, error, df in family]
    first, second = analyse(family, method=method), analyse(turned, method=method)
    assert first.adjusted_p_values == pytest.approx(second.adjusted_p_values)
    for one, other in zip(first.intervals, second.intervals, strict=True):
        if one is not None:
            assert (one.lower, one.upper) == pytest.approx((-other.upper, -other.lower))
    above = analyse(family, method=method, side="greater")
    below = analyse(turned, method=method, side="less")
    assert above.rejected == below.rejected


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=30)
@given(family=ESTIMATES, factor=st.floats(1e-3, 1e3))
def test_units_of_measurement_play_no_part(method, family, factor):
    scaled = [(estimate * factor, error * factor, df) for estimate, error, df in family]
    first, second = analyse(family, method=method), analyse(scaled, method=method)
    assert first.adjusted_p_values == pytest.approx(second.adjusted_p_values, rel=1e-9)


@given(ESTIMATES)
def test_one_sided_holm_is_holm_on_one_sided_p_values(family):
    result = analyse(family, method="holm", side="greater")
    p_values = [float(stats.t.sf(e / se, df or math.inf)) for e, se, df in family]
    assert result.adjusted_p_values == pytest.approx(adjust(p_values, method="holm"), rel=1e-9)


@given(ESTIMATES)
def test_two_sided_holm_claims_a_direction_and_no_more_than_holm(family):
    result = analyse(family, method="holm")
    p_values = [2 * float(stats.t.sf(abs(e / se), df or math.inf)) for e, se, df in family]
    plain = adjust(p_values, method="holm")
    for found, p in zip(result.adjusted_p_values, plain, strict=True):
        assert found >= p * (1 - 1e-9)


def test_single_step_intervals_by_hand():
    result = simultaneous_intervals([1.0, 0.5], [0.2, 0.2], method="bonferroni")
    half = stats.norm.isf(0.05 / 4) * 0.2
    assert result.intervals[0].lower == pytest.approx(1.0 - half)
    assert result.intervals[1].upper == pytest.approx(0.5 + half)


def test_holm_bounds_by_hand():
    z = [3.5, 1.9, 0.4]
    result = simultaneous_intervals(z, [1, 1, 1], method="holm", side="greater")
    # Rejects the first at 0.05 / 3 and then neither of the others at 0.05 / 2.
    assert result.rejected == (True, False, False)
    bounds = [interval.lower for interval in result.intervals]
    open_ = stats.norm.isf(0.05 / 2)
    assert bounds == pytest.approx([BEYOND_ZERO, 1.9 - open_, 0.4 - open_])


def test_holm_looks_beyond_zero_once_everything_is_rejected():
    result = simultaneous_intervals([5.0, 2.1], [1, 1], method="holm", side="greater")
    assert result.rejected == (True, True)
    assert result.intervals[0].lower == pytest.approx(5.0 - stats.norm.isf(0.025))
    assert result.intervals[1].lower == pytest.approx(2.1 - stats.norm.isf(0.025))


def test_selected_intervals_are_widened_by_the_share_selected():
    result = simultaneous_intervals([4.0, 3.0, 0.1, 0.2], [1, 1, 1, 1], method="fcr")
    half = stats.norm.isf(0.05 * 2 / 4 / 2)
    assert result.intervals[2] is result.intervals[3] is None
    assert result.intervals[0].lower == pytest.approx(4.0 - half)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("method", METHODS)
def test_one_estimate_has_the_ordinary_interval(method, side):
    result = simultaneous_intervals([3.0], [1.0], method=method, side=side, df=[10])
    half = stats.t.isf(0.025 if side == "two_sided" else 0.05, 10)
    if side == "less":
        assert not result.rejected[0]
    else:
        assert result.intervals[0].lower == pytest.approx(3.0 - half)


@pytest.mark.parametrize(
    ("method", "side"), [("bonferroni", "two_sided"), ("holm", "two_sided"), ("holm", "greater")]
)
def test_all_intervals_cover_together(method, side):
    rng = np.random.default_rng(77)
    truth = np.array([0.0, 0.0, 2.5, 4.0, -3.0])
    num_runs, missed = 600, 0
    for _ in range(num_runs):
        noise = math.sqrt(0.5) * (rng.standard_normal() + rng.standard_normal(5))
        result = simultaneous_intervals(
            (truth + noise).tolist(), [1.0] * 5, method=method, side=side
        )
        # BEYOND_ZERO leaves out 0, as the claim of a direction does.
        missed += any(
            not interval.contains(value)
            for interval, value in zip(result.intervals, truth, strict=True)
        )
    assert missed / num_runs <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / num_runs)


def test_share_of_missing_intervals_among_the_selected():
    rng = np.random.default_rng(78)
    truth = np.repeat([0.0, 3.0], 10)
    shares = []
    for _ in range(400):
        estimates = truth + rng.standard_normal(20)
        result = simultaneous_intervals(estimates.tolist(), [1.0] * 20, method="fcr")
        missing = [
            not interval.contains(value)
            for interval, value in zip(result.intervals, truth, strict=True)
            if interval is not None
        ]
        shares.append(sum(missing) / max(len(missing), 1))
    assert np.mean(shares) <= 0.05 + 3 * np.std(shares) / 20


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        (([], []), {}, "0 estimates"),
        (([1.0], [1.0, 2.0]), {}, "1 estimates, 2 standard errors"),
        (([math.nan], [1.0]), {}, r"estimates\[0\] is nan"),
        (([1.0], [0.0]), {}, r"standard_errors\[0\] is 0.0"),
        (([1.0], [1.0]), {"df": [0]}, r"df\[0\] is 0"),
        (([1.0], [1.0]), {"method": "scheffe"}, "method is 'scheffe'"),
        (([1.0], [1.0]), {"alpha": 2}, "alpha is 2"),
        (([1.0], [1.0]), {"side": "both"}, "side is 'both'"),
    ],
)
def test_bad_input_is_refused(args, kwargs, message):
    with pytest.raises(ValueError, match=message):
        simultaneous_intervals(*args, **kwargs)
