"""The writers: the conversations that enter an AP invoice, or make one what the bill says. Pure.

They differ only in how a new invoice is made. What is there already is completed or changed by
the same loop (`converge`), so a first entry, a resumed one and an edited bill end alike.
"""

from collections.abc import Generator, Mapping
from types import MappingProxyType

from connector.epicor.ap_invoice.by_the_book import by_the_book
from connector.epicor.ap_invoice.converge import converge
from connector.epicor.ap_invoice.conversation import (
    Conversation,
    Entry,
    EpicorProfile,
    Reply,
    Rows,
    Step,
    Writer,
    save,
    skeleton,
)
from connector.epicor.ap_invoice.draft import APInvoiceDraft
from connector.epicor.ap_invoice.rehearsal import requests
from connector.epicor.ap_invoice.rows import HEADER, SavedInvoice, header_row, line_rows
from connector.epicor.ap_invoice.update_ext import update_ext


def two_step(
    draft: APInvoiceDraft, group_id: str, saved: SavedInvoice | None, profile: EpicorProfile
) -> Conversation:
    """GetNew…, then UpdateMaster for whatever is missing until the invoice is whole.

    Two calls where UpdateMaster saves every table, four where it saves only the named one (and
    one look more on the first invoice), for any number of lines. Raises QuestionError when Epicor
    asks a question, HeldError for what must not be touched, UncertainOutcomeError when an
    invoice reported as saved cannot be seen; other differences are left to the verification.
    """
    entry = Entry.of(draft, group_id, saved, profile)
    created = entry.saved.header is None
    if created:
        yield from _create(entry)
    return (yield from converge(entry, created=created))


def _create(entry: Entry) -> Generator[Step, Reply, None]:
    draft, profile = entry.draft, entry.profile
    _, row = yield from skeleton(entry)
    rows: Rows = {HEADER: [header_row(row, draft, profile.stamp_column)]}
    if not entry.named:
        for number in range(1, len(draft.lines) + 1):
            for table, line in line_rows(draft, number, entry.group_id).items():
                rows.setdefault(table, []).append(line)
    yield from save(entry, HEADER, rows, rows)
    entry.named = not entry.saved.lines
    if not profile.saves:
        profile.saves = "named" if entry.named else "all"


WRITERS: Mapping[str, Writer] = MappingProxyType(
    {"two_step": two_step, "update_ext": update_ext, "by_the_book": by_the_book}
)

__all__ = ["WRITERS", "requests", "two_step"]
