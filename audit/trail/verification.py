"""Checking a tenant's trail: is every entry where and what it was when it was written?

Finds changed, removed, inserted, reordered and backdated entries, a chain that was begun anew,
cut off or set back, and a foreign key. What it cannot find is in docs/exactly-once.md.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from audit.canonical_json import digest
from audit.trail import heads, trail_key
from audit.trail.heads import Head
from audit.trail.models import AuditEntry, Chain

ACKNOWLEDGED = "audit.acknowledged"
RESTARTED = "audit.restarted"
BACKWARDS = timedelta(minutes=10)  # two machines' clocks and a long transaction differ by less
SEALED_WITHIN = timedelta(hours=1)  # sealing takes a minute where a worker runs
_PROGRESS_EVERY = 2000
_CHUNK = 2000

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    `where` is the id of an entry, or `#N` for entry number N. What may have an honest cause has a
    `key`, by which a person can acknowledge it; what is forged or lost has none.
    """

    where: str
    message: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Verification:
    """What checking a tenant's chain found, the worst first.

    `entries` counts all, `unsealed` those that wait for their seal, and `earlier` those of a
    chain that was given up before, which prove nothing. `head` is None without a chain;
    `unnoted` says that entries are sealed and this machine has no file to compare them with.
    """

    entries: int
    unsealed: int = 0
    earlier: int = 0
    head: Head | None = None
    unnoted: bool = False
    findings: tuple[Finding, ...] = ()
    acknowledged: tuple[Finding, ...] = ()

    @property
    def ok(self) -> bool:
        """True when every entry is where and what it was when it was sealed."""
        return not self.findings

    @property
    def first_bad(self) -> str | None:
        """The id of the first entry that does not fit, or `#N` when entry number N is missing."""
        return self.findings[0].where if self.findings else None

    @property
    def message(self) -> str:
        """The first finding in a sentence, "" when all is well."""
        return self.findings[0].message if self.findings else ""


def verify(
    tenant_id: int, progress: Progress | None = None, expect: Head | None = None
) -> Verification:
    """Recompute the whole chain of a tenant, in constant memory.

    `expect` is a head that was noted elsewhere; the one on file is always compared. A body that
    retention dropped is accepted, because its digest is still part of the entry. `progress` hears
    every now and then how many sealed entries are done; what it raises ends the verification.
    """
    chain = Chain.objects.select_related("tenant").filter(tenant_id=tenant_id).first()
    walk = _Walk(tenant_id, chain)
    walk.expect(expect)
    walk.sealed(progress)
    walk.ends()
    walk.unsealed()
    return walk.result(_acknowledged(tenant_id))


