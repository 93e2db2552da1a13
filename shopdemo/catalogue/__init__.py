"""The demo shop's goods: ``catalogue.json`` lists them, ``loader`` reads, ``drawings`` pictures."""

from __future__ import annotations
