"""Estimates after a group-sequential test has stopped.

An experiment that stops at its first large difference overstates it. Stage-wise ordering corrects
the p-value, the interval and the estimate for the looks that came before: an earlier crossing is
stronger evidence than any later one, and at the same look the larger z is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import special

from abtesting.statistics.arguments import require_finite, require_positive, require_type
from abtesting.statistics.roots import bracket_root, find_root
from abtesting.statistics.sequential.crossing import crossing_probabilities
from abtesting.statistics.sequential.group_sequential import normal_of_t
from abtesting.statistics.sequential.sequential_designs import GroupSequentialDesign
from abtesting.statistics.types import Interval, NotEnoughData, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class StagewiseInference:
    """What a stopped experiment says.

    `p_value < alpha`, 0 outside `interval` and the last look having crossed its boundary are the
    same statement.

    Attributes:
        estimate: Median-unbiased estimate: as often too high as too low, over all ways to stop.
        naive_estimate: What was observed, which overstates effects that stopped the experiment.
        standard_error: Standard error of the naive estimate.
        interval: Interval of the effect with coverage 1 - alpha, half a line for one side.
        p_value: p-value of no effect, of the side.
        num_looks: Looks until the stop, the last one included.
        method: `stagewise`.
        side: Which differences were looked for.
        alpha: Error rate over all looks.
    """

    estimate: float
    naive_estimate: float
    standard_error: float
    interval: Interval
    p_value: float
    num_looks: int
    method: str
    side: Side
    alpha: float


def stagewise_inference(
    estimate: float,
    standard_error: float,
    *,
    design: GroupSequentialDesign,
    df: float | None = None,
) -> StagewiseInference | NotEnoughData:
    """Return the final p-value, interval and estimate of an experiment that has stopped.

    Args:
        estimate: Variant minus control at the last look.
        standard_error: Its standard error.
        design: The looks until the stop, none beyond it: `GroupSequentialLook.design` of the last
            look.
        df: Degrees of freedom of the standard error; `None` if it is not estimated.

    Returns:
        The inference, or why there is none: `not_stopped` when the last look neither crossed its
        boundary nor spent the rest of alpha. An experiment that ends before its planned size is
        analysed with a look that `is_final`.

    References:
        Tsiatis, A. A., Rosner, G. L. & Mehta, C. R. (1984). Exact confidence intervals following a
        group sequential test. Biometrics 40(3). Jennison, C. & Turnbull, B. W. (2000). Group
        sequential methods with applications to clinical trials, sections 8.4 and 8.5.

    Examples:
        Stopped at the third of five looks, with 3.2 standard errors:

        >>> from abtesting.statistics.sequential.sequential_designs import spending_design
        >>> design = spending_design((0.2, 0.4, 0.6), alpha=0.05)
        >>> result = stagewise_inference(0.032, 0.01, design=design)
        >>> round(result.estimate, 4), round(result.p_value, 4)
        (0.0317, 0.0019)
    """
    require_finite("estimate", estimate)
    require_positive("standard_error", standard_error)
    require_type("design", design, GroupSequentialDesign)
    if design.futility is not None:
        raise ValueError("design has futility bounds; final inference is made without them")
    turned = -1.0 if design.side == "less" else 1.0
    z = estimate / standard_error
    z = turned * (z if df is None else normal_of_t(z, df))
    distance = abs(z) if design.side == "two_sided" else z
    crossed = distance > design.critical_values[-1]
    if not crossed and design.alpha_spent[-1] < design.alpha * (1 - 1e-6):
        return NotEnoughData(
            code="not_stopped",
            detail=(
                f"the look at information {design.information[-1]:g} has z {distance:g}, within "
                f"its boundary {design.critical_values[-1]:g}, and alpha is not all spent; final "
                "results need an experiment that has stopped"
            ),
        )
    # One unit of drift, in units of the effect.
    unit = (turned * estimate / z if z else standard_error) * math.sqrt(design.information[-1])
    tail = design.alpha / 2 if design.side == "two_sided" else design.alpha
    above, below = (tail_probability(z, design, drift=0.0, above=up) for up in (True, False))
    lowest = _drift_at(z, design, level=tail, above=True) * unit
    highest = (
        _drift_at(z, design, level=tail, above=False) * unit
        if design.side == "two_sided"
        else math.inf
    )
    middle = _drift_at(z, design, level=0.5, above=True) * unit
    p_value = min(1.0, 2 * min(above, below)) if design.side == "two_sided" else above
    interval = Interval(lowest, highest) if turned > 0 else Interval(-highest, -lowest)
    return StagewiseInference(
        estimate=turned * middle,
        naive_estimate=estimate,
        standard_error=standard_error,
        interval=interval,
        p_value=p_value,
        num_looks=len(design.information),
        method="stagewise",
        side=design.side,
        alpha=design.alpha,
    )


def tail_probability(
    z: float, design: GroupSequentialDesign, *, drift: float, above: bool
) -> float:
    """Return the chance of an outcome as high as z at the last look, or as low, under a drift.

    Higher are a larger z at the same look and any earlier crossing of the upper boundary; lower are
    a smaller z and any earlier crossing of the lower boundary.

    Examples:
        >>> from abtesting.statistics.sequential.sequential_designs import spending_design
        >>> design = spending_design((0.5, 1.0), alpha=0.05)
        >>> round(tail_probability(1.9686, design, drift=0.0, above=True), 4)
        0.025
    """
    upper = (*design.critical_values[:-1], z)
    two_sided = design.side == "two_sided"
    before: Sequence[float] = [
        -critical if two_sided else -math.inf for critical in design.critical_values[:-1]
    ]
    chances = crossing_probabilities(
        design.information, lower=(*before, z), upper=upper, drift=drift
    )
    return math.fsum(chances.upper if above else chances.lower)


def _drift_at(z: float, design: GroupSequentialDesign, *, level: float, above: bool) -> float:
    """Drift under which an outcome as high (or as low) as the one observed has this chance."""
    sign = 1.0 if above else -1.0

    def excess(drift: float) -> float:
        chance = tail_probability(z, design, drift=sign * drift, above=above)
        return float(special.logit(max(chance, 1e-300))) - float(special.logit(level))

    # With a single look the root is here; earlier looks move it.
    scale = 1 / math.sqrt(design.information[-1])
    start = (sign * z + float(special.ndtri(level))) * scale
    return sign * find_root(excess, *bracket_root(excess, start, step=scale / 4), tolerance=1e-9)
