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
from urllib.parse import urlsplit

import environ

from connector.addresses import is_proxy

_DATABASES = ("sqlite", "postgres", "postgresql")


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

    def words(self, name: str) -> list[str]:
        """A comma-separated list, empty items dropped."""
        return [word.strip() for word in self.text(name).split(",") if word.strip()]

    def proxies(self, name: str) -> list[str]:
        """A comma-separated list of addresses and networks; what is neither is a problem."""
        words = self.words(name)
        for word in words:
            if not is_proxy(word):
                self.problems.append(
                    (
                        "connector.E010",
                        f"{name} has {word!r}, which is neither an address nor a network.",
                        "Use addresses and networks such as 10.0.0.5, 10.0.1.0/24 or fd00::/8, or "
                        "unix for a proxy that comes by a Unix socket.",
                    )
                )
        return [word for word in words if is_proxy(word)]

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        """One of `choices`, upper-cased names compared as written."""
        value = self.text(name, default) or default
        if value not in choices:
            hint = "Use one of: " + ", ".join(choices) + "."
            self.problems.append(("connector.E003", f"{name} is {value!r}.", hint))
            return default
        return value

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
        config: dict[str, Any] = environ.Env.db_url_config(url)
        if url.startswith("sqlite"):
            Path(config["NAME"]).parent.mkdir(parents=True, exist_ok=True)
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

    def _kept(self, name: str) -> str:
        path = self.base_dir / "var" / name.lower()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text(encoding="ascii").strip()
        with os.fdopen(handle, "w", encoding="ascii") as file:
            key = _random_key()
            file.write(key)
        return key


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
