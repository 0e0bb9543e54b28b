"""What people do in Ramp. Each act tells the story and returns True when it could be done."""

import copy
import datetime as dt
import uuid

from sandbox.world_catalog import DISCOUNT, ENTERABLE, NATURALS, TAX, Row
from tests.simulation.life import BEGIN, Life, pick

# Bills made before that day are not looked at any more once Ramp has stopped to offer them.
LONG_AGO = (BEGIN - dt.timedelta(days=87)).date().isoformat()


def open_bills(life: Life) -> list[Row]:
    """Bills that Ramp still offers."""
    return [row for row in life.ramp_bills() if row["sync_status"] == "NOT_SYNCED"]


def arrive(life: Life) -> bool:
    """New bills."""
    if not life.to_come:
        return False
    for _ in range(life.rng.choice((1, 1, 2))):
        if life.to_come:
            row = life.to_come.pop(0)
            life.box.ramp.app.add_bill(row)
            life.tell(f"Ramp: bill {life.name(row['id'])} arrives")
    return True


def upload_again(life: Life) -> bool:
    """Somebody uploads a paper a second time, and its number is read in another way."""
    rows = [row for row in life.ramp_bills() if (row.get("invoice_number") or "").strip()]
    row = pick(life, rows)
    if row is None:
        return False
    _uploaded_again(life, row)
    return True


def upload_newest_again(life: Life) -> None:
    """The same of the paper that came last."""
    rows = [row for row in life.ramp_bills() if (row.get("invoice_number") or "").strip()]
    _uploaded_again(life, rows[-1])


def _uploaded_again(life: Life, row: Row) -> None:
    number = respelled(life, row["invoice_number"].strip())
    bill_id = str(uuid.UUID(int=life.rng.getrandbits(128), version=4))
    again = {**copy.deepcopy(row), "id": bill_id, "invoice_number": number}
    again |= {"sync_status": "NOT_SYNCED", "reference_id": None, "archived_at": None}
    life.box.ramp.app.add_bill(again)
    life.tell(f"Ramp: bill {life.name(row['id'])} is uploaded again as {number!r}: {bill_id[:8]}")


def respelled(life: Life, number: str) -> str:
    """The same number in another spelling, as short as Epicor takes it."""
    ways = (number.swapcase(), number.replace("-", " "), number.replace("-", "/"), f"{number}.")
    return str(life.rng.choice([way[:50] for way in ways if way.strip() != number] or [number]))


def _edited(life: Life, what: str, row: Row, changes: Row) -> bool:
    life.box.ramp.app.edit_bill(row["id"], changes)
    if row["sync_status"] != "NOT_SYNCED" and row["created_at"][:10] < LONG_AGO:
        life.unseen_edits.add(row["id"])
    life.tell(f"Ramp: {what} of bill {life.name(row['id'])} ({row['sync_status']})")
    return True


def _to_edit(life: Life) -> Row | None:
    rows = open_bills(life)
    if life.rng.random() < 0.2:  # also bills that are done
        rows = life.ramp_bills()
    found: Row | None = pick(life, [row for row in rows if row["line_items"]])
    return found


def edit_number(life: Life) -> bool:
    """The invoice number was misread."""
    row = _to_edit(life)
    if row is None:
        return False
    number = f"{(row.get('invoice_number') or 'N').strip()[:40]}-{life.rng.randrange(100, 999)}"
    return _edited(life, f"another number, {number!r},", row, {"invoice_number": number})


def edit_amount(life: Life) -> bool:
    """The first line was misread; the total follows."""
    row = _to_edit(life)
    if row is None:
        return False
    lines = copy.deepcopy(row["line_items"])
    more = life.rng.randint(1, 900) * (1 if lines[0]["amount"]["amount"] > 0 else -1)
    lines[0]["amount"]["amount"] += more
    total = {**row["amount"], "amount": row["amount"]["amount"] + more}
    return _edited(life, f"{more} more minor units", row, {"line_items": lines, "amount": total})


