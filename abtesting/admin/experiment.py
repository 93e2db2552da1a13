"""Experiments in the admin: their parts, the buttons of their lifecycle, the way to the result."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import OuterRef, QuerySet, Subquery
from django.forms import BaseInlineFormSet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from abtesting.admin import results, simulation, transitions, verdicts
from abtesting.admin.permissions import ByRole
from abtesting.models import (
    AuditEntry,
    Experiment,
    ExperimentMetric,
    ResultSnapshot,
    Variant,
)

State = Experiment.State


class VariantFormSet(BaseInlineFormSet):
    """An experiment has one control."""

    def clean(self) -> None:
        """Refuse several controls together, which the database would refuse one by one."""
        super().clean()
        controls = [
            form
            for form in self.forms
            if form.cleaned_data.get("is_control") and not form.cleaned_data.get("DELETE")
        ]
        if len(controls) > 1:
            raise ValidationError(_("Mark exactly one variant as the control."))


class _DraftInline(ByRole, admin.TabularInline):
    """Parts that can change only in a draft."""

    def _is_draft(self, obj: Experiment | None) -> bool:
        return obj is None or obj.state == State.DRAFT

    def has_add_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        """In a draft."""
        return self._is_draft(obj) and super().has_add_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        """In a draft."""
        return self._is_draft(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        """In a draft."""
        return self._is_draft(obj) and super().has_delete_permission(request, obj)


class VariantInline(_DraftInline):
    """The variants of an experiment."""

    model = Variant
    formset = VariantFormSet
    fields = ("key", "name", "is_control", "weight", "payload")
    formfield_overrides = {
        Variant._meta.get_field("payload").__class__: {
            "widget": forms.Textarea(attrs={"rows": 2, "cols": 28})
        }
    }

    def get_extra(self, request: HttpRequest, obj: Experiment | None = None, **kw: Any) -> int:
        """Two empty rows for a new experiment."""
        return 2 if obj is None else 0


class ExperimentMetricInline(_DraftInline):
    """The metrics of an experiment."""

    model = ExperimentMetric
    fields = ("metric", "role", "margin", "minimum_lift")
    autocomplete_fields = ("metric",)

    def get_extra(self, request: HttpRequest, obj: Experiment | None = None, **kw: Any) -> int:
        """One empty row for a new experiment."""
        return 1 if obj is None else 0


@admin.register(Experiment)
class ExperimentAdmin(ByRole, admin.ModelAdmin):
    """Create, start, read, decide."""

    list_display = ("name", "key", "state_pill", "result", "started_at", "ended_at")
    list_filter = ("state", "source")
    search_fields = ("key", "name", "hypothesis")
    prepopulated_fields = {"key": ("name",)}
    radio_fields = {"decision_rule": admin.VERTICAL}
    inlines = (VariantInline, ExperimentMetricInline)
    change_form_template = "admin/abtesting/experiment/change_form.html"
    view_on_site = False  # the button "Results" leads there
    fieldsets = (
        (None, {"fields": ("name", "key", "hypothesis")}),
        (
            _("Who takes part"),
            {"fields": ("unit", "allocation")},
        ),
        (
            _("How it is decided"),
            {"fields": ("planned_num_units", "decision_rule", "planned_num_looks")},
        ),
        (_("Advanced"), {"fields": ("seed",), "classes": ("collapse",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Experiment]:
        """With the verdict of the newest snapshot, in the same query."""
        newest = ResultSnapshot.objects.filter(experiment=OuterRef("pk")).values("payload__verdict")
        experiments: QuerySet[Experiment] = super().get_queryset(request)
        return experiments.annotate(latest_verdict=Subquery(newest[:1]))

    def get_readonly_fields(
        self, request: HttpRequest, obj: Experiment | None = None
    ) -> tuple[str, ...]:
        """After the start, what is compared is fixed."""
        if obj is None or obj.state == State.DRAFT:
            return ()
        return tuple(name for name in Experiment.frozen_fields if name != "source")

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Experiment | None = None
    ) -> dict[str, Any]:
        """A fixed key is not filled in."""
        is_draft = obj is None or obj.state == State.DRAFT
        return dict(super().get_prepopulated_fields(request, obj)) if is_draft else {}

    def has_delete_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        """Only drafts: an experiment that ran is a record."""
        if obj is not None and obj.state != State.DRAFT:
            return False
        return super().has_delete_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """No bulk deletion: it would take experiments that ran."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    @admin.display(description=_("state"), ordering="state")
    def state_pill(self, experiment: Experiment) -> str:
        """The state as a word in a pill."""
        return format_html(
            '<span class="ab-pill ab-pill-{}">{}</span>',
            experiment.state,
            experiment.get_state_display(),
        )

    @admin.display(description=_("result"))
    def result(self, experiment: Experiment) -> str:
        """The verdict in a few words, linked to the results page."""
        verdict = getattr(experiment, "latest_verdict", None)
        words = verdicts.verdict_chip(verdict["code"]).text if verdict else _("No result yet")
        return format_html('<a href="{}">{}</a>', experiment.get_absolute_url(), words)

    def get_urls(self) -> list[URLPattern]:
        """The results page and the transitions, before the admin's catch-all."""
        wrap = self.admin_site.admin_view
        own = [
            path(
                "<int:experiment_id>/results/",
                wrap(partial(results.results_view, transitions=transitions.allowed_transitions)),
                name="results",
            ),
            path(
                "<int:experiment_id>/results/refresh/", wrap(results.refresh_view), name="refresh"
            ),
            path(
                "<int:experiment_id>/results/export.<str:format>",
                wrap(results.export_view),
                name="export",
            ),
            path(
                "<int:experiment_id>/results/<int:snapshot_id>/",
                wrap(results.results_view),
                name="snapshot",
            ),
            path(
                "<int:experiment_id>/simulation/",
                wrap(simulation.simulation_view),
                name="simulation",
            ),
            path(
                "<int:experiment_id>/simulation/start/",
                wrap(simulation.simulate_view),
                name="simulate",
            ),
            path(
                "<int:experiment_id>/simulation/status/",
                wrap(simulation.simulation_status_view),
                name="simulation_status",
            ),
            path(
                "<int:experiment_id>/<str:action>/confirm/",
                wrap(transitions.transition_view),
                name="transition",
            ),
        ]
        for pattern in own:
            pattern.name = f"abtesting_experiment_{pattern.name}"
        return own + super().get_urls()

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The form, with the buttons of what can be done now."""
        experiment = self.get_object(request, object_id)
        context = {
            **(extra_context or {}),
            "transitions": transitions.allowed_transitions(request, experiment)
            if experiment
            else [],
        }
        return super().change_view(request, object_id, form_url, context)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the parts, and write down who saved what."""
        super().save_related(request, form, formsets, change)
        parts = [
            (f"{formset.prefix}: {part.instance}: ", part)
            for formset in formsets
            for part in formset.forms
            if part.has_changed()
        ]
        before: dict[str, str] = {}
        after: dict[str, str] = {}
        for start, part in [("", form), *parts]:
            for name in part.changed_data:
                after[start + name] = str(part.cleaned_data.get(name, ""))
                if name in part.initial and name != "DELETE":
                    before[start + name] = str(part.initial[name])
        if after or not change:
            AuditEntry.objects.create(
                experiment=form.instance,
                actor_id=request.user.pk,
                action="edit" if change else "create",
                before=before if change else {},
                after=after,
                created_at=form.instance.updated_at,
            )

    class Media:
        css = {"all": ("abtesting/admin/experiment.css",)}
