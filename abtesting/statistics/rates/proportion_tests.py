"""Tests of two proportions by name: z with either variance, and the score against any difference.

The results of experiments come from `compare_proportions`. These are for comparing with other
programs, and for hypotheses other than "no difference".
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import special

from abtesting.statistics.arguments import require_counts, require_positive
from abtesting.statistics.moments import Counts
from abtesting.statistics.rates.restricted import linear_contrast
from abtesting.statistics.types import SIDES, NotEnoughData, Side, num_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RateTest:
    """A test of two proportions.

    Attributes:
        difference: Variant minus control.
        standard_error: Standard error of what is tested, under the hypothesis unless `wald_z`.
        statistic: z; its square is the chi-square of the same test.
        p_value: p-value of the side.
        method: Name of the test.
        side: Which alternatives are looked for.
    """

    difference: float
    standard_error: float
    statistic: float
    p_value: float
    method: str
    side: Side


def pooled_z_test(
    control: Counts, variant: Counts, *, side: Side = "two_sided", continuity: bool = False
) -> RateTest | NotEnoughData:
    """Test "no difference" with the variance of the pooled rate: Pearson's chi-square, signed.

    Args:
        control: Counts of the control.
        variant: Counts of the variant.
        side: Which differences are looked for.
        continuity: Whether to take half a success off the difference (Yates).

    Returns:
        The test; or `too_few_units`; or `zero_variance` if all units succeeded or none did.

    References:
        Yates, F. (1934). Contingency tables involving small numbers and the chi-square test.
        Supplement to the Journal of the Royal Statistical Society 1(2).

    Examples:
        >>> test = pooled_z_test(
        ...     Counts(num_units=5000, num_successes=3), Counts(num_units=5050, num_successes=11)
        ... )
        >>> round(test.statistic, 4), round(test.p_value, 4)
        (2.121, 0.0339)
    """
    reason = _not_ready(control, variant)
    if reason is not None:
        return reason
    x_c, n_c = control.num_successes, control.num_units
    x_t, n_t = variant.num_successes, variant.num_units
    total, successes = n_c + n_t, x_c + x_t
    excess = x_t * n_c - x_c * n_t
    if continuity:
        excess_size = max(abs(excess) - total / 2, 0.0)
        excess_signed = math.copysign(excess_size, excess)
    else:
        excess_signed = float(excess)
    # The variance of the difference of the rates, times (n_c n_t)^2.
    spread = math.sqrt(successes * (total - successes) / total * (n_c * n_t))
    return _test(
        control,
        variant,
        standard_error=spread / n_c / n_t,
        statistic=excess_signed / spread,
        method="pooled_z_continuity" if continuity else "pooled_z",
        side=side,
    )


def wald_z_test(
    control: Counts, variant: Counts, *, side: Side = "two_sided"
) -> RateTest | NotEnoughData:
    """Test "no difference" with the variance of the observed rates.

    Args:
        control: Counts of the control.
        variant: Counts of the variant.
        side: Which differences are looked for.

    Returns:
        The test; or `too_few_units`; or `zero_variance` if each rate is 0 or 1.

    Examples:
        >>> test = wald_z_test(
        ...     Counts(num_units=21306, num_successes=2262),
        ...     Counts(num_units=21307, num_successes=3894),
        ... )
        >>> print(f"{test.p_value:.4g}")
        2.708e-113
    """
    reason = _not_ready(control, variant)
    if reason is not None:
        return reason
    x_c, n_c = control.num_successes, control.num_units
    x_t, n_t = variant.num_successes, variant.num_units
    p_c, p_t = x_c / n_c, x_t / n_t
    standard_error = math.sqrt(p_c * (1 - p_c) / n_c + p_t * (1 - p_t) / n_t)
    if standard_error == 0:
        return _zero_variance(control, variant)
    return _test(
        control,
        variant,
        standard_error=standard_error,
        statistic=(p_t - p_c) / standard_error,
        method="wald_z",
        side=side,
    )


def score_test(
    control: Counts,
    variant: Counts,
    *,
    difference: float = 0.0,
    ratio: float = 1.0,
    corrected: bool = True,
    side: Side = "two_sided",
) -> RateTest | NotEnoughData:
    """Test a difference or a ratio with the variance of the likeliest rates that have it.

    Args:
        control: Counts of the control.
        variant: Counts of the variant.
        difference: Difference, variant - control, that is tested; with a `ratio` other than 1 it
            must be 0.
        ratio: Ratio, variant / control, that is tested.
        corrected: Whether the variance has the factor N / (N - 1) of Miettinen and Nurminen, or is
            that of Farrington and Manning.
        side: Which alternatives are looked for; `greater` are those above what is tested.

    Returns:
        The test; or `too_few_units`; or `zero_variance` if the likeliest rates are certain.

    References:
        Farrington, C. P. & Manning, G. (1990). Test statistics and sample size formulae for
        comparative binomial trials with null hypothesis of non-zero risk difference or non-unity
        relative risk. Statistics in Medicine 9(12).
        Miettinen, O. & Nurminen, M. (1985). Comparative analysis of two rates. Statistics in
        Medicine 4(2).

    Examples:
        >>> test = score_test(
        ...     Counts(num_units=80, num_successes=48),
        ...     Counts(num_units=70, num_successes=56),
        ...     difference=0.1,
        ...     corrected=False,
        ...     side="greater",
        ... )
        >>> round(test.statistic, 4), round(test.p_value, 4)
        (1.3477, 0.0889)
    """
    if not -1 < difference < 1:
        raise ValueError(f"difference is {difference!r}; it must be between -1 and 1")
    require_positive("ratio", ratio)
    if difference and ratio != 1:
        raise ValueError(
            f"difference is {difference!r} and ratio {ratio!r}; only one of them can be tested"
        )
    require_counts(control, variant)
    if min(control.num_units, variant.num_units) < 1:
        return _too_few(control, variant)
    contrast, standard_error = linear_contrast(
        control.num_successes,
        control.num_units,
        variant.num_successes,
        variant.num_units,
        offset=difference,
        slope=ratio,
    )
    if standard_error == 0:
        return _zero_variance(control, variant)
    total = control.num_units + variant.num_units
    if corrected:
        standard_error *= math.sqrt(total / (total - 1))
    return _test(
        control,
        variant,
        standard_error=standard_error,
        statistic=contrast / standard_error,
        method="miettinen_nurminen" if corrected else "farrington_manning",
        side=side,
    )


def _test(
    control: Counts,
    variant: Counts,
    *,
    standard_error: float,
    statistic: float,
    method: str,
    side: Side,
) -> RateTest:
    if side not in SIDES:
        raise ValueError(f"side is {side!r}; it must be one of {', '.join(SIDES)}")
    if side == "two_sided":
        p_value = 2 * float(special.ndtr(-abs(statistic)))
    else:
        p_value = float(special.ndtr(-statistic if side == "greater" else statistic))
    return RateTest(
        difference=variant.num_successes / variant.num_units
        - control.num_successes / control.num_units,
        standard_error=standard_error,
        statistic=statistic,
        p_value=p_value,
        method=method,
        side=side,
    )


def _not_ready(control: Counts, variant: Counts) -> NotEnoughData | None:
    require_counts(control, variant)
    if min(control.num_units, variant.num_units) < 1:
        return _too_few(control, variant)
    successes = control.num_successes + variant.num_successes
    if successes in (0, control.num_units + variant.num_units):
        return _zero_variance(control, variant)
    return None


def _too_few(control: Counts, variant: Counts) -> NotEnoughData:
    return NotEnoughData(
        code="too_few_units",
        detail=(
            f"control has {num_of(control.num_units, 'unit')} and variant "
            f"{variant.num_units}; each needs "
            "at least 1"
        ),
    )


def _zero_variance(control: Counts, variant: Counts) -> NotEnoughData:
    return NotEnoughData(
        code="zero_variance",
        detail=(
            f"control has {control.num_successes} successes of {control.num_units} and variant "
            f"{variant.num_successes} of {variant.num_units}; this test's variance is 0"
        ),
    )
