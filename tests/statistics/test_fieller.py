from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from abtesting.statistics.fieller import UNBOUNDED, lift_interval, lift_limits


def lift(control, variant, control_share=0.5, critical=2.0):
    """The interval with a standard error of 1."""
    return lift_interval(
        control=control,
        difference=variant - control,
        standard_error=1.0,
        control_share=control_share,
        critical=critical,
    )


def is_accepted(control, variant, value, control_share=0.5, critical=2.0):
    """Whether the test of variant = control + value * abs(control) does not reject."""
    slope = value if control > 0 else -value
    variance = (1 - control_share) + (1 + slope) ** 2 * control_share
    return abs(variant - (1 + slope) * control) <= critical * math.sqrt(variance)


@given(st.floats(-10, 10), st.floats(-10, 10), st.floats(0.01, 0.99), st.floats(0.5, 5))
def test_zero_is_in_the_interval_exactly_when_the_difference_is_not_significant(
    control, variant, share, critical
):
    assume(control != 0 and abs(abs(variant - control) - critical) > 1e-9)
    interval = lift(control, variant, share, critical)
    assert interval.contains(0.0) == (abs(variant - control) < critical)


@pytest.mark.parametrize("control", [5.0, 2.5, -4.0])
@pytest.mark.parametrize("variant", [-6.0, 0.0, 3.0, 9.0])
def test_a_bounded_interval_is_what_the_test_accepts(control, variant):
    interval = lift(control, variant)
    for value in np.linspace(interval.lower, interval.upper, 23)[1:-1]:
        assert is_accepted(control, variant, value)
    for step in (0.001, 0.1, 10.0):
        assert not is_accepted(control, variant, interval.lower - step)
        assert not is_accepted(control, variant, interval.upper + step)


def test_an_uncertain_control_far_below_the_variant_gives_an_open_lift_above_zero():
    interval = lift(0.5, 9.0)
    assert interval.upper == math.inf
    assert interval.lower > 0
    assert is_accepted(0.5, 9.0, interval.lower + 1e-6)
    assert not is_accepted(0.5, 9.0, interval.lower - 1e-6)


def test_an_uncertain_control_far_above_the_variant_gives_an_open_lift_below_zero():
    interval = lift(0.5, -9.0)
    assert interval.lower == -math.inf
    assert interval.upper < 0


def test_two_values_close_to_zero_say_nothing():
    assert lift(0.1, 0.2) == UNBOUNDED


def test_the_branch_of_the_other_sign_is_not_dropped_when_it_holds_zero():
    # The control may be negative like the variant, so no lift at all is among the possible.
    assert is_accepted(0.5, -1.4, 0.0)
    assert lift(0.5, -1.4) == UNBOUNDED


def test_the_upper_end_goes_to_infinity_as_the_control_fades():
    edge = 2.0 * math.sqrt(0.5)  # the control is critical standard errors from 0
    ends = [lift(edge + gap, 6.0) for gap in (1e-1, 1e-3, 1e-6, 0.0, -1e-6)]
    uppers = [interval.upper for interval in ends]
    assert uppers == sorted(uppers)
    assert uppers[2] > 1e5
    assert uppers[-1] == math.inf
    assert ends[2].lower == pytest.approx(ends[-1].lower, rel=1e-4)


def test_a_control_without_noise_divides_the_difference_interval():
    interval = lift(4.0, 5.0, control_share=0.0)
    assert (interval.lower, interval.upper) == pytest.approx((-0.25, 0.75))


def correlated_test(control, variant, value, shares, critical):
    """Standard errors between the variant and what a lift of `value` makes of the control."""
    control_share, covariance_share = shares
    slope = 1 + (value if control > 0 else -value)
    variant_share = 1 - control_share + 2 * covariance_share
    variance = variant_share + slope**2 * control_share - 2 * slope * covariance_share
    return (variant - slope * control) / math.sqrt(variance)


shares = st.tuples(st.floats(0.05, 0.9), st.floats(-0.2, 0.2)).filter(
    # A covariance that two variances of these sizes can have.
    lambda pair: pair[1] ** 2 < 0.99 * pair[0] * (1 - pair[0] + 2 * pair[1])
)


@given(st.floats(-10, 10), st.floats(-10, 10), shares, st.floats(0.5, 5), st.floats(-3, 3))
def test_an_interval_with_covariance_is_what_the_test_accepts(
    control, variant, pair, critical, value
):
    assume(abs(control) > 1.01 * critical * math.sqrt(pair[0]))
    interval = lift_interval(
        control=control,
        difference=variant - control,
        standard_error=1.0,
        control_share=pair[0],
        critical=critical,
        covariance_share=pair[1],
    )
    z = correlated_test(control, variant, value, pair, critical)
    assume(abs(abs(z) - critical) > 1e-6)
    assert interval.contains(value) == (abs(z) < critical)


@given(
    st.floats(-10, 10),
    st.floats(-10, 10),
    st.floats(0.01, 0.99),
    st.floats(0.5, 5),
    st.floats(-2, 2),
)
def test_a_one_sided_interval_decides_like_the_one_sided_test_of_the_lift_in_question(
    control, variant, share, critical, tested
):
    assume(abs(control) > 1e-3)
    z = correlated_test(control, variant, tested, (share, 0.0), critical)
    assume(abs(abs(z) - critical) > 1e-6)
    for side, rejects in (("greater", z > critical), ("less", -z > critical)):
        interval = lift_interval(
            control=control,
            difference=variant - control,
            standard_error=1.0,
            control_share=share,
            critical=critical,
            side=side,
            tested=tested,
        )
        assert interval.contains(tested) != rejects
        assert (interval.upper if side == "greater" else -interval.lower) == math.inf


def test_nothing_is_known_beyond_an_infinite_critical_value():
    assert lift(5.0, 9.0, critical=math.inf) == UNBOUNDED


@given(
    st.lists(
        st.tuples(
            st.floats(-10, 10).filter(lambda x: abs(x) > 1e-6),
            st.floats(-10, 10),
            st.floats(0, 1),
            st.floats(0.5, 5) | st.just(math.inf),
        ),
        min_size=1,
        max_size=20,
    ),
    st.sampled_from(["two_sided", "greater", "less"]),
)
def test_arrays_give_the_same_ends_as_one_at_a_time(rows, side):
    control, variant, share, critical = (np.array(column) for column in zip(*rows, strict=True))
    lower, upper = lift_limits(
        control=control,
        difference=variant - control,
        standard_error=np.ones(len(rows)),
        control_share=share,
        critical=critical,
        side=side,
    )
    for i, (c, v, s, q) in enumerate(rows):
        interval = lift_interval(
            control=c,
            difference=v - c,
            standard_error=1.0,
            control_share=s,
            critical=q,
            side=side,
        )
        assert (lower[i], upper[i]) == pytest.approx((interval.lower, interval.upper), rel=1e-9)
