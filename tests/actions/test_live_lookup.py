"""Looking in Epicor for one bill, on the stand-ins: what is found, what is said, what is kept."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from connector.actions import live_lookup as looking
from connector.actions.job_results import result_text
from connector.jobs import registry, runner
from connector.jobs.models import Job
from connector.sync.bills.run import run_cycle
from connector.tenants.models import EpicorCredentials, Tenant
from tests import builders
from tests.web.rows import make_posting

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def tenant(box: Any) -> Tenant:
    """The demo tenant with its first cycle done."""
    from connector.management import demo_data

    made = demo_data.install(box.world, box.ramp.url, box.epicor.url)
    run_cycle(made, budget_s=60)
    return made


def look(posting: Posting) -> Job:
    """Ask, and be the worker."""
    job = looking.request_look(posting.tenant, posting, actor="ann")
    assert runner.run(job.pk)
    job.refresh_from_db()
    return job


def test_an_entered_bill_is_found_as_it_was_entered(box: Any, tenant: Tenant) -> None:
    posting = Posting.objects.filter(tenant=tenant, state="confirmed").latest("pk")
    before = dict(Posting.objects.filter(pk=posting.pk).values().get())
    box.epicor.log.clear()
    job = look(posting)
    assert not job.failed, result_text(job)
    asked = {path.rsplit("/", 1)[-1] for _, path, _ in box.epicor.log}
    assert asked <= {"GetRows", "token"}, "a look only reads"
    (seen,) = job.details["invoices"]
    draft = posting.entered_as
    assert seen["ours"] is True
    assert seen["invoice_num"] == posting.invoice_num
    assert [line["accounts"] for line in seen["lines"]] == [
        [line["account"]] for line in draft["lines"]
    ]
    for name in ("company", "vendor_num", "invoice_date", "apply_date", "due_date", "terms_code"):
        assert seen[name] == draft[name], name
    assert result_text(job).startswith(f"Epicor has invoice {posting.invoice_num} of vendor")
    assert result_text(job).endswith("Nothing was changed.")
    assert dict(Posting.objects.filter(pk=posting.pk).values().get()) == before
    (entry,) = AuditEntry.objects.filter(action="posting.looked_at")
    assert (entry.actor, entry.subject_id, entry.body["message"]) == (
        "ann",
        posting.bill_id,
        result_text(job),
    )


def test_a_bill_that_is_not_there_is_said_to_be_not_there(box: Any, tenant: Tenant) -> None:
    posting = Posting.objects.filter(tenant=tenant).exclude(hold_reason="").earliest("pk")
    job = look(posting)
    assert job.details["invoices"] == []
    assert result_text(job).startswith("Epicor has no invoice of this bill in EPIC06")


def test_an_invoice_typed_under_its_number_is_shown_as_somebody_elses(
    box: Any, tenant: Tenant
) -> None:
    posting = Posting.objects.filter(tenant=tenant, state="confirmed").latest("pk")
    # To us it is a bill of another id, whose number somebody has used already.
    Posting.objects.filter(pk=posting.pk).update(bill_id="another")
    posting.refresh_from_db()
    job = look(posting)
    (seen,) = job.details["invoices"]
    assert seen["ours"] is False
    assert "without this bill's id: typed by a person" in result_text(job)


def test_a_system_that_refuses_us_is_said_in_a_sentence(box: Any, tenant: Tenant) -> None:
    posting = Posting.objects.filter(tenant=tenant, state="confirmed").latest("pk")
    EpicorCredentials.objects.filter(tenant=tenant).delete()
    job = look(posting)
    assert job.failed
    assert "has no Epicor connection yet" in result_text(job)
    assert job.details == {}
    assert not AuditEntry.objects.filter(action="posting.looked_at").exists()


def test_a_bill_that_is_gone_is_said_to_be_gone(tenant: Tenant) -> None:
    posting = Posting(tenant=tenant, bill_id="never")
    job = look(posting)
    assert (job.failed, result_text(job)) == (
        True,
        "There is no such bill, so nothing was looked up.",
    )


def test_without_a_company_there_is_nowhere_to_look(box: Any, tenant: Tenant) -> None:
    tenant.routes.all().delete()
    posting = Posting.objects.filter(tenant=tenant).exclude(hold_reason="").earliest("pk")
    assert result_text(look(posting)) == (
        "No Ramp entity has an Epicor company yet, so there was nowhere to look."
    )


def test_a_worker_knows_how_to_look() -> None:
    assert registry.find(looking.LOOK).function is looking.look


def test_of_three_who_ask_at_the_same_moment_one_look_comes() -> None:
    posting = make_posting(builders.make_tenant("acme"), "b1")
    start = Barrier(3)

    def ask(name: str) -> int:
        try:
            connection.ensure_connection()
            start.wait(timeout=30)
            return looking.request_look(posting.tenant, posting, actor=name).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(ask, ("ann", "bob", "cat")))
    assert len(set(found)) == Job.objects.count() == 1
