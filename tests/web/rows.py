"""Postings and blockers for the pages."""

from decimal import Decimal

from django.utils import timezone

from audit.ledger.models import Blocker, Posting
from connector.domain.invoice_key import number_key
from connector.epicor.ap_invoice.questions import About, OpenQuestions, Question
from connector.tenants.models import Tenant

SECRET = "ramp_sec_VerySecret123"


def make_posting(tenant: Tenant, bill_id: str, **values: object) -> Posting:
    """A queued posting of 120.00 USD; held when `hold_reason` is given."""
    if values.get("hold_reason"):
        values.setdefault("hold_opened_at", timezone.now())
        values.setdefault("hold_message", "Nothing was sent.")
        values.setdefault("hold_version", f"{values['hold_reason']} of {bill_id}")
    defaults = {
        "vendor_name": "Acme Supplies",
        "invoice_num": f"INV-{bill_id}",
        "amount": Decimal("120.0000"),
        "currency": "USD",
        "company": "EPIC06",
    }
    values = {**defaults, **values}
    values.setdefault("number_key", number_key(str(values["invoice_num"])))
    return Posting.objects.create(tenant=tenant, bill_id=bill_id, **values)


def make_asked(
    tenant: Tenant,
    bill_id: str,
    text: str = "Invoice {number} is dated in the future. Continue?",
    *,
    method: str = "ChangeInvoiceDateWithDateCheck",
    answerable: bool = True,
    **values: object,
) -> Posting:
    """A bill that Epicor asked something about, with its own number in the text."""
    number = f"INV-{bill_id}"
    question = Question.of(text.format(number=number), About(bill_id, number, "ACME"))
    detail = OpenQuestions(method, (question,), answerable).as_detail()
    said = f"Epicor asked in {method}: “{question.text}” It was not answered."
    values = {"hold_reason": "asked", "hold_message": said, **values}
    return make_posting(tenant, bill_id, hold_detail=detail, **values)


def block(posting: Posting, ramp_id: str, name: str, kind: str = "vendors") -> Blocker:
    return Blocker.objects.create(
        posting=posting,
        reason=posting.hold_reason,
        kind=kind,
        company="EPIC06",
        ramp_id=ramp_id,
        name=name,
        message="no target",
    )
