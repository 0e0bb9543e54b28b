"""Reads a bill as Ramp sends it into a `Bill`, or says in a sentence why it cannot be read.

Ramp adds fields and values over time and leaves optional ones out or null: what accounting does
not need is ignored, what it needs is asked for by name. Source: docs/ramp.md, "Bills".
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from connector.domain.bill import Bill, BillLine, Payment, Selection
from connector.domain.errors import InvalidBillError
from connector.domain.money import from_minor

Payload = Mapping[str, Any]
_MOST_DIGITS = 30  # of a whole number


def parse_bill(payload: Payload) -> Bill:
    """The bill of one answer; amounts in major units, days as given.

    Raises InvalidBillError naming the field. That lines add up to the total is not checked here.
    """
    bill_id = text(payload.get("id"))
    if not bill_id:
        raise _invalid("The bill has no id", "id")
    vendor = payload.get("vendor")
    if not isinstance(vendor, Mapping):
        raise _invalid("The bill has no vendor", "vendor")
    currency = currency_of(payload.get("amount"))
    return Bill(
        id=bill_id,
        entity_id=text(payload.get("entity_id")),
        vendor_id=text(vendor.get("id")),
        vendor_name=text(vendor.get("name")),
        vendor_remote_id=text(vendor.get("remote_id")),
        invoice_number=text(payload.get("invoice_number")),
        issued_on=_needed_day(payload, "issued_at", "issue date"),
        due_on=_needed_day(payload, "due_at", "due date"),
        accounting_on=day(payload.get("accounting_date"), "accounting date"),
        created_at=moment(payload.get("created_at"), "creation date"),
        currency=currency,
        total=amount(payload.get("amount"), "total", currency),
        lines=_lines(payload, currency),
        selections=_selections(payload, "The bill"),
        memo=text(payload.get("memo")),
        vendor_memo=text(payload.get("vendor_memo")),
        approval_status=text(payload.get("approval_status")).upper(),
        status=text(payload.get("status")).upper(),
        sync_status=text(payload.get("sync_status")).upper(),
        archived=bool(payload.get("archived_at")),
        accounting_sync_enabled=payload.get("enable_accounting_sync") is not False,
        payments=payments_of(payload),
        purchase_order_ids=_order_ids(payload),
    )


# -- values --------------------------------------------------------------------------------------


def text(value: object) -> str:
    """A trimmed text; "" for null, absent or anything that is neither text nor number."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return str(value)
    return ""


def day(value: object, name: str) -> date | None:
    """The calendar day of a date or date and time, never shifted by a time zone.

    None for null or absent; raises InvalidBillError for anything else that is not a date.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str) and (len(value) == 10 or value[10:11] in ("T", " ")):
        try:
            return date.fromisoformat(value[:10])
        except ValueError:
            pass
    raise _invalid(f"The {name} of the bill is {value!r}, which is not a date", name, value)


def moment(value: object, name: str) -> datetime | None:
    """The moment of a date and time; without an offset it is in UTC, as Ramp says.

    None for null or absent; raises InvalidBillError for anything else that is no moment.
    """
    if value is None or value == "":
        return None
    try:
        found = datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        problem = f"The {name} of the bill is {value!r}, which is not a date"
        raise _invalid(problem, name, value) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def currency_of(value: object) -> str:
    """The currency code of a CurrencyAmount, "" when there is none."""
    return text(value.get("currency_code")).upper() if isinstance(value, Mapping) else ""


def amount(value: object, name: str, currency: str) -> Decimal:
    """The major amount of a CurrencyAmount. Raises InvalidBillError, also for another currency."""
    minor = _whole(value.get("amount")) if isinstance(value, Mapping) else None
    if minor is None or not isinstance(value, Mapping):
        raise _invalid(f"The {name} of the bill has no readable amount", name)
    if currency_of(value) != currency:
        raise _invalid(
            f"The {name} of the bill is in {currency_of(value) or 'no currency'}, "
            f"but the bill is in {currency}",
            name,
            currency_of(value),
        )
    rate = value.get("minor_unit_conversion_rate")
    return from_minor(minor, currency, None if rate is None else _whole(rate) or 0)


def _whole(value: object) -> int | None:
    """A whole number, also one that is written with a fraction of zero; else None."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    try:
        number = Decimal(value)
        if not number.is_finite() or number.adjusted() > _MOST_DIGITS:
            return None  # no amount, and a text like 1e999999999 would take all memory
        return int(number) if number == int(number) else None
    except (InvalidOperation, ValueError, OverflowError):
        return None


