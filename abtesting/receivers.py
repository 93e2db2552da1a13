"""Signal receivers: edits of experiments reach the definitions in memory on commit."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from abtesting.assignment import definitions
from abtesting.models import Experiment, Variant


@receiver((post_save, post_delete), sender=Experiment)
@receiver((post_save, post_delete), sender=Variant)
def refresh_definitions(sender: type, **kwargs: Any) -> None:
    """Tell all processes that definitions changed."""
    definitions.changed()
