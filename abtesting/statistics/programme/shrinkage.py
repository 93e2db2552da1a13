"""Empirical Bayes across tests: how much effects really differ, and what each one is then.

The winners of many tests look better than they are, because winning selects for luck. Estimates
that are shrunk towards the mean of all tests don't: among tests chosen by their results, they are
right on average. It holds when *all* tests go in, not only the shipped ones. `meta_analysis` and
`priors` build on it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import special

from abtesting.statistics.arguments import as_floats, require_positive, require_probability
from abtesting.statistics.types import Interval, NotEnoughData

Method = Literal["reml", "dersimonian_laird", "paule_mandel"]
Floats = NDArray[np.float64]

MIN_TESTS = 4
"""Fewer tests leave the correction of the intervals without a finite variance (Morris 1983)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShrunkEffect:
    """One test after shrinking.

    Attributes:
        estimate: Posterior mean (BLUP): `shrinkage * mean + (1 - shrinkage) * effect`.
        standard_error: Its standard error with the uncertainty of mean and spread (Morris).
        interval: Interval of the true effect.
        shrinkage: Weight of the mean of all tests, from 0 to 1.
    """

    estimate: float
    standard_error: float
    interval: Interval
    shrinkage: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrinkage:
    """What many tests say together.

    Attributes:
        mean: Mean of the true effects.
        standard_error: Standard error of the mean.
        between_variance: Variance of the true effects (tau squared).
        q: Cochran's Q, the weighted sum of squares around the common effect.
        q_p_value: Probability of a Q this large if all true effects were equal.
        i_squared: Share of the variance of the estimates that is not sampling error, from Q.
        effects: The shrunk tests, in the order given.
        method: How the variance was estimated.
        level: Probability of the intervals.
    """

    mean: float
    standard_error: float
    between_variance: float
    q: float
    q_p_value: float
    i_squared: float
    effects: tuple[ShrunkEffect, ...]
    method: Method
    level: float


def shrink_effects(
    effects: Sequence[float],
    standard_errors: Sequence[float],
    *,
    method: Method = "reml",
    level: float = 0.95,
) -> Shrinkage | NotEnoughData:
    """Shrink the effects of independent tests towards their mean.

    The true effects are taken as normal around one mean, so all must be on one scale: lifts of the
    same metric, with the sign turned where lower is better.

    Args:
        effects: Estimated effect of each test.
        standard_errors: Standard error of each, above 0.
        method: Estimator of the variance of the true effects: `reml`, the least biased,
            `dersimonian_laird` or `paule_mandel`.
        level: Probability of the intervals.

    Returns:
        The shrunk tests, or why there are none: `too_few_tests` below 4.

    References:
        Morris, C. N. (1983). Parametric empirical Bayes inference. JASA 78(381), section 5.
        Viechtbauer, W. (2005). Bias and efficiency of meta-analytic variance estimators. Journal
        of Educational and Behavioral Statistics 30(3).

    Examples:
        >>> result = shrink_effects([0.08, 0.01, -0.02, 0.03, 0.0], [0.02, 0.01, 0.02, 0.01, 0.01])
        >>> round(result.mean, 4), round(result.between_variance**0.5, 4)
        (0.019, 0.0303)
        >>> round(result.effects[0].estimate, 4)
        0.0615
    """
    y, v = as_effects(effects, standard_errors)
    require_probability("level", level)
    if len(y) < MIN_TESTS:
        return NotEnoughData(
            code="too_few_tests",
            detail=f"there are {len(y)} tests; shrinking needs at least {MIN_TESTS}",
        )
    tau2 = between_variance(y, v, method)
    mean, variance = pooled_mean(y, v, tau2)
    q, i_squared = heterogeneity(y, v)
    return Shrinkage(
        mean=mean,
        standard_error=math.sqrt(variance),
        between_variance=tau2,
        q=q,
        q_p_value=float(special.chdtrc(len(y) - 1, q)),
        i_squared=i_squared,
        effects=_shrunk(y, v, tau2=tau2, mean=mean, level=level),
        method=method,
        level=level,
    )


def as_effects(
    effects: Sequence[float], standard_errors: Sequence[float], *, name: str = "effects"
) -> tuple[Floats, Floats]:
    """Return checked effects and the variances of the estimates.

    Raises:
        ValueError: If the lengths differ, an effect is not finite, or a standard error is not
            finite and above 0.
    """
    y, se = as_floats(name, effects), as_floats("standard_errors", standard_errors)
    if len(y) != len(se):
        raise ValueError(
            f"there are {len(y)} {name} and {len(se)} standard errors; they must be equally many"
        )
    for i, error in enumerate(se.tolist()):
        require_positive(f"standard_errors[{i}]", error)
    return y, se * se


def pooled_mean(y: Floats, v: Floats, tau2: float) -> tuple[float, float]:
    """Return the mean of the true effects and the variance of that mean."""
    w = 1 / (v + tau2)
    total = float(w.sum())
    return float(w @ y) / total, 1 / total


