"""Bandits: shares of the traffic, and inference from the data that they leave."""

from __future__ import annotations
