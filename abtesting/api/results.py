"""`GET experiments/<key>/results/`: the latest snapshot, as the results page shows it."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from abtesting.models import Experiment
from abtesting.results import snapshots


class CanViewResults(BasePermission):
    """Users with the `abtesting.view_results` permission."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether the user may read results."""
        return request.user.has_perm("abtesting.view_results")


class ResultsView(APIView):
    """The payload of the latest snapshot; 404 with a reason when there is none yet."""

    permission_classes = (CanViewResults,)
    renderer_classes = (JSONRenderer,)

    def get(self, request: Request, key: str) -> Response:
        """The snapshot's payload."""
        experiment = get_object_or_404(Experiment, key=key)
        snapshot = snapshots.latest(experiment)
        if snapshot is None:
            detail = f"Experiment {key} has no results yet: run abtesting_refresh."
            return Response({"code": "no_snapshot", "detail": detail}, status=404)
        return Response(snapshot.payload)
