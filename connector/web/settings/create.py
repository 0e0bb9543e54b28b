"""A new tenant: the first page after the first login of an empty installation. Superusers only."""

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from connector.tenants import setup
from connector.tenants.models import Tenant
from connector.tenants.sections import by_path
from connector.tenants.tenant_reading import TenantFileError
from connector.web import layout

_COLUMNS = ("slug", "name", "time_zone")


@require_safe
@login_required
def page(request: HttpRequest) -> HttpResponse:
    """The form for a new tenant."""
    _superuser(request)
    return _form(request, dict.fromkeys(_COLUMNS, ""), {})


@require_POST
@login_required
def create(request: HttpRequest) -> HttpResponse:
    """Make the tenant, not live, and go on to its setup."""
    _superuser(request)
    typed = {name: request.POST.get(name, "").strip() for name in _COLUMNS}
    try:
        tenant = setup.create(typed, actor=layout.actor(request))
    except TenantFileError as error:
        return _form(request, typed, by_path(error), status=422)
    return redirect("setup", tenant.slug)


def _superuser(request: HttpRequest) -> None:
    if not request.user.is_superuser:
        raise PermissionDenied("Only a superuser makes tenants.")


def _form(
    request: HttpRequest, typed: dict[str, str], errors: dict[str, list[str]], *, status: int = 200
) -> HttpResponse:
    context = {
        "typed": typed,
        "errors": errors,
        "first": not Tenant.objects.exists(),
    }
    return layout.page(request, "connector/setup_new.html", "New tenant", context, status=status)


urlpatterns = [
    path("setup/", page, name="setup-new"),
    path("setup/create", create, name="setup-create"),
]
