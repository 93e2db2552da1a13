"""The score of two proportions under a hypothesis that ties one rate to the other.

`variant = offset + slope * control` covers both scales: a slope of 1 is a difference, an offset of
0 a ratio. The exact tests and the tests against a margin are built on it.
"""

from __future__ import annotations

import math

MAX_STEPS = 200


def restricted_rate(
    x_c: int, n_c: int, x_t: int, n_t: int, *, offset: float, slope: float
) -> float:
    """Return the likeliest rate of the control if the variant's is `offset + slope * rate`.

    Args:
        x_c: Successes of the control.
        n_c: Units of the control.
        x_t: Successes of the variant.
        n_t: Units of the variant.
        offset: Rate of the variant where the control's is 0.
        slope: Rise of the variant's rate with the control's, above 0.

    References:
        Farrington, C. P. & Manning, G. (1990). Test statistics and sample size formulae for
        comparative binomial trials with null hypothesis of non-zero risk difference or non-unity
        relative risk. Statistics in Medicine 9(12).

    Examples:
        >>> round(restricted_rate(48, 80, 56, 70, offset=0.1, slope=1.0), 4)
        0.6515
    """
    lowest, highest = max(0.0, -offset / slope), min(1.0, (1.0 - offset) / slope)
    own = x_c / n_c
    others = (x_t / n_t - offset) / slope
    # The log-likelihood is concave, and each arm pulls towards its own maximum.
    low = min(max(min(own, others), lowest), highest)
    high = min(max(own, others, lowest), highest)
    missed_c, missed_t = n_c - x_c, n_t - x_t
    rate = (low * n_c + high * n_t) / (n_c + n_t)
    for _ in range(MAX_STEPS):
        if high - low <= 1e-15 * high:
            break
        rest = 1.0 - rate
        tied = offset + slope * rate
        tied_rest = 1.0 - tied
        if not (0 < rate < 1 and 0 < tied < 1):
            break
        pull = x_c / rate - missed_c / rest + slope * (x_t / tied - missed_t / tied_rest)
        curve = x_c / (rate * rate) + missed_c / (rest * rest)
        curve += slope * slope * (x_t / (tied * tied) + missed_t / (tied_rest * tied_rest))
        if pull > 0:
            low = rate
        elif pull < 0:
            high = rate
        else:
            break
        step = pull / curve
        if abs(step) <= 1e-15 * rate:
            break
        # A step that leaves the bracket, as they do across a pole, is replaced by halving it.
        rate = rate + step if low < rate + step < high else (low + high) / 2
    return rate


def linear_score(
    x_c: int, n_c: int, x_t: int, n_t: int, *, offset: float = 0.0, slope: float = 1.0
) -> float:
    """Return z of `variant = offset + slope * control`, without the factor (N - 1) / N.

    It is 0 where the hypothesis fits exactly, also where both rates are certain.

    Args:
        x_c: Successes of the control.
        n_c: Units of the control.
        x_t: Successes of the variant.
        n_t: Units of the variant.
        offset: Rate of the variant where the control's is 0.
        slope: Rise of the variant's rate with the control's, above 0.

    References:
        Farrington & Manning (1990), equations 3 and 8.

    Examples:
        >>> round(linear_score(48, 80, 56, 70, offset=0.1), 4)
        1.3477
    """
    contrast, standard_error = linear_contrast(x_c, n_c, x_t, n_t, offset=offset, slope=slope)
    return contrast / standard_error if standard_error else 0.0


def linear_contrast(
    x_c: int, n_c: int, x_t: int, n_t: int, *, offset: float, slope: float
) -> tuple[float, float]:
    """Return `variant - offset - slope * control` and its standard error if that is truly 0."""
    if offset == 0 and slope == 1:
        # In integers, so that equal rates give exactly 0.
        contrast = float(x_t * n_c - x_c * n_t) / n_t / n_c
        rate = tied = (x_c + x_t) / (n_c + n_t)
    else:
        contrast = x_t / n_t - offset - slope * (x_c / n_c)
        rate = restricted_rate(x_c, n_c, x_t, n_t, offset=offset, slope=slope)
        tied = min(max(offset + slope * rate, 0.0), 1.0)
    variance = tied * (1 - tied) / n_t + slope * slope * rate * (1 - rate) / n_c
    return contrast, math.sqrt(max(variance, 0.0))
