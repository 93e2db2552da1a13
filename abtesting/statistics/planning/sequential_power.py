"""Planning sequential experiments: size, power, detectable effect and expected size.

A sequential design needs more units at most than a test with one look, and fewer on average. Both
follow from the chance of crossing its boundaries under a drift, whatever the metric: the size of a
fixed design times the inflation of the sequential one. An always-valid boundary is planned the same
way, as a design with many looks and a horizon.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import special

from abtesting.statistics.boundaries import AlwaysValid, Boundary, require_alpha
from abtesting.statistics.roots import bracket_root, find_root
from abtesting.statistics.sequential.crossing import (
    FINEST,
    check_information,
    crossing_probabilities,
)
from abtesting.statistics.sequential.sequential_designs import GroupSequentialDesign
from abtesting.statistics.types import Side

WHOLE = 1_000_000_000
"""Units of a plan whose size plays no part, so that any share of it is a whole number."""

LARGEST_SCALING = 1e6
"""Additional units, as a multiple of those there are, beyond which a power is out of reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SequentialPower:
    """What to expect of a sequential design under one effect.

    A two-sided test that finds a difference in the wrong direction stops, but that is not power.

    Attributes:
        power: Chance to reject at any look, in the direction of the effect.
        drift: Expectation of z at information 1, positive in the direction looked for.
        reject_probabilities: Chance to reject at each look, having gone on until then.
        stop_probabilities: The same of stopping for either reason; they sum to 1, since the last
            look always stops.
        expected_information: Share of the plan used on average.
        method: Name of the design.
        alpha: Error rate over all looks.
    """

    power: float
    drift: float
    reject_probabilities: tuple[float, ...]
    stop_probabilities: tuple[float, ...]
    expected_information: float
    method: str
    alpha: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SequentialPlan:
    """The size of a sequential experiment.

    Numbers of units are in both arms together, or per arm, as those of the fixed design were.

    Attributes:
        max_num_units: Units if no look stops before the last one.
        fixed_num_units: Units of a design with one look and the same power.
        inflation: The first over the second.
        expected_num_units: Average units under the effect planned for.
        expected_num_units_half: The same under half of that effect.
        expected_num_units_null: The same under no effect.
        at_effect: What to expect under the effect planned for, look by look.
        power: Chance to reject under the effect planned for.
        method: Name of the design.
        alpha: Error rate over all looks.
    """

    max_num_units: float
    fixed_num_units: float
    inflation: float
    expected_num_units: float
    expected_num_units_half: float
    expected_num_units_null: float
    at_effect: SequentialPower
    power: float
    method: str
    alpha: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MidExperimentPower:
    """Whether a running experiment has enough units for an effect, and how many more it needs.

    Attributes:
        power: Chance to reject at one look with the units there are.
        scaling: Units still needed for the target, as a multiple of those there are; 0 when there
            are enough, `None` when no size is enough.
        additional_num_units: The same as a number of units.
        target_power: Chance to reject that was asked for.
        method: Name of the boundary.
        alpha: Error rate.
    """

    power: float
    scaling: float | None
    additional_num_units: float | None
    target_power: float
    method: str
    alpha: float


def always_valid_design(
    information: Sequence[float],
    *,
    alpha: float,
    planned: float = 1.0,
    side: Side = "two_sided",
) -> GroupSequentialDesign:
    """Return the looks at an always-valid boundary as a design with a horizon.

    Args:
        information: Looks, as shares of the horizon; the first is the first one allowed.
        alpha: Error rate over all looks, and those after the horizon.
        planned: Share of the horizon at which the boundary is tightest.
        side: Which differences are looked for.

    Examples:
        >>> from abtesting.statistics.sequential.sequential_designs import equal_looks
        >>> design = always_valid_design(equal_looks(4), alpha=0.05)
        >>> [round(critical, 2) for critical in design.critical_values]
        [3.26, 3.08, 3.04, 3.04]
    """
    times = check_information(information, max_looks=FINEST)
    if not (math.isfinite(planned) and planned > 0):
        raise ValueError(f"planned is {planned!r}; it must be a finite number above 0")
    boundary = AlwaysValid(alpha, planned_num_units=round(planned * WHOLE), side=side)
    return GroupSequentialDesign(
        method=boundary.name,
        alpha=alpha,
        side=side,
        information=times,
        critical_values=tuple(boundary.critical(round(time * WHOLE), None) for time in times),
    )


