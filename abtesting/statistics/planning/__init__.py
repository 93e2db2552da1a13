"""Before the test: units, power, detectable effects and duration of every design."""

from __future__ import annotations
