"""What a person asked for: the list, the badge on every page, and how far one is."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from connector.actions import requests, runner
from connector.jobs.models import Errand
from connector.tenants.models import Tenant
from mappings.files import MappingFileError
from tests import builders
from tests.web.rows import make_posting


@pytest.fixture
def client(tenant: Tenant) -> Client:
    client = Client()
    client.force_login(builders.make_user("ann", tenant))
    return client


def make_errand(tenant: Tenant, **values: Any) -> Errand:
    now = timezone.now()
    defaults = {"kind": "import", "title": "Import of vendors", "actor": "ann"}
    moments = {"asked_at": now, "rung_at": now}
    return Errand.objects.create(tenant=tenant, **{**defaults, **moments, **values})


def text(client: Client, address: str, **headers: str) -> str:
    answer = client.get(address, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_list_has_ones_own_errands_of_this_tenant_newest_first(
    client: Client, tenant: Tenant
) -> None:
    make_errand(tenant, title="First", finished_at=timezone.now(), said="4 rows were imported.")
    make_errand(
        tenant, title="Second", finished_at=timezone.now(), failed=True, said="Row 3 is bad."
    )
    make_errand(tenant, title="Of another", actor="bob")
    make_errand(builders.make_tenant("other"), title="Elsewhere")
    page = text(client, "/t/acme/errands/")
    assert page.index("Second") < page.index("First")
    assert "4 rows were imported." in page
    assert "Failed" in page
    assert "Of another" not in page
    assert "Elsewhere" not in page


def test_the_list_does_not_read_what_the_errands_carry(
    client: Client, tenant: Tenant, django_assert_num_queries: Any
) -> None:
    for number in range(3):
        rows = {"rows": [[number, "v-1"]] * 100}
        make_errand(tenant, title=f"T{number}", arguments=rows, result=rows)
    with django_assert_num_queries(1):
        found = requests.recent(tenant, actor="ann")
    assert [one.title for one in found] == ["T2", "T1", "T0"]
    assert all({"arguments", "result"} <= one.get_deferred_fields() for one in found)


def test_what_was_over_long_ago_is_forgotten_but_for_the_last_of_its_kind(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    old, late = now - runner.KEPT - timedelta(days=1), now - runner.KEPT + timedelta(days=1)
    gone = [make_errand(tenant, finished_at=old, title=str(number)) for number in range(3)]
    stay = [
        make_errand(tenant, finished_at=old, failed=True),  # the last that failed
        make_errand(tenant, finished_at=old, kind="other"),
        make_errand(builders.make_tenant("other"), finished_at=old),
        make_errand(tenant, finished_at=late),
        make_errand(tenant, finished_at=None),
        make_errand(tenant, finished_at=now),
    ]
    monkeypatch.setattr(runner, "_PRUNED_AT_ONCE", 2)
    assert [runner.prune(now), runner.prune(now), runner.prune(now)] == [2, 1, 0]
    left = set(Errand.objects.values_list("pk", flat=True))
    assert left == {errand.pk for errand in stay}
    assert not left & {errand.pk for errand in gone}


@pytest.mark.parametrize(
    ("error", "said", "logged"),
    [
        (requests.ErrandError("Name the companies first."), "Name the companies first.", False),
        (MappingFileError("Row 3 is wrong."), "Row 3 is wrong.", False),
        (ValueError("invalid literal for int()"), "Something nobody foresaw", True),
        (UnicodeDecodeError("utf-8", b"", 0, 1, "x"), "Something nobody foresaw", True),
    ],
)
def test_a_mistake_of_ours_is_no_sentence_for_people(
    tenant: Tenant,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    said: str,
    logged: bool,
) -> None:
    def fails(errand: Errand, report: runner.Report) -> str:
        raise error

    monkeypatch.setattr(runner, "WORK", {"import": fails})
    errand = make_errand(tenant)
    assert runner.run(errand.pk)
    errand.refresh_from_db()
    assert errand.failed
    assert errand.said.startswith(said)
    assert bool([one for one in caplog.records if one.exc_info]) is logged


def test_an_empty_list_says_what_will_be_there(client: Client) -> None:
    assert "You asked for nothing yet." in text(client, "/t/acme/errands/")


def test_every_page_says_how_many_are_under_way(client: Client, tenant: Tenant) -> None:
    assert "under way</a>" not in text(client, "/t/acme/bills/")
    make_errand(tenant)
    make_errand(tenant, finished_at=timezone.now())
    make_errand(tenant, actor="bob")
    assert "1 under way</a>" in text(client, "/t/acme/bills/")


def test_a_moving_errand_fetches_itself_and_its_end_is_announced(
    client: Client, tenant: Tenant
) -> None:
    errand = make_errand(tenant, done=2, total=9, lease_until=timezone.now())
    address = f"/t/acme/errands/{errand.pk}/"
    piece = text(client, address, **{"HX-Request": "true"})
    assert 'hx-trigger="every 1s"' in piece
    assert "2 of 9 done." in piece
    assert "data-announce" not in piece
    Errand.objects.update(finished_at=timezone.now(), said="9 rows were imported.")
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
    errand = make_errand(tenant, kind="replay", finished_at=now, arguments={"ids": ids})
    progress = requests.progress(errand)
    assert (progress.total, progress.entered, progress.held) == (6, 2, 1)
    assert (progress.left, progress.waiting, progress.over) == (1, 2, False)
    assert f"{progress.money.sums['USD']:.4f}" == "0.3000"
    page = text(client, f"/t/acme/errands/{errand.pk}/")
    assert "2 of 6 bills still to go." in page
    assert "0.30 USD" in page
    assert "1 waits for a person again" in page


def test_another_tenants_errand_is_not_found(client: Client) -> None:
    errand = make_errand(builders.make_tenant("other"))
    assert client.get(f"/t/acme/errands/{errand.pk}/").status_code == 404
