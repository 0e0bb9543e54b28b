"""The trail: sealing, and that every later change to it is found."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from audit.trail import log, trail_key
from audit.trail.log import NewEntry
from audit.trail.models import AuditEntry, Chain
from audit.trail.trail_key import WrongAuditKeyError
from audit.trail.verification import verify
from connector.tenants.models import Tenant
from tests.audit.build import make_tenant

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenant() -> Tenant:
    return make_tenant()


def write(tenant: Tenant, count: int) -> None:
    log.record_many(
        NewEntry(tenant.pk, "test.step", "posting", f"b{n}", "Ann", {"n": n, "sum": Decimal(n)})
        for n in range(count)
    )


@pytest.fixture
def sealed(tenant: Tenant) -> list[AuditEntry]:
    write(tenant, 5)
    assert log.seal(tenant.pk) == 5
    return list(AuditEntry.objects.filter(tenant=tenant).order_by("seq"))


def change(entry: AuditEntry, **values: Any) -> None:
    AuditEntry.objects.filter(pk=entry.pk).update(**values)


def test_one_entry_says_who_did_what(tenant: Tenant) -> None:
    entry = log.record(
        tenant.pk, "mapping.created", subject_kind="mapping", subject_id="x" * 300, actor="Ann"
    )
    row = AuditEntry.objects.get()
    assert row.pk == entry.pk
    assert (row.actor, row.action, row.subject_id) == ("Ann", "mapping.created", "x" * 255)
    assert (row.seq, row.mac, row.body) == (None, "", {})


def test_secrets_do_not_reach_the_trail(tenant: Tenant) -> None:
    body = {"client_secret": "s3cret", "name": "n"}
    log.record(tenant.pk, "a", subject_kind="k", subject_id="i", body=body)
    assert AuditEntry.objects.get().body == {"client_secret": "[hidden]", "name": "n"}


def test_an_untouched_chain_is_fine(tenant: Tenant, sealed: list[AuditEntry]) -> None:
    assert [entry.seq for entry in sealed] == [1, 2, 3, 4, 5]
    assert log.seal(tenant.pk) == 0
    write(tenant, 2)
    found = verify(tenant.pk)
    assert (found.ok, found.entries, found.unsealed) == (True, 7, 2)
    assert log.seal(tenant.pk) == 2
    found = verify(tenant.pk)
    assert (found.ok, found.entries, found.unsealed, found.first_bad) == (True, 7, 0, None)


def test_nothing_written_yet_is_fine(tenant: Tenant) -> None:
    assert verify(tenant.pk).ok
    assert log.seal(tenant.pk) == 0
    assert verify(tenant.pk).entries == 0


def test_batches_continue_the_same_chain(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "SEAL_BATCH", 2)
    write(tenant, 4)
    assert log.seal(tenant.pk) == 4
    assert verify(tenant.pk).ok
    assert Chain.objects.get().last_seq == 4


def test_each_tenant_has_its_own_chain(tenant: Tenant, sealed: list[AuditEntry]) -> None:
    other = make_tenant("other")
    write(other, 1)
    log.seal(other.pk)
    change(sealed[0], actor="Eve")
    assert verify(other.pk).ok
    assert not verify(tenant.pk).ok


@pytest.mark.parametrize(
    "values",
    [
        {"body": {"n": 99}},
        {"body": {}},
        {"changes": {"state": ["queued", "dismissed"]}},
        {"actor": "Eve"},
        {"action": "test.other"},
        {"subject_id": "b99"},
        {"subject_kind": "vendor"},
        {"body_digest": "0" * 64},
        {"mac": "0" * 64},
        {"mac": "ü"},
    ],
)
def test_a_changed_entry_is_found(
    tenant: Tenant, sealed: list[AuditEntry], values: dict[str, Any]
) -> None:
    change(sealed[2], **values)
    found = verify(tenant.pk)
    assert (found.ok, found.first_bad, found.entries) == (False, str(sealed[2].pk), 5)
    assert "number 3" in found.message


def test_a_changed_moment_is_found(tenant: Tenant, sealed: list[AuditEntry]) -> None:
    change(sealed[0], at=sealed[0].at + timedelta(microseconds=1))
    assert verify(tenant.pk).first_bad == str(sealed[0].pk)


def test_a_changed_body_with_a_matching_digest_is_found(
    tenant: Tenant, sealed: list[AuditEntry]
) -> None:
    change(sealed[1], body={"n": 7}, body_digest=log.digest({"n": 7}))
    assert verify(tenant.pk).first_bad == str(sealed[1].pk)


@pytest.mark.parametrize(("index", "bad"), [(0, "#1"), (2, "#3"), (4, "#5")])
def test_a_removed_entry_is_found(
    tenant: Tenant, sealed: list[AuditEntry], index: int, bad: str
) -> None:
    AuditEntry.objects.filter(pk=sealed[index].pk).delete()
    found = verify(tenant.pk)
    assert (found.ok, found.first_bad, found.entries) == (False, bad, 4)


def test_an_entry_taken_out_and_sealed_anew_is_found(
    tenant: Tenant, sealed: list[AuditEntry]
) -> None:
    change(sealed[1], seq=None, mac="")
    assert log.seal(tenant.pk) == 1
    assert verify(tenant.pk).first_bad == "#2"


def test_reordered_entries_are_found(tenant: Tenant, sealed: list[AuditEntry]) -> None:
    change(sealed[1], seq=100)
    change(sealed[2], seq=2)
    change(sealed[1], seq=3)
    assert verify(tenant.pk).first_bad == str(sealed[2].pk)


def test_closing_the_gap_after_a_removal_is_found(tenant: Tenant, sealed: list[AuditEntry]) -> None:
    AuditEntry.objects.filter(pk=sealed[2].pk).delete()
    change(sealed[3], seq=3)
    change(sealed[4], seq=4)
    Chain.objects.update(last_seq=4)
    assert verify(tenant.pk).first_bad == str(sealed[3].pk)


def test_cutting_off_the_end_is_found_even_with_the_chain_row_adjusted(
    tenant: Tenant, sealed: list[AuditEntry]
) -> None:
    AuditEntry.objects.filter(pk=sealed[4].pk).delete()
    Chain.objects.update(last_seq=4, last_mac=sealed[3].mac)
    assert verify(tenant.pk).first_bad == str(sealed[3].pk)
    write(tenant, 1)  # sealing goes on and does not hide it
    log.seal(tenant.pk)
    assert not verify(tenant.pk).ok


def test_a_chain_row_that_was_set_back_gives_no_number_twice(
    tenant: Tenant, sealed: list[AuditEntry]
) -> None:
    Chain.objects.update(last_seq=0, last_mac=Chain.objects.get().start_mac)
    assert not verify(tenant.pk).ok
    write(tenant, 1)
    assert log.seal(tenant.pk) == 1
    assert verify(tenant.pk).first_bad == str(AuditEntry.objects.get(seq=6).pk)


def test_an_old_copy_of_the_chain_row_is_found(tenant: Tenant) -> None:
    write(tenant, 3)
    log.seal(tenant.pk)
    old = Chain.objects.get()
    write(tenant, 2)
    log.seal(tenant.pk)
    old.save()
    assert not verify(tenant.pk).ok


def test_an_inserted_entry_is_found(tenant: Tenant, sealed: list[AuditEntry]) -> None:
    forged = AuditEntry.objects.get(pk=sealed[4].pk)
    forged.pk, forged.seq = None, 6
    forged.save(force_insert=True)
    found = verify(tenant.pk)
    assert (found.ok, found.first_bad) == (False, str(forged.pk))


def test_a_foreign_key_is_found_and_writes_nothing(
    tenant: Tenant, sealed: list[AuditEntry], settings: Any
) -> None:
    settings.AUDIT_KEY = "another key"
    found = verify(tenant.pk)
    assert (found.ok, found.first_bad) == (False, "#0")
    assert "AUDIT_KEY" in found.message
    with pytest.raises(WrongAuditKeyError, match="Nothing was written"):
        write(tenant, 1)
    with pytest.raises(WrongAuditKeyError, match="Nothing was written"):
        log.record(tenant.pk, "t", subject_kind="k", subject_id="i")
    with pytest.raises(WrongAuditKeyError, match="Nothing was written"):
        make_tenant("other")
    assert log.seal(tenant.pk) == 0


def test_a_key_that_fits_is_asked_about_once(
    tenant: Tenant, django_assert_num_queries: Any
) -> None:
    trail_key._fitting.clear()
    with django_assert_num_queries(2):
        write(tenant, 1)
    with django_assert_num_queries(1):
        write(tenant, 1)


def test_an_unsealed_body_is_checked_too(tenant: Tenant) -> None:
    write(tenant, 2)
    bad = AuditEntry.objects.get(subject_id="b1")
    change(bad, body={"n": 5})
    found = verify(tenant.pk)
    assert (found.entries, found.first_bad) == (2, str(bad.pk))


def test_only_the_first_problem_is_named(tenant: Tenant, sealed: list[AuditEntry]) -> None:
    change(sealed[1], actor="Eve")
    change(sealed[3], actor="Eve")
    write(tenant, 1)
    AuditEntry.objects.filter(seq=None).update(body={"x": 1})
    assert verify(tenant.pk).first_bad == str(sealed[1].pk)


def test_verifying_reads_rows_in_a_stream(
    tenant: Tenant, sealed: list[AuditEntry], django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(6):
        assert verify(tenant.pk).ok
    assert connection.vendor in {"sqlite", "postgresql"}
