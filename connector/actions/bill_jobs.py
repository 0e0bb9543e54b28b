"""Errands about bills: what talks to Epicor, and what takes longer than a page may.

Each gets the errand and a report, does what the person asked for, and returns the sentence that
says so. PostingError and LostLeaseError say why not; nothing is half-done then.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.db import transaction

from audit.ledger import lifecycle
from audit.ledger.allowed import Action, why_not
from audit.ledger.models import Posting
from audit.ledger.triage import seen
from audit.trail import log
from connector.actions import requests
from connector.actions.duplicates import adopt as adopt_now
from connector.actions.duplicates import tell_apart as tell_one_apart
from connector.actions.remove import RemovalPlan, Shown, removal_plan
from connector.actions.remove import remove as remove_now
from connector.domain.bill import called
from connector.domain.errors import HeldError
from connector.domain.money import format_money
from connector.jobs.models import Errand
from connector.sync.scheduling import ring_tenant
from connector.tenants.models import Tenant

if TYPE_CHECKING:
    from connector.actions.runner import Report

ADOPT, PLAN_REMOVAL, REMOVE, SETTLE = "adopt", "plan_removal", "remove", "settle"
TELL_APART = "tell_apart"
_NAMED = 10
_MOVED = "changed meanwhile; look at it again"


def adopt(errand: Errand, report: "Report") -> str:
    """ "This is the same invoice": the bill is entered, as the invoice that a person typed."""
    posting = _posting(errand)
    company, vendor_num, number = errand.arguments["key"]
    key = (str(company), int(vendor_num), str(number))
    adopt_now(errand.tenant, posting, actor=errand.actor, key=key)
    ring_tenant(errand.tenant, due_only=True)
    return (
        f"Bill {name_of(posting)} is invoice {posting.invoice_num} in {posting.company}. Nothing "
        "was entered; Ramp is told with the next run."
    )


def plan_removal(errand: Errand, report: "Report") -> str:
    """Look what a removal would delete; writes nothing. The result is `as_result` of the plan."""
    again = bool(errand.arguments["enter_again"])
    plan = removal_plan(errand.tenant, _posting(errand), enter_again=again)
    report.keep(as_result(plan))
    return plan.refusal or "This is what would be removed."


def remove(errand: Errand, report: "Report") -> str:
    """Delete the bill's unposted invoice in Epicor, and queue the bill anew where asked.

    Only what the person was shown: `shown` is what `shown_by` said of the plan.
    """
    posting = _posting(errand)
    again = bool(errand.arguments["enter_again"])
    plan = remove_now(
        errand.tenant,
        posting,
        actor=errand.actor,
        reason=str(errand.arguments["reason"]),
        enter_again=again,
        shown=_shown(errand.arguments.get("shown")),
    )
    report.keep(as_result(plan))
    if again:
        ring_tenant(errand.tenant, due_only=True)
    name = name_of(posting)
    if plan.invoice is None:
        said = f"Nothing of bill {name} is in Epicor (any more); that is on the record now."
    else:
        said = f"{_sentence(plan)} was deleted in Epicor."
    return f"{said} The bill is entered anew with the next run." if again else said


def settle(errand: Errand, report: "Report") -> str:
    """Dismiss, or keep as they are, many bills; those that moved on are left alone and named.

    `seen`: what was in the person's view of each, by posting id.
    """
    same, moved = _as_seen(errand)
    step = lifecycle.keep if errand.arguments["keep"] else lifecycle.dismiss
    reason = str(errand.arguments["reason"])
    done, left = settle_all(step, same, reason=reason, actor=errand.actor, told=report.at)
    verb = "stay in Epicor as they are" if errand.arguments["keep"] else "are dismissed"
    return f"{done:,} of {errand.total:,} bills {verb}.{_left(left + moved)}"


def tell_apart(errand: Errand, report: "Report") -> str:
    """The suspected invoices of many bills are others; those that moved on are left alone.

    `seen`: what was in the person's view of each, by posting id.
    """
    same, moved = _as_seen(errand)
    reason = str(errand.arguments["reason"])
    freed, left = tell_all_apart(same, reason=reason, actor=errand.actor, told=report.at)
    log.seal(errand.tenant_id)
    ring_tenant(errand.tenant, due_only=True)
    said = f"{len(freed):,} of {errand.total:,} bills have a different invoice and are entered now."
    return f"{said}{_left(left + moved)}"


def tell_all_apart(
    chosen: Sequence[Posting],
    *,
    reason: str,
    actor: str,
    told: Callable[[int], None] | None = None,
) -> tuple[list[Posting], list[tuple[str, str]]]:
    """`duplicates.tell_apart` for each; which ones, and (bill, why) of the rest."""
    freed: list[Posting] = []
    left: list[tuple[str, str]] = []
    for number, posting in enumerate(chosen, start=1):
        try:
            tell_one_apart(posting, actor=actor, reason=reason)
            freed.append(posting)
        except HeldError as error:
            left.append((name_of(posting), error.message))
        except lifecycle.LostLeaseError:
            left.append((name_of(posting), _MOVED))
        if told is not None and number % 100 == 0:
            told(number)
    return freed, left


def _as_seen(errand: Errand) -> tuple[list[Posting], list[tuple[str, str]]]:
    """The errand's bills that are as the person saw them, and (bill, why) of the others."""
    marks: Mapping[str, str] = errand.arguments["seen"]
    ids = [int(pk) for pk in marks]
    chosen = list(Posting.objects.filter(tenant=errand.tenant, pk__in=ids).order_by("pk"))
    same = [posting for posting in chosen if seen(posting) == marks[str(posting.pk)]]
    kept = {posting.pk for posting in same}
    return same, [(name_of(posting), _MOVED) for posting in chosen if posting.pk not in kept]


