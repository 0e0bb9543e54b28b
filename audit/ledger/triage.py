"""Who looks after a bill that waits, until when it is put off, and what people note about it.

Nothing here changes a posting's state or its hold. Each change names what the person saw and is
written with its entry in the trail; where that changed meanwhile, the posting is left alone.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from audit.canonical_json import text
from audit.ledger.models import Posting
from audit.trail import log
from audit.trail.models import AuditEntry
from audit.transitions import change_some, entry

LONGEST_NOTE = 2000


def seen(posting: Posting) -> str:
    """A short mark of everything that a person who decides about a posting has in view."""
    until = posting.snoozed_until
    facts = (
        posting.state,
        posting.hold_reason,
        posting.hold_version,
        posting.seen_hash,
        posting.given_num,
        posting.assignee,
        until.isoformat() if until else "",
    )
    return hashlib.sha256("\x1f".join(facts).encode()).hexdigest()[:12]


def assign(postings: Sequence[Posting], assignee: str, *, actor: str) -> list[int]:
    """`assignee` ("" = nobody) looks after these now; returns the ids of those that changed.

    Only what waits for a person and is still with whom the given postings say.
    """
    return _move(postings, "assignee", text(assignee, 150), "posting.assigned", actor)


def snooze(postings: Sequence[Posting], until: datetime | None, *, actor: str) -> list[int]:
    """Not to be shown first before `until` (None: to be shown again); returns the changed ids.

    Only what waits for a person and is still put off as the given postings say.
    """
    action = "posting.snoozed" if until else "posting.woken"
    return _move(postings, "snoozed_until", until, action, actor)


def note(postings: Sequence[Posting], words: str, *, actor: str) -> int:
    """Write what a person noted about each of these into the trail; says how many.

    ValueError when there are no words, or more than LONGEST_NOTE characters.
    """
    note_text = text(words.strip())
    if not note_text:
        raise ValueError("Write what is to be noted; nothing was changed.")
    if len(note_text) > LONGEST_NOTE:
        raise ValueError(
            f"The note has {len(note_text):,} characters and {LONGEST_NOTE:,} fit; shorten it. "
            "Nothing was changed."
        )
    return log.record_many(entry(p, "posting.noted", {"note": note_text}, actor) for p in postings)


def notes(
    tenant_id: int, bill_ids: Iterable[str], *, most: int = 200
) -> dict[str, list[AuditEntry]]:
    """The latest notes (AuditEntry) about these bills, by bill id, newest first. One query."""
    rows = AuditEntry.objects.filter(
        tenant_id=tenant_id,
        subject_kind="posting",
        subject_id__in=list(bill_ids),
        action="posting.noted",
    )
    found: dict[str, list[AuditEntry]] = defaultdict(list)
    for row in rows.order_by("-at")[:most]:
        found[row.subject_id].append(row)
    return dict(found)


def _move(postings: Sequence[Posting], name: str, value: Any, action: str, actor: str) -> list[int]:
    by_seen: dict[Any, list[Posting]] = defaultdict(list)
    for posting in postings:
        if getattr(posting, name) != value:
            by_seen[getattr(posting, name)].append(posting)
    moved: list[int] = []
    with transaction.atomic():
        for seen, some in by_seen.items():
            same = Q(**{name: seen}) & ~Q(hold_reason="")
            moved += change_some(some, same, {name: value}, action, actor, {})
    return moved
