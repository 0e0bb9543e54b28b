"""Enters what is due: claim, look up, write in lanes, verify, record.

Before each write its intent is committed, straight after the answer its outcome; no transaction is
open across HTTP. What is shared is on the board, `look_up` feeds it and `write` empties it.
"""

import logging
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

from audit.ledger.lifecycle import LostLeaseError
from connector.sync.bills.board import LOOKERS, Board
from connector.sync.bills.lanes import LEASE_S
from connector.sync.bills.look_up import Looking
from connector.sync.bills.outcomes import Endings
from connector.sync.bills.write import Writing
from connector.sync.context import Cycle

logger = logging.getLogger(__name__)


def enter_due(
    cycle: Cycle, *, stop_at: float, ids: Sequence[int] | None = None, only_look: bool = False
) -> bool:
    """Enter every posting that is due (or only these Posting ids) until `stop_at` (monotonic).

    With `only_look` nothing is written to Epicor: what is in doubt, to be compared, or has Ramp's
    word for it is looked up, and what would be written stays as it is.
    True when the time was over before everything was done. Raises AccessError, OutageError or
    TransientError when a system refuses us or is away; whatever was claimed is then given back.
    """
    lanes = cycle.lanes
    with ThreadPoolExecutor(lanes) as lane_pool, ThreadPoolExecutor(LOOKERS) as look_pool:
        board = Board(
            cycle, stop_at, ids, Endings(cycle), lane_pool, look_pool, only_look=only_look
        )
        board.claim_again()
        looking = Looking(board, lanes)
        writing = Writing(board, looking)
        try:
            _work(board, looking, writing)
        finally:
            # Whatever broke, no posting stays behind leased and forgotten.
            board.ends.give_back()
            writing.groups.close()
    if board.ends.stopped is not None:
        raise board.ends.stopped
    more = bool(board.todo or board.claims)
    if writing.groups.closed and not more:
        raise writing.groups.trouble
    return more


def _work(board: Board, looking: Looking, writing: Writing) -> None:
    """Give every free lane work until nothing is under way any more."""
    while True:
        looking.ahead()
        writing.start()
        if not board.jobs and not board.asked:
            return
        board.ends.keep(LEASE_S)
        done, _ = wait(
            [*board.jobs, *board.asked], timeout=LEASE_S / 4, return_when=FIRST_COMPLETED
        )
        for future in [f for f in (*board.jobs, *board.asked) if f in done]:
            try:
                if future in board.jobs:
                    writing.answered(board.jobs.pop(future), future)
                else:
                    looking.answered(board.asked.pop(future), future)
            except LostLeaseError as error:
                # We were too slow and somebody else has it now; its record says what we sent.
                logger.warning("A posting moved on: %s", error)
