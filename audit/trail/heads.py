"""The newest head of each chain, kept in a file beside the database and not in it.

Somebody who can change every row can also set a whole chain back to an older state, for which
all HMACs fit. Only a head that was noted elsewhere shows that: this file, the log line of each
sealing, an auditor's export.
"""

import logging
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from django.conf import settings

from audit.trail import trail_key
from audit.trail.models import AuditEntry, Chain

logger = logging.getLogger(__name__)


class HeadFileError(Exception):
    """The file is there and cannot be read."""


@dataclass(frozen=True, slots=True)
class Head:
    """A place in a chain and the link that belongs to it; written `SEQ:LINK`."""

    seq: int
    link: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.link}"

    @classmethod
    def parse(cls, text: str) -> "Head":
        """The head that str() wrote. Raises ValueError when it is not one."""
        number, _, link = text.strip().partition(":")
        if not number.isdecimal() or len(link) != 64 or set(link) - set("0123456789abcdef"):
            raise ValueError(text)
        return cls(int(number), link)


@dataclass(frozen=True, slots=True)
class Noted:
    """What the file says: the chain and how far it had come."""

    chain_id: UUID
    head: Head


def of(chain: Chain) -> Head:
    """The chain's newest head."""
    return Head(chain.last_seq, chain.last_mac)


def path(tenant_id: int) -> Path:
    """The file of a tenant. Its number is part of every HMAC, so that no other fits."""
    return Path(settings.AUDIT_HEADS) / f"{tenant_id}.head"


def noted(tenant_id: int) -> Noted | None:
    """What is on file, None when nothing is. Raises HeadFileError when it cannot be read."""
    file = path(tenant_id)
    try:
        chain_id, head = file.read_text(encoding="ascii").split()
        return Noted(UUID(chain_id), Head.parse(head))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise HeadFileError(f"{file} cannot be read as a head of the audit chain.") from error


def link_at(chain: Chain, seq: int) -> str | None:
    """The chain's link after entry number `seq` as the stored seals say; None without it."""
    if seq == chain.start_seq:
        return chain.start_mac
    mine = AuditEntry.objects.filter(tenant_id=chain.tenant_id, seq=seq)
    mac = mine.values_list("mac", flat=True).first()
    return trail_key.link_of(seq, mac) if mac is not None and seq > chain.start_seq else None


def contains(chain: Chain, what: Noted) -> bool:
    """Whether this chain once had that head."""
    link = link_at(chain, what.head.seq) if what.chain_id == chain.chain_id else None
    return link is not None and trail_key.same(link, what.head.link)


def note(chain: Chain) -> None:
    """Put the chain's head on file, if what is there is part of the chain.

    Otherwise the file stays as it is: it is what shows that the chain was set back. A folder
    that cannot be written is told and stops nothing.
    """
    try:
        before = noted(chain.tenant_id)
    except HeadFileError as error:
        logger.error("The head of the audit chain was not noted: %s", error)  # noqa: TRY400
        return
    if before is not None and not contains(chain, before):
        logger.error(
            "The audit chain of %s is not the one that %s knows. Run: verify_audit %s",
            chain.tenant.slug,
            path(chain.tenant_id),
            chain.tenant.slug,
        )
    elif before is None or before.head.seq < chain.last_seq:
        write(chain)


def write(chain: Chain) -> None:
    """Put the chain's head on file, whatever is there."""
    file = path(chain.tenant_id)
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=file.name)
        with os.fdopen(handle, "w", encoding="ascii") as temporary:
            temporary.write(f"{chain.chain_id} {of(chain)}\n")
            temporary.flush()
            os.fsync(temporary.fileno())
        Path(name).replace(file)
    except OSError as error:
        logger.warning("The head of the audit chain was not noted in %s: %s", file, error)
