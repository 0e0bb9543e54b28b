"""Reads the environment, once and typed; what is wrong is remembered, not raised.

`connector/settings.py` asks here; `connector/checks.py` turns the remembered problems into
system checks with an id and a hint, so that every command answers with one clear sentence.
"""

import base64
import binascii
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from connector.http_server.client_address import is_proxy
from connector.secrets.private_files import close_to_others, make_file

_DATABASES = ("sqlite", "postgres", "postgresql")
_ENCODE = "Percent-encode special characters of the user name and password (# is %23, / is %2F)."


@dataclass(slots=True)
class Environment:
    """Typed access to the process environment; `problems` holds (check id, message, hint)."""

    base_dir: Path
    problems: list[tuple[str, str, str]] = field(default_factory=list)

    def text(self, name: str, default: str = "") -> str:
        """The value of `name`, or of the file named by `name`_FILE, without surrounding space."""
        path = os.environ.get(f"{name}_FILE", "")
        if path and name not in os.environ:
            try:
                return Path(path).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                self.problems.append(
                    (
                        "connector.E001",
                        f"{name}_FILE names {path}, which cannot be read.",
                        "Name a readable text file, or set the variable itself.",
                    )
                )
                return default
        return os.environ.get(name, default).strip()

    def flag(self, name: str) -> bool:
        """True for 1/true/yes/on, False for empty/0/false/no/off; anything else is a problem."""
        value = self.text(name).lower()
        if value in {"1", "true", "yes", "on"}:
            return True
        if value not in {"", "0", "false", "no", "off"}:
            self.problems.append(
                ("connector.E002", f"{name} is {value!r}, not a yes or no.", "Use 1 or 0.")
            )
        return False

    def comma_list(self, name: str) -> list[str]:
        """A comma-separated list, empty items dropped."""
        return [word.strip() for word in self.text(name).split(",") if word.strip()]

    def proxies(self, name: str) -> list[str]:
        """A comma-separated list of addresses and networks; what is neither is a problem."""
        items = self.comma_list(name)
        for word in items:
            if not is_proxy(word):
                self.problems.append(
                    (
                        "connector.E010",
                        f"{name} has {word!r}, which is neither an address nor a network.",
                        "Use addresses and networks such as 10.0.0.5, 10.0.1.0/24 or fd00::/8, or "
                        "unix for a proxy that comes by a Unix socket.",
                    )
                )
        return [word for word in items if is_proxy(word)]

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        """One of `choices`, upper-cased names compared as written."""
        value = self.text(name, default) or default
        if value not in choices:
            hint = "Use one of: " + ", ".join(choices) + "."
            self.problems.append(("connector.E003", f"{name} is {value!r}.", hint))
            return default
        return value

    def address(self, name: str, default: str) -> str:
        """A web address without a closing slash; a malformed one is a problem.

        Returns `default` in its place, so that what is made of it can still be made.
        """
        value = (self.text(name) or default).rstrip("/")
        try:
            parts = split(value)
            good = parts.scheme in {"http", "https"} and bool(parts.hostname)
            good = good and not (parts.query or parts.fragment or parts.username)
        except ValueError:
            good = False
        if good:
            return value
        self.problems.append(
            (
                "connector.E009",
                f"{name} is {value!r}, which is no address.",
                "Use scheme and host, such as https://bills.example.com.",
            )
        )
        return default

    def origins(self, name: str, default: str) -> list[str]:
        """A comma-separated list of origins such as https://host; each wrong one is a problem."""
        found = self.comma_list(name) or [default]
        for origin in found:
            if not origin.startswith(("http://", "https://")):
                self.problems.append(
                    (
                        "connector.E009",
                        f"{name} has {origin!r}, which is no address.",
                        "Begin each with http:// or https://.",
                    )
                )
        return found

    def database(self) -> dict[str, Any]:
        """Django's DATABASES entry for DATABASE_URL; SQLite in WAL mode when nothing is set."""
        default = f"sqlite:///{self.base_dir / 'var' / 'db.sqlite3'}"
        url = self.text("DATABASE_URL", default) or default
        if url.split(":", 1)[0] not in _DATABASES:
            self.problems.append(
                (
                    "connector.E004",
                    "DATABASE_URL names a database this program does not run on.",
                    "Use sqlite:///path/to/file or postgres://user:password@host:5432/name.",
                )
            )
            url = default
        elif fault := _fault_of_database(url):
            self.problems.append(("connector.E004", f"DATABASE_URL {fault}", _ENCODE))
            url = default
        config: dict[str, Any] = environ.Env.db_url_config(url)
        if url.startswith("sqlite"):
            self._folder(Path(config["NAME"]).parent)
            self._keep_private(Path(config["NAME"]))
            config["OPTIONS"] = {
                # IMMEDIATE: a transaction that will write waits its turn at BEGIN instead of
                # failing half-way with "database is locked".
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            }
            config["CONN_MAX_AGE"] = None
        else:
            config["CONN_MAX_AGE"] = 60
            config["CONN_HEALTH_CHECKS"] = True
        return config

    def broker(self) -> dict[str, str]:
        """The part of Q_CLUSTER that names the queue: the database, or a Redis."""
        value = self.text("QUEUE_BROKER", "orm") or "orm"
        if value == "orm":
            return {"orm": "default"}
        try:
            parts = split(value)
            if parts.scheme in {"redis", "rediss"} and parts.hostname:
                return {"redis": value}
        except ValueError:
            pass  # a malformed address is told like any other wrong value
        self.problems.append(
            (
                "connector.E007",
                "QUEUE_BROKER is neither orm nor the address of a Redis.",
                "Use orm, or redis://host:6379/0.",
            )
        )
        return {"orm": "default"}

    def email(self) -> dict[str, Any]:
        """Django's EMAIL_* settings for EMAIL_URL; mail is printed when nothing is set."""
        value = self.text("EMAIL_URL")
        printed = {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
        if not value:
            return printed
        try:
            parts = split(value)
            config: dict[str, Any] = environ.Env.email_url_config(value)
            good = not parts.scheme.startswith("smtp") or bool(parts.hostname)
        except (ValueError, KeyError, ImproperlyConfigured):
            good = False
        if good and "#" not in value:
            return config
        self.problems.append(
            (
                "connector.E012",
                "EMAIL_URL is not the address of a mail server.",
                f"Use smtp+tls://user:password@host:587. {_ENCODE}",
            )
        )
        return printed

    def audit_heads(self, database: dict[str, Any]) -> Path:
        """The folder beside the database (SQLite) or under var/ for heads of audit chains."""
        name = Path(str(database["NAME"]))
        if database["ENGINE"].endswith("sqlite3"):
            return name.with_name(f"{name.name}.heads")
        return self.base_dir / "var" / f"{name.name}.heads"

    def secret(self, name: str, *, debug: bool) -> str:
        """A required secret; under DEBUG one is generated once and kept in var/ (mode 0600)."""
        value = self.text(name)
        if value:
            return value
        if debug:
            return self._kept(name)
        self.problems.append(
            (
                "connector.E005",
                f"{name} is not set.",
                f"Set {name} (or {name}_FILE); docs/configuration.md says how to make one.",
            )
        )
        return _random_key()

    def encryption_keys(self, *, debug: bool) -> list[str]:
        """FIELD_ENCRYPTION_KEY as a list, newest first; a malformed key is a problem."""
        keys = [k.strip() for k in self.secret("FIELD_ENCRYPTION_KEY", debug=debug).split(",")]
        keys = [key for key in keys if key]
        if keys and all(_is_fernet_key(key) for key in keys):
            return keys
        self.problems.append(
            (
                "connector.E006",
                "FIELD_ENCRYPTION_KEY is not a list of 32-byte url-safe base64 keys.",
                "Make one with: python -c 'import base64,os;"
                "print(base64.urlsafe_b64encode(os.urandom(32)).decode())'",
            )
        )
        return [_random_key()]

    def single_sign_on(self) -> dict[str, str]:
        """Issuer, client id and secret of the OpenID provider; an empty issuer when there is none.

        Without https its word could be anybody's, so only this machine may be asked without.
        """
        names = ("issuer", "client_id", "client_secret")
        found = {name: self.text(f"OIDC_{name.upper()}") for name in names}
        found["issuer"] = found["issuer"].rstrip("/")
        if not any(found.values()):
            return found
        if all(found.values()) and _is_safe_issuer(found["issuer"]):
            return found
        self.problems.append(
            (
                "connector.E020",
                "Single sign-on is set up only in part, or its issuer is no https address.",
                "Set OIDC_ISSUER (https://…), OIDC_CLIENT_ID and OIDC_CLIENT_SECRET, or none.",
            )
        )
        return dict.fromkeys(names, "")

    def _keep_private(self, path: Path) -> None:
        """Let nobody else read a file of ours; in var/, not even see it."""
        own = self.base_dir / "var"
        if str(path) == ":memory:" or not path.parent.is_dir() or path.is_dir():
            return  # nothing to keep, or said elsewhere
        try:
            make_file(path)
            if own in path.parents:
                close_to_others(own)
                close_to_others(path)
        except OSError as error:
            self.problems.append(
                (
                    "connector.E013",
                    f"{path} cannot be made or closed to other people: {error.strerror}.",
                    "Let the user that runs this program own the file and its folder.",
                )
            )

    def _kept(self, name: str) -> str:
        path = self.base_dir / "var" / name.lower()
        self._folder(path.parent)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return self._read_kept(path)
        except OSError as error:
            return self._unusable(path, error.strerror or "it cannot be written")
        with os.fdopen(handle, "w", encoding="ascii") as file:
            key = _random_key()
            file.write(key)
        return key

    def _read_kept(self, path: Path) -> str:
        try:
            key = path.read_text(encoding="ascii").strip()
        except OSError as error:
            return self._unusable(path, error.strerror or "it cannot be read")
        except UnicodeDecodeError:
            key = ""
        return key or self._unusable(path, "it holds no key")

    def _unusable(self, path: Path, why: str) -> str:
        self.problems.append(
            (
                "connector.E005",
                f"The generated key in {path} cannot be used: {why}.",
                "Correct the file's permissions or restore it; removing it makes a new key, with "
                "which what was stored with the old one cannot be read.",
            )
        )
        return _random_key()

    def _folder(self, path: Path) -> None:
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            problem = (
                "connector.E011",
                f"The folder {path} cannot be made: {error.strerror}.",
                "Make it, and let the user that runs this program write there.",
            )
            if problem not in self.problems:
                self.problems.append(problem)


def split(address: str) -> SplitResult:
    """The parts of an address. Raises ValueError for a bad port or a malformed host."""
    parts = urlsplit(address)
    _ = parts.port  # raises for what is no port
    return parts


def _fault_of_database(url: str) -> str:
    """What is wrong with a database's address, to follow its name in a sentence, or ""."""
    if "#" in url:
        return "has a # that is not percent-encoded."
    sqlite = url.startswith("sqlite")
    try:
        parts = urlsplit(url) if sqlite else split(url)
    except ValueError:
        return "has a port that is no number from 1 to 65535, or a password with a special sign."
    if sqlite:
        return "" if parts.path.strip("/") else "names no file."
    if "@" in parts.path:
        return "has a / in its user name or password that is not percent-encoded."
    return "" if parts.path.strip("/") else "names no database."


def _is_safe_issuer(text: str) -> bool:
    try:
        address = urlsplit(text)
    except ValueError:
        return False
    here = address.scheme == "http" and address.hostname in ("localhost", "127.0.0.1")
    return bool(address.hostname) and (address.scheme == "https" or here)


def _random_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii")


def _is_fernet_key(key: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(key.encode("ascii"))) == 32
    except (binascii.Error, ValueError, UnicodeEncodeError):
        return False
