"""What Epicor asked, on the pages: quoted, answered for one bill or for all, taken back."""

import html
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.ledger.models import Posting
from audit.trail.models import AuditEntry
from connector.actions import questions
from connector.domain.difference import Difference, stored
from connector.epicor.ap_invoice.questions import About, OpenQuestions, Question
from connector.jobs.models import Job
from connector.sync.models import AcceptedQuestion
from connector.tenants.models import Membership, Tenant
from connector.web.exceptions.questions import shown, step_of
from tests import builders
from tests.web.rows import make_asked, make_posting
from tests.web.test_acts import chosen, post

CAUSE = "/t/acme/exceptions/cause/?cause=asked"
SETTINGS = "/t/acme/settings/"
ONCE, ALWAYS = "Accept and continue", "Accept for every bill"


@pytest.fixture
def client(tenant: Tenant) -> Client:
    return person(tenant, "accountant")


def person(tenant: Tenant, role: str) -> Client:
    client = Client()
    client.force_login(builders.make_user(f"ann-{role}", tenant, role))
    return client


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as seen:
        assert client.get(address).status_code == 200
    return len(seen)


def held(posting: Posting) -> str:
    posting.refresh_from_db()
    return posting.hold_reason


def accept(client: Client, act: str, *postings: Posting) -> str:
    page = post(client, act, ids=[posting.pk for posting in postings])
    return post(client, act, sure="1", chosen=chosen(page), place="exceptions")


# -- what is shown ---------------------------------------------------------------------------------


def test_the_question_is_quoted_with_its_step_and_its_two_answers(
    client: Client, tenant: Tenant
) -> None:
    make_asked(tenant, "b")
    for address in (CAUSE, "/t/acme/bills/b"):
        page = text(client, address)
        assert "“Invoice INV-b is dated in the future. Continue?”" in page
        assert "Epicor, when the invoice date was put in" in page
        assert "(ChangeInvoiceDateWithDateCheck)" in page
        assert ONCE in page
        assert ALWAYS in page
        assert "It was not answered" not in page  # it is said better


def test_what_only_epicor_can_settle_says_so_and_offers_replay_alone(
    client: Client, tenant: Tenant
) -> None:
    posting = make_asked(tenant, "b", "Legal number?", method="UpdateMaster", answerable=False)
    for address in (CAUSE, "/t/acme/bills/b"):
        page = text(client, address)
        assert "“Legal number?”" in page
        assert "when the invoice was saved" in page
        assert "can only be settled in Epicor" in page
        assert "skip the integration user" in page
        assert f">{ONCE}<" not in page
        assert f">{ALWAYS}<" not in page
        assert ">Replay<" in page
    page = post(client, "go-on", ids=[posting.pk])
    assert "INV-b waits for an answer that only Epicor's own screen can give." in (
        page.replace("<strong>", "").replace("</strong>", "")
    )
    assert "<form" not in page


def test_a_bill_begun_in_epicor_shows_what_stopped_its_rest(client: Client, tenant: Tenant) -> None:
    wrong = {"differences": stored([Difference("line_numbers", ("1", "2"), ())])}
    posting = make_asked(tenant, "b", hold_reason="mismatch", state="entered")
    Posting.objects.filter(pk=posting.pk).update(hold_detail={**posting.hold_detail, **wrong})
    page = text(client, "/t/acme/exceptions/cause/?cause=mismatch")
    assert "“Invoice INV-b is dated in the future. Continue?”" in page
    assert "The rest of the invoice was not entered because of it." in page
    assert ONCE in page
    assert "Numbering of the lines" in page
    assert ONCE in text(client, "/t/acme/bills/b")


@pytest.mark.parametrize("role", Membership.Role.values)
def test_only_who_decides_is_offered_an_answer(tenant: Tenant, role: str) -> None:
    make_asked(tenant, "b")
    page = text(person(tenant, role), CAUSE)
    assert "“Invoice INV-b is dated in the future. Continue?”" in page
    assert (f">{ONCE}<" in page) is (role == "accountant")


def test_a_hold_of_an_older_release_shows_its_message(client: Client, tenant: Tenant) -> None:
    detail = {"system": "Epicor", "method": "UpdateMaster", "said": "Sure?"}
    make_posting(
        tenant, "b", hold_reason="asked", hold_message="Epicor asked: Sure?", hold_detail=detail
    )
    page = text(client, CAUSE)
    assert "Epicor asked: Sure?" in page
    assert f">{ONCE}<" not in page
    assert "Epicor asked: Sure?" in text(client, "/t/acme/bills/b")


