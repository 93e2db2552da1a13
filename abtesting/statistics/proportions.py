"""Conversion rates: the score test of Miettinen and Nurminen and its two inversions.

The test of "no difference", the interval of the difference and the interval of the lift all use
the variance under the hypothesis in question, the factor N / (N - 1) and one critical value. At no
difference they are one statistic, so they never disagree, and they stay sound where an arm has no
success or no failure and the textbook standard error is 0.

Where fewer than 5 successes or failures are expected in an arm the normal distribution of the score
is in doubt. One look at a planned sample then gets the exact form of the same test.
"""

from __future__ import annotations

import math

from abtesting.statistics.arguments import require_counts
from abtesting.statistics.boundaries import Boundary, FixedHorizon, first_look
from abtesting.statistics.moments import Counts
from abtesting.statistics.rates.exact import compare_proportions_exact, is_exact_feasible
from abtesting.statistics.rates.score import difference_limits, ratio_limits, score_statistic
from abtesting.statistics.types import Effect, Interval, NotEnoughData

MIN_EXPECTED = 5
"""Smallest expected cell for which the normal distribution serves (Cochran 1954)."""

UNEVEN_TAILS = 0.15
"""Share by which one tail of the score may outweigh its half of the level without a warning."""


def compare_proportions(
    control: Counts, variant: Counts, *, boundary: Boundary
) -> Effect | NotEnoughData:
    """Compare the shares of successful units.

    With a smallest expected cell of at least 5, and with any boundary but `fixed_horizon`, this is
    `compare_proportions_by_score`. Below that, one look at a planned sample is answered by
    `compare_proportions_exact`, which holds its level there and takes some 30 ms in place of 15 us.
    What is too much for it, which `is_exact_feasible` tells, and the other boundaries keep the
    score and carry the warning `few_successes`.

    Where one arm is much smaller and has few successes, one look errs more often on one side than
    on the other, such as in 3.0 and 1.8 % of tests with 180 and 20 of them; it carries the warning
    `skewed`.

    Without a success in the control the lift is `None` and its interval has no upper end. The
    standard error is that of the observed rates, without a hypothesis; where both rates are 0 or 1
    it would be 0 and is taken from the width of the interval instead. Intervals of one side end
    where the scale does: at 1 or -1 for the difference, at -1 for the lift.

    Args:
        control: Counts of the control.
        variant: Counts of the variant.
        boundary: When the result may be read, its level and its side.

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
    require_counts(control, variant)
    num_units = control.num_units + variant.num_units
    num_successes = control.num_successes + variant.num_successes
    rarer = min(num_successes, num_units - num_successes)
    if rarer * min(control.num_units, variant.num_units) >= MIN_EXPECTED * num_units:
        uneven = has_uneven_tails(control, variant, boundary)
        return compare_proportions_by_score(
            control, variant, boundary=boundary, warnings=("skewed",) if uneven else ()
        )
    too_few = first_look(boundary, control=control.num_units, variant=variant.num_units)
    if too_few is not None:
        return too_few
    fixed = isinstance(boundary, FixedHorizon)
    if fixed and is_exact_feasible(control, variant, alpha=boundary.alpha):
        return compare_proportions_exact(control, variant, alpha=boundary.alpha, side=boundary.side)
    return compare_proportions_by_score(
        control, variant, boundary=boundary, warnings=("few_successes",)
    )


def has_uneven_tails(control: Counts, variant: Counts, boundary: Boundary) -> bool:
    """Return whether one tail of one look's score outweighs its half of the level by too much.

    To first order, by kappa (c^2 - 1) (c + 1 / c) / 6 with the score's skewness kappa and the
    critical value c. In arms of equal size there is none.

    References:
        Hall, P. (1992). The bootstrap and Edgeworth expansion, section 2.3.

    Examples:
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> large, small = (Counts(num_units=n, num_successes=n // 100) for n in (18_000, 2_000))
        >>> has_uneven_tails(large, small, FixedHorizon(0.05))
        True
        >>> has_uneven_tails(large, large, FixedHorizon(0.05))
        False
    """
    n_c, n_t = control.num_units, variant.num_units
    if n_c == n_t or not isinstance(boundary, FixedHorizon):
        return False
    successes = control.num_successes + variant.num_successes
    failures = n_c + n_t - successes
    if not successes or not failures or not n_c or not n_t:
        return False
    skewness = (failures - successes) / math.sqrt(successes * failures)
    kappa = skewness * (n_c - n_t) / math.sqrt(n_c * n_t * (n_c + n_t))
    critical = boundary.critical(n_c + n_t, None)
    shift = kappa * (critical * critical - 1) * (critical + 1 / critical) / 6
    return abs(shift) > UNEVEN_TAILS


def compare_proportions_by_score(
    control: Counts, variant: Counts, *, boundary: Boundary, warnings: tuple[str, ...] = ()
) -> Effect | NotEnoughData:
    """Compare the shares of successful units by the score, however few there are.

    Args:
        control: Counts of the control.
        variant: Counts of the variant.
        boundary: When the result may be read, its level and its side.
        warnings: Codes of what the effect should warn of.

    Returns:
        The effect, or `too_few_units`.

    Examples:
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> effect = compare_proportions_by_score(
        ...     Counts(num_units=1000, num_successes=0),
        ...     Counts(num_units=1000, num_successes=20),
        ...     boundary=FixedHorizon(0.05),
        ... )
        >>> round(effect.p_value, 7), round(effect.difference_interval.lower, 4)
        (7e-06, 0.013)
    """
    require_counts(control, variant)
    x_c, n_c = control.num_successes, control.num_units
    x_t, n_t = variant.num_successes, variant.num_units
    too_few = first_look(boundary, control=n_c, variant=n_t)
    if too_few is not None:
        return too_few
    num_units = n_c + n_t
    critical = boundary.critical(num_units, None)
    # The factor N / (N - 1) on the variance, moved to the other side of z^2 = critical^2.
    threshold = critical * critical * num_units / (num_units - 1)
    control_rate, variant_rate = x_c / n_c, x_t / n_t
    difference = variant_rate - control_rate
    low, high = difference_limits(x_c, n_c, x_t, n_t, threshold=threshold)
    low_ratio, high_ratio = ratio_limits(x_c, n_c, x_t, n_t, threshold=threshold)
    standard_error = math.sqrt(
        control_rate * (1 - control_rate) / n_c + variant_rate * (1 - variant_rate) / n_t
    )
    side = boundary.side
    return Effect(
        control_value=control_rate,
        variant_value=variant_rate,
        difference=difference,
        standard_error=standard_error or (high - low) / (2 * critical),
        difference_interval=Interval(
            -1.0 if side == "less" else low, 1.0 if side == "greater" else high
        ),
        p_value=boundary.p_value(score_statistic(x_c, n_c, x_t, n_t), num_units, None),
        lift=difference / control_rate if x_c else None,
        lift_interval=Interval(
            -1.0 if side == "less" else low_ratio - 1,
            math.inf if side == "greater" else high_ratio - 1,
        ),
        method="score",
        boundary=boundary.name,
        alpha=boundary.alpha,
        side=side,
        warnings=warnings,
    )
