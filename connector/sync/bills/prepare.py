"""From claimed postings to drafts: parse, check, route, code. A bill that cannot go gets a hold."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils import timezone

from audit.ledger import duplicates
from audit.ledger.invoice_number import check_given
from audit.ledger.models import Posting
from connector.domain.bill import Bill
from connector.domain.errors import (
    Gap,
    HeldError,
    Hold,
    PostingError,
    QuestionError,
    Reason,
    UnmappedError,
)
from connector.domain.odd_days import odd_days
from connector.epicor.ap_invoice.draft import (
    APInvoiceDraft,
    apply_date,
    check_bill,
    coding_request,
    draft_ap_invoice,
    since_start,
)
from connector.epicor.ap_invoice.questions import OpenQuestions, Question, exact
from connector.ramp.bill_content import hash_of
from connector.ramp.bills import parse_bill
from connector.sync.context import Rules
from connector.sync.narrow import Sorted, sort_out
from connector.tenants.models import EntityRoute
from mappings.coding import Coding, CodingRequest, Tables
from mappings.fiscal import PeriodTable
from mappings.periods import periods
from mappings.resolve import resolve
from mappings.tables import load_tables

logger = logging.getLogger(__name__)

DAYS = "CheckDays"  # under this name the answers about odd days are remembered
US = "ml-connector"
Payloads = Mapping[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A posting that can be entered: its bill, its codes and the draft.

    `coding` is None when the draft is the one that was entered, only to be verified again.
    """

    posting: Posting
    bill: Bill
    coding: Coding | None
    draft: APInvoiceDraft

    @property
    def incoming(self) -> duplicates.IncomingBill:
        """The bill as it is compared with others of ours."""
        return duplicates.IncomingBill(self.posting, self.draft.key)

    @property
    def content_hash(self) -> str:
        """The hash of the bill as it will be entered.

        That the bill is archived counts only where a person has settled it: verifying the invoice
        once more neither settles it nor opens it again.
        """
        seen = hash_of(self.bill)
        settled = self.posting.entered_hash == seen
        return seen if settled else hash_of(self.bill, whatever_became=True)


@dataclass(frozen=True, slots=True)
class _Coded:
    posting: Posting
    bill: Bill
    route: EntityRoute
    request: CodingRequest
    gaps: tuple[Gap, ...]


def prepare(rules: Rules, slice_: Sequence[Posting], payloads: Payloads) -> Sorted[Prepared]:
    """Drafts for those that can be entered, holds for the rest. A constant number of queries.

    A bill that breaks it is among the held ones (bug).
    """
    return sort_out(slice_, lambda some: _prepare(rules, some, payloads))


def _prepare(rules: Rules, slice_: Sequence[Posting], payloads: Payloads) -> Sorted[Prepared]:
    calendar = periods(rules.tenant.pk, rules.companies)
    asked: list[_Coded] = []
    held: list[tuple[Posting, Hold]] = []
    for posting in slice_:
        try:
            asked.append(_ask(rules, posting, payloads, calendar))
        except PostingError as error:
            held.append((posting, Hold.of(error)))
    tables = load_tables(rules.tenant.pk, [item.request for item in asked])
    ready: list[Prepared] = []
    for item in asked:
        try:
            ready.append(_draft(rules, item, tables))
        except PostingError as error:
            held.append((item.posting, Hold.of(error)))
    return ready, held


def entered_draft(posting: Posting) -> APInvoiceDraft | None:
    """What was entered, as it was verified; None where that was not kept or cannot be read."""
    if not posting.in_epicor or posting.adopted or not posting.entered_as:
        return None
    try:
        return APInvoiceDraft.from_json(posting.entered_as)
    except ValueError:
        logger.exception("What was entered of bill %s cannot be read", posting.bill_id)
        return None


def _ask(rules: Rules, posting: Posting, payloads: Payloads, calendar: PeriodTable) -> _Coded:
    bill = parse_bill(payloads[posting.bill_id])
    if _is_new(posting):
        check_given(posting, bill.invoice_num)
    check_bill(bill, rules.policy, given_num=posting.given_num)
    if _is_new(posting):
        _check_days(rules, bill)
    if _is_new(posting) and not since_start(bill, rules.policy):
        day = rules.policy.start_date
        raise HeldError(
            _BEFORE_START.format(day=day), detail={"why": "before_start", "day": str(day)}
        )
    route = rules.routes.get(bill.entity_id)
    if route is None:
        name = rules.entity_names.get(bill.entity_id) or bill.entity_id
        message = (
            f"The Ramp entity {name or '(none)'} has no Epicor company. Nothing was "
            "entered. Say where its bills go (settings, “Entity routes”), then replay."
        )
        gap = Gap(Reason.NO_ROUTE, "entity", bill.entity_id, name, message)
        raise UnmappedError.of((gap,))
    moves = posting.in_epicor and rules.posting.closed_period == "next_open"
    there = posting.apply_on if moves else None  # what is in Epicor already may have been moved
    apply_on, gaps = apply_date(bill, route.company, calendar, rules.policy, there)
    request = coding_request(bill, route.company, apply_on, rules.policy)
    return _Coded(posting, bill, route, request, gaps)


def _check_days(rules: Rules, bill: Bill) -> None:
    """Raises QuestionError when a day can hardly be right and nobody said that it is."""
    odd = odd_days(bill, timezone.now().date())
    questions = tuple(_question(bill, name, day) for name, day in odd)
    asked = OpenQuestions(DAYS, questions, answerable=True, system=US)
    if rules.profile.accepted.covers(asked.method, asked.questions, bill.id):
        return
    named = " and ".join(f"the {name} is {day.isoformat()}" for name, day in odd)
    raise QuestionError(
        f"A day of the bill can hardly be right: {named}. Nothing was entered. Correct it in Ramp, "
        "then replay; or say that it goes on all the same.",
        detail=asked.as_detail(),
    )


def _question(bill: Bill, name: str, day: date) -> Question:
    """An answer holds for this number and day alone, also one for every bill."""
    text = f"The {name} of {bill.invoice_num} is {day.isoformat()}. Is that right?"
    return Question(text, exact(text), exact(text))


def _draft(rules: Rules, item: _Coded, tables: Tables) -> Prepared:
    try:
        coding = resolve(item.request, tables)
    except UnmappedError as error:
        raise UnmappedError.of((*error.gaps, *item.gaps)) from error
    if item.gaps:
        raise UnmappedError.of(item.gaps)
    draft = draft_ap_invoice(
        item.bill,
        coding,
        item.request.apply_on,
        site=item.route.site,
        policy=rules.policy,
        url=rules.bill_url,
        given_num=item.posting.given_num,
    )
    return Prepared(item.posting, item.bill, coding, draft)


def _is_new(posting: Posting) -> bool:
    """Whether nothing of the bill can be in Epicor by our hand."""
    return posting.state in (Posting.State.QUEUED, Posting.State.IN_FLIGHT)


_BEFORE_START = (
    "The bill was issued and created before {day}, the day from which bills are entered "
    "(posting.start_date), so it is not entered. Dismiss it if it was handled before; or set an "
    "earlier day, then replay."
)
