from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from abtesting.statistics.adaptive.adaptive_batches import AdaptiveBatch, adaptive_means
from abtesting.statistics.adaptive.adaptive_inference import (
    compare_batches,
    compare_weighted_scores,
)
from abtesting.statistics.boundaries import AlwaysValid, FixedHorizon
from abtesting.statistics.moments import Counts, Moments
from abtesting.statistics.types import NotEnoughData

FIXED = FixedHorizon(0.05)
METHODS = [compare_batches, compare_weighted_scores]
both = pytest.mark.parametrize("compare", METHODS, ids=lambda f: f.__name__)


def rates(*batches):
    return [
        AdaptiveBatch(
            arms=tuple(Counts(num_units=n, num_successes=x) for n, x in arms), propensities=shares
        )
        for arms, shares in batches
    ]


def amounts(rng, lift=0.0, sds=(1.0, 1.0), shares=((0.5, 0.5), (0.2, 0.8), (0.7, 0.3))):
    return [
        AdaptiveBatch(
            arms=tuple(
                Moments.from_array(rng.normal(5 + arm * lift, sds[arm], round(400 * share[arm])))
                for arm in (0, 1)
            ),
            propensities=share,
        )
        for share in shares
    ]


EXAMPLE = rates(
    (((500, 20), (500, 30)), (0.5, 0.5)),
    (((200, 9), (800, 46)), (0.2, 0.8)),
    (((100, 3), (900, 47)), (0.1, 0.9)),
)


def thompson(rng, *, num_arms, floor, rate=0.05, num_batches=20, size=1000):
    """Batches of a bandit; its shares are by drawing, which is as good here and quicker."""
    units, successes = np.zeros(num_arms, dtype=int), np.zeros(num_arms, dtype=int)
    batches = []
    shares = np.full(num_arms, 1 / num_arms)
    for _ in range(num_batches):
        n = rng.multinomial(size, shares)
        x = rng.binomial(n, rate)
        arms = tuple(
            Counts(num_units=int(a), num_successes=int(b)) for a, b in zip(n, x, strict=True)
        )
        batches.append(AdaptiveBatch(arms=arms, propensities=tuple(shares.tolist())))
        units, successes = units + n, successes + x
        draws = rng.beta(1 + successes, 1 + units - successes, (200, num_arms))
        chances = np.bincount(draws.argmax(axis=1), minlength=num_arms) / 200
        shares = floor + (1 - num_arms * floor) * chances
        shares = shares / shares.sum()
    return batches


def test_batched_least_squares_by_hand():
    x = np.array([[20, 30], [9, 46], [3, 47]])
    n = np.array([[500, 500], [200, 800], [100, 900]])
    p = x / n
    variance = (n * p * (1 - p)).sum() / (n - 1).sum()
    z = (p[:, 1] - p[:, 0]) / np.sqrt(variance * (1 / n).sum(axis=1))
    effect = compare_batches(EXAMPLE, boundary=FIXED)
    total = z.sum() / math.sqrt(3)
    assert effect.difference / effect.standard_error == pytest.approx(total)
    assert effect.p_value == pytest.approx(2 * special.ndtr(-abs(total)))
    assert (effect.num_batches, effect.num_units) == (3, 3000)


def test_one_batch_of_amounts_is_nearly_welch():
    batches = amounts(np.random.default_rng(1), lift=0.1, shares=((0.4, 0.6),))
    effect = compare_batches(batches, boundary=FIXED)
    control, variant = batches[0].arms
    expected = stats.ttest_ind_from_stats(
        variant.mean, math.sqrt(variant.variance), variant.n,
        control.mean, math.sqrt(control.variance), control.n,
        equal_var=False,
    )  # fmt: skip
    assert effect.difference == pytest.approx(variant.mean - control.mean)
    # The smaller of the two variances counts as that of both together.
    assert effect.p_value == pytest.approx(expected.pvalue, rel=0.05)
    assert effect.p_value > expected.pvalue


def test_variances_that_differ_are_at_least_that_of_both_together():
    batches = amounts(np.random.default_rng(1), sds=(1.0, 2.0), shares=((0.4, 0.6),))
    control, variant = batches[0].arms
    together = (control.comoments[0][0] + variant.comoments[0][0]) / (control.n + variant.n - 2)
    assert control.variance < together < variant.variance
    effect = compare_batches(batches, boundary=FIXED)
    assert effect.standard_error == pytest.approx(
        math.sqrt(together / control.n + variant.variance / variant.n)
    )


@both
def test_reported_means_are_the_unbiased_ones(compare):
    effect = compare(EXAMPLE, boundary=FIXED)
    values = [mean.value for mean in adaptive_means(EXAMPLE)]
    assert [effect.control_value, effect.variant_value] == pytest.approx(values)


