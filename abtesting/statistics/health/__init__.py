"""Checks that outrank the numbers: traffic split, multiple exposure, balance before the test."""

from __future__ import annotations
