"""Looks at single bills without sending anything: what would be entered, why, and what stops it."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.utils import timezone

from audit.ledger.models import Posting
from connector.domain.errors import Hold, Reason
from connector.domain.money import format_amount
from connector.epicor.ap_invoice.draft import APInvoiceDraft
from connector.epicor.ap_invoice.writers import requests
from connector.http_client.redaction import redact
from connector.sync.bills.invoice_groups import LETTERS
from connector.sync.bills.prepare import Prepared
from connector.sync.bills.rehearse import Rehearsed, rehearse, rehearse_as
from connector.sync.context import Rules, open_cycle
from connector.sync.models import InvoiceGroup
from connector.tenants.models import Tenant, zone_of
from mappings.periods import periods

# What only Epicor, or a person who compared, can say; looking at the bill alone does not end it.
_NOT_OURS_TO_JUDGE = frozenset(
    {
        Reason.DUPLICATE_SUSPECTED,
        Reason.REFUSED,
        Reason.ASKED,
        Reason.IN_DOUBT,
        Reason.MISMATCH,
        Reason.CHANGED,
        Reason.BUG,
    }
)
UNUSED = "not used"
_CODES = {"vendor": "vendor_id", "terms": "terms_code", "currency": "currency_code"}
_SEVERAL = (
    "This Epicor is sent several requests one after the other; the revisions (SysRevID) in the "
    "later ones are made up here."
)


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be sent for one bill; `prepared` is None when something stops it.

    `state` is the posting's, "" while there is none; `group_id` is where a free lane would put
    the invoice just now.
    """

    state: str
    prepared: Prepared | None
    request: dict[str, Any] | None
    problems: list[dict[str, Any]]
    group_id: str = ""

    def as_json(self) -> dict[str, Any]:
        """The document of `preview`; amounts are strings in major units."""
        ready = self.prepared
        return {
            "draft": None if ready is None else _draft_json(ready.draft),
            "request": self.request,
            "coding": self.coding,
            "problems": self.problems,
        }

    @property
    def coding(self) -> list[dict[str, Any]]:
        """Each code and why it was chosen, as `explain` writes them; [] when there are none."""
        codes = None if self.prepared is None else self.prepared.coding
        return [] if codes is None else explain(codes.as_json())


def preview(tenant: Tenant, bill_id: str) -> Preview:
    """What would be sent to Epicor for this bill. Writes nothing; asks Epicor nothing.

    Reads the bill from Ramp only when it is not mirrored. Raises NotFoundError for an unknown
    bill, AccessError, TransientError, HeldError.
    """
    known = Posting.objects.filter(tenant=tenant, bill_id=bill_id).first()
    posting = known or Posting(tenant=tenant, bill_id=bill_id)
    cycle = open_cycle(tenant, dry_run=True)
    try:
        return _preview(cycle, posting, rehearse(cycle, [posting]))
    finally:
        cycle.close()


def preview_as(rules: Rules, posting: Posting, payload: Mapping[str, Any]) -> Preview:
    """The same for a bill that looks like this in Ramp; asks neither system anything.

    `posting` may be one that is not stored. A constant number of queries, however long the bill.
    """
    payloads = {posting.bill_id: dict(payload)}
    return _preview(rules, posting, rehearse_as(rules, [posting], payloads))


def _preview(rules: Rules, posting: Posting, rehearsed: Rehearsed) -> Preview:
    ready, held = rehearsed
    problems = [problem for _, hold in held for problem in _problems(hold)]
    if posting.hold_reason in _NOT_OURS_TO_JUDGE:
        problems.append(_problem(posting.hold_reason, posting.hold_message))
    state = "" if posting.pk is None else posting.state
    if not ready:
        return Preview(state, None, None, problems)
    draft = ready[0].draft
    group_id = _group_id(rules, draft)
    return Preview(state, ready[0], _request(rules, draft, group_id), problems, group_id)


def _problems(hold: Hold) -> list[dict[str, Any]]:
    """One problem for each gap, or the hold itself where there is none."""
    if not hold.gaps:
        return [_problem(hold.reason, hold.message)]
    return [_problem(gap.reason, gap.message) for gap in hold.gaps]


def _problem(reason: str, message: str) -> dict[str, Any]:
    return {"reason": str(reason), "message": message}


# -- the request -------------------------------------------------------------------------------


def _request(rules: Rules, draft: APInvoiceDraft, group_id: str) -> dict[str, Any]:
    """What the tenant's writer would save, less the defaults of Epicor's new rows.

    Several saving requests: the first one, and the others in `then`.
    """
    steps = requests(rules.writer, draft, group_id, rules.profile)
    first, *others = [
        {"service": step.service, "method": step.method, "parameters": redact(step.parameters)}
        for step in steps
    ]
    request: dict[str, Any] = {"company": draft.company, **first}
    return {**request, "then": others, "note": _SEVERAL} if others else request


def _group_id(rules: Rules, draft: APInvoiceDraft) -> str:
    """The group the bill would go to if it were entered now by the next free lane."""
    today = timezone.localdate(timezone=zone_of(rules.tenant))
    mine = InvoiceGroup.objects.filter(tenant=rules.tenant, company=draft.company)
    label = periods(rules.tenant.pk, rules.companies).label(draft.company, draft.apply_date)
    known = mine.filter(fiscal_period=label, opened_on=today, ready=True).first()
    if known is not None:
        return known.group_id
    stem = f"{rules.posting.group_prefix}{today:%y%m%d}"
    taken = set(mine.filter(group_id__startswith=stem).values_list("group_id", flat=True))
    return next((f"{stem}{sign}" for sign in LETTERS if f"{stem}{sign}" not in taken), "")


# -- as JSON -----------------------------------------------------------------------------------


def _draft_json(draft: APInvoiceDraft) -> dict[str, Any]:
    """The draft with its amounts as strings and whether it is a credit."""
    values = asdict(draft)
    currency = draft.currency_code
    values["total"] = format_amount(draft.total, currency)
    for row, line in zip(values["lines"], draft.lines, strict=True):
        row["amount"] = format_amount(line.amount, currency)
    return {**values, "credit": draft.credit}


def explain(coding: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One entry for each code: of the whole bill (line null), then of each line.

    After a line's account follow, as field UNUSED, the choices in Ramp that have no part in it.

    `coding` as Coding.as_json writes it, which is how attempts keep it.
    """
    codes = {name: coding[key] for name, key in _CODES.items()}
    whole: list[dict[str, Any]] = [
        {
            "line": None,
            "field": name,
            "code": code,
            "why": [text for text in coding["why"] if text.startswith(f"{name.title()} ")],
        }
        for name, code in codes.items()
    ]
    for number, line in enumerate(coding["lines"], start=1):
        whole.append(_line(number, "account", line["account"], line["why"]))
        unused = line.get("unused", ())
        whole.extend(_line(number, UNUSED, "", [_not_used(choice)]) for choice in unused)
    return whole


def _line(number: int, field: str, code: str, why: Iterable[str]) -> dict[str, Any]:
    return {"line": number, "field": field, "code": code, "why": list(why)}


def _not_used(choice: Mapping[str, Any]) -> str:
    """What became of a choice in Ramp that has no part in the invoice."""
    chosen = " and ".join(choice["options"]) or "An option without a name"
    if choice["type"] == "TAX_CODE":
        return (
            f"Tax code {chosen} of Ramp is not used: the invoice has no tax of its own, and tax is "
            "entered where the bill has a line for it."
        )
    return f"{chosen}, chosen for {choice['field']} in Ramp, is not used: it fills no segment."
