from __future__ import annotations

import math

import numpy as np
import pytest

from abtesting.statistics.adaptive.adaptive_batches import (
    AdaptiveBatch,
    adaptive_means,
    adaptively_weighted_mean,
    contradicts_propensities,
    tabulate,
    weighted_scores,
)
from abtesting.statistics.moments import Counts, Moments
from abtesting.statistics.types import NotEnoughData


def counts(n, x):
    return Counts(num_units=n, num_successes=x)


def batch(*arms, propensities):
    return AdaptiveBatch(arms=arms, propensities=propensities)


def by_hand(units, arm, weights):
    """The same sums unit by unit: `units` are (batch, arm, outcome, propensities)."""
    past, scores, w = [], [], []
    for number in sorted({unit[0] for unit in units}):
        members = [unit for unit in units if unit[0] == number]
        own = [y for _, a, y, _ in members if a == arm]
        model = np.mean(past or own or [0.0])
        for _, a, y, shares in members:
            scores.append(model + (a == arm) * (y - model) / shares[arm])
            w.append(weights(shares[arm]))
        past += own
    scores, w = np.array(scores), np.array(w)
    mean = (w * scores).sum() / w.sum()
    return mean, (w**2 * (scores - mean) ** 2).sum() / w.sum() ** 2


@pytest.mark.parametrize("weights", [np.sqrt, np.ones_like], ids=["root", "even"])
@pytest.mark.parametrize("arm", [0, 1, 2])
def test_aggregates_give_what_single_units_give(weights, arm):
    rng = np.random.default_rng(1)
    units, batches = [], []
    for number, shares in enumerate([(0.4, 0.3, 0.3), (0.7, 0.2, 0.1), (0.1, 0.8, 0.1)]):
        arms = rng.choice(3, size=60, p=shares)
        outcomes = rng.lognormal(arms / 2, 1.0)
        units += [(number, a, y, shares) for a, y in zip(arms, outcomes, strict=True)]
        batches.append(
            batch(*(Moments.from_array(outcomes[arms == k]) for k in range(3)), propensities=shares)
        )
    table = tabulate(batches)
    found = weighted_scores(table, arm, weights(table.propensities[:, arm]))
    assert found == pytest.approx(by_hand(units, arm, weights))


def test_rates_are_amounts_of_0_and_1():
    shares = [(0.5, 0.5), (0.2, 0.8)]
    pairs = [((50, 3), (50, 6)), ((20, 1), (80, 9))]
    as_counts = [
        batch(*(counts(*arm) for arm in arms), propensities=e)
        for arms, e in zip(pairs, shares, strict=True)
    ]
    as_moments = [
        batch(
            *(Moments.constant(x, [1.0]) + Moments.constant(n - x, [0.0]) for n, x in arms),
            propensities=e,
        )
        for arms, e in zip(pairs, shares, strict=True)
    ]
    for first, second in zip(adaptive_means(as_counts), adaptive_means(as_moments), strict=True):
        assert first.value == pytest.approx(second.value)
        assert first.standard_error == pytest.approx(second.standard_error)


def test_with_even_shares_the_mean_is_close_to_the_plain_one():
    single = adaptive_means([batch(counts(500, 20), counts(480, 31), propensities=(0.5, 0.5))])
    # In one batch there is no earlier mean, and its own is what the scores average to.
    assert [mean.value for mean in single] == pytest.approx([20 / 500, 31 / 480])


def test_batches_without_units_change_nothing():
    full = batch(counts(500, 20), counts(480, 31), propensities=(0.5, 0.5))
    empty = batch(counts(0, 0), counts(0, 0), propensities=(0.3, 0.7))
    assert adaptive_means([empty, full, empty]) == adaptive_means([full])


def test_a_variant_that_was_switched_off_is_judged_by_the_batches_before():
    on = batch(counts(300, 20), counts(300, 30), counts(300, 3), propensities=(0.3, 0.4, 0.3))
    off = batch(counts(450, 25), counts(450, 45), counts(0, 0), propensities=(0.5, 0.5, 0.0))
    with_it, without = adaptive_means([on, off]), adaptive_means([on])
    assert with_it[2] == without[2]
    assert with_it[1] != without[1]


def test_a_variant_with_hardly_any_unit_has_no_mean():
    first, second = adaptive_means([batch(counts(30, 5), counts(1, 1), propensities=(0.9, 0.1))])
    assert first.num_units == 30
    assert isinstance(second, NotEnoughData)
    assert second.code == "too_few_units"


def test_numbers_of_units_that_the_propensities_cannot_explain():
    good = batch(counts(5000, 9), counts(5040, 9), propensities=(0.5, 0.5))
    bad = batch(counts(5000, 9), counts(5640, 9), propensities=(0.5, 0.5))
    assert not contradicts_propensities(tabulate([good]))
    assert contradicts_propensities(tabulate([good, bad]))


def test_unit_by_unit_mean_is_the_one_of_batches():
    rng = np.random.default_rng(2)
    shares = rng.uniform(0.1, 0.9, 300)
    scores = rng.normal(1.0, 1 / np.sqrt(shares))
    result = adaptively_weighted_mean(scores, shares)
    h = np.sqrt(shares)
    assert result.value == pytest.approx((h * scores).sum() / h.sum())
    assert result.standard_error == pytest.approx(
        math.sqrt((h**2 * (scores - result.value) ** 2).sum()) / h.sum()
    )
    assert isinstance(adaptively_weighted_mean([1.0], [0.5]), NotEnoughData)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: batch(counts(1, 0), propensities=(1.0,)), "arms has 1 variants"),
        (lambda: batch(counts(1, 0), counts(1, 0), propensities=(1.0,)), "propensities 1"),
        (lambda: batch(counts(1, 0), Moments.zero(), propensities=(0.5, 0.5)), "mixes"),
        (lambda: batch(counts(1, 0), counts(1, 0), propensities=(0.5, 0.6)), "sum to 1.1"),
        (lambda: batch(counts(1, 0), counts(1, 0), propensities=(1.5, -0.5)), "from 0 to 1"),
        (
            lambda: batch(counts(1, 0), counts(1, 0), propensities=(math.nan, 0.5)),
            r"are \(nan, 0.5\)",
        ),
        (lambda: batch(counts(1, 0), counts(1, 0), propensities=(1.0, 0.0)), "switched off"),
        (lambda: tabulate([]), "none with units"),
        (
            lambda: tabulate(
                [
                    batch(counts(1, 0), counts(1, 0), propensities=(0.5, 0.5)),
                    batch(*[counts(1, 0)] * 3, propensities=(0.5, 0.25, 0.25)),
                ]
            ),
            "2 Counts, 3 Counts",
        ),
        (lambda: adaptively_weighted_mean([1.0, 2.0], [0.5]), "2 scores and 1 propensities"),
        (lambda: adaptively_weighted_mean([1.0], [0.0]), "above 0 and at most 1"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
