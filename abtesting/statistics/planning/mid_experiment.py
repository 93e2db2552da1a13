"""Power of an experiment that runs: with what it has, and with what is still to come.

`mid_experiment_power` asks whether the units so far are enough for an effect. The two others look
at a group sequential design from one of its looks: `conditional_power` under an effect that is
supposed, `predictive_power` under those that the data leave. Nothing of it may change the plan of
the looks; it says whether going on is worth it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from abtesting.statistics.arguments import (
    require_boundary,
    require_finite,
    require_positive,
    require_probability,
    require_type,
    shown,
)
from abtesting.statistics.bayesian.bayes import update_normal
from abtesting.statistics.bayesian.priors import NormalPrior
from abtesting.statistics.boundaries import Boundary
from abtesting.statistics.roots import find_root
from abtesting.statistics.sequential.crossing import CrossingProbabilities, crossing_probabilities
from abtesting.statistics.sequential.sequential_designs import GroupSequentialDesign

LARGEST_SCALING = 1e6
"""Additional units, as a multiple of those there are, beyond which a power is out of reach."""

NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(40)
NODE_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
"""Of a standard normal distribution."""


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
    require_finite("drift", drift)
    later = _later_looks(design, num_looks, z, drift=drift)
    turned = drift if design.side == "two_sided" else 1.0
    return math.fsum(later.lower if turned < 0 else later.upper)


def predictive_power(
    design: GroupSequentialDesign,
    *,
    num_looks: int,
    z: float,
    prior: NormalPrior | None = None,
) -> float:
    """Return the chance to reject at a later look, averaged over what the drift may be by now.

    Conditional power supposes an effect; this one takes the effects that the data so far and the
    prior leave, by how likely they are. It is the usual ground to stop for futility: below some
    5 to 20 %, going on is not worth the traffic.

    Args:
        design: The looks and their boundaries, those to come included.
        num_looks: Looks so far.
        z: Estimate over its standard error at the last of them, in the direction looked for if the
            design is one-sided. With two sides, rejections in the direction of `z` count.
        prior: Prior of the drift, the expectation of z at information 1: that of the effect over
            the standard error at the end of the plan; `None` for a flat one.

    References:
        Spiegelhalter, D. J., Freedman, L. S. & Blackburn, P. R. (1986). Monitoring clinical trials:
        conditional or predictive power? Controlled Clinical Trials 7(1).

    Examples:
        >>> from abtesting.statistics.sequential.sequential_designs import equal_looks
        >>> from abtesting.statistics.sequential.sequential_designs import spending_design
        >>> design = spending_design(equal_looks(4), alpha=0.05)
        >>> round(predictive_power(design, num_looks=2, z=1.0), 3)
        0.277
        >>> sceptical = NormalPrior(0.0, 1.0)
        >>> round(predictive_power(design, num_looks=2, z=1.0, prior=sceptical), 3)
        0.097
    """
    require_type("design", design, GroupSequentialDesign)
    require_finite("z", z)
    if prior is not None:
        require_type("prior", prior, NormalPrior)
    turned = -1.0 if design.side == "two_sided" and z < 0 else 1.0
    if prior is not None and turned < 0:
        prior = NormalPrior(-prior.mean, prior.sd)
    _require_look_to_come(design, num_looks)
    now = design.information[num_looks - 1]
    mean, sd = update_normal(turned * z / math.sqrt(now), 1 / math.sqrt(now), prior)
    return math.fsum(
        float(weight)
        * math.fsum(_later_looks(design, num_looks, turned * z, drift=mean + sd * node).upper)
        for node, weight in zip(NODES.tolist(), NODE_WEIGHTS, strict=True)
    )


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
    require_probability("target_power", target_power)
    require_positive("standard_error", standard_error)
    require_finite("effect", effect)
    if effect == 0:
        raise ValueError(f"effect is {effect!r}; it must not be 0")
    require_positive("num_units", num_units)
    if num_units < 2:
        raise ValueError(f"num_units is {num_units!r}; it must be at least 2")
    require_boundary(boundary)

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


def _later_looks(
    design: GroupSequentialDesign, num_looks: int, z: float, *, drift: float
) -> CrossingProbabilities:
    """Return the chances of the first crossing at each later look, given z at the last one."""
    require_type("design", design, GroupSequentialDesign)
    _require_look_to_come(design, num_looks)
    require_finite("z", z)
    now = design.information[num_looks - 1]
    later = design.information[num_looks:]

    def seen_from_here(bounds: Sequence[float]) -> list[float]:
        return [
            (bound * math.sqrt(time) - z * math.sqrt(now)) / math.sqrt(time - now)
            for time, bound in zip(later, bounds[num_looks:], strict=True)
        ]

    upper = seen_from_here(design.critical_values)
    if design.side == "two_sided":
        lower = seen_from_here([-critical for critical in design.critical_values])
    elif design.futility is not None:
        lower = seen_from_here(design.futility)
    else:
        lower = [-math.inf] * len(later)
    return crossing_probabilities(
        [time - now for time in later], lower=lower, upper=upper, drift=drift
    )


def _require_look_to_come(design: GroupSequentialDesign, num_looks: int) -> None:
    if num_looks not in range(1, len(design.information)):
        raise ValueError(
            f"num_looks is {shown(num_looks)}; it must be 1 to {len(design.information) - 1}, so "
            "that there is a look to come"
        )
