"""Conversion rates, thousands of comparisons at once: `compare_proportions_by_score` on arrays.

The formulas are those of `score`, with one array element a comparison. Rare successes are left to
the score here too, and marked.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abtesting.statistics.arguments import require_boundary
from abtesting.statistics.boundaries import Boundary, FixedHorizon
from abtesting.statistics.boundary_arrays import critical_values, p_values
from abtesting.statistics.proportions import MIN_EXPECTED, UNEVEN_TAILS
from abtesting.statistics.rates.score import CLOSE, ROUNDED, SETTLED
from abtesting.statistics.types import Booleans, EffectArrays

Floats = NDArray[np.float64]

MAX_COUNT = 2**53
"""Counts below this are exact as floats."""
STEPS = 6
"""Newton steps of a whole batch; what is left then is few."""
MAX_STEPS = 200


def compare_proportions_batch(
    control_successes: ArrayLike,
    control_units: ArrayLike,
    variant_successes: ArrayLike,
    variant_units: ArrayLike,
    *,
    boundary: Boundary,
) -> EffectArrays:
    """Compare the shares of successful units of many pairs of variants by the score.

    Args:
        control_successes: Successes of the controls, integers below 2**53 of any shape.
        control_units: Units of the controls; the four shapes are broadcast together.
        variant_successes: Successes of the variants.
        variant_units: Units of the variants.
        boundary: When the results may be read, its level and its side.

    Returns:
        The effects; where fewer than 5 successes or failures are expected in an arm, so that
        `compare_proportions` has an exact form, they warn of `few_successes`, and of `skewed` where
        it does.

    References:
        Miettinen, O. & Nurminen, M. (1985). Comparative analysis of two rates. Statistics in
        Medicine 4(2).
        Nam, J. (1995). Confidence limits for the ratio of two binomial proportions based on
        likelihood scores: non-iterative method. Biometrical Journal 37(3).

    Examples:
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> effects = compare_proportions_batch(
        ...     [3, 250], [5000, 5000], [11, 290], [5050, 5000], boundary=FixedHorizon(0.05)
        ... )
        >>> effects.p_value.round(4)
        array([0.0339, 0.0768])
        >>> effects.lower.round(5)
        array([ 0.00014, -0.00086])
    """
    require_boundary(boundary)
    counts = (
        _counts("control_successes", control_successes),
        _counts("control_units", control_units),
        _counts("variant_successes", variant_successes),
        _counts("variant_units", variant_units),
    )
    try:
        arrays = np.broadcast_arrays(*counts)
    except ValueError:
        raise ValueError(
            f"the counts have shapes {[array.shape for array in counts]}; they must be equal or "
            "broadcast to one"
        ) from None
    shape = arrays[0].shape
    x_c, n_c, x_t, n_t = (array.ravel() for array in arrays)
    for name, successes, units in (("control", x_c, n_c), ("variant", x_t, n_t)):
        if (successes > units).any():
            i = int(np.flatnonzero(successes > units)[0])
            raise ValueError(
                f"{name}_successes has {successes[i]:.0f} where {name}_units has {units[i]:.0f}; "
                "it must be at most that"
            )
    enough = np.minimum(n_c, n_t) >= boundary.min_units_per_arm
    if not enough.all():
        # Comparisons without a result are computed on counts that have one, and left out below.
        x_c, x_t = np.where(enough, x_c, 1.0), np.where(enough, x_t, 1.0)
        n_c, n_t = np.where(enough, n_c, 2.0), np.where(enough, n_t, 2.0)
    num_units, successes = n_c + n_t, x_c + x_t
    critical = critical_values(boundary, num_units, None)
    threshold = critical * critical * num_units / (num_units - 1)
    low, high = _difference_limits(x_c, n_c, x_t, n_t, threshold)
    low_ratio, high_ratio = _ratio_limits(x_c, n_c, x_t, n_t, threshold)
    p_value = p_values(boundary, _score(x_c, n_c, x_t, n_t), num_units, None)
    p_c, p_t = x_c / n_c, x_t / n_t
    difference = p_t - p_c
    standard_error = np.sqrt(p_c * (1 - p_c) / n_c + p_t * (1 - p_t) / n_t)
    standard_error = np.where(standard_error > 0, standard_error, (high - low) / (2 * critical))
    if boundary.side == "less":
        low, low_ratio = np.full_like(low, -1.0), np.zeros_like(low)
    if boundary.side == "greater":
        high, high_ratio = np.ones_like(high), np.full_like(high, math.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        lift = np.where(x_c > 0, difference / p_c, np.nan)
    rarer = np.minimum(successes, num_units - successes)
    few = rarer * np.minimum(n_c, n_t) < MIN_EXPECTED * num_units
    uneven = _has_uneven_tails(n_c, n_t, successes, critical, boundary)
    warning = np.where(few, "few_successes", np.where(uneven, "skewed", ""))

    def shaped(values: Floats) -> Floats:
        return (values if enough.all() else np.where(enough, values, np.nan)).reshape(shape)

    return EffectArrays(
        control_value=shaped(p_c),
        variant_value=shaped(p_t),
        difference=shaped(difference),
        standard_error=shaped(standard_error),
        lower=shaped(low),
        upper=shaped(high),
        p_value=shaped(p_value),
        lift=shaped(lift),
        lift_lower=shaped(low_ratio - 1),
        lift_upper=shaped(high_ratio - 1),
        reason=np.where(enough, "", "too_few_units").reshape(shape),
        warning=np.where(enough, warning, "").reshape(shape),
        method="score",
        boundary=boundary.name,
        alpha=boundary.alpha,
        side=boundary.side,
    )


def _counts(name: str, values: ArrayLike) -> Floats:
    array = np.asarray(values)
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{name} has values of type {array.dtype}; they must be integers")
    wrong = ~((array >= 0) & (array <= MAX_COUNT) & (array == np.floor(array)))
    if wrong.any():
        raise ValueError(
            f"{name} has {array[wrong].flat[0]}; counts must be integers from 0 to 2**53"
        )
    return array.astype(np.float64)


def _score(x_c: Floats, n_c: Floats, x_t: Floats, n_t: Floats) -> Floats:
    total, successes = n_c + n_t, x_c + x_t
    excess = x_t * n_c - x_c * n_t
    spread = successes * (total - successes) / (total - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = excess / np.sqrt(spread * (n_c * n_t))
    return np.where(spread > 0, z, 0.0)


def _has_uneven_tails(
    n_c: Floats, n_t: Floats, successes: Floats, critical: Floats, boundary: Boundary
) -> Booleans:
    """Do what `has_uneven_tails` does."""
    if not isinstance(boundary, FixedHorizon):
        return np.zeros(n_c.shape, dtype=np.bool_)
    failures = n_c + n_t - successes
    with np.errstate(divide="ignore", invalid="ignore"):
        skewness = (failures - successes) / np.sqrt(successes * failures)
        kappa = skewness * (n_c - n_t) / np.sqrt(n_c * n_t * (n_c + n_t))
    shift = kappa * (critical * critical - 1) * (critical + 1 / critical) / 6
    return np.asarray((successes > 0) & (failures > 0) & (abs(shift) > UNEVEN_TAILS))


def _difference_limits(
    x_c: Floats, n_c: Floats, x_t: Floats, n_t: Floats, threshold: Floats
) -> tuple[Floats, Floats]:
    """Return what `score.difference_limits` does, both ends in one array of two rows."""
    shift_t, shift_c = n_t - 2 * x_t, 2 * x_c - n_c
    scaled_t, scaled_c = 4 * x_t * (n_t - x_t) / n_t, 4 * x_c * (n_c - x_c) / n_c
    product_t, product_c = scaled_t * n_t, scaled_c * n_c
    signs = np.array([[1.0], [-1.0]])
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        v_t, v_c = scaled_t / (n_t * n_t), scaled_c / (n_c * n_c)
        v = (v_t + v_c) / 4
        bend = (v_t * (shift_t / (n_t * n_t)) + v_c * (shift_c / (n_c * n_c))) / (8 * v)
        target = np.sqrt(threshold) * signs
        m = target / np.sqrt(v)
        correction = m * bend
        m *= 1 + np.where(np.abs(correction) < 0.5, correction, 0.0)
        for step_number in range(STEPS):
            r_t = m + shift_t
            r_t *= r_t
            r_t += product_t
            np.sqrt(r_t, out=r_t)
            r_c = m + shift_c
            r_c *= r_c
            r_c += product_c
            np.sqrt(r_c, out=r_c)
            e_t, e_c = n_t + r_t, n_c + r_c
            square = m * m
            s_t, s_c = scaled_t / (e_t * e_t - square), scaled_c / (e_c * e_c - square)
            sigma = np.sqrt(s_t + s_c)
            s_t /= r_t
            s_c /= r_c
            step = 2 * sigma * (m * sigma - target) / (s_t * e_t + s_c * e_c)
            done = np.abs(step) < CLOSE * np.abs(m)
            if step_number == STEPS - 1 or done.all():
                break
            m -= step
        ends = 2 * x_t / (e_t + m) - 2 * x_c / (e_c - m) + step * (s_t * n_t + s_c * n_c)
        done &= (m * signs > 0) & (np.abs(m) < np.minimum(n_t, n_c))
        done &= (product_t > 0) & (product_c > 0)
    lower, upper = ends
    left = ~done.all(axis=0)
    if left.any():
        arms = x_c[left], n_c[left], x_t[left], n_t[left]
        lower[left] = _lowest_differences(*arms, threshold[left])
        upper[left] = -_lowest_differences(*arms[2:], *arms[:2], threshold[left])
    return lower, upper


def _lowest_differences(
    x_c: Floats, n_c: Floats, x_t: Floats, n_t: Floats, threshold: Floats
) -> Floats:
    """Return the lower ends for any counts, as `score` finds them where it has to go slowly."""
    missed_c = n_c - x_c
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        m = (threshold + x_t + missed_c) / (x_t / n_t + missed_c / n_c)
        near_t = (x_t + 0.5) * (n_t - x_t + 0.5) / n_t**3
        near_c = (x_c + 0.5) * (missed_c + 0.5) / n_c**3
        guess = np.sqrt(threshold / (near_t + near_c))
        (part_t, slope_t), (part_c, slope_c) = _parts(x_t, n_t, guess), _parts(missed_c, n_c, guess)
        m = np.fmin(m, guess - (part_t + part_c - threshold) / (slope_t + slope_c))
        for _ in range(MAX_STEPS):
            (part_t, slope_t), (part_c, slope_c) = _parts(x_t, n_t, m), _parts(missed_c, n_c, m)
            smaller = m - (part_t + part_c - threshold) / (slope_t + slope_c)
            going = smaller < m * (1 - 1e-13)
            if not going.any():
                break
            m = np.where(going, smaller, m)
        r_t = np.sqrt((n_t - m) * (n_t - m) + 4 * m * (n_t - x_t))
        b_c = n_c - m
        r_c = np.sqrt(b_c * b_c + 4 * m * x_c)
        rate_c = np.where(b_c > 0, 2 * x_c / (b_c + r_c), (r_c - b_c) / (2 * m))
        ends: Floats = 2 * x_t / (n_t + m + r_t) - rate_c
    return np.where((x_t == 0) & (missed_c == 0), -1.0, ends)


def _parts(x: Floats, n: Floats, m: Floats) -> tuple[Floats, Floats]:
    """Return an arm's part of z^2 at m > 0, m^2 p (1 - p) / n, and its derivative."""
    missed, b = n - x, n - m
    r = np.sqrt(b * b + 4 * m * missed)
    rest = np.where(b > 0, 2 * missed / (b + r), (r - b) / (2 * m))
    part = m * (2 * x / (n + m + r)) * rest / n
    # Where r is 0 all units succeeded and the part is just about to leave 0.
    return m * part, np.where(r > 0, part * (1 + n / r), 0.0)