def sequential_power(
    design: GroupSequentialDesign, *, effect: float, standard_error: float
) -> SequentialPower:
    """Return what to expect of a design under an effect.

    Args:
        design: The looks and their boundaries.
        effect: Variant minus control.
        standard_error: That of the difference at information 1.

    Examples:
        >>> from abtesting.statistics.sequential.sequential_designs import equal_looks
        >>> from abtesting.statistics.sequential.sequential_designs import spending_design
        >>> design = spending_design(equal_looks(20), alpha=0.05)
        >>> result = sequential_power(design, effect=0.028, standard_error=0.01)
        >>> round(result.power, 3), round(result.expected_information, 3)
        (0.781, 0.757)
    """
    if not math.isfinite(effect):
        raise ValueError(f"effect is {effect!r}; it must be a finite number")
    _require_standard_error(standard_error)
    drift = effect / standard_error
    turned = {"two_sided": abs(drift), "greater": drift, "less": -drift}
    return _power(design, turned[design.side])


def plan_sequential(
    design: GroupSequentialDesign, *, power: float, fixed_num_units: float
) -> SequentialPlan:
    """Return the size that gives a design its power.

    Args:
        design: The looks and their boundaries.
        power: Chance to reject under the effect planned for.
        fixed_num_units: Units that a test with one look needs for the same effect, alpha, side and
            power, from the formula of its metric.

    References:
        Jennison, C. & Turnbull, B. W. (2000). Group sequential methods with applications to
        clinical trials, sections 2.3 and 7.3.

    Examples:
        >>> from abtesting.statistics.sequential.sequential_designs import equal_looks
        >>> from abtesting.statistics.sequential.sequential_designs import spending_design
        >>> design = spending_design(equal_looks(5), alpha=0.05)
        >>> plan = plan_sequential(design, power=0.8, fixed_num_units=29_502)
        >>> round(plan.max_num_units), round(plan.expected_num_units)
        (30231, 24300)
    """
    if not (math.isfinite(fixed_num_units) and fixed_num_units > 0):
        raise ValueError(f"fixed_num_units is {fixed_num_units!r}; it must be finite and above 0")
    drift = required_drift(design, power=power)
    tail = design.alpha / 2 if design.side == "two_sided" else design.alpha
    single = float(special.ndtri(power)) - float(special.ndtri(tail))
    if single <= 0:
        raise ValueError(f"power is {power!r}; it must exceed the error rate of one side, {tail:g}")
    inflation = (drift / single) ** 2
    size = inflation * fixed_num_units
    at_effect, at_half, at_null = (_power(design, drift * share) for share in (1.0, 0.5, 0.0))
    return SequentialPlan(
        max_num_units=size,
        fixed_num_units=fixed_num_units,
        inflation=inflation,
        expected_num_units=at_effect.expected_information * size,
        expected_num_units_half=at_half.expected_information * size,
        expected_num_units_null=at_null.expected_information * size,
        at_effect=at_effect,
        power=power,
        method=design.method,
        alpha=design.alpha,
    )


def detectable_effect(
    design: GroupSequentialDesign, *, power: float, standard_error: float
) -> float:
    """Return the smallest effect, without its sign, that a design finds with a power.

    Args:
        design: The looks and their boundaries.
        power: Chance to reject at any look.
        standard_error: That of the difference at information 1.

    Examples:
        >>> from abtesting.statistics.sequential.sequential_designs import equal_looks
        >>> from abtesting.statistics.sequential.sequential_designs import spending_design
        >>> design = spending_design(equal_looks(20), alpha=0.05)
        >>> round(detectable_effect(design, power=0.8, standard_error=0.01), 4)
        0.0287
    """
    _require_standard_error(standard_error)
    return required_drift(design, power=power) * standard_error


def required_drift(design: GroupSequentialDesign, *, power: float) -> float:
    """Return the expectation of z at information 1 that gives a design its power.

    Examples:
        >>> from abtesting.statistics.sequential.sequential_designs import equal_looks
        >>> from abtesting.statistics.sequential.sequential_designs import wang_tsiatis_design
        >>> pocock = wang_tsiatis_design(equal_looks(5), alpha=0.05, delta=0.5)
        >>> round(required_drift(pocock, power=0.8), 3)
        3.105
    """
    require_alpha(power, name="power")
    if power <= design.alpha:
        raise ValueError(f"power is {power!r}; it must be above alpha, which is {design.alpha!r}")

    def shortfall(drift: float) -> float:
        reached = min(math.fsum(design.crossings(drift).upper), 1 - 1e-15)
        return float(special.ndtri(max(reached, 1e-300))) - float(special.ndtri(power))

    tail = design.alpha / 2 if design.side == "two_sided" else design.alpha
    start = max(float(special.ndtri(power)) - float(special.ndtri(tail)), 0.0)
    low, high = bracket_root(shortfall, start, step=0.25)
    return find_root(shortfall, max(low, 0.0), high, tolerance=1e-9)


