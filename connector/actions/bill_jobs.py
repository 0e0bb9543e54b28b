"""Jobs about bills: what talks to Epicor, and what takes longer than a page may.

PostingError and LostLeaseError say why not; nothing is half-done then.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from audit.ledger import lifecycle
from audit.ledger.allowed import Action, why_not
from audit.ledger.models import Posting
from audit.ledger.triage import seen
from audit.trail import log
from connector.actions.duplicates import adopt as adopt_now
from connector.actions.duplicates import mark_not_duplicate as mark_one_not_duplicate
from connector.actions.remove import RemovalPreview, Shown, preview_removal
from connector.actions.remove import remove as remove_now
from connector.domain.bill import called
from connector.domain.errors import HeldError
from connector.jobs import lease, queue
from connector.jobs.models import Job
from connector.jobs.registry import Done, job
from connector.sync.bills.run import enqueue_sync
from connector.tenants.models import Tenant

ADOPT, PLAN_REMOVAL, REMOVE, SETTLE = "adopt", "plan_removal", "remove", "settle"
NOT_DUPLICATE = "tell_apart"
_MOVED = "changed meanwhile; look at it again"
_Left = list[tuple[str, str]]  # bill and why


@job(ADOPT, tries=1)
def adopt(job: Job, *, key: Sequence[Any]) -> Done:
    """ "This is the same invoice": the bill is entered, as the invoice that a person typed."""
    posting = _posting(job)
    company, vendor_num, number = key
    found = (str(company), int(vendor_num), str(number))
    adopt_now(job.tenant, posting, actor=job.actor, key=found)
    enqueue_sync(job.tenant, due_only=True)
    data = {"invoice": posting.invoice_num, "company": posting.company}
    return Done("adopted", {"bill": name_of(posting), **data})


@job(PLAN_REMOVAL)
def show_removal(job: Job, *, enter_again: bool) -> Done:
    """Look what a removal would delete; writes nothing. The details are `as_result` of the plan."""
    preview = preview_removal(job.tenant, _posting(job), enter_again=enter_again)
    return Done("removal_planned", {"refusal": preview.refusal}, as_result(preview))


@job(REMOVE, tries=1)
def remove(
    job: Job, *, enter_again: bool, reason: str, shown: Mapping[str, Any] | None = None
) -> Done:
    """Delete the bill's unposted invoice in Epicor, and queue the bill anew where wanted.

    Only what the person was shown: `shown` is what `shown_by` gave of the preview.
    """
    posting = _posting(job)
    preview = remove_now(
        job.tenant,
        posting,
        actor=job.actor,
        reason=reason,
        enter_again=enter_again,
        shown=_shown(shown),
    )
    if enter_again:
        enqueue_sync(job.tenant, due_only=True)
    data = {"bill": name_of(posting), "again": enter_again}
    return Done("removed", {**data, "invoice": as_result(preview)["invoice"]})


@job(SETTLE, tries=1)
def settle(job: Job, *, seen: Mapping[str, str], keep: bool, reason: str) -> Done:
    """Dismiss, or keep as they are, many bills; those that moved on are left alone and named.

    `seen`: what was in the person's view of each, by posting id.
    """
    same, moved = _as_seen(job, seen)
    action = Action.KEEP if keep else Action.DISMISS
    report = partial(lease.report, job)
    done, left = settle_all(action, same, reason=reason, actor=job.actor, report=report)
    data = {"done": done, "total": job.total, "left": left + moved}
    return Done("settled", {"kept": keep, **data})


@job(NOT_DUPLICATE, tries=1)
def mark_not_duplicate(job: Job, *, seen: Mapping[str, str], reason: str) -> Done:
    """The suspected invoices of many bills are others; those that moved on are left alone.

    `seen`: what was in the person's view of each, by posting id.
    """
    same, moved = _as_seen(job, seen)
    report = partial(lease.report, job)
    freed, left = mark_all_not_duplicate(same, reason=reason, actor=job.actor, report=report)
    log.seal(job.tenant_id)
    enqueue_sync(job.tenant, due_only=True)
    return Done("different", {"done": len(freed), "total": job.total, "left": left + moved})


def mark_all_not_duplicate(
    chosen: Sequence[Posting],
    *,
    reason: str,
    actor: str,
    report: Callable[[int], None] | None = None,
) -> tuple[list[Posting], list[tuple[str, str]]]:
    """`duplicates.mark_not_duplicate` for each; which ones, and (bill, why) of the rest."""
    freed: list[Posting] = []
    left: list[tuple[str, str]] = []
    for number, posting in enumerate(chosen, start=1):
        try:
            mark_one_not_duplicate(posting, actor=actor, reason=reason)
            freed.append(posting)
        except HeldError as error:
            left.append((name_of(posting), error.message))
        except lifecycle.LostLeaseError:
            left.append((name_of(posting), _MOVED))
        if report is not None and number % 100 == 0:
            report(number)
    return freed, left


def _as_seen(job: Job, marks: Mapping[str, str]) -> tuple[list[Posting], _Left]:
    """The job's bills that are as the person saw them, and the others with why."""
    ids = [int(pk) for pk in marks]
    chosen = list(Posting.objects.filter(tenant=job.tenant, pk__in=ids).order_by("pk"))
    same = [posting for posting in chosen if seen(posting) == marks[str(posting.pk)]]
    kept = {posting.pk for posting in same}
    return same, [(name_of(posting), _MOVED) for posting in chosen if posting.pk not in kept]


