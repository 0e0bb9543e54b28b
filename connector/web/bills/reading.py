"""Reads one bill for its page: Ramp's copy, what is sent and why, and what Epicor had when seen.

Neither system is asked: the mirrors, the local catalogs and what was read back before are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from audit.ledger.models import Posting
from audit.writes.models import Attempt
from connector.actions.live_lookup import LOOK
from connector.domain.bill import Bill as RampBill
from connector.domain.difference import Point
from connector.domain.errors import InvalidBillError, Reason
from connector.jobs.models import Job
from connector.ramp.bills import parse_bill
from connector.sync.bills.prepare import entered_draft
from connector.sync.bills.preview import explain, preview_as
from connector.sync.context import open_rules
from connector.sync.models import Bill
from connector.tenants.entities import names_of
from connector.tenants.models import Tenant
from connector.web.bills.comparison import NOTHING, Comparison, Side, Value, compare
from connector.web.bills.disputed import as_disputed, disputes, is_gone, points_of, unnamed
from connector.web.bills.sides import (
    adopted_side,
    epicor_side,
    mirrored_fields,
    ramp_side,
    seed_side,
    sent_side,
)
from mappings.models import CurrencyMapping, EpicorVendor, TargetInvoice

_State = Posting.State
_LOOKS = 5
_MISSING = "It is said to be in Epicor, but was not found there."
_ENDED = {
    _State.REMOVED: "The invoice was removed from Epicor, so nothing is sent any more.",
    _State.DISMISSED: "The bill is dismissed, so nothing is sent for it.",
}


@dataclass(frozen=True, slots=True)
class FromRamp:
    """Ramp's side: the bill, or why it cannot be shown."""

    payload: Mapping[str, Any] | None = None
    bill: RampBill | None = None
    problem: str = ""
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """What is or would be sent; `note` says what it is, `problems` what stops it."""

    note: str
    side: Side | None = None
    problems: list[dict[str, Any]] = field(default_factory=list)
    coding: list[dict[str, Any]] = field(default_factory=list)
    request: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class InEpicor:
    """What Epicor had when it was last seen, how that is known, and what is strange about it."""

    note: str
    side: Side | None = None
    at: datetime | None = None
    strange: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """When the invoice was last found right, and when a hold last said what is wrong with it."""

    verified_at: datetime | None = None
    held_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LastLookup:
    """The last look in Epicor that a person asked for: under way, or what came of it."""

    job: Job | None = None

    @property
    def moves(self) -> bool:
        """Whether a worker is still to do it."""
        return self.job is not None and self.job.finished_at is None


@dataclass(frozen=True, slots=True)
class BillComparison:
    """The three sides of a bill and where they differ."""

    posting: Posting
    ramp: FromRamp
    sent: Sent
    epicor: InEpicor
    looking: LastLookup
    comparison: Comparison

    @property
    def disputed(self) -> bool:
        """Whether an open hold says that Epicor has something else than the bill."""
        return self.posting.in_epicor and disputes(self.posting)

    @property
    def next_step(self) -> str:
        """What an accountant does next about a bill that is in Epicor as it should be, or ""."""
        posting = self.posting
        if not posting.in_epicor or posting.hold_reason or self.epicor.side is None:
            return ""
        posted = self.epicor.side.fields.get("Posted", NOTHING).text
        group = f"group {posting.group_id} of {posting.company}"
        where = group if posting.group_id else posting.company
        if posted == "yes":
            return f"Posted in Epicor, in {where}. Nothing is left to do here."
        then = f"Next: review and post the {'group' if posting.group_id else 'invoice'} in Epicor."
        return f"Unposted in {where}. {then}" if posted else f"Entered unposted in {where}. {then}"

    @property
    def agreement(self) -> str:
        """What was compared, where no difference was found; "" where nothing could be."""
        points, sent = self.comparison.with_epicor, self.comparison.with_ramp
        if points:
            return f"No difference in the {points} point{_s(points)} that Epicor’s side tells."
        if self.posting.in_epicor:
            return "" if self.epicor.strange else "Nothing that Epicor has is known to compare."
        if sent:
            text = "What will be sent is as Ramp says"
            return f"{text}, in {sent} point{_s(sent)}; in Epicor there is nothing to compare."
        return ""

    @property
    def points(self) -> list[Point]:
        """In what the open hold says that they differ."""
        return points_of(self.posting)


def _s(number: int) -> str:
    return "" if number == 1 else "s"


