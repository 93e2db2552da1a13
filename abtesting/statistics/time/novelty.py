"""Whether an effect wears off or grows: effects by days since exposure, in fixed cohorts.

People react to what is new, and learn what is good. Both show as an effect that moves with the days
since a unit's own first exposure (calendar days mix old units with new ones). Only units that were
followed for all the days may be counted: otherwise the days are about different people. The same
units come back every day, so the days are correlated; `Moments` with one column per day carry all
that is needed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from abtesting.statistics.adaptive.doubly_robust import FloatArray, ScoreMean, normal_mean
from abtesting.statistics.arguments import require_alpha, require_moments
from abtesting.statistics.moments import Moments
from abtesting.statistics.types import Interval, NotEnoughData, num_of

DAYS_PER_WEEK = 7
MIN_DAYS = 8
"""The first and the last week have to differ."""
HALF_LIVES_PER_HORIZON = 1.0
"""Longest half-life that is tried, in horizons: a slower decay has hardly begun to level off."""
SHORTEST_HALF_LIFE_DAYS = 0.25
NUM_RATES = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Plateau:
    """Where the effect will settle, from `plateau + amplitude * exp(-rate * days)`.

    Attributes:
        value: Effect after everything has worn off.
        standard_error: From the curvature at the best fit (Gauss-Newton).
        interval: Profile-likelihood interval, which is not symmetric.
        amplitude: Effect at day 0 minus the plateau: above 0 for novelty.
        half_life_days: Days in which half of it wears off.
        half_life_interval: The half-lives that the same profile doesn't exclude. Below a quarter
            of a day they can't be told apart.
        fit_p_value: Chi-square p-value of the shape; a small one says that it isn't this curve.
    """

    value: float
    standard_error: float
    interval: Interval
    amplitude: float
    half_life_days: float
    half_life_interval: Interval
    fit_p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NoveltyAnalysis:
    """How the effect moves with the days since exposure.

    Attributes:
        days: Difference of the means on each day since exposure, from day 0.
        first_week: Mean daily difference over the first 7 days.
        last_week: The same over the last 7.
        change: Last minus first, with the covariance of the two.
        slope: Change of the daily difference per day, by least squares.
        joint_statistic: Wald statistic of "the same on every day".
        joint_df: Number of days minus 1.
        joint_p_value: Its p-value (Hotelling).
        plateau: Where it settles, or why that can't be said: `no_change` where the effect doesn't
            move, `plateau_not_identified` where it may still be moving at the end.
        warnings: `novelty` if the last week's effect is closer to 0 or of the other sign than the
            first week's, `primacy` if it is further away; only where the interval of the change
            excludes 0.
        method: `fixed_cohort`.
        alpha: Two-sided level.
    """

    days: tuple[ScoreMean, ...]
    first_week: ScoreMean
    last_week: ScoreMean
    change: ScoreMean
    slope: ScoreMean
    joint_statistic: float
    joint_df: int
    joint_p_value: float
    plateau: Plateau | NotEnoughData
    warnings: tuple[str, ...]
    method: str
    alpha: float


def analyse_novelty(
    control: Moments, variant: Moments, *, alpha: float = 0.05
) -> NoveltyAnalysis | NotEnoughData:
    """Analyse the effect by days since exposure.

    Args:
        control: Moments of the control's cohort, one column per day since exposure. Every unit has
            a value for every day, 0 where it did nothing. Cohorts that started on other dates add
            up with `+`.
        variant: The same of the variant.
        alpha: Two-sided level of all intervals and of the warnings.

    Returns:
        The analysis, or why there is none: `too_few_days` below 8, `too_few_units`, or
        `zero_variance` on some day.

    References:
        Hohnhold, H., O'Brien, D. & Tang, D. (2015). Focusing on the long-term: it's good for users
        and business. KDD '15.
        Sadeghi, S., Gupta, S., Gramatovici, S., Lu, J., Ai, H. & Zhang, R. (2022). Novelty and
        primacy: a long-term estimator for online experiments. Technometrics 64(4) (2102.12893).

    Examples:
        >>> rng = np.random.default_rng(6)
        >>> days = np.arange(14)
        >>> effect = 0.05 + 0.2 * np.exp(-0.35 * days)
        >>> control = Moments.from_array(rng.normal(1.0, 1.0, (20_000, 14)))
        >>> variant = Moments.from_array(rng.normal(1.0 + effect, 1.0, (20_000, 14)))
        >>> result = analyse_novelty(control, variant)
        >>> result.warnings
        ('novelty',)
        >>> round(result.plateau.value, 2), result.plateau.interval.contains(0.05)
        (0.05, True)
    """
    require_alpha(alpha)
    require_moments(control, variant)
    num_days = len(control.means)
    if len(variant.means) != num_days:
        raise ValueError(
            f"control has {num_days} days and variant {len(variant.means)}; they must be equal"
        )
    if num_days < MIN_DAYS:
        return NotEnoughData(
            code="too_few_days", detail=f"there are {num_days} days; at least {MIN_DAYS} are needed"
        )
    # Below that the covariance of the days is too uncertain for a joint test.
    smallest, needed = min(control.n, variant.n), 5 * num_days
    if smallest < needed:
        return NotEnoughData(
            code="too_few_units",
            detail=(
                f"the smaller cohort has {num_of(smallest, 'unit')}; {num_days} days need {needed}"
            ),
        )
    effects = np.array(variant.means) - np.array(control.means)
    covariance = _covariance(control) + _covariance(variant)
    num_units = control.n + variant.n

    def contrast(weights: FloatArray, method: str) -> ScoreMean | NotEnoughData:
        error = math.sqrt(max(float(weights @ covariance @ weights), 0.0))
        return normal_mean(
            float(weights @ effects), error, num_units=num_units, alpha=alpha, method=method
        )

    days = np.arange(num_days, dtype=np.float64)
    first = np.where(days < DAYS_PER_WEEK, 1 / DAYS_PER_WEEK, 0.0)
    last = first[::-1]
    centred = days - days.mean()
    contrasts = [contrast(unit, "day") for unit in np.eye(num_days)] + [
        contrast(first, "first_week"),
        contrast(last, "last_week"),
        contrast(last - first, "change"),
        contrast(centred / float(centred @ centred), "slope"),
    ]
    means = [mean for mean in contrasts if isinstance(mean, ScoreMean)]
    if len(means) < len(contrasts) or not _is_regular(covariance):
        return NotEnoughData(
            code="zero_variance",
            detail="all units have one value on some day, or a day follows from the others",
        )
    *daily, first_week, last_week, change, slope = means
    statistic, p_value = _same_every_day(effects, covariance, df=num_units - 2)
    return NoveltyAnalysis(
        days=tuple(daily),
        first_week=first_week,
        last_week=last_week,
        change=change,
        slope=slope,
        joint_statistic=statistic,
        joint_df=num_days - 1,
        joint_p_value=p_value,
        plateau=_plateau(effects, covariance, change=change, alpha=alpha),
        warnings=_warnings(first_week, last_week, change),
        method="fixed_cohort",
        alpha=alpha,
    )


def _covariance(moments: Moments) -> FloatArray:
    """Return the covariance of the daily means."""
    return np.array(moments.comoments, dtype=np.float64) / (moments.n - 1) / moments.n


def _is_regular(covariance: FloatArray) -> bool:
    """Return whether no day follows from the others, up to rounding."""
    errors = np.sqrt(covariance.diagonal())
    return bool(np.linalg.eigvalsh(covariance / np.outer(errors, errors))[0] > 1e-10)


def _same_every_day(effects: FloatArray, covariance: FloatArray, *, df: int) -> tuple[float, float]:
    """Return Hotelling's statistic of the differences between days and its p-value."""
    steps = np.diff(effects)
    between = np.diff(np.diff(covariance, axis=0), axis=1)
    statistic = float(steps @ np.linalg.solve(between, steps))
    num_steps = len(steps)
    ratio = statistic * (df - num_steps + 1) / (num_steps * df)
    return statistic, float(special.fdtrc(num_steps, df - num_steps + 1, ratio))


