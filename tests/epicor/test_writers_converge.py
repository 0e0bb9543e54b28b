"""Whatever is there of a bill becomes what the bill says, without a line too many or too few."""

from copy import deepcopy
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.errors import HeldError, Reason, RejectedError
from connector.epicor.ap_invoice.conversation import EpicorProfile, Step
from connector.epicor.ap_invoice.draft import APInvoiceDraft, DraftLine
from connector.epicor.ap_invoice.rows import ACCOUNT, EXPENSE, HEADER, LINE, TABLES, differences
from connector.epicor.ap_invoice.writers import WRITERS
from tests.epicor.little_epicor import (
    GROUP,
    MOST,
    Epicor,
    Said,
    booked,
    make_draft,
    names,
    play,
    wanted,
)

STAMP = "ExternalID"
SAVES = [("all", "whole"), ("all", "saved"), ("named", "saved"), ("named", "echo")]


def entered(draft: APInvoiceDraft, saves: str = "all", says: str = "whole", **more: Any) -> Epicor:
    """An Epicor that has this draft already."""
    server = Epicor(saves, says, **more)
    play(server.answer, draft)
    server.added.clear()
    return server


def edit(draft: APInvoiceDraft, **changes: Any) -> APInvoiceDraft:
    """The draft changed; `amounts` and `accounts` by line number."""
    lines = list(draft.lines)
    for number, amount in changes.pop("amounts", {}).items():
        lines[number - 1] = replace(lines[number - 1], amount=Decimal(amount))
    for number, account in changes.pop("accounts", {}).items():
        lines[number - 1] = replace(lines[number - 1], account=account)
    lines = [*lines[: changes.pop("keep", len(lines))], *changes.pop("more", [])]
    total = sum((line.amount for line in lines), Decimal(0))
    return replace(draft, lines=tuple(lines), total=total, **changes)


def check(server: Epicor, draft: APInvoiceDraft) -> None:
    """Exactly the draft is there, once."""
    assert differences(draft, server.found(draft), STAMP) == []
    count = len(draft.lines)
    assert [len(server.rows[table]) for table in TABLES] == [1, count, count, count]
    assert len(server.added) == len(set(server.added))
    said = {row["InvoiceLine"]: row["Description"] for row in server.rows[LINE]}
    assert said == {number: line.description for number, line in enumerate(draft.lines, start=1)}
    assert server.rows[HEADER][0]["Description"] == draft.description


NEW = DraftLine(Decimal(5), "7000|01|100", "New", "expense")
EDITS: list[tuple[dict[str, Any], list[str]]] = [
    ({"due_date": date(2026, 5, 1)}, [HEADER]),
    ({"terms_code": "N60", "pay_hold": False, "description": "Other"}, [HEADER]),
    ({"invoice_date": date(2026, 3, 9), "apply_date": date(2026, 3, 30)}, [HEADER]),
    ({"currency_code": "EUR", "url": "https://other.example"}, [HEADER]),
    ({"amounts": {2: "21"}}, [HEADER, LINE]),
    ({"accounts": {1: "9|9|9"}}, [ACCOUNT]),
    ({"amounts": {1: "1.01"}, "accounts": {1: "9|9|9", 2: "8|8|8"}}, [HEADER, LINE, ACCOUNT]),
    ({"amounts": {1: "99.10", 2: "21.05"}}, [LINE]),
    ({"more": [NEW]}, [HEADER, LINE, ACCOUNT]),
    ({"keep": 1}, [HEADER, LINE]),
    ({"keep": 1, "more": [NEW, NEW], "due_date": date(2026, 5, 1)}, [HEADER, LINE, ACCOUNT]),
]


@pytest.mark.parametrize(("changes", "tables"), EDITS)
def test_an_edit_takes_one_call_where_every_table_is_saved(changes, tables):
    before = make_draft()
    server, after = entered(before), edit(before, **changes)
    taken, saved = play(server.answer, after, server.found(before), EpicorProfile(saves="all"))
    looks = ["GetByID"] if changes.get("keep") and not changes.get("more") else []
    assert names(taken) == [f"UpdateMaster {tables[0]}", *looks]
    check(server, after)
    assert differences(after, saved, STAMP) == []
    assert saved.stale is False


@pytest.mark.parametrize("follows", [True, False])
@pytest.mark.parametrize(("saves", "says"), SAVES)
@pytest.mark.parametrize(("changes", "tables"), EDITS)
def test_an_edit_arrives_in_every_kind_of_epicor(changes, tables, saves, says, follows):
    before = make_draft()
    server, after = entered(before, saves, says, follows=follows), edit(before, **changes)
    taken, saved = play(server.answer, after, server.found(before), EpicorProfile(saves=saves))
    check(server, after)
    writes = [step.parameters["cTableName"] for step in taken if step.writes]
    assert len(set(writes)) == len(writes)
    if saves == "named":
        assert [table for table in writes if table != EXPENSE] == tables
    assert booked(saved) == wanted(after)