def bill_comparison(posting: Posting, ramp: FromRamp, seen: Seen) -> BillComparison:
    """The three sides; a constant number of queries, however long the bill."""
    tenant = posting.tenant
    sent = read_sent(posting, ramp)
    looks = Job.objects.filter(tenant=tenant, kind=LOOK, subject=posting.bill_id)
    recent = list(looks.order_by("-id")[:_LOOKS])
    epicor = _in_epicor(posting, sent, seen, recent)
    codes = CurrencyMapping.objects.filter(
        tenant=tenant, iso=ramp.bill.currency if ramp.bill else ""
    )
    code = codes.values_list("epicor_code", flat=True).first() or ""
    theirs = seed_side(posting)
    if ramp.bill is not None:
        entity = names_of(tenant).get(ramp.bill.entity_id, "")
        theirs = ramp_side(ramp.bill, code, posting.given_num, entity)
    sent, epicor = _with_vendor_names(tenant.pk, sent, epicor)
    return BillComparison(
        posting=posting,
        ramp=ramp,
        sent=sent,
        epicor=epicor,
        looking=LastLookup(recent[0] if recent else None),
        comparison=compare(theirs, sent.side, epicor.side),
    )


def _with_vendor_names(tenant_id: int, sent: Sent, epicor: InEpicor) -> tuple[Sent, InEpicor]:
    """Both sides with what Epicor calls their vendors, before the codes; one query."""
    sides = [side for side in (sent.side, epicor.side) if side is not None]
    keys = {
        (_text(side, "Epicor company"), side.fields.get("Vendor", NOTHING).means) for side in sides
    }
    numbers = [number for _, number in keys if isinstance(number, int)]
    known = EpicorVendor.objects.filter(tenant_id=tenant_id, vendor_num__in=numbers)
    rows = known.values_list("company", "vendor_num", "name") if numbers else []
    names = {(company, number): name for company, number, name in rows}
    return (
        replace(sent, side=_with_vendor_name(sent.side, names)),
        replace(epicor, side=_with_vendor_name(epicor.side, names)),
    )


def _with_vendor_name(side: Side | None, names: Mapping[Any, str]) -> Side | None:
    vendor = NOTHING if side is None else side.fields.get("Vendor", NOTHING)
    name = "" if side is None else names.get((_text(side, "Epicor company"), vendor.means), "")
    if side is None or not name:
        return side
    return replace(
        side, fields={**side.fields, "Vendor": Value(f"{name} · {vendor.text}", vendor.means)}
    )


def _text(side: Side, name: str) -> str:
    return side.fields.get(name, NOTHING).text


def read_ramp(tenant: Tenant, bill_id: str) -> FromRamp:
    """Ramp's copy of a bill as it was last read; one query."""
    mirror = Bill.objects.filter(tenant=tenant, bill_id=bill_id).first()
    if mirror is None:
        return FromRamp(problem="Ramp's copy of the bill is not here yet; the next cycle reads it.")
    try:
        return FromRamp(mirror.payload, parse_bill(mirror.payload), seen_at=mirror.seen_at)
    except InvalidBillError as error:
        return FromRamp(mirror.payload, problem=error.message, seen_at=mirror.seen_at)


def read_sent(posting: Posting, ramp: FromRamp) -> Sent:
    """What was sent of an entered bill, else what would be sent now."""
    state = _State(posting.state)
    if posting.in_epicor:
        return _was_sent(posting)
    if state in _ENDED:
        return Sent(_ENDED[state])
    if ramp.payload is None:
        return Sent("What will be sent is worked out once Ramp's copy of the bill is here.")
    found = preview_as(open_rules(posting.tenant), posting, ramp.payload)
    # What the hold or Ramp's side says already is not said again.
    shown = (posting.hold_message, ramp.problem)
    news = [one for one in found.problems if not any(one["message"] in text for text in shown)]
    if found.prepared is None:
        return Sent("Nothing can be sent as the bill and the mappings are.", None, news)
    side = sent_side(found.prepared.draft, found.group_id, posting.currency)
    return Sent("As it would be sent now.", side, news, found.coding, found.request)


def _was_sent(posting: Posting) -> Sent:
    entered_as = posting.entered_as
    if posting.adopted:
        side = adopted_side(entered_as, posting.group_id, posting.currency)
        return Sent("Nothing: a person said that an invoice typed by hand is this bill.", side)
    coding = _coding_of(posting)
    draft = entered_draft(posting)
    if draft is not None:
        side = sent_side(draft, posting.group_id, posting.currency)
        return Sent("As it was sent.", side, coding=coding)
    # Entered before the draft was kept: what the row itself knows.
    known = {
        "company": posting.company,
        "vendor_num": posting.vendor_num,
        "invoice_num": posting.invoice_num,
        "total": posting.amount,
    }
    side = adopted_side(known, posting.group_id, posting.currency)
    return Sent("Only the key and the total of what was sent are kept.", side, coding=coding)


