"""What a simulation found: frozen values, stored as the payload of a `SimulationRun`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from abtesting.statistics.moments import Counts
from abtesting.statistics.rates.proportion_intervals import RateInterval, rate_interval

SCHEMA_VERSION = 2
MONTE_CARLO_ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share of the simulated runs, and the interval that their number leaves it."""

    value: float
    lower: float
    upper: float
    num_runs: int

    @classmethod
    def of(cls, count: int, num_runs: int) -> Share:
        """The share with its Wilson interval of 95 %.

        >>> share = Share.of(92, 2000)
        >>> share.value, round(share.lower, 4), round(share.upper, 4)
        (0.046, 0.0377, 0.0561)
        """
        counts = Counts(num_units=num_runs, num_successes=count)
        found = rate_interval(counts, alpha=MONTE_CARLO_ALPHA)
        assert isinstance(found, RateInterval)
        lower, upper = found.interval.lower, found.interval.upper
        return cls(value=count / num_runs, lower=lower, upper=upper, num_runs=num_runs)


def assessment(share: Mapping[str, float], alpha: float) -> str:
    """What the runs say about a share of false alarms that may be `alpha` at most.

    "holds" where even the upper end of the interval is allowed, "exceeds" where not even the lower
    end is, and "consistent" where the interval has `alpha` in it: too few runs to tell the two
    apart.

    >>> [assessment(asdict(Share.of(count, 2000)), 0.05) for count in (60, 98, 130)]
    ['holds', 'consistent', 'exceeds']
    """
    if share["lower"] > alpha:
        return "exceeds"
    return "holds" if share["upper"] <= alpha else "consistent"


def errs_too_often(way: Mapping[str, Any], alpha: float) -> bool:
    """Whether an `Allocator` has so many false alarms that what it finds says little."""
    return assessment(way["false_alarms"], alpha) == "exceeds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable:
    """Why a part was not simulated.

    Attributes:
        code: too_little_traffic, no_variation, not_for_ratios or rate_too_high.
        detail: The same in English.
        num_units: Units that there are.
        needed: Units that it takes.
    """

    code: str
    detail: str
    num_units: int | None = None
    needed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What the units were made of.

    Attributes:
        source: own, the units of past experiments; or synthetic, drawn from a distribution.
        experiments: Keys of the experiments whose units were read.
        num_units: How many there were.
        num_days: In how many days.
        distribution: Of synthetic traffic: conversions, revenue, event_counts or resampled.
        value: Mean per unit of the metric that power and bandit are about; a ratio's value.
        baseline: Conversion rate that was assumed instead of the observed one.
    """

    source: str
    experiments: tuple[str, ...]
    num_units: int
    num_days: int
    distribution: str | None
    value: float | None
    baseline: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseAlarms:
    """A/A: how often equal variants were called different.

    Attributes:
        num_units: Units of each replay.
        num_looks: Looks of the rule.
        num_peeks: Looks of who looks at p-values.
        is_daily: Whether those came at the end of each day of the traffic.
        alpha: What the rule may err.
        rule: Share of replays with a false alarm under the rule.
        peeking: The same of who stops at the first p < alpha.
        rule_by_units: (units, share so far) at each look.
        peeking_by_units: The same of the other.
    """

    num_units: int
    num_looks: int
    num_peeks: int
    is_daily: bool
    alpha: float
    rule: Share
    peeking: Share
    rule_by_units: tuple[tuple[int, float], ...]
    peeking_by_units: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerPoint:
    """What happens with a true lift.

    Attributes:
        lift: The true lift; negative where less is better.
        found: Share of runs in which the variant wins.
        lost: Share in which it is called worse.
        sample_used: Mean share of the sample until the test is over.
    """

    lift: float
    found: Share
    lost: float
    sample_used: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantPower:
    """How often a lift of one variant is found; the same for all variants of that weight.

    Attributes:
        variants: Keys of the variants.
        points: From no lift on, in the good direction.
        smallest_lift: The lift that is found in 80 % of runs; None if no point is.
    """

    variants: tuple[str, ...]
    points: tuple[PowerPoint, ...]
    smallest_lift: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerCurve:
    """How often a lift is found.

    Attributes:
        metric: Key of the metric.
        num_units: Units of the whole test, if nothing ends it earlier.
        num_looks: Looks of the rule.
        curves: One a weight, with the same lifts.
        minimum_lift: The smallest lift of interest, if the experiment names one.
    """

    metric: str
    num_units: int
    num_looks: int
    curves: tuple[VariantPower, ...]
    minimum_lift: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocator:
    """How a way to split the traffic fares.

    Attributes:
        regret: Mean loss against giving everybody the best variant all along.
        regret_by_units: (units, mean loss so far) at the end of each batch.
        best_share: Mean share of the units that got the best variant.
        best_picked: Share of runs that end with the best variant ahead.
        found: Share of runs whose test tells the best variant from the control.
        false_alarms: Share of runs whose test calls equal variants different.
    """

    regret: float
    regret_by_units: tuple[tuple[int, float], ...]
    best_share: float
    best_picked: Share
    found: Share
    false_alarms: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class BanditRegret:
    """A bandit beside the planned split, on the same configuration.

    Attributes:
        metric: Key of the metric.
        variant: Key of the variant that is better.
        lift: How much better it is.
        num_units: Units of each run.
        num_batches: Batches after which the bandit renews its shares.
        floor: Smallest share of a variant.
        bandit: Thompson sampling.
        split: The planned shares.
    """

    metric: str
    variant: str
    lift: float
    num_units: int
    num_batches: int
    floor: float
    bandit: Allocator
    split: Allocator


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationReport:
    """One simulation.

    Attributes:
        experiment: Key; None for a metric without any experiment.
        metrics: (key, name, kind, direction, format, unit label) of the goals, as dicts.
        aa: Part "aa", if it was asked for.
        power: Part "power".
        bandit: Part "bandit".
    """

    experiment: str | None
    rule: str
    unit: str
    alpha: float
    num_comparisons: int
    planned_num_units: int | None
    variants: tuple[tuple[str, str, float], ...]
    metrics: tuple[dict[str, str], ...]
    num_runs: int
    seed: int
    traffic: Traffic
    engine_version: str
    aa: FalseAlarms | Unavailable | None = None
    power: PowerCurve | Unavailable | None = None
    bandit: BanditRegret | Unavailable | None = None

    def as_payload(self) -> dict[str, Any]:
        """As JSON-able data; a part that was not simulated has a `reason`."""
        payload = asdict(self)
        for name in ("aa", "power", "bandit"):
            if isinstance(getattr(self, name), Unavailable):
                payload[name] = {"reason": payload[name]}
        return {"schema_version": SCHEMA_VERSION, **payload}


def upgraded(payload: Mapping[str, Any]) -> dict[str, Any]:
    """A payload of any schema so far as one of today's."""
    power = payload["power"]
    if power and "points" in power:  # schema 1: of the first variant
        first = {name: power[name] for name in ("points", "smallest_lift")}
        power = {**power, "curves": [{"variants": [power["variant"]], **first}]}
    return {**payload, "power": power, "traffic": {"baseline": None, **payload["traffic"]}}
