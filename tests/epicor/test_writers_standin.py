"""All writers over HTTP against the stand-in, in each of its ways of saving."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from connector.domain.errors import HeldError, Reason, RejectedError
from connector.epicor import errors
from connector.epicor.ap_invoice.conversation import EpicorProfile, Step
from connector.epicor.ap_invoice.draft import APInvoiceDraft, DraftLine
from connector.epicor.ap_invoice.rows import SavedInvoice, differences
from connector.epicor.ap_invoice.writers import WRITERS
from connector.epicor.methods import MethodAnswer, method_answer
from connector.http_client.decimal_json import dump_json, load_json
from connector.http_client.outcomes import Answer
from sandbox.epicor.app import Epicor
from sandbox.server import StandIn
from sandbox.world import World
from tests.epicor.little_epicor import make_draft
from tests.sandbox.epicor_client import Client

GROUP, DAY, STAMP = "R261102A", date(2026, 11, 2), "ExternalID"
RENT, TRAVEL, IDLE = "6000|01|000", "6000|01|100", "6100|01|000"
MODES = ("all", "named", "echo")


@pytest.fixture(scope="module")
def world() -> World:
    return World(1, 40)


@pytest.fixture
def epicor(world: World) -> Iterator[Client]:
    app = Epicor(world)
    server = StandIn.of("epicor", app).start()
    client = Client(server, app)
    client.group()
    yield client
    client.http.close()
    server.stop()


@dataclass
class Talk:
    """Conversations of one writer with the stand-in; counts what was called."""

    epicor: Client
    writer: str
    profile: EpicorProfile = field(default_factory=EpicorProfile)
    calls: Counter[str] = field(default_factory=Counter)

    def enter(self, draft: APInvoiceDraft, saved: SavedInvoice | None = None) -> SavedInvoice:
        self.calls.clear()
        talk = WRITERS[self.writer](draft, GROUP, saved, self.profile)
        try:
            step = next(talk)
            while True:
                step = talk.send(self.send(step))
        except StopIteration as end:
            return end.value

    def send(self, step: Step) -> MethodAnswer:
        self.calls[step.method] += 1
        response = self.epicor.http.post(
            self.epicor.url(f"{step.service}/{step.method}"),
            content=dump_json(step.parameters),
            headers={**self.epicor.headers, "Content-Type": "application/json"},
        )
        value = load_json(response.text)
        answer = Answer(response.status_code, {}, value, response.text, "", 0.0)
        errors.raise_for(answer, writing=step.writes)
        return method_answer(value)

    def found(self, draft: APInvoiceDraft) -> SavedInvoice:
        key = {"vendorNum": draft.vendor_num, "invoiceNum": draft.invoice_num}
        saved = SavedInvoice()
        answer = self.send(Step("GetByID", key, writes=False))
        saved.see(answer.ds, draft.vendor_num, draft.invoice_num)
        return saved

    def check(self, draft: APInvoiceDraft) -> None:
        """Exactly the draft is in the ledger, once."""
        found = self.found(draft)
        assert differences(draft, found, STAMP) == []
        assert len(found.expenses) == len(found.accounts) == len(draft.lines)
        said = [found.lines[number]["Description"] for number in sorted(found.lines)]
        assert said == [line.description for line in draft.lines]
        mine = [
            invoice
            for invoice in self.epicor.app.state()["invoices"]
            if invoice["header"]["ExternalID"] == draft.stamp
        ]
        assert len(mine) == 1


@pytest.fixture(params=[(writer, mode) for writer in WRITERS for mode in MODES], ids="-".join)
def talk(request: Any, epicor: Client) -> Talk:
    writer, mode = request.param
    epicor.app.set_update_master(mode)
    return Talk(epicor, writer)


def bill(epicor: Client, *lines: tuple[str, str], **changes: Any) -> APInvoiceDraft:
    vendor = epicor.any_vendor()
    plain: dict[str, Any] = {
        "vendor_num": vendor["VendorNum"],
        "vendor_id": vendor["VendorID"],
        "invoice_date": DAY,
        "apply_date": DAY,
        "due_date": date(2026, 12, 9),
        "terms_code": "N30",
        "lines": tuple(
            DraftLine(Decimal(amount), account, f"Line {place}", "expense")
            for place, (amount, account) in enumerate(lines, start=1)
        ),
    }
    return make_draft(**{**plain, **changes})


def three(epicor: Client, sign: str = "", **changes: Any) -> APInvoiceDraft:
    lines = [(f"{sign}100.10", RENT), (f"{sign}20.05", TRAVEL), (f"{sign}0.01", RENT)]
    return bill(epicor, *lines, **changes)


def edited(draft: APInvoiceDraft) -> APInvoiceDraft:
    """Another due date, an amount and an account changed, a line gone, two new ones."""
    first, second, *_ = draft.lines
    sign = -1 if draft.credit else 1
    lines = (
        replace(first, amount=first.amount + sign),
        replace(second, account=RENT, description="Changed"),
        DraftLine(sign * Decimal("7.77"), TRAVEL, "Line 3 anew", "expense"),
        DraftLine(sign * Decimal(8), TRAVEL, "More", "expense"),
    )
    total = sum((line.amount for line in lines), Decimal(0))
    return replace(draft, lines=lines, total=total, due_date=date(2026, 12, 24), pay_hold=False)


CREATED = {
    ("two_step", "all"): 2,
    ("two_step", "named"): 4,
    ("two_step", "echo"): 4,
    ("update_ext", "all"): 1,
    ("update_ext", "named"): 1,
    ("update_ext", "echo"): 1,
    ("by_the_book", "all"): 18,
    ("by_the_book", "named"): 18,
    ("by_the_book", "echo"): 18,
}


@pytest.mark.parametrize("sign", ["", "-"])
def test_a_bill_of_three_lines(talk: Talk, epicor: Client, sign: str) -> None:
    """And what each writer costs, once it knows how this Epicor saves."""
    learning = three(epicor, sign, invoice_num="LEARN", stamp="bill-0")
    talk.enter(learning)
    talk.check(learning)
    draft = three(epicor, sign)
    saved = talk.enter(draft)
    assert talk.calls.total() == CREATED[talk.writer, epicor.app.switches.update_master]
    if not saved.stale:
        assert differences(draft, saved, STAMP) == []
    talk.check(draft)


def test_thirty_lines_cost_no_more_except_by_the_book(talk: Talk, epicor: Client) -> None:
    lines = [(f"{number}.25", (RENT, TRAVEL)[number % 2]) for number in range(1, 31)]
    draft = bill(epicor, *lines)
    talk.enter(draft)
    if talk.writer != "by_the_book":
        assert talk.calls.total() <= 5
    talk.check(draft)


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("known", [True, False])
def test_an_edited_bill(talk: Talk, epicor: Client, sign: str, known: bool) -> None:
    draft = three(epicor, sign)
    talk.enter(draft)
    if known:
        mode = epicor.app.switches.update_master
        talk.profile.saves = "all" if mode == "all" else "named"
    after = edited(draft)
    talk.enter(after, talk.found(draft))
    assert talk.calls["UpdateMaster"] <= (1 if epicor.app.switches.update_master == "all" else 4)
    talk.check(after)
    fewer = replace(after, lines=after.lines[:1], total=after.lines[0].amount)
    talk.enter(fewer, talk.found(after))
    talk.check(fewer)


def test_an_entry_cut_off_anywhere_is_completed(talk: Talk, epicor: Client) -> None:
    for cut in range(1, 25):
        number, stamp = f"CUT-{cut}", f"bill-{cut}"
        draft = three(epicor, invoice_num=number, stamp=stamp)
        begun = WRITERS[talk.writer](draft, GROUP, None, talk.profile)
        try:
            step = next(begun)
            for _ in range(cut):
                step = begun.send(talk.send(step))
        except StopIteration:
            talk.check(draft)
            return
        there = epicor.by_id(draft.vendor_num, number).status_code == 200
        talk.enter(draft, talk.found(draft) if there else None)
        talk.check(draft)
    pytest.fail("The conversation has no end.")


def test_what_a_person_changed_meanwhile_is_refused(talk: Talk, epicor: Client) -> None:
    draft = three(epicor)
    talk.enter(draft)
    found = talk.found(draft)
    key = ("EPIC06", draft.vendor_num, draft.invoice_num)
    epicor.app.edit_invoice(*key, {"Description": "Theirs"})
    with pytest.raises(RejectedError, match="modified by another user"):
        talk.enter(replace(draft, due_date=date(2026, 12, 24)), found)
    assert talk.found(draft).header["Description"] == "Theirs"


def test_what_is_posted_stays(talk: Talk, epicor: Client) -> None:
    draft = three(epicor)
    talk.enter(draft)
    epicor.app.post_group("EPIC06", GROUP)
    found = talk.found(draft)
    assert talk.enter(draft, found) is found
    with pytest.raises(HeldError, match="is posted") as caught:
        talk.enter(edited(draft), found)
    assert caught.value.reason is Reason.CHANGED


def test_a_refused_account_leaves_what_can_be_completed_or_nothing(
    talk: Talk, epicor: Client
) -> None:
    draft = bill(epicor, ("5", RENT), ("6", "9999|99|999"))
    with pytest.raises(RejectedError, match="9999"):
        talk.enter(draft)
    answer = epicor.by_id(draft.vendor_num, draft.invoice_num)
    mended = replace(draft, lines=(draft.lines[0], replace(draft.lines[1], account=TRAVEL)))
    talk.enter(mended, talk.found(draft) if answer.status_code == 200 else None)
    talk.check(mended)
    if talk.writer == "update_ext":
        assert answer.status_code == 404


def test_update_ext_reports_a_number_typed_meanwhile(
    epicor: Client,
) -> None:
    draft = three(epicor)
    epicor.app.type_invoice("EPIC06", draft.vendor_num, draft.invoice_num, 9)
    with pytest.raises(HeldError, match="entered by jsmith") as caught:
        Talk(epicor, "update_ext").enter(draft)
    assert caught.value.reason is Reason.DUPLICATE_SUSPECTED
    with pytest.raises(RejectedError, match="already has this record"):
        Talk(epicor, "two_step").enter(draft)
