"""What becomes of a bill that was not simply entered: Epicor refused, asked, or did not answer."""

from audit.ledger.models import Posting
from audit.writes.models import Attempt
from connector.domain.difference import stored
from connector.domain.errors import (
    DuplicateInvoiceError,
    HeldError,
    Hold,
    OutageError,
    PostingError,
    QuestionError,
    Reason,
    RejectedError,
    TransientError,
    UncertainOutcomeError,
)
from connector.epicor.ap_invoice.questions import OpenQuestions
from connector.epicor.ap_invoice.rows import SavedInvoice, differences
from connector.epicor.catalogs import refresh_catalog
from connector.epicor.errors import SeatsError, StaleRowError
from connector.sync.bills import payment_hold
from connector.sync.bills.decide import is_settled
from connector.sync.bills.due import Due, ToEnter
from connector.sync.bills.find_invoices import name_of
from connector.sync.bills.invoice_groups import MOST_REFUSED, NoGroupError, taken
from connector.sync.bills.lanes import Task
from connector.sync.bills.look_up import search
from connector.sync.bills.write_record import WriteRecord
from connector.sync.context import Cycle
from connector.sync.narrow import LOOKED_UP, bug
from mappings.periods import PERIODS, period_of


def not_entered(due: Due, record: WriteRecord, error: PostingError) -> Task:
    """Commit what came of the write under way, then end the bill as the error asks for."""
    sending = record.attempt is not None
    record.fail(error)
    _slow_down(due, error)
    item = record.item
    if record.opening is not None:
        _not_opened(due, record, error)
    elif _perhaps_saved(record, error, sending=sending):
        due.outcomes.doubt(item.posting, error.message)
    elif isinstance(error, QuestionError) and _is_accepted(due, item.posting, error):
        due.again([item.posting], _ACCEPTED)
    elif record.wrote and isinstance(error, RejectedError | QuestionError | HeldError):
        # Something of it is perhaps saved: nobody is told "refused" before that is known.
        yield from _look(due, item, error)
    else:
        _not_written(due, record, error)


def no_group(due: Due, item: ToEnter, error: NoGroupError) -> None:
    """No group is to be had for it now; when that is so in every company, the run stops."""
    due.outcomes.put_off(item.posting, error)
    if due.groups.closed.keys() >= set(due.cycle.companies):
        due.outcomes.stop(due.groups.trouble)


def broke(due: Due, record: WriteRecord, error: Exception) -> None:
    """Handle an unexpected error: what was perhaps saved is looked up; other bills go on."""
    item = record.item
    begun = record.opening is None and (record.attempt is not None or record.wrote)
    failed = PostingError(bug(error, LOOKED_UP).message)
    record.finish(Attempt.Outcome.UNKNOWN, failed)
    if record.opening is not None:
        due.groups.not_opened(record.opening, failed)
    if begun and item.posting.pk in due.outcomes.open:
        due.outcomes.doubt(item.posting, failed.message)
    else:
        due.outcomes.broke(item.posting, error, begun=item.saved is not None)


def _perhaps_saved(record: WriteRecord, error: PostingError, *, sending: bool) -> bool:
    """Whether something of it is perhaps saved that only a look-up shows."""
    if isinstance(error, UncertainOutcomeError) or error.reason == Reason.BUG:
        return sending or record.wrote
    passing = isinstance(error, TransientError | StaleRowError)
    return record.wrote and passing and not isinstance(error, OutageError)


def _slow_down(due: Due, error: PostingError) -> None:
    """Short of seats, or in somebody's way: one lane from now on, and at last an outage."""
    if isinstance(error, SeatsError | StaleRowError):
        due.cycle.one_lane = True
    if isinstance(error, SeatsError):
        due.seats_short += 1
    if isinstance(error, SeatsError) and due.seats_short >= MOST_REFUSED:
        due.outcomes.stop(OutageError(error.message, detail=error.detail))


# -- its group -------------------------------------------------------------------------------------


def _not_opened(due: Due, record: WriteRecord, error: PostingError) -> None:
    """The group of a bill is not open; nothing of the bill was sent."""
    item = record.item
    if record.opening is not None:
        due.groups.not_opened(record.opening, error)
    if isinstance(error, DuplicateInvoiceError):
        due.to_enter.insert(0, item)  # that name is in use in Epicor: the next one
    elif isinstance(error, UncertainOutcomeError):
        due.outcomes.end_badly(item.posting, TransientError(f"{_GROUP_UNSURE} ({error.message})"))
    else:
        _not_written(due, record, error)


# -- stopped in the middle -------------------------------------------------------------------------


def _is_accepted(due: Due, posting: Posting, error: QuestionError) -> bool:
    """Whether a person accepted the question after this run began; looked up once a bill."""
    asked = OpenQuestions.from_detail(error.detail)
    if asked is None or not asked.answerable or posting.bill_id in due.accepted_meanwhile:
        return False
    due.accepted_meanwhile.add(posting.bill_id)
    due.cycle.hear()
    known = due.cycle.profile.accepted
    return known.covers(asked.method, asked.questions, posting.bill_id)


