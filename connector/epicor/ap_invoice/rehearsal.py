"""Plays a writer's conversation without Epicor, to show what it would send. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from connector.epicor.ap_invoice.conversation import EpicorProfile, Rows, Step, Writer
from connector.epicor.ap_invoice.draft import APInvoiceDraft
from connector.epicor.ap_invoice.rows import ACCOUNT, EXPENSE, HEADER, LINE, TABLES, Row, place_of


def requests(
    writer: Writer, draft: APInvoiceDraft, group_id: str, profile: EpicorProfile
) -> list[Step]:
    """The saving calls for a new invoice, in order, as if Epicor agreed to everything.

    Without the defaults of Epicor's new rows; revisions (SysRevID) in later calls are made up.
    Changes nothing, `profile` neither.
    """
    epicor = _Agreeing(named=profile.saves == "named")
    talk = writer(draft, group_id, None, replace(profile))
    steps: list[Step] = []
    try:
        step = next(talk)
        while True:
            if step.writes:
                steps.append(step)
            step = talk.send(epicor.reply(step))
    except StopIteration:
        return steps


@dataclass(frozen=True, slots=True)
class _Reply:
    ds: Rows
    parameters: Row = field(default_factory=lambda: {"lUpdateRan": True})
    return_obj: Any = None


class _Agreeing:
    """An Epicor that keeps what it is sent and asks nothing."""

    def __init__(self, *, named: bool) -> None:
        self.named = named
        self.revision = 0
        self.rows: Rows = {table: [] for table in TABLES}

    def reply(self, step: Step) -> _Reply:
        sent: Rows = step.parameters.get("ds") or {}
        if step.method.startswith("GetNew"):
            table = LINE if "Dtl" in step.method else HEADER
            return _Reply({**sent, table: [*sent.get(table, ()), {"RowMod": "A"}]})
        if step.writes:
            named = step.parameters.get("cTableName")
            self._save(sent, [named] if self.named and named else TABLES)
        return _Reply(sent if not step.writes and sent else self.rows)

    def _save(self, sent: Rows, tables: Sequence[str]) -> None:
        for table in tables:
            for row in sent.get(table, ()):
                self._put(table, row)
        for line in list(self.rows[LINE]):
            key = {name: line[name] for name in ("VendorNum", "InvoiceNum", "InvoiceLine")}
            for table in (EXPENSE, ACCOUNT):
                if not any(row["InvoiceLine"] == line["InvoiceLine"] for row in self.rows[table]):
                    self._put(table, {**key, "InvExpSeq": 1})

    def _put(self, table: str, row: Row) -> None:
        place = place_of(table, row)
        kept = [old for old in self.rows[table] if place_of(table, old) != place]
        self.revision += 1
        self.rows[table] = [*kept, {**row, "RowMod": "", "SysRevID": self.revision}]
