"""Replaying judges by what is in Epicor now, and empties no list while nothing can be entered."""

import io

import pytest

from audit.ledger.models import Posting
from connector.management.commands import replay, sync
from connector.sync.bills.run import run_cycle
from connector.tenants import pauses
from connector.tenants.models import Tenant
from mappings.models import CatalogRefresh

State = Posting.State


def shell(module, *argv):
    """Exit code, standard output, standard error."""
    command = module.Command()
    out, err = io.StringIO(), io.StringIO()
    command.stdout._out, command.stderr._out = out, err
    code = 0
    try:
        command.run_from_argv(["manage.py", "it", *argv])
    except SystemExit as leaving:
        code = leaving.code
    return code, out.getvalue(), err.getvalue()


@pytest.fixture(autouse=True)
def connections_stay_open(monkeypatch):
    monkeypatch.setattr("connector.management.base.connections.close_all", lambda: None)


@pytest.fixture
def closed(ready):
    """A bill that waits because its period is closed in Epicor."""
    box, tenant = ready
    run_cycle(tenant, kinds=frozenset({"accounts", "vendors"}))
    sure = [k for k, one in box.world.expected().items() if one.outcome == "entered"]
    wanted = box.world.expected()[sure[0]]
    place = (wanted.company, wanted.apply_date.year, wanted.apply_date.month)
    box.epicor.app.close_period(*place, closed=True)
    CatalogRefresh.objects.update(refreshed_at="2026-01-01T00:00:00Z")
    run_cycle(tenant)
    posting = Posting.objects.get(tenant=tenant, bill_id=sure[0])
    assert posting.hold_reason == "period_closed"
    return box, tenant, posting, place


def test_a_period_opened_a_moment_ago_lets_the_replayed_bill_in(closed):
    box, tenant, posting, place = closed
    box.epicor.app.close_period(*place, closed=False)

    code, out, err = shell(replay, tenant.slug, posting.bill_id)

    posting.refresh_from_db()
    assert posting.in_epicor, (code, out, err)


def test_a_rehearsed_replay_judges_by_what_is_open_now(closed):
    box, tenant, posting, place = closed
    box.epicor.app.close_period(*place, closed=False)

    code, out, _ = shell(replay, tenant.slug, posting.bill_id, "--dry-run")

    assert code == 0
    assert "would be entered" in out


def test_sync_only_reads_again_what_it_names_however_young(ready):
    _, tenant = ready
    before = dict(CatalogRefresh.objects.values_list("pk", "refreshed_at"))

    shell(sync, tenant.slug, "--only", "accounts")

    rows = CatalogRefresh.objects.filter(tenant=tenant)
    read = {row.catalog for row in rows if row.refreshed_at > before[row.pk]}
    assert read == {row.catalog for row in rows} - {"vendors"}
    assert not rows.exclude(asked_at=None).exists()


@pytest.mark.parametrize("why", ["person", "setup"])
def test_a_replay_while_paused_changes_nothing_and_says_why(closed, why):
    _, tenant, posting, _ = closed
    if why == "person":
        pauses.by_person(tenant, "The books are being closed.", actor="ann")
    else:
        pauses.until_live(tenant)

    code, _, err = shell(replay, tenant.slug, "--all")

    tenant.refresh_from_db()
    assert code == 2
    assert tenant.paused_reason in err
    posting.refresh_from_db()
    assert posting.hold_reason == "period_closed"


def test_a_replay_while_epicor_is_away_keeps_the_causes(closed):
    box, tenant, posting, _ = closed
    box.epicor.app.revoke_key()

    code, _, err = shell(replay, tenant.slug, posting.bill_id)

    assert code == 2
    assert "still wait" in err
    posting.refresh_from_db()
    assert posting.hold_reason == "period_closed"


def test_a_replay_after_access_is_back_ends_the_pause(closed):
    box, tenant, posting, place = closed
    Tenant.objects.filter(pk=tenant.pk).update(paused_reason="Refused.", paused_for="access")
    box.epicor.app.close_period(*place, closed=False)

    shell(replay, tenant.slug, posting.bill_id)

    posting.refresh_from_db()
    assert posting.in_epicor
    assert Tenant.objects.get(pk=tenant.pk).paused_reason == ""
