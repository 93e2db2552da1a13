"""From events to moments: per-unit totals of exposed units, after exposure."""

from __future__ import annotations
