"""The Bayesian view: how likely a variant is better, and what it costs if it is not.

It is computed for every comparison and leads the page of a test with the Bayesian rule. There it
does not decide alone: read often enough, a chance to win calls equal variants different far more
often than it seems to, and how often is printed beside it.
"""

from __future__ import annotations

from collections.abc import Iterable

from abtesting.models import Metric
from abtesting.results.decision import SURE_CHANCE
from abtesting.results.report import Bayesian, MetricReport, ends
from abtesting.statistics.bayesian.bayes import bayesian_difference
from abtesting.statistics.bayesian.bayes_peeking import any_peek_error
from abtesting.statistics.bayesian.priors import NormalPrior
from abtesting.statistics.sequential.crossing import MAX_LOOKS
from abtesting.statistics.types import Effect, NotEnoughData


def bayesian(effect: Effect, direction: str, *, prior_sd: float) -> Bayesian | None:
    """The Bayesian view of an effect; None where the control has no value to compare with.

    Args:
        effect: What was observed.
        direction: Which way is good.
        prior_sd: Standard deviation of lifts beforehand, around none.
    """
    prior = NormalPrior(0.0, prior_sd)
    posterior = bayesian_difference(
        effect, prior=prior, higher_is_better=direction == Metric.Direction.INCREASE
    )
    if isinstance(posterior, NotEnoughData):
        return None
    size = abs(effect.control_value)
    interval = posterior.interval
    return Bayesian(
        chance_to_win=posterior.chance_to_win,
        expected_loss=posterior.loss_of_variant / size,
        lift=posterior.estimate / size,
        lift_interval=ends(interval.lower / size, interval.upper / size),
        level=posterior.level,
        prior_mean=prior.mean,
        prior_sd=prior.sd,
    )


def peek_error(metrics: Iterable[MetricReport], *, num_days: int, prior_sd: float) -> float | None:
    """How often the chance to win alone would err in a test that is looked at every day so far.

    Of the first goal comparison with a result; None without one.
    """
    for metric in metrics:
        for found in metric.comparisons:
            value, error = metric.control.value, found.standard_error
            if metric.role == "goal" and value and error:
                return any_peek_error(
                    SURE_CHANCE,
                    min(max(num_days, 1), MAX_LOOKS),
                    prior=NormalPrior(0.0, prior_sd),
                    final_standard_error=error / abs(value),
                ).any_look
    return None