Step = Callable[..., None]


def settle_all(
    step: Step,
    chosen: Sequence[Posting],
    *,
    reason: str,
    actor: str,
    told: Callable[[int], None] | None = None,
) -> tuple[int, list[tuple[str, str]]]:
    """Do `lifecycle.dismiss` or `lifecycle.keep` to each; how many, and (bill, why) of the rest."""
    done, left = 0, []
    action = Action.KEEP if step is lifecycle.keep else Action.DISMISS
    for number, posting in enumerate(chosen, start=1):
        why = why_not(posting, action)
        if not why:
            try:
                step(posting, actor=actor, reason=reason)
            except lifecycle.LostLeaseError:
                why = _MOVED
        if why:
            left.append((name_of(posting), why))
        else:
            done += 1
        if told is not None and number % 100 == 0:
            told(number)
    return done, left


def ask_once(
    tenant: Tenant,
    kind: str,
    posting: Posting,
    title: str,
    *,
    actor: str,
    arguments: Mapping[str, Any],
) -> Errand:
    """Ask for an errand about a bill; the same one that is not over yet, if there is one.

    The same for whatever reason. Raises HeldError when something else of the kind is under way.
    """
    rows = Errand.objects.filter(tenant=tenant, kind=kind, subject=posting.bill_id)
    with transaction.atomic():
        # Two people at the same moment take turns here.
        Posting.objects.select_for_update().filter(pk=posting.pk).first()
        before = rows.filter(finished_at=None).first()
        if before is None:
            subject = posting.bill_id
            return requests.ask(
                tenant, kind, title, actor=actor, arguments=arguments, subject=subject
            )
    if _what(before.arguments) != _what(arguments):
        raise HeldError(
            f'{before.actor} asked for something else just now: "{before.title}". Nothing was '
            "changed by you; wait until that is done and look again."
        )
    return before


def _what(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if name != "reason"}


def shown_by(plan: Errand) -> dict[str, Any] | None:
    """What a finished plan of a removal showed of Epicor, for `remove`; None: nothing to agree to.

    An invoice by key and revision; empty: that there is none.
    """
    result = plan.result
    if plan.finished_at is None or plan.failed or result.get("refusal") != "":
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


def as_result(plan: RemovalPlan) -> dict[str, Any]:
    """A plan as JSON for the page; amounts are decimal strings."""
    found = plan.invoice
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
    return {"refusal": plan.refusal, "invoice": invoice}


def name_of(posting: Posting) -> str:
    """What people call the bill."""
    return called(posting.invoice_num, posting.bill_id)


def _posting(errand: Errand) -> Posting:
    found = Posting.objects.filter(tenant=errand.tenant, bill_id=errand.subject).first()
    if found is None:
        raise HeldError(f"There is no bill {errand.subject} any more. Nothing was changed.")
    return found


def _sentence(plan: RemovalPlan) -> str:
    invoice = plan.invoice
    if invoice is None:
        return ""
    total = format_money(invoice.total, invoice.currency)
    return f"Invoice {invoice.invoice_num} of {invoice.vendor_id} in {invoice.company} for {total}"


def _left(left: Iterable[tuple[str, str]]) -> str:
    some = list(left)
    if not some:
        return ""
    listed = "; ".join(f"{bill} {why}" for bill, why in some[:_NAMED])
    more = f"; and {len(some) - _NAMED:,} more" if len(some) > _NAMED else ""
    return f" Left alone: {listed}{more}."
