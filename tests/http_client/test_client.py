import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime

import httpx
import pytest
import stamina

from connector.domain.errors import AccessError, OutageError, TransientError, UncertainOutcomeError
from connector.http_client import circuit_breaker
from connector.http_client import client as http_client_client
from connector.http_client.client import Api, make_client
from connector.http_client.decimal_json import dump_json, load_json
from connector.http_client.outcomes import retry_after
from sandbox.server import StandIn
from sandbox.wire import Response, json_response


@pytest.fixture
def system():
    """A system that answers every call with its body."""

    def handle(request):
        body = request.body.decode() if request.body else '{"ok": true}'
        return Response(200, body, {"Content-Type": "application/json", "x-trace-id": "t-1"})

    running = StandIn("system", handle).start()
    yield running
    running.stop()


@pytest.fixture
def api(system):
    api = Api(make_client(system.url), "System")
    yield api
    api.close()


def hits(system):
    return sum(system.calls.values())


def test_amounts_travel_as_exact_numbers(api):
    sent = {"amount": Decimal("0.10"), "big": Decimal("1E+3"), "text": "0.10", "none": None}
    answer = api.send("POST", "/x", json=sent, repeatable=False)
    assert answer.text == '{"amount": 0.10, "big": 1000, "text": "0.10", "none": null}'
    assert answer.json["amount"] == Decimal("0.10")
    assert (answer.status, answer.ok, answer.trace_id) == (200, True, "t-1")


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), float("nan")])
def test_what_is_no_number_is_not_sent(value):
    with pytest.raises(ValueError, match=r"JSON|Out of range"):
        dump_json({"amount": value})


@pytest.mark.parametrize("text", ["NaN", '{"a": Infinity}', "[" * 100_000])
def test_what_is_no_json_is_refused(text):
    with pytest.raises(ValueError, match="JSON"):
        load_json(text)


def test_a_text_that_looks_like_a_marked_number_stays_a_text():
    assert dump_json({"a": '"12.5"'}) == b'{"a": "\\"12.5\\""}'


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 500, 302])
def test_other_statuses_are_the_caller_s_to_judge(system, api, status):
    system.fail_next("GET /x", "status", status=status, body="no")
    answer = api.send("GET", "/x", repeatable=True)
    assert (answer.status, answer.ok, answer.json, answer.text) == (status, False, None, "no")
    assert hits(system) == 1


FAULTS = [
    ("status", {"status": 502}),
    ("status", {"status": 503}),
    ("status", {"status": 504}),
    ("status", {"status": 429}),
    ("reset_before", {}),
    ("reset_after", {}),
    ("truncate", {}),
    ("html", {}),
]


@pytest.mark.parametrize(("kind", "detail"), FAULTS)
def test_what_may_be_repeated_is_tried_again(system, api, kind, detail):
    system.fail_next("GET /x", kind, 2, **detail)
    assert api.send("GET", "/x", repeatable=True).json == {"ok": True}
    assert api.calls == 3


@pytest.mark.parametrize(("kind", "detail"), FAULTS)
def test_after_four_tries_it_is_a_matter_for_later(system, api, kind, detail):
    system.fail_next("GET /x", kind, 9, **detail)
    with pytest.raises(TransientError):
        api.send("GET", "/x", repeatable=True)
    assert api.calls == 4


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        ("status", {"status": 500}),
        ("status", {"status": 502}),
        ("status", {"status": 503}),
        ("status", {"status": 504}),
        ("after", {"status": 500}),
        ("reset_before", {}),
        ("reset_after", {}),
        ("truncate", {}),
        ("html", {}),
    ],
)
def test_a_write_without_a_usable_answer_is_sent_once_and_uncertain(system, api, kind, detail):
    system.fail_next("POST /x", kind, **detail)
    with pytest.raises(UncertainOutcomeError, match="may or may not"):
        api.send("POST", "/x", json={"a": 1}, repeatable=False)
    assert api.calls == 1


