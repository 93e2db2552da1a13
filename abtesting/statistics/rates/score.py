"""The Miettinen-Nurminen score of two proportions: its value, and the limits it is solved for.

`compare_proportions` and the interval functions share these. A limit is the root of one function
whose derivative is cheap. Newton's method starts from the expansion of the root for many successes,
where two steps are the rule; where it does not settle, a form of the equation takes over on which
Newton's method converges from the right whatever the counts.
"""

from __future__ import annotations

import math

CLOSE = 3e-6
"""Relative size of a Newton step after which the next, smaller than its square, is spared."""
SETTLED = 1e-10
MAX_QUICK_STEPS = 8
ROUNDED = 1e-3
"""Share of an arm's successes below which what a root leaves of them has lost digits."""


def score_statistic(x_c: int, n_c: int, x_t: int, n_t: int) -> float:
    """Return z of no difference, with the factor N / (N - 1) on its variance.

    Args:
        x_c: Successes of the control.
        n_c: Units of the control.
        x_t: Successes of the variant.
        n_t: Units of the variant.

    Examples:
        >>> round(score_statistic(3, 5000, 11, 5050), 4)
        2.1209
    """
    num_units = n_c + n_t
    num_successes = x_c + x_t
    if num_successes in (0, num_units):
        # The limit of hypotheses that approach no difference from either side.
        return 0.0
    # In integers, so that equal rates give exactly 0.
    excess = x_t * n_c - x_c * n_t
    spread = num_successes * (num_units - num_successes) / (num_units - 1)
    return excess / math.sqrt(spread * (n_c * n_t))


def difference_limits(
    x_c: int, n_c: int, x_t: int, n_t: int, *, threshold: float
) -> tuple[float, float]:
    """Return the ends of the differences, variant - control, whose score is within the threshold.

    Maximising the likelihood under a difference with a Lagrange multiplier m makes the variant's
    restricted rate p the root of x - n p = m p (1 - p), the control's the same with -m, and z^2
    the sum over arms of m^2 p (1 - p) / n. It grows with m on either side of 0 while the
    difference falls, so one search over m replaces one over differences with a cubic inside.

    Args:
        x_c: Successes of the control.
        n_c: Units of the control.
        x_t: Successes of the variant.
        n_t: Units of the variant.
        threshold: Largest z^2. A factor on the variance goes into it.

    References:
        Miettinen, O. & Nurminen, M. (1985). Comparative analysis of two rates. Statistics in
        Medicine 4(2).

    Examples:
        >>> lower, upper = difference_limits(15, 60, 27, 65, threshold=3.8415)
        >>> round(lower, 4), round(upper, 4)
        (-0.0004, 0.322)
    """
    product_t, product_c = 4.0 * x_t * (n_t - x_t), 4.0 * x_c * (n_c - x_c)
    if not (product_t and product_c):
        return _slow_difference_limits(x_c, n_c, x_t, n_t, threshold)
    size_t, size_c = float(n_t), float(n_c)
    shift_t, shift_c = size_t - 2.0 * x_t, 2.0 * x_c - size_c
    scaled_t, scaled_c = product_t / size_t, product_c / size_c
    # Near 0 the sum is m^2 (v + m w); `bend` is -w / (2 v).
    v_t, v_c = scaled_t / (size_t * size_t), scaled_c / (size_c * size_c)
    v = (v_t + v_c) / 4
    bend = (v_t * (shift_t / (size_t * size_t)) + v_c * (shift_c / (size_c * size_c))) / (8 * v)
    root = math.sqrt(threshold)
    largest = min(size_t, size_c)
    sqrt = math.sqrt
    ends = []
    for target in (root, -root):
        m = target / sqrt(v)
        if -0.5 < m * bend < 0.5:
            m += m * (m * bend)
        for _ in range(MAX_QUICK_STEPS):
            if m * target <= 0 or not -largest < m < largest:
                return _slow_difference_limits(x_c, n_c, x_t, n_t, threshold)
            u_t, u_c = m + shift_t, m + shift_c
            r_t, r_c = sqrt(u_t * u_t + product_t), sqrt(u_c * u_c + product_c)
            e_t, e_c = size_t + r_t, size_c + r_c
            m_squared = m * m
            # p (1 - p) / n, which also makes up the derivatives of z^2 and of p.
            s_t = scaled_t / (e_t * e_t - m_squared)
            s_c = scaled_c / (e_c * e_c - m_squared)
            sigma = sqrt(s_t + s_c)
            step = 2.0 * sigma * (m * sigma - target) / (s_t * e_t / r_t + s_c * e_c / r_c)
            if -CLOSE < step / m < CLOSE:
                slope = s_t * size_t / r_t + s_c * size_c / r_c
                ends.append(2.0 * x_t / (e_t + m) - 2.0 * x_c / (e_c - m) + step * slope)
                break
            m -= step
        else:
            return _slow_difference_limits(x_c, n_c, x_t, n_t, threshold)
    return ends[0], ends[1]


