"""What follows from what Epicor has: enter, complete, verify, wait, or ask a person. No HTTP."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from audit.ledger.duplicates import Other
from audit.ledger.holds import GONE
from audit.ledger.models import Posting
from audit.writes.attempts import same
from connector.domain.difference import Difference, in_words, listed, restored, stored
from connector.domain.errors import Hold, Reason
from connector.epicor.ap_invoice.rows import SavedInvoice, differences
from connector.sync.bills import payment_hold
from connector.sync.bills.duplicates import (
    adopted_differences,
    candidate_json,
    key_differences,
    live,
    money_differences,
    same_key_hold,
)
from connector.sync.bills.find_invoices import Found, Key, entered_key, key_of, name_of
from connector.sync.bills.prepare import Prepared
from mappings.duplicate_rules import same_key


@dataclass(frozen=True, slots=True)
class Verify:
    """It is there: compare it and end, without writing."""

    saved: SavedInvoice


@dataclass(frozen=True, slots=True)
class Write:
    """Enter it (None), or complete or change what is there."""

    saved: SavedInvoice | None


@dataclass(frozen=True, slots=True)
class There:
    """It is there by our hand, and otherwise than the bill is now: entered, and a person decides.

    Only what is entered can be kept, removed and proven.
    """

    company: str
    saved: SavedInvoice
    hold: Hold


@dataclass(frozen=True, slots=True)
class NotThere:
    """A write whose outcome is unknown left nothing that can be seen.

    `hold`: what waits for a person once that is sure; nothing of ours is in the way then.
    """

    hold: Hold | None = None


Verdict = Verify | Write | There | NotThere | Hold


@dataclass(frozen=True, slots=True)
class Ours:
    """What we know to have saved of each bill: revisions on the record, and open doubts."""

    revisions: Mapping[str, Collection[int]] = field(default_factory=dict)
    doubts: Collection[str] = ()

    def wrote(self, job: Prepared, saved: SavedInvoice) -> bool:
        """Whether nobody but us can have saved what is there.

        Of a write in doubt we have no revision: then all of it must be by the hand that made it.
        """
        posting = job.posting
        known = {posting.sys_rev_id, *self.revisions.get(posting.bill_id, ())}
        if revision(saved) in known:
            return True
        return posting.bill_id in self.doubts and one_hand(saved)


def decide(
    job: Prepared,
    found: Found,
    ours: Ours,
    *,
    update_edits: bool,
    others: Sequence[Other] = (),
) -> Verdict:
    """What to do with one bill. `update_edits`: an edit in Ramp may change an entered invoice.

    `others`: bills of ours with its number.
    """
    own = _own(job, found, others)
    if own is None or isinstance(own, There | Hold):
        return _nothing_as_it_should_be(job, own, ours)
    edited = job.posting.in_epicor and job.posting.entered_hash != job.content_hash
    if job.posting.adopted:
        return _adopted(job, own, edited=edited)
    wrong = differences(job.draft, own, found.stamp_column)
    unpaid = payment_hold.differs(job.posting, job.draft, own, job.bill.payer)
    if unpaid and not edited and not _is_accepted(job):
        return _another_pays(job, wrong)
    recoded = job.posting.in_epicor and not edited and job.coding is not None
    if is_settled(job.posting, wrong, job.bill.payer) or recoded:
        return Verify(own)  # what was entered is not changed because a mapping is another by now
    why = _untouchable(job, own, ours)
    if unpaid:
        why = why or "has a payment hold that only a person changes, because of who pays it now"
    if edited and not why and not update_edits:
        why = "is not changed by itself (after_entry_edits is hold)"
    if not why:
        return Write(own)
    return _changed(job, wrong, why, unpaid=unpaid) if edited else Verify(own)


def _nothing_as_it_should_be(job: Prepared, own: There | Hold | None, ours: Ours) -> Verdict:
    posting = job.posting
    doubted = posting.state == Posting.State.IN_DOUBT or posting.bill_id in ours.doubts
    if posting.in_epicor:
        if isinstance(own, There):
            return own.hold if posting.entered_as else _there_without_draft(job, own)
        return gone() if own is None else own
    if isinstance(own, There):
        return own
    if doubted:
        return NotThere(own)
    return Write(None) if own is None else own


def _there_without_draft(job: Prepared, own: There) -> Hold:
    return payment_hold.beside(own.hold, job.draft, own.saved, job.bill.payer)


def _untouchable(job: Prepared, saved: SavedInvoice, ours: Ours) -> str:
    """Why we may not write into an invoice that is there, or ""."""
    if (saved.header or {}).get("Posted"):
        return "is posted there"
    return "" if ours.wrote(job, saved) else "was changed there by a person"


def _adopted(job: Prepared, saved: SavedInvoice, *, edited: bool) -> Verdict:
    """What people typed is never changed: an edit in Ramp that it does not show is for a person."""
    header, draft = saved.header or {}, job.draft
    wrong = money_differences(header, draft.total, draft.currency_code)
    wrong += key_differences(header, draft.vendor_num)
    unpaid = payment_hold.differs(job.posting, draft, saved, job.bill.payer)
    if edited and wrong:
        return _changed(job, wrong, "was typed by a person", unpaid=unpaid)
    if unpaid and not _is_accepted(job):
        return _another_pays(job, adopted_differences(job.posting, saved))
    return Verify(saved)


def _is_accepted(job: Prepared) -> bool:
    return payment_hold.accepted(job.posting, job.draft, job.bill.payer)


def _another_pays(job: Prepared, wrong: Sequence[Difference]) -> Hold:
    """The hold for a payment hold that only a person changes. Whatever else differs and nobody
    has accepted is in it: a person who keeps it has seen all of it."""
    others = payment_hold.besides(wrong)
    if others == _kept_points(job.posting):
        others = []
    payer, currency = job.bill.payer, job.posting.currency
    return payment_hold.changed(job.draft, payer, job.content_hash, others, currency)


def one_hand(saved: SavedInvoice) -> bool:
    """Whether everything of it that names who saved it names the one who made it."""
    header = saved.header or {}
    names = [header.get("EntryPerson"), header.get("ChangedBy")]
    names += [row.get("ChangedBy") for row in saved.lines.values()]
    return len({str(name).strip().casefold() for name in names if name}) <= 1


def own_revision(saved: SavedInvoice) -> int | None:
    """The revision to remember of what was only found: None once a person has saved it.

    What is not remembered as ours is never written again, so that a correction stays.
    """
    return revision(saved) if one_hand(saved) else None


def revision(saved: SavedInvoice) -> int:
    """The highest revision of all its rows: whoever saves any of them afterwards raises it."""
    tables = (saved.lines, saved.expenses, saved.accounts)
    rows = [saved.header or {}, *(row for table in tables for row in table.values())]
    return max(int(row.get("SysRevID") or 0) for row in rows)


def is_settled(posting: Posting, wrong: Sequence[Difference], payer: str) -> bool:
    """Whether an invoice is as it should be, or differs only in what a person has accepted.

    A payment hold is accepted only together with who pays, never as a mere difference.
    """
    left = payment_hold.left(posting, wrong, payer)
    return not left or left == _kept_points(posting)


def _kept_points(posting: Posting) -> list[Difference]:
    return payment_hold.besides(restored(posting.kept.get(Reason.MISMATCH)))


def _own(
    job: Prepared, found: Found, others: Sequence[Other]
) -> SavedInvoice | There | Hold | None:
    """The bill's own invoice; ours, but not as it should be (There); what a person typed and may
    be this bill (Hold); or None when nothing of it is there."""
    posting = job.posting
    if posting.in_epicor and posting.adopted:
        return found.by_key.get(same(entered_key(posting)))
    mine = found.by_stamp.get(posting.bill_id, [])
    if not mine and posting.in_epicor and (there := found.unstamped(entered_key(posting))):
        mine = [(posting.company, there)]  # a person has erased the stamp, or typed it anew
    if mine:
        company, invoice = likeliest(posting, mine, job.draft.key)
        if hold := several(posting, mine):
            return There(company, invoice, hold)
        unmoved = key_of(company, invoice.header or {}) == same(job.draft.key)
        credit = bool((invoice.header or {}).get("DebitMemo")) == job.draft.credit
        moved = There(company, invoice, _moved(name_of(company, invoice)))
        return invoice if unmoved and credit else moved
    for key in found.sent.get(posting.bill_id, ()):
        if same(key) != same(job.draft.key) and (there := _unstamped(found, posting, key)):
            return _sent_before(job, key[0], there, found.stamp_column)
    twin = found.by_key.get(same(job.draft.key))
    return None if twin is None else same_key_hold(job.draft, twin, found.stamp_column, others)


Places = Sequence[tuple[str, SavedInvoice]]


def likeliest(posting: Posting, mine: Places, key: Key | None = None) -> tuple[str, SavedInvoice]:
    """Of several invoices of one bill the one under this key, or the one it was entered under."""
    wanted = {same(key)} if key is not None else set()
    if posting.in_epicor:
        wanted = {same(entered_key(posting))}
    named = [place for place in mine if key_of(place[0], place[1].header or {}) in wanted]
    return (named or mine)[0]


def several(posting: Posting, mine: Places) -> Hold | None:
    """The hold of a bill that is in Epicor more than once, unless a person has accepted that."""
    if len(mine) < 2:
        return None
    difference = several_difference(mine)
    if _kept_points(posting) == [difference]:
        return None
    message = (
        f"{in_words(difference, '')}. Ramp was told nothing more. Delete the wrong one in Epicor, "
        "then replay. If it is posted, take it back there (debit memo), then keep this as it is: "
        "dismiss with a reason."
    )
    return Hold(Reason.MISMATCH, message, {"differences": stored([difference])})


def several_difference(mine: Places) -> Difference:
    """That a bill is in Epicor more than once, with the names."""
    names = sorted(name_of(company, invoice) for company, invoice in mine)
    return Difference.of("several", "", names)


def _unstamped(found: Found, posting: Posting, key: Key) -> SavedInvoice | None:
    """What is there under a key sent before, unless it is another bill's or called different."""
    cleared = {same_key(twin) for twin in posting.twins_cleared}
    return None if same_key(key) in cleared else found.unstamped(key)


