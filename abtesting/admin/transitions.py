"""The buttons of the lifecycle: a page that says what a transition changes, and makes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from abtesting import lifecycle
from abtesting.exceptions import TransitionError
from abtesting.models import Experiment, Variant

State = Experiment.State


class DecideForm(forms.Form):
    """Which variant everybody sees from now on."""

    variant = forms.ModelChoiceField(
        Variant.objects.none(), label=_("Variant"), empty_label=None, widget=forms.RadioSelect
    )
    note = forms.CharField(label=_("Why"), widget=forms.Textarea(attrs={"rows": 3}), required=False)

    def __init__(self, *args: Any, experiment: Experiment, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["variant"].queryset = experiment.variants.all()  # type: ignore[attr-defined]  # a ModelChoiceField


class NoteForm(forms.Form):
    """Why a transition is made."""

    note = forms.CharField(label=_("Why"), widget=forms.Textarea(attrs={"rows": 3}), required=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A button: what it says, what it needs, what it does."""

    label: Promise
    consequence: Promise
    states: tuple[str, ...]
    permission: str
    run: Callable[..., object]


TRANSITIONS = {
    "start": Transition(
        label=_("Start"),
        consequence=_("Units are assigned from now on. What is compared cannot change any more."),
        states=(State.DRAFT,),
        permission="abtesting.start_experiment",
        run=lifecycle.start,
    ),
    "pause": Transition(
        label=_("Pause"),
        consequence=_(
            "Everybody sees the control until it is resumed. No new units are counted meanwhile."
        ),
        states=(State.RUNNING,),
        permission="abtesting.start_experiment",
        run=lifecycle.pause,
    ),
    "resume": Transition(
        label=_("Resume"),
        consequence=_("Everybody sees the variant they had before the pause."),
        states=(State.PAUSED,),
        permission="abtesting.start_experiment",
        run=lifecycle.resume,
    ),
    "stop": Transition(
        label=_("Stop"),
        consequence=_(
            "Everybody sees the control. A last result is computed. It cannot be started again."
        ),
        states=(State.RUNNING, State.PAUSED),
        permission="abtesting.stop_experiment",
        run=lifecycle.stop,
    ),
    "decide": Transition(
        label=_("Decide"),
        consequence=_("Everybody sees the chosen variant from now on, without being counted."),
        states=(State.STOPPED,),
        permission="abtesting.stop_experiment",
        run=lifecycle.decide,
    ),
}


def state_text(experiment: Experiment) -> str:
    """The state in words; of a decided experiment with the variant that everybody sees."""
    if experiment.decided_variant is None:
        return experiment.get_state_display()
    return gettext("Decided: everybody sees “%(variant)s”") % {
        "variant": str(experiment.decided_variant)
    }


def transition_view(request: HttpRequest, experiment_id: int, action: str) -> HttpResponse:
    """Say what a transition changes, then make it."""
    experiment = get_object_or_404(Experiment, pk=experiment_id)
    transition = TRANSITIONS.get(action)
    change_url = reverse("admin:abtesting_experiment_change", args=(experiment.pk,))
    if transition is None or not request.user.has_perm(transition.permission):
        raise PermissionDenied
    form = _form_for(action, experiment, request.POST if request.method == "POST" else None)
    if request.method == "POST" and (form is None or form.is_valid()):
        try:
            outcome = transition.run(
                experiment, actor=request.user, **(form.cleaned_data if form else {})
            )
        except TransitionError as error:
            for problem in error.problems:
                messages.error(request, problem)
            return HttpResponseRedirect(change_url)
        messages.success(
            request,
            _("%(name)s: %(state)s.") % {"name": experiment.name, "state": state_text(experiment)},
        )
        if action == "stop" and outcome is None:
            messages.warning(request, _("The last results could not be computed. Refresh them."))
        return HttpResponseRedirect(experiment.get_absolute_url())
    context = {
        **admin.site.each_context(request),
        "title": transition.label,
        "subtitle": experiment.name,
        "experiment": experiment,
        "transition": transition,
        "form": form,
        "opts": Experiment._meta,
        "change_url": change_url,
    }
    return TemplateResponse(request, "admin/abtesting/experiment/transition.html", context)


def allowed_transitions(request: HttpRequest, experiment: Experiment) -> list[dict[str, Any]]:
    """The buttons for an experiment: label and address of what this user may do now."""
    if experiment.source == Experiment.Source.IMPORTED:
        return []
    return [
        {
            "action": action,
            "label": transition.label,
            "url": reverse("admin:abtesting_experiment_transition", args=(experiment.pk, action)),
        }
        for action, transition in TRANSITIONS.items()
        if experiment.state in transition.states and request.user.has_perm(transition.permission)
    ]


def _form_for(action: str, experiment: Experiment, data: Any) -> forms.Form | None:
    if action == "decide":
        return DecideForm(data, experiment=experiment)
    return NoteForm(data) if action in ("pause", "stop") else None
