"""Replayed shoppers: a behaviour model that walks through the real pages of the shop."""

from __future__ import annotations
