"""Conversion rates beyond the default comparison: exact tests, and tests and intervals by name."""

from __future__ import annotations
