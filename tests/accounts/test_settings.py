"""What the environment may say about the single sign-on."""

from pathlib import Path

import pytest

from connector.environment import Environment

WHOLE = {"ISSUER": "https://login.example.com/", "CLIENT_ID": "c", "CLIENT_SECRET": "s"}


def read(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> tuple[str, list[str]]:
    for name in WHOLE:
        monkeypatch.delenv(f"OIDC_{name}", raising=False)
    for name, value in values.items():
        monkeypatch.setenv(f"OIDC_{name}", value)
    environment = Environment(Path("/nowhere"))
    found = environment.single_sign_on()
    return found["issuer"], [check_id for check_id, _, _ in environment.problems]


def test_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, WHOLE) == ("https://login.example.com", [])


def test_none_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, {}) == ("", [])


def test_the_secret_may_be_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from a file\n")
    part = {name: value for name, value in WHOLE.items() if name != "CLIENT_SECRET"}
    monkeypatch.setenv("OIDC_CLIENT_SECRET_FILE", str(tmp_path / "secret"))
    assert read(monkeypatch, part) == ("https://login.example.com", [])


@pytest.mark.parametrize(
    "change",
    [
        {"CLIENT_SECRET": ""},
        {"CLIENT_ID": ""},
        {"ISSUER": ""},
        {"ISSUER": "http://login.example.com"},
        {"ISSUER": "login.example.com"},
        {"ISSUER": "https://"},
        {"ISSUER": "https://[1"},
    ],
)
def test_in_part_or_without_https_it_is_off_and_a_problem(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, str]
) -> None:
    assert read(monkeypatch, WHOLE | change) == ("", ["connector.E020"])


def test_this_machine_may_be_asked_without_https(monkeypatch: pytest.MonkeyPatch) -> None:
    here = WHOLE | {"ISSUER": "http://127.0.0.1:8080/realms/acme"}
    assert read(monkeypatch, here) == ("http://127.0.0.1:8080/realms/acme", [])