@both
@given(
    st.lists(
        st.tuples(st.integers(20, 300), st.integers(20, 300), st.floats(0, 0.9), st.floats(0, 0.9)),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(["two_sided", "greater", "less"]),
)
def test_p_value_and_both_intervals_agree(compare, rows, side):
    batches = rates(
        *(
            (((a, round(a * p)), (b, round(b * q))), (a / (a + b), b / (a + b)))
            for a, b, p, q in rows
        )
    )
    effect = compare(batches, boundary=FixedHorizon(0.1, side))
    if isinstance(effect, NotEnoughData):
        return
    outside = not effect.difference_interval.contains(0.0)
    assert effect.is_significant == outside
    if effect.lift_interval is not None:
        assert effect.lift_interval.contains(0.0) != outside
        assert effect.lift_interval.contains(effect.lift)


@both
def test_swapping_the_variants_turns_the_sign(compare):
    batches = amounts(np.random.default_rng(2), lift=0.2)
    forth = compare(batches, boundary=FIXED)
    back = compare(batches, control=1, variant=0, boundary=FIXED)
    assert back.difference == pytest.approx(-forth.difference)
    assert back.p_value == pytest.approx(forth.p_value)
    assert back.difference_interval.lower == pytest.approx(-forth.difference_interval.upper)


@both
def test_units_of_the_metric_do_not_matter(compare):
    rng = np.random.default_rng(3)
    batches = amounts(rng, lift=0.2)
    cents = [
        AdaptiveBatch(
            arms=tuple(
                Moments(n=arm.n, means=(100 * arm.mean,), comoments=((1e4 * arm.comoments[0][0],),))
                for arm in batch.arms
            ),
            propensities=batch.propensities,
        )
        for batch in batches
    ]
    euros, scaled = compare(batches, boundary=FIXED), compare(cents, boundary=FIXED)
    assert scaled.p_value == pytest.approx(euros.p_value)
    assert scaled.difference == pytest.approx(100 * euros.difference)
    assert scaled.lift_interval.upper == pytest.approx(euros.lift_interval.upper)


def test_the_lift_interval_holds_the_ratios_that_batches_do_not_reject():
    effect = compare_batches(EXAMPLE, boundary=FIXED)
    assert effect.lift_interval.lower < effect.lift < effect.lift_interval.upper
    rng = np.random.default_rng(4)
    covered = [
        compare_batches(amounts(rng, lift=0.5), boundary=FIXED).lift_interval.contains(0.1)
        for _ in range(400)
    ]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.033)


def test_a_control_that_may_be_0_leaves_the_lift_open():
    batches = rates((((400, 1), (400, 6)), (0.5, 0.5)), (((100, 0), (700, 8)), (0.125, 0.875)))
    effect = compare_batches(batches, boundary=FIXED)
    assert effect.lift_interval.upper == math.inf


def test_amounts_below_0_have_no_lift():
    batches = [
        AdaptiveBatch(
            arms=tuple(
                Moments.from_array(np.random.default_rng(seed).normal(-3, 1, 50)) for seed in (1, 2)
            ),
            propensities=(0.5, 0.5),
        )
    ]
    effect = compare_batches(batches, boundary=FIXED)
    assert effect.lift is None
    assert effect.lift_interval is None


@both
def test_a_pair_out_of_four(compare):
    rng = np.random.default_rng(5)
    batches = thompson(rng, num_arms=4, floor=0.05)
    effect = compare(batches, control=3, variant=1, boundary=FIXED)
    means = adaptive_means(batches)
    assert effect.control_value == pytest.approx(means[3].value)
    assert effect.variant_value == pytest.approx(means[1].value)


def test_false_positives_and_bias_after_thompson_sampling():
    """Small here; the published run has more. A z-test of the pooled data errs in 9 to 14 %."""
    rng = np.random.default_rng(6)
    runs = [thompson(rng, num_arms=2, floor=0.05) for _ in range(400)]
    for compare in METHODS:
        found = np.mean([compare(run, boundary=FIXED).is_significant for run in runs])
        assert found <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)
    values = np.array([[mean.value for mean in adaptive_means(run)] for run in runs])
    assert values.mean() == pytest.approx(0.05, abs=3 * values.std() / math.sqrt(800))


def revenue(rng, num_units, *, buyers, sigma):
    return np.where(rng.random(num_units) < buyers, rng.lognormal(3.5, sigma, num_units), 0.0)


