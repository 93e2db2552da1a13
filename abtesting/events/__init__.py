"""What happened: the one recorder of exposures and events, and its edges."""

from __future__ import annotations