def test_what_is_changed_carries_its_own_revision_and_everything_else_it_had():
    before = make_draft()
    server = entered(before)
    line, head = dict(server.rows[LINE][1]), dict(server.rows[HEADER][0])
    after = edit(before, amounts={2: "21"})
    taken, _ = play(server.answer, after, server.found(before), EpicorProfile(saves="all"))
    ds = taken[0].parameters["ds"]
    amounts = {"ScrDocExtCost": Decimal(21), "DocUnitCost": Decimal(21), "RowMod": "U"}
    assert ds[LINE] == [{**line, **amounts}]
    total = {"ScrDocInvoiceVendorAmt": Decimal("121.10"), "RowMod": "U"}
    assert ds[HEADER] == [{**head, **total}]
    assert set(ds) == {HEADER, LINE}  # the distribution follows by itself


def test_a_distribution_that_does_not_follow_its_line_is_changed_too():
    before = make_draft()
    server, after = entered(before, follows=False), edit(before, amounts={2: "21"})
    taken, _ = play(server.answer, after, server.found(before), EpicorProfile(saves="all"))
    assert names(taken) == ["UpdateMaster APInvHed", "GetByID", "UpdateMaster APInvExp"]
    assert [row["DocScrExpAmt"] for row in taken[2].parameters["ds"][EXPENSE]] == [21]
    check(server, after)


def test_segments_that_the_new_account_does_not_have_are_blanked():
    before = make_draft("5")
    server = entered(before)
    server.rows[ACCOUNT][0]["SegValue4"] = "4"
    after = edit(before, accounts={1: "9|8"})
    taken, _ = play(server.answer, after, server.found(before), EpicorProfile(saves="all"))
    (row,) = taken[0].parameters["ds"][ACCOUNT]
    segments = {name: value for name, value in row.items() if name.startswith("SegValue")}
    assert segments == {"SegValue1": "9", "SegValue2": "8", "SegValue4": ""}


def test_a_rate_group_is_changed_when_the_tenant_has_one():
    before = make_draft(rate_group="MAIN")
    server, after = entered(before), replace(before, rate_group="BANK")
    play(server.answer, after, server.found(before), EpicorProfile(saves="all"))
    assert server.rows[HEADER][0]["RateGrpCode"] == "BANK"


def test_amounts_of_a_credit_are_changed_as_they_are_typed():
    before = make_draft("-30", "-12")
    server, after = entered(before), edit(before, amounts={1: "-31"})
    play(server.answer, after, server.found(before), EpicorProfile(saves="all"))
    assert server.rows[HEADER][0]["ScrDocInvoiceVendorAmt"] == 43
    assert [row["ScrDocExtCost"] for row in server.rows[LINE]] == [31, 12]
    check(server, after)


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_what_is_right_is_left_alone_even_when_it_is_posted(writer):
    draft = make_draft()
    server = entered(draft)
    server.rows[HEADER][0] |= {"Posted": True, STAMP: draft.stamp}
    taken, _ = play(server.answer, draft, server.found(draft), writer=writer)
    assert taken == []


# -- what must not be touched --------------------------------------------------------------------


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize(
    ("head", "reason", "says"),
    [
        ({"Posted": True}, Reason.CHANGED, "is posted in Epicor .* by a credit"),
        ({"DebitMemo": True}, Reason.CHANGED, "is a credit in Epicor and an invoice in Ramp"),
        ({STAMP: "bill-2"}, Reason.DUPLICATE_SUSPECTED, "stamp of something else \\(bill-2\\)"),
    ],
)
def test_what_is_final_or_not_ours_is_never_touched(writer, head, reason, says):
    before = make_draft()
    server, after = entered(before), edit(before, due_date=date(2026, 5, 1))
    server.rows[HEADER][0] |= head
    with pytest.raises(HeldError, match=says) as caught:
        play(server.answer, after, server.found(before), writer=writer)
    assert caught.value.reason is reason
    assert server.rows[HEADER][0]["DueDate"] == "2026-04-09T00:00:00"


def test_an_invoice_never_becomes_a_credit():
    server = entered(make_draft())
    with pytest.raises(HeldError, match="is an invoice in Epicor and a credit in Ramp"):
        play(server.answer, make_draft("-1"), server.found(make_draft()))


