"""What AUDIT_KEY makes: the HMAC of each entry, the links of a chain, and whether the key fits.

    own(e)   = HMAC(key, "entry", id, tenant, at, action, subject, actor, digest of the body,
                   digest of the changes)
    link(s)  = HMAC(key, "start", tenant, chain id, s)     s: the number before the chain's first
    mac(n)   = HMAC(key, "seal", link(n-1), n, own(n))
    link(n)  = HMAC(key, "link", n, mac(n))                only the newest is stored, in `Chain`

The link is not the mac itself: a thief who cuts off the newest entries finds no link that fits
the shortened chain. The key is kept apart from the database, so that whoever can change rows
cannot make any of these.
"""

import hmac
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from django.conf import settings

from audit.canonical_json import canonical, digest
from audit.trail.models import Chain

_fitting: set[str] = set()  # keys that this process has found to belong to its database


class WrongAuditKeyError(Exception):
    """AUDIT_KEY is not the one that this database's trail is written with; nothing was written."""

    def __init__(self) -> None:
        super().__init__(f"{PROBLEM} Nothing was written. {HINT}")


PROBLEM = "AUDIT_KEY does not belong to this database: its audit trail was begun with another key."
HINT = (
    "Set the key it was begun with, or, if that is lost for good, follow "
    '"If AUDIT_KEY is lost" in docs/configuration.md.'
)


class Content(Protocol):
    """What an entry's own HMAC covers."""

    @property
    def pk(self) -> Any: ...
    @property
    def tenant_id(self) -> int: ...
    @property
    def at(self) -> datetime: ...
    @property
    def action(self) -> str: ...
    @property
    def subject_kind(self) -> str: ...
    @property
    def subject_id(self) -> str: ...
    @property
    def actor(self) -> str: ...
    @property
    def body_digest(self) -> str: ...
    @property
    def changes(self) -> Any: ...


def own_mac(entry: Content) -> str:
    """The HMAC of one entry by itself; `body_digest` stands for its body."""
    return _keyed(
        "entry",
        str(entry.pk),
        entry.tenant_id,
        entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        entry.action,
        entry.subject_kind,
        entry.subject_id,
        entry.actor,
        entry.body_digest,
        digest(entry.changes),
    )


def dropped(pk: UUID, body_digest: str) -> dict[str, str]:
    """What stays of a body that retention removed; it can be made with the key alone."""
    return {"dropped": _keyed("dropped", str(pk), body_digest)}


def start_mac(tenant_id: int, chain_id: UUID, start_seq: int) -> str:
    """The link that a chain begins with."""
    return _keyed("start", tenant_id, str(chain_id), start_seq)


def seal_mac(link: str, seq: int, own: str) -> str:
    """The HMAC that ties an entry to its place."""
    return _keyed("seal", link, seq, own)


def link_of(seq: int, mac: str) -> str:
    """What the entry after this one is tied to; with the number it is the chain's head."""
    return _keyed("link", seq, mac)


def same(one: str, other: str) -> bool:
    """Whether two HMACs are equal, in a time that tells nothing."""
    return hmac.compare_digest(one.encode("utf-8"), other.encode("utf-8"))


def begun_with_it(chain: Chain) -> bool:
    """Whether this chain's beginning was made with the present key."""
    expected = start_mac(chain.tenant_id, chain.chain_id, chain.start_seq)
    return same(chain.start_mac, expected)


def fits() -> bool | None:
    """Whether the present key is the one of this database; None while no chain was begun.

    One chain that fits proves the key: nobody without it can make one.
    """
    chains = list(Chain.objects.all())
    return any(begun_with_it(chain) for chain in chains) if chains else None


def require() -> None:
    """Asked before each write of the trail; a key that fits is asked about once a process.

    Raises WrongAuditKeyError.
    """
    key = settings.AUDIT_KEY
    if key in _fitting:
        return
    found = fits()
    if found is False:
        raise WrongAuditKeyError
    if found:
        _fitting.add(key)


def _keyed(*parts: str | int) -> str:
    key = settings.AUDIT_KEY.encode("utf-8")
    return hmac.digest(key, canonical(list(parts)), "sha256").hex()
