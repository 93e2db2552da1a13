"""The results page of an experiment: show a snapshot, export it, ask for a new one.

The last step of the path: one stored payload becomes HTML, CSV or JSON, and nothing is computed.
`ExperimentAdmin.get_urls` mounts these views behind `admin_site.admin_view`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db.models import F
from django.db.models.fields.json import KT
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods
from kombu.exceptions import OperationalError

from abtesting import tasks
from abtesting.admin import presentation, sentences, verdicts
from abtesting.admin.permissions import may_manage, may_view
from abtesting.admin.transitions import state_text
from abtesting.models import AuditEntry, Experiment, ResultSnapshot
from abtesting.results import export, snapshots
from abtesting.results.health import launch_checklist

TEMPLATE = "admin/abtesting/experiment/results.html"
STATUS_TEMPLATE = "admin/abtesting/experiment/results/_status.html"
MAX_POLLS = 30  # one a second; after that the page says that it takes longer
NUM_SNAPSHOTS = 20
NUM_AUDIT_ENTRIES = 50

TransitionLinks = Callable[[HttpRequest, Experiment], list[dict[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordLine:
    """A line of the record: a snapshot or a change of the experiment."""

    pk: int
    at: datetime
    by: str
    verdict: str = ""
    version: str = ""
    action: str = ""
    note: str = ""


@require_GET
def results_view(
    request: HttpRequest,
    experiment_id: int,
    snapshot_id: int | None = None,
    *,
    transitions: TransitionLinks | None = None,
) -> HttpResponse:
    """Show the newest snapshot of an experiment, or one of its older ones.

    Args:
        request: Of a user with the permission to view results.
        experiment_id: Of the experiment.
        snapshot_id: Of the snapshot; the newest one without it.
        transitions: Gives label and address of the lifecycle steps that the user may take now.
    """
    experiment = _experiment(request, experiment_id)
    newest = snapshots.latest(experiment)
    snapshot = newest
    if snapshot_id is not None:
        snapshot = get_object_or_404(ResultSnapshot, pk=snapshot_id, experiment=experiment)
    context = _context(request, experiment, snapshot)
    context["newer_snapshot"] = newest if newest != snapshot else None
    context["can_refresh"] = _can_refresh(experiment) and newest == snapshot
    if transitions is not None:
        context["transitions"] = transitions(request, experiment)
    return TemplateResponse(request, TEMPLATE, context)


@require_GET
def export_view(request: HttpRequest, experiment_id: int, format: str) -> HttpResponse:
    """Send a snapshot (`?snapshot=ID`, or the newest one) as "csv" or "json"."""
    experiment = _experiment(request, experiment_id)
    formats = {
        "csv": ("text/csv; charset=utf-8", export.to_csv),
        "json": ("application/json; charset=utf-8", export.to_json),
    }
    rows = ResultSnapshot.objects.filter(experiment=experiment)
    if "snapshot" in request.GET:
        rows = rows.filter(pk=_number(request, "snapshot"))
    snapshot = rows.first()
    if format not in formats or snapshot is None:
        raise Http404
    content_type, write = formats[format]
    response = HttpResponse(write(snapshot.payload), content_type=content_type)
    name = f"{experiment.key}-{snapshot.created_at:%Y%m%d-%H%M}.{format}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_http_methods(["GET", "POST"])
def refresh_view(request: HttpRequest, experiment_id: int) -> HttpResponse:
    """POST: have new results computed. GET: whether they are there yet, asked by htmx.

    With htmx the answer is a status line that asks again; once a snapshot is newer, it is the new
    page, of which htmx takes the results, and which asks no more. Without htmx: a redirect.
    """
    experiment = _experiment(request, experiment_id)
    if not _can_refresh(experiment):
        raise Http404
    is_htmx = request.headers.get("HX-Request") == "true"
    after, num_polls = _number(request, "after"), _number(request, "polls")
    if request.method == "POST":
        newest = snapshots.latest(experiment)
        after = newest.pk if newest else 0
        try:
            tasks.refresh_experiment.delay(experiment.pk, request.user.pk)
        except OperationalError:
            return _answer(request, experiment, "failed", is_htmx=is_htmx)
    if ResultSnapshot.objects.filter(experiment=experiment, pk__gt=after).exists():
        response = _answer(request, experiment, "done", is_htmx=is_htmx)
        if after == 0:
            # The first results: the page around them gets its exports too.
            response["HX-Refresh"] = "true"
        return response
    if num_polls >= MAX_POLLS:
        return _answer(request, experiment, "late", is_htmx=is_htmx)
    query = urlencode({"after": after, "polls": num_polls + 1})
    return _answer(request, experiment, "waiting", is_htmx=is_htmx, query=query)


def _experiment(request: HttpRequest, experiment_id: int) -> Experiment:
    if not may_view(request):
        raise PermissionDenied
    return get_object_or_404(Experiment, pk=experiment_id)


def _can_refresh(experiment: Experiment) -> bool:
    return experiment.state != Experiment.State.DRAFT


def _number(request: HttpRequest, name: str) -> int:
    text = request.GET.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 19 else 0


def _answer(
    request: HttpRequest, experiment: Experiment, state: str, *, is_htmx: bool, query: str = ""
) -> HttpResponse:
    results_url = reverse("admin:abtesting_experiment_results", args=(experiment.pk,))
    if not is_htmx:
        texts = {
            "failed": _("The results were not recomputed: the task queue cannot be reached."),
            "done": _("The results are up to date."),
        }
        waiting = _("The results are being recomputed. Load this page again in a moment.")
        level = messages.ERROR if state == "failed" else messages.SUCCESS
        if request.method == "POST":
            messages.add_message(request, level, texts.get(state, waiting))
        return HttpResponseRedirect(results_url)
    if state == "done":
        context = _context(request, experiment, snapshots.latest(experiment))
        context |= {"refresh_state": state, "can_refresh": True}
        page = TemplateResponse(request, TEMPLATE, context)
        page["HX-Retarget"] = page["HX-Reselect"] = "#snapshot"
        page["HX-Reswap"] = "outerHTML"
        return page
    refresh_url = reverse("admin:abtesting_experiment_refresh", args=(experiment.pk,))
    context = {"refresh_state": state, "poll_url": f"{refresh_url}?{query}"}
    return TemplateResponse(request, STATUS_TEMPLATE, context)


def _context(
    request: HttpRequest, experiment: Experiment, snapshot: ResultSnapshot | None
) -> dict[str, Any]:
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": _("Results of %(name)s") % {"name": experiment.name},
        "opts": Experiment._meta,
        "experiment": experiment,
        "state_text": state_text(experiment),
        "snapshot": snapshot,
        "page": None,
        "snapshots": _snapshot_lines(experiment),
        "audit_entries": _audit_lines(experiment),
        "can_change": may_manage(request),
    }
    if snapshot is not None:
        context["page"] = presentation.build_page(
            snapshot.payload, metric=request.GET.get("metric")
        )
    elif not _can_refresh(experiment):
        checklist = launch_checklist(experiment)
        context["checklist"] = checklist
        context["is_ready"] = all(item.ok or not item.required for item in checklist)
    return context


def _snapshot_lines(experiment: Experiment) -> list[RecordLine]:
    # The payloads are large: the database picks the two codes out of them.
    rows = ResultSnapshot.objects.filter(experiment=experiment).values_list(
        "pk",
        "created_at",
        F(f"created_by__{get_user_model().USERNAME_FIELD}"),
        KT("payload__verdict__code"),
        KT("payload__method__engine_version"),
    )[:NUM_SNAPSHOTS]
    return [
        RecordLine(
            pk=pk,
            at=at,
            by=by or "",
            verdict=verdicts.verdict_chip(verdict).text,
            version=version or "",
        )
        for pk, at, by, verdict, version in rows
    ]


def _audit_lines(experiment: Experiment) -> list[RecordLine]:
    entries = AuditEntry.objects.filter(experiment=experiment).select_related("actor")
    return [
        RecordLine(
            pk=entry.pk,
            at=entry.created_at,
            by=entry.actor.get_username() if entry.actor else "",
            action=sentences.action_name(entry.action),
            note=entry.note,
        )
        for entry in entries.order_by("-created_at", "-pk")[:NUM_AUDIT_ENTRIES]
    ]
