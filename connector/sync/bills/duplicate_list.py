"""Which bills may be in Epicor already, typed by hand: for the day before going live."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

from audit.ledger.duplicates import IncomingBill, Other, among, others
from audit.ledger.models import Posting
from connector.domain.errors import HeldError, InvalidBillError
from connector.epicor.ap_invoice.draft import since_start
from connector.ramp.bills import parse_bill
from connector.sync.bills.duplicates import candidates_for, lenient, refresh_mirror, suspected
from connector.sync.bills.prepare import Prepared, prepare
from connector.sync.bills.ramp_status import stopped
from connector.sync.context import Cycle, open_cycle
from connector.sync.models import Bill
from connector.sync.narrow import narrow
from connector.tenants.models import Tenant

AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class BillWithDuplicates:
    """A bill that is not entered yet, and what the mirror knows that may be the same invoice.

    `amount` is in major units of Epicor's `currency` code; `twins` as duplicates.told
    writes them.
    """

    bill: str
    number: str
    amount: Decimal
    currency: str
    twins: list[dict[str, Any]]


@dataclass(slots=True)
class DuplicateList:
    """The bills that may be in Epicor already, of `compared`; `left_out` cannot be coded yet."""

    items: list[BillWithDuplicates] = field(default_factory=list)
    compared: int = 0
    left_out: int = 0

    def add(self, parts: Iterable["DuplicateList"]) -> None:
        """Take in what was found of some bills."""
        for part in parts:
            self.items += part.items
            self.compared += part.compared
            self.left_out += part.left_out

    def leave_out(self, _: Posting, error: Exception) -> None:
        """One bill breaks the comparison; the next sync holds it and says so."""
        self.left_out += 1


def list_duplicates(tenant: Tenant) -> DuplicateList:
    """Every bill to be entered that may be in Epicor already. Reads Epicor's changes, holds none.

    Raises HeldError when no bill was ever read, AccessError, TransientError.
    """
    if not Posting.objects.filter(tenant=tenant).exists():
        raise HeldError(
            "No bill was read yet, so nothing can be compared. Read them first, without entering "
            f"any: python manage.py sync {tenant.slug} --dry-run"
        )
    cycle = open_cycle(tenant, dry_run=True)
    try:
        found = DuplicateList()
        going: list[IncomingBill] = []  # the bills before that could be entered
        last = 0
        while slice_ := _waiting(tenant, after=last):
            if not last:
                refresh_mirror(cycle, cycle.companies)
            last = slice_[-1].pk
            found.add(narrow(slice_, partial(_compare, lenient(cycle), going), found.leave_out))
        return found
    finally:
        cycle.remember()
        cycle.close()


def _waiting(tenant: Tenant, *, after: int) -> list[Posting]:
    rows = Posting.objects.filter(tenant=tenant, state=Posting.State.QUEUED, pk__gt=after)
    return list(rows.order_by("pk")[:AT_ONCE])


def _is_ours_to_enter(cycle: Cycle, payload: Mapping[str, Any]) -> bool:
    try:
        old = not since_start(parse_bill(payload), cycle.policy)
    except InvalidBillError:
        old = False  # nobody knows
    return not old and stopped(payload, ours=False) is None


def _compare(cycle: Cycle, going: list[IncomingBill], slice_: Sequence[Posting]) -> DuplicateList:
    ids = [posting.bill_id for posting in slice_]
    rows = Bill.objects.filter(tenant=cycle.tenant, bill_id__in=ids)
    payloads: Mapping[str, dict[str, Any]] = dict(rows.values_list("bill_id", "payload"))
    known = [posting for posting in slice_ if posting.bill_id in payloads]
    wanted = [p for p in known if _is_ours_to_enter(cycle, payloads[p.bill_id])]
    ready, held = prepare(cycle, wanted, payloads)
    incoming = [job.incoming for job in ready]
    alike = _alike(cycle, ready, others(cycle.tenant.pk, incoming), among(incoming, going))
    going += incoming
    items = [
        BillWithDuplicates(
            bill=job.posting.bill_id,
            number=job.draft.invoice_num,
            amount=job.draft.total,
            currency=job.draft.currency_code,
            twins=alike[job.posting.bill_id],
        )
        for job in ready
        if job.posting.bill_id in alike
    ]
    return DuplicateList(items, len(ready), len(held) + len(slice_) - len(known))


def _alike(
    cycle: Cycle,
    ready: Sequence[Prepared],
    known: Mapping[str, Sequence[Other]],
    before: Mapping[str, Other],
) -> dict[str, list[dict[str, Any]]]:
    """What each bill is suspected to be, as `told` writes it: invoices, and bills of ours."""
    candidates = candidates_for(cycle, ready)
    found = {}
    for job in ready:
        bill_id = job.posting.bill_id
        ours = [*known.get(bill_id, ())]
        ours += [before[bill_id]] if bill_id in before and not ours else []
        hold = suspected(job, candidates.get(bill_id, ()), ours)
        if hold is not None:
            found[bill_id] = hold.detail["twins"]
    return found
