"""Looks at single bills without sending anything: what would be entered, why, and what stops it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from audit.failures import Hold, Reason
from audit.models import Posting
from connector.domain.draft import APInvoiceDraft
from connector.domain.money import format_amount
from connector.epicor.writers import SERVICE, Step, two_step
from connector.models import Bill, InvoiceGroup, Tenant
from connector.redaction import redact
from connector.sync.context import Cycle, open_cycle
from connector.sync.groups import LETTERS
from connector.sync.prepare import Prepared, prepare
from mappings.coding import Coding
from mappings.periods import periods

AT_ONCE = 200
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
_ONE_TABLE = (
    "This Epicor saves one table with each UpdateMaster, so these rows are sent in up to three "
    "requests: the header, the lines, the accounts."
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
            "coding": [] if ready is None else _coding_json(ready.coding),
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


def rehearse(
    cycle: Cycle, postings: Sequence[Posting]
) -> tuple[list[Prepared], list[tuple[Posting, Hold]]]:
    """Which of these bills could be entered now and what stops the others; changes nothing.

    Looks at Ramp's side and the mappings, not at what Epicor already has. Raises NotFoundError
    for a bill that is neither mirrored nor in Ramp, AccessError, TransientError.
    """
    ready: list[Prepared] = []
    held: list[tuple[Posting, Hold]] = []
    for start in range(0, len(postings), AT_ONCE):
        slice_ = postings[start : start + AT_ONCE]
        payloads = _payloads(cycle, slice_)
        stopped = {
            posting.bill_id: hold
            for posting in slice_
            if (hold := _stopped(posting, payloads[posting.bill_id])) is not None
        }
        held += [
            (posting, stopped[posting.bill_id]) for posting in slice_ if posting.bill_id in stopped
        ]
        good, bad = prepare(cycle, [p for p in slice_ if p.bill_id not in stopped], payloads)
        ready += good
        held += bad
    return ready, held


def _payloads(cycle: Cycle, postings: Sequence[Posting]) -> dict[str, dict[str, Any]]:
    """The mirrored bills; what is not mirrored is read from Ramp and not kept."""
    ids = [posting.bill_id for posting in postings]
    rows = Bill.objects.filter(tenant=cycle.tenant, bill_id__in=ids)
    payloads: dict[str, dict[str, Any]] = dict(rows.values_list("bill_id", "payload"))
    for bill_id in ids:
        if bill_id not in payloads:
            payloads[bill_id] = cycle.ramp.bill(bill_id)
    return payloads


def _stopped(posting: Posting, payload: Mapping[str, Any]) -> Hold | None:
    """Why Ramp does not want this bill entered; what we entered ourselves is synced rightly."""
    ours = posting.state in (Posting.State.ENTERED, Posting.State.CONFIRMED)
    if payload.get("archived_at"):
        return Hold(Reason.ARCHIVED, "The bill is archived in Ramp, so it is not entered.")
    if not ours and str(payload.get("sync_status") or "NOT_SYNCED") != "NOT_SYNCED":
        message = "Ramp says that the bill was synced, but not by us, so it is not entered."
        return Hold(Reason.SYNCED_ELSEWHERE, message)
    if str(payload.get("approval_status") or "APPROVED") != "APPROVED":
        message = "The bill is not approved in Ramp yet; it is entered once it is."
        return Hold(Reason.NEEDS_REVIEW, message)
    if payload.get("enable_accounting_sync") is False:
        message = "The bill is excluded from accounting sync in Ramp, so it is not entered."
        return Hold(Reason.NEEDS_REVIEW, message)
    return None


def _problems(hold: Hold) -> list[dict[str, Any]]:
    """One problem for each gap, or the hold itself where there is none."""
    if not hold.gaps:
        return [_problem(hold.reason, hold.message)]
    return [_problem(gap.reason, gap.message) for gap in hold.gaps]


def _problem(reason: str, message: str) -> dict[str, Any]:
    return {"reason": str(reason), "message": message}


# -- the request -------------------------------------------------------------------------------


class _Skeleton:
    """Stands for Epicor's answer to GetNew…: one new header row, without Epicor's defaults."""

    ds: dict[str, Any] = {"APInvHed": [{"RowMod": "A"}]}
    parameters: dict[str, Any] = {}


def _request(cycle: Cycle, draft: APInvoiceDraft) -> dict[str, Any]:
    """The UpdateMaster as the writer makes it, less the defaults of Epicor's skeleton row."""
    one_table = cycle.habits.saves == "named"
    habits = replace(cycle.habits, saves="" if one_table else cycle.habits.saves, learned={})
    talk = two_step(draft, _group_id(cycle, draft), None, habits)
    step: Step = next(talk)
    while not step.writes:
        step = talk.send(_Skeleton())
    talk.close()
    request: dict[str, Any] = {
        "company": draft.company,
        "service": SERVICE,
        "method": step.method,
        "parameters": redact(step.parameters),
    }
    return {**request, "note": _ONE_TABLE} if one_table else request


def _group_id(cycle: Cycle, draft: APInvoiceDraft) -> str:
    """The group the bill would go to if it were entered now by the next free lane."""
    today = timezone.now().astimezone(ZoneInfo(cycle.tenant.time_zone)).date()
    mine = InvoiceGroup.objects.filter(tenant=cycle.tenant, company=draft.company)
    state = periods(cycle.tenant.pk, cycle.companies).find(draft.company, draft.apply_date)
    label = state.label if state is not None else f"{draft.apply_date:%Y-%m}"
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
