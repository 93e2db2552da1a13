"""Frozen results, the looks that were taken, and moments whose raw data lives elsewhere."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from abtesting.models.experiment import Experiment, Variant
from abtesting.models.metric import Metric


class ResultSnapshot(models.Model):
    """One analysis, frozen: every page, export and API answer renders one of these."""

    experiment = models.ForeignKey(
        Experiment,
        on_delete=models.CASCADE,
        related_name="snapshots",
        verbose_name=_("experiment"),
    )
    payload = models.JSONField(_("payload"))
    created_at = models.DateTimeField(_("created at"))
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("created by"),
    )

    class Meta:
        verbose_name = _("result snapshot")
        verbose_name_plural = _("result snapshots")
        ordering = ("-created_at", "-pk")
        indexes = (
            models.Index(name="abtesting_snapshot_latest", fields=("experiment", "-created_at")),
        )

    def __str__(self) -> str:
        return f"{self.experiment_id} {self.created_at:%Y-%m-%d %H:%M}"


class Look(models.Model):
    """One reading of a planned test's goals: what was read then is not read again.

    Taken by a refresh once enough units are there. Until the next one the goals are shown as they
    were read at this one, so that nothing is learned in between, whatever events come later.
    """

    experiment = models.ForeignKey(
        Experiment, on_delete=models.CASCADE, related_name="looks", verbose_name=_("experiment")
    )
    number = models.PositiveSmallIntegerField(
        _("number"), help_text=_("Of the planned looks; those that nobody took are left out.")
    )
    num_units = models.PositiveBigIntegerField(_("units"))
    taken_at = models.DateTimeField(_("taken at"))
    moments = models.JSONField(
        _("moments"), help_text=_("What was read: units and moments by variant.")
    )
    correlations = models.JSONField(
        _("correlations"), default=dict, help_text=_("Of each metric with the look before.")
    )

    class Meta:
        verbose_name = _("look")
        verbose_name_plural = _("looks")
        ordering = ("number",)
        constraints = (
            models.UniqueConstraint(name="abtesting_look_once", fields=("experiment", "number")),
        )

    def __str__(self) -> str:
        return f"{self.experiment_id}/{self.number}"


class ImportedMoments(models.Model):
    """Moments of one metric in one variant of an imported experiment."""

    variant = models.ForeignKey(Variant, on_delete=models.CASCADE, related_name="imported_moments")
    metric = models.ForeignKey(Metric, on_delete=models.PROTECT, related_name="imported_moments")
    moments = models.JSONField(_("moments"), help_text=_("Moments.as_dict() or Counts.as_dict()."))

    class Meta:
        verbose_name = _("imported moments")
        verbose_name_plural = _("imported moments")
        constraints = (
            models.UniqueConstraint(
                name="abtesting_imported_moments_once", fields=("variant", "metric")
            ),
        )

    def __str__(self) -> str:
        return f"{self.variant_id}/{self.metric_id}"
