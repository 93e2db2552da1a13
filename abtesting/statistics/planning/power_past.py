"""Planning by how past units compare: for estimates whose noise has no formula of its own.

Whatever can be compared has a standard error, and it falls with the root of the number of units.
So a past comparison, such as one of two halves of last month's units, says what the next one needs:
quantiles, trimmed and winsorised means, clusters, strata, regression with covariates.
"""

from __future__ import annotations

from dataclasses import replace

from abtesting.statistics.arguments import require_list, require_positive, require_type
from abtesting.statistics.boundaries import FixedHorizon
from abtesting.statistics.planning.power import Design, SampleSizePlan
from abtesting.statistics.planning.power_means import plan_means
from abtesting.statistics.robust.quantiles import QuantileSummary, compare_quantiles
from abtesting.statistics.types import Effect, NotEnoughData


def plan_from_past(
    past: Effect,
    *,
    past_num_units: tuple[float, float],
    effect: float | None = None,
    lift: float | None = None,
    num_units: float | None = None,
    power: float | None = None,
    design: Design | None = None,
) -> SampleSizePlan:
    """Plan by the standard error of a past comparison: give two of effect, units and power.

    Args:
        past: A comparison by the method that is planned for; whether it found anything plays no
            part.
        past_num_units: Units of its control and of its variant; with clusters, the clusters, and
            then the plan is in clusters too.
        effect: Difference to find, of either sign.
        lift: The same relative to the size of the past control value.
        num_units: Units of all arms together.
        power: Chance to find the effect.
        design: Level, shares and corrections; without it two equal arms at 5 %. Its
            `variance_factor` comes on top of what the past comparison already has.

    Raises:
        ValueError: As `plan_means`, or if the past comparison has no standard error above 0.

    Examples:
        >>> from abtesting.statistics.robust.outliers import compare_trimmed
        >>> past = [float(value % 97) for value in range(0, 4_000, 3)]
        >>> halves = past[::2], past[1::2]
        >>> trimmed = compare_trimmed(*halves, share=0.1, boundary=FixedHorizon(0.05))
        >>> sizes = len(halves[0]), len(halves[1])
        >>> plan_from_past(trimmed, past_num_units=sizes, lift=0.05, power=0.8).num_units
        (3038, 3038)
    """
    require_type("past", past, Effect)
    require_list("past_num_units", past_num_units)
    if len(past_num_units) != 2:
        raise ValueError(
            f"past_num_units is {past_num_units!r}; it must be two numbers, the control's and the "
            "variant's"
        )
    for i, number in enumerate(past_num_units):
        require_positive(f"past_num_units[{i}]", number)
    require_positive("standard_error of past", past.standard_error)
    per_unit = past.standard_error**2 / (1 / past_num_units[0] + 1 / past_num_units[1])
    plan = plan_means(
        variance=per_unit,
        control_mean=past.control_value,
        effect=effect,
        lift=lift,
        num_units=num_units,
        power=power,
        design=design,
    )
    return replace(plan, method=past.method)


def plan_quantiles(
    past: QuantileSummary,
    *,
    effect: float | None = None,
    lift: float | None = None,
    num_units: float | None = None,
    power: float | None = None,
    design: Design | None = None,
) -> SampleSizePlan | NotEnoughData:
    """Plan a comparison of a quantile from past units: give two of effect, units and power.

    What past values say of the precision of a quantile is itself not precise: of 20,000 values the
    number of units that the 90th percentile needs is known to some 15 %.

    Args:
        past: Past values and, where a unit has several, their units.
        effect: Difference of the quantile to find, of either sign.
        lift: The same relative to the size of the past quantile.
        num_units: Units of all arms together.
        power: Chance to find the effect.
        design: Level, shares and corrections; without it two equal arms at 5 %.

    Returns:
        The plan, or why past values don't say how precise the quantile is: `too_few_events` or
        `tied_quantile`.

    References:
        Deng, A., Knoblich, U. & Lu, J. (2018). Applying the delta method in metric analytics.
        KDD '18, section 4.

    Examples:
        >>> past = QuantileSummary.from_values([(7 * i) % 1000 for i in range(2000)], quantile=0.9)
        >>> plan_quantiles(past, lift=0.02, power=0.8).num_units
        (4397, 4397)
    """
    require_type("past", past, QuantileSummary)
    # With itself: the difference has twice the variance of one arm.
    twice = compare_quantiles(past, past, boundary=FixedHorizon(0.05))
    if isinstance(twice, NotEnoughData):
        return twice
    return plan_from_past(
        twice,
        past_num_units=(past.num_units, past.num_units),
        effect=effect,
        lift=lift,
        num_units=num_units,
        power=power,
        design=design,
    )
