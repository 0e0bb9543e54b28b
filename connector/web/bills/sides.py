"""The three sides of a bill as they are compared: Ramp's, what is sent, and Epicor's.

Nothing is read from the database or asked of a system here.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from audit.ledger.models import Posting
from connector.domain.bill import Bill, BillLine, Payer, Selection
from connector.domain.money import format_money
from connector.epicor.ap_invoice.draft import APInvoiceDraft
from connector.web.bills.comparison import Line, Side, Value
from mappings.models import TargetInvoice

Seen = Mapping[str, Any]  # an invoice as connector.actions.live_lookup keeps it
# Whether payment is to be held in Epicor, by who pays; where that is not known, the settings say.
_PAID_BY = {
    Payer.RAMP: Value("yes: Ramp pays it", means=True),
    Payer.OTHER: Value("no: it is paid outside Ramp", means=False),
    Payer.UNKNOWN: Value("Ramp does not say who pays"),
}


def ramp_side(bill: Bill, epicor_currency: str, given_num: str = "", entity_name: str = "") -> Side:
    """What Ramp says; `epicor_currency` is the code that its currency stands for ("" = none).

    `entity_name`: what its entity is called, where that is known. `given_num`: the number that a
    person gave it instead of its own, which then differs as meant.
    """
    own = bill.invoice_number or "none"
    numbered = Value(f"{own} (another one was given)") if given_num else None
    apply_on = bill.accounting_on or bill.issued_on
    fields = {
        "Epicor company": Value(
            entity_name or (f"entity {bill.entity_id}" if bill.entity_id else "none")
        ),
        "Vendor": Value(bill.vendor_name),
        "Invoice number": numbered or Value(own, _number(bill.invoice_num)),
        "Invoice date": day_value(bill.issued_on),
        "Apply date": Value(
            apply_on.isoformat() if bill.accounting_on else "none: the invoice date counts",
            apply_on,
        ),
        "Due date": day_value(bill.due_on),
        "Currency": Value(bill.currency, epicor_currency or None),
        "Total": amount_value(bill.total, bill.currency),
        "Payment hold": _PAID_BY[bill.payer],
        "Description": Value(bill.vendor_memo or bill.memo),
    }
    lines = {
        number: Line(
            amount=amount_value(line.amount, bill.currency),
            account=Value(_coded(line, bill.selections)),
            text=Value(line.memo),
        )
        for number, line in enumerate(bill.lines, start=1)
    }
    return Side(fields, lines)


def seed_side(posting: Posting) -> Side:
    """What can be shown of a bill that cannot be read whole; compared with nothing."""
    amount = posting.amount
    known = {
        "Vendor": posting.vendor_name,
        "Invoice number": posting.invoice_num,
        "Invoice date": posting.issued_on.isoformat() if posting.issued_on else "",
        "Due date": posting.due_on.isoformat() if posting.due_on else "",
        "Currency": posting.currency,
        "Total": amount_value(amount, posting.currency).text if amount is not None else "",
    }
    return Side({name: Value(text) for name, text in known.items()})


def sent_side(draft: APInvoiceDraft, group_id: str, currency: str) -> Side:
    """What is or was sent; `currency` is the ISO code whose digits the amounts have."""
    fields = {
        "Epicor company": _code(draft.company),
        "Vendor": Value(f"{draft.vendor_id} (number {draft.vendor_num})", draft.vendor_num),
        "Invoice number": Value(draft.invoice_num, _number(draft.invoice_num)),
        "Invoice date": day_value(draft.invoice_date),
        "Apply date": day_value(draft.apply_date),
        "Due date": day_value(draft.due_date),
        "Terms": _code(draft.terms_code),
        "Currency": _code(draft.currency_code),
        "Total": amount_value(draft.total, currency),
        "Payment hold": flag_value(on=draft.pay_hold),
        "Group": _code(group_id),
        "Description": _code(draft.description),
    }
    lines = {
        number: Line(
            amount=amount_value(line.amount, currency),
            account=Value(line.account, (line.account,)),
            text=_code(line.description),
        )
        for number, line in enumerate(draft.lines, start=1)
    }
    return Side(fields, lines)


def adopted_side(entered_as: Mapping[str, Any], group_id: str, currency: str) -> Side:
    """What a person said is this bill, typed by hand: only these points were ever compared."""
    number = str(entered_as.get("invoice_num") or "")
    vendor_num = entered_as.get("vendor_num")
    total = entered_as.get("total")
    return Side(
        {
            "Epicor company": _code(str(entered_as.get("company") or "")),
            "Vendor": Value(f"number {vendor_num}", vendor_num) if vendor_num else Value(),
            "Invoice number": Value(number, _number(number)) if number else Value(),
            "Currency": _code(str(entered_as.get("currency_code") or "")),
            "Total": amount_value(Decimal(str(total)), currency) if total is not None else Value(),
            "Group": _code(group_id),
        }
    )


def epicor_side(seen: Seen, currency: str) -> Side:
    """What Epicor has, as it was read; amounts are decimal texts, days ISO 8601 or ""."""
    vendor_num, vendor_id = seen["vendor_num"], seen["vendor_id"]
    fields = {
        "Epicor company": stored_value(seen["company"]),
        "Vendor": Value(
            f"{vendor_id} (number {vendor_num})" if vendor_id else f"number {vendor_num}",
            vendor_num,
        ),
        "Invoice number": Value(seen["invoice_num"], _number(seen["invoice_num"])),
        "Invoice date": _iso(seen["invoice_date"]),
        "Apply date": _iso(seen["apply_date"]),
        "Due date": _iso(seen["due_date"]),
        "Terms": stored_value(seen["terms_code"]),
        "Currency": stored_value(seen["currency_code"]),
        "Total": amount_value(Decimal(seen["total"]), currency),
        "Payment hold": flag_value(seen["pay_hold"]),
        "Group": stored_value(seen["group_id"]),
        "Description": stored_value(seen["description"]),
        "Posted": Value("yes" if seen["posted"] else "no"),
        "Entered by": Value(seen["entry_person"]),
    }
    lines = {int(line["number"]): _seen_line(line, currency) for line in seen["lines"]}
    return Side(fields, lines)


def mirrored_fields(row: TargetInvoice, currency: str) -> dict[str, Value]:
    """The points that the mirror of Epicor's invoices knows."""
    known = {
        "Currency": stored_value(row.currency_code),
        "Total": amount_value(row.total, currency),
        "Group": stored_value(row.group_id),
        "Posted": Value("yes" if row.posted else "no"),
        "Entered by": Value(row.entry_person),
    }
    if row.invoice_date is not None:
        known["Invoice date"] = day_value(row.invoice_date)
    if row.pay_hold is not None:
        known["Payment hold"] = flag_value(row.pay_hold)
    return known


