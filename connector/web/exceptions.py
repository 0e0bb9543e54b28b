"""Exceptions: what waits for a person, by cause, with the next step for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import F, Q, Window
from django.db.models.functions import RowNumber
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_safe

from audit.access import requires
from audit.models import Blocker
from audit.queue import Cause, ExceptionQueue, Item
from audit.queue import exceptions as exception_queue
from connector.models import Tenant
from connector.web import shell
from connector.web.money import total

_CAUSES_A_PAGE = 25
_EXAMPLES = 5


@require_safe
@requires("view")
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """What waits for a person, by cause, with the next step for each."""
    tenant = shell.tenant_of(request)
    queue = exception_queue(tenant.pk)
    found = Paginator(queue.causes, _CAUSES_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "total": total(queue),
        "rows": cause_rows(tenant, queue, list(found)),
        "page_obj": found,
        "query": "",
    }
    return shell.page(request, "connector/exceptions.html", "Exceptions", context)


@dataclass(frozen=True, slots=True)
class CauseRow:
    """A cause on the exceptions page with its first bills and the way to all of them."""

    cause: Cause
    examples: list[Item]
    query: str

    @property
    def more(self) -> int:
        """How many bills are not among the examples."""
        return self.cause.bills - len(self.examples)


def cause_rows(tenant: Tenant, queue: ExceptionQueue, causes: Sequence[Cause]) -> list[CauseRow]:
    """These causes with examples; one query however many there are."""
    items = {item.posting_id: item for item in queue.items}
    blocked = _first_blocked(tenant, [cause for cause in causes if cause.kind])
    rows = []
    for cause in causes:
        if cause.kind:
            ids = blocked.get(_key(cause), [])
            examples = [items[pk] for pk in ids if pk in items]
        else:
            same = (item for item in queue.items if item.reason == cause.reason)
            examples = [item for item, _ in zip(same, range(_EXAMPLES), strict=False)]
        rows.append(CauseRow(cause, examples, cause_query(cause)))
    return rows


def cause_query(cause: Cause) -> str:
    """The query string that lists all bills of a cause."""
    if not cause.kind:
        return urlencode({"reason": cause.reason})
    return urlencode({"kind": cause.kind, "ref": cause.ramp_id, "company": cause.company})


def _key(cause: Cause) -> tuple[str, str, str, str]:
    return cause.reason, cause.kind, cause.ramp_id, cause.company


def _first_blocked(
    tenant: Tenant, causes: Sequence[Cause]
) -> dict[tuple[str, str, str, str], list[int]]:
    """The first few postings of each cause."""
    if not causes:
        return {}
    these = reduce(
        or_,
        (Q(reason=c.reason, kind=c.kind, ramp_id=c.ramp_id, company=c.company) for c in causes),
    )
    numbered = Blocker.objects.filter(these, posting__tenant=tenant).exclude(
        posting__hold_reason=""
    )
    place = Window(
        RowNumber(),
        partition_by=[F("reason"), F("kind"), F("ramp_id"), F("company")],
        order_by=F("id").asc(),
    )
    found: dict[tuple[str, str, str, str], list[int]] = {}
    for reason, kind, ramp_id, company, posting_id in (
        numbered.annotate(place=place)
        .filter(place__lte=_EXAMPLES)
        .order_by("id")
        .values_list("reason", "kind", "ramp_id", "company", "posting_id")
    ):
        ids = found.setdefault((reason, kind, ramp_id, company), [])
        if posting_id not in ids:  # a bill may name the same thing on several lines
            ids.append(posting_id)
    return found


urlpatterns = [path("exceptions/", page, name="exceptions")]
