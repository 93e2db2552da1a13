"""Error spending: how much of the error rate a group-sequential test may have used by when.

A spending function turns the share of the planned information that has arrived into the share of
`alpha` (or, for futility, of beta) that the looks so far may use together. `group_sequential` turns
it into critical values, look by look, so neither the number of looks nor their times need to be
known beforehand.

All functions take the level of one side. A two-sided test spends half of `alpha` on each side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol

from scipy import special

from abtesting.statistics.arguments import (
    require_at_least,
    require_finite,
    require_positive,
    require_probability,
    shown,
)


class Spending(Protocol):
    """A spending function: frozen and hashable, since boundaries are cached by it."""

    @property
    def name(self) -> str:
        """Key of the function in results."""

    def __hash__(self) -> int:
        """Equal functions must have equal hashes."""

    def log_spent(self, log_level: float, information: float) -> float:
        """Return the log of what may be spent by `information` of a level given by its log.

        Logs, because a repeated p-value may need a level below what floats hold.
        """


@dataclass(frozen=True, slots=True)
class SpendingByPlan:
    """Spends by shares of the plan, where the information of the looks is another.

    Attributes:
        base: What is spent by a share of the plan.
        shares: Pairs of information and share of the plan, one for each look.

    References:
        Lan, K. K. G. & DeMets, D. L. (1989). Group sequential procedures: calendar versus
        information time. Statistics in Medicine 8(10).
    """

    base: Spending
    shares: tuple[tuple[float, float], ...]

    @property
    def name(self) -> str:
        """Key of the function in results."""
        return self.base.name

    def log_spent(self, log_level: float, information: float) -> float:
        """Return the log of what may be spent at the look with this information."""
        share = dict(self.shares)[information]
        return log_level if share >= 1 else self.base.log_spent(log_level, share)


@dataclass(frozen=True, slots=True)
class ObrienFleming:
    """Almost nothing early, almost everything at the end: 2 (1 - Phi(z / sqrt(t))).

    The final critical value stays close to that of a test with one look, which is why this is the
    usual choice for an experiment with a planned size.

    References:
        Lan, K. K. G. & DeMets, D. L. (1983). Discrete sequential boundaries for clinical trials.
        Biometrika 70(3), alpha_1.

    Examples:
        >>> [round(spent(ObrienFleming(), 0.025, t), 6) for t in (0.2, 0.5, 1)]
        [1e-06, 0.001525, 0.025]
    """

    name: ClassVar[str] = "obrien_fleming"

    def log_spent(self, log_level: float, information: float) -> float:
        """Return the log of what may be spent by `information`."""
        z = float(special.ndtri_exp(log_level - math.log(2)))
        return math.log(2) + float(special.log_ndtr(z / math.sqrt(information)))


@dataclass(frozen=True, slots=True)
class Pocock:
    """About as much at each look: level * ln(1 + (e - 1) t).

    Stops large effects early, at the price of a final critical value well above that of one look.

    References:
        Lan, K. K. G. & DeMets, D. L. (1983). Discrete sequential boundaries for clinical trials.
        Biometrika 70(3), alpha_2.

    Examples:
        >>> [round(spent(Pocock(), 0.025, t), 6) for t in (0.2, 0.5, 1)]
        [0.007385, 0.015503, 0.025]
    """

    name: ClassVar[str] = "pocock"

    def log_spent(self, log_level: float, information: float) -> float:
        """Return the log of what may be spent by `information`."""
        return log_level + math.log(math.log1p(math.expm1(1.0) * information))


@dataclass(frozen=True, slots=True)
class KimDeMets:
    """The power family: level * t^gamma.

    Attributes:
        gamma: Above 0; 1 spends evenly, 3 is close to O'Brien-Fleming.

    References:
        Kim, K. & DeMets, D. L. (1987). Design and analysis of group sequential tests based on the
        type I error spending rate function. Biometrika 74(1).

    Examples:
        >>> [round(spent(KimDeMets(2), 0.025, t), 6) for t in (0.2, 0.5, 1)]
        [0.001, 0.00625, 0.025]
    """

    gamma: float

    name: ClassVar[str] = "kim_demets"

    def __post_init__(self) -> None:
        require_positive("gamma", self.gamma)

    def log_spent(self, log_level: float, information: float) -> float:
        """Return the log of what may be spent by `information`."""
        return log_level + self.gamma * math.log(information)


@dataclass(frozen=True, slots=True)
class HwangShihDeCani:
    """The gamma family: level * (1 - exp(-gamma t)) / (1 - exp(-gamma)).

    Attributes:
        gamma: Any number; -4 is close to O'Brien-Fleming, 0 spends evenly, 1 is close to Pocock.

    References:
        Hwang, I. K., Shih, W. J. & De Cani, J. S. (1990). Group sequential designs using a family
        of type I error probability spending functions. Statistics in Medicine 9(12).

    Examples:
        >>> [round(spent(HwangShihDeCani(-4), 0.025, t), 6) for t in (0.2, 0.5, 1)]
        [0.000572, 0.00298, 0.025]
    """

    gamma: float

    name: ClassVar[str] = "hwang_shih_decani"

    def __post_init__(self) -> None:
        require_finite("gamma", self.gamma)
        if not abs(self.gamma) <= 500:
            raise ValueError(f"gamma is {self.gamma!r}; it must be between -500 and 500")

    def log_spent(self, log_level: float, information: float) -> float:
        """Return the log of what may be spent by `information`."""
        if self.gamma == 0:
            return log_level + math.log(information)
        return log_level + math.log(math.expm1(-self.gamma * information) / math.expm1(-self.gamma))


def spent(spending: Spending, level: float, information: float) -> float:
    """Return what may be spent of a one-sided level by the share `information` of the plan.

    Information beyond the plan spends no more than all of it.

    Examples:
        >>> spent(Pocock(), 0.025, 1.2)
        0.025
    """
    require_probability("level", level)
    require_at_least("information", information, 0)
    if not hasattr(spending, "log_spent"):
        raise ValueError(
            f"spending is {shown(spending)}; it must be a Spending such as ObrienFleming()"
        )
    if information == 0:
        return 0.0
    if information >= 1:
        return level
    return math.exp(spending.log_spent(math.log(level), information))
