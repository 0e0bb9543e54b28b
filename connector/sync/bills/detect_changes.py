"""Looks again at bills that are not in the ready list any more: edits, archived ones, rejected.

Ramp cannot say what was updated since. So each run spends a few requests: the newest bills at
every run, older and archived ones in rotation, until all of the last weeks have been seen again.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from django.utils import timezone

from connector.domain.errors import RejectedError
from connector.ramp.bill_content import content_hash
from connector.sync.bills.pull import hold_broken, mirror, postings_of, see_again
from connector.sync.bills.ramp_status import is_synced
from connector.sync.bills.recovery import recover
from connector.sync.context import Cycle
from connector.sync.narrow import narrow
from connector.tenants.models import LearnedFact

logger = logging.getLogger(__name__)

HISTORY = timedelta(days=90)
RECENT = timedelta(days=7)
FACT = "sweep"
_Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Track:
    """One way through history; its place is remembered, and it begins anew at its end."""

    name: str
    pages: int  # requests a run
    archived: bool
    newest: timedelta | None  # how old bills are at least; None = up to now
    oldest: timedelta

    def window(self, today: date) -> tuple[date, date | None]:
        """The days of creation, the last one excluded."""
        return today - self.oldest, None if self.newest is None else today - self.newest


TRACKS = (
    Track("recent", 3, archived=False, newest=None, oldest=RECENT),
    Track("archived", 3, archived=True, newest=None, oldest=HISTORY),
    Track("history", 4, archived=False, newest=RECENT, oldest=HISTORY),
)


def detect_page(cycle: Cycle, cursor: Mapping[str, Any]) -> dict[str, Any]:
    """Read one more page of this run's sweep; returns where to go on, {} when it is over."""
    number, used = int(cursor.get("track", 0)), int(cursor.get("pages", 0))
    track = TRACKS[number]
    start = _read(cycle, track, _places(cycle).get(track.name, ""))
    _remember(cycle, track, start)
    if start and used + 1 < track.pages:
        return {"track": number, "pages": used + 1}
    return {"track": number + 1, "pages": 0} if number + 1 < len(TRACKS) else {}


def _read(cycle: Cycle, track: Track, start: str) -> str:
    """One page: what is known of it is looked at; returns the next page's place."""
    first, end = track.window(timezone.now().astimezone(UTC).date())
    filters: dict[str, object] = {"from_created_at": first, "to_created_at": end}
    if track.archived:
        filters["is_archived"] = True
    try:
        page, following = cycle.ramp.bill_page(start, **filters)
    except RejectedError as error:
        if not start:
            raise
        logger.warning("Ramp does not go on with its bills: %s", error.message)
        return ""  # the place is none any more: from the beginning at the next run
    meant = [row for row in page if row.get("id") and _is_meant(row, track, first, end)]
    if len(meant) < len(page):
        logger.warning("Ramp gave %s bills that were not asked for", len(page) - len(meant))
    look_again(cycle, meant)
    return following


def look_again(cycle: Cycle, rows: list[_Row]) -> int:
    """Compare these bills with their postings; of the others only what is ours matters here.

    Returns how many had changed. A bill that cannot be compared is held (bug).
    """
    return sum(narrow(rows, partial(_compare, cycle), partial(hold_broken, cycle)))


def _compare(cycle: Cycle, rows: Sequence[_Row]) -> int:
    known = postings_of(cycle, rows)
    recover(cycle, rows, known)
    kept = [row for row in rows if str(row["id"]) in known or is_synced(row)]
    if not kept:
        return 0
    hashes = {str(row["id"]): content_hash(row) for row in kept}
    mirror(cycle, kept, hashes)
    return see_again(cycle, [row for row in kept if str(row["id"]) in known], known, hashes)


def _is_meant(row: _Row, track: Track, first: date, end: date | None) -> bool:
    """Whether the row is what the filters say: Ramp ignores filters that it does not know."""
    if bool(row.get("archived_at")) != track.archived:
        return False
    try:
        created = datetime.fromisoformat(str(row.get("created_at")))
    except ValueError:
        return True
    if created.tzinfo is None:
        created = created.replace(tzinfo=UTC)
    midnight = datetime(first.year, first.month, first.day, tzinfo=UTC)
    if created < midnight:
        return False
    return end is None or created <= datetime(end.year, end.month, end.day, tzinfo=UTC)


def _places(cycle: Cycle) -> dict[str, str]:
    found = LearnedFact.objects.filter(tenant=cycle.tenant, name=FACT).first()
    return dict(found.value) if found is not None else {}


def _remember(cycle: Cycle, track: Track, start: str) -> None:
    places = _places(cycle)
    if places.get(track.name, "") == start:
        return
    places[track.name] = start
    LearnedFact.objects.update_or_create(tenant=cycle.tenant, name=FACT, defaults={"value": places})
