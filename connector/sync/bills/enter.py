"""Enters what is due: each bill is looked up first, then written in a lane of its own.

`enter_bill` is one bill's way from top to bottom; `not_entered` says how else it can end.
"""

from collections.abc import Generator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from django.db import transaction

from audit.ledger.duplicates import OvertakenError
from audit.writes.models import Attempt
from connector.domain.errors import PostingError, RejectedError
from connector.epicor.ap_invoice.conversation import Reply, Step
from connector.sync.bills.due import LEASE_S, Due
from connector.sync.bills.invoice_groups import Groups, NoGroupError, open_group
from connector.sync.bills.lanes import Asking, Lanes, Task, call
from connector.sync.bills.look_up import look_up_slice, prove
from connector.sync.bills.not_entered import broke, no_group, not_entered
from connector.sync.bills.outcomes import Outcomes
from connector.sync.bills.write_record import WriteRecord
from connector.sync.context import Cycle
from connector.sync.narrow import guarded

Result = TypeVar("Result")
LOOKERS = 2  # threads besides the lanes, so that no write waits for a look-up of others


def enter_bill(due: Due, record: WriteRecord) -> Task:
    """Enter one bill, or complete or change what is there of it; a task for a lane.

    No transaction is open while a request is under way.
    """
    cycle, item = due.cycle, record.item
    draft = item.prepared.draft
    try:
        group = due.take_group(item)
        if group is not None and not group.ready and item.saved is None:
            record.opening = group
            locked_to = yield from _converse(record, open_group(group, draft.apply_date))
            record.finish(Attempt.Outcome.DONE)
            due.groups.opened(group, locked_to)
            record.opening = None

        group_id = item.place[1] if item.place is not None else ""
        writing = cycle.writer(draft, group_id, item.saved, cycle.profile)
        saved = yield from _converse(record, writing)
        due.seats_short = 0
        with transaction.atomic():
            record.finish(Attempt.Outcome.DONE)
            if saved.stale:  # its totals were not in the answer
                due.unproven.append(item.prepared)
            else:  # entered when it is equal to the cent, else a hold names every difference
                due.outcomes.finish(item.prepared, saved)
    except NoGroupError as error:
        no_group(due, item, error)
    except OvertakenError:
        due.give_way(item.posting)
    except PostingError as error:
        yield from not_entered(due, record, error)
    finally:
        due.end(item)


def _converse(record: WriteRecord, conversation: Generator[Step, Reply, Result]) -> Asking[Result]:
    """Hold a conversation with Epicor step by step and return what it came to.

    The intent of each write is committed before it is sent, its outcome once it is answered; only
    the last one's is left to the caller, to be committed together with what follows from it.
    A look that finds nothing is thrown into the conversation, which knows what that means.
    """
    company, epicor = record.item.company, record.cycle.epicor
    try:
        step = next(conversation)
        while True:
            record.begin(step)
            try:
                record.answer = yield from call(epicor, company, step, record.deadline_s)
            except RejectedError as error:
                if step.writes:
                    raise
                step = conversation.throw(error)
            else:
                asked, step = step, conversation.send(record.answer)
                record.accept(asked, record.answer)
    except StopIteration as end:
        result: Result = end.value
        return result


def enter_due(
    cycle: Cycle, *, stop_at: float, ids: Sequence[int] | None = None, only_look: bool = False
) -> bool:
    """Enter every posting that is due (or only these Posting ids) until `stop_at` (monotonic).

    With `only_look` nothing is written to Epicor: what is in doubt, to be compared, or has Ramp's
    word for it is looked up, and what would be written stays as it is.
    True when the time was over before everything was done. Raises AccessError, OutageError or
    TransientError when a system refuses us or is away; whatever was claimed is then given back.
    """
    due = Due(cycle, stop_at, ids, Outcomes(cycle), Groups(cycle), only_look=only_look)
    due.claim_again()
    with ThreadPoolExecutor(cycle.lanes) as writing, ThreadPoolExecutor(LOOKERS) as looking:
        lanes = Lanes()
        start_more = partial(_start_more, due, lanes, writing, looking, 4 * cycle.lanes)
        try:
            lanes.run(start_more, partial(due.outcomes.keep, LEASE_S), LEASE_S / 4)
        finally:
            # Whatever broke, no posting stays behind leased and forgotten.
            due.outcomes.give_back()
            due.groups.close()
    if due.outcomes.stopped is not None:
        raise due.outcomes.stopped
    more = bool(due.to_enter or due.claims)
    if due.groups.closed and not more:
        raise due.groups.trouble
    return more


def _start_more(due: Due, lanes: Lanes, writing: Executor, looking: Executor, enough: int) -> None:
    """Look the next slice up while the lanes still have work; give each free lane a bill."""
    while not due.looking and len(due.to_enter) <= enough and (slice_ := due.claim()):
        lanes.start(look_up_slice(due, slice_), looking)
    while (item := due.take()) is not None:
        record = WriteRecord(due.cycle, item)
        lanes.start(guarded(enter_bill(due, record), partial(broke, due, record)), writing)
    if due.must_prove():
        lanes.start(prove(due), looking)
