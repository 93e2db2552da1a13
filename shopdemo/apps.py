"""App configuration of the demo shop."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ShopdemoConfig(AppConfig):
    """The demo shop."""

    name = "shopdemo"
    verbose_name = _("Shop")

    def ready(self) -> None:
        from shopdemo import experiments  # noqa: F401, PLC0415 (registers its receivers)
