"""Every write to either system: the intent before it is sent, the outcome after the answer.

Whoever finds an attempt without outcome knows that something may have been sent, looks it up
first, and then calls `resolve`. Attempts are never deleted, so every key that was ever sent for
a bill can be looked up again.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from audit.canonical_json import digest, plain, text
from audit.trail import log
from audit.transitions import lock_tenant
from audit.writes.models import Attempt
from connector.domain.chunks import chunks
from connector.domain.invoice_key import Key as Key
from connector.domain.invoice_key import number_key
from connector.domain.invoice_key import same as same

# Perhaps applied, and no look-up has settled it yet.
OPEN_OUTCOMES = (Attempt.Outcome.INTENT, Attempt.Outcome.UNKNOWN)
OPEN = Q(outcome__in=OPEN_OUTCOMES, resolved=False)
LEFT_NOTHING = (Attempt.Outcome.NOT_SENT, Attempt.Outcome.REFUSED)
LATE = timedelta(minutes=2)  # a gateway may give up long before the server behind it does


class AlreadyFinishedError(RuntimeError):
    """An attempt has one outcome; a second one would rewrite the record."""


def begin(
    tenant_id: int,
    subject_kind: str,
    subject_id: str,
    action: str,
    *,
    request: Mapping[str, Any],
    deadline_at: datetime | None = None,
    key: Key | None = None,
    coding: Mapping[str, Any] | None = None,
    check: Callable[[], None] | None = None,
) -> Attempt:
    """Commits the intent to send `request` (redacted), with the natural key that it carries.

    Must be called outside any transaction, and before sending: only a committed intent survives
    a crash between sending and answer. Raises RuntimeError inside a transaction.

    `check` is called in the same transaction, when no other intent of the tenant with a check can
    be written; what it raises leaves no intent.
    """
    company, vendor_num, invoice_num = key or ("", None, "")
    body = plain(request)
    attempt = Attempt(
        tenant_id=tenant_id,
        subject_kind=subject_kind,
        subject_id=subject_id,
        action=action,
        company=company,
        vendor_num=vendor_num,
        invoice_num=text(invoice_num, 255),
        number_key=number_key(invoice_num),
        request=body,
        request_hash=digest(body),
        coding=plain(coding or {}),
        started_at=timezone.now(),
        deadline_at=deadline_at,
    )
    with transaction.atomic(durable=True):
        if check is not None:
            lock_tenant(tenant_id)
            check()
        attempt.save(force_insert=True)
        log.record_many([_entry(attempt, "attempt.begun", {"request_hash": attempt.request_hash})])
    return attempt


def finish(
    attempt: Attempt,
    outcome: Attempt.Outcome,
    *,
    answer: Mapping[str, Any] | None = None,
    message: str = "",
) -> None:
    """Writes what came of an attempt: the outcome and the (redacted) answer.

    Raises AlreadyFinishedError when an outcome is already on the record.
    """
    values: dict[str, Any] = {
        "outcome": outcome,
        "answer": plain(answer or {}),
        "message": text(message),
        "finished_at": timezone.now(),
    }
    with transaction.atomic():
        waiting = Attempt.objects.filter(pk=attempt.pk, outcome=Attempt.Outcome.INTENT)
        if waiting.update(**values) != 1:
            raise AlreadyFinishedError(
                f"Attempt {attempt.pk} ({attempt.action} {attempt.subject_id}) already has an "
                "outcome. Nothing was changed; report it."
            )
        body = {"outcome": outcome, "answer_hash": digest(values["answer"])}
        body |= {"message": message} if message else {}
        log.record_many([_entry(attempt, "attempt.finished", body)])
    for name, value in values.items():
        setattr(attempt, name, value)


def unresolved(tenant_id: int, subject_kind: str, subject_id: str) -> list[Attempt]:
    """The subject's attempts that were perhaps applied and that no look-up has settled."""
    return list(_of(tenant_id, subject_kind, [subject_id]).filter(OPEN))


def open_ones(tenant_id: int, subject_kind: str) -> list[Attempt]:
    """All of a kind's attempts that were perhaps applied and that nobody has settled, by age."""
    rows = Attempt.objects.filter(OPEN, tenant_id=tenant_id, subject_kind=subject_kind)
    return list(rows.order_by("id"))


def take_up(attempt: Attempt, *, deadline_at: datetime) -> bool:
    """Whether we are the one who goes on with an open attempt, until `deadline_at`."""
    same = Attempt.objects.filter(OPEN, pk=attempt.pk, deadline_at=attempt.deadline_at)
    if same.update(deadline_at=deadline_at) != 1:
        return False
    attempt.deadline_at = deadline_at
    return True


