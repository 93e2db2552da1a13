"""Skewed values: when a mean is not yet normal enough for its test.

A few very large orders make the mean of a small sample lean to one side. A little of that is borne
and warned of. Where one arm is much smaller than the other it is not, least of all at an early look
far into the tail, and the result has to wait for more units.
"""

from __future__ import annotations

import math

from abtesting.statistics.boundaries import AlwaysValid, Boundary, FixedHorizon
from abtesting.statistics.moments import Moments
from abtesting.statistics.sequential.group_sequential import GroupSequentialLook
from abtesting.statistics.types import NotEnoughData

UNITS_PER_SQUARED_SKEWNESS = 355
"""Units that a skewness of 1 asks for, growing with its square (Kohavi et al. 2014)."""

FEWEST_UNITS = 50
"""Units in each arm below which a third moment is mostly chance, and no result is withheld for it.

Such arms are read once, if at all, and the warning says enough.
"""

RATIO_INFLATION = 1.25
"""Allowance for a ratio that is more skewed than its numerator, 1.4 times for order values.

Less than that is enough: 3.9 % or fewer of always-valid tests at 5 % ever find a difference.
"""


def skewness_warnings(control: Moments, variant: Moments, *, column: int = 0) -> tuple[str, ...]:
    """Return `("skewed",)` if an arm has fewer than 355 times its squared skewness in units.

    Below that, up to 8.5 % instead of 5 % of tests of two equal variants find a difference. Where
    the skewness is not known there is no warning.

    References:
        Kohavi, R., Deng, A., Longbotham, R. & Xu, Y. (2014). Seven rules of thumb for web site
        experimenters. KDD '14, rule 7.

    Examples:
        >>> buyers = Moments.from_array([20.0, 35.0, 80.0])
        >>> arm = buyers + Moments.constant(997, [0.0])
        >>> skewness_warnings(arm, arm)
        ('skewed',)
    """
    for moments in (control, variant):
        thirds = moments.thirds
        if thirds is None:
            continue
        third, squares = thirds[column], moments.comoments[column][column]
        # n < 355 * skewness^2 with skewness = third / n / (squares / n)^1.5, without the division.
        if squares > 0 and squares < UNITS_PER_SQUARED_SKEWNESS * (third / squares) ** 2:
            return ("skewed",)
    return ()


def too_skewed(
    control: Moments,
    variant: Moments,
    *,
    boundary: Boundary,
    column: int = 0,
    inflation: float = 1.0,
) -> NotEnoughData | None:
    """Return why a boundary has to wait for more units of values as skewed as these, or `None`.

    To first order, skewness moves the tail beyond a critical value c by a factor of
    1 + kappa c (2 c^2 + 1) / 6 on one side and by as much less on the other. kappa is the skewness
    of the difference of the means. It vanishes in arms of equal size, where one arm's large orders
    weigh against the other's, and is largest when one arm is small. The factor is worked out from
    the skewness of the two arms together: a small arm alone has often not yet seen the orders that
    its skewness comes from. What is still missed by both is in the tolerances.

    They come from simulated tests of equal arms: 3 and 5 % of units with log-normal amounts (sigma
    0.8 to 1.3) or overdispersed counts, 20 equal and 60 log-spaced looks from 500 to 20,000 units
    in the smaller arm, arms of 1:1 to 19:1.

    - Always valid, 5 %: 4 % or fewer ever find a difference, against up to 26 % without the rule.
      One side has no other tail to make up for it, and gets half the tolerance, in the direction
      that skewness favours.
    - Group sequential, 5 %, up to 9:1: 6.6 % or fewer, against up to 14 %; with boundaries of
      Pocock's kind 5.5 %, against up to 28 %.
    - One look, or the last one, at 500 units in the smaller arm of 9:1: 6.8 % or fewer, against up
      to 15 %. With arms of equal size nothing is withheld, and nothing has to be.

    Arms of fewer than 50 units are never withheld.

    Conversions need no such rule: from 500 units an arm on, with 0.05 to 5 % converted and arms up
    to 9:1, 3.8 % or fewer find a difference at any of 60 looks.

    Args:
        control: Moments of the control; without third moments the answer is `None`.
        variant: Moments of the variant.
        boundary: The boundary that is about to be asked.
        column: Column of the values.
        inflation: How much more skewed what is compared may be than this column.

    References:
        Hall, P. (1992). The bootstrap and Edgeworth expansion, section 2.6 (Studentised mean).

    Examples:
        >>> from abtesting.statistics.boundaries import AlwaysValid
        >>> buyers = Moments.from_array([20.0, 35.0, 80.0, 240.0])
        >>> small = buyers + Moments.constant(496, [0.0])
        >>> large = sum([buyers] * 9, Moments.constant(4464, [0.0]))
        >>> too_skewed(large, small, boundary=AlwaysValid(0.05, 10_000)).code
        'too_skewed'
        >>> too_skewed(small, small, boundary=AlwaysValid(0.05, 10_000)) is None
        True
    """
    if control.thirds is None or variant.thirds is None or control.n == variant.n:
        return None
    if min(control.n, variant.n) < FEWEST_UNITS:
        return None
    tolerance = skewness_tolerance(boundary)
    num_units = control.n + variant.n
    square = (control.comoments[column][column] + variant.comoments[column][column]) / num_units
    if square <= 0:
        return None
    third = inflation * (control.thirds[column] + variant.thirds[column]) / num_units
    skewness = third / square / math.sqrt(square)
    kappa = skewness * (control.n - variant.n) / math.sqrt(control.n * variant.n * num_units)
    critical = boundary.critical(num_units, None)
    shift = kappa * critical * (2 * critical * critical + 1) / 6
    # A difference that leans to the right has too light a tail there: the large orders that make
    # it lean also widen its standard error.
    side = boundary.side
    adverse = abs(shift) if side == "two_sided" else -shift if side == "greater" else shift
    if adverse <= tolerance:
        return None
    factor = (adverse / tolerance) ** 2
    return NotEnoughData(
        code="too_skewed",
        detail=(
            f"the values have a skewness of {skewness:.3g} and the arms {control.n} and "
            f"{variant.n} units; {boundary.name} results of values as skewed as these need about "
            f"{factor:.2g} times as many units, or arms of equal size"
        ),
    )


def skewness_tolerance(boundary: Boundary) -> float:
    """Largest shift of the tail at which the boundary is read."""
    if isinstance(boundary, AlwaysValid):
        tolerance = 3.0
    elif isinstance(boundary, FixedHorizon) or (
        isinstance(boundary, GroupSequentialLook)
        and (boundary.is_final or boundary.information[-1] >= 1)
    ):
        tolerance = 1.5
    else:
        tolerance = 1.0
    return tolerance if boundary.side == "two_sided" else tolerance / 2