def ratio_limits(
    x_c: int, n_c: int, x_t: int, n_t: int, *, threshold: float
) -> tuple[float, float]:
    """Return the ends of the ratios, variant / control, whose score is within the threshold.

    With k successes moved from the variant to the control, as Koopman does, the restricted rates
    are (x_t - k) / (n_t - k) and (x_c + k) / (n_c + k). z^2 is 0 at k = 0 and grows on either side,
    and k is the root of a cubic (Nam).

    Args:
        x_c: Successes of the control.
        n_c: Units of the control.
        x_t: Successes of the variant.
        n_t: Units of the variant.
        threshold: Largest z^2. A factor on the variance goes into it.

    References:
        Koopman, P. A. R. (1984). Confidence intervals for the ratio of two binomial proportions.
        Biometrics 40(2).
        Nam, J. (1995). Confidence limits for the ratio of two binomial proportions based on
        likelihood scores: non-iterative method. Biometrical Journal 37(3).

    Examples:
        >>> lower, upper = ratio_limits(3, 5000, 11, 5050, threshold=3.8415)
        >>> round(lower, 3), round(upper, 2)
        (1.091, 12.08)
    """
    if x_c == n_c or x_t == n_t or x_c + x_t == 0:
        return _slow_ratio_limits(x_c, n_c, x_t, n_t, threshold)
    miss_c, miss_t = (n_c - x_c) / n_c, (n_t - x_t) / n_t
    # a k^3 + b k^2 - c k - d = 0; b and d are not negative. The root that is no limit is the far
    # one; times a it is the lowest root g of g^3 + b g^2 - a c g - a^2 d = 0, about -b.
    a = miss_t - miss_c
    b = miss_t * x_c + miss_c * x_t + threshold
    c = threshold * (x_t - x_c)
    d = threshold * x_t * x_c
    ac, aad = a * c, a * a * d
    g = -b
    for _ in range(MAX_QUICK_STEPS):
        slope = (3 * g + 2 * b) * g - ac
        step = (((g + b) * g - ac) * g - aad) / slope if slope > 0 else math.inf
        g -= step
        if -SETTLED * b < step < SETTLED * b:
            break
    else:
        return _slow_ratio_limits(x_c, n_c, x_t, n_t, threshold)
    # The other two have opposite signs; from their product and their sum.
    product = d / g
    half = (c + a * product) / (-2 * g)
    reach = math.sqrt(half * half - product)
    high_k, low_k = half + reach, half - reach
    if half > 0:
        low_k = product / high_k
    else:
        high_k = product / low_k
    left_t, left_c = x_t - high_k, x_c + low_k
    if left_t < ROUNDED * x_t or left_c < ROUNDED * x_c:
        return _slow_ratio_limits(x_c, n_c, x_t, n_t, threshold)
    return (
        left_t / (n_t - high_k) * (n_c + high_k) / (x_c + high_k),
        (x_t - low_k) / (n_t - low_k) * (n_c + low_k) / left_c if x_c else math.inf,
    )


def _slow_difference_limits(
    x_c: int, n_c: int, x_t: int, n_t: int, threshold: float
) -> tuple[float, float]:
    lower = _lowest_difference(x_c, n_c, x_t, n_t, threshold)
    return lower, -_lowest_difference(x_t, n_t, x_c, n_c, threshold)


