"""Mapping files that people upload: first what each row would do, then all of it or nothing.

The file is not kept: its rows are in the errand that looks at them, and the errand that imports
them names that one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import transaction

from audit.ledger.models import Posting
from connector.actions.requests import ask, ask_replay
from connector.jobs.models import Errand
from connector.tenants.models import Tenant
from mappings.changes import stored
from mappings.files import MappingFileError, MappingRow
from mappings.impact import open_holds
from mappings.import_export import Effect, import_mappings
from mappings.kinds import label_of
from mappings.known_ids import folded
from mappings.preview import preview

if TYPE_CHECKING:
    from connector.actions.runner import Report

PREVIEW, IMPORT = "import_preview", "import_mappings"
AT_ONCE = 1000  # so many rows are looked at while the person waits for the page
MOST_ROWS, MOST_BYTES = 20_000, 5_000_000
_TAKEN = "imported"


def ask_preview(
    tenant: Tenant, kind: str, file: str, rows: Sequence[MappingRow], *, actor: str
) -> Errand:
    """Have it looked at what these rows would do."""
    cells = [[row.number, *row.cells(), row.flaw] for row in folded(tenant.pk, kind, rows)]
    arguments = {"kind": kind, "file": file[:200], "rows": cells}
    title = f"Check {len(rows):,} rows of {file[:150]} for {label_of(kind)}"
    return ask(tenant, PREVIEW, title, actor=actor, arguments=arguments, total=len(rows))


def look(errand: Errand, report: "Report") -> str:
    """Work of the errand: what each row would do. Changes nothing."""
    rows = rows_of(errand)
    found = preview(errand.tenant_id, errand.arguments["kind"], rows)
    report.at(len(rows), len(rows))
    report.keep(
        {
            "effects": [list(asdict(effect).values()) for effect in found.effects],
            "errors": {str(number): message for number, message in found.errors.items()},
            "counts": dict(found.counts),
            "bills": found.freed.bills,
            "sums": {currency: str(amount) for currency, amount in found.freed.money.sums.items()},
            "unreadable": found.freed.money.unreadable,
            "partly": found.freed.partly,
            "unusable": found.unusable,
            "misnamed": found.misnamed,
            "unknown": list(found.unknown),
            "used": found.used.bills,
            "used_sums": {currency: str(amount) for currency, amount in found.used.sums.items()},
        }
    )
    return f"{len(rows):,} rows were checked. Nothing was changed yet."


def ask_import(looked: Errand, *, actor: str, with_replay: bool) -> Errand:
    """Have the rows of a preview imported, once; asking again gives the same errand.

    Raises MappingFileError when the preview is not over or has wrong rows.
    """
    if looked.finished_at is None or looked.failed or looked.result.get("errors"):
        raise MappingFileError("These rows cannot be imported as they are; nothing was changed.")
    rows = len(looked.arguments["rows"])
    with transaction.atomic():
        free = Errand.objects.filter(pk=looked.pk, subject="")
        if not free.update(subject=_TAKEN):
            return imported_by(looked)
        return ask(
            looked.tenant,
            IMPORT,
            f"Import {rows:,} rows of {looked.arguments['file'][:150]}",
            actor=actor,
            arguments={"preview": looked.pk, "replay": with_replay},
            subject=f"preview {looked.pk}",
            total=rows,
        )


def is_past(looked: Errand) -> bool:
    """Whether the rows of a preview were imported, and are not kept any more."""
    return looked.subject == _TAKEN and not looked.arguments["rows"]


def imported_by(looked: Errand) -> Errand:
    """The errand that imports, or has imported, the rows of a preview. Raises MappingFileError."""
    subject = f"preview {looked.pk}"
    found = Errand.objects.filter(tenant=looked.tenant, kind=IMPORT, subject=subject).first()
    if found is None:
        raise MappingFileError("This file is not kept any more; choose it once again.")
    return found


def bring_in(errand: Errand, report: "Report") -> str:
    """Work of the errand: import all rows if each still does what the person was told."""
    looked = Errand.objects.get(tenant=errand.tenant, pk=errand.arguments["preview"])
    kind, rows = looked.arguments["kind"], rows_of(looked)
    seen = [Effect(*effect) for effect in looked.result["effects"]]
    keys = {
        (row.company, row.ramp_id)
        for row, effect in zip(rows, seen, strict=True)
        if effect.what != "same"
    }
    holds, others = open_holds(errand.tenant_id), stored(errand.tenant_id, kind, rows).keys()
    result = import_mappings(errand.tenant_id, kind, rows, actor=errand.actor, seen=seen)
    if result.errors:
        number, message = result.errors[0]
        raise MappingFileError(
            f"Row {number}: {message} It was right when you looked; nothing of this file was "
            "imported. Look at what it does now."
        )
    report.at(len(rows), len(rows))
    _forget_rows(looked)
    if result.proposed:
        return f"Waiting for somebody to approve: {_many(result.proposed, 'change')}."
    said = f"{result.created:,} new, {result.updated:,} changed, {result.unchanged:,} as they were."
    freed = holds.freed_by(kind, keys, others)
    if not freed.postings or not errand.arguments.get("replay"):
        return said
    again = _replay(errand, freed.postings)
    report.keep({"replay": again.pk})
    return f"{said} {_bills(freed.bills)} tried again."


def _forget_rows(looked: Errand) -> None:
    """What was imported is in the mappings and on the record; the rows are not needed any more."""
    arguments = {**looked.arguments, "rows": []}
    result = {**looked.result, "effects": [], "errors": {}}
    Errand.objects.filter(pk=looked.pk).update(arguments=arguments, result=result)


def _replay(errand: Errand, ids: Sequence[int]) -> Errand:
    chosen = list(Posting.objects.filter(tenant=errand.tenant, pk__in=ids).order_by("pk"))
    title = f"Replay of the bills that the imported mappings free ({len(chosen):,})"
    return ask_replay(errand.tenant, chosen, title, actor=errand.actor)


def _many(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _bills(number: int) -> str:
    return f"{_many(number, 'bill')} {'is' if number == 1 else 'are'}"


def rows_of(looked: Errand) -> list[MappingRow]:
    """The rows that a preview is about."""
    return [MappingRow(*cells) for cells in looked.arguments["rows"]]


@dataclass(frozen=True, slots=True)
class SeenRow:
    """One row as the page shows it."""

    row: MappingRow
    what: str
    old: str
    error: str
    unknown: bool = False  # no bill, mapping or upload of ours knows its Ramp id


def seen_rows(looked: Errand, what: str = "") -> list[SeenRow]:
    """The rows of a preview that is over, with what each does; `what` picks one effect."""
    errors: Mapping[str, str] = looked.result.get("errors", {})
    pairs = zip(rows_of(looked), looked.result.get("effects", []), strict=True)
    unknown = set(looked.result.get("unknown", ()))
    return [
        SeenRow(row, effect, old, errors.get(str(row.number), ""), row.number in unknown)
        for row, (effect, old) in pairs
        if what in ("", effect)
    ]


def sums_of(looked: Errand, name: str) -> dict[str, Decimal]:
    """Money of a preview, per currency: of the bills that it frees (`sums`), or `used_sums`."""
    sums: dict[str, Any] = looked.result.get(name, {})
    return {currency: Decimal(amount) for currency, amount in sums.items()}
