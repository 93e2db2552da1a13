"""REST endpoints. Thin."""

from __future__ import annotations
