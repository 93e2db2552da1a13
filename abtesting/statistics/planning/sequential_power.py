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

from abtesting.statistics.arguments import (
    require_finite,
    require_positive,
    require_probability,
    require_type,
)
from abtesting.statistics.boundaries import AlwaysValid
from abtesting.statistics.roots import bracket_root, find_root
from abtesting.statistics.sequential.crossing import FINEST, check_information
from abtesting.statistics.sequential.sequential_designs import GroupSequentialDesign
from abtesting.statistics.types import Side

WHOLE = 1_000_000_000
"""Units of a plan whose size plays no part, so that any share of it is a whole number."""


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

    @property
    def total_num_units(self) -> int:
        """Units if no look stops before the last one, rounded up, for a duration.

        They are those of all arms if the size of the fixed design was.
        """
        return math.ceil(self.max_num_units * (1 - 1e-12))


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
    require_positive("planned", planned)
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
    require_type("design", design, GroupSequentialDesign)
    require_finite("effect", effect)
    require_positive("standard_error", standard_error)
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
            power, from the formula of its metric; 1 for sizes relative to it.

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
    require_positive("fixed_num_units", fixed_num_units)
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
    require_positive("standard_error", standard_error)
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
    require_type("design", design, GroupSequentialDesign)
    require_probability("power", power)
    if power <= design.alpha:
        raise ValueError(f"power is {power!r}; it must be above alpha, which is {design.alpha!r}")

    def shortfall(drift: float) -> float:
        reached = min(math.fsum(design.crossings(drift).upper), 1 - 1e-15)
        return float(special.ndtri(max(reached, 1e-300))) - float(special.ndtri(power))

    tail = design.alpha / 2 if design.side == "two_sided" else design.alpha
    start = max(float(special.ndtri(power)) - float(special.ndtri(tail)), 0.0)
    low, high = bracket_root(shortfall, start, step=0.25)
    return find_root(shortfall, max(low, 0.0), high, tolerance=1e-9)


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
