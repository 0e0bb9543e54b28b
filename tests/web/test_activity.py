"""What a person asked for: the list, the badge on every page, and how far one is."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from connector.actions import requests
from connector.actions.job_results import result_text
from connector.jobs import registry, runner, schedule
from connector.jobs.models import Job
from connector.jobs.registry import Done, JobError
from connector.tenants.models import Tenant
from mappings.files import MappingFileError
from tests import builders
from tests.builders import over
from tests.web.rows import make_posting


@pytest.fixture
def client(tenant: Tenant) -> Client:
    client = Client()
    client.force_login(builders.make_user("ann", tenant))
    return client


def make_job(tenant: Tenant, **values: Any) -> Job:
    return builders.make_job(tenant, **{"kind": "import", "title": "Import of vendors", **values})


def ended(at: datetime, **values: Any) -> dict[str, Any]:
    return {**over(**values), "finished_at": at}


def text(client: Client, address: str, **headers: str) -> str:
    answer = client.get(address, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_list_has_ones_own_jobs_of_this_tenant_newest_first(
    client: Client, tenant: Tenant
) -> None:
    make_job(tenant, title="First", **over("4 rows were imported."))
    make_job(tenant, title="Second", **over("Row 3 is bad.", failed=True))
    make_job(tenant, title="Of another", actor="bob")
    make_job(builders.make_tenant("other"), title="Elsewhere")
    page = text(client, "/t/acme/activity/")
    assert page.index("Second") < page.index("First")
    assert "4 rows were imported." in page
    assert "Failed" in page
    assert "Of another" not in page
    assert "Elsewhere" not in page


def test_the_list_does_not_read_what_the_jobs_carry(
    client: Client, tenant: Tenant, django_assert_num_queries: Any
) -> None:
    for number in range(3):
        rows = {"rows": [[number, "v-1"]] * 100}
        make_job(tenant, title=f"T{number}", arguments=rows, details=rows)
    with django_assert_num_queries(1):
        found = requests.recent(tenant, actor="ann")
    assert [one.title for one in found] == ["T2", "T1", "T0"]
    assert all({"arguments", "details"} <= one.get_deferred_fields() for one in found)


def test_what_was_over_long_ago_is_forgotten_but_for_the_last_of_its_kind(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    old, late = now - schedule.KEPT - timedelta(days=1), now - schedule.KEPT + timedelta(days=1)
    gone = [make_job(tenant, title=str(number), **ended(old)) for number in range(3)]
    stay = [
        make_job(tenant, **ended(old, failed=True)),  # the last that failed
        make_job(tenant, kind="other", **ended(old)),
        make_job(builders.make_tenant("other"), **ended(old)),
        make_job(tenant, **ended(late)),
        make_job(tenant),
        make_job(tenant, **over()),
    ]
    monkeypatch.setattr(schedule, "_PRUNED_AT_ONCE", 2)
    assert [schedule.prune(now), schedule.prune(now), schedule.prune(now)] == [2, 1, 0]
    left = set(Job.objects.values_list("pk", flat=True))
    assert left == {job.pk for job in stay}
    assert not left & {job.pk for job in gone}


@pytest.mark.parametrize(
    ("error", "said", "logged"),
    [
        (JobError("no_companies"), "Name the Epicor companies", False),
        (MappingFileError("Row 3 is wrong."), "Row 3 is wrong.", False),
        (ValueError("invalid literal for int()"), "An unexpected error", True),
        (UnicodeDecodeError("utf-8", b"", 0, 1, "x"), "An unexpected error", True),
    ],
)
def test_an_internal_error_message_is_not_shown(
    tenant: Tenant,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    said: str,
    logged: bool,
) -> None:
    def fails(job: Job) -> Done:
        raise error

    monkeypatch.setattr(registry, "_handlers", {})
    registry.job("import", expected=(MappingFileError,))(fails)
    job = make_job(tenant)
    assert runner.run(job.pk)
    job.refresh_from_db()
    assert job.failed
    assert result_text(job).startswith(said)
    assert bool([one for one in caplog.records if one.exc_info]) is logged


def test_an_empty_list_says_what_will_be_there(client: Client) -> None:
    assert "You requested nothing yet." in text(client, "/t/acme/activity/")


def test_every_page_says_how_many_are_under_way(client: Client, tenant: Tenant) -> None:
    assert "under way</a>" not in text(client, "/t/acme/bills/")
    make_job(tenant)
    make_job(tenant, **over())
    make_job(tenant, actor="bob")
    assert "1 under way</a>" in text(client, "/t/acme/bills/")


def test_a_moving_job_fetches_itself_and_its_end_is_announced(
    client: Client, tenant: Tenant
) -> None:
    job = make_job(tenant, done=2, total=9, lease_until=timezone.now())
    address = f"/t/acme/activity/{job.pk}/"
    piece = text(client, address, **{"HX-Request": "true"})
    assert 'hx-trigger="every 1s"' in piece
    assert "2 of 9 done." in piece
    assert "data-announce" not in piece
    Job.objects.update(**over("9 rows were imported."))
    piece = text(client, address, **{"HX-Request": "true"})
    assert "hx-trigger" not in piece
    assert 'data-announce="Import of vendors: 9 rows were imported."' in piece
    assert "data-announce" not in text(client, address)  # who opens it reads it


def test_a_replay_says_what_became_of_its_bills_and_their_exact_money(
    client: Client, tenant: Tenant
) -> None:
    now = timezone.now()
    made = [
        make_posting(tenant, "a", state="entered", amount="0.1"),
        make_posting(tenant, "b", state="confirmed", amount="0.2"),
        make_posting(tenant, "c", hold_reason="refused"),
        make_posting(tenant, "d", state="dismissed"),
        make_posting(tenant, "e", state="queued"),
        make_posting(tenant, "f", state="entered", not_before=now),  # to be looked at again
    ]
    ids = [posting.pk for posting in made]
    job = make_job(tenant, kind="replay", arguments={"ids": ids}, **over())
    progress = requests.progress(job)
    assert (progress.total, progress.entered, progress.held) == (6, 2, 1)
    assert (progress.left, progress.waiting, progress.over) == (1, 2, False)
    assert f"{progress.money.sums['USD']:.4f}" == "0.3000"
    page = text(client, f"/t/acme/activity/{job.pk}/")
    assert "2 of 6 bills still to go." in page
    assert "0.30 USD" in page
    assert "1 waits for a person again" in page


def test_another_tenants_job_is_not_found(client: Client) -> None:
    job = make_job(builders.make_tenant("other"))
    assert client.get(f"/t/acme/activity/{job.pk}/").status_code == 404
