"""What a source of moments gives: units and moments per variant, at the end and day by day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from abtesting.models import Experiment
from abtesting.statistics.moments import Counts, Moments

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentMoments:
    """All that an analysis needs to know of an experiment's data.

    Attributes:
        final: Everything up to `until`.
        days: Cumulative, by the end of each UTC day from the first exposure; empty when the days
            are not known.
        last_exposure_at: Time of the newest exposure, when known.
        last_event_at: Time of the newest event of the experiment's metrics, when known.
    """

    final: MomentsAt
    days: tuple[tuple[dt.date, MomentsAt], ...] = ()
    last_exposure_at: dt.datetime | None = None
    last_event_at: dt.datetime | None = None


class MomentSource(Protocol):
    """Where moments come from."""

    def read(self, experiment: Experiment, *, until: dt.datetime) -> ExperimentMoments:
        """Moments of what happened before `until`."""
        ...