@dataclass(slots=True)
class _Walk:
    """One way along a chain. Only the first damage is named: all that follows follows from it."""

    tenant_id: int
    chain: Chain | None
    damage: Finding | None = None
    noted: list[Finding] = field(default_factory=list)  # about heads that were noted elsewhere
    doubtful: list[Finding] = field(default_factory=list)
    expected: list[tuple[Head, str]] = field(default_factory=list)  # and a key, "" for `expect`
    found: int = 0
    earlier: int = 0
    open: int = 0
    nowhere: int = 0  # with a number that no entry can have
    on_file: bool = True

    @property
    def _cure(self) -> str:
        slug = self.chain.tenant.slug if self.chain else "TENANT"
        return f'If you know why, run: verify_audit {slug} --acknowledge "the reason"'

    @property
    def _restored(self) -> str:
        return f"{_RESTORED} {self._cure}"

    @property
    def _start(self) -> int:
        return self.chain.start_seq if self.chain else 0

    def expect(self, head: Head | None) -> None:
        """Remember which links must be met on the way."""
        if head is not None:
            self.expected.append((head, ""))
        try:
            on_file = heads.noted(self.tenant_id)
        except heads.HeadFileError as error:
            # For this state of this chain only: a later file that says nothing is told again.
            place = f"{self.chain.chain_id}:{self.chain.last_seq}" if self.chain else ""
            key = f"head:unreadable:{place}"
            self.noted.append(Finding("#0", f"{error} {self._restored}", key))
            return
        if on_file is None:
            self.on_file = False
            return
        key = f"head:{on_file.chain_id}:{on_file.head}"
        if self.chain is not None and on_file.chain_id == self.chain.chain_id:
            self.expected.append((on_file.head, key))
        else:
            self.noted.append(
                Finding(f"#{on_file.head.seq}", f"{_OTHER_CHAIN} {self._restored}", key)
            )

    def sealed(self, progress: Progress | None) -> None:
        """Every entry with a place, in its order."""
        link = self._begin()
        before: datetime | None = None
        for number, entry in enumerate(self._in_order(), start=1):
            place = entry.seq or 0
            if place < 1:
                self.nowhere += 1
                text = _NOWHERE.format(pk=entry.pk, action=entry.action, seq=place)
                self.damage = self.damage or Finding(str(entry.pk), text)
                continue
            if place <= self._start:
                self.earlier += 1
                continue
            self.found += 1
            seq = self._start + self.found
            if self.damage is None:
                self.damage = _damage(entry, seq, link)
                link = trail_key.link_of(seq, entry.mac)
                self._meet(seq, link, entry)
            if before is not None and entry.at < before - BACKWARDS:
                self.doubtful.append(_backwards(entry, before, self._cure))
            before = entry.at
            if progress is not None and number % _PROGRESS_EVERY == 0:
                progress(number)

    def _begin(self) -> str:
        chain = self.chain
        if chain is None or not trail_key.begun_with_it(chain):
            self.damage = Finding("#0", _NO_BEGINNING)
        link = chain.start_mac if chain else ""
        self._meet(self._start, link, None)
        return link

    def _in_order(self) -> Iterator[AuditEntry]:
        rows = AuditEntry.objects.filter(tenant_id=self.tenant_id, seq__isnull=False)
        return rows.order_by("seq").iterator(chunk_size=_CHUNK)

    def _meet(self, seq: int, link: str, entry: AuditEntry | None) -> None:
        """Compare the link after a number with what was noted of it."""
        chain = self.chain
        if chain and seq == chain.last_seq and not trail_key.same(link, chain.last_mac):
            where = str(entry.pk) if entry else "#0"
            text = f"The chain's end does not fit entry number {seq}."
            self.damage = self.damage or Finding(where, text)
        for head, key in self.expected:
            if head.seq == seq and not trail_key.same(head.link, link):
                self.noted.append(
                    Finding(f"#{seq}", _differs(head, self._restored if key else ""), key)
                )

    def ends(self) -> None:
        """What should have come, and did not."""
        chain, last = self.chain, self._start + self.found
        if self.damage is None and chain is not None:
            self.damage = self._given_up(chain)
        if self.damage is None and chain is not None and last < chain.last_seq:
            text = f"Entry number {last + 1} and all after it are missing."
            self.damage = Finding(f"#{last + 1}", text)
        # Sealing may have gone on meanwhile, so the end may be further than it was, never nearer.
        now = Chain.objects.filter(tenant_id=self.tenant_id).values_list("last_seq", flat=True)
        if self.damage is None and (now.first() or 0) < last:
            text = "The record of the chain's end was removed or set back."
            self.damage = Finding(f"#{last}", text)
        for head, key in self.expected:
            if not self._start <= head.seq <= last:
                self.noted.append(
                    Finding(
                        f"#{head.seq}", _missing(head, last, self._restored if key else ""), key
                    )
                )

    def _given_up(self, chain: Chain) -> Finding | None:
        """No two entries have one number, so as many as there are numbers are all of them."""
        expected = chain.start_seq - _missing_then(chain)
        if self.earlier == expected:
            return None
        text = _GIVEN_UP.format(expected=expected, found=self.earlier)
        return Finding(f"#{chain.start_seq}", text)

    def unsealed(self) -> None:
        """What waits for its place."""
        rows = AuditEntry.objects.filter(tenant_id=self.tenant_id, seq__isnull=True)
        oldest: AuditEntry | None = None
        for entry in rows.order_by("at", "id").iterator(chunk_size=_CHUNK):
            oldest = oldest or entry
            self.open += 1
            self.damage = self.damage or _content(entry)
        if oldest is not None and oldest.at < timezone.now() - SEALED_WITHIN:
            text = _WAITS.format(pk=oldest.pk, at=_moment(oldest.at))
            self.doubtful.append(Finding(str(oldest.pk), text, f"waits:{oldest.pk}"))

    def result(self, keys: frozenset[str]) -> Verification:
        """All that was found, less what a person acknowledged."""
        damage = [self.damage] if self.damage else []
        found = [*damage, *self.noted, *self.doubtful]
        return Verification(
            entries=self.nowhere + self.earlier + self.found + self.open,
            unsealed=self.open,
            earlier=self.earlier,
            head=heads.of(self.chain) if self.chain else None,
            unnoted=self.found > 0 and not self.on_file,
            findings=tuple(one for one in found if not (one.key and one.key in keys)),
            acknowledged=tuple(one for one in found if one.key and one.key in keys),
        )


