"""Quantiles, such as the 90th percentile of a page's load time, of one arm and of two.

The standard error comes from two order statistics around the quantile, so no density is estimated.
Units are what was randomised: where one has several events they resemble each other, and the
variance is scaled by how much the share of events below the quantile varies between units.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from abtesting.statistics.arguments import (
    as_floats,
    require_alpha,
    require_probability,
    require_type,
)
from abtesting.statistics.boundaries import Boundary, first_look
from abtesting.statistics.means import Estimate, compare_estimates
from abtesting.statistics.moments import Moments, as_count
from abtesting.statistics.types import Effect, Interval, NotEnoughData

Z_OF_BOUNDS = 1.959963984540054
"""How far, in standard errors of a share, the two order statistics are from the quantile."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantileSummary:
    """What is needed of one arm's events to compare a quantile.

    Attributes:
        quantile: Share of the events at or below the value, between 0 and 1.
        num_events: Events of the arm.
        value: The value at the quantile.
        lower: The value at `quantile_bounds(quantile, num_ranked)[0]`.
        upper: The value at its other end.
        num_ranked: Events that the two bounds were placed for, if not `num_events`.
        units: Moments over units, of the events at or below `value` and of the events; `None` if
            no unit has more than one event.
    """

    quantile: float
    num_events: int
    value: float
    lower: float
    upper: float
    num_ranked: int | None = None
    units: Moments | None = None

    def __post_init__(self) -> None:
        require_probability("quantile", self.quantile)
        object.__setattr__(self, "num_events", as_count("num_events", self.num_events))
        if self.num_ranked is not None and self.num_ranked < 1:
            raise ValueError(f"num_ranked is {self.num_ranked!r}; it must be at least 1")
        for name in ("lower", "value", "upper"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"{name} is {getattr(self, name)!r}; it must be a finite number")
        if not self.lower <= self.value <= self.upper:
            raise ValueError(
                f"lower is {self.lower!r}, value {self.value!r} and upper {self.upper!r}; they "
                "must not descend"
            )
        if self.units is not None and len(self.units.means) != 2:
            raise ValueError(
                f"units has {len(self.units.means)} columns; it must have 2, the events at or "
                "below the value and the events"
            )

    @property
    def num_units(self) -> int:
        """Units, the events themselves if no unit has more than one."""
        return self.num_events if self.units is None else self.units.n

    @classmethod
    def from_values(
        cls, values: ArrayLike, *, quantile: float, units: ArrayLike | None = None
    ) -> Self | NotEnoughData:
        """Summarise events.

        Args:
            values: One value an event.
            quantile: Share of the events at or below the value that is asked for.
            units: Unit of each event; leave it out if each unit has one.

        Returns:
            The summary, or `too_few_events` for the quantile.

        Examples:
            >>> summary = QuantileSummary.from_values(range(1000), quantile=0.9)
            >>> round(summary.value, 1), round(summary.lower, 1), round(summary.upper, 1)
            (899.1, 880.5, 917.7)
        """
        require_probability("quantile", quantile)
        array = as_floats("values", values)
        num_events = len(array)
        few = _too_few_events(num_events, quantile)
        if few is not None:
            return few
        low, high = quantile_bounds(quantile, num_events)
        lower, value, upper = _quantiles(array, [low, quantile, high])
        return cls(
            quantile=quantile,
            num_events=num_events,
            value=value,
            lower=lower,
            upper=upper,
            units=None if units is None else _units(array, value, units),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantileInterval:
    """A quantile of one sample.

    Attributes:
        value: The quantile, interpolated between order statistics.
        interval: Two order statistics that enclose the true quantile with at least the level
            asked for, whatever the distribution; an end is infinite where the sample is too small.
        quantile: Share of the values at or below.
        num_values: Size of the sample.
        method: `order_statistics`.
        alpha: Error rate of the interval.
    """

    value: float
    interval: Interval
    quantile: float
    num_values: int
    method: str
    alpha: float


def quantile_bounds(quantile: float, num_events: int) -> tuple[float, float]:
    """Return the two quantiles whose distance says how precise the one between them is.

    They may lie outside 0 to 1 for a sample that is too small.
    """
    reach = Z_OF_BOUNDS * math.sqrt(quantile * (1 - quantile) / num_events)
    return quantile - reach, quantile + reach


def quantile_interval(
    values: ArrayLike, *, quantile: float, alpha: float
) -> QuantileInterval | NotEnoughData:
    """Return a quantile of independent values with its distribution-free interval.

    Args:
        values: One value a unit.
        quantile: Share of the values at or below, between 0 and 1.
        alpha: Error rate of the interval.

    Returns:
        The interval, or `too_few_units` without any value.

    References:
        Conover, W. J. (1999). Practical nonparametric statistics, 3rd edition, section 3.2.

    Examples:
        >>> found = quantile_interval(range(1, 101), quantile=0.5, alpha=0.05)
        >>> found.value, found.interval
        (50.5, Interval(lower=40.0, upper=61.0))
    """
    require_probability("quantile", quantile)
    require_alpha(alpha)
    array = as_floats("values", values)
    n = len(array)
    if n == 0:
        return NotEnoughData(
            code="too_few_units", detail="there are no values; a quantile needs at least 1"
        )
    first = _binomial_quantile(alpha / 2, n, quantile) - 1
    last = n - 1 - (_binomial_quantile(alpha / 2, n, 1 - quantile) - 1)
    ranks = [rank for rank in (first, last) if 0 <= rank < n]
    found = (
        dict(zip(ranks, np.partition(array, ranks)[ranks].tolist(), strict=True)) if ranks else {}
    )
    return QuantileInterval(
        value=_quantiles(array, [quantile])[0],
        interval=Interval(found.get(first, -math.inf), found.get(last, math.inf)),
        quantile=quantile,
        num_values=n,
        method="order_statistics",
        alpha=alpha,
    )


def compare_quantiles(
    control: QuantileSummary,
    variant: QuantileSummary,
    *,
    boundary: Boundary,
    df_of: Literal["units", "events"] = "units",
) -> Effect | NotEnoughData:
    """Compare a quantile of two arms; over units wherever one has several events.

    Args:
        control: Summary of the control.
        variant: Summary of the variant.
        boundary: When the result may be read, its level and its side.
        df_of: What the degrees of freedom count; `events` is for comparing with other programs.

    Returns:
        The effect; or `too_few_units`; or `too_few_events` for the quantile; or `tied_quantile` if
        the quantile of an arm lies among so many equal values that its precision cannot be read
        off them.

    References:
        Deng, A., Knoblich, U. & Lu, J. (2018). Applying the delta method in metric analytics.
        KDD '18, section 4.

    Examples:
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> effect = compare_quantiles(
        ...     QuantileSummary(quantile=0.9, num_events=11923, value=7.158, lower=7.0, upper=7.3),
        ...     QuantileSummary(quantile=0.9, num_events=11896, value=7.8, lower=7.64, upper=7.95),
        ...     boundary=FixedHorizon(0.05),
        ... )
        >>> round(effect.standard_error, 4), round(effect.lift, 4)
        (0.11, 0.0897)
    """
    require_type("control", control, QuantileSummary)
    require_type("variant", variant, QuantileSummary)
    if control.quantile != variant.quantile:
        raise ValueError(
            f"control has quantile {control.quantile!r} and variant {variant.quantile!r}; they "
            "must be equal"
        )
    too_few = first_look(boundary, control=control.num_units, variant=variant.num_units)
    if too_few is not None:
        return too_few
    estimates = []
    for name, summary in (("control", control), ("variant", variant)):
        few = _too_few_events(summary.num_events, summary.quantile)
        if few is not None:
            return few
        if summary.lower == summary.upper:
            return NotEnoughData(
                code="tied_quantile",
                detail=(
                    f"the {name} has the value {summary.value:g} all around its quantile "
                    f"{summary.quantile:g}; a test needs values that differ there"
                ),
            )
        estimates.append(
            Estimate(
                value=summary.value,
                variance=_variance(summary),
                num_units=summary.num_units,
                df=summary.num_events - 1 if df_of == "events" else None,
            )
        )
    clustered = control.units is not None or variant.units is not None
    return compare_estimates(
        *estimates, boundary=boundary, method="quantile_clustered" if clustered else "quantile"
    )


def quantile_regression_effect(
    control: ArrayLike, variant: ArrayLike, *, quantile: float
) -> float | NotEnoughData:
    """Return the effect that quantile regression on an indicator of the variant has.

    It is the difference of two order statistics. Where a whole stretch of values minimises the
    loss, which it does if units times quantile is an integer, this is the effect closest to 0.

    Args:
        control: Values of the control.
        variant: Values of the variant.
        quantile: Share of the values at or below, between 0 and 1.

    References:
        Koenker, R. & Bassett, G. (1978). Regression quantiles. Econometrica 46(1).

    Examples:
        >>> quantile_regression_effect([1.0, 2.0, 9.0], [2.0, 6.0, 7.0, 8.0], quantile=0.5)
        4.0
    """
    require_probability("quantile", quantile)
    ends = []
    for name, values in (("control", control), ("variant", variant)):
        array = as_floats(name, values)
        n = len(array)
        if n == 0:
            return NotEnoughData(code="too_few_units", detail=f"{name} has no values")
        place = n * quantile
        # Rounding must not turn an integer into the next one.
        low = max(math.ceil(place - 1e-9 * n) - 1, 0)
        high = min(math.floor(place + 1e-9 * n), n - 1)
        ends.append(np.partition(array, [low, high])[[low, high]].tolist())
    (control_low, control_high), (variant_low, variant_high) = ends
    lowest, highest = variant_low - control_high, variant_high - control_low
    return float(min(max(0.0, lowest), highest))


def _variance(summary: QuantileSummary) -> float:
    n, share = summary.num_events, summary.quantile
    ranked = summary.num_ranked or n
    spread = (summary.upper - summary.lower) / (2 * Z_OF_BOUNDS)
    variance = spread * spread * (ranked / n) * ((n - 1) / n)
    if summary.units is None:
        return variance
    below, events = summary.units.means
    (below_squares, products), (_, event_squares) = summary.units.comoments
    ratio = below / events
    squares = below_squares - 2 * ratio * products + ratio * ratio * event_squares
    units = summary.units.n
    between_units = max(squares, 0.0) / (units - 1) / units / (events * events)
    return variance * between_units / (share * (1 - share) / n)


def _units(values: Floats, value: float, units: ArrayLike) -> Moments | None:
    names = np.asarray(units)
    if names.shape != values.shape:
        raise ValueError(
            f"units has shape {names.shape} and values {values.shape}; they must be equal"
        )
    _, codes = np.unique(names, return_inverse=True)
    events = np.bincount(codes)
    if events.max() == 1:
        return None
    below = np.bincount(codes, weights=values <= value)
    return Moments.from_array(np.column_stack([below, events]))


def _quantiles(values: Floats, shares: Sequence[float]) -> list[float]:
    """Return quantiles by linear interpolation between order statistics."""
    places = [min(max(share, 0.0), 1.0) * (len(values) - 1) for share in shares]
    ranks = sorted({rank for place in places for rank in (math.floor(place), math.ceil(place))})
    found = dict(zip(ranks, np.partition(values, ranks)[ranks].tolist(), strict=True))
    return [
        found[math.floor(place)]
        + (found[math.ceil(place)] - found[math.floor(place)]) * (place - math.floor(place))
        for place in places
    ]


def _binomial_quantile(p: float, n: int, share: float) -> int:
    """Return the smallest number k with a probability of at least `p` of at most k successes."""
    k = max(math.ceil(float(special.bdtrik(p, n, share))), 0)
    while k > 0 and special.betaincc(k, n - k + 1, share) >= p:
        k -= 1
    while k < n and special.betaincc(k + 1, n - k, share) < p:
        k += 1
    return k


def _too_few_events(num_events: int, quantile: float) -> NotEnoughData | None:
    """Return that both bounds would not lie inside the sample, or `None`."""
    odds = quantile / (1 - quantile)
    needed = Z_OF_BOUNDS**2 * max(odds, 1 / odds)
    if num_events > needed:
        return None
    return NotEnoughData(
        code="too_few_events",
        detail=f"there are {num_events} events; quantile {quantile:g} needs more than {needed:.0f}",
    )
