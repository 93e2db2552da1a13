"""Many comparisons together: adjusted p-values, simultaneous intervals, roles of metrics."""

from __future__ import annotations
