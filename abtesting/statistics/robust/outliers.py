"""Outliers: means that a few very large orders cannot decide.

The cap of `compare_capped` is one for both arms, a percentile of all units together, so it cannot
be tuned to a result: it is fixed before anybody knows which arm a unit is in. Its effect is on the
capped values, which is why it comes with the uncapped one. Winsorising and trimming within an arm
are for comparing with other programs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abtesting.statistics.arguments import (
    as_floats,
    require_finite,
    require_list,
    require_probability,
)
from abtesting.statistics.boundaries import Boundary, first_look
from abtesting.statistics.means import Estimate, compare_estimates, compare_means
from abtesting.statistics.moments import Moments
from abtesting.statistics.types import Effect, NotEnoughData

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class CappedEffect:
    """A comparison of means of values cut off at a cap.

    Attributes:
        quantile: Percentile of the cap, between 0 and 1.
        cap: The largest value that counts in full.
        num_capped_control: Units of the control above the cap.
        num_capped_variant: Units of the variant above the cap.
        effect: Welch's comparison of the capped values, or why there is none.
    """

    quantile: float
    cap: float
    num_capped_control: int
    num_capped_variant: int
    effect: Effect | NotEnoughData


@dataclass(frozen=True, slots=True, kw_only=True)
class CapSensitivity:
    """One comparison without a cap and under several.

    Attributes:
        uncapped: The comparison of all values in full.
        capped: The comparisons under each cap, in the order asked for.
    """

    uncapped: Effect | NotEnoughData
    capped: tuple[CappedEffect, ...]


def pooled_cap(arms: Sequence[ArrayLike], *, quantile: float, nonzero: bool = False) -> float:
    """Return a percentile of the values of all arms together.

    Args:
        arms: Values of each arm, one a unit.
        quantile: Percentile, between 0 and 1.
        nonzero: Whether it is one of the values other than 0 only. Of a metric that few units have
            at all, the 99th percentile of everybody may be 0.

    Raises:
        ValueError: If there is no value, or with `nonzero` none other than 0.

    Examples:
        >>> pooled_cap([[0.0, 10.0, 20.0], [0.0, 30.0, 900.0]], quantile=0.5, nonzero=True)
        25.0
    """
    require_list("arms", arms)
    return _cap([as_floats(f"arms[{i}]", arm) for i, arm in enumerate(arms)], quantile, nonzero)


def compare_capped(
    control: ArrayLike,
    variant: ArrayLike,
    *,
    quantile: float,
    boundary: Boundary,
    nonzero: bool = False,
) -> CappedEffect:
    """Compare means after cutting both arms off at one pooled percentile.

    Args:
        control: Values of the control, one a unit.
        variant: Values of the variant.
        quantile: Percentile of the cap, between 0 and 1.
        boundary: When the result may be read, its level and its side.
        nonzero: Whether the percentile is one of the values other than 0 only.

    Examples:
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> result = compare_capped(
        ...     [5.0, 9.0, 700.0, 3.0], [8.0, 12.0, 7.0, 11.0], quantile=0.85,
        ...     boundary=FixedHorizon(0.05),
        ... )
        >>> result.cap, result.num_capped_control, round(result.effect.difference, 2)
        (11.95, 1, 2.25)
    """
    x, y = as_floats("control", control), as_floats("variant", variant)
    return _capped(x, y, quantile=quantile, boundary=boundary, nonzero=nonzero)


def cap_sensitivity(
    control: ArrayLike,
    variant: ArrayLike,
    *,
    quantiles: Sequence[float],
    boundary: Boundary,
    nonzero: bool = False,
) -> CapSensitivity:
    """Show a comparison of means without a cap beside those under several.

    Which of them decides is for the plan to say. If they disagree, a few units make the result.

    Args:
        control: Values of the control, one a unit.
        variant: Values of the variant.
        quantiles: Percentiles of the caps, between 0 and 1.
        boundary: When the result may be read, its level and its side.
        nonzero: Whether the percentiles are of the values other than 0 only.

    Examples:
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> rng = np.random.default_rng(4)
        >>> both = cap_sensitivity(
        ...     rng.lognormal(3, 1, 500), rng.lognormal(3, 1, 500),
        ...     quantiles=[0.95, 0.99], boundary=FixedHorizon(0.05),
        ... )
        >>> [result.num_capped_control + result.num_capped_variant for result in both.capped]
        [50, 10]
    """
    x, y = as_floats("control", control), as_floats("variant", variant)
    require_list("quantiles", quantiles)
    return CapSensitivity(
        uncapped=_welch(x, y, boundary),
        capped=tuple(
            _capped(x, y, quantile=quantile, boundary=boundary, nonzero=nonzero)
            for quantile in quantiles
        ),
    )


def winsorise_top(values: ArrayLike, *, share: float) -> Floats:
    """Return the values with the largest ones set to the largest that is left.

    Args:
        values: One value a unit.
        share: Share of the values that are replaced, rounded down to whole values; below 1.

    Examples:
        >>> winsorise_top([3.0, 500.0, 8.0, 5.0, 90.0], share=0.4)
        array([3., 8., 8., 5., 8.])
    """
    require_finite("share", share)
    if not 0 <= share < 1:
        raise ValueError(f"share is {share!r}; it must be at least 0 and below 1")
    array = as_floats("values", values)
    if len(array) == 0:
        return array
    last = len(array) - int(share * len(array)) - 1
    kept: Floats = np.minimum(array, np.partition(array, last)[last])
    return kept


def compare_winsorised(
    control: ArrayLike, variant: ArrayLike, *, share: float, boundary: Boundary
) -> Effect | NotEnoughData:
    """Compare means after winsorising the same share of the largest values within each arm.

    Args:
        control: Values of the control, one a unit.
        variant: Values of the variant.
        share: Share of each arm's values that are replaced.
        boundary: When the result may be read, its level and its side.

    Examples:
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> effect = compare_winsorised(
        ...     [5.0, 9.0, 700.0, 3.0], [8.0, 12.0, 7.0, 11.0], share=0.25,
        ...     boundary=FixedHorizon(0.05),
        ... )
        >>> effect.control_value, effect.variant_value
        (6.5, 9.25)
    """
    return _welch(
        winsorise_top(as_floats("control", control), share=share),
        winsorise_top(as_floats("variant", variant), share=share),
        boundary,
    )


def compare_trimmed(
    control: ArrayLike, variant: ArrayLike, *, share: float, boundary: Boundary
) -> Effect | NotEnoughData:
    """Compare means of the middle of each arm: Yuen's test.

    Args:
        control: Values of the control, one a unit.
        variant: Values of the variant.
        share: Share of the values left out at each end, rounded down to whole values; below 0.5.
        boundary: When the result may be read, its level and its side.

    Returns:
        The effect; or `too_few_units`, also if fewer than 2 are left of an arm; or `zero_variance`.

    References:
        Yuen, K. K. (1974). The two-sample trimmed t for unequal population variances. Biometrika
        61(1).

    Examples:
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> effect = compare_trimmed(
        ...     [5.0, 9.0, 700.0, 3.0, 7.0], [8.0, 12.0, 7.0, 11.0, 0.0], share=0.2,
        ...     boundary=FixedHorizon(0.05),
        ... )
        >>> effect.control_value, round(effect.variant_value, 2)
        (7.0, 8.67)
    """
    require_finite("share", share)
    if not 0 <= share < 0.5:
        raise ValueError(f"share is {share!r}; it must be at least 0 and below 0.5")
    x, y = as_floats("control", control), as_floats("variant", variant)
    too_few = first_look(boundary, control=len(x), variant=len(y))
    if too_few is not None:
        return too_few
    estimates = [_trimmed(values, share) for values in (x, y)]
    if min(estimate.num_units for estimate in estimates) < 2:
        return NotEnoughData(
            code="too_few_units",
            detail=(
                f"trimming {share:g} at each end leaves {estimates[0].num_units} units of the "
                f"control and {estimates[1].num_units} of the variant; each needs 2"
            ),
        )
    return compare_estimates(*estimates, boundary=boundary, method="trimmed")


def _trimmed(values: Floats, share: float) -> Estimate:
    """Return the trimmed mean and its variance, from the winsorised squares."""
    n = len(values)
    cut = int(share * n)
    kept = n - 2 * cut
    ordered = np.partition(values, sorted({cut, n - cut - 1}))
    middle = ordered[cut : n - cut]
    winsorised = Moments.from_array(np.clip(values, ordered[cut], ordered[n - cut - 1]))
    squares = winsorised.comoments[0][0]
    return Estimate(
        value=math.fsum(middle) / kept,
        variance=squares / (kept * (kept - 1)) if kept > 1 else 0.0,
        num_units=kept,
    )


def _capped(
    x: Floats, y: Floats, *, quantile: float, boundary: Boundary, nonzero: bool
) -> CappedEffect:
    cap = _cap([x, y], quantile, nonzero)
    return CappedEffect(
        quantile=quantile,
        cap=cap,
        num_capped_control=int(np.count_nonzero(x > cap)),
        num_capped_variant=int(np.count_nonzero(y > cap)),
        effect=_welch(np.minimum(x, cap), np.minimum(y, cap), boundary),
    )


def _cap(arms: Sequence[Floats], quantile: float, nonzero: bool) -> float:
    require_probability("quantile", quantile)
    values = np.concatenate([*arms, np.empty(0)])
    if nonzero:
        values = values[values != 0]
    if len(values) == 0:
        raise ValueError(
            "there are no values other than 0; a cap needs at least 1"
            if nonzero
            else "there are no values; a cap needs at least 1"
        )
    return float(np.quantile(values, quantile))


def _welch(x: Floats, y: Floats, boundary: Boundary) -> Effect | NotEnoughData:
    return compare_means(Moments.from_array(x), Moments.from_array(y), boundary=boundary)
