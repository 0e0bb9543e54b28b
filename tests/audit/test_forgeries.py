"""What somebody can do who may change every row of the database, but has neither key nor file.

Each forgery is played in plain SQL, the sealer runs after it as it does every minute, and the
verification must say so. docs/exactly-once.md names what it cannot show.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from audit.canonical_json import canonical, digest
from audit.trail import chain, heads, log, trail_key
from audit.trail.heads import Head
from audit.trail.log import NewEntry
from audit.trail.models import AuditEntry, Chain
from audit.trail.verification import Verification, verify
from connector.tenants.models import Tenant
from tests.audit.build import make_tenant

pytestmark = pytest.mark.django_db

ENTRIES, CHAINS = "audit_auditentry", "audit_chain"


def sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def rows(table: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} ORDER BY id")
        return list(cursor.fetchall())


def put_back(table: str, kept: list[tuple[Any, ...]]) -> None:
    """What somebody does who kept a copy of a table."""
    sql(f"DELETE FROM {table}")
    for row in kept:
        marks = ", ".join(["%s"] * len(row))
        sql(f"INSERT INTO {table} VALUES ({marks})", *row)


def key(entry: AuditEntry) -> Any:
    return AuditEntry._meta.pk.get_db_prep_value(entry.pk, connection)


def write(tenant: Tenant, count: int, begin: int = 1) -> None:
    changes = {"state": ["queued", "entered"]}
    log.record_many(
        NewEntry(
            tenant.pk, "posting.entered", "posting", f"b{n}", "Ann", {"amount": str(n)}, changes
        )
        for n in range(begin, begin + count)
    )


@pytest.fixture
def tenant() -> Tenant:
    tenant = make_tenant()
    write(tenant, 5)
    log.seal(tenant.pk)
    return tenant


def number(tenant: Tenant, seq: int) -> AuditEntry:
    return AuditEntry.objects.get(tenant=tenant, seq=seq)


def rewrite(entry: AuditEntry) -> None:
    """Another amount, with its digest, as a forger writes it."""
    body = {"amount": "999999"}
    sql(
        f"UPDATE {ENTRIES} SET body = %s, body_digest = %s WHERE id = %s",
        canonical(body).decode(),
        digest(body),
        key(entry),
    )


def unseal_all() -> None:
    sql(f"UPDATE {ENTRIES} SET seq = NULL, mac = ''")


# -- the forgeries ---------------------------------------------------------------------------------


def rewritten_and_sealed_anew(tenant: Tenant) -> None:
    rewrite(number(tenant, 3))
    unseal_all()
    sql(f"DELETE FROM {CHAINS}")


def sealed_anew_behind_the_old_beginning(tenant: Tenant) -> None:
    rewrite(number(tenant, 3))
    unseal_all()
    sql(f"UPDATE {CHAINS} SET last_seq = 0, last_mac = start_mac")


def removed_and_sealed_anew(tenant: Tenant) -> None:
    unseal_all()
    sql(f"DELETE FROM {ENTRIES} WHERE subject_id = 'b3'")
    sql(f"DELETE FROM {CHAINS}")


def removed_behind_the_old_beginning(tenant: Tenant) -> None:
    """Every HMAC fits afterwards; only a head that was noted elsewhere shows it."""
    unseal_all()
    sql(f"DELETE FROM {ENTRIES} WHERE subject_id = 'b3'")
    sql(f"UPDATE {CHAINS} SET last_seq = 0, last_mac = start_mac")


def another_beginning(tenant: Tenant) -> None:
    unseal_all()
    sql(f"DELETE FROM {ENTRIES} WHERE subject_id = 'b3'")
    sql(f"UPDATE {CHAINS} SET last_seq = 0, chain_id = %s", "0" * 32)
    sql(f"UPDATE {CHAINS} SET last_mac = %s, start_mac = %s", "ab" * 32, "ab" * 32)


def a_later_beginning(tenant: Tenant) -> None:
    """As `restart_audit` does it, so that nothing before number 3 would count."""
    sql(f"UPDATE {CHAINS} SET start_seq = 3")
    rewrite(number(tenant, 2))


def cut_off_and_the_older_head_put_back(tenant: Tenant) -> None:
    kept, last = rows(CHAINS), Chain.objects.get(tenant=tenant).last_seq
    write(tenant, 2, begin=10)
    log.seal(tenant.pk)
    put_back(CHAINS, kept)
    sql(f"DELETE FROM {ENTRIES} WHERE seq > %s", last)


def cut_off_and_gone_on(tenant: Tenant) -> None:
    cut_off_and_the_older_head_put_back(tenant)
    write(tenant, 4, begin=20)


def body_dropped(tenant: Tenant) -> None:
    sql(f"UPDATE {ENTRIES} SET body = %s WHERE seq = 3", '{"dropped": true}')


def body_dropped_with_another_entrys_mark(tenant: Tenant) -> None:
    other = number(tenant, 2)
    mark = trail_key.dropped(other.pk, other.body_digest)
    sql(f"UPDATE {ENTRIES} SET body = %s WHERE seq = 3", canonical(mark).decode())


def changes_rewritten(tenant: Tenant) -> None:
    """Another state than the step had; body and digest stay as they were."""
    sql(f"UPDATE {ENTRIES} SET changes = %s WHERE seq = 3", '{"state": ["queued", "removed"]}')


def changes_taken_away(tenant: Tenant) -> None:
    """As if retention had dropped them; only a body may be dropped."""
    entry = number(tenant, 3)
    mark = canonical(trail_key.dropped(entry.pk, entry.body_digest)).decode()
    sql(f"UPDATE {ENTRIES} SET body = %s, changes = '{{}}' WHERE seq = 3", mark)


def backdated(tenant: Tenant) -> None:
    """A new entry, as if it had been written a day ago."""
    copy(tenant, at=number(tenant, 1).at - timedelta(days=1), body={"amount": "1"})


def copied(tenant: Tenant) -> None:
    """The same content and HMAC once more, under another id."""
    copy(tenant)


def copy(tenant: Tenant, **values: Any) -> None:
    forged = number(tenant, 3)
    forged.pk, forged.seq, forged.mac = AuditEntry().pk, None, ""
    for name, value in values.items():
        setattr(forged, name, value)
    forged.body_digest = digest(forged.body)
    forged.save(force_insert=True)


def inserted_at_the_end(tenant: Tenant) -> None:
    forged = number(tenant, 5)
    forged.pk, forged.seq = AuditEntry().pk, 6
    forged.save(force_insert=True)
    sql(f"UPDATE {CHAINS} SET last_seq = 6")


def given_to_another_tenant(tenant: Tenant) -> None:
    other = make_tenant("other")
    sql(f"UPDATE {ENTRIES} SET tenant_id = %s, seq = NULL WHERE seq = 5", other.pk)


def another_tenants_chain(tenant: Tenant) -> None:
    other = make_tenant("other")
    names = "chain_id, start_seq, start_mac, last_seq, last_mac"
    theirs = f"(SELECT {names} FROM {CHAINS} WHERE tenant_id = %s)"
    unseal_all()
    sql(f"DELETE FROM {ENTRIES} WHERE subject_id = 'b3'")
    sql(f"UPDATE {CHAINS} SET ({names}) = {theirs} WHERE tenant_id = %s", other.pk, tenant.pk)


def taken_out(tenant: Tenant) -> None:
    sql(f"UPDATE {ENTRIES} SET seq = NULL, mac = '' WHERE seq = 3")


def swapped_for_one_that_waits(tenant: Tenant) -> None:
    write(tenant, 1, begin=6)
    waiting = AuditEntry.objects.get(seq=None)
    gone = number(tenant, 3)
    sql(f"DELETE FROM {ENTRIES} WHERE id = %s", key(gone))
    sql(f"UPDATE {ENTRIES} SET seq = 3, mac = %s WHERE id = %s", gone.mac, key(waiting))


def waiting_and_rewritten(tenant: Tenant) -> None:
    write(tenant, 1, begin=6)
    rewrite(AuditEntry.objects.get(seq=None))


def somebody_elses_name(tenant: Tenant) -> None:
    write(tenant, 1, begin=6)
    sql(f"UPDATE {ENTRIES} SET actor = 'Bob' WHERE seq IS NULL")


def acknowledged_by_the_forger(tenant: Tenant) -> None:
    cut_off_and_the_older_head_put_back(tenant)
    found = verify(tenant.pk)
    body = {"reason": "all is well", "findings": [one.key for one in found.findings]}
    copy(tenant, action="audit.acknowledged", body=body)


def before_the_first(tenant: Tenant) -> None:
    put_before_the_first(tenant, 0)


def far_before_the_first(tenant: Tenant) -> None:
    put_before_the_first(tenant, -7)


def put_before_the_first(tenant: Tenant, seq: int) -> None:
    """By somebody who may also change the tables, as the database itself refuses it."""
    forged = number(tenant, 3)
    forged.pk, forged.seq, forged.mac, forged.own_mac = AuditEntry().pk, seq, "", ""
    sqlite = connection.vendor == "sqlite"
    if sqlite:
        sql("PRAGMA ignore_check_constraints = ON")
    else:
        sql("SET CONSTRAINTS ALL IMMEDIATE")
        sql(f"ALTER TABLE {ENTRIES} DROP CONSTRAINT audit_places_begin_at_1")
    try:
        forged.save(force_insert=True)
    finally:
        if sqlite:
            sql("PRAGMA ignore_check_constraints = OFF")


def removed_from_what_was_given_up(tenant: Tenant) -> None:
    restart(tenant)
    sql(f"DELETE FROM {ENTRIES} WHERE seq = 2")


def put_into_what_was_given_up(tenant: Tenant) -> None:
    """A gap that was there when the chain was given up is no place for anything later."""
    sql(f"DELETE FROM {ENTRIES} WHERE seq = 2")
    restart(tenant)
    forged = number(tenant, 3)
    forged.pk, forged.seq = AuditEntry().pk, 2
    forged.save(force_insert=True)


def the_record_of_a_gap_changed(tenant: Tenant) -> None:
    restart(tenant)
    sql(f"DELETE FROM {ENTRIES} WHERE seq = 2")
    entry = AuditEntry.objects.get(action="audit.restarted")
    body = canonical({**entry.body, "missing": 1}).decode()
    sql(f"UPDATE {ENTRIES} SET body = %s WHERE id = %s", body, key(entry))


def restart(tenant: Tenant) -> int:
    return chain.restart(tenant.pk, tenant.slug, reason="A disk broke.", actor="ann")


FORGERIES: list[Callable[[Tenant], None]] = [
    rewritten_and_sealed_anew,
    sealed_anew_behind_the_old_beginning,
    removed_and_sealed_anew,
    removed_behind_the_old_beginning,
    another_beginning,
    a_later_beginning,
    cut_off_and_the_older_head_put_back,
    cut_off_and_gone_on,
    body_dropped,
    body_dropped_with_another_entrys_mark,
    changes_rewritten,
    changes_taken_away,
    backdated,
    copied,
    inserted_at_the_end,
    given_to_another_tenant,
    another_tenants_chain,
    taken_out,
    swapped_for_one_that_waits,
    waiting_and_rewritten,
    somebody_elses_name,
    acknowledged_by_the_forger,
    before_the_first,
    far_before_the_first,
    removed_from_what_was_given_up,
    put_into_what_was_given_up,
    the_record_of_a_gap_changed,
]


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.__name__)
def test_a_forgery_in_sql_is_found_and_stays_found(
    tenant: Tenant, forgery: Callable[[Tenant], None]
) -> None:
    assert verify(tenant.pk).ok
    forgery(tenant)
    for _ in range(2):  # before the sealer comes by, and after it
        found = verify(tenant.pk)
        assert not found.ok
        assert found.first_bad
        assert found.message
        log.seal(tenant.pk)
    write(tenant, 3, begin=50)
    log.seal(tenant.pk)  # going on does not hide it
    assert not verify(tenant.pk).ok


@pytest.mark.parametrize("seq", [0, -7])
def test_the_database_refuses_a_place_before_the_first(tenant: Tenant, seq: int) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        sql(f"UPDATE {ENTRIES} SET seq = %s WHERE seq = 3", seq)


def test_what_stands_before_the_first_is_named(tenant: Tenant) -> None:
    put_before_the_first(tenant, -7)
    found = verify(tenant.pk)
    assert (found.entries, found.earlier, len(found.findings)) == (6, 0, 1)
    assert "has the number -7" in found.message
    assert found.findings[0].key == ""  # nobody waves it through


def test_a_chain_with_a_gap_fits_again_behind_its_new_beginning(tenant: Tenant) -> None:
    sql(f"DELETE FROM {ENTRIES} WHERE seq = 2")
    assert not verify(tenant.pk).ok
    assert restart(tenant) == 5
    found = verify(tenant.pk)
    assert (found.ok, found.earlier, found.entries) == (True, 4, 5)
    restart(tenant)
    found = verify(tenant.pk)
    assert (found.ok, found.earlier, found.entries) == (True, 5, 6)


def test_a_forged_verdict_is_ignored(tenant: Tenant) -> None:
    copy(tenant, action="audit.verified", body={"ok": True, "entries": 5})
    assert chain.last_verdict(tenant.pk) is None
    chain.record(tenant.pk, tenant.slug, verify(tenant.pk), actor="ann")
    ahead = number(tenant, 5).at + timedelta(days=1)
    copy(tenant, action="audit.verified", body={"ok": True, "entries": 5}, at=ahead)
    verdict = chain.last_verdict(tenant.pk)
    assert verdict is not None
    assert (verdict.actor, verdict.ok) == ("ann", False)
    ours = AuditEntry.objects.get(action="audit.verified", actor="ann", at__lt=ahead, seq=None)
    body = canonical({**ours.body, "ok": True}).decode()
    sql(f"UPDATE {ENTRIES} SET body = %s WHERE id = %s", body, key(ours))
    assert chain.last_verdict(tenant.pk) is None


@pytest.mark.parametrize("file", ["kept", "lost"])
@pytest.mark.parametrize("others", [0, 9])
def test_a_head_noted_elsewhere_shows_a_chain_that_fits_by_itself(
    tenant: Tenant, others: int, file: str
) -> None:
    kept = rows(CHAINS)
    write(tenant, 2, begin=6)
    log.seal(tenant.pk)
    noted = verify(tenant.pk).head
    assert noted is not None
    assert verify(tenant.pk, expect=noted).ok
    sql(f"DELETE FROM {ENTRIES} WHERE seq > 5")
    put_back(CHAINS, kept)
    write(tenant, others, begin=20)
    if file == "lost":
        heads.path(tenant.pk).unlink()
    log.seal(tenant.pk)
    found = verify(tenant.pk, expect=noted)
    assert not found.ok
    if file == "lost":  # then nothing else can tell
        assert verify(tenant.pk).ok
        assert [one.key for one in found.findings] == [""]
    else:
        assert not verify(tenant.pk).ok


def test_the_sealer_refuses_what_this_program_did_not_write(
    tenant: Tenant, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "SEAL_BATCH", 2)
    for _ in range(5):  # more than a batch of them do not keep the others waiting
        backdated(tenant)
    write(tenant, 3, begin=6)
    assert log.seal(tenant.pk) == 3
    assert AuditEntry.objects.filter(seq=None).count() == 5
    assert "were not written by this program" in caplog.text


def test_a_chain_whose_beginning_is_gone_is_not_begun_again(
    tenant: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    Chain.objects.all().delete()
    write(tenant, 1, begin=6)
    assert log.seal(tenant.pk) == 0
    assert not Chain.objects.exists()
    assert "chain's beginning is gone" in caplog.text
    found = verify(tenant.pk)
    assert (found.first_bad, found.head, found.unsealed) == ("#0", None, 1)


# -- what has an honest cause ----------------------------------------------------------------------


def restored(tenant: Tenant) -> None:
    """The database of before, with its chain, and the file of now."""
    kept = rows(CHAINS), rows(ENTRIES)
    write(tenant, 3, begin=6)
    log.seal(tenant.pk)
    put_back(CHAINS, kept[0])
    put_back(ENTRIES, kept[1])


def acknowledge(tenant: Tenant, found: Verification) -> int:
    return chain.acknowledge(
        tenant.pk, tenant.slug, found, reason="The backup of Monday was restored.", actor="ann"
    )


def test_a_restored_database_is_found_and_can_be_acknowledged(tenant: Tenant) -> None:
    restored(tenant)
    found = verify(tenant.pk)
    assert found.first_bad == "#8"
    assert "--acknowledge" in found.message
    write(tenant, 4, begin=30)
    log.seal(tenant.pk)  # as many as before, and others
    found = verify(tenant.pk)
    assert found.first_bad == "#8"
    assert acknowledge(tenant, found) == 1
    found = verify(tenant.pk)
    assert found.ok
    entry = AuditEntry.objects.get(action="audit.acknowledged")
    assert entry.body["reason"] == "The backup of Monday was restored."
    write(tenant, 1, begin=40)
    log.seal(tenant.pk)
    assert heads.noted(tenant.pk).head == verify(tenant.pk).head  # and it is noted again


def test_damage_is_not_acknowledged(tenant: Tenant) -> None:
    rewrite(number(tenant, 2))
    with pytest.raises(chain.CannotAcknowledgeError, match="was changed"):
        acknowledge(tenant, verify(tenant.pk))
    assert not AuditEntry.objects.filter(action="audit.acknowledged").exists()


def test_nothing_is_acknowledged_where_all_is_well(tenant: Tenant) -> None:
    with pytest.raises(chain.CannotAcknowledgeError, match="nothing to acknowledge"):
        acknowledge(tenant, verify(tenant.pk))


def test_an_unexpected_head_is_no_matter_of_acknowledging(tenant: Tenant) -> None:
    found = verify(tenant.pk, expect=Head(3, "0" * 64))
    assert found.first_bad == "#3"
    with pytest.raises(chain.CannotAcknowledgeError, match="what was expected"):
        acknowledge(tenant, found)


def test_times_that_run_backwards_are_found_and_can_be_acknowledged(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = number(tenant, 5).at + timedelta(days=30)
    with monkeypatch.context() as moved:
        moved.setattr(log.timezone, "now", lambda: ahead)
        write(tenant, 1, begin=6)
        log.seal(tenant.pk)
    assert verify(tenant.pk).ok
    write(tenant, 2, begin=7)
    log.seal(tenant.pk)
    found = verify(tenant.pk)
    assert found.first_bad == str(number(tenant, 7).pk)  # once, however many follow
    assert len(found.findings) == 1
    assert acknowledge(tenant, found) == 1
    found = verify(tenant.pk)
    assert (found.ok, len(found.acknowledged)) == (True, 1)


def test_an_entry_that_waits_for_long_is_found_until_it_is_sealed(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tenant, 2, begin=6)
    assert verify(tenant.pk).ok
    waiting = AuditEntry.objects.filter(seq=None).order_by("at", "id").first()
    later = waiting.at + timedelta(hours=2)
    monkeypatch.setattr("audit.trail.verification.timezone.now", lambda: later)
    found = verify(tenant.pk)
    assert found.first_bad == str(waiting.pk)
    assert "Start a worker" in found.message
    log.seal(tenant.pk)
    assert verify(tenant.pk).ok


def test_a_body_that_retention_dropped_is_fine(tenant: Tenant) -> None:
    entry = number(tenant, 3)
    AuditEntry.objects.filter(pk=entry.pk).update(
        body=trail_key.dropped(entry.pk, entry.body_digest)
    )
    assert verify(tenant.pk).ok


# -- the file and the log --------------------------------------------------------------------------


def test_each_sealing_is_noted_in_the_log_and_on_file(
    tenant: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="audit.trail.log")
    write(tenant, 1, begin=6)
    log.seal(tenant.pk)
    head = verify(tenant.pk).head
    assert head is not None
    assert head.seq == 6
    assert caplog.records[-1].data == {"tenant": "acme", "audit_head": str(head)}
    assert heads.noted(tenant.pk).head == head


def test_a_file_that_says_nothing_is_a_finding(
    tenant: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    heads.path(tenant.pk).write_text("5:abc\n")
    found = verify(tenant.pk)
    assert found.first_bad == "#0"
    assert "cannot be read" in found.message
    write(tenant, 1, begin=6)
    log.seal(tenant.pk)
    assert heads.path(tenant.pk).read_text() == "5:abc\n"  # it may be evidence
    assert "was not noted" in caplog.text
    acknowledge(tenant, found)
    assert verify(tenant.pk).ok
    heads.path(tenant.pk).write_text("5:abc\n")
    assert not verify(tenant.pk).ok  # that one was waved through, not each that comes


def test_a_folder_that_cannot_be_written_stops_nothing(
    tenant: Tenant, audit_heads: Path, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    (audit_heads.parent / "file").write_text("")
    settings.AUDIT_HEADS = audit_heads.parent / "file" / "heads"
    write(tenant, 1, begin=6)
    assert log.seal(tenant.pk) == 1
    assert "was not noted" in caplog.text


def test_an_older_file_of_another_machine_is_fine(tenant: Tenant) -> None:
    kept = heads.path(tenant.pk).read_text()
    write(tenant, 3, begin=6)
    log.seal(tenant.pk)
    newest = heads.path(tenant.pk).read_text()
    heads.path(tenant.pk).write_text(kept)
    assert verify(tenant.pk).ok
    heads.note(Chain.objects.get())
    assert heads.path(tenant.pk).read_text() == newest


def test_a_slow_worker_does_not_put_an_older_head_on_file(tenant: Tenant) -> None:
    slow = Chain.objects.get()
    write(tenant, 3, begin=6)
    log.seal(tenant.pk)
    newest = heads.path(tenant.pk).read_text()
    heads.note(slow)
    assert heads.path(tenant.pk).read_text() == newest


@pytest.mark.parametrize(
    "text", ["", "5", "5:", ":" + "a" * 64, "-5:" + "a" * 64, "5:" + "g" * 64, "5:" + "a" * 63]
)
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (the text itself)
        Head.parse(text)
    assert str(Head.parse(" 5:" + "a" * 64)) == "5:" + "a" * 64