def resolve(attempts: Collection[Attempt], *, message: str = "") -> int:
    """Marks attempts as settled by a look-up; says how many were still open."""
    ids = [attempt.pk for attempt in attempts]
    if not ids:
        return 0
    with transaction.atomic():
        waiting = list(Attempt.objects.select_for_update().filter(OPEN, pk__in=ids))
        Attempt.objects.filter(pk__in=[row.pk for row in waiting]).update(resolved=True)
        log.record_many(_entry(row, "attempt.resolved", {"message": message}) for row in waiting)
    settled = {row.pk for row in waiting}
    for attempt in attempts:
        if attempt.pk in settled:
            attempt.resolved = True
    return len(waiting)


def settle(tenant_id: int, subject_kind: str, subject_id: str, message: str) -> int:
    """Resolves everything of a subject that is still open; `message` says what was found."""
    open_ones = _of(tenant_id, subject_kind, [subject_id]).filter(OPEN)
    # Nearly always there is none, and asking for that is half the work of reading no rows.
    return resolve(list(open_ones), message=message) if open_ones.exists() else 0


def keys_of(tenant_id: int, bill_ids: Collection[str]) -> dict[str, set[Key]]:
    """Every natural key under which each of these bills was perhaps saved (an empty set for none).

    What Epicor refused left nothing under its key, so that a number that a person had taken
    already does not bind the bill that got another one.
    """
    keys: dict[str, set[Key]] = {bill_id: set() for bill_id in bill_ids}
    for chunk in chunks(keys):
        sent = _of(tenant_id, "posting", chunk).exclude(outcome__in=LEFT_NOTHING)
        rows = sent.exclude(company="").values_list(
            "subject_id", "company", "vendor_num", "invoice_num"
        )
        for bill_id, company, vendor_num, invoice_num in rows:
            if vendor_num is not None:
                keys[bill_id].add((company, vendor_num, invoice_num))
    return keys


@dataclass(slots=True)
class Doubt:
    """The open attempts of one bill: whether there are any, and when the last gives up."""

    attempts: list[Attempt] = field(default_factory=list)

    @property
    def until(self) -> datetime | None:
        """The latest write deadline; None when none was noted."""
        return max((a.deadline_at for a in self.attempts if a.deadline_at), default=None)


def doubts(tenant_id: int, bill_ids: Collection[str]) -> dict[str, Doubt]:
    """The bills among these that have open attempts, each with them."""
    found: dict[str, Doubt] = {}
    for chunk in chunks(bill_ids):
        for attempt in _of(tenant_id, "posting", chunk).filter(OPEN):
            found.setdefault(attempt.subject_id, Doubt()).attempts.append(attempt)
    return found


def maybe_late(tenant_id: int, bill_ids: Collection[str]) -> set[str]:
    """The bills among these for which something was sent that never got a clear answer."""
    found: set[str] = set()
    for chunk in chunks(bill_ids):
        unclear = [Attempt.Outcome.INTENT, Attempt.Outcome.UNKNOWN]
        rows = _of(tenant_id, "posting", chunk).filter(outcome__in=unclear)
        found.update(rows.exclude(action="remove_invoice").values_list("subject_id", flat=True))
    return found


def settled_at(tenant_id: int, bill_id: str) -> datetime | None:
    """From when on a look-up tells whether what we sent for this bill was applied.

    None when nothing is open: the latest answer says it, or the look-up said it.
    """
    until = Doubt(unresolved(tenant_id, "posting", bill_id)).until
    return None if until is None else until + LATE


def revisions(tenant_id: int, bill_ids: Collection[str]) -> dict[str, set[int]]:
    """The revisions (SysRevID) that Epicor reported for our own writes, by bill."""
    found: dict[str, set[int]] = {}
    for chunk in chunks(bill_ids):
        done = _of(tenant_id, "posting", chunk).filter(outcome=Attempt.Outcome.DONE)
        for bill_id, answer in done.values_list("subject_id", "answer"):
            if isinstance(answer, dict) and answer.get("revision"):
                found.setdefault(bill_id, set()).add(int(answer["revision"]))
    return found


def _of(tenant_id: int, subject_kind: str, subject_ids: Collection[str]) -> Any:
    return Attempt.objects.filter(
        tenant_id=tenant_id, subject_kind=subject_kind, subject_id__in=subject_ids
    )


def _entry(attempt: Attempt, action: str, body: dict[str, Any]) -> log.NewEntry:
    if attempt.subject_kind == "confirmation":  # its subject is the call; these are its bills
        lists = (many for many in attempt.request.values() if isinstance(many, list))
        body = {"bills": sum(map(len, lists)), **body}
    return log.NewEntry(
        tenant_id=attempt.tenant_id,
        action=action,
        subject_kind=attempt.subject_kind,
        subject_id=attempt.subject_id,
        body={"attempt": attempt.pk, "action": attempt.action, **body},
    )
