"""What a source of moments gives: units and moments per variant, at the end and day by day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self, cast

from abtesting.models import Experiment
from abtesting.statistics.moments import Counts, Moments, MomentsDict

UnitMoments = Counts | Moments
"""Counts of a proportion; moments of a mean (1 column) or a ratio (numerator, denominator)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentsAt:
    """Cumulative counts up to a moment.

    Attributes:
        num_units: Exposed units by variant key.
        metrics: Moments by metric key, then variant key.
    """

    num_units: Mapping[str, int]
    metrics: Mapping[str, Mapping[str, UnitMoments]]

    def as_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold without loss."""
        return {
            "num_units": dict(self.num_units),
            "metrics": {
                metric: {variant: _as_dict(moments) for variant, moments in found.items()}
                for metric, found in self.metrics.items()
            },
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what `as_dict` wrote."""
        return cls(
            num_units=data["num_units"],
            metrics={
                metric: {variant: _from_dict(moments) for variant, moments in found.items()}
                for metric, found in data["metrics"].items()
            },
        )


def _as_dict(moments: UnitMoments) -> Mapping[str, Any]:
    if isinstance(moments, Counts):
        return {"num_units": moments.num_units, "num_successes": moments.num_successes}
    return moments.as_dict()


def _from_dict(data: Mapping[str, Any]) -> UnitMoments:
    if "num_successes" in data:
        return Counts(**data)
    return Moments.from_dict(cast("MomentsDict", data))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentMoments:
    """All that an analysis needs to know of an experiment's data.

    Attributes:
        final: Everything up to `until`.
        correlations: Of each metric at `looked_at` with the same metric now; empty where that was
            not asked for. See `statistics.sequential.information`.
        days: Cumulative, by the end of each UTC day from the first exposure; empty when the days
            are not known.
        last_exposure_at: Time of the newest exposure, when known.
        last_event_at: Time of the newest event of the experiment's metrics, when known.
    """

    final: MomentsAt
    correlations: Mapping[str, float] = field(default_factory=dict)
    days: tuple[tuple[dt.date, MomentsAt], ...] = ()
    last_exposure_at: dt.datetime | None = None
    last_event_at: dt.datetime | None = None


class MomentSource(Protocol):
    """Where moments come from."""

    def read(
        self, experiment: Experiment, *, until: dt.datetime, looked_at: dt.datetime | None = None
    ) -> ExperimentMoments:
        """Moments of what happened before `until`, compared with what a look has read."""
        ...
