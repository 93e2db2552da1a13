"""From moments to a frozen report: analysis, health, decision, charts, export."""

from __future__ import annotations
