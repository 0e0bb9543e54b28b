"""A new tenant: the first page after the first login of an empty installation. Superusers only."""

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from connector.tenants import sections
from connector.tenants.form_fields import SettingsError
from connector.tenants.forms import NewTenantForm
from connector.tenants.models import Tenant
from connector.web import layout
from connector.web.settings.section_form import shown


@require_safe
@login_required
def page(request: HttpRequest) -> HttpResponse:
    """The form for a new tenant."""
    _superuser(request)
    return _form(request, NewTenantForm(instance=Tenant()))


@require_POST
@login_required
def create(request: HttpRequest) -> HttpResponse:
    """Make the tenant, not live, and go on to its setup."""
    _superuser(request)
    try:
        tenant = sections.create(request.POST, actor=layout.actor(request))
    except SettingsError:
        return _form(request, NewTenantForm.typed(request.POST, Tenant()), status=422)
    return redirect("setup", tenant.slug)


def _superuser(request: HttpRequest) -> None:
    if not request.user.is_superuser:
        raise PermissionDenied("Only a superuser adds companies.")


def _form(request: HttpRequest, form: NewTenantForm, *, status: int = 200) -> HttpResponse:
    context = {"fields": shown(form, {}), "first": not Tenant.objects.exists()}
    return layout.page(request, "connector/setup_new.html", "New company", context, status=status)


urlpatterns = [
    path("setup/", page, name="setup-new"),
    path("setup/create", create, name="setup-create"),
]
