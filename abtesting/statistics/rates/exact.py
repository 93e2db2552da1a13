"""Conversion rates with few successes: the exact form of the score test and its two inversions.

The score orders the tables; how likely tables at least as extreme are is then computed from
binomial distributions for the worst rate possible, not read off the normal curve. The hypotheses
that are not rejected make up the intervals, of differences and of ratios. At no difference both
scales have one hypothesis and so one p-value, which is the effect's.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from abtesting.statistics.arguments import require_counts
from abtesting.statistics.boundaries import FixedHorizon, first_look
from abtesting.statistics.moments import Counts
from abtesting.statistics.rates.restricted import linear_score
from abtesting.statistics.rates.score import difference_limits, ratio_limits
from abtesting.statistics.rates.unconditional import NEGLIGIBLE, Arm, TailProbability
from abtesting.statistics.types import Effect, Interval, NotEnoughData, Side

MAX_ROWS = 400
"""Most numbers of successes of one arm for which the exact test is offered."""
MAX_UNITS = 10**9
"""Most units of an arm for which its binomial probabilities keep enough digits."""
MIN_ALPHA = 1e-4
"""Level below which the p-value's floor would be a sizeable part of it."""
PRECISION = 1e-4
"""Error of an interval's ends, relative to its width by the score."""
PROBES = (0.5, 0.2, 0.08, 0.0, -0.08, -0.2, -0.5)
"""Where the last crossing is looked for, in widths beyond the end of the score's interval."""


def is_exact_feasible(control: Counts, variant: Counts, *, alpha: float) -> bool:
    """Whether the exact test takes well below a second and has an answer at this level.

    One arm's successes must be within a short range. With few successes, or few failures, they are,
    whatever the units and the other arm.

    Examples:
        >>> few = Counts(num_units=1_000_000, num_successes=7)
        >>> is_exact_feasible(few, Counts(num_units=1_000_000, num_successes=1), alpha=0.05)
        True
        >>> half = Counts(num_units=1_000_000, num_successes=500_000)
        >>> is_exact_feasible(half, half, alpha=0.05)
        False
    """
    if max(control.num_units, variant.num_units) > MAX_UNITS or alpha < MIN_ALPHA:
        return False
    ranges = [Arm.of(counts).rows() for counts in (control, variant)]
    return min(last - first for first, last in ranges) < MAX_ROWS


def compare_proportions_exact(
    control: Counts, variant: Counts, *, alpha: float, side: Side = "two_sided"
) -> Effect | NotEnoughData:
    """Compare the shares of successful units without relying on the normal distribution.

    The unknown rate is the worst one of those that the data leave possible (Berger and Boos), and a
    two-sided p-value is twice the smaller tail, so that each tail holds half the level at any
    sample size. The price is a floor of 2e-7 under the p-value, and between arms of very different
    size an error rate well below the level. It takes some 30 ms where `is_exact_feasible`,
    200 ms at its limit; beyond, the time grows with the successes.

    Args:
        control: Counts of the control.
        variant: Counts of the variant.
        alpha: Level of the p-value's decision and of both intervals.
        side: Which differences are looked for.

    Returns:
        The effect, or `too_few_units`.

    References:
        Chan, I. S. F. & Zhang, Z. (1999). Test-based exact confidence intervals for the difference
        of two binomial proportions. Biometrics 55(4).
        Agresti, A. & Min, Y. (2001). On small-sample confidence intervals for parameters in
        discrete distributions. Biometrics 57(3).

    Examples:
        >>> effect = compare_proportions_exact(
        ...     Counts(num_units=1000, num_successes=0),
        ...     Counts(num_units=1000, num_successes=6),
        ...     alpha=0.05,
        ... )
        >>> round(effect.p_value, 3)
        0.013
        >>> round(effect.difference_interval.lower, 4), round(effect.difference_interval.upper, 4)
        (0.0016, 0.013)
    """
    require_counts(control, variant)
    boundary = FixedHorizon(alpha, side)
    too_few = first_look(boundary, control=control.num_units, variant=variant.num_units)
    if too_few is not None:
        return too_few
    x_c, n_c = control.num_successes, control.num_units
    x_t, n_t = variant.num_successes, variant.num_units
    level = alpha / 2 if side == "two_sided" else alpha
    critical = boundary.critical(n_c + n_t, None)
    # An upper end is the lower one with the arms swapped, so that swapping them mirrors an effect.
    rise = _LowerEnds(control, variant, level=level, threshold=critical * critical)
    fall = _LowerEnds(variant, control, level=level, threshold=critical * critical)
    p_value = min(1.0, 2 * min(rise.p_at_none, fall.p_at_none))
    if side != "two_sided":
        p_value = rise.p_at_none if side == "greater" else fall.p_at_none
    low, low_ratio, high, high_ratio = -1.0, 0.0, 1.0, math.inf
    if side != "less":
        low, low_ratio = rise.difference(), rise.ratio()
    if side != "greater":
        high, inverse = -fall.difference(), fall.ratio()
        high_ratio = 1 / inverse if inverse else math.inf
    control_rate, variant_rate = x_c / n_c, x_t / n_t
    standard_error = math.sqrt(
        control_rate * (1 - control_rate) / n_c + variant_rate * (1 - variant_rate) / n_t
    )
    difference = variant_rate - control_rate
    return Effect(
        control_value=control_rate,
        variant_value=variant_rate,
        difference=difference,
        standard_error=standard_error or rise.score_width / (2 * critical),
        difference_interval=Interval(low, high),
        p_value=p_value,
        lift=difference / control_rate if x_c else None,
        lift_interval=Interval(low_ratio - 1, high_ratio - 1),
        method="exact",
        boundary=boundary.name,
        alpha=alpha,
        side=side,
    )


