"""The two lines that a project adds to its URLs, and nothing of a shop."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("abtesting/", include("abtesting.urls")),
]
