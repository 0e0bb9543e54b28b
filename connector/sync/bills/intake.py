"""What Ramp says of claimed bills in this run, and the drafts of those that can go on."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils import timezone

from audit.ledger.models import Posting
from connector.domain.errors import Hold, InvalidBillError, Reason
from connector.ramp.bill_content import content_hash
from connector.ramp.bills import parse_bill
from connector.ramp.errors import NotFoundError
from connector.sync import clock
from connector.sync.bills import payment_hold
from connector.sync.bills.duplicates import lenient
from connector.sync.bills.prepare import Payloads, Prepared, entered_draft, prepare
from connector.sync.bills.pull import take
from connector.sync.bills.ramp_status import Stop, gone_in_epicor, is_synced, stops
from connector.sync.bills.recovery import not_found
from connector.sync.context import Cycle
from connector.sync.models import Bill


@dataclass(frozen=True, slots=True)
class Intake:
    """A slice sorted: what can go on, what waits for a person, and what only has to wait.

    `blind`: looked up without a draft: in doubt, and cannot be drafted because of the hold; or
    Ramp has it as synced, and it waits with the hold unless it is ours.
    """

    ready: list[Prepared] = field(default_factory=list)
    held: list[tuple[Posting, Hold]] = field(default_factory=list)
    later: list[tuple[Posting, str]] = field(default_factory=list)
    blind: list[tuple[Posting, Hold]] = field(default_factory=list)

    @classmethod
    def joined(cls, several: Sequence["Intake"]) -> "Intake":
        """One of several."""
        whole = cls()
        for one in several:
            whole.ready.extend(one.ready)
            whole.held.extend(one.held)
            whole.later.extend(one.later)
            whole.blind.extend(one.blind)
        return whole


def take_in(cycle: Cycle, slice_: Sequence[Posting]) -> Intake:
    """Read what was not read in this run yet, apply Ramp's say, and draft the rest.

    Raises AccessError, TransientError (Ramp).
    """
    payloads = _fresh(cycle, slice_)
    stops_by_bill = stops(cycle.tenant.pk, slice_, payloads)
    held: list[tuple[Posting, Hold]] = []
    later: list[tuple[Posting, str]] = []
    rest: list[Posting] = []
    blind = _perhaps_ours(cycle, slice_, stops_by_bill, payloads)
    looked_up = {posting.pk for posting, _ in blind}
    for posting in slice_:
        if posting.pk in looked_up:
            continue
        stop = _stopped(posting, stops_by_bill.get(posting.bill_id), payloads[posting.bill_id])
        if stop is None:
            rest.append(posting)
        elif isinstance(stop, Hold):
            held.append((posting, stop))
        else:
            later.append((posting, stop))
    unchanged = _as_entered(rest, payloads)
    unkept = [p for p in rest if p.in_epicor and not p.entered_as and p.pk not in unchanged]
    others = [p for p in rest if p.pk not in unchanged and p not in unkept]
    ready, unprepared = prepare(cycle, others, payloads)
    if unkept:  # what is there already broke no rule about entering
        as_found, not_coded = prepare(lenient(cycle, any_period=True), unkept, payloads)
        ready, unprepared = ready + as_found, unprepared + not_coded
    ready += unchanged.values()
    ready = [_as_paid_now(cycle, job) if job.posting.in_epicor else job for job in ready]
    for posting, hold in unprepared:
        if posting.state == Posting.State.IN_DOUBT:
            blind.append((posting, hold))
        else:
            held.append((posting, hold))
    return Intake(ready, held, later, blind)


def _fresh(cycle: Cycle, slice_: Sequence[Posting]) -> Payloads:
    """The bills as read in this run; those not among the ready ones are read singly."""
    bill_ids = [posting.bill_id for posting in slice_]
    this_run = (cycle.started_at, timezone.now() + clock.DIFFER)  # never a sight in the future
    seen = Bill.objects.filter(tenant=cycle.tenant, bill_id__in=bill_ids, seen_at__range=this_run)
    payloads: dict[str, dict[str, Any]] = dict(seen.values_list("bill_id", "payload"))
    for bill_id in bill_ids:
        if bill_id not in payloads:
            payloads[bill_id] = _read(cycle, bill_id)
    return payloads


def _read(cycle: Cycle, bill_id: str) -> dict[str, Any]:
    try:
        payload = cycle.ramp.bill(bill_id)
    except NotFoundError:
        # What we know of it is still needed to look an invoice up that was perhaps entered.
        known = Bill.objects.filter(tenant=cycle.tenant, bill_id=bill_id).first()
        return {**(known.payload if known else {"id": bill_id}), "archived_at": "unknown"}
    take(cycle, [payload])
    return payload


def _stopped(posting: Posting, stop: Stop | None, payload: Mapping[str, Any]) -> Hold | str | None:
    """Why Ramp does not want it entered: for a person (Hold), for a while (a sentence), or None."""
    if stop is None or posting.state == Posting.State.IN_DOUBT:
        return None  # in doubt, it is perhaps in Epicor: looked up whatever Ramp says
    if posting.in_epicor:
        news = stop.reason == Reason.ARCHIVED and stop.reason not in posting.kept
        return gone_in_epicor(payload) if news else None
    return stop.message if stop.waits else stop.hold


def _perhaps_ours(
    cycle: Cycle, slice_: Sequence[Posting], said: Mapping[str, Stop], payloads: Payloads
) -> list[tuple[Posting, Hold]]:
    """What Ramp has as synced though our record does not: looked up before it waits."""
    found = []
    for posting in slice_:
        payload = payloads[posting.bill_id]
        stop = said.get(posting.bill_id)
        waits = stop is None or stop.waits or posting.state != Posting.State.IN_FLIGHT
        if stop is not None and not waits and is_synced(payload):
            found.append((posting, not_found(cycle.tenant.slug, stop, payload)))
    return found


def _as_paid_now(cycle: Cycle, job: Prepared) -> Prepared:
    """What is entered, with the payment hold that the bill's payments ask for now."""
    setting = cycle.policy.pay_hold
    draft = payment_hold.with_hold(job.posting, job.draft, job.bill.payer, setting=setting)
    return replace(job, draft=draft)


def _as_entered(slice_: Sequence[Posting], payloads: Payloads) -> dict[int, Prepared]:
    """Bills that are as they were entered: compared with what was entered, by posting id.

    Not coded anew: a mapping or a period that changed since does not change an old invoice.
    """
    found = {}
    for posting in slice_:
        payload = payloads[posting.bill_id]
        draft = entered_draft(posting)
        if draft is not None and content_hash(payload) == posting.entered_hash:
            with suppress(InvalidBillError):  # accepted so by a person: coding it says why
                found[posting.pk] = Prepared(posting, parse_bill(payload), None, draft)
    return found