def edit_due(life: Life) -> bool:
    """Another due date."""
    row = _to_edit(life)
    if row is None:
        return False
    day = dt.date.fromisoformat(row["due_at"][:10]) + dt.timedelta(days=life.rng.randint(1, 20))
    return _edited(life, f"due {day}", row, {"due_at": f"{day}T00:00:00+00:00"})


def edit_coding(life: Life) -> bool:
    """Another account on the first line."""
    row = _to_edit(life)
    if row is None:
        return False
    natural = life.rng.choice([n for n in NATURALS if n not in (TAX, DISCOUNT)])
    lines = copy.deepcopy(row["line_items"])
    kept = [
        one
        for one in lines[0]["accounting_field_selections"]
        if one["category_info"]["type"] != "GL_ACCOUNT"
    ]
    chosen = life.world._objects.selections(natural, None)
    lines[0]["accounting_field_selections"] = [*chosen, *kept]
    return _edited(life, f"account {natural} on line 1", row, {"line_items": lines})


def edit_vendor(life: Life) -> bool:
    """It was another vendor's."""
    row = _to_edit(life)
    if row is None:
        return False
    company = life.books.company_of(row)
    pool = [one for one in ENTERABLE if company in one.companies and one.link == "linked"]
    if not pool:
        return False
    vendor = life.rng.choice(pool)
    block = {
        "id": life.world._objects.vendor_id(vendor),
        "name": vendor.name,
        "type": "BUSINESS",
        "remote_id": vendor.vendor_id,
        "remote_code": vendor.vendor_id,
        "remote_name": vendor.name,
    }
    return _edited(life, f"vendor {vendor.vendor_id}", row, {"vendor": block})


def move(life: Life, bill_id: str) -> None:
    """The bill is another company's after all."""
    row = life.bill(bill_id)
    company = life.books.company_of(row)
    ids = life.world._objects.entity_ids
    other = next(name for name in sorted(ids) if name != company)
    _edited(life, f"company {other}", row, {"entity_id": ids[other]})


def archive(life: Life) -> bool:
    row = pick(life, [row for row in open_bills(life) if row["archived_at"] is None])
    if row is None:
        return False
    life.box.ramp.app.edit_bill(row["id"], {"archived_at": life.now.isoformat()})
    life.tell(f"Ramp: bill {life.name(row['id'])} is archived")
    return True


def restore(life: Life) -> bool:
    row = pick(life, [row for row in life.ramp_bills() if row["archived_at"] is not None])
    if row is None:
        return False
    life.box.ramp.app.edit_bill(row["id"], {"archived_at": None})
    life.tell(f"Ramp: bill {life.name(row['id'])} is restored")
    return True


def unapprove(life: Life) -> bool:
    row = pick(life, [row for row in open_bills(life) if row["approval_status"] == "APPROVED"])
    if row is None:
        return False
    life.box.ramp.app.edit_bill(row["id"], {"approval_status": "PENDING"})
    life.tell(f"Ramp: bill {life.name(row['id'])} is not approved any more")
    return True


def approve(life: Life) -> bool:
    row = pick(life, [row for row in open_bills(life) if row["approval_status"] == "PENDING"])
    if row is None:
        return False
    life.box.ramp.app.approve_bill(row["id"])
    life.tell(f"Ramp: bill {life.name(row['id'])} is approved")
    return True


def elsewhere(life: Life) -> bool:
    """Somebody presses Export in Ramp."""
    row = pick(life, open_bills(life))
    if row is None:
        return False
    life.box.ramp.app.mark_synced_elsewhere(row["id"])
    life.bills[row["id"]].elsewhere = True
    life.tell(f"Ramp: somebody marks bill {life.name(row['id'])} as synced")
    return True


def pay(life: Life) -> bool:
    row = pick(life, [row for row in life.ramp_bills() if row["status"] != "PAID"])
    if row is None:
        return False
    life.box.ramp.app.pay_bill(row["id"])
    life.tell(f"Ramp: bill {life.name(row['id'])} is paid")
    return True
