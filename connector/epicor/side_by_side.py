"""Reads several things of Epicor at the same time, and gives them to one thread in their order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from connector.domain.errors import OutageError
from connector.epicor.client import EpicorClient
from connector.epicor.errors import SeatsError
from connector.http_client.tokens import TokenExpiredError

Read = TypeVar("Read")


def side_by_side(
    client: EpicorClient, reads: Iterable[Callable[[], Read]], *, at_once: int
) -> Generator[Read, None, None]:
    """What each of `reads` returns, in their order; `at_once` of them are under way, or held.

    A read only asks Epicor (no database, because it runs in a thread) and changes nothing, so that
    it may be done again: in this thread, which logs in anew as often as that is needed, after its
    login ended or while another one tried whether an outage is over, and one at a time from then on
    where Epicor is short of seats. Whoever stops early leaves the rest unread. Raises what a read
    raises in this thread.
    """
    client.ensure()
    waiting = deque(reads)
    under_way: deque[tuple[Callable[[], Read], Future[Read]]] = deque()
    with ThreadPoolExecutor(at_once) as pool:
        try:
            while waiting or under_way:
                _start(pool, waiting, under_way, at_once)
                read, future = under_way.popleft()
                try:
                    result = future.result()
                except TokenExpiredError as expired:
                    client.renew(expired)
                    result = read()
                except (SeatsError, OutageError) as error:
                    # After an outage one request alone tries whether Epicor is back.
                    at_once = 1 if isinstance(error, SeatsError) else at_once
                    wait([another for _, another in under_way])
                    result = read()
                yield result
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _start(
    pool: Executor,
    waiting: deque[Callable[[], Read]],
    under_way: deque[tuple[Callable[[], Read], Future[Read]]],
    at_once: int,
) -> None:
    while waiting and len(under_way) < at_once:
        read = waiting.popleft()
        under_way.append((read, pool.submit(read)))
