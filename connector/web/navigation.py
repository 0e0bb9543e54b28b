"""The sidebar: the tenant's pages, and for a superuser everything there is to administer."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from audit.ledger import exceptions as ledger_exceptions
from audit.permissions import can
from connector.tenants import pauses
from connector.tenants.models import Tenant
from mappings import proposals

_WITH_PAGES_BELOW = ("/bills/", "/mappings/", "/setup/", "/settings/", "/people/")


def mappings_to_approve(request: HttpRequest) -> int:
    """How many changes of mappings wait for this person; asked once for each page."""
    known: int | None = getattr(request, "_mappings_to_approve", None)
    if known is None:
        known = 0
        if can(getattr(request, "role", None), "approve_mapping"):
            tenant = request.tenant  # type: ignore[attr-defined]
            known = proposals.waiting_for(tenant.pk, request.user.get_username())
        request._mappings_to_approve = known  # type: ignore[attr-defined]
    return known


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The shell's navigation for this request: groups of items."""
    tenant = getattr(request, "tenant", None)
    if tenant is None:
        start = [_item(request, "Start", "home", reverse("home"))]
        if request.user.is_superuser:
            start.append(_item(request, "New company", "add_business", reverse("setup-new")))
        groups = [_group("", start)]
        return groups + _administration(request)
    slug = tenant.slug
    exceptions = _item(request, "Exceptions", "error", reverse("exceptions", args=[slug]))
    # There even with no number, so that a page that refreshes itself can put one into it.
    number = waiting_now(tenant)
    inner = format_html('<span id="badge-exceptions">{}</span>', f"{number:,}" if number else "")
    exceptions |= {"badge": "exceptions", "badge_callback": inner}
    mappings = reverse("mappings-start", args=[slug])
    items = [
        _item(request, "Today", "today", reverse("today", args=[slug])),
        exceptions,
        _item(request, "Bills", "receipt_long", reverse("bills", args=[slug])),
        _item(request, "Mappings", "swap_horiz", mappings, badge=mappings_to_approve(request)),
        _item(request, "Audit", "history", reverse("audit", args=[slug])),
    ]
    if can(request.role, "manage_settings") and pauses.kind(tenant) == pauses.SETUP:  # type: ignore[attr-defined]
        items.insert(0, _item(request, "Setup", "rocket_launch", reverse("setup", args=[slug])))
    items.append(_item(request, "Settings", "tune", reverse("settings", args=[slug])))
    if can(request.role, "manage_users"):  # type: ignore[attr-defined]
        items.append(_item(request, "People", "group", reverse("people", args=[slug])))
    others = [_item(request, "All companies", "domain", reverse("home"))]
    if request.user.is_superuser:
        others.append(_item(request, "New company", "add_business", reverse("setup-new")))
        link = reverse("admin:index")
        others.append(_item(request, "Administration", "settings", link))
    return [_group(tenant.name, items), _group("More", others)]


def waiting_now(tenant: Tenant) -> int:
    """How many bills wait for a person, as the sidebar says."""
    return (
        ledger_exceptions.waiting(tenant.pk, ledger_exceptions.Wanted(), timezone.now())
        .order_by()
        .count()
    )


def _administration(request: HttpRequest) -> list[dict[str, Any]]:
    return [
        _group(
            str(app["name"]),
            [
                _item(request, str(model["name"]), "", model["admin_url"])
                for model in app["models"]
                if model["admin_url"]
            ],
        )
        for app in admin.site.get_app_list(request)
    ]


def _group(title: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"title": title, "separator": False, "collapsible": False, "items": items}


def _item(request: HttpRequest, title: str, icon: str, link: str, badge: int = 0) -> dict[str, Any]:
    path = request.path
    # A bill's page belongs to the list; "Today" is the start of every tenant address.
    active = path == link or (link.endswith(_WITH_PAGES_BELOW) and path.startswith(link))
    return {
        "title": title,
        "icon": icon,
        "link": link,
        "active": active,
        "has_permission": True,
        "badge": f"{badge:,}" if badge else "",
    }
