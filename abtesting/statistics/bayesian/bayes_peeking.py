"""How often a Bayesian rule decides, and errs, when it is read again and again.

"Ship at 95 % chance to win" sounds like an error of 5 %. Without an effect it ships or drops the
variant in four tests of ten when it is read on twenty days, and "ship when the expected loss is
small" in about as many. `any_peek_error` is the number that the Bayesian view is shown with;
`peek_outcome` says what the same rule does when there is an effect, and how soon.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from scipy import special

from abtesting.statistics.arguments import (
    is_number,
    require_finite,
    require_positive,
    require_type,
    shown,
)
from abtesting.statistics.bayesian.bayes import expected_excess
from abtesting.statistics.bayesian.priors import NormalPrior
from abtesting.statistics.roots import bracket_root, find_root
from abtesting.statistics.sequential.crossing import (
    FINEST,
    CrossingProbabilities,
    crossing_probabilities,
)

Stops = Literal["either", "variant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeekError:
    """Error rates of a Bayesian rule when there is no effect.

    Attributes:
        any_look: Probability that a look declares a winner.
        one_look: The same of the last look alone.
        variant_wins: Probability that the variant is the first to be declared.
        threshold: Chance to win at which a winner is declared, `None` if it plays no part.
        max_loss: Expected loss below which a winner is declared, `None` if it plays no part.
        num_looks: Equally spaced looks.
        stops: Whether the control may be declared as well.
        prior: Prior of the effect, `None` for a flat one.
        method: `recursive_integration`.
    """

    any_look: float
    one_look: float
    variant_wins: float
    threshold: float | None
    max_loss: float | None
    num_looks: int
    stops: Stops
    prior: NormalPrior | None
    method: str = "recursive_integration"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeekOutcome:
    """What a Bayesian rule does under an effect.

    Attributes:
        variant_wins: Probability that the variant is declared the winner.
        control_wins: The same of the control.
        undecided: Probability that no look declares either.
        expected_information: Share of the planned units used on average.
    """

    variant_wins: float
    control_wins: float
    undecided: float
    expected_information: float


def any_peek_error(
    threshold: float | None,
    num_looks: int,
    *,
    max_loss: float | None = None,
    prior: NormalPrior | None = None,
    final_standard_error: float | None = None,
    stops: Stops = "either",
) -> PeekError:
    """Return how often a Bayesian rule declares a winner at any look although nothing differs.

    Chance to win and expected loss are functions of the z statistic, so a rule is a boundary for z
    at each look and the error comes exactly, by recursive integration. Given both, both must hold.

    Args:
        threshold: Chance to win at which a winner is declared, above 0.5; `None` to look at the
            loss alone.
        num_looks: Equally spaced looks, the last one at the end.
        max_loss: Expected loss of the winner below which it is declared, on the scale of the
            effect; `None` to look at the chance alone. It alone declares one side at every look
            from which on both losses are below it.
        prior: Prior of the effect; `None` for a flat one.
        final_standard_error: Standard error of the effect at the last look, on the scale of prior
            and loss. Either of them needs it.
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
        >>> loss = any_peek_error(None, 20, max_loss=0.0025, final_standard_error=0.044)
        >>> round(loss.any_look, 3)
        0.562
    """
    bounds = _bounds(
        threshold,
        num_looks,
        max_loss=max_loss,
        prior=prior,
        final_standard_error=final_standard_error,
        stops=stops,
    )
    crossings = _crossings(bounds, num_looks, drift=0.0)
    variant_wins = math.fsum(crossings.upper)
    lower, upper = bounds[-1]
    return PeekError(
        any_look=variant_wins + math.fsum(crossings.lower),
        one_look=float(special.ndtr(-upper) + special.ndtr(lower)),
        variant_wins=variant_wins,
        threshold=threshold,
        max_loss=max_loss,
        num_looks=num_looks,
        stops=stops,
        prior=prior,
    )


def peek_outcome(
    threshold: float | None,
    num_looks: int,
    *,
    effect: float,
    final_standard_error: float,
    max_loss: float | None = None,
    prior: NormalPrior | None = None,
    stops: Stops = "either",
) -> PeekOutcome:
    """Return how often, and how soon, a Bayesian rule decides under an effect.

    Args:
        threshold: Chance to win at which a winner is declared, or `None`.
        num_looks: Equally spaced looks; 1 for a rule that is read at the end only.
        effect: The true effect, above 0 if the variant is better.
        final_standard_error: Standard error of the effect at the last look.
        max_loss: Expected loss of the winner below which it is declared, or `None`.
        prior: Prior that the rule works with; `None` for a flat one.
        stops: `either`, or `variant` if only the variant is ever declared the winner.

    Examples:
        >>> outcome = peek_outcome(0.95, 10, effect=0.02, final_standard_error=0.01)
        >>> round(outcome.variant_wins, 3), round(outcome.expected_information, 2)
        (0.757, 0.54)
    """
    require_finite("effect", effect)
    require_positive("final_standard_error", final_standard_error)
    bounds = _bounds(
        threshold,
        num_looks,
        max_loss=max_loss,
        prior=prior,
        final_standard_error=final_standard_error,
        stops=stops,
    )
    crossings = _crossings(bounds, num_looks, drift=effect / final_standard_error)
    decided = crossings.per_look
    undecided = max(1 - math.fsum(decided), 0.0)
    looks = range(1, num_looks + 1)
    used = math.fsum(look * chance for look, chance in zip(looks, decided, strict=False))
    return PeekOutcome(
        variant_wins=math.fsum(crossings.upper),
        control_wins=math.fsum(crossings.lower),
        undecided=undecided,
        expected_information=used / num_looks + undecided,
    )


def rule_bound(
    threshold: float | None, *, max_loss: float | None, posterior_sd: float | None
) -> float:
    """Return how many posterior deviations above 0 the posterior mean of a winner has to be.

    Args:
        threshold: Chance to win, or `None`.
        max_loss: Expected loss of the winner, or `None`.
        posterior_sd: Posterior standard deviation, needed for a loss.

    Examples:
        >>> round(rule_bound(0.95, max_loss=None, posterior_sd=None), 3)
        1.645
        >>> round(rule_bound(None, max_loss=0.001, posterior_sd=0.01), 3)
        0.902
    """
    bounds = []
    if threshold is not None:
        bounds.append(float(special.ndtri(threshold)))
    if max_loss is not None:
        assert posterior_sd is not None
        target = math.log(max_loss / posterior_sd)

        def shortfall(u: float) -> float:
            return target - math.log(expected_excess(-u, 1.0))

        low, high = bracket_root(shortfall, 0.0, step=1.0)
        bounds.append(find_root(shortfall, low, high))
    return max(bounds)


def require_rule(
    threshold: float | None,
    *,
    max_loss: float | None,
    prior: NormalPrior | None,
    standard_error: float | None,
) -> None:
    """Raise `ValueError` unless the numbers of a Bayesian rule are in range."""
    if threshold is None and max_loss is None:
        raise ValueError("threshold and max_loss are both None; a rule needs at least one of them")
    if threshold is not None and not (is_number(threshold) and 0.5 < threshold < 1):
        raise ValueError(
            f"threshold is {shown(threshold)}; it must be between 0.5 and 1, both excluded"
        )
    if max_loss is not None:
        require_positive("max_loss", max_loss)
    if prior is not None:
        require_type("prior", prior, NormalPrior)
    if standard_error is not None:
        require_positive("final_standard_error", standard_error)
    elif prior is not None or max_loss is not None:
        raise ValueError("final_standard_error is None; a prior or a loss needs it")


def _bounds(
    threshold: float | None,
    num_looks: int,
    *,
    max_loss: float | None,
    prior: NormalPrior | None,
    final_standard_error: float | None,
    stops: Stops,
) -> list[tuple[float, float]]:
    """Return the z statistics below and above which each look decides.

    They end with the first look that decides whatever z is.
    """
    require_rule(threshold, max_loss=max_loss, prior=prior, standard_error=final_standard_error)
    if stops not in get_args(Stops):
        raise ValueError(f"stops is {stops!r}; it must be one of {', '.join(get_args(Stops))}")
    if num_looks not in range(1, FINEST + 1):
        raise ValueError(
            f"num_looks is {shown(num_looks)}; it must be a whole number from 1 to {FINEST}"
        )
    bounds = []
    for look in range(1, num_looks + 1):
        error, width, shift = None, 1.0, 0.0
        if final_standard_error is not None:
            error = final_standard_error * math.sqrt(num_looks / look)
        if prior is not None and error is not None:
            # Posterior mean over its deviation is (z + s m / t^2) / sqrt(1 + s^2 / t^2), with s the
            # standard error at this look and N(m, t^2) the prior.
            ratio = error / prior.sd
            width, shift = math.hypot(1, ratio), ratio * prior.mean / prior.sd
        posterior_sd = None if error is None else error / width
        bound = rule_bound(threshold, max_loss=max_loss, posterior_sd=posterior_sd)
        if stops == "variant":
            bounds.append((-math.inf, bound * width - shift))
            continue
        # Where both losses are small enough, the side with the better posterior is taken.
        bound = max(bound, 0.0)
        bounds.append((-bound * width - shift, bound * width - shift))
        if bound == 0:
            break
    return bounds


def _crossings(
    bounds: list[tuple[float, float]], num_looks: int, *, drift: float
) -> CrossingProbabilities:
    return crossing_probabilities(
        [look / num_looks for look in range(1, len(bounds) + 1)],
        lower=[lower for lower, _ in bounds],
        upper=[upper for _, upper in bounds],
        drift=drift,
    )
