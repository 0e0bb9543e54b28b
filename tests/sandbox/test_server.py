"""The plumbing under the stand-ins, over real HTTP."""

import http.client
import json
import threading
from collections.abc import Iterator
from decimal import Decimal
from types import SimpleNamespace

import httpx
import pytest

from sandbox.server import BadJson, Request, Response, StandIn, json_response


class Echo:
    """A system that answers what it was asked, and counts how often it did so."""

    ACTIONS = frozenset({"shout"})

    def __init__(self) -> None:
        self.handled = 0
        self.seen = threading.Event()

    def handle(self, request: Request) -> Response:
        self.handled += 1
        self.seen.set()
        body = request.json() if request.body else None
        return json_response(
            200,
            {
                "method": request.method,
                "path": request.path,
                "query": request.query,
                "agent": request.headers.get("X-AGENT"),
                "body": body,
            },
        )

    def label(self, request: Request) -> str:
        return request.path.split("/")[1]

    def state(self) -> dict[str, object]:
        return {"handled": self.handled, "money": Decimal("1200.00")}

    def shout(self, word: str) -> dict[str, str]:
        return {"said": word.upper()}


@pytest.fixture
def box() -> Iterator[SimpleNamespace]:
    app = Echo()
    server = StandIn.of("echo", app).start()
    with httpx.Client(base_url=server.url) as client:
        yield SimpleNamespace(app=app, server=server, client=client)
    server.stop()


def test_request_arrives_decoded(box):
    answer = box.client.get(
        "/v/a%20b%7C1", params={"$filter": "A eq 'ü'", "empty": ""}, headers={"x-agent": "me"}
    ).json()
    assert answer["path"] == "/v/a b|1"
    assert answer["query"] == [["$filter", "A eq 'ü'"], ["empty", ""]]
    assert answer["agent"] == "me"


def test_money_survives_the_round_trip_exactly(box):
    sent = b'{"total": 1200.00, "tiny": 0.10, "big": 12345678901234567890.01}'
    response = box.client.post("/x", content=sent)
    assert b'"total":1200.00' in response.content
    assert b'"big":12345678901234567890.01' in response.content


def test_a_body_that_is_not_json_is_a_400(box):
    assert box.client.post("/x", content=b"{").status_code == 400
    with pytest.raises(BadJson):
        Request("POST", "/x", body=b"{").json()


def test_connection_is_kept_alive(box):
    connection = http.client.HTTPConnection("127.0.0.1", box.server.port)
    connection.request("GET", "/a")
    connection.getresponse().read()
    socket = connection.sock
    connection.request("GET", "/b")
    assert connection.getresponse().status == 200
    assert connection.sock is socket
    connection.close()


def test_chunked_bodies_are_read(box):
    def parts():
        yield b'{"a"'
        yield b": 1}"

    assert box.client.post("/x", content=parts()).json()["body"] == {"a": 1}


def test_calls_are_counted_by_label_and_logged(box):
    box.client.get("/a/1")
    box.client.get("/a/2")
    assert box.server.calls == {"GET a": 2}
    assert list(box.server.log) == [("GET", "/a/1", 200), ("GET", "/a/2", 200)]


def test_control_plane_is_not_counted_and_survives_faults(box):
    box.server.fail_next("/", "status", times=5, status=503)
    box.client.get("/a")
    assert box.client.get("/_sandbox/calls").json() == {"GET a": 1}
    assert box.client.get("/_sandbox/state").content == b'{"handled":0,"money":1200.00}'
    box.client.post("/_sandbox/reset-calls")
    assert box.client.get("/_sandbox/calls").json() == {}


def test_actions_by_name(box):
    done = box.client.post("/_sandbox/do", json={"action": "shout", "word": "hi"})
    assert done.json() == {"said": "HI"}
    refused = box.client.post("/_sandbox/do", json={"action": "handle"})
    assert refused.status_code == 400
    assert box.client.post("/_sandbox/do", json={"action": "shout"}).status_code == 400


