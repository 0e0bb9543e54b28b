"""Who may do what: one table from role to capabilities, and the guard that every view wears."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase

View = Callable[..., HttpResponseBase]

_READ = frozenset({"view"})
CAPABILITIES: Mapping[str, frozenset[str]] = {
    "admin": _READ
    | {"manage_connections", "manage_users", "manage_calendar", "manage_settings", "export_audit"},
    "accountant": _READ | {"map", "replay", "dismiss", "decide", "export_mappings"},
    # Approving one's own proposal is refused where the approval is made.
    "approver": _READ | {"approve_vendor", "approve_mapping"},
    "auditor": _READ | {"export_audit", "export_mappings"},
}
_KNOWN = frozenset().union(*CAPABILITIES.values())


def can(role: str | None, capability: str) -> bool:
    """Whether `role` has `capability`. Raises ValueError for an unknown capability."""
    if capability not in _KNOWN:
        raise ValueError(f"There is no capability {capability!r}; see audit/permissions.py.")
    return role is not None and capability in CAPABILITIES.get(role, frozenset())


def requires(capability: str) -> Callable[[View], View]:
    """Lets a view answer only people with `capability` in the tenant of the address.

    The tenant and the role come from the request (set by the middleware). A stranger gets 404,
    so that nobody learns which tenants exist; a member without the capability gets 403.
    """
    can(None, capability)  # a slip shows when the module is loaded, not when someone clicks

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            role = getattr(request, "role", None)
            if getattr(request, "tenant", None) is None or not role:
                raise Http404
            if not can(role, capability):
                raise PermissionDenied(f"Your role ({role}) may not do this.")
            return view(request, *args, **kwargs)

        return guarded

    return decorate
