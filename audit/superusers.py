"""The base of every administration page: it shows all tenants, hence it is for superusers alone.

Members can log in there, and a group could give them any permission; neither opens a page.
"""

from typing import Any

from django.http import HttpRequest
from unfold.admin import ModelAdmin


class SuperuserAdmin(ModelAdmin):  # type: ignore[misc]  # unfold ships no types
    """Pages that only a superuser sees, whatever permissions a user or a group has."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Superusers only."""
        return is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers only."""
        return is_superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Superusers only."""
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers only."""
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers only."""
        return is_superuser(request)


class ReadOnlyAdmin(SuperuserAdmin):
    """Rows to look at; they are made, changed and deleted elsewhere."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Made elsewhere."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Changed elsewhere."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Deleted elsewhere."""
        return False


def is_superuser(request: HttpRequest) -> bool:
    """Whether an active superuser asks."""
    return bool(request.user.is_active and request.user.is_superuser)
