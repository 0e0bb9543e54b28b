"""Reading side by side: the order of results, short seats, logins that end, stopping early."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from connector.domain.errors import AccessError, OutageError
from connector.epicor.errors import SeatsError
from connector.epicor.side_by_side import side_by_side
from connector.http_client import circuit_breaker
from connector.http_client.tokens import TokenExpiredError


class Client:
    """Counts logins."""

    def __init__(self) -> None:
        self.logins = 0

    def ensure(self) -> None:
        pass

    def renew(self, expired: TokenExpiredError) -> None:
        self.logins += 1


def together(reads: list[Callable[[], Any]], at_once: int, client: Any = None) -> list[Any]:
    return list(side_by_side(client or Client(), reads, at_once=at_once))


def test_results_come_in_order_whichever_read_ends_first() -> None:
    second_is_over = threading.Event()

    def first() -> int:
        assert second_is_over.wait(5)
        return 1

    def second() -> int:
        second_is_over.set()
        return 2

    assert together([first, second, partial(int, 3)], at_once=2) == [1, 2, 3]


@pytest.mark.parametrize("at_once", [1, 2, 4])
def test_one_seat_is_enough_for_all_reads(at_once: int) -> None:
    seat = threading.Semaphore(1)
    both = threading.Barrier(2)

    def read(number: int) -> int:
        if not seat.acquire(blocking=False):
            both.wait(5)
            raise SeatsError("Maximum users exceeded.")
        try:
            if number == 0 and at_once > 1:
                both.wait(5)  # so that the next one surely finds no seat
            return number
        finally:
            seat.release()

    if at_once > 2:
        both = threading.Barrier(at_once)
    assert together([partial(read, number) for number in range(7)], at_once) == list(range(7))


def test_no_seat_at_all_is_raised() -> None:
    def read() -> int:
        raise SeatsError("Maximum users exceeded.")

    with pytest.raises(SeatsError):
        together([read, read], at_once=2)


def test_reads_go_on_when_the_first_one_finds_that_an_outage_is_over() -> None:
    """The breaker lets one request through; the others are refused until it is answered."""
    address = "https://epicor.example.com/after-an-outage"
    breaker = circuit_breaker.breaker_of(address)
    for _ in range(circuit_breaker.TRIPS_AFTER):
        breaker.record(failed=True)
    breaker._rests_until = 0.0  # the rest is over
    refused = threading.Event()

    def read(number: int) -> int:
        if breaker.rests() > 0:
            refused.set()
            raise OutageError("Epicor did not answer several times in a row.")
        if number == 0:
            assert refused.wait(5)  # the probe is under way while the second one is tried
        breaker.record(failed=False)
        return number

    assert together([partial(read, number) for number in range(4)], at_once=2) == [0, 1, 2, 3]


def test_a_real_outage_is_raised() -> None:
    def read() -> int:
        raise OutageError("Epicor did not answer several times in a row.")

    with pytest.raises(OutageError):
        together([read, read], at_once=2)


def test_a_read_that_outlives_its_login_is_done_where_logins_are_renewed() -> None:
    home, client = threading.get_ident(), Client()

    def read() -> str:
        if threading.get_ident() != home:
            raise TokenExpiredError("It ended.", "T1")
        return "whole"

    assert together([read, read], at_once=2, client=client) == ["whole", "whole"]
    assert client.logins == 2


def test_a_refused_login_ends_the_reading() -> None:
    home = threading.get_ident()

    def read() -> str:
        if threading.get_ident() != home:
            raise TokenExpiredError("It ended.", "T1")
        raise AccessError("Refused.")

    with pytest.raises(AccessError):
        together([read], at_once=1)


def test_what_is_not_asked_for_any_more_is_not_read() -> None:
    begun: list[int] = []
    reading = side_by_side(
        Client(),  # type: ignore[arg-type]
        [partial(begun.append, number) for number in range(50)],
        at_once=2,
    )
    next(reading)
    reading.close()
    assert len(begun) <= 2