def test_fault_before_the_effect(box):
    box.server.fail_next("POST /w", "status", status=429, body="slow down", headers={"X-A": "b"})
    response = box.client.post("/w")
    assert (response.status_code, response.text, response.headers["x-a"]) == (429, "slow down", "b")
    assert box.app.handled == 0
    assert box.client.post("/w").status_code == 200


def test_fault_after_the_effect(box):
    box.server.fail_next("/w", "after", status=502)
    assert box.client.post("/w").status_code == 502
    assert box.app.handled == 1


@pytest.mark.parametrize(("kind", "handled"), [("reset_before", 0), ("reset_after", 1)])
def test_reset(box, kind, handled):
    box.server.fail_next("/w", kind)
    with pytest.raises(httpx.TransportError):
        box.client.post("/w")
    assert box.app.handled == handled
    assert box.server.log[-1] == ("POST", "/w", 0)


def test_truncate_cuts_the_body(box):
    box.server.fail_next("/w", "truncate")
    with pytest.raises(httpx.RemoteProtocolError):
        box.client.post("/w")
    assert box.app.handled == 1


def test_html_page_instead_of_an_answer(box):
    box.server.fail_next("/w", "html")
    response = box.client.get("/w")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert box.app.handled == 0


def test_slow_answer_has_its_effect_before_the_client_gives_up(box):
    box.server.fail_next("/w", "slow", seconds=0.5)
    with pytest.raises(httpx.ReadTimeout):
        box.client.post("/w", timeout=0.1)
    assert box.app.handled == 1


def test_late_effect_after_a_504(box):
    box.server.fail_next("/w", "late", seconds=0.05)
    assert box.client.post("/w").status_code == 504
    assert box.app.seen.wait(5)
    assert box.app.handled == 1


def test_late_until_told(box):
    box.server.fail_next("/w", "late", times=2, until_told=True)
    assert [box.client.post("/w").status_code for _ in range(2)] == [504, 504]
    assert box.app.handled == 0
    assert [request.path for request in box.server.waiting()] == ["/w", "/w"]
    assert box.client.post("/_sandbox/apply-late").json() == {"applied": 2}
    assert box.app.handled == 2
    assert box.server.apply_late() == 0


def test_faults_that_happened_are_counted(box):
    box.server.fail_next("/w", "status", times=2, status=500)
    box.server.fail_next("/other", "html")
    box.client.get("/w")
    assert dict(box.server.failed) == {"status": 1}


def test_skip_and_times(box):
    box.client.post(
        "/_sandbox/fail",
        json={"match": "/w", "kind": "status", "times": 2, "skip": 1, "detail": {"status": 500}},
    )
    assert [box.client.get("/w").status_code for _ in range(4)] == [200, 500, 500, 200]


def test_clear_faults(box):
    box.server.fail_next("/w", "status", status=500)
    box.client.post("/_sandbox/clear-faults")
    assert box.client.get("/w").status_code == 200


def test_unknown_fault_is_refused(box):
    with pytest.raises(ValueError, match="Unknown fault"):
        box.server.fail_next("/w", "earthquake")
    response = box.client.post("/_sandbox/fail", json={"match": "/", "kind": "earthquake"})
    assert response.status_code == 400


def test_port_in_use_is_an_os_error(box):
    with pytest.raises(OSError, match="in use"):
        StandIn("second", box.app.handle, port=box.server.port)


def test_stopped_server_refuses_connections():
    server = StandIn.of("echo", Echo()).start()
    with httpx.Client(base_url=server.url) as client:
        assert client.get("/a").status_code == 200
        server.stop()
        with pytest.raises(httpx.TransportError):
            client.get("/a")


def test_many_clients_at_once(box):
    def work():
        connection = http.client.HTTPConnection("127.0.0.1", box.server.port)
        for _ in range(50):
            connection.request("GET", "/a")
            json.loads(connection.getresponse().read())
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert box.server.calls["GET a"] == 400