def is_ours(entry: AuditEntry) -> bool:
    """Whether an entry, sealed or not, was written with our key and is as it was."""
    return _content(entry) is None


def _damage(entry: AuditEntry, seq: int, link: str) -> Finding | None:
    if entry.seq != seq:
        return Finding(f"#{seq}", f"Entry number {seq} is missing.")
    if found := _content(entry):
        return found
    if not trail_key.same(entry.mac, trail_key.seal_mac(link, seq, entry.own_mac)):
        text = f"The place of entry number {seq} ({entry.action}) in the chain was changed."
        return Finding(str(entry.pk), text)
    return None


def _content(entry: AuditEntry) -> Finding | None:
    """What is wrong with an entry by itself, sealed or not."""
    name = f"Entry number {entry.seq}" if entry.seq else f"Entry {entry.pk}"
    if not trail_key.same(entry.own_mac, trail_key.own_mac(entry)):
        text = f"{name} ({entry.action}) was changed, or written without this AUDIT_KEY."
        return Finding(str(entry.pk), text)
    if digest(entry.body) == entry.body_digest:
        return None
    if entry.body == trail_key.dropped(entry.pk, entry.body_digest):
        return None
    return Finding(str(entry.pk), f"The body of {name[0].lower()}{name[1:]} was changed.")


def _acknowledged(tenant_id: int) -> frozenset[str]:
    """What people acknowledged; an entry that our key did not write acknowledges nothing."""
    rows = AuditEntry.objects.filter(tenant_id=tenant_id, action=ACKNOWLEDGED)
    keys: set[str] = set()
    for entry in rows:
        body = entry.body
        if is_ours(entry) and isinstance(body, Mapping):
            keys.update(str(key) for key in _list(body.get("findings")))
    return frozenset(keys)


def _missing_then(chain: Chain) -> int:
    """How many numbers had no entry when the chain before this one was given up."""
    rows = AuditEntry.objects.filter(tenant_id=chain.tenant_id, action=RESTARTED)
    for entry in rows.order_by("-at", "-id"):
        body = entry.body
        if not is_ours(entry) or not isinstance(body, Mapping):
            continue
        if body.get("chain") == str(chain.chain_id):
            return int(body.get("missing") or 0)
    return 0


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _backwards(entry: AuditEntry, before: datetime, cure: str) -> Finding:
    text = (
        f"Entry number {entry.seq} is of {_moment(entry.at)}, but was sealed after one of "
        f"{_moment(before)}. Either this machine's clock was moved, or somebody had taken the "
        f"entry out and brought it back. {cure}"
    )
    return Finding(str(entry.pk), text, f"clock:{entry.pk}")


def _differs(head: Head, cure: str) -> str:
    where = "the file beside the database" if cure else "what was expected"
    return f"Up to entry number {head.seq} this is not the trail that {where} knows. {cure}".strip()


def _missing(head: Head, last: int, cure: str) -> str:
    where = "The file beside the database" if cure else "What was expected"
    text = f"{where} has entry number {head.seq}; this chain ends with number {last}."
    return f"{text} {cure}".strip()


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


_RESTORED = (
    "Either the database was restored from a backup or made anew, or somebody set the trail back."
)
_OTHER_CHAIN = "The file beside the database knows another chain of this tenant."
_NO_BEGINNING = (
    "The record of the chain's beginning is gone or was changed, or it was made with another "
    "AUDIT_KEY."
)
_NOWHERE = (
    "Entry {pk} ({action}) has the number {seq}, which this program gives to none: somebody put it "
    "before the first."
)
_GIVEN_UP = (
    "Of the chain that was given up there were {expected} entries, and there are {found}: some "
    "were removed or put in since."
)
_WAITS = (
    "Entry {pk} of {at} has waited for its seal for more than an hour. Start a worker, which seals "
    "it; if one was running, somebody took its seal away."
)