def test_a_write_that_takes_too_long_is_uncertain(system, api):
    system.latency_ms = 2000
    with pytest.raises(UncertainOutcomeError, match="too long"):
        api.send("POST", "/x", json={}, repeatable=False, deadline_s=0.2)
    assert api.calls == 1


def test_a_write_that_was_told_to_slow_down_is_sent_again(system, api):
    system.fail_next("POST /x", "status", 2, status=429)
    assert api.send("POST", "/x", json={"a": 1}, repeatable=False).ok
    assert api.calls == 3


@pytest.mark.parametrize("repeatable", [True, False])
def test_a_long_wait_is_left_to_the_caller(system, api, repeatable):
    system.fail_next("GET /x", "status", 9, status=429, headers={"Retry-After": "600"})
    with pytest.raises(TransientError) as caught:
        api.send("GET", "/x", repeatable=repeatable)
    assert caught.value.retry_after_s == 600
    assert api.calls == 1


def test_waiting_ends_at_the_deadline(system, api):
    system.fail_next("GET /x", "status", 9, status=503, headers={"Retry-After": "19"})
    with pytest.raises(TransientError) as caught:
        api.send("GET", "/x", repeatable=True, deadline_s=5)
    assert caught.value.retry_after_s == 19
    assert api.calls == 1


def test_the_waits_between_tries_are_the_ones_asked_for(system, api, monkeypatch):
    waits = []
    monkeypatch.setattr("tenacity.nap.time.sleep", waits.append)
    system.fail_next("GET /x", "status", 1, status=429, headers={"Retry-After": "3"})
    system.fail_next("GET /x", "status", 1, status=503)
    stamina.set_testing(False)
    api.send("GET", "/x", repeatable=True)
    asked, own = waits
    assert asked == 3
    assert 0 <= own <= 2


def test_a_write_to_a_host_that_is_not_there_was_never_sent():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    api = Api(make_client(url), "System")
    with pytest.raises(TransientError, match=rf"{url}.*[Nn]othing was sent"):
        api.send("POST", "/x", json={}, repeatable=False)
    assert api.calls == 4


def test_after_several_failures_the_system_is_left_alone_for_a_while(system, api, monkeypatch):
    system.fail_next("GET /x", "status", 4 * circuit_breaker.TRIPS_AFTER, status=503)
    for _ in range(circuit_breaker.TRIPS_AFTER):
        with pytest.raises(TransientError):
            api.send("GET", "/x", repeatable=True)
    with pytest.raises(TransientError, match="in a row") as caught:
        api.send("GET", "/x", repeatable=True)
    assert 0 < caught.value.retry_after_s <= circuit_breaker.RESTS_S
    now = http_client_client.time.monotonic()
    monkeypatch.setattr(
        http_client_client.time, "monotonic", lambda: now + circuit_breaker.RESTS_S + 1
    )
    assert api.send("GET", "/x", repeatable=True).ok


def test_credentials_are_not_sent_to_another_host(system, api):
    with pytest.raises(ValueError, match=r"evil\.example"):
        api.send("GET", "https://evil.example/x", repeatable=True)
    assert api.send("GET", f"{system.url}/x", repeatable=True).ok
    assert hits(system) == 1


def test_the_hook_runs_before_every_request(system):
    seen = []
    api = Api(make_client(system.url), "System", on_request=lambda: seen.append(hits(system)))
    system.fail_next("GET /x", "status", 1, status=503)
    api.send("GET", "/x", repeatable=True)
    assert seen == [0, 1]


def test_errors_carry_the_trace_but_no_bearer(system, api):
    token = "ramp_business_tok_abcdefgh"
    body = json_response(503, {"seen": token}).body.decode()
    system.fail_next("POST /x", "status", status=503, body=body, headers={"x-trace-id": "t-9"})
    with pytest.raises(UncertainOutcomeError) as caught:
        api.send("POST", "/x", headers={"X-Key": token}, repeatable=False)
    assert caught.value.detail["trace_id"] == "t-9"
    assert token not in str(caught.value.detail)


