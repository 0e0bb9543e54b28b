"""A tenant in the making: nothing rings it, nothing is written for it, until a person goes live."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from audit.writes.models import Attempt
from connector.actions import go_live
from connector.jobs import runner, schedule
from connector.jobs.models import Job
from connector.sync.bills.run import RUNS, enqueue_sync, run_cycle
from connector.sync.models import Bill
from connector.tenants import pauses, sections, setup, tenant_file
from connector.tenants.form_fields import SettingsError
from connector.tenants.models import (
    EntityRoute,
    FinanceCalendar,
    PostingSettings,
    RampCredentials,
    Tenant,
)
from connector.tenants.pauses import PausedError
from tests.builders import (
    bill_payload,
    make_epicor_credentials,
    make_ramp_credentials,
    store_settings,
)

pytestmark = pytest.mark.django_db
NEW = {"slug": "acme", "name": "Acme", "time_zone": "America/New_York"}
ENTITIES = {"entities": [{"ramp_entity_id": "e-1", "company": "EPIC06"}]}


def filled(**calendar) -> Tenant:
    tenant = sections.create(NEW, actor="root")
    make_ramp_credentials(tenant)
    make_epicor_credentials(tenant)
    store_settings(tenant, ENTITIES)
    store_settings(tenant, {"posting": {"lanes": 1}})
    store_settings(tenant, {"calendar": {"sync_cron": "0 9 * * 1-5", **calendar}})
    return tenant


def problems(call) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        call()
    return caught.value.sentences


class TestMaking:
    def test_a_new_tenant_has_a_name_and_nothing_else(self):
        tenant = sections.create(NEW, actor="root")
        tenant.refresh_from_db()
        assert (tenant.slug, tenant.time_zone) == ("acme", "America/New_York")
        assert (tenant.paused_for, tenant.paused_reason) == ("setup", pauses.NOT_LIVE)
        assert not setup.is_live(tenant)
        assert not RampCredentials.objects.exists()
        assert not PostingSettings.objects.exists()
        entry = AuditEntry.objects.get(action="tenant_created")
        assert (entry.actor, entry.body) == ("root", {"changed": ["name", "time_zone"]})

    def test_every_fault_is_named(self):
        bad = {"slug": "a b", "name": "", "time_zone": "Mars"}
        found = problems(lambda: sections.create(bad, actor="root"))
        assert [text.split(":")[0] for text in found] == ["slug", "time_zone", "name"]
        assert not Tenant.objects.exists()

    @pytest.mark.parametrize("slug", ["acme", "ACME"])
    def test_an_existing_tenant_is_never_changed(self, slug):
        sections.create(NEW, actor="root")
        again = {**NEW, "slug": slug, "name": "Thief"}
        assert problems(lambda: sections.create(again, actor="eve")) == [
            f"slug: {slug} is taken by another company"
        ]
        assert Tenant.objects.get().name == "Acme"

    def test_parts_come_one_by_one_and_each_must_be_complete(self):
        tenant = sections.create(NEW, actor="root")
        half = {"ramp": {"base_url": "https://api.ramp.com", "client_id": "i"}}
        assert problems(lambda: store_settings(tenant, half)) == ["ramp.client_secret: is required"]
        assert not RampCredentials.objects.exists()
        half["ramp"]["client_secret"] = "s"
        store_settings(tenant, half)
        assert RampCredentials.objects.get().client_id == "i"
        assert not FinanceCalendar.objects.exists()
        assert pauses.kind(Tenant.objects.get()) == "setup"


class TestCalendar:
    def test_it_is_kept_without_a_row_that_would_ring(self):
        tenant = sections.create(NEW, actor="root")
        days = {"sync_cron": "0 9 * * *", "blackout": ["2026-12-31"]}
        store_settings(tenant, {"calendar": days})
        entry = AuditEntry.objects.get(action="tenant_changed")
        assert entry.body == {"changed": ["calendar.sync_cron", "calendar.blackout"]}
        store_settings(tenant, {"calendar": days})
        assert AuditEntry.objects.filter(action="tenant_changed").count() == 1
        assert setup.planned_calendar(tenant) == days
        assert not FinanceCalendar.objects.exists()

    def test_its_faults_are_the_tenant_files(self):
        tenant = sections.create(NEW, actor="root")
        bad = {"calendar": {"sync_cron": "hourly", "blackout": ["soon"]}}
        found = problems(lambda: store_settings(tenant, bad))
        assert found[0].startswith("calendar.sync_cron: must be five cron fields")
        assert found[1].startswith("calendar.blackout: must be a day")

    def test_the_next_five_runs_follow_the_zone_over_a_clock_change(self):
        friday = datetime(2026, 10, 30, 12, 0, tzinfo=UTC)
        runs = setup.next_runs("0 9 * * 1-5", "America/New_York", friday)
        assert [run.isoformat() for run in runs] == [
            "2026-10-30T13:00:00+00:00",
            "2026-11-02T14:00:00+00:00",
            "2026-11-03T14:00:00+00:00",
            "2026-11-04T14:00:00+00:00",
            "2026-11-05T14:00:00+00:00",
        ]


class TestLive:
    def test_what_is_missing_is_said_before(self):
        tenant = sections.create(NEW, actor="root")
        found = go_live.missing(tenant)
        assert found["calendar"] == ["choose when the cycles run"]
        assert found["entities"] == ["must name at least one entity"]
        store_settings(tenant, {"calendar": {"sync_cron": "0 9 * * *"}})
        found = go_live.missing(tenant)
        assert "calendar" not in found
        assert found["ramp.client_secret"] == ["is required"]
        assert found["epicor.api_key"] == ["is required"]
        with pytest.raises(SettingsError):
            go_live.go_live(tenant, actor="ann")
        assert not setup.is_live(tenant)
        assert go_live.missing(filled_second()) == {}

    def test_going_live_makes_the_calendar_ring(self):
        tenant = filled(blackout=["2026-12-31"])
        assert go_live.missing(tenant) == {}
        first = go_live.go_live(tenant, actor="ann")
        row = FinanceCalendar.objects.get()
        assert (row.sync_cron, row.blackout) == ("0 9 * * 1-5", ["2026-12-31"])
        assert row.next_run_at == first > timezone.now()
        tenant.refresh_from_db()
        assert (tenant.paused_for, tenant.paused_reason, tenant.paused_at) == ("", "", None)
        entry = AuditEntry.objects.get(action="tenant.live")
        assert entry.actor == "ann"
        assert PostingSettings.objects.get().lanes == 1

    def test_twice_is_told(self):
        tenant = filled()
        go_live.go_live(tenant, actor="ann")
        with pytest.raises(ValueError, match="live already"):
            go_live.go_live(tenant, actor="bob")
        assert AuditEntry.objects.filter(action="tenant.live").count() == 1

    def test_configure_tenant_makes_it_live_at_once_and_says_so(self, tmp_path, capsys):
        tenant = filled()
        file = tmp_path / "acme.json"
        file.write_text('{"slug": "acme", "posting": {"lanes": 3}}', encoding="utf-8")
        call_command("configure_tenant", str(file))
        assert setup.is_live(tenant)
        assert pauses.kind(Tenant.objects.get()) == ""
        assert FinanceCalendar.objects.get().sync_cron == "0 9 * * 1-5"
        entry = AuditEntry.objects.get(action="tenant.live")
        assert entry.actor == "configure_tenant"
        said = "Tenant acme is live now: bills are entered in Epicor from its next cycle on.\n"
        assert capsys.readouterr().out == f"{said}  posting.lanes\n"
        call_command("configure_tenant", str(file))
        assert capsys.readouterr().out == "Tenant acme is as the file says; nothing changed.\n"
        assert AuditEntry.objects.filter(action="tenant.live").count() == 1

    def test_a_tenant_file_needs_routes_for_a_tenant_in_the_making(self):
        tenant = filled()
        EntityRoute.objects.all().delete()
        document = {"slug": "acme", "posting": {"lanes": 3}}
        assert problems(lambda: tenant_file.apply(document)) == ["entities: is required"]
        tenant_file.apply(document | ENTITIES)
        assert not setup.is_live(tenant)
        assert pauses.kind(Tenant.objects.get()) == pauses.SETUP

    def test_before_it_neither_the_tick_nor_a_ring_nor_a_command_writes(self):
        tenant = filled()
        Posting.objects.create(tenant=tenant, bill_id="b")
        schedule.tick()
        assert not Job.objects.filter(kind__in=RUNS).exists()
        enqueue_sync(tenant, due_only=True)  # a replay on a page
        run = Job.objects.get(kind__in=RUNS)
        assert "Not live yet" in runner.run(run.pk)
        run.refresh_from_db()
        assert run.finished_at is not None
        with pytest.raises(PausedError, match="Not live yet"):
            run_cycle(tenant, force=True)
        assert Posting.objects.get().state == "queued"
        assert not Attempt.objects.exists()
        assert pauses.kind(Tenant.objects.get()) == "setup"

    def test_bills_from_before_the_start_date_are_left_alone(self):
        tenant = filled()
        old = {"issued_at": "2026-01-05T00:00:00+00:00", "created_at": "2026-01-05T10:00:00+00:00"}
        for bill_id, changes in [
            ("old", old),
            ("new", {}),
            ("judged", old),
            ("tried", old),
            ("named", old),
        ]:
            Posting.objects.create(tenant=tenant, bill_id=bill_id)
            Bill.objects.create(
                tenant=tenant,
                bill_id=bill_id,
                payload=bill_payload(id=bill_id, **changes),
                content_hash="x",
                seen_at=timezone.now(),
            )
        Posting.objects.filter(bill_id="judged").update(twins_cleared=[["EPIC06", 1, "X"]])
        Posting.objects.filter(bill_id="named").update(given_num="OTHER-1")
        Attempt.objects.create(
            tenant=tenant,
            subject_kind="posting",
            subject_id="tried",
            action="enter_invoice",
            request={},
            request_hash="x",
            started_at=timezone.now() - timedelta(days=1),
        )
        store_settings(tenant, {"posting": {"start_date": "2026-06-01"}})
        go_live.go_live(tenant, actor="ann")
        left = set(Posting.objects.values_list("bill_id", flat=True))
        assert left == {"new", "judged", "tried", "named"}
        assert AuditEntry.objects.get(action="tenant.live").body["left"] == 1

    def test_no_secret_is_on_the_record(self):
        go_live.go_live(filled(), actor="ann")
        said = json.dumps(list(AuditEntry.objects.values_list("body", flat=True)))
        assert "secret" not in said.replace("client_secret", "").replace("webhook_secret", "")


def filled_second() -> Tenant:
    Tenant.objects.filter(slug="acme").update(slug="first")
    return filled()
