"""Django admin: experiments, metrics and the results page. Thin."""

from __future__ import annotations

from abtesting.admin.experiment import ExperimentAdmin
from abtesting.admin.metric import MetricAdmin

__all__ = ["ExperimentAdmin", "MetricAdmin"]
