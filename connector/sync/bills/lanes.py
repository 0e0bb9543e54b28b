"""Runs tasks side by side: their requests in threads, everything else in the run's own thread.

A task is a generator: it yields requests, which only do HTTP, and goes on when all of them are
over. So nothing that touches the database needs a lock or a connection of its own, and while one
answer is being recorded the requests of the other tasks are under way.
"""

import logging
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from functools import partial
from typing import Any, TypeVar

from audit.ledger.lifecycle import LostLeaseError
from connector.domain.errors import AccessError, TransientError
from connector.epicor.ap_invoice.conversation import Step
from connector.epicor.client import EpicorClient, MethodAnswer
from connector.http_client.tokens import TokenExpiredError

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
Request = Callable[[], Any]
Answers = Sequence[Future[Any]]
Asking = Generator[Sequence[Request], Answers, Result]  # what asks on the way to its result
Task = Asking[None]
TOKEN = "Epicor refuses a token that it just issued. No bill is lost; check epicor.auth."  # noqa: S105


class Lanes:
    """The tasks under way; the pool of each says how many of its kind's requests are at once."""

    def __init__(self) -> None:
        self._pools: dict[Task, Executor] = {}
        self._tasks: dict[Task, Answers] = {}
        self._pending: set[Future[Any]] = set()

    def run(self, start_more: Callable[[], None], keep: Callable[[], None], every_s: float) -> None:
        """Go on with each task when it is answered, until `start_more` starts none and all ended.

        `keep` is called at least `every_s` seconds apart. What a task raises ends the run, and
        the other tasks with it; only one that lost its bill to another worker ends alone.
        """
        try:
            start_more()
            while self._tasks:
                keep()
                _, self._pending = wait(self._pending, every_s, FIRST_COMPLETED)
                answered = [t for t, them in self._tasks.items() if self._pending.isdisjoint(them)]
                for task in answered:
                    self._resume(task, self._tasks.pop(task))
                    start_more()
        finally:
            for future in self._pending:
                future.cancel()
            for task in self._tasks:
                task.close()

    def start(self, task: Task, pool: Executor) -> None:
        """Let a task begin, its requests in `pool`; it runs at once until its first request."""
        self._pools[task] = pool
        self._resume(task, None)

    def _resume(self, task: Task, answers: Answers | None) -> None:
        try:
            requests = task.send(answers) if answers is not None else next(task)
        except StopIteration:
            del self._pools[task]
            return
        except LostLeaseError as error:
            # We were too slow and somebody else has it now; its record says what we sent.
            logger.warning("A posting moved on: %s", error)
            del self._pools[task]
            return
        pool = self._pools[task]
        self._tasks[task] = [pool.submit(request) for request in requests]
        self._pending.update(self._tasks[task])


def send(epicor: EpicorClient, requests: Sequence[Request]) -> Asking[list[Any]]:
    """Send requests side by side; return their answers in the same order.

    A request whose token was refused did nothing: it is sent again after a new login, once.
    Raises what a request or the login raised, and AccessError when a new token is refused too.
    """
    answers: dict[int, Any] = {}
    renewed = False
    while left := [place for place in range(len(requests)) if place not in answers]:
        futures = yield [requests[place] for place in left]
        expired: list[TokenExpiredError] = []
        for place, future in zip(left, futures, strict=True):
            try:
                answers[place] = future.result()
            except TokenExpiredError as error:
                expired.append(error)
        if renewed and any(one.refused for one in expired):
            raise AccessError(TOKEN)
        for one in expired:
            epicor.renew(one)
            renewed = renewed or bool(one.refused)
    return [answers[place] for place in range(len(requests))]


def call(epicor: EpicorClient, company: str, step: Step, deadline_s: float) -> Asking[MethodAnswer]:
    """Send one step of a conversation and return its answer, as if it were a plain call.

    It is over `deadline_s` seconds from now, the waiting for a free lane included. Raises what
    `EpicorClient.call` and `send` raise.
    """
    request = partial(_call, epicor, company, step, time.monotonic() + deadline_s)
    (answer,) = yield from send(epicor, [request])
    answered: MethodAnswer = answer
    return answered


def _call(epicor: EpicorClient, company: str, step: Step, give_up_at: float) -> MethodAnswer:
    """One request, in a thread. What waited too long for one is not sent any more."""
    left_s = give_up_at - time.monotonic()
    if left_s <= 0:
        raise TransientError("No lane was free in time. Nothing was sent; it is tried again.")
    return epicor.call(
        company,
        step.service,
        step.method,
        step.parameters,
        repeatable=not step.writes,
        deadline_s=left_s,
    )
