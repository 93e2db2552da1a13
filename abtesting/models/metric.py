"""Metrics, and the role each plays in an experiment."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from abtesting.exceptions import FrozenFieldError
from abtesting.models.event import EVENT_NAME_VALIDATOR
from abtesting.models.experiment import KEY_VALIDATOR, Experiment, stored_state
from abtesting.models.frozen import FrozenModel


class Metric(models.Model):
    """How behaviour becomes one number per unit."""

    class Kind(models.TextChoices):
        """Shape of the per-unit total."""

        PROPORTION = "proportion", _("Proportion: share of units with at least one event")
        MEAN = "mean", _("Mean: events or value per unit")
        RATIO = "ratio", _("Ratio: one total divided by another, such as clicks / impressions")

    class Aggregation(models.TextChoices):
        """What is added up for a unit."""

        COUNT = "count", _("Number of events")
        SUM = "sum", _("Sum of their values")

    class Direction(models.TextChoices):
        """Which way is good."""

        INCREASE = "increase", _("Higher is better")
        DECREASE = "decrease", _("Lower is better")

    class Format(models.TextChoices):
        """How a value is written."""

        PERCENT = "percent", _("Percent")
        NUMBER = "number", _("Number")
        MONEY = "money", _("Money")

    key = models.CharField(_("key"), max_length=80, unique=True, validators=[KEY_VALIDATOR])
    name = models.CharField(_("name"), max_length=200)
    description = models.TextField(_("description"), blank=True)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    event = models.CharField(
        _("event"),
        max_length=80,
        validators=[EVENT_NAME_VALIDATOR],
        help_text=_("Name of the event that is counted."),
    )
    aggregation = models.CharField(
        _("aggregation"),
        max_length=8,
        choices=Aggregation.choices,
        default=Aggregation.COUNT,
        help_text=_("Not used by a proportion."),
    )
    denominator_event = models.CharField(
        _("denominator event"),
        max_length=80,
        blank=True,
        validators=[EVENT_NAME_VALIDATOR],
        help_text=_("Of a ratio only."),
    )
    denominator_aggregation = models.CharField(
        _("denominator aggregation"),
        max_length=8,
        choices=Aggregation.choices,
        default=Aggregation.COUNT,
    )
    window_hours = models.PositiveIntegerField(
        _("conversion window in hours"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Events later than this after the first exposure are not counted."),
    )
    direction = models.CharField(
        _("direction"), max_length=16, choices=Direction.choices, default=Direction.INCREASE
    )
    format = models.CharField(
        _("format"), max_length=16, choices=Format.choices, default=Format.NUMBER
    )
    unit_label = models.CharField(
        _("unit label"), max_length=16, blank=True, help_text=_("For example € or items.")
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    # What is counted: fixed once an experiment that has been started is counted by it.
    definition = (
        "key",
        "kind",
        "event",
        "aggregation",
        "denominator_event",
        "denominator_aggregation",
        "window_hours",
        "direction",
    )

    class Meta:
        verbose_name = _("metric")
        verbose_name_plural = _("metrics")
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(
                name="abtesting_ratio_has_denominator",
                condition=(models.Q(kind="ratio") & ~models.Q(denominator_event=""))
                | (~models.Q(kind="ratio") & models.Q(denominator_event="")),
                violation_error_message=_(
                    "A ratio needs a denominator event; other kinds have none."
                ),
            ),
        )

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, or raise FrozenFieldError: a definition in use is fixed for every door."""
        name = self._changed_in_use()
        if name:
            raise FrozenFieldError(
                f"{name} of metric {self.key} cannot change to {getattr(self, name)!r}: "
                "experiments that have been started are counted by it; make a new metric."
            )
        super().save(*args, **kwargs)

    def clean(self) -> None:
        """Refuse a change of definition while an experiment counts by it."""
        super().clean()
        name = self._changed_in_use()
        if name:
            raise ValidationError(
                {
                    name: _(
                        "Experiments that have been started are counted by this metric. "
                        "Make a new metric instead."
                    )
                }
            )

    def _changed_in_use(self) -> str:
        """Name of a changed part of the definition, when a started experiment counts by it."""
        stored = None if self._state.adding else Metric.objects.filter(pk=self.pk).first()
        changed = [n for n in self.definition if getattr(stored, n, None) != getattr(self, n)]
        in_use = ExperimentMetric.objects.filter(metric=self.pk).exclude(
            experiment__state=Experiment.State.DRAFT
        )
        return changed[0] if stored and changed and in_use.exists() else ""


class ExperimentMetric(FrozenModel):
    """A metric in an experiment: goal, guardrail or secondary."""

    class Role(models.TextChoices):
        """What the metric decides."""

        GOAL = "goal", _("Goal: decides the test")
        GUARDRAIL = "guardrail", _("Guardrail: must not get worse than its margin")
        SECONDARY = "secondary", _("Secondary: explains, decides nothing")

    experiment = models.ForeignKey(
        Experiment,
        on_delete=models.CASCADE,
        related_name="experiment_metrics",
        verbose_name=_("experiment"),
    )
    metric = models.ForeignKey(
        Metric,
        on_delete=models.PROTECT,
        related_name="experiment_metrics",
        verbose_name=_("metric"),
    )
    role = models.CharField(_("role"), max_length=16, choices=Role.choices, default=Role.GOAL)
    margin = models.FloatField(
        _("margin"),
        null=True,
        blank=True,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text=_("Guardrails: the relative loss that is still acceptable, 0.02 for 2%."),
    )
    minimum_lift = models.FloatField(
        _("smallest lift of interest"),
        null=True,
        blank=True,
        validators=[MinValueValidator(0.0)],
        help_text=_("The relative change that would matter, 0.05 for 5%. Drawn in the chart."),
    )
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    frozen_fields = ("experiment_id", "metric_id", "role", "margin", "minimum_lift")

    class Meta:
        verbose_name = _("experiment metric")
        verbose_name_plural = _("experiment metrics")
        ordering = ("position", "pk")
        constraints = (
            models.UniqueConstraint(
                name="abtesting_experiment_metric", fields=("experiment", "metric")
            ),
            models.CheckConstraint(
                name="abtesting_guardrail_has_margin",
                condition=(models.Q(role="guardrail") & models.Q(margin__isnull=False))
                | (~models.Q(role="guardrail") & models.Q(margin__isnull=True)),
                violation_error_message=_("A guardrail needs a margin; other roles have none."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.metric} ({self.get_role_display()})"

    def frozen_experiment_state(self) -> str:
        """Stored state of the experiment this row belongs to."""
        return stored_state(self.experiment_id)
