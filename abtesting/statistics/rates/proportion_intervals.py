"""Intervals of one proportion, and of the difference and the ratio of two, by name.

The results of experiments come from `compare_proportions`. These are for a rate on its own, and for
comparing with other programs, each of which has its favourite.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from scipy import special

from abtesting.statistics.arguments import require_alpha, require_counts, require_type
from abtesting.statistics.moments import Counts
from abtesting.statistics.rates.score import difference_limits, ratio_limits
from abtesting.statistics.types import Interval, NotEnoughData, num_of

OneRateMethod = Literal["wilson", "clopper_pearson", "agresti_coull", "jeffreys"]
DifferenceMethod = Literal[
    "miettinen_nurminen", "newcombe", "agresti_caffo", "wald", "wald_continuity"
]
RatioMethod = Literal["miettinen_nurminen", "koopman", "log"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RateInterval:
    """A rate, or a difference or ratio of two, with its interval.

    Attributes:
        estimate: What was observed; `None` for a ratio to a control without a success.
        interval: Two-sided interval at level `1 - alpha`.
        method: Name of the method.
        alpha: Error rate of the interval.
    """

    estimate: float | None
    interval: Interval
    method: str
    alpha: float


def rate_interval(
    counts: Counts, *, alpha: float, method: OneRateMethod = "wilson"
) -> RateInterval | NotEnoughData:
    """Return an interval of one proportion.

    Args:
        counts: Successes and units.
        alpha: Error rate of the interval.
        method: `wilson` is the score interval; `clopper_pearson` never covers less than it says;
            `agresti_coull` is close to Wilson's and at least as wide; `jeffreys` holds the middle
            of the posterior under a Beta(1/2, 1/2) prior.

    Returns:
        The interval, or `too_few_units` without any unit.

    References:
        Brown, L. D., Cai, T. T. & DasGupta, A. (2001). Interval estimation for a binomial
        proportion. Statistical Science 16(2), sections 3 and 4.

    Examples:
        >>> found = rate_interval(Counts(num_units=100, num_successes=0), alpha=0.05)
        >>> found.interval.lower, round(found.interval.upper, 4)
        (0.0, 0.037)
    """
    require_alpha(alpha)
    require_type("counts", counts, Counts)
    x, n = counts.num_successes, counts.num_units
    if n == 0:
        return _too_few("there are no units; a rate needs at least 1")
    z = _quantile(alpha)
    if method == "wilson":
        interval = _wilson(x, n, z)
    elif method == "agresti_coull":
        size = n + z * z
        centre = (x + z * z / 2) / size
        half = z * math.sqrt(centre * (1 - centre) / size)
        interval = Interval(max(centre - half, 0.0), min(centre + half, 1.0))
    elif method == "clopper_pearson":
        interval = Interval(
            float(special.betaincinv(x, n - x + 1, alpha / 2)) if x else 0.0,
            float(special.betainccinv(x + 1, n - x, alpha / 2)) if x < n else 1.0,
        )
    elif method == "jeffreys":
        interval = Interval(
            float(special.betaincinv(x + 0.5, n - x + 0.5, alpha / 2)),
            float(special.betainccinv(x + 0.5, n - x + 0.5, alpha / 2)),
        )
    else:
        raise ValueError(
            f"method is {method!r}; it must be wilson, clopper_pearson, agresti_coull or jeffreys"
        )
    return RateInterval(estimate=x / n, interval=interval, method=method, alpha=alpha)


def rate_difference_interval(
    control: Counts, variant: Counts, *, alpha: float, method: DifferenceMethod = "newcombe"
) -> RateInterval | NotEnoughData:
    """Return an interval of variant - control.

    Args:
        control: Counts of the control.
        variant: Counts of the variant.
        alpha: Error rate of the interval.
        method: `miettinen_nurminen` is the one of `compare_proportions`; `newcombe` combines the
            Wilson intervals of the two rates and needs no search; `agresti_caffo` adds a success
            and a failure to each arm; `wald` and `wald_continuity` are the textbook's, short and
            lopsided for rare successes.

    Returns:
        The interval; or `too_few_units` if an arm has none; or, with `wald`, `zero_variance` where
        both rates are 0 or 1 and the textbook's standard error with them.

    References:
        Newcombe, R. G. (1998). Interval estimation for the difference between independent
        proportions. Statistics in Medicine 17(8), methods 1, 2 and 10.
        Agresti, A. & Caffo, B. (2000). Simple and effective confidence intervals for proportions
        and differences of proportions result from adding two successes and two failures. The
        American Statistician 54(4).

    Examples:
        >>> found = rate_difference_interval(
        ...     Counts(num_units=5000, num_successes=0),
        ...     Counts(num_units=5000, num_successes=4),
        ...     alpha=0.05,
        ... )
        >>> round(found.interval.lower, 6), round(found.interval.upper, 6)
        (-0.00011, 0.002055)
    """
    require_alpha(alpha)
    require_counts(control, variant)
    x_c, n_c = control.num_successes, control.num_units
    x_t, n_t = variant.num_successes, variant.num_units
    if min(n_c, n_t) == 0:
        return _too_few(
            f"control has {num_of(n_c, 'unit')} and variant {n_t}; each needs at least 1"
        )
    z = _quantile(alpha)
    p_c, p_t = x_c / n_c, x_t / n_t
    difference = p_t - p_c
    if method == "miettinen_nurminen":
        threshold = z * z * (n_c + n_t) / (n_c + n_t - 1)
        interval = Interval(*difference_limits(x_c, n_c, x_t, n_t, threshold=threshold))
    elif method == "newcombe":
        own, others = _wilson(x_t, n_t, z), _wilson(x_c, n_c, z)
        interval = Interval(
            difference - math.hypot(p_t - own.lower, others.upper - p_c),
            difference + math.hypot(own.upper - p_t, p_c - others.lower),
        )
    elif method == "agresti_caffo":
        more_c, more_t = (x_c + 1) / (n_c + 2), (x_t + 1) / (n_t + 2)
        variance = more_c * (1 - more_c) / (n_c + 2) + more_t * (1 - more_t) / (n_t + 2)
        interval = _around(more_t - more_c, z * math.sqrt(variance))
    elif method in {"wald", "wald_continuity"}:
        variance = p_c * (1 - p_c) / n_c + p_t * (1 - p_t) / n_t
        if variance == 0:
            return NotEnoughData(
                code="zero_variance",
                detail=(
                    f"control has {x_c} successes of {n_c} and variant {x_t} of {n_t}; a Wald "
                    "interval needs a rate between 0 and 1"
                ),
            )
        half = z * math.sqrt(variance)
        if method == "wald_continuity":
            # Half a success in each arm, but no more than the difference itself.
            half += min((1 / n_c + 1 / n_t) / 2, abs(difference))
        interval = _around(difference, half)
    else:
        raise ValueError(
            f"method is {method!r}; it must be miettinen_nurminen, newcombe, agresti_caffo, wald "
            "or wald_continuity"
        )
    return RateInterval(estimate=difference, interval=interval, method=method, alpha=alpha)


def rate_ratio_interval(
    control: Counts,
    variant: Counts,
    *,
    alpha: float,
    method: RatioMethod = "miettinen_nurminen",
) -> RateInterval | NotEnoughData:
    """Return an interval of variant / control.

    Args:
        control: Counts of the control.
        variant: Counts of the variant.
        alpha: Error rate of the interval.
        method: `miettinen_nurminen` is the one of `compare_proportions`; `koopman` the same
            without the factor N / (N - 1) on the variance; `log` the delta method on the
            logarithm, which needs a success in each arm.

    Returns:
        The interval; or `too_few_units` if an arm has none; or `zero_successes` with `log`.

    References:
        Koopman, P. A. R. (1984). Confidence intervals for the ratio of two binomial proportions.
        Biometrics 40(2).
        Katz, D., Baptista, J., Azen, S. P. & Pike, M. C. (1978). Obtaining confidence intervals
        for the risk ratio in cohort studies. Biometrics 34(3).

    Examples:
        >>> found = rate_ratio_interval(
        ...     Counts(num_units=5000, num_successes=3),
        ...     Counts(num_units=5050, num_successes=11),
        ...     alpha=0.05,
        ...     method="log",
        ... )
        >>> round(found.interval.lower, 4), round(found.interval.upper, 4)
        (1.0134, 13.005)
    """
    require_alpha(alpha)
    require_counts(control, variant)
    x_c, n_c = control.num_successes, control.num_units
    x_t, n_t = variant.num_successes, variant.num_units
    if min(n_c, n_t) == 0:
        return _too_few(
            f"control has {num_of(n_c, 'unit')} and variant {n_t}; each needs at least 1"
        )
    z = _quantile(alpha)
    if method in {"miettinen_nurminen", "koopman"}:
        threshold = z * z
        if method == "miettinen_nurminen":
            threshold *= (n_c + n_t) / (n_c + n_t - 1)
        interval = Interval(*ratio_limits(x_c, n_c, x_t, n_t, threshold=threshold))
    elif method == "log":
        if min(x_c, x_t) == 0:
            return NotEnoughData(
                code="zero_successes",
                detail=(
                    f"control has {x_c} successes and variant {x_t}; a logarithm needs at least "
                    "1 in each"
                ),
            )
        half = z * math.sqrt((n_c - x_c) / (x_c * n_c) + (n_t - x_t) / (x_t * n_t))
        ratio = (x_t / n_t) / (x_c / n_c)
        interval = Interval(ratio * math.exp(-half), ratio * math.exp(half))
    else:
        raise ValueError(f"method is {method!r}; it must be miettinen_nurminen, koopman or log")
    return RateInterval(
        estimate=(x_t / n_t) / (x_c / n_c) if x_c else None,
        interval=interval,
        method=method,
        alpha=alpha,
    )


def _quantile(alpha: float) -> float:
    return -float(special.ndtri(alpha / 2))


def _wilson(x: int, n: int, z: float) -> Interval:
    square = z * z
    half = z * math.sqrt(square / 4 + x * ((n - x) / n))
    centre = x + square / 2
    # The lower end by the product of the two, which has no difference of equal numbers in it.
    return Interval(
        x * (x / n) / (centre + half) if x else 0.0,
        min((centre + half) / (n + square), 1.0) if x < n else 1.0,
    )


def _around(centre: float, half: float) -> Interval:
    return Interval(max(centre - half, -1.0), min(centre + half, 1.0))


def _too_few(detail: str) -> NotEnoughData:
    return NotEnoughData(code="too_few_units", detail=detail)
