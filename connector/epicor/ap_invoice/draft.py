"""Our AP invoice before any call: the accounting rules that turn a coded bill into one. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

from connector.domain.bill import Bill, BillLine, Payer, Selection
from connector.domain.days import day_in
from connector.domain.difference import fact
from connector.domain.errors import Gap, HeldError, InvalidBillError, Reason
from connector.domain.invoice_key import LONGEST_NUMBER, unseen
from connector.domain.money import decimals_of, format_money
from connector.domain.texts import cut, units
from mappings.coding import Coding, CodingRequest, Field, FieldChoice, LineRequest, Ref
from mappings.fiscal import PeriodTable

_DAYS = ("invoice_date", "apply_date", "due_date")


@dataclass(frozen=True, slots=True)
class TextLengths:
    """How many characters Epicor's columns take, as SQL Server counts them (UTF-16 units).

    The defaults are those of the releases that we know; None means that no limit is known.
    """

    invoice_num: int = LONGEST_NUMBER
    description: int = 30
    line_description: int = 30
    url: int | None = None
    stamp: int | None = None


@dataclass(frozen=True, slots=True)
class PostingPolicy:
    """The tenant's rules that decide how a bill is entered."""

    start_date: date | None = None
    zone: tzinfo = UTC  # the tenant's, in which a moment has its day
    pay_hold: bool = True  # where the bill's payments do not say who pays
    po_bills: str = "hold"  # hold, expense, po_lines
    card_paid: str = "hold"  # hold, enter
    closed_period: str = "hold"  # hold, next_open; any: for what is there already
    default_terms: str = ""
    rate_group: str = ""
    lengths: TextLengths = TextLengths()


@dataclass(frozen=True, slots=True)
class DraftLine:
    """One invoice line with one distribution; `amount` signed as on the bill, major units."""

    amount: Decimal
    account: str
    description: str
    source: str


@dataclass(frozen=True, slots=True)
class APInvoiceDraft:
    """What Epicor shall have, to the cent. Amounts are signed as on the bill (credits negative)."""

    company: str
    site: str
    vendor_num: int
    vendor_id: str
    invoice_num: str
    invoice_date: date
    apply_date: date
    due_date: date
    terms_code: str
    currency_code: str
    rate_group: str
    total: Decimal
    lines: tuple[DraftLine, ...]
    description: str
    stamp: str
    url: str
    pay_hold: bool

    @property
    def credit(self) -> bool:
        """Whether it is a debit memo (a credit of the vendor)."""
        return self.total < 0

    @property
    def key(self) -> tuple[str, int, str]:
        """The natural key in Epicor."""
        return (self.company, self.vendor_num, self.invoice_num)

    def as_json(self) -> dict[str, Any]:
        """The draft as plain JSON: amounts as exact decimal texts, days in ISO 8601."""
        values = asdict(self)
        values.update({name: values[name].isoformat() for name in _DAYS})
        values["total"] = str(self.total)
        values["lines"] = [{**asdict(line), "amount": str(line.amount)} for line in self.lines]
        return values

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "APInvoiceDraft":
        """The draft that `as_json` (or audit.canonical_json of its fields) wrote; other keys are
        ignored.

        Raises ValueError when it is not a whole draft.
        """
        try:
            known = {field.name: value[field.name] for field in fields(cls) if field.name in value}
            known.update({name: date.fromisoformat(value[name]) for name in _DAYS})
            known["total"] = Decimal(value["total"])
            known["lines"] = tuple(_line_from(line) for line in value["lines"])
            return cls(**known)
        except (KeyError, TypeError, ValueError, InvalidOperation) as error:
            raise ValueError(f"This is not a whole draft of an invoice: {error!r}.") from error


def _line_from(value: Mapping[str, Any]) -> DraftLine:
    known = {field.name: value[field.name] for field in fields(DraftLine) if field.name in value}
    return DraftLine(**{**known, "amount": Decimal(value["amount"])})


def since_start(bill: Bill, policy: PostingPolicy) -> bool:
    """Whether the bill was issued or created on or after the start date, if there is one.

    The day on which it was created is the tenant's, not UTC's.
    """
    if policy.start_date is None:
        return True
    days = [bill.issued_on]
    if bill.created_at is not None:
        days.append(day_in(bill.created_at, policy.zone))
    return max(days) >= policy.start_date


