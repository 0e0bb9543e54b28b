"""Bugs that the simulation must find. Each function plants one into the process it is called in.

They are the mistakes that would cost money: each takes away one of the protections, or one of the
rules of the arithmetic. `test_planted.py` says in which worlds they show.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from audit import transitions
from audit.ledger import duplicates, lifecycle
from audit.ledger.models import Posting
from audit.writes import attempts
from audit.writes.models import Attempt
from connector.domain import invoice_key
from connector.epicor.ap_invoice import draft as drafts
from connector.epicor.ap_invoice import rows as ap_invoice_rows
from connector.sync.bills import find_invoices as lookups
from connector.sync.bills import outcomes, report_to_ramp
from connector.tenants import ramp_connection as ramp_connect

_OURS = ("audit", "mappings", "connector")


def _instead(owner: type, name: str, new: Any) -> None:
    """Put `new` in the place of a method. Raises AttributeError when there is none to plant in."""
    getattr(owner, name)
    setattr(owner, name, new)


def _everywhere(old: Any, new: Any) -> None:
    """Put `new` in the place of `old`, under whatever name a module of ours knows it."""
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in _OURS:
            for known in [known for known, value in vars(module).items() if value is old]:
                setattr(module, known, new)


def retries_a_write_blindly() -> None:
    """No answer is taken for "not applied": sent again, without a look and with no memory."""

    def again(its: outcomes.Outcomes, posting: Posting, message: str) -> None:
        attempts.settle(posting.tenant_id, "posting", posting.bill_id, "surely not applied")
        if posting.state == Posting.State.IN_FLIGHT:
            lifecycle.release(posting, owner=its.cycle.owner, message=message)
        else:
            lifecycle.settle_not_there(posting, owner=its.cycle.owner)
        its.open.pop(posting.pk, None)

    _instead(outcomes.Outcomes, "doubt", again)
    _sees_nothing()


def _sees_nothing() -> None:
    """Every look-up finds an empty Epicor."""
    _instead(lookups.Question, "search", lambda question, client: [])


def tells_ramp_before_it_is_committed() -> None:
    """Ramp hears of the invoice, and only then our record does."""
    finish = outcomes.Outcomes.finish

    def told_first(its: outcomes.Outcomes, prepared: Any, saved: Any) -> None:
        posting, draft = prepared.posting, prepared.draft
        if not posting.in_epicor:
            names = ("company", "vendor_num", "invoice_num")
            seen = Posting(bill_id=posting.bill_id, **{n: getattr(draft, n) for n in names})
            item = report_to_ramp.success(its.cycle, seen)
            its.cycle.ramp.sync("BILL_SYNC", f"early {posting.bill_id}", successes=[item])
        finish(its, prepared, saved)

    _instead(outcomes.Outcomes, "finish", told_first)
    ramp_connect.wait_for_slot = lambda budget: None  # it is not for within a transaction


def skips_the_stamp() -> None:
    """The bill's id is not written into the invoice, and nobody checks."""
    values, wrong = ap_invoice_rows.header_values, ap_invoice_rows.differences

    def unstamped(draft: Any, stamp_column: str) -> dict[str, Any]:
        found = values(draft, stamp_column)
        found.pop(stamp_column)
        return found

    def unseen(draft: Any, saved: Any, stamp_column: str) -> list[Any]:
        found = wrong(draft, saved, stamp_column)
        return [point for point in found if stamp_column not in str(point)]

    _everywhere(values, unstamped)
    _everywhere(wrong, unseen)


def claims_without_condition() -> None:
    """Whoever asks gets the oldest bills that are not at an end, whoever works on them."""

    def grabs(
        tenant_id: int, _: Any, *, owner: str, until: Any, limit: int, ids: Any = None, **to: Any
    ) -> list[Posting]:
        due = Q(not_before=None) | Q(not_before__lte=timezone.now())
        rows = Posting.objects.filter(
            due, tenant_id=tenant_id, hold_reason="", state__in=["queued", "in_flight"]
        ).exclude(lease_owner=owner)
        if to.get("state") != Posting.State.IN_FLIGHT:
            return []
        with transaction.atomic():
            chosen = list(rows.order_by("id").values_list("pk", flat=True)[:limit])
            Posting.objects.filter(pk__in=chosen).update(lease_owner=owner, lease_until=until, **to)
        return list(Posting.objects.filter(pk__in=chosen).order_by("id"))

    _everywhere(transitions.lease, grabs)


def drops_the_commit_after_the_answer() -> None:
    """What came of a write is not recorded when its answer arrives."""

    def dropped(attempt: Attempt, outcome: Any, **_: Any) -> None:
        attempt.outcome = outcome

    _everywhere(attempts.finish, dropped)


def forgets_old_keys() -> None:
    """Only the number that the bill has now is looked up."""

    def none(_: int, bill_ids: Any) -> dict[str, set[Any]]:
        return {bill_id: set() for bill_id in bill_ids}

    _everywhere(attempts.keys_of, none)


def trusts_echoed_rows() -> None:
    """Rows that Epicor only sends back count as saved."""

    def trusting(ds: Any, table: str, vendor_num: int, invoice_num: str) -> Iterator[Any]:
        for row in ds.get(table) or ():
            if row.get("VendorNum") == vendor_num and ap_invoice_rows.same_number(
                str(row.get("InvoiceNum", "")), invoice_num
            ):
                yield {**row, "SysRevID": row.get("SysRevID") or 1, "RowMod": ""}

    _everywhere(ap_invoice_rows.saved_rows, trusting)


def rounds_each_line() -> None:
    """Every line is rounded to one decimal fewer than its currency has."""
    made = drafts.draft_ap_invoice

    def rounded(*args: Any, **options: Any) -> Any:
        draft = made(*args, **options)
        lines = tuple(replace(line, amount=_shorter(line.amount)) for line in draft.lines)
        total = sum((line.amount for line in lines), Decimal(0))
        return replace(draft, lines=lines, total=total)

    _everywhere(made, rounded)


def _shorter(amount: Decimal) -> Decimal:
    exponent = amount.as_tuple().exponent
    assert isinstance(exponent, int)
    return amount.quantize(Decimal(1).scaleb(exponent + 1))


def compares_letter_by_letter() -> None:
    """Two spellings of one number are two numbers."""
    _everywhere(invoice_key.number_key, invoice_key.trimmed)


def looks_before_but_not_while_it_writes() -> None:
    """What another worker sent since the look-up is not noticed when the intent is written."""

    def unguarded(tenant_id: int, asked: Any) -> None:
        """Nothing is compared."""

    _everywhere(duplicates.check_alone, unguarded)


BUGS: dict[str, Callable[[], None]] = {
    "retry": retries_a_write_blindly,
    "early": tells_ramp_before_it_is_committed,
    "unstamped": skips_the_stamp,
    "claims": claims_without_condition,
    "unrecorded": drops_the_commit_after_the_answer,
    "forgetful": forgets_old_keys,
    "echo": trusts_echoed_rows,
    "rounding": rounds_each_line,
    "spelling": compares_letter_by_letter,
    "unguarded": looks_before_but_not_while_it_writes,
}
