"""The lanes: tasks side by side, their requests in threads, and how a task's answers arrive."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from audit.ledger.lifecycle import LostLeaseError
from connector.domain.errors import AccessError, RejectedError, TransientError
from connector.epicor.ap_invoice.conversation import Step
from connector.http_client.tokens import TokenExpiredError
from connector.sync.bills.lanes import Lanes, Request, Task, call, send

STEP = Step("Method", {}, writes=True)


class Epicor:
    """A client that gives what it is told to; an exception is raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.renewed: list[str] = []
        self.called = 0

    def call(self, *args: Any, deadline_s: float, **options: Any) -> Any:
        self.called += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def renew(self, expired: TokenExpiredError) -> None:
        self.renewed.append(expired.refused)


def run(*tasks: Task, lanes: int = 2, keep: Callable[[], None] = lambda: None) -> None:
    waiting = list(tasks)
    with ThreadPoolExecutor(lanes) as pool:
        driver = Lanes()

        def start_more() -> None:
            while waiting:
                driver.start(waiting.pop(0), pool)

        driver.run(start_more, keep, 5.0)


def ask(epicor: Any, requests: list[Request], got: list[Any]) -> Task:
    got.append((yield from send(epicor, requests)))


def test_a_task_goes_on_in_the_runs_own_thread_and_its_requests_do_not() -> None:
    threads: list[int] = []

    def task() -> Task:
        (future,) = yield [threading.get_ident]
        threads.extend([threading.get_ident(), future.result()])

    run(task())

    assert threads[0] == threading.get_ident()
    assert threads[1] != threading.get_ident()


def test_the_requests_of_a_task_are_sent_side_by_side_and_answered_in_their_order() -> None:
    both = threading.Barrier(2, timeout=10)  # neither is over before both are under way
    got: list[Any] = []

    def request(name: str) -> Request:
        def sent() -> str:
            both.wait()
            return name

        return sent

    run(ask(Epicor(), [request("a"), request("b")], got))

    assert got == [["a", "b"]]


def test_another_task_is_answered_while_one_waits() -> None:
    second = threading.Event()
    order: list[str] = []

    def first() -> Task:
        yield [lambda: second.wait(10)]
        order.append("first")

    def other() -> Task:
        yield [lambda: None]
        order.append("other")
        second.set()

    run(first(), other())

    assert order == ["other", "first"]


def test_never_more_requests_than_lanes_are_under_way() -> None:
    lock = threading.Lock()
    now, most = 0, 0

    def request() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.005)
        with lock:
            now -= 1

    def task() -> Task:
        yield [request, request]
        yield [request]

    run(*(task() for _ in range(6)), lanes=2)

    assert most == 2


def test_leases_are_kept_while_requests_are_under_way() -> None:
    kept: list[int] = []

    def task() -> Task:
        yield [lambda: None]
        yield [lambda: None]

    run(task(), keep=lambda: kept.append(1))

    assert len(kept) == 2


def test_an_error_of_a_request_is_raised_where_it_was_sent() -> None:
    caught: list[str] = []

    def task() -> Task:
        try:
            yield from call(Epicor(RejectedError("no")), "C", STEP, 10.0)
        except RejectedError as error:
            caught.append(error.message)

    run(task())

    assert caught == ["no"]


def test_a_task_that_lost_its_bill_ends_alone() -> None:
    ended: list[str] = []

    def lost() -> Task:
        yield [lambda: None]
        raise LostLeaseError("somebody else has it")

    def other() -> Task:
        yield [lambda: None]
        yield [lambda: None]
        ended.append("other")

    run(lost(), other())

    assert ended == ["other"]


def test_what_a_task_raises_ends_the_run_and_closes_the_others_and_sends_nothing_more() -> None:
    holds, sent, closed = threading.Event(), [], []

    def breaks() -> Task:
        yield [lambda: None]
        raise OSError("disk full")

    def waits() -> Task:
        try:
            yield [lambda: holds.wait(10)]
        finally:
            closed.append("waits")
            holds.set()

    def queued() -> Task:
        yield [lambda: sent.append("queued")]

    with pytest.raises(OSError, match="disk full"):
        run(breaks(), waits(), queued(), lanes=1)

    assert closed == ["waits"]
    assert sent == []


# -- tokens and deadlines --------------------------------------------------------------------------


def test_a_refused_token_is_renewed_and_only_the_refused_request_sent_again() -> None:
    epicor, got = Epicor(), []
    sent: list[str] = []

    def good() -> str:
        sent.append("good")
        return "good"

    def refused_once() -> str:
        sent.append("refused")
        if sent.count("refused") == 1:
            raise TokenExpiredError("expired", "old")
        return "late"

    run(ask(epicor, [good, refused_once], got))

    assert got == [["good", "late"]]
    assert sorted(sent) == ["good", "refused", "refused"]
    assert epicor.renewed == ["old"]


def test_a_token_that_is_refused_when_it_is_new_stops_the_task() -> None:
    epicor = Epicor(TokenExpiredError("no", "old"), TokenExpiredError("no", "new"))
    with pytest.raises(AccessError, match="refuses a token that it just issued"):
        run(_calls(epicor))
    assert epicor.called == 2


def test_a_token_that_was_only_forgotten_does_not_count_as_refused() -> None:
    epicor = Epicor(TokenExpiredError("none"), TokenExpiredError("no", "old"), "done")
    run(_calls(epicor))
    assert epicor.renewed == ["", "old"]
    assert epicor.answers == []


def test_what_waited_too_long_for_a_lane_is_not_sent() -> None:
    epicor = Epicor("done")
    with pytest.raises(TransientError, match="Nothing was sent"):
        run(_calls(epicor, deadline_s=0.0))
    assert epicor.called == 0


def _calls(epicor: Any, *, deadline_s: float = 10.0) -> Task:
    yield from call(epicor, "C", STEP, deadline_s)


def test_look_ups_take_no_lane_from_a_write() -> None:
    written = threading.Event()
    epicor: Any = Epicor("saved")

    def look_up() -> Task:
        yield from send(epicor, [lambda: written.wait(5)] * 3)

    def write() -> Task:
        assert (yield from call(epicor, "EPIC06", STEP, 5.0)) == "saved"
        written.set()

    with ThreadPoolExecutor(1) as writing, ThreadPoolExecutor(1) as looking:
        driver, waiting = Lanes(), [(look_up(), looking), (write(), writing)]

        def start_more() -> None:
            while waiting:
                driver.start(*waiting.pop(0))

        driver.run(start_more, lambda: None, 5.0)
    assert written.is_set()
