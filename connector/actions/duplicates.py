"""What a person says about a suspected invoice: "that one is ours", or "it is a different one".

Nothing is written to Epicor. Whatever fails leaves the posting as it was.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit.ledger import lifecycle
from audit.ledger.allowed import Action, why_not
from audit.ledger.holds import suspects
from audit.ledger.models import IN_EPICOR, Posting
from audit.trail import log
from audit.writes import attempts
from connector.domain.difference import listed
from connector.domain.errors import HeldError
from connector.epicor.ap_invoice.rows import SavedInvoice, same_number
from connector.epicor.find_invoices import stamp_of
from connector.epicor.values import day
from connector.sync.bills.claim import give_back, take
from connector.sync.bills.decide import revision
from connector.sync.bills.duplicates import lenient, may_be_paid, money_differences
from connector.sync.bills.find_invoices import Found, name_of, questions
from connector.sync.bills.prepare import Prepared, prepare
from connector.sync.bills.ramp_status import SYNCED, stopped
from connector.sync.bills.typed_invoices import invoice_row
from connector.sync.context import Cycle, open_cycle
from connector.tenants.models import Tenant
from mappings import invoices
from mappings.duplicate_rules import Key, same_key
from mappings.invoices import InvoiceRow
from mappings.models import TargetInvoice

_State = Posting.State


def adopt(
    tenant: Tenant,
    posting: Posting,
    *,
    actor: str,
    key: Key | None = None,
    number: str = "",
    reason: str = "",
) -> str:
    """A person says that an invoice typed by hand is this bill: it is entered, as that invoice.

    Which one: its `key`, or its `number` with the vendor that the bill is coded to, or else the
    only one its hold names. It must have the bill's vendor, total and currency and belong to no
    other bill. The next run tells Ramp. The posting given follows. Returns what the person must
    still do in Epicor, in a sentence, "" for nothing.

    Where the hold names another bill of ours instead, this one is dismissed as the same invoice.

    Raises HeldError with a sentence when it cannot be, LostLeaseError when somebody works on the
    bill just now, AccessError, TransientError, and what Ramp raises for a bill it does not know.
    """
    seen = _seen(posting)
    posting.refresh_from_db()
    _check_state(posting, posting.state)
    wanted = key or _suspect(posting, number)
    if other_id := _bill_meant(posting, wanted):
        _check_seen(posting, seen)
        same_invoice(posting, other_id, actor=actor, reason=reason)
        log.seal(tenant.pk)
        return ""
    cycle = open_cycle(tenant)
    try:
        with _taken(posting, cycle.owner):
            _check_seen(posting, seen)
            prepared = _as_coded(cycle, posting)
            company, vendor_num, _ = prepared.draft.key
            chosen = wanted or (company, vendor_num, number.strip())
            saved = _live(cycle, prepared, chosen)
            # First whose it is: nobody shall correct the invoice of another bill.
            _check_free(cycle, prepared, chosen, saved)
            _check_same(prepared, chosen, saved)
            row = invoice_row(saved.header or {}, cycle.profile.stamp_column)
            _mark(cycle, prepared, saved, row, actor=actor, reason=reason)
            paid = may_be_paid(prepared.draft, row.candidate(company))
            return _MAY_BE_PAID if paid else ""
    finally:
        cycle.remember()
        cycle.close()
        log.seal(tenant.pk)


def same_invoice(posting: Posting, other_id: str, *, actor: str, reason: str = "") -> None:
    """A person says that another bill of ours, that the hold names, is this invoice: dismissed.

    The posting is as the person saw it, and follows. Raises HeldError with a sentence, and
    LostLeaseError when its hold is another one by now.
    """
    _check_state(posting, Posting.objects.values_list("state", flat=True).get(pk=posting.pk))
    if other_id not in {twin.get("bill") for twin in suspects(posting)}:
        raise HeldError(
            f"Bill {posting.bill_id} does not wait because of bill {other_id}. Nothing was "
            "changed; look at what it waits for."
        )
    try:
        lifecycle.dismiss_as_same(posting, other_id, actor=actor, reason=reason)
    except ValueError as error:
        raise HeldError(str(error)) from error


def different(tenant: Tenant, posting: Posting, *, actor: str, reason: str) -> None:
    """`mark_not_duplicate` for one bill; the trail is sealed at once."""
    mark_not_duplicate(posting, actor=actor, reason=reason)
    log.seal(tenant.pk)


def mark_not_duplicate(posting: Posting, *, actor: str, reason: str) -> None:
    """A person says that what the hold names are other invoices: the bill is tried again.

    Which ones: those of the posting as it is given, which is as the person saw it; it is not read
    anew, and follows. They are never suspected again for this bill. Raises HeldError with a
    sentence (no reason, nothing suspected, or the very same number), LostLeaseError when its hold
    is another one by now.
    """
    if not reason.strip():
        raise HeldError(
            f"Say why the invoices differ from bill {posting.bill_id}. Nothing was changed."
        )
    _check_state(posting, Posting.objects.values_list("state", flat=True).get(pk=posting.pk))
    if why := why_not(posting, Action.NOT_DUPLICATE):
        raise HeldError(f"Bill {posting.bill_id} {why}. Nothing was changed.")
    twins = suspects(posting)
    typed = [twin for twin in twins if not twin.get("bill")]
    keys = [(str(t["company"]), int(t["vendor_num"]), str(t["invoice_num"])) for t in typed]
    bills = [str(twin["bill"]) for twin in twins if twin.get("bill")]
    lifecycle.clear_duplicates(posting, keys, bills=bills, actor=actor, reason=reason)


# -- which one -------------------------------------------------------------------------------------


def _seen(posting: Posting) -> tuple[str, str, str]:
    """What a person who answers has in view."""
    cleared = str([posting.twins_cleared, posting.bills_cleared])
    return posting.hold_reason, posting.hold_version, cleared


def _check_seen(posting: Posting, seen: tuple[str, str, str]) -> None:
    if _seen(posting) != seen:
        raise HeldError(
            f"Somebody answered for bill {posting.bill_id} meanwhile, or it was tried again. "
            "Nothing was changed; look at it once more before you answer."
        )


def _check_state(posting: Posting, state: str) -> None:
    if why := why_not(Posting(state=state), Action.ADOPT):
        raise HeldError(f"Bill {posting.bill_id} {why}. Nothing was changed.")


def _bill_meant(posting: Posting, wanted: Key | None) -> str:
    """The id of our own bill that the hold names under this key, or ""."""
    if wanted is None:
        return ""
    for suspect in suspects(posting):
        key = (suspect["company"], suspect["vendor_num"], suspect["invoice_num"])
        if same_key(key) == same_key(wanted):
            return str(suspect.get("bill") or "")
    return ""


def _suspect(posting: Posting, number: str) -> Key | None:
    """The key of the invoice meant; None when only the bill's coding can tell the vendor."""
    twins = suspects(posting)
    if number.strip():
        twins = [twin for twin in twins if same_number(str(twin["invoice_num"]), number)]
        if not twins:
            return None
    if len(twins) == 1:
        twin = twins[0]
        return (str(twin["company"]), int(twin["vendor_num"]), str(twin["invoice_num"]))
    named = ", ".join(str(twin["invoice_num"]) for twin in twins)
    which = f"Its hold names {named}." if named else "Its hold names none."
    raise HeldError(
        f"Say which invoice in Epicor bill {posting.bill_id} is, by its number. {which} Nothing "
        "was changed."
    )


