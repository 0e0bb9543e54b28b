"""Second factors in tests: what an app on a phone does, written again from RFC 4226 and 6238."""

import base64
import hashlib
import hmac
import re
import struct
import time
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.models import User
from django.test import Client

PASSWORD = "wonderful-weather-4711"
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def code_of(seed: str, at: float | None = None, steps: int = 0) -> str:
    """The six digits that an app with this seed shows."""
    counter = int((time.time() if at is None else at) // 30) + steps
    mac = hmac.new(base64.b32decode(seed), struct.pack(">Q", counter), hashlib.sha1).digest()
    offset = mac[-1] & 15
    number = struct.unpack(">I", mac[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


def wrong_code(seed: str) -> str:
    """Six digits that the app shows neither now nor around now."""
    near = {code_of(seed, steps=step) for step in range(-3, 4)}
    return next(code for code in ("123456", "234567", "345678", "456789") if code not in near)


def give_app(user: User, seed: str = SEED) -> list[str]:
    """An app with this seed, and recovery codes, which are returned."""
    TOTP.activate(user, seed)
    codes: list[str] = RecoveryCodes.activate(user).generate_codes()
    return codes


def give_password(user: User) -> User:
    user.set_password(PASSWORD)
    user.save()
    return user


def log_in(client: Client, user: User, *, code: str = "", to: str = "") -> Any:
    """Through the pages: the password, and the code if there is one; the last answer."""
    address = "/admin/login/" + (f"?next={to}" if to else "")
    answer = client.post(address, {"username": user.username, "password": PASSWORD})
    if code:
        assert answer.status_code == 302, answer.content.decode()[:500]
        assert answer.url == "/account/code/"
        answer = client.post("/account/code/", {"code": code})
    return answer


def seed_on(page: bytes) -> str:
    """The secret that the page shows as text."""
    found = re.search(rb'id="secret">([A-Z2-7]+)<', page)
    assert found, page.decode()[:2000]
    return found.group(1).decode()


def kinds(user: User) -> list[str]:
    return sorted(Authenticator.objects.filter(user=user).values_list("type", flat=True))
