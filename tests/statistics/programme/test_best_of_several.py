"""The best of several variants: coverage given that it came out best."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abtesting.statistics.programme.best_of_several import effect_of_best


@pytest.mark.parametrize("shared", [0.0, 0.5])
@pytest.mark.parametrize("truths", [(0.0, 0.0, 0.0), (0.0, 1.0, 1.2), (0.0, 0.0, 4.0), (0.0,) * 6])
def test_coverage_and_median_of_the_best(truths, shared):
    rng, runs = np.random.default_rng(31), 700
    own = rng.normal(size=(runs, len(truths))) * math.sqrt(1 - shared)
    estimates = np.array(truths) + own + rng.normal(size=(runs, 1)) * math.sqrt(shared)
    covered, conditional, too_high = [], [], []
    for row in estimates:
        best = effect_of_best(list(row), [1.0] * len(truths), shared_variance=shared)
        truth = truths[best.best]
        covered.append(best.interval.contains(truth))
        conditional.append(best.conditional_interval.contains(truth))
        too_high.append(best.estimate > truth)
    spread = 3.5 * math.sqrt(0.05 * 0.95 / runs)
    assert abs(np.mean(conditional) - 0.95) <= spread
    assert 0.95 - spread <= np.mean(covered) <= 0.98
    assert abs(np.mean(too_high) - 0.5) <= 0.06


def test_the_conditional_end_solves_its_equation():
    # Independent values: the best is truncated at the second.
    best = effect_of_best([0.3, 1.5, 1.1], [0.4, 0.5, 0.3])
    for end, probability in (
        (best.conditional_interval.lower, 0.025),
        (best.conditional_interval.upper, 0.975),
    ):
        tail = stats.norm.sf(1.5, end, 0.5) / stats.norm.sf(1.1, end, 0.5)
        assert tail == pytest.approx(probability, rel=1e-6)


def test_with_a_shared_control_the_others_count_by_what_is_their_own():
    # With one shared control of variance 0.04 the rest of the second moves 0.16 with the best.
    best = effect_of_best([1.0, 2.0], [0.5, 0.5], shared_variance=0.04)
    threshold = (1.0 - 0.16 * 2.0) / (1 - 0.16)
    end = best.conditional_interval.upper
    tail = stats.norm.sf(2.0, end, 0.5) / stats.norm.sf(threshold, end, 0.5)
    assert tail == pytest.approx(0.975, rel=1e-6)


def test_a_clear_best_has_nearly_the_plain_interval():
    best = effect_of_best([0.0, 20.0], [1.0, 1.0])
    assert best.estimate == pytest.approx(20.0, abs=1e-3)
    assert best.conditional_interval.lower == pytest.approx(20 - 1.96, abs=1e-3)
    assert best.interval.lower == pytest.approx(20 - 1.96, abs=0.05)


def test_a_tie_has_the_simultaneous_interval():
    best = effect_of_best([1.0, 1.0], [1.0, 1.0])
    assert best.conditional_interval is None
    assert best.interval == best.simultaneous_interval
    critical = stats.norm.isf((1 - math.sqrt(0.95)) / 2)
    assert best.interval.lower == pytest.approx(1 - critical)
    assert best.interval.contains(best.estimate)
    assert best.estimate < best.naive_estimate


def test_close_to_a_tie_all_numbers_are_still_ordered():
    for gap in (1e-3, 1e-2, 0.1, 0.5):
        best = effect_of_best([1.0, 1.0 + gap], [1.0, 1.0])
        assert best.interval.lower <= best.estimate <= best.interval.upper
        assert best.interval.upper - best.interval.lower > 3.9
        assert best.conditional_interval.lower <= best.interval.lower + 0.2


@given(
    values=st.lists(st.floats(-2, 2), min_size=2, max_size=6, unique=True),
    factor=st.sampled_from([1e-5, 0.5, 1e4]),
)
def test_unit_and_direction_move_the_answer_along(values, factor):
    errors = [0.3] * len(values)
    plain = effect_of_best(values, errors)
    other = effect_of_best(
        [-factor * v for v in values], [factor * e for e in errors], higher_is_better=False
    )
    assert other.best == plain.best
    assert other.estimate == pytest.approx(-factor * plain.estimate, rel=1e-6, abs=1e-6 * factor)
    assert other.interval.upper == pytest.approx(
        -factor * plain.interval.lower, rel=1e-6, abs=1e-6 * factor
    )
    assert plain.interval.contains(plain.estimate)
    assert plain.estimate <= plain.naive_estimate + 1e-9


@pytest.mark.parametrize(
    ("values", "errors", "options", "message"),
    [
        ([1.0], [1.0], {}, "there are 1 estimates"),
        ([1.0, 2.0], [1.0, 0.0], {}, r"standard_errors\[1\] is 0.0"),
        ([1.0, 2.0], [1.0, 0.5], {"shared_variance": 0.25}, "shared_variance is 0.25"),
        ([1.0, 2.0], [1.0, 0.5], {"shared_variance": -0.1}, "shared_variance is -0.1"),
        ([1.0, 2.0], [1.0, 0.5], {"level": 1.0}, "level is 1.0"),
    ],
)
def test_bad_input_says_what_is_wrong(values, errors, options, message):
    with pytest.raises(ValueError, match=message):
        effect_of_best(values, errors, **options)
