from __future__ import annotations

import numpy as np
import pytest

from abtesting.statistics.adjustment.stratification import (
    compare_stratified_means,
    compare_stratified_ratios,
    merge_thin_strata,
)
from abtesting.statistics.boundaries import FixedHorizon
from abtesting.statistics.means import compare_means
from abtesting.statistics.moments import Moments
from tests.known_answers import cases, close

FIXED = FixedHorizon(0.05)


def from_sums(n, total, squares):
    return Moments(n=n, means=(total / n,), comoments=((squares - total**2 / n,),))


@cases("stratification", "post_stratification")
def test_agrees_with_gbstats(case):
    """The absolute effect; its relative one is tested on a scale of its own, which is not ours."""
    strata = [
        tuple(from_sums(s[f"n_{arm}"], s[f"sum_{arm}"], s[f"ss_{arm}"]) for arm in "ct")
        for s in case["inputs"]["strata"]
    ]
    result = compare_stratified_means(strata, boundary=FIXED)
    effect, expected = result.effect, case["expected"]["absolute"]
    assert result.fallback is None
    assert effect.difference == pytest.approx(expected["estimate"], **close(case))
    assert effect.standard_error == pytest.approx(expected["se"], **close(case))
    assert effect.p_value == pytest.approx(expected["p_value"], **close(case))
    interval = [effect.difference_interval.lower, effect.difference_interval.upper]
    assert interval == pytest.approx(expected["ci"], **close(case))
    expected = case["expected"]["absolute_unstratified"]
    assert result.unadjusted.difference == pytest.approx(expected["estimate"], **close(case))
    assert result.unadjusted.standard_error == pytest.approx(expected["se"], **close(case))


def strata_of(rng, *, sizes=((300, 100), (50, 150)), effects=(0.0, 0.0), levels=(0.0, 3.0)):
    return [
        (
            Moments.from_array(level + rng.normal(size=n_c)),
            Moments.from_array(level + effect + rng.normal(size=n_t)),
        )
        for (n_c, n_t), effect, level in zip(sizes, effects, levels, strict=True)
    ]


def test_a_different_mix_of_strata_is_no_effect():
    result = compare_stratified_means(strata_of(np.random.default_rng(1)), boundary=FIXED)
    assert result.unadjusted.is_significant
    assert not result.effect.is_significant
    assert result.variance_reduction > 0.5
    assert sum(result.weights) == pytest.approx(1)


def test_weights_are_variable_only_as_far_as_effects_differ():
    rng = np.random.default_rng(2)
    equal = strata_of(rng, effects=(0.0, 0.0))
    shifted = [(c, t + Moments.zero()) for c, t in equal]
    wide = [
        (c, Moments(n=t.n, means=(t.mean + 5 * i,), comoments=t.comoments))
        for i, (c, t) in enumerate(shifted)
    ]
    narrow = compare_stratified_means(equal, boundary=FIXED).adjusted
    wider = compare_stratified_means(wide, boundary=FIXED).adjusted
    num_units = 600
    w = 400 / 600
    gap = [t.mean - c.mean for c, t in equal]
    expected = narrow.standard_error**2 + w * (1 - w) / num_units * (
        (gap[1] + 5 - gap[0]) ** 2 - (gap[1] - gap[0]) ** 2
    )
    assert wider.standard_error**2 == pytest.approx(expected)


def test_swapping_the_arms_swaps_the_sign():
    strata = strata_of(np.random.default_rng(3), effects=(0.2, 0.5))
    one = compare_stratified_means(strata, boundary=FIXED).effect
    other = compare_stratified_means([(t, c) for c, t in strata], boundary=FIXED).effect
    assert other.difference == pytest.approx(-one.difference)
    assert other.p_value == pytest.approx(one.p_value)


def test_p_and_both_intervals_agree():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        effect = compare_stratified_means(
            strata_of(rng, effects=(0.1, 0.2), levels=(1.0, 3.0)), boundary=FIXED
        ).effect
        assert effect.is_significant == (not effect.difference_interval.contains(0.0))
        assert effect.is_significant == (not effect.lift_interval.contains(0.0))


