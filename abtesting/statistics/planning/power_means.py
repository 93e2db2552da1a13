"""Planning a comparison of means, or of ratios of totals, with one look.

See `power` for what all plans share.
"""

from __future__ import annotations

import math
from typing import Literal

from abtesting.statistics.arguments import require_positive, require_type
from abtesting.statistics.means import satterthwaite
from abtesting.statistics.moments import Moments
from abtesting.statistics.planning.power import (
    Design,
    SampleSizePlan,
    effect_of_lift,
    make_plan,
    rejection_power,
    solve_plan,
)
from abtesting.statistics.ratios import estimate_ratio

MeanTest = Literal["welch", "pooled", "normal"]
"""`welch` and `pooled` plan for a t test with the variances estimated apart or together, `normal`
for one with known variances. They differ in small samples only."""


def plan_means(
    *,
    variance: float,
    variant_variance: float | None = None,
    control_mean: float | None = None,
    effect: float | None = None,
    lift: float | None = None,
    num_units: float | None = None,
    power: float | None = None,
    design: Design | None = None,
    test: MeanTest = "welch",
) -> SampleSizePlan:
    """Plan a comparison of means: give two of effect (or lift), number of units and power.

    The test is that of the difference, so a lift is planned for as the difference it makes.

    Args:
        variance: Variance of the units of the control.
        variant_variance: The same of a variant; without it that of the control.
        control_mean: Mean of the control, needed for a lift.
        effect: Difference to find, of either sign.
        lift: The same relative to the size of the control mean.
        num_units: Units of all arms together.
        power: Chance to find the effect.
        design: Level, shares and corrections; without it two equal arms at 5 %.
        test: What the critical value comes from.

    Raises:
        ValueError: If not exactly two of the three are given, one is out of range, or no number of
            units gives the power.

    References:
        Chow, S.-C., Shao, J., Wang, H. & Lokhnygina, Y. (2017). Sample size calculations in
        clinical research, chapter 3. The t tests use the noncentral t distribution.

    Examples:
        >>> plan_means(variance=81.0, control_mean=5.0, lift=0.05, power=0.8).num_units
        (20346, 20346)
        >>> plan = plan_means(variance=81.0, control_mean=5.0, num_units=40_692, power=0.8)
        >>> round(plan.effect, 4), round(plan.lift, 4)
        (0.25, 0.05)
    """
    design = Design() if design is None else design
    other = variance if variant_variance is None else variant_variance
    for name, value in (("variance", variance), ("variant_variance", other)):
        require_positive(name, value)
    if test not in ("welch", "pooled", "normal"):
        raise ValueError(f"test is {test!r}; it must be welch, pooled or normal")
    effect = effect_of_lift(effect, lift, control_value=control_mean)
    share_c, share_t = design.smallest_pair
    tail = design.tail()

    def power_of(difference: float, total: float) -> float:
        n_c, n_t = share_c * total, share_t * total
        if min(n_c, n_t) <= 1:
            return 0.0
        noise_c = design.variance_factor * variance / n_c
        noise_t = design.variance_factor * other / n_t
        df = None
        if test == "welch":
            share = noise_c / (noise_c + noise_t)
            df = satterthwaite(share, n_c - 1, 1 - share, n_t - 1)
        elif test == "pooled":
            df = n_c + n_t - 2
        z = abs(difference) / math.sqrt(noise_c + noise_t)
        return rejection_power(z, tail=tail, df=df, either_sign=design.either_sign)

    effect, total, power = solve_plan(
        power_of,
        effect=effect,
        num_units=num_units,
        power=power,
        start=math.sqrt(variance),
        level=design.comparison_alpha(),
        least_units=design.least_units,
    )
    return make_plan(
        design,
        effect=effect,
        total=total,
        power=power,
        control_value=control_mean,
        method=f"mean_{test}",
    )


def plan_ratios(
    moments: Moments,
    *,
    effect: float | None = None,
    lift: float | None = None,
    num_units: float | None = None,
    power: float | None = None,
    design: Design | None = None,
) -> SampleSizePlan:
    """Plan a comparison of ratios of totals from the moments of past units.

    Args:
        moments: Numerator and denominator of each past unit.
        effect: Difference of the ratio to find, of either sign.
        lift: The same relative to the size of the ratio.
        num_units: Units of all arms together.
        power: Chance to find the effect.
        design: Level, shares and corrections; without it two equal arms at 5 %.

    References:
        Deng, A., Knoblich, U. & Lu, J. (2018). Applying the delta method in metric analytics.
        KDD '18, section 3.

    Examples:
        >>> past = Moments.from_array([[2.0, 9.0], [1.0, 4.0], [0.0, 3.0], [3.0, 8.0]])
        >>> plan_ratios(past, lift=0.1, power=0.8).num_units
        (379, 379)
    """
    require_type("moments", moments, Moments)
    if len(moments.means) != 2 or moments.n < 2 or moments.means[1] <= 0:
        raise ValueError(
            f"moments have {len(moments.means)} columns of {moments.n} units; a ratio is planned "
            "from numerator and denominator of at least 2 units, with a mean denominator above 0"
        )
    ratio = estimate_ratio(moments)
    return plan_means(
        variance=ratio.variance * moments.n,
        control_mean=ratio.value,
        effect=effect,
        lift=lift,
        num_units=num_units,
        power=power,
        design=design,
    )
