"""The Epicor client against the stand-in: both versions, three logins, both ways of reading."""

import threading
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from connector.domain.errors import (
    AccessError,
    DuplicateInvoiceError,
    RejectedError,
    TransientError,
    UncertainOutcomeError,
)
from connector.epicor import client as client_module
from connector.epicor import contract
from connector.epicor.client import EpicorClient, MethodAnswer
from connector.epicor.errors import ContractMismatchError, HeavyServiceError, RecordMissingError
from connector.http_client.models import AccessToken
from connector.http_client.tokens import TokenExpiredError
from connector.tenants.epicor_connection import connect_epicor, keep_facts
from connector.tenants.models import EpicorCredentials, Tenant
from tests.builders import connect, make_tenant

pytestmark = pytest.mark.django_db(transaction=True)
COMPANY = "EPIC06"
COLUMNS = ("VendorNum", "VendorID", "Name")


@pytest.fixture
def tenant(box: Any) -> Tenant:
    return connect(make_tenant("demo"), box)


@pytest.fixture
def client(tenant: Tenant) -> Iterator[EpicorClient]:
    made = connect_epicor(tenant)
    yield made
    made.close()


def vendors(client: EpicorClient, **options: Any) -> list[dict[str, Any]]:
    return list(
        client.rows(
            COMPANY,
            contract.VENDOR,
            "Vendors",
            "Vendor",
            select=COLUMNS,
            order_by="VendorNum",
            **options,
        )
    )


def in_company(box: Any, table: str) -> list[Any]:
    return list(box.epicor.app.store.table(COMPANY, table).rows.values())


class TestLogins:
    @pytest.mark.parametrize("version", ["v1", "v2"])
    @pytest.mark.parametrize("method", ["oauth2", "token_resource", "basic"])
    def test_every_pair_reads(self, box: Any, tenant: Tenant, method: str, version: str) -> None:
        config = box.world.config
        EpicorCredentials.objects.filter(tenant=tenant).update(
            auth_method=method, api_version=version
        )
        stored = EpicorCredentials.objects.get(tenant=tenant)
        stored.username, stored.password = config.epicor_user, config.epicor_password
        stored.save()
        with_version = connect_epicor(tenant)
        answer = with_version.call(COMPANY, contract.USER, "GetCurrentUserId", {}, repeatable=True)
        assert answer.return_obj == config.epicor_user
        assert len(vendors(with_version)) == len(in_company(box, "Vendor"))

    def test_the_token_is_kept_for_the_next_client(self, tenant: Tenant) -> None:
        for _ in range(2):
            made = connect_epicor(tenant)
            made.ensure()
        assert AccessToken.objects.get(tenant=tenant, system="epicor").token == "sandbox-token-1"

    def test_an_expired_token_is_renewed_at_home(self, box: Any, client: EpicorClient) -> None:
        client.ensure()
        for _ in range(3):  # a renewed one may be refused in its turn, once it has worked
            box.epicor.app.logins.expire_all()
            assert vendors(client, top=1)

    def test_a_password_that_cannot_be_a_header(self, tenant: Tenant) -> None:
        stored = EpicorCredentials.objects.get(tenant=tenant)
        stored.auth_method, stored.username, stored.password = "token_resource", "ann", "pässword"
        stored.save()
        with pytest.raises(AccessError, match=r"epicor\.auth\.password"):
            connect_epicor(tenant).ensure()

    def test_an_answer_without_a_token(self, box: Any, client: EpicorClient) -> None:
        box.epicor.fail_next("connect/token", "status", status=200, body="{}")
        with pytest.raises(AccessError, match=r"epicor\.auth\.token_url"):
            client.ensure()

    def test_a_lane_asks_for_a_renewal(self, box: Any, client: EpicorClient) -> None:
        client.ensure()
        box.epicor.app.logins.expire_all()
        seen: list[Any] = []

        def lane() -> None:
            try:
                seen.append(vendors(client, top=1))
            except TokenExpiredError as error:
                seen.append(error)

        for _ in range(2):
            thread = threading.Thread(target=lane)
            thread.start()
            thread.join(20)
            client.renew(seen[0])
        assert isinstance(seen[0], TokenExpiredError)
        assert len(seen[1]) == 1

    def test_a_renewed_token_that_is_refused_too_is_access_trouble(
        self, box: Any, client: EpicorClient
    ) -> None:
        client.ensure()
        box.epicor.fail_next("GetCurrentUserId", "status", times=9, status=401, body="no")
        with pytest.raises(AccessError, match="login"):
            client.call(COMPANY, contract.USER, "GetCurrentUserId", {}, repeatable=True)

    def test_a_wrong_secret_says_where_to_look(self, tenant: Tenant) -> None:
        stored = EpicorCredentials.objects.get(tenant=tenant)
        stored.client_secret = "wrong"
        stored.save()
        with pytest.raises(AccessError, match=r"epicor\.auth"):
            connect_epicor(tenant).ensure()

    def test_a_revoked_key_is_told_from_a_refused_login(
        self, box: Any, client: EpicorClient
    ) -> None:
        box.epicor.app.logins.keys.clear()
        with pytest.raises(AccessError, match="API key"):
            vendors(client)
        assert client.calls == 1  # renewing the login would not help

    def test_a_narrow_scope_and_a_foreign_company(self, box: Any, client: EpicorClient) -> None:
        logins = box.epicor.app.logins
        next(iter(logins.keys.values())).denied.add(contract.VENDOR)
        with pytest.raises(AccessError, match="access scope"):
            vendors(client)
        logins.denied_companies.add(COMPANY)
        with pytest.raises(AccessError, match="into the company"):
            vendors(client)

    def test_a_mixed_up_address_sends_nothing(self, box: Any, tenant: Tenant) -> None:
        stored = EpicorCredentials.objects.get(tenant=tenant)
        stored.base_url += "/api/v1"
        stored.save()
        with pytest.raises(AccessError, match="Nothing was sent"):
            connect_epicor(tenant)

    def test_no_credentials(self) -> None:
        with pytest.raises(AccessError, match="configure_tenant"):
            connect_epicor(make_tenant("bare"))


