"""What a winner is really worth: estimates that allow for having been selected.

An effect that is reported because it passed a threshold, or because it was the largest of several,
is too large on average. Here are the estimates and intervals that are right among the selected:
for one significant effect and for the sum over a programme of tests; `best_of_several` has those
for the best of several variants. For a test that stopped early at a group-sequential boundary see
`stagewise`, which knows at which look it stopped; where many past tests exist, `shrinkage` is
sharper than what one test alone allows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from abtesting.statistics.arguments import (
    as_floats,
    require_finite,
    require_positive,
    require_probability,
    require_type,
)
from abtesting.statistics.bayesian.posteriors import increasing_root
from abtesting.statistics.programme.shrinkage import Floats, Method, as_effects, shrink_effects
from abtesting.statistics.types import SIDES, Effect, Interval, NotEnoughData, Side

FARTHEST = 1000.0
"""Standard errors beyond which an end of an interval is reported as unbounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionalEffect:
    """An effect, given that it was selected for being significant.

    Attributes:
        estimate: Median-unbiased estimate: too high and too low equally often among the selected.
            Unbounded, as is the next one, if a one-sided threshold was only just passed.
        maximum_likelihood: The most likely effect given the selection; never further from 0 than
            the naive estimate.
        naive_estimate: The estimate as it was.
        standard_error: Standard error of the naive estimate.
        interval: Interval that covers the truth at its level among the selected. It may be far
            wider than the naive one when the threshold was only just passed, because then the
            selection says nearly all.
        critical: Standard errors that the estimate had to be from 0.
        side: Which estimates could be selected.
        level: Coverage of the interval.
        method: `conditional`.
    """

    estimate: float
    maximum_likelihood: float
    naive_estimate: float
    standard_error: float
    interval: Interval
    critical: float
    side: Side
    level: float
    method: str = "conditional"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgrammeTotal:
    """The sum of the true effects of all winners of a programme of tests.

    Attributes:
        estimate: Naive total less both biases.
        standard_error: Standard error of the estimate.
        interval: Normal interval.
        naive_total: Sum of the estimates of the winners.
        bias: Bias of the naive total as Lee and Shen estimate it, from all tests.
        residual_bias: What that estimate is expected to be wrong by: it puts the estimates in the
            place of the true effects, and their noise widens it. Below 0 where it is too large.
        num_tests: Tests in the programme.
        num_winners: Those above their threshold.
        level: Coverage of the interval.
        method: `lee_shen`.
    """

    estimate: float
    standard_error: float
    interval: Interval
    naive_total: float
    bias: float
    residual_bias: float
    num_tests: int
    num_winners: int
    level: float
    method: str = "lee_shen"


