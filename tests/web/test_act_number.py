"""The dialog that gives a bill another number: what it shows, what it refuses, what it leaves."""

import html
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.test import Client

from audit.ledger import invoice_number, lifecycle
from audit.ledger.models import Posting
from connector.jobs.models import Job
from connector.tenants.models import Tenant
from connector.web.actions import available
from connector.web.exports import HEADER
from tests import builders
from tests.web.rows import make_posting
from tests.web.test_acts import HTMX, TWIN, chosen, post, trail, twin_posting
from tests.web.test_bill import PAGE, catalogs, mirror, queries, text

WHY = "RENT is on every bill."
GIVEN = {
    "given_num": "RENT 11",
    "given_for": "INV-b",
    "given_by": "bea",
    "given_at": datetime(2026, 11, 3, 9, tzinfo=UTC),
    "given_why": WHY,
}


@pytest.fixture
def client(tenant: Tenant) -> Client:
    client = Client()
    client.force_login(builders.make_user("ann", tenant, "accountant"))
    return client


def taken(tenant: Tenant, **values: Any) -> Posting:
    """A bill whose very number Epicor has."""
    posting = twin_posting(tenant, invoice_num="inv-b", same_key=True)
    values = {"issued_on": date(2026, 11, 2), **values}
    Posting.objects.filter(pk=posting.pk).update(**values)
    posting.refresh_from_db()
    return posting


def ask(client: Client, posting: Posting) -> str:
    return post(client, "number", only=posting.pk)


def give(client: Client, posting: Posting, status: int = 200, **values: Any) -> str:
    found = chosen(ask(client, posting))
    values = {"number": "RENT 11", "reason": WHY, "place": "exceptions", **values}
    return post(client, "number", status, sure="1", chosen=found, **values)


def test_the_dialog_says_whose_number_it_is_and_proposes_without_filling_in(
    client: Client, tenant: Tenant
) -> None:
    posting = taken(tenant)
    page = ask(client, posting)
    for said in ("Acme Supplies", "120.00 USD", "2026-11-02", "same number", "jsmith"):
        assert said in page
    assert "Epicor takes a number of a vendor only once" not in page
    assert 'placeholder="e.g. INV-b-2026-11"' in page
    assert 'name="number" value' not in page
    assert "Back to the number in Ramp" not in page
    assert Posting.objects.get().given_num == ""
    assert not Job.objects.exists()


def test_it_is_given_in_two_steps_and_the_bill_is_tried_again(
    client: Client, tenant: Tenant
) -> None:
    posting = taken(tenant)
    page = give(client, posting, number=" RENT 11 ")
    assert "number RENT 11 instead of INV-b, tried again now." in page
    posting.refresh_from_db()
    assert (posting.given_num, posting.given_by, posting.hold_reason) == ("RENT 11", "ann", "")
    ((subject, actor, body),) = trail("posting.numbered")
    assert (subject, actor, body["in_ramp"], body["given"]) == ("b", "ann", "INV-b", "RENT 11")
    assert body["reason"] == WHY
    job = Job.objects.exclude(actor="system").get()
    assert (job.kind, job.subject) == ("replay", "b")
    assert not Posting.objects.exclude(invoice_num="INV-b").exists()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"number": " "}, "Write the number"),
        ({"number": "x" * 51}, "has 51 characters"),
        ({"number": "A\u200bB"}, "cannot be seen"),
        ({"number": "inv-B"}, "the number that it has already"),
        ({"number": "TAKEN"}, "TAKEN is taken: bill other of the same vendor"),
        ({"reason": " "}, "Say why"),
        ({"number": "x" * 501}, "at most 500"),
    ],
)
def test_what_is_wrong_is_said_at_the_field(
    client: Client, tenant: Tenant, values: dict[str, str], said: str
) -> None:
    make_posting(tenant, "other", invoice_num="taken", vendor_ramp_id="v")
    posting = taken(tenant, vendor_ramp_id="v")
    page = give(client, posting, status=422, **values)
    assert said in page
    assert "mc-bad" in page
    field = "reason" if "reason" in values else "number"
    assert f'id="id_{field}_error"' in page
    assert chosen(page)
    assert Posting.objects.get(bill_id="b").given_num == ""
    assert not trail("posting.numbered")


