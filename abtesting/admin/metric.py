"""Metrics in the admin."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from abtesting.admin.permissions import ByRole
from abtesting.models import Metric


@admin.register(Metric)
class MetricAdmin(ByRole, admin.ModelAdmin):
    """Define how behaviour becomes a number per unit."""

    list_display = ("name", "key", "kind", "event", "denominator_event", "direction")
    list_filter = ("kind",)
    search_fields = ("key", "name", "event")
    prepopulated_fields = {"key": ("name",)}
    fieldsets = (
        (None, {"fields": ("name", "key", "description", "kind", "direction")}),
        (_("What is counted"), {"fields": ("event", "aggregation", "window_hours")}),
        (
            _("Denominator, for a ratio"),
            {"fields": ("denominator_event", "denominator_aggregation")},
        ),
        (_("How it is written"), {"fields": ("format", "unit_label")}),
    )
