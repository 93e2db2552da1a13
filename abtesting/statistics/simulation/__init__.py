"""Simulated experiments, for calibration and for replays of a shop's own traffic."""

from __future__ import annotations
