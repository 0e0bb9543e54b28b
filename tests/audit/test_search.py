"""Searching the trail: each filter, and pages that neither repeat nor skip while entries come."""

import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.trail import chain, log, search
from audit.trail.models import AuditEntry
from audit.trail.search import Place, Wanted
from audit.trail.verification import verify
from connector.tenants.models import Tenant
from tests.audit.build import make_tenant

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def tenant(db: None) -> Tenant:
    return make_tenant()


def put(tenant: Tenant, seconds: int, **values: str) -> AuditEntry:
    """An entry `seconds` after AT."""
    told = {"actor": "system", "action": "posting.held", "subject_kind": "posting"} | values
    return AuditEntry.objects.create(
        tenant=tenant,
        at=AT + timedelta(seconds=seconds),
        subject_id=told.pop("subject_id", "b-1"),
        body={},
        body_digest="x",
        **told,
    )


def seconds(tenant: Tenant, wanted: Wanted) -> list[int]:
    rows = search.found(tenant.pk, wanted)
    return [int((row.at - AT).total_seconds()) for row in rows]


def test_each_filter_finds_its_entries_newest_first(tenant: Tenant) -> None:
    put(tenant, 1)
    put(tenant, 2, actor="ann", action="posting.replayed")
    put(tenant, 3, actor="ann", action="mapping_created", subject_kind="mapping", subject_id="v:1")
    put(tenant, 4, subject_id="b-2")
    put(tenant, 5, subject_kind="confirmation", action="attempt.begun")
    put(make_tenant("other"), 6)
    assert seconds(tenant, Wanted()) == [5, 4, 3, 2, 1]
    assert seconds(tenant, Wanted(actor="ann")) == [3, 2]
    assert seconds(tenant, Wanted(actor="an")) == []
    assert seconds(tenant, Wanted(people_only=True)) == [3, 2]
    assert seconds(tenant, Wanted(singles=False)) == [4, 3, 2, 1]
    assert seconds(tenant, Wanted(action="posting.held")) == [4, 1]
    assert seconds(tenant, Wanted(kind="mapping")) == [3]
    both = [("posting", "b-1"), ("confirmation", "b-1")]
    assert seconds(tenant, Wanted(subjects=both)) == [5, 2, 1]
    assert seconds(tenant, Wanted(subjects=[("mapping", "b-1")])) == []
    assert seconds(tenant, Wanted(subjects=[])) == []
    days = Wanted(since=AT + timedelta(seconds=2), until=AT + timedelta(seconds=4))
    assert seconds(tenant, days) == [3, 2]
    assert seconds(tenant, Wanted(actor="ann", action="mapping_created", kind="mapping")) == [3]


@pytest.mark.django_db
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    moments=st.lists(st.integers(0, 4), max_size=14),
    size=st.integers(1, 5),
    added=st.lists(st.integers(0, 2), max_size=20),
)
def test_pages_together_are_the_whole_list_while_entries_are_added(
    moments: list[int], size: int, added: list[int]
) -> None:
    """Several entries of one moment, too; what is added meanwhile is newer."""
    tenant = make_tenant(uuid.uuid4().hex)
    for moment in moments:
        put(tenant, moment)
    found = search.found(tenant.pk, Wanted())
    whole = [entry.pk for entry in found]
    seen: list[uuid.UUID] = []
    after, news = None, iter(added)
    while True:
        page = search.page(found, after, size)
        assert len(page.entries) <= size
        seen += [entry.pk for entry in page.entries]
        for number in range(next(news, 0)):
            put(tenant, 5 + number)
        if page.older is None:
            break
        after = Place.parse(str(page.older))
        assert after == page.older
    assert seen == whole


@pytest.mark.parametrize("text", ["", "x", "20261120T120000.000000-zz", "-", "2026-11", "\x00"])
def test_an_odd_place_is_no_place(text: str) -> None:
    assert Place.parse(text) is None


def test_many_are_counted_up_to_a_limit_only(tenant: Tenant) -> None:
    for number in range(5):
        put(tenant, number)
    found = search.found(tenant.pk, Wanted())
    assert search.how_many(found) == 5
    assert search.how_many(found, most=3) == 4


def test_the_state_of_the_chain(tenant: Tenant) -> None:
    assert chain.state(tenant.pk) == chain.ChainState(0, 0, None, None)
    for number in range(4):
        log.record(tenant.pk, "posting.held", subject_kind="posting", subject_id=f"b{number}")
        if number == 2:
            log.seal(tenant.pk)
    state = chain.state(tenant.pk)
    assert (state.sealed, state.waiting, state.verdict) == (3, 1, None)
    assert state.sealed_at is not None
    assert state.head == verify(tenant.pk).head
    AuditEntry.objects.update(actor="Eve")
    found = verify(tenant.pk)
    chain.record(tenant.pk, "acme", found, actor="bob")
    verdict = chain.last_verdict(tenant.pk)
    assert verdict is not None
    assert (verdict.actor, verdict.ok, verdict.entries) == ("bob", False, 4)
    assert verdict.sentence.startswith("The chain does not fit. Entry number 1")


def test_verifying_tells_how_far_it_is(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.trail.verification._PROGRESS_EVERY", 2)
    for number in range(5):
        log.record(tenant.pk, "posting.held", subject_kind="posting", subject_id=f"b{number}")
    log.seal(tenant.pk)
    told: list[int] = []
    assert verify(tenant.pk, told.append).ok
    assert told == [2, 4]


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(),
        Wanted(actor="ann"),
        Wanted(people_only=True),
        Wanted(singles=False),
        Wanted(singles=False, actor="system"),
        Wanted(singles=False, kind="posting"),
        Wanted(action="posting.held"),
        Wanted(action="posting.held", actor="ann"),
        Wanted(kind="mapping"),
        Wanted(kind="mapping", actor="ann"),
        Wanted(since=AT, until=AT + timedelta(days=1)),
        Wanted(subjects=[("posting", "b-1")]),
    ],
    ids=str,
)
def test_every_search_begins_in_an_index(tenant: Tenant, wanted: Wanted) -> None:
    """The database says how it would search; without an index it would read every entry."""
    after = Place(AT, uuid.uuid4())
    with CaptureQueriesContext(connection) as seen:
        search.page(search.found(tenant.pk, wanted), after, 50)
    plan = explained(seen[0]["sql"])
    assert "SCAN AUDIT" not in plan.upper()
    assert re.search(r"using index audit_|using audit_", plan, flags=re.IGNORECASE), plan


def explained(sql: str) -> str:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            return " ".join(row[3] for row in cursor.fetchall())
        # A table as small as this one would be read whole.
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN {sql}")
        return " ".join(row[0] for row in cursor.fetchall())