def conditional_effect(
    estimate: float,
    standard_error: float,
    *,
    critical: float,
    side: Side = "two_sided",
    level: float = 0.95,
) -> ConditionalEffect | NotEnoughData:
    """Return the effect of a test that is only looked at because it was significant.

    Args:
        estimate: The estimated effect.
        standard_error: Its standard error.
        critical: Standard errors beyond which an estimate is selected, at least 0: 1.96 for a
            two-sided p-value below 5 %.
        side: `two_sided` if either direction would have been selected.
        level: Coverage of the interval.

    Returns:
        The effect, or why there is none: `not_selected` if the estimate does not pass the
        threshold, `at_threshold` if it passes a one-sided one by next to nothing.

    References:
        Zhong, H. & Prentice, R. L. (2008). Bias-reduced estimators and confidence intervals for
        odds ratios in genome-wide association studies. Biostatistics 9(4).

    Examples:
        >>> effect = conditional_effect(0.05, 0.02, critical=1.96)
        >>> round(effect.estimate, 4), round(effect.maximum_likelihood, 4)
        (0.0309, 0.0228)
        >>> round(effect.interval.lower, 4), round(effect.interval.upper, 4)
        (-0.0084, 0.0866)
    """
    _require_estimate(estimate, standard_error)
    require_probability("level", level)
    if side not in SIDES:
        raise ValueError(f"side is {side!r}; it must be one of {', '.join(SIDES)}")
    require_finite("critical", critical)
    if critical < 0:
        raise ValueError(f"critical is {critical!r}; it must be finite and at least 0")
    z = estimate / standard_error
    # Effects below 0 are mirrored; from here on z is above the threshold.
    sign = -1.0 if side == "less" or (side == "two_sided" and z < 0) else 1.0
    z *= sign
    if z <= critical:
        return NotEnoughData(
            code="not_selected",
            detail=(
                f"the estimate is {sign * z:.4g} standard errors from 0 and would not have been "
                f"selected at {critical:.4g}"
            ),
        )

    def log_selected(effect: float) -> float:
        upper = float(special.log_ndtr(effect - critical))
        if side != "two_sided":
            return upper
        return float(np.logaddexp(upper, special.log_ndtr(-effect - critical)))

    def tail(effect: float) -> float:
        """Log probability of a z at least this large among the selected."""
        return float(special.log_ndtr(effect - z)) - log_selected(effect)

    def mean_excess(effect: float) -> float:
        """Mean of z among the selected, minus z."""
        log_densities = -((critical - effect) ** 2) / 2, -((critical + effect) ** 2) / 2
        shift = math.exp(log_densities[0] - log_selected(effect))
        if side == "two_sided":
            shift -= math.exp(log_densities[1] - log_selected(effect))
        return effect + shift / math.sqrt(2 * math.pi) - z

    def quantile(probability: float) -> float:
        return standardised_root(lambda m: tail(m) - math.log(probability), z)

    lower, upper = quantile((1 - level) / 2), quantile((1 + level) / 2)
    if upper == -math.inf:
        return NotEnoughData(
            code="at_threshold",
            detail=(
                f"the estimate passes its threshold of {critical:.4g} standard errors by "
                f"{z - critical:.2g}; that it was selected is all it says"
            ),
        )
    ends = sorted((sign * lower * standard_error, sign * upper * standard_error))
    return ConditionalEffect(
        estimate=sign * quantile(0.5) * standard_error,
        maximum_likelihood=sign * standardised_root(mean_excess, z) * standard_error,
        naive_estimate=estimate,
        standard_error=standard_error,
        interval=Interval(*ends),
        critical=critical,
        side=side,
        level=level,
    )


def effect_of_winner(effect: Effect) -> ConditionalEffect | NotEnoughData:
    """Return the difference of a significant effect, given that it was significant.

    Args:
        effect: An effect of one look. Its alpha and side are the selection, and 1 - alpha the
            coverage of the interval.

    Returns:
        The effect, or why there is none: as `conditional_effect`.

    Raises:
        ValueError: If the boundary of the effect is not `fixed_horizon`: other boundaries select
            at several looks.

    Examples:
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> from abtesting.statistics.moments import Counts
        >>> from abtesting.statistics.proportions import compare_proportions
        >>> effect = compare_proportions(
        ...     Counts(num_units=10_000, num_successes=500),
        ...     Counts(num_units=10_000, num_successes=570),
        ...     boundary=FixedHorizon(0.05),
        ... )
        >>> round(effect.difference, 4), round(effect_of_winner(effect).estimate, 4)
        (0.007, 0.0011)
    """
    require_type("effect", effect, Effect)
    if effect.boundary != "fixed_horizon":
        raise ValueError(
            f"boundary of the effect is {effect.boundary!r}; it must be 'fixed_horizon', and after "
            "several looks the stage-wise estimate takes its place"
        )
    tail = effect.alpha / 2 if effect.side == "two_sided" else effect.alpha
    return conditional_effect(
        effect.difference,
        effect.standard_error,
        critical=-float(special.ndtri(tail)),
        side=effect.side,
        level=1 - effect.alpha,
    )


