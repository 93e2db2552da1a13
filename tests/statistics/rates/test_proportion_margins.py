from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from abtesting.statistics.boundaries import AlwaysValid, FixedHorizon
from abtesting.statistics.moments import Counts
from abtesting.statistics.rates.proportion_margins import compare_noninferiority_of_proportions
from abtesting.statistics.rates.proportion_tests import score_test
from abtesting.statistics.types import NotEnoughData
from tests.known_answers import cases, close

FIXED = FixedHorizon(0.025)


@st.composite
def counts(draw):
    n = draw(st.integers(2, 5000))
    return Counts(num_units=n, num_successes=draw(st.integers(0, n)))


@cases("proportion_margins", "noninferiority_proportions")
def test_score_without_the_factor_against_a_margin(case):
    inputs = case["inputs"]
    control = Counts(num_units=inputs["n_c"], num_successes=inputs["x_c"])
    variant = Counts(num_units=inputs["n_t"], num_successes=inputs["x_t"])
    theta = inputs["theta0"]
    test = score_test(control, variant, difference=theta, corrected=False, side="greater")
    assert test.statistic == pytest.approx(case["expected"]["z"], **close(case))
    assert test.p_value == pytest.approx(case["expected"]["p_value_one_sided"], **close(case))
    # The result for a margin is the same test with the factor on its variance. This margin is one
    # that the variant has to beat, which is non-inferiority with the arms exchanged.
    result = compare_noninferiority_of_proportions(
        variant, control, margin=theta, boundary=FIXED, harm="increase"
    )
    total = control.num_units + variant.num_units
    assert -result.statistic == pytest.approx(
        score_test(variant, control, difference=theta).statistic
    )
    assert result.standard_error == pytest.approx(
        score_test(variant, control, difference=theta, corrected=False).standard_error
        * math.sqrt(total / (total - 1))
    )


@given(
    counts(),
    counts(),
    st.floats(0.001, 0.9),
    st.sampled_from(["absolute", "relative"]),
    st.sampled_from(["decrease", "increase"]),
    st.sampled_from([FIXED, AlwaysValid(0.05, 4000, min_units_per_arm=2)]),
)
def test_p_value_and_interval_agree(control, variant, margin, scale, harm, boundary):
    result = compare_noninferiority_of_proportions(
        control, variant, margin=margin, boundary=boundary, scale=scale, harm=harm
    )
    if isinstance(result, NotEnoughData):
        assert result.code == "zero_baseline"
        assert control.num_successes == 0
        return
    assume(abs(result.p_value / result.alpha - 1) > 1e-6)
    if harm == "decrease":
        assert result.is_noninferior == (result.interval.lower > -margin)
    else:
        assert result.is_noninferior == (result.interval.upper < margin)


@given(counts(), counts(), st.floats(0.001, 0.5), st.floats(0.001, 0.4))
def test_a_wider_margin_is_easier_to_keep(control, variant, margin, more):
    narrow, wide = (
        compare_noninferiority_of_proportions(control, variant, margin=size, boundary=FIXED)
        for size in (margin, margin + more)
    )
    assert wide.p_value <= narrow.p_value * (1 + 1e-9)
    assert wide.statistic >= narrow.statistic - 1e-9


def test_failures_instead_of_successes_turn_the_harm_round():
    control = Counts(num_units=900, num_successes=70)
    variant = Counts(num_units=800, num_successes=66)
    failed = [
        Counts(num_units=arm.num_units, num_successes=arm.num_units - arm.num_successes)
        for arm in (control, variant)
    ]
    kept = compare_noninferiority_of_proportions(control, variant, margin=0.03, boundary=FIXED)
    mirrored = compare_noninferiority_of_proportions(
        *failed, margin=0.03, boundary=FIXED, harm="increase"
    )
    assert kept.p_value == pytest.approx(mirrored.p_value)
    assert kept.interval.lower == pytest.approx(-mirrored.interval.upper)
    assert kept.statistic == pytest.approx(mirrored.statistic)


def test_rates_of_zero_are_within_a_margin_with_enough_units():
    few, many = Counts(num_units=100, num_successes=0), Counts(num_units=2000, num_successes=0)
    unclear = compare_noninferiority_of_proportions(few, few, margin=0.01, boundary=FIXED)
    clear = compare_noninferiority_of_proportions(many, many, margin=0.01, boundary=FIXED)
    assert not unclear.is_noninferior
    assert clear.is_noninferior
    assert 0 < clear.p_value < unclear.p_value


@pytest.mark.parametrize(
    ("margin", "scale"),
    [(0.0, "absolute"), (1.0, "absolute"), (math.nan, "absolute"), (1.0, "relative")],
)
def test_bad_margins_are_refused(margin, scale):
    some = Counts(num_units=50, num_successes=20)
    with pytest.raises(ValueError, match="margin is"):
        compare_noninferiority_of_proportions(
            some, some, margin=margin, boundary=FIXED, scale=scale
        )
