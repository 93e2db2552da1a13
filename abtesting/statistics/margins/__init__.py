"""Non-inferiority and equivalence: comparisons against a margin instead of zero."""

from __future__ import annotations