def check_bill(bill: Bill, policy: PostingPolicy, *, given_num: str = "") -> None:
    """Refuse what cannot or must not be entered as it is.

    `given_num`: the number that a person gave it instead of its own, "" for none. Raises
    InvalidBillError for a bill that contradicts itself and HeldError (needs review) for bills
    linked to a purchase order or paid by card, until the tenant says how to treat them.
    """
    if not bill.lines:
        raise InvalidBillError(
            "The bill has no lines. Add a line in Ramp, then replay.", detail={"why": "no_lines"}
        )
    total = sum((line.amount for line in bill.lines), Decimal(0))
    if total != bill.total:
        raise InvalidBillError(
            f"The lines add up to {format_money(total, bill.currency)} but the bill says "
            f"{format_money(bill.total, bill.currency)}. Nothing was entered. Correct the bill "
            "in Ramp, then replay.",
            detail={"why": "sum", "lines": fact(total), "total": fact(bill.total)},
        )
    if bill.total == 0:
        raise InvalidBillError(
            "The bill's total is zero, so there is nothing to enter.", detail={"why": "zero"}
        )
    _check_lengths(bill, given_num or bill.invoice_num, policy.lengths)
    _check_review(bill, policy)


def _check_lengths(bill: Bill, number: str, lengths: TextLengths) -> None:
    longest = min(LONGEST_NUMBER, lengths.invoice_num)
    if units(number) > longest:
        raise InvalidBillError(
            f"The invoice number has {units(number)} characters and Epicor takes {longest}. Give "
            "the bill another number here, or shorten it in Ramp and replay; it is never cut "
            "silently.",
            detail={"why": "number_long", "number": number, "longest": longest},
        )
    if sign := unseen(number):
        raise InvalidBillError(
            f"The invoice number has a character that cannot be seen or compared: {sign}. Nothing "
            "was entered. Give the bill another number here, or correct it in Ramp and replay; "
            "nothing of a number is left out silently.",
            detail={"why": "number_unseen", "number": number},
        )
    if lengths.stamp is not None and units(bill.id) > lengths.stamp:
        raise HeldError(
            f"Epicor's column for the bill's id takes {lengths.stamp} characters and the id has "
            f"{units(bill.id)}, so the invoice could not be recognised later. Nothing was entered. "
            "Name a longer column (setting “Column for Ramp's bill id”), then replay.",
            reason=Reason.UNAVAILABLE,
            detail={"why": "stamp_column", "longest": lengths.stamp},
        )


def _check_review(bill: Bill, policy: PostingPolicy) -> None:
    linked = bool(bill.purchase_order_ids) or any(x.source == "po_line" for x in bill.lines)
    if linked and policy.po_bills != "expense":
        raise HeldError(
            "The bill is linked to a purchase order. Nothing was entered, because entering it as "
            "an expense would count the receipt twice. Enter it in Epicor against the order and "
            "dismiss it here, or let such bills be entered as expenses "
            "(setting “Bills with a purchase order”).",
            detail={"why": "purchase_order"},
        )
    if bill.paid_by_card and policy.card_paid != "enter":
        raise HeldError(
            "The bill was paid by card. Nothing was entered, because the card transaction may "
            "already be in the books. Check that, then dismiss it, or let such bills be entered "
            "(setting “Bills paid by card”).",
            detail={"why": "paid_by_card"},
        )


def apply_date(
    bill: Bill,
    company: str,
    periods: PeriodTable,
    policy: PostingPolicy,
    there: date | None = None,
) -> tuple[date, tuple[Gap, ...]]:
    """The day that picks the fiscal period, and the gap when that period takes no invoice.

    The accounting date, else the invoice date; never today. With `closed_period` next_open, a
    closed period moves it to the first day of the next open one; with any it does not matter.
    `there`: the day that the invoice has in Epicor already, when next_open may have chosen it.
    """
    wanted = bill.accounting_on or bill.issued_on
    state = periods.find(company, wanted)
    if policy.closed_period == "any" and there is not None:
        return (there if periods.may_have_moved(company, wanted, there) else wanted), ()
    if policy.closed_period == "any" or (state is not None and state.open):
        return wanted, ()
    if policy.closed_period == "next_open":
        moved = periods.next_open(company, wanted)
        if moved is not None:
            return moved, ()
    label = periods.label(company, wanted)
    why = "has no fiscal period in Epicor" if state is None else "is closed in Epicor"
    message = (
        f"Period {label} of {company} {why} for {wanted.isoformat()}. "
        "Open it, or change the accounting date in Ramp, then replay."
    )
    facts = ("missing" if state is None else "closed", wanted.isoformat())
    gap = Gap(Reason.PERIOD_CLOSED, "period", label, label, message, company, facts=facts)
    return wanted, (gap,)