def test_what_the_person_wrote_stays_when_something_is_wrong(
    client: Client, tenant: Tenant
) -> None:
    page = give(client, taken(tenant), status=422, number="x" * 51)
    assert f'value="{"x" * 51}"' in page
    assert f'value="{WHY}"' in page


def test_it_can_be_taken_back(client: Client, tenant: Tenant) -> None:
    posting = taken(tenant, **GIVEN)
    page = ask(client, posting)
    assert "to be entered as <strong>RENT 11</strong>, given by bea on 3 Nov 2026" in page
    assert "Back to the number in Ramp" in page
    said = give(client, posting, number="", back="1")
    assert "its number in Ramp again, INV-b, tried again now." in said
    assert Posting.objects.get().given_num == ""
    plain = make_posting(tenant, "plain", hold_reason="refused")
    assert "its number from Ramp already" in give(client, plain, status=422, back="1")


@pytest.mark.parametrize("state", ["in_flight", "in_doubt", "confirmed", "removed", "dismissed"])
def test_a_bill_that_may_be_in_epicor_gets_none(client: Client, tenant: Tenant, state: str) -> None:
    posting = taken(tenant, state=state)
    page = post(client, "number", 422, only=posting.pk)
    assert "Nothing was changed." in page
    assert "<form" not in page
    assert not available.available_actions(posting).get("number")


def test_what_changed_meanwhile_is_looked_at_again(
    client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    posting = taken(tenant)
    found = chosen(ask(client, posting))
    invoice_number.give(Posting.objects.get(), "OTHER", actor="bea", reason="x")
    values = {"sure": "1", "number": "RENT 11", "reason": WHY, "chosen": found}
    assert "changed after you looked at it" in post(client, "number", 422, **values)
    posting.refresh_from_db()
    found = chosen(ask(client, posting))

    def lost(*_: Any, **__: Any) -> None:
        raise lifecycle.LostLeaseError("Bill b is in_flight by now.")

    monkeypatch.setattr("connector.web.actions.number.give_number", lost)
    assert "changed after you" in post(client, "number", 422, **{**values, "chosen": found})
    assert Posting.objects.get().given_num == "OTHER"


def test_it_is_for_one_bill_at_a_time_and_for_ours_alone(client: Client, tenant: Tenant) -> None:
    ids = [make_posting(tenant, name, hold_reason="refused").pk for name in "xy"]
    assert "one bill at a time" in post(client, "number", 422, ids=ids)
    foreign = make_posting(builders.make_tenant("other"), "f", hold_reason="refused")
    assert client.post("/t/acme/acts/number/", {"only": foreign.pk}).status_code == 404


@pytest.mark.parametrize(("role", "may"), [("accountant", True), ("auditor", False)])
def test_only_who_decides_gives_numbers(
    client: Client, tenant: Tenant, role: str, may: bool
) -> None:
    posting = taken(tenant)
    client.force_login(builders.make_user(f"a-{role}", tenant, role))
    answer = client.post("/t/acme/acts/number/", {"only": posting.pk}, headers=HTMX)
    assert answer.status_code == (200 if may else 403)
    mirror(tenant, "b")
    for address in ("/t/acme/bills/b", "/t/acme/exceptions/cause/?cause=duplicate_suspected"):
        assert ("acts/number/" in text(client, address)) is may


# -- where it is offered ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "first"),
    [
        ({"hold_reason": "duplicate_suspected"}, True),  # another bill of ours has it
        ({"hold_reason": "invalid_bill", "invoice_num": "x" * 51}, True),
        ({"hold_reason": "refused", **GIVEN}, True),
        ({"hold_reason": "invalid_bill"}, False),
        ({"hold_reason": "vendor_unmapped"}, False),
        ({"hold_reason": "duplicate_suspected", "state": "confirmed"}, False),
        ({"hold_reason": "duplicate_suspected", "hold_detail": {"twins": [TWIN]}}, False),
        (
            {
                "hold_reason": "duplicate_suspected",
                "hold_detail": {"twins": [TWIN, {**TWIN, "same_key": True}]},
            },
            True,
        ),
    ],
)
def test_the_list_offers_it_where_the_number_is_the_trouble(
    client: Client, tenant: Tenant, values: dict[str, Any], first: bool
) -> None:
    posting = make_posting(tenant, "b", **values)
    assert available.available_actions(posting).get("number_first", False) is first
    page = text(client, f"/t/acme/exceptions/cause/?cause={posting.hold_reason}")
    assert ("acts/number/" in page) is first