def heterogeneity(y: Floats, v: Floats) -> tuple[float, float]:
    """Return Cochran's Q and I squared.

    References:
        Higgins, J. P. T. & Thompson, S. G. (2002). Quantifying heterogeneity in a meta-analysis.
        Statistics in Medicine 21(11).
    """
    q = _q(y, v, 0.0)
    return q, max(0.0, (q - (len(y) - 1)) / q) if q > 0 else 0.0


def between_variance(y: Floats, v: Floats, method: Method) -> float:
    """Return the variance of the true effects, at least 0, from two tests or more.

    Each estimator is the exact answer to its definition, to the last digits: `reml` the global
    maximum of the restricted likelihood, `paule_mandel` the variance at which the generalised Q,
    the sum of squares weighted by 1 / (v + tau2) around the mean weighted so, is the number of
    tests less 1 (or 0 if Q is below that already). Programs that stop earlier differ by as much as
    their tolerance is large beside the variance: metafor 3.8 stops at an absolute change of 1e-5
    (REML) or 1e-4 (Paule-Mandel), which for lifts with a true variance of 1e-4 is 10 % of it.

    References:
        DerSimonian, R. & Laird, N. (1986). Meta-analysis in clinical trials. Controlled Clinical
        Trials 7(3).
        Paule, R. C. & Mandel, J. (1982). Consensus values and weighting factors. Journal of
        Research of the National Bureau of Standards 87(5).
    """
    if method not in get_args(Method):
        raise ValueError(f"method is {method!r}; it must be one of {', '.join(get_args(Method))}")
    if method == "dersimonian_laird":
        w = 1 / v
        total = float(w.sum())
        return max(0.0, (_q(y, v, 0.0) - (len(y) - 1)) / (total - float(w @ w) / total))
    if method == "paule_mandel":
        return _falling_root(lambda tau2: _q(y, v, tau2) - (len(y) - 1), start=float(v.min()))
    return _reml(y, v)


def _shrunk(
    y: Floats, v: Floats, *, tau2: float, mean: float, level: float
) -> tuple[ShrunkEffect, ...]:
    """Return the BLUPs with Morris's standard errors.

    Those add what is not known of the mean and, growing with the distance from it, of the spread.
    In them the shrinkage is held below 1 by the factor (k - 3) / (k - 1), so that an interval has
    a width even where the estimated spread is 0.
    """
    k = len(y)
    w = 1 / (v + tau2)
    shrinkage = v * w
    residuals = y - mean
    total = float(w.sum())
    held = shrinkage * (k - 3) / (k - 1)
    mean_v = float(w @ v) / total
    spread_variance = 2 / (k - 3) * held**2 * (mean_v + tau2) * w
    errors = np.sqrt(v * (1 - (1 - w / total) * held) + spread_variance * residuals**2)
    estimates = mean + (1 - shrinkage) * residuals
    half_widths = -float(special.ndtri((1 - level) / 2)) * errors
    return tuple(
        ShrunkEffect(
            estimate=float(estimates[i]),
            standard_error=float(errors[i]),
            interval=Interval(
                float(estimates[i] - half_widths[i]), float(estimates[i] + half_widths[i])
            ),
            shrinkage=float(shrinkage[i]),
        )
        for i in range(k)
    )


def _q(y: Floats, v: Floats, tau2: float) -> float:
    w = 1 / (v + tau2)
    residuals = y - float(w @ y) / float(w.sum())
    return float(w @ (residuals * residuals))


def _reml(y: Floats, v: Floats) -> float:
    """Return the global maximum of the restricted likelihood, which may have several."""
    squares = (y - y.mean()) ** 2
    highest = float(squares.sum())
    if highest <= 1e-9 * float(v.min()):
        return 0.0
    grid = np.concatenate([[0.0], np.geomspace(1e-4 * min(highest, float(v.min())), highest, 200)])
    w = 1 / (v + grid[:, None])
    totals = w.sum(axis=1)
    residuals = y - (w @ y / totals)[:, None]
    log_likelihood = np.log(w).sum(axis=1) - np.log(totals) - (w * residuals**2).sum(axis=1)
    best = int(np.argmax(log_likelihood))

    def score(tau2: float) -> float:
        w = 1 / (v + tau2)
        total = float(w.sum())
        residuals = y - float(w @ y) / total
        return float((w * residuals) @ (w * residuals)) - total + float(w @ w) / total

    if best == 0 and score(0.0) <= 0:
        return 0.0
    return _falling_root(score, start=float(grid[best]), low=float(grid[max(best - 1, 0)]))


def _falling_root(function: Callable[[float], float], *, start: float, low: float = 0.0) -> float:
    """Return where a function falls through 0 above `low`, or `low` if it is not above 0 there."""
    if function(low) <= 0:
        return low
    high = max(start, sys.float_info.min)
    while function(high) > 0:
        low, high = high, 2 * high
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return middle
        low, high = (middle, high) if function(middle) > 0 else (low, middle)
