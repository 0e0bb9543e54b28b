"""What goes into the record survives every database, and carries no secrets."""

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from audit.canonical_json import HIDDEN, canonical, digest, plain, text
from connector.domain.errors import Reason


class Kind(Enum):
    OPEN = 1


def test_everything_becomes_json_that_no_database_rewrites() -> None:
    value = {
        "amount": Decimal("12.50"),
        "rate": 1e22,
        "day": date(2026, 11, 2),
        "at": datetime(2026, 11, 2, 3, 4, 5, tzinfo=UTC),
        "id": UUID(int=5),
        "why": Reason.CHANGED,
        "kind": Kind.OPEN,
        "ok": True,
        "none": None,
        3: ({"b", "a"}, 4),
    }
    assert plain(value) == {
        "amount": "12.50",
        "rate": "1e+22",
        "day": "2026-11-02",
        "at": "2026-11-02T03:04:05+00:00",
        "id": "00000000-0000-0000-0000-000000000005",
        "why": "changed",
        "kind": 1,
        "ok": True,
        "none": None,
        "3": [["a", "b"], 4],
    }


def test_values_of_secret_sounding_keys_are_hidden() -> None:
    body = {
        "Password": "p",
        "nested": [{"x-api-key": "k", "token": "t"}],
        "api_key": "",
        "tokens": 2,
    }
    assert plain(body) == {
        "Password": HIDDEN,
        "nested": [{"x-api-key": HIDDEN, "token": HIDDEN}],
        "api_key": "",
        "tokens": 2,
    }


def test_text_loses_what_a_database_refuses() -> None:
    assert text("a\x00b\ud800") == "a\ufffdb\ufffd"
    assert text("a😀b") == "a😀b"
    assert text("abcdef", 3) == "abc"


def test_the_order_of_keys_does_not_matter() -> None:
    assert canonical({"b": 1, "a": "ü"}) == '{"a":"ü","b":1}'.encode()
    assert digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1}) != digest({"a": 2, "b": 2})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.decimals(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_plain_copies_are_stable(value: object) -> None:
    once = plain(value)
    assert plain(once) == once
    assert digest(plain(once)) == digest(once)
