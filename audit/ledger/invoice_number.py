"""A number that a person gives a bill, to be entered under it instead of the number in Ramp.

A vendor that writes the same number on each of its bills, a number that Epicor has already for
another purpose, one that is too long, or none at all: then a person says which number counts.
Never silently: name, both numbers and the reason are on the record, in the same transaction. It is
possible only while nothing of the bill can be in Epicor, and stays until a person takes it back.
"""

from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from audit.canonical_json import text
from audit.ledger import holds
from audit.ledger.allowed import Action, why_not
from audit.ledger.models import IN_EPICOR, Posting
from audit.trail.models import AuditEntry
from audit.transitions import change, entry, lock_tenant
from audit.writes import attempts
from audit.writes.models import Attempt
from connector.domain import utf16
from connector.domain.errors import Hold, InvalidBillError
from connector.domain.invoice_key import LONGEST_NUMBER, number_key, too_long, trimmed, unseen

_State = Posting.State
_WAITING = (_State.QUEUED, _State.IN_FLIGHT, _State.IN_DOUBT)
_UNCHANGED = "Nothing was changed."
_THIRD = "third_number"  # in a hold's detail: Ramp's number is neither the replaced nor the given


class NumberError(ValueError):
    """This number cannot be given to the bill; the message is a sentence for people."""


class NotNowError(ValueError):
    """The bill can get no other number just now; the message is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a bill goes: Epicor's company and vendor, and the Ramp entities of that company."""

    company: str
    vendor_num: int
    entities: frozenset[str] = frozenset()


# -- the number itself, pure -----------------------------------------------------------------------


def cleaned(number: str) -> str:
    """The number as it is kept, without spaces around it. Raises NumberError for a bad one."""
    found = number.strip()
    if not found:
        raise NumberError("Write the number under which the bill is to be entered.")
    if units := too_long(found):
        raise NumberError(
            f"This number has {units} characters and Epicor takes {LONGEST_NUMBER}; write a "
            "shorter one."
        )
    if sign := unseen(found):
        raise NumberError(
            f"This number has a character that cannot be seen (perhaps pasted with it): {sign}. "
            "Write it with letters, digits, signs and plain spaces."
        )
    return found


def proposal(posting: Posting) -> str:
    """A number that could be given, as an example for the person: Ramp's with the bill's month."""
    if posting.issued_on is None:
        return ""
    suffix = f"-{posting.issued_on:%Y-%m}"
    seen = "".join(sign for sign in posting.invoice_num if not unseen(sign))
    return f"{utf16.cut(seen, LONGEST_NUMBER - len(suffix)).strip()}{suffix}"


def ramp_num(posting: Posting) -> str:
    """The bill's number in Ramp: as it is there while the bill waits, else as it was replaced."""
    return posting.invoice_num if posting.state in _WAITING else posting.given_for


def is_outdated(posting: Posting) -> bool:
    """Whether Ramp has a third number by now: neither the replaced one nor the given one."""
    now = ramp_num(posting)
    third = trimmed(now) != trimmed(posting.given_num) and now != posting.given_for
    return bool(posting.given_num) and third


def check_given(posting: Posting, number: str) -> None:
    """That the number in Ramp, as just read, is not a third one; nothing without a given number.

    Raises InvalidBillError then: nobody said which of two people's numbers counts.
    """
    now = text(number, 255)
    third = trimmed(now) != trimmed(posting.given_num) and now != posting.given_for
    if posting.given_num and third:
        raise InvalidBillError(
            f"The number in Ramp was {posting.given_for} when it was replaced here by "
            f"{posting.given_num}, and is {now} now. Nothing was entered. Say which one counts: "
            "give the bill a number once more, or go back to the number in Ramp.",
            detail={"why": _THIRD, "given": posting.given_num, "before": posting.given_for}
            | {"now": now},
        )


def with_both(posting: Posting, hold: Hold) -> Hold:
    """The hold with both numbers, where a person gave one."""
    if not posting.given_num or hold.detail.get("why") == _THIRD:
        return hold
    theirs, ours = ramp_num(posting), posting.given_num
    sentence = f"The bill has number {theirs} in Ramp and was given {ours} here"
    detail = {**hold.detail, "numbers": {"in_ramp": theirs, "given": ours}}
    return replace(hold, message=f"{hold.message} {sentence}.", detail=detail)


# -- giving it, and taking it back -----------------------------------------------------------------


def give(
    posting: Posting, number: str, *, actor: str, reason: str, place: Place | None = None
) -> None:
    """A person gives the bill a number: its hold closes, and it is tried again under that number.

    `place`: where the bill goes, None where nobody can tell yet. The posting given follows.
    Raises NumberError when it cannot be this number, NotNowError when the bill can get none (or no
    reason is given), LostLeaseError when the bill is not any more as the person saw it.
    """
    given = cleaned(number)
    now = posting.given_num or posting.invoice_num
    confirmed = is_outdated(posting) and given == posting.given_num
    if trimmed(given) == trimmed(now) and not confirmed:
        raise NumberError(
            f"{now} is the number that it has already; Epicor does not tell capital and small "
            "letters apart. Write another one."
        )
    if posting.given_num and trimmed(given) == trimmed(posting.invoice_num):
        raise NumberError(f"{posting.invoice_num} is the number in Ramp: go back to that instead.")
    _change(posting, given, actor=actor, reason=reason, place=place)


