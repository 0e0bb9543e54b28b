"""The start: Today of the only tenant that the person may see, or a chooser."""

from typing import TYPE_CHECKING, cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_safe

from connector.tenants.models import Tenant
from connector.web import layout

if TYPE_CHECKING:
    from django.contrib.auth.models import User


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Today of the only tenant that the person may see, or a chooser; the first one is set up."""
    tenants = Tenant.objects.all()
    if not request.user.is_superuser:
        tenants = tenants.filter(memberships__user=cast("User", request.user))
    found = list(tenants)
    if not found and request.user.is_superuser:
        return redirect("setup-new")
    if len(found) == 1:
        return redirect("today", found[0].slug)
    return layout.page(request, "connector/chooser.html", "Choose a company", {"tenants": found})


urlpatterns = [path("", home, name="home")]