def coding_request(
    bill: Bill, company: str, apply_on: date, policy: PostingPolicy
) -> CodingRequest:
    """What must be looked up in the mappings: the line's own selections win over the bill's."""
    return CodingRequest(
        company=company,
        vendor=Ref(bill.vendor_id, bill.vendor_name),
        vendor_remote_id=bill.vendor_remote_id,
        currency=bill.currency,
        default_terms=policy.default_terms,
        apply_on=apply_on,
        lines=tuple(_line_request(line, bill.selections) for line in bill.lines),
        decimals=max(decimals_of(amount) for amount in (bill.total, *_amounts(bill))),
    )


def _amounts(bill: Bill) -> Iterable[Decimal]:
    return (line.amount for line in bill.lines)


def _line_request(line: BillLine, defaults: tuple[Selection, ...]) -> LineRequest:
    """Field by field, what the line chose; what the bill chose only where the line chose nothing.

    Nothing is dropped: a choice without an id, and a second one, are kept for the mappings to
    judge. A line's choice that cannot be read is never replaced by the bill's.
    """
    return LineRequest(
        accounts=_accounts(line.selections) or _accounts(defaults),
        chosen=tuple({**_chosen(defaults), **_chosen(line.selections)}.values()),
    )


def _accounts(selections: Sequence[Selection]) -> tuple[Ref, ...]:
    return _each_once(choice for choice in selections if choice.is_gl_account)


def _chosen(selections: Sequence[Selection]) -> dict[tuple[str, str], FieldChoice]:
    """The choices of the other fields; a field without an id is told apart by its name."""
    fields: dict[tuple[str, str], list[Selection]] = {}
    for choice in selections:
        if not choice.is_gl_account:
            key = (choice.field_id, "" if choice.field_id else choice.field_name)
            fields.setdefault(key, []).append(choice)
    return {
        key: FieldChoice(
            Field(found[0].field_id, found[0].field_name, found[0].field_type), _each_once(found)
        )
        for key, found in fields.items()
    }


def _each_once(selections: Iterable[Selection]) -> tuple[Ref, ...]:
    """The chosen options, each once; those without an id are told apart by their names."""
    found: dict[tuple[str, str], Ref] = {}
    for choice in selections:
        key = (choice.option_id, "" if choice.option_id else choice.option_name)
        found.setdefault(key, Ref(choice.option_id, choice.option_name))
    return tuple(found.values())


def _pay_hold(bill: Bill, policy: PostingPolicy) -> bool:
    """Whether Epicor must be kept from paying: what Ramp pays would be paid twice, and what is
    paid outside Ramp would never be paid. The tenant's setting decides what is not known."""
    if bill.payer == Payer.UNKNOWN:
        return policy.pay_hold
    return bill.payer == Payer.RAMP


def draft_ap_invoice(
    bill: Bill,
    coding: Coding,
    apply_on: date,
    *,
    site: str,
    policy: PostingPolicy,
    url: Callable[[str], str],
    given_num: str = "",
) -> APInvoiceDraft:
    """Join what was bought with where it is booked.

    `given_num`: the number that a person gave it instead of its own, "" for none.
    One line with one distribution per bill line, in bill order; the lines sum to the bill's
    total exactly (`check_bill` saw to it). Source: docs/epicor.md, "From bill to invoice".
    """
    lengths = policy.lengths
    address = url(bill.id)
    lines = tuple(
        DraftLine(
            amount=line.amount,
            account=code.account,
            description=cut(
                line.memo or bill.vendor_memo or bill.vendor_name, lengths.line_description
            ),
            source=line.source,
        )
        for line, code in zip(bill.lines, coding.lines, strict=True)
    )
    return APInvoiceDraft(
        company=coding.company,
        site=site,
        vendor_num=coding.vendor_num,
        vendor_id=coding.vendor_id,
        invoice_num=given_num or bill.invoice_num,
        invoice_date=bill.issued_on,
        apply_date=apply_on,
        due_date=bill.due_on,
        terms_code=coding.terms_code,
        currency_code=coding.currency_code,
        rate_group=policy.rate_group,
        total=bill.total,
        lines=lines,
        description=cut(bill.vendor_memo or bill.memo or bill.vendor_name, lengths.description),
        stamp=bill.id,
        url=address if cut(address, lengths.url) == address else "",  # half a link leads nowhere
        pay_hold=_pay_hold(bill, policy),
    )
