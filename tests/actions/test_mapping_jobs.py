"""Jobs about mappings: counting uses, looking at files and importing them, what-if."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from audit.ledger.models import Blocker, Posting
from audit.trail.models import AuditEntry
from audit.writes.models import Attempt
from connector.actions import mapping_import, mapping_usage, mapping_what_if, mirrored_bills
from connector.actions.job_results import result_text
from connector.jobs import registry, runner
from connector.jobs.models import Job
from connector.jobs.registry import Done
from connector.sync.models import Bill
from connector.tenants.models import Tenant
from mappings.catalog import (
    AccountRow,
    CurrencyRow,
    TermsRow,
    VendorRow,
    replace_accounts,
    replace_currencies,
    replace_terms,
    replace_vendors,
)
from mappings.decisions import decide, require_approval
from mappings.files import MappingFileError, MappingRow
from mappings.models import (
    CurrencyMapping,
    Dimension,
    GLAccountMapping,
    ProposedMapping,
    ReferenceUse,
    UseCount,
    VendorMapping,
)
from tests import builders
from tests.builders import bill_payload, choice, money

pytestmark = pytest.mark.django_db
CO = "EPIC06"


@pytest.fixture
def tenant() -> Tenant:
    return builders.make_tenant("acme")


def test_background_work_has_the_days_of_its_tenant(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    Tenant.objects.update(time_zone="Australia/Sydney")
    job = builders.make_job(tenant, mapping_usage.COUNT)
    seen: list[str] = []

    def look(job: Job) -> Done:
        seen.append(timezone.get_current_timezone_name())
        return Done("synced")

    monkeypatch.setattr(registry, "_handlers", {})
    registry.job(mapping_usage.COUNT)(look)
    assert runner.run(job.pk)
    assert seen == ["Australia/Sydney"]
    assert timezone.get_current_timezone_name() == "UTC"


def bill(
    tenant: Tenant, bill_id: str, *, vendor: str = "v-1", days: int = 3, **changes: Any
) -> Posting:
    """A posting with its mirrored bill of 120.00 USD: 100.00 on 6000 and 20.00 on 6100."""
    values = {
        name: changes.pop(name) for name in ("state", "company", "currency") if name in changes
    }
    payload = bill_payload(
        id=bill_id,
        vendor={"id": vendor, "name": f"Vendor {vendor}", "remote_id": "ACME"},
        **changes,
    )
    Bill.objects.create(
        tenant=tenant, bill_id=bill_id, payload=payload, content_hash="x", seen_at=timezone.now()
    )
    return Posting.objects.create(
        tenant=tenant,
        bill_id=bill_id,
        entity_id=payload["entity_id"],
        vendor_ramp_id=vendor,
        vendor_name=f"Vendor {vendor}",
        invoice_num=f"INV-{bill_id}",
        amount=Decimal(120),
        issued_on=builders.today() - timedelta(days=days),
        **{"currency": "USD", **values},
    )


def counted(tenant: Tenant) -> dict[tuple[str, str, str], tuple[int, dict[str, str]]]:
    return {
        (use.kind, use.company, use.ramp_id): (use.bills, use.sums)
        for use in ReferenceUse.objects.filter(tenant=tenant)
    }


def done(job: Job) -> Job:
    """The job after a worker has done all its parts."""
    for _ in range(100):
        runner.run(job.pk)
        job.refresh_from_db()
        if job.finished_at is not None:
            return job
    raise AssertionError("The job does not end.")


# Counting ---------------------------------------------------------------------------------------


def test_vendors_count_totals_and_accounts_count_their_lines(tenant: Tenant) -> None:
    Dimension.objects.create(tenant=tenant, ramp_field="cc", segment=3, kind="cost_centers")
    center = choice("410", field="cc", kind="OTHER")
    line = {"amount": money(10000), "accounting_field_selections": [choice("6000")]}
    other = {"amount": money(2000), "accounting_field_selections": [choice("6000"), center]}
    bill(tenant, "b1", line_items=[line, other])
    bill(tenant, "b2", accounting_field_selections=[center])
    job = done(mapping_usage.request_count(tenant))
    assert not job.failed
    assert counted(tenant) == {
        ("vendors", CO, "v-1"): (2, {"USD": "240.0000"}),
        ("gl_accounts", CO, "6000"): (2, {"USD": "220.00"}),
        ("gl_accounts", CO, "6100"): (1, {"USD": "20.00"}),
        ("cost_centers", CO, "410"): (2, {"USD": "140.00"}),
    }
    use = ReferenceUse.objects.get(kind="vendors")
    assert (use.name, use.issued_id) == ("Vendor v-1", "ACME")
    count = UseCount.objects.get()
    assert (count.bills, count.unreadable) == (2, 0)


def test_what_is_older_than_a_year_or_anothers_is_not_counted(tenant: Tenant) -> None:
    other = builders.make_tenant("other")
    bill(other, "theirs")
    bill(tenant, "old", days=366)
    bill(tenant, "just", days=365)
    done(mapping_usage.request_count(tenant))
    assert counted(tenant)["vendors", CO, "v-1"][0] == 1
    assert not counted(other)


def test_currencies_and_companies_are_kept_apart(tenant: Tenant) -> None:
    bill(tenant, "b1")
    bill(tenant, "b2", currency="EUR", company="EPIC07", amount=money(12000, "EUR"), line_items=[])
    bill(tenant, "b3", entity_id="nowhere")
    done(mapping_usage.request_count(tenant))
    vendors = {key[1]: value for key, value in counted(tenant).items() if key[0] == "vendors"}
    assert vendors == {
        CO: (1, {"USD": "120.0000"}),
        "EPIC07": (1, {"EUR": "120.0000"}),
        "": (1, {"USD": "120.0000"}),
    }


def test_a_bill_that_cannot_be_read_counts_for_its_vendor_only(tenant: Tenant) -> None:
    bill(tenant, "b1")
    Bill.objects.filter(bill_id="b1").update(payload={"id": "b1"})
    bill(tenant, "b2")
    Bill.objects.filter(bill_id="b2").delete()
    done(mapping_usage.request_count(tenant))
    assert list(counted(tenant)) == [("vendors", CO, "v-1")]
    assert UseCount.objects.get().unreadable == 2


def test_it_goes_on_where_it_stopped_and_lets_others_have_their_turn(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrored_bills, "SLICE", 2)
    monkeypatch.setattr(mirrored_bills, "STEP_S", -1.0)
    ReferenceUse.objects.create(tenant=tenant, kind="vendors", ramp_id="gone", bills=1)
    for number in range(5):
        bill(tenant, f"b{number}")
    job = mapping_usage.request_count(tenant)
    assert job is not None
    runner.run(job.pk)
    job.refresh_from_db()
    assert (job.finished_at, job.lease_until, job.done, job.total) == (None, None, 2, 5)
    assert counted(tenant) == {("vendors", "", "gone"): (1, {})}  # the old count until the end
    job = done(job)
    assert counted(tenant)["vendors", CO, "v-1"] == (5, {"USD": "600.0000"})
    assert counted(tenant)["gl_accounts", CO, "6100"] == (5, {"USD": "100.00"})
    assert ("vendors", "", "gone") not in counted(tenant)
    assert job.details == {}


def test_it_is_asked_for_once_and_again_after_hours(tenant: Tenant) -> None:
    def begun(now: datetime) -> int:
        before = Job.objects.count()
        mapping_usage.request_old_counts(now)
        return Job.objects.count() - before

    now = timezone.now()
    assert begun(now) == 0  # nothing to count
    bill(tenant, "b1")
    assert begun(now) == 1
    assert begun(now) == 0
    assert mapping_usage.request_count(tenant) is None
    done(Job.objects.get())
    assert begun(now + timedelta(hours=5)) == 0
    assert begun(now + timedelta(hours=7)) == 1


# Files ------------------------------------------------------------------------------------------


def rows(*pairs: tuple[str, str]) -> list[MappingRow]:
    return [MappingRow(n, ref, "", target, "") for n, (ref, target) in enumerate(pairs, start=2)]


def looked_at(tenant: Tenant, *pairs: tuple[str, str]) -> Job:
    return done(
        mapping_import.request_preview(tenant, "vendors", "m.csv", rows(*pairs), actor="ann")
    )


def held(tenant: Tenant, bill_id: str, ref: str) -> Posting:
    posting = bill(tenant, bill_id, vendor=ref)
    posting.hold_reason, posting.hold_opened_at = "vendor_unmapped", timezone.now()
    posting.save()
    Blocker.objects.create(
        posting=posting,
        reason="vendor_unmapped",
        kind="vendors",
        company=CO,
        ramp_id=ref,
        message="x",
    )
    return posting


def test_a_preview_changes_nothing_and_says_everything(tenant: Tenant) -> None:
    VendorMapping.objects.create(tenant=tenant, ramp_id="v-1", epicor_id="A")
    held(tenant, "b1", "v-2")
    looked = looked_at(tenant, ("v-1", "A"), ("v-2", "B"), ("v-3", ""))
    assert result_text(looked) == "3 rows were checked. Nothing was changed yet."
    assert looked.details["counts"] == {"same": 1, "new": 1, "error": 1}
    assert (looked.details["bills"], mapping_import.sums_of(looked, "sums")) == (
        1,
        {"USD": Decimal(120)},
    )
    assert [row.what for row in mapping_import.seen_rows(looked)] == ["same", "new", "error"]
    (wrong,) = mapping_import.seen_rows(looked, "error")
    assert (wrong.row.number, wrong.error[:17]) == (4, "The Epicor target")
    assert VendorMapping.objects.count() == 1
    with pytest.raises(MappingFileError, match="cannot be imported"):
        mapping_import.request_import(looked, actor="ann", with_replay=True)


def test_an_import_does_what_was_said_and_replays_what_it_frees(tenant: Tenant) -> None:
    posting = held(tenant, "b1", "v-2")
    looked = looked_at(tenant, ("v-1", "A"), ("v-2", "B"))
    job = mapping_import.request_import(looked, actor="ann", with_replay=True)
    assert mapping_import.request_import(looked, actor="ann", with_replay=True).pk == job.pk
    job = done(job)
    assert result_text(job) == "2 new, 0 changed, 0 as they were. 1 bill is tried again."
    assert VendorMapping.objects.get(ramp_id="v-2").updated_by == "ann"
    posting.refresh_from_db()
    assert posting.hold_reason == ""
    again = Job.objects.get(pk=job.data["replay"])
    assert again.arguments == {"ids": [posting.pk]}


def test_an_import_without_replay_leaves_the_bills(tenant: Tenant) -> None:
    posting = held(tenant, "b1", "v-2")
    job = mapping_import.request_import(
        looked_at(tenant, ("v-2", "B")), actor="ann", with_replay=False
    )
    assert result_text(done(job)) == "1 new, 0 changed, 0 as they were."
    posting.refresh_from_db()
    assert posting.hold_reason == "vendor_unmapped"


def test_what_changed_meanwhile_stops_the_import(tenant: Tenant) -> None:
    looked = looked_at(tenant, ("v-1", "A"), ("v-2", "B"))
    VendorMapping.objects.create(tenant=tenant, ramp_id="v-2", epicor_id="C")
    job = done(mapping_import.request_import(looked, actor="ann", with_replay=True))
    assert job.failed
    assert "row 3 (v-2: was not mapped, is C)" in result_text(job)
    assert VendorMapping.objects.count() == 1


def test_a_target_that_went_meanwhile_stops_the_import(tenant: Tenant) -> None:
    looked = looked_at(tenant, ("v-1", "A"))
    replace_vendors(tenant.pk, CO, [VendorRow(1, "B", "Beta")])
    job = done(mapping_import.request_import(looked, actor="ann", with_replay=True))
    assert job.failed
    assert "Row 2: No company has vendor 'A'" in result_text(job)


def test_with_approval_an_import_proposes_and_replays_nothing(tenant: Tenant) -> None:
    posting = held(tenant, "b1", "v-2")
    require_approval(tenant.pk, needed=True, actor="boss")
    looked = looked_at(tenant, ("v-1", "A"), ("v-2", "B"))
    job = done(mapping_import.request_import(looked, actor="ann", with_replay=True))
    assert result_text(job) == "Waiting for somebody to approve: 2 changes."
    assert ProposedMapping.objects.filter(proposed_by="ann", source="import").count() == 2
    posting.refresh_from_db()
    assert posting.hold_reason == "vendor_unmapped"


def test_rows_that_were_imported_are_not_kept(tenant: Tenant) -> None:
    looked = looked_at(tenant, ("v-1", "A"))
    assert not mapping_import.is_past(looked)
    job = done(mapping_import.request_import(looked, actor="ann", with_replay=False))
    looked.refresh_from_db()
    assert (looked.arguments["rows"], looked.details["effects"]) == ([], [])
    assert (looked.arguments["kind"], looked.details["counts"]) == ("vendors", {"new": 1})
    assert mapping_import.is_past(looked)
    assert mapping_import.request_import(looked, actor="ann", with_replay=False) == job
    job.delete()
    with pytest.raises(MappingFileError, match="not kept any more"):
        mapping_import.request_import(looked, actor="ann", with_replay=False)


def test_rows_that_could_not_be_imported_are_kept_to_look_at_again(tenant: Tenant) -> None:
    looked = looked_at(tenant, ("v-1", "A"))
    VendorMapping.objects.create(tenant=tenant, ramp_id="v-1", epicor_id="C")
    assert done(mapping_import.request_import(looked, actor="ann", with_replay=True)).failed
    looked.refresh_from_db()
    assert not mapping_import.is_past(looked)
    assert len(mapping_import.rows_of(looked)) == 1


# What if ----------------------------------------------------------------------------------------


@pytest.fixture
def coded(tenant: Tenant) -> Tenant:
    """A tenant whose bills can be coded: v-1 → ACME, 6000 and 6100 mapped."""
    vendors = [VendorRow(1, "ACME", "Acme", "N30"), VendorRow(2, "BETA", "Beta", "N30")]
    replace_vendors(tenant.pk, CO, vendors)
    replace_accounts(
        tenant.pk, CO, [AccountRow("6000|01"), AccountRow("6100|01"), AccountRow("7|1")]
    )
    replace_terms(tenant.pk, CO, [TermsRow("N30")])
    replace_currencies(tenant.pk, CO, [CurrencyRow("USD", is_base=True)])
    CurrencyMapping.objects.create(tenant=tenant, iso="USD", epicor_code="USD")
    VendorMapping.objects.create(tenant=tenant, ramp_id="v-1", ramp_name="Acme", epicor_id="ACME")
    for ref in ("6000", "6100"):
        GLAccountMapping.objects.create(tenant=tenant, ramp_id=ref, epicor_id=f"{ref}|01")
    return tenant


def supposed(tenant: Tenant, kind: str, ref: str, target: str, days: int = 30) -> Job:
    wish = [MappingRow(0, ref, "", target, "")]
    return done(mapping_what_if.request_what_if(tenant, kind, wish, days, actor="ann"))


def test_what_if_lists_the_bills_that_would_differ_and_changes_nothing(coded: Tenant) -> None:
    bill(coded, "b1", state="confirmed")
    bill(coded, "b2")
    bill(coded, "b3", vendor="v-2")  # held, whatever v-1 is
    bill(coded, "old", days=31)
    before = list(Posting.objects.values()), AuditEntry.objects.count(), Attempt.objects.count()
    job = supposed(coded, "vendors", "v-1", "BETA")
    after = list(Posting.objects.values()), AuditEntry.objects.count(), Attempt.objects.count()
    assert before == after
    assert VendorMapping.objects.get().epicor_id == "ACME"
    found = mapping_what_if.Found.from_json(job.details)
    assert (found.looked_at, found.bills, found.entered) == (3, 2, 1)
    assert found.sums == {"USD": Decimal(240)}
    assert [(one["bill_id"], one["entered"], one["fields"]) for one in found.examples] == [
        ("b1", True, [{"field": "vendor", "before": "ACME", "after": "BETA"}]),
        ("b2", False, [{"field": "vendor", "before": "ACME", "after": "BETA"}]),
    ]
    assert "2 of 3 bills" in result_text(job)
    assert "Nothing was changed." in result_text(job)


def test_a_bill_that_breaks_what_if_or_the_count_is_left_out_alone(
    coded: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("b1", "odd", "b3"):
        bill(coded, name)
    real = mirrored_bills.parse_bill

    def broken(payload: Any) -> Any:
        if payload["id"] == "odd":
            raise OverflowError("date value out of range")
        return real(payload)

    monkeypatch.setattr(mirrored_bills, "parse_bill", broken)
    found = mapping_what_if.Found.from_json(supposed(coded, "vendors", "v-1", "BETA").details)
    assert (found.looked_at, found.left_out, found.bills) == (3, 1, 2)

    monkeypatch.undo()
    coding = mapping_what_if.coding_request

    def breaks(one: Any, *rest: Any) -> Any:
        if one.id == "odd":
            raise OverflowError("date value out of range")
        return coding(one, *rest)

    monkeypatch.setattr(mapping_what_if, "coding_request", breaks)
    monkeypatch.setattr(mapping_usage, "coding_request", breaks)
    found = mapping_what_if.Found.from_json(supposed(coded, "vendors", "v-1", "").details)
    assert (found.looked_at, found.left_out) == (3, 1)
    tally = mapping_usage.Tally()
    mapping_usage.tally_up(tally, mirrored_bills.after(coded, date(2000, 1, 1), 0), [])
    assert (tally.bills, tally.unreadable) == (3, 1)


def test_what_if_counts_what_would_wait_and_what_would_go(coded: Tenant) -> None:
    bill(coded, "b1")
    bill(coded, "b2", vendor="v-2")
    gone = mapping_what_if.Found.from_json(supposed(coded, "vendors", "v-1", "").details)
    assert (gone.bills, gone.would_wait, gone.would_go) == (1, 1, 0)
    new = mapping_what_if.Found.from_json(supposed(coded, "vendors", "v-2", "BETA").details)
    assert (new.bills, new.would_wait, new.would_go) == (1, 0, 1)


def test_what_if_of_an_account_names_the_line(coded: Tenant) -> None:
    bill(coded, "b1")
    found = mapping_what_if.Found.from_json(supposed(coded, "gl_accounts", "6100", "7|1").details)
    assert found.examples[0]["fields"] == [
        {"field": "line 2 account", "before": "6100|01", "after": "7|1"}
    ]


def test_what_cannot_be_looked_at_is_counted(coded: Tenant) -> None:
    bill(coded, "b1")
    Bill.objects.filter(bill_id="b1").delete()
    bill(coded, "b2", entity_id="nowhere")
    found = mapping_what_if.Found.from_json(supposed(coded, "vendors", "v-1", "BETA").details)
    assert (found.looked_at, found.left_out, found.bills) == (2, 2, 0)


def test_many_bills_are_looked_at_in_parts_and_200_are_shown(
    coded: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrored_bills, "SLICE", 4)
    monkeypatch.setattr(mirrored_bills, "STEP_S", -1.0)
    monkeypatch.setattr(mapping_what_if, "SHOWN", 3)
    for number in range(10):
        bill(coded, f"b{number}")
    wish = [MappingRow(0, "v-1", "", "BETA", "")]
    job = mapping_what_if.request_what_if(coded, "vendors", wish, 30, actor="ann")
    runner.run(job.pk)
    job.refresh_from_db()
    assert (job.finished_at, job.done, job.total) == (None, 4, 10)
    found = mapping_what_if.Found.from_json(done(job).details)
    assert (found.looked_at, found.bills, len(found.examples)) == (10, 10, 3)
    assert found.sums == {"USD": Decimal(1200)}


def test_each_person_has_one_question_under_way(coded: Tenant) -> None:
    bill(coded, "b1")
    wish = [MappingRow(0, "v-1", "", "BETA", "")]
    job = mapping_what_if.request_what_if(coded, "vendors", wish, 30, actor="ann")
    assert mapping_what_if.request_what_if(coded, "vendors", wish, 30, actor="ann") == job
    with pytest.raises(MappingFileError, match=r"another one under way: .What if v-1 were mapped"):
        mapping_what_if.request_what_if(coded, "vendors", wish, 60, actor="ann")
    assert mapping_what_if.request_what_if(coded, "vendors", wish, 30, actor="bob") != job
    done(job)
    assert mapping_what_if.request_what_if(coded, "vendors", wish, 60, actor="ann") != job


@pytest.mark.parametrize(
    ("kind", "wish", "days", "words"),
    [
        ("vendors", ("v-1", "NOBODY"), 30, "No company has vendor 'NOBODY'"),
        ("vendors", ("", ""), 30, "The Ramp id"),
        ("vendors", ("v-1", "BETA"), 0, "between 1 and 365"),
        ("vendors", ("v-1", "BETA"), 366, "between 1 and 365"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(
    coded: Tenant, kind: str, wish: tuple[str, str], days: int, words: str
) -> None:
    with pytest.raises(MappingFileError, match=words):
        mapping_what_if.request_what_if(
            coded, kind, [MappingRow(0, wish[0], "", wish[1], "")], days, actor="a"
        )
    with pytest.raises(MappingFileError, match="no rows"):
        mapping_what_if.request_what_if(coded, kind, [], 30, actor="a")
    assert not Job.objects.exists()


def test_what_if_is_what_the_change_then_does(coded: Tenant) -> None:
    for number, vendor in enumerate(["v-1", "v-2", "v-1", "v-3"]):
        bill(coded, f"b{number}", vendor=vendor)
    told = mapping_what_if.Found.from_json(supposed(coded, "vendors", "v-1", "BETA").details)
    decide(
        coded.pk, "vendors", company="", ramp_id="v-1", ramp_name="", epicor_id="BETA", actor="a"
    )
    back = mapping_what_if.Found.from_json(supposed(coded, "vendors", "v-1", "ACME").details)
    assert [one["bill_id"] for one in told.examples] == [one["bill_id"] for one in back.examples]
    again = mapping_what_if.Found.from_json(supposed(coded, "vendors", "v-1", "BETA").details)
    assert again.bills == 0
