"""Looks at single bills without sending anything: what would be entered, why, and what stops it."""

from dataclasses import asdict, dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from audit.failures import Hold, Reason
from audit.models import Posting
from connector.domain.draft import APInvoiceDraft
from connector.domain.money import format_amount
from connector.epicor.writers import requests
from connector.models import InvoiceGroup, Tenant
from connector.redaction import redact
from connector.sync.context import Cycle, open_cycle
from connector.sync.groups import LETTERS
from connector.sync.prepare import Prepared
from connector.sync.rehearse import rehearse
from mappings.coding import Coding
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
_SEVERAL = (
    "This Epicor is sent several requests one after the other; the revisions (SysRevID) in the "
    "later ones are made up here."
)


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be sent for one bill; `prepared` is None when something stops it.

    `state` is the posting's, "" while there is none.
    """

    state: str
    prepared: Prepared | None
    request: dict[str, Any] | None
    problems: list[dict[str, Any]]

    def as_json(self) -> dict[str, Any]:
        """The document of `preview`; amounts are strings in major units."""
        ready = self.prepared
        return {
            "draft": None if ready is None else _draft_json(ready.draft),
            "request": self.request,
            "coding": [] if ready is None or ready.coding is None else _coding_json(ready.coding),
            "problems": self.problems,
        }


def preview(tenant: Tenant, bill_id: str) -> Preview:
    """What would be sent to Epicor for this bill. Writes nothing; asks Epicor nothing.

    Reads the bill from Ramp only when it is not mirrored. Raises NotFoundError for an unknown
    bill, AccessError, TransientError, HeldError.
    """
    known = Posting.objects.filter(tenant=tenant, bill_id=bill_id).first()
    posting = known or Posting(tenant=tenant, bill_id=bill_id)
    cycle = open_cycle(tenant, dry_run=True)
    try:
        ready, held = rehearse(cycle, [posting])
        request = _request(cycle, ready[0].draft) if ready else None
    finally:
        cycle.close()
    problems = [problem for _, hold in held for problem in _problems(hold)]
    if posting.hold_reason in _NOT_OURS_TO_JUDGE:
        problems.append(_problem(posting.hold_reason, posting.hold_message))
    state = known.state if known is not None else ""
    return Preview(state, ready[0] if ready else None, request, problems)


def _problems(hold: Hold) -> list[dict[str, Any]]:
    """One problem for each gap, or the hold itself where there is none."""
    if not hold.gaps:
        return [_problem(hold.reason, hold.message)]
    return [_problem(gap.reason, gap.message) for gap in hold.gaps]


def _problem(reason: str, message: str) -> dict[str, Any]:
    return {"reason": str(reason), "message": message}


# -- the request -------------------------------------------------------------------------------


def _request(cycle: Cycle, draft: APInvoiceDraft) -> dict[str, Any]:
    """What the tenant's writer would save, less the defaults of Epicor's new rows.

    Several saving requests: the first one, and the others in `then`.
    """
    steps = requests(cycle.writer, draft, _group_id(cycle, draft), cycle.habits)
    first, *others = [
        {"service": step.service, "method": step.method, "parameters": redact(step.parameters)}
        for step in steps
    ]
    request: dict[str, Any] = {"company": draft.company, **first}
    return {**request, "then": others, "note": _SEVERAL} if others else request


def _group_id(cycle: Cycle, draft: APInvoiceDraft) -> str:
    """The group the bill would go to if it were entered now by the next free lane."""
    today = timezone.now().astimezone(ZoneInfo(cycle.tenant.time_zone)).date()
    mine = InvoiceGroup.objects.filter(tenant=cycle.tenant, company=draft.company)
    label = periods(cycle.tenant.pk, cycle.companies).label(draft.company, draft.apply_date)
    known = mine.filter(fiscal_period=label, opened_on=today, ready=True).first()
    if known is not None:
        return known.group_id
    stem = f"{cycle.posting.group_prefix}{today:%y%m%d}"
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


def _coding_json(coding: Coding) -> list[dict[str, Any]]:
    """One entry for each code: of the whole bill (line null), then of each line."""
    codes = {
        "vendor": coding.vendor_id,
        "terms": coding.terms_code,
        "currency": coding.currency_code,
    }
    whole = [
        {
            "line": None,
            "field": name,
            "code": code,
            "why": [text for text in coding.why if text.startswith(f"{name.title()} ")],
        }
        for name, code in codes.items()
    ]
    lines = [
        {"line": number, "field": "account", "code": line.account, "why": list(line.why)}
        for number, line in enumerate(coding.lines, start=1)
    ]
    return [*whole, *lines]
