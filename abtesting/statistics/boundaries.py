"""Decision boundaries: how many standard errors an estimate must be from zero.

Every comparison asks one boundary for its critical value and its p-value, which is what keeps the
p-value and the intervals of an effect in agreement. `FixedHorizon` is for a sample that is looked
at once, when it is complete; `AlwaysValid` for one that is read any day and stopped at will.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from scipy import special

from abtesting.statistics.types import NotEnoughData


class Boundary(Protocol):
    """What a comparison needs to know of a boundary.

    `abs(z) > critical(n, df)` and `p_value(z, n, df) < alpha` are the same statement.
    """

    @property
    def name(self) -> str:
        """Key of the boundary in results."""

    @property
    def alpha(self) -> float:
        """Two-sided error rate."""

    @property
    def min_units_per_arm(self) -> int:
        """Fewest units in each arm for which the boundary gives an answer."""

    def critical(self, num_units: int, df: float | None) -> float:
        """Return the multiplier of the standard error, with `num_units` in both arms together.

        `df` are the degrees of freedom of the standard error, `None` if it is not estimated.
        """

    def p_value(self, z: float, num_units: int, df: float | None) -> float:
        """Return the two-sided p-value of an estimate `z` standard errors from zero."""


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
    """

    alpha: float

    name: ClassVar[str] = "fixed_horizon"
    min_units_per_arm: ClassVar[int] = 2

    def __post_init__(self) -> None:
        _require_alpha(self.alpha)

    def critical(self, num_units: int, df: float | None) -> float:
        """Return the two-sided quantile; `num_units` plays no part."""
        if df is None:
            return -float(special.ndtri(self.alpha / 2))
        return -float(special.stdtrit(df, self.alpha / 2))

    def p_value(self, z: float, num_units: int, df: float | None) -> float:
        """Return both tails beyond `z`, computed as tails: 1 - cdf has no digits left there."""
        if df is None:
            return 2 * float(special.ndtr(-abs(z)))
        return 2 * float(special.stdtr(df, -abs(z)))


@dataclass(frozen=True, slots=True)
class AlwaysValid:
    """Asymptotic confidence sequence: the error rate holds over all looks together.

    The boundary is tightest when `planned_num_units` have arrived and holds at any other size. The
    plan must not be chosen by looking at the data. The guarantee rests on the central limit
    theorem, which must hold from the first look on: below `min_units_per_arm` units in either arm
    there is no result. The default suits conversion rates; amounts with a long tail need more
    units in the smaller arm when the arms are far from equal. `df` plays no part.

    The p-value is 1 over the e-value of the same mixture, so that it is below `alpha` exactly when
    the interval leaves zero out. The mixture is tuned to `alpha`: two levels give two p-values.

    Attributes:
        alpha: Two-sided error rate over all looks.
        planned_num_units: Units in both arms together at which the boundary is tightest.
        min_units_per_arm: Units in each arm at the first look.

    References:
        Waudby-Smith, I., Arbour, D., Sinha, R., Kennedy, E. H. & Ramdas, A. (2024). Time-uniform
        central limit theory and asymptotic confidence sequences. Annals of Statistics 52(6).

    Examples:
        >>> boundary = AlwaysValid(0.05, planned_num_units=10_000)
        >>> [round(boundary.critical(n, None), 2) for n in (1_000, 10_000, 100_000)]
        [3.86, 3.04, 3.24]
    """

    alpha: float
    planned_num_units: int
    min_units_per_arm: int = field(default=500, kw_only=True)

    name: ClassVar[str] = "always_valid"

    def __post_init__(self) -> None:
        _require_alpha(self.alpha)
        if self.planned_num_units < 1:
            raise ValueError(
                f"planned_num_units is {self.planned_num_units!r}; it must be at least 1"
            )
        if self.min_units_per_arm < 2:
            raise ValueError(
                f"min_units_per_arm is {self.min_units_per_arm!r}; it must be at least 2"
            )

    @property
    def rho_squared(self) -> float:
        """Variance of the mixture, per unit: it makes the boundary tightest at the plan."""
        evidence = -2 * math.log(self.alpha)
        return (evidence + math.log1p(evidence)) / self.planned_num_units

    def critical(self, num_units: int, df: float | None) -> float:
        """Return the width of the confidence sequence at `num_units`, in standard errors."""
        spread = num_units * self.rho_squared
        log_threshold = math.log1p(spread) - 2 * math.log(self.alpha)
        return math.sqrt((spread + 1) / spread * log_threshold)

    def p_value(self, z: float, num_units: int, df: float | None) -> float:
        """Return 1 over the e-value at `num_units`, at most 1."""
        spread = num_units * self.rho_squared
        log_e_value = spread / (spread + 1) * z * z / 2 - math.log1p(spread) / 2
        return math.exp(-max(log_e_value, 0.0))


def first_look(boundary: Boundary, *, control: int, variant: int) -> NotEnoughData | None:
    """Return why a boundary gives no answer yet for these numbers of units, or `None`."""
    needed = boundary.min_units_per_arm
    if min(control, variant) >= needed:
        return None
    return NotEnoughData(
        code="too_few_units",
        detail=(
            f"control has {control} units and variant {variant}; {boundary.name} results start "
            f"at {needed} in each"
        ),
    )


def _require_alpha(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha!r}; it must be between 0 and 1, both excluded")
