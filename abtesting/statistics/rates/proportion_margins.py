"""Non-inferiority of conversion rates: the score test against a margin.

It is the test of `compare_proportions` with another hypothesis, so its interval is the one of a
one-sided comparison, and it stays sound where an arm has no success.
"""

from __future__ import annotations

import math

from abtesting.statistics.arguments import require_counts
from abtesting.statistics.boundaries import Boundary, of_side
from abtesting.statistics.margins.contrast import Harm, Scale, check_margin, side_of_harm
from abtesting.statistics.margins.noninferiority import NonInferiority
from abtesting.statistics.moments import Counts
from abtesting.statistics.proportions import compare_proportions_by_score
from abtesting.statistics.rates.restricted import linear_contrast
from abtesting.statistics.types import NotEnoughData


def compare_noninferiority_of_proportions(
    control: Counts,
    variant: Counts,
    *,
    margin: float,
    boundary: Boundary,
    scale: Scale = "absolute",
    harm: Harm = "decrease",
) -> NonInferiority | NotEnoughData:
    """Test whether a conversion rate is at most a margin worse.

    Args:
        control: Counts of the control.
        variant: Counts of the variant.
        margin: Harm from which on the variant is inferior: a difference of rates, or with the
            relative scale a share of the control's rate (0.02 is 2 %).
        boundary: When the result may be read, and its level; all of it is put on the side of harm.
        scale: Scale of the margin.
        harm: Whether fewer or more successes are worse.

    Returns:
        The result; or `too_few_units`; or `zero_baseline` for a relative margin without a success
        in the control.

    References:
        Farrington, C. P. & Manning, G. (1990). Test statistics and sample size formulae for
        comparative binomial trials with null hypothesis of non-zero risk difference or non-unity
        relative risk. Statistics in Medicine 9(12).

    Examples:
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> result = compare_noninferiority_of_proportions(
        ...     Counts(num_units=5000, num_successes=400),
        ...     Counts(num_units=5000, num_successes=395),
        ...     margin=0.01,
        ...     boundary=FixedHorizon(0.05),
        ... )
        >>> round(result.interval.lower, 4), round(result.p_value, 4)
        (-0.0099, 0.0483)
    """
    require_counts(control, variant)
    check_margin(margin, scale)
    if scale == "absolute" and margin >= 1:
        raise ValueError(f"margin is {margin!r}; a difference of rates must be below 1")
    one_sided = of_side(boundary, side_of_harm(harm))
    effect = compare_proportions_by_score(control, variant, boundary=one_sided)
    if isinstance(effect, NotEnoughData):
        return effect
    estimate, interval = effect.difference, effect.difference_interval
    if scale == "relative":
        if effect.lift is None or effect.lift_interval is None:
            return NotEnoughData(
                code="zero_baseline",
                detail="the control has no successes; a relative margin needs at least 1",
            )
        estimate, interval = effect.lift, effect.lift_interval
    tested = -margin if harm == "decrease" else margin
    contrast, standard_error = linear_contrast(
        control.num_successes,
        control.num_units,
        variant.num_successes,
        variant.num_units,
        offset=tested if scale == "absolute" else 0.0,
        slope=1.0 if scale == "absolute" else 1 + tested,
    )
    num_units = control.num_units + variant.num_units
    standard_error *= math.sqrt(num_units / (num_units - 1))
    z = contrast / standard_error if standard_error else 0.0
    return NonInferiority(
        estimate=estimate,
        standard_error=standard_error,
        statistic=z if harm == "decrease" else -z,
        interval=interval,
        p_value=one_sided.p_value(z, num_units, None),
        margin=margin,
        scale=scale,
        harm=harm,
        method="score",
        boundary=boundary.name,
        alpha=boundary.alpha,
    )
