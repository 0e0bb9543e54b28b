"""Every regular expression of the project answers in a time that grows with the text, not faster.

Each compiled pattern of each module is tried on long texts that are made of the pieces of its own
source, which is what makes a quadratic one show: "ramp_ramp_ramp_…" took a second for 20 KB.
"""

import importlib
import itertools
import logging
import pkgutil
import re
import time
from collections.abc import Iterator

import pytest

import audit
import connector
import mappings
from connector.http_client.redaction import HIDDEN, redact_text
from connector.logging import JsonFormatter

LONG = 40_000  # characters; a quadratic pattern takes many seconds for them
SECONDS = 1.0


def patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    for package in (audit, connector, mappings):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations" in found.name or found.name.endswith((".wsgi", ".settings")):
                continue
            module = importlib.import_module(found.name)
            for name, value in vars(module).items():
                for number, one in enumerate(value if isinstance(value, list | tuple) else [value]):
                    if isinstance(one, re.Pattern) and isinstance(one.pattern, str):
                        yield f"{found.name}.{name}[{number}]", one


def attacks(pattern: re.Pattern[str]) -> Iterator[str]:
    """Long texts of which every beginning looks promising and no end does."""
    words = re.findall(r"[A-Za-z_]{2,}|://|[-=:;.,/<>\"'&? |]", pattern.pattern)
    pieces = dict.fromkeys([*words, "a", "0", " ", "<", "a ", "0."])
    for piece in pieces:
        yield piece * (LONG // len(piece)) + "\x01"
    for first, second in itertools.islice(itertools.permutations(list(pieces)[:8], 2), 24):
        yield first + second * (LONG // len(second)) + "\x01"
        yield (first + second) * (LONG // len(first + second)) + "\x01"


@pytest.mark.parametrize(
    "pattern", [pytest.param(one, id=name) for name, one in sorted(patterns(), key=lambda p: p[0])]
)
def test_pattern_is_linear(pattern: re.Pattern[str]) -> None:
    for text in attacks(pattern):
        for use in (pattern.search, pattern.match, lambda t: pattern.sub("", t)):
            started = time.process_time()
            use(text)
            assert time.process_time() - started < SECONDS, (pattern.pattern, text[:60])


@pytest.mark.parametrize(
    "piece",
    [
        "ramp_",
        "ramp_a",
        "eyJ",
        "eyJhbGciOi",
        "://",
        "://a:",
        "password ",
        "api-key=",
        "bearer ",
        "<",
    ],
)
def test_redaction_of_a_long_text_is_quick(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    started = time.process_time()
    redact_text(text)
    assert time.process_time() - started < 5


def test_the_token_of_a_link_is_hidden() -> None:
    token = "d0h1x3-" + "0123456789abcdef" * 2
    for text in (f"Gone: /password/MQ/{token}/", f"{token}", f'"{token}"'):
        assert redact_text(text) == text.replace(token, HIDDEN)
    trace = "00-" + "0123456789abcdef" * 2 + "-0123456789abcdef-01"
    assert redact_text(trace) == trace


def test_a_log_line_is_short_and_a_refusal_has_no_traceback() -> None:
    record = logging.LogRecord("x", 30, "f", 1, "m" * 1_000_000, (), None)
    record.data = {"body": "b" * 1_000_000, "n": 1}
    assert len(JsonFormatter().format(record)) < 25_000
    trouble = (PermissionError, PermissionError("no"), None)
    for status, told in ((403, False), (400, False), (500, True), (None, True)):
        record = logging.LogRecord("django.request", 30, "f", 1, "Forbidden", (), trouble)
        if status:
            record.status_code = status
        assert ("traceback" in JsonFormatter().format(record)) is told