# -- where it is seen ------------------------------------------------------------------------------


def test_the_page_of_a_waiting_bill_shows_both_numbers(client: Client, tenant: Tenant) -> None:
    catalogs(tenant)
    mirror(tenant)
    make_posting(tenant, "b1", invoice_num="INV-1", **{**GIVEN, "given_for": "INV-1"})
    builders.make_user("bea", tenant)
    page = html.unescape(text(client, PAGE))
    assert "Number in Ramp INV-1, to be entered as <strong>RENT 11</strong>, given by bea" in page
    assert f"on 3 Nov 2026, 04:00: {WHY}" in page
    assert "INV-1 (another one was given)" in page
    assert "RENT 11" in text(client, f"{PAGE}/request/")
    assert "What will be sent is as Ramp says, in" in page  # it differs as meant


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"state": "confirmed", "invoice_num": "RENT 11"}, "INV-b, entered as <strong>RENT 11"),
        ({"state": "dismissed"}, "INV-b, not in Epicor, but given number <strong>RENT 11"),
        (
            {"state": "entered", "invoice_num": "T-1", "entered_as": {"adopted": True}},
            "INV-b, typed into Epicor as T-1; before that given number <strong>RENT 11",
        ),
        ({"invoice_num": "RAMP-b"}, "none (here RAMP-b), to be entered as <strong>RENT 11"),
    ],
)
def test_the_page_says_what_the_number_is_by_now(
    client: Client, tenant: Tenant, values: dict[str, Any], said: str
) -> None:
    make_posting(tenant, "b", **{**GIVEN, **values})
    assert f"Number in Ramp {said}" in text(client, "/t/acme/bills/b")


def test_both_numbers_are_found_exported_and_told(client: Client, tenant: Tenant) -> None:
    make_posting(
        tenant,
        "b",
        state="confirmed",
        invoice_num="RENT 11",
        entity_id="",
        **GIVEN,
    )
    make_posting(tenant, "plain", given_for="INV-b")
    for number in ("rent", "INV-b"):
        page = text(client, f"/t/acme/bills/?number={number}")
        assert "RENT 11" in page
        assert "INV-plain" not in page
    assert "number_given" in HEADER
    answer = client.post("/t/acme/bills-export/", {"format": "csv", "query": ""})
    rows = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert "RENT 11,INV-b" in rows
    waiting = make_posting(tenant, "w", hold_reason="refused", **GIVEN)
    assert waiting.bill_id in text(client, "/t/acme/exceptions/cause/?cause=refused&q=rent")


def test_the_list_shows_what_was_given(client: Client, tenant: Tenant) -> None:
    taken(tenant, **GIVEN)
    page = text(client, "/t/acme/exceptions/cause/?cause=duplicate_suspected")
    assert "to be entered as <strong>RENT 11</strong>, given by bea" in page
    assert "another number: here" in page


def test_the_number_of_queries_does_not_grow(client: Client, tenant: Tenant) -> None:
    address = "/t/acme/exceptions/cause/?cause=refused"
    make_posting(tenant, "one", hold_reason="refused")
    few = queries(lambda: client.get(address))
    for number in range(12):
        make_posting(tenant, f"n{number}", hold_reason="refused", **GIVEN)
    assert queries(lambda: client.get(address)) == few
    posting = taken(tenant)
    first = {"only": posting.pk}
    asked = queries(lambda: client.post("/t/acme/acts/number/", first, headers=HTMX))
    assert asked <= 12