# -- taking and comparing --------------------------------------------------------------------------


@contextmanager
def _taken(posting: Posting, owner: str) -> Iterator[None]:
    """The posting is ours meanwhile; unless it was entered, it goes back as it was."""
    take(posting, owner)
    try:
        yield
    finally:
        if posting.lease_owner == owner:
            message = "A person's answer could not be carried out."
            give_back(posting, owner, not_before=posting.not_before, message=message)


def _as_coded(cycle: Cycle, posting: Posting) -> Prepared:
    """The bill as it is in Ramp now, with the vendor and currency that it would be entered with."""
    if posting.state != _State.IN_FLIGHT:
        raise HeldError(
            f"Bill {posting.bill_id} {why_not(posting, Action.ADOPT)}. Nothing was changed."
        )
    payload = cycle.ramp.bill(posting.bill_id)
    # Somebody who typed the bill may have marked it in Ramp as well; that does not matter here.
    stop = stopped(payload, ours=payload.get("sync_status") in SYNCED)
    if stop is not None:
        raise HeldError(f"{stop.message} Nothing was changed.")
    ready, held = prepare(lenient(cycle), [posting], {posting.bill_id: payload})
    if held:
        raise HeldError(
            f"Bill {posting.bill_id} cannot be compared with an invoice yet: {held[0][1].message}"
        )
    return ready[0]


def _live(cycle: Cycle, prepared: Prepared, chosen: Key) -> SavedInvoice:
    """The chosen invoice as it is in Epicor now, if it may be this bill. One request a company."""
    bill_id = prepared.posting.bill_id
    asked, found = questions(cycle, [prepared], {bill_id: [chosen]})
    for question in asked:
        found.add(question.company, question.search(cycle.epicor))
    _check_nothing_of_ours(prepared, found, chosen)
    saved = found.by_key.get(same_key(chosen))
    if saved is None or saved.header is None:
        invoices.forget(cycle.tenant.pk, [chosen])
        raise HeldError(
            f"Epicor has no invoice {chosen[2]} of this vendor in {chosen[0]} (any more). Nothing "
            f"was changed. Check the number; if it was deleted there, replay bill {bill_id}."
        )
    return saved


