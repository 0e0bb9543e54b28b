"""The conversation that enters one invoice, as steps; sends nothing itself. Pure.

A writer is a generator: it yields the next step, is sent the answer, and returns what is saved.
It converges: each step is what is still missing, so the same code serves a first entry, a
resumed one, and systems whose UpdateMaster saves only the table it is told.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, Protocol

from audit.failures import AskedError, UncertainOutcomeError
from connector.domain.draft import APInvoiceDraft
from connector.epicor.dataset import (
    ACCOUNT,
    EXPENSE,
    HEADER,
    LINE,
    Row,
    SavedInvoice,
    header_row,
    line_rows,
)

SERVICE = "Erp.BO.APInvoiceSvc"


class Reply(Protocol):
    """The answer to a step: the dataset and the out parameters."""

    @property
    def ds(self) -> dict[str, Any]: ...
    @property
    def parameters(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Step:
    """One method call. `writes` says whether it may save something."""

    method: str
    parameters: dict[str, Any]
    writes: bool
    service: str = SERVICE


@dataclass(slots=True)
class Habits:
    """What this Epicor taught us; `saves` is "", "all" or "named" (only the named table)."""

    saves: str = ""
    invoice_skeleton: str = "GetNewAPInvHedInvoice"
    credit_skeleton: str = "GetNewAPInvHedDebitMemo"
    stamp_column: str = "ExternalID"
    learned: dict[str, str] = field(default_factory=dict)


Conversation = Generator[Step, Reply, SavedInvoice]


def two_step(
    draft: APInvoiceDraft, group_id: str, saved: SavedInvoice | None, habits: Habits
) -> Conversation:
    """GetNew…, then UpdateMaster for whatever is missing until the invoice is whole.

    Two calls where UpdateMaster saves every table, four where it saves only the named one (and
    one look more on the first invoice), for any number of lines. Raises AskedError when Epicor
    asks a question, UncertainOutcomeError when a header reported as saved cannot be seen; other
    missing rows are left to the verification.
    """
    if saved is None or saved.header is None:
        saved = yield from _create(draft, group_id, habits)
    group = saved.group_id or group_id
    if missing := [n for n in range(1, len(draft.lines) + 1) if n not in saved.lines]:
        yield from _add_lines(draft, group, saved, missing)
    if wrong := _wrong_accounts(draft, saved):
        ds = {HEADER: [_touched(saved.header)], ACCOUNT: wrong}
        yield from _save(draft, group, ACCOUNT, ds, saved)
    return saved


def _create(draft: APInvoiceDraft, group_id: str, habits: Habits) -> Conversation:
    method = habits.credit_skeleton if draft.credit else habits.invoice_skeleton
    answer = yield Step(method, {"ds": {}, "cGroupID": group_id}, writes=False)
    skeletons = [row for row in answer.ds.get(HEADER) or () if row.get("RowMod") == "A"]
    if not skeletons:
        raise AskedError(
            f"Epicor's {method} gave no new header row, so nothing was entered. "
            "Check that the group is open in Epicor, then replay."
        )
    ds: dict[str, list[Row]] = {HEADER: [header_row(skeletons[-1], draft, habits.stamp_column)]}
    if habits.saves != "named":
        for number in range(1, len(draft.lines) + 1):
            for table, row in line_rows(draft, number, group_id).items():
                ds.setdefault(table, []).append(row)
    saved = SavedInvoice()
    yield from _save(draft, group_id, HEADER, ds, saved)
    if habits.saves != "named" and len(saved.lines) < len(draft.lines):
        # Saved but not returned, or not saved? Only a look tells, and only it prevents a repeat.
        yield from _look(draft, saved)
    if not habits.saves:
        habits.saves = habits.learned["saves"] = "all" if saved.lines else "named"
    return saved


def _add_lines(
    draft: APInvoiceDraft, group_id: str, saved: SavedInvoice, missing: list[int]
) -> Generator[Step, Reply, None]:
    """Lines with explicit numbers beside the header's own revision: a late twin is refused."""
    rows = [line_rows(draft, number, group_id)[LINE] for number in missing]
    ds = {HEADER: [_touched(saved.header)], LINE: rows}
    yield from _save(draft, group_id, LINE, ds, saved)
    if any((number, 1) not in saved.accounts for number in missing):
        yield from _look(draft, saved)


def _save(
    draft: APInvoiceDraft, group_id: str, table: str, ds: dict[str, list[Row]], saved: SavedInvoice
) -> Generator[Step, Reply, None]:
    answer = yield Step(
        "UpdateMaster",
        {
            "ds": ds,
            "cGroupID": group_id,
            "cTableName": table,
            "runChkCPay": False,
            "runChkBankRef": False,
            "runChkRevChrg": False,
            "suppressUserPrompts": True,
        },
        writes=True,
    )
    _check_saved(answer.parameters)
    saved.take(answer.ds, draft.vendor_num, draft.invoice_num)
    if saved.header is None:
        yield from _look(draft, saved)


def _look(draft: APInvoiceDraft, saved: SavedInvoice) -> Generator[Step, Reply, None]:
    answer = yield Step(
        "GetByID",
        {"vendorNum": draft.vendor_num, "invoiceNum": draft.invoice_num},
        writes=False,
    )
    saved.take(answer.ds, draft.vendor_num, draft.invoice_num)
    if saved.header is None:
        raise UncertainOutcomeError(
            "Epicor said that it saved the invoice, but it cannot be seen there. It is looked up "
            "again before anything is sent; do not type it by hand meanwhile."
        )


def _check_saved(parameters: dict[str, Any]) -> None:
    question = " ".join(
        str(parameters[name]).strip()
        for name in ("opMessage", "opMsgChkBankRef", "opChkRevMsg", "opDUAMsg")
        if parameters.get(name)
    )
    if parameters.get("requiresUserInput") or not parameters.get("lUpdateRan") or question:
        raise AskedError(
            f"Epicor asked: {question or 'it wants an answer that it does not name'}. It was not "
            "answered. Settle it in Epicor, then replay; the invoice is looked up first."
        )


def _wrong_accounts(draft: APInvoiceDraft, saved: SavedInvoice) -> list[Row]:
    rows = []
    for number, line in enumerate(draft.lines, start=1):
        row = saved.accounts.get((number, 1))
        if row is not None and row.get("GLAccount") != line.account:
            segments = {
                f"SegValue{place}": value
                for place, value in enumerate(line.account.split("|"), start=1)
            }
            rows.append({**row, **segments, "GLAccount": line.account, "RowMod": "U"})
    return rows


def _touched(row: Row | None) -> Row:
    return {**(row or {}), "RowMod": "U"}


__all__ = ["ACCOUNT", "EXPENSE", "Conversation", "Habits", "Reply", "Step", "two_step"]
