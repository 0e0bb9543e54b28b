"""Bearer tokens: cached encrypted, renewed ahead of time, by one process at a time.

Whoever wins the lease of a tenant's token row fetches a new token; the others wait for the row.
The fetch itself happens outside any transaction.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from connector.domain.errors import TransientError
from connector.http_client.models import AccessToken
from connector.secrets.fields import SecretUnreadableError

Fetch = Callable[[], tuple[str, float]]  # the token and how many seconds it lives

LEASE_S = 30.0
POLL_S = 0.1
RENEW_BEFORE_S = 300.0
_LAST_SECONDS_S = 5.0
_LONGEST_LIFE_S = 30 * 86_400.0


class TokenExpiredError(Exception):
    """The other system refused the token in a thread that cannot renew it: renew and repeat.

    `refused` is the header that was refused, "" when there was no token in memory just then.
    """

    def __init__(self, message: str, refused: str = "") -> None:
        super().__init__(message)
        self.refused = refused


def lifetime_s(value: object) -> float:
    """Return the seconds that `expires_in` names, at most 30 days; 0 for what is no duration."""
    try:
        seconds = float(str(value)[:40])
    except ValueError:
        return 0.0
    return min(seconds, _LONGEST_LIFE_S) if seconds > 0 else 0.0  # NaN is not above zero


def token(
    tenant_id: int,
    system: str,
    fingerprint: str,
    fetch: Fetch,
    *,
    renew_before_s: float = RENEW_BEFORE_S,
) -> str:
    """A token that lives for `renew_before_s` seconds more, from the cache or by `fetch`.

    `fingerprint` is a hash of the credentials: a token made with others is not used. Raises what
    `fetch` raises, and TransientError when another process takes too long to fetch one.
    """
    return _lasting(tenant_id, system, fingerprint, fetch, renew_before_s)[0]


def forget(tenant_id: int, system: str, refused: str) -> None:
    """Drop a token that the other system refused, unless it has been replaced already."""
    row = AccessToken.objects.filter(tenant_id=tenant_id, system=system)
    stored = _read(tenant_id, system)
    if stored is not None and stored.token == refused:
        row.filter(expires_at=stored.expires_at).update(token=None, expires_at=None)


class TokenHolder:
    """A tenant's token in memory: filled in the main thread, read by the lanes."""

    def __init__(
        self,
        tenant_id: int,
        system: str,
        fingerprint: str,
        fetch: Fetch,
        *,
        renew_before_s: float = RENEW_BEFORE_S,
    ) -> None:
        self._key = (tenant_id, system)
        self._fingerprint = fingerprint
        self._fetch = fetch
        self._renew_before = renew_before_s
        self._token = ""
        self._expires_at: datetime | None = None

    def ensure(self) -> str:
        """A token good for a while; uses the database, so only in the job's own thread."""
        if self._expires_at is None or _left_s(self._expires_at) <= self._renew_before:
            self._token, self._expires_at = _lasting(
                *self._key, self._fingerprint, self._fetch, self._renew_before
            )
        return self._token

    @property
    def current(self) -> str:
        """The token in memory, for any thread. Raises TokenExpiredError when there is none."""
        if not self._token:
            raise TokenExpiredError("There is no token in memory.")
        return self._token

    def renew(self, refused: str) -> str:
        """Replace a token that was refused; uses the database, so only in the job's own thread."""
        forget(*self._key, refused)
        if self._token == refused:
            self._token, self._expires_at = "", None
        return self.ensure()


def _lasting(
    tenant_id: int, system: str, fingerprint: str, fetch: Fetch, renew_before_s: float
) -> tuple[str, datetime]:
    give_up = time.monotonic() + 2 * LEASE_S
    while True:
        row = _read(tenant_id, system)
        found = _usable(row, fingerprint, renew_before_s)
        if found is None and _lease(tenant_id, system):
            # Another process may have finished between the look and the lease.
            row = _read(tenant_id, system)
            found = _usable(row, fingerprint, renew_before_s)
            if found is None:
                return _fetched(tenant_id, system, fingerprint, fetch)
            _write(tenant_id, system, lease_until=None)
        # While somebody else renews, an old token does as long as it lives.
        found = found or _usable(row, fingerprint, _LAST_SECONDS_S)
        if found is not None:
            return found
        if time.monotonic() > give_up:
            raise TransientError(
                f"Another process has been logging in to {system} for too long. "
                "Nothing was sent; trying again is harmless and happens by itself."
            )
        time.sleep(POLL_S)


def _fetched(tenant_id: int, system: str, fingerprint: str, fetch: Fetch) -> tuple[str, datetime]:
    done = False
    try:
        fresh, lives_s = fetch()
        expires_at = timezone.now() + timedelta(seconds=lives_s)
        _write(
            tenant_id,
            system,
            token=fresh,
            expires_at=expires_at,
            made_for=fingerprint,
            lease_until=None,
        )
        done = True
    finally:
        if not done:
            _write(tenant_id, system, lease_until=None)
    return fresh, expires_at


def _read(tenant_id: int, system: str) -> AccessToken | None:
    """The row; a token that no key can decrypt any more is dropped, it can be fetched again."""
    rows = AccessToken.objects.filter(tenant_id=tenant_id, system=system)
    try:
        return rows.first()
    except SecretUnreadableError:
        rows.update(token=None, expires_at=None)
        return rows.first()


def _usable(row: AccessToken | None, fingerprint: str, for_s: float) -> tuple[str, datetime] | None:
    if row is None or not row.token or row.expires_at is None or row.made_for != fingerprint:
        return None
    return (row.token, row.expires_at) if _left_s(row.expires_at) > for_s else None


def _lease(tenant_id: int, system: str) -> bool:
    AccessToken.objects.get_or_create(tenant_id=tenant_id, system=system)
    now = timezone.now()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    rows = AccessToken.objects.filter(free, tenant_id=tenant_id, system=system)
    return rows.update(lease_until=now + timedelta(seconds=LEASE_S)) == 1


def _write(tenant_id: int, system: str, **values: object) -> None:
    AccessToken.objects.filter(tenant_id=tenant_id, system=system).update(**values)


def _left_s(moment: datetime) -> float:
    return (moment - timezone.now()).total_seconds()