class _LowerEnds:
    """The least difference and ratio that one table does not reject, at the level of one tail.

    Where the p-value of no difference is below the level, an end is searched on the estimate's side
    of no difference, else beyond it: so an interval and the p-value cannot disagree.
    """

    def __init__(self, control: Counts, variant: Counts, *, level: float, threshold: float) -> None:
        self.tail = TailProbability(control, variant)
        self.level, self.threshold = level, threshold
        self.table = (
            control.num_successes,
            control.num_units,
            variant.num_successes,
            variant.num_units,
        )
        self.p_at_none = self.p_value()

    def p_value(
        self, *, offset: float = 0.0, slope: float = 1.0, level: float | None = None
    ) -> float:
        z = linear_score(*self.table, offset=offset, slope=slope)
        return self.tail(z, offset=offset, slope=slope, above=True, level=level)

    @property
    def score_width(self) -> float:
        """Width of the score's interval of the difference."""
        low, high = difference_limits(*self.table, threshold=self.threshold)
        return high - low

    def difference(self) -> float:
        """Return the lower end of the differences."""
        control, variant = self.tail.control, self.tail.variant
        if (variant.x == 0 and control.x == control.n) or self.level <= NEGLIGIBLE:
            return -1.0
        return self._search(
            lambda difference: self.p_value(offset=difference, level=self.level),
            difference_limits(*self.table, threshold=self.threshold),
            estimate=variant.x / variant.n - control.x / control.n,
            end=variant.low - control.high,
        )

    def ratio(self) -> float:
        """Return the lower end of the ratios."""
        control, variant = self.tail.control, self.tail.variant
        if variant.x == 0 or self.level <= NEGLIGIBLE:
            return 0.0
        limits = ratio_limits(*self.table, threshold=self.threshold)
        low, high = (math.log(limit) if limit else -math.inf for limit in limits)
        if not math.isfinite(high - low):
            high = low + 2
        estimate = math.inf
        if control.x:
            estimate = math.log(variant.x * control.n / (variant.n * control.x))
        found = self._search(
            lambda log_ratio: self.p_value(slope=math.exp(log_ratio), level=self.level),
            (low, high),
            estimate=estimate,
            end=math.log(variant.low / control.high),
        )
        return math.exp(found)

    def _search(
        self,
        p_value: Callable[[float], float],
        limits: tuple[float, float],
        *,
        estimate: float,
        end: float,
    ) -> float:
        width = limits[1] - limits[0]
        kept, rejected = estimate, end
        if self.p_at_none < self.level:
            rejected = 0.0
        elif abs(end) < abs(end - estimate):
            kept = 0.0
        if math.isinf(kept):
            kept = limits[0] + 40 * width
        return _last_kept(
            lambda at: math.log(p_value(at) / self.level), limits[0], kept, rejected, width
        )


def _last_kept(
    excess: Callable[[float], float], guess: float, kept: float, rejected: float, width: float
) -> float:
    """Return the last point before `rejected` at which the excess is not below 0.

    The excess jumps where a table joins the extreme ones, and may cross 0 more than once. Probes
    around the guess, from the outside in, find the last crossing; then false position, and halving
    where that is slow.
    """
    outwards = math.copysign(width, rejected - kept)
    value_kept = value_rejected = 0.0
    for share in PROBES:
        at = guess + share * outwards
        if not min(kept, rejected) < at < max(kept, rejected):
            continue
        value = excess(at)
        if value >= 0:
            kept, value_kept = at, value
            break
        rejected, value_rejected = at, value
    precision, span = PRECISION * width, math.inf
    while abs(rejected - kept) > precision:
        slow = abs(rejected - kept) > span / 2
        span = abs(rejected - kept)
        at = (kept + rejected) / 2
        if value_kept and value_rejected and not slow:
            weight = value_kept / (value_kept - value_rejected)
            # A little beyond the crossing, so that the end that is far off moves next to it.
            nudge = precision / span / 3
            at = kept + (weight + (nudge if weight < 0.5 else -nudge)) * (rejected - kept)
        value = excess(at)
        if value >= 0:
            kept, value_kept = at, value
        else:
            rejected, value_rejected = at, value
    return kept
