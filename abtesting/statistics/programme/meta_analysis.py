"""Repeated tests of one idea, put together: meta-analysis.

The same change was tested in several countries, seasons or shops. The fixed-effect mean asks what
it did on average in exactly these tests; the random-effects mean and the prediction interval ask
what it does in general, and what the next test should expect.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from abtesting.statistics.arguments import require_probability
from abtesting.statistics.programme.shrinkage import (
    Floats,
    Method,
    as_effects,
    between_variance,
    heterogeneity,
    pooled_mean,
)
from abtesting.statistics.types import Interval, NotEnoughData


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledEffect:
    """One mean of several tests.

    Attributes:
        estimate: The mean, weighted by precision.
        standard_error: Its standard error.
        interval: Confidence interval.
        p_value: Two-sided p-value of a mean of 0.
        df: Degrees of freedom of interval and p-value; `None` for the normal distribution.
        method: `fixed`, `random` or `hartung_knapp`.
    """

    estimate: float
    standard_error: float
    interval: Interval
    p_value: float
    df: int | None
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MetaAnalysis:
    """Several tests of one idea.

    Attributes:
        fixed: Mean effect if the true effect is the same in all tests.
        random: Mean of true effects that differ, with a normal interval; too narrow for few tests.
        hartung_knapp: The same mean with an interval that holds for few tests. The one to report.
        prediction_interval: Interval for the true effect of the next test; `None` with 2 tests.
            With five tests it covers some 90 % instead of 95 %.
        between_variance: Variance of the true effects (tau squared).
        q: Cochran's Q.
        q_p_value: p-value of the hypothesis that all true effects are equal.
        i_squared: Share of the variance of the estimates that is not sampling error.
        weights: Weight of each test in the random-effects mean; they add up to 1.
        leave_one_out: `hartung_knapp` without each test in turn; empty with 2 tests.
        num_tests: Number of tests.
        method: How the variance of the true effects was estimated.
        level: Coverage of the intervals.
    """

    fixed: PooledEffect
    random: PooledEffect
    hartung_knapp: PooledEffect
    prediction_interval: Interval | None
    between_variance: float
    q: float
    q_p_value: float
    i_squared: float
    weights: tuple[float, ...]
    leave_one_out: tuple[PooledEffect, ...]
    num_tests: int
    method: Method
    level: float


def combine_tests(
    effects: Sequence[float],
    standard_errors: Sequence[float],
    *,
    method: Method = "reml",
    level: float = 0.95,
) -> MetaAnalysis | NotEnoughData:
    """Combine independent tests of the same change on one scale.

    Args:
        effects: Estimated effect of each test.
        standard_errors: Standard error of each, above 0.
        method: Estimator of the variance of the true effects, as in `shrink_effects`.
        level: Coverage of the intervals.

    Returns:
        The combination, or `too_few_tests` below 2.

    References:
        Hartung, J. & Knapp, G. (2001). A refined method for the meta-analysis of controlled
        clinical trials with binary outcome. Statistics in Medicine 20(24).
        Higgins, J. P. T., Thompson, S. G. & Spiegelhalter, D. J. (2009). A re-evaluation of
        random-effects meta-analysis. Journal of the Royal Statistical Society A 172(1).
        Rover, C., Knapp, G. & Friede, T. (2015). Hartung-Knapp-Sidik-Jonkman approach and its
        modification for random-effects meta-analysis with few studies. BMC Medical Research
        Methodology 15.

    Examples:
        >>> result = combine_tests([0.031, 0.012, 0.044, 0.026], [0.011, 0.012, 0.015, 0.010])
        >>> round(result.hartung_knapp.estimate, 4), round(result.hartung_knapp.p_value, 4)
        (0.0268, 0.0191)
        >>> round(result.q_p_value, 3)
        0.393
    """
    y, v = as_effects(effects, standard_errors)
    require_probability("level", level)
    if len(y) < 2:
        return NotEnoughData(
            code="too_few_tests",
            detail=f"there is {len(y)} test; combining needs at least 2",
        )
    tau2 = between_variance(y, v, method)
    q, i_squared = heterogeneity(y, v)
    w = 1 / (v + tau2)
    num_tests = len(y)
    return MetaAnalysis(
        fixed=_pooled(y, v, 0.0, level=level, method="fixed"),
        random=_pooled(y, v, tau2, level=level, method="random"),
        hartung_knapp=_hartung_knapp(y, v, tau2, level=level),
        prediction_interval=_prediction_interval(y, v, tau2, level=level),
        between_variance=tau2,
        q=q,
        q_p_value=float(special.chdtrc(num_tests - 1, q)),
        i_squared=i_squared,
        weights=tuple((w / w.sum()).tolist()),
        leave_one_out=tuple(_without(i, y, v, method=method, level=level) for i in range(num_tests))
        if num_tests > 2
        else (),
        num_tests=num_tests,
        method=method,
        level=level,
    )


def _pooled(y: Floats, v: Floats, tau2: float, *, level: float, method: str) -> PooledEffect:
    estimate, variance = pooled_mean(y, v, tau2)
    return _with_interval(estimate, math.sqrt(variance), df=None, level=level, method=method)


def _hartung_knapp(y: Floats, v: Floats, tau2: float, *, level: float) -> PooledEffect:
    """Return the random-effects mean with the spread of the tests as its standard error.

    The factor is held at 1 or above: tests that agree by chance would give a shorter interval than
    the fixed-effect one (Rover, Knapp & Friede).
    """
    estimate, variance = pooled_mean(y, v, tau2)
    df = len(y) - 1
    factor = float((1 / (v + tau2)) @ ((y - estimate) ** 2)) / df
    return _with_interval(
        estimate,
        math.sqrt(max(1.0, factor) * variance),
        df=df,
        level=level,
        method="hartung_knapp",
    )


def _with_interval(
    estimate: float, standard_error: float, *, df: int | None, level: float, method: str
) -> PooledEffect:
    tail = (1 - level) / 2
    z = abs(estimate) / standard_error
    critical = -float(special.ndtri(tail) if df is None else special.stdtrit(df, tail))
    p_value = 2 * float(special.ndtr(-z) if df is None else special.stdtr(df, -z))
    return PooledEffect(
        estimate=estimate,
        standard_error=standard_error,
        interval=Interval(
            estimate - critical * standard_error, estimate + critical * standard_error
        ),
        p_value=p_value,
        df=df,
        method=method,
    )


def _prediction_interval(y: Floats, v: Floats, tau2: float, *, level: float) -> Interval | None:
    """Return the interval of Higgins, Thompson & Spiegelhalter, with k - 2 degrees of freedom."""
    df = len(y) - 2
    if df < 1:
        return None
    estimate, variance = pooled_mean(y, v, tau2)
    half_width = -float(special.stdtrit(df, (1 - level) / 2)) * math.sqrt(tau2 + variance)
    return Interval(estimate - half_width, estimate + half_width)


def _without(i: int, y: Floats, v: Floats, *, method: Method, level: float) -> PooledEffect:
    rest_y, rest_v = np.delete(y, i), np.delete(v, i)
    return _hartung_knapp(rest_y, rest_v, between_variance(rest_y, rest_v, method), level=level)
