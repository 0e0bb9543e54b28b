"""Few bytes from another system cannot become much work: packed bodies, JSON, XML, waits, lives."""

import gzip
import time
import tracemalloc
import zlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.errors import TransientError, UncertainOutcomeError
from connector.epicor import errors as epicor_errors
from connector.epicor.xml import load_xml
from connector.http_client import client
from connector.http_client.client import Api, make_client
from connector.http_client.decimal_json import load_json
from connector.http_client.decompress import PackingError, unpacked
from connector.http_client.outcomes import LONGEST_ASKED_S, Answer, retry_after
from connector.http_client.tokens import lifetime_s
from sandbox.server import StandIn
from sandbox.wire import Response

ZEROS = b"0" * 50_000_000


@pytest.fixture
def answer():
    """A system whose next answer the test says."""
    told = {}

    def handle(request):
        asked.append(request.headers.get("accept-encoding"))
        return Response(200, told["body"], {"Content-Encoding": told["packing"]})

    asked = []
    told["asked"] = asked
    running = StandIn("system", handle).start()
    told["api"] = Api(make_client(running.url), "System")
    yield told
    told["api"].close()
    running.stop()


# Packed bodies


def test_a_packed_answer_is_read_and_only_gzip_is_asked_for(answer):
    answer |= {"body": gzip.compress(b'{"a": 1.50}'), "packing": "gzip"}
    assert answer["api"].send("GET", "/x", repeatable=True).json == {"a": Decimal("1.50")}
    assert answer["asked"] == ["gzip"]


@pytest.mark.parametrize(
    ("body", "packing"),
    [
        (gzip.compress(gzip.compress(ZEROS)), "gzip, gzip"),
        (zlib.compress(ZEROS), "deflate"),
        (b"x", "br"),
        (gzip.compress(ZEROS), "gzip"),  # longer than an answer may be
        (gzip.compress(b"{}" * 5000)[:-20], "gzip"),  # cut off: half a list of bills is no list
        (b"not packed at all", "gzip"),
    ],
    ids=["twice", "deflate", "brotli", "long", "cut", "plain"],
)
def test_a_bomb_or_damaged_answer_is_no_usable_answer(answer, monkeypatch, body, packing):
    """Measured: 643 bytes packed twice became 354 MB at once."""
    monkeypatch.setattr(client, "MOST_BYTES", 1_000_000)
    answer |= {"body": body, "packing": packing}
    tracemalloc.start()
    try:
        with pytest.raises(UncertainOutcomeError, match="gave no usable answer"):
            answer["api"].send("POST", "/x", json={}, repeatable=False)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
    with pytest.raises(TransientError, match="gave no usable answer"):
        answer["api"].send("GET", "/x", repeatable=True)


@given(st.lists(st.binary(max_size=200_000), max_size=3), st.integers(1, 70_000))
def test_unpacked_gives_back_what_was_packed_however_it_arrives(members, size):
    packed = b"".join(gzip.compress(member) for member in members)
    pieces = [packed[at : at + size] for at in range(0, len(packed), size)]
    assert b"".join(unpacked(pieces, "GZIP")) == b"".join(members)
    assert b"".join(unpacked(pieces, "identity")) == packed


def test_unpacked_yields_small_pieces():
    pieces = list(unpacked([gzip.compress(ZEROS)], "x-gzip"))
    assert max(map(len, pieces)) <= 65_536
    assert sum(map(len, pieces)) == len(ZEROS)
    assert list(unpacked([], "gzip")) == []
    with pytest.raises(PackingError, match="ends too early"):
        list(unpacked([gzip.compress(b"a" * 100)[:-1]], "gzip"))


# JSON and XML


@pytest.mark.parametrize(
    "text",
    [
        "[" + "0," * 3_000_000 + "0]",
        "[" + "[]," * 1_500_000 + "0]",
        "[" * 100_000,
        '{"a":' * 100_000,
        "1e401",
        "1e999999999",
        "-1.5E-999999999",
        "0." + "1" * 2000,
        "1" * 5000,
    ],
    ids=["values", "lists", "deep", "deep objects", "wide", "huge", "tiny", "long", "digits"],
)
def test_json_that_is_too_much_work_is_no_json(text):
    started = time.process_time()
    with pytest.raises(ValueError):  # noqa: PT011  (every reader of JSON catches this)
        load_json(text)
    assert time.process_time() - started < 2


@pytest.mark.parametrize("text", ["1.7976931348623157E+308", "5e-324", "0.00", "-0.10", "1e400"])
def test_every_number_that_a_double_can_be_stays_exact(text):
    assert load_json(text) == Decimal(text)


def test_a_zero_with_a_million_places_is_zero():
    assert f"{load_json('0e-999999999'):f}" == "0"


@pytest.mark.parametrize(
    "text", ["<a>" + "<b/>" * 1_000_000 + "</a>", "<!DOCTYPE a><a/>", "<a>", ""], ids=len
)
def test_xml_that_is_too_much_work_is_no_xml(text):
    with pytest.raises(ValueError, match="XML"):
        load_xml(text)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("<" * 3_000_000, None),
        ("<a" * 1_000_000, None),
        ("<a>" * 1_000_000, None),
        ("ramp_" * 1_000_000, None),
        ("", {"ErrorMessage": "eyJ" * 1_000_000}),
        ("", {"ErrorMessage": "no", "ErrorDetails": [{"Message": str(n)} for n in range(100_000)]}),
    ],
    ids=["signs", "tags", "open", "text", "message", "details"],
)
def test_a_refusal_of_megabytes_is_read_at_its_beginning(body, value):
    started = time.process_time()
    fault = epicor_errors.describe(Answer(400, {}, value, body, "", 0.0))
    assert len(fault.said) < 5000
    assert time.process_time() - started < 1


# Times that another system names


@pytest.mark.parametrize(
    "value",
    [
        "9" * 40,
        "9" * 4000,
        "86401",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Fri, 31 Dec 2199 23:59:59 -9999",
    ],
    ids=len,
)
def test_retry_after_is_at_most_a_day(value):
    assert retry_after(value) in (LONGEST_ASKED_S, None)
    assert retry_after("86399") == 86_399


def test_a_date_that_cannot_be_is_no_wait():
    assert retry_after("Fri, 31 Dec 99999999999999 23:59:59 GMT") is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (3600, 3600),
        ("3600", 3600),
        (Decimal("59.5"), 59.5),
        (10**400, 30 * 86_400),
        ("1e999", 30 * 86_400),
        (float("inf"), 30 * 86_400),
        (float("nan"), 0),
        ("nan", 0),
        (-1, 0),
        (0, 0),
        (None, 0),
        (True, 0),
        ({}, 0),
    ],
    ids=str,
)
def test_a_token_lives_thirty_days_at_most(value, seconds):
    assert lifetime_s(value) == seconds
