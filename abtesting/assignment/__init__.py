"""Who sees what: units, definitions kept in memory, and the assigner."""

from __future__ import annotations
