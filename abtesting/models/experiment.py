"""Experiments, their variants and the audit trail of their transitions."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from abtesting.conf import settings as abtesting_settings
from abtesting.models.frozen import FrozenModel
from abtesting.statistics.planning.smallest_plan import smallest_plan

MAX_NUM_LOOKS = 60
PLANNED_RULES = ("group_sequential", "fixed_horizon")
"""Decision rules that wait for a planned sample."""

KEY_VALIDATOR = RegexValidator(
    r"\A[a-z0-9]+(?:[-_][a-z0-9]+)*\Z",
    _("A key has lower-case letters, digits, and single hyphens or underscores between them."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """How strictly an experiment is judged; the settings of the same names, as of its start.

    Attributes:
        alpha: Error rate of its goals together.
        minimum_units: Units of each variant below which nothing is read.
        tuned_num_units: Where the always-valid rule is sharpest, without a planned sample.
        prior_lift_sd: Size of the lifts that the Bayesian view expects.
    """

    alpha: float
    minimum_units: int
    tuned_num_units: int
    prior_lift_sd: float


class Experiment(FrozenModel):
    """One randomised comparison: who is in it, what they may see, and where it stands."""

    class State(models.TextChoices):
        """draft → running ⇄ paused → stopped → decided; see `lifecycle`."""

        DRAFT = "draft", _("Draft")
        RUNNING = "running", _("Running")
        PAUSED = "paused", _("Paused")
        STOPPED = "stopped", _("Stopped")
        DECIDED = "decided", _("Decided")

    class Unit(models.TextChoices):
        """Who is randomised."""

        VISITOR = "visitor", _("Visitor (browser)")
        USER = "user", _("User (logged in)")

    class Source(models.TextChoices):
        """Where the counts come from."""

        LIVE = "live", _("Live traffic")
        IMPORTED = "imported", _("Imported results")

    class DecisionRule(models.TextChoices):
        """When the goals may be read, and what shows a difference; see `results.plan`."""

        RECOMMENDED = (
            "",
            _("Recommended: looks along the way with a planned sample, any day without one"),
        )
        GROUP_SEQUENTIAL = (
            "group_sequential",
            _("Looks along the way: read several times up to the planned sample, may stop early"),
        )
        ALWAYS_VALID = (
            "always_valid",
            _("Any day: read and stop whenever you like, needs more units"),
        )
        FIXED_HORIZON = (
            "fixed_horizon",
            _("Once, at the end: read when the planned sample is complete, never earlier"),
        )
        BAYESIAN = (
            "bayesian",
            _("Chances: shows how likely a variant is better, may be read any day"),
        )

    key = models.CharField(
        _("key"),
        max_length=80,
        unique=True,
        validators=[KEY_VALIDATOR],
        help_text=_("The name used in templates and code, for example product-headline."),
    )
    name = models.CharField(_("name"), max_length=200, help_text=_("What people call this test."))
    hypothesis = models.TextField(
        _("hypothesis"),
        blank=True,
        help_text=_("Because we saw …, we expect that … will cause …, which we see in …."),
    )
    unit = models.CharField(
        _("unit"),
        max_length=16,
        choices=Unit.choices,
        default=Unit.VISITOR,
        help_text=_("Who is randomised. A visitor keeps the same variant in one browser."),
    )
    state = models.CharField(
        _("state"), max_length=16, choices=State.choices, default=State.DRAFT, editable=False
    )
    source = models.CharField(
        _("source"), max_length=16, choices=Source.choices, default=Source.LIVE, editable=False
    )
    allocation = models.FloatField(
        _("allocation"),
        default=1.0,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text=_("Share of units that take part, from 0 to 1. The others see the control."),
    )
    seed = models.CharField(
        _("seed"),
        max_length=80,
        blank=True,
        help_text=_("Randomises this test independently of others. Left empty: the key."),
    )
    planned_num_units = models.PositiveIntegerField(
        _("planned sample"),
        null=True,
        blank=True,
        validators=[MinValueValidator(2)],
        help_text=_(
            "Units in all variants together after which the test is over. “Looks along the way” "
            "and “Once, at the end” need it; the other rules are sharpest at this size."
        ),
    )
    decision_rule = models.CharField(
        _("decision rule"),
        max_length=24,
        choices=DecisionRule.choices,
        blank=True,
        default=DecisionRule.RECOMMENDED,
        help_text=_(
            "If in doubt, leave it at “Recommended”. It cannot be changed after the start."
        ),
    )
    planned_num_looks = models.PositiveSmallIntegerField(
        _("planned looks"),
        default=20,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_NUM_LOOKS)],
        help_text=_(
            "For “Looks along the way”: how often the goals are read up to the planned sample, "
            "evenly spaced. More looks can stop earlier and cost very little."
        ),
    )
    # What the settings say at the start, written by `lifecycle` and the import; see `criteria`.
    alpha = models.FloatField(_("error rate"), null=True, editable=False)
    minimum_units = models.PositiveIntegerField(_("minimum units"), null=True, editable=False)
    tuned_num_units = models.PositiveIntegerField(_("tuned units"), null=True, editable=False)
    prior_lift_sd = models.FloatField(_("prior spread of lifts"), null=True, editable=False)
    started_at = models.DateTimeField(_("started at"), null=True, blank=True, editable=False)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True, editable=False)
    decided_variant = models.ForeignKey(
        "abtesting.Variant",
        verbose_name=_("decided variant"),
        null=True,
        blank=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    # Bucketing and analysis depend on these: they are fixed once units may have been assigned.
    frozen_fields = (
        "key",
        "hypothesis",
        "unit",
        "source",
        "allocation",
        "seed",
        "planned_num_units",
        "decision_rule",
        "planned_num_looks",
    )
    lifecycle_fields = (
        "state",
        "started_at",
        "ended_at",
        "decided_variant_id",
        "alpha",
        "minimum_units",
        "tuned_num_units",
        "prior_lift_sd",
    )

    class Meta:
        verbose_name = _("experiment")
        verbose_name_plural = _("experiments")
        ordering = ("-created_at", "-pk")
        permissions = (
            ("view_results", _("Can view results")),
            ("manage_experiments", _("Can manage experiments")),
            ("start_experiment", _("Can start, pause and resume experiments")),
            ("stop_experiment", _("Can stop and decide experiments")),
        )
        constraints = (
            models.CheckConstraint(
                name="abtesting_allocation_0_1",
                condition=models.Q(allocation__gte=0.0, allocation__lte=1.0),
            ),
            models.CheckConstraint(
                name="abtesting_rule_has_plan",
                condition=~models.Q(decision_rule__in=PLANNED_RULES)
                | models.Q(planned_num_units__isnull=False),
            ),
            models.CheckConstraint(
                name="abtesting_num_looks_1_60",
                condition=models.Q(planned_num_looks__gte=1, planned_num_looks__lte=MAX_NUM_LOOKS),
            ),
        )

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a rule that waits for a planned sample without one, or with one it cannot read."""
        super().clean()
        planned = self.planned_num_units
        if self.decision_rule in PLANNED_RULES and planned is None:
            raise ValidationError(
                {
                    "planned_num_units": _(
                        "This decision rule needs a planned sample. Enter one, or choose "
                        "“Any day” or “Recommended”."
                    )
                }
            )
        # The least that any split needs; what its own split needs is on the launch checklist.
        smallest = smallest_plan([1.0, 1.0], self.criteria.minimum_units)
        is_open = self.state == self.State.DRAFT and self.has_end
        if is_open and planned is not None and planned < smallest:
            raise ValidationError(
                {
                    "planned_num_units": _(
                        "The planned sample is too small to be read: each variant needs "
                        "%(minimum)s units. Enter at least %(smallest)s."
                    )
                    % {"minimum": self.criteria.minimum_units, "smallest": smallest}
                }
            )

    @property
    def rule(self) -> str:
        """The decision rule in force: "imported", the chosen one, or the recommended one."""
        if self.source == self.Source.IMPORTED:
            return "imported"
        planned = self.planned_num_units is not None
        usual = self.DecisionRule.GROUP_SEQUENTIAL if planned else self.DecisionRule.ALWAYS_VALID
        return str(self.decision_rule or usual)

    @property
    def criteria(self) -> Criteria:
        """How strictly it is judged: what was fixed at the start, of a draft the settings."""
        return Criteria(
            **{
                field.name: getattr(abtesting_settings, field.name.upper())
                if getattr(self, field.name) is None
                else getattr(self, field.name)
                for field in fields(Criteria)
            }
        )

    @property
    def has_end(self) -> bool:
        """Whether the planned sample ends the test: units beyond it are not counted."""
        return self.planned_num_units is not None and self.rule in PLANNED_RULES

    def get_absolute_url(self) -> str:
        """Address of the results page in the admin."""
        return reverse("admin:abtesting_experiment_results", args=(self.pk,))

    def frozen_experiment_state(self) -> str:
        """Stored state, which decides whether `frozen_fields` are fixed."""
        return stored_state(self.pk)