def test_one_stratum_is_the_unadjusted_effect():
    strata = strata_of(np.random.default_rng(4))[:1]
    result = compare_stratified_means(strata, boundary=FIXED)
    assert result.fallback == "one_stratum"
    assert result.effect == compare_means(*strata[0], boundary=FIXED)
    assert result.variance_reduction == 0


def test_useless_strata_leave_the_unadjusted_effect():
    falls_back = 0
    for seed in range(50):
        rng = np.random.default_rng(seed)
        strata = strata_of(rng, sizes=((40, 60),) * 6, effects=(0.0,) * 6, levels=(0.0,) * 6)
        result = compare_stratified_means(strata, boundary=FIXED)
        assert result.effect.standard_error <= result.unadjusted.standard_error
        falls_back += result.fallback == "no_gain"
    assert falls_back > 10


def test_constant_strata_say_why():
    strata = [
        (Moments.constant(40, [value]), Moments.constant(30 + 20 * value, [value]))
        for value in (1, 2)
    ]
    result = compare_stratified_means(strata, boundary=FIXED)
    assert result.fallback == "zero_variance"


@pytest.mark.parametrize(
    ("sizes", "groups"),
    [
        ([(30, 30), (40, 50)], ((0,), (1,))),
        ([(29, 90), (40, 50), (90, 29)], ((1,), (0, 2))),
        ([(5, 5), (40, 50), (60, 80)], ((2,), (0, 1))),
        ([(5, 5), (6, 7)], ((0, 1),)),
        ([(0, 5), (40, 40)], ((0, 1),)),
    ],
)
def test_thin_strata_are_merged(sizes, groups):
    strata = [tuple(Moments.constant(n, [1.0]) for n in cell) for cell in sizes]
    assert merge_thin_strata(strata) == groups


def test_ratio_with_a_constant_denominator_is_the_mean():
    rng = np.random.default_rng(6)
    means, ratios = [], []
    for n_c, n_t, level in ((100, 90, 2.0), (60, 80, 5.0)):
        arms = [level + rng.normal(size=n) for n in (n_c, n_t)]
        means.append(tuple(Moments.from_array(arm) for arm in arms))
        ratios.append(
            tuple(Moments.from_array(np.column_stack([arm, np.ones_like(arm)])) for arm in arms)
        )
    one = compare_stratified_means(means, boundary=FIXED).effect
    other = compare_stratified_ratios(ratios, boundary=FIXED).effect
    assert other.difference == pytest.approx(one.difference)
    assert other.standard_error == pytest.approx(one.standard_error)
    assert other.p_value == pytest.approx(one.p_value)


def test_false_positive_rate():
    rng = np.random.default_rng(7)
    rejections = sum(
        compare_stratified_means(
            strata_of(
                rng,
                sizes=zip(
                    rng.multinomial(300, [0.6, 0.3, 0.1]) + 2,
                    rng.multinomial(900, [0.6, 0.3, 0.1]) + 2,
                    strict=True,
                ),
                effects=(0.0,) * 3,
                levels=(0.0, 1.0, 4.0),
            ),
            boundary=FIXED,
        ).effect.is_significant
        for _ in range(2_000)
    )
    assert 0.035 < rejections / 2_000 < 0.065


def test_bad_input():
    arm = Moments.from_array([1.0, 2.0, 4.0])
    with pytest.raises(ValueError, match="strata is empty"):
        compare_stratified_means([], boundary=FIXED)
    with pytest.raises(ValueError, match=r"strata\[1\] has moments of 2 columns"):
        compare_stratified_means([(arm, arm), (arm, Moments.zero(2))], boundary=FIXED)
    with pytest.raises(ValueError, match="it must have 2, of control and variant"):
        compare_stratified_means([(arm,)], boundary=FIXED)
    with pytest.raises(ValueError, match="min_units_per_cell is 1"):
        merge_thin_strata([(arm, arm)], min_units_per_cell=1)