def test_a_certificate_file_that_is_none_is_named(tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")
    with pytest.raises(AccessError, match=r"ca\.pem"):
        make_client("https://127.0.0.1", ca_file=str(file))


def test_proxies_of_the_environment_are_not_used(system, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert Api(make_client(system.url), "System").send("GET", "/x", repeatable=True).ok


def test_an_endless_answer_ends_at_the_deadline():
    def drip(request):
        def parts():
            while True:
                yield b" "

        return httpx.Response(200, content=parts())

    client = httpx.Client(base_url="http://system", transport=httpx.MockTransport(drip))
    with pytest.raises(UncertainOutcomeError):
        Api(client, "System").send("POST", "/x", repeatable=False, deadline_s=0.2)


@pytest.mark.parametrize(
    ("value", "seconds"), [("7", 7), (" 0 ", 0), ("soon", None), ("", None), ("-1", None)]
)
def test_retry_after_in_seconds(value, seconds):
    assert retry_after(value) == seconds


def test_retry_after_as_a_date():
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert 85 < retry_after(later) <= 90
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0


def test_clients_of_one_address_share_the_rest_and_one_probe_ends_it(system, monkeypatch):
    first, second = (Api(make_client(system.url), "System") for _ in range(2))
    system.fail_next("GET /x", "status", 4 * circuit_breaker.TRIPS_AFTER + 4, status=503)
    for _ in range(circuit_breaker.TRIPS_AFTER):
        with pytest.raises(TransientError):
            first.send("GET", "/x", repeatable=True)
    with pytest.raises(OutageError):
        second.send("GET", "/x", repeatable=True)
    assert second.calls == 0
    start = http_client_client.time.monotonic()
    monkeypatch.setattr(
        http_client_client.time, "monotonic", lambda: start + circuit_breaker.RESTS_S + 1
    )
    with pytest.raises(TransientError, match="503"):
        second.send("GET", "/x", repeatable=True)  # the probe: one failure is enough to rest again
    with pytest.raises(OutageError):
        first.send("GET", "/x", repeatable=True)
    monkeypatch.setattr(
        http_client_client.time, "monotonic", lambda: start + 2 * circuit_breaker.RESTS_S + 2
    )
    assert second.send("GET", "/x", repeatable=True).ok
    assert first.send("GET", "/x", repeatable=True).ok


def test_only_one_request_is_the_probe_and_its_thread_may_log_in(monkeypatch):
    one = circuit_breaker.breaker_of("http://probed")
    now = [0.0]
    monkeypatch.setattr(circuit_breaker.time, "monotonic", lambda: now[0])
    for _ in range(circuit_breaker.TRIPS_AFTER):
        assert one.rests() == 0
        one.record(failed=True)
    assert one.rests() == circuit_breaker.RESTS_S
    now[0] = circuit_breaker.RESTS_S
    assert one.rests() == 0
    assert one.rests() == 0  # the login of the probe
    with ThreadPoolExecutor(1) as other:
        assert other.submit(one.rests).result() > 0
    one.record(failed=None)  # refused before anything could be said: the next one is the probe
    with ThreadPoolExecutor(1) as other:
        assert other.submit(one.rests).result() == 0
        assert one.rests() > 0
        other.submit(one.record, failed=False).result()
    assert one.rests() == 0


def test_being_asked_to_slow_down_is_no_outage(system, api):
    for _ in range(circuit_breaker.TRIPS_AFTER + 1):
        system.fail_next("GET /x", "status", 1, status=429, headers={"Retry-After": "600"})
        with pytest.raises(TransientError, match="slow down"):
            api.send("GET", "/x", repeatable=True)
    assert api.send("GET", "/x", repeatable=True).ok
