"""The simulation page of an experiment: the latest run, how far a new one is, and how to start it.

`ExperimentAdmin.get_urls` mounts these views behind `admin_site.admin_view`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods
from kombu.exceptions import OperationalError

from abtesting import tasks
from abtesting.admin import formats
from abtesting.admin.permissions import may_manage, may_view
from abtesting.admin.simulation_list import NO_QUEUE, earlier_runs, error_text, progress_chip
from abtesting.admin.simulation_page import build_page
from abtesting.admin.transitions import state_text
from abtesting.exceptions import SimulationError
from abtesting.models import Experiment, SimulationRun
from abtesting.results import simulation_runs
from abtesting.results.simulation import Options
from abtesting.results.trial import PlanTooSmallError

TEMPLATE = "admin/abtesting/experiment/simulation.html"
STATUS_TEMPLATE = "admin/abtesting/experiment/simulation/_status.html"
NUM_RUNS = (500, 2000, 10_000)


class SimulationForm(forms.Form):
    """What a merchandiser chooses; everything else is the experiment's."""

    traffic = forms.ChoiceField(
        label=_("Traffic"),
        choices=[("own", _("Your own")), ("synthetic", _("Synthetic, like your own"))],
    )
    num_runs = forms.TypedChoiceField(
        label=_("Runs"), coerce=int, choices=[(n, f"{n:,}") for n in NUM_RUNS], initial=2000
    )


@require_GET
def simulation_view(request: HttpRequest, experiment_id: int) -> HttpResponse:
    """Show the latest simulation of an experiment, or that of `?run=`, and which there were."""
    experiment = _experiment(request, experiment_id)
    run, is_latest = _shown(request, experiment)
    page = build_page(run.payload) if run is not None and run.payload else None
    recent = simulation_runs.recent(experiment)
    context = {
        **admin.site.each_context(request),
        **_status(experiment, recent[0].run if recent else None),
        "title": gettext("Simulation of %(name)s") % {"name": experiment.name},
        "opts": Experiment._meta,
        "experiment": experiment,
        "state_text": state_text(experiment),
        "run": run,
        "is_latest": is_latest,
        "page": page,
        "earlier": earlier_runs(recent, shown=run, now=timezone.now()),
        "can_change": may_manage(request),
        "can_simulate": experiment.source == Experiment.Source.LIVE,
        "form": SimulationForm(
            initial={
                "traffic": "synthetic" if page and page.lacks_traffic else "own",
                "num_runs": 2000,
            }
        ),
    }
    return TemplateResponse(request, TEMPLATE, context)


@require_http_methods(["POST"])
def simulate_view(request: HttpRequest, experiment_id: int) -> HttpResponse:
    """Have a new simulation done by a worker, unless one is under way."""
    if not may_manage(request):
        raise PermissionDenied
    experiment = _experiment(request, experiment_id)
    form = SimulationForm(request.POST)
    current = simulation_runs.current(experiment)
    if not form.is_valid():
        messages.error(request, gettext("Choose one of the offered kinds of traffic and runs."))
    elif current is not None and _is_under_way(current):
        messages.warning(request, gettext("A simulation of this test is under way."))
    else:
        try:
            run = simulation_runs.ask_for(
                experiment, Options(**form.cleaned_data), actor_id=request.user.pk
            )
        except PlanTooSmallError as error:
            messages.error(
                request,
                gettext(
                    "Each variant needs %(minimum)s units, the smallest one too: enter a planned "
                    "sample of at least %(smallest)s."
                )
                % {
                    "minimum": formats.number(error.minimum),
                    "smallest": formats.number(error.smallest),
                },
            )
        except SimulationError:
            messages.error(
                request,
                gettext(
                    "This test cannot be simulated yet: it needs a control, another variant, each "
                    "with a weight, and a goal metric."
                ),
            )
        else:
            # Not before the row is there for the worker to see.
            transaction.on_commit(partial(_hand_over, run.pk))
    return HttpResponseRedirect(
        reverse("admin:abtesting_experiment_simulation", args=(experiment.pk,))
    )


@require_GET
def simulation_status_view(request: HttpRequest, experiment_id: int) -> HttpResponse:
    """How far the simulation is, asked by htmx; once it is over the page loads itself again."""
    experiment = _experiment(request, experiment_id)
    run = simulation_runs.current(experiment)
    context = {
        **_status(experiment, run),
        "experiment": experiment,
        "chip": progress_chip(run, now=timezone.now()) if run is not None else None,
    }
    response = TemplateResponse(request, STATUS_TEMPLATE, context)
    if not context["is_under_way"]:
        response["HX-Refresh"] = "true"
    return response


def _hand_over(run_id: int) -> None:
    try:
        tasks.simulate.delay(run_id)
    except OperationalError:
        simulation_runs.give_up(run_id, error=NO_QUEUE)


def _shown(request: HttpRequest, experiment: Experiment) -> tuple[SimulationRun | None, bool]:
    """The run whose numbers are shown, and whether it is the latest."""
    wanted = request.GET.get("run")
    newest = simulation_runs.latest(experiment)
    # The command prints the address of the run that it has just done.
    if wanted is None or (newest is not None and wanted == str(newest.pk)):
        return newest, True
    if not wanted.isdecimal():
        raise Http404
    rows = SimulationRun.objects.filter(experiment=experiment, state=SimulationRun.State.DONE)
    return get_object_or_404(rows, pk=wanted), False


def _status(experiment: Experiment, run: SimulationRun | None) -> dict[str, Any]:
    """How far the newest simulation is."""
    return {
        "current": run,
        "is_under_way": run is not None and _is_under_way(run),
        "has_failed": run is not None and run.state == SimulationRun.State.FAILED,
        "is_lost": run is not None and not run.is_over and not _is_under_way(run),
        "error": error_text(run) if run else "",
        "percent": int(100 * run.progress) if run else 0,
        "command": f"python manage.py abtesting_simulate {experiment.key}",
    }


def _is_under_way(run: SimulationRun) -> bool:
    return not run.is_over and not simulation_runs.is_silent(run, now=timezone.now())


def _experiment(request: HttpRequest, experiment_id: int) -> Experiment:
    if not may_view(request):
        raise PermissionDenied
    return get_object_or_404(Experiment, pk=experiment_id)
