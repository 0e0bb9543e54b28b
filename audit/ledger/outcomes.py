"""How a write ended: in doubt, not there, entered, confirmed. Part of audit/ledger/lifecycle.py's
steps."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from audit.canonical_json import plain, text
from audit.ledger import holds
from audit.ledger.leases import NO_LEASE
from audit.ledger.models import IN_EPICOR, Posting
from audit.trail import log
from audit.transitions import change, change_some, entry
from audit.writes import attempts
from connector.domain.invoice_key import number_key

State = Posting.State


def mark_in_doubt(
    posting: Posting, *, owner: str, message: str, not_before: datetime | None
) -> None:
    """Perhaps applied: in flight (or still) in doubt, to be looked up `not_before` that moment.

    `look_ups` counts the look-ups of this doubt that found nothing; it starts anew at 0.
    """
    begins = posting.state == State.IN_FLIGHT
    body = {"message": message, "not_before": not_before}
    change(
        [posting],
        Q(state__in=[State.IN_FLIGHT, State.IN_DOUBT], lease_owner=owner),
        {
            "state": State.IN_DOUBT,
            "not_before": not_before,
            "look_ups": 0 if begins else posting.look_ups + 1,
            **NO_LEASE,
        },
        "marked as in doubt",
        [entry(posting, "posting.in_doubt", body)],
    )


def settle_not_there(
    posting: Posting, *, owner: str, not_before: datetime | None = None, message: str = ""
) -> None:
    """The look-up is sure that nothing was applied: in doubt -> queued, open attempts settled.

    Closes its hold. It counts as a failed attempt; tried again `not_before` that moment.
    """
    held = bool(posting.hold_reason)
    with transaction.atomic():
        change(
            [posting],
            Q(state=State.IN_DOUBT, lease_owner=owner),
            {
                "state": State.QUEUED,
                "not_before": not_before,
                "look_ups": 0,
                **NO_LEASE,
                **holds.NONE,
            },
            "settled",
            [entry(posting, "posting.settled", {"message": message, "not_before": not_before})],
            failed=True,
        )
        if held:
            holds.clear([posting.pk])
        attempts.settle(
            posting.tenant_id,
            "posting",
            posting.bill_id,
            message or "The look-up found nothing in Epicor.",
        )


def mark_entered(
    posting: Posting,
    *,
    owner: str,
    company: str,
    vendor_num: int,
    invoice_num: str,
    group_id: str,
    sys_rev_id: int | None,
    entered_hash: str,
    entered_as: Mapping[str, Any],
    apply_on: date | None,
    body: Mapping[str, Any],
    actor: str = log.SYSTEM,
) -> None:
    """It is in Epicor, verified: in flight or in doubt -> entered. Closes hold and attempts.

    `entered_as` is the draft as it was verified, or {"adopted": true, …} when a person said that
    an invoice typed by hand is this bill (`actor`).
    """
    ours = Q(state__in=[State.IN_FLIGHT, State.IN_DOUBT], lease_owner=owner)
    facts = {
        "company": company,
        "vendor_num": vendor_num,
        "invoice_num": text(invoice_num, 255),
        "group_id": group_id,
        "sys_rev_id": sys_rev_id,
        "entered_hash": entered_hash,
        "apply_on": apply_on,
    }
    _enter(posting, ours, facts, {"entered_as": plain(entered_as)}, body, actor)


def mark_found(
    posting: Posting,
    *,
    company: str,
    vendor_num: int,
    invoice_num: str,
    group_id: str,
    sys_rev_id: int | None,
    apply_on: date | None,
    body: Mapping[str, Any],
    due: bool = True,
) -> None:
    """Our record is behind: what it calls removed, dismissed or held is in Epicor by our hand.

    -> entered. `due`: compared with the bill at once, and until then nobody is told; without it
    the caller holds it in the same transaction.
    """
    held = Q(state=State.QUEUED) & ~Q(hold_reason="")
    ready = (held | Q(state__in=[State.REMOVED, State.DISMISSED])) & Q(lease_owner="")
    facts = {
        "company": company,
        "vendor_num": vendor_num,
        "invoice_num": text(invoice_num, 255),
        "group_id": group_id,
        "sys_rev_id": sys_rev_id,
        "entered_hash": posting.seen_hash,
        "apply_on": apply_on,
    }
    changes: dict[str, Any] = {
        "entered_as": {},
        "kept": {},
        "not_before": timezone.now() if due else None,
    }
    _enter(posting, ready, facts, changes, body, log.SYSTEM)


def _enter(
    posting: Posting,
    ready: Q,
    facts: Mapping[str, Any],
    more: Mapping[str, Any],
    body: Mapping[str, Any],
    actor: str,
) -> None:
    changes = {
        **facts,
        **NO_LEASE,
        **holds.NONE,
        "number_key": number_key(str(facts["invoice_num"])),
        "state": State.ENTERED,
        "entered_at": timezone.now(),
        "not_before": None,
        "failed_attempts": 0,
        "look_ups": 0,
        **more,
    }
    details = {"invoice_num": facts["invoice_num"], **body}
    sentence = entry(posting, "posting.entered", details, actor)
    held = bool(posting.hold_reason)
    with transaction.atomic():
        change([posting], ready, changes, "marked as entered", [sentence])
        if held:
            holds.clear([posting.pk])
        attempts.settle(posting.tenant_id, "posting", posting.bill_id, "The invoice is in Epicor.")


def mark_rechecked(
    posting: Posting,
    *,
    owner: str,
    sys_rev_id: int | None,
    entered_hash: str,
    entered_as: Mapping[str, Any] | None = None,
    apply_on: date | None = None,
    body: Mapping[str, Any],
) -> None:
    """Something entered was verified or converged again; keeps its state, closes its hold."""
    changes: dict[str, Any] = {
        "sys_rev_id": sys_rev_id,
        "entered_hash": entered_hash,
        "apply_on": apply_on or posting.apply_on,
    }
    changes |= {**NO_LEASE, **holds.NONE}
    changes |= {"not_before": None, "failed_attempts": 0}
    if entered_as is not None:
        changes["entered_as"] = plain(entered_as)
        kept = posting.kept.get(holds.PAYS)
        pays = {"payer": entered_as.get("payer"), "hold": entered_as.get("pay_hold")}
        if kept and kept != plain(pays):  # overtaken by what was verified
            changes["kept"] = {k: v for k, v in posting.kept.items() if k != holds.PAYS}
    ours = Q(state__in=IN_EPICOR, lease_owner=owner)
    sentence = entry(posting, "posting.rechecked", body)
    with transaction.atomic():
        change([posting], ours, changes, "marked as verified", [sentence])
        holds.clear([posting.pk])
        attempts.settle(
            posting.tenant_id, "posting", posting.bill_id, "The invoice in Epicor was verified."
        )


def mark_confirmed_many(postings: Sequence[Posting], *, body: Mapping[str, Any]) -> int:
    """Ramp knows (entered -> confirmed); those that are not entered any more are left alone."""
    changes = {"state": State.CONFIRMED, "confirmed_at": timezone.now()}
    changes |= {"tell_failed": 0, "tell_after": None}
    ready = Q(state=State.ENTERED)
    return len(change_some(postings, ready, changes, "posting.confirmed", log.SYSTEM, body))
