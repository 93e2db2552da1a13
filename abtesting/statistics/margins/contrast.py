"""Tests against a margin, which non-inferiority and equivalence share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from abtesting.statistics.arguments import require_positive
from abtesting.statistics.boundaries import Boundary
from abtesting.statistics.fieller import lift_interval
from abtesting.statistics.means import (
    Estimate,
    compare_estimates,
    degrees_of_freedom,
    estimate_mean,
    mean_not_ready,
    satterthwaite,
)
from abtesting.statistics.moments import Moments
from abtesting.statistics.ratios import estimate_ratio, ratio_not_ready
from abtesting.statistics.types import Interval, NotEnoughData, Side

Scale = Literal["absolute", "relative"]
"""Whether a margin is a difference, or a share of the size of the control value."""

Harm = Literal["decrease", "increase"]
"""In which direction the metric gets worse."""

Metric = Literal["mean", "ratio"]
"""What is made of moments: the mean of column 0, or the ratio of column 0 to column 1."""

_SIDE_OF_HARM: dict[Harm, Side] = {"decrease": "greater", "increase": "less"}
METHOD: dict[Metric, str] = {"mean": "welch", "ratio": "delta"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginTest:
    """A one-sided test of one difference or lift.

    Attributes:
        estimate: The difference, or with a relative margin the lift.
        standard_error: Standard error of the contrast that is tested, in the unit of the metric.
        z: Standard errors between the contrast and what is tested, with its sign.
        interval: Half a line: the differences or lifts that are not rejected.
        p_value: p-value of the difference or lift that is tested.
    """

    estimate: float
    standard_error: float
    z: float
    interval: Interval
    p_value: float


def compare_with_margin(
    control: Estimate,
    variant: Estimate,
    tested: float,
    *,
    scale: Scale,
    boundary: Boundary,
    covariance: float,
) -> MarginTest | NotEnoughData:
    """Test the difference or the lift `tested`, on the side of the boundary.

    A lift is tested by the contrast `variant - (1 + lift) * control`, which is close to normal
    whatever the noise of the control, as an estimate of the lift is not.
    """
    # The degrees of freedom and the critical value are those of the difference, so that the limit
    # here is the one that a comparison with this boundary shows.
    effect = compare_estimates(
        control, variant, boundary=boundary, method="", covariance=covariance
    )
    if isinstance(effect, NotEnoughData):
        return effect
    total = effect.standard_error**2
    df = satterthwaite(
        control.variance / total,
        degrees_of_freedom(control),
        variant.variance / total,
        degrees_of_freedom(variant),
    )
    num_units = control.num_units + variant.num_units
    if scale == "absolute":
        z = (effect.difference - tested) / effect.standard_error
        return MarginTest(
            estimate=effect.difference,
            standard_error=effect.standard_error,
            z=z,
            interval=effect.difference_interval,
            p_value=boundary.p_value(z, num_units, df),
        )
    if effect.lift is None:
        return NotEnoughData(
            code="zero_baseline",
            detail=(
                f"the control value is {control.value:g}; a relative margin needs one that is not 0"
            ),
        )
    slope = 1 + math.copysign(tested, tested * control.value)
    variance = variant.variance + slope * slope * control.variance - 2 * slope * covariance
    if variance <= 0:
        return NotEnoughData(
            code="zero_variance", detail=f"variant - {slope:g} * control has no variance"
        )
    standard_error = math.sqrt(variance)
    z = (variant.value - slope * control.value) / standard_error
    return MarginTest(
        estimate=effect.lift,
        standard_error=standard_error,
        z=z,
        interval=lift_interval(
            control=control.value,
            difference=effect.difference,
            standard_error=effect.standard_error,
            control_share=control.variance / total,
            critical=boundary.critical(num_units, df),
            covariance_share=covariance / total,
            side=boundary.side,
            tested=tested,
        ),
        p_value=boundary.p_value(z, num_units, df),
    )


def estimate_both(
    control: Moments, variant: Moments, *, boundary: Boundary, metric: Metric
) -> tuple[Estimate, Estimate] | NotEnoughData:
    """Return the estimates of both arms, or why the boundary has no answer yet."""
    if metric == "mean":
        reason = mean_not_ready(control, variant, boundary=boundary)
        return reason or (estimate_mean(control), estimate_mean(variant))
    reason = ratio_not_ready(control, variant, boundary=boundary)
    return reason or (estimate_ratio(control), estimate_ratio(variant))


def side_of_harm(harm: Harm) -> Side:
    """Return the side of the test that rules out this harm.

    Raises:
        ValueError: If harm is neither a decrease nor an increase.
    """
    if harm not in _SIDE_OF_HARM:
        raise ValueError(f"harm is {harm!r}; it must be one of {', '.join(_SIDE_OF_HARM)}")
    return _SIDE_OF_HARM[harm]


def check_margin(margin: float, scale: Scale) -> None:
    """Raise `ValueError` unless the margin is one."""
    require_positive("margin", margin)
    if scale not in get_args(Scale):
        raise ValueError(f"scale is {scale!r}; it must be one of {', '.join(get_args(Scale))}")
    if scale == "relative" and margin >= 1:
        raise ValueError(f"margin is {margin!r}; a relative one must be below 1 (0.02 is 2 %)")