def _needed_day(payload: Payload, key: str, name: str) -> date:
    found = day(payload.get(key), name)
    if found is None:
        raise _invalid(f"The bill has no {name}", name)
    return found


# -- lines ---------------------------------------------------------------------------------------


def _lines(payload: Payload, currency: str) -> tuple[BillLine, ...]:
    """Ordinary lines in order, then inventory lines in order."""
    found: list[BillLine] = []
    for key, source in (("line_items", "expense"), ("inventory_line_items", "inventory")):
        for row in _rows(payload, key, "The bill"):
            found.append(_line(row, f"line {len(found) + 1}", source, currency))
    return tuple(found)


def _line(row: Payload, name: str, source: str, currency: str) -> BillLine:
    return BillLine(
        amount=amount(row.get("amount"), name, currency),
        memo=text(row.get("memo")),
        selections=_selections(row, f"The bill's {name}"),
        source="po_line" if row.get("purchase_order_line_item_id") else source,
    )


def _selections(owner: Payload, name: str) -> tuple[Selection, ...]:
    """The chosen options; one without an id stays, so that it is held and not dropped."""
    found: list[Selection] = []
    for row in _rows(owner, "accounting_field_selections", name):
        info = row.get("category_info")
        field = info if isinstance(info, Mapping) else {}
        found.append(
            Selection(
                field_type=(text(field.get("type")) or text(row.get("type"))).upper(),
                field_id=text(field.get("external_id")),
                option_id=text(row.get("external_id")),
                option_name=text(row.get("name")),
                field_name=text(field.get("name")),
            )
        )
    return tuple(found)


def _rows(owner: Payload, key: str, name: str) -> list[Payload]:
    """A list of objects; null and absent are empty. Raises InvalidBillError otherwise."""
    value = owner.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(row, Mapping) for row in value):
        raise _invalid(f"{name} has {key} that cannot be read", name, key)
    return value


def payments_of(payload: Payload) -> tuple[Payment, ...]:
    """The payment of a bill and those in its list, each once; one that cannot be read says nothing.

    They never stop a bill: what they leave open, the tenant's settings decide.
    """
    listed = payload.get("payments")
    rows = [payload.get("payment"), *(listed if isinstance(listed, list) else ())]
    return tuple(dict.fromkeys(_payment(row) for row in rows if row is not None))


def _payment(row: object) -> Payment:
    if not isinstance(row, Mapping):
        return Payment("")
    details = row.get("details")
    manual = details.get("manual_payment_method") if isinstance(details, Mapping) else None
    return Payment(text(row.get("payment_method")).upper(), text(manual).upper())


def _order_ids(payload: Payload) -> tuple[str, ...]:
    value = payload.get("purchase_order_ids")
    many = value if isinstance(value, list) else []
    ids = [text(item) for item in (*many, payload.get("purchase_order_id"))]
    return tuple(dict.fromkeys(item for item in ids if item))


def _invalid(problem: str, name: str, value: object = None) -> InvalidBillError:
    """The error for this part of the bill, which Ramp has with this value (None: has not)."""
    return InvalidBillError(
        f"{problem}. Nothing was sent; correct the bill in Ramp.",
        detail={"why": "unreadable", "name": name, "value": None if value is None else str(value)},
    )