def conditional_power(
    design: GroupSequentialDesign, *, num_looks: int, z: float, drift: float
) -> float:
    """Return the chance to reject at a later look, given z at the last look so far.

    Only rejections in the direction of the drift count.

    Args:
        design: The looks and their boundaries, those to come included.
        num_looks: Looks so far.
        z: Estimate over its standard error at the last of them, in the direction looked for if the
            design is one-sided.
        drift: Expectation of z at information 1 from now on: that of the effect planned for, or
            `z / sqrt(information)` to go on as until now.

    References:
        Jennison, C. & Turnbull, B. W. (2000). Group sequential methods with applications to
        clinical trials, section 10.2.

    Examples:
        >>> from abtesting.statistics.sequential.sequential_designs import equal_looks
        >>> from abtesting.statistics.sequential.sequential_designs import spending_design
        >>> design = spending_design(equal_looks(4), alpha=0.05)
        >>> round(conditional_power(design, num_looks=2, z=1.0, drift=2.8), 3)
        0.556
    """
    if not 1 <= num_looks < len(design.information):
        raise ValueError(
            f"num_looks is {num_looks!r}; it must be 1 to {len(design.information) - 1}, so that "
            "there is a look to come"
        )
    now = design.information[num_looks - 1]
    later = design.information[num_looks:]

    def seen_from_here(bounds: Sequence[float]) -> list[float]:
        return [
            (bound * math.sqrt(time) - z * math.sqrt(now)) / math.sqrt(time - now)
            for time, bound in zip(later, bounds[num_looks:], strict=True)
        ]

    turned = drift if design.side == "two_sided" else 1.0
    upper = seen_from_here(design.critical_values)
    if design.side == "two_sided":
        lower = seen_from_here([-critical for critical in design.critical_values])
    elif design.futility is not None:
        lower = seen_from_here(design.futility)
    else:
        lower = [-math.inf] * len(later)
    chances = crossing_probabilities(
        [time - now for time in later], lower=lower, upper=upper, drift=drift
    )
    return math.fsum(chances.lower if turned < 0 else chances.upper)


def mid_experiment_power(
    *,
    effect: float,
    standard_error: float,
    num_units: int,
    boundary: Boundary,
    target_power: float = 0.8,
) -> MidExperimentPower:
    """Return whether a running experiment has the power for an effect, by its noise so far.

    The power is that of one look. With an always-valid boundary the chance to have rejected at any
    look on the way is higher: `sequential_power` of an `always_valid_design` tells it.

    Args:
        effect: The effect to find, on the scale of the standard error.
        standard_error: That of the estimate with the units so far.
        num_units: Units so far, in both arms together.
        boundary: How the result is read.
        target_power: Chance to reject that is asked for.

    Examples:
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> result = mid_experiment_power(
        ...     effect=0.02, standard_error=0.01, num_units=10_000, boundary=FixedHorizon(0.05)
        ... )
        >>> round(result.power, 3), round(result.additional_num_units)
        (0.516, 9622)
    """
    require_alpha(target_power, name="target_power")
    _require_standard_error(standard_error)
    if not (math.isfinite(effect) and effect != 0):
        raise ValueError(f"effect is {effect!r}; it must be a finite number other than 0")
    if num_units < 2:
        raise ValueError(f"num_units is {num_units!r}; it must be at least 2")

    def power_at(scaling: float) -> float:
        total = 1 + scaling
        critical = boundary.critical(round(num_units * total), None)
        z = effect / standard_error * math.sqrt(total)
        above, below = special.ndtr(z - critical), special.ndtr(-z - critical)
        return float({"two_sided": above + below, "greater": above, "less": below}[boundary.side])

    scaling: float | None = 0.0
    if power_at(0.0) < target_power:
        high = 1.0
        while power_at(high) < target_power and high < LARGEST_SCALING:
            high *= 2
        scaling = (
            find_root(lambda scaling: power_at(scaling) - target_power, 0.0, high, tolerance=1e-9)
            if power_at(high) >= target_power
            else None
        )
    return MidExperimentPower(
        power=power_at(0.0),
        scaling=scaling,
        additional_num_units=None if scaling is None else scaling * num_units,
        target_power=target_power,
        method=boundary.name,
        alpha=boundary.alpha,
    )


def _power(design: GroupSequentialDesign, drift: float) -> SequentialPower:
    crossings = design.crossings(drift)
    stops = list(crossings.per_look)
    stops[-1] = max(1 - math.fsum(stops[:-1]), 0.0)
    return SequentialPower(
        power=math.fsum(crossings.upper),
        drift=drift,
        reject_probabilities=crossings.upper,
        stop_probabilities=tuple(stops),
        expected_information=math.fsum(
            time * chance for time, chance in zip(design.information, stops, strict=True)
        ),
        method=design.method,
        alpha=design.alpha,
    )


def _require_standard_error(standard_error: float) -> None:
    if not (math.isfinite(standard_error) and standard_error > 0):
        raise ValueError(f"standard_error is {standard_error!r}; it must be finite and above 0")
