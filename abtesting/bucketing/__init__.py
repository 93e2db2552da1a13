"""Pure bucketing core: hashing, allocation and the frozen experiment definition."""

from __future__ import annotations
