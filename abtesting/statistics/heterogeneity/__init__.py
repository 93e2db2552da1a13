"""For whom an effect is larger, and whether that is real."""

from __future__ import annotations