def _ratio_limits(
    x_c: Floats, n_c: Floats, x_t: Floats, n_t: Floats, threshold: Floats
) -> tuple[Floats, Floats]:
    """Return what `score.ratio_limits` does."""
    miss_c, miss_t = (n_c - x_c) / n_c, (n_t - x_t) / n_t
    a = miss_t - miss_c
    b = miss_t * x_c + miss_c * x_t + threshold
    c = threshold * (x_t - x_c)
    d = threshold * x_t * x_c
    ac, aad = a * c, a * a * d
    g = -b
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for step_number in range(STEPS):
            slope = (3 * g + 2 * b) * g - ac
            step = (((g + b) * g - ac) * g - aad) / slope
            g = g - step
            done = (np.abs(step) < SETTLED * b) & (slope > 0)
            if step_number == STEPS - 1 or done.all():
                break
        product = d / g
        half = (c + a * product) / (-2 * g)
        reach = np.sqrt(half * half - product)
        high_k = np.where(half > 0, half + reach, product / (half - reach))
        low_k = np.where(half > 0, product / (half + reach), half - reach)
        left_t, left_c = x_t - high_k, x_c + low_k
        lower = left_t / (n_t - high_k) * (n_c + high_k) / (x_c + high_k)
        upper = (x_t - low_k) / (n_t - low_k) * (n_c + low_k) / left_c
        done &= (left_t >= ROUNDED * x_t) & (left_c >= ROUNDED * x_c)
        done &= (miss_c > 0) & (miss_t > 0) & (x_c > 0) & (x_t > 0)
    left = ~done
    if left.any():
        arms = x_c[left], n_c[left], x_t[left], n_t[left]
        lower[left] = _lowest_ratios(*arms, threshold[left])
        with np.errstate(divide="ignore"):
            upper[left] = 1 / _lowest_ratios(*arms[2:], *arms[:2], threshold[left])
    return lower, upper


