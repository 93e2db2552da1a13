"""`path("abtesting/", include("abtesting.urls"))`."""

from __future__ import annotations

from django.urls import path

from abtesting.api.events import EventsView
from abtesting.api.results import ResultsView

app_name = "abtesting"

urlpatterns = [
    path("api/v1/events/", EventsView.as_view(), name="events"),
    path("api/v1/experiments/<slug:key>/results/", ResultsView.as_view(), name="results"),
]
