"""Who may look at and who may change experiments and metrics: by the app's own permissions."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest


def may_view(request: HttpRequest) -> bool:
    """Whether the user may look at experiments and their results; who manages them may."""
    return request.user.has_perm("abtesting.view_results") or may_manage(request)


def may_manage(request: HttpRequest) -> bool:
    """Whether the user may change experiments."""
    return request.user.has_perm("abtesting.manage_experiments")


class ByRole:
    """`view_results` lets people look, `manage_experiments` lets them change."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the app is listed."""
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may look."""
        return may_view(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may create."""
        return may_manage(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may change."""
        return may_manage(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may delete."""
        return may_manage(request)