def test_a_method_without_words_is_still_named(tenant: Tenant) -> None:
    found = shown(make_asked(tenant, "b", method="ChangeSomethingNew"))
    assert found is not None
    assert (found.step, found.method) == ("", "ChangeSomethingNew")
    assert step_of("UpdateExt") == "the invoice was saved"


def test_what_epicor_says_is_shown_as_text(client: Client, tenant: Tenant) -> None:
    make_asked(tenant, "b", "<script>alert(1)</script>?")
    assert "<script>alert" not in client.get(CAUSE).content.decode()


# -- answered --------------------------------------------------------------------------------------


def test_one_bill_goes_on_and_the_others_wait(client: Client, tenant: Tenant) -> None:
    one, other = make_asked(tenant, "a"), make_asked(tenant, "b")
    page = post(client, "go-on", only=one.pk)
    assert "<strong>1 bill, 120.00 USD</strong>, will be tried again now." in page
    assert "“Invoice INV-a is dated in the future. Continue?”" in page
    assert "verified to the cent" in page
    assert held(one) == "asked"

    said = accept(client, "go-on", one)

    assert "1 bill, 120.00 USD: tried again now, in spite of Epicor's question." in said
    assert (held(one), held(other)) == ("", "asked")
    row = AcceptedQuestion.objects.get()
    assert (row.bill_id, row.answered_by) == ("a", "ann-accountant")
    (entry,) = AuditEntry.objects.filter(action="question.accepted")
    assert (entry.subject_id, entry.actor) == ("a", "ann-accountant")
    page = text(client, "/t/acme/bills/a")
    assert "Went on in spite of a question" in page
    assert "<p>Invoice INV-a is dated in the future. Continue?</p>" in page


def test_always_frees_every_bill_with_that_question_and_no_other(
    client: Client, tenant: Tenant
) -> None:
    one = make_asked(tenant, "a")
    same = [make_asked(tenant, f"s{n}", amount=Decimal(1000)) for n in range(3)]
    begun = make_asked(tenant, "m", hold_reason="mismatch", state="entered")
    others = [
        make_asked(tenant, "o1", "Is the terms code right?"),
        make_asked(tenant, "o2", method="OnChangeofApplyDateWithDateCheck"),
        make_asked(tenant, "o3", answerable=False),
        make_asked(tenant, "o4", state="dismissed"),
    ]
    foreign = make_asked(builders.make_tenant("other"), "f")
    page = post(client, "go-on-always", only=one.pk)
    assert "<strong>5 bills, 3,240.00 USD</strong>, will be tried again now." in page
    assert "From now on this question stops no bill" in page
    assert "Remember and replay 5 bills" in page
    assert page.count("is dated in the future") == 1  # of the same question one text is enough

    said = accept(client, "go-on-always", one)

    assert "5 bills, 3,240.00 USD: tried again now" in said
    assert [held(posting) for posting in [one, *same]] == [""] * 4
    begun.refresh_from_db()
    assert begun.not_before is not None  # looked at again; its hold closes when it is whole
    assert [held(posting) for posting in [*others, foreign]] == ["asked"] * 5
    row = AcceptedQuestion.objects.get()
    assert (row.bill_id, row.wording) == ("", "invoice # is dated in the future. continue?")
    assert (row.tenant, row.text.startswith("Invoice INV-a is")) == (tenant, True)


def test_several_texts_are_answered_together(client: Client, tenant: Tenant) -> None:
    about = About("a", "INV-a", "ACME")
    two = tuple(Question.of(each, about) for each in ("Sure, 1?", "Really?"))
    detail = OpenQuestions("UpdateMaster", two, answerable=True).as_detail()
    both = make_posting(tenant, "a", hold_reason="asked", hold_detail=detail)
    half = make_asked(tenant, "b", "Sure, 2?", method="UpdateMaster")
    more = OpenQuestions("UpdateMaster", (*two, Question.of("Quite?", about)), answerable=True)
    third = make_posting(tenant, "c", hold_reason="asked", hold_detail=more.as_detail())
    accept(client, "go-on-always", both)
    assert AcceptedQuestion.objects.count() == 2
    assert (held(both), held(half), held(third)) == ("", "", "asked")


def test_who_comes_second_changes_nothing(client: Client, tenant: Tenant) -> None:
    one = make_asked(tenant, "a")
    page = post(client, "go-on", only=one.pk)
    seen = chosen(page)
    questions.go_on(tenant, [one], always=True, actor="bob")
    page = post(client, "go-on", 422, sure="1", chosen=seen, place="exceptions")
    assert "changed after you looked at it" in page
    assert AcceptedQuestion.objects.count() == Job.objects.exclude(actor="system").count() == 1


