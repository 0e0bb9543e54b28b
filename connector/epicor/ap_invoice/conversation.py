"""What all writers share: steps and replies, saving by UpdateMaster, looking, questions. Pure.

A conversation is a generator: it yields the next step, is sent the answer, and returns what is
saved. It sends nothing itself. A look that finds no record may be thrown in as a RejectedError.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from connector.domain.errors import QuestionError, RejectedError, UncertainOutcomeError
from connector.epicor.ap_invoice.draft import APInvoiceDraft
from connector.epicor.ap_invoice.questions import About, Accepted, OpenQuestions, Question, texts_of
from connector.epicor.ap_invoice.rows import HEADER, Row, SavedInvoice
from connector.epicor.contract import AP_INVOICE

Rows = dict[str, list[Row]]


class Reply(Protocol):
    """The answer to a step: the dataset, the out parameters, the return value."""

    @property
    def ds(self) -> dict[str, Any]: ...
    @property
    def parameters(self) -> dict[str, Any]: ...
    @property
    def return_obj(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Step:
    """One method call. `writes` says whether it may save something."""

    method: str
    parameters: dict[str, Any]
    writes: bool
    service: str = AP_INVOICE


@dataclass(slots=True)
class EpicorProfile:
    """What is known of this Epicor; `saves` is "", "all" or "named" (only the named table).

    `accepted` is what people said to go on in spite of.
    """

    saves: str = ""
    invoice_skeleton: str = "GetNewAPInvHedInvoice"
    credit_skeleton: str = "GetNewAPInvHedDebitMemo"
    stamp_column: str = "ExternalID"
    accepted: Accepted = field(default_factory=Accepted)


Conversation = Generator[Step, Reply, SavedInvoice]
Writer = Callable[[APInvoiceDraft, str, SavedInvoice | None, EpicorProfile], Conversation]


@dataclass(slots=True)
class Entry:
    """One invoice on its way: what it shall be and what of it is saved.

    `named` is whether UpdateMaster is known to save only the table that the call names.
    """

    draft: APInvoiceDraft
    own_group: str
    profile: EpicorProfile
    saved: SavedInvoice
    named: bool

    @classmethod
    def of(
        cls,
        draft: APInvoiceDraft,
        group_id: str,
        saved: SavedInvoice | None,
        profile: EpicorProfile,
    ) -> "Entry":
        """An entry that begins, or goes on with what was found."""
        return cls(draft, group_id, profile, saved or SavedInvoice(), profile.saves == "named")

    @property
    def group_id(self) -> str:
        """The group the invoice lies in, else the one it shall go to."""
        return self.saved.group_id or self.own_group

    @property
    def key(self) -> Row:
        """The key as the methods that read take it."""
        return {"vendorNum": self.draft.vendor_num, "invoiceNum": self.draft.invoice_num}

    @property
    def about(self) -> About:
        """What a question about it may name."""
        return About(self.draft.stamp, self.draft.invoice_num, self.draft.vendor_id)


def skeleton(entry: Entry) -> Generator[Step, Reply, tuple[Rows, Row]]:
    """The dataset with a new header row, and that row; nothing is saved. Raises QuestionError."""
    profile = entry.profile
    method = profile.credit_skeleton if entry.draft.credit else profile.invoice_skeleton
    step = Step(method, {"ds": {}, "cGroupID": entry.group_id}, writes=False)
    return new_row(entry, method, (yield step), HEADER)


def new_row(entry: Entry, method: str, answer: Reply, table: str) -> tuple[Rows, Row]:
    """The dataset that a GetNew… gave and its new row. Raises QuestionError when there is none."""
    refuse_questions(entry, method, answer.parameters)
    rows = [row for row in answer.ds.get(table) or () if row.get("RowMod") == "A"]
    if rows:
        return answer.ds, rows[-1]
    done = "nothing was entered" if table == HEADER else "the invoice is not whole"
    raise QuestionError(
        f"Epicor's {method} gave no new row of {table}, so {done}. "
        "Check that the group is open in Epicor, then replay.",
        detail=OpenQuestions(method, (), answerable=False).as_detail(),
    )


def save(
    entry: Entry, table: str, rows: Mapping[str, Sequence[Row]], ds: Mapping[str, Any]
) -> Generator[Step, Reply, Rows]:
    """UpdateMaster with `ds`, and a look unless the answer shows every one of `rows` saved.

    Returns the saved rows that Epicor gave last. Raises QuestionError, UncertainOutcomeError.
    """
    answer = yield Step(
        "UpdateMaster",
        {
            "ds": ds,
            "cGroupID": entry.group_id,
            "cTableName": table,
            "runChkCPay": False,
            "runChkBankRef": False,
            "runChkRevChrg": False,
            "suppressUserPrompts": True,
        },
        writes=True,
    )
    refuse_questions(entry, "UpdateMaster", answer.parameters, ran=False)
    entry.saved.take(answer.ds, entry.draft.vendor_num, entry.draft.invoice_num)
    # A deleted row is never shown, so that a deletion is always looked at.
    if all(entry.saved.shows(name, row) for name in rows for row in rows[name]):
        return settled(answer.ds)
    # Saved but not returned, or not saved? Only a look tells, and only it prevents a repeat.
    return (yield from look(entry))


def look(entry: Entry) -> Generator[Step, Reply, Rows]:
    """Read the whole invoice. Raises UncertainOutcomeError when it cannot be seen."""
    ds: Rows = {}
    with suppress(RejectedError):  # no such record: said below
        ds = (yield Step("GetByID", entry.key, writes=False)).ds
    entry.saved.see(ds, entry.draft.vendor_num, entry.draft.invoice_num)
    if entry.saved.header is None:
        raise UncertainOutcomeError(
            "Epicor said that it saved the invoice, but it cannot be seen there. It is looked up "
            "again before anything is sent; do not type it by hand meanwhile."
        )
    return settled(ds)


def settled(ds: Mapping[str, Any]) -> Rows:
    """The rows of a dataset that are not waiting to be saved."""
    return {
        table: [row for row in rows or () if not row.get("RowMod")] for table, rows in ds.items()
    }


def refuse_questions(
    entry: Entry, method: str, parameters: Mapping[str, Any], *, ran: bool = True
) -> None:
    """Raise QuestionError when Epicor wants an answer, unless a person gave it.

    `ran`: what it means that the answer has no `lUpdateRan`. Where Epicor waits for user input or
    saved nothing, only its own screen can answer: what a person accepted makes no success of it.
    """
    questions = tuple(Question.of(text, entry.about) for text in texts_of(parameters))
    waits = bool(parameters.get("requiresUserInput")) or not parameters.get("lUpdateRan", ran)
    known = entry.profile.accepted.covers(method, questions, entry.about.bill_id)
    if known and not waits:
        return
    sentence = " ".join(f"“{one.text}”" for one in questions)
    stop = "" if questions and questions[-1].text.endswith((".", "!", "?")) else "."
    raise QuestionError(
        f"Epicor asked in {method}: {sentence or 'it wants an answer that it does not name'}{stop} "
        f"{_ONLY_THERE if waits else _ANSWER} The invoice is looked up first.",
        detail=OpenQuestions(method, questions, answerable=not waits).as_detail(),
    )


_ANSWER = "It was not answered. Accept it for the bill, or settle it in Epicor and replay."
_ONLY_THERE = (
    "It saved nothing and waits for an answer that only its own screen can give, so this can only "
    "be settled in Epicor: have the directive that asks skip the integration user, set up the "
    "legal number or document type that it wants, or whatever it names; then replay."
)
