"""Planning a test of non-inferiority with one look: means and conversion rates.

The test rejects that the variant is worse by the margin. What is asked for is a number of units,
the power, or the smallest margin that can be proven; the difference that the variant really makes
is an assumption, usually none. Margins are given as in `noninferiority`.
"""

from __future__ import annotations

import math

from scipy import special

from abtesting.statistics.arguments import require_finite, require_positive
from abtesting.statistics.margins.contrast import Harm, Scale, check_margin
from abtesting.statistics.means import satterthwaite
from abtesting.statistics.planning.power import (
    Design,
    SampleSizePlan,
    make_plan,
    rejection_power,
    solve_plan,
)
from abtesting.statistics.rates.restricted import restricted_rate

ONE_SIDED = Design(alpha=0.025, side="one_sided")
"""Two equal arms; 2.5 % in one tail is what a two-sided interval of 95 % decides."""

FINE = 10**12
"""Units of a fictitious sample, so that expected counts are whole numbers."""


def plan_noninferiority_means(
    *,
    variance: float,
    margin: float | None = None,
    num_units: float | None = None,
    power: float | None = None,
    effect: float = 0.0,
    variant_variance: float | None = None,
    control_mean: float | None = None,
    scale: Scale = "absolute",
    harm: Harm = "decrease",
    design: Design = ONE_SIDED,
) -> SampleSizePlan:
    """Plan a test that a mean is not worse: give two of margin, number of units and power.

    A relative margin d is tested by `variant - (1 - d) * control`, whose noise of the control is
    that much smaller.

    Args:
        variance: Variance of the units of the control.
        margin: Harm from which on the variant is inferior, above 0.
        num_units: Units of all arms together.
        power: Chance to show that the variant is not inferior.
        effect: Difference that the variant really makes.
        variant_variance: Variance of the units of a variant; without it that of the control.
        control_mean: Mean of the control, needed for a relative margin.
        scale: Whether the margin is a difference or a share of the size of the control mean.
        harm: In which direction the metric gets worse.
        design: Level, shares and corrections; its side is `one_sided`.

    References:
        Chow, S.-C., Shao, J., Wang, H. & Lokhnygina, Y. (2017). Sample size calculations in
        clinical research, section 3.2.2. Hauschke, D., Kieser, M., Diletti, E. & Burke, M. (1999).
        Sample size determination for proving equivalence based on the ratio of two means for
        normally distributed data. Statistics in Medicine 18(1).

    Examples:
        >>> plan_noninferiority_means(variance=4.0, margin=0.1, power=0.8).num_units
        (6281, 6281)
    """
    _require_one_sided(design)
    other = variance if variant_variance is None else variant_variance
    for name, value in (("variance", variance), ("variant_variance", other)):
        require_positive(name, value)
    require_finite("effect", effect)
    base = 1.0
    if scale == "relative":
        if not control_mean:
            raise ValueError(
                f"control_mean is {control_mean!r}; a relative margin needs one that is not 0"
            )
        base = abs(control_mean)
    sign = _sign(harm)
    _require_margin(margin, scale, effect=sign * effect / base)
    share_c, share_t = design.smallest_pair
    tail = design.tail()

    def power_of(tried: float, total: float) -> float:
        n_c, n_t = share_c * total, share_t * total
        if min(n_c, n_t) <= 1:
            return 0.0
        slope = 1.0
        if scale == "relative":
            assert control_mean is not None
            slope -= math.copysign(sign * tried, sign * control_mean)
        noise_c = design.variance_factor * slope * slope * variance / n_c
        noise_t = design.variance_factor * other / n_t
        share = noise_c / (noise_c + noise_t)
        df = satterthwaite(share, n_c - 1, 1 - share, n_t - 1)
        z = (sign * effect + tried * base) / math.sqrt(noise_c + noise_t)
        return rejection_power(z, tail=tail, df=df, either_sign=False)

    margin, total, power = solve_plan(
        power_of,
        effect=margin,
        num_units=num_units,
        power=power,
        start=0.1 if scale == "relative" else math.sqrt(variance),
        largest=1 - 1e-9 if scale == "relative" else 1e18,
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
        method="noninferiority_mean",
    )


