"""Comparisons for skewed or extreme values, ranks, quantiles, and assignment by clusters."""

from __future__ import annotations
