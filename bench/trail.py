"""The trail of a made-up tenant, in the order of time and sealed as audit/trail/log.py seals it."""

import heapq
import random
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, count
from typing import Any

from audit.canonical_json import digest
from audit.trail import trail_key
from audit.trail.log import SYSTEM, changes
from audit.trail.models import AuditEntry, Chain
from bench.bulk import insert, without_indexes
from bench.stories import PEOPLE, Story, Told, vendor_name
from connector.tenants.models import Tenant


class Sealed:
    """An entry with its place in the chain, as audit/trail/log.py seals it."""

    __slots__ = (
        "action", "actor", "at", "body", "body_digest", "changes", "mac", "own_mac", "pk", "seq",
        "subject_id", "subject_kind", "tenant_id",
    )  # fmt: skip

    def __init__(self, told: Told, tenant_id: int, seq: int, pk: uuid.UUID) -> None:
        self.action, self.actor, self.at, self.body = told.action, told.actor, told.at, told.body
        self.subject_kind, self.subject_id = told.subject_kind, told.subject_id
        self.tenant_id, self.seq, self.pk = tenant_id, seq, pk
        self.body_digest, self.changes = digest(told.body), told.changes
        self.own_mac = trail_key.own_mac(self)


def write_trail(
    tenant: Tenant, stories: list[Story], wanted: int, now: datetime, mappings: int
) -> int:
    """The trail of all bills and mappings in the order of time, sealed; at least `wanted`."""
    told = sum(len(story.trail) for story in stories)
    others = chain(_mapping_trail(now, mappings), _filling(stories, wanted - told - mappings, now))
    trail = heapq.merge(_in_order(stories), sorted(others, key=_when), key=_when)
    columns = ["id", "tenant_id", "at", "action", "subject_kind", "subject_id", "actor", "body"]
    columns += ["changes", "body_digest", "own_mac", "seq", "mac"]
    head = Chain.objects.get(tenant=tenant)
    head.sealed_at = now
    total = 0

    def work() -> None:
        nonlocal total
        total = insert(AuditEntry, columns, _sealed(trail, head))

    without_indexes(AuditEntry, work)
    head.save()
    return total


def _when(told: Told) -> datetime:
    return told.at


def _in_order(stories: Iterable[Story]) -> Iterator[Told]:
    """The stories overlap by hours only, so a small heap puts their entries in order."""
    waiting: list[tuple[datetime, int, Told]] = []
    number = count()
    for story in stories:
        opened = story.trail[0].at
        while waiting and waiting[0][0] < opened:
            yield heapq.heappop(waiting)[2]
        for told in story.trail:
            heapq.heappush(waiting, (told.at, next(number), told))
    while waiting:
        yield heapq.heappop(waiting)[2]


def _mapping_trail(now: datetime, mappings: int) -> Iterator[Told]:
    begin = now - timedelta(days=700)
    for number in range(mappings):
        at = begin + timedelta(minutes=number * 45)
        after = {"epicor_id": f"V{number:05d}", "ramp_name": vendor_name(number)}
        body = {"kind": "vendors", "company": ""}
        person = PEOPLE[number % len(PEOPLE)]
        yield Told(
            at,
            "mapping_created",
            "mapping",
            f"vendors:v-{number}",
            person,
            body,
            changes(None, after),
        )


def _filling(stories: list[Story], missing: int, now: datetime) -> Iterator[Told]:
    """What the nightly proof says of what was entered, until there are enough entries."""
    dice = random.Random(2)
    entered = [story.row for story in stories if story.row["entered_at"]]
    for _ in range(max(missing, 0) if entered else 0):
        row = dice.choice(entered)
        at = row["entered_at"] + (now - row["entered_at"]) * dice.random()
        body = {"message": "Read back, the invoice is what was entered.", "entered_hash": "x"}
        yield Told(at, "posting.rechecked", "posting", row["bill_id"], SYSTEM, body)


def _sealed(trail: Iterable[Told], head: Chain) -> Iterator[list[Any]]:
    dice = random.Random(3)
    link = head.start_mac
    for seq, told in enumerate(trail, start=1):
        entry = Sealed(told, head.tenant_id, seq, uuid.UUID(int=dice.getrandbits(128), version=4))
        entry.mac = trail_key.seal_mac(link, seq, entry.own_mac)
        link = trail_key.link_of(seq, entry.mac)
        head.last_seq, head.last_mac = seq, link
        yield [
            entry.pk,
            entry.tenant_id,
            entry.at.astimezone(UTC),
            entry.action,
            entry.subject_kind,
            entry.subject_id,
            entry.actor,
            entry.body,
            entry.changes,
            entry.body_digest,
            entry.own_mac,
            entry.seq,
            entry.mac,
        ]
