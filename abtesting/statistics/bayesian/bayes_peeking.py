"""How often a chance to win errs when it is read again and again.

"Ship at 95 % chance to win" sounds like an error of 5 %. Without an effect it ships or drops the
variant in four tests of ten when it is read on twenty days. This is the number that the Bayesian
view is shown with.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from scipy import special

from abtesting.statistics.bayesian.priors import NormalPrior
from abtesting.statistics.sequential.crossing import crossing_probabilities

Stops = Literal["either", "variant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeekError:
    """Error rates of a threshold on the chance to win when there is no effect.

    Attributes:
        any_look: Probability that a look declares a winner.
        one_look: The same of the last look alone.
        variant_wins: Probability that the variant is the first to be declared.
        threshold: Chance to win at which a winner is declared.
        num_looks: Equally spaced looks.
        stops: Whether the control may be declared as well.
        prior: Prior of the effect, `None` for a flat one.
        method: `recursive_integration`.
    """

    any_look: float
    one_look: float
    variant_wins: float
    threshold: float
    num_looks: int
    stops: Stops
    prior: NormalPrior | None
    method: str = "recursive_integration"


def any_peek_error(
    threshold: float,
    num_looks: int,
    *,
    prior: NormalPrior | None = None,
    final_standard_error: float | None = None,
    stops: Stops = "either",
) -> PeekError:
    """Return how often a chance to win passes a threshold at any look although nothing differs.

    The chance to win is a function of the z statistic, so a threshold is a boundary for z at each
    look and the error comes exactly, by recursive integration.

    Args:
        threshold: Chance to win at which a winner is declared, above 0.5.
        num_looks: Equally spaced looks, the last one at the end.
        prior: Prior of the effect; `None` for a flat one.
        final_standard_error: Standard error of the effect at the last look, on the scale of the
            prior. A prior needs it.
        stops: `either`, or `variant` if only the variant is ever declared the winner.

    References:
        Armitage, P., McPherson, C. K. & Rowe, B. C. (1969). Repeated significance tests on
        accumulating data. Journal of the Royal Statistical Society A 132(2).

    Examples:
        >>> flat = any_peek_error(0.95, 20)
        >>> round(flat.any_look, 3), round(flat.one_look, 3)
        (0.423, 0.1)
        >>> sceptical = any_peek_error(
        ...     0.95, 20, prior=NormalPrior(0, 0.02), final_standard_error=0.02
        ... )
        >>> round(sceptical.any_look, 3)
        0.038
    """
    if not 0.5 < threshold < 1:
        raise ValueError(f"threshold is {threshold!r}; it must be between 0.5 and 1, both excluded")
    if stops not in get_args(Stops):
        raise ValueError(f"stops is {stops!r}; it must be one of {', '.join(get_args(Stops))}")
    if num_looks < 1:
        raise ValueError(f"num_looks is {num_looks!r}; it must be at least 1")
    if prior is not None and not (
        final_standard_error is not None and 0 < final_standard_error < math.inf
    ):
        raise ValueError(
            f"final_standard_error is {final_standard_error!r}; a prior needs one that is finite "
            "and above 0"
        )
    information = [look / num_looks for look in range(1, num_looks + 1)]
    quantile = float(special.ndtri(threshold))
    upper, lower = [], []
    for share in information:
        width, shift = 1.0, 0.0
        if prior is not None and final_standard_error is not None:
            # Posterior mean over its deviation is (z + s m / t^2) / sqrt(1 + s^2 / t^2), with s the
            # standard error at this look and N(m, t^2) the prior.
            ratio = final_standard_error / math.sqrt(share) / prior.sd
            width, shift = math.hypot(1, ratio), ratio * prior.mean / prior.sd
        upper.append(quantile * width - shift)
        lower.append(-quantile * width - shift if stops == "either" else -math.inf)
    crossings = crossing_probabilities(information, lower=lower, upper=upper)
    variant_wins = math.fsum(crossings.upper)
    return PeekError(
        any_look=variant_wins + math.fsum(crossings.lower),
        one_look=float(special.ndtr(-upper[-1]) + special.ndtr(lower[-1])),
        variant_wins=variant_wins,
        threshold=threshold,
        num_looks=num_looks,
        stops=stops,
        prior=prior,
    )
