from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from abtesting.statistics.moments import Moments
from abtesting.statistics.time.novelty import Plateau, analyse_novelty
from abtesting.statistics.types import NotEnoughData


def cohort(rng, means, *, n=20_000, correlation=0.2):
    """Moments of n normal units, drawn as their own sampling distribution."""
    days = len(means)
    root = np.linalg.cholesky(correlation + (1 - correlation) * np.eye(days))
    factor = np.tril(rng.standard_normal((days, days)), -1)
    factor[np.diag_indices(days)] = np.sqrt(rng.chisquare(n - 1 - np.arange(days)))
    products = root @ factor @ factor.T @ root.T
    return Moments(
        n=n,
        means=tuple((means + root @ rng.standard_normal(days) / math.sqrt(n)).tolist()),
        comoments=tuple(tuple(row) for row in ((products + products.T) / 2).tolist()),
    )


def analyse(rng, effect, **options):
    base = np.ones(len(effect))
    return analyse_novelty(cohort(rng, base, **options), cohort(rng, base + effect, **options))


def decay(plateau, amplitude, half_life, days=28):
    return plateau + amplitude * 0.5 ** (np.arange(days) / half_life)


def test_days_and_weeks_by_hand():
    rng = np.random.default_rng(1)
    control, variant = rng.normal(1.0, 1.0, (400, 10)), rng.normal(1.2, 2.0, (300, 10))
    variant += rng.normal(size=(300, 1))
    result = analyse_novelty(Moments.from_array(control), Moments.from_array(variant))
    for day, mean in enumerate(result.days):
        assert mean.value == pytest.approx(variant[:, day].mean() - control[:, day].mean())
    for mean, chosen in ((result.first_week, slice(None, 7)), (result.last_week, slice(3, None))):
        weeks = [arm[:, chosen].mean(axis=1) for arm in (control, variant)]
        assert mean.value == pytest.approx(weeks[1].mean() - weeks[0].mean())
        error = math.sqrt(sum(week.var(ddof=1) / len(week) for week in weeks))
        assert mean.standard_error == pytest.approx(error)
    change = [arm[:, 3:].mean(axis=1) - arm[:, :7].mean(axis=1) for arm in (control, variant)]
    error = math.sqrt(sum(unit.var(ddof=1) / len(unit) for unit in change))
    assert result.change.standard_error == pytest.approx(error)
    slopes = [
        np.polynomial.polynomial.polyfit(range(10), arm.T, 1)[1] for arm in (control, variant)
    ]
    assert result.slope.value == pytest.approx(slopes[1].mean() - slopes[0].mean())
    error = math.sqrt(sum(slope.var(ddof=1) / len(slope) for slope in slopes))
    assert result.slope.standard_error == pytest.approx(error)


def test_joint_test_of_one_day_against_the_other_is_hotelling():
    rng = np.random.default_rng(2)
    control, variant = rng.normal(size=(60, 8)), rng.normal(size=(60, 8))
    result = analyse_novelty(Moments.from_array(control), Moments.from_array(variant))
    gap = np.diff(variant, axis=1).mean(axis=0) - np.diff(control, axis=1).mean(axis=0)
    pooled = (np.cov(np.diff(control).T) + np.cov(np.diff(variant).T)) / 60
    statistic = gap @ np.linalg.solve(pooled, gap)
    assert result.joint_statistic == pytest.approx(statistic)
    expected = stats.f.sf(statistic * (118 - 7 + 1) / (118 * 7), 7, 118 - 7 + 1)
    assert result.joint_p_value == pytest.approx(expected)


def test_levels_where_the_effect_stays():
    rng = np.random.default_rng(3)
    found = np.zeros(3)
    for _ in range(600):
        result = analyse(rng, np.full(14, 0.05), n=3000)
        found += [result.joint_p_value < 0.05, result.slope.p_value < 0.05, bool(result.warnings)]
        assert not result.warnings or isinstance(result.plateau, NotEnoughData)
    assert found / 600 == pytest.approx([0.05] * 3, abs=3 * math.sqrt(0.05 * 0.95 / 600))


@pytest.mark.parametrize(
    ("amplitude", "warning"), [(0.15, "novelty"), (-0.03, "primacy"), (0.0, None)]
)
def test_warnings(amplitude, warning):
    result = analyse(np.random.default_rng(4), decay(0.06, amplitude, 3.0), n=100_000)
    assert result.warnings == (() if warning is None else (warning,))


def test_an_effect_that_turns_against_its_first_week_is_novelty():
    result = analyse(np.random.default_rng(5), decay(-0.1, 0.3, 4.0))
    assert result.first_week.value > 0 > result.last_week.value
    assert result.warnings == ("novelty",)


def test_the_plateau_is_covered():
    rng = np.random.default_rng(6)
    plateaus = [analyse(rng, decay(0.05, 0.15, 2.5, 21)).plateau for _ in range(80)]
    covered = [plateau.interval.contains(0.05) for plateau in plateaus]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.075)
    values = np.array([plateau.value for plateau in plateaus])
    assert values.mean() == pytest.approx(0.05, abs=0.002)
    errors = np.array([plateau.standard_error for plateau in plateaus])
    assert np.median(errors) == pytest.approx(values.std(), rel=0.25)
    assert np.mean([plateau.half_life_interval.contains(2.5) for plateau in plateaus]) > 0.88


def test_a_decay_slower_than_the_data_has_no_plateau():
    result = analyse(np.random.default_rng(7), decay(0.0, 0.3, 30.0, 14))
    assert result.warnings == ("novelty",)
    assert isinstance(result.plateau, NotEnoughData)
    assert result.plateau.code == "plateau_not_identified"


def test_an_effect_that_stays_has_no_decay_to_fit():
    result = analyse(np.random.default_rng(8), np.full(14, 0.1))
    assert isinstance(result.plateau, NotEnoughData)
    assert result.plateau.code == "no_change"


def test_a_shape_that_is_no_decay_is_noticed():
    effect = np.r_[np.full(7, 0.3), np.full(4, 0.0), np.full(3, 0.15)]
    plateau = analyse(np.random.default_rng(9), effect).plateau
    assert not isinstance(plateau, Plateau) or plateau.fit_p_value < 1e-3


def test_units_of_the_metric_do_not_matter():
    rng = np.random.default_rng(10)
    control = rng.normal(1.0, 1.0, (3000, 14))
    variant = rng.normal(1 + decay(0.0, 0.4, 2.0, 14), 1.0, (3000, 14))
    one, cents = (
        analyse_novelty(Moments.from_array(scale * control), Moments.from_array(scale * variant))
        for scale in (1.0, 100.0)
    )
    assert cents.joint_p_value == pytest.approx(one.joint_p_value)
    assert cents.plateau.value == pytest.approx(100 * one.plateau.value)
    assert cents.plateau.half_life_days == pytest.approx(one.plateau.half_life_days)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        (np.random.default_rng(1).normal(size=(90, 7)), "too_few_days"),
        (np.random.default_rng(1).normal(size=(39, 8)), "too_few_units"),
        (np.ones((90, 8)), "zero_variance"),
        (np.random.default_rng(1).normal(size=(90, 1)) * np.ones(8), "zero_variance"),
    ],
)
def test_no_result(values, code):
    moments = Moments.from_array(values)
    result = analyse_novelty(moments, moments)
    assert isinstance(result, NotEnoughData)
    assert result.code == code


def test_other_numbers_of_days_are_refused():
    with pytest.raises(ValueError, match="control has 9 days and variant 8"):
        analyse_novelty(Moments.zero(9), Moments.zero(8))
