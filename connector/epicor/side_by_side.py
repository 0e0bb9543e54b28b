"""Reads several things of Epicor at the same time, and gives them to one thread in their order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from connector.domain.errors import AccessError
from connector.epicor.client import EpicorClient
from connector.http_client.tokens import TokenExpiredError

Read = TypeVar("Read")

REFUSED = (
    "Epicor refused the login that it had given a moment before. Nothing was changed; check the "
    "integration user in Epicor."
)


def side_by_side(
    client: EpicorClient, reads: Iterable[Callable[[], Read]], *, at_once: int
) -> Iterator[Read]:
    """What each of `reads` returns, in their order; `at_once` of them are under way, or held.

    A read only asks Epicor (no database, because it runs in a thread) and changes nothing. A login
    that ends on the way is renewed and the read done again. Whoever stops early leaves the rest
    unread. Raises what a read raises, AccessError when a new login is refused as well.
    """
    client.ensure()
    pool = ThreadPoolExecutor(at_once)
    under_way: deque[tuple[Callable[[], Read], Future[Read]]] = deque()
    try:
        for read in reads:
            under_way.append((read, pool.submit(read)))
            if len(under_way) >= at_once:
                yield _result(client, pool, *under_way.popleft())
        while under_way:
            yield _result(client, pool, *under_way.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def _result(
    client: EpicorClient,
    pool: ThreadPoolExecutor,
    read: Callable[[], Read],
    future: Future[Read],
) -> Read:
    try:
        return future.result()
    except TokenExpiredError as expired:
        client.renew(expired)
    try:
        return pool.submit(read).result()
    except TokenExpiredError as again:
        raise AccessError(REFUSED) from again
