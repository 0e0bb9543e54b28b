"""Why a posting waits for a person: what its hold says, and the references that block it.

Blockers are rows, so that "what does this mapping free?" is a query.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Q
from django.utils import timezone

from audit.canonical_json import digest, plain, text
from audit.ledger.models import Blocker, Posting
from connector.domain.errors import Gap, Hold, Reason

# The columns of a posting without hold.
NONE: Mapping[str, Any] = {
    "hold_reason": "",
    "hold_message": "",
    "hold_detail": {},
    "hold_version": "",
    "hold_opened_at": None,
    "snoozed_until": None,  # put off was this hold, not the next one
}

PAYS = "pays"  # in a hold's detail, and then in what is kept: who pays and the payment hold
ASKED = "asked_for"  # in what is kept: who paid when something entered without draft was looked at
GONE = "gone"  # in a hold's detail: the invoice is not in Epicor any more
# Of a detail: what is another one in each answer, and the line of a program that broke.
_EACH_TIME = frozenset({"correlation_id", "trace_id", "where"})


def suspects(posting: Posting) -> list[dict[str, Any]]:
    """The invoices in Epicor, and the bills of ours, that its hold suspects to be the same."""
    if posting.hold_reason != Reason.DUPLICATE_SUSPECTED:
        return []
    return list(posting.hold_detail.get("twins") or ())


def is_open(posting: Posting, hold: Hold) -> bool:
    """Whether exactly this hold is open already and nobody works on the posting."""
    doubted = posting.state == Posting.State.IN_DOUBT  # is looked up again all the same
    idle = not posting.lease_owner and (doubted or posting.not_before is None)
    return idle and has_hold(posting, hold)


def has_hold(posting: Posting, hold: Hold) -> bool:
    """Whether the posting has this hold; its message is not compared."""
    return bool(posting.hold_reason) and posting.hold_version == version(hold)


def version(hold: Hold) -> str:
    """A hash of what a hold says: reason, facts and blockers. Never its words, which may improve.

    Nor what each answer of another system has anew.
    """
    facts = _lasting(hold.detail)
    blockers = [
        [g.reason, g.kind, g.company, g.ramp_id, g.name, g.lines, g.facts] for g in hold.gaps
    ]
    return digest(plain({"reason": hold.reason, "detail": facts, "blockers": blockers}))


def _lasting(value: Any) -> Any:
    """Without what each answer has anew, however deep it lies."""
    if isinstance(value, Mapping):
        return {name: _lasting(one) for name, one in value.items() if name not in _EACH_TIME}
    return [_lasting(one) for one in value] if isinstance(value, list | tuple) else value


def as_seen(posting: Posting) -> Q:
    """That it has exactly the hold that a person saw: another one may name what nobody saw."""
    return Q(hold_reason=posting.hold_reason, hold_version=posting.hold_version)


def columns(posting: Posting, hold: Hold) -> dict[str, Any]:
    """The columns of a posting with this hold; one with another reason opens anew."""
    goes_on = posting.hold_reason == hold.reason and posting.hold_opened_at is not None
    anew = {} if goes_on else {"hold_opened_at": timezone.now(), "snoozed_until": None}
    return {
        "hold_reason": hold.reason,
        "hold_message": text(hold.message),
        "hold_detail": plain(hold.detail),
        "hold_version": version(hold),
        **anew,
    }


def trail_body(hold: Hold) -> dict[str, Any]:
    """The body of the trail's entry about a hold, beside the columns that it changes."""
    gaps = [{"kind": g.kind, "ramp_id": g.ramp_id, "name": g.name} for g in hold.gaps]
    return {"reason": hold.reason, "message": hold.message, "gaps": gaps}


def replace(pairs: Sequence[tuple[Posting, Hold]]) -> None:
    """Gives each posting the blockers its hold names, instead of those it had. Two queries."""
    clear(posting.pk for posting, _ in pairs)
    Blocker.objects.bulk_create(_row(posting, gap) for posting, hold in pairs for gap in hold.gaps)


def clear(posting_ids: Iterable[int]) -> None:
    """Removes the blockers of these postings. One query."""
    Blocker.objects.filter(posting_id__in=list(posting_ids)).delete()


def _row(posting: Posting, gap: Gap) -> Blocker:
    return Blocker(
        posting=posting,
        reason=gap.reason,
        kind=text(gap.kind, 64),
        company=text(gap.company, 16),
        ramp_id=text(gap.ramp_id, 255),
        name=text(gap.name, 255),
        message=text(gap.message),
    )
