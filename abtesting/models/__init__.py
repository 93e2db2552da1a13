"""Tables, constraints and querysets. No business flows live here."""

from __future__ import annotations

from abtesting.models.event import Event, Exposure
from abtesting.models.experiment import AuditEntry, Experiment, Variant
from abtesting.models.metric import ExperimentMetric, Metric
from abtesting.models.result import ImportedMoments, Look, ResultSnapshot
from abtesting.models.simulation import SimulationRun

__all__ = [
    "AuditEntry",
    "Event",
    "Experiment",
    "ExperimentMetric",
    "Exposure",
    "ImportedMoments",
    "Look",
    "Metric",
    "ResultSnapshot",
    "SimulationRun",
    "Variant",
]