def _coding_of(posting: Posting) -> list[dict[str, Any]]:
    """The coding of the last attempt to enter it."""
    sent = Attempt.objects.filter(
        tenant_id=posting.tenant_id, subject_kind="posting", subject_id=posting.bill_id
    ).order_by("-id")
    for coding in sent.filter(action="enter_invoice").values_list("coding", flat=True)[:_LOOKS]:
        if isinstance(coding, dict) and coding.get("lines"):
            return explain(coding)
    return []


# -- Epicor's side ---------------------------------------------------------------------------


def _in_epicor(posting: Posting, sent: Sent, seen: Seen, looks: list[Job]) -> InEpicor:
    """What was seen last: by a look, by a hold, by the verification, or in Epicor's changes."""
    mirrored = _mirrored(posting)
    disputed = posting.in_epicor and disputes(posting)
    # What was found right before a hold says otherwise counts no more.
    judged_at = (seen.held_at or posting.hold_opened_at) if disputed else seen.verified_at
    known_at = max(
        (at for at in (judged_at, mirrored.seen_at if mirrored else None) if at), default=None
    )
    look = next((one for one in looks if one.state == Job.State.DONE), None)
    looked_at = parse_datetime(str(look.details.get("seen_at", ""))) if look else None
    if look is not None and looked_at is not None and (known_at is None or looked_at >= known_at):
        return _looked(posting, look, looked_at)
    if not posting.in_epicor:
        return InEpicor(_unknown(posting))
    if disputed:
        found = _disputed(posting, sent, judged_at)
    else:
        note = "As it was read back and compared to the cent."
        found = InEpicor(note, sent.side, judged_at)
    if found.side is None or mirrored is None or (judged_at and judged_at >= mirrored.seen_at):
        return found
    newer = mirrored_fields(mirrored, posting.currency)
    names = ", ".join(name.lower() for name in newer)
    rest = "as the hold says" if disputed else "as it was read back before"
    note = f"As Epicor's changes were last read: {names}; the rest {rest}."
    side = Side({**found.side.fields, **newer}, found.side.lines)
    return InEpicor(note, side, mirrored.seen_at)


def _disputed(posting: Posting, sent: Sent, at: datetime | None) -> InEpicor:
    """What the open hold says that Epicor has."""
    points = points_of(posting)
    strange = unnamed(points)
    if is_gone(posting):
        return InEpicor("Not there when it was last read.", None, at, _MISSING)
    side = as_disputed(posting, sent.side) if sent.side is not None else None
    if posting.hold_reason == Reason.CHANGED:
        note = "As it was entered; the bill was changed in Ramp since."
    elif not points:
        note = "It is there, and was not compared with the bill yet."
    elif side is None:
        note = "Not what was sent."
    else:
        note = "Differs from what was sent; what the hold does not name is as sent."
    return InEpicor(note, side, at, strange)


def _mirrored(posting: Posting) -> TargetInvoice | None:
    if not posting.company or posting.vendor_num is None:
        return None
    return TargetInvoice.objects.filter(
        tenant_id=posting.tenant_id,
        company=posting.company,
        vendor_num=posting.vendor_num,
        invoice_num=posting.invoice_num,
    ).first()


def _looked(posting: Posting, look: Job, at: datetime) -> InEpicor:
    invoices = look.details.get("invoices") or []
    if not invoices:
        missing = _MISSING if posting.in_epicor else ""
        return InEpicor(f"Not there when {look.actor} looked.", None, at, missing)
    first, *others = invoices
    strange = []
    if not first["ours"] and not posting.adopted:
        strange.append("It does not carry this bill's id: a person typed it.")
    if others:
        names = "; ".join(f"{one['company']} {one['invoice_num']}" for one in others)
        strange.append(f"There are more: {names}. Only one can be right.")
    side = epicor_side(first, posting.currency)
    return InEpicor(f"As it was when {look.actor} looked.", side, at, " ".join(strange))


def _unknown(posting: Posting) -> str:
    if posting.state == _State.IN_DOUBT:
        return "Perhaps there: the answer to a write is missing, so it is being looked up."
    if posting.state == _State.REMOVED:
        return "Not there any more: it was removed."
    return "Nothing of this bill is known to be there."
