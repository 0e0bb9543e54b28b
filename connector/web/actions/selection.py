"""Which bills an act is about: ticked ones, all of one cause, or all that a filter shows.

What the person saw comes back with the confirmation, so that a bill that changed meanwhile is
left alone and named.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db.models import QuerySet
from django.http import Http404, QueryDict
from django.utils import timezone

from audit.ledger import exceptions
from audit.ledger.exceptions import Key
from audit.ledger.models import Posting
from audit.ledger.triage import seen
from connector.domain.errors import Reason
from connector.tenants.models import Tenant
from connector.web.exceptions.filters import ExceptionFilter

MOST = 5000  # bills at once
_REASONS = frozenset(reason.value for reason in Reason)
_BIG = ("entered_as", "twins_cleared")


class SelectionError(ValueError):
    """What was sent names no bills; the message is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The bills of an act as they are now; `changed` are not as the person saw them.

    `more`: how many fit, too, and are left for the next time.
    """

    postings: list[Posting]
    changed: list[Posting] = field(default_factory=list)
    more: int = 0


def cause_key(data: QueryDict) -> Key | None:
    """The cause that an address or a form names, if it names one."""
    reason, kind, ref, company = (
        data.get(name, "").replace("\x00", "")[:255] for name in ("cause", "kind", "ref", "at")
    )
    return (reason, kind, ref, company) if reason in _REASONS else None


def cause_values(key: Key) -> dict[str, str]:
    """The parameters that name a cause, for an address or a form."""
    return dict(zip(("cause", "kind", "ref", "at"), key, strict=True))


def as_seen(postings: list[Posting]) -> str:
    """The bills and what was in view of them, as the confirmation brings it back."""
    return ",".join(f"{posting.pk}:{seen(posting)}" for posting in postings)


def selected_bills(tenant: Tenant, data: QueryDict, *, actor: str) -> Selection:
    """The bills that a form means: confirmed ones, one, a whole cause or list, or ticked ones.

    Raises SelectionError, and Http404 for a bill that is not theirs.
    """
    chosen = data.get("chosen")
    if isinstance(chosen, str) and chosen:
        return _as_confirmed(tenant, chosen)
    if data.get("only"):  # the button of one row
        return Selection(_by_id(tenant, [_number(str(data.get("only")))]))
    if data.get("whole"):
        return _whole(tenant, data, actor)
    ids = [_number(text) for text in data.getlist("ids")]
    return Selection(_by_id(tenant, ids))


def _as_confirmed(tenant: Tenant, chosen: str) -> Selection:
    pairs = [part.partition(":") for part in chosen.split(",")]
    marks: Mapping[int, str] = {_number(pk): mark for pk, _, mark in pairs}
    now = _by_id(tenant, list(marks))
    same = [posting for posting in now if seen(posting) == marks[posting.pk]]
    return Selection(same, [posting for posting in now if seen(posting) != marks[posting.pk]])


def _whole(tenant: Tenant, data: QueryDict, actor: str) -> Selection:
    wanted = ExceptionFilter(data, tenant).wanted(actor)
    rows: QuerySet[Posting] = exceptions.waiting(tenant.pk, wanted, timezone.now())
    key = cause_key(data)
    if key is not None:
        rows = exceptions.of_cause(rows, key)
    found = list(rows.defer(*_BIG).order_by("pk")[: MOST + 1])
    more = rows.count() - MOST if len(found) > MOST else 0
    return Selection(found[:MOST], more=more)


def _by_id(tenant: Tenant, ids: list[int]) -> list[Posting]:
    wanted = list(dict.fromkeys(ids))
    if not wanted:
        raise SelectionError("No bill is picked. Tick at least one, then ask again.")
    if len(wanted) > MOST:
        raise SelectionError(
            f"{len(wanted):,} bills are picked, and {MOST:,} can be done at once. Pick fewer. "
            "Nothing was changed."
        )
    rows = Posting.objects.filter(tenant=tenant, pk__in=wanted).defer(*_BIG)
    found = {posting.pk: posting for posting in rows}
    if len(found) != len(wanted):
        raise Http404("No such bill.")
    return [found[pk] for pk in wanted]


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise SelectionError("The bills cannot be read. Load the page again. Nothing was changed.")
    return int(text)