@pytest.mark.parametrize("hand", ["EntryPerson", "ChangedBy", "line"])
def test_a_line_that_a_person_perhaps_added_is_not_deleted(hand):
    before = make_draft()
    server, after = entered(before), edit(before, keep=1)
    row = server.rows[LINE][1] if hand == "line" else server.rows[HEADER][0]
    row["ChangedBy" if hand == "line" else hand] = "jsmith"
    with pytest.raises(HeldError, match="line 2, which is not on the bill") as caught:
        play(server.answer, after, server.found(before), EpicorProfile(saves="all"))
    assert caught.value.reason is Reason.CHANGED
    assert len(server.rows[LINE]) == 2


@pytest.mark.parametrize(("saves", "says"), SAVES)
def test_a_row_that_somebody_changed_meanwhile_is_refused_and_nothing_is_saved(saves, says):
    before = make_draft()
    server, after = entered(before, saves, says), edit(before, amounts={1: "7"})
    found = server.found(before)
    for row in server.rows[HEADER]:
        row["SysRevID"] = server.revision = server.revision + 1
    rows = deepcopy(server.rows)
    with pytest.raises(RejectedError, match="modified by another user"):
        play(server.answer, after, found, EpicorProfile(saves=saves))
    assert server.rows == rows


def test_a_foreign_stamp_on_an_invoice_that_is_right_is_left_to_the_comparison():
    draft = make_draft()
    server = entered(draft)
    server.rows[HEADER][0][STAMP] = "bill-2"
    taken, saved = play(server.answer, draft, server.found(draft))
    assert taken == []
    assert [point.field for point in differences(draft, saved, STAMP)] == ["stamp:ExternalID"]


@pytest.mark.parametrize(("saves", "looks"), [("all", ["GetByID"]), ("named", [])])
def test_a_header_last_seen_before_a_save_is_read_again_where_it_is_saved_too(saves, looks):
    before = make_draft()
    server, after = entered(before, saves), edit(before, accounts={1: "9|9|9"})
    found = server.found(before)
    found.shown.discard((HEADER, 0, 0))
    server._put(HEADER, server.rows[HEADER][0])
    taken, _ = play(server.answer, after, found, EpicorProfile(saves=saves))
    assert names(taken) == [*looks, "UpdateMaster APInvExpTGLC"]
    check(server, after)


def test_a_blank_stamp_is_set():
    draft = make_draft()
    server = entered(draft)
    server.rows[HEADER][0][STAMP] = ""
    play(server.answer, draft, server.found(draft), EpicorProfile(saves="all"))
    assert server.rows[HEADER][0][STAMP] == "bill-1"


# -- what Epicor will not have -------------------------------------------------------------------


class Stubborn(Epicor):
    """Keeps one column of one table as it likes it."""

    def __init__(self, table: str, column: str, value: Any, saves: str = "all") -> None:
        super().__init__(saves)
        self.will = (table, column, value)

    def _put(self, table: str, row: dict[str, Any]) -> None:
        own, column, value = self.will
        super()._put(table, {**row, column: value} if table == own else row)


@pytest.mark.parametrize("saves", ["all", "named"])
@pytest.mark.parametrize(
    ("table", "column", "value", "tries"),
    [
        (HEADER, "DueDate", "2026-12-31T00:00:00", 1),
        (HEADER, "Description", "SHOUTED", 0),
        (LINE, "Description", "SHOUTED", 0),
        (LINE, "ScrDocExtCost", Decimal(1), 1),
        (ACCOUNT, "GLAccount", "1|1|1", 1),
    ],
)
def test_epicor_s_own_will_is_met_with_one_more_try_and_none_for_a_wording(
    table, column, value, tries, saves
):
    server, draft = Stubborn(table, column, value, saves), make_draft()
    taken, _ = play(server.answer, draft, profile=EpicorProfile(saves=saves))
    created = {"all": [HEADER], "named": [HEADER, LINE, ACCOUNT]}[saves]
    writes = [step.parameters["cTableName"] for step in taken if step.writes]
    again = writes.count(table) - created.count(table)
    # Saving table by table, the account's only try is the one that follows its line.
    assert again == (0 if saves == "named" and table in (ACCOUNT, LINE) else tries)
    assert len(taken) <= MOST


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_no_writer_fights_over_a_wording(writer):
    server, draft = Stubborn(HEADER, "Description", "SHOUTED"), make_draft("1")
    taken, _ = play(server.answer, draft, profile=EpicorProfile("all"), writer=writer)
    named = [step.parameters.get("cTableName") for step in taken if step.writes]
    assert named.count(HEADER) == (0 if "UpdateExt" in names(taken) else 1)


