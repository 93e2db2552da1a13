"""Effects that change with time, and experiments that switch everybody at once."""

from __future__ import annotations
