"""Simulations that were asked for, and what came out of them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from abtesting.models.experiment import Experiment
from abtesting.models.metric import Metric


class SimulationRun(models.Model):
    """One simulation of an experiment, or of a metric without one. Append-only.

    A worker writes down how far it is; once it is done or has failed, the row stays as it is.
    """

    class State(models.TextChoices):
        """queued → running → done | failed."""

        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    experiment = models.ForeignKey(
        Experiment,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="simulation_runs",
        verbose_name=_("experiment"),
    )
    metric = models.ForeignKey(
        Metric,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="simulation_runs",
        verbose_name=_("metric"),
        help_text=_("Of a simulation without an experiment."),
    )
    state = models.CharField(_("state"), max_length=16, choices=State.choices, default=State.QUEUED)
    options = models.JSONField(_("options"), default=dict)
    progress = models.FloatField(_("progress"), default=0.0)
    payload = models.JSONField(_("payload"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True)
    seconds = models.FloatField(_("seconds"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("created by"),
    )

    class Meta:
        verbose_name = _("simulation")
        verbose_name_plural = _("simulations")
        ordering = ("-created_at", "-pk")
        indexes = (
            models.Index(name="abtesting_simulation_latest", fields=("experiment", "-created_at")),
        )
        constraints = (
            models.CheckConstraint(
                name="abtesting_simulation_of_one",
                condition=models.Q(experiment__isnull=False, metric__isnull=True)
                | models.Q(experiment__isnull=True, metric__isnull=False),
            ),
            models.CheckConstraint(
                name="abtesting_simulation_has_payload",
                condition=~models.Q(state="done") | models.Q(payload__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.experiment_id or self.metric_id} {self.created_at:%Y-%m-%d %H:%M}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert; a row is changed by `results.simulation_runs` only, and only until it is over."""
        if not self._state.adding:
            raise TypeError("A simulation cannot be changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refused: a simulation goes only with its experiment or metric."""
        raise TypeError("A simulation cannot be deleted.")

    @property
    def is_over(self) -> bool:
        """Whether nothing changes any more."""
        return self.state in (self.State.DONE, self.State.FAILED)