def _moved(name: str) -> Hold:
    return Hold(
        Reason.CHANGED,
        f"The bill was entered as {name} and now has another company, vendor, number or sign. "
        "Nothing more was entered. Remove that invoice and enter the bill again (if it is not "
        "posted yet), undo the edit in Ramp and replay, or keep it as it is.",
        {"moved": name},
    )


def _sent_before(job: Prepared, company: str, there: SavedInvoice, stamp_column: str) -> Hold:
    return Hold(
        Reason.DUPLICATE_SUSPECTED,
        f"We sent this bill before as {name_of(company, there)}, which is in Epicor without our "
        "stamp. Nothing more was entered. If it is this bill, remove it there, then replay; if it "
        "is another invoice, say that it is different.",
        {"twins": [candidate_json(job.draft, live(company, there, stamp_column))]},
    )


def _changed(job: Prepared, wrong: Sequence[Difference], why: str, *, unpaid: bool) -> Hold:
    pays = payment_hold.noted(job.draft, job.bill.payer) if unpaid else {}
    return Hold(
        Reason.CHANGED,
        f"The bill was changed in Ramp after it was entered, and its invoice {why}, so nothing "
        f"was changed in Epicor. Differences: {listed(wrong, job.posting.currency)}. Correct one "
        "of the two, then replay, or keep it as it is and dismiss this with a reason.",
        {"differences": stored(wrong), "content": job.content_hash, **pays},
    )


def gone(detail: Mapping[str, Any] | None = None) -> Hold:
    """What was entered is not in Epicor any more."""
    return Hold(Reason.MISMATCH, _GONE, {GONE: True, **(detail or {})})


_GONE = (
    "The bill was entered, but its invoice is not in Epicor any more. Nothing was entered again. "
    "Find out who removed it; then record the removal (and enter it again if it is still owed)."
)
