"""Makes Django ready for a benchmark on the database of DATABASE_URL, without DEBUG."""

import base64
import os

import django


def ready() -> None:
    """Set Django up; call it before any model is imported.

    Keys that the environment does not give are fixed ones: what a benchmark stores is made up,
    and a second process must be able to read it.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "connector.settings")
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    if os.environ.get("DEBUG", "") in {"", "0"}:
        for name in ("SECRET_KEY", "AUDIT_KEY"):
            os.environ.setdefault(name, "only for benchmarks " * 4)
        key = base64.urlsafe_b64encode(b"only for benchmarks".ljust(32, b"-"))
        os.environ.setdefault("FIELD_ENCRYPTION_KEY", key.decode("ascii"))
    django.setup()
