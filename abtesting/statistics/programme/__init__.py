"""After the tests: what many of them say together, and what a winner is really worth."""

from __future__ import annotations
