"""Bills: all of them, filtered, sorted, with their money, as a page and as a file."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponseBase,
    QueryDict,
    StreamingHttpResponse,
)
from django.urls import path, reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_POST, require_safe

from audit.ledger.models import Blocker
from audit.permissions import requires
from audit.trail import log
from connector.tenants.models import Tenant, zone_of
from connector.web import exports, layout
from connector.web.bills import saved_views as bills_saved_views
from connector.web.bills.filters import BillFilter
from connector.web.bills.rows import SORTS, Page, page_of
from connector.web.models import SavedView
from connector.web.money import Pile, pile_of
from connector.web.sync_status import is_connected

if TYPE_CHECKING:
    from django.contrib.auth.models import User

_HEADINGS = {"id": "Bill", "amount": "Amount", "due": "Due", "entered": "Entered"}


@require_safe
@requires("view")
def page(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The bills that fit; the results alone when the filter changes under the person's hands."""
    tenant = layout.tenant_of(request)
    chosen = BillFilter(request.GET, tenant)
    here = _here(request, chosen)
    context: dict[str, Any] = {"listing": listing(chosen), "filter": chosen, "here": here}
    context["connected"] = partial(is_connected, tenant)  # asked only where nothing is listed
    if layout.is_part(request) and "HX-History-Restore-Request" not in request.headers:
        answer = layout.part(request, "connector/bill_list_part.html", context)
        answer.headers["HX-Push-Url"] = here
    else:
        context["views"] = saved_views(tenant, cast("User", request.user), chosen, request.path)
        answer = layout.page(request, "connector/bill_list.html", "Bills", context)
    patch_vary_headers(answer, ["HX-Request"])
    return answer


@require_POST
@requires("view")
def export(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The bills that fit as a file (CSV, or Excel up to 100,000 bills); noted in the trail."""
    tenant = layout.tenant_of(request)
    chosen = BillFilter(QueryDict(request.POST.get("query", "")), tenant)
    kind, home = request.POST.get("format", ""), reverse("bills", args=[slug])
    back = f"{home}?{chosen.query}" if chosen.query else home
    count = chosen.found.count()
    problem = _no_export(chosen, kind, count)
    if problem:
        return layout.done(request, problem, back, good=False)
    text = ", ".join(f"{name}={value}" for name, value in chosen.chosen.items())
    body = {"filter": text, "rows": count, "format": kind}
    log.record(
        tenant.pk,
        "bills.exported",
        subject_kind="tenant",
        subject_id=tenant.slug,
        actor=layout.actor(request),
        body=body,
    )
    return _file(tenant, chosen, kind)


def _no_export(chosen: BillFilter, kind: str, count: int) -> str:
    """Why there can be no file, as a sentence; "" when there can."""
    if kind not in ("csv", "xlsx"):
        return "Choose CSV or Excel. Nothing was exported."
    if not chosen.form.is_valid():
        return "This filter has a mistake, so nothing was exported. Correct it, then export again."
    if kind == "xlsx" and count > exports.XLSX_ROWS:
        return (
            f"{count:,} bills are too many for an Excel file ({exports.XLSX_ROWS:,} at most). "
            "Nothing was exported. Export CSV, which has no limit, or narrow the filter."
        )
    return ""


def _file(tenant: Tenant, chosen: BillFilter, kind: str) -> HttpResponseBase:
    name = f"bills-{tenant.slug}-{timezone.localdate().isoformat()}.{kind}"
    zone = zone_of(tenant)
    if kind == "xlsx":
        file = exports.as_xlsx(exports.read(chosen.found), zone)
        return FileResponse(file, as_attachment=True, filename=name)
    rows = exports.as_csv(exports.records(chosen.found, zone))
    answer = StreamingHttpResponse(rows, content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@dataclass(frozen=True, slots=True)
class Heading:
    """A column that the list can be sorted by: where a click leads, and how it is sorted now."""

    name: str
    label: str
    query: str
    sorted: str  # ascending, descending, none: aria-sort


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of the bills that fit, and what all of them are worth."""

    page: Page
    pile: Pile
    cause: str  # what holds these bills, where a cause is filtered by
    headings: dict[str, Heading]
    query: str  # of the list without the page


def listing(chosen: BillFilter) -> Listing:
    """The page of bills that is asked for; nothing while the filter is wrong."""
    found, tenant = chosen.found, chosen.tenant
    after, before = (_pk(chosen.data.get(name)) for name in ("after", "before"))
    if chosen.form.is_valid():
        sort = SORTS[chosen.sort]
        rows = page_of(found, tenant.pk, sort, after=after, before=before)
        pile = pile_of(found)
    else:
        rows, pile = Page([]), Pile()
    headings = {name: _heading(chosen, name) for name in _HEADINGS}
    return Listing(rows, pile, _cause(chosen), headings, chosen.query)


def _here(request: HttpRequest, chosen: BillFilter) -> str:
    """The address of what is shown, without what says nothing."""
    place = {name: pk for name in ("after", "before") if (pk := _pk(chosen.data.get(name)))}
    query = "&".join(part for part in (chosen.query, urlencode(place)) if part)
    return f"{request.path}?{query}" if query else request.path


def _heading(chosen: BillFilter, name: str) -> Heading:
    """The largest or latest first; a second click turns it round."""
    falls, rises = f"-{name}", name
    now = {falls: "descending", rises: "ascending"}.get(chosen.sort, "none")
    following = rises if chosen.sort == falls else falls
    return Heading(name, _HEADINGS[name], chosen.query_with(sort=following), now)


def _cause(chosen: BillFilter) -> str:
    """What a person calls the thing that holds these bills; "" when no cause is filtered by."""
    kind, ref = chosen.data.get("kind"), chosen.data.get("ref", "")
    if not kind or not chosen.form.is_valid():
        return ""
    held = Blocker.objects.filter(kind=kind, ramp_id=ref, posting__tenant=chosen.tenant)
    return held.values_list("name", flat=True).first() or ref or kind


def _pk(text: str | None) -> int | None:
    """The id of a bill in an address; None for what is none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None


@dataclass(frozen=True, slots=True)
class SavedViews:
    """The person's saved views, each with its address, and the one that is open."""

    items: list[tuple[SavedView, str]]
    opened: SavedView | None


def saved_views(tenant: Tenant, user: "User", chosen: BillFilter, home: str) -> SavedViews:
    """What this person saved of the list, by name."""
    views = list(bills_saved_views.views_of(tenant, user))
    pk = _pk(chosen.data.get("view"))
    opened = next((view for view in views if view.pk == pk), None)
    return SavedViews([(view, bills_saved_views.address_of(view, home)) for view in views], opened)


urlpatterns = [
    path("bills/", page, name="bills"),
    path("bills-export/", export, name="bills-export"),
    *bills_saved_views.urlpatterns,
]