def plan_noninferiority_proportions(
    *,
    control_rate: float,
    margin: float | None = None,
    num_units: float | None = None,
    power: float | None = None,
    effect: float = 0.0,
    scale: Scale = "absolute",
    harm: Harm = "decrease",
    design: Design = ONE_SIDED,
) -> SampleSizePlan:
    """Plan a score test that a rate is not worse: give two of margin, number of units and power.

    The variance under the hypothesis is that of the likeliest rates that differ by the margin.

    Args:
        control_rate: Rate of the control, above 0 and below 1.
        margin: Harm from which on the variant is inferior, above 0.
        num_units: Units of all arms together.
        power: Chance to show that the variant is not inferior.
        effect: Difference that the variant really makes.
        scale: Whether the margin is a difference or a share of the control's rate.
        harm: In which direction the metric gets worse.
        design: Level, shares and corrections; its side is `one_sided`.

    References:
        Farrington, C. P. & Manning, G. (1990). Test statistics and sample size formulae for
        comparative binomial trials with null hypothesis of non-zero risk difference or non-unity
        relative risk. Statistics in Medicine 9(12).

    Examples:
        >>> plan = plan_noninferiority_proportions(control_rate=0.1, margin=0.01, power=0.8)
        >>> plan.total_num_units
        28290
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
    sign = _sign(harm)
    _require_margin(margin, scale, effect=sign * effect / base)
    # Where the hypothesis ends: the variant's rate can't be below 0 or above 1.
    if scale == "relative":
        largest = 1.0 if sign > 0 else (1 - control_rate) / control_rate
    else:
        largest = control_rate if sign > 0 else 1 - control_rate
    share_c, share_t = design.smallest_pair
    n_c = round(FINE * share_c / (share_c + share_t))
    n_t = FINE - n_c
    critical = -float(special.ndtri(design.tail()))
    under_effect = control_rate * (1 - control_rate) / share_c, rate * (1 - rate) / share_t

    def power_of(tried: float, total: float) -> float:
        slope = 1 - sign * tried if scale == "relative" else 1.0
        offset = 0.0 if scale == "relative" else -sign * tried
        of_control = restricted_rate(
            round(n_c * control_rate), n_c, round(n_t * rate), n_t, offset=offset, slope=slope
        )
        of_variant = min(max(offset + slope * of_control, 0.0), 1.0)
        factor = design.variance_factor / total
        null = slope * slope * of_control * (1 - of_control) / share_c
        null += of_variant * (1 - of_variant) / share_t
        noise = slope * slope * under_effect[0] + under_effect[1]
        distance = sign * (rate - offset - slope * control_rate)
        threshold = critical * math.sqrt(factor * null)
        return float(special.ndtr((distance - threshold) / math.sqrt(factor * noise)))

    margin, total, power = solve_plan(
        power_of,
        effect=margin,
        num_units=num_units,
        power=power,
        start=largest / 10,
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
        method="noninferiority_score",
    )


def _require_one_sided(design: Design) -> None:
    if design.side != "one_sided":
        raise ValueError(
            f"side of the design is {design.side!r}; non-inferiority is one_sided, at half the "
            "level of a two-sided interval"
        )


def _sign(harm: Harm) -> int:
    if harm not in ("decrease", "increase"):
        raise ValueError(f"harm is {harm!r}; it must be decrease or increase")
    return 1 if harm == "decrease" else -1


def _require_margin(margin: float | None, scale: Scale, *, effect: float) -> None:
    if scale not in ("absolute", "relative"):
        raise ValueError(f"scale is {scale!r}; it must be absolute or relative")
    if margin is None:
        return
    check_margin(margin, scale)
    if margin <= -effect:
        raise ValueError(
            f"margin is {margin!r} with an effect that takes {-effect:g} of it; such a variant is "
            "inferior"
        )
