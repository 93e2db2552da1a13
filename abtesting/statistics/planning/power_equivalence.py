"""Planning a test of equivalence with one look: means and conversion rates.

The test rejects that the variant is worse by the margin, and that it is better by it: two one-sided
tests, each at the whole level. Both have to reject, and both rest on the same data, so their power
is the chance that the estimates fall into the strip between two lines, and not the product or the
sum of two powers. Margins are given as in `equivalence`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from abtesting.statistics.arguments import require_finite, require_positive
from abtesting.statistics.boundaries import FixedHorizon
from abtesting.statistics.margins.contrast import Scale, check_margin
from abtesting.statistics.means import satterthwaite
from abtesting.statistics.planning.power import (
    LARGEST,
    Design,
    SampleSizePlan,
    make_plan,
    solve_plan,
)
from abtesting.statistics.planning.power_noninferiority import FINE
from abtesting.statistics.rates.restricted import restricted_rate

EACH_AT_FIVE_PER_CENT = Design(alpha=0.05, side="one_sided")
"""Two equal arms; 5 % in each of the two tests is what an interval of 90 % decides."""

Floats = NDArray[np.float64]

NODES, NODE_WEIGHTS = np.polynomial.legendre.leggauss(96)
REACH = 9.0
"""Standard deviations to either side of its mean that a variable is integrated over."""

MANY_DF = 1e6
"""Degrees of freedom from which on a standard error counts as known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One of the two hypotheses: variant = slope * control + offset, and its standard error."""

    slope: float
    offset: float
    error: float


def plan_equivalence_means(
    *,
    variance: float,
    margin: float | None = None,
    num_units: float | None = None,
    power: float | None = None,
    effect: float = 0.0,
    variant_variance: float | None = None,
    control_mean: float | None = None,
    scale: Scale = "absolute",
    design: Design = EACH_AT_FIVE_PER_CENT,
) -> SampleSizePlan:
    """Plan a test that a mean is within a margin: give two of margin, number of units and power.

    Args:
        variance: Variance of the units of the control.
        margin: Difference from which on the two are not equivalent, above 0.
        num_units: Units of all arms together.
        power: Chance to show that the variant is equivalent.
        effect: Difference that the variant really makes.
        variant_variance: Variance of the units of a variant; without it that of the control.
        control_mean: Mean of the control, needed for a relative margin.
        scale: Whether the margin is a difference or a share of the size of the control mean.
        design: Level of each of the two tests, shares and corrections; its side is `one_sided`.

    Raises:
        ValueError: If not exactly two of the three are given, one is out of range, or nothing
            gives the power.

    References:
        Schuirmann, D. J. (1987). A comparison of the two one-sided tests procedure and the power
        approach for assessing the equivalence of average bioavailability. Journal of
        Pharmacokinetics and Biopharmaceutics 15(6). Owen, D. B. (1965). A special case of a
        bivariate non-central t-distribution. Biometrika 52(3-4).

    Examples:
        >>> plan_equivalence_means(variance=4.0, margin=0.1, power=0.8).num_units
        (6852, 6852)
    """
    _require_one_sided(design)
    other = variance if variant_variance is None else variant_variance
    for name, value in (("variance", variance), ("variant_variance", other)):
        require_positive(name, value)
    require_finite("effect", effect)
    base, mean, mirrored = 1.0, 0.0, effect
    if scale == "relative":
        if control_mean is None or control_mean == 0:
            raise ValueError(
                f"control_mean is {control_mean!r}; a relative margin needs one that is not 0"
            )
        require_finite("control_mean", control_mean)
        # Means below 0 are mirrored, so that a line of more than the control lies above it.
        base = mean = abs(control_mean)
        mirrored = effect if control_mean > 0 else -effect
    _require_margin(margin, scale, effect=effect / base)
    share_c, share_t = design.smallest_pair
    each = FixedHorizon(design.tail(), "greater")

    def power_of(tried: float, total: float) -> float:
        n_c, n_t = share_c * total, share_t * total
        if min(n_c, n_t) <= 1:
            return 0.0
        noise_c = design.variance_factor * variance / n_c
        noise_t = design.variance_factor * other / n_t
        share = noise_c / (noise_c + noise_t)
        df = satterthwaite(share, n_c - 1, 1 - share, n_t - 1)
        lower, upper = (
            _line(scale, sign * tried, noise_c=noise_c, noise_t=noise_t) for sign in (-1, 1)
        )
        return _power_between(
            lower,
            upper,
            control=(mean, noise_c),
            variant=(mean + mirrored, noise_t),
            critical=each.critical(0, df),
            df=df,
        )

    margin, total, power = solve_plan(
        power_of,
        effect=margin,
        num_units=num_units,
        power=power,
        start=_start(effect / base, 0.1 if scale == "relative" else math.sqrt(variance)),
        largest=1 - 1e-9 if scale == "relative" else LARGEST,
        name="margin",
        level=design.comparison_alpha(),
        least_units=design.least_units,
    )
    return make_plan(
        design,
        effect=effect,
        total=total,
        power=power,
        control_value=control_mean,
        margin=margin,
        method="equivalence_mean",
    )


def plan_equivalence_proportions(
    *,
    control_rate: float,
    margin: float | None = None,
    num_units: float | None = None,
    power: float | None = None,
    effect: float = 0.0,
    scale: Scale = "absolute",
    design: Design = EACH_AT_FIVE_PER_CENT,
) -> SampleSizePlan:
    """Plan score tests that a rate is within a margin: give two of margin, units and power.

    The variance under each hypothesis is that of the likeliest rates that differ by the margin.

    Args:
        control_rate: Rate of the control, above 0 and below 1.
        margin: Difference from which on the two are not equivalent, above 0.
        num_units: Units of all arms together.
        power: Chance to show that the variant is equivalent.
        effect: Difference that the variant really makes.
        scale: Whether the margin is a difference or a share of the control's rate.
        design: Level of each of the two tests, shares and corrections; its side is `one_sided`.

    References:
        Farrington, C. P. & Manning, G. (1990). Test statistics and sample size formulae for
        comparative binomial trials with null hypothesis of non-zero risk difference or non-unity
        relative risk. Statistics in Medicine 9(12), for each of the two tests.

    Examples:
        >>> plan = plan_equivalence_proportions(control_rate=0.1, margin=0.01, power=0.8)
        >>> plan.total_num_units
        30860
    """
    _require_one_sided(design)
    require_finite("control_rate", control_rate)
    require_finite("effect", effect)
    rate = control_rate + effect
    if not (0 < control_rate < 1 and 0 < rate < 1):
        raise ValueError(
            f"control_rate is {control_rate!r} and effect {effect!r}; the rate and their sum must "
            "be between 0 and 1, both excluded"
        )
    base = control_rate if scale == "relative" else 1.0
    _require_margin(margin, scale, effect=effect / base)
    # Both hypotheses must be rates that a variant can have.
    largest = min(control_rate, 1 - control_rate) / base
    share_c, share_t = design.smallest_pair
    n_c = round(FINE * share_c / (share_c + share_t))
    n_t = FINE - n_c
    critical = -float(special.ndtri(design.tail()))

    def line(signed: float, factor: float) -> _Line:
        slope = 1 + signed if scale == "relative" else 1.0
        offset = 0.0 if scale == "relative" else signed
        of_control = restricted_rate(
            round(n_c * control_rate), n_c, round(n_t * rate), n_t, offset=offset, slope=slope
        )
        of_variant = min(max(offset + slope * of_control, 0.0), 1.0)
        null = slope * slope * of_control * (1 - of_control) / share_c
        null += of_variant * (1 - of_variant) / share_t
        return _Line(slope=slope, offset=offset, error=math.sqrt(factor * null))

    def power_of(tried: float, total: float) -> float:
        factor = design.variance_factor / total
        return _power_between(
            line(-tried, factor),
            line(tried, factor),
            control=(control_rate, factor * control_rate * (1 - control_rate) / share_c),
            variant=(rate, factor * rate * (1 - rate) / share_t),
            critical=critical,
            df=None,
        )

    margin, total, power = solve_plan(
        power_of,
        effect=margin,
        num_units=num_units,
        power=power,
        start=_start(effect / base, largest / 10),
        largest=largest * (1 - 1e-9),
        name="margin",
        level=design.comparison_alpha(),
        least_units=design.least_units,
    )
    return make_plan(
        design,
        effect=effect,
        total=total,
        power=power,
        control_value=control_rate,
        margin=margin,
        method="equivalence_score",
    )


def _line(scale: Scale, signed: float, *, noise_c: float, noise_t: float) -> _Line:
    slope = 1 + signed if scale == "relative" else 1.0
    return _Line(
        slope=slope,
        offset=0.0 if scale == "relative" else signed,
        error=math.sqrt(slope * slope * noise_c + noise_t),
    )


def _power_between(
    lower: _Line,
    upper: _Line,
    *,
    control: tuple[float, float],
    variant: tuple[float, float],
    critical: float,
    df: float | None,
) -> float:
    """Return the chance that both tests reject.

    Given the standard errors, as a multiple s of the true ones, and the control's estimate c, both
    do if the variant's lies between `lower` and `upper` at c, each moved inside by s critical
    values. What is left is an integral over c where the lines are not parallel, and over s where it
    is estimated.

    Args:
        lower: The hypothesis of being worse.
        upper: The hypothesis of being better.
        control: Expectation and variance of the control's estimate.
        variant: The same of the variant's.
        critical: Multiplier of the standard error in each test.
        df: Degrees of freedom of the standard error; `None` if it is known.
    """
    (mean_c, noise_c), (mean_t, noise_t) = control, variant
    parallel = lower.slope == upper.slope
    errors = critical * (lower.error + upper.error)
    # Where standard errors are larger there is no room between parallel lines.
    largest = (upper.offset - lower.offset) / errors if parallel else math.inf
    scales, weights = _error_scales(df, largest=largest)
    moved = critical * scales
    if parallel:
        spread = math.sqrt(noise_t + lower.slope**2 * noise_c)
        centre = mean_t - lower.slope * mean_c
        high = (upper.offset - centre - moved * upper.error) / spread
        low = (lower.offset - centre + moved * lower.error) / spread
        inside = np.maximum(special.ndtr(high) - special.ndtr(low), 0.0)
        return min(float(weights @ inside), 1.0)
    # The lines open with c: below the least c there is no room between them.
    sd_c, sd_t = math.sqrt(noise_c), math.sqrt(noise_t)
    least = moved * (lower.error + upper.error) / (upper.slope - lower.slope)
    start = np.clip((least - mean_c) / sd_c, -REACH, REACH)[:, None]
    half = (REACH - start) / 2
    z = start + half * (1 + NODES)
    c = mean_c + sd_c * z
    high = (upper.slope * c - mean_t - moved[:, None] * upper.error) / sd_t
    low = (lower.slope * c - mean_t + moved[:, None] * lower.error) / sd_t
    inside = np.maximum(special.ndtr(high) - special.ndtr(low), 0.0)
    density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return min(float(weights @ ((half * NODE_WEIGHTS * density) * inside).sum(axis=1)), 1.0)


def _error_scales(df: float | None, *, largest: float) -> tuple[Floats, Floats]:
    """Return values of an estimated standard error over the true one, with their weights.

    The weights are a probability, of the values up to the largest.
    """
    if df is None or df >= MANY_DF:
        return np.ones(1), np.ones(1)
    low = math.sqrt(float(special.chdtri(df, 1 - 1e-16)) / df)
    high = math.sqrt(float(special.chdtri(df, 1e-18)) / df)

    def on(end: float) -> tuple[Floats, Floats]:
        half = (end - low) / 2
        s = low + half * (1 + NODES)
        return s, half * NODE_WEIGHTS * np.exp((df - 1) * np.log(s) - df * (s * s - 1) / 2)

    s, weights = on(high)
    total = weights.sum()
    if largest < high:
        s, weights = on(max(largest, low))
    return s, weights / total


def _start(effect: float, size: float) -> float:
    """Return a margin to begin the search with: one that the assumed effect is within."""
    return abs(effect) + size


def _require_one_sided(design: Design) -> None:
    if design.side != "one_sided":
        raise ValueError(
            f"side of the design is {design.side!r}; each of the two tests of equivalence is "
            "one_sided"
        )


def _require_margin(margin: float | None, scale: Scale, *, effect: float) -> None:
    if scale not in ("absolute", "relative"):
        raise ValueError(f"scale is {scale!r}; it must be absolute or relative")
    if margin is None:
        return
    check_margin(margin, scale)
    if margin <= abs(effect):
        raise ValueError(
            f"margin is {margin!r} with an effect of {effect:g} on its scale; such a variant is "
            "not equivalent"
        )
