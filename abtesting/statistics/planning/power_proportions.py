"""Planning a comparison of conversion rates with one look.

The score test of `proportions` takes its variance under the hypothesis of equal rates, so `pooled`
plans for it. Everything else works as in `power`.
"""

from __future__ import annotations

import math
from typing import Literal

from scipy import special

from abtesting.statistics.arguments import require_probability
from abtesting.statistics.planning.power import (
    Design,
    SampleSizePlan,
    effect_of_lift,
    make_plan,
    solve_plan,
)

ProportionMethod = Literal["pooled", "unpooled", "arcsine"]
"""`pooled`: variance of equal rates for the critical value, of the two rates for the power.
`unpooled`: that of the two rates for both. `arcsine`: Cohen's h, whose variance is known."""


def plan_proportions(
    *,
    control_rate: float,
    effect: float | None = None,
    lift: float | None = None,
    num_units: float | None = None,
    power: float | None = None,
    design: Design | None = None,
    method: ProportionMethod = "pooled",
    direction: Literal["increase", "decrease"] = "increase",
) -> SampleSizePlan:
    """Plan a comparison of proportions: give two of effect (or lift), number of units and power.

    Args:
        control_rate: Rate of the control, above 0 and below 1.
        effect: Difference of the rates to find, of either sign.
        lift: The same relative to the rate of the control.
        num_units: Units of all arms together.
        power: Chance to find the effect.
        design: Level, shares and corrections; without it two equal arms at 5 %.
        method: Which variance is planned with.
        direction: Sign of the effect when it is what is asked for: with few units the smallest
            detectable increase and decrease differ.

    Raises:
        ValueError: As `plan_means`, or if the rate of the variant would not be between 0 and 1.

    References:
        Fleiss, J. L., Levin, B. & Paik, M. C. (2003). Statistical methods for rates and
        proportions, 3rd edition, chapter 4. Cohen, J. (1988). Statistical power analysis for
        the behavioral sciences, chapter 6 (`arcsine`).

    Examples:
        >>> plan_proportions(control_rate=0.1, lift=0.1, power=0.8).num_units
        (14751, 14751)
        >>> plan = plan_proportions(control_rate=0.1, num_units=29_502, power=0.8)
        >>> round(plan.effect, 4)
        0.01
    """
    design = Design() if design is None else design
    require_probability("control_rate", control_rate)
    if method not in ("pooled", "unpooled", "arcsine"):
        raise ValueError(f"method is {method!r}; it must be pooled, unpooled or arcsine")
    if direction not in ("increase", "decrease"):
        raise ValueError(f"direction is {direction!r}; it must be increase or decrease")
    effect = effect_of_lift(effect, lift, control_value=control_rate)
    if effect is not None and not 0 <= control_rate + effect <= 1:
        raise ValueError(
            f"effect is {effect!r} with a control_rate of {control_rate!r}; their sum must be "
            "from 0 to 1"
        )
    share_c, share_t = design.smallest_pair
    pooled_share = share_t / (share_c + share_t)
    critical = -float(special.ndtri(design.tail()))

    def power_of(difference: float, total: float) -> float:
        n_c, n_t = share_c * total, share_t * total
        rate = min(max(control_rate + difference, 0.0), 1.0)
        if method == "arcsine":
            distance = abs(_angle(rate) - _angle(control_rate))
            under_null = under_effect = math.sqrt(design.variance_factor * (1 / n_c + 1 / n_t))
        else:
            distance = abs(difference)
            both = control_rate + pooled_share * (rate - control_rate)
            spread_c, spread_t = control_rate * (1 - control_rate), rate * (1 - rate)
            under_effect = math.sqrt(design.variance_factor * (spread_c / n_c + spread_t / n_t))
            under_null = under_effect
            if method == "pooled":
                spread = both * (1 - both) * (1 / n_c + 1 / n_t)
                under_null = math.sqrt(design.variance_factor * spread)
        threshold = critical * under_null
        found = float(special.ndtr((distance - threshold) / under_effect))
        if design.either_sign:
            found += float(special.ndtr((-distance - threshold) / under_effect))
        return found

    sign = 1 if direction == "increase" else -1
    largest = 1 - control_rate if sign > 0 else control_rate
    effect, total, power = solve_plan(
        power_of,
        effect=effect,
        num_units=num_units,
        power=power,
        start=sign * largest / 10,
        largest=largest,
        level=design.comparison_alpha(),
        least_units=design.least_units,
    )
    return make_plan(
        design,
        effect=effect,
        total=total,
        power=power,
        control_value=control_rate,
        method=f"proportion_{method}",
    )


def _angle(rate: float) -> float:
    return 2 * math.asin(math.sqrt(rate))
