"""The list of bills: its orders, and its pages, which take the same time at any depth.

A page begins after (or ends before) a bill, so that bills that come and go meanwhile neither
repeat nor skip others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from django.db.models import Q, QuerySet

from audit.ledger.models import Posting

A_PAGE = 50
_SHOWN = (
    "pk",
    "tenant_id",
    "bill_id",
    "state",
    "hold_reason",
    "invoice_num",
    "vendor_name",
    "amount",
    "currency",
    "issued_on",
    "due_on",
    "entered_at",
    "company",
    "assignee",
)


@dataclass(frozen=True, slots=True)
class Sort:
    """An order of the list; bills without a value come last, whichever way."""

    column: str
    falls: bool


SORTS: Mapping[str, Sort] = MappingProxyType(
    {
        "-id": Sort("id", falls=True),
        "id": Sort("id", falls=False),
        "-amount": Sort("amount", falls=True),
        "amount": Sort("amount", falls=False),
        "-due": Sort("due_on", falls=True),
        "due": Sort("due_on", falls=False),
        "-entered": Sort("entered_at", falls=True),
        "entered": Sort("entered_at", falls=False),
    }
)
NEWEST = "-id"


@dataclass(frozen=True, slots=True)
class Page:
    """Some bills in order; `before` and `after` are where its neighbours end and begin."""

    rows: list[Posting]
    before: int | None = None  # None = this is the first page
    after: int | None = None  # None = this is the last page


def page_of(
    found: QuerySet[Posting],
    tenant_id: int,
    sort: Sort,
    *,
    after: int | None = None,
    before: int | None = None,
    size: int = A_PAGE,
) -> Page:
    """The page that follows the bill `after` or precedes the bill `before` (Posting ids).

    Without either, or where the tenant has no such bill, the first one. At most five queries,
    none of which reads over rows that it does not give.
    """
    start = after if before is None else before
    place = _place(tenant_id, sort, start) if start is not None else None
    backwards = before is not None and place is not None
    rows = _walk(_parts(found, sort, place, backwards=backwards), size + 1)
    more, rows = len(rows) > size, rows[:size]
    if place is None:
        return Page(rows, after=rows[-1].pk if more else None)
    if backwards and not more:
        return page_of(found, tenant_id, sort, size=size)
    if backwards:
        rows.reverse()
    first, last = (rows[0].pk, rows[-1].pk) if rows else (place[0], None)
    return Page(rows, before=first, after=last if more or backwards else None)


_Place = tuple[int, Any]  # a bill's id, and its value in the order
_Part = tuple[QuerySet[Posting], list[str]]  # some of the bills, and by what they are ordered


def _place(tenant_id: int, sort: Sort, pk: int) -> _Place | None:
    return Posting.objects.filter(tenant_id=tenant_id, pk=pk).values_list("pk", sort.column).first()


def _walk(parts: Sequence[_Part], size: int) -> list[Posting]:
    """The first bills of these parts. Their ids first: an index has those, with what is filtered
    and sorted by, while a row is a hundred times as long."""
    ids: list[int] = []
    for some, order in parts:
        ids += some.order_by(*order).values_list("pk", flat=True)[: size - len(ids)]
        if len(ids) == size:
            break
    rows = Posting.objects.only(*_SHOWN).in_bulk(ids)
    return [rows[pk] for pk in ids if pk in rows]


def _parts(
    found: QuerySet[Posting], sort: Sort, place: _Place | None, *, backwards: bool
) -> list[_Part]:
    """Where the next bills from a place on are: among those with a value, then those without."""
    column, falls = sort.column, sort.falls is not backwards
    sign, side = ("-", "lt") if falls else ("", "gt")
    pk, value = place or (None, None)
    beyond = Q() if place is None else Q(**{f"id__{side}": pk})
    if column == "id":
        return [(found.filter(beyond), [f"{sign}id"])]
    valued = found.filter(**{f"{column}__isnull": False})
    blank = found.filter(**{f"{column}__isnull": True})
    if value is not None:
        # Said twice, so that the index knows where to begin.
        valued = valued.filter(
            Q(**{f"{column}__{side}": value}) | beyond, **{f"{column}__{side}e": value}
        )
    else:
        blank = blank.filter(beyond)
    parts = [(valued, [f"{sign}{column}", f"{sign}id"]), (blank, [f"{sign}id"])]
    if backwards:
        parts.reverse()
    # A place among those that come second has all of the first ones behind it.
    behind = place is not None and (value is None) is not backwards
    return parts[1:] if behind else parts