def take_back(posting: Posting, *, actor: str, reason: str, place: Place | None = None) -> None:
    """The bill is entered under its number in Ramp after all; raises as `give`."""
    if not posting.given_num:
        raise NotNowError(
            f"Bill {posting.invoice_num} has its number from Ramp already. {_UNCHANGED}"
        )
    _change(posting, "", actor=actor, reason=reason, place=place)


def _change(posting: Posting, given: str, *, actor: str, reason: str, place: Place | None) -> None:
    why = text(reason.strip())
    if not why:
        raise NotNowError(f"Say why; it is kept on the record. {_UNCHANGED}")
    if not_now := why_not(posting, Action.RENUMBER):
        raise NotNowError(f"Bill {posting.invoice_num} {not_now}. {_UNCHANGED}")
    after = given or posting.invoice_num
    changes: dict[str, Any] = {
        "given_num": given,
        "number_key": number_key(after),
        "given_for": posting.invoice_num if given else "",
        "given_by": text(actor, 150) if given else "",
        "given_at": timezone.now() if given else None,
        "given_why": why if given else "",
        "not_before": None,
        "failed_attempts": 0,
        **holds.NONE,
    }
    body = {"in_ramp": posting.invoice_num, "given": given, "reason": why}
    with transaction.atomic():
        _lock(posting)
        _check_nothing_sent(posting)
        _check_free(posting, after, place)
        sentence = entry(posting, "posting.numbered", body, actor)
        change([posting], _as_seen(posting), changes, "given another number", [sentence])
        holds.clear([posting.pk])


def _as_seen(posting: Posting) -> Q:
    """Exactly what the person had in view, with nobody working on it."""
    return Q(
        state=_State.QUEUED,
        lease_owner="",
        given_num=posting.given_num,
        invoice_num=posting.invoice_num,
        seen_hash=posting.seen_hash,
    ) & holds.as_seen(posting)


def _lock(posting: Posting) -> None:
    """Lock tenant and bill, so that two people cannot give one number to two bills at once."""
    lock_tenant(posting.tenant_id)
    list(Posting.objects.select_for_update().filter(pk=posting.pk).values_list("pk"))


def _check_nothing_sent(posting: Posting) -> None:
    """Every key under which the bill was sent is settled: refused, looked up, or removed again."""
    name = posting.invoice_num
    if attempts.unresolved(posting.tenant_id, "posting", posting.bill_id):
        raise NotNowError(
            f"A write for bill {name} has no answer from Epicor yet. {_UNCHANGED} It is looked up "
            "by itself; look at the bill again then."
        )
    saved = _saved_last(posting)
    if saved is not None:
        raise NotNowError(
            f"Epicor said that it saved bill {name} as {saved.invoice_num}. {_UNCHANGED} Replay "
            "it, so that it is looked up first."
        )


def _saved_last(posting: Posting) -> Attempt | None:
    """The last write under a key, if Epicor saved it and nothing says that it is gone since."""
    mine = {"tenant_id": posting.tenant_id, "subject_kind": "posting"}
    sent = Attempt.objects.filter(**mine, subject_id=posting.bill_id).exclude(vendor_num=None)
    not_sent = (Attempt.Outcome.NOT_SENT, Attempt.Outcome.REFUSED)
    last = sent.exclude(outcome__in=not_sent).order_by("-pk").first()
    if last is None or last.outcome != Attempt.Outcome.DONE or last.action == "remove_invoice":
        return None
    key = [last.company, last.vendor_num, trimmed(last.invoice_num)]
    if key in [[*twin[:2], trimmed(str(twin[2]))] for twin in posting.twins_cleared]:
        return None  # a person compared it and said that it is another invoice
    gone = AuditEntry.objects.filter(**mine, subject_id=posting.bill_id, at__gte=last.started_at)
    return None if gone.filter(action="posting.removed").exists() else last


def _check_free(posting: Posting, number: str, place: Place | None) -> None:
    """No other bill of the vendor has it, in any spelling, unless a person told the two apart.

    What Epicor has of other hands is seen at the look-up.
    """
    named = Q(number_key=number_key(number))
    vendor = Q(vendor_ramp_id=posting.vendor_ramp_id) if posting.vendor_ramp_id else Q(pk__in=[])
    entities = place.entities if place else frozenset({posting.entity_id})
    waiting = named & vendor & Q(state__in=_WAITING, entity_id__in=entities)
    there = named & Q(state__in=IN_EPICOR)
    if place is not None:
        there &= Q(company=place.company, vendor_num=place.vendor_num)
    else:
        there &= vendor
    others = Posting.objects.filter(waiting | there, tenant_id=posting.tenant_id)
    rest = others.exclude(pk=posting.pk).order_by("pk")
    other = next((one for one in rest if not _cleared(posting, number, one)), None)
    if other is None:
        return
    theirs = _number_of(other)
    name = "it" if trimmed(theirs) == trimmed(number) else f"{theirs}, the same number,"
    what = f"is entered under {name} already"
    if not other.in_epicor:
        what = f"waits to be entered under {name}"
    raise NumberError(
        f"{number} is taken: bill {other.bill_id} of the same vendor {what.rstrip(',')}. Give it "
        "another one."
    )


def _cleared(posting: Posting, number: str, other: Posting) -> bool:
    """Whether a person said that they differ, and Epicor would take both numbers."""
    if trimmed(_number_of(other)) == trimmed(number):
        return False
    return other.bill_id in posting.bills_cleared or posting.bill_id in other.bills_cleared


def _number_of(posting: Posting) -> str:
    """The number that it is entered under, or would be."""
    waits = posting.state in _WAITING
    return (posting.given_num if waits else "") or posting.invoice_num