class TestReading:
    @pytest.mark.parametrize("heavy", [False, True])
    def test_all_pages_both_ways(self, box: Any, client: EpicorClient, *, heavy: bool) -> None:
        if heavy:
            box.epicor.app.switches.heavy.add(contract.VENDOR)
        rows = vendors(client)
        assert {row["VendorNum"] for row in rows} == {
            row["VendorNum"] for row in in_company(box, "Vendor")
        }
        assert len(rows) == len(in_company(box, "Vendor"))
        assert all(set(row) == set(COLUMNS) for row in rows)
        assert bool(client.facts.get(f"heavy:{contract.VENDOR}")) is heavy

    @pytest.mark.parametrize("heavy", [False, True])
    def test_filters_mean_the_same_both_ways(
        self, box: Any, client: EpicorClient, *, heavy: bool
    ) -> None:
        if heavy:
            box.epicor.app.switches.heavy.add(contract.VENDOR)
        found = vendors(client, filter=f"VendorID eq {contract.quote('ACME')} and VendorNum gt 0")
        assert [row["VendorID"] for row in found] == ["ACME"]
        assert len(vendors(client, top=3)) == 3

    def test_children_of_a_heavy_service(self, box: Any, client: EpicorClient) -> None:
        box.epicor.app.switches.heavy.add(contract.CHART)
        rows = list(
            client.rows(
                COMPANY,
                contract.CHART,
                "COASegments",
                "COASegment",
                select=("SegmentNbr",),
                order_by="SegmentNbr",
            )
        )
        assert len(rows) == len(in_company(box, "COASegment"))

    def test_a_missing_clause_is_learnt_once(
        self, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        short = {**contract.TABLES, contract.TERMS: ("PurTerms",)}
        monkeypatch.setattr("connector.epicor.client.TABLES", short)
        client = connect_epicor(tenant)
        ask = (COMPANY, contract.TERMS, {"PurTerms": ""})
        first = list(client.get_rows(*ask, tables=("PurTerms",)))
        assert first[0]["PurTerms"]
        assert client.facts[f"clauses:{contract.TERMS}"] == [
            "PurTermsAttch",
            "PurTermsDtl",
            "PurTermsSched",
        ]
        keep_facts(tenant, client)
        again = connect_epicor(tenant)
        list(again.get_rows(*ask, tables=("PurTerms",)))
        assert again.calls == 1

    def test_many_pages_of_a_set(
        self, box: Any, client: EpicorClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("connector.epicor.client.PAGE", 7)
        numbers = [row["VendorNum"] for row in vendors(client)]
        assert client.calls > 3
        assert numbers == sorted(row["VendorNum"] for row in in_company(box, "Vendor"))

    @pytest.mark.parametrize("heavy", [False, True])
    @pytest.mark.parametrize("links", [False, True])
    @pytest.mark.parametrize("version", ["v1", "v2"])
    @pytest.mark.parametrize("most", [1, 7, 10, 99])
    def test_a_short_page_is_not_taken_for_the_last(
        self, box: Any, tenant: Tenant, most: int, version: str, *, links: bool, heavy: bool
    ) -> None:
        EpicorCredentials.objects.update(api_version=version)
        box.epicor.app.limit_pages(most, links=links)
        box.epicor.app.heavy([contract.VENDOR] if heavy else [])
        client = connect_epicor(tenant)
        numbers = [row["VendorNum"] for row in vendors(client)]
        there = sorted(row["VendorNum"] for row in in_company(box, "Vendor"))
        assert len(there) > 10
        assert numbers == there
        assert len(vendors(client, top=8)) == 8
        calls = client.calls
        assert len(vendors(client, top=1)) == 1
        assert client.calls == calls + 1

    def test_a_server_that_names_the_next_page_is_not_asked_after_the_last(
        self, box: Any, client: EpicorClient
    ) -> None:
        box.epicor.app.limit_pages(len(in_company(box, "Vendor")) - 1, links=True)
        vendors(client)
        assert client.calls == 2

    def test_a_server_that_knows_no_skip_is_not_asked_for_ever(
        self, client: EpicorClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        page = client_module._Page([{"VendorNum": 1}], None)
        monkeypatch.setattr(client, "_page", lambda *given: page)
        with pytest.raises(TransientError, match="repeat themselves"):
            vendors(client)

    @pytest.mark.parametrize(
        ("flags", "pages"),
        [
            ([True, True, False], 3),
            (["true", "false"], 2),
            ([None, None, None], 3),  # this release has no flag: an empty page is the end
        ],
    )
    def test_the_flag_of_get_rows_decides(
        self,
        client: EpicorClient,
        monkeypatch: pytest.MonkeyPatch,
        flags: list[Any],
        pages: int,
    ) -> None:
        answers = [
            MethodAnswer(
                {"Vendor": [{"VendorNum": n}] if n < 2 or flag is not None else []},
                {} if flag is None else {"morePage" if n % 2 else "morePages": flag},
            )
            for n, flag in enumerate(flags)
        ]
        monkeypatch.setattr(client, "_rows_page", lambda *given: answers[given[-1] - 1])
        found = list(client.get_rows(COMPANY, contract.VENDOR, {}, tables=("Vendor",)))
        assert len(found) == pages

    def test_an_empty_page_before_the_last_is_passed_over(
        self, client: EpicorClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answers = [
            MethodAnswer({"Vendor": [{"VendorNum": 1}]}, {"morePages": True}),
            MethodAnswer({"Vendor": []}, {"morePages": True}),
            MethodAnswer({"Vendor": [{"VendorNum": 2}]}, {"morePages": False}),
        ]
        monkeypatch.setattr(client, "_rows_page", lambda *given: answers[given[-1] - 1])
        rows = client.get_rows(COMPANY, contract.VENDOR, {}, tables=("Vendor",))
        assert [row["VendorNum"] for page in rows for row in page["Vendor"]] == [1, 2]

    def test_pages_that_repeat_are_not_read_for_ever(
        self, client: EpicorClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        same = MethodAnswer({"Vendor": [{"VendorNum": 1}]}, {"morePages": True})
        monkeypatch.setattr(client, "_rows_page", lambda *given: same)
        with pytest.raises(TransientError, match="repeat themselves"):
            list(client.get_rows(COMPANY, contract.VENDOR, {}, tables=("Vendor",)))

    def test_a_passing_500_is_not_remembered_as_heavy(self, box: Any, client: EpicorClient) -> None:
        box.epicor.fail_next("VendorSvc", "status", times=2, status=500, body="boom")
        with pytest.raises(HeavyServiceError):
            vendors(client)
        assert not client.facts

    def test_get_rows_pages(self, box: Any, client: EpicorClient) -> None:
        pages = list(
            client.get_rows(COMPANY, contract.VENDOR, {"Vendor": ""}, tables=("Vendor",), page=7)
        )
        nums = [row["VendorNum"] for page in pages for row in page["Vendor"]]
        assert len(pages) > 1
        assert sorted(nums) == sorted(row["VendorNum"] for row in in_company(box, "Vendor"))

    def test_a_gateway_that_fails_briefly_is_asked_again(
        self, box: Any, client: EpicorClient
    ) -> None:
        box.epicor.fail_next("Vendors", "status", times=2, status=503, body="")
        assert vendors(client, top=1)

    def test_a_bare_500_of_both_ways_is_trouble_of_the_moment(
        self, box: Any, client: EpicorClient
    ) -> None:
        box.epicor.fail_next("VendorSvc", "status", times=99, status=500, body="boom")
        with pytest.raises(HeavyServiceError) as caught:
            vendors(client)
        assert isinstance(caught.value, TransientError)


class TestCalling:
    def test_the_tableset_comes_from_any_place(self) -> None:
        ds = {"A": [{"x": 1}]}
        assert MethodAnswer(parameters={"ds": ds}).ds == ds
        assert MethodAnswer(return_obj={"ds": ds}).ds == ds
        assert MethodAnswer(return_obj=ds).ds == ds
        assert MethodAnswer(top={"ds": ds}).ds == ds
        assert MethodAnswer().ds == {}

    def test_a_missing_record_and_an_unknown_method(self, client: EpicorClient) -> None:
        with pytest.raises(RecordMissingError):
            client.call(
                COMPANY,
                contract.AP_INVOICE,
                "GetByID",
                {"vendorNum": 1, "invoiceNum": "NONE"},
                repeatable=True,
            )
        with pytest.raises(ContractMismatchError, match="api_version"):
            client.call(COMPANY, contract.AP_INVOICE, "NoSuch", {}, repeatable=True)

    def test_a_missing_parameter_is_named(self, client: EpicorClient) -> None:
        with pytest.raises(ContractMismatchError) as caught:
            client.call(COMPANY, contract.AP_INVOICE, "GetByID", {}, repeatable=True)
        assert caught.value.parameter == "vendorNum"

    def test_a_group_that_exists_is_a_duplicate(self, client: EpicorClient) -> None:
        def make() -> MethodAnswer:
            ds = client.call(
                COMPANY, contract.AP_GROUP, "GetNewAPInvGrpNoLock", {"ds": {}}, repeatable=True
            ).ds
            ds["APInvGrp"][0] |= {"GroupID": "R261102A", "ApplyDate": "2026-11-02T00:00:00"}
            return client.call(COMPANY, contract.AP_GROUP, "Update", {"ds": ds}, repeatable=False)

        assert make().ds["APInvGrp"][0]["GroupID"] == "R261102A"
        with pytest.raises(DuplicateInvoiceError):
            make()

    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            ({"ErrorMessage": "Period closed", "ErrorType": "Ice.BLException"}, RejectedError),
            (
                {"ErrorMessage": "Unexpected", "ErrorType": "System.Exception"},
                UncertainOutcomeError,
            ),
            ("gateway", UncertainOutcomeError),
        ],
    )
    def test_a_500_on_a_write(
        self, box: Any, client: EpicorClient, body: Any, kind: type[Exception]
    ) -> None:
        box.epicor.fail_next("Update", "status", status=500, body=body)
        with pytest.raises(kind) as caught:
            client.call(COMPANY, contract.AP_GROUP, "Update", {"ds": {}}, repeatable=False)
        assert type(caught.value) is kind

    def test_a_lost_answer_to_a_write_is_uncertain(self, box: Any, client: EpicorClient) -> None:
        box.epicor.fail_next("Update", "reset_after")
        with pytest.raises(UncertainOutcomeError):
            client.call(COMPANY, contract.AP_GROUP, "Update", {"ds": {}}, repeatable=False)


def test_days_and_where_clauses() -> None:
    v2 = f"ApplyDate ge {contract.odata_day(date(2026, 11, 1), 'v2')}"
    v1 = f"ApplyDate ge {contract.odata_day(date(2026, 11, 1), 'v1')}"
    assert v2 == "ApplyDate ge 2026-11-01T00:00:00Z"
    assert contract.where_of(v2) == contract.where_of(v1) == "ApplyDate >= '2026-11-01'"
    assert contract.where_of("Name eq 'it''s eq 2' and N ne 1") == "Name = 'it''s eq 2' and N <> 1"
