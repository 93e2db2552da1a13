"""Group-sequential designs: the critical value of each look, before the first unit arrives.

`spending_design` is what `GroupSequentialLook` arrives at look by look. The classical designs of
Pocock, O'Brien and Fleming, and Wang and Tsiatis fix the looks beforehand. `with_futility` adds
bounds for giving up early, which may be ignored without harm to the error rate.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import special

from abtesting.statistics.arguments import (
    require_alpha,
    require_finite,
    require_probability,
    require_type,
)
from abtesting.statistics.roots import bracket_root, find_root
from abtesting.statistics.sequential.crossing import (
    MAX_LOOKS,
    CrossingProbabilities,
    check_information,
    crossing_probabilities,
    futility_bounds,
    spending_bounds,
)
from abtesting.statistics.sequential.spending import ObrienFleming, Spending
from abtesting.statistics.types import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSequentialDesign:
    """Looks and their boundaries.

    Attributes:
        method: Name of the spending function, or `wang_tsiatis`.
        alpha: Error rate over all looks.
        side: Which differences are looked for.
        information: Share of the plan at each look.
        critical_values: z beyond which each look rejects, `inf` where it can't.
        futility: z, in the direction looked for, below which each look may give up; `None` if the
            design has no such bounds. Alpha is spent as if they weren't there.
    """

    method: str
    alpha: float
    side: Side
    information: tuple[float, ...]
    critical_values: tuple[float, ...]
    futility: tuple[float, ...] | None = None

    @property
    def alpha_spent(self) -> tuple[float, ...]:
        """Error rate of the looks so far, at each look."""
        without = dataclasses.replace(self, futility=None)
        return tuple(itertools.accumulate(without.crossings(0.0).per_look))

    @property
    def stage_levels(self) -> tuple[float, ...]:
        """Level of each look by itself, on one side."""
        return tuple(float(special.ndtr(-critical)) for critical in self.critical_values)

    def crossings(self, drift: float) -> CrossingProbabilities:
        """Return the chance of each way to stop, when z at information 1 is expected at `drift`.

        A one-sided design is turned so that the direction looked for is up: a positive drift is an
        effect in that direction. Without futility bounds a one-sided design never stops below.
        """
        if self.side == "two_sided":
            lower = [-critical for critical in self.critical_values]
        elif self.futility is not None:
            lower = list(self.futility)
        else:
            lower = [-math.inf] * len(self.information)
        return crossing_probabilities(
            self.information, lower=lower, upper=self.critical_values, drift=drift
        )


def equal_looks(num_looks: int) -> tuple[float, ...]:
    """Return the information of equally spaced looks.

    Examples:
        >>> equal_looks(4)
        (0.25, 0.5, 0.75, 1.0)
    """
    require_finite("num_looks", num_looks)
    if not 1 <= num_looks <= MAX_LOOKS:
        raise ValueError(f"num_looks is {num_looks!r}; it must be 1 to {MAX_LOOKS}")
    return tuple(look / num_looks for look in range(1, num_looks + 1))


def spending_design(
    information: Sequence[float],
    *,
    alpha: float,
    spending: Spending = ObrienFleming(),  # noqa: B008  (frozen)
    side: Side = "two_sided",
) -> GroupSequentialDesign:
    """Return the design that spends `alpha` by a spending function.

    Args:
        information: Share of the plan at each look.
        alpha: Error rate over all looks.
        spending: How alpha is spread over the information.
        side: Which differences are looked for; a two-sided test spends half of alpha on each side.

    References:
        Lan, K. K. G. & DeMets, D. L. (1983). Discrete sequential boundaries for clinical trials.
        Biometrika 70(3).

    Examples:
        >>> design = spending_design(equal_looks(5), alpha=0.05)
        >>> [round(critical, 3) for critical in design.critical_values]
        [4.877, 3.357, 2.68, 2.29, 2.031]
    """
    require_alpha(alpha, side)
    times = check_information(information)
    two_sided = side == "two_sided"
    return GroupSequentialDesign(
        method=spending.name,
        alpha=alpha,
        side=side,
        information=times,
        critical_values=spending_bounds(
            times, spending, math.log(alpha / 2 if two_sided else alpha), two_sided=two_sided
        ),
    )


def wang_tsiatis_design(
    information: Sequence[float], *, alpha: float, delta: float, side: Side = "two_sided"
) -> GroupSequentialDesign:
    """Return the design with critical values in proportion to information^(delta - 1/2).

    `delta` 1/2 is Pocock's design, the same critical value at each look, and 0 that of O'Brien and
    Fleming.

    Args:
        information: Share of the plan at each look, all of them known beforehand.
        alpha: Error rate over all looks.
        delta: Shape, at most 1/2.
        side: Which differences are looked for.

    References:
        Wang, S. K. & Tsiatis, A. A. (1987). Approximately optimal one-parameter boundaries for
        group sequential trials. Biometrics 43(1).

    Examples:
        >>> pocock = wang_tsiatis_design(equal_looks(5), alpha=0.05, delta=0.5)
        >>> round(pocock.critical_values[-1], 3)
        2.413
        >>> obrien_fleming = wang_tsiatis_design(equal_looks(5), alpha=0.05, delta=0)
        >>> [round(critical, 3) for critical in obrien_fleming.critical_values]
        [4.562, 3.226, 2.634, 2.281, 2.04]
    """
    require_alpha(alpha, side)
    require_finite("delta", delta)
    if not -10 <= delta <= 0.5:
        raise ValueError(f"delta is {delta!r}; it must be between -10 and 0.5")
    times = check_information(information)
    return GroupSequentialDesign(
        method="wang_tsiatis",
        alpha=alpha,
        side=side,
        information=times,
        critical_values=_wang_tsiatis_bounds(times, alpha, delta, side == "two_sided"),
    )


@functools.lru_cache(maxsize=256)
def _wang_tsiatis_bounds(
    times: tuple[float, ...],
    alpha: float,
    delta: float,
    two_sided: bool,
) -> tuple[float, ...]:
    shape = [(time / times[-1]) ** (delta - 0.5) for time in times]

    def excess(constant: float) -> float:
        upper = [constant * factor for factor in shape]
        lower = [-bound for bound in upper] if two_sided else [-math.inf] * len(upper)
        chances = crossing_probabilities(times, lower=lower, upper=upper)
        return math.log(chances.total / alpha)

    tail = alpha / 2 if two_sided else alpha
    # Between one look alone and as many independent looks; a little lower, since the looks before
    # the last may add less than rounding does.
    alone = -float(special.ndtri(tail))
    highest = -float(special.ndtri(tail / len(times)))
    constant = alone
    if len(times) > 1:
        constant = find_root(excess, 0.999 * alone, highest, tolerance=1e-11)
    return tuple(constant * factor for factor in shape)


def with_futility(
    design: GroupSequentialDesign,
    *,
    power: float,
    spending: Spending = ObrienFleming(),  # noqa: B008  (frozen)
) -> GroupSequentialDesign:
    """Return a one-sided design with bounds below which a look may give up.

    The chance of giving up or failing although the effect is the one planned for is 1 - power,
    spent by a spending function of its own. The bounds are non-binding: the critical values are
    those of the design without them.

    Args:
        design: One-sided, with its last look at full information.
        power: Chance to reject at the effect planned for.
        spending: How 1 - power is spread over the information.

    References:
        Pampallona, S., Tsiatis, A. A. & Kim, K. (2001). Interim monitoring of group sequential
        trials using spending functions for the type I and type II error probabilities. Drug
        Information Journal 35(4).

    Examples:
        >>> design = spending_design(equal_looks(3), alpha=0.025, side="greater")
        >>> bounds = with_futility(design, power=0.8).futility
        >>> [round(bound, 3) for bound in bounds]
        [-0.236, 1.17, 1.993]
    """
    require_type("design", design, GroupSequentialDesign)
    if design.side == "two_sided":
        raise ValueError("design.side is 'two_sided'; it must be 'greater' or 'less' for futility")
    require_probability("power", power)
    if len(design.information) == 1:
        return dataclasses.replace(design, futility=design.critical_values)

    single = float(special.ndtri(power)) - float(special.ndtri(design.alpha))

    def bounds(drift: float) -> tuple[float, ...]:
        return futility_bounds(
            design.information,
            upper=design.critical_values,
            spending=spending,
            log_level=math.log1p(-power),
            drift=drift,
        )

    def excess(drift: float) -> float:
        return bounds(drift)[-1] - design.critical_values[-1]

    # The drift at which the last futility bound and the last critical value meet.
    drift = find_root(excess, *bracket_root(excess, single, step=0.2))
    return dataclasses.replace(design, futility=(*bounds(drift)[:-1], design.critical_values[-1]))
