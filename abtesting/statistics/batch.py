"""Thousands of comparisons of means or ratios at once, as arrays.

For dashboards of many metrics, and for simulations, where a look at every experiment is one call.
The numbers are those of `compare_means` and `compare_ratios`, element by element; conversion rates
are in `batch_proportions`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from abtesting.statistics.arguments import require_boundary, require_type
from abtesting.statistics.boundaries import Boundary
from abtesting.statistics.boundary_arrays import critical_values, p_values
from abtesting.statistics.fieller import lift_limits
from abtesting.statistics.means import RESOLUTION, ZERO_BASELINE
from abtesting.statistics.moments import Moments
from abtesting.statistics.ratios import CANCELLED
from abtesting.statistics.skewness import (
    FEWEST_UNITS,
    RATIO_INFLATION,
    UNITS_PER_SQUARED_SKEWNESS,
    skewness_tolerance,
)
from abtesting.statistics.types import EffectArrays

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmArrays:
    """One arm of many comparisons; arrays of any shapes that broadcast to one.

    Attributes:
        n: Numbers of units.
        mean: Means of the values; of the numerators in a ratio.
        variance: Their sample variances (n - 1).
        third: Their mean cubed deviations, for the rules on skewed values; `None` if not known.
        denominator_mean: Means of the denominators; `None` where a mean is compared.
        denominator_variance: Their sample variances.
        covariance: Sample covariances of numerator and denominator.
    """

    n: Floats
    mean: Floats
    variance: Floats
    third: Floats | None = None
    denominator_mean: Floats | None = None
    denominator_variance: Floats | None = None
    covariance: Floats | None = None

    def __post_init__(self) -> None:
        for name in self.__slots__:
            values = getattr(self, name)
            if values is None:
                continue
            array = np.asarray(values, dtype=np.float64)
            if not np.isfinite(array).all():
                raise ValueError(f"{name} has values that are not finite numbers")
            if name in {"n", "variance", "denominator_variance"} and (array < 0).any():
                raise ValueError(f"{name} is {array.min():g} somewhere; it must be at least 0")
            object.__setattr__(self, name, array)

    @classmethod
    def from_moments(cls, moments: Sequence[Moments]) -> Self:
        """Stack moments of one column, or of two for ratios.

        Examples:
            >>> arm = ArmArrays.from_moments([Moments.from_array([1.0, 2.0, 6.0])])
            >>> arm.mean, arm.variance, arm.third
            (array([3.]), array([7.]), array([6.]))
        """
        columns = {len(each.means) for each in moments}
        if columns not in ({1}, {2}):
            raise ValueError(f"moments have {sorted(columns)} columns; all must have 1, or all 2")
        n = np.array([each.n for each in moments], dtype=np.float64)
        means = np.array([each.means for each in moments]).T
        comoments = np.array([each.comoments for each in moments]).T
        # Without a second unit there is no comparison either, whatever stands here.
        covariances = comoments / np.maximum(n - 1, 1)
        thirds = [each.thirds for each in moments if each.thirds is not None]
        is_ratio = columns == {2}
        return cls(
            n=n,
            mean=means[0],
            variance=covariances[0, 0],
            third=(
                np.array([third[0] for third in thirds]) / np.maximum(n, 1)
                if len(thirds) == len(moments)
                else None
            ),
            denominator_mean=means[1] if is_ratio else None,
            denominator_variance=covariances[1, 1] if is_ratio else None,
            covariance=covariances[0, 1] if is_ratio else None,
        )


def compare_means_batch(
    control: ArmArrays, variant: ArmArrays, *, boundary: Boundary
) -> EffectArrays:
    """Compare many pairs of means by Welch's test.

    Args:
        control: The controls.
        variant: The variants.
        boundary: When the results may be read, and their level.

    Examples:
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> rng = np.random.default_rng(1)
        >>> control, variant = (
        ...     ArmArrays(n=500, mean=draws.mean(axis=0), variance=draws.var(axis=0, ddof=1))
        ...     for draws in rng.exponential(20.0, (2, 500, 10_000))
        ... )
        >>> effects = compare_means_batch(control, variant, boundary=FixedHorizon(0.05))
        >>> round(float(effects.is_significant.mean()), 2)
        0.05
    """
    _require_arms(control, variant)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _compare(
            control,
            variant,
            (control.mean, control.variance / control.n),
            (variant.mean, variant.variance / variant.n),
            boundary=boundary,
            method="welch",
        )


def compare_ratios_batch(
    control: ArmArrays, variant: ArmArrays, *, boundary: Boundary
) -> EffectArrays:
    """Compare many pairs of ratios of totals by the delta method.

    Args:
        control: The controls, with denominators.
        variant: The variants, with denominators.
        boundary: When the results may be read, and their level.

    Examples:
        >>> from abtesting.statistics.boundaries import FixedHorizon
        >>> arms = [
        ...     ArmArrays.from_moments([Moments.from_array(rows)])
        ...     for rows in (
        ...         [[10.0, 1.0], [35.0, 2.0], [0.0, 0.0], [24.0, 2.0]],
        ...         [[28.0, 2.0], [0.0, 0.0], [21.0, 1.0], [45.0, 2.0]],
        ...     )
        ... ]
        >>> compare_ratios_batch(*arms, boundary=FixedHorizon(0.05)).variant_value
        array([18.8])
    """
    _require_arms(control, variant)
    ratios = []
    for name, arm in (("control", control), ("variant", variant)):
        if arm.denominator_mean is None or arm.denominator_variance is None:
            raise ValueError(f"{name} has no denominators; a ratio needs them")
        if arm.covariance is None:
            raise ValueError(f"{name} has no covariance; a ratio needs that of its two columns")
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            ratio = arm.mean / arm.denominator_mean
            own = arm.variance + ratio * ratio * arm.denominator_variance
            shared = 2 * ratio * arm.covariance
            square = np.where(own - shared <= CANCELLED * (own + abs(shared)), 0.0, own - shared)
            ratios.append((ratio, square / arm.n / arm.denominator_mean**2))
    return _compare(control, variant, *ratios, boundary=boundary, method="delta")


def _require_arms(control: object, variant: object) -> None:
    require_type("control", control, ArmArrays)
    require_type("variant", variant, ArmArrays)


def _compare(
    control: ArmArrays,
    variant: ArmArrays,
    control_estimate: tuple[Floats, Floats],
    variant_estimate: tuple[Floats, Floats],
    *,
    boundary: Boundary,
    method: str,
) -> EffectArrays:
    require_boundary(boundary)
    n_c, n_t, value_c, variance_c, value_t, variance_t = np.broadcast_arrays(
        control.n, variant.n, *control_estimate, *variant_estimate
    )
    reason = np.zeros(n_c.shape, dtype="<U16")
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        total = variance_c + variance_t
        standard_error = np.sqrt(total)
        largest = np.maximum(abs(value_c), abs(value_t))
        has_spread = (total > 0) & (standard_error >= RESOLUTION * largest)
        reason[~has_spread] = "zero_variance"
        reason[_is_too_skewed(control, variant, boundary)] = "too_skewed"
        for arm in (control, variant):
            if arm.denominator_mean is not None:
                reason[np.broadcast_to(arm.denominator_mean <= 0, reason.shape)] = (
                    "zero_denominator"
                )
        reason[np.minimum(n_c, n_t) < boundary.min_units_per_arm] = "too_few_units"
        is_valid = reason == ""
        num_units = n_c + n_t
        difference = value_t - value_c
        z = np.where(is_valid, difference / standard_error, 0.0)
        share = np.where(is_valid, variance_c / total, 0.5)
        df = 1 / (share**2 / (n_c - 1) + (1 - share) ** 2 / (n_t - 1))
        df = np.where(is_valid, df, 1.0)
        critical = critical_values(boundary, np.where(is_valid, num_units, 2.0), df)
        p_value = p_values(boundary, z, np.where(is_valid, num_units, 2.0), df)
        half_width = critical * standard_error
        has_lift = is_valid & (abs(value_c) > ZERO_BASELINE * standard_error)
        lift_lower, lift_upper = lift_limits(
            control=value_c,
            difference=difference,
            standard_error=standard_error,
            control_share=share,
            critical=critical,
            side=boundary.side,
        )
        lift = difference / abs(value_c)
    infinite = np.where(is_valid, np.inf, np.nan)
    side = boundary.side
    return EffectArrays(
        control_value=_where(is_valid, value_c),
        variant_value=_where(is_valid, value_t),
        difference=_where(is_valid, difference),
        standard_error=_where(is_valid, standard_error),
        lower=-infinite if side == "less" else _where(is_valid, difference - half_width),
        upper=infinite if side == "greater" else _where(is_valid, difference + half_width),
        p_value=_where(is_valid, p_value),
        lift=_where(has_lift, lift),
        lift_lower=_where(has_lift, lift_lower),
        lift_upper=_where(has_lift, lift_upper),
        reason=reason,
        warning=np.where(is_valid & _is_skewed(control, variant), "skewed", ""),
        method=method,
        boundary=boundary.name,
        alpha=boundary.alpha,
        side=side,
    )


def _is_skewed(control: ArmArrays, variant: ArmArrays) -> Booleans:
    """Do what `skewness_warnings` does."""
    found = np.zeros((), dtype=np.bool_)
    for arm in (control, variant):
        if arm.third is not None:
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                square = arm.variance * (arm.n - 1) / arm.n
                limit = UNITS_PER_SQUARED_SKEWNESS * (arm.third / square) ** 2
            found = found | ((square > 0) & (arm.n * square < limit))
    return found


def _is_too_skewed(control: ArmArrays, variant: ArmArrays, boundary: Boundary) -> Booleans:
    """Do what `too_skewed` does."""
    tolerance = skewness_tolerance(boundary)
    if control.third is None or variant.third is None:
        return np.zeros((), dtype=np.bool_)
    n_c, n_t = control.n, variant.n
    num_units = n_c + n_t
    square = (control.variance * (n_c - 1) + variant.variance * (n_t - 1)) / num_units
    inflation = 1.0 if control.denominator_mean is None else RATIO_INFLATION
    third = inflation * (control.third * n_c + variant.third * n_t) / num_units
    kappa = third / square / np.sqrt(square) * (n_c - n_t) / np.sqrt(n_c * n_t * num_units)
    critical = critical_values(boundary, np.maximum(num_units, 2.0), None)
    shift = kappa * critical * (2 * critical * critical + 1) / 6
    signed = {"two_sided": abs(shift), "greater": -shift, "less": shift}[boundary.side]
    enough = np.minimum(n_c, n_t) >= FEWEST_UNITS
    return np.asarray(enough & (square > 0) & (signed > tolerance))


def _where(condition: Booleans, values: Floats) -> Floats:
    return np.where(condition, values, np.nan)
