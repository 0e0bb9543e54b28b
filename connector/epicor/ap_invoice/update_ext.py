"""The writer `update_ext`: a new invoice in one call, all or nothing where Epicor keeps it. Pure.

UpdateExt adds or changes rows by their key, so Epicor cannot refuse a number that a person typed
a moment ago: it lays our values over that invoice. The answer shows it, and a person must look.
"""

import re
from collections.abc import Generator
from typing import Any

from connector.domain.errors import DuplicateInvoiceError, HeldError, Reason, RejectedError
from connector.epicor.ap_invoice.converge import converge
from connector.epicor.ap_invoice.conversation import (
    Conversation,
    Entry,
    EpicorProfile,
    Reply,
    Rows,
    Step,
    look,
    refuse_questions,
)
from connector.epicor.ap_invoice.draft import APInvoiceDraft
from connector.epicor.ap_invoice.rows import HEADER, SavedInvoice, header_row, line_rows
from connector.epicor.contract import quote

_DUPLICATE = re.compile(r"(?i)duplicate entry|duplicaterecord")


def update_ext(
    draft: APInvoiceDraft, group_id: str, saved: SavedInvoice | None, profile: EpicorProfile
) -> Conversation:
    """One UpdateExt with every row; a look only when its answer does not prove everything.

    Raises RejectedError when rows were refused and a look showed that nothing was saved,
    HeldError when the number turned out to be somebody else's, QuestionError,
    UncertainOutcomeError. What is saved in part is completed.
    """
    entry = Entry.of(draft, group_id, saved, profile)
    created = entry.saved.header is None
    if created:
        yield from _create(entry)
    return (yield from converge(entry, created=created))


def _create(entry: Entry) -> Generator[Step, Reply, None]:
    draft, rows = entry.draft, _rows(entry)
    answer = yield Step(
        "UpdateExt",
        {"ds": rows, "continueProcessingOnError": False, "rollbackParentOnChildError": True},
        writes=True,
    )
    refuse_questions(entry, "UpdateExt", answer.parameters)
    errors = _errors(answer)
    if errors:
        yield from _look_after(entry, errors)
        return
    entry.saved.take(answer.ds, draft.vendor_num, draft.invoice_num)
    seen = all(entry.saved.shows(table, row) for table in rows for row in rows[table])
    if not seen or _typed_by(entry.saved):
        yield from look(entry)
        _check_ours(entry)


def _rows(entry: Entry) -> Rows:
    draft = entry.draft
    given = {"GroupID": entry.group_id, "DebitMemo": draft.credit}
    rows: Rows = {HEADER: [header_row(given, draft, entry.profile.stamp_column)]}
    for number in range(1, len(draft.lines) + 1):
        for table, row in line_rows(draft, number, entry.group_id).items():
            rows.setdefault(table, []).append(row)
    for table in rows:
        for row in rows[table]:
            del row["RowMod"]  # UpdateExt finds out by the key whether a row is new
    return rows


def _errors(answer: Reply) -> list[str]:
    """What Epicor said of single rows, each with its table."""
    returned = answer.return_obj if isinstance(answer.return_obj, dict) else {}
    texts = [_text(row) for row in returned.get("BOUpdError") or () if isinstance(row, dict)]
    if not texts and answer.parameters.get("errorsOccurred"):
        return ["it does not say why"]
    return texts


def _text(row: dict[str, Any]) -> str:
    text = " ".join(str(row.get("ErrorText") or row.get("ErrorType") or "no text").split())
    return f"{text.rstrip('.')} ({row.get('TableName') or 'unknown table'})"


def _look_after(entry: Entry, errors: list[str]) -> Generator[Step, Reply, None]:
    """Rows were refused: is the invoice there nevertheless, and is it ours?"""
    draft = entry.draft
    where = f"VendorNum = {draft.vendor_num} and InvoiceNum = {quote(draft.invoice_num.strip())}"
    # GetList, because GetByID has no answer for what is not there.
    asked = {"whereClause": where, "pageSize": 1, "absolutePage": 1}
    answer = yield Step("GetList", asked, writes=False)
    text = "; ".join(dict.fromkeys(errors))
    if not any(answer.ds.values()):
        kind = DuplicateInvoiceError if _DUPLICATE.search(text) else RejectedError
        raise kind(
            f"Epicor refused to enter the invoice: {text}. Nothing was saved.",
            detail={"system": "Epicor", "method": "UpdateExt", "said": text, "errors": errors},
        )
    yield from look(entry)
    _check_ours(entry)


def _check_ours(entry: Entry) -> None:
    header, draft = entry.saved.header or {}, entry.draft
    stamp = str(header.get(entry.profile.stamp_column) or "").strip()
    person = _typed_by(entry.saved)
    if stamp == draft.stamp and not person:
        return
    raise HeldError(
        f"While the bill was sent, Epicor already had invoice {draft.invoice_num} of vendor "
        f"{draft.vendor_id}, entered by {person or header.get('EntryPerson') or 'somebody else'}; "
        "values of the bill may have been laid over it. Compare its header and every line with "
        "the paper and correct it in Epicor; then say that it is ours, or give the bill another "
        "number, here or in Ramp.",
        reason=Reason.DUPLICATE_SUSPECTED,
        detail={"why": "laid_over", "number": draft.invoice_num, "person": person},
    )


def _typed_by(saved: SavedInvoice) -> str:
    """Who entered the invoice when somebody else saved it last; "" when it is one and the same."""
    header = saved.header or {}
    person, last = (str(header.get(name) or "").strip() for name in ("EntryPerson", "ChangedBy"))
    return person if person and last and person.casefold() != last.casefold() else ""