def _warnings(first: ScoreMean, last: ScoreMean, change: ScoreMean) -> tuple[str, ...]:
    if change.interval.contains(0.0):
        return ()
    # Judged by the direction of the first week: shrinking towards 0 and beyond it is wearing off.
    return ("novelty",) if first.value * change.value < 0 else ("primacy",)


def _plateau(
    effects: FloatArray, covariance: FloatArray, *, change: ScoreMean, alpha: float
) -> Plateau | NotEnoughData:
    """Fit the decay by generalised least squares, one linear fit for each rate of a grid.

    For a given rate the fit is linear and the plateau normal around its estimate. The union of the
    intervals of all rates, each as wide as the rate's lack of fit leaves it, is the profile
    interval; with it the answer to "how sure?" needs no linearisation in the rate.
    """
    if change.interval.contains(0.0):
        return NotEnoughData(
            code="no_change",
            detail="the last week's effect does not differ from the first week's",
        )
    num_days = len(effects)
    days = np.arange(num_days, dtype=np.float64)
    longest = HALF_LIVES_PER_HORIZON * num_days
    rates = math.log(2) / np.geomspace(SHORTEST_HALF_LIFE_DAYS, longest, NUM_RATES)
    root = np.linalg.cholesky(covariance)
    y = np.linalg.solve(root, effects)
    one = np.linalg.solve(root, np.ones(num_days))
    losses, plateaus, variances = (np.empty(NUM_RATES) for _ in range(3))
    amplitudes = np.empty(NUM_RATES)
    for i, rate in enumerate(rates):
        design = np.column_stack([one, np.linalg.solve(root, np.exp(-rate * days))])
        inverse = np.linalg.inv(design.T @ design)
        plateaus[i], amplitudes[i] = inverse @ (design.T @ y)
        variances[i] = inverse[0, 0]
        residual = y - design @ np.array([plateaus[i], amplitudes[i]])
        losses[i] = float(residual @ residual)
    best = int(np.argmin(losses))
    slack = float(special.ndtri(alpha / 2)) ** 2 - (losses - losses[best])
    kept = slack >= 0
    if kept[-1]:
        return NotEnoughData(
            code="plateau_not_identified",
            detail=(
                f"half-lives of {longest:g} days and more fit the {num_days} days too; the effect "
                "may still be moving"
            ),
        )
    half_widths = np.sqrt(np.maximum(slack, 0.0) * variances)
    rate = float(rates[best])
    decayed = np.exp(-rate * days)
    jacobian = np.column_stack(
        [one, np.linalg.solve(root, np.column_stack([decayed, -amplitudes[best] * days * decayed]))]
    )
    curvature = np.linalg.pinv(jacobian.T @ jacobian)
    half_lives = math.log(2) / rates[kept]
    return Plateau(
        value=float(plateaus[best]),
        standard_error=math.sqrt(float(curvature[0, 0])),
        interval=Interval(
            float((plateaus - half_widths)[kept].min()), float((plateaus + half_widths)[kept].max())
        ),
        amplitude=float(amplitudes[best]),
        half_life_days=math.log(2) / rate,
        half_life_interval=Interval(float(half_lives.min()), float(half_lives.max())),
        fit_p_value=float(special.chdtrc(num_days - 3, losses[best])),
    )
