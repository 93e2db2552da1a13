"""Tests that are read more than once: group sequential, always valid, and after a stop."""

from __future__ import annotations