def _check_nothing_of_ours(prepared: Prepared, found: Found, chosen: Key) -> None:
    """What we sent of this bill must not be in Epicor, nor still be able to arrive there."""
    posting = prepared.posting
    mine = [name_of(*place) for place in found.by_stamp.get(posting.bill_id, ())]
    mine += [
        name_of(key[0], found.by_key[same_key(key)])
        for key in found.sent.get(posting.bill_id, ())
        if same_key(key) != same_key(chosen) and same_key(key) in found.by_key
    ]
    if mine:
        raise HeldError(
            f"We entered bill {posting.bill_id} ourselves as {mine[0]}. Nothing was changed. "
            "Remove that one in Epicor, or replay the bill to keep it."
        )
    until = attempts.settled_at(posting.tenant_id, posting.bill_id)
    if until is not None and until > timezone.now():
        raise HeldError(
            f"A write for bill {posting.bill_id} has no answer from Epicor yet. Nothing was "
            f"changed; answer again after {until:%H:%M} UTC."
        )


def _check_same(prepared: Prepared, chosen: Key, saved: SavedInvoice) -> None:
    draft = prepared.draft
    wrong = []
    if same_key(chosen)[:2] != (draft.company, draft.vendor_num):
        wrong.append(
            f"it is of vendor {chosen[1]} in {chosen[0]}, and the bill is coded to vendor "
            f"{draft.vendor_num} ({draft.vendor_id}) in {draft.company}"
        )
    off = money_differences(saved.header or {}, draft.total, draft.currency_code)
    if off:
        wrong.append(listed(off, prepared.bill.currency))
    if wrong:
        raise HeldError(
            f"Invoice {chosen[2]} cannot be bill {draft.stamp}: {'; '.join(wrong)}. Nothing was "
            "changed. Correct it in Epicor first, then answer again; or dismiss the bill."
        )


def _check_free(cycle: Cycle, prepared: Prepared, chosen: Key, saved: SavedInvoice) -> None:
    """No other bill may be this invoice already."""
    mine = [prepared.posting.bill_id]
    stamp = stamp_of(saved.header or {}, cycle.profile.stamp_column, mine)
    others = Posting.objects.filter(tenant=cycle.tenant).exclude(pk=prepared.posting.pk)
    owner = others.filter(bill_id=stamp).values_list("bill_id", flat=True).first() if stamp else ""
    if not owner:
        held = others.filter(state__in=IN_EPICOR, company=chosen[0], vendor_num=chosen[1])
        numbers = held.values_list("bill_id", "invoice_num")
        owner = next((b for b, n in numbers if same_number(n, chosen[2])), "")
    if owner:
        raise HeldError(
            f"Invoice {chosen[2]} is bill {owner} already. Nothing was changed. If both bills are "
            "the same, dismiss this one."
        )


def _mark(
    cycle: Cycle,
    prepared: Prepared,
    saved: SavedInvoice,
    row: InvoiceRow,
    *,
    actor: str,
    reason: str,
) -> None:
    """Entered as that invoice; two bills that want the same one at once wait for each other."""
    draft = prepared.draft
    invoices.store(cycle.tenant.pk, draft.company, [row], seen_at=timezone.now())
    facts: dict[str, Any] = {
        "company": draft.company,
        "vendor_num": draft.vendor_num,
        "invoice_num": row.invoice_num,
    }
    amounts = {"total": str(draft.total), "currency_code": draft.currency_code}
    with transaction.atomic():
        TargetInvoice.objects.select_for_update().get(tenant=cycle.tenant, **facts)
        _check_free(cycle, prepared, (draft.company, draft.vendor_num, row.invoice_num), saved)
        lifecycle.mark_entered(
            prepared.posting,
            owner=cycle.owner,
            **facts,
            group_id=row.group_id,
            sys_rev_id=revision(saved),
            entered_hash=prepared.content_hash,
            entered_as={
                "adopted": True,
                **facts,
                **amounts,
                "pay_hold": draft.pay_hold,
                "payer": prepared.bill.payer,
            },
            apply_on=day((saved.header or {}).get("ApplyDate")) or draft.apply_date,
            body={
                "adopted": True,
                "vendor_id": draft.vendor_id,
                "entered_by": row.entry_person,
                "pay_hold": row.pay_hold,
                "reason": reason.strip(),
                **amounts,
            },
            actor=actor,
        )


_MAY_BE_PAID = (
    "It has no payment hold in Epicor; set it there, because Ramp pays this bill and Epicor would "
    "pay it a second time."
)
