"""Conversion rates: the score test of Miettinen and Nurminen and its two inversions.

The test of "no difference", the interval of the difference and the interval of the lift all use
the variance under the hypothesis in question, the factor N / (N - 1) and one critical value. At no
difference they are one statistic, so they never disagree, and they stay sound where an arm has no
success or no failure and the textbook standard error is 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from abtesting.statistics.boundaries import Boundary, first_look
from abtesting.statistics.moments import Counts
from abtesting.statistics.types import Effect, Interval, NotEnoughData


def compare_proportions(
    control: Counts, variant: Counts, *, boundary: Boundary
) -> Effect | NotEnoughData:
    """Compare the shares of successful units.

    Without a success in the control the lift is `None` and its interval has no upper end. The
    standard error is that of the observed rates, without a hypothesis; where both rates are 0 or 1
    it would be 0 and is taken from the width of the interval instead.

    Args:
        control: Counts of the control.
        variant: Counts of the variant.
        boundary: When the result may be read, and its level.

    Returns:
        The effect, or `too_few_units`.

    References:
        Miettinen, O. & Nurminen, M. (1985). Comparative analysis of two rates. Statistics in
        Medicine 4(2).
        Koopman, P. A. R. (1984). Confidence intervals for the ratio of two binomial proportions.
        Biometrics 40(2).

    Examples:
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> effect = compare_proportions(
        ...     Counts(num_units=5000, num_successes=3),
        ...     Counts(num_units=5050, num_successes=11),
        ...     boundary=FixedHorizon(0.05),
        ... )
        >>> round(effect.p_value, 4)
        0.0339
        >>> round(effect.lift_interval.lower, 3), round(effect.lift_interval.upper, 2)
        (0.091, 11.08)
    """
    too_few = first_look(boundary, control=control.num_units, variant=variant.num_units)
    if too_few is not None:
        return too_few
    num_units = control.num_units + variant.num_units
    critical = boundary.critical(num_units, None)
    # The factor N / (N - 1) on the variance, moved to the other side of z^2 = critical^2.
    threshold = critical * critical * num_units / (num_units - 1)
    control_rate = control.num_successes / control.num_units
    variant_rate = variant.num_successes / variant.num_units
    difference = variant_rate - control_rate
    difference_interval = Interval(
        _lowest_difference(control, variant, threshold),
        -_lowest_difference(variant, control, threshold),
    )
    highest_inverse = _lowest_ratio(variant, control, threshold)
    standard_error = math.sqrt(
        control_rate * (1 - control_rate) / control.num_units
        + variant_rate * (1 - variant_rate) / variant.num_units
    )
    width = difference_interval.upper - difference_interval.lower
    return Effect(
        control_value=control_rate,
        variant_value=variant_rate,
        difference=difference,
        standard_error=standard_error or width / (2 * critical),
        difference_interval=difference_interval,
        p_value=boundary.p_value(_score(control, variant), num_units, None),
        lift=difference / control_rate if control_rate else None,
        lift_interval=Interval(
            _lowest_ratio(control, variant, threshold) - 1,
            1 / highest_inverse - 1 if highest_inverse else math.inf,
        ),
        method="score",
        boundary=boundary.name,
        alpha=boundary.alpha,
    )


def _score(control: Counts, variant: Counts) -> float:
    """Return z of no difference."""
    num_units = control.num_units + variant.num_units
    num_successes = control.num_successes + variant.num_successes
    if num_successes in (0, num_units):
        # The limit of hypotheses that approach no difference from either side.
        return 0.0
    # In integers, so that equal rates give exactly 0.
    excess = variant.num_successes * control.num_units - control.num_successes * variant.num_units
    spread = num_successes * (num_units - num_successes) / (num_units - 1)
    return excess / math.sqrt(spread * (control.num_units * variant.num_units))


def _lowest_difference(control: Counts, variant: Counts, threshold: float) -> float:
    """Return the lowest difference whose score statistic is within the threshold.

    Maximising the likelihood under variant - control = d with a Lagrange multiplier m makes each
    arm's restricted rate the root of a quadratic in m alone, and the statistic m^2 times the
    variance. It grows with m while d falls, so one search over m replaces one over d with a cubic
    inside.
    """
    x_c, n_c = control.num_successes, control.num_units
    x_t, n_t = variant.num_successes, variant.num_units
    if x_t == 0 and x_c == n_c:
        return -1.0

    def statistic(m: float) -> float:
        spread_t = _restricted_rate(x_t, n_t, m) * _restricted_rate(n_t - x_t, n_t, -m)
        spread_c = _restricted_rate(x_c, n_c, -m) * _restricted_rate(n_c - x_c, n_c, m)
        return m * m * (spread_t / n_t + spread_c / n_c)

    m = _solve_increasing(statistic, threshold, start=math.sqrt(threshold * min(n_c, n_t)))
    return _restricted_rate(x_t, n_t, m) - _restricted_rate(x_c, n_c, -m)


def _restricted_rate(x: int, n: int, m: float) -> float:
    """Return the root p in [0, 1] of x - n p = m p (1 - p)."""
    b = n + m
    # Two forms of the discriminant b^2 - 4 m x, each a sum of terms that are not negative.
    root = math.sqrt((n - m) * (n - m) + 4 * m * (n - x) if m > 0 else b * b - 4 * m * x)
    return 2 * x / (b + root) if b > 0 else (b - root) / (2 * m)


def _lowest_ratio(control: Counts, variant: Counts, threshold: float) -> float:
    """Return the lowest variant / control whose score statistic is within the threshold.

    With k successes moved from the variant to the control, as Koopman does, the restricted rates
    are (x_t - k) / (n_t - k) and (x_c + k) / (n_c + k), and the statistic grows with k.
    """
    x_c, n_c = control.num_successes, control.num_units
    x_t, n_t = variant.num_successes, variant.num_units
    if x_t == 0:
        return 0.0
    miss_c, miss_t = (n_c - x_c) / n_c, (n_t - x_t) / n_t
    if miss_t == 0:
        return _lowest_ratio_of_certain(control, n_t, threshold)

    # The search is over the odds k / (x_t - k), which reach any value without rounding to x_t.
    def statistic(odds: float) -> float:
        k = x_t * odds / (1 + odds)
        return k * (odds * miss_t + k / (x_c + k) * miss_c)

    odds = _solve_increasing(statistic, threshold, start=math.sqrt(threshold / x_t))
    k = x_t * odds / (1 + odds)
    return (x_t / (1 + odds)) / (n_t - k) * ((n_c + k) / (x_c + k))


def _lowest_ratio_of_certain(control: Counts, n_t: int, threshold: float) -> float:
    """Return the lowest ratio when every unit of the variant succeeded.

    Its restricted rate stays 1 until k reaches n_t; from there k stays and the rate falls. Both
    parts have closed forms.
    """
    x_c, n_c = control.num_successes, control.num_units
    miss_c = (n_c - x_c) / n_c
    if n_t * n_t * miss_c >= threshold * (x_c + n_t):
        k = (threshold + math.sqrt(threshold * (threshold + 4 * miss_c * x_c))) / (2 * miss_c)
        return (n_c + k) / (x_c + k)
    odds_against_c = (n_c - x_c) / (x_c + n_t)
    odds_against_t = threshold / n_t - odds_against_c * n_t / n_c
    return (n_c + n_t) / (x_c + n_t) / (1 + odds_against_t)


def _solve_increasing(function: Callable[[float], float], target: float, *, start: float) -> float:
    """Return the positive root of an increasing function that is 0 at 0 and unbounded.

    Ridders' method, inside a bracket that grows from `start`.
    """
    low, f_low = 0.0, -target
    high = start
    while (f_high := function(high) - target) < 0:
        low, f_low = high, f_high
        high *= 4
    previous = high
    for _ in range(60):
        middle = (low + high) / 2
        f_middle = function(middle) - target
        new = middle + (middle - low) * -f_middle / math.sqrt(f_middle * f_middle - f_low * f_high)
        if abs(new - previous) <= 1e-15 * new:
            return new
        previous = new
        f_new = function(new) - target
        # Keep the closest pair that still encloses the root.
        if f_new == 0:
            return new
        points = sorted([(low, f_low), (middle, f_middle), (new, f_new), (high, f_high)])
        low, f_low = max(point for point in points if point[1] < 0)
        high, f_high = min(point for point in points if point[1] >= 0)
        if f_high == 0:
            return high
    return previous
