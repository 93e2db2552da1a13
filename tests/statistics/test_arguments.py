from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from abtesting.statistics import arguments
from abtesting.statistics.boundaries import AlwaysValid, FixedHorizon
from abtesting.statistics.means import compare_means
from abtesting.statistics.moments import Counts, Moments
from abtesting.statistics.proportions import compare_proportions
from abtesting.statistics.sequential.group_sequential import GroupSequentialLook
from abtesting.statistics.types import NotEnoughData

COUNTS = Counts(num_units=10, num_successes=2)
MOMENTS = Moments.from_array([1.0, 2.0])
REASON = NotEnoughData(code="too_few_units", detail="control has 1 unit")


def test_what_is_right_passes():
    arguments.require_moments(MOMENTS, MOMENTS)
    arguments.require_counts(COUNTS, COUNTS)
    for boundary in (FixedHorizon(0.05), AlwaysValid(0.05, 100), GroupSequentialLook(0.05, (1,))):
        arguments.require_boundary(boundary)
    arguments.require_generator(np.random.default_rng(1))
    arguments.require_types("variants", [MOMENTS, MOMENTS], Moments)
    arguments.require_p_values("p_values", [0, 1, np.float64(0.5), Fraction(1, 3)])
    arguments.require_alpha(0.6)
    arguments.require_weights("weights", [0, 2, 0.5])
    arguments.require_shares("shares", [1 / 3] * 3)
    arguments.require_shares("shares", np.array([0.25, 0.75]))


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (
            lambda: compare_means(np.arange(2000.0), MOMENTS, boundary=FixedHorizon(0.05)),
            r"control is array\(\[.*\.\.\..*; it must be Moments, such as Moments.from_array",
        ),
        (
            lambda: compare_proportions(COUNTS, REASON, boundary=FixedHorizon(0.05)),
            r"variant is NotEnoughData \(control has 1 unit\); it must be Counts",
        ),
        (
            lambda: compare_proportions(COUNTS, COUNTS, boundary=FixedHorizon),
            r"boundary is <class .*FixedHorizon'>; it must be a Boundary such as FixedHorizon\(0.0",
        ),
        (lambda: arguments.require_generator(None), "rng is None; it must be a numpy Generator"),
        (lambda: FixedHorizon("0.05"), "alpha is '0.05'; it must be between 0 and 1"),
        (lambda: FixedHorizon(Decimal("0.05")), "alpha is Decimal"),
        (lambda: FixedHorizon(0.05, "both"), "side is 'both'; it must be one of two_sided, gr"),
        (lambda: FixedHorizon(0.5, "less"), "alpha is 0.5; with one side it must be below 0.5"),
        (lambda: arguments.require_positive("sd", math.inf), "sd is inf; it must be above 0 and f"),
        (lambda: arguments.require_finite("z", None), "z is None; it must be a finite number"),
        (lambda: arguments.require_at_least("n", math.nan, 2), "n is nan; it must be at least 2"),
        (lambda: arguments.require_list("looks", "abc"), "looks is 'abc'; it must be a list"),
        (lambda: arguments.require_mapping("effects", []), r"effects is \[\]; it must be a dict"),
        (
            lambda: arguments.require_types("variants", [MOMENTS, COUNTS], Moments),
            r"variants\[1\] is Counts\(.*\); it must be Moments",
        ),
        (lambda: arguments.require_p_values("p", [0.1, 1.2]), r"p\[1\] is 1.2; it must be between"),
        (lambda: arguments.as_floats("x", ["a"]), r"x is \['a'\]; it must be an array of numbers"),
        (lambda: arguments.as_floats("x", [[1.0]]), "x has 2 dimensions; it must have 1"),
        (lambda: arguments.as_floats("x", [1.0], ndim=(0, 2)), "1 dimensions; it must have 0 or 2"),
        (lambda: arguments.as_floats("x", [[1], [math.nan]], ndim=2), r"x\[1\] is \[nan\]; values"),
        (lambda: arguments.as_floats("x", math.inf, ndim=0), "x is inf; it must be a finite num"),
    ],
)
def test_what_is_wrong_is_a_sentence(check, message):
    with pytest.raises(ValueError, match=message):
        check()


@pytest.mark.parametrize("weights", [[-1, 2], [math.nan, 1], [math.inf, 1], [0, 0], [], ["1", 1]])
def test_weights_and_shares_that_are_none(weights):
    for check in (arguments.require_weights, arguments.require_shares):
        with pytest.raises(
            ValueError, match=r"weights(\[0\])? (is|are) .*; (it|at least one) must"
        ):
            check("weights", weights)


@pytest.mark.parametrize("shares", [[0.5, 0.4], [0.5, 0.6], [1, 1]])
def test_shares_have_to_sum_to_1(shares):
    with pytest.raises(ValueError, match=r"which sum to .*; they must sum to 1"):
        arguments.require_shares("shares", shares)


def test_a_long_value_is_cut_to_one_line():
    shown = arguments.shown(np.ones((100, 100)))
    assert len(shown) < 100
    assert "\n" not in shown