def _lowest_ratios(x_c: Floats, n_c: Floats, x_t: Floats, n_t: Floats, threshold: Floats) -> Floats:
    """Return the lower ends for any counts, as `score` finds them where it has to go slowly."""
    miss_c, miss_t = (n_c - x_c) / n_c, (n_t - x_t) / n_t
    total = x_c + x_t
    a = x_t * miss_t * total
    b = x_t * (miss_t * x_c + miss_c * x_t) - threshold * total
    c, d = threshold * (x_c + total), threshold * x_c
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        odds = 2 * np.maximum(np.maximum(-b / a, np.sqrt(c / a)), np.cbrt(d / a))
        for _ in range(MAX_STEPS):
            value = ((a * odds + b) * odds - c) * odds - d
            smaller = odds - value / ((3 * a * odds + 2 * b) * odds - c)
            going = smaller < odds * (1 - 1e-13)
            if not going.any():
                break
            odds = np.where(going, smaller, odds)
        k = x_t * odds / (1 + odds)
        ends = (x_t / (1 + odds)) / (n_t - k) * ((n_c + k) / (x_c + k))
        # Every unit of the variant succeeded.
        k = (threshold + np.sqrt(threshold * (threshold + 4 * miss_c * x_c))) / (2 * miss_c)
        early = (n_c + k) / (x_c + k)
        odds_against = threshold / n_t - (n_c - x_c) / (x_c + n_t) * n_t / n_c
        late = (n_c + n_t) / (x_c + n_t) / (1 + odds_against)
        certain = np.where(n_t * n_t * miss_c >= threshold * (x_c + n_t), early, late)
    return np.where(x_t == 0, 0.0, np.where(miss_t == 0, certain, ends))
