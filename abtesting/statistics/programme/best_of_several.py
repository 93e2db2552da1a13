"""The best of several variants: what it is worth, given that it came out best.

Whichever variant has the largest estimate has, on average, been lucky. `winners_curse` does the
same for one effect that was selected by its significance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from abtesting.statistics.arguments import require_probability
from abtesting.statistics.bayesian.posteriors import increasing_root
from abtesting.statistics.programme.shrinkage import as_effects
from abtesting.statistics.programme.winners_curse import standardised_root
from abtesting.statistics.types import Interval

TIE = 1e-4
"""Standard errors within which two estimates are a tie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BestEffect:
    """The effect of the variant with the best estimate of several.

    Attributes:
        best: Position of the variant.
        estimate: Hybrid estimate, close to median-unbiased. When the second is very close it lies
            at the less favourable end of the simultaneous interval.
        naive_estimate: The estimate as it was, too good on average.
        standard_error: Standard error of the naive estimate.
        interval: Hybrid interval; the simultaneous one where the second was so close that the
            hybrid one would be shorter than if there had been no choice.
        conditional_interval: Interval given that this variant was the best; very wide or unbounded
            when the second was close, `None` for a tie.
        simultaneous_interval: Interval that holds for all variants at once.
        level: Coverage of each interval.
        method: `hybrid`.
    """

    best: int
    estimate: float
    naive_estimate: float
    standard_error: float
    interval: Interval
    conditional_interval: Interval | None
    simultaneous_interval: Interval
    level: float
    method: str = "hybrid"


def effect_of_best(
    estimates: Sequence[float],
    standard_errors: Sequence[float],
    *,
    shared_variance: float = 0.0,
    level: float = 0.95,
    higher_is_better: bool = True,
) -> BestEffect:
    """Return the effect of the best of several variants, given that it was the best.

    The conditional interval is exact but very wide when the second best was close. The hybrid one
    spends a tenth of its error on an interval that is right for all variants at once, and is the
    conditional interval within that. Close to a tie it shrinks to one end of the simultaneous
    interval: right on average over all data, and misleading for these. It is replaced there, so
    that it covers a little more than its level.

    Args:
        estimates: Estimate of each variant, at least two; differences from one control, or values.
        standard_errors: Standard error of each.
        shared_variance: Covariance of any two estimates: the variance of the control's estimate if
            they are differences from it, 0 if they are values of their own.
        level: Coverage of the intervals.
        higher_is_better: Whether the largest or the smallest estimate is the best.

    References:
        Andrews, I., Kitagawa, T. & McCloskey, A. (2024). Inference on winners. Quarterly Journal
        of Economics 139(1), sections III and IV.

    Examples:
        >>> best = effect_of_best([0.01, 0.06, 0.05], [0.02, 0.02, 0.02], shared_variance=0.0002)
        >>> best.best, round(best.estimate, 4)
        (1, 0.0538)
        >>> round(best.interval.lower, 4), round(best.interval.upper, 4)
        (-0.0001, 0.0995)
    """
    y, variances = as_effects(estimates, standard_errors, name="estimates")
    require_probability("level", level)
    if len(y) < 2:
        raise ValueError(f"there are {len(y)} estimates; there must be at least 2")
    if not 0 <= shared_variance < float(variances.min()):
        raise ValueError(
            f"shared_variance is {shared_variance!r}; it must be at least 0 and below the smallest "
            f"squared standard error, {float(variances.min())!r}"
        )
    sign = 1.0 if higher_is_better else -1.0
    best = int(np.argmax(sign * y))
    error = math.sqrt(float(variances[best]))
    z = sign * float(y[best]) / error
    # What of the others doesn't move with the best one decides how low it could have been.
    share = shared_variance / float(variances[best])
    others = np.delete(sign * y, best) - share * sign * float(y[best])
    threshold = min(float(others.max()) / (1 - share) / error, z)
    alpha = 1 - level
    beta = alpha / 10
    reach = _simultaneous_critical(beta, len(y))

    def conditional(effect: float) -> float:
        return float(special.log_ndtr(effect - z) - special.log_ndtr(effect - threshold))

    def conditional_quantile(probability: float) -> float:
        return standardised_root(lambda m: conditional(m) - math.log(probability), z)

    def hybrid(effect: float) -> float:
        """Probability of a z at least this large, given the best and |z - effect| <= reach."""
        out = float(special.ndtr(-reach))
        part = float(special.ndtr(effect - z)) - out
        whole = float(special.ndtr(effect - max(threshold, effect - reach))) - out
        # Close to a tie both are nearly 0 at the lower end.
        return min(1.0, part / whole) if 0 < part < whole else float(part > 0)

    def hybrid_quantile(probability: float) -> float:
        return increasing_root(
            lambda m: hybrid(m) - probability, z - reach, z + reach, tolerance=1e-12 * (1 + abs(z))
        )

    def interval(lower: float, upper: float) -> Interval:
        return Interval(*sorted((sign * lower * error, sign * upper * error)))

    around = _simultaneous_critical(alpha, len(y))
    simultaneous = interval(z - around, z + around)
    tail = (alpha - beta) / (1 - beta) / 2
    hybrid_ends = hybrid_quantile(tail), hybrid_quantile(1 - tail)
    shrinks = hybrid_ends[1] - hybrid_ends[0] < -2 * float(special.ndtri(alpha / 2))
    return BestEffect(
        best=best,
        estimate=sign * max(hybrid_quantile(0.5), z - around) * error,
        naive_estimate=float(y[best]),
        standard_error=error,
        interval=simultaneous if shrinks else interval(*hybrid_ends),
        conditional_interval=None
        if z - threshold <= TIE
        else interval(conditional_quantile(alpha / 2), conditional_quantile(1 - alpha / 2)),
        simultaneous_interval=simultaneous,
        level=level,
    )


def _simultaneous_critical(alpha: float, num_variants: int) -> float:
    """Return how many standard errors hold for all variants at once, by Sidak's inequality."""
    return -float(special.ndtri(-math.expm1(math.log1p(-alpha) / num_variants) / 2))