def settle_all(
    action: Action,
    chosen: Sequence[Posting],
    *,
    reason: str,
    actor: str,
    report: Callable[[int], None] | None = None,
) -> tuple[int, list[tuple[str, str]]]:
    """`settle_one` for each; how many are done, and (bill, why) of the rest."""
    left = []
    for number, posting in enumerate(chosen, start=1):
        if why := settle_one(action, posting, reason=reason, actor=actor):
            left.append((name_of(posting), why))
        if report is not None and number % 100 == 0:
            report(number)
    return len(chosen) - len(left), left


def settle_one(action: Action, posting: Posting, *, reason: str, actor: str) -> str:
    """Dismiss the bill, or keep what is in Epicor; "" or why not, as the rest of a sentence."""
    if why := why_not(posting, action):
        return why
    step = lifecycle.keep if action == Action.KEEP else lifecycle.dismiss
    try:
        step(posting, actor=actor, reason=reason)
    except lifecycle.LostLeaseError:
        return _MOVED
    return ""


def request_once(
    tenant: Tenant,
    kind: str,
    posting: Posting,
    title: str,
    *,
    actor: str,
    arguments: Mapping[str, Any],
) -> Job:
    """Request a job about a bill; the same one that is not over yet, if there is one.

    The same for whatever reason. Raises HeldError when something else of the kind is under way.
    """
    subject = posting.bill_id
    job, new = queue.request(
        tenant,
        kind,
        title=title,
        actor=actor,
        arguments=arguments,
        subject=subject,
        key=f"{kind} {subject}",
    )
    if not new and _what(job.arguments) != _what(arguments):
        raise HeldError(
            f'{job.actor} asked for something else just now: "{job.title}". Nothing was '
            "changed by you; wait until that is done and look again."
        )
    return job


def _what(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if name != "reason"}


def shown_by(preview: Job) -> dict[str, Any] | None:
    """What a finished preview of a removal showed, for `remove`; None: nothing to agree to.

    An invoice by key and revision; empty: that there is none.
    """
    result = preview.details
    if preview.finished_at is None or preview.failed or result.get("refusal") != "":
        return None
    invoice = result["invoice"]
    if invoice is None:
        return {}
    key = [invoice["company"], invoice["vendor_num"], invoice["invoice_num"]]
    return {"key": key, "revision": invoice["revision"]}


def _shown(value: Mapping[str, Any] | None) -> Shown:
    if value is None:
        raise HeldError("Nobody looked at what would be removed. Nothing was changed.")
    if not value:
        return Shown()
    company, vendor_num, number = value["key"]
    return Shown((str(company), int(vendor_num), str(number)), int(value["revision"]))


def as_result(preview: RemovalPreview) -> dict[str, Any]:
    """A preview as JSON for the page; amounts are decimal strings."""
    found = preview.invoice
    invoice: Mapping[str, Any] | None = None
    if found is not None:
        invoice = {
            **found.as_json(),
            "vendor_id": found.vendor_id,
            "entered_by": found.entered_by,
            "changed": found.changed,
            "changed_by": found.changed_by,
            "changed_on": found.changed_on,
            "revision": found.revision,
        }
    return {"refusal": preview.refusal, "invoice": invoice}


def name_of(posting: Posting) -> str:
    """What people call the bill."""
    return called(posting.invoice_num, posting.bill_id)


def _posting(job: Job) -> Posting:
    found = Posting.objects.filter(tenant=job.tenant, bill_id=job.subject).first()
    if found is None:
        raise HeldError(f"There is no bill {job.subject} any more. Nothing was changed.")
    return found
