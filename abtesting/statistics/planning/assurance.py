"""Planning with a prior: how likely an experiment is to end with a decision, whatever is true.

Power is the chance to find one effect that is supposed. Its mean over what effects are like, by a
prior, is called assurance: the chance that the experiment as planned will ship something. It has a
limit that no number of units exceeds: the chance that the variant is better at all or, where only
a loss is limited, that it is worse by less than that.

The decision is either that of a test with one look or the Bayesian rule of `bayes_peeking`; for a
rule that is read on the way, `peek_outcome` gives the chances under each effect.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from scipy import special

from abtesting.statistics.arguments import require_positive, require_probability, require_type
from abtesting.statistics.bayesian.bayes_peeking import require_rule, rule_bound
from abtesting.statistics.bayesian.priors import NormalPrior
from abtesting.statistics.planning.power import LARGEST, Design, require_units
from abtesting.statistics.roots import find_root


@dataclass(frozen=True, slots=True, kw_only=True)
class AssurancePlan:
    """The size of an experiment whose effect is drawn from a prior.

    Attributes:
        exact_num_units: Units of each arm, the control first, before rounding up.
        assurance: Chance that the variant is shipped.
        limit: The same with endless units: the chance that the variant is better; with `max_loss`
            alone the chance that it is worse by less than that, if at all.
        right: Chance that it is shipped and better. The rest of the assurance is shipped in error.
        power: Chance that it is shipped if the effect is the mean of the prior.
        prior: What effects are like.
        method: `significance` or `bayesian_rule`.
    """

    exact_num_units: tuple[float, ...]
    assurance: float
    limit: float
    right: float
    power: float
    prior: NormalPrior
    method: str

    @property
    def num_units(self) -> tuple[int, ...]:
        """Units of each arm, the control first."""
        return tuple(math.ceil(number * (1 - 1e-12)) for number in self.exact_num_units)

    @property
    def total_num_units(self) -> int:
        """Units of all arms."""
        return sum(self.num_units)


def plan_assurance(
    prior: NormalPrior,
    *,
    variance: float,
    num_units: float | None = None,
    assurance: float | None = None,
    threshold: float | None = None,
    max_loss: float | None = None,
    analysis_prior: NormalPrior | None = None,
    design: Design | None = None,
) -> AssurancePlan:
    """Plan for the chance that the variant is shipped: give number of units or assurance.

    Without `threshold` and `max_loss` the variant is shipped when it is significantly better, at
    the level of the design. With `max_loss` alone it is also shipped when it is surely worse, by
    less than that.

    Args:
        prior: What effects are like, on the scale of the metric: a prior of lifts times the size of
            the control value. `priors.fit_normal_prior` finds it in past tests.
        variance: Variance of the units of each arm; p (1 - p) for a rate p.
        num_units: Units of all arms together.
        assurance: Chance that the variant is shipped, below its limit.
        threshold: Chance to win at which it is shipped, above 0.5.
        max_loss: Expected loss, on the scale of the metric, below which it is shipped.
        analysis_prior: Prior that the Bayesian rule works with; `None` for a flat one. It may be
            more sceptical than the one planned with.
        design: Level, shares and corrections; without it two equal arms at 5 %.

    Raises:
        ValueError: If not exactly one of the two is given, one is out of range, or no number of
            units gives the assurance.

    References:
        O'Hagan, A., Stevens, J. W. & Campbell, M. J. (2005). Assurance in clinical trial design.
        Pharmaceutical Statistics 4(3).

    Examples:
        >>> effects = NormalPrior(0.002, 0.004)
        >>> plan = plan_assurance(effects, variance=0.0475, num_units=60_000)
        >>> round(plan.assurance, 3), round(plan.power, 3), round(plan.limit, 3)
        (0.367, 0.202, 0.691)
        >>> plan_assurance(effects, variance=0.0475, assurance=0.6).total_num_units
        761924
    """
    design = Design() if design is None else design
    require_type("prior", prior, NormalPrior)
    require_type("design", design, Design)
    require_positive("variance", variance)
    if (num_units is None) == (assurance is None):
        raise ValueError(
            f"num_units is {num_units!r} and assurance {assurance!r}; exactly one of them must be "
            "given"
        )
    by_rule = threshold is not None or max_loss is not None
    if analysis_prior is not None:
        require_type("analysis_prior", analysis_prior, NormalPrior)
    if by_rule:
        require_rule(threshold, max_loss=max_loss, prior=analysis_prior, standard_error=1.0)
    elif analysis_prior is not None:
        raise ValueError(
            f"analysis_prior is {analysis_prior!r} without threshold and max_loss; significance "
            "has no prior"
        )
    share_c, share_t = design.smallest_pair
    per_unit = variance * design.variance_factor * (1 / share_c + 1 / share_t)
    critical = -float(special.ndtri(design.tail()))

    def ends(total: float) -> tuple[float, float]:
        """Return the standard error, and the estimate from which on the variant is shipped."""
        error = math.sqrt(per_unit / total)
        if not by_rule:
            return error, critical * error
        width, shift = 1.0, 0.0
        if analysis_prior is not None:
            ratio = error / analysis_prior.sd
            width, shift = math.hypot(1, ratio), ratio * analysis_prior.mean / analysis_prior.sd
        bound = rule_bound(threshold, max_loss=max_loss, posterior_sd=error / width)
        return error, (bound * width - shift) * error

    def assurance_of(total: float) -> float:
        error, least = ends(total)
        return float(special.ndtr((prior.mean - least) / math.hypot(prior.sd, error)))

    # What is known to be lost is weighed against the loss alone; a threshold asks for a gain.
    allowed = max_loss if max_loss is not None and threshold is None else 0.0
    limit = float(special.ndtr((prior.mean + allowed) / prior.sd))
    if num_units is not None:
        require_units(num_units, least_units=design.least_units)
        total = num_units
    else:
        assert assurance is not None
        require_probability("assurance", assurance)
        total = _units_with(assurance_of, assurance, limit=limit, allowed=allowed)
        total = max(total, design.least_units)
    error, least = ends(total)
    return AssurancePlan(
        exact_num_units=tuple(share * total for share in design.shares),
        assurance=assurance_of(total),
        limit=limit,
        right=_both_above(prior, error=error, least=least),
        power=float(special.ndtr((prior.mean - least) / error)),
        prior=prior,
        method="bayesian_rule" if by_rule else "significance",
    )


def _units_with(
    assurance_of: Callable[[float], float], assurance: float, *, limit: float, allowed: float
) -> float:
    """Return the fewest units from which on the assurance is never below the one asked for."""
    if assurance >= limit:
        wanted = f"worse by less than {allowed!r}, if at all" if allowed else "better"
        raise ValueError(
            f"assurance is {assurance!r}; it must be below {limit:.4g}, the chance that the "
            f"variant is {wanted}, which no number of units exceeds"
        )
    log_low = log_high = math.log(LARGEST)
    if assurance_of(LARGEST) < assurance:
        raise ValueError(f"assurance is {assurance!r}; no number of units gives it")
    while assurance_of(math.exp(log_low)) >= assurance:
        log_high = log_low
        log_low -= 0.5
        if log_low < -math.log(LARGEST):
            raise ValueError(f"assurance is {assurance!r}; the rule has as much without any unit")
    return math.exp(
        find_root(
            lambda log_total: assurance_of(math.exp(log_total)) - assurance,
            log_low,
            log_high,
            tolerance=1e-14,
        )
    )


def _both_above(prior: NormalPrior, *, error: float, least: float) -> float:
    """Return the chance of an effect above 0 whose estimate is above `least`.

    References:
        Owen, D. B. (1956). Tables for computing bivariate normal probabilities. Annals of
        Mathematical Statistics 27(4), equation 2.1.
    """
    total = math.hypot(prior.sd, error)
    h, k, correlation = prior.mean / prior.sd, (prior.mean - least) / total, prior.sd / total
    if h == 0 and k == 0:
        return 0.25 + math.asin(correlation) / (2 * math.pi)
    rest = error / total

    def part(own: float, other: float) -> float:
        slope = other - correlation * own
        at = math.copysign(math.inf, slope) if own == 0 else slope / (own * rest)
        return float(special.ndtr(own)) / 2 - float(special.owens_t(own, at))

    same_sign = h * k > 0 or (h * k == 0 and h + k >= 0)
    return max(part(h, k) + part(k, h) - (0.0 if same_sign else 0.5), 0.0)