def _look(due: Due, item: ToEnter, error: PostingError) -> Task:
    """Look what is there of a bill whose entering was stopped in the middle."""
    try:
        answer = yield from search(due.cycle, [item.prepared])
    except PostingError as second:
        due.outcomes.stop(second)
        return
    if due.outcomes.stopped is not None:
        return  # given back, and looked up by the next run
    own = answer.found.own(item.posting.bill_id)
    if own is not None:
        _begun(due, item, own, error)
    elif isinstance(error, QuestionError):
        due.outcomes.end_badly(item.posting, error)
    else:
        due.outcomes.doubt(item.posting, error.message)


def _begun(due: Due, item: ToEnter, saved: SavedInvoice, error: PostingError) -> None:
    """It is there, whole or in part: entered when it is as it should be, else a person's."""
    job, posting = item.prepared, item.posting
    wrong = differences(job.draft, saved, due.cycle.profile.stamp_column)
    if is_settled(posting, wrong, job.bill.payer):
        due.outcomes.finish(job, saved)
        return
    words = _CHANGING if posting.in_epicor else _BEGUN
    message = words.format(name=name_of(job.draft.company, saved), why=error.message)
    pays = payment_hold.Pays(job.bill.payer, job.draft.pay_hold)
    detail = {**error.detail, "differences": stored(wrong), **payment_hold.named(wrong, pays)}
    due.outcomes.there(job, saved, Hold(Reason.MISMATCH, message, detail))


# -- nothing of it was saved -----------------------------------------------------------------------


def _not_written(due: Due, record: WriteRecord, error: PostingError) -> None:
    """Nothing of the bill was saved, for this reason."""
    posting = record.item.posting
    if isinstance(error, SeatsError):
        due.outcomes.put_off(posting, error)
    elif isinstance(error, DuplicateInvoiceError | StaleRowError):
        _look_once_more(due, posting, error)
    elif isinstance(error, RejectedError):
        try:
            _refused(due, record, error)
        except PostingError as second:
            due.outcomes.end_badly(posting, second)
    else:
        due.outcomes.end_badly(posting, error)


def _look_once_more(due: Due, posting: Posting, error: RejectedError) -> None:
    """Epicor has something by now that it did not have when we looked; a second time is odd."""
    if posting.bill_id in due.looked_once_more:
        due.outcomes.end_badly(posting, error)
        return
    due.looked_once_more.add(posting.bill_id)
    has = "another version" if isinstance(error, StaleRowError) else "this number"
    due.again([posting], f"Epicor has {has} by now; it is looked up once more.")


def _refused(due: Due, record: WriteRecord, error: RejectedError) -> None:
    """Was it the bill, or what stands around it: its group, its period?"""
    item = record.item
    group = item.group if record.opening is None else None
    if item.saved is not None:
        _refused_there(due, item, item.saved, error)
    elif group is not None and (why := due.groups.lost(group)):
        due.again([item.posting], why)
    elif why := _period_closed(due.cycle, item):
        due.again([item.posting, *due.take_out(item.period)], why)
    elif record.opening is not None:
        due.outcomes.no_group(item.posting, error)
    else:
        due.outcomes.end_badly(item.posting, error)


def _refused_there(due: Due, item: ToEnter, saved: SavedInvoice, error: RejectedError) -> None:
    """Something was to be changed in an invoice that is there: is its group in use?"""
    why = taken(due.cycle, item.company, saved.group_id) if saved.group_id else ""
    if why:
        due.outcomes.occupied(item.posting, why)
    elif not item.posting.in_epicor:
        _begun(due, item, saved, error)
    else:
        due.outcomes.end_badly(item.posting, error)


def _period_closed(cycle: Cycle, item: ToEnter) -> str:
    """Read the company's fiscal periods anew; why the bill's takes no entry any more, or "".

    Raises AccessError, TransientError.
    """
    draft = item.prepared.draft
    refresh_catalog(cycle.epicor, cycle.tenant.pk, draft.company, PERIODS)
    state = period_of(cycle.tenant.pk, draft.company, draft.apply_date)
    if state is not None and state.open:
        return ""
    return f"Period {item.period[1]} of {draft.company} was closed in Epicor meanwhile."


_GROUP_UNSURE = (
    "Epicor did not say whether a group was opened. No bill was sent into it; it is tried again "
    "in another group."
)
_ACCEPTED = "A person said meanwhile that it goes on in spite of what Epicor asked."
_CHANGING = (
    "The bill was edited in Ramp, and its invoice {name} follows only in part: {why} Correct that, "
    "then replay; or correct the invoice in Epicor."
)
_BEGUN = (
    "The invoice {name} is begun in Epicor but not whole: {why} Ramp was not told. Correct that, "
    "then replay, and the rest is entered; or remove it."
)
