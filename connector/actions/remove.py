"""Guided removal: takes an invoice of ours out of Epicor for a person, and records that it is out.

Deleting is a write like any other: the intent first, then the outcome, then a look whether it is
gone. Only what the look-up does not find any more is recorded as removed.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from audit.ledger import lifecycle
from audit.ledger.models import Posting
from audit.trail import log
from audit.writes import attempts
from audit.writes.models import Attempt
from connector.actions.removal_preview import (
    LiveInvoice,
    RemovalPreview,
    Shown,
    bill_now,
    live_invoices,
    preview_for,
    preview_removal,
    wrong_state,
)
from connector.domain.errors import (
    AccessError,
    HeldError,
    PostingError,
    TransientError,
    UncertainOutcomeError,
)
from connector.epicor.contract import AP_INVOICE
from connector.http_client.redaction import redact
from connector.ramp.bill_content import envelope
from connector.sync.bills.claim import give_back, take
from connector.sync.bills.report_to_ramp import is_report_under_way
from connector.sync.context import Cycle, open_cycle
from connector.sync.models import InvoiceGroup
from connector.tenants.models import Tenant

WRITE_S = 60.0

_STILL_THERE = (
    "Epicor did not say whether it deleted the invoice, and it is still there. Nothing else was "
    "changed. It is looked at again by itself in a few minutes; if it is still there then, "
    "remove it once more."
)
_BEING_TOLD = (
    "Ramp is just being told that this bill is entered. Nothing was removed; try again in two "
    "minutes."
)
_NOT_AS_SHOWN = (
    "What is in Epicor is not what you were shown any more: somebody changed it meanwhile. "
    "Nothing was removed; look at it again, then decide."
)
_NOT_SEEN = (
    "Epicor did not say whether it deleted the invoice, and it cannot be looked up just now. It "
    "is looked at again by itself in a few minutes; nothing is entered again before."
)


def remove(
    tenant: Tenant,
    posting: Posting,
    *,
    actor: str,
    reason: str,
    enter_again: bool,
    shown: Shown | None = None,
) -> RemovalPreview:
    """Delete the bill's unposted invoice in Epicor and record it; returns what was deleted.

    Something that is not there any more is only recorded. With `enter_again` the bill is queued,
    and the next run enters it as it is in Ramp then. A bill that is removed already can be
    queued so, too. `shown`: what the person saw of it, and nothing else is removed; None = they
    take what is there. The posting given follows. Raises HeldError with a sentence when it cannot
    be removed, is not as shown, or may not be gone, AccessError, TransientError, RejectedError
    (Epicor's words); the posting then keeps its state and its hold.
    """
    if not reason.strip():
        raise HeldError(f"Say why bill {posting.bill_id} is removed. Nothing was changed.")
    cycle = open_cycle(tenant)
    try:
        if posting.state == Posting.State.REMOVED and enter_again:
            payload = bill_now(cycle, posting)
            preview = preview_for(cycle, posting, payload, enter_again=True)
            if preview.refusal:
                raise HeldError(preview.refusal)
            _queue(cycle, posting, payload, actor=actor, reason=reason)
            return preview
        _lease(cycle, posting)
        return _remove(
            cycle, posting, actor=actor, reason=reason, enter_again=enter_again, shown=shown
        )
    except lifecycle.LostLeaseError as error:
        raise HeldError(str(error)) from error
    finally:
        cycle.remember()
        cycle.close()
        log.seal(tenant.pk)


def _lease(cycle: Cycle, posting: Posting) -> None:
    posting.refresh_from_db()
    if not posting.in_epicor:
        raise HeldError(wrong_state(posting))
    try:
        take(posting, cycle.owner)
    except lifecycle.LostLeaseError as error:
        raise HeldError(
            f"Somebody works on bill {posting.bill_id} just now (a sync, or another person). "
            "Nothing was removed; look at it again in a minute."
        ) from error


def _remove(
    cycle: Cycle,
    posting: Posting,
    *,
    actor: str,
    reason: str,
    enter_again: bool,
    shown: Shown | None,
) -> RemovalPreview:
    """With the lease: look, delete, look again, record.

    However it ends, the lease is given back; after a crash `lifecycle.reap` does that, and has
    the invoice verified.
    """
    due = posting.not_before
    try:
        if is_report_under_way(cycle, posting):
            raise HeldError(_BEING_TOLD)
        payload = bill_now(cycle, posting)
        preview = preview_for(cycle, posting, payload, enter_again=enter_again)
        if preview.refusal:
            raise HeldError(preview.refusal)
        if shown is not None and shown != preview.shown:
            raise HeldError(_NOT_AS_SHOWN)
        if preview.invoice is not None:
            with _alone_in_group(cycle, preview.invoice):
                _delete(cycle, posting, preview.invoice)
        _record(cycle, preview, payload, actor=actor, reason=reason, enter_again=enter_again)
    except PostingError as error:
        if posting.lease_owner == cycle.owner:
            give_back(posting, cycle.owner, not_before=due, message=error.message)
        raise
    return preview


# -- deleting ----------------------------------------------------------------------------------


@contextmanager
def _alone_in_group(cycle: Cycle, invoice: LiveInvoice) -> Iterator[None]:
    """Writes in one group are serial: while we delete, no lane of ours may write into it."""
    now = timezone.now()
    group = InvoiceGroup.objects.filter(
        tenant=cycle.tenant, company=invoice.company, group_id=invoice.group
    )
    free = group.filter(Q(lease_owner="") | Q(lease_until__lt=now))
    until = now + timedelta(seconds=2 * WRITE_S)
    if not free.update(lease_owner=cycle.owner, lease_until=until) and group.exists():
        raise HeldError(
            f"A sync writes into group {invoice.group} just now. Nothing was removed; try again "
            "in a few minutes."
        )
    try:
        yield
    finally:
        group.filter(lease_owner=cycle.owner).update(lease_owner="", lease_until=None)


def _delete(cycle: Cycle, posting: Posting, invoice: LiveInvoice) -> None:
    """Returns when it is gone, whoever removed it; raises when it is, or may be, still there."""
    body = {"vendorNum": invoice.vendor_num, "invoiceNum": invoice.invoice_num}
    deadline = timezone.now() + timedelta(seconds=WRITE_S)
    attempt = attempts.begin(
        cycle.tenant.pk,
        "posting",
        posting.bill_id,
        "remove_invoice",
        request={"method": "DeleteByID", **body},
        key=invoice.key,
        deadline_at=deadline,
    )
    failure: PostingError | None = None
    try:
        cycle.epicor.call(
            invoice.company,
            AP_INVOICE,
            "DeleteByID",
            body,
            repeatable=False,
            deadline_s=WRITE_S,
        )
        attempts.finish(attempt, Attempt.Outcome.DONE)
    except PostingError as error:
        failure = error
        outcome = _outcome(error)
        attempts.finish(
            attempt, outcome, answer=redact(error.detail), message=redact(error.message)
        )
    if isinstance(failure, AccessError | TransientError):
        raise failure  # nothing was applied
    _look_again(cycle, posting, failure, deadline)


def _look_again(
    cycle: Cycle, posting: Posting, failure: PostingError | None, deadline: datetime
) -> None:
    refused = failure is not None and not isinstance(failure, UncertainOutcomeError)
    try:
        if not live_invoices(cycle, posting):
            return
        message = _STILL_THERE
    except PostingError as error:
        message = f"{_NOT_SEEN} ({error.message})"
    if refused and failure is not None:
        raise failure
    # It may still be applied: verified by itself once that is over; what is missing then is a
    # hold, and removing it once more only records it.
    due = deadline + attempts.LATE
    give_back(posting, cycle.owner, not_before=due, message=message)
    raise HeldError(message)


def _outcome(error: PostingError) -> Attempt.Outcome:
    if isinstance(error, TransientError):
        return Attempt.Outcome.NOT_SENT
    if isinstance(error, UncertainOutcomeError):
        return Attempt.Outcome.UNKNOWN
    return Attempt.Outcome.REFUSED


# -- recording ---------------------------------------------------------------------------------


def _record(
    cycle: Cycle,
    preview: RemovalPreview,
    payload: Mapping[str, Any],
    *,
    actor: str,
    reason: str,
    enter_again: bool,
) -> None:
    posting = preview.posting
    body = {
        "invoice": None if preview.invoice is None else preview.invoice.as_json(),
        "looked_in": sorted({posting.company, *cycle.companies}),
        "enter_again": enter_again,
    }
    with transaction.atomic():
        if preview.synced:
            # Told by a run that ended before it noted so; without the note, the bill would count
            # as synced by somebody else when it is entered again.
            lifecycle.mark_confirmed_many([posting], body={"message": "Ramp has it as synced."})
        lifecycle.mark_removed(posting, actor=actor, reason=reason, owner=cycle.owner, body=body)
        if enter_again:
            _queue(cycle, posting, payload, actor=actor, reason=reason)


def _queue(
    cycle: Cycle, posting: Posting, payload: Mapping[str, Any], *, actor: str, reason: str
) -> None:
    """Enter it anew, as it is in Ramp now: the row follows the bill again."""
    with transaction.atomic():
        lifecycle.enter_again(posting, actor=actor, reason=reason)
        lifecycle.update_values(cycle.tenant.pk, [envelope(dict(payload))])
    posting.refresh_from_db()


__all__ = ["LiveInvoice", "RemovalPreview", "Shown", "preview_removal", "remove"]