def thompson_of_revenue(rng, *, floor, size, buyers=0.05, sigma=1.0, num_arms=2, num_batches=20):
    """Batches of a bandit whose arms all sell the same, by normal posteriors of the means."""
    totals = np.zeros((3, num_arms))
    batches, shares = [], np.full(num_arms, 1 / num_arms)
    for _ in range(num_batches):
        units = rng.multinomial(size, shares)
        values = [revenue(rng, n, buyers=buyers, sigma=sigma) for n in units]
        arms = tuple(Moments.from_array(arm) for arm in values)
        batches.append(AdaptiveBatch(arms=arms, propensities=tuple(shares.tolist())))
        totals += [units, [arm.sum() for arm in values], [np.square(arm).sum() for arm in values]]
        n = np.maximum(totals[0], 1)
        means = totals[1] / n
        errors = np.sqrt(np.maximum(totals[2] / n - means**2, 1e-9) / n)
        draws = rng.normal(means, errors, (200, num_arms))
        chances = np.bincount(draws.argmax(axis=1), minlength=num_arms) / 200
        shares = floor + (1 - num_arms * floor) * chances
        shares = shares / shares.sum()
    return batches


def false_positives(runs, compare):
    return np.mean([getattr(compare(run, boundary=FIXED), "is_significant", False) for run in runs])


def test_false_positives_of_skewed_revenue_with_a_small_floor():
    """With the variance of each arm by itself it is 18 %."""
    rng = np.random.default_rng(9)
    runs = [thompson_of_revenue(rng, floor=0.05, size=100) for _ in range(400)]
    for compare in METHODS:
        assert false_positives(runs, compare) <= 0.065


@pytest.mark.slow
@pytest.mark.parametrize(
    "setting",
    [
        {"floor": 0.05, "size": 100},
        {"floor": 0.05, "size": 1000},
        {"floor": 0.01, "size": 1000, "buyers": 0.03, "sigma": 1.3},
        {"floor": 0.05, "size": 200, "buyers": 0.03, "sigma": 1.3, "num_batches": 10},
        {"floor": 0.05, "size": 100, "num_arms": 4},
        {"floor": 0.2, "size": 500},
    ],
)
def test_false_positives_of_skewed_revenue_at_every_floor(setting):
    rng = np.random.default_rng(10)
    runs = [thompson_of_revenue(rng, **setting) for _ in range(2000)]
    for compare in METHODS:
        assert false_positives(runs, compare) <= 0.065


@pytest.mark.slow
@pytest.mark.parametrize(("num_arms", "floor"), [(2, 0.01), (2, 0.05), (4, 0.01), (4, 0.05)])
def test_false_positives_and_bias_at_every_floor(num_arms, floor):
    rng = np.random.default_rng(7)
    runs = [thompson(rng, num_arms=num_arms, floor=floor) for _ in range(2000)]
    for compare in METHODS:
        assert np.mean([compare(run, boundary=FIXED).is_significant for run in runs]) <= 0.065
    values = np.array([[mean.value for mean in adaptive_means(run)] for run in runs])
    assert values.mean() == pytest.approx(0.05, rel=0.01)


def test_reading_a_bandit_after_every_batch():
    rng = np.random.default_rng(8)
    boundary = AlwaysValid(0.05, 10_000, min_units_per_arm=100)
    alarms = 0
    for _ in range(200):
        run = thompson(rng, num_arms=2, floor=0.05, num_batches=10)
        looks = [compare_batches(run[: i + 1], boundary=boundary) for i in range(10)]
        alarms += any(not isinstance(look, NotEnoughData) and look.is_significant for look in looks)
    assert alarms / 200 <= 0.05


@both
def test_too_few_units(compare):
    result = compare(rates((((1, 0), (50, 3)), (0.1, 0.9))), boundary=FIXED)
    assert isinstance(result, NotEnoughData)
    assert result.code == "too_few_units"


@both
def test_units_that_do_not_differ(compare):
    result = compare(rates((((50, 0), (50, 0)), (0.5, 0.5))), boundary=FIXED)
    assert isinstance(result, NotEnoughData)
    assert result.code == "zero_variance"


@both
def test_wrong_propensities_are_warned_of(compare):
    good = compare(EXAMPLE, boundary=FIXED)
    assert good.warnings == ()
    bad = compare(rates((((500, 20), (900, 60)), (0.5, 0.5))), boundary=FIXED)
    assert bad.warnings == ("counts_contradict_propensities",)


@both
@pytest.mark.parametrize(("control", "variant"), [(0, 2), (-1, 1), (1, 1)])
def test_bad_arms_are_refused(compare, control, variant):
    with pytest.raises(ValueError, match=r"must be from 0 to 1|must differ"):
        compare(EXAMPLE, control=control, variant=variant, boundary=FIXED)


def test_weighted_scores_are_for_one_look():
    batches = rates(([(500, 20), (500, 30)], (0.5, 0.5)))
    with pytest.raises(ValueError, match=r"boundary is AlwaysValid.*; it must be a FixedHorizon"):
        compare_weighted_scores(batches, boundary=AlwaysValid(0.05, 1000))