def stored_state(experiment_id: int | None) -> str:
    """The state that the database has for an experiment, or "".

    Locks the row until the transaction ends, against other saves and transitions. Only against
    those: exposures, which refer to the row's key, are stored meanwhile.
    """
    rows = Experiment.objects.select_for_update(no_key=True).filter(pk=experiment_id or 0)
    return rows.values_list("state", flat=True).first() or ""


class Variant(FrozenModel):
    """One of the things a unit may see."""

    experiment = models.ForeignKey(
        Experiment, on_delete=models.CASCADE, related_name="variants", verbose_name=_("experiment")
    )
    key = models.CharField(_("key"), max_length=80, validators=[KEY_VALIDATOR])
    name = models.CharField(_("name"), max_length=200, blank=True)
    is_control = models.BooleanField(
        _("control"), default=False, help_text=_("What shoppers see without this test.")
    )
    weight = models.FloatField(
        _("weight"),
        default=1.0,
        validators=[MinValueValidator(0.0)],
        help_text=_("Share of the traffic relative to the other variants."),
    )
    payload = models.JSONField(
        _("payload"),
        default=dict,
        blank=True,
        help_text=_("Values read by templates, as a JSON object."),
    )
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    frozen_fields = ("experiment_id", "key", "is_control", "weight", "payload", "position")

    class Meta:
        verbose_name = _("variant")
        verbose_name_plural = _("variants")
        ordering = ("position", "pk")
        constraints = (
            models.UniqueConstraint(name="abtesting_variant_key", fields=("experiment", "key")),
            models.UniqueConstraint(
                name="abtesting_one_control",
                fields=("experiment",),
                condition=models.Q(is_control=True),
                violation_error_message=_("An experiment has exactly one control."),
            ),
            models.CheckConstraint(
                name="abtesting_weight_not_negative", condition=models.Q(weight__gte=0.0)
            ),
        )

    def __str__(self) -> str:
        return self.name or self.key

    def frozen_experiment_state(self) -> str:
        """Stored state of the experiment this variant belongs to."""
        return stored_state(self.experiment_id)


class AuditEntry(models.Model):
    """Who did what to an experiment, when, and what it was before and after. Append-only."""

    experiment = models.ForeignKey(
        Experiment,
        on_delete=models.CASCADE,
        related_name="audit_entries",
        verbose_name=_("experiment"),
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("actor"),
    )
    action = models.CharField(_("action"), max_length=32)
    before = models.JSONField(_("before"), default=dict)
    after = models.JSONField(_("after"), default=dict)
    note = models.TextField(_("note"), blank=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        ordering = ("created_at", "pk")

    def __str__(self) -> str:
        return f"{self.action} {self.created_at:%Y-%m-%d %H:%M}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert; an existing entry cannot be changed."""
        if not self._state.adding:
            raise TypeError("An audit entry cannot be changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refused: an entry goes only with its experiment."""
        raise TypeError("An audit entry cannot be deleted.")
