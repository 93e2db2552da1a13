"""Decision boundaries: how many standard errors an estimate must be from zero.

Every comparison asks one boundary for its critical value and its p-value, which is what keeps the
p-value and the intervals of an effect in agreement. `FixedHorizon` is for a sample that is looked
at once, when it is complete; `AlwaysValid` for one that is read any day and stopped at will.
"""

from __future__ import annotations

import math
from dataclasses import Field, dataclass, field, replace
from typing import ClassVar, Protocol

from scipy.special import ndtr, ndtri, stdtr

from abtesting.statistics.arguments import require_alpha, require_at_least, require_boundary
from abtesting.statistics.student import t_quantile
from abtesting.statistics.types import NotEnoughData, Side, num_of


class Boundary(Protocol):
    """What a comparison needs to know of a boundary, which is a frozen dataclass.

    `p_value(z, n, df) < alpha` says the same as `abs(z) > critical(n, df)` if the side is
    `two_sided`, as `z > critical(n, df)` if it is `greater`, and as `-z > critical(n, df)` if it is
    `less`. The critical value is above 0.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[object]]]

    @property
    def name(self) -> str:
        """Key of the boundary in results."""

    @property
    def alpha(self) -> float:
        """Error rate."""

    @property
    def side(self) -> Side:
        """Which differences are looked for; the error rate of one side is all on that side."""

    @property
    def min_units_per_arm(self) -> int:
        """Fewest units in each arm for which the boundary gives an answer."""

    def critical(self, num_units: int, df: float | None) -> float:
        """Return the multiplier of the standard error, with `num_units` in both arms together.

        `df` are the degrees of freedom of the standard error, `None` if it is not estimated.
        """

    def p_value(self, z: float, num_units: int, df: float | None) -> float:
        """Return the p-value of an estimate `z` standard errors from zero, of the side."""


@dataclass(frozen=True, slots=True)
class FixedHorizon:
    """One look at a planned sample: the t quantile, or the normal one without `df`.

    Looking again and again and stopping at the first `p < alpha` multiplies the error rate.

    Examples:
        >>> boundary = FixedHorizon(0.05)
        >>> round(boundary.critical(1000, None), 4)
        1.96
        >>> round(boundary.p_value(1.96, 1000, None), 4)
        0.05
        >>> round(FixedHorizon(0.05, "greater").p_value(1.96, 1000, None), 4)
        0.025
    """

    alpha: float
    side: Side = "two_sided"

    name: ClassVar[str] = "fixed_horizon"
    min_units_per_arm: ClassVar[int] = 2

    def __post_init__(self) -> None:
        require_alpha(self.alpha, self.side)

    def critical(self, num_units: int, df: float | None) -> float:
        """Return the quantile of the side; `num_units` plays no part."""
        tail = self.alpha / 2 if self.side == "two_sided" else self.alpha
        if df is None:
            return -float(ndtri(tail))
        return t_quantile(tail, df)

    def p_value(self, z: float, num_units: int, df: float | None) -> float:
        """Return the tail beyond `z`, computed as a tail: 1 - cdf has no digits left there."""
        if self.side == "two_sided":
            return 2 * _lower_tail(-abs(z), df)
        return _lower_tail(-z if self.side == "greater" else z, df)


@dataclass(frozen=True, slots=True)
class AlwaysValid:
    """Asymptotic confidence sequence: the error rate holds over all looks together.

    The boundary is tightest when `planned_num_units` have arrived and holds at any other size. The
    plan must not be chosen by looking at the data. The guarantee rests on the central limit
    theorem, which must hold from the first look on: below `min_units_per_arm` units in either arm
    there is no result. The default suits conversion rates; for skewed amounts in unequal arms
    `too_skewed` asks for more. `df` plays no part.

    The p-value is 1 over the e-value of the same mixture, so that it is below `alpha` exactly when
    the interval leaves zero out. The mixture is tuned to `alpha`, so two levels give two p-values;
    with one `tuned_alpha` they give the same, which a correction for many comparisons needs.
    For one side the mixture is half a normal distribution, and what counts as its e-value is the
    lower bound on it that gives the boundary a closed form.

    Attributes:
        alpha: Error rate over all looks.
        planned_num_units: Units in both arms together at which the boundary is tightest.
        min_units_per_arm: Units in each arm at the first look.
        side: Which differences are looked for.
        tuned_alpha: Error rate at which the boundary is tightest at the plan; `alpha` without one.

    References:
        Waudby-Smith, I., Arbour, D., Sinha, R., Kennedy, E. H. & Ramdas, A. (2024). Time-uniform
        central limit theory and asymptotic confidence sequences. Annals of Statistics 52(6);
        equation 9, and for one side the appendix on one-sided sequences.

    Examples:
        >>> boundary = AlwaysValid(0.05, planned_num_units=10_000)
        >>> [round(boundary.critical(n, None), 2) for n in (1_000, 10_000, 100_000)]
        [3.86, 3.04, 3.24]
    """

    alpha: float
    planned_num_units: int
    min_units_per_arm: int = field(default=500, kw_only=True)
    side: Side = field(default="two_sided", kw_only=True)
    tuned_alpha: float | None = field(default=None, kw_only=True)

    name: ClassVar[str] = "always_valid"

    def __post_init__(self) -> None:
        require_alpha(self.alpha, self.side)
        if self.tuned_alpha is not None:
            require_alpha(self.tuned_alpha, self.side, name="tuned_alpha")
        require_at_least("planned_num_units", self.planned_num_units, 1)
        require_at_least("min_units_per_arm", self.min_units_per_arm, 2)

    @property
    def rho_squared(self) -> float:
        """Variance of the mixture, per unit: it makes the boundary tightest at the plan."""
        alpha = self.alpha if self.tuned_alpha is None else self.tuned_alpha
        # The tail of one side is as far out as those of two sides with twice the error rate.
        evidence = -2 * math.log(alpha if self.side == "two_sided" else 2 * alpha)
        return (evidence + math.log1p(evidence)) / self.planned_num_units

    def critical(self, num_units: int, df: float | None) -> float:
        """Return the width of the confidence sequence at `num_units`, in standard errors."""
        spread = num_units * self.rho_squared
        if self.side == "two_sided":
            log_threshold = math.log1p(spread) - 2 * math.log(self.alpha)
        else:
            log_threshold = 2 * math.log1p(math.sqrt(1 + spread) / (2 * self.alpha))
        return math.sqrt((spread + 1) / spread * log_threshold)

    def p_value(self, z: float, num_units: int, df: float | None) -> float:
        """Return 1 over the e-value at `num_units`, at most 1."""
        spread = num_units * self.rho_squared
        exponent = spread / (spread + 1) * z * z / 2
        if self.side == "two_sided":
            return math.exp(-max(exponent - math.log1p(spread) / 2, 0.0))
        if exponent == 0 or (z > 0) != (self.side == "greater"):
            return 1.0
        # The e-value is 2 * expm1(exponent) / sqrt(1 + spread), taken apart so as not to overflow.
        p_value = math.exp(math.log1p(spread) / 2 - exponent) / (-2 * math.expm1(-exponent))
        return min(p_value, 1.0)


def first_look(boundary: Boundary, *, control: int, variant: int) -> NotEnoughData | None:
    """Return why a boundary gives no answer yet for these numbers of units, or `None`."""
    require_boundary(boundary)
    needed = boundary.min_units_per_arm
    if min(control, variant) >= needed:
        return None
    return NotEnoughData(
        code="too_few_units",
        detail=(
            f"control has {num_of(control, 'unit')} and variant {variant}; "
            f"{boundary.name} results start "
            f"at {needed} in each"
        ),
    )


def of_side(boundary: Boundary, side: Side) -> Boundary:
    """Return the same boundary for another side, with its whole error rate there.

    Examples:
        >>> of_side(FixedHorizon(0.05), "less")
        FixedHorizon(alpha=0.05, side='less')
    """
    require_boundary(boundary)
    if boundary.side == side:
        return boundary
    return replace(boundary, side=side)


def _lower_tail(x: float, df: float | None) -> float:
    return float(ndtr(x) if df is None else stdtr(df, x))
