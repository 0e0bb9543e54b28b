"""Reads entered invoices back, many at once, and compares each to the cent with the entered."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from math import inf

from django.db.models import QuerySet
from django.utils import timezone

from audit.ledger import lifecycle
from audit.ledger.models import IN_EPICOR, Posting
from audit.trail import log
from connector.domain.difference import NOT_THERE, Difference, listed, stored
from connector.domain.errors import Hold, Reason
from connector.epicor.ap_invoice.rows import Row, SavedInvoice, differences
from connector.sync.bills import payment_hold, strays
from connector.sync.bills.decide import Places, gone, is_settled, several_difference
from connector.sync.bills.duplicates import (
    adopted_differences,
    key_differences,
    money_differences,
)
from connector.sync.bills.find_invoices import entered_key, look_up
from connector.sync.bills.prepare import entered_draft
from connector.sync.bills.verify_result import Drift, Place, Proof
from connector.sync.context import Cycle, open_cycle
from connector.sync.narrow import hold_bug, narrow
from connector.tenants.models import Tenant
from mappings.models import CurrencyMapping

AT_ONCE = 100  # invoices in one request
LEASE = timedelta(minutes=5)
_BY = "reprove"  # in the detail of our holds, so that a later proof may close them
_NOT_COMPARED = "Its invoice could not be compared with what was entered; nothing was changed."


def reprove(tenant: Tenant, *, days: int) -> Proof:
    """Read back every invoice entered in the last `days` days; changes nothing in Epicor.

    One that drifted gets a hold (mismatch) with every difference, unless it has a hold already or
    somebody works on it; a hold that an earlier proof put is closed when the invoice is right
    again. What a person kept as it is counts as proven. Ends with one sentence in the trail.
    Raises AccessError, TransientError, HeldError; what was compared until then stays.
    """
    place = Place(timezone.now() - timedelta(days=days))
    prove(tenant, place)
    record(tenant, place.proof, days)
    log.seal(tenant.pk)
    return place.proof


def prove(tenant: Tenant, place: Place, *, stop_at: float = inf) -> bool:
    """Go on with a proof from `place`, which moves on, until `stop_at` (monotonic).

    At least one batch is compared. True when more is left. Raises what `reprove` raises; `place`
    is then where it stopped.
    """
    cycle = open_cycle(tenant, dry_run=True)
    try:
        more = _Prover(cycle, place).run(stop_at)
        cycle.remember()
    finally:
        cycle.close()
    return more


def record(tenant: Tenant, proof: Proof, days: int) -> None:
    """The sentence of a proof that came to its end."""
    body = {"days": days, "message": proof.sentence, **proof.as_json()}
    log.record(
        tenant.pk, "tenant.reproved", subject_kind="tenant", subject_id=tenant.slug, body=body
    )


@dataclass(frozen=True, slots=True)
class _Checked:
    """What a batch is like in Epicor: as it was entered, or not, with the differences."""

    good: list[Posting]
    bad: list[tuple[Posting, Drift, list[Difference]]]


class _Prover:
    """Goes through the postings of each company in chunks, so that memory stays the same."""

    def __init__(self, cycle: Cycle, place: Place) -> None:
        self.cycle, self.place, self.proof = cycle, place, place.proof
        self.column = cycle.profile.stamp_column
        rows = CurrencyMapping.objects.filter(tenant=cycle.tenant)
        self.codes = dict(rows.values_list("iso", "epicor_code"))
        self.rows: QuerySet[Posting] = Posting.objects.filter(
            tenant=cycle.tenant, state__in=IN_EPICOR, entered_at__gte=place.since, lease_owner=""
        )

    def run(self, stop_at: float) -> bool:
        """What is entered, then what is not; True when the time was over before all was done."""
        place = self.place
        if not place.rest:
            if self._entered(stop_at):
                return True
            place.rest, place.after = True, 0
        return self._others(stop_at)

    def _entered(self, stop_at: float) -> bool:
        """Company after company."""
        place = self.place
        ahead = self.rows.filter(company__gte=place.company).order_by("company")
        for company in list(ahead.values_list("company", flat=True).distinct()):
            if company != place.company:
                place.company, place.after = company, 0
            while batch := self._batch():
                self._compare(company, batch)
                place.after = batch[-1].pk
                if time.monotonic() >= stop_at:
                    return True
        return False

    def _others(self, stop_at: float) -> bool:
        """What must not be there: the stamps of bills that are not entered."""
        place = self.place
        while batch := strays.batch_after(self.cycle.tenant.pk, place.since, place.after):
            for found in narrow(batch, partial(strays.there_after_all, self.cycle), self._unread):
                for posting, places in found:
                    self._drifted(strays.shown(posting, places))
            place.after = batch[-1].pk
            if time.monotonic() >= stop_at:
                return True
        return False

    def _batch(self) -> list[Posting]:
        rows = self.rows.filter(company=self.place.company, pk__gt=self.place.after)
        return list(rows.order_by("pk")[:AT_ONCE])

    def _compare(self, company: str, batch: Sequence[Posting]) -> None:
        for checked in narrow(batch, partial(self._check, company), self._broke):
            self._note(checked)
            _hold([(posting, wrong) for posting, _, wrong in checked.bad])
            for posting in checked.good:
                if posting.hold_reason == Reason.MISMATCH and posting.hold_detail.get("by") == _BY:
                    _close(posting, self.cycle.owner)

    def _check(self, company: str, batch: Sequence[Posting]) -> _Checked:
        """What is there of each, compared; nothing is noted yet."""
        there = self._read(company, batch)
        wrong = {posting.pk: self._differences(posting, there[posting.pk]) for posting in batch}
        # Whatever moved on while we read is not judged by what it was before.
        now = dict(self.rows.filter(pk__in=list(wrong)).values_list("pk", "updated_at"))
        still = [posting for posting in batch if now.get(posting.pk) == posting.updated_at]
        good = [p for p in still if there[p.pk] and is_settled(p, wrong[p.pk], _payer(p))]
        bad = [posting for posting in still if posting not in good]
        found = [(p, self._drift(p, there[p.pk], wrong[p.pk]), wrong[p.pk]) for p in bad]
        return _Checked(good, found)

    def _broke(self, posting: Posting, error: Exception) -> None:
        """It cannot be compared, so it is not proven: a finding, and a person must look."""
        differences = [Difference("not_compared", actual=type(error).__name__)]
        self._note(_Checked([], [(posting, self._drift(posting, [], differences), differences)]))
        if not posting.hold_reason:
            hold_bug(posting, error, _NOT_COMPARED)

    def _unread(self, posting: Posting, error: Exception) -> None:
        """Whether it is there all the same cannot be said: a finding."""
        differences = [Difference("not_looked_for", actual=type(error).__name__)]
        self._drifted(replace(self._drift(posting, [], differences), entered=Decimal(0)))

    def _note(self, checked: _Checked) -> None:
        self.proof.proven += len(checked.good)
        for posting in checked.good:
            self.proof.unexplained[posting.currency] += 0
        for _, drift, _ in checked.bad:
            self._drifted(drift)

    def _drifted(self, drift: Drift | None) -> None:
        if drift is not None:
            self.proof.drifted.append(drift)
            self.proof.unexplained[drift.currency] += drift.unexplained

    # -- reading and comparing -------------------------------------------------------------------

    def _read(self, company: str, batch: Sequence[Posting]) -> dict[int, Places]:
        """What is there of each: its stamp in every company; its key where that is not found."""
        bill_ids = [posting.bill_id for posting in batch]
        typed = [entered_key(posting) for posting in batch if posting.adopted]
        found = look_up(self.cycle, bill_ids, typed, also=[company])
        missing = [p for p in batch if not p.adopted and not found.by_stamp.get(p.bill_id)]
        if missing:
            more = look_up(self.cycle, [], [entered_key(posting) for posting in missing])
            found.by_key |= more.by_key
        there: dict[int, Places] = {}
        for posting in batch:
            stamped = found.by_stamp.get(posting.bill_id, [])
            by_number = posting.adopted or not stamped
            there[posting.pk] = found.places(posting) if by_number else stamped
        return there

    def _differences(self, posting: Posting, there: Places) -> list[Difference]:
        if not there:
            return [NOT_THERE]
        if len(there) > 1:
            return [several_difference(there)]
        ((company, saved),) = there
        if posting.adopted:
            return payment_hold.left(posting, adopted_differences(posting, saved), _payer(posting))
        moved = _moved(posting, company, saved.header or {})
        draft = entered_draft(posting)
        if draft is not None:
            noted = payment_hold.known(posting)
            draft = draft if noted is None else replace(draft, pay_hold=noted.hold)
            wrong = differences(draft, saved, self.column)
            return moved + payment_hold.left(posting, wrong, _payer(posting))
        return moved + self._row_differences(posting, saved)

    def _row_differences(self, posting: Posting, saved: SavedInvoice) -> list[Difference]:
        """Of an invoice entered before its draft was kept: what the row itself knows."""
        header = saved.header or {}
        code = self.codes.get(posting.currency, posting.currency)
        return money_differences(header, posting.amount, code)

    def _drift(self, posting: Posting, there: Places, wrong: list[Difference]) -> Drift:
        totals = [strays.total_of(saved) for _, saved in there]
        entered = posting.entered_as.get("total")
        return Drift(
            bill=posting.bill_id,
            company=posting.company,
            vendor_num=posting.vendor_num or 0,
            invoice_num=posting.invoice_num,
            currency=posting.currency,
            entered=Decimal(str(entered)) if entered else posting.amount or Decimal(0),
            live=sum(totals, Decimal(0)) if totals else None,
            differences=wrong,
        )


def _payer(posting: Posting) -> str:
    """Who pays it by our record, which is what the proof compares with."""
    noted = payment_hold.known(posting)
    return "" if noted is None else noted.payer


def _moved(posting: Posting, company: str, header: Row) -> list[Difference]:
    """The key itself: a renamed invoice keeps its stamp."""
    found = key_differences(header, posting.vendor_num, posting.invoice_num)
    if company != posting.company:
        found.insert(0, Difference("company", posting.company, company))
    return found


# -- what follows ----------------------------------------------------------------------------------


def _hold(bad: Sequence[tuple[Posting, list[Difference]]]) -> None:
    """Holds for those that have none; a recheck that was asked for will judge by itself."""
    pairs = [
        (posting, _mismatch(posting, wrong))
        for posting, wrong in bad
        if not posting.hold_reason and posting.not_before is None
    ]
    try:
        lifecycle.hold_many(pairs)
    except lifecycle.LostLeaseError:
        for pair in pairs:
            try:
                lifecycle.hold_many([pair])
            except lifecycle.LostLeaseError:
                continue  # somebody works on it; the next proof looks at it again


def _mismatch(posting: Posting, wrong: list[Difference]) -> Hold:
    pays = payment_hold.named(wrong, payment_hold.known(posting))
    detail = {"differences": stored(wrong), "by": _BY, **pays}
    if wrong == [NOT_THERE]:
        return gone(detail)
    message = (
        "Read back, the invoice in Epicor is not what was entered: "
        f"{listed(wrong, posting.currency)}. "
        "Correct it in Epicor (the next proof sees it), or keep it as it is: dismiss with a reason."
    )
    return Hold(Reason.MISMATCH, message, detail)


def _close(posting: Posting, owner: str) -> None:
    """It is right again: the hold that an earlier proof put closes."""
    now = timezone.now()
    try:
        lifecycle.take(posting, owner=owner, until=now + LEASE, now=now)
        lifecycle.mark_rechecked(
            posting,
            owner=owner,
            sys_rev_id=posting.sys_rev_id,
            entered_hash=posting.entered_hash,
            body={"by": _BY, "message": "Read back, the invoice is what was entered again."},
        )
    except lifecycle.LostLeaseError:
        return  # somebody works on it; the next proof looks at it again
