"""The app's configuration: names it and registers its system checks and receivers."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AbtestingConfig(AppConfig):
    """`abtesting` in INSTALLED_APPS."""

    name = "abtesting"
    label = "abtesting"
    verbose_name = _("A/B testing")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register system checks and signal receivers; touches no database and no network."""
        from abtesting import checks, receivers  # noqa: F401, PLC0415  (registration on import)
