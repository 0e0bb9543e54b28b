"""Secrets are taken out of whatever is stored or shown, and nothing else is changed."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.http_client.redaction import HIDDEN, redact, redact_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("apikey=x", f"apikey={HIDDEN}"),
        ("apikey:x", f"apikey:{HIDDEN}"),
        ("://u:p@", f"://{HIDDEN}@"),
        ("https://me:pass@erp.example/kinetic", f"https://{HIDDEN}@erp.example/kinetic"),
        ("sent ramp_bus_tok_Abc-123.", f"sent {HIDDEN}"),
        ("Authorization: Bearer abcdefgh12", f"Authorization: Bearer {HIDDEN}"),
        ("Basic dXNlcjpwdw==", f"Basic {HIDDEN}"),
        ("/api?api-key=abc&x=1", f"/api?api-key={HIDDEN}&x=1"),
        ('{"client_secret": "abc", "a": 1}', f'{{"client_secret": "{HIDDEN}", "a": 1}}'),
        ("token eyJhbGciOiJI.eyJzdWIi.sig", f"token {HIDDEN}"),
        ("INV-000005", "INV-000005"),
        ("2026-11-24T00:00:00", "2026-11-24T00:00:00"),
        ("Basic plan", "Basic plan"),
        ("", ""),
    ],
)
def test_what_looks_like_a_credential_is_hidden_in_text(text: str, shown: str) -> None:
    assert redact_text(text) == shown


@given(st.text(alphabet="apikey=:/u@x-_ ", max_size=6))
def test_texts_too_short_for_a_credential_stay_as_they_are(text: str) -> None:
    """Every pattern needs at least seven characters; the shortest is `://u:p@`."""
    assert redact_text(text) == text


def test_values_of_secret_names_are_hidden_wherever_they_are() -> None:
    document = {
        "x-api-key": "k",
        "IBAN": "DE02",
        "account_number": 123,
        "token": "",
        "tokens": 2,
        "rows": [{"Password": {"deep": "p"}}, ("a", "apikey=x")],
        "amount": Decimal("1.50"),
        3: None,
    }
    assert redact(document) == {
        "x-api-key": HIDDEN,
        "IBAN": HIDDEN,
        "account_number": HIDDEN,
        "token": "",
        "tokens": 2,
        "rows": [{"Password": HIDDEN}, ["a", f"apikey={HIDDEN}"]],
        "amount": Decimal("1.50"),
        3: None,
    }


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_redacting_twice_changes_nothing_more(value: object) -> None:
    once = redact(value)
    assert redact(once) == once
    assert json.loads(json.dumps(once)) == once


@pytest.mark.parametrize(
    "text",
    [
        "epicor.api_key: cannot be null.",
        "epicor.auth.password: must be a text that is not empty.",
        "Use postgres://user:password@host:5432/name.",
        "Use smtp+tls://user:password@host:587.",
    ],
)
def test_our_own_sentences_about_secrets_keep_their_words(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize(
    "text", ["password: mustang1", "password: must", "api_key=cannot be", "x://user:passwords@h"]
)
def test_a_secret_that_begins_like_our_words_is_hidden(text: str) -> None:
    assert HIDDEN in redact_text(text)
