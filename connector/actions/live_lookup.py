"""Looking in Epicor now: what is there of one bill, by its id and by every number ever sent.

Reads through the client and writes nothing anywhere but in the job and the trail.
"""

from typing import Any

from django.utils import timezone

from audit.ledger.models import Posting
from audit.trail import log
from audit.writes import attempts
from connector.actions.job_results import sentence
from connector.epicor.ap_invoice.rows import SavedInvoice
from connector.epicor.find_invoices import find, stamp_of
from connector.epicor.values import amount, day, flag, number, text
from connector.jobs import queue
from connector.jobs.models import Job
from connector.jobs.registry import Done, JobError, job
from connector.sync.bills.preview import preview_as
from connector.sync.context import Rules, open_rules
from connector.sync.models import Bill
from connector.tenants.epicor_connection import connect_epicor, keep_facts
from connector.tenants.models import Tenant

LOOK = "look"
Key = tuple[str, int, str]


def request_look(tenant: Tenant, posting: Posting, *, actor: str) -> Job:
    """Ask for a look at one bill; the one that is under way already, if there is one."""
    title = f"Look in Epicor for bill {posting.invoice_num or posting.bill_id}"
    subject, key = posting.bill_id, f"{LOOK} {posting.bill_id}"
    return queue.request(tenant, LOOK, title=title, actor=actor, subject=subject, key=key)[0]


@job(LOOK)
def look(job: Job) -> Done:
    """Read what Epicor has of the bill `job.subject`; the page shows it beside the others.

    The details have {"seen_at", "companies", "invoices"}, each invoice as `as_seen` writes it.
    Raises AccessError, TransientError; JobError when the tenant has no such bill.
    """
    tenant, bill_id = job.tenant, job.subject
    posting = Posting.objects.filter(tenant=tenant, bill_id=bill_id).first()
    if posting is None:
        raise JobError("no_bill")
    rules = open_rules(tenant)
    keys = _keys(rules, posting)
    companies = sorted({*rules.companies, *(company for company, _, _ in keys)})
    seen = _ask(rules, companies, keys, bill_id)
    details = {"seen_at": timezone.now().isoformat(), "companies": companies, "invoices": seen}
    data = {"companies": companies, "found": len(seen), "adopted": posting.adopted}
    data |= {"first": {**seen[0], "lines": []} if seen else None}
    log.record(
        tenant.pk,
        "posting.looked_at",
        subject_kind="posting",
        subject_id=bill_id,
        actor=job.actor,
        body={"message": sentence("looked", data), "companies": companies},
    )
    return Done("looked", data, details)


def as_seen(company: str, saved: SavedInvoice, *, ours: bool) -> dict[str, Any]:
    """An invoice as it was read, in plain JSON: decimals as text, days ISO 8601, "" for none.

    `ours`: it carries the bill's id. Raises TransientError for values that cannot be read.
    """
    header = saved.header or {}
    return {
        "company": company,
        "ours": ours,
        "vendor_num": number(header.get("VendorNum")),
        "vendor_id": text(header.get("VendorNumVendorID")),
        "invoice_num": text(header.get("InvoiceNum")),
        **{name: _iso(header.get(column)) for name, column in _DAYS.items()},
        **{name: text(header.get(column)) for name, column in _TEXTS.items()},
        "total": str(amount(header.get("DocInvoiceVendorAmt"))),
        "pay_hold": flag(header.get("PayHold")),
        "posted": flag(header.get("Posted")),
        "lines": [
            {
                "number": line,
                "amount": str(amount(row.get("DocExtCost"))),
                "description": text(row.get("Description")),
                "accounts": [
                    text(account.get("GLAccount"))
                    for (owner, _), account in sorted(saved.accounts.items())
                    if owner == line
                ],
            }
            for line, row in sorted(saved.lines.items())
        ],
    }


_DAYS = {"invoice_date": "InvoiceDate", "apply_date": "ApplyDate", "due_date": "DueDate"}
_TEXTS = {
    "terms_code": "TermsCode",
    "currency_code": "CurrencyCode",
    "group_id": "GroupID",
    "description": "Description",
    "entry_person": "EntryPerson",
    "changed_by": "ChangedBy",
}


def _iso(value: Any) -> str:
    found = day(value)
    return found.isoformat() if found else ""


def _keys(rules: Rules, posting: Posting) -> set[Key]:
    """Every key ever sent, the one it was entered under, and the one that would be sent now."""
    sent = attempts.keys_of(posting.tenant_id, [posting.bill_id])[posting.bill_id]
    keys: set[Key] = set(sent)
    if posting.company and posting.vendor_num is not None:
        keys.add((posting.company, posting.vendor_num, posting.invoice_num))
    mirror = Bill.objects.filter(tenant_id=posting.tenant_id, bill_id=posting.bill_id).first()
    if mirror is not None and not posting.in_epicor:
        ready = preview_as(rules, posting, mirror.payload).prepared
        keys |= {ready.draft.key} if ready is not None else set()
    return keys


def _ask(rules: Rules, companies: list[str], keys: set[Key], bill_id: str) -> list[dict[str, Any]]:
    column = rules.profile.stamp_column
    client = connect_epicor(rules.tenant)
    try:
        found = [
            (company, saved)
            for company in companies
            for saved in find(
                client,
                company,
                keys=[(vendor_num, name) for where, vendor_num, name in keys if where == company],
                stamps=[bill_id],
                stamp_column=column,
            )
        ]
        keep_facts(rules.tenant, client)
    finally:
        client.close()
    seen = [
        as_seen(company, saved, ours=stamp_of(saved.header or {}, column, [bill_id]) == bill_id)
        for company, saved in found
    ]
    return sorted(seen, key=lambda one: not one["ours"])
