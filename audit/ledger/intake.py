"""Bills as Ramp shows them become postings, and changed bills update what the postings copied."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction

from audit.canonical_json import text
from audit.ledger.models import Posting
from audit.trail import log
from audit.transitions import changes_of, entry, store
from connector.domain.chunks import chunks
from connector.domain.invoice_key import number_key, trimmed

_AMOUNT_LIMIT = Decimal(10) ** 15  # what SQLite gives back exactly; more is not an amount
_FOLLOWS_RAMP = [Posting.State.QUEUED, Posting.State.IN_FLIGHT, Posting.State.IN_DOUBT]


@dataclass(frozen=True, slots=True)
class PostingSeed:
    """What a bill's envelope tells before anything else is known. `amount` in major units."""

    bill_id: str
    seen_hash: str
    entity_id: str
    vendor_ramp_id: str
    vendor_name: str
    invoice_num: str
    amount: Decimal | None
    currency: str
    issued_on: date | None
    due_on: date | None
    apply_on: date | None


_COPIED = [field.name for field in fields(PostingSeed) if field.name != "bill_id"]


def open_many(tenant_id: int, seeds: Sequence[PostingSeed]) -> int:
    """A queued posting for every bill that has none yet; says how many were new.

    Safe against another worker that opens the same bills at the same moment.
    """
    return sum(_open_chunk(tenant_id, chunk) for chunk in _chunks(seeds))


def _open_chunk(tenant_id: int, seeds: list[PostingSeed]) -> int:
    new = _unknown(tenant_id, seeds)
    while new:
        try:
            with transaction.atomic():
                _insert(tenant_id, new)
        except IntegrityError:
            # Another worker was faster with some of them: go on with the rest.
            rest = _unknown(tenant_id, new)
            if len(rest) == len(new):
                raise
            new = rest
        else:
            break
    return len(new)


def _insert(tenant_id: int, seeds: list[PostingSeed]) -> None:
    rows = [Posting(tenant_id=tenant_id, bill_id=s.bill_id, **_values(s)) for s in seeds]
    for row in rows:
        row.number_key = number_key(row.invoice_num)
    Posting.objects.bulk_create(rows, batch_size=1000)
    # Everything known of it then, so that the record alone can tell what was known at any time.
    log.record_many(
        replace(entry(row, "posting.opened", {}), changes=changes_of(Posting(), _copied(row)))
        for row in rows
    )


def _copied(row: Posting) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _COPIED}


def _unknown(tenant_id: int, seeds: list[PostingSeed]) -> list[PostingSeed]:
    asked = [seed.bill_id for seed in seeds]
    rows = Posting.objects.filter(tenant_id=tenant_id, bill_id__in=asked)
    known = set(rows.values_list("bill_id", flat=True))
    return [seed for seed in seeds if seed.bill_id not in known]


def update_values(tenant_id: int, seeds: Sequence[PostingSeed]) -> int:
    """Copies what Ramp says now onto existing postings; says how many differed.

    Once a bill is entered its record keeps the values it was entered with: only `seen_hash`
    follows, so that the difference to `entered_hash` shows.
    """
    return sum(_update_chunk(tenant_id, chunk) for chunk in _chunks(seeds))


def _update_chunk(tenant_id: int, seeds: list[PostingSeed]) -> int:
    by_bill = {seed.bill_id: seed for seed in seeds}
    steps: list[tuple[Posting, dict[str, Any]]] = []
    entries: list[log.NewEntry] = []
    with transaction.atomic():
        rows = Posting.objects.filter(tenant_id=tenant_id, bill_id__in=list(by_bill))
        for posting in rows.order_by("id").select_for_update():
            seed = by_bill[posting.bill_id]
            if values := _new_values(posting, _values(seed)):
                steps.append((posting, values))
                body = _number_kept(posting, seed)
                entries.append(entry(posting, "posting.seen_changed", body))
        store(steps, entries)
    return len(steps)


def _new_values(posting: Posting, values: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that follow Ramp and are not as `values` says, {} when all are."""
    follows = posting.state in _FOLLOWS_RAMP
    names = _COPIED if follows else ["seen_hash"]
    found = {name: values[name] for name in names if getattr(posting, name) != values[name]}
    if found and follows:
        found["number_key"] = number_key(posting.given_num or values["invoice_num"])
    return found


def _number_kept(posting: Posting, seed: PostingSeed) -> dict[str, str]:
    """That an invoice keeps the number that a person gave it, where Ramp's is a third one now."""
    now = text(seed.invoice_num, 255)
    known = (trimmed(posting.given_num), trimmed(posting.given_for))
    if not (posting.in_epicor and posting.given_num) or trimmed(now) in known:
        return {}
    news = f"The number in Ramp is {now} now; the invoice in Epicor stays {posting.invoice_num}."
    return {"message": f"{news} A person gave it {posting.given_num}."}


def _values(seed: PostingSeed) -> dict[str, Any]:
    """The columns of a seed; a hostile text or amount must not stop everybody else's bills."""
    amount = seed.amount
    readable = amount is not None and amount.is_finite() and abs(amount) < _AMOUNT_LIMIT
    return {
        "seen_hash": seed.seen_hash,
        "entity_id": text(seed.entity_id, 64),
        "vendor_ramp_id": text(seed.vendor_ramp_id, 64),
        "vendor_name": text(seed.vendor_name, 255),
        "invoice_num": text(seed.invoice_num, 255),
        "amount": amount if readable else None,
        "currency": text(seed.currency, 8),
        "issued_on": seed.issued_on,
        "due_on": seed.due_on,
        "apply_on": seed.apply_on,
    }


def _chunks(seeds: Sequence[PostingSeed]) -> Iterator[list[PostingSeed]]:
    """The seeds in pieces, each bill once (the last one wins)."""
    return chunks({seed.bill_id: seed for seed in seeds}.values())
