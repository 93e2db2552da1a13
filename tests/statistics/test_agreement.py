"""p-value, difference interval and lift interval never disagree, for any method and boundary."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from abtesting.statistics.boundaries import AlwaysValid, FixedHorizon
from abtesting.statistics.means import compare_means
from abtesting.statistics.moments import Counts, Moments
from abtesting.statistics.proportions import compare_proportions
from abtesting.statistics.ratios import compare_ratios
from abtesting.statistics.sequential.group_sequential import GroupSequentialLook
from abtesting.statistics.types import Effect

alphas = st.floats(1e-4, 0.4)
sides = st.sampled_from(["two_sided", "greater", "less"])
few = st.just(2)
boundaries = st.one_of(
    st.builds(FixedHorizon, alphas, sides),
    st.builds(AlwaysValid, alphas, st.integers(10, 100_000), min_units_per_arm=few, side=sides),
    st.builds(
        GroupSequentialLook,
        st.sampled_from([0.01, 0.05]),
        st.sampled_from([(0.5,), (0.3, 0.7), (0.25, 0.5, 1.0)]),
        min_units_per_arm=few,
        side=sides,
    ),
)


@st.composite
def counts(draw):
    n = draw(st.integers(2, 5000))
    return Counts(num_units=n, num_successes=draw(st.integers(0, n)))


@st.composite
def moments(draw, columns):
    """Any moments, also with negative means and means near 0 against their noise."""
    n = draw(st.integers(2, 5000))
    means = [draw(st.floats(-5, 5)), draw(st.floats(0.5, 5))][:columns]
    none = st.just(0.0)
    spreads = [draw(none | st.floats(0.01, 50)), draw(none | st.floats(0.01, 3))][:columns]
    correlation = draw(st.floats(-0.99, 0.99))
    return Moments(
        n=n,
        means=tuple(means),
        comoments=tuple(
            tuple(
                spreads[i] * spreads[j] * (1 if i == j else correlation) * (n - 1)
                for j in range(columns)
            )
            for i in range(columns)
        ),
    )


def assert_agreement(effect):
    assume(isinstance(effect, Effect))
    # At the border itself rounding may fall on either side.
    assume(abs(effect.p_value / effect.alpha - 1) > 1e-6)
    outside = not effect.difference_interval.contains(0.0)
    assert effect.is_significant == outside
    if effect.lift_interval is not None:
        assert effect.is_significant == (not effect.lift_interval.contains(0.0))
    assert effect.difference_interval.contains(effect.difference)
    assert effect.standard_error > 0


@given(counts(), counts(), boundaries)
def test_proportions(control, variant, boundary):
    assert_agreement(compare_proportions(control, variant, boundary=boundary))


@given(st.integers(0, 3), st.integers(0, 60), st.integers(3, 1000), boundaries)
def test_rare_proportions(x_c, x_t, n, boundary):
    control = Counts(num_units=n, num_successes=min(x_c, n))
    variant = Counts(num_units=2 * n, num_successes=min(x_t, 2 * n))
    assert_agreement(compare_proportions(control, variant, boundary=boundary))
    assert_agreement(compare_proportions(variant, control, boundary=boundary))


@given(moments(1), moments(1), boundaries)
def test_means(control, variant, boundary):
    assert_agreement(compare_means(control, variant, boundary=boundary))


@given(moments(2), moments(2), boundaries)
def test_ratios(control, variant, boundary):
    assert_agreement(compare_ratios(control, variant, boundary=boundary))


@pytest.mark.parametrize("alpha", [0.05, 0.01, 1e-4])
@pytest.mark.parametrize("make", [FixedHorizon, lambda alpha: AlwaysValid(alpha, 4000)])
def test_the_three_turn_at_the_same_count(alpha, make):
    """Walking up one success at a time, all three change their mind at once."""
    control = Counts(num_units=2000, num_successes=100)
    turns = set()
    for x in range(100, 260):
        variant = Counts(num_units=2000, num_successes=x)
        effect = compare_proportions(control, variant, boundary=make(alpha))
        for name, found in (
            ("p", effect.p_value < alpha),
            ("difference", effect.difference_interval.lower > 0),
            ("lift", effect.lift_interval.lower > 0),
        ):
            if found and name not in {turn[0] for turn in turns}:
                turns.add((name, x))
    assert len(turns) == 3
    assert len({x for _, x in turns}) == 1
