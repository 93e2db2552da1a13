"""Variance reduction: what was known of the units before makes the estimate sharper."""

from __future__ import annotations