def test_an_epicor_that_turns_out_to_save_one_table_gets_one_table_at_a_time():
    before = make_draft()
    server = entered(before, "named", "saved")
    after = edit(before, amounts={1: "1"}, accounts={2: "9|9|9"}, due_date=date(2026, 5, 1))
    taken, _ = play(server.answer, after, server.found(before), EpicorProfile())
    sent = [set(step.parameters["ds"]) for step in taken if step.writes]
    assert sent == [{HEADER, LINE, ACCOUNT}, {HEADER, LINE}, {HEADER, ACCOUNT}]
    check(server, after)


def test_a_person_s_split_of_a_line_is_left_to_the_comparison():
    before = make_draft("10")
    server = entered(before)
    for table in (EXPENSE, ACCOUNT):
        server.rows[table][0]["InvExpSeq"] = 2
    taken, _ = play(server.answer, before, server.found(before))
    assert taken == []


def test_a_column_that_epicor_does_not_show_is_not_sent_again():
    draft = make_draft()
    server = entered(draft)
    for column in ("PayHold", "DocInvoiceVendorAmt", "ScrDocInvoiceVendorAmt"):
        del server.rows[HEADER][0][column]
    found = server.found(draft)
    assert play(server.answer, replace(draft, pay_hold=False), found)[0] == []


def test_a_surplus_line_behind_a_fresh_entry_is_not_ours_to_delete():
    server, draft = Epicor(), make_draft("1", "2")

    def answer(step: Step) -> Said:
        said = server.answer(step)
        if step.writes:
            said.ds[LINE].append({**said.ds[LINE][0], "InvoiceLine": 3})
        return said

    taken, saved = play(answer, draft)
    assert names(taken) == ["GetNewAPInvHedInvoice", "UpdateMaster APInvHed"]
    assert set(saved.lines) == {1, 2, 3}


# -- anything may be there, in any Epicor --------------------------------------------------------

AMOUNTS = st.integers(1, 10**6).map(lambda cents: Decimal(cents) / 100)
LINES = st.lists(
    st.builds(
        DraftLine,
        AMOUNTS,
        st.sampled_from(["6000|01|000", "6100|01|100", "7000|02"]),
        st.sampled_from(["Rent", "Travel", ""]),
        st.just("expense"),
    ),
    min_size=1,
    max_size=5,
)
DAYS = st.dates(date(2026, 1, 1), date(2026, 12, 31))


@st.composite
def drafts(draw: st.DrawFn, sign: int) -> APInvoiceDraft:
    lines = tuple(replace(line, amount=sign * line.amount) for line in draw(LINES))
    return make_draft(
        lines=lines,
        invoice_date=draw(DAYS),
        apply_date=draw(DAYS),
        due_date=draw(DAYS),
        terms_code=draw(st.sampled_from(["N30", "N60"])),
        description=draw(st.sampled_from(["Acme", "Other", ""])),
        pay_hold=draw(st.booleans()),
        rate_group=draw(st.sampled_from(["", "MAIN"])),
    )


@given(st.data())
def test_any_partly_saved_invoice_becomes_exactly_the_bill(data):
    saves = data.draw(st.sampled_from(["all", "named"]))
    says = data.draw(st.sampled_from(["whole", "saved", "echo", "header", "nothing"]))
    sign = data.draw(st.sampled_from([1, -1]))
    writer = data.draw(st.sampled_from(list(WRITERS.values())))
    knows = EpicorProfile(saves=data.draw(st.sampled_from(["", saves, "all", "named"])))
    server = Epicor(saves, says, follows=data.draw(st.booleans()))
    before, after = data.draw(drafts(sign)), data.draw(drafts(sign))
    if data.draw(st.booleans()):  # an earlier conversation, cut off behind any of its requests
        cut = data.draw(st.integers(1, 12))
        begun(server, before, writer, cut)
    server.added.clear()
    found = server.found(after) if server.rows[HEADER] else None
    taken, saved = play(server.answer, after, found, knows, writer)
    check(server, after)
    assert len(taken) <= MOST + (
        8 + 3 * len(after.lines) if writer is WRITERS["by_the_book"] else 0
    )
    if not saved.stale:
        assert differences(after, saved, STAMP) == []


def begun(server: Epicor, draft: APInvoiceDraft, writer: Any, requests: int) -> None:
    """Only so many requests of a conversation arrived."""
    talk = writer(draft, GROUP, None, EpicorProfile())
    try:
        step = next(talk)
        for _ in range(requests):
            step = talk.send(server.answer(step))
    except StopIteration:
        pass
