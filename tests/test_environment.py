"""What the environment says is typed once, and everything wrong with it is told, not raised."""

from pathlib import Path

import pytest

from connector.environment import Environment

NAMES = ("DATABASE_URL", "EMAIL_URL", "PUBLIC_URL", "QUEUE_BROKER", "CSRF_TRUSTED_ORIGINS")


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    for name in (*NAMES, "SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    return Environment(tmp_path)


def ids(environment: Environment) -> list[str]:
    return [check_id for check_id, _, _ in environment.problems]


@pytest.mark.parametrize(
    "url",
    [
        "postgres://user:pass#word@db:5432/name",
        "postgres://user:pass/word@db:5432/name",
        "postgres://user:12/34@db:5432/name",
        "postgres://user:password@db:port/name",
        "postgres://user:password@db:99999/name",
        "postgres://user:password@[db/name",
        "postgres://user:password@db:5432",
        "postgres://user:password@db:5432/",
        "mysql://user:password@db/name",
        "sqlite://",
        "sqlite:///some#where.sqlite3",
        "nonsense",
    ],
)
def test_a_malformed_database_address_is_told_without_its_password(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    assert environment.database()["ENGINE"]
    assert ids(environment) == ["connector.E004"]
    told = " ".join(environment.problems[0])
    assert "DATABASE_URL" in told
    assert "word" not in told.replace("password", "")


@pytest.mark.parametrize(
    ("url", "name", "host"),
    [
        ("postgres://user:a%23b%2Fc@db:5432/books", "books", "db"),
        ("postgresql://db/books?sslmode=require", "books", "db"),
    ],
)
def test_a_database_address_is_read(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, url: str, name: str, host: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    config = environment.database()
    assert (config["NAME"], config["HOST"]) == (name, host)
    if "%" in url:
        assert config["PASSWORD"] == "a#b/c"
    assert environment.problems == []


def test_a_folder_that_cannot_be_made_is_told(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("", encoding="ascii")
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/file/db.sqlite3")
    environment.database()
    assert ids(environment) == ["connector.E011"]
    assert f"{tmp_path}/file" in environment.problems[0][1]


@pytest.mark.parametrize(
    "url",
    [
        "garbage",
        "smtp://",
        "smtp://mail.example.com:port",
        "smtp://mail.example.com:99999",
        "smtp://user:pass#word@mail.example.com",
        "pigeon://mail.example.com",
        "smtp://[mail",
    ],
)
def test_a_malformed_mail_address_is_told_and_mail_is_printed(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("EMAIL_URL", url)
    assert environment.email()["EMAIL_BACKEND"].endswith("console.EmailBackend")
    assert ids(environment) == ["connector.E012"]
    assert "word" not in environment.problems[0][1]


def test_a_mail_address_is_read(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMAIL_URL", "smtp+tls://me:s%2Fcret@mail.example.com:587")
    config = environment.email()
    assert (config["EMAIL_HOST"], config["EMAIL_PORT"]) == ("mail.example.com", 587)
    assert (config["EMAIL_HOST_PASSWORD"], config["EMAIL_USE_TLS"]) == ("s/cret", True)
    assert environment.problems == []


@pytest.mark.parametrize(
    "value",
    [
        "bills.example.com",
        "//bills.example.com",
        "ftp://x",
        "https://",
        "http://[::1",
        "http://a:b",
    ],
)
def test_a_public_address_needs_scheme_and_host(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("PUBLIC_URL", value)
    assert environment.address("PUBLIC_URL", "http://127.0.0.1:8000") == "http://127.0.0.1:8000"
    assert ids(environment) == ["connector.E009"]


def test_a_public_address_loses_its_closing_slash(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://bills.example.com/")
    assert environment.address("PUBLIC_URL", "x") == "https://bills.example.com"
    assert environment.problems == []


def test_an_origin_needs_its_scheme(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CSRF_TRUSTED_ORIGINS", "https://a.example.com, b.example.com")
    environment.origins("CSRF_TRUSTED_ORIGINS", "https://c")
    assert ids(environment) == ["connector.E009"]
    assert "'b.example.com'" in environment.problems[0][1]


@pytest.mark.parametrize(
    ("value", "config", "faults"),
    [
        ("", {"orm": "default"}, []),
        ("orm", {"orm": "default"}, []),
        ("redis://127.0.0.1:6379/3", {"redis": "redis://127.0.0.1:6379/3"}, []),
        ("redis://", {"orm": "default"}, ["connector.E007"]),
        ("redis://host:port/0", {"orm": "default"}, ["connector.E007"]),
        ("rabbit", {"orm": "default"}, ["connector.E007"]),
    ],
)
def test_the_broker_is_the_database_or_a_redis(
    environment: Environment,
    monkeypatch: pytest.MonkeyPatch,
    value: str,
    config: dict[str, str],
    faults: list[str],
) -> None:
    monkeypatch.setenv("QUEUE_BROKER", value)
    assert environment.broker() == config
    assert ids(environment) == faults


def test_a_generated_key_is_kept_and_read_again(environment: Environment) -> None:
    made = environment.secret("SECRET_KEY", debug=True)
    assert environment.secret("SECRET_KEY", debug=True) == made
    assert environment.problems == []


@pytest.mark.parametrize("content", [b"", b"\xff\xfe"])
def test_a_damaged_generated_key_is_reported_and_not_replaced(
    environment: Environment, tmp_path: Path, content: bytes
) -> None:
    kept = tmp_path / "var" / "secret_key"
    kept.parent.mkdir()
    kept.write_bytes(content)
    environment.secret("SECRET_KEY", debug=True)
    assert ids(environment) == ["connector.E005"]
    assert kept.read_bytes() == content


def test_a_key_that_cannot_be_kept_is_told(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "var").write_text("", encoding="ascii")
    environment.secret("SECRET_KEY", debug=True)
    assert set(ids(environment)) == {"connector.E005", "connector.E011"}
