import threading

import pytest
from django.db import connection

from connector.http_client import rate_limit
from connector.http_client.models import RequestSlot


@pytest.mark.django_db
def test_requests_within_the_limit_do_not_wait():
    assert [rate_limit.reserve("ramp", limit=3) for _ in range(3)] == [0, 0, 0]


@pytest.mark.django_db
def test_the_next_request_waits_for_the_window_to_move(monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(rate_limit.time, "time", lambda: clock[0])
    waits = []
    for _ in range(4):
        waits.append(rate_limit.reserve("ramp", limit=2, window_s=10))
        clock[0] += 1
    assert waits == [0, 0, pytest.approx(8.02), pytest.approx(8.02)]


@pytest.mark.django_db
def test_budgets_are_apart():
    rate_limit.reserve("one", limit=1)
    assert rate_limit.reserve("two", limit=1) == 0
    assert rate_limit.reserve("one", limit=1) > 9


@pytest.mark.django_db
def test_old_moments_are_thrown_away(monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(rate_limit.time, "time", lambda: clock[0])
    for _ in range(5):
        rate_limit.reserve("ramp")
        clock[0] += 30
    assert RequestSlot.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_workers_together_never_exceed_the_limit():
    def work():
        try:
            for _ in range(10):
                rate_limit.reserve("ramp", limit=8, window_s=10)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    moments = sorted(RequestSlot.objects.values_list("at", flat=True))
    assert len(moments) == 40
    for first, ninth in zip(moments, moments[8:], strict=False):
        assert ninth - first >= 10