def programme_total(
    effects: Sequence[float],
    standard_errors: Sequence[float],
    thresholds: Sequence[float],
    *,
    level: float = 0.95,
    method: Method = "reml",
) -> ProgrammeTotal | NotEnoughData:
    """Return what the winners of a programme of independent tests add up to.

    Args:
        effects: Estimate of every test that was run, not only of the winners, on one scale.
        standard_errors: Standard error of each.
        thresholds: Estimate above which each test was (or would have been) a winner.
        level: Coverage of the interval.
        method: Estimator of the spread of the true effects, as in `shrink_effects`.

    Returns:
        The total, or `too_few_tests` below 4.

    References:
        Lee, M. R. & Shen, M. (2018). Winner's curse: bias estimation for total effects of features
        in online controlled experiments. KDD '18.

    Examples:
        >>> total = programme_total(
        ...     [0.05, 0.01, -0.02, 0.03, 0.0, 0.06], [0.02] * 6, [0.0392] * 6
        ... )
        >>> round(total.naive_total, 3), round(total.bias, 4), round(total.estimate, 4)
        (0.11, 0.0227, 0.083)
    """
    y, variances = as_effects(effects, standard_errors)
    b = as_floats("thresholds", thresholds)
    if len(b) != len(y):
        raise ValueError(
            f"there are {len(y)} effects and {len(b)} thresholds; they must be equally many"
        )
    shrunk = shrink_effects(effects, standard_errors, level=level, method=method)
    if isinstance(shrunk, NotEnoughData):
        return shrunk
    se = np.sqrt(variances)
    won = y > b
    naive_total = float(y[won].sum())
    bias = float(se @ _density((b - y) / se))
    truths = np.array([effect.estimate for effect in shrunk.effects])
    error_means, error_variances = _error_of_lee_shen((b - truths) / se)
    residual_bias = float(se @ error_means)
    standard_error = math.sqrt(float(variances @ error_variances))
    estimate = naive_total - bias - residual_bias
    half_width = -float(special.ndtri((1 - level) / 2)) * standard_error
    return ProgrammeTotal(
        estimate=estimate,
        standard_error=standard_error,
        interval=Interval(estimate - half_width, estimate + half_width),
        naive_total=naive_total,
        bias=bias,
        residual_bias=residual_bias,
        num_tests=len(y),
        num_winners=int(won.sum()),
        level=level,
    )


def _error_of_lee_shen(distance: Floats) -> tuple[Floats, Floats]:
    """Return mean and variance of Z 1(Z > u) - phi(u - Z), with Z standard normal.

    That is the error of one test's corrected share in the total, in standard errors, when its
    threshold is u standard errors above its true effect.
    """
    half = distance / math.sqrt(2)
    smoothed = _density(half) / math.sqrt(2)
    tail = special.ndtr(-distance)
    mean = _density(distance) - smoothed
    square = distance * _density(distance) + tail
    cross = smoothed * (distance / 2 * special.ndtr(-half) + _density(half) / math.sqrt(2))
    density_square = np.exp(-(distance**2) / 3) / (2 * math.pi * math.sqrt(3))
    return mean, square - 2 * cross + density_square - mean**2


def _density(z: Floats) -> Floats:
    return np.asarray(np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi))


def standardised_root(function: Callable[[float], float], z: float) -> float:
    """Return the root of an increasing function, in standard errors, looking outwards from z.

    It is `-inf` if there is none within 1000 standard errors below.
    """
    step = 1.0
    low = high = z
    while function(low) > 0:
        if low < z - FARTHEST:
            return -math.inf
        low, step = low - step, 2 * step
    step = 1.0
    while function(high) < 0:
        high, step = high + step, 2 * step
    return increasing_root(function, low, high, tolerance=1e-12 * (1 + abs(z)))


def _require_estimate(estimate: float, standard_error: float) -> None:
    require_finite("estimate", estimate)
    require_positive("standard_error", standard_error)
