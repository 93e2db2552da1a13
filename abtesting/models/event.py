"""What happened: exposures, once per experiment and unit, and events, once per idempotency key."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from abtesting.models.experiment import Experiment, Variant

EVENT_NAME_VALIDATOR = RegexValidator(
    r"\A[A-Za-z0-9$][A-Za-z0-9_.:$ -]{0,79}\Z",
    _("An event's name has 1 to 80 letters, digits, spaces or _ . : $ -"),
)


class Exposure(models.Model):
    """The first time a unit was shown, or used, its variant."""

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="exposures")
    variant = models.ForeignKey(Variant, on_delete=models.CASCADE, related_name="exposures")
    unit = models.CharField(_("unit"), max_length=64)
    propensity = models.FloatField(
        _("propensity"), help_text=_("Probability with which this unit got this variant.")
    )
    exposed_at = models.DateTimeField(_("exposed at"))

    class Meta:
        verbose_name = _("exposure")
        verbose_name_plural = _("exposures")
        constraints = (
            models.UniqueConstraint(name="abtesting_exposure_once", fields=("experiment", "unit")),
        )
        indexes = (
            models.Index(name="abtesting_exposure_time", fields=("experiment", "exposed_at")),
        )

    def __str__(self) -> str:
        return f"{self.experiment_id}/{self.variant_id}"


class Event(models.Model):
    """Something a unit did. It never names a variant: that follows from the exposure."""

    name = models.CharField(_("name"), max_length=80, validators=[EVENT_NAME_VALIDATOR])
    visitor = models.CharField(_("visitor"), max_length=64, blank=True)
    user = models.CharField(_("user"), max_length=64, blank=True)
    value = models.DecimalField(_("value"), max_digits=18, decimal_places=6, null=True, blank=True)
    idempotency_key = models.CharField(
        _("idempotency key"),
        max_length=255,
        unique=True,
        help_text=_("The same key is one event, for ever."),
    )
    properties = models.JSONField(_("properties"), default=dict, blank=True)
    occurred_at = models.DateTimeField(_("occurred at"))
    received_at = models.DateTimeField(_("received at"))

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        constraints = (
            models.CheckConstraint(
                name="abtesting_event_has_unit",
                condition=~models.Q(visitor="") | ~models.Q(user=""),
            ),
        )
        indexes = (
            models.Index(name="abtesting_event_visitor", fields=("name", "visitor", "occurred_at")),
            models.Index(name="abtesting_event_user", fields=("name", "user", "occurred_at")),
        )

    def __str__(self) -> str:
        return self.name