def test_an_answer_that_comes_at_the_same_moment_changes_nothing(
    client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    from connector.web.actions import questions as acts

    one = make_asked(tenant, "a")
    real = acts.go_on

    def late(tenant: Tenant, some: Any, **how: Any) -> Any:
        real(tenant, some, always=True, actor="bob")
        return real(tenant, some, **how)

    monkeypatch.setattr(acts, "go_on", late)
    assert "Somebody answered meanwhile. Nothing was changed." in accept(client, "go-on", one)
    assert AcceptedQuestion.objects.get().answered_by == "bob"


def test_many_texts_are_quoted_in_part(client: Client, tenant: Tenant) -> None:
    ids = [make_asked(tenant, f"q{n}").pk for n in range(8)]
    page = post(client, "go-on", ids=ids)
    assert page.count("is dated in the future") == 5
    assert "and 3 more</li>" in page


def test_what_waits_for_no_question_is_left_alone(client: Client, tenant: Tenant) -> None:
    other = make_posting(tenant, "r", hold_reason="refused")
    for act in ("go-on", "go-on-always"):
        page = post(client, act, ids=[other.pk])
        assert "INV-r</strong> does not wait because of a question of Epicor." in page


def test_more_bills_than_are_done_at_once_are_counted(
    client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    from connector.web.actions import questions as acts

    monkeypatch.setattr(acts, "MOST", 2)
    first, *_ = [make_asked(tenant, f"q{n}") for n in range(5)]
    page = post(client, "go-on-always", only=first.pk)
    assert "2 bills, 240.00 USD" in page
    assert "3 more fit, too." in page


def test_the_pages_take_as_many_queries_for_many_questions(client: Client, tenant: Tenant) -> None:
    first = make_asked(tenant, "a")
    questions.go_on(tenant, [make_asked(tenant, "z", "Z?")], always=True, actor="ann")
    few = [queries(client, address) for address in (CAUSE, SETTINGS, "/t/acme/bills/a")]
    for number in range(12):
        make_asked(tenant, f"n{number}")
        again = make_asked(tenant, f"x{number}", f"Question {'abcdefghijkl'[number]}?")
        questions.go_on(tenant, [again], always=True, actor="ann")
    assert [queries(client, a) for a in (CAUSE, SETTINGS, "/t/acme/bills/a")] == few
    with CaptureQueriesContext(connection) as seen:
        post(client, "go-on-always", only=first.pk)
    assert len(seen) < 20


# -- taken back ------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Membership.Role.values)
def test_everyone_sees_what_is_passed_over_and_admins_take_it_back(
    tenant: Tenant, role: str
) -> None:
    client = person(tenant, role)
    assert "None: an Epicor prompt holds its bill" in text(client, SETTINGS)
    questions.go_on(tenant, [make_asked(tenant, "a")], always=True, actor="bob")
    questions.go_on(tenant, [make_asked(tenant, "b", "Only once?")], always=False, actor="bob")
    page = text(client, SETTINGS)
    assert "“Invoice INV-a is dated in the future. Continue?”" in page
    assert "When the invoice date was put in" in page
    assert "<strong>bob</strong>" in page
    assert "Only once?" not in page
    assert (">Ask again<" in page) is (role == "admin")


def test_a_question_is_asked_again(tenant: Tenant) -> None:
    admin = person(tenant, "admin")
    questions.go_on(tenant, [make_asked(tenant, "a")], always=True, actor="bob")
    row = AcceptedQuestion.objects.get()
    address = f"{SETTINGS}questions/{row.pk}/ask-again"
    assert admin.get(address).status_code == 405
    page = admin.post(address, follow=True).content.decode()
    assert "stops bills again. What was entered meanwhile stays as it is." in page
    assert not AcceptedQuestion.objects.exists()
    (entry,) = AuditEntry.objects.filter(action="question.forgotten")
    assert (entry.subject_kind, entry.actor) == ("tenant", "ann-admin")
    assert admin.post(address).status_code == 404
    assert AuditEntry.objects.filter(action="question.forgotten").count() == 1


def test_a_single_bills_answer_is_forgotten_on_its_record(tenant: Tenant) -> None:
    questions.go_on(tenant, [make_asked(tenant, "a")], always=False, actor="bob")
    assert questions.forget(tenant, AcceptedQuestion.objects.get().pk, actor="ann") is not None
    (entry,) = AuditEntry.objects.filter(action="question.forgotten")
    assert (entry.subject_kind, entry.subject_id) == ("posting", "a")
