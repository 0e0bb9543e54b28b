"""Jobs before going live: bills typed by hand, and the first rehearsal of real ones.

Nothing here writes to Ramp or to Epicor.
"""

import time
from typing import Any

from django.db.models import QuerySet

from audit.ledger.models import Posting
from connector.actions.tenant_setup import REHEARSAL, TWINS
from connector.domain.errors import Hold
from connector.domain.money import format_money
from connector.jobs import lease
from connector.jobs.models import Job
from connector.jobs.registry import Done, JobError, job
from connector.sync.bills.duplicate_list import list_duplicates
from connector.sync.bills.prepare import Prepared
from connector.sync.bills.pull import pull_page
from connector.sync.bills.rehearse import rehearse
from connector.sync.catalogs import refresh
from connector.sync.context import Cycle, open_cycle

TEN = 10
READ_S = 150.0  # reading ready bills; the rest of a job's time is for comparing them
_MOST_SHOWN = 200


@job(TWINS)
def twins(job: Job) -> Done:
    """Read the ready bills and compare them with what people typed into Epicor."""
    tenant = job.tenant
    read, all_of_them = _pull(job, enough=None)
    found = list_duplicates(tenant)
    shown = [
        {
            "bill": one.bill,
            "number": one.number,
            "amount": format_money(one.amount, one.currency),
            "twins": one.twins,
        }
        for one in found.items[:_MOST_SHOWN]
    ]
    missed = found.left_out if all_of_them else max(1, found.left_out)
    data = {"count": len(found.items), "read": read, "missed": missed, "all": all_of_them}
    compared = {"compared": found.compared, "left_out": found.left_out}
    return Done("twins_compared", {**data, **compared}, {**data, "twins": shown})


@job(REHEARSAL)
def rehearsal(job: Job) -> Done:
    """Rehearse ten real bills: what would be entered, or why not. Nothing is written."""
    tenant = job.tenant
    _pull(job, enough=TEN * 5)
    chosen = _ten(Posting.objects.filter(tenant=tenant, state=Posting.State.QUEUED))
    if not chosen:
        return Done("nothing_to_rehearse", details={"bills": []})
    cycle = open_cycle(tenant, dry_run=True)
    try:
        ready, held = rehearse(cycle, chosen)
    finally:
        cycle.remember()
        cycle.close()
    by_bill = {one.posting.bill_id: _would_enter(one) for one in ready}
    by_bill |= {posting.bill_id: _would_wait(posting, hold) for posting, hold in held}
    bills = [by_bill[p.bill_id] for p in chosen if p.bill_id in by_bill]
    return Done("rehearsed", {"ready": len(ready), "held": len(held)}, {"bills": bills})


def _pull(job: Job, *, enough: int | None) -> tuple[int, bool]:
    """Read catalogs that are old and ready bills; how many bills, and whether those were all."""
    until = time.monotonic() + READ_S
    cycle = open_cycle(job.tenant, dry_run=True)
    try:
        if not cycle.companies:
            raise JobError("no_companies")
        while refresh(cycle, kinds=frozenset({"bills"}), stop_at=time.monotonic()):
            if time.monotonic() > until:
                raise JobError("lists_too_long")
        return _pages(cycle, job, until, enough)
    finally:
        cycle.remember()
        cycle.close()


def _pages(cycle: Cycle, job: Job, until: float, enough: int | None) -> tuple[int, bool]:
    start = ""
    seen: set[str] = set()
    while True:
        start = pull_page(cycle, start)
        read = cycle.counts.fetched
        lease.report(job, read)
        if not start or start in seen:
            return read, True
        seen.add(start)
        if time.monotonic() > until or (enough is not None and read >= enough):
            return read, False


def _ten(queued: QuerySet[Posting]) -> list[Posting]:
    """Ten bills as different as possible: each vendor once before any comes twice."""
    rows = list(queued.order_by("-id")[:500])
    taken: dict[tuple[str, str], int] = {}
    turns: list[tuple[int, int, Posting]] = []
    for row in rows:
        key = (row.entity_id, row.vendor_ramp_id)
        taken[key] = taken.get(key, 0) + 1
        turns.append((taken[key], len(turns), row))
    return [row for _, _, row in sorted(turns, key=lambda turn: turn[:2])[:TEN]]


def _would_enter(ready: Prepared) -> dict[str, Any]:
    draft = ready.draft
    currency = draft.currency_code
    return {
        **_bill(ready.posting),
        "ok": True,
        "company": draft.company,
        "vendor": draft.vendor_id,
        "invoice": draft.invoice_num,
        "apply_on": draft.apply_date.isoformat(),
        "due_on": draft.due_date.isoformat(),
        "terms": draft.terms_code,
        "total": format_money(draft.total, currency),
        "lines": [
            {
                "account": line.account,
                "amount": format_money(line.amount, currency),
                "text": line.description,
            }
            for line in draft.lines
        ],
    }


def _would_wait(posting: Posting, hold: Hold) -> dict[str, Any]:
    return {
        **_bill(posting),
        "ok": False,
        "reason": hold.reason.value,
        "message": hold.message,
        "next_step": hold.reason.words.next_step,
    }


def _bill(posting: Posting) -> dict[str, Any]:
    amount = "unreadable"
    if posting.amount is not None:
        amount = format_money(posting.amount, posting.currency)
    return {
        "bill": posting.bill_id,
        "number": posting.invoice_num,
        "vendor_name": posting.vendor_name,
        "amount": amount,
    }