def _lowest_difference(x_c: int, n_c: int, x_t: int, n_t: int, threshold: float) -> float:
    """Return the lower end for any counts: z^2 is convex in m, each arm's part a hyperbola."""
    missed_c = n_c - x_c
    if x_t == 0 and missed_c == 0:
        return -1.0
    # Each part lies above its asymptotes, which meet the threshold here.
    m = (threshold + x_t + missed_c) / (x_t / n_t + missed_c / n_c)
    # Half a success more than there are makes a good guess, and from any guess one step of Newton's
    # method leads to the right of the root.
    near_t = (x_t + 0.5) * (n_t - x_t + 0.5) / n_t**3
    near_c = (x_c + 0.5) * (missed_c + 0.5) / n_c**3
    guess = math.sqrt(threshold / (near_t + near_c))
    (part_t, slope_t), (part_c, slope_c) = _part(x_t, n_t, guess), _part(missed_c, n_c, guess)
    if slope_t + slope_c > 0:
        m = min(m, guess - (part_t + part_c - threshold) / (slope_t + slope_c))
    while True:
        (part_t, slope_t), (part_c, slope_c) = _part(x_t, n_t, m), _part(missed_c, n_c, m)
        smaller = m - (part_t + part_c - threshold) / (slope_t + slope_c)
        if smaller >= m * (1 - 1e-13):
            break
        m = smaller
    return _restricted_rate(x_t, n_t, m) - _restricted_rate(x_c, n_c, -m)


def _part(x: int, n: int, m: float) -> tuple[float, float]:
    """Return an arm's part of z^2 at m > 0, m^2 p (1 - p) / n, and its derivative."""
    if x == 0:
        return 0.0, 0.0
    if x == n:
        return max(m - n, 0.0), 1.0 if m > n else 0.0
    variance = _restricted_rate(x, n, m) * _restricted_rate(n - x, n, -m) / n
    r = math.sqrt((n - m) * (n - m) + 4.0 * m * (n - x))
    return m * m * variance, m * variance * (1 + n / r)


def _restricted_rate(x: int, n: int, m: float) -> float:
    """Return the root p in [0, 1] of x - n p = m p (1 - p)."""
    b = n + m
    # Two forms of the discriminant b^2 - 4 m x, each a sum of terms that are not negative.
    root = math.sqrt((n - m) * (n - m) + 4 * m * (n - x) if m > 0 else b * b - 4 * m * x)
    return 2 * x / (b + root) if b > 0 else (b - root) / (2 * m)


def _slow_ratio_limits(
    x_c: int, n_c: int, x_t: int, n_t: int, threshold: float
) -> tuple[float, float]:
    inverse = _lowest_ratio(x_t, n_t, x_c, n_c, threshold)
    return _lowest_ratio(x_c, n_c, x_t, n_t, threshold), 1 / inverse if inverse else math.inf


def _lowest_ratio(x_c: int, n_c: int, x_t: int, n_t: int, threshold: float) -> float:
    """Return the lower end for any counts, as the root of the cubic in the odds k / (x_t - k).

    The odds reach any value without rounding to x_t. The cubic has one positive root and is convex
    to the right of it.
    """
    if x_t == 0:
        return 0.0
    if x_t == n_t:
        return _lowest_ratio_of_certain(x_c, n_c, n_t, threshold)
    miss_c, miss_t = (n_c - x_c) / n_c, (n_t - x_t) / n_t
    total = x_c + x_t
    a = x_t * miss_t * total
    b = x_t * (miss_t * x_c + miss_c * x_t) - threshold * total
    c = threshold * (x_c + total)
    d = threshold * x_c
    # No root is above this (Fujiwara's bound).
    odds = 2 * max(-b / a, math.sqrt(c / a), math.cbrt(d / a))
    while True:
        value = ((a * odds + b) * odds - c) * odds - d
        smaller = odds - value / ((3 * a * odds + 2 * b) * odds - c)
        if smaller >= odds * (1 - 1e-13):
            break
        odds = smaller
    k = x_t * odds / (1 + odds)
    return (x_t / (1 + odds)) / (n_t - k) * ((n_c + k) / (x_c + k))


def _lowest_ratio_of_certain(x_c: int, n_c: int, n_t: int, threshold: float) -> float:
    """Return the lower end when every unit of the variant succeeded.

    Its restricted rate stays 1 until k reaches n_t; from there k stays and the rate falls. Both
    parts have closed forms.
    """
    miss_c = (n_c - x_c) / n_c
    if n_t * n_t * miss_c >= threshold * (x_c + n_t):
        k = (threshold + math.sqrt(threshold * (threshold + 4 * miss_c * x_c))) / (2 * miss_c)
        return (n_c + k) / (x_c + k)
    odds_against_c = (n_c - x_c) / (x_c + n_t)
    odds_against_t = threshold / n_t - odds_against_c * n_t / n_c
    return (n_c + n_t) / (x_c + n_t) / (1 + odds_against_t)