# -- single values ---------------------------------------------------------------------------


def _seen_line(line: Mapping[str, Any], currency: str) -> Line:
    accounts = tuple(str(account) for account in line["accounts"])
    return Line(
        amount=amount_value(Decimal(line["amount"]), currency),
        account=Value(", ".join(accounts) or "none", accounts),
        text=Value(line["description"], _plain(line["description"])),
    )


def _coded(line: BillLine, whole_bill: Sequence[Selection]) -> str:
    """What was chosen in Ramp for a line; the line's own choice wins over the bill's."""
    chosen = {**_options(whole_bill), **_options(line.selections)}
    parts = [f"{name}: {' and '.join(options)}" for name, options in chosen.items()]
    return " · ".join(parts) or "not coded"


def _options(selections: Sequence[Selection]) -> dict[str, list[str]]:
    """What was chosen, each option once, by what the field is called."""
    found: dict[str, list[str]] = {}
    for choice in selections:
        named = choice.field_name or choice.field_id or "a field without a name"
        options = found.setdefault("GL account" if choice.is_gl_account else named, [])
        option = choice.option_name or choice.option_id or "an option without a name"
        if option not in options:
            options.append(option)
    return found


def amount_value(amount: Decimal, currency: str) -> Value:
    """An amount in its currency."""
    return Value(format_money(amount, currency), amount)


def day_value(day: date) -> Value:
    """A calendar day."""
    return Value(day.isoformat(), day)


def _iso(text: str) -> Value:
    return day_value(date.fromisoformat(text)) if text else Value("none", "")


def number_value(text: str) -> Value:
    """An invoice number."""
    return Value(text, _number(text))


def flag_value(on: object) -> Value:
    """Yes or no."""
    return Value("yes" if on else "no", bool(on))


def _code(text: str) -> Value:
    """A code or text; what is empty says nothing, so that it is not compared."""
    return Value(text, _plain(text)) if text else Value()


def stored_value(text: str) -> Value:
    """A code or text as Epicor has it; an empty one is known to be empty."""
    return Value(text or "blank", _plain(text))


def _plain(text: str) -> str:
    return " ".join(text.split())


def _number(text: str) -> str:
    """Numbers are compared as Epicor does: trimmed and caseless."""
    return text.strip().casefold()
